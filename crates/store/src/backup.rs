//! Backups of an embedded database, and databases made of them.
//!
//! A backup is a file that SQLite can open, followed by its SHA-256: SQLite looks at what holds its pages together
//! and not at what stands in them, so that it would take a flipped bit for what was stored.
use crate::{
    Error, Result, Settings, Store,
    sqlite::{self, Sqlite},
};
use sha2::{Digest, Sha256};
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process,
};

/// What stands between the pages and their hash.
const SEAL: &[u8] = b"\nplimsoll backup 1, SHA-256:\n";

/// What to do with a database that is where another is to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Existing {
    /// Leave it, and fail.
    Keep,
    /// Put the other in its place.
    Replace,
}

impl Store {
    /// Writes a copy of an embedded database to a file, as the database is at one moment, while everything goes on. Gives its
    /// size in bytes.
    ///
    /// It appears under its name when it is complete, has been looked over, and is on the disk; an older file of that name is
    /// replaced. Only its owner may read it (mode 0600), for it holds what the database does, encrypted secrets
    /// among that. The key of these is a file of its own, and not in it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for PostgreSQL, which has `pg_dump`, and where `to` is a database in use; [`Error::Full`] and
    /// [`Error::Unavailable`] when it cannot be written; [`Error::Damaged`] when the database is. Nothing is left behind.
    pub fn backup(&self, to: &Path) -> Result<u64> {
        let Settings::Embedded(path) = self.settings() else {
            let text = "the database is a PostgreSQL: back it up with pg_dump, and restore it with pg_restore";
            return Err(Error::Invalid(text.to_owned()));
        };
        let to = &resolved(to);
        if is_same(path, to) {
            return Err(Error::Invalid(format!("{}: the database itself", to.display())));
        }
        if let Some(log) = log_of(to) {
            let text = format!("{}: a database in use, as {} says", to.display(), log.display());
            return Err(Error::Invalid(text));
        }
        let new = Unfinished::beside(to)?;
        sqlite::copy(path, &new.0)?;
        sqlite::verify(&new.0).map_err(Error::Damaged)?;
        let size = seal(&new.0).map_err(failed(&new.0))?;
        new.finish(to)?;
        Ok(size)
    }

    /// Makes an embedded database of a backup, to be opened with [`Store::open`], which brings its schema up to date.
    ///
    /// The backup is read to the end and verified before anything is at `to`, and stays as it is. A copy of a database that
    /// SQLite made is taken too. What is at `to` then belongs to whoever calls this (mode 0600). Stop whatever uses the
    /// database that is replaced.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `from` is damaged or nothing of ours, [`Error::Newer`] when a newer version made it;
    /// [`Error::Conflict`] when there is a database at `to` that is in use, or is to be kept; [`Error::Full`] and
    /// [`Error::Unavailable`] when files cannot be read or written. Then everything is as it was.
    pub fn restore(from: &Path, to: &Path, existing: Existing) -> Result<()> {
        let to = &resolved(to);
        if existing == Existing::Keep && to.symlink_metadata().is_ok() {
            return Err(Error::Conflict(format!("{} exists", to.display())));
        }
        if let Some(log) = log_of(&resolved(from)) {
            let text = format!(
                "{}: no backup, but a database in use, as {} says",
                from.display(),
                log.display()
            );
            return Err(Error::Invalid(text));
        }
        let new = Unfinished::beside(to)?;
        unseal(from, &new.0)?;
        sqlite::verify(&new.0).map_err(|why| unusable(from, &why))?;
        if !is_ours(&new.0)? {
            return Err(unusable(from, "it is the database of something else"));
        }
        drop(Store::open(Settings::Embedded(new.0.clone()))?);
        File::open(&new.0).and_then(|it| it.sync_all()).map_err(failed(&new.0))?;
        if to.symlink_metadata().is_ok() {
            sqlite::unused(to)?;
        }
        if let Some(log) = log_of(to) {
            let text = format!("{} lies beside {}, left by another", log.display(), to.display());
            return Err(Error::Conflict(format!("{text}; remove both when nobody uses them")));
        }
        new.finish(to)
    }
}

