//! Why an image could not be had.
use model::{Digest, Platform};
use std::{error, fmt, io, time::Duration};

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
    /// We are not known there, or may not do it: which right is missing.
    Unauthorized(String),
    /// A policy of the registry forbids it: in its own words.
    Refused(String),
    /// The registry wants to be left alone for a while.
    RateLimited {
        /// Who.
        host: String,
        /// For how long, if it said so.
        after: Option<Duration>,
    },
    /// It does not answer, or answers with a failure of its own: who, and how.
    Unreachable(String),
    /// It is not whom we were told to trust: who, why, and what to do.
    Tls(String),
    /// Our own settings cannot be used: which, and why.
    Settings(String),
    /// Reading failed.
    Io {
        /// What was read.
        what: String,
        /// How it failed.
        source: io::Error,
    },
}

impl SourceError {
    /// That reading `what` failed: what a reader of ours says of it, where it is one of ours that failed.
    pub fn reading(what: &str, source: io::Error) -> SourceError {
        let ours = source.downcast::<SourceError>();
        ours.unwrap_or_else(|source| SourceError::Io { what: what.to_owned(), source })
    }

    /// Whether the same may succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            SourceError::Unreachable(_) | SourceError::RateLimited { .. } => true,
            // Bytes spoiled on their way come out right the next time; it is worth one try.
            SourceError::DigestMismatch { .. } => true,
            SourceError::Io { source, .. } => source.kind() != io::ErrorKind::NotFound,
            _ => false,
        }
    }
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
            SourceError::Unauthorized(why) => write!(f, "not allowed: {why}"),
            SourceError::Refused(words) => write!(f, "refused by a policy: {words}"),
            SourceError::RateLimited { host, after: Some(after) } => {
                write!(f, "{host} asks to wait {} s before the next request", after.as_secs())
            }
            SourceError::RateLimited { host, after: None } => {
                write!(f, "{host} asks for fewer requests; wait, log in or use a mirror")
            }
            SourceError::Unreachable(it) => write!(f, "cannot reach {it}"),
            SourceError::Tls(it) => write!(f, "TLS with {it}"),
            SourceError::Settings(it) => write!(f, "settings: {it}"),
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

impl From<net::Error> for SourceError {
    fn from(it: net::Error) -> SourceError {
        match it {
            net::Error::UnknownHost(it) | net::Error::Refused(it) | net::Error::Unreachable(it) => {
                SourceError::Unreachable(it)
            }
            net::Error::Tls(it) => SourceError::Tls(it),
            net::Error::TooLarge(it) => SourceError::TooLarge(it),
            net::Error::Settings(it) => SourceError::Settings(it),
            net::Error::Redirect(_)
            | net::Error::Malformed(_)
            | net::Error::Declined(_)
            | net::Error::Url(_) => SourceError::Malformed(it.to_string()),
        }
    }
}
