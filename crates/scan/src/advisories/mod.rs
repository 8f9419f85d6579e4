//! The advisory database on disk: the documents of the feeds as they came, and what is compiled from them.
//!
//! ```text
//! feeds/<feed>/...           documents: fetched, or brought in by hand
//! db/<build>.plimsoll        compiled databases, immutable
//! db/current, db/previous    links to the one in use and the one before
//! db/lock                    held by whoever changes any of this
//! ```
mod artifact;
mod bring;
mod compile;
mod containers;
mod derive;
mod fetch;
mod generations;
mod tally;

pub use compile::{Compiled, Policy};
pub use derive::{Archive, Derived, Mirror, derive};
pub use fetch::{Fetched, mirrored};
pub(crate) use generations::point;

use assess::{Database, Feed};
use bring::Brought;
use jiff::Timestamp;
use std::{
    error, fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// The advisories that a machine has.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
}

/// What is going on, for whoever shows it.
#[derive(Debug)]
pub enum Work<'a> {
    /// So many bytes, as far as is known, are to be read of something: what.
    Begin(&'a str, Option<u64>),
    /// So many more have been read.
    Read(u64),
    /// A document was fetched, or could not be.
    Fetched(&'a Fetched),
}

/// Takes what is going on.
pub type Told<'a> = &'a mut dyn FnMut(Work<'_>);

/// A reader that tells how much has been read.
struct Counting<'a, R> {
    file: R,
    told: Told<'a>,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        (self.told)(Work::Read(u64::try_from(count).unwrap_or_default()));
        Ok(count)
    }
}

/// Why the advisories could not be had or changed.
#[derive(Debug)]
pub enum StoreError {
    /// Reading or writing failed: what.
    Io {
        /// What was read or written.
        what: String,
        /// How it failed.
        source: io::Error,
    },
    /// Somebody else changes them just now: who.
    Busy(String),
    /// What was built or brought in is not fit to be used: why.
    Refused(String),
    /// What was brought in was made before the one in use.
    Older {
        /// When it was made; `None`: it is a starter set.
        made: Option<Timestamp>,
        /// When the one in use was.
        in_use: Timestamp,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Io { what, source } => {
                write!(f, "{what}: {source}")?;
                match source.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        f.write_str("; the database in use stays: make room and try again")
                    }
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                        f.write_str("; PLIMSOLL_DATA_DIR names another directory to use")
                    }
                    _ => Ok(()),
                }
            }
            StoreError::Busy(who) => write!(
                f,
                "another process changes the advisories just now ({who}); the database in use can be \
                 read meanwhile"
            ),
            StoreError::Refused(why) => f.write_str(why),
            StoreError::Older { made: Some(made), in_use } => write!(
                f,
                "it was made on {made}, before the database in use, which is of {in_use} and stays; \
                 `plimsoll db import --force` takes it"
            ),
            StoreError::Older { made: None, in_use } => write!(
                f,
                "it is only a starter set; the database in use, which is of {in_use}, stays; \
                 `plimsoll db import --force` takes it"
            ),
        }
    }
}

impl error::Error for StoreError {}

/// For `map_err`: doing something with `path` failed.
fn failed(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let what = path.display().to_string();
    move |source| StoreError::Io { what, source }
}

/// A database, and what had to be worked around to open one.
#[derive(Debug)]
pub struct Opened {
    /// The database.
    pub database: Database,
    /// Where it is; `None` for one that was built in memory.
    pub path: Option<PathBuf>,
    /// What is wrong with the stored ones, in words.
    pub warnings: Vec<String>,
}

impl Store {
    /// The advisories below `directory`, which need not exist yet.
    pub fn new(directory: &Path) -> Store {
        Store { directory: directory.to_owned() }
    }

    /// The database in use: the newest one that is whole. Where there is none, the starter set that
    /// ships with the program, which is kept for the next time if that can be done.
    pub fn open(&self) -> Result<Opened, StoreError> {
        let mut warnings = Vec::new();
        for link in [generations::CURRENT, generations::PREVIOUS] {
            match self.generation(link) {
                Ok(None) => {}
                Ok(Some((database, _))) if compile::is_old_starter(&database) => {}
                Ok(Some((database, path))) => {
                    return Ok(Opened { database, path: Some(path), warnings });
                }
                Err(why) => warnings.push(why.to_string()),
            }
        }
        let bytes = compile::starter()?;
        let kept = self.lock().and_then(|_lock| self.install(&mut &bytes[..], &|_| Ok(())));
        match kept.ok().and_then(|_| self.generation(generations::CURRENT).ok().flatten()) {
            Some((database, path)) => Ok(Opened { database, path: Some(path), warnings }),
            None => {
                let database = Database::from_bytes(bytes)
                    .map_err(|err| StoreError::Refused(err.to_string()))?;
                Ok(Opened { database, path: None, warnings })
            }
        }
    }

    /// The generation before the one in use.
    pub fn previous(&self) -> Option<Database> {
        Some(self.generation(generations::PREVIOUS).ok()??.0)
    }

