//! Files kept in registries as artifacts: one layer of a media type of its own
//! (OCI image specification 1.1, manifest.md, "Guidelines for Artifact Usage").
use crate::{
    Keychain, Reference, SourceError, manifest, places::Places, resume::Checked, verify::sha256,
};
use model::{Descriptor, Digest};
use net::Client;
use serde::Deserialize;
use serde_json::json;
use std::{collections::BTreeMap, io::Read, sync::Arc};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The configuration of what needs none.
pub(crate) const EMPTY: (&str, &[u8]) = ("application/vnd.oci.empty.v1+json", b"{}");

/// What an artifact says of itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Artifact {
    /// Its type, a media type.
    pub kind: String,
    /// The media type of the file in it.
    pub media_type: String,
    /// Notes.
    pub annotations: BTreeMap<String, String>,
}

/// An artifact in a registry.
pub struct Pulled {
    /// What it says of itself.
    pub artifact: Artifact,
    /// The digest of its manifest.
    pub digest: Digest,
    file: Descriptor,
    places: Arc<Places>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    artifact_type: Option<String>,
    annotations: Option<BTreeMap<String, String>>,
}

/// The artifact that `reference` names, of which only the manifest has been read.
pub fn pull(
    reference: &Reference,
    keys: &Arc<Keychain>,
    client: &Client,
) -> Result<Pulled, SourceError> {
    let places = Arc::new(Places::new(reference, &[], keys, client)?);
    let tag = reference.tag().unwrap_or("latest");
    let (digest, bytes) = places.each(|it| it.manifest(reference.digest(), tag, MANIFEST))?;
    let other = |what: &str| SourceError::Unsupported(format!("{reference} is {what}"));
    let manifest::Document::Manifest(listed) = manifest::document(&bytes)? else {
        return Err(other("an index of images, and no artifact"));
    };
    let raw: Raw = manifest::json("manifest", &bytes)?;
    // Before there was a field for it, the type stood at the configuration.
    let kind = raw.artifact_type.unwrap_or(listed.config.media_type);
    let [file] = listed.layers.as_slice() else {
        return Err(other(&format!("`{kind}` of {} files, and not of one", listed.layers.len())));
    };
    let annotations = raw.annotations.unwrap_or_default();
    let artifact = Artifact { kind, media_type: file.media_type.clone(), annotations };
    Ok(Pulled { artifact, digest, file: file.clone(), places })
}

impl Pulled {
    /// The bytes of the file. Reading fails with `InvalidData` at the end when they are not those that the
    /// manifest names.
    pub fn open(&self) -> Result<impl Read + use<>, SourceError> {
        let missing = || SourceError::Malformed("a file without digest".to_owned());
        let digest = self.file.digest.clone().ok_or_else(missing)?;
        Checked::open(&self.places, digest, self.file.size)
    }

    /// How many bytes the file has, as the manifest says.
    pub fn bytes(&self) -> u64 {
        self.file.size
    }
}

impl Artifact {
    /// The manifest of such an artifact, with a file of this digest and length.
    pub(crate) fn manifest(&self, digest: &Digest, bytes: u64) -> Vec<u8> {
        let (config, content) = EMPTY;
        let config = json!({
            "mediaType": config, "digest": sha256(content), "size": content.len(), "data": "e30=",
        });
        let layer = json!({"mediaType": self.media_type, "digest": digest, "size": bytes});
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": self.kind,
            "config": config, "layers": [layer], "annotations": self.annotations,
        });
        manifest.to_string().into_bytes()
    }
}
