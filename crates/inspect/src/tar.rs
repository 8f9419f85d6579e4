//! A reader of tar streams that only ever moves forward.
//!
//! Formats: POSIX.1-2017 pax, "pax Interchange Format" and "ustar Interchange Format"; GNU tar manual,
//! "Basic Tar Format" (long names, old sparse files) and "Storing Sparse Files" (PAX 0.0, 0.1, 1.0).
//! Where these leave a choice, or an archive contradicts itself, an entry means here what it means to
//! the runtimes, which read tar with Go's `archive/tar`; and the contradiction is reported.
use crate::{Malformed, pax, pax::Pax};
use model::{ImagePath, Reason, decode};
use std::io::{self, BufRead, Read};

pub(crate) const BLOCK: usize = 512;
/// The most of a PAX header or a GNU long name; Go allows as much.
const EXTENSION_BYTES: u64 = 1 << 20;
/// How many oddities of an archive are kept: more say nothing new.
const ODDITIES: usize = 100;

/// The entries of a tar stream, one after the other.
pub(crate) struct Entries<R> {
    reader: R,
    /// Bytes of the current entry's data that are still in the stream.
    left: u64,
    /// Zeros that fill up the last block of the data.
    padding: u64,
    /// The content of the current entry that has not been read yet.
    content: Content,
    /// What is odd about the archive though it can be read.
    pub(crate) oddities: Vec<Reason>,
}

/// The content of an entry: pieces with data, and holes between them.
#[derive(Default)]
struct Content {
    at: u64,
    size: u64,
    /// Offset and length of each piece, the next one last.
    pieces: Vec<(u64, u64)>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) path: ImagePath,
    pub(crate) kind: Kind,
    /// Bytes of its content, holes included.
    pub(crate) size: u64,
    pub(crate) mode: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    File,
    /// Another name of the file at this path.
    Hard(ImagePath),
    /// Leads to this target, verbatim.
    Symbolic(String),
    Dir,
    /// A device, a pipe, or something unknown: never content.
    Other,
}

/// Why there is no next entry.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The reader failed.
    Io(io::Error),
    /// The rest can't be understood.
    Broken(Reason),
}

impl From<io::Error> for Stop {
    fn from(it: io::Error) -> Stop {
        Stop::Io(it)
    }
}

impl From<Malformed> for Stop {
    fn from(it: Malformed) -> Stop {
        Stop::Broken(Reason::Malformed(it.0.into_owned()))
    }
}

impl<R: BufRead> Entries<R> {
    pub(crate) fn new(reader: R) -> Entries<R> {
        Entries { reader, left: 0, padding: 0, content: Content::default(), oddities: Vec::new() }
    }

    /// The next entry, whose path may be refused; `None` at the end of the archive.
    pub(crate) fn next_entry(&mut self) -> Result<Option<Entry>, Stop> {
        let mut pax = Pax::default();
        let (mut long_name, mut long_link) = (None, None);
        loop {
            self.skip()?;
            let Some(block) = self.header()? else {
                return Ok(None);
            };
            let header = Header { block: &block };
            header.check_sum()?;
            let size = number(header.field(124, 12))?;
            match header.kind() {
                b'x' => pax = pax::parse(&self.extension(size)?)?,
                // Go, and so every runtime, does not apply a global header to what follows.
                b'g' => drop(self.extension(size)?),
                b'L' => long_name = Some(until_nul(&self.extension(size)?).to_vec()),
                b'K' => long_link = Some(until_nul(&self.extension(size)?).to_vec()),
                _ => return self.entry(&header, size, pax, long_name, long_link).map(Some),
            }
        }
    }

