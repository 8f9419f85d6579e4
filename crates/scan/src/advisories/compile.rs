//! From the documents of all feeds to one database.
use super::{StoreError, changed, containers, failed, fetch, tally::Tally};
use assess::{
    Builder, Database, Feed,
    database::{FeedState, Meta, changed_enrichment},
    diff, starter,
};
use jiff::Timestamp;
use std::{
    fs::File,
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
    let mut builder = Builder::with_scratch(Meta::default(), Box::new(scratch), MEMORY_BYTES);
    let (mut feeds, mut faults) = (Vec::new(), Vec::new());
    for feed in assess::FEEDS {
        let folder = directory.join("feeds").join(feed.name);
        if let Some(snapshot) = add(feed, &folder, &mut builder, &mut faults, policy)? {
            feeds.push(state(feed, snapshot));
        }
    }
    if !feeds.iter().any(|it| it.name == starter::state().name) {
        add_starter(&mut builder)?;
        feeds.push(starter::state());
    }
    feeds.sort_by(|a, b| a.name.cmp(&b.name));
    let built = feeds.iter().filter_map(|it| it.snapshot).max();
    builder.describe(Meta { built, feeds });
    let mut file = tempfile::tempfile_in(directory).map_err(failed(directory))?;
    builder.finish(&mut file).map_err(failed(directory))?;
    file.seek(SeekFrom::Start(0)).map_err(failed(directory))?;
    let copy = file.try_clone().map_err(failed(directory))?;
    let database = Database::open(copy).map_err(|err| StoreError::Refused(err.to_string()))?;
    shrunk(before, &database, policy)?;
    file.seek(SeekFrom::Start(0)).map_err(failed(directory))?;
    Ok(Built { file, faults })
}

fn state(feed: &Feed, snapshot: Timestamp) -> FeedState {
    FeedState {
        name: feed.name.to_owned(),
        snapshot: Some(snapshot),
        licence: feed.licence.to_owned(),
        attribution: feed.attribution.to_owned(),
        ..FeedState::default()
    }
}

/// Adds the documents of a feed; the answer is of when they are, `None` when there are none.
fn add(
    feed: &'static Feed,
    folder: &Path,
    builder: &mut Builder,
    faults: &mut Vec<(String, String, String)>,
    policy: Policy,
) -> Result<Option<Timestamp>, StoreError> {
    let files = if folder.is_dir() { containers::files(folder)? } else { Vec::new() };
    let (mut all, mut snapshot) = (Tally::default(), None);
    for path in &files {
        let tally = Tally::of(feed, path, &mut |item| builder.add(item))?;
        snapshot = snapshot.max(age(path, &tally));
        all.add(tally);
    }
    if !policy.force {
        all.judge(0).map_err(|why| {
            StoreError::Refused(format!(
                "feed {}: {why}; the database in use stays. Remove what is broken from {} and fetch \
                 or import it again, or build without it: --force",
                feed.name,
                folder.display()
            ))
        })?;
    }
    let named = u64::try_from(all.faults.len()).unwrap_or(u64::MAX);
    let rest = all.broken.saturating_sub(named);
    faults.extend(all.faults.into_iter().map(|(name, why)| (feed.name.to_owned(), name, why)));
    if rest > 0 {
        faults.push((feed.name.to_owned(), "others".to_owned(), format!("{rest} more documents")));
    }
    Ok(snapshot)
}

/// Of when a document is: what the server said when it was fetched; of one that was brought in no later than what it
/// says last, since a copy may be younger than what was copied.
fn age(path: &Path, tally: &Tally) -> Option<Timestamp> {
    let changed = changed(path);
    if fetch::has_note(path) {
        return changed;
    }
    tally.newest.map_or(changed, |newest| Some(changed.map_or(newest, |it| it.min(newest))))
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
