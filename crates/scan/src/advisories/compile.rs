//! From the documents of all feeds to one database.
use super::{StoreError, changed, containers, failed, tally::Tally};
use assess::{
    Builder, Database, Feed,
    database::{FeedState, Meta, changed_enrichment},
    diff, starter,
};
use std::{
    fs::{self, File},
    io::{Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// About how much memory building may take before it goes on in a file without a name.
const MEMORY_BYTES: usize = 64 << 20;

/// When a build is not fit for use.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Use it even when many documents are broken, or a feed has lost half of what it said.
    pub force: bool,
}

/// A new database, in use.
#[derive(Debug)]
pub struct Compiled {
    /// The database.
    pub database: Database,
    /// Where it is.
    pub path: PathBuf,
    /// How many packages it says something else of than the one before.
    pub changed_packages: usize,
    /// How many vulnerabilities it knows something else of.
    pub changed_enrichment: usize,
    /// Documents that could not be read: feed, name and why.
    pub faults: Vec<(String, String, String)>,
}

impl Compiled {
    pub(super) fn new(
        before: Option<&Database>,
        database: Database,
        path: PathBuf,
        faults: Vec<(String, String, String)>,
    ) -> Result<Compiled, StoreError> {
        let (mut changed_packages, mut enrichment) = (0, 0);
        if let Some(before) = before {
            let refused = |err: assess::DatabaseError| StoreError::Refused(err.to_string());
            changed_packages = diff(before, &database).map_err(refused)?.len();
            enrichment = changed_enrichment(before, &database).map_err(refused)?.len();
        }
        Ok(Compiled { database, path, changed_packages, changed_enrichment: enrichment, faults })
    }
}

/// A build that is not in use yet.
pub(super) struct Built {
    pub(super) file: File,
    pub(super) faults: Vec<(String, String, String)>,
}

/// Compiles the documents below `directory`, and the starter set where its feed has none.
pub(super) fn compile(
    directory: &Path,
    before: Option<&Database>,
    policy: Policy,
) -> Result<Built, StoreError> {
    let scratch = tempfile::tempfile_in(directory).map_err(failed(directory))?;
    let mut feeds = Vec::new();
    let mut sources = Vec::new();
    for feed in assess::FEEDS {
        let folder = directory.join("feeds").join(feed.name);
        if let Some(snapshot) = newest(&folder) {
            feeds.push(state(feed, snapshot));
            sources.push((feed, folder));
        }
    }
    let has_own = |name: &str| feeds.iter().any(|it| it.name == name);
    let with_starter = !has_own(&starter::state().name);
    if with_starter {
        feeds.push(starter::state());
    }
    feeds.sort_by(|a, b| a.name.cmp(&b.name));
    let built = feeds.iter().filter_map(|it| it.snapshot).max();
    let meta = Meta { built, feeds };
    let mut builder = Builder::with_scratch(meta, Box::new(scratch), MEMORY_BYTES);
    let mut faults = Vec::new();
    for (feed, folder) in sources {
        add(feed, &folder, &mut builder, &mut faults, policy)?;
    }
    if with_starter {
        add_starter(&mut builder)?;
    }
    let mut file = tempfile::tempfile_in(directory).map_err(failed(directory))?;
    builder.finish(&mut file).map_err(failed(directory))?;
    file.seek(SeekFrom::Start(0)).map_err(failed(directory))?;
    let copy = file.try_clone().map_err(failed(directory))?;
    let database = Database::open(copy).map_err(|err| StoreError::Refused(err.to_string()))?;
    shrunk(before, &database, policy)?;
    file.seek(SeekFrom::Start(0)).map_err(failed(directory))?;
    Ok(Built { file, faults })
}

fn state(feed: &Feed, snapshot: jiff::Timestamp) -> FeedState {
    FeedState {
        name: feed.name.to_owned(),
        snapshot: Some(snapshot),
        licence: feed.licence.to_owned(),
        attribution: feed.attribution.to_owned(),
        ..FeedState::default()
    }
}

/// When the newest document in a folder last changed; `None` when there is none.
fn newest(folder: &Path) -> Option<jiff::Timestamp> {
    let entries = fs::read_dir(folder).ok()?.flatten().map(|it| it.path());
    let documents = entries.filter(|it| !containers::is_note(it));
    documents.filter_map(|it| if it.is_dir() { newest(&it) } else { changed(&it) }).max()
}

fn add(
    feed: &'static Feed,
    folder: &Path,
    builder: &mut Builder,
    faults: &mut Vec<(String, String, String)>,
    policy: Policy,
) -> Result<(), StoreError> {
    let tally = Tally::of(feed, folder, &mut |item| builder.add(item))?;
    if !policy.force {
        tally.judge(0).map_err(|why| {
            StoreError::Refused(format!(
                "feed {}: {why}; the database in use stays. Remove what is broken from {} and fetch \
                 or import it again, or build without it: --force",
                feed.name,
                folder.display()
            ))
        })?;
    }
    let named = u64::try_from(tally.faults.len()).unwrap_or(u64::MAX);
    let rest = tally.broken.saturating_sub(named);
    faults.extend(tally.faults.into_iter().map(|(name, why)| (feed.name.to_owned(), name, why)));
    if rest > 0 {
        faults.push((feed.name.to_owned(), "others".to_owned(), format!("{rest} more documents")));
    }
    Ok(())
}

/// A feed that suddenly says half as much has been cut, or has changed its form.
fn shrunk(before: Option<&Database>, after: &Database, policy: Policy) -> Result<(), StoreError> {
    let Some(before) = before.filter(|_| !policy.force) else { return Ok(()) };
    for old in before.meta().feeds.iter().filter(|it| !it.starter) {
        let new = after.meta().feeds.iter().find(|it| it.name == old.name);
        let records = new.map_or(0, |it| it.records);
        if records < old.records / 2 {
            return Err(StoreError::Refused(format!(
                "feed {} gave {} records before and gives {records} now; the database in use stays. \
                 --force uses the new one all the same",
                old.name, old.records
            )));
        }
    }
    Ok(())
}

fn add_starter(builder: &mut Builder) -> Result<(), StoreError> {
    let refused = |err: String| StoreError::Refused(format!("the starter set: {err}"));
    for document in starter::documents().map_err(|err| refused(err.to_string()))? {
        let Some(feed) = assess::feeds::feed(document.feed) else { continue };
        let mut failure = None;
        (feed.parse)(&document.content, document.name, &mut |item| {
            failure = failure.take().or_else(|| builder.add(&item).err());
        })
        .map_err(|err| refused(err.to_string()))?;
        if let Some(err) = failure {
            return Err(refused(err.to_string()));
        }
    }
    Ok(())
}

/// A database of nothing but the starter set.
pub(super) fn starter() -> Result<Vec<u8>, StoreError> {
    let mut builder = Builder::new(Meta { built: None, feeds: vec![starter::state()] });
    add_starter(&mut builder)?;
    let mut bytes = Vec::new();
    builder.finish(&mut bytes).map_err(|err| StoreError::Refused(err.to_string()))?;
    Ok(bytes)
}

/// Whether a database holds only a starter set, and not that of this program.
pub(super) fn is_old_starter(database: &Database) -> bool {
    let ours = starter::state();
    database.is_starter() && database.meta().feeds.iter().any(|it| it.snapshot != ours.snapshot)
}
