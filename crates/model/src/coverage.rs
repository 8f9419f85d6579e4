//! How much of an image the advisories could speak about at all. "No findings" is never shown alone.
use crate::Namespace;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an assessment could see.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Coverage {
    /// All in one word.
    pub grade: Grade,
    /// What it could not see, and why.
    pub reasons: Vec<Uncovered>,
}

/// Whether the absence of findings means anything.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Deserialize,
    Eq,
    Hash,
    JsonSchema,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Everything found is spoken about.
    Known,
    /// Some of it is not.
    Partial,
    /// Silence means nothing.
    #[default]
    Unknown,
}

/// A reason for which silence may mean nothing.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Uncovered {
    /// No release file names a distribution that we know: what it says.
    UnknownDistribution(String),
    /// No advisory in the database speaks of this namespace.
    NoFeed(Namespace),
    /// The release gets no more public fixes since that day, so that nobody looks any more.
    EndOfLife(Namespace, Date),
    /// There is no package database.
    NoPackageDatabase,
    /// The database holds only what ships with the program.
    StarterSetOnly,
    /// So many things in the image could not be read.
    Unread(usize),
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Grade::Known => "known",
            Grade::Partial => "partial",
            Grade::Unknown => "unknown",
        })
    }
}

impl Uncovered {
    /// What is left to be said of an image with such a gap.
    pub fn grade(&self) -> Grade {
        match self {
            Uncovered::NoFeed(it) if !it.is_distribution() => Grade::Partial,
            Uncovered::StarterSetOnly | Uncovered::Unread(_) => Grade::Partial,
            _ => Grade::Unknown,
        }
    }
}

impl fmt::Display for Uncovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Uncovered::UnknownDistribution(it) if it.is_empty() => {
                f.write_str("nothing says which distribution this is")
            }
            Uncovered::UnknownDistribution(it) => write!(f, "unknown distribution {it}"),
            Uncovered::NoFeed(it) => write!(f, "no feed in the database covers {it}"),
            Uncovered::EndOfLife(it, day) => write!(f, "{it} is past its end of life ({day})"),
            Uncovered::NoPackageDatabase => f.write_str("no package database found"),
            Uncovered::StarterSetOnly => f.write_str("only the starter set of advisories is there"),
            Uncovered::Unread(1) => f.write_str("one thing could not be read"),
            Uncovered::Unread(it) => write!(f, "{it} things could not be read"),
        }
    }
}
