//! From the documents of all feeds to one database.
use super::{
    StoreError, Told, Work, bring::Brought, changed, containers, failed, fetch, tally::Tally,
};
use assess::{
    Builder, Database, Feed,
    database::{Behind, FeedState, Meta, changed_enrichment},
    diff, starter,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// About how much memory building may take before it goes on in a file without a name.
const MEMORY_BYTES: usize = 64 << 20;

/// How much longer than others a document may go without being fetched before that is told.
const BEHIND: SignedDuration = SignedDuration::from_hours(36);

/// What goes into a build, and when it is not fit for use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy<'a> {
    /// Use it even when many documents are broken, or a feed has lost half of what it said.
    pub force: bool,
    /// Feeds to leave out, whose documents stay. Of the starter set too.
    pub without: &'a [&'static Feed],
}

impl Policy<'_> {
    pub(super) fn leaves_out(self, feed: &str) -> bool {
        self.without.iter().any(|it| it.name == feed)
    }
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

/// Compiles the documents below `directory` and those that were brought in, and the starter set where its feeds have none.
pub(super) fn compile(
    directory: &Path,
    before: Option<&Database>,
    brought: &Brought,
    policy: Policy<'_>,
    told: Told<'_>,
) -> Result<Built, StoreError> {
    let scratch = tempfile::tempfile_in(directory).map_err(failed(directory))?;
    let builder = Builder::with_scratch(Meta::default(), Box::new(scratch), MEMORY_BYTES);
    let mut build = Build { builder, brought, policy, faults: Vec::new(), told };
    let mut feeds = Vec::new();
    for feed in assess::FEEDS.iter().filter(|it| !policy.leaves_out(it.name)) {
        let folder = directory.join("feeds").join(feed.name);
        feeds.extend(build.add(feed, &folder)?);
    }
    let Build { mut builder, faults, told, .. } = build;
    let has = |it: &FeedState| feeds.iter().any(|feed| feed.name == it.name);
    let mut starter = starter::states();
    starter.retain(|it| !has(it) && !policy.leaves_out(&it.name));
    add_starter(&mut builder, &starter)?;
    feeds.extend(starter);
    told(Work::Begin("compiling", None));
    feeds.sort_by(|a, b| a.name.cmp(&b.name));
    // What ships with the program makes nothing newer.
    let built = feeds.iter().filter(|it| !it.starter).filter_map(|it| it.snapshot).max();
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

struct Build<'a> {
    builder: Builder,
    brought: &'a Brought,
    policy: Policy<'a>,
    faults: Vec<(String, String, String)>,
    told: Told<'a>,
}

impl Build<'_> {
    /// Adds the documents of a feed, and says what it then holds of it; `None` when there are none.
    fn add(&mut self, feed: &'static Feed, folder: &Path) -> Result<Option<FeedState>, StoreError> {
        let mut files = if folder.is_dir() { containers::files(folder)? } else { Vec::new() };
        files.retain(|it| !self.brought.replaces(it));
        let brought = self.brought.within(folder).map(|it| it.1.copy.as_ref());
        let bytes = containers::bytes(files.iter().map(PathBuf::as_path).chain(brought));
        if bytes > 0 {
            (self.told)(Work::Begin(feed.name, Some(bytes)));
        }
        let (mut all, mut snapshot) = self.add_brought(feed, folder)?;
        for path in &files {
            let tally = self.read(feed, path, path)?;
            snapshot = snapshot.max(age(path, &tally));
            all.add(tally);
        }
        if !self.policy.force {
            all.judge(0).map_err(|why| {
                StoreError::Refused(format!(
                    "feed {}: {why}; the database in use stays. Remove what is broken from {} and fetch \
                     or import it again, or build without it: --force",
                    feed.name,
                    folder.display()
                ))
            })?;
        }
        self.blame(feed, all);
        Ok(snapshot.map(|it| FeedState { behind: behind(&files), ..state(feed, it) }))
    }

    /// Adds what was brought in for a feed, if it may take the place of what was there before.
    fn add_brought(
        &mut self,
        feed: &'static Feed,
        folder: &Path,
    ) -> Result<(Tally, Option<Timestamp>), StoreError> {
        let (mut all, mut snapshot) = (Tally::default(), None);
        let mut batches: BTreeMap<usize, (Tally, Tally)> = BTreeMap::new();
        for (target, document) in self.brought.within(folder) {
            let tally = self.read(feed, &document.copy, target)?;
            snapshot = snapshot.max(age(&document.copy, &tally));
            let (new, former) = batches.entry(document.batch).or_default();
            if target.is_file() && !self.policy.force {
                former.add(Tally::of(feed, target, target, &mut |_| Ok(()))?);
            }
            new.add(tally.clone());
            all.add(tally);
        }
        for (batch, (new, former)) in batches.iter().filter(|_| !self.policy.force) {
            self.brought.batches.get(*batch).map_or(Ok(()), |it| it.judge(new, former))?;
        }
        Ok((all, snapshot))
    }

    fn read(&mut self, feed: &Feed, path: &Path, name: &Path) -> Result<Tally, StoreError> {
        let tally = Tally::of(feed, path, name, &mut |item| self.builder.add(item))?;
        (self.told)(Work::Read(fs::metadata(path).map_or(0, |it| it.len())));
        Ok(tally)
    }

    fn blame(&mut self, feed: &Feed, all: Tally) {
        let named = u64::try_from(all.faults.len()).unwrap_or(u64::MAX);
        let rest = all.broken.saturating_sub(named);
        let mut blame = |name, why| self.faults.push((feed.name.to_owned(), name, why));
        all.faults.into_iter().for_each(|(name, why)| blame(name, why));
        if rest > 0 {
            blame("others".to_owned(), format!("{rest} more documents"));
        }
    }
}

