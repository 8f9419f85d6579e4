//! Why an image could not be had.
use model::{Digest, Platform};
use std::{error, fmt, io};

/// Why a source could not give an image or a layer.
#[derive(Debug)]
pub enum SourceError {
    /// There is no such thing: which.
    NotFound(String),
    /// It is not what it claims to be: how.
    Malformed(String),
    /// It is of a form that we do not read: which.
    Unsupported(String),
    /// There is none for the platform that was asked for.
    NoPlatform {
        /// What was asked for.
        wanted: Platform,
        /// What there is.
        available: Vec<Platform>,
    },
    /// Content that is not what its address says.
    DigestMismatch {
        /// The address.
        expected: Digest,
        /// The digest of what came, or what else was wrong.
        got: String,
    },
    /// Over a limit: which.
    TooLarge(String),
    /// Reading failed.
    Io {
        /// What was read.
        what: String,
        /// How it failed.
        source: io::Error,
    },
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceError::NotFound(what) => write!(f, "not found: {what}"),
            SourceError::Malformed(how) => write!(f, "malformed: {how}"),
            SourceError::Unsupported(which) => write!(f, "not supported: {which}"),
            SourceError::NoPlatform { wanted, available } => {
                write!(f, "no image for {wanted}; there is one for")?;
                let mut before = " ";
                for it in available {
                    write!(f, "{before}{it}")?;
                    before = ", ";
                }
                if available.is_empty() { f.write_str(" none that says so") } else { Ok(()) }
            }
            SourceError::DigestMismatch { expected, got } => {
                write!(f, "the content of {expected} hashes to {got}")
            }
            SourceError::TooLarge(which) => write!(f, "too large: {which}"),
            SourceError::Io { what, source } => write!(f, "{what}: {source}"),
        }
    }
}

impl error::Error for SourceError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            SourceError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