/// A file that is being written, beside the one it is to be. It is removed unless it is finished.
struct Unfinished(PathBuf);

impl Unfinished {
    fn beside(to: &Path) -> Result<Unfinished> {
        let it = Unfinished(with(to, &format!(".{}.new", process::id())));
        it.remove();
        let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&it.0);
        new.map_err(failed(&it.0)).map(|_| it)
    }

    fn finish(self, to: &Path) -> Result<()> {
        fs::rename(&self.0, to).map_err(failed(to))?;
        // The name is on the disk when the folder is.
        let folder = to.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        File::open(folder).and_then(|it| it.sync_all()).map_err(failed(folder))
    }

    fn remove(&self) {
        for end in ["", "-wal", "-shm", "-journal"] {
            drop(fs::remove_file(with(&self.0, end)));
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.remove();
    }
}

/// What SQLite keeps beside a database that is open, or was when its process died. (Its `-shm` means nothing alone.)
fn log_of(path: &Path) -> Option<PathBuf> {
    let logs = ["-wal", "-journal"].map(|it| with(path, it));
    logs.into_iter().find(|it| it.exists())
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

/// Where a file is that a link leads to; beside it lies what SQLite keeps.
fn resolved(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn is_same(a: &Path, b: &Path) -> bool {
    let id = |it: &Path| fs::metadata(it).map(|it| (it.dev(), it.ino())).ok();
    id(a).is_some_and(|it| id(b) == Some(it))
}

/// Adds the hash of a file to it, and gets it onto the disk. Gives its size.
fn seal(path: &Path) -> io::Result<u64> {
    let mut file = OpenOptions::new().read(true).append(true).open(path)?;
    let hash = hashed(&mut file, &mut io::sink())?;
    file.write_all(&[SEAL, &hash].concat())?;
    file.sync_all()?;
    file.stream_position()
}

/// Copies what a file holds besides the hash, if it has one, which must be right.
fn unseal(from: &Path, to: &Path) -> Result<()> {
    let mut file = File::open(from).map_err(failed(from))?;
    let size = file.metadata().map_err(failed(from))?.len();
    let seal = u64::try_from(SEAL.len()).unwrap_or_default().saturating_add(32);
    // Pages are of 512 bytes at least, and of powers of two.
    let sealed = size.checked_sub(seal).filter(|it| it % 512 == 0);
    if sealed.is_none() && size % 512 != 0 {
        return Err(unusable(from, "its end is missing"));
    }
    let mut pages = (&mut file).take(sealed.unwrap_or(size));
    let mut copy = OpenOptions::new().write(true).open(to).map_err(failed(to))?;
    let hash = hashed(&mut pages, &mut copy).map_err(failed(to))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end).map_err(failed(from))?;
    if sealed.is_some() && end != [SEAL, &hash].concat() {
        return Err(unusable(from, "its SHA-256 is another"));
    }
    Ok(())
}

/// Copies what is read, and gives its SHA-256.
fn hashed(from: &mut impl Read, to: &mut impl Write) -> io::Result<[u8; 32]> {
    let (mut hash, mut bytes) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        let count = from.read(&mut bytes)?;
        let Some(some) = bytes.get(..count).filter(|it| !it.is_empty()) else { break };
        hash.update(some);
        to.write_all(some)?;
    }
    Ok(hash.finalize().into())
}

/// Whether a database has what each of ours has.
fn is_ours(path: &Path) -> Result<bool> {
    let mut it = Sqlite::open(path)?;
    let mut has = |sql: &str| it.query(sql, &[]).is_ok_and(|it| !it.is_empty());
    Ok(has("SELECT version FROM schema_version")
        && has("SELECT used FROM quota")
        && has("SELECT build FROM matching"))
}

fn unusable(from: &Path, why: &str) -> Error {
    Error::Invalid(format!("{} cannot be restored: {why}; take another", from.display()))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.display().to_string();
    move |err| match err.kind() {
        io::ErrorKind::StorageFull => Error::Full(format!("{path}: {err}")),
        _ => Error::Unavailable(format!("{path}: {err}")),
    }
}