    /// What follows is the data of the entry, to its end.
    fn entry(
        &mut self,
        header: &Header<'_>,
        size: u64,
        pax: Pax,
        long_name: Option<Vec<u8>>,
        long_link: Option<Vec<u8>>,
    ) -> Result<Entry, Stop> {
        if long_name.is_some() && pax.path.is_some() && long_name != pax.path {
            self.odd("an entry has two names");
        }
        if pax.size.is_some_and(|it| it != size) && size != 0 && size < 1 << 33 {
            self.odd("an entry has two sizes");
        }
        let name = long_name.or(pax.path).unwrap_or_else(|| header.name());
        let link =
            long_link.or(pax.link).unwrap_or_else(|| until_nul(header.field(157, 100)).into());
        let kind = self.kind(header.kind(), &name, &link);
        let mut data = pax.size.unwrap_or(size);
        if !matches!(kind, Kind::File | Kind::Other) && data != 0 {
            self.odd("an entry that can't have data says that it has");
            data = 0;
        }
        self.begin(data)?;
        let (mut name, mut pieces, mut real) = (name, vec![(0, data)], data);
        if header.kind() == b'S' {
            (pieces, real) = self.gnu_sparse(header)?;
        } else if let Some(sparse) = pax.sparse {
            name = sparse.name.unwrap_or(name);
            real = sparse.size.unwrap_or(data);
            pieces = if sparse.in_data { self.sparse_map()? } else { sparse.pieces };
        }
        let mode = u32::try_from(number(header.field(100, 8)).unwrap_or(0)).unwrap_or(0);
        self.content = Content::new(pieces, real, self.left)?;
        let Ok(path) = ImagePath::parse(&name) else {
            self.climbs(&name);
            return Ok(Entry { path: ImagePath::default(), kind: Kind::Other, size: 0, mode });
        };
        Ok(Entry { path, kind, size: real, mode })
    }

    fn kind(&mut self, flag: u8, name: &[u8], link: &[u8]) -> Kind {
        match flag {
            0 if name.ends_with(b"/") => Kind::Dir,
            0 | b'0' | b'7' | b'S' => Kind::File,
            b'1' => match ImagePath::parse(link) {
                Ok(target) => Kind::Hard(target),
                Err(_) => {
                    self.climbs(link);
                    Kind::Other
                }
            },
            b'2' => Kind::Symbolic(decode(link)),
            b'5' => Kind::Dir,
            b'3' | b'4' | b'6' => Kind::Other,
            _ => {
                self.odd("an entry of an unknown type");
                Kind::Other
            }
        }
    }

    /// The runtimes refuse such an entry; what it was meant to overwrite is not in the image.
    fn climbs(&mut self, name: &[u8]) {
        let what = format!("the path `{}` climbs out of the image", decode(name));
        if self.oddities.len() < ODDITIES {
            self.oddities.push(Reason::Malformed(what));
        }
    }

    fn odd(&mut self, what: &str) {
        let reason = Reason::Ambiguous(what.to_owned());
        if !self.oddities.contains(&reason) {
            self.oddities.push(reason);
        }
    }

    /// A header block; `None` at the end of the archive.
    fn header(&mut self) -> Result<Option<[u8; BLOCK]>, Stop> {
        let Some(block) = self.block()? else {
            return Ok(None);
        };
        if block != [0; BLOCK] {
            return Ok(Some(block));
        }
        // The archive ends with two blocks of zeros, and zeros may follow. Anything else would be
        // seen by some readers and not by others.
        let mut rest = false;
        loop {
            let bytes = self.reader.fill_buf()?;
            if bytes.is_empty() {
                break;
            }
            rest = rest || bytes.iter().any(|it| *it != 0);
            let count = bytes.len();
            self.reader.consume(count);
        }
        if rest {
            self.odd("data behind the end of the archive");
        }
        Ok(None)
    }

    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, Stop> {
        let mut block = [0; BLOCK];
        match read_full(&mut self.reader, &mut block)? {
            0 => Ok(None),
            BLOCK => Ok(Some(block)),
            _ => Err(Malformed::new("ends inside a header").into()),
        }
    }

