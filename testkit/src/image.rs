//! Builds small images: layers, configuration, manifest, index
//! (OCI image specification, manifest.md, config.md and image-index.md).
use flate2::{Compression, write::GzEncoder};
use model::{Digest, Platform};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};
use std::io::Write;

/// Media type of an OCI image manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an OCI image index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of an OCI image configuration.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of a layer compressed with gzip.
pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// Media type of a layer that is not compressed.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// Media type of a Docker manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Media type of a Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// Bytes with their name.
#[derive(Clone, Debug)]
pub struct Blob {
    /// What they claim to be.
    pub media_type: String,
    /// Their SHA-256.
    pub digest: Digest,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A manifest with all that it names.
#[derive(Clone, Debug)]
pub struct BuiltImage {
    /// The manifest or index.
    pub manifest: Blob,
    /// What it is for; `None` for an index.
    pub platform: Option<Platform>,
    /// Configuration and layers.
    pub blobs: Vec<Blob>,
    /// The manifests of an index.
    pub children: Vec<BuiltImage>,
}

impl Blob {
    /// Names `bytes`.
    pub fn new(media_type: &str, bytes: impl Into<Vec<u8>>) -> Blob {
        let bytes = bytes.into();
        Blob { media_type: media_type.to_owned(), digest: sha256(&bytes), bytes }
    }

    /// As a manifest names it.
    pub fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest.as_str(), "size": self.bytes.len()})
    }
}

impl BuiltImage {
    /// The layers, oldest first.
    pub fn layers(&self) -> &[Blob] {
        self.blobs.get(1..).unwrap_or_default()
    }
}

/// The SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> Digest {
    Digest::sha256(&Sha256::digest(bytes).into())
}

/// The SHA-512 of `bytes`.
pub fn sha512(bytes: &[u8]) -> Digest {
    let hex: String = Sha512::digest(bytes).iter().map(|it| format!("{it:02x}")).collect();
    Digest::parse(&format!("sha512:{hex}")).unwrap()
}

/// `bytes` as a gzip file.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An image for `platform` (`linux/amd64`...) whose layers are these tar archives, gzipped, each
/// made by the instruction `layer <n>`, with an empty step in the history before the first.
pub fn image(platform: &str, tars: &[Vec<u8>]) -> BuiltImage {
    let layers = tars.iter().map(|it| Blob::new(LAYER_GZIP, gzip(it))).collect();
    let diff_ids: Vec<_> = tars.iter().map(|it| sha256(it).to_string()).collect();
    assemble(platform, layers, &diff_ids)
}

/// The same with layers that are not compressed.
pub fn plain_image(platform: &str, tars: &[Vec<u8>]) -> BuiltImage {
    let layers = tars.iter().map(|it| Blob::new(LAYER, it.clone())).collect();
    let diff_ids: Vec<_> = tars.iter().map(|it| sha256(it).to_string()).collect();
    assemble(platform, layers, &diff_ids)
}

/// An image of layers in any form, with the digests of their uncompressed forms.
pub fn assemble(platform: &str, layers: Vec<Blob>, diff_ids: &[String]) -> BuiltImage {
    let steps: Vec<String> = (0..layers.len()).map(|n| format!("layer {n}")).collect();
    configured(platform, layers, diff_ids, &json!({"Cmd": ["/bin/sh"]}), &steps)
}

/// The same with settings (`Entrypoint`, `Env`...) and with the steps by which its layers were made.
pub fn configured(
    platform: &str,
    layers: Vec<Blob>,
    diff_ids: &[String],
    settings: &Value,
    steps: &[String],
) -> BuiltImage {
    let platform = Platform::parse(platform).unwrap();
    let mut history = vec![json!({"created_by": "ENV A=B", "empty_layer": true})];
    history.extend(steps.iter().map(|it| json!({"created_by": it})));
    let config = json!({
        "created": "2024-05-06T07:08:09Z",
        "os": platform.os, "architecture": platform.architecture, "variant": platform.variant,
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    });
    let config = Blob::new(CONFIG, config.to_string());
    let listed: Vec<_> = layers.iter().map(Blob::descriptor).collect();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config.descriptor(), "layers": listed,
    });
    let manifest = Blob::new(MANIFEST, manifest.to_string());
    let blobs = [vec![config], layers].concat();
    BuiltImage { manifest, platform: Some(platform), blobs, children: Vec::new() }
}

/// An artifact of this type and these documents, attached to `subject`
/// (OCI image specification, manifest.md, "Guidelines for Artifact Usage").
pub fn artifact(kind: &str, subject: &Blob, documents: Vec<Blob>) -> BuiltImage {
    let config = Blob::new("application/vnd.oci.empty.v1+json", "{}");
    let listed: Vec<_> = documents.iter().map(Blob::descriptor).collect();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind,
        "config": config.descriptor(), "layers": listed, "subject": subject.descriptor(),
    });
    let manifest = Blob::new(MANIFEST, manifest.to_string());
    let blobs = [vec![config], documents].concat();
    BuiltImage { manifest, platform: None, blobs, children: Vec::new() }
}

/// A statement on `subject` (in-toto attestation framework, spec/v1/statement.md).
pub fn statement(predicate: &str, subject: &Digest, content: &Value) -> String {
    let subject = json!([{"name": "_", "digest": {"sha256": subject.hex()}}]);
    let kind = "https://in-toto.io/Statement/v0.1";
    json!({"_type": kind, "predicateType": predicate, "subject": subject, "predicate": content})
        .to_string()
}

/// An index of these images.
pub fn index(images: &[BuiltImage]) -> BuiltImage {
    let entries: Vec<_> = images.iter().map(entry).collect();
    let manifest = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
    let manifest = Blob::new(INDEX, manifest.to_string());
    BuiltImage { manifest, platform: None, blobs: Vec::new(), children: images.to_vec() }
}

fn entry(image: &BuiltImage) -> Value {
    let mut entry = image.manifest.descriptor();
    if let Some(platform) = &image.platform {
        entry["platform"] = json!({"os": platform.os, "architecture": platform.architecture});
        if !platform.variant.is_empty() {
            entry["platform"]["variant"] = json!(platform.variant);
        }
    }
    entry
}
