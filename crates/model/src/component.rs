//! Software found in an image.
use crate::{Digest, Ecosystem, ImagePath};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One piece of software, as its own package manager would name it.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Component {
    /// Whose naming and ordering rules apply.
    pub ecosystem: Ecosystem,
    /// Name, in the ecosystem's spelling (`group:artifact` for Maven).
    pub name: String,
    /// Version, whole and verbatim: for RPM `epoch:version-release`, without an epoch of 0.
    pub version: String,
    /// Architecture, as the package database spells it.
    pub arch: Option<String>,
    /// The package that this one was built from, which advisories often speak of.
    pub source: Option<SourcePackage>,
    /// The module stream that an RPM package belongs to: `name:stream:version:context:arch`.
    pub module: Option<String>,
    /// Who made the package: RPM's vendor, dpkg's and apk's maintainer.
    pub vendor: Option<String>,
    /// Whether it is really there.
    #[serde(default)]
    pub presence: Presence,
}

/// What the file that speaks of a component means by it.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// It is there, ready to be used.
    #[default]
    Installed,
    /// A lock file names it, or an archive to install from has it: whether it is there too, nobody says.
    Declared,
    /// The same, and it is needed only to build or to test.
    Development,
    /// It is part of this package of the distribution, whose advisories decide: fixes are put into the old version.
    Packaged(String),
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Presence::Installed => f.write_str("installed"),
            Presence::Declared => f.write_str("declared"),
            Presence::Development => f.write_str("for development"),
            Presence::Packaged(by) => write!(f, "owned by {by}"),
        }
    }
}

/// The source package behind a component.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct SourcePackage {
    /// Its name.
    pub name: String,
    /// Its version, whole.
    pub version: String,
}

impl Component {
    /// A component of which only the first three things are known.
    pub fn new(ecosystem: Ecosystem, name: &str, version: &str) -> Component {
        Component {
            ecosystem,
            name: name.to_owned(),
            version: version.to_owned(),
            arch: None,
            source: None,
            module: None,
            vendor: None,
            presence: Presence::Installed,
        }
    }

    /// A file as such: its path stands for the name, its digest for the version.
    pub fn file(path: &ImagePath, digest: &Digest) -> Component {
        Component::new(Ecosystem::Generic, path.as_str(), digest.as_str())
    }

    /// Whether it is a file as such, and no software that has a name.
    pub fn is_file(&self) -> bool {
        self.ecosystem == Ecosystem::Generic && Digest::parse(&self.version).is_some()
    }

    /// The name and version that the advisories of a distribution with source packages speak of.
    pub fn source(&self) -> (&str, &str) {
        self.source.as_ref().map_or((&self.name, &self.version), |it| (&it.name, &it.version))
    }
}

/// The files that a package says are its own.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Owned {
    /// The package, as its database calls it: `libc6:amd64`, `musl`, `bash-5.2.26-3.fc40.x86_64`.
    pub package: String,
    /// Its files; directories are left out where the database tells them apart.
    pub files: Vec<OwnedFile>,
    /// Whether somebody who is believed has signed that.
    pub signed: Signed,
}

/// Whether what a package says of itself is signed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum Signed {
    /// Nobody has looked.
    #[default]
    Unchecked,
    /// It is not.
    Unsigned,
    /// With a key that is not known, or in a way that is not verified.
    Unknown,
    /// With a key that is believed.
    Verified,
    /// With a key that is believed, as it says; but that has signed something else.
    Forged,
}

/// One file of a package.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OwnedFile {
    /// Where, as the package says it; links on the way are not resolved.
    pub path: ImagePath,
    /// What its content must hash to.
    pub digest: Option<FileDigest>,
    /// Whether the administrator may edit it.
    pub config: bool,
}

/// A file that stands elsewhere than its package says, since another package has one of that name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Diversion {
    /// Where the package says that it is.
    pub from: ImagePath,
    /// Where it is.
    pub to: ImagePath,
    /// The package whose file stands at the first place.
    pub by: String,
}

/// A digest, of the kind that a package manager keeps.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum FileDigest {
    /// dpkg, old RPM.
    Md5([u8; 16]),
    /// apk, old RPM.
    Sha1([u8; 20]),
    /// RPM.
    Sha256([u8; 32]),
    /// Others that RPM allows: SHA-384 and SHA-512.
    Longer(Vec<u8>),
}

/// What a release file says of the distribution it belongs to (os-release(5) and its elders).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Release {
    /// `ID`: lower case, `debian`, `rhel`, `openEuler` as written.
    pub id: String,
    /// `ID_LIKE`, closest first.
    pub id_like: Vec<String>,
    /// `VERSION_ID`; empty for rolling distributions.
    pub version_id: String,
    /// `VERSION_CODENAME`.
    pub codename: String,
    /// `PRETTY_NAME`, for people.
    pub pretty: String,
    /// `VERSION`, for people, and for the distributions that put the service pack nowhere else.
    pub version: String,
    /// `VARIANT_ID`.
    pub variant: String,
    /// `CPE_NAME`.
    pub cpe: String,
}
