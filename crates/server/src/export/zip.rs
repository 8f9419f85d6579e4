//! A ZIP archive that is written from front to back (APPNOTE.TXT 6.3.10), with the 64-bit forms where they are needed.
use flate2::{Compression, write::DeflateEncoder};
use std::io::{self, Write};

/// An archive that is being written.
pub(super) struct Zip<W: Write> {
    out: Counted<W>,
    members: Vec<Member>,
}

/// A member that is being written.
pub(super) struct Entry<W: Write> {
    deflate: DeflateEncoder<Counted<W>>,
    crc: crc32fast::Hasher,
    size: u64,
    name: String,
    at: u64,
    begun: u64,
    members: Vec<Member>,
}

struct Member {
    name: String,
    crc: u32,
    compressed: u64,
    size: u64,
    at: u64,
}

struct Counted<W> {
    inner: W,
    count: u64,
}

/// Version 4.5: with 64-bit sizes. Flags: sizes follow the data (bit 3), names are UTF-8 (bit 11).
const VERSION: u16 = 45;
const FLAGS: u16 = 1 << 3 | 1 << 11;
const DEFLATED: u16 = 8;
/// 1980-01-01, the first day that there is: the same list gives the same bytes.
const DATE: u16 = 1 << 5 | 1;

impl<W: Write> Zip<W> {
    pub(super) fn new(inner: W) -> Zip<W> {
        Zip { out: Counted { inner, count: 0 }, members: Vec::new() }
    }

    /// Begins a member; [`Entry::finish`] gives the archive back.
    pub(super) fn begin(mut self, name: &str) -> io::Result<Entry<W>> {
        let at = self.out.count;
        let mut head = b"PK\x03\x04".to_vec();
        put(&mut head, &[VERSION, FLAGS, DEFLATED, 0, DATE]);
        // Checksum and sizes follow the data; the 64-bit form of the latter has to be announced here.
        head.extend([0; 4]);
        head.extend([0xff; 8]);
        put(&mut head, &[length(name.len())?, 20]);
        head.extend(name.bytes());
        put(&mut head, &[1, 16]);
        head.extend([0; 16]);
        self.out.write_all(&head)?;
        let begun = self.out.count;
        Ok(Entry {
            deflate: DeflateEncoder::new(self.out, Compression::new(4)),
            crc: crc32fast::Hasher::new(),
            size: 0,
            name: name.to_owned(),
            at,
            begun,
            members: self.members,
        })
    }

    /// Writes the directory and ends the archive.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let start = self.out.count;
        for it in &self.members {
            let mut head = b"PK\x01\x02".to_vec();
            put(&mut head, &[VERSION, VERSION, FLAGS, DEFLATED, 0, DATE]);
            head.extend(it.crc.to_le_bytes());
            head.extend([0xff; 8]);
            put(&mut head, &[length(it.name.len())?, 28, 0, 0, 0, 0, 0]);
            head.extend([0xff; 4]);
            head.extend(it.name.bytes());
            put(&mut head, &[1, 24]);
            for number in [it.size, it.compressed, it.at] {
                head.extend(number.to_le_bytes());
            }
            self.out.write_all(&head)?;
        }
        let end = self.out.count;
        let count = u64::try_from(self.members.len()).unwrap_or(u64::MAX);
        let mut tail = b"PK\x06\x06".to_vec();
        tail.extend(44u64.to_le_bytes());
        put(&mut tail, &[VERSION, VERSION]);
        tail.extend([0; 8]);
        for number in [count, count, end.saturating_sub(start), start] {
            tail.extend(number.to_le_bytes());
        }
        tail.extend(b"PK\x06\x07\0\0\0\0");
        tail.extend(end.to_le_bytes());
        tail.extend(1u32.to_le_bytes());
        tail.extend(b"PK\x05\x06\0\0\0\0");
        tail.extend([0xff; 12]);
        tail.extend([0; 2]);
        self.out.write_all(&tail)?;
        self.out.flush()
    }
}

impl<W: Write> Entry<W> {
    pub(super) fn finish(self) -> io::Result<Zip<W>> {
        let Entry { deflate, crc, size, name, at, begun, mut members } = self;
        let mut out = deflate.finish()?;
        let compressed = out.count.saturating_sub(begun);
        let crc = crc.finalize();
        let mut tail = b"PK\x07\x08".to_vec();
        tail.extend(crc.to_le_bytes());
        tail.extend(compressed.to_le_bytes());
        tail.extend(size.to_le_bytes());
        out.write_all(&tail)?;
        members.push(Member { name, crc, compressed, size, at });
        Ok(Zip { out, members })
    }
}

impl<W: Write> Write for Entry<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.deflate.write_all(bytes)?;
        self.crc.update(bytes);
        self.size = self.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.count = self.count.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn put(out: &mut Vec<u8>, numbers: &[u16]) {
    out.extend(numbers.iter().flat_map(|it| it.to_le_bytes()));
}

fn length(it: usize) -> io::Result<u16> {
    u16::try_from(it).map_err(io::Error::other)
}
