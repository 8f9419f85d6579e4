//! Walks the members of an archive, from front to back.
//!
//! The walk is ours, since long names come in members of any claimed size, which must not be read
//! into memory unseen; the fields of headers are read by the `tar` crate. POSIX.1-2024, pax,
//! "pax Interchange Format"; GNU tar manual, "Basic Tar Format".
use crate::{SourceError, disk::failed};
use model::{ImagePath, decode};
use std::io::{self, Read};
use tar::{EntryType, Header, PaxExtensions};

/// The most bytes that the name of a member may come in.
const NAME_BYTES: u64 = 1 << 20;
const BLOCK: u64 = 512;

/// What the walk is made over: bytes that can be passed over.
pub(super) trait Tape: Read {
    /// Passes over bytes, all of which must be there.
    fn pass(&mut self, bytes: u64) -> io::Result<()>;
}

/// The walk.
pub(super) struct Walk<T> {
    pub(super) tape: T,
    /// Where the tape stands.
    at: u64,
    /// Where the next header is.
    next: u64,
    /// Whether the archive ended inside a member.
    pub(super) cut: bool,
}

/// A member of the archive.
pub(super) struct Member {
    pub(super) name: ImagePath,
    pub(super) kind: Kind,
    /// Where its content begins.
    pub(super) offset: u64,
    pub(super) size: u64,
}

pub(super) enum Kind {
    File,
    /// The member that a link of either sort leads to.
    Link(ImagePath),
    /// A directory, a device.
    Other,
}

/// What stands in front of a header and overrides it.
#[derive(Default)]
struct Overrides {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

impl<T: Tape> Walk<T> {
    pub(super) fn new(tape: T) -> Walk<T> {
        Walk { tape, at: 0, next: 0, cut: false }
    }

    /// The next member; `None` at the end of the archive.
    pub(super) fn member(&mut self) -> Result<Option<Member>, SourceError> {
        let mut overrides = Overrides::default();
        loop {
            self.tape.pass(self.next.saturating_sub(self.at)).map_err(cut)?;
            self.at = self.next;
            let Some(header) = self.header()? else { return Ok(None) };
            let size = match overrides.size {
                Some(size) if is_member(&header) => size,
                _ => header.entry_size().map_err(bad)?,
            };
            let padded = size.checked_next_multiple_of(BLOCK);
            let next = padded.and_then(|it| self.at.checked_add(it));
            self.next = next.ok_or_else(|| malformed("a member of an impossible size"))?;
            if is_member(&header) {
                let offset = self.at;
                return Ok(Some(member(&header, overrides, offset, size)?));
            }
            self.extend(&mut overrides, header.entry_type(), size)?;
        }
    }

    /// The content of the member just given, of which the caller may read any part.
    pub(super) fn content(&mut self, size: u64) -> Content<'_, T> {
        Content { walk: self, left: size }
    }

    fn header(&mut self) -> Result<Option<Header>, SourceError> {
        let mut block = [0; 512];
        let mut len = 0;
        while let Some(rest) = block.get_mut(len..).filter(|it| !it.is_empty()) {
            match self.tape.read(rest).map_err(cut)? {
                // Some writers leave the closing blocks out.
                0 if len == 0 => return Ok(None),
                0 => return Err(malformed("it ends inside a header")),
                read => len = len.saturating_add(read),
            }
        }
        self.at = self.at.saturating_add(BLOCK);
        if block.iter().all(|it| *it == 0) {
            return Ok(None);
        }
        let header = Header::from_byte_slice(&block).clone();
        let claimed = header.cksum().map_err(bad)?;
        if claimed != checksum(&block) {
            return Err(malformed("a header whose checksum is wrong"));
        }
        Ok(Some(header))
    }

    fn extend(
        &mut self,
        overrides: &mut Overrides,
        kind: EntryType,
        size: u64,
    ) -> Result<(), SourceError> {
        if size > NAME_BYTES {
            return Err(SourceError::TooLarge(format!("a member's name comes in {size} bytes")));
        }
        let mut bytes = Vec::new();
        self.content(size).read_to_end(&mut bytes).map_err(cut)?;
        let text = |bytes: Vec<u8>| bytes.split(|it| *it == 0).next().unwrap_or_default().to_vec();
        match kind {
            EntryType::GNULongName => overrides.name = Some(text(bytes)),
            EntryType::GNULongLink => overrides.link = Some(text(bytes)),
            EntryType::XHeader => overrides.read(&bytes)?,
            // Global headers carry comments; what else one could say would concern every member.
            _ => {}
        }
        Ok(())
    }
}

