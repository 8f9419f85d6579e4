//! Members of a zip archive, as its central directory lists them.
//!
//! Format: PKWARE APPNOTE.TXT 6.3.10. The directory is what Java, Python and unzip go by; where what stands before
//! the data of a member says something else, or data lies where the directory has none, that is told, for it is how
//! something is hidden from one reader and shown to another.
use super::{
    inflate::Inflate,
    meter::{Account, Checked, Metered, State},
    stream,
    walk::{End, Entry, Walk},
    window::{Reader, Window},
};
use crate::Malformed;
use model::{Reason, decode};
use rawzip::{CompressionMethod as Method, ZipArchive, ZipFileHeaderRecord};
use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read},
    rc::Rc,
};

/// The end record and the longest comment (4.3.16).
const END_BYTES: u64 = 22 + 0xffff;
/// What a record of the directory takes at most, which is more than a local header does.
const RECORD_BYTES: usize = rawzip::MAX_CENTRAL_DIRECTORY_RECORD_SIZE;
const END_MAGIC: &[u8] = b"PK\x05\x06";
const LOCAL_MAGIC: &[u8] = b"PK\x03\x04";
/// Names of files that are zip archives whatever they begin with.
const NAMES: &[&str] = &[
    "aar", "apk", "ear", "egg", "hpi", "jar", "jpi", "kar", "nupkg", "par", "pyz", "rar", "sar",
    "vsix", "war", "whl", "xpi", "zip",
];

/// Whether something that is called so is usually a zip archive.
pub(super) fn is_usual_name(path: &str) -> bool {
    let extension = path.rsplit_once('.').map_or("", |it| it.1);
    NAMES.iter().any(|it| it.eq_ignore_ascii_case(extension))
}

/// Whether a zip archive ends where `window` does: it may begin with anything.
pub(super) fn is_at_end(window: &Window<'_>) -> io::Result<bool> {
    let start = window.len().saturating_sub(END_BYTES);
    let tail = window.slice(start, END_BYTES)?;
    // The end record says how long the comment is that follows it, to the end.
    let ends = |at: usize| {
        let comment = tail.get(at.saturating_add(20)..)?;
        let (len, comment) = comment.split_first_chunk::<2>()?;
        Some(usize::from(u16::from_le_bytes(*len)) == comment.len())
    };
    let found = |(at, it): (usize, &[u8])| it == END_MAGIC && ends(at) == Some(true);
    Ok(tail.windows(4).enumerate().rev().any(found))
}

/// An archive while it is read.
struct Zip<'a> {
    window: &'a Window<'a>,
    archive: ZipArchive<Window<'a>>,
    account: Rc<Account>,
    state: Rc<State>,
    /// Names that were seen, hashed.
    names: HashSet<u64>,
    /// Where members lie, local headers included.
    places: Vec<(u64, u64)>,
}

/// Shows all members but for directories.
pub(super) fn walk(walk: &mut Walk<'_>, window: &Window<'_>) -> Result<(), End> {
    let state = Rc::clone(&walk.state);
    let mut buffer =
        vec![0; RECORD_BYTES.min(usize::try_from(window.len()).unwrap_or(usize::MAX)).max(1 << 12)];
    let locator = ZipArchive::with_max_search_space(END_BYTES);
    let archive = locator.locate_in_reader(window.clone(), &mut buffer, window.len());
    let archive = archive.map_err(|(_, err)| broken(&state, &err))?;
    let (account, names, places) = (Account::of(window.len()), HashSet::new(), Vec::new());
    let mut zip = Zip { window, archive, account, state: Rc::clone(&state), names, places };
    let mut local = vec![0; buffer.len()];
    let archive = zip.archive.clone();
    let mut entries = archive.entries(&mut buffer);
    let mut count: u64 = 0;
    while let Some(record) = entries.next_entry().map_err(|it| broken(&state, &it))? {
        count = count.saturating_add(1);
        zip.entry(walk, &record, &mut local)?;
        zip.account.check(&state).map_err(End::Broken)?;
    }
    zip.finish(walk, count)
}

