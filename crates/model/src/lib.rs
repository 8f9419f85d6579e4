//! The nouns. Plain data, no I/O: every other crate speaks in these words.
#![cfg_attr(
    not(test),
    deny(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)
)]
mod advisory;
mod component;
mod coverage;
mod digest;
mod distribution;
mod ecosystem;
mod finding;
pub mod fix;
mod gap;
mod image;
mod inventory;
pub mod malware;
mod path;
mod product;
mod purl;
pub mod report;
mod restart;
mod severity;
pub mod version;

pub use advisory::{
    Advisory, Affected, End, Enrichment, Epss, Exploited, Import, Kind, Names, Namespace, Range,
    Severity, Status,
};
pub use component::{
    Component, Diversion, FileDigest, Owned, OwnedFile, Presence, Release, Signed, SourcePackage,
};
pub use coverage::{Coverage, Grade, Uncovered};
pub use digest::{Algorithm, Digest};
pub use distribution::{DISTRIBUTIONS, Distribution, debian_release};
pub use ecosystem::Ecosystem;
pub use finding::{Answer, Assessment, Finding, Handling, Priority, Statement, Verdict, Why};
pub use gap::{Gap, Reason};
pub use image::{Descriptor, Image, ImageConfig, Layer, Platform};
pub use inventory::{Executables, Inventory, Located, System, Unread};
pub use path::{Climbs, ImagePath, decode};
pub use product::{PRODUCTS, Product};
pub use purl::{BadPurl, Fit, Purl};
pub use restart::Restart;
pub use severity::{Level, Rating};
