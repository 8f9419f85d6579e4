//! Where the bytes of a database are: in a file that is read in places, or in memory.
use super::DatabaseError;
use std::{borrow::Cow, fs::File, os::unix::fs::FileExt};

/// The bytes of a database.
#[derive(Debug)]
pub(super) enum Source {
    /// A file; nobody changes it, a new database is a new file.
    File { file: File, len: u64 },
    /// Memory.
    Bytes(Cow<'static, [u8]>),
}

impl Source {
    pub(super) fn file(file: File) -> Result<Source, DatabaseError> {
        let len = file.metadata().map_err(DatabaseError::Io)?.len();
        Ok(Source::File { file, len })
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Source::File { len, .. } => *len,
            Source::Bytes(it) => u64::try_from(it.len()).unwrap_or(u64::MAX),
        }
    }

    /// Brings `len` bytes from `offset` into `bytes`, in place of what was there.
    pub(super) fn read(
        &self,
        offset: u64,
        len: u64,
        bytes: &mut Vec<u8>,
    ) -> Result<(), DatabaseError> {
        let end = offset.checked_add(len).filter(|it| *it <= self.len());
        let end = end.ok_or_else(|| DatabaseError::Damaged("ends early".to_owned()))?;
        match self {
            Source::File { file, .. } => {
                bytes.resize(usize::try_from(len).unwrap_or_default(), 0);
                file.read_exact_at(bytes, offset).map_err(DatabaseError::Io)
            }
            Source::Bytes(all) => {
                let range = usize::try_from(offset).ok().zip(usize::try_from(end).ok());
                let slice = range.and_then(|(from, to)| all.get(from..to));
                bytes.clear();
                bytes.extend_from_slice(slice.unwrap_or_default());
                Ok(())
            }
        }
    }
}