    /// Fetches what has changed of `feeds` and compiles anew. A feed that can't be fetched keeps its former
    /// documents. Where none can, all stays as it is: what is in use may have been brought in as a whole.
    pub fn update(
        &self,
        client: &net::Client,
        feeds: &[&'static Feed],
        places: &[(String, String)],
        policy: Policy<'_>,
        told: Told<'_>,
    ) -> Result<Compiled, StoreError> {
        let _lock = self.lock()?;
        let mut some = false;
        for feed in feeds {
            some |= fetch::feed(&self.directory, client, feed, places, policy, told)?;
        }
        if !some {
            let text = "no feed could be fetched; what was there before stays in use";
            return Err(StoreError::Refused(text.to_owned()));
        }
        self.compile(Brought::default(), policy, told)
    }

    /// Brings in documents of `feed`, or of the feeds that the folders below the paths are named after, or a
    /// compiled database, and compiles anew. All that were named are brought in, or nothing.
    pub fn import(
        &self,
        feed: Option<&'static Feed>,
        paths: &[PathBuf],
        policy: Policy<'_>,
        told: Told<'_>,
    ) -> Result<Compiled, StoreError> {
        let _lock = self.lock()?;
        if let ([path], None) = (paths, feed)
            && is_database(path)?
        {
            let mut file = fs::File::open(path).map_err(failed(path))?;
            return self.take(&mut file, &path.display().to_string(), policy.force);
        }
        let mut brought = Brought::default();
        for path in paths {
            for (feed, from) in named(feed, path)? {
                if policy.leaves_out(feed.name) {
                    let text = format!("{} can't be brought in and left out", feed.name);
                    return Err(StoreError::Refused(text));
                }
                brought.add(&self.directory, feed, &from, told)?;
            }
        }
        self.compile(brought, policy, told)
    }

    /// Brings in a compiled database that comes from elsewhere, and puts it to use, as [`Store::import`] does with a file.
    pub fn bring(&self, content: &mut dyn Read) -> Result<Compiled, StoreError> {
        let _lock = self.lock()?;
        self.take(content, "the file", false)
    }

    /// A file without a name where databases are, for what is on its way to be one.
    pub fn room(&self) -> Result<fs::File, StoreError> {
        let directory = self.directory.join("db");
        fs::create_dir_all(&directory).map_err(failed(&directory))?;
        tempfile::tempfile_in(&directory).map_err(failed(&directory))
    }

    /// Puts a database to use that comes from `name`: an older one than that in use only where that is meant.
    fn take(
        &self,
        content: &mut dyn Read,
        name: &str,
        older: bool,
    ) -> Result<Compiled, StoreError> {
        let before = self.current();
        let in_use = before.as_ref().and_then(|it| it.meta().built).filter(|_| !older);
        let young = |it: &Database| match (it.meta().built, in_use) {
            (made, Some(in_use)) if made < Some(in_use) => Err(StoreError::Older { made, in_use }),
            _ => Ok(()),
        };
        let (database, path) = self.install(content, &young).map_err(|err| match err {
            StoreError::Refused(why) => {
                StoreError::Refused(format!("{name}: {why}; the database in use stays"))
            }
            other => other,
        })?;
        Compiled::new(before.as_ref(), database, path, Vec::new())
    }

    fn compile(
        &self,
        brought: Brought,
        policy: Policy<'_>,
        told: Told<'_>,
    ) -> Result<Compiled, StoreError> {
        let before = self.current();
        let built = compile::compile(&self.directory, before.as_ref(), &brought, policy, told)?;
        brought.keep()?;
        let mut file = built.file;
        let (database, path) = self.install(&mut file, &|_| Ok(()))?;
        Compiled::new(before.as_ref(), database, path, built.faults)
    }

    /// The database in use, to hold a new one against: if it is whole, since a damaged one must not keep another from
    /// taking its place.
    fn current(&self) -> Option<Database> {
        let (database, _) = self.generation(generations::CURRENT).ok()??;
        database.verify().is_ok().then_some(database)
    }
}

fn is_database(path: &Path) -> Result<bool, StoreError> {
    if path.is_dir() {
        return Ok(false);
    }
    let mut start = Vec::new();
    let file = fs::File::open(path).map_err(failed(path))?;
    file.take(8).read_to_end(&mut start).map_err(failed(path))?;
    Ok(start == b"PLIMSOLL")
}

/// Which feed's documents `path` holds: the one that was named, or those that its folders are named after.
fn named(
    feed: Option<&'static Feed>,
    path: &Path,
) -> Result<Vec<(&'static Feed, PathBuf)>, StoreError> {
    if let Some(feed) = feed {
        return Ok(vec![(feed, path.to_owned())]);
    }
    let named = |path: &Path| {
        let name = path.file_name()?.to_str()?;
        Some((assess::feeds::feed(name)?, path.to_owned()))
    };
    let mut found: Vec<_> = named(path).into_iter().collect();
    if found.is_empty() && path.is_dir() {
        let entries = fs::read_dir(path).map_err(failed(path))?.flatten();
        found = entries.filter_map(|it| named(&it.path())).collect();
    }
    if found.is_empty() {
        let names: Vec<&str> = assess::FEEDS.iter().map(|it| it.name).collect();
        return Err(StoreError::Refused(format!(
            "{}: of which feed? Say --feed, or give a folder with folders named {}",
            path.display(),
            names.join(", ")
        )));
    }
    Ok(found)
}

/// When a file last changed.
fn changed(path: &Path) -> Option<Timestamp> {
    fs::metadata(path).ok()?.modified().ok()?.try_into().ok()
}
