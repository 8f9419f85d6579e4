//! Remembers files with several names, for as long as some of those are still to come.
use std::collections::HashMap;

/// How many files, and how many bytes of names, are remembered. Beyond this a further name is
/// written as a file of its own, which costs time and nothing else.
const FILES: usize = 1_000_000;
const NAME_BYTES: usize = 48 << 20;

/// The first names of files.
#[derive(Debug, Default)]
pub(super) struct Links {
    first: HashMap<(u64, u64), First>,
    name_bytes: usize,
}

/// The name under which a file was written.
#[derive(Clone, Debug)]
pub(super) struct First {
    pub(super) name: Box<[u8]>,
    /// Whether its content was.
    pub(super) whole: bool,
    /// How many names are still to come, at most.
    left: u64,
}

impl Links {
    /// Under which name the file went by.
    pub(super) fn first(&self, file: (u64, u64)) -> Option<&First> {
        self.first.get(&file)
    }

    /// One more name of the file went by.
    pub(super) fn used(&mut self, file: (u64, u64)) {
        let Some(first) = self.first.get_mut(&file) else { return };
        first.left = first.left.saturating_sub(1);
        if first.left == 0 {
            self.name_bytes = self.name_bytes.saturating_sub(first.name.len());
            self.first.remove(&file);
        }
    }

    /// The file was written under `name`, of `names` that it has.
    pub(super) fn add(&mut self, file: (u64, u64), name: &[u8], whole: bool, names: u64) {
        let bytes = self.name_bytes.saturating_add(name.len());
        let left = names.saturating_sub(1);
        if left > 0 && self.first.len() < FILES && bytes <= NAME_BYTES {
            let before = self.first.insert(file, First { name: name.into(), whole, left });
            self.name_bytes = bytes.saturating_sub(before.map_or(0, |it| it.name.len()));
        }
    }
}