/// Of when a document is: what the server said when it was fetched; of one that was brought in no later than what it
/// says last, since a copy may be younger than what was copied.
fn age(path: &Path, tally: &Tally) -> Option<Timestamp> {
    let changed = changed(path);
    if fetch::confirmed(path).is_some() {
        return changed;
    }
    tally.newest.map_or(changed, |newest| Some(changed.map_or(newest, |it| it.min(newest))))
}

/// The document that was longest not fetched, where that is days longer than for the others: some part of a feed may
/// fail for weeks, and its newest document does not tell.
fn behind(files: &[PathBuf]) -> Option<Behind> {
    let fetched = || files.iter().filter_map(|it| Some((fetch::confirmed(it)?, it)));
    let (newest, _) = fetched().max()?;
    let (since, path) = fetched().min()?;
    let document = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    (newest.duration_since(since) > BEHIND).then_some(Behind { document, since })
}

/// A feed that suddenly says half as much has been cut, or has changed its form.
fn shrunk(
    before: Option<&Database>,
    after: &Database,
    policy: Policy<'_>,
) -> Result<(), StoreError> {
    let Some(before) = before.filter(|_| !policy.force) else { return Ok(()) };
    let counts = |it: &&FeedState| !it.starter && !policy.leaves_out(&it.name);
    for old in before.meta().feeds.iter().filter(counts) {
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

fn add_starter(builder: &mut Builder, wanted: &[FeedState]) -> Result<(), StoreError> {
    let refused = |err: String| StoreError::Refused(format!("the starter set: {err}"));
    let mut failure = None;
    starter::items(wanted, &mut |item| {
        failure = failure.take().or_else(|| builder.add(&item).err())
    })
    .map_err(|err| refused(err.to_string()))?;
    failure.map_or(Ok(()), |err| Err(refused(err.to_string())))
}

/// A database of nothing but the starter set.
pub(super) fn starter() -> Result<Vec<u8>, StoreError> {
    let feeds = starter::states();
    let mut builder = Builder::new(Meta::default());
    add_starter(&mut builder, &feeds)?;
    builder.describe(Meta { built: None, feeds });
    let mut bytes = Vec::new();
    builder.finish(&mut bytes).map_err(|err| StoreError::Refused(err.to_string()))?;
    Ok(bytes)
}

/// Whether a database holds only a starter set, and not that of this program.
pub(super) fn is_old_starter(database: &Database) -> bool {
    let of = |it: &FeedState| (it.name.clone(), it.snapshot);
    let ours = starter::states().iter().map(of).collect::<Vec<_>>();
    database.is_starter() && !database.meta().feeds.iter().map(of).eq(ours)
}
