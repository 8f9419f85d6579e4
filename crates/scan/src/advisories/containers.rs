//! What documents come in: single files, archives (zip, tar), compressed ones (gzip, zstd), and folders of
//! such. One member at a time is in memory.
use super::{StoreError, failed};
use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Seek},
    path::Path,
};

/// The most of one document: Debian's tracker is a single file of some 80 MB.
const DOCUMENT_BYTES: u64 = 1 << 30;
/// How many times its size an archive may expand to.
const RATIO: u64 = 400;
/// The least that any archive may expand to.
const FREE_BYTES: u64 = 64 << 20;

/// Takes a document: its name, and its content or what is wrong with it.
pub(super) type Take<'a> = &'a mut dyn FnMut(&str, Result<Vec<u8>, String>);

/// Shows every document in the file or folder at `path`, in the order of names.
pub(super) fn each(path: &Path, take: Take<'_>) -> Result<(), StoreError> {
    if path.is_dir() {
        let entries = fs::read_dir(path).map_err(failed(path))?;
        let mut inner: Vec<_> = entries.flatten().map(|it| it.path()).collect();
        inner.sort();
        return inner.iter().filter(|it| !is_note(it)).try_for_each(|it| each(it, take));
    }
    let file = File::open(path).map_err(failed(path))?;
    let size = file.metadata().map_err(failed(path))?.len();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut budget = Budget { left: size.saturating_mul(RATIO).max(FREE_BYTES) };
    let mut file = BufReader::with_capacity(128 << 10, file);
    if let Err(why) = open(&mut file, &name, &mut budget, take) {
        take(&name, Err(why.to_string()));
    }
    Ok(())
}

/// What we wrote beside a document ourselves.
pub(super) fn is_note(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || name.ends_with(super::fetch::NOTE)
}

/// How many bytes may still come out of an archive.
struct Budget {
    left: u64,
}

impl Budget {
    /// The rest of `reader`, within bounds.
    fn read(&mut self, reader: impl Read) -> io::Result<Vec<u8>> {
        let most = self.left.min(DOCUMENT_BYTES);
        let mut bytes = Vec::new();
        reader.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if count > most {
            return Err(io::Error::other(format!("more than {most} bytes")));
        }
        self.left = self.left.saturating_sub(count);
        Ok(bytes)
    }
}

fn open(
    file: &mut BufReader<File>,
    name: &str,
    budget: &mut Budget,
    take: Take<'_>,
) -> io::Result<()> {
    let mut start = Vec::new();
    file.by_ref().take(4).read_to_end(&mut start)?;
    file.rewind()?;
    match start.as_slice() {
        [b'P', b'K', 3 | 5, ..] => zip(file, budget, take),
        [0x1f, 0x8b, ..] => {
            let inner = flate2::bufread::MultiGzDecoder::new(file);
            unpacked(inner, name.trim_end_matches(".gz"), budget, take)
        }
        [0x28, 0xb5, 0x2f, 0xfd] => {
            let inner = ruzstd::decoding::StreamingDecoder::new(file).map_err(io::Error::other)?;
            unpacked(inner, name.trim_end_matches(".zst"), budget, take)
        }
        _ => unpacked(file, name, budget, take),
    }
}

fn unpacked(
    mut reader: impl Read,
    name: &str,
    budget: &mut Budget,
    take: Take<'_>,
) -> io::Result<()> {
    let mut start = Vec::new();
    reader.by_ref().take(512).read_to_end(&mut start)?;
    let is_tar = start.get(257..262) == Some(b"ustar");
    let whole = io::Cursor::new(start).chain(reader);
    if !is_tar {
        let content = budget.read(whole);
        take(name, content.map_err(|err| err.to_string()));
        return Ok(());
    }
    let mut archive = tar::Archive::new(whole);
    for entry in archive.entries()? {
        let entry = entry?;
        if entry.header().entry_type().is_file() {
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let content = budget.read(entry);
            take(&name, content.map_err(|err| err.to_string()));
        }
    }
    Ok(())
}

fn zip(file: &mut BufReader<File>, budget: &mut Budget, take: Take<'_>) -> io::Result<()> {
    let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
    let file = file.get_ref().try_clone()?;
    let archive = rawzip::ZipArchive::from_file(file, &mut buffer).map_err(io::Error::other)?;
    let mut entries = archive.entries(&mut buffer);
    while let Some(entry) = entries.next_entry().map_err(io::Error::other)? {
        if entry.is_dir() {
            continue;
        }
        let name = String::from_utf8_lossy(entry.file_path().as_bytes()).into_owned();
        let method = entry.compression_method();
        let entry = archive.get_entry(entry.wayfinder()).map_err(io::Error::other)?;
        let content = match method {
            rawzip::CompressionMethod::STORE => budget.read(entry.verifying_reader(entry.reader())),
            rawzip::CompressionMethod::DEFLATE => {
                let inner = flate2::read::DeflateDecoder::new(entry.reader());
                budget.read(entry.verifying_reader(inner))
            }
            other => Err(io::Error::other(format!("compressed with method {other:?}"))),
        };
        take(&name, content.map_err(|err| err.to_string()));
    }
    Ok(())
}

/// The content of compressed bytes: gzip, xz, zstd, or none of them.
pub(super) fn decompress(bytes: &[u8]) -> io::Result<Box<dyn Read + '_>> {
    Ok(match bytes {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Box::new(lzma_rust2::XzReader::new(bytes, true)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            Box::new(ruzstd::decoding::StreamingDecoder::new(bytes).map_err(io::Error::other)?)
        }
        [b'B', b'Z', b'h', ..] => return Err(io::Error::other("bzip2 is not read")),
        _ => Box::new(bytes),
    })
}

/// All of it, within bounds.
pub(super) fn unpack(bytes: &[u8], most: u64) -> io::Result<Vec<u8>> {
    Budget { left: most }.read(decompress(bytes)?)
}

/// Copies a document, or a folder of them, to where the documents of its feed are kept.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(to).map_err(failed(to))?;
    if from.is_dir() {
        for entry in fs::read_dir(from).map_err(failed(from))?.flatten() {
            let path = entry.path();
            let to = if path.is_dir() { to.join(entry.file_name()) } else { to.to_owned() };
            copy(&path, &to)?;
        }
        return Ok(());
    }
    let Some(name) = from.file_name() else { return Ok(()) };
    let mut source = File::open(from).map_err(failed(from))?;
    let mut copy = tempfile::NamedTempFile::new_in(to).map_err(failed(to))?;
    io::copy(&mut source, &mut copy).map_err(failed(to))?;
    // The age of a document is the age of what it says.
    let modified = source.metadata().and_then(|it| it.modified());
    modified.and_then(|it| copy.as_file().set_modified(it)).map_err(failed(to))?;
    let to = to.join(name);
    copy.persist(&to).map_err(|err| failed(&to)(err.error))?;
    Ok(())
}
