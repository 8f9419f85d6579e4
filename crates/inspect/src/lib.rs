//! The hostile zone: looks at every file of a layer once, and never trusts a byte of it.
//!
//! Errors are ours, gaps are theirs: `Err` means that the *reader* failed and the caller may retry;
//! whatever is wrong with the *layer* becomes a [`model::Gap`] and stays with the result.
#![cfg_attr(
    not(test),
    deny(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)
)]
pub mod archive;
mod cover;
mod decompress;
mod examine;
mod file;
mod layer;
mod links;
mod manifest;
pub mod openpgp;
mod owners;
mod pax;
mod squash;
mod tar;
mod waiting;

pub use cover::Cover;
pub use file::{Fault, File, Head, Malformed, More};
pub use layer::{LayerReport, Limits, Wanting, inspect_layer};
pub use manifest::manifest;
pub use squash::Squash;

use model::{
    Component, Diversion, Owned, Release,
    malware::{Digests, Sample},
};
use serde::{Deserialize, Serialize};

/// Looks at one file at a time and says what is in it.
pub trait Inspector: Sync {
    /// A stable name, for reports, caches and fixtures.
    fn name(&self) -> &'static str;
    /// Whether to read this file at all.
    fn wants(&self, head: &Head<'_>) -> bool;
    /// Whether it takes so long that others should not wait for it: it gets several files at once then.
    fn is_slow(&self) -> bool {
        false
    }
    /// Adds what `file` contains to `found`. What was added before an error is kept.
    fn inspect(&self, file: &File<'_>, found: &mut Found) -> Result<(), Fault>;
    /// Looks at a file again for which that was put off, and for which no package vouches. `found` begins with what it
    /// was judged to be.
    fn inspect_again(&self, _file: &File<'_>, _found: &mut Found) -> Result<(), Fault> {
        Ok(())
    }
}

/// What was found in one file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Found {
    /// Components that it declares.
    pub components: Vec<Component>,
    /// Files that the packages it speaks of own.
    pub owned: Vec<Owned>,
    /// Files of those that stand elsewhere.
    pub diversions: Vec<Diversion>,
    /// The distribution that it says this is.
    pub release: Option<Release>,
    /// What in it went unseen, though the file as a whole could be read.
    pub gaps: Vec<model::Gap>,
    /// What it hashes to, where a component of a language is in it that a package of the distribution may have brought;
    /// not for large files.
    pub digests: Option<Digests>,
    /// What is known of it, where something speaks against it or it makes something start.
    pub sample: Option<Sample>,
    /// What became of it when it was looked at for malicious content.
    #[serde(skip)]
    pub judged: Option<Judged>,
    /// Whether it is to be looked at again unless a package of the layer vouches for it. Only where
    /// [`File::may_wait`] allows that.
    #[serde(skip)]
    pub put_off: bool,
}

/// A file that was looked at for malicious content.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// How much of it.
    pub depth: Depth,
    /// What it hashes to; always known of what runs.
    pub digests: Option<Digests>,
    /// Whether it is of a form that runs, so that it matters whose it is.
    pub runs: bool,
}

/// How much of a file was looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Depth {
    /// All of it.
    Whole,
    /// At most its digest: nothing of its form runs.
    Digest,
    /// Some of it: the rest is a gap.
    Part,
}

#[cfg(test)]
mod suspects;
#[cfg(test)]
mod tests;
