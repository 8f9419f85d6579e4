//! Reads manifests, indexes and configurations of images, from bytes.
//!
//! OCI image specification: manifest.md, image-index.md, config.md; Docker's "Image Manifest
//! Version 2, Schema 2". Lenient where the two or their writers differ (`null` for nothing, media
//! types left out), strict where two readers could see two images.
use crate::SourceError;
use model::{Descriptor, Digest, Image, ImageConfig, Layer, Platform};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The most bytes that one document may have: what registries allow for a manifest.
pub const DOCUMENT_BYTES: u64 = 4 << 20;

/// What the configuration of an image calls itself. Old tools write the last one.
const IMAGE_CONFIGS: [&str; 3] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
    "application/octet-stream",
];

/// A manifest or an index of manifests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Document {
    /// Names further documents, mostly one a platform.
    Index(Vec<Entry>),
    /// Names the configuration and the layers of one image.
    Manifest(Manifest),
}

/// What an index says of one document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Where it is. The digest is always there.
    pub blob: Descriptor,
    /// What it runs on, where the index says.
    pub platform: Option<Platform>,
    /// Notes: names, references.
    pub annotations: BTreeMap<String, String>,
}

/// One image.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Manifest {
    /// Its configuration.
    pub config: Descriptor,
    /// Its layers, oldest first.
    pub layers: Vec<Descriptor>,
}

/// What a configuration says that a scan wants to know.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Config {
    /// What the image runs on.
    pub platform: Option<Platform>,
    /// When it was built, RFC 3339.
    pub created: Option<String>,
    /// Digests of the uncompressed layers, oldest first.
    pub diff_ids: Vec<Digest>,
    /// The build instructions that made the layers; empty when they are not as many.
    pub created_by: Vec<String>,
    /// What the image is set up to do.
    pub image: ImageConfig,
}

/// Reads a manifest or an index.
pub fn document(bytes: &[u8]) -> Result<Document, SourceError> {
    let raw: RawDocument = json("manifest", bytes)?;
    if raw.fs_layers.is_some() || raw.schema_version == Some(1) {
        return Err(SourceError::Unsupported(
            "a manifest of schema 1; push the image again with a current tool".to_owned(),
        ));
    }
    // A document that is both would be another image to another reader (CVE-2021-41190).
    match (raw.manifests, raw.config, raw.layers) {
        (Some(entries), None, None) => {
            let entries: Result<_, _> = entries.into_iter().map(entry).collect();
            Ok(Document::Index(entries?))
        }
        (None, Some(config), layers) => {
            let layers: Result<_, _> =
                layers.unwrap_or_default().iter().map(RawDescriptor::blob).collect();
            Ok(Document::Manifest(Manifest { config: config.blob()?, layers: layers? }))
        }
        (Some(_), ..) => Err(malformed("a document that is both manifest and index".to_owned())),
        (None, None, _) => Err(malformed("neither a manifest nor an index".to_owned())),
    }
}

impl Entry {
    /// Whether it is about an image rather than being one: attestations of BuildKit, which run on
    /// `unknown/unknown` (BuildKit, docs/attestations/attestation-storage.md).
    pub fn is_attestation(&self) -> bool {
        let unknown = |it: &Platform| it.os == "unknown" && it.architecture == "unknown";
        self.platform.as_ref().is_some_and(unknown)
            || self.annotations.contains_key("vnd.docker.reference.type")
    }
}

impl Manifest {
    /// Whether it holds documents instead of a file system: its configuration is of another kind
    /// than that of an image, or there is no layer but of JSON. `cosign` gives its documents the
    /// configuration of an image.
    pub fn is_artifact(&self) -> bool {
        let kind = self.config.media_type.as_str();
        let other = !kind.is_empty() && !IMAGE_CONFIGS.contains(&kind);
        let json = |it: &Descriptor| it.media_type.contains("json");
        other || (!self.layers.is_empty() && self.layers.iter().all(json))
    }
}

/// Reads a configuration.
pub fn config(bytes: &[u8]) -> Result<Config, SourceError> {
    let raw: RawConfig = json("image configuration", bytes)?;
    let Some(rootfs) = raw.rootfs else {
        return Err(SourceError::Unsupported(
            "an artifact that is not a container image: its configuration has no rootfs".to_owned(),
        ));
    };
    let diff_ids: Result<Vec<_>, _> =
        rootfs.diff_ids.unwrap_or_default().iter().map(|it| digest(it)).collect();
    let steps = raw.history.unwrap_or_default();
    let history = steps.iter().filter_map(|it| it.created_by.clone()).collect();
    let image = raw.config.unwrap_or_default().read(history);
    let steps = steps.into_iter().filter(|it| it.empty_layer != Some(true));
    let mut created_by: Vec<_> = steps.map(|it| it.created_by.unwrap_or_default()).collect();
    let diff_ids = diff_ids?;
    if created_by.len() != diff_ids.len() {
        created_by.clear();
    }
    let variant = raw.variant.unwrap_or_default();
    let platform = raw.os.zip(raw.architecture).filter(|it| !it.0.is_empty() && !it.1.is_empty());
    let platform = platform.map(|(os, architecture)| Platform { os, architecture, variant });
    Ok(Config { platform, created: raw.created, diff_ids, created_by, image })
}

