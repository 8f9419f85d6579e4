//! What documents come in: single files, records a line, archives (zip, tar), compressed ones (gzip, xz, zstd), and
//! folders of such. One document at a time is in memory. A member may be compressed once more; archives in archives
//! are not opened. Names are for people only: nothing is ever written under a name from an archive.
use super::{StoreError, failed, fetch};
use flate2::bufread::DeflateDecoder;
use rawzip::{
    CompressionMethod, FileReader, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipArchiveEntryWayfinder,
};
use registry::Compression;
use std::{
    fmt,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Seek},
    path::{Path, PathBuf},
};

/// The most of one document: Debian's tracker is a single file of some 80 MB.
const DOCUMENT_BYTES: u64 = 1 << 30;
/// How many times its size a file may expand to.
const RATIO: u64 = 400;
/// The least that any file may expand to.
const FREE_BYTES: u64 = 64 << 20;
/// Folders in folders.
const DEPTH: usize = 16;

/// Why a document can't be had.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// It is broken itself: the others are there.
    Document(String),
    /// What it is in breaks off or can't be opened: nobody knows what else is missing.
    Container(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Document(why) => f.write_str(why),
            Fault::Container(why) => write!(f, "damaged: {why}"),
        }
    }
}

/// Takes a document: its name, and its content or what is wrong with it. Errors are ours, and end it all.
pub(super) type Take<'a> = &'a mut dyn FnMut(&str, Result<&[u8], Fault>) -> io::Result<()>;

/// Shows every document in the file at `path`, which is called `name`.
pub(super) fn each(path: &Path, name: &str, take: Take<'_>) -> Result<(), StoreError> {
    let file = File::open(path).map_err(failed(path))?;
    match each_in(file, name, take) {
        Ok(()) => Ok(()),
        Err(Ended::Ours(err)) => Err(failed(path)(err)),
        Err(Ended::Theirs(why)) => take(name, Err(Fault::Container(why))).map_err(failed(path)),
    }
}

/// How many bytes files have.
pub(super) fn bytes<'a>(files: impl IntoIterator<Item = &'a Path>) -> u64 {
    let bytes = |it: &Path| fs::metadata(it).map_or(0, |it| it.len());
    files.into_iter().map(bytes).fold(0, u64::saturating_add)
}

/// The file, or all files below the folder. Links below it are not followed, and what is hidden is none.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut found = Vec::new();
    gather(path, DEPTH, &mut found)?;
    found.sort();
    Ok(found)
}

fn gather(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), StoreError> {
    if !path.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    let Some(depth) = depth.checked_sub(1) else {
        let text = format!("{}: more than {DEPTH} folders in folders", path.display());
        return Err(StoreError::Refused(text));
    };
    for entry in fs::read_dir(path).map_err(failed(path))? {
        let entry = entry.map_err(failed(path))?;
        let kind = entry.file_type().map_err(failed(&entry.path()))?;
        if (kind.is_dir() || kind.is_file()) && !is_note(&entry.path()) {
            gather(&entry.path(), depth, found)?;
        }
    }
    Ok(())
}

/// What we wrote beside a document ourselves.
pub(super) fn is_note(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || name.ends_with(fetch::NOTE)
}

/// The content of compressed bytes: gzip, xz, zstd, or none of them.
pub(super) fn decompress(bytes: &[u8]) -> Box<dyn Read + '_> {
    Compression::of(bytes).open(bytes)
}

/// All of it, within bounds.
pub(super) fn unpack(bytes: &[u8], most: u64) -> io::Result<Vec<u8>> {
    bounded(decompress(bytes), most)
}

pub(super) fn bounded(reader: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let count = reader.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(count).is_ok_and(|it| it > most) {
        return Err(io::Error::other(format!("more than {most} bytes")));
    }
    Ok(bytes)
}

/// Why no more documents come.
enum Ended {
    /// The file is not what it should be: how.
    Theirs(String),
    /// Whoever takes the documents failed.
    Ours(io::Error),
}

fn theirs(err: impl fmt::Display) -> Ended {
    Ended::Theirs(err.to_string())
}

fn each_in(mut file: File, name: &str, take: Take<'_>) -> Result<(), Ended> {
    let size = file.metadata().map_err(theirs)?.len();
    let left = size.saturating_mul(RATIO).max(FREE_BYTES);
    let mut head = Vec::new();
    file.by_ref().take(8).read_to_end(&mut head).map_err(theirs)?;
    file.rewind().map_err(theirs)?;
    if matches!(head.as_slice(), [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..]) {
        return zip(file, left, take);
    }
    let compression = Compression::of(&head);
    let inner = compression.open(BufReader::with_capacity(128 << 10, file));
    let mut stream = BufReader::with_capacity(64 << 10, Counted { inner, left });
    let start = stream.fill_buf().map_err(theirs)?;
    // POSIX.1-1988 and later have this here; older archives are not among feeds.
    if start.get(257..262) == Some(b"ustar") {
        return tar(stream, take);
    }
    let name = compression.strip(name);
    if is_lines(name) { lines(&mut stream, name, take) } else { whole(stream, name, take) }
}

