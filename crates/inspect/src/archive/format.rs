//! What kind of archive something is, by its first bytes.
use crate::tar::Entries;

/// A kind of archive, or of compression.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// Also jar, war, ear, wheel, apk, nupkg and so on.
    Zip,
    /// Of any dialect.
    Tar,
    /// RFC 1952.
    Gzip,
    /// One stream or several.
    Bzip2,
    /// One stream or several.
    Xz,
    /// RFC 8878.
    Zstd,
    /// What came before xz.
    Lzma,
    /// New and old, in ASCII and binary.
    Cpio,
    /// Static libraries, Debian packages.
    Ar,
    /// Packages, not their database.
    Rpm,
    /// Of 7-Zip.
    SevenZip,
    /// Known, but not read: its name.
    Other(&'static str),
}

/// Formats with a magic number at a fixed place: where, what, which.
const MAGIC: &[(usize, &[u8], Format)] = &[
    (0, b"PK\x03\x04", Format::Zip),
    (0, b"PK\x05\x06", Format::Zip),
    (0, b"PK\x07\x08PK\x03\x04", Format::Zip),
    (257, b"ustar", Format::Tar),
    (0, b"\x1f\x8b\x08", Format::Gzip),
    (0, b"\xfd7zXZ\0", Format::Xz),
    (0, b"\x28\xb5\x2f\xfd", Format::Zstd),
    (0, b"070701", Format::Cpio),
    (0, b"070702", Format::Cpio),
    (0, b"070707", Format::Cpio),
    (0, b"!<arch>\n", Format::Ar),
    (0, b"\xed\xab\xee\xdb", Format::Rpm),
    (0, b"7z\xbc\xaf\x27\x1c", Format::SevenZip),
    (0, b"!<thin>\n", Format::Other("thin ar")),
    (0, b"Rar!\x1a\x07", Format::Other("rar")),
    (0, b"MSCF\0\0\0\0", Format::Other("cabinet")),
    (0, b"LZIP\x01", Format::Other("lzip")),
    (0, b"\x04\x22\x4d\x18", Format::Other("lz4")),
    (0, b"xar!", Format::Other("xar")),
    (0, b"hsqs", Format::Other("squashfs")),
    (0, b"\x89LZO\0\r\n\x1a\n", Format::Other("lzop")),
];

/// What an archive that begins with `head` is: its first 512 bytes, or all if it has less. A zip archive may begin
/// with anything, and is then found by [`super::open`] alone.
pub fn format(head: &[u8]) -> Option<Format> {
    let has = |(at, magic, _): &&(usize, &[u8], Format)| {
        head.get(*at..).is_some_and(|it| it.starts_with(magic))
    };
    if let Some((_, _, format)) = MAGIC.iter().find(has) {
        return Some(*format);
    }
    match *head {
        // A level, and the magic number of the first block or of the end.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => {
            Some(Format::Bzip2)
        }
        // Skippable frames, which only tell zstd from lz4 by what follows: a frame of zstd, or another of these.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, ..] => {
            let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
            let next = head.get(length.saturating_add(8)..)?;
            format(next).filter(|it| *it == Format::Zstd)
        }
        [0x1f, 0x9d, 0x89..=0x90, ..] => Some(Format::Other("compress")),
        [0x60, 0xea, low, high, size @ 0x1e..=0x40, ..]
            if u16::from_le_bytes([low, high]) > u16::from(size)
                && u16::from_le_bytes([low, high]) <= 2600 =>
        {
            Some(Format::Other("arj"))
        }
        [_, _, b'-', b'l', b'h', b'0'..=b'7' | b'd', b'-', ..] => Some(Format::Other("lha")),
        _ if lzma(head) => Some(Format::Lzma),
        _ if super::cpio::is_binary(head) => Some(Format::Cpio),
        _ if is_old_tar(head) => Some(Format::Tar),
        _ => None,
    }
}

impl Format {
    /// Whether it is one stream of bytes, compressed.
    pub(super) fn compresses(self) -> bool {
        use Format::*;
        matches!(self, Gzip | Bzip2 | Xz | Zstd | Lzma)
    }

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Format::Zip => "zip",
            Format::Tar => "tar",
            Format::Gzip => "gzip",
            Format::Bzip2 => "bzip2",
            Format::Xz => "xz",
            Format::Zstd => "zstd",
            Format::Lzma => "lzma",
            Format::Cpio => "cpio",
            Format::Ar => "ar",
            Format::Rpm => "rpm",
            Format::SevenZip => "7z",
            Format::Other(it) => it,
        }
    }
}

/// There is no magic number: the properties that every tool uses, a size of dictionary as they make it, a size that
/// is unknown or below a tebibyte, and the zero that the first byte of the range coder is.
fn lzma(head: &[u8]) -> bool {
    let [0x5d, a, b, c, d, size @ ..] = head else { return false };
    let dictionary = u32::from_le_bytes([*a, *b, *c, *d]);
    let round = dictionary.is_power_of_two()
        || dictionary
            .checked_mul(2)
            .is_some_and(|it| it.is_multiple_of(3) && (it / 3).is_power_of_two());
    let size = size.split_first_chunk::<8>();
    let plausible = size.is_some_and(|(size, rest)| {
        let size = u64::from_le_bytes(*size);
        (size == u64::MAX || size < 1 << 40) && rest.first() == Some(&0)
    });
    dictionary >= 1 << 12 && round && plausible
}

/// Before POSIX there was no magic number, but a sum of the header.
fn is_old_tar(head: &[u8]) -> bool {
    let Some(block) = head.get(..crate::tar::BLOCK) else { return false };
    block.first() != Some(&0) && matches!(Entries::new(block).next_entry(), Ok(Some(_)))
}
