//! What extended headers of tar say: names, sizes, and the maps of sparse files.
//!
//! Formats: POSIX.1-2017 pax, "pax Extended Header"; GNU tar manual, "Storing Sparse Files".
use crate::{Malformed, tar::number};

/// The most pieces of a sparse file that we keep, and as many as 16 MiB of map can name.
const PIECES: usize = 1 << 20;

/// The records of an extended header that matter here.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Pax {
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) link: Option<Vec<u8>>,
    pub(crate) size: Option<u64>,
    pub(crate) sparse: Option<Sparse>,
}

/// How the content of a sparse file is stored.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Sparse {
    pub(crate) name: Option<Vec<u8>>,
    /// Its size with the holes.
    pub(crate) size: Option<u64>,
    /// Whether the map stands in front of the data (PAX 1.0) instead of here.
    pub(crate) in_data: bool,
    pub(crate) pieces: Vec<(u64, u64)>,
}

/// Parses records, each `length key=value\n`, the length counting itself.
pub(crate) fn parse(mut bytes: &[u8]) -> Result<Pax, Malformed> {
    const BAD: Malformed = Malformed::new("extended header with a broken record");
    let mut pax = Pax::default();
    let mut offset = None;
    // GNU tar pads with NULs, Go stops there too.
    while bytes.first().is_some_and(|it| *it != 0) {
        let blank = bytes.iter().position(|it| *it == b' ').ok_or(BAD)?;
        let (length, _) = bytes.split_at_checked(blank).ok_or(BAD)?;
        let length = usize::try_from(decimal(length)?).map_err(|_| BAD)?;
        let (record, rest) = bytes.split_at_checked(length).ok_or(BAD)?;
        bytes = rest;
        let record = record.get(blank.saturating_add(1)..).ok_or(BAD)?;
        let record = record.strip_suffix(b"\n").ok_or(BAD)?;
        let equals = record.iter().position(|it| *it == b'=').ok_or(BAD)?;
        let (key, value) = record.split_at_checked(equals).ok_or(BAD)?;
        let value = value.get(1..).unwrap_or_default();
        let sparse = key.strip_prefix(b"GNU.sparse.");
        match (key, sparse) {
            (b"path" | b"linkpath", _) if value.contains(&0) => return Err(BAD),
            (b"path", _) => pax.path = Some(value.to_vec()).filter(|it| !it.is_empty()),
            (b"linkpath", _) => pax.link = Some(value.to_vec()).filter(|it| !it.is_empty()),
            (b"size", _) if value.is_empty() => pax.size = None,
            (b"size", _) => pax.size = Some(decimal(value)?),
            (_, Some(key)) => {
                record_sparse(pax.sparse.get_or_insert_default(), key, value, &mut offset)?
            }
            _ => {}
        }
    }
    Ok(pax)
}

