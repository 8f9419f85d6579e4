//! Members of a cpio archive.
//!
//! Formats: Linux kernel documentation, "initramfs buffer format" (newc, crc); POSIX.1-2001 pax, "cpio Interchange
//! Format" (odc); cpio(5) of FreeBSD, "Old Binary Format".
use super::walk::{End, Entry, Walk};
use crate::Malformed;
use std::io::{self, Read};

/// Longer names than any system has.
const NAME_BYTES: u64 = 64 << 10;
const LAST: &[u8] = b"TRAILER!!!";
const BAD: Malformed = Malformed::new("cpio: a header that is none");

/// What matters of a header.
#[derive(Debug)]
struct Header {
    mode: u32,
    size: u64,
    name_size: u64,
    align: u64,
    bytes: u64,
}

/// Shows all regular files, then what stands behind the archive: an initial RAM disk may be several in a row.
pub(super) fn walk(walk: &mut Walk<'_>, reader: &mut dyn Read) -> Result<(), End> {
    let state = std::rc::Rc::clone(&walk.state);
    let end = |err: io::Error| state.end("cpio", &err);
    loop {
        let header = Header::read(reader).map_err(end)??;
        let mut name = Vec::new();
        if header.name_size > NAME_BYTES {
            return Err(BAD.into());
        }
        reader.take(header.name_size).read_to_end(&mut name).map_err(end)?;
        skip(reader, header.padding(header.bytes.saturating_add(header.name_size))).map_err(end)?;
        let name = name.split(|it| *it == 0).next().unwrap_or_default();
        if name == LAST {
            return walk.behind(reader);
        }
        let mut content = reader.take(header.size);
        if header.mode & 0o170_000 == 0o100_000 {
            let name = model::decode(name);
            let entry = Entry { name: &name, size: Some(header.size), mode: header.mode & 0o7777 };
            walk.member(&entry, &mut content, None)?;
        }
        let left = content.limit();
        skip(reader, left).map_err(end)?;
        skip(reader, header.padding(header.size)).map_err(end)?;
    }
}

/// Reads over `count` bytes, which must be there.
pub(super) fn skip(reader: &mut dyn Read, count: u64) -> io::Result<()> {
    let skipped = io::copy(&mut reader.take(count), &mut io::sink())?;
    if skipped == count { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Whether `head` begins with a header of the old format. Its magic number has two bytes only, so the rest must fit:
/// a known kind of file, and a name that ends where it says.
pub(super) fn is_binary(head: &[u8]) -> bool {
    let Some((fixed, rest)) = head.split_first_chunk::<26>() else { return false };
    let Ok(header) = Header::binary(fixed) else { return false };
    let name = usize::try_from(header.name_size).unwrap_or(usize::MAX);
    let name = name.checked_sub(1).and_then(|end| rest.get(..end).zip(rest.get(end)));
    let kind = matches!(header.mode >> 12, 0o1 | 0o2 | 0o4 | 0o6 | 0o10 | 0o12 | 0o14);
    kind && name.is_some_and(|(name, end)| !name.is_empty() && !name.contains(&0) && *end == 0)
}

impl Header {
    fn read(reader: &mut dyn Read) -> io::Result<Result<Header, Malformed>> {
        let mut magic = [0; 6];
        reader.read_exact(&mut magic)?;
        Ok(match &magic {
            b"070701" | b"070702" => {
                let mut fields = [0; 104];
                reader.read_exact(&mut fields)?;
                Header::new(&fields)
            }
            b"070707" => {
                let mut fields = [0; 70];
                reader.read_exact(&mut fields)?;
                Header::odc(&fields)
            }
            _ => {
                let mut fixed = [0; 26];
                let (left, right) = fixed.split_at_mut(6);
                left.copy_from_slice(&magic);
                reader.read_exact(right)?;
                Header::binary(&fixed)
            }
        })
    }

    /// Thirteen fields of eight hexadecimal digits.
    fn new(fields: &[u8; 104]) -> Result<Header, Malformed> {
        let field = |at: usize| number(fields.get(at..at.saturating_add(8)), 16);
        let (mode, size, name_size) = (field(8)?, field(48)?, field(88)?);
        let mode = u32::try_from(mode).map_err(|_| BAD)?;
        Ok(Header { mode, size, name_size, align: 4, bytes: 110 })
    }

    /// Fields of six or eleven octal digits.
    fn odc(fields: &[u8; 70]) -> Result<Header, Malformed> {
        let field = |at: usize, len: usize| number(fields.get(at..at.saturating_add(len)), 8);
        let mode = u32::try_from(field(12, 6)?).map_err(|_| BAD)?;
        Ok(Header { mode, name_size: field(53, 6)?, size: field(59, 11)?, align: 1, bytes: 76 })
    }

    /// Words of two bytes in the order of the machine; of a pair of them the higher comes first.
    fn binary(fixed: &[u8; 26]) -> Result<Header, Malformed> {
        let little = match fixed {
            [0xc7, 0x71, ..] => true,
            [0x71, 0xc7, ..] => false,
            _ => return Err(BAD),
        };
        let word = |at: usize| match fixed.get(at..).and_then(|it| it.first_chunk::<2>()) {
            Some(it) if little => u64::from(u16::from_le_bytes(*it)),
            Some(it) => u64::from(u16::from_be_bytes(*it)),
            None => 0,
        };
        let mode = u32::try_from(word(6)).map_err(|_| BAD)?;
        let size = word(22) << 16 | word(24);
        Ok(Header { mode, size, name_size: word(20), align: 2, bytes: 26 })
    }

    fn padding(&self, len: u64) -> u64 {
        len.checked_next_multiple_of(self.align).unwrap_or(len).saturating_sub(len)
    }
}

fn number(digits: Option<&[u8]>, radix: u32) -> Result<u64, Malformed> {
    let digits = digits.and_then(|it| str::from_utf8(it).ok()).ok_or(BAD)?;
    u64::from_str_radix(digits, radix).map_err(|_| BAD)
}
