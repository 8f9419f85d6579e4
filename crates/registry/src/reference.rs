//! Names of images in registries (distribution/reference, "Grammar"; OCI distribution
//! specification, "Pulling manifests").
use model::Digest;
use std::fmt;

/// `registry/repository[:tag][@digest]`, with everything filled in that people leave out.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a text does not name an image.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BadReference(String);

/// The registry that is meant when none is named.
const DOCKER: &str = "docker.io";

/// All that goes by Docker's name.
const DOCKER_NAMES: [&str; 3] = [DOCKER, "index.docker.io", "registry-1.docker.io"];

/// The longest registry and repository together.
const NAME_BYTES: usize = 255;

impl Reference {
    /// Parses what people write: `nginx`, `nginx:1.27`, `user/app`, `host:5000/a/b@sha256:...`.
    /// Without tag and digest, the tag is `latest`.
    pub fn parse(text: &str) -> Result<Reference, BadReference> {
        let bad = |why: &str| Err(BadReference(format!("`{text}` does not name an image: {why}")));
        if text.contains("://") {
            return bad("leave out `http://` or `https://`");
        }
        let (rest, digest) = match text.split_once('@') {
            None => (text, None),
            Some((rest, digest)) => match Digest::parse(digest) {
                Some(it) => (rest, Some(it)),
                None => return bad("after `@` comes `sha256:` and 64 digits in lower case"),
            },
        };
        let (name, tag) = split_tag(rest);
        if tag.is_some_and(|it| !is_tag(it)) {
            return bad("a tag has up to 128 letters, digits, `_`, `.`, `-`");
        }
        let (registry, path) = split_registry(name);
        if !is_registry(registry) {
            return bad("the registry is not a host name or address with an optional port");
        }
        let (registry, path) = fill_in(registry, path);
        if !path.split('/').all(is_component) {
            return bad(match path.bytes().any(|it| it.is_ascii_uppercase()) {
                true => "repositories are written in lower case",
                false => {
                    "its parts are lower case letters and digits, joined by `.`, `_`, `__`, `-`"
                }
            });
        }
        if path.len().saturating_add(registry.len()) > NAME_BYTES {
            return bad("it is longer than 255 characters");
        }
        if tag.is_none() && digest.is_none() && is_image_id(&path) {
            return bad("it is the ID of a local image, which registries do not know");
        }
        let latest = digest.is_none().then_some("latest");
        let tag = tag.or(latest).map(str::to_owned);
        Ok(Reference { registry, repository: path, tag, digest })
    }

    /// The registry as people call it: `docker.io`, `host:5000`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Where the registry is reached: `host[:port]`.
    pub fn host(&self) -> &str {
        if self.registry == DOCKER { "registry-1.docker.io" } else { &self.registry }
    }

    /// The repository within the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, which means nothing where there is a digest.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same repository's manifest of this digest.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Reference {
        self.digest = Some(digest);
        self
    }
}

/// Splits off `:tag`: what follows the last colon, unless that is the port of the registry.
fn split_tag(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') && !tag.contains(']') => (name, Some(tag)),
        _ => (text, None),
    }
}

/// The first part is a registry when it cannot be part of a repository of Docker's.
fn split_registry(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':', '['])
                || first == "localhost"
                || first.bytes().any(|it| it.is_ascii_uppercase()) =>
        {
            (first, rest)
        }
        _ => (DOCKER, name),
    }
}

fn fill_in(registry: &str, path: &str) -> (String, String) {
    // A name known for a host only by its capitals keeps them, or it would not be known for one.
    let known = registry.contains(['.', ':', '[']);
    let registry = if known { registry.to_ascii_lowercase() } else { registry.to_owned() };
    if !DOCKER_NAMES.contains(&registry.as_str()) {
        return (registry, path.to_owned());
    }
    let folder = if path.contains('/') { "" } else { "library/" };
    (DOCKER.to_owned(), format!("{folder}{path}"))
}

fn is_registry(text: &str) -> bool {
    net::Url::parse(&format!("https://{text}")).is_ok_and(|it| {
        let labels = |host: &str| host.split('.').all(is_label);
        (it.host().starts_with('[') || labels(it.host())) && !text.contains(['/', '?', '#'])
    })
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && !text.ends_with('-')
}

fn is_tag(text: &str) -> bool {
    let word = |it: u8| it.is_ascii_alphanumeric() || it == b'_';
    (1..=128).contains(&text.len())
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|it| word(it) || it == b'.' || it == b'-')
}

/// Letters and digits, with single separators between them: `.`, `_`, `__`, or any number of `-`.
fn is_component(text: &str) -> bool {
    let plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit();
    text.starts_with(plain)
        && text.ends_with(plain)
        && text
            .split(plain)
            .all(|gap| matches!(gap, "" | "." | "_" | "__") || gap.bytes().all(|it| it == b'-'))
}

