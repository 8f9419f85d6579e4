//! What registries hold, in one form for all kinds.
use crate::Reference;
use jiff::Timestamp;
use model::{Digest, Platform};

/// A repository.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Repository {
    /// `namespace/name`, as an image's reference has it.
    pub name: String,
    /// What the registry calls it besides; empty where it has no other name for it.
    pub id: String,
    /// Differs whenever the content does. `None`: the registry does not say, look each time.
    pub marker: Option<String>,
}

/// A manifest or an index, with the tags that point to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Artifact {
    /// Its digest.
    pub digest: Digest,
    /// The tags, as far as this listing goes: where the registry lists tags, one artifact may come
    /// once for each. None: nothing points to it.
    pub tags: Vec<Tag>,
    /// What it is.
    pub kind: Kind,
    /// Of the manifest; empty where the registry does not say.
    pub media_type: String,
    /// Bytes of all it needs, where the registry says.
    pub size: Option<u64>,
    /// When it came, where the registry says.
    pub pushed: Option<Timestamp>,
    /// What it runs on, where the registry says.
    pub platform: Option<Platform>,
    /// What an index leads to, where the registry says.
    pub children: Vec<Child>,
    /// What is attached to it, where the registry says.
    pub attached: Vec<Child>,
}

/// A name for an artifact.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tag {
    /// The name.
    pub name: String,
    /// When it came to point there, where the registry says.
    pub pushed: Option<Timestamp>,
}

/// An artifact that another one leads to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Child {
    /// Its digest.
    pub digest: Digest,
    /// What it is.
    pub kind: Kind,
    /// What it runs on, where the index says.
    pub platform: Option<Platform>,
}

/// What an artifact is, as far as the registry lets on; only its manifest tells for certain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kind {
    /// An image for one platform.
    Image,
    /// Images for several.
    Index,
    /// A Helm chart.
    Chart,
    /// A signature.
    Signature,
    /// A bill of materials.
    Sbom,
    /// A statement on an image.
    Attestation,
    /// Something else, by the registry's word for it.
    Other(String),
}

impl Artifact {
    /// One of which no more is known.
    pub(crate) fn bare(digest: Digest, tag: Option<Tag>, media_type: &str) -> Artifact {
        let kind = Kind::of(tag.as_ref().map_or("", |it| &it.name), media_type);
        Artifact {
            digest,
            tags: tag.into_iter().collect(),
            kind,
            media_type: media_type.to_owned(),
            size: None,
            pushed: None,
            platform: None,
            children: Vec::new(),
            attached: Vec::new(),
        }
    }
}

impl Kind {
    /// By the tag, which tells what belongs to an image where nothing else does (cosign,
    /// specs/SIGNATURE_SPEC.md; OCI distribution specification, "Referrers Tag Schema"), and by the
    /// media type of the manifest.
    pub(crate) fn of(tag: &str, media_type: &str) -> Kind {
        let subject = tag.strip_prefix("sha256-").and_then(|it| it.split_at_checked(64));
        let hex = |it: &str| it.bytes().all(|it| it.is_ascii_hexdigit());
        match (subject.filter(|it| hex(it.0)).map(|it| it.1), media_type) {
            (Some(".sig"), _) => Kind::Signature,
            (Some(".att"), _) => Kind::Attestation,
            (Some(".sbom"), _) => Kind::Sbom,
            (Some(""), _) => Kind::Other("referrers".to_owned()),
            (
                _,
                "application/vnd.oci.image.index.v1+json"
                | "application/vnd.docker.distribution.manifest.list.v2+json",
            ) => Kind::Index,
            (
                _,
                ""
                | "application/vnd.oci.image.manifest.v1+json"
                | "application/vnd.docker.distribution.manifest.v2+json"
                | "application/vnd.docker.distribution.manifest.v1+json"
                | "application/vnd.docker.distribution.manifest.v1+prettyjws",
            ) => Kind::Image,
            (_, other) => Kind::Other(other.to_owned()),
        }
    }
}

/// Whether a name, which becomes part of addresses, is that of a repository.
pub(crate) fn is_repository(name: &str) -> bool {
    let parsed = Reference::parse(&format!("registry.invalid/{name}"));
    parsed.is_ok_and(|it| it.repository() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_image_is_told_apart() {
        let hex = "a".repeat(64);
        let check = |tag: &str, media_type: &str, kind: Kind| {
            assert_eq!(Kind::of(tag, media_type), kind, "{tag} {media_type}");
        };
        let manifest = "application/vnd.oci.image.manifest.v1+json";
        check("v1", manifest, Kind::Image);
        check("v1", "", Kind::Image);
        check("v1", "application/vnd.oci.image.index.v1+json", Kind::Index);
        check("v1", "text/html", Kind::Other("text/html".to_owned()));
        check(&format!("sha256-{hex}.sig"), manifest, Kind::Signature);
        check(&format!("sha256-{hex}.att"), manifest, Kind::Attestation);
        check(&format!("sha256-{hex}.sbom"), manifest, Kind::Sbom);
        check(&format!("sha256-{hex}"), manifest, Kind::Other("referrers".to_owned()));
        check("sha256-abc.sig", manifest, Kind::Image);
        check(&format!("sha256-{}.sig", "x".repeat(64)), manifest, Kind::Image);
    }

    #[test]
    fn names_of_repositories() {
        let check = |name: &str, ok: bool| assert_eq!(is_repository(name), ok, "{name}");
        check("a", true);
        check("123/a/b-c/d_e", true);
        for bad in ["", "A", "a/../b", "a?b", "a#b", "a b", "a:b", "a@b", "/a", "a/", "a%2Fb"] {
            check(bad, false);
        }
    }
}
