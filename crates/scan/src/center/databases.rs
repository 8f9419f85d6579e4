//! The advisory database: the same on all machines. Whoever has a newer one puts it to use; where several machines
//! share a store it lies there in pieces, and those who lack it fetch it.
use super::{Center, failure::Failure};
use crate::advisories::{Policy, StoreError};
use assess::Database;
use std::{
    io::{Read, Write},
    sync::{Arc, Mutex, PoisonError},
};
use store::advisories::{self, Build};

/// The size of a piece.
const PIECE: u64 = 1 << 20;

/// How many databases are kept open: the one in use, and the one before, which changes are told by.
const OPEN: usize = 2;

/// Databases that are known.
#[derive(Debug, Default)]
pub(super) struct Databases {
    /// Those that are open, the one opened last at the end.
    open: Mutex<Vec<Arc<Database>>>,
    /// The build of this machine's own when it was looked at last.
    own: Mutex<Option<String>>,
}

impl Databases {
    pub(super) fn is_empty(&self) -> bool {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl Center {
    /// The database of this build, fetched if this machine has none.
    pub(super) fn database(&self, build: &str) -> Result<Arc<Database>, Failure> {
        let mut open = self.databases.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(it) = open.iter().find(|it| it.build() == build) {
            return Ok(Arc::clone(it));
        }
        let found = match self.world.advisories.find(build)? {
            Some(it) => it,
            None => self.fetch(build)?,
        };
        let found = Arc::new(found);
        open.push(Arc::clone(&found));
        if open.len() > OPEN {
            open.remove(0);
        }
        Ok(found)
    }

    /// The database of this build, if this machine has it.
    pub(super) fn at_hand(&self, build: &str) -> Result<Option<Arc<Database>>, Failure> {
        let open = self.databases.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(it) = open.iter().find(|it| it.build() == build) {
            return Ok(Some(Arc::clone(it)));
        }
        Ok(self.world.advisories.find(build)?.map(Arc::new))
    }

    /// Puts this machine's database to use if it is another one than before, or newer than the one in use; takes over
    /// that one if not. Gives the build in use.
    pub(super) fn agree(&self) -> Result<String, Failure> {
        let mut before = self.databases.own.lock().unwrap_or_else(PoisonError::into_inner);
        let own = self.world.advisories.open()?;
        let build = own.database.build().to_owned();
        let built_at = own.database.meta().built.map_or(0, |it| it.as_millisecond());
        if before.as_ref() != Some(&build) {
            own.warnings.iter().for_each(|it| self.trouble("opening the advisories", it));
        }
        let in_use = self.world.store.read(advisories::all)?.into_iter().next();
        let alone = !self.world.store.is_shared();
        let news = alone || before.as_ref().is_some_and(|it| *it != build);
        let in_use = match in_use {
            Some(it) if it.build == build => it.build,
            Some(it) if !news && it.built_at >= built_at => {
                let is_here = self.world.advisories.find(&it.build)?.is_some();
                self.database(&it.build)?;
                // What was fetched just now has become this machine's own.
                *before = Some(if is_here { build } else { it.build.clone() });
                return Ok(it.build);
            }
            _ => {
                self.publish(&build, built_at, own.path.as_deref())?;
                self.keep_open(own.database);
                build.clone()
            }
        };
        *before = Some(build);
        Ok(in_use)
    }

    fn keep_open(&self, database: Database) {
        let mut open = self.databases.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push(Arc::new(database));
        if open.len() > OPEN {
            open.remove(0);
        }
    }

    fn publish(
        &self,
        build: &str,
        built_at: i64,
        path: Option<&std::path::Path>,
    ) -> Result<(), Failure> {
        let mut pieces = 0i64;
        if let Some(path) = path.filter(|_| self.world.store.is_shared()) {
            let unread = |err| Failure::Other("advisories", format!("{}: {err}", path.display()));
            let mut file = std::fs::File::open(path).map_err(unread)?;
            loop {
                let mut piece = Vec::new();
                Read::by_ref(&mut file).take(PIECE).read_to_end(&mut piece).map_err(unread)?;
                if piece.is_empty() {
                    break;
                }
                self.world.store.write(|tx| advisories::put(tx, build, pieces, &piece))?;
                pieces = pieces.saturating_add(1);
            }
        }
        let at = self.now();
        let whole = Build { build: build.to_owned(), built_at, pieces, at };
        Ok(self.world.store.write(|tx| {
            let before = advisories::all(tx)?.into_iter().next().map(|it| it.build);
            advisories::finish(tx, &whole)?;
            advisories::keep(tx, &[build, before.as_deref().unwrap_or_default()])
        })?)
    }

    fn fetch(&self, build: &str) -> Result<Database, Failure> {
        let missing = || {
            let text = format!("the advisory database {build} is on no machine that shares it");
            Failure::Later("advisories", text)
        };
        let known = self.world.store.read(advisories::all)?;
        let is_last = known.first().is_some_and(|it| it.build == build);
        let whole = known.into_iter().find(|it| it.build == build && it.pieces > 0);
        let whole = whole.ok_or_else(missing)?;
        let unwritten = |err| Failure::Later("advisories", format!("a temporary file: {err}"));
        let mut file = tempfile::NamedTempFile::new().map_err(unwritten)?;
        for number in 0..whole.pieces {
            let piece = self.world.store.read(|tx| advisories::piece(tx, build, number))?;
            file.write_all(&piece.ok_or_else(missing)?).map_err(unwritten)?;
        }
        if is_last {
            // What all others use is used, whatever this machine had.
            let policy = Policy { force: true, without: &[] };
            self.world.advisories.import(None, &[file.path().to_owned()], policy, &mut |_| {})?;
            return self.world.advisories.find(build)?.ok_or_else(missing);
        }
        // One that is on its way out must not become this machine's own.
        let database = Database::open(file.reopen().map_err(unwritten)?);
        let checked = database.and_then(|it| it.verify().map(|()| it));
        checked.map_err(|err| Failure::Later("advisories", err.to_string()))
    }
}

impl From<StoreError> for Failure {
    fn from(it: StoreError) -> Failure {
        Failure::Later("advisories", it.to_string())
    }
}
