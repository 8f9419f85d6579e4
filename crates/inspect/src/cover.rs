//! What a layer hides of the layers below it.
use model::{FileDigest, ImagePath, malware::Digests};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    io::{self, BufReader, Read, Write},
};

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
    /// A file or link stands here: what was here or underneath is gone.
    replaced: Table,
    /// Nothing stands here any more: what was here or underneath is gone.
    removed: Table,
    /// A directory stands here: what was here is gone, unless it was a directory too.
    directories: Table,
    /// An opaque directory stands here: what was underneath is gone.
    emptied: Table,
    /// What the files that run hash to.
    programs: Vec<[u8; ROW_BYTES]>,
}

/// A row of `programs`: the key of the path, MD5, the first sixteen bytes of SHA-1, SHA-256; zeros where it was not
/// computed.
const ROW_BYTES: usize = 80;

/// A file that runs: what its path and its content hash to.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Program {
    pub(crate) key: Key,
    md5: [u8; 16],
    sha1: [u8; 16],
    pub(crate) sha256: [u8; 32],
}

impl Program {
    pub(crate) fn new(key: Key, digests: &Digests) -> Program {
        Program {
            key,
            md5: digests.md5.unwrap_or_default(),
            sha1: digests.sha1.and_then(|it| it.first_chunk().copied()).unwrap_or_default(),
            sha256: digests.sha256,
        }
    }

    /// Whether its content hashes to `digest`; `None` when nobody computed that.
    pub(crate) fn is(&self, digest: &FileDigest) -> Option<bool> {
        let (mine, theirs) = match digest {
            FileDigest::Md5(it) => (&self.md5[..], &it[..]),
            FileDigest::Sha1(it) => (&self.sha1[..], &it[..]),
            FileDigest::Sha256(it) => (&self.sha256[..], &it[..]),
            FileDigest::Longer(_) => return None,
        };
        mine.iter().any(|it| *it != 0).then(|| theirs.starts_with(mine))
    }

    fn row(&self) -> [u8; ROW_BYTES] {
        let parts = self.key.iter().chain(&self.md5).chain(&self.sha1).chain(&self.sha256);
        let mut row = [0; ROW_BYTES];
        row.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
        row
    }

    fn of(row: &[u8; ROW_BYTES]) -> Program {
        let part = |from: usize| row.get(from..).and_then(|it| it.first_chunk().copied());
        let sha256 = row.last_chunk().copied().unwrap_or_default();
        let part = |from: usize| part(from).unwrap_or_default();
        Program { key: part(0), md5: part(16), sha1: part(32), sha256 }
    }
}

/// As many files that run are held against their packages; they take 80 MB.
pub(crate) const PROGRAMS: usize = 1_000_000;

/// How something of a lower layer went out of sight.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Hidden {
    /// Something else stands there.
    Replaced,
    /// Nothing stands there.
    Removed,
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

    pub(crate) fn remove(&mut self, path: &ImagePath) {
        self.removed.push(path.as_str(), 0);
    }

    /// Whether there was room for it.
    pub(crate) fn program(&mut self, path: &ImagePath, digests: &Digests) -> bool {
        let room = self.programs.len() < PROGRAMS;
        if room {
            self.programs.push(Program::new(key(path.as_str()), digests).row());
        }
        room
    }

    /// Leaves of these directories those that are not here as directories, with all above them: on the way to them a link
    /// of a layer below may stand.
    pub(crate) fn unbrought(&mut self, all: &mut BTreeSet<ImagePath>) {
        self.directories.finish();
        let is_here = |it: &str| self.directories.has(&key(it));
        all.retain(|it| !is_here(it.as_str()) || !it.ancestors().all(is_here));
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
        // A layer may take away what is below and put something there, in whatever order.
        self.removed.finish();
        // The last entry of a path is the one that counts.
        self.programs.reverse();
        self.programs.sort_by_key(path_of);
        self.programs.dedup_by_key(|it| path_of(it));
        self.replaced.finish()
    }

    /// Whether something that a lower layer has at `path` can no longer be seen, and how it went, by
    /// what this one has beneath the directory `top`.
    pub(crate) fn hides(&self, path: &str, top: &str) -> Option<Hidden> {
        let here = key(path);
        if self.replaced.has(&here) || self.directories.has(&here) {
            return Some(Hidden::Replaced);
        }
        let above = std::iter::successors(path.rsplit_once('/'), |(dir, _)| dir.rsplit_once('/'));
        let mut beneath = above.map(|(dir, _)| dir).take_while(|it| it.len() > top.len());
        let gone = |it: &Key| self.replaced.has(it) || self.removed.has(it) || self.emptied.has(it);
        let removed = self.removed.has(&here)
            || beneath.any(|it| gone(&key(it)))
            || self.emptied.has(&key(top));
        removed.then_some(Hidden::Removed)
    }

    /// Writes it, so that [`Cover::read`] and [`executables`] can read it.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let count = |it: usize| u64::try_from(it).unwrap_or(u64::MAX).to_le_bytes();
        for table in [&self.replaced, &self.removed, &self.directories, &self.emptied] {
            out.write_all(&count(table.0.len()))?;
            out.write_all(table.0.as_flattened())?;
        }
        out.write_all(&count(self.programs.len()))?;
        out.write_all(self.programs.as_flattened())
    }

    /// Reads what was written, and not a byte more.
    pub fn read(input: &mut impl Read) -> io::Result<Cover> {
        let mut table = || Table::read(input);
        let (replaced, removed, directories, emptied) = (table()?, table()?, table()?, table()?);
        let count = usize::try_from(count(input)?).unwrap_or_default();
        let mut programs = vec![[0; ROW_BYTES]; count.min(PROGRAMS)];
        input.read_exact(programs.as_flattened_mut())?;
        Ok(Cover { replaced, removed, directories, emptied, programs })
    }
}

