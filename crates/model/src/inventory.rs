//! What an image contains.
use crate::{
    Component, Gap, ImagePath, Release,
    malware::{Altered, Examined, Manifest, Signatures, Suspect},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What an image finally contains, with the layer that brought each thing in.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Inventory {
    /// The operating systems in it, the one at the root first. Others are root file systems below
    /// a directory of the image.
    pub systems: Vec<System>,
    /// Components.
    pub components: Vec<Located<Component>>,
    /// What went unseen.
    pub gaps: Vec<Located<Gap>>,
    /// What is executable, and how much of it a known component accounts for.
    pub executables: Executables,
    /// Files against which something speaks, whether they can still be seen or not, and files that make
    /// others start.
    #[serde(default)]
    pub suspects: Vec<Suspect>,
    /// Files of packages that are not what the packages brought.
    #[serde(default)]
    pub altered: Vec<Altered>,
    /// What the packages say of their files, where somebody wants to know.
    #[serde(default)]
    pub manifests: Vec<Manifest>,
    /// Packages whose lists of files are not those that were signed, as their database calls them.
    #[serde(default)]
    pub forged: Vec<Located<String>>,
    /// How many packages are signed; `None` when nobody's signature is believed, or nothing is installed by RPM.
    #[serde(default)]
    pub signatures: Option<Signatures>,
    /// How much was looked at for malicious files; `None` when nobody was asked to.
    #[serde(default)]
    pub examined: Option<Examined>,
    /// What analysers did not look at, since a package vouched for it. Nothing to be kept: whoever folds the layers sees to
    /// it that they look where they have to.
    #[serde(skip)]
    pub unread: Unread,
}

/// Files that analysers did not look at, since a package of their layer vouched for their content.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Unread {
    /// The packages that vouch for such files in the image.
    pub packages: BTreeSet<String>,
    /// How many can be seen for which no package vouches in the image.
    pub files: usize,
}

/// A root file system with a release of its own.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct System {
    /// Where it is; the empty path for the image itself.
    pub root: ImagePath,
    /// What it says it is; `None` when no release file could be read.
    pub release: Option<Release>,
}

/// A thing, the file it was found in, and the layer that introduced it.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Located<T> {
    /// The thing.
    pub what: T,
    /// The file; `None` when it concerns the layer as a whole.
    pub path: Option<ImagePath>,
    /// Index of the introducing layer, the oldest being 0.
    pub layer: usize,
    /// Who found it: a cataloger's name.
    pub by: String,
    /// Index into `systems` of the root file system it belongs to; `None` when it is in none whose
    /// package database that could be.
    pub system: Option<usize>,
}

/// What stands in `by` before the document that claims a component.
const CLAIMED: &str = "attached-sbom:";

impl<T> Located<T> {
    /// The `by` of what was not found in the image, but is claimed by a document that is attached
    /// to it.
    pub fn claimed_by(document: &str) -> String {
        format!("{CLAIMED}{document}")
    }

    /// Whether it was not found in the image, but is claimed by a document that is attached to it.
    pub fn is_claimed(&self) -> bool {
        self.by.starts_with(CLAIMED)
    }
}

/// Executable content, counted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Executables {
    /// Regular files that may be executed.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those that a package says are its own.
    pub owned_files: u64,
    /// Their bytes.
    pub owned_bytes: u64,
}
