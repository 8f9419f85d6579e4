//! One block of a table: sorted entries, each key written as what differs from the one before.
//!
//! ```text
//! entry: shared (varint) | rest (varint) | value (varint) | rest of the key | value
//! ```
use sha2::{Digest, Sha256};

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

/// Packs a block (LZ4 block format).
pub(super) fn pack(raw: &[u8]) -> Vec<u8> {
    lz4_flex::block::compress(raw)
}

/// Unpacks a block of `len` bytes into `raw`; says whether it gives exactly these.
pub(super) fn unpack(packed: &[u8], len: usize, raw: &mut Vec<u8>) -> bool {
    raw.resize(len, 0);
    lz4_flex::block::decompress_into(packed, raw).is_ok_and(|it| it == len)
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
        let (shared, key, value) = self.parts()?;
        self.key.truncate(shared);
        self.key.extend_from_slice(key);
        Some(value)
    }

    /// The value of the first entry whose key does not come before `wanted`.
    pub(super) fn seek(&mut self, wanted: &[u8]) -> Option<&'a [u8]> {
        let mut same = 0;
        loop {
            let (shared, key, value) = self.parts()?;
            // A key that goes on like the one before it beyond what that has in common with `wanted` comes
            // before it as well, and has no more in common.
            if shared > same {
                continue;
            }
            self.key.truncate(shared);
            self.key.extend_from_slice(key);
            if self.key.as_slice() >= wanted {
                return Some(value);
            }
            same = self.key.iter().zip(wanted).take_while(|(a, b)| a == b).count();
        }
    }

    /// How much of the key is that of the one before, the rest of it, the value.
    fn parts(&mut self) -> Option<(usize, &'a [u8], &'a [u8])> {
        let shared = self.varint()?;
        let (rest, value) = (self.varint()?, self.varint()?);
        let (key, tail) = self.rest.split_at_checked(rest)?;
        let (value, tail) = tail.split_at_checked(value)?;
        self.rest = tail;
        Some((shared, key, value))
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn seeking_finds_what_reading_would(
            keys in proptest::collection::btree_set("[ab]{1,5}", 0..20),
            wanted in "[ab]{1,5}",
        ) {
            let mut block = Block::default();
            keys.iter().for_each(|it| block.push(it.as_bytes(), it.as_bytes()));
            let raw = block.take();
            let mut entries = Entries::new(&raw);
            let mut found = entries.seek(wanted.as_bytes());
            for key in keys.range(wanted..) {
                let key = key.as_bytes();
                prop_assert_eq!((found, entries.key.as_slice()), (Some(key), key));
                found = entries.next();
            }
            prop_assert_eq!(found, None);
        }
    }
}
