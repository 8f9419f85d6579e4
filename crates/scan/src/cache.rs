//! Reports of layers seen before: a layer is inspected once.
use crate::waiting::Waiting;
use flate2::{Compression, read::ZlibDecoder, read::ZlibEncoder};
use model::{Digest, Layer};
use sha2::{Digest as _, Sha256};
use std::{
    fmt,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};
use store::{
    Store,
    leases::{self, Lease},
    reports,
};

/// The most that the reports may take together; the ones not used for longest go first.
const MOST_BYTES: u64 = 2 << 30;

/// How long a hash is.
const HASH_BYTES: u64 = 32;

/// The largest report that is kept in a store, compressed: a database is no place for larger ones.
const STORED_BYTES: u64 = 64 << 20;

/// How long others wait for whoever pulls and inspects a layer, how much longer for each mebibyte of it, and how long
/// at most: then they do it too. Whoever waits saves as much as he loses.
const PATIENCE: Duration = Duration::from_secs(5);
const A_MEBIBYTE: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(300);

/// How often they look.
const LOOK: Duration = Duration::from_millis(100);

/// Where reports are kept. Several processes may use it at once: reports are complete from the start, and
/// never change.
#[derive(Clone, Debug)]
pub struct Cache {
    place: Place,
    /// Stands for everything but the layer that a report depends on.
    revision: String,
    /// Whether every report is made anew.
    anew: bool,
}

#[derive(Clone)]
enum Place {
    /// A file each.
    Directory(PathBuf),
    /// A row each.
    Store(Shared),
}

/// Whose turn it is to make a report.
pub(crate) enum Turn {
    /// It is made.
    Known(Waiting),
    /// The caller's, alone if the right to that could be had.
    Ours(Option<Held>),
}

/// The right to make a report alone.
pub(crate) struct Held {
    store: Arc<Store>,
    lease: Lease,
}

impl Drop for Held {
    fn drop(&mut self) {
        // If that fails, it ends by itself.
        drop(self.store.write(|tx| leases::forget(tx, &self.lease)));
    }
}

/// A store, the time, since when it has been that, and a directory for the spool of large reports.
#[derive(Clone)]
struct Shared {
    store: Arc<Store>,
    now: i64,
    since: Instant,
    spool: PathBuf,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Directory(it) => f.debug_tuple("Directory").field(it).finish(),
            Place::Store(_) => f.write_str("Store"),
        }
    }
}

impl Cache {
    /// The reports in `directory` that were made by the present revision of `inspectors` (names and
    /// revisions) with the present limits.
    pub fn new(directory: &Path, inspectors: &str) -> Cache {
        Cache::of(Place::Directory(directory.join("layers")), inspectors)
    }

    /// The reports in `store`, likewise; large ones go through `spool` on their way. It is `now`.
    pub fn shared(store: &Arc<Store>, spool: &Path, inspectors: &str, now: i64) -> Cache {
        let (store, spool) = (Arc::clone(store), spool.to_owned());
        let since = Instant::now();
        Cache::of(Place::Store(Shared { store, now, since, spool }), inspectors)
    }

    fn of(place: Place, inspectors: &str) -> Cache {
        let revision = Digest::sha256(&Sha256::digest(inspectors.as_bytes()).into());
        Cache { place, revision: revision.short().to_owned(), anew: false }
    }

    /// The same; if `anew`, reports are only kept, and take the place of those that are there.
    #[must_use]
    pub fn anew(self, anew: bool) -> Cache {
        Cache { anew, ..self }
    }

    /// The same place, for what others than these made.
    pub(crate) fn of_revision(&self, inspectors: &str) -> Cache {
        Cache { anew: self.anew, ..Cache::of(self.place.clone(), inspectors) }
    }

    fn file(&self, directory: &Path, diff_id: &Digest) -> PathBuf {
        directory.join(format!("{}-{}", diff_id.hex(), self.revision))
    }

    /// The report of a layer; `None` when there is none, or none that is whole.
    pub(crate) fn load(&self, diff_id: &Digest) -> Option<Waiting> {
        match &self.place {
            _ if self.anew => None,
            Place::Directory(directory) => self.open(directory, diff_id),
            Place::Store(shared) => shared.load(diff_id, &self.revision),
        }
    }