/// The executables of a cover that was written, in the order of their keys: the key of the path, and the size.
/// There may be millions in each of many layers, so that they are read one by one.
pub(crate) fn executables(
    input: impl Read,
) -> io::Result<impl Iterator<Item = io::Result<(Key, u64)>>> {
    let mut input = BufReader::with_capacity(32 << 10, input);
    let count = count(&mut input)?;
    let rows = (0..count).map(move |_| {
        let mut row = [0; 20];
        input.read_exact(&mut row)?;
        let (key, size) = row.split_at(16);
        let size = size.first_chunk().map_or(0, |it| u32::from_le_bytes(*it));
        Ok((key.first_chunk().copied().unwrap_or_default(), u64::from(size)))
    });
    Ok(rows.filter(|it| !matches!(it, Ok((_, 0)))))
}

/// The files that run of a cover that was written, in the order of their keys.
pub(crate) fn programs(input: impl Read) -> io::Result<impl Iterator<Item = io::Result<Program>>> {
    let mut input = BufReader::with_capacity(64 << 10, input);
    for _ in 0..4 {
        let bytes = count(&mut input)?.saturating_mul(20);
        io::copy(&mut input.by_ref().take(bytes), &mut io::sink())?;
    }
    let count = count(&mut input)?;
    Ok((0..count).map(move |_| {
        let mut row = [0; ROW_BYTES];
        input.read_exact(&mut row)?;
        Ok(Program::of(&row))
    }))
}

fn path_of(row: &[u8; ROW_BYTES]) -> Key {
    row.first_chunk().copied().unwrap_or_default()
}

fn count(input: &mut impl Read) -> io::Result<u64> {
    let mut count = [0; 8];
    input.read_exact(&mut count)?;
    match u64::from_le_bytes(count) {
        count if count <= MOST_ROWS => Ok(count),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "too many rows")),
    }
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

    fn read(input: &mut impl Read) -> io::Result<Table> {
        let count = usize::try_from(count(input)?).unwrap_or_default();
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

    fn digests(it: u8) -> Digests {
        Digests { sha256: [it; 32], sha1: None, md5: Some([it; 16]) }
    }

    fn cover() -> Cover {
        let path = |it: &str| ImagePath::parse(it.as_bytes()).unwrap();
        let mut cover = Cover::default();
        cover.replace(&path("etc/passwd"), 0);
        cover.replace(&path("bin/sh"), 7);
        cover.replace(&path("bin/sh"), 9);
        cover.directory(&path("srv"));
        cover.empty("opt/app");
        cover.remove(&path("bin/sh"));
        cover.remove(&path("usr/games"));
        assert!(cover.program(&path("bin/sh"), &digests(1)));
        assert!(cover.program(&path("a"), &digests(2)));
        assert!(cover.program(&path("bin/sh"), &digests(3)));
        assert_eq!(cover.finish(), 1);
        cover
    }

    #[test]
    fn a_layer_hides_what_it_replaces_and_what_was_below() {
        let cover = cover();
        use Hidden::{Removed, Replaced};
        let hidden = [
            ("etc/passwd", Replaced),
            ("etc/passwd/below", Removed),
            ("opt/app/x", Removed),
            ("opt/app/x/y", Removed),
            ("srv", Replaced),
            ("usr/games", Removed),
            ("usr/games/x", Removed),
            // Taken away, and put there anew.
            ("bin/sh", Replaced),
        ];
        for (path, how) in hidden {
            assert_eq!(cover.hides(path, ""), Some(how), "{path}");
        }
        for path in ["etc", "etc/passwd2", "opt/app", "opt", "srv/x", "usr"] {
            assert_eq!(cover.hides(path, ""), None, "{path}");
        }
        assert_eq!(cover.hides("etc/passwd/below", "etc/passwd"), None);
        assert!(cover.hides("opt/app/x", "opt/app").is_some());
    }

    #[test]
    fn a_cover_is_read_as_it_was_written() {
        let mut bytes = Vec::new();
        cover().write(&mut bytes).unwrap();
        bytes.extend(b"more");
        let mut rest = &bytes[..];
        assert_eq!(Cover::read(&mut rest).unwrap(), cover());
        assert_eq!(rest, b"more");
        let found: Result<Vec<_>, _> = executables(&bytes[..]).unwrap().collect();
        assert_eq!(found.unwrap(), [(key("bin/sh"), 7)]);
        let found: Result<Vec<_>, _> = programs(&bytes[..]).unwrap().collect();
        let mut expected =
            [Program::new(key("bin/sh"), &digests(3)), Program::new(key("a"), &digests(2))];
        expected.sort();
        assert_eq!(found.unwrap(), expected);
        assert_eq!(expected[0].is(&FileDigest::Sha1([0; 20])), None);
        assert_eq!(expected.map(|it| it.is(&FileDigest::Md5([3; 16]))).iter().flatten().count(), 2);
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
        assert!(cover.hides("etc/passwd", "").is_some() && cover.hides("x", "").is_some());
    }
}
