//! What a layer hides of the layers below it.
use model::ImagePath;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// Stands for a path: sixteen bytes, however long. Half a SHA-256, since with a weaker hash an image could
/// be built whose harmless file collides with, and so hides, a harmful one.
pub(crate) type Key = [u8; 16];

pub(crate) fn key(path: &str) -> Key {
    let hash = Sha256::digest(path.as_bytes());
    hash.first_chunk().copied().unwrap_or_default()
}

/// The paths that a layer takes away from the layers below, and its executables: twenty bytes a file,
/// however many files.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Cover {
    /// A file or link, or nothing any more, stands here: what was here or underneath is gone.
    replaced: Table,
    /// A directory stands here: what was here is gone, unless it was a directory too.
    directories: Table,
    /// An opaque directory stands here: what was underneath is gone.
    emptied: Table,
}

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

    /// The executables, in the order of their keys: the key of the path, and the size.
    pub(crate) fn executables(&self) -> impl Iterator<Item = (Key, u64)> {
        self.replaced.0.iter().filter_map(|it| {
            let (key, size) = it.split_first_chunk()?;
            let size = u32::from_le_bytes(*size.first_chunk()?);
            (size > 0).then(|| (*key, u64::from(size)))
        })
    }

    /// The size of the executable at the path of that key, where there is one.
    pub(crate) fn executable(&self, key: &Key) -> Option<u64> {
        let row = self.replaced.0.get(self.replaced.find(key)?)?;
        let size = u32::from_le_bytes(*row.last_chunk()?);
        (size > 0).then(|| u64::from(size))
    }

    /// How many bytes it takes in memory.
    pub fn bytes(&self) -> usize {
        let tables = [&self.replaced, &self.directories, &self.emptied];
        tables.iter().map(|it| it.0.len().saturating_mul(20)).sum()
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

    fn find(&self, key: &Key) -> Option<usize> {
        self.0.binary_search_by(|it| it.first_chunk::<16>().cmp(&Some(key))).ok()
    }

    fn has(&self, key: &Key) -> bool {
        self.find(key).is_some()
    }
}

/// As one run of bytes: millions of rows would each be taken apart otherwise.
impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.as_flattened())
    }
}

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Table, D::Error> {
        struct Rows;
        impl de::Visitor<'_> for Rows {
            type Value = Table;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("rows of twenty bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Table, E> {
                let (rows, rest) = bytes.as_chunks();
                let sorted =
                    rows.is_sorted_by(|a, b| a.first_chunk::<16>() < b.first_chunk::<16>());
                if rest.is_empty() && sorted {
                    Ok(Table(rows.to_vec()))
                } else {
                    Err(E::custom("rows out of order"))
                }
            }
        }
        deserializer.deserialize_bytes(Rows)
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
        assert_eq!(cover.executables().collect::<Vec<_>>(), [(key("bin/sh"), 7)]);
        assert_eq!(cover.executable(&key("bin/sh")), Some(7));
        assert_eq!(cover.executable(&key("etc/passwd")), None);
    }

    #[test]
    fn an_opaque_root_hides_everything() {
        let mut cover = Cover::default();
        cover.empty("");
        assert_eq!(cover.finish(), 0);
        assert!(cover.hides("etc/passwd", "") && cover.hides("x", ""));
    }
}