/// A stream that ends in an error when more comes out of it than may.
struct Counted<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        if self.left == 0 {
            return Err(io::Error::other(format!("expands to more than {RATIO} times its size")));
        }
        Ok(count)
    }
}

fn whole(stream: impl Read, name: &str, take: Take<'_>) -> Result<(), Ended> {
    let content = bounded(stream, DOCUMENT_BYTES).map_err(theirs)?;
    take(name, Ok(&content)).map_err(Ended::Ours)
}

/// A record a line, of which there may be more than fit into memory.
fn lines(stream: &mut impl BufRead, name: &str, take: Take<'_>) -> Result<(), Ended> {
    let mut line = Vec::new();
    let mut number: u64 = 0;
    loop {
        line.clear();
        number = number.saturating_add(1);
        let most = DOCUMENT_BYTES.saturating_add(1);
        let count = stream.by_ref().take(most).read_until(b'\n', &mut line).map_err(theirs)?;
        if count == 0 {
            return Ok(());
        }
        if u64::try_from(count).is_ok_and(|it| it >= most) {
            return Err(theirs(format!("line {number} has more than {DOCUMENT_BYTES} bytes")));
        }
        if !line.trim_ascii().is_empty() {
            take(&format!("{name}:{number}"), Ok(&line)).map_err(Ended::Ours)?;
        }
    }
}

fn is_lines(name: &str) -> bool {
    [".jsonl", ".ndjson"].iter().any(|it| name.ends_with(it))
}

fn tar(stream: impl Read, take: Take<'_>) -> Result<(), Ended> {
    let mut archive = tar::Archive::new(stream);
    for entry in archive.entries().map_err(theirs)? {
        let entry = entry.map_err(theirs)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let size = entry.size();
        if size > DOCUMENT_BYTES {
            let why = Fault::Document(format!("{size} bytes are too many"));
            take(&name, Err(why)).map_err(Ended::Ours)?;
            continue;
        }
        let content = bounded(entry, DOCUMENT_BYTES).map_err(theirs)?;
        if u64::try_from(content.len()).ok() != Some(size) {
            return Err(theirs(format!("it ends within {name}")));
        }
        member(&name, &content, take).map_err(Ended::Ours)?;
    }
    Ok(())
}

fn zip(file: File, mut left: u64, take: Take<'_>) -> Result<(), Ended> {
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer).map_err(theirs)?;
    let mut found: u64 = 0;
    let mut entries = archive.entries(&mut buffer);
    while let Some(entry) = entries.next_entry().map_err(theirs)? {
        found = found.saturating_add(1);
        if entry.is_dir() || entry.mode().is_symlink() {
            continue;
        }
        let name = String::from_utf8_lossy(entry.file_path().as_bytes()).into_owned();
        let (method, way) = (entry.compression_method(), entry.wayfinder());
        match inflate(&archive, way, method, &mut left) {
            Ok(content) => member(&name, &content, take).map_err(Ended::Ours)?,
            // One that is spoiled does not spoil the others; a bomb does.
            Err(err) if left == 0 => return Err(theirs(err)),
            Err(err) => {
                take(&name, Err(Fault::Document(err.to_string()))).map_err(Ended::Ours)?;
            }
        }
    }
    match archive.entries_hint() {
        claimed if claimed != found => Err(theirs(format!("{found} of {claimed} members"))),
        _ => Ok(()),
    }
}

fn inflate(
    archive: &ZipArchive<FileReader>,
    way: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
    left: &mut u64,
) -> io::Result<Vec<u8>> {
    let entry = archive.get_entry(way).map_err(io::Error::other)?;
    let packed = BufReader::new(entry.reader());
    let inner: Box<dyn Read + '_> = match method {
        CompressionMethod::STORE => Box::new(packed),
        CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(packed)),
        other => return Err(io::Error::other(format!("compressed with method {other:?}"))),
    };
    let mut counted = Counted { inner, left: *left };
    // Size and checksum are those of the directory; a lie is found out at the end.
    let content = bounded(entry.verifying_reader(&mut counted), DOCUMENT_BYTES);
    *left = counted.left;
    content
}

/// A member, which may be compressed once more.
fn member(name: &str, content: &[u8], take: Take<'_>) -> io::Result<()> {
    let compression = Compression::of(content);
    let name = compression.strip(name);
    if compression == Compression::None {
        return records(name, content, take);
    }
    // As above: what it may expand to grows with what it is.
    let most = u64::try_from(content.len()).unwrap_or(u64::MAX).saturating_mul(RATIO);
    match bounded(compression.open(content), most.clamp(FREE_BYTES, DOCUMENT_BYTES)) {
        Ok(content) => records(name, &content, take),
        Err(err) => take(name, Err(Fault::Document(err.to_string()))),
    }
}

fn records(name: &str, content: &[u8], take: Take<'_>) -> io::Result<()> {
    if !is_lines(name) {
        return take(name, Ok(content));
    }
    for (line, number) in content.split(|it| *it == b'\n').zip(1_u64..) {
        if !line.trim_ascii().is_empty() {
            take(&format!("{name}:{number}"), Ok(line))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