impl Overrides {
    fn read(&mut self, records: &[u8]) -> Result<(), SourceError> {
        for record in PaxExtensions::new(records) {
            let record = record.map_err(bad)?;
            match record.key_bytes() {
                b"path" => self.name = Some(record.value_bytes().to_vec()),
                b"linkpath" => self.link = Some(record.value_bytes().to_vec()),
                b"size" => {
                    let size = record.value().ok().and_then(|it| it.parse().ok());
                    self.size = Some(size.ok_or_else(|| malformed("a size that is no number"))?);
                }
                key if key.starts_with(b"GNU.sparse.") => {
                    return Err(SourceError::Unsupported("an archive of sparse files".to_owned()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Reads no further than the content goes, and fails when the archive ends before.
pub(super) struct Content<'a, T> {
    walk: &'a mut Walk<T>,
    left: u64,
}

impl<T: Tape> Read for Content<'_, T> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let Some(buf) = buf.get_mut(..most).filter(|it| !it.is_empty()) else { return Ok(0) };
        let len = self.walk.tape.read(buf)?;
        if len == 0 {
            self.walk.cut = true;
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "ends inside a member"));
        }
        let read = u64::try_from(len).unwrap_or(u64::MAX);
        self.left = self.left.saturating_sub(read);
        self.walk.at = self.walk.at.saturating_add(read);
        Ok(len)
    }
}

fn is_member(header: &Header) -> bool {
    !matches!(
        header.entry_type(),
        EntryType::GNULongName
            | EntryType::GNULongLink
            | EntryType::XHeader
            | EntryType::XGlobalHeader
    )
}

fn member(
    header: &Header,
    overrides: Overrides,
    offset: u64,
    size: u64,
) -> Result<Member, SourceError> {
    let raw = overrides.name.unwrap_or_else(|| header.path_bytes().into_owned());
    let climbs =
        || malformed(&format!("member `{}` climbs out of the archive", raw.escape_ascii()));
    let name = ImagePath::parse(&raw).map_err(|_| climbs())?;
    let link = overrides.link.or_else(|| header.link_name_bytes().map(|it| it.into_owned()));
    let link = link.unwrap_or_default();
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous => Kind::File,
        EntryType::Symlink => Kind::Link(name.link(&decode(&link))),
        EntryType::Link => Kind::Link(ImagePath::parse(&link).map_err(|_| climbs())?),
        EntryType::GNUSparse => {
            return Err(SourceError::Unsupported("an archive of sparse files".to_owned()));
        }
        _ => Kind::Other,
    };
    Ok(Member { name, kind, offset, size })
}

/// The sum of all bytes, those of the sum itself taken as blanks.
fn checksum(block: &[u8; 512]) -> u32 {
    let blank = |(at, it): (usize, &u8)| if (148..156).contains(&at) { 32 } else { u32::from(*it) };
    block.iter().enumerate().map(blank).sum()
}

/// Whether `block` begins as a tar archive does.
pub(super) fn is_tar(block: &[u8]) -> bool {
    <&[u8; 512]>::try_from(block).is_ok_and(|block| {
        Header::from_byte_slice(block).cksum().is_ok_and(|it| it == checksum(block))
    })
}

/// Tells what is wrong with the archive from what is wrong with reading it.
pub(super) fn cut(err: io::Error) -> SourceError {
    use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
    match err.kind() {
        UnexpectedEof => malformed("it is cut off"),
        InvalidData | InvalidInput | Other if err.raw_os_error().is_none() => bad(err),
        _ => failed("the archive")(err),
    }
}

fn bad(err: io::Error) -> SourceError {
    malformed(&err.to_string())
}

fn malformed(how: &str) -> SourceError {
    SourceError::Malformed(format!("the archive: {how}"))
}
