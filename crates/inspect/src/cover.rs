//! What a layer hides of the layers below it.
use model::ImagePath;
use sha2::{Digest, Sha256};
use std::io::{self, BufReader, Read, Write};

/// Stands for a path: sixteen bytes, however long. Half a SHA-256, since with a weaker hash an image could
/// be built whose harmless file collides with, and so hides, a harmful one.
pub(crate) type Key = [u8; 16];

pub(crate) fn key(path: &str) -> Key {
    let hash = Sha256::digest(path.as_bytes());
    hash.first_chunk().copied().unwrap_or_default()
}

/// The paths that a layer takes away from the layers below, and its executables: twenty bytes a file,
/// however many files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cover {
    /// A file or link, or nothing any more, stands here: what was here or underneath is gone.
    replaced: Table,
    /// A directory stands here: what was here is gone, unless it was a directory too.
    directories: Table,
    /// An opaque directory stands here: what was underneath is gone.
    emptied: Table,
}

/// The most rows that a table may say it has: thirty million take 600 MB.
const MOST_ROWS: u64 = 30_000_000;

/// Keys in order, each with the size of the executable at that path, or 0.
#[derive(Clone, Debug, Default, PartialEq)]
struct Table(Vec<[u8; 20]>);

impl Cover {
    pub(crate) fn replace(&mut self, path: &ImagePath, executable_bytes: u64) {
        self.replaced.push(path.as_str(), executable_bytes);
    }

    pub(crate) fn directory(&mut self, path: &ImagePath) {
        self.directories.push(path.as_str(), 0);
    }

    pub(crate) fn empty(&mut self, path: &str) {
        self.emptied.push(path, 0);
    }

    /// Must be called once everything is in; answers how many paths stood in it more than once.
    pub(crate) fn finish(&mut self) -> usize {
        self.directories.finish();
        self.emptied.finish();
        self.replaced.finish()
    }

    /// Whether something that a lower layer has at `path` can no longer be seen, going by what this one
    /// has beneath the directory `top`.
    pub(crate) fn hides(&self, path: &str, top: &str) -> bool {
        let above = std::iter::successors(path.rsplit_once('/'), |(dir, _)| dir.rsplit_once('/'));
        let mut beneath = above.map(|(dir, _)| dir).take_while(|it| it.len() > top.len());
        let here = key(path);
        self.replaced.has(&here)
            || self.directories.has(&here)
            || beneath.any(|it| self.replaced.has(&key(it)) || self.emptied.has(&key(it)))
            || self.emptied.has(&key(top))
    }

    /// Writes it, so that [`Cover::read`] and [`executables`] can read it.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for table in [&self.replaced, &self.directories, &self.emptied] {
            let count = u64::try_from(table.0.len()).unwrap_or(u64::MAX);
            out.write_all(&count.to_le_bytes())?;
            out.write_all(table.0.as_flattened())?;
        }
        Ok(())
    }

    /// Reads what was written, and not a byte more.
    pub fn read(input: &mut impl Read) -> io::Result<Cover> {
        let (replaced, directories) = (Table::read(input)?, Table::read(input)?);
        Ok(Cover { replaced, directories, emptied: Table::read(input)? })
    }
}

/// The executables of a cover that was written, in the order of their keys: the key of the path, and the size.
/// There may be millions in each of many layers, so that they are read one by one.
pub(crate) fn executables(
    input: impl Read,
) -> io::Result<impl Iterator<Item = io::Result<(Key, u64)>>> {
    let mut input = BufReader::with_capacity(32 << 10, input);
    let count = Table::count(&mut input)?;
    let rows = (0..count).map(move |_| {
        let mut row = [0; 20];
        input.read_exact(&mut row)?;
        let (key, size) = row.split_at(16);
        let size = size.first_chunk().map_or(0, |it| u32::from_le_bytes(*it));
        Ok((key.first_chunk().copied().unwrap_or_default(), u64::from(size)))
    });
    Ok(rows.filter(|it| !matches!(it, Ok((_, 0)))))
}

