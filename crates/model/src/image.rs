//! Images: references, manifests, platforms, layers.
use crate::Digest;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// An image that a source has found: what is needed to read its layers.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Image {
    /// What the user asked for, or the name that the archive gives.
    pub name: String,
    /// Digest of the manifest; `None` where there is none (a directory, a `docker save` archive).
    pub digest: Option<Digest>,
    /// What it runs on; `None` where nothing says.
    pub platform: Option<Platform>,
    /// When it was built, RFC 3339, as its configuration says.
    pub created: Option<String>,
    /// Layers, oldest first.
    pub layers: Vec<Layer>,
}

/// One changeset of an image.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Layer {
    /// What to fetch.
    pub blob: Descriptor,
    /// Digest of the uncompressed layer; `None` for a directory, which has no digest.
    pub diff_id: Option<Digest>,
    /// The build instruction that made it, as the image's history tells; empty when unknown.
    pub created_by: String,
}

/// What an image is set up to do (OCI image specification, config.md, "config"), and how it was built.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageConfig {
    /// Whom containers run as.
    pub user: String,
    /// Ports on which something listens: `8080/tcp`.
    pub exposed_ports: Vec<String>,
    /// The environment: `NAME=value`.
    pub env: Vec<String>,
    /// What is run, word by word.
    pub entrypoint: Vec<String>,
    /// What follows the words of the entrypoint, or is run when there are none.
    pub cmd: Vec<String>,
    /// How it is found out whether it works: `NONE`, or `CMD` or `CMD-SHELL` and words (Docker).
    pub healthcheck: Vec<String>,
    /// Where it is run.
    pub working_dir: String,
    /// Notes.
    pub labels: BTreeMap<String, String>,
    /// The build instructions, oldest first, also those that made no layer.
    pub history: Vec<String>,
}

/// Names a blob: its media type, digest and claimed size (OCI image specification, descriptor.md).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What kind of content; never believed without looking.
    #[serde(default)]
    pub media_type: String,
    /// Content address; `None` inside archives that give none.
    pub digest: Option<Digest>,
    /// Bytes, as claimed.
    #[serde(default)]
    pub size: u64,
    /// Where a source without digests finds it: the path of an archive member.
    #[serde(default)]
    pub place: String,
}

/// What an image runs on (OCI image specification, image-index.md, "platform").
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Platform {
    /// `linux`, `windows`...
    pub os: String,
    /// `amd64`, `arm64`...
    pub architecture: String,
    /// `v7`, `v8`...; empty when there is none.
    #[serde(default)]
    pub variant: String,
}

impl Platform {
    /// Parses `os/architecture[/variant]`, or an architecture alone for Linux.
    pub fn parse(text: &str) -> Option<Platform> {
        let mut parts = text.split('/').map(str::to_owned);
        let (os, architecture) = match (parts.next()?, parts.next()) {
            (architecture, None) => ("linux".to_owned(), architecture),
            (os, Some(architecture)) => (os, architecture),
        };
        let variant = parts.next().unwrap_or_default();
        let ok = parts.next().is_none() && !os.is_empty() && !architecture.is_empty();
        ok.then_some(Platform { os, architecture, variant })
    }

    /// Whether an image for `other` may be taken where this one was asked for.
    pub fn accepts(&self, other: &Platform) -> bool {
        let default = |it: &Platform| match (it.architecture.as_str(), it.variant.as_str()) {
            ("arm64", "") => "v8".to_owned(),
            ("arm", "") => "v7".to_owned(),
            (_, variant) => variant.to_owned(),
        };
        self.os == other.os
            && self.architecture == other.architecture
            && (self.variant.is_empty() || default(self) == default(other))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms() {
        let check = |text: &str, shown: Option<&str>| {
            assert_eq!(Platform::parse(text).map(|it| it.to_string()).as_deref(), shown, "{text}");
        };
        check("linux/amd64", Some("linux/amd64"));
        check("arm64", Some("linux/arm64"));
        check("linux/arm/v7", Some("linux/arm/v7"));
        check("linux/", None);
        check("a/b/c/d", None);
        let accepts = |a, b| Platform::parse(a).unwrap().accepts(&Platform::parse(b).unwrap());
        assert!(accepts("linux/arm64", "linux/arm64/v8"));
        assert!(accepts("linux/arm64/v8", "linux/arm64"));
        assert!(!accepts("linux/arm/v6", "linux/arm/v7"));
        assert!(!accepts("linux/amd64", "windows/amd64"));
    }
}
