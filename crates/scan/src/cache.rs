//! Reports of layers seen before, one file each: a layer is inspected once.
use crate::waiting::Waiting;
use model::Digest;
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The most that the reports may take together; the ones not used for longest go first.
const MOST_BYTES: u64 = 2 << 30;

/// How long a hash is.
const HASH_BYTES: u64 = 32;

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
    pub(crate) fn load(&self, diff_id: &Digest) -> Option<Waiting> {
        let file = File::open(self.file(diff_id)).ok()?;
        // When it was last of use decides how long it is kept; not being able to say so does no harm.
        drop(file.set_modified(SystemTime::now()));
        let report = Waiting::kept(file).ok()?;
        let mut bytes = report.bytes();
        let mut hash = Sha256::new();
        let length = report.len().ok()?.checked_sub(HASH_BYTES)?;
        io::copy(&mut bytes.by_ref().take(length), &mut Hashed(&mut hash, io::sink())).ok()?;
        let mut expected = Vec::new();
        bytes.read_to_end(&mut expected).ok()?;
        (hash.finalize()[..] == expected).then_some(report)
    }

    /// Keeps a report, with its hash behind it.
    pub(crate) fn store(&self, diff_id: &Digest, report: &Waiting) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        let mut hash = Sha256::new();
        io::copy(&mut report.bytes(), &mut Hashed(&mut hash, &mut file))?;
        file.write_all(&hash.finalize())?;
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

/// Writes, and hashes what it writes.
struct Hashed<'a, W>(&'a mut Sha256, W);

impl<W: Write> Write for Hashed<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.1.write(bytes)?;
        self.0.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.flush()
    }
}
