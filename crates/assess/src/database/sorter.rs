//! Sorts more entries than fit into memory: what does not fit is written to a scratch as sorted
//! runs, which are merged when they are read.
use super::block::{Block, Entries};
use std::{
    cell::RefCell,
    cmp::Reverse,
    collections::BinaryHeap,
    io::{self, Read, Seek, SeekFrom, Write},
    rc::Rc,
};

/// Room outside of memory: an unnamed temporary file, say.
pub trait Scratch: Read + Write + Seek {}
impl<T: Read + Write + Seek> Scratch for T {}

/// A scratch that several sorters share. Each writes at its end only.
#[derive(Clone)]
pub(super) struct Shared(Rc<RefCell<Box<dyn Scratch>>>);

/// How many bytes of a run are read at once.
const CHUNK: usize = 64 << 10;

/// Gathers entries, and gives them back in order.
pub(super) struct Sorter {
    bytes: Vec<u8>,
    /// Where each entry's key begins, and ends, and where its value ends.
    spans: Vec<[u32; 3]>,
    runs: Vec<Vec<Chunk>>,
    /// Where to put what does not fit, and what fits.
    spill: Option<(Shared, usize)>,
}

/// A part of a run: where it lies in the scratch.
#[derive(Clone, Copy)]
struct Chunk {
    offset: u64,
    len: usize,
}

impl Shared {
    pub(super) fn new(scratch: Box<dyn Scratch>) -> Shared {
        Shared(Rc::new(RefCell::new(scratch)))
    }

    fn append(&self, bytes: &[u8]) -> io::Result<Chunk> {
        let mut scratch = self.0.borrow_mut();
        let offset = scratch.seek(SeekFrom::End(0))?;
        scratch.write_all(bytes)?;
        Ok(Chunk { offset, len: bytes.len() })
    }

    fn read(&self, chunk: Chunk) -> io::Result<Vec<u8>> {
        let mut scratch = self.0.borrow_mut();
        scratch.seek(SeekFrom::Start(chunk.offset))?;
        let mut bytes = vec![0; chunk.len];
        scratch.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl Sorter {
    /// A sorter that keeps everything in memory, or, with a scratch, that many bytes.
    pub(super) fn new(spill: Option<(Shared, usize)>) -> Sorter {
        Sorter { bytes: Vec::new(), spans: Vec::new(), runs: Vec::new(), spill }
    }

    /// Adds an entry.
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let limit = self.spill.as_ref().map_or(usize::MAX, |it| it.1);
        let size = self.bytes.len().saturating_add(self.spans.len().saturating_mul(12));
        if size > limit {
            self.spill()?;
        }
        let start = offset(self.bytes.len())?;
        self.bytes.extend_from_slice(key);
        let middle = offset(self.bytes.len())?;
        self.bytes.extend_from_slice(value);
        self.spans.push([start, middle, offset(self.bytes.len())?]);
        Ok(())
    }

    /// All entries, by key and then by value, each once.
    pub(super) fn finish(mut self) -> io::Result<Sorted> {
        let runs = std::mem::take(&mut self.runs);
        let mut sorted = Sorted { sources: Vec::new(), heap: BinaryHeap::new() };
        if let Some((scratch, _)) = &self.spill {
            for chunks in runs {
                let scratch = scratch.clone();
                sorted.sources.push(Source::Run { scratch, chunks, next: 0, entries: Vec::new() });
            }
        }
        self.sort();
        let (bytes, spans) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.spans));
        sorted.sources.push(Source::Memory { bytes, spans: spans.into_iter() });
        for i in 0..sorted.sources.len() {
            sorted.refill(i)?;
        }
        Ok(sorted)
    }

    fn sort(&mut self) {
        let bytes = &self.bytes;
        self.spans.sort_unstable_by(|a, b| {
            (part(bytes, a[0], a[1]), part(bytes, a[1], a[2]))
                .cmp(&(part(bytes, b[0], b[1]), part(bytes, b[1], b[2])))
        });
    }

    fn spill(&mut self) -> io::Result<()> {
        self.sort();
        let Some((scratch, _)) = &self.spill else { return Ok(()) };
        let mut chunks = Vec::new();
        let mut block = Block::default();
        for [start, middle, end] in self.spans.drain(..) {
            block.push(part(&self.bytes, start, middle), part(&self.bytes, middle, end));
            if block.len() >= CHUNK {
                chunks.push(scratch.append(&block.take())?);
            }
        }
        chunks.push(scratch.append(&block.take())?);
        self.runs.push(chunks);
        self.bytes.clear();
        Ok(())
    }
}

