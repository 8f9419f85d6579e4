//! Where exceptions hold: what can be chosen in the dialog that adds one, and the same in words.
use super::words::Words;
use crate::{
    Problem,
    call::Call,
    routes::registries,
    views::{Exception, Image, Where},
};
use std::collections::BTreeMap;

/// So many tags and repositories can be chosen from; there may be very many.
const SOME: usize = 20;

/// A place that can be chosen.
pub(crate) struct Choice {
    /// As the API takes it.
    pub(crate) value: String,
    pub(crate) label: String,
}

fn choice(place: &Where, label: String) -> Choice {
    Choice { value: serde_json::to_string(place).unwrap_or_default(), label }
}

/// Where an exception can hold that begins with an image, the narrowest first.
pub(crate) fn of_image(it: &Image, w: &'static Words) -> Vec<Choice> {
    let mut all = vec![choice(&Where::Image(it.digest.clone()), w.in_this_image.to_owned())];
    all.extend(of_images(std::slice::from_ref(it), w));
    all.push(choice(&Where::Everything, w.everywhere.to_owned()));
    all
}

/// Everywhere, in the image of this digest, in the registries there are, and where some images are.
pub(crate) fn anywhere(
    call: &Call,
    digest: Option<&str>,
    images: &[Image],
    w: &'static Words,
) -> Result<Vec<Choice>, Problem> {
    let mut all = vec![choice(&Where::Everything, w.everywhere.to_owned())];
    let image = |it: &str| choice(&Where::Image(it.to_owned()), format!("{} {it}", w.image));
    all.extend(digest.map(image));
    let there = registries::list(call, ())?.0.into_iter().filter(|it| it.removed_at.is_none());
    let registry = |it: crate::views::Registry| {
        choice(&Where::Registries(vec![it.id]), in_registry(&it.name, w))
    };
    all.extend(there.map(registry));
    let places = of_images(images, w);
    let new: Vec<Choice> =
        places.into_iter().filter(|it| all.iter().all(|there| there.value != it.value)).collect();
    all.extend(new);
    Ok(all)
}

fn in_registry(name: &str, w: &'static Words) -> String {
    format!("{} {name}", w.registry_of)
}

/// The tags, repositories and registries that some images are in.
fn of_images(images: &[Image], w: &'static Words) -> Vec<Choice> {
    let (mut tags, mut repositories, mut registries) = (Vec::new(), Vec::new(), Vec::new());
    for place in images.iter().flat_map(|it| &it.places).filter(|it| it.removed_at.is_none()) {
        let name = format!("{} / {}", place.registry_name, place.repository_name);
        for tag in place.tags.iter().take(SOME) {
            let tags_of = Where::Tags(vec![(place.repository, tag.clone())]);
            tags.push(choice(&tags_of, format!("{} {name}:{tag}", w.tag_of)));
        }
        let repository = Where::Repositories(vec![place.repository]);
        repositories.push(choice(&repository, format!("{} {name}", w.repository_of)));
        let registry = Where::Registries(vec![place.registry]);
        registries.push(choice(&registry, in_registry(&place.registry_name, w)));
    }
    let mut all: Vec<Choice> = Vec::new();
    for some in [tags, repositories, registries] {
        for it in some.into_iter().take(SOME) {
            if all.iter().all(|there| there.value != it.value) {
                all.push(it);
            }
        }
    }
    all
}

/// Exceptions with where each holds, in words.
pub(crate) fn said(
    call: &Call,
    all: Vec<Exception>,
    w: &'static Words,
) -> Result<Vec<(Exception, String)>, Problem> {
    let ids = |it: &Exception| match &it.place {
        Where::Repositories(ids) => ids.clone(),
        Where::Tags(tags) => tags.iter().map(|it| it.0).collect(),
        _ => Vec::new(),
    };
    let ids: Vec<i64> = all.iter().flat_map(ids).collect();
    let (registries, repositories) = registries::names(call, &ids)?;
    let name = |names: &BTreeMap<i64, String>, id: &i64| {
        names.get(id).cloned().unwrap_or_else(|| format!("{} {id}", w.removed))
    };
    let list = |what: &str, all: Vec<String>| {
        let rest = all.len().saturating_sub(5);
        let rest = if rest > 0 { format!(" +{rest}") } else { String::new() };
        let some: Vec<String> = all.into_iter().take(5).collect();
        format!("{what} {}{rest}", some.join(", "))
    };
    let place = |it: &Exception| match &it.place {
        Where::Everything => w.everywhere.to_owned(),
        Where::Registries(ids) => {
            list(w.registry_of, ids.iter().map(|it| name(&registries, it)).collect())
        }
        Where::Repositories(ids) => {
            list(w.repository_of, ids.iter().map(|it| name(&repositories, it)).collect())
        }
        Where::Tags(tags) => {
            let tag = |(id, tag): &(i64, String)| format!("{}:{tag}", name(&repositories, id));
            list(w.tag_of, tags.iter().map(tag).collect())
        }
        Where::Image(digest) => format!("{} {digest}", w.image),
    };
    Ok(all
        .into_iter()
        .map(|it| {
            let words = place(&it);
            (it, words)
        })
        .collect())
}
