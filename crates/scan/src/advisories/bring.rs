//! Bringing in documents that somebody carried here: all that were named for a feed, or none of them.
use super::{Policy, StoreError, containers, failed, fetch, tally::Tally};
use assess::Feed;
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// Begins the names of files that are not complete; what is hidden is no document.
pub(super) const UNFINISHED: &str = ".new-";

/// Copies a document of `feed`, or a folder of them, to where its documents are kept, once all have been read: what is
/// no good must not stand in the way of the next build.
pub(super) fn bring(
    directory: &Path,
    feed: &'static Feed,
    from: &Path,
    policy: Policy,
) -> Result<(), StoreError> {
    let to = directory.join("feeds").join(feed.name);
    let root = if from.is_dir() { from } else { from.parent().unwrap_or(from) };
    let target = |it: &Path| to.join(it.strip_prefix(root).unwrap_or(it));
    let files: Vec<(PathBuf, PathBuf)> =
        containers::files(from)?.into_iter().map(|it| (target(&it), it)).collect();
    if !policy.force {
        let (mut new, mut former) = (Tally::default(), Tally::default());
        for (target, file) in &files {
            new.add(Tally::of(feed, file, &mut |_| Ok(()))?);
            if target.is_file() {
                former.add(Tally::of(feed, target, &mut |_| Ok(()))?);
            }
        }
        let judged = match new.records {
            0 => Err(format!("nothing in it is of the feed {}{}", feed.name, new.first())),
            _ => new.judge(former.records),
        };
        judged.map_err(|why| {
            let from = from.display();
            StoreError::Refused(format!(
                "{from}: {why}; nothing was brought in, the database in use stays. --force brings it in all the same"
            ))
        })?;
    }
    files.iter().try_for_each(|(target, file)| copy(file, target))
}

fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let folder = to.parent().unwrap_or(to);
    let mut source = File::open(from).map_err(failed(from))?;
    // What was fetched under this name before is no more.
    drop(fs::remove_file(fetch::note_path(to)));
    let mut copy = unfinished(folder)?;
    io::copy(&mut source, &mut copy).map_err(failed(folder))?;
    // The age of a document is the age of what it says.
    let modified = source.metadata().and_then(|it| it.modified());
    modified.and_then(|it| copy.as_file().set_modified(it)).map_err(failed(to))?;
    keep(copy, to)
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
