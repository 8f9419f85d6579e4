//! Which images are meant, by one request or by the scope of the settings: a pure choice from what is listed.
use crate::settings::{Scope, Tag, like};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::repositories::Target;

/// What one request asks for.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// Only registries of these kinds; none: of any.
    pub kinds: Vec<String>,
    /// Only what is in one of these places; none: anywhere.
    pub places: Vec<Place>,
    /// Only images with a tag of one of these forms; none: any image.
    pub tags: Vec<String>,
    /// Only these images, or all of these indexes, whatever tags they have; none: any.
    pub digests: Vec<String>,
    /// Whether images are pulled and looked at anew that are known already.
    pub again: bool,
}

/// Some repositories.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// In this registry; none: in any.
    #[serde(default)]
    pub registry: Option<i64>,
    /// Whose name is this: `*` stands for any characters, also for slashes, `?` for one.
    #[serde(default = "everything")]
    pub repository: String,
}

fn everything() -> String {
    "*".to_owned()
}

/// What a task asks for, as its document says it: enough to go on if whoever fills it dies.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// What somebody chose.
    Selection(Selection),
    /// What is protected.
    Scope(Scope),
    /// What changed: its items are there from the start.
    Changed {
        /// Where.
        repository: String,
        /// The tags that point elsewhere now.
        tags: Vec<String>,
    },
}

/// A repository, as far as it matters for the choice.
#[derive(Clone, Debug)]
pub(super) struct Repository<'a> {
    pub(super) id: i64,
    pub(super) registry: i64,
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
}

impl Wanted {
    /// Whether images of this repository may be meant.
    pub(super) fn has(&self, it: &Repository<'_>) -> bool {
        match self {
            Wanted::Selection(selection) => selection.has(it),
            Wanted::Scope(scope) => scope.has(it.registry, it.id, it.name),
            Wanted::Changed { .. } => false,
        }
    }

    /// The images that are meant, whatever tags they have.
    pub(super) fn digests(&self) -> Option<&[String]> {
        match self {
            Wanted::Selection(it) if !it.digests.is_empty() => Some(&it.digests),
            _ => None,
        }
    }

    /// Whether all images of a repository that may be meant are.
    pub(super) fn takes_all(&self) -> bool {
        match self {
            Wanted::Selection(it) => it.tags.is_empty(),
            Wanted::Scope(it) => it.tags == "*" && it.newest.is_none() && it.days.is_none(),
            Wanted::Changed { .. } => false,
        }
    }

    /// The tags of a repository whose images are meant; the empty one stands for images without a tag.
    pub(super) fn tags(&self, tags: Vec<Tag>, now: i64) -> BTreeSet<String> {
        match self {
            Wanted::Selection(selection) => {
                let names = tags.into_iter().map(|it| it.name);
                names.filter(|it| selection.has_tag(it)).collect()
            }
            Wanted::Scope(scope) => scope.tags(tags, now).into_iter().map(|it| it.name).collect(),
            Wanted::Changed { .. } => BTreeSet::new(),
        }
    }

    /// Whether an image is meant, of a repository some of whose tags are, and by which tag.
    pub(super) fn takes(&self, image: &Target, tags: &BTreeSet<String>) -> Option<String> {
        if self.takes_all() {
            return Some(image.tags.first().cloned().unwrap_or_default());
        }
        if image.tags.is_empty() {
            return tags.contains("").then(String::new);
        }
        image.tags.iter().find(|it| tags.contains(*it)).cloned()
    }
}

impl Selection {
    fn has(&self, it: &Repository<'_>) -> bool {
        let is_there = |place: &Place| {
            place.registry.is_none_or(|id| id == it.registry) && like(&place.repository, it.name)
        };
        (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == it.kind))
            && (self.places.is_empty() || self.places.iter().any(is_there))
    }

    fn has_tag(&self, tag: &str) -> bool {
        self.tags.is_empty() || self.tags.iter().any(|it| like(it, tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_kinds_and_places() {
        let check = |kinds: &[&str], places: &[(Option<i64>, &str)], expected: &str| {
            let place =
                |it: &(Option<i64>, &str)| Place { registry: it.0, repository: it.1.to_owned() };
            let selection = Selection {
                kinds: kinds.iter().map(|it| (*it).to_owned()).collect(),
                places: places.iter().map(place).collect(),
                ..Selection::default()
            };
            let all = [(1, "harbor", "a/x"), (1, "harbor", "b"), (2, "acr", "a/x")];
            let found = all.iter().filter(|(registry, kind, name)| {
                selection.has(&Repository { id: 1, registry: *registry, kind, name })
            });
            let names: Vec<String> = found.map(|it| format!("{}:{}", it.0, it.2)).collect();
            assert_eq!(names.join(" "), expected);
        };
        check(&[], &[], "1:a/x 1:b 2:a/x");
        check(&["acr"], &[], "2:a/x");
        check(&["acr", "harbor"], &[(None, "a/*")], "1:a/x 2:a/x");
        check(&[], &[(Some(1), "*")], "1:a/x 1:b");
        check(&[], &[(Some(2), "b"), (None, "b")], "1:b");
        check(&["oci"], &[], "");
    }

    fn image(text: &str) -> Target {
        let (id, tags) = text.split_once(':').unwrap();
        Target {
            image: id.parse().unwrap(),
            digest: format!("sha256:{id}"),
            tags: tags.split(',').filter(|it| !it.is_empty()).map(str::to_owned).collect(),
            pushed_at: 0,
            state: store::images::State::New,
            scanned_at: 0,
            revision: String::new(),
            platform: String::new(),
        }
    }

    #[test]
    fn of_a_repository_what_has_the_tags() {
        let check = |wanted: Wanted, expected: &str| {
            let images = ["1:v1", "2:latest,v2", "3:", "4:v2"].map(image);
            let tag = |it: &str| Tag { name: it.to_owned(), pushed_at: None };
            let tags = wanted.tags(["v1", "v2", "latest", ""].map(tag).to_vec(), 0);
            let one = |it: &Target| Some(format!("{}:{}", it.image, wanted.takes(it, &tags)?));
            let found: Vec<String> = images.iter().filter_map(one).collect();
            assert_eq!(found.join(" "), expected, "{wanted:?}");
        };
        let selection = |tags: &[&str]| {
            let tags = tags.iter().map(|it| (*it).to_owned()).collect();
            Wanted::Selection(Selection { tags, ..Selection::default() })
        };
        check(selection(&[]), "1:v1 2:latest 3: 4:v2");
        check(selection(&["v*"]), "1:v1 2:v2 4:v2");
        check(selection(&["v1", "lat*"]), "1:v1 2:latest");
        let scope = |tags: &str, newest| {
            Wanted::Scope(Scope { tags: tags.to_owned(), newest, ..Scope::default() })
        };
        check(scope("*", None), "1:v1 2:latest 3: 4:v2");
        check(scope("v*", None), "1:v1 2:v2 4:v2");
        check(scope("v*", Some(1)), "2:v2 4:v2");
    }

    #[test]
    fn what_a_task_asks_for_is_kept() {
        let wanted =
            Wanted::Selection(Selection { kinds: vec!["acr".to_owned()], ..Selection::default() });
        let text = serde_json::to_string(&wanted).unwrap();
        assert_eq!(serde_json::from_str::<Wanted>(&text).unwrap(), wanted);
        let place: Place = serde_json::from_str(r#"{"registry": 3}"#).unwrap();
        assert_eq!(place, Place { registry: Some(3), repository: "*".to_owned() });
    }
}
