//! Compiled databases, the one in use and the one before: complete before anybody sees them, and swapped
//! by renaming a link, so that a process killed at any moment leaves one that works.
use super::{
    Store, StoreError, bring, failed,
    fetch::{self, Saving},
};
use assess::Database;
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

pub(super) const CURRENT: &str = "current";
pub(super) const PREVIOUS: &str = "previous";

/// Ends the names of databases.
const ENDING: &str = "plimsoll";

impl Store {
    fn databases(&self) -> PathBuf {
        self.directory.join("db")
    }

    /// Held as long as the answer lives. Whoever reads needs no lock.
    pub(super) fn lock(&self) -> Result<File, StoreError> {
        let directory = self.databases();
        fs::create_dir_all(&directory).map_err(failed(&directory))?;
        let path = directory.join("lock");
        let mut options = OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(failed(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                // Who it is helps, and is not needed.
                let mut who = String::new();
                drop(file.take(64).read_to_string(&mut who));
                return Err(StoreError::Busy(format!("{}: {}", path.display(), who.trim())));
            }
            Err(TryLockError::Error(err)) => return Err(failed(&path)(err)),
        }
        // The lock is held already; a full disk does not matter here.
        let who = format!("process {}\n", std::process::id());
        drop(file.set_len(0).and_then(|()| file.write_all(who.as_bytes())));
        bring::tidy(&directory);
        bring::tidy(&self.directory.join("feeds"));
        Ok(file)
    }

    /// The database that a link leads to, and where it is.
    pub(super) fn generation(&self, link: &str) -> Result<Option<(Database, PathBuf)>, StoreError> {
        let link = self.databases().join(link);
        let Ok(target) = fs::read_link(&link) else { return Ok(None) };
        let path = self.databases().join(target);
        let file = File::open(&path).map_err(failed(&path))?;
        let database = Database::open(file).map_err(|err| {
            StoreError::Refused(format!("{}: {err}; the one before is used", path.display()))
        })?;
        Ok(Some((database, path)))
    }

    /// The database of this build, if this machine has it.
    pub fn find(&self, build: &str) -> Result<Option<Database>, StoreError> {
        // It comes from elsewhere, and becomes part of a path.
        if build.is_empty() || !build.bytes().all(|it| it.is_ascii_alphanumeric()) {
            return Ok(None);
        }
        let path = self.databases().join(format!("{build}.{ENDING}"));
        let file = match File::open(&path) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed(&path))?,
        };
        let refused = |err| StoreError::Refused(format!("{}: {err}", path.display()));
        Database::open(file).map(Some).map_err(refused)
    }

    /// Puts what `content` holds to use, once all of it has been verified and `judge` lets it pass.
    pub(super) fn install(
        &self,
        content: &mut dyn Read,
        judge: &dyn Fn(&Database) -> Result<(), StoreError>,
    ) -> Result<(Database, PathBuf), StoreError> {
        let directory = self.databases();
        // Readable for all whom the user's mask lets in: a database is no secret.
        let shared = fs::Permissions::from_mode(0o644);
        let mut file = tempfile::Builder::new()
            .prefix(bring::UNFINISHED)
            .permissions(shared)
            .tempfile_in(&directory)
            .map_err(failed(&directory))?;
        fetch::save(content, &mut file).map_err(|err| match err {
            Saving::Ours(err) => failed(&directory)(err),
            Saving::Theirs(err) => StoreError::Refused(err.to_string()),
        })?;
        file.as_file().sync_all().map_err(failed(file.path()))?;
        let check = |file: &Path| -> Result<Database, StoreError> {
            let open = File::open(file).map_err(failed(file))?;
            let database =
                Database::open(open).map_err(|err| StoreError::Refused(err.to_string()))?;
            database.verify().map_err(|err| StoreError::Refused(err.to_string()))?;
            Ok(database)
        };
        let database = check(file.path())?;
        judge(&database)?;
        let name = format!("{}.{ENDING}", database.build());
        let path = directory.join(&name);
        file.persist(&path).map_err(|err| failed(&path)(err.error))?;
        let before = fs::read_link(directory.join(CURRENT)).ok();
        if let Some(before) = before.filter(|it| it.as_os_str() != name.as_str()) {
            point(&directory, PREVIOUS, &before)?;
        }
        point(&directory, CURRENT, Path::new(&name))?;
        tidy(&directory)?;
        Ok((database, path))
    }
}

/// Makes a link lead elsewhere, in one step.
pub(crate) fn point(directory: &Path, link: &str, target: &Path) -> Result<(), StoreError> {
    let new = directory.join(format!(".{link}.new"));
    drop(fs::remove_file(&new));
    symlink(target, &new).map_err(failed(&new))?;
    let link = directory.join(link);
    fs::rename(&new, &link).map_err(failed(&link))?;
    // So that the link outlives a power cut no later than the file that it leads to.
    File::open(directory).and_then(|it| it.sync_all()).map_err(failed(directory))
}

/// Removes the databases that no link leads to.
fn tidy(directory: &Path) -> Result<(), StoreError> {
    let kept = [CURRENT, PREVIOUS].map(|it| fs::read_link(directory.join(it)).ok());
    for entry in fs::read_dir(directory).map_err(failed(directory))?.flatten() {
        let path = entry.path();
        let is_database = path.extension().is_some_and(|it| it == ENDING);
        if is_database && !kept.contains(&Some(PathBuf::from(entry.file_name()))) {
            fs::remove_file(&path).map_err(failed(&path))?;
        }
    }
    Ok(())
}
