//! A table: sorted entries in packed blocks, and an index of the blocks that is small enough to be
//! kept in memory.
use super::{
    DatabaseError,
    block::{self, Block, Entries},
    source::Source,
};
use serde::{Deserialize, Serialize};
use std::{
    cell::RefCell,
    io::{self, Write},
};

/// How large a block grows before it is packed: larger ones pack better, smaller ones are read
/// faster. An entry that is larger has a block of its own.
const BLOCK: usize = 8 << 10;

/// The largest block that anybody reads.
const MAX_BLOCK: u32 = 256 << 20;

/// Where the blocks of a table are.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Table {
    blocks: Vec<Place>,
    entries: u64,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Place {
    first: Vec<u8>,
    offset: u64,
    packed: u32,
    raw: u32,
    hash: [u8; 16],
}

/// What is written so far.
pub(super) struct Output<'a, W> {
    pub(super) to: &'a mut W,
    pub(super) offset: u64,
}

impl<W: Write> Output<'_, W> {
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)?;
        self.offset = self.offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }
}

/// Writes a table.
#[derive(Default)]
pub(super) struct Writer {
    table: Table,
    block: Block,
    first: Vec<u8>,
}

impl Writer {
    /// Adds an entry; keys must come in order.
    pub(super) fn push<W: Write>(
        &mut self,
        key: &[u8],
        value: &[u8],
        output: &mut Output<'_, W>,
    ) -> io::Result<()> {
        if self.block.len() == 0 {
            self.first = key.to_vec();
        }
        self.block.push(key, value);
        self.table.entries = self.table.entries.saturating_add(1);
        if self.block.len() >= BLOCK { self.flush(output) } else { Ok(()) }
    }

    /// Writes what is left.
    pub(super) fn finish<W: Write>(mut self, output: &mut Output<'_, W>) -> io::Result<Table> {
        self.flush(output)?;
        Ok(self.table)
    }

    fn flush<W: Write>(&mut self, output: &mut Output<'_, W>) -> io::Result<()> {
        let raw = self.block.take();
        if raw.is_empty() {
            return Ok(());
        }
        let size = |it: usize| {
            u32::try_from(it)
                .ok()
                .filter(|it| *it <= MAX_BLOCK)
                .ok_or_else(|| io::Error::other("an advisory is too large for the database"))
        };
        let packed = block::pack(&raw);
        self.table.blocks.push(Place {
            first: std::mem::take(&mut self.first),
            offset: output.offset,
            packed: size(packed.len())?,
            raw: size(raw.len())?,
            hash: block::hash(&packed),
        });
        output.write(&packed)
    }
}

/// The block that was read last: who asks in the order of the keys reads each block once.
#[derive(Default)]
pub(super) struct Cursor(RefCell<Loaded>);

#[derive(Default)]
struct Loaded {
    number: Option<usize>,
    packed: Vec<u8>,
    raw: Vec<u8>,
}

impl Table {
    /// How many entries there are.
    pub(super) fn len(&self) -> u64 {
        self.entries
    }

    /// Calls `each` with every entry whose key begins with `prefix`, in order, until it says
    /// `false`.
    pub(super) fn scan(
        &self,
        source: &Source,
        cursor: &Cursor,
        prefix: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> Result<bool, DatabaseError>,
    ) -> Result<(), DatabaseError> {
        // The last block that begins before the prefix may hold the first entry; when an entry of
        // the same key begins a block, the ones before have smaller keys.
        let begin = self.blocks.partition_point(|it| it.first.as_slice() < prefix);
        for number in begin.saturating_sub(1)..self.blocks.len() {
            let Some(place) = self.blocks.get(number) else { break };
            if place.first.as_slice() > prefix && !place.first.starts_with(prefix) {
                break;
            }
            let Loaded { number: loaded, packed, raw } = &mut *cursor.0.borrow_mut();
            if *loaded != Some(number) {
                *loaded = None;
                place.read(source, packed, raw)?;
                *loaded = Some(number);
            }
            let mut entries = Entries::new(raw);
            let mut next = entries.seek(prefix);
            while let Some(value) = next {
                if !entries.key.starts_with(prefix) || !each(&entries.key, value)? {
                    return Ok(());
                }
                next = entries.next();
            }
        }
        Ok(())
    }

    /// Every entry, in order.
    pub(super) fn iter<'a>(&'a self, source: &'a Source) -> Iter<'a> {
        Iter { table: self, source, next: 0, entries: Vec::new() }
    }

    /// Reads every block.
    pub(super) fn verify(&self, source: &Source) -> Result<(), DatabaseError> {
        let (mut packed, mut raw) = (Vec::new(), Vec::new());
        self.blocks.iter().try_for_each(|it| it.read(source, &mut packed, &mut raw))
    }
}

impl Place {
    fn read(
        &self,
        source: &Source,
        packed: &mut Vec<u8>,
        raw: &mut Vec<u8>,
    ) -> Result<(), DatabaseError> {
        let damaged = || DatabaseError::Damaged(format!("block at {}", self.offset));
        if self.raw > MAX_BLOCK || self.packed > MAX_BLOCK {
            return Err(damaged());
        }
        source.read(self.offset, u64::from(self.packed), packed)?;
        let len = usize::try_from(self.raw).map_err(|_| damaged())?;
        let is_whole = block::hash(packed) == self.hash && block::unpack(packed, len, raw);
        is_whole.then_some(()).ok_or_else(damaged)
    }
}

/// The entries of a table, in order.
pub(super) struct Iter<'a> {
    table: &'a Table,
    source: &'a Source,
    next: usize,
    entries: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Iterator for Iter<'_> {
    type Item = Result<(Vec<u8>, Vec<u8>), DatabaseError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.entries.is_empty() {
            let place = self.table.blocks.get(self.next)?;
            self.next = self.next.saturating_add(1);
            let mut raw = Vec::new();
            if let Err(err) = place.read(self.source, &mut Vec::new(), &mut raw) {
                return Some(Err(err));
            }
            let mut entries = Entries::new(&raw);
            while let Some(value) = entries.next() {
                self.entries.push((entries.key.clone(), value.to_vec()));
            }
            self.entries.reverse();
        }
        self.entries.pop().map(Ok)
    }
}