fn offset(len: usize) -> io::Result<u32> {
    u32::try_from(len).map_err(|_| io::Error::other("over 4 GiB to sort: a scratch is needed"))
}

fn part(bytes: &[u8], start: u32, end: u32) -> &[u8] {
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    range.and_then(|(start, end)| bytes.get(start..end)).unwrap_or_default()
}

type Entry = (Vec<u8>, Vec<u8>);

/// Entries in order.
pub(super) struct Sorted {
    sources: Vec<Source>,
    heap: BinaryHeap<Reverse<(Entry, usize)>>,
}

enum Source {
    Memory { bytes: Vec<u8>, spans: std::vec::IntoIter<[u32; 3]> },
    Run { scratch: Shared, chunks: Vec<Chunk>, next: usize, entries: Vec<Entry> },
}

impl Sorted {
    /// The next entry.
    pub(super) fn next(&mut self) -> io::Result<Option<Entry>> {
        while let Some(Reverse((entry, i))) = self.heap.pop() {
            self.refill(i)?;
            // Whatever is there twice stands side by side.
            if self.heap.peek().is_none_or(|it| it.0.0 != entry) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Whether the next entry has this key.
    pub(super) fn peek_is(&self, key: &[u8]) -> bool {
        self.heap.peek().is_some_and(|it| it.0.0.0 == key)
    }

    fn refill(&mut self, i: usize) -> io::Result<()> {
        let Some(source) = self.sources.get_mut(i) else { return Ok(()) };
        if let Some(entry) = source.next()? {
            self.heap.push(Reverse((entry, i)));
        }
        Ok(())
    }
}

impl Source {
    fn next(&mut self) -> io::Result<Option<Entry>> {
        match self {
            Source::Memory { bytes, spans } => Ok(spans.next().map(|[start, middle, end]| {
                (part(bytes, start, middle).to_vec(), part(bytes, middle, end).to_vec())
            })),
            Source::Run { scratch, chunks, next, entries } => {
                if entries.is_empty() {
                    let Some(chunk) = chunks.get(*next) else { return Ok(None) };
                    let raw = scratch.read(*chunk)?;
                    *next = next.saturating_add(1);
                    let mut reader = Entries::new(&raw);
                    while let Some(value) = reader.next() {
                        entries.push((reader.key.clone(), value.to_vec()));
                    }
                    entries.reverse();
                }
                Ok(entries.pop())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sorted(entries: &[Entry], spill: Option<(Shared, usize)>) -> Vec<Entry> {
        let mut sorter = Sorter::new(spill);
        for (key, value) in entries {
            sorter.push(key, value).unwrap();
        }
        let mut sorted = sorter.finish().unwrap();
        std::iter::from_fn(|| sorted.next().unwrap()).collect()
    }

    proptest! {
        #[test]
        fn what_is_spilled_comes_back_in_order(entries: Vec<(Vec<u8>, Vec<u8>)>) {
            let mut expected = entries.clone();
            expected.sort();
            expected.dedup();
            prop_assert_eq!(&sorted(&entries, None), &expected);
            let scratch = Shared::new(Box::new(io::Cursor::new(Vec::new())));
            prop_assert_eq!(&sorted(&entries, Some((scratch, 100))), &expected);
        }
    }
}
