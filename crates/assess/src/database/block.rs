//! One block of a table: sorted entries, each key written as what differs from the one before.
//!
//! ```text
//! entry: shared (varint) | rest (varint) | value (varint) | rest of the key | value
//! ```
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use sha2::{Digest, Sha256};
use std::io::Read;

/// A block under construction.
#[derive(Default)]
pub(super) struct Block {
    bytes: Vec<u8>,
    last: Vec<u8>,
}

impl Block {
    /// How large it is already.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds an entry, whose key must not come before the last one's.
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) {
        let shared = self.last.iter().zip(key).take_while(|(a, b)| a == b).count();
        let rest = key.get(shared..).unwrap_or_default();
        for len in [shared, rest.len(), value.len()] {
            varint(&mut self.bytes, len);
        }
        self.bytes.extend_from_slice(rest);
        self.bytes.extend_from_slice(value);
        self.last.clear();
        self.last.extend_from_slice(key);
    }

    /// The entries as they are stored, and a new block to go on with.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.last.clear();
        std::mem::take(&mut self.bytes)
    }
}

/// Packs a block.
pub(super) fn pack(raw: &[u8]) -> Vec<u8> {
    compress_to_vec(raw, CompressionLevel::Fastest)
}

/// Unpacks a block of `len` bytes; `None` when it does not give exactly these.
pub(super) fn unpack(packed: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut decoder = ruzstd::decoding::StreamingDecoder::new(packed).ok()?;
    let mut raw = Vec::with_capacity(len);
    decoder.by_ref().take(u64::try_from(len).ok()?).read_to_end(&mut raw).ok()?;
    (raw.len() == len && decoder.read(&mut [0]).ok()? == 0).then_some(raw)
}

/// What tells a damaged block from a good one: the first half of its SHA-256.
pub(super) fn hash(bytes: &[u8]) -> [u8; 16] {
    let whole = Sha256::digest(bytes);
    whole.first_chunk().copied().unwrap_or_default()
}

/// Reads the entries of a block, one after the other.
pub(super) struct Entries<'a> {
    rest: &'a [u8],
    /// The key of the entry that was read last.
    pub(super) key: Vec<u8>,
}

impl<'a> Entries<'a> {
    pub(super) fn new(raw: &'a [u8]) -> Entries<'a> {
        Entries { rest: raw, key: Vec::new() }
    }

    /// The value of the next entry, whose key is then in `key`; `None` at the end, or when the
    /// block is not well-formed, which its hash rules out.
    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        let shared = self.varint()?;
        let (rest, value) = (self.varint()?, self.varint()?);
        let (key, tail) = self.rest.split_at_checked(rest)?;
        let (value, tail) = tail.split_at_checked(value)?;
        self.rest = tail;
        self.key.truncate(shared);
        self.key.extend_from_slice(key);
        Some(value)
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(value).ok();
            }
        }
        None
    }
}

fn varint(bytes: &mut Vec<u8>, value: usize) {
    let mut value = u64::try_from(value).unwrap_or(u64::MAX);
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
}