    fn begin(&mut self, data: u64) -> Result<(), Stop> {
        const BLOCK: u64 = 512;
        let whole = data.checked_next_multiple_of(BLOCK);
        let whole = whole.filter(|it| *it < 1 << 62).ok_or(Malformed::new("size overflows"))?;
        (self.left, self.padding) = (data, whole.saturating_sub(data));
        Ok(())
    }

    /// The data of an extension header.
    fn extension(&mut self, size: u64) -> Result<Vec<u8>, Stop> {
        if size > EXTENSION_BYTES {
            let what = format!("an extension header of {size} bytes");
            return Err(Stop::Broken(Reason::TooLarge(what)));
        }
        self.begin(size)?;
        let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
        self.data(&mut bytes)?;
        Ok(bytes)
    }

    /// The next bytes of the current entry's data, sparse maps included.
    fn data(&mut self, bytes: &mut [u8]) -> Result<(), Stop> {
        let wanted = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if wanted > self.left || read_full(&mut self.reader, bytes)? != bytes.len() {
            return Err(Malformed::new("ends inside an entry").into());
        }
        self.left = self.left.saturating_sub(wanted);
        Ok(())
    }

    /// GNU tar manual, "Basic Tar Format", `struct oldgnu_header` and `struct sparse_header`.
    fn gnu_sparse(&mut self, header: &Header<'_>) -> Result<(Vec<(u64, u64)>, u64), Stop> {
        let mut pieces = Vec::new();
        pax::gnu_pieces(header.field(386, 96), &mut pieces)?;
        let mut more = header.field(482, 1) != [0];
        while more {
            let block = self.block()?.ok_or(Malformed::new("ends inside a sparse map"))?;
            let (map, rest) = block.split_at(504);
            pax::gnu_pieces(map, &mut pieces)?;
            more = rest.first() != Some(&0);
        }
        Ok((pieces, number(header.field(483, 12))?))
    }

    /// The map in front of the data in PAX 1.0: numbers, each on a line, how many pairs there are first.
    fn sparse_map(&mut self) -> Result<Vec<(u64, u64)>, Stop> {
        let mut map = pax::Map::default();
        let mut block = [0; BLOCK];
        loop {
            self.data(&mut block)?;
            if let Some(pieces) = map.take(&block)? {
                return Ok(pieces);
            }
        }
    }

    /// Reads on in the content of the current entry; zero bytes at its end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Stop> {
        let content = &mut self.content;
        let room = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        let hole = match content.pieces.last() {
            Some((offset, _)) => offset.saturating_sub(content.at),
            None => content.size.saturating_sub(content.at),
        };
        let (count, is_hole) = match content.pieces.last_mut() {
            _ if hole > 0 => (hole.min(room), true),
            None => return Ok(0),
            Some((offset, len)) => {
                let count = (*len).min(room);
                *offset = offset.saturating_add(count);
                *len = len.saturating_sub(count);
                if *len == 0 {
                    content.pieces.pop();
                }
                (count, false)
            }
        };
        content.at = content.at.saturating_add(count);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let part = buffer.get_mut(..count).unwrap_or_default();
        if is_hole {
            part.fill(0);
        } else {
            self.data(part)?;
        }
        Ok(count)
    }

    /// Fills `buffer` with content; less of it only at the end of the entry.
    pub(crate) fn read_full(&mut self, buffer: &mut [u8]) -> Result<usize, Stop> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|it| !it.is_empty()) {
            match self.read(rest)? {
                0 => break,
                count => filled = filled.saturating_add(count),
            }
        }
        Ok(filled)
    }

    fn skip(&mut self) -> Result<(), Stop> {
        let mut left = self.left.saturating_add(self.padding);
        (self.left, self.padding, self.content) = (0, 0, Content::default());
        while left > 0 {
            let available = self.reader.fill_buf()?.len();
            if available == 0 {
                return Err(Malformed::new("ends inside an entry").into());
            }
            let count = available.min(usize::try_from(left).unwrap_or(usize::MAX));
            self.reader.consume(count);
            left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        }
        Ok(())
    }
}