    fn open(&self, directory: &Path, diff_id: &Digest) -> Option<Waiting> {
        let file = File::open(self.file(directory, diff_id)).ok()?;
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

    /// Waits while somebody else makes the report of a layer of so many bytes, packed, with whom the store is shared:
    /// not for longer than that may take. It is known then, or the caller's to make until the answer is dropped.
    pub(crate) fn turn(&self, diff_id: &Digest, bytes: u64, stop: &AtomicBool) -> Turn {
        match &self.place {
            _ if self.anew => Turn::Ours(None),
            Place::Directory(_) => self.load(diff_id).map_or(Turn::Ours(None), Turn::Known),
            Place::Store(shared) => shared.turn(diff_id, &self.revision, bytes, stop),
        }
    }

    /// Keeps a report, with its hash behind it.
    pub(crate) fn store(&self, diff_id: &Digest, report: &Waiting) -> io::Result<()> {
        let directory = match &self.place {
            Place::Directory(it) => it,
            Place::Store(shared) => return shared.keep(diff_id, &self.revision, report),
        };
        fs::create_dir_all(directory)?;
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        let mut hash = Sha256::new();
        io::copy(&mut report.bytes(), &mut Hashed(&mut hash, &mut file))?;
        file.write_all(&hash.finalize())?;
        file.persist(self.file(directory, diff_id)).map_err(|err| err.error)?;
        Ok(())
    }

    /// Notes that the reports of these layers were of use, which decides how long they are kept. Files tell by
    /// themselves.
    pub(crate) fn touch(&self, layers: &[Layer]) -> store::Result<()> {
        let Place::Store(shared) = &self.place else { return Ok(()) };
        let ids = layers.iter().filter_map(|it| it.diff_id.as_ref());
        let ids: Vec<&str> = ids.map(Digest::as_str).collect();
        shared.store.write(|tx| reports::touch(tx, &ids, &self.revision, shared.now))
    }

    /// Removes the reports that have not been of use for longest, until the others fit. Those in a store are the
    /// business of who keeps it.
    pub fn trim(&self) -> io::Result<()> {
        let Place::Directory(directory) = &self.place else { return Ok(()) };
        let mut files = Vec::new();
        for entry in fs::read_dir(directory)? {
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

impl Shared {
    fn turn(&self, diff_id: &Digest, revision: &str, bytes: u64, stop: &AtomicBool) -> Turn {
        let name = format!("layer {diff_id} {revision}");
        let mebibytes = u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
        let patience = PATIENCE.saturating_add(A_MEBIBYTE.saturating_mul(mebibytes)).min(LONGEST);
        let mut held = None;
        loop {
            if let Some(it) = self.load(diff_id, revision) {
                return Turn::Known(it);
            }
            // Ours, and whoever had it before has left no report.
            if held.is_some() || stop.load(Ordering::Relaxed) {
                return Turn::Ours(held);
            }
            let now = self.now.saturating_add(ms(self.since.elapsed()));
            let until = now.saturating_add(ms(patience));
            match self.store.write(|tx| leases::take(tx, &name, "", now, until)) {
                Ok(Some(lease)) => held = Some(Held { store: Arc::clone(&self.store), lease }),
                Ok(None) => thread::sleep(LOOK),
                Err(_) => return Turn::Ours(None),
            }
        }
    }

    /// A store that does not answer has nothing.
    fn load(&self, diff_id: &Digest, revision: &str) -> Option<Waiting> {
        let read = |tx: &mut store::Tx<'_>| reports::get(tx, diff_id.as_str(), revision);
        let bytes = self.store.read(read).ok()??;
        Waiting::new(&mut ZlibDecoder::new(&bytes[..]), &self.spool).ok()
    }

    fn keep(&self, diff_id: &Digest, revision: &str, report: &Waiting) -> io::Result<()> {
        let mut packed = Vec::new();
        let encoder = ZlibEncoder::new(report.bytes(), Compression::fast());
        encoder.take(STORED_BYTES.saturating_add(1)).read_to_end(&mut packed)?;
        if u64::try_from(packed.len()).unwrap_or(u64::MAX) > STORED_BYTES {
            return Ok(());
        }
        let (name, now) = (diff_id.as_str(), self.now);
        let put = |tx: &mut store::Tx<'_>| reports::put(tx, name, revision, &packed, now);
        self.store.write(put).map_err(io::Error::other)
    }
}

fn ms(it: Duration) -> i64 {
    i64::try_from(it.as_millis()).unwrap_or(i64::MAX)
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
