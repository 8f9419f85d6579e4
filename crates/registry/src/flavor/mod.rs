//! Whole registries: what is in them, whether it has changed, and how to be told. One module a kind
//! of registry, one line a kind in `FLAVORS`.
mod access;
mod acr;
mod check;
mod content;
mod harbor;
mod oci;
mod paging;

pub use access::{Access, AccessKey, Cloud, Connection, Login, Role};
pub use acr::Instance;
pub use check::{Check, Problem, Trouble};
pub use content::{Artifact, Child, Kind, Repository, Tag};
pub use paging::Page;

use crate::SourceError;
use model::Digest;
use net::Secret;
use std::fmt;

/// Every kind of registry. Adding one is a module, a line here, and a folder of fixtures.
pub const FLAVORS: &[Flavor] = &[acr::FLAVOR, harbor::FLAVOR, oci::FLAVOR];

/// A page of a list, or why there is none.
pub type Listing<T> = Result<Page<T>, SourceError>;

/// A kind of registry.
#[derive(Debug)]
pub struct Flavor {
    /// A stable name, for settings, the store and fixtures.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Finds out what answers there and what we may do.
    pub check: fn(&Connection) -> Check,
    /// A page of the repositories.
    pub repositories: fn(&Connection, Option<&str>) -> Listing<Repository>,
    /// A page of what is in a repository.
    pub artifacts: fn(&Connection, &Repository, Option<&str>) -> Listing<Artifact>,
    /// What a tag or digest of a repository is at the moment.
    pub artifact: fn(&Connection, &str, &str) -> Result<Artifact, SourceError>,
    /// Whether registries of this kind are the instances of an account.
    pub by_account: bool,
    /// A page of the instances of an account; none for other kinds.
    pub instances: fn(&Connection, Option<&str>) -> Listing<Instance>,
    /// Makes the registry tell us of changes near a repository: of all its project in Harbor.
    pub watch: fn(&Connection, &Repository, &Hook) -> Result<(), SourceError>,
    /// Ends that, for the hook of this name. One that is not there is no error.
    pub unwatch: fn(&Connection, &Repository, &str) -> Result<(), SourceError>,
    /// Reads what the registry tells us. Nobody vouches for it: a reason to look, and no more.
    pub events: fn(&[u8]) -> Result<Vec<Event>, Malformed>,
}

/// How we want to be told.
#[derive(Clone, Debug)]
pub struct Hook {
    /// By which we find it again; unique in its project or repository.
    pub name: String,
    /// What is called. Not for showing: where the registry can't send a secret, the path is one.
    pub url: Secret,
    /// The whole `Authorization` that the registry shall send, where it can.
    pub authorization: Option<Secret>,
}

/// Something happened, says somebody who claims to be a registry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// Where.
    pub repository: String,
    /// To which tag, where it is said.
    pub tag: Option<String>,
    /// To which manifest, where it is said.
    pub digest: Option<Digest>,
    /// What.
    pub change: Change,
}

/// What happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// Something came, or a tag moved.
    Pushed,
    /// Something went.
    Deleted,
}

/// The message is not what it should be: how.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Malformed(pub String);

/// The kind of that name.
pub fn flavor(name: &str) -> Option<&'static Flavor> {
    FLAVORS.iter().find(|it| it.name == name)
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

impl From<serde_json::Error> for Malformed {
    fn from(it: serde_json::Error) -> Malformed {
        Malformed(it.to_string())
    }
}

#[cfg(test)]
mod tests;
