//! Archives of images: what `docker save` and its like write, and OCI layouts in a tar file.
//!
//! Docker image specification v1.2 ("Combined Image JSON + Filesystem Changeset Format") and OCI
//! image specification, image-layout.md. Newer Dockers write both into one archive. Then the
//! layout is read, since it knows digests and platforms and is what containerd loads; whatever
//! `manifest.json` says, which others load, must be among it, or the archive is refused: an
//! archive that is one image to the scanner and another to the runtime hides something.
mod docker;
mod members;
mod stream;
mod walk;

pub use stream::stream;

use crate::{
    Attached, Compression, PlatformChoice, Source, SourceError, Verified,
    disk::failed,
    layout,
    referrers::{Reading, attached_in_layout, whole},
};
use members::{Members, Section};
use model::{Descriptor, Image, Layer};
use std::{fs::File, io::Read, os::unix::fs::FileExt, path::Path, sync::Arc};

/// An archive in a file that need not be read from front to back.
#[derive(Debug)]
pub struct Archive {
    name: String,
    file: Arc<File>,
    members: Members,
    choice: Option<String>,
    platform: PlatformChoice,
}

impl Archive {
    /// The archive in the file at `path`, and the image in it that is meant: by name, tag or
    /// digest. `None` when it has to be read with [`stream`]: when it is compressed, or no file.
    pub fn open(
        path: &Path,
        choice: Option<&str>,
        platform: PlatformChoice,
    ) -> Result<Option<Archive>, SourceError> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|err| match err.kind() {
            std::io::ErrorKind::NotFound => SourceError::NotFound(name.clone()),
            _ => failed(name.clone())(err),
        })?;
        let meta = file.metadata().map_err(failed(name.clone()))?;
        if meta.is_dir() {
            return Err(SourceError::Unsupported(format!(
                "{name} is a directory, and no OCI layout; for a root file system write dir:{name}"
            )));
        }
        let mut start = [0; 6];
        let len = file.read_at(&mut start, 0).map_err(failed(name.clone()))?;
        let compression = Compression::of(start.get(..len).unwrap_or_default());
        if !meta.is_file() || compression != Compression::None {
            return Ok(None);
        }
        let file = Arc::new(file);
        let members = Members::index(&file, meta.len())?;
        let choice = choice.map(str::to_owned);
        Ok(Some(Archive { name, file, members, choice, platform }))
    }
}

impl Source for Archive {
    fn images(&self) -> Result<Vec<Image>, SourceError> {
        let mut images = images(&self.members, self.choice.as_deref(), &self.platform)?;
        for image in images.iter_mut().filter(|it| it.name.is_empty()) {
            image.name.clone_from(&self.name);
        }
        Ok(images)
    }

    fn blob(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, SourceError> {
        let (offset, size) = self.members.section(&layer.blob.place)?;
        let section = Section::new(Arc::clone(&self.file), offset, size);
        Ok(match &layer.blob.digest {
            Some(digest) => Box::new(Verified::new(section, digest.clone())),
            None => Box::new(section),
        })
    }

    fn attached(&self, image: &Image) -> Attached {
        let Ok(Some(index)) = self.members.document("index.json") else {
            return Attached::default();
        };
        let blob = |blob: &Descriptor| {
            let missing = || SourceError::NotFound("a digest".to_owned());
            let digest = blob.digest.as_ref().ok_or_else(missing)?;
            let (offset, size) = self.members.section(&layout::place(digest))?;
            whole(Section::new(Arc::clone(&self.file), offset, size), digest)
        };
        let manifest = |it: &Descriptor| self.members.blob(it);
        attached_in_layout(&index, image, Reading { manifest: &manifest, blob: &blob })
    }
}

/// The images among the members of an archive; the place of each layer is the name of a member.
fn images(
    members: &Members,
    choice: Option<&str>,
    platform: &PlatformChoice,
) -> Result<Vec<Image>, SourceError> {
    let index = members.document("index.json")?;
    let manifest = members.document("manifest.json")?;
    if let Some(marker) = members.document("oci-layout")? {
        layout::check_version(&marker)?;
    }
    let mut images = match (index, manifest) {
        (Some(index), manifest) => {
            let read = |blob: &model::Descriptor| members.blob(blob);
            if let Some(manifest) = manifest {
                docker::agrees(&manifest, members, &index, choice)?;
            }
            crate::index::images(&index, choice, platform, &read)?
        }
        (None, Some(manifest)) => docker::images(&manifest, members, choice, platform)?,
        (None, None) => {
            return Err(SourceError::Malformed(
                "an archive with neither manifest.json nor index.json at its root is neither what \
                 `docker save` writes nor an OCI layout"
                    .to_owned(),
            ));
        }
    };
    let mut layers = images.iter_mut().flat_map(|it| &mut it.layers);
    layers.try_for_each(|it| members.settle(&mut it.blob))?;
    Ok(images)
}

#[cfg(test)]
mod tests;
