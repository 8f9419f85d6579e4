//! Why a scan failed: a code that stays, words for people, and whether another attempt can help.
use crate::worker::is_full;
use registry::SourceError;
use std::{fmt, time::Duration};

/// Why an image could not be scanned.
#[derive(Debug)]
pub enum Failure {
    /// Nobody wants it any more, or it is somebody else's: nothing is to be noted.
    Stopped,
    /// The registry did not give it.
    Source(SourceError),
    /// The database does not answer.
    Store(store::Error),
    /// Anything else, which stays as it is.
    Other(&'static str, String),
    /// Anything else, which passes.
    Later(&'static str, String),
}

impl Failure {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Failure::Stopped => "stopped",
            Failure::Source(it) => code(it),
            Failure::Store(store::Error::Full(_)) => "database-full",
            Failure::Store(_) => "database",
            Failure::Other(code, _) | Failure::Later(code, _) => code,
        }
    }

    /// Whether another attempt can help.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Failure::Source(it) => it.retryable(),
            Failure::Store(_) | Failure::Stopped | Failure::Later(..) => true,
            Failure::Other(..) => false,
        }
    }

    /// For how long the registry wants to be left alone.
    pub(crate) fn quiet(&self) -> Option<Duration> {
        match self {
            Failure::Source(SourceError::RateLimited { after, .. }) => *after,
            _ => None,
        }
    }
}

fn code(error: &SourceError) -> &'static str {
    match error {
        SourceError::NotFound(_) => "gone",
        SourceError::Malformed(_) => "malformed",
        SourceError::Unsupported(_) | SourceError::NoPlatform { .. } => "not-supported",
        SourceError::DigestMismatch { .. } => "wrong-digest",
        SourceError::TooLarge(_) => "too-large",
        SourceError::Unauthorized(_) => "not-allowed",
        SourceError::Refused(_) => "blocked-by-policy",
        SourceError::RateLimited { .. } => "rate-limited",
        SourceError::Unreachable(_) => "unreachable",
        SourceError::Tls(_) => "certificate",
        SourceError::Settings(_) => "settings",
        SourceError::Io { source, .. } if is_full(source) => "disk-full",
        SourceError::Io { .. } => "reading",
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Stopped => f.write_str("stopped"),
            Failure::Source(SourceError::Refused(words)) => write!(
                f,
                "blocked by a policy of the registry: {words}; let this robot pull what the policy \
                 keeps back, or have the registry use plimsoll as its scanner"
            ),
            Failure::Source(it @ SourceError::Io { source, .. }) if is_full(source) => {
                write!(
                    f,
                    "{it}; make room for temporary files where it was scanned, or have them elsewhere"
                )
            }
            Failure::Source(it) => it.fmt(f),
            Failure::Store(it) => it.fmt(f),
            Failure::Other(_, it) | Failure::Later(_, it) => f.write_str(it),
        }
    }
}

impl From<SourceError> for Failure {
    fn from(it: SourceError) -> Failure {
        Failure::Source(it)
    }
}

impl From<store::Error> for Failure {
    fn from(it: store::Error) -> Failure {
        Failure::Store(it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn another_attempt_is_made_when_it_can_help() {
        let check = |error: SourceError, code: &str, passing: bool| {
            let failure = Failure::from(error);
            assert_eq!((failure.code(), failure.is_passing()), (code, passing), "{failure}");
        };
        let text = || "x".to_owned();
        check(SourceError::NotFound(text()), "gone", false);
        check(SourceError::Unsupported(text()), "not-supported", false);
        check(SourceError::Unauthorized(text()), "not-allowed", false);
        check(SourceError::Refused(text()), "blocked-by-policy", false);
        check(SourceError::Unreachable(text()), "unreachable", true);
        check(SourceError::RateLimited { host: text(), after: None }, "rate-limited", true);
        let cut = io::Error::other("cut");
        check(SourceError::Io { what: text(), source: cut }, "reading", true);
        let full = io::ErrorKind::StorageFull.into();
        check(SourceError::Io { what: text(), source: full }, "disk-full", true);
        let ours = io::Error::new(io::ErrorKind::InvalidData, SourceError::NotFound(text()));
        check(SourceError::reading("x", ours), "gone", false);
    }

    #[test]
    fn a_policy_is_named() {
        let failure = Failure::from(SourceError::Refused("prevent vulnerable images".to_owned()));
        assert!(failure.to_string().starts_with("blocked by a policy of the registry: prevent"));
    }
}