fn is_image_id(path: &str) -> bool {
    let name = path.strip_prefix("library/").unwrap_or_default();
    name.len() == 64 && name.bytes().all(|it| it.is_ascii_hexdigit())
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl fmt::Display for BadReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadReference {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, shown: Option<&str>) {
        assert_eq!(
            Reference::parse(text).ok().map(|it| it.to_string()).as_deref(),
            shown,
            "{text}"
        );
    }

    #[test]
    fn short_names_are_dockers() {
        check("nginx", Some("docker.io/library/nginx:latest"));
        check("nginx:1.27", Some("docker.io/library/nginx:1.27"));
        check("user/app", Some("docker.io/user/app:latest"));
        check("docker.io/nginx", Some("docker.io/library/nginx:latest"));
        check("index.docker.io/nginx", Some("docker.io/library/nginx:latest"));
        check("registry-1.docker.io/library/nginx:a", Some("docker.io/library/nginx:a"));
        assert_eq!(Reference::parse("nginx").unwrap().host(), "registry-1.docker.io");
    }

    #[test]
    fn registries_have_dots_ports_or_brackets() {
        check("localhost/x", Some("localhost/x:latest"));
        check("localhost:5000/x", Some("localhost:5000/x:latest"));
        check("[::1]:5000/x", Some("[::1]:5000/x:latest"));
        check("[::1]/x:y", Some("[::1]/x:y"));
        check("ghcr.io/a/b/c:v1", Some("ghcr.io/a/b/c:v1"));
        check("GHCR.io/a", Some("ghcr.io/a:latest"));
        check("HOST/a", Some("HOST/a:latest"));
        check("host:5000", Some("docker.io/library/host:5000"));
        check("host/a", Some("docker.io/host/a:latest"));
        check("10.0.0.1/a", Some("10.0.0.1/a:latest"));
    }

    #[test]
    fn digests_make_tags_optional() {
        let digest = format!("sha256:{}", "a".repeat(64));
        check(&format!("a.b/c@{digest}"), Some(&format!("a.b/c@{digest}")));
        check(&format!("a.b/c:d@{digest}"), Some(&format!("a.b/c:d@{digest}")));
        check("a.b/c@sha256:aa", None);
        check("a.b/c@", None);
        check(&format!("a.b/c@{digest}:d"), None);
    }

    #[test]
    fn components_follow_the_grammar() {
        for good in ["a", "a.b", "a_b", "a__b", "a-b", "a---b", "0/1", "a/b/c"] {
            check(&format!("x.y/{good}"), Some(&format!("x.y/{good}:latest")));
        }
        for bad in
            ["", "A", "a..b", "a___b", "-a", "a-", "a._b", "a//b", "a/", "/a", "a b", "ä", "."]
        {
            check(&format!("x.y/{bad}"), None);
        }
        check(
            &format!("x.y/{}", "a".repeat(252)),
            Some(&format!("x.y/{}:latest", "a".repeat(252))),
        );
        check(&format!("x.y/{}", "a".repeat(253)), None);
        check(&"a".repeat(64), None);
        check(
            &format!("{}:x", "a".repeat(64)),
            Some(&format!("docker.io/library/{}:x", "a".repeat(64))),
        );
    }

    #[test]
    fn tags_and_registries_follow_the_grammar() {
        check("a:B_c.d-e", Some("docker.io/library/a:B_c.d-e"));
        check(&format!("a:{}", "t".repeat(129)), None);
        for bad in
            ["", " ", "a:", "a:.b", "a:-b", "a:b:c", "a.b:x/c", "a.b:99999/c", "-a.b/c", "a..b/c"]
        {
            check(bad, None);
        }
        for bad in ["https://a.b/c", "u:p@a.b/c", "[::1/c", "[x]/c", "a.b/c?d", "a.b/c#d"] {
            check(bad, None);
        }
    }

    #[test]
    fn errors_say_what_to_do() {
        let check = |text: &str, word: &str| {
            let error = Reference::parse(text).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        };
        check("https://a.b/c", "leave out");
        check("a.b/C", "lower case");
        check("a.b/c:", "tag");
        check("a.b/c@sha256:x", "64 digits");
        check(&"0".repeat(64), "local image");
    }

    proptest! {
        #[test]
        fn what_is_shown_parses_to_the_same(text in "[a-z0-9A-Z.:/@_\\[\\]-]{0,40}") {
            if let Ok(reference) = Reference::parse(&text) {
                prop_assert_eq!(Reference::parse(&reference.to_string()), Ok(reference));
            }
        }
    }
}