impl Table {
    fn push(&mut self, path: &str, size: u64) {
        let mut row = [0; 20];
        let (left, right) = row.split_at_mut(16);
        left.copy_from_slice(&key(path));
        right.copy_from_slice(&u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes());
        self.0.push(row);
    }

    fn finish(&mut self) -> usize {
        self.0.sort_unstable();
        let before = self.0.len();
        self.0.dedup_by_key(|it| it.first_chunk::<16>().copied());
        before.saturating_sub(self.0.len())
    }

    fn has(&self, key: &Key) -> bool {
        self.0.binary_search_by(|it| it.first_chunk::<16>().cmp(&Some(key))).is_ok()
    }

    fn count(input: &mut impl Read) -> io::Result<u64> {
        let mut count = [0; 8];
        input.read_exact(&mut count)?;
        match u64::from_le_bytes(count) {
            count if count <= MOST_ROWS => Ok(count),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "too many rows")),
        }
    }

    fn read(input: &mut impl Read) -> io::Result<Table> {
        let count = usize::try_from(Table::count(input)?).unwrap_or_default();
        let mut rows = vec![[0; 20]; count];
        input.read_exact(rows.as_flattened_mut())?;
        if rows.is_sorted_by(|a, b| a.first_chunk::<16>() < b.first_chunk::<16>()) {
            Ok(Table(rows))
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "rows out of order"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cover() -> Cover {
        let path = |it: &str| ImagePath::parse(it.as_bytes()).unwrap();
        let mut cover = Cover::default();
        cover.replace(&path("etc/passwd"), 0);
        cover.replace(&path("bin/sh"), 7);
        cover.replace(&path("bin/sh"), 9);
        cover.directory(&path("srv"));
        cover.empty("opt/app");
        assert_eq!(cover.finish(), 1);
        cover
    }

    #[test]
    fn a_layer_hides_what_it_replaces_and_what_was_below() {
        let cover = cover();
        let hidden = ["etc/passwd", "etc/passwd/below", "opt/app/x", "opt/app/x/y", "srv"];
        for path in hidden {
            assert!(cover.hides(path, ""), "{path}");
        }
        for path in ["etc", "etc/passwd2", "opt/app", "opt", "srv/x"] {
            assert!(!cover.hides(path, ""), "{path}");
        }
        assert!(!cover.hides("etc/passwd/below", "etc/passwd"));
        assert!(cover.hides("opt/app/x", "opt/app"));
    }

    #[test]
    fn a_cover_is_read_as_it_was_written() {
        let mut bytes = Vec::new();
        cover().write(&mut bytes).unwrap();
        bytes.extend(b"more");
        let mut rest = &bytes[..];
        assert_eq!(Cover::read(&mut rest).unwrap(), cover());
        assert_eq!(rest, b"more");
        let programs: Result<Vec<_>, _> = executables(&bytes[..]).unwrap().collect();
        assert_eq!(programs.unwrap(), [(key("bin/sh"), 7)]);
        assert!(Cover::read(&mut &bytes[..100]).is_err());
        assert!(executables(&bytes[..30]).unwrap().any(|it| it.is_err()));
        bytes[..8].fill(0xff);
        assert!(Cover::read(&mut &bytes[..]).is_err() && executables(&bytes[..]).is_err());
        // The first row is moved behind the second.
        bytes[..8].copy_from_slice(&2_u64.to_le_bytes());
        bytes[8] = 0xff;
        assert_eq!(Cover::read(&mut &bytes[..]).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn an_opaque_root_hides_everything() {
        let mut cover = Cover::default();
        cover.empty("");
        assert_eq!(cover.finish(), 0);
        assert!(cover.hides("etc/passwd", "") && cover.hides("x", ""));
    }
}
