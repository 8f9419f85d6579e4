//! Where images come from: registries, layouts, archives, directories.
mod archive;
mod challenge;
mod client;
mod credentials;
mod directory;
mod disk;
mod error;
mod flavor;
mod helper;
mod index;
mod layout;
pub mod manifest;
mod places;
mod platform;
mod reference;
mod referrers;
mod refusal;
mod resume;
mod session;
#[cfg(test)]
mod testing;
mod token;
mod verify;

pub use archive::{Archive, stream};
pub use client::RegistrySource;
pub use credentials::{Credential, Helper, Keychain, Renewal};
pub use directory::{Directory, Want, Wanted};
pub use error::SourceError;
pub use flavor::{
    Access, AccessKey, Artifact, Change, Check, Child, Cloud, Connection, Event, FLAVORS, Flavor,
    Hook, Instance, Kind as ArtifactKind, Listing, Login, Malformed, Page, Problem, Repository,
    Role, Tag, Trouble, flavor,
};
pub use helper::run_helper;
pub use layout::Layout;
pub use platform::PlatformChoice;
pub use reference::{BadReference, Reference};
pub use referrers::{ATTACHED, ATTACHED_BYTES, Attached, Attachment, Kind};
pub use verify::Verified;

use model::{Image, Layer};
use std::io::Read;

/// Where images come from.
pub trait Source: Send + Sync {
    /// The images that the source holds for what was asked: one, or one a platform.
    fn images(&self) -> Result<Vec<Image>, SourceError>;
    /// The bytes of a layer as they are stored, compressed or not. The stream fails with
    /// `InvalidData` at its end when the bytes do not hash to the blob's digest.
    fn blob(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, SourceError>;
    /// The documents that are attached to one of its images. What cannot be read is among the
    /// gaps: nobody is promised such documents, and a scan does not fail for want of them.
    fn attached(&self, _image: &Image) -> Attached {
        Attached::default()
    }
}
