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

    pub(super) fn read(&self, offset: u64, len: u64) -> Result<Cow<'_, [u8]>, DatabaseError> {
        let end = offset.checked_add(len).filter(|it| *it <= self.len());
        let end = end.ok_or_else(|| DatabaseError::Damaged("ends early".to_owned()))?;
        match self {
            Source::File { file, .. } => {
                let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
                file.read_exact_at(&mut bytes, offset).map_err(DatabaseError::Io)?;
                Ok(Cow::Owned(bytes))
            }
            Source::Bytes(bytes) => {
                let range = usize::try_from(offset).ok().zip(usize::try_from(end).ok());
                let slice = range.and_then(|(from, to)| bytes.get(from..to));
                Ok(Cow::Borrowed(slice.unwrap_or_default()))
            }
        }
    }
}