impl Content {
    /// The pieces must follow each other, and need just the data that there is.
    fn new(mut pieces: Vec<(u64, u64)>, size: u64, data: u64) -> Result<Content, Malformed> {
        let mut at = 0;
        let mut needed: u64 = 0;
        for &(offset, len) in &pieces {
            let end = offset.checked_add(len).filter(|end| offset >= at && *end <= size);
            at = end.ok_or(Malformed::new("sparse pieces overlap or leave the file"))?;
            needed = needed.saturating_add(len);
        }
        if needed != data {
            return Err(Malformed::new("a sparse file has more or less data than its map"));
        }
        pieces.retain(|it| it.1 > 0);
        pieces.reverse();
        Ok(Content { at: 0, size, pieces })
    }
}

/// A header block.
struct Header<'a> {
    block: &'a [u8; BLOCK],
}

impl<'a> Header<'a> {
    fn field(&self, start: usize, len: usize) -> &'a [u8] {
        self.block.get(start..start.saturating_add(len)).unwrap_or_default()
    }

    fn kind(&self) -> u8 {
        self.field(156, 1).first().copied().unwrap_or_default()
    }

    /// The sum of all bytes, with blanks for the sum itself; some old tars took bytes for signed.
    fn check_sum(&self) -> Result<(), Malformed> {
        let (mut unsigned, mut signed) = (0_i64, 0_i64);
        for (i, &byte) in self.block.iter().enumerate() {
            let byte = if (148..156).contains(&i) { b' ' } else { byte };
            unsigned = unsigned.saturating_add(i64::from(byte));
            signed = signed.saturating_add(i64::from(byte.cast_signed()));
        }
        let sum = i64::try_from(number(self.field(148, 8))?).unwrap_or(-1);
        let holds = sum == unsigned || sum == signed;
        if holds { Ok(()) } else { Err(Malformed::new("wrong header checksum")) }
    }

    /// `prefix/name` for ustar, whose prefix GNU uses otherwise.
    fn name(&self) -> Vec<u8> {
        let name = until_nul(self.field(0, 100));
        let prefix = until_nul(self.field(345, 155));
        if self.field(257, 6) == b"ustar\0" && !prefix.is_empty() {
            [prefix, b"/", name].concat()
        } else {
            name.to_vec()
        }
    }
}

/// A number in a header: octal digits between blanks or NULs, or, with the highest bit set, binary, high
/// byte first (GNU tar manual, "Basic Tar Format", on numbers that do not fit).
pub(crate) fn number(field: &[u8]) -> Result<u64, Malformed> {
    const BAD: Malformed = Malformed::new("a number in a header is neither octal nor binary");
    if let Some((first, rest)) = field.split_first().filter(|it| it.0 & 0x80 != 0) {
        let first = u64::from(first & 0x7f);
        return rest.iter().try_fold(first, |value: u64, byte| {
            let shifted = value.checked_mul(256).ok_or(BAD)?;
            Ok(shifted | u64::from(*byte))
        });
    }
    let blank = |it: &u8| *it == b' ' || *it == 0;
    let start = field.iter().position(|it| !blank(it)).unwrap_or(field.len());
    let digits = field.get(start..).unwrap_or_default();
    let digits = digits.split(blank).next().unwrap_or_default();
    digits.iter().try_fold(0, |value: u64, digit| match digit {
        b'0'..=b'7' => {
            let shifted = value.checked_mul(8).ok_or(BAD)?;
            Ok(shifted | u64::from(digit & 7))
        }
        _ => Err(BAD),
    })
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|it| *it == 0).next().unwrap_or_default()
}

/// Fills `buffer`; less of it only at the end.
pub(crate) fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|it| !it.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => filled = filled.saturating_add(count),
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(err),
        }
    }
    Ok(filled)
}