fn record_sparse(
    sparse: &mut Sparse,
    key: &[u8],
    value: &[u8],
    offset: &mut Option<u64>,
) -> Result<(), Malformed> {
    const BAD: Malformed = Malformed::new("sparse map with a broken pair");
    match key {
        b"name" => sparse.name = Some(value.to_vec()),
        b"size" | b"realsize" => sparse.size = Some(decimal(value)?),
        b"major" => sparse.in_data = value == b"1",
        b"offset" if offset.is_some() => return Err(BAD),
        b"offset" => *offset = Some(decimal(value)?),
        b"numbytes" => push(&mut sparse.pieces, offset.take().ok_or(BAD)?, decimal(value)?)?,
        b"map" => {
            let mut numbers = value.split(|it| *it == b',');
            while let Some(offset) = numbers.next().filter(|it| !it.is_empty()) {
                let len = numbers.next().ok_or(BAD)?;
                push(&mut sparse.pieces, decimal(offset)?, decimal(len)?)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Pieces of an old GNU header: pairs of twelve-byte numbers, until one is empty.
pub(crate) fn gnu_pieces(mut map: &[u8], pieces: &mut Vec<(u64, u64)>) -> Result<(), Malformed> {
    while let Some((pair, rest)) = map.split_at_checked(24) {
        map = rest;
        let (offset, len) = pair.split_at(12);
        if len.first() == Some(&0) {
            break;
        }
        push(pieces, number(offset)?, number(len)?)?;
    }
    Ok(())
}

/// A sparse map of PAX 1.0 as it comes in, block after block.
#[derive(Default)]
pub(crate) struct Map {
    number: Option<u64>,
    count: Option<u64>,
    offset: Option<u64>,
    pieces: Vec<(u64, u64)>,
}

impl Map {
    /// Takes a block; the pieces, when that was the last. What is left of it is padding.
    pub(crate) fn take(&mut self, block: &[u8]) -> Result<Option<Vec<(u64, u64)>>, Malformed> {
        const BAD: Malformed = Malformed::new("sparse map with something that is no number");
        for byte in block {
            match byte {
                b'0'..=b'9' => {
                    let shifted = self.number.unwrap_or(0).checked_mul(10).ok_or(BAD)?;
                    self.number = shifted.checked_add(u64::from(byte & 15));
                    self.number.ok_or(BAD)?;
                }
                b'\n' => {
                    let number = self.number.take().ok_or(BAD)?;
                    match (self.count, self.offset.take()) {
                        (None, _) => self.count = Some(number),
                        (Some(_), None) => self.offset = Some(number),
                        (Some(_), Some(offset)) => push(&mut self.pieces, offset, number)?,
                    }
                    let have = u64::try_from(self.pieces.len()).unwrap_or(u64::MAX);
                    if self.count == Some(have) && self.offset.is_none() {
                        return Ok(Some(std::mem::take(&mut self.pieces)));
                    }
                }
                _ => return Err(BAD),
            }
        }
        Ok(None)
    }
}

fn push(pieces: &mut Vec<(u64, u64)>, offset: u64, len: u64) -> Result<(), Malformed> {
    if pieces.len() >= PIECES {
        return Err(Malformed::new("sparse map with too many pieces"));
    }
    pieces.push((offset, len));
    Ok(())
}

fn decimal(digits: &[u8]) -> Result<u64, Malformed> {
    const BAD: Malformed = Malformed::new("a number in an extended header is not decimal");
    str::from_utf8(digits).ok().and_then(|it| it.parse().ok()).ok_or(BAD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn records() {
        let pax = parse(b"13 path=\xc3\xa9/a\n14 linkpath=b\n12 size=123\n11 mtime=1\n").unwrap();
        assert_eq!(pax.path.as_deref(), Some("é/a".as_bytes()));
        assert_eq!((pax.link.as_deref(), pax.size), (Some(&b"b"[..]), Some(123)));
        for bad in ["path=x\n", "99 path=x\n", "9 path=x ", "10 size=x\n", "9 a\n", "9 path=\0\n"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sparse_maps_in_three_forms() {
        let expected = [(0, 5), (100, 7)];
        let old = "23 GNU.sparse.size=200\n23 GNU.sparse.offset=0\n25 GNU.sparse.numbytes=5\n\
                   25 GNU.sparse.offset=100\n25 GNU.sparse.numbytes=7\n";
        let map = "23 GNU.sparse.size=200\n28 GNU.sparse.map=0,5,100,7\n";
        for text in [old, map] {
            let sparse = parse(text.as_bytes()).unwrap().sparse.unwrap();
            assert_eq!((sparse.size, &sparse.pieces[..]), (Some(200), &expected[..]));
        }
        let mut map = Map::default();
        assert_eq!(map.take(b"2\n0\n5\n10").unwrap(), None);
        assert_eq!(map.take(b"0\n7\n\0\0").unwrap().as_deref(), Some(&expected[..]));
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            let _ = parse(&bytes);
            let _ = Map::default().take(&bytes);
            let _ = gnu_pieces(&bytes, &mut Vec::new());
        }
    }
}
