//! OCI layouts: a directory with `index.json` and the blobs by their digests
//! (OCI image specification, image-layout.md).
use crate::{
    Attached, PlatformChoice, Source, SourceError, Verified,
    disk::{open, small},
    index, manifest,
    referrers::{Reading, attached_in_layout, whole},
    verify::verify,
};
use model::{Algorithm, Descriptor, Digest, Image, Layer};
use serde::Deserialize;
use std::{
    io::Read,
    path::{Path, PathBuf},
};

/// An OCI layout in a directory.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
    choice: Option<String>,
    platform: PlatformChoice,
}

impl Layout {
    /// The layout at `root`, and the image in it that is meant: by name, tag or digest.
    pub fn new(root: &Path, choice: Option<&str>, platform: PlatformChoice) -> Layout {
        Layout { root: root.to_owned(), choice: choice.map(str::to_owned), platform }
    }

    /// Whether that is what lies at `root`.
    pub fn is_at(root: &Path) -> bool {
        root.join("index.json").is_file() && root.join("blobs").is_dir()
    }

    fn document(&self, blob: &Descriptor) -> Result<Vec<u8>, SourceError> {
        let digest = blob.digest.as_ref().ok_or_else(|| missing("a digest"))?;
        let bytes = small(&self.root.join(place(digest)))?;
        verify(&bytes, digest)?;
        Ok(bytes)
    }
}

impl Source for Layout {
    fn images(&self) -> Result<Vec<Image>, SourceError> {
        match small(&self.root.join("oci-layout")) {
            Ok(bytes) => check_version(&bytes)?,
            // Some tools leave it out, and every reader gets by.
            Err(SourceError::NotFound(_)) => {}
            Err(err) => return Err(err),
        }
        let entries = small(&self.root.join("index.json"))?;
        let read = |blob: &Descriptor| self.document(blob);
        let mut images = index::images(&entries, self.choice.as_deref(), &self.platform, &read)?;
        for image in images.iter_mut().filter(|it| it.name.is_empty()) {
            image.name = self.root.display().to_string();
        }
        Ok(images)
    }

    fn blob(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, SourceError> {
        let digest = layer.blob.digest.as_ref().ok_or_else(|| missing("a digest"))?;
        let file = open(&self.root.join(place(digest)))?;
        Ok(Box::new(Verified::new(file, digest.clone())))
    }

    fn attached(&self, image: &Image) -> Attached {
        let Ok(index) = small(&self.root.join("index.json")) else { return Attached::default() };
        let blob = |blob: &Descriptor| {
            let digest = blob.digest.as_ref().ok_or_else(|| missing("a digest"))?;
            whole(open(&self.root.join(place(digest)))?, digest)
        };
        attached_in_layout(
            &index,
            image,
            Reading { manifest: &|it| self.document(it), blob: &blob },
        )
    }
}

/// Where a layout keeps a blob.
pub(crate) fn place(digest: &Digest) -> String {
    let algorithm = match digest.algorithm() {
        Algorithm::Sha256 => "sha256",
        Algorithm::Sha512 => "sha512",
    };
    format!("blobs/{algorithm}/{}", digest.hex())
}

/// The digest by which a layout keeps what lies at `place`.
pub(crate) fn digest_at(place: &str) -> Option<Digest> {
    Digest::parse(&place.strip_prefix("blobs/")?.replacen('/', ":", 1))
}

/// Refuses layouts of a version that is yet to come.
pub(crate) fn check_version(bytes: &[u8]) -> Result<(), SourceError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Marker {
        image_layout_version: String,
    }
    let version = manifest::json::<Marker>("oci-layout", bytes)?.image_layout_version;
    if version.starts_with("1.") {
        return Ok(());
    }
    Err(SourceError::Unsupported(format!("version `{version}` of the OCI image layout")))
}

fn missing(what: &str) -> SourceError {
    SourceError::NotFound(what.to_owned())
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