/// Puts an image together. `blobs` are its layers as the manifest has them.
pub fn image(
    name: &str,
    digest: Option<Digest>,
    blobs: Vec<Descriptor>,
    config: Config,
) -> Result<Image, SourceError> {
    let (stored, said) = (blobs.len(), config.diff_ids.len());
    if stored != said {
        return Err(malformed(format!(
            "{name} has {stored} layers, but its configuration speaks of {said}"
        )));
    }
    let mut created_by = config.created_by.into_iter();
    let layers = blobs.into_iter().zip(config.diff_ids).map(|(blob, diff_id)| Layer {
        blob,
        diff_id: Some(diff_id),
        created_by: created_by.next().unwrap_or_default(),
    });
    let (name, layers) = (name.to_owned(), layers.collect());
    Ok(Image { name, digest, platform: config.platform, created: config.created, layers })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDocument {
    schema_version: Option<i64>,
    manifests: Option<Vec<RawDescriptor>>,
    config: Option<RawDescriptor>,
    layers: Option<Vec<RawDescriptor>>,
    fs_layers: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor {
    media_type: Option<String>,
    digest: String,
    /// Signed in Docker's and OCI's own code; nothing is done with it but to show it.
    size: Option<i64>,
    platform: Option<RawPlatform>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct RawPlatform {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

#[derive(Deserialize)]
struct RawConfig {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    created: Option<String>,
    rootfs: Option<RawRootfs>,
    history: Option<Vec<RawStep>>,
    config: Option<RawRun>,
}

/// `null` stands for nothing, in all of it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawRun {
    user: Option<String>,
    exposed_ports: Option<BTreeMap<String, serde::de::IgnoredAny>>,
    env: Option<Vec<String>>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    healthcheck: Option<RawCheck>,
    working_dir: Option<String>,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawCheck {
    test: Option<Vec<String>>,
}

impl RawRun {
    fn read(self, history: Vec<String>) -> ImageConfig {
        ImageConfig {
            user: self.user.unwrap_or_default(),
            exposed_ports: self.exposed_ports.unwrap_or_default().into_keys().collect(),
            env: self.env.unwrap_or_default(),
            entrypoint: self.entrypoint.unwrap_or_default(),
            cmd: self.cmd.unwrap_or_default(),
            healthcheck: self.healthcheck.and_then(|it| it.test).unwrap_or_default(),
            working_dir: self.working_dir.unwrap_or_default(),
            labels: self.labels.unwrap_or_default(),
            history,
        }
    }
}

#[derive(Deserialize)]
struct RawRootfs {
    diff_ids: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct RawStep {
    created_by: Option<String>,
    empty_layer: Option<bool>,
}

impl RawDescriptor {
    fn blob(&self) -> Result<Descriptor, SourceError> {
        Ok(Descriptor {
            media_type: self.media_type.clone().unwrap_or_default(),
            digest: Some(digest(&self.digest)?),
            size: self.size.and_then(|it| u64::try_from(it).ok()).unwrap_or_default(),
            place: String::new(),
        })
    }
}

fn entry(raw: RawDescriptor) -> Result<Entry, SourceError> {
    let blob = raw.blob()?;
    let platform = raw.platform.and_then(|it| {
        let (os, architecture) = it.os.zip(it.architecture)?;
        Some(Platform { os, architecture, variant: it.variant.unwrap_or_default() })
    });
    let platform = platform.filter(|it| !it.os.is_empty() && !it.architecture.is_empty());
    Ok(Entry { blob, platform, annotations: raw.annotations.unwrap_or_default() })
}

fn digest(text: &str) -> Result<Digest, SourceError> {
    Digest::parse(text).ok_or_else(|| malformed(format!("`{text}` is not a digest")))
}

fn malformed(how: String) -> SourceError {
    SourceError::Malformed(how)
}

pub(crate) fn json<'de, T: Deserialize<'de>>(
    what: &str,
    bytes: &'de [u8],
) -> Result<T, SourceError> {
    serde_json::from_slice(bytes).map_err(|err| malformed(format!("{what}: {err}")))
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
