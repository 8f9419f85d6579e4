//! Bringing in documents that somebody carried here: all that were named for a feed, or none of them.
use super::{Counting, StoreError, Told, Work, containers, failed, fetch, tally::Tally};
use assess::Feed;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};
use tempfile::TempPath;

/// Begins the names of files that are not complete; what is hidden is no document.
pub(super) const UNFINISHED: &str = ".new-";

/// Documents that somebody carried here: copied to where they are to be kept, under names that no build sees yet.
#[derive(Default)]
pub(super) struct Brought {
    /// What came from where.
    pub(super) batches: Vec<Batch>,
    /// By the path that they are to have. Of two that would have the same, the last counts.
    documents: BTreeMap<PathBuf, Document>,
}

/// What was named for one feed.
pub(super) struct Batch {
    pub(super) feed: &'static Feed,
    from: PathBuf,
}

/// A document that waits for its name.
pub(super) struct Document {
    /// Where it is until then; gone when it never gets there.
    pub(super) copy: TempPath,
    /// An index into the batches.
    pub(super) batch: usize,
}

impl Brought {
    /// Copies a document of `feed`, or a folder of them.
    pub(super) fn add(
        &mut self,
        directory: &Path,
        feed: &'static Feed,
        from: &Path,
        told: Told<'_>,
    ) -> Result<(), StoreError> {
        let to = directory.join("feeds").join(feed.name);
        let root = if from.is_dir() { from } else { from.parent().unwrap_or(from) };
        let files = containers::files(from)?;
        if files.is_empty() {
            return Err(StoreError::Refused(format!("{}: there is nothing in it", from.display())));
        }
        told(Work::Begin(
            &from.display().to_string(),
            Some(containers::bytes(files.iter().map(PathBuf::as_path))),
        ));
        let batch = self.batches.len();
        self.batches.push(Batch { feed, from: from.to_owned() });
        for file in files {
            let target = to.join(file.strip_prefix(root).unwrap_or(&file));
            let copy = copy(&file, &target, told)?;
            self.documents.insert(target, Document { copy, batch });
        }
        Ok(())
    }

    /// Those that are to be kept in `folder`.
    pub(super) fn within(&self, folder: &Path) -> impl Iterator<Item = (&PathBuf, &Document)> {
        self.documents.iter().filter(move |it| it.0.starts_with(folder))
    }

    /// Whether one of them is to take the place of what is at `path`.
    pub(super) fn replaces(&self, path: &Path) -> bool {
        self.documents.contains_key(path)
    }

    /// Gives all of them their names.
    pub(super) fn keep(self) -> Result<(), StoreError> {
        self.documents.into_iter().try_for_each(|(target, document)| {
            // What was fetched under this name before is no more.
            drop(fs::remove_file(fetch::note_path(&target)));
            document.copy.persist(&target).map_err(|err| failed(&target)(err.error))
        })
    }
}

impl Batch {
    /// Whether what it came to may take the place of what was there before.
    pub(super) fn judge(&self, new: &Tally, former: &Tally) -> Result<(), StoreError> {
        let judged = match new.records {
            0 => Err(format!("nothing in it is of the feed {}{}", self.feed.name, new.first())),
            _ => new.judge(former.records),
        };
        judged.map_err(|why| {
            let from = self.from.display();
            StoreError::Refused(format!(
                "{from}: {why}; nothing was brought in, the database in use stays. --force brings it in all the same"
            ))
        })
    }
}

fn copy(from: &Path, to: &Path, told: Told<'_>) -> Result<TempPath, StoreError> {
    let folder = to.parent().unwrap_or(to);
    let mut source = File::open(from).map_err(failed(from))?;
    let mut copy = unfinished(folder)?;
    io::copy(&mut Counting { file: &mut source, told }, &mut copy).map_err(failed(folder))?;
    // The age of a document is the age of what it says.
    let modified = source.metadata().and_then(|it| it.modified());
    modified.and_then(|it| copy.as_file().set_modified(it)).map_err(failed(to))?;
    // It must be on the disk before it has its name, or a power cut leaves an empty one.
    copy.as_file().sync_all().map_err(failed(to))?;
    Ok(copy.into_temp_path())
}

/// A file in `folder` that is gone when it is not kept.
pub(super) fn unfinished(folder: &Path) -> Result<tempfile::NamedTempFile, StoreError> {
    fs::create_dir_all(folder).map_err(failed(folder))?;
    tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder).map_err(failed(folder))
}

/// Gives a complete file its name. It must be on the disk first, or a power cut leaves an empty one.
pub(super) fn keep(file: tempfile::NamedTempFile, path: &Path) -> Result<(), StoreError> {
    file.as_file().sync_all().map_err(failed(path))?;
    file.persist(path).map(drop).map_err(|err| failed(path)(err.error))
}

/// Removes what processes left that were killed. Only for who holds the lock.
pub(super) fn tidy(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let unfinished = entry.file_name().to_string_lossy().starts_with(UNFINISHED);
        match entry.file_type() {
            Ok(it) if it.is_dir() => tidy(&entry.path()),
            Ok(it) if it.is_file() && unfinished => drop(fs::remove_file(entry.path())),
            _ => {}
        }
    }
}