impl Zip<'_> {
    fn entry(
        &mut self,
        walk: &mut Walk<'_>,
        record: &ZipFileHeaderRecord<'_>,
        local: &mut [u8],
    ) -> Result<(), End> {
        let raw = record.file_path();
        let raw: &[u8] = raw.as_ref();
        let name = decode(raw);
        if !self.names.insert(hash(raw)) {
            walk.missed_in(&name, Reason::Ambiguous("two members of one name".to_owned()));
        }
        let found = match self.find(walk, record, &name, local) {
            Err(end) => return lost(walk, &name, end),
            Ok(it) => it,
        };
        if raw.ends_with(b"/") && record.uncompressed_size_hint() == 0 {
            return walk.count();
        }
        let (start, len) = found;
        let size = record.uncompressed_size_hint();
        let inner = match self.decoder(record, start, len) {
            Err(err) => return lost(walk, &name, self.state.end("zip", &err)),
            Ok(it) => it,
        };
        let checked = Checked::new(inner, size, Some(record.crc32()));
        let mut content = Metered::new(checked, "zip", &self.account, &self.state);
        let open = record.compression_method() == Method::STORE && len == size;
        let open = self.window.part(start, len).filter(|_| open);
        let mode = record.mode().value() & 0o7777;
        walk.member(&Entry { name: &name, size: Some(size), mode }, &mut content, open)
    }

    /// Where the data of a member lies. What stands before it must say the same as the directory.
    fn find(
        &mut self,
        walk: &mut Walk<'_>,
        record: &ZipFileHeaderRecord<'_>,
        name: &str,
        buffer: &mut [u8],
    ) -> Result<(u64, u64), End> {
        let entry = self.archive.get_entry(record.wayfinder());
        let entry = entry.map_err(|it| broken(&self.state, &it))?;
        let (start, end) = entry.compressed_data_range();
        if end > self.window.len() {
            return Err(Malformed::new("zip: a member that lies outside the archive").into());
        }
        self.places.push((record.local_header_offset(), end));
        let local = entry.local_header(buffer).map_err(|it| broken(&self.state, &it))?;
        let differs = |what: &str| {
            let what = format!("its {what} is another in the directory than before its data");
            Reason::Ambiguous(what)
        };
        let path = local.file_path();
        let path: &[u8] = path.as_ref();
        // What was not known yet when that was written follows the data (4.4.4, bit 3).
        let later = local.flags().has_data_descriptor();
        let same = |here: u64, listed: u64| {
            here == listed || later && [0, u64::from(u32::MAX)].contains(&here)
        };
        let same = same(local.compressed_size_hint(), record.compressed_size_hint())
            && same(local.uncompressed_size_hint(), record.uncompressed_size_hint())
            && same(u64::from(local.crc32()), u64::from(record.crc32()));
        let raw = record.file_path();
        if path != <_ as AsRef<[u8]>>::as_ref(&raw) {
            walk.missed_in(name, differs("name"));
        }
        if local.compression_method() != record.compression_method() {
            walk.missed_in(name, differs("method"));
        }
        if !same {
            walk.missed_in(name, differs("size or checksum"));
        }
        match (record.flags().is_encrypted(), local.flags().is_encrypted()) {
            (true, true) => return Err(End::Broken(Reason::Encrypted)),
            // Readers that do not know encryption pass over the flag, so that it is set to keep others away.
            (true, false) | (false, true) => walk.missed_in(name, differs("encryption")),
            (false, false) => {}
        }
        Ok((start, end.saturating_sub(start)))
    }

    fn decoder(
        &self,
        record: &ZipFileHeaderRecord<'_>,
        start: u64,
        len: u64,
    ) -> io::Result<Box<dyn Read + '_>> {
        let window = self.window.part(start, len).ok_or(io::ErrorKind::UnexpectedEof)?;
        let input: Reader<'_> = window.reader();
        let size = record.uncompressed_size_hint();
        Ok(match record.compression_method() {
            Method::STORE => Box::new(input),
            Method::DEFLATE => Box::new(Inflate::new(input, size)),
            Method::BZIP2 => Box::new(bzip2::bufread::BzDecoder::new(input)),
            Method::ZSTD | Method::ZSTD_DEPRECATED => {
                Box::new(stream::Zstd::new(input, &self.state)?)
            }
            Method::XZ => stream::xz(input, &self.state)?,
            Method::LZMA => stream::lzma_in_zip(input, size, &self.state)?,
            other => {
                let what = match other.name() {
                    Some(it) => format!("zip: packed by {}", it.to_ascii_lowercase()),
                    None => format!("zip: packed by method {}", other.as_u16()),
                };
                return Err(self.state.flaw(Reason::Unsupported(what)));
            }
        })
    }

    /// What lies around and between the members.
    fn finish(mut self, walk: &mut Walk<'_>, count: u64) -> Result<(), End> {
        let mut odd = |what: &str| walk.missed(Reason::Ambiguous(format!("zip: {what}")));
        // The number has two bytes unless the archive is of the large kind.
        if self.archive.entries_hint() & 0xffff != count & 0xffff {
            odd("it has another number of members than it says");
        }
        if self.archive.end_offset() < self.window.len() {
            odd("data behind the archive");
        }
        self.places.sort_unstable();
        let first = self.places.first().map_or(self.archive.directory_offset(), |it| it.0);
        if first > 0 {
            odd("data before the archive");
        }
        let mut end = first;
        let (mut overlap, mut hidden) = (false, false);
        for &(start, stop) in &self.places {
            overlap = overlap || start < end;
            if start > end && !hidden {
                // A data descriptor has its place here (4.3.9), and signatures have.
                let gap = self.window.slice(end, start.saturating_sub(end).min(64));
                let gap = gap.map_err(|it| self.state.end("zip", &it))?;
                hidden = gap.windows(4).any(|it| it == LOCAL_MAGIC);
            }
            end = end.max(stop);
        }
        if overlap {
            odd("members that lie in each other");
        }
        if hidden {
            odd("members that are not in its directory");
        }
        Ok(())
    }
}

/// A member that can't be shown.
fn lost(walk: &mut Walk<'_>, name: &str, end: End) -> Result<(), End> {
    let End::Broken(reason) = end else { return Err(end) };
    walk.count()?;
    walk.missed_in(name, reason);
    Ok(())
}

fn hash(name: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

fn broken(state: &State, err: &rawzip::Error) -> End {
    state.end("zip", &io::Error::new(io::ErrorKind::InvalidData, err.to_string()))
}
