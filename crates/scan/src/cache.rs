//! Reports of layers seen before, one file each: a layer is inspected once.
use inspect::LayerReport;
use model::Digest;
use sha2::{Digest as _, Sha256};
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The most that the reports may take together; the ones not used for longest go first.
const MOST_BYTES: u64 = 2 << 30;

/// A directory of reports. Several processes may use it at once: files are complete from the start, and
/// never change.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
    /// Stands for everything but the layer that a report depends on.
    revision: String,
}

impl Cache {
    /// The reports in `directory` that were made by the present revision of `inspectors` (names and
    /// revisions) with the present limits.
    pub fn new(directory: &Path, inspectors: &str) -> Cache {
        let revision = Digest::sha256(&Sha256::digest(inspectors.as_bytes()).into());
        Cache { directory: directory.join("layers"), revision: revision.short().to_owned() }
    }

    fn file(&self, diff_id: &Digest) -> PathBuf {
        self.directory.join(format!("{}-{}", diff_id.hex(), self.revision))
    }

    /// The report of a layer; `None` when there is none, or none that is whole.
    pub(crate) fn load(&self, diff_id: &Digest) -> Option<LayerReport> {
        let path = self.file(diff_id);
        let bytes = fs::read(&path).ok()?;
        let (hash, report) = bytes.split_first_chunk::<32>()?;
        if *hash != <[u8; 32]>::from(Sha256::digest(report)) {
            return None;
        }
        // When it was last of use decides how long it is kept; not being able to say so does no harm.
        if let Ok(file) = fs::File::open(&path) {
            drop(file.set_modified(SystemTime::now()));
        }
        postcard::from_bytes(report)
            .ok()
            .filter(|it: &LayerReport| it.diff_id.as_ref() == Some(diff_id))
    }

    /// Keeps a report.
    pub(crate) fn store(&self, diff_id: &Digest, report: &LayerReport) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let bytes = postcard::to_stdvec(report).map_err(io::Error::other)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(&Sha256::digest(&bytes))?;
        file.write_all(&bytes)?;
        file.persist(self.file(diff_id)).map_err(|err| err.error)?;
        Ok(())
    }

    /// Removes the reports that have not been of use for longest, until the others fit.
    pub fn trim(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            files.push((meta.modified()?, meta.len(), entry.path()));
        }
        files.sort();
        let mut bytes: u64 = files.iter().map(|it| it.1).sum();
        for (_, len, path) in files {
            if bytes <= MOST_BYTES {
                break;
            }
            fs::remove_file(path)?;
            bytes = bytes.saturating_sub(len);
        }
        Ok(())
    }
}
