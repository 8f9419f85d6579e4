//! Reads files of the user's, and names what failed.
use crate::{SourceError, manifest::DOCUMENT_BYTES};
use rustix::fs::OFlags;
use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// The whole of a document.
pub(crate) fn small(path: &Path) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    let mut file = open(path)?.take(DOCUMENT_BYTES.saturating_add(1));
    let len = file.read_to_end(&mut bytes).map_err(failed(path.display().to_string()))?;
    if u64::try_from(len).is_ok_and(|it| it <= DOCUMENT_BYTES) {
        return Ok(bytes);
    }
    Err(SourceError::TooLarge(format!("{} has over {DOCUMENT_BYTES} bytes", path.display())))
}

/// Opens a regular file. Links are followed: layouts may share their blobs. A pipe in the place of
/// a file must not hold us up, so it is opened without waiting.
pub(crate) fn open(path: &Path) -> Result<File, SourceError> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(|err| match err.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            SourceError::NotFound(path.display().to_string())
        }
        _ => failed(path.display().to_string())(err),
    })?;
    let meta = file.metadata().map_err(failed(path.display().to_string()))?;
    if meta.is_file() {
        return Ok(file);
    }
    Err(SourceError::Malformed(format!("{} is not a regular file", path.display())))
}

/// For `map_err`: reading `what` failed.
pub(crate) fn failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> SourceError {
    move |source| SourceError::Io { what: what.into(), source }
}
