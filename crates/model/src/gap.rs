//! What went unseen. Part of the answer, never only of the log.
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something we could not look at, or could not understand.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Gap {
    /// Who gave up: a cataloger, `tar`, `layer`, `squash`, `match`...
    pub by: String,
    /// Why.
    pub reason: Reason,
}

impl Gap {
    /// A gap of `by`.
    pub fn new(by: &str, reason: Reason) -> Gap {
        Gap { by: by.to_owned(), reason }
    }
}

/// Why something went unseen.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Over a limit in force: which.
    TooLarge(String),
    /// Not what its name or magic promised: how.
    Malformed(String),
    /// Two readers may understand it differently: how.
    Ambiguous(String),
    /// A form that we do not read (yet): which.
    Unsupported(String),
    /// Encrypted, so nobody can look.
    Encrypted,
    /// Our own parser panicked, died or took too long, a bug to fix: what happened.
    Crashed(String),
    /// Nothing is known that it could be compared with: what is missing.
    Unknown(String),
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.by, self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::TooLarge(what) => write!(f, "too large: {what}"),
            Reason::Malformed(what) => write!(f, "malformed: {what}"),
            Reason::Ambiguous(what) => write!(f, "ambiguous: {what}"),
            Reason::Unsupported(what) => write!(f, "not supported: {what}"),
            Reason::Encrypted => f.write_str("encrypted"),
            Reason::Crashed(what) => write!(f, "our parser failed: {what}"),
            Reason::Unknown(what) => write!(f, "unknown: {what}"),
        }
    }
}
