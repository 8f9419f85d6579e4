//! Which components a file declares: one module a file format, one line per module below.
#![cfg_attr(
    not(test),
    deny(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)
)]
mod apk_installed;
mod chisel;
mod digest;
mod dpkg_diversions;
mod dpkg_info;
mod dpkg_stanza;
mod dpkg_status;
mod package;
mod pacman;
mod pip_record;
mod release;
mod release_elders;
mod rpm;
mod rpm_manifest;
pub mod sbom;
mod takings;
mod wanted;

pub use package::{Packaged, package};
pub use release::os_release;
pub use wanted::Catalog;

use inspect::{Fault, File, Found, Head, Inspector};

/// Every cataloger. Adding one is a module, a line here, and a folder of fixtures.
pub const CATALOGERS: &[Cataloger] = &[
    apk_installed::CATALOGER,
    chisel::CATALOGER,
    dpkg_diversions::CATALOGER,
    dpkg_info::CONFFILES,
    dpkg_info::LIST,
    dpkg_info::MD5SUMS,
    dpkg_status::DPKG,
    dpkg_status::DISTROLESS,
    dpkg_status::OPKG,
    pacman::DESC,
    pacman::FILES,
    pip_record::CATALOGER,
    release::OS_RELEASE,
    release_elders::ALPINE,
    release_elders::DEBIAN,
    release_elders::LSB,
    release_elders::OS_VERSION,
    release_elders::PRODUCT,
    rpm::SQLITE,
    rpm::SQLITE_WAL,
    rpm::NDB,
    rpm::BDB,
    rpm_manifest::CATALOGER,
];

/// A file format that declares components, owners of files, or the release.
#[derive(Debug)]
pub struct Cataloger {
    /// A stable name, for reports, caches and fixtures.
    pub name: &'static str,
    /// Raised whenever the same bytes give another result, so that stored results are not used.
    pub revision: u32,
    /// Which files: `dpkg/status` is any path that ends in these whole parts. A `*` stands for any
    /// text within one part: `status.d/*`, `info/*.list`, `pacman/local/*/desc`.
    pub paths: &'static [&'static str],
    /// Reads one.
    pub parse: fn(&File<'_>, &mut Found) -> Result<(), Fault>,
}

impl Inspector for Cataloger {
    fn name(&self) -> &'static str {
        self.name
    }

    /// Where there are many catalogers to ask, [`Catalog`] knows the answer sooner.
    fn wants(&self, head: &Head<'_>) -> bool {
        self.paths.iter().any(|it| wanted::fits(it, head.path.as_str()))
    }

    fn inspect(&self, file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
        (self.parse)(file, found)
    }
}

#[cfg(test)]
mod tests;
