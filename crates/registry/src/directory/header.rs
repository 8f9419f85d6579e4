//! Writes the headers of a tar stream: ustar, with a pax header in front for what does not fit
//! (POSIX.1-2024, pax, "ustar Interchange Format", "pax Interchange Format").
use std::io::Write;

pub(super) const BLOCK: usize = 512;
/// The most that twelve bytes hold in octal.
const SIZE_LIMIT: u64 = 1 << 33;

/// An entry without its content. Owners and times are not what a scan looks at: all are 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a> {
    pub(super) name: &'a [u8],
    pub(super) kind: Kind<'a>,
    /// Permission bits.
    pub(super) mode: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind<'a> {
    /// Its content follows, padded to whole blocks.
    File {
        size: u64,
    },
    /// A file of which nothing but the size is told.
    Hole {
        size: u64,
    },
    HardLink {
        target: &'a [u8],
    },
    Symlink {
        target: &'a [u8],
    },
    Directory,
    Device {
        character: bool,
        major: u32,
        minor: u32,
    },
    Pipe,
}

impl Header<'_> {
    /// Appends the entry to `out`: all of it, but for the content of a file.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut records = Vec::new();
        let (flag, size, target) = match self.kind {
            Kind::File { size } => (b'0', size, &b""[..]),
            Kind::Hole { .. } => (b'0', 512, &b""[..]),
            Kind::HardLink { target } => (b'1', 0, target),
            Kind::Symlink { target } => (b'2', 0, target),
            Kind::Device { character: true, .. } => (b'3', 0, &b""[..]),
            Kind::Device { character: false, .. } => (b'4', 0, &b""[..]),
            Kind::Directory => (b'5', 0, &b""[..]),
            Kind::Pipe => (b'6', 0, &b""[..]),
        };
        if let Kind::Hole { size } = self.kind {
            // GNU tar manual, "Storing Sparse Files", PAX format 1.0.
            record(&mut records, "GNU.sparse.major", b"1");
            record(&mut records, "GNU.sparse.minor", b"0");
            record(&mut records, "GNU.sparse.name", self.name);
            record(&mut records, "GNU.sparse.realsize", size.to_string().as_bytes());
        } else if self.name.len() > 100 {
            record(&mut records, "path", self.name);
        }
        if target.len() > 100 {
            record(&mut records, "linkpath", target);
        }
        if size >= SIZE_LIMIT {
            record(&mut records, "size", size.to_string().as_bytes());
        }
        if !records.is_empty() {
            let len = u64::try_from(records.len()).unwrap_or(u64::MAX);
            block(out, b"pax", &[], b'x', len, 0o644, (0, 0));
            out.append(&mut records);
            pad(out);
        }
        let device = match self.kind {
            Kind::Device { major, minor, .. } => (major, minor),
            _ => (0, 0),
        };
        block(out, self.name, target, flag, size, self.mode, device);
        if let Kind::Hole { size } = self.kind {
            // The map: one piece, of no bytes, at the very end. So says GNU tar of a mere hole.
            out.extend(format!("1\n{size}\n0\n").as_bytes());
            pad(out);
        }
    }
}

/// Fills the last block up.
fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

/// A pax record: its own length, digits and all, a blank, `key=value`, a line feed.
fn record(out: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len().saturating_add(value.len()).saturating_add(3);
    let digits = |it: usize| it.to_string().len();
    // One digit more may itself need one more.
    let mut len = rest.saturating_add(digits(rest));
    len = rest.saturating_add(digits(len));
    out.extend(format!("{len} {key}=").as_bytes());
    out.extend(value);
    out.push(b'\n');
}

fn block(
    out: &mut Vec<u8>,
    name: &[u8],
    target: &[u8],
    flag: u8,
    size: u64,
    mode: u32,
    device: (u32, u32),
) {
    let mut block = Vec::with_capacity(BLOCK);
    text(&mut block, name, 100);
    octal(&mut block, u64::from(mode & 0o7777), 8);
    octal(&mut block, 0, 8);
    octal(&mut block, 0, 8);
    octal(&mut block, if size < SIZE_LIMIT { size } else { 0 }, 12);
    octal(&mut block, 0, 12);
    block.extend([b' '; 8]);
    block.push(flag);
    text(&mut block, target, 100);
    block.extend(b"ustar\x0000");
    text(&mut block, b"", 64);
    octal(&mut block, u64::from(device.0), 8);
    octal(&mut block, u64::from(device.1), 8);
    block.resize(BLOCK, 0);
    let sum: u32 = block.iter().map(|it| u32::from(*it)).sum();
    let (head, tail) = block.split_at(148);
    out.extend(head);
    out.extend(format!("{sum:06o}\0 ").as_bytes());
    out.extend(tail.get(8..).unwrap_or_default());
}

fn text(block: &mut Vec<u8>, text: &[u8], len: usize) {
    let end = block.len().saturating_add(len);
    block.extend(text.iter().take(len));
    block.resize(end, 0);
}

/// Octal digits, filled up from the left, and a closing zero.
fn octal(block: &mut Vec<u8>, value: u64, len: usize) {
    let digits = len.saturating_sub(1);
    // Writing to a vector does not fail.
    let _ = write!(block, "{value:0digits$o}\0");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_length() {
        for len in [0, 1, 2, 3, 85, 86, 87, 88, 89, 985, 986, 987, 988, 9984, 9985, 9986] {
            let mut out = Vec::new();
            record(&mut out, "path", &vec![b'x'; len]);
            let said = out.split(|it| *it == b' ').next().unwrap();
            assert_eq!(std::str::from_utf8(said).unwrap(), out.len().to_string());
        }
    }

    #[test]
    fn a_header_is_whole_blocks_with_a_right_sum() {
        let long = vec![b'n'; 300];
        for kind in [
            Kind::File { size: 1 << 40 },
            Kind::Hole { size: u64::MAX },
            Kind::Symlink { target: &long },
            Kind::Device { character: true, major: u32::MAX, minor: 3 },
        ] {
            let mut out = Vec::new();
            Header { name: &long, kind, mode: u32::MAX }.write(&mut out);
            assert_eq!(out.len() % BLOCK, 0, "{kind:?}");
            assert_eq!(&out[257..262], b"ustar", "{kind:?}");
        }
    }
}
