//! Which components a file declares: one module a file format, one line per module below.
#![cfg_attr(
    not(test),
    deny(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)
)]
mod apk_installed;
mod chisel;
mod digest;
mod dotnet;
mod dpkg_diversions;
mod dpkg_info;
mod dpkg_stanza;
mod dpkg_status;
mod go;
mod java;
mod listed;
mod node;
mod node_locks;
mod others;
mod package;
mod pacman;
mod php;
mod pip_record;
mod product;
mod python;
mod release;
mod release_elders;
mod rpm;
mod rpm_manifest;
mod ruby;
mod rust;
pub mod sbom;
mod sections;
mod takings;
mod wanted;

pub use package::{Packaged, package};
pub use release::os_release;
pub use rpm::Verifier;
pub use wanted::Catalog;

use inspect::{Fault, File, Found, Head, Inspector};

/// Every cataloger. Adding one is a module, a line here, and a folder of fixtures.
pub const CATALOGERS: &[Cataloger] = &[
    apk_installed::CATALOGER,
    chisel::CATALOGER,
    dotnet::CONFIG,
    dotnet::DEPS,
    dotnet::LOCK,
    dpkg_diversions::CATALOGER,
    dpkg_info::CONFFILES,
    dpkg_info::LIST,
    dpkg_info::MD5SUMS,
    dpkg_status::DPKG,
    dpkg_status::DISTROLESS,
    dpkg_status::OPKG,
    go::MOD,
    go::PROGRAMS,
    java::ARCHIVE,
    java::RUNTIME,
    node::INSTALLED,
    node::LOCK,
    node_locks::BUN,
    node_locks::PNPM,
    node_locks::YARN,
    others::CONAN,
    others::DART,
    others::ELIXIR,
    others::HASKELL,
    others::JULIA,
    others::LUA,
    others::PERL,
    others::R,
    others::SWIFT,
    pacman::DESC,
    pacman::FILES,
    php::INSTALLED,
    php::LOCK,
    php::PEAR,
    pip_record::CATALOGER,
    product::CATALOGER,
    python::ARCHIVE,
    python::CONDA,
    python::INSTALLED,
    python::LOCK,
    python::PIPENV,
    python::REQUIREMENTS,
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
    ruby::INSTALLED,
    ruby::LOCK,
    rust::LOCK,
    rust::PROGRAMS,
];

/// A file format that declares components, owners of files, or the release.
#[derive(Debug)]
pub struct Cataloger {
    /// A stable name, for reports, caches and fixtures.
    pub name: &'static str,
    /// Raised whenever the same bytes give another result, so that stored results are not used.
    pub revision: u32,
    /// Which files: `dpkg/status` is any path that ends in these whole parts. A `*` stands for any
    /// text within one part: `status.d/*`, `info/*.list`, `pacman/local/*/desc`. A `*` alone is any program (ELF, PE,
    /// Mach-O), whatever it is called.
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
        self.paths.iter().any(|it| wanted::is_wanted(it, head))
    }

    fn inspect(&self, file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
        (self.parse)(file, found)
    }
}

#[cfg(test)]
mod tests;
