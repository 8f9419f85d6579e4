//! The closed list of package ecosystems, and everything that differs between them.
use crate::version::Scheme;
use serde::{Deserialize, Serialize};

/// A universe of package names and versions: who packed the software, and so whose rules hold.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ecosystem {
    /// Packages of apk, as in Alpine and Wolfi.
    Apk,
    /// Packages of pacman, as in Arch Linux.
    Alpm,
    /// Packages of dpkg, as in Debian and Ubuntu.
    Deb,
    /// Packages of opkg, as in OpenWrt.
    Opkg,
    /// Packages of RPM.
    Rpm,
    /// Bitnami's stacks.
    Bitnami,
    /// Rust crates.
    Cargo,
    /// PHP packages.
    Composer,
    /// C and C++ packages of Conan.
    Conan,
    /// R packages.
    Cran,
    /// Ruby gems.
    Gem,
    /// Software that no package manager knows.
    Generic,
    /// Go modules.
    Golang,
    /// Haskell packages.
    Hackage,
    /// Erlang and Elixir packages.
    Hex,
    /// Julia packages.
    Julia,
    /// Java artifacts, named `group:artifact`.
    Maven,
    /// JavaScript packages.
    Npm,
    /// .NET packages.
    Nuget,
    /// Dart packages.
    Pub,
    /// Python distributions.
    Pypi,
    /// Swift packages.
    Swift,
    /// Software that is known by its repository at GitHub, `owner/name`.
    Github,
}

/// What differs between ecosystems.
struct Row {
    ecosystem: Ecosystem,
    /// The `type` of a package URL (purl-spec, PURL-TYPES.rst).
    purl: &'static str,
    /// The name in OSV records (OSV schema, "Defined Ecosystems"); empty where each distribution
    /// has a name of its own.
    osv: &'static str,
    scheme: Scheme,
    label: &'static str,
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row(Ecosystem::Apk, "apk", "", Scheme::Apk, "apk package"),
    row(Ecosystem::Alpm, "alpm", "", Scheme::Alpm, "pacman package"),
    row(Ecosystem::Deb, "deb", "", Scheme::Dpkg, "Debian package"),
    row(Ecosystem::Opkg, "opkg", "", Scheme::Dpkg, "opkg package"),
    row(Ecosystem::Rpm, "rpm", "", Scheme::Rpm, "RPM package"),
    row(Ecosystem::Bitnami, "bitnami", "Bitnami", Scheme::Bitnami, "Bitnami stack"),
    row(Ecosystem::Cargo, "cargo", "crates.io", Scheme::Semver, "Rust crate"),
    row(Ecosystem::Composer, "composer", "Packagist", Scheme::Composer, "PHP package"),
    row(Ecosystem::Conan, "conan", "ConanCenter", Scheme::Semver, "Conan package"),
    row(Ecosystem::Cran, "cran", "CRAN", Scheme::Cran, "R package"),
    row(Ecosystem::Gem, "gem", "RubyGems", Scheme::Gem, "Ruby gem"),
    row(Ecosystem::Generic, "generic", "", Scheme::Generic, "software"),
    row(Ecosystem::Golang, "golang", "Go", Scheme::Go, "Go module"),
    row(Ecosystem::Hackage, "hackage", "Hackage", Scheme::Hackage, "Haskell package"),
    row(Ecosystem::Hex, "hex", "Hex", Scheme::Semver, "Hex package"),
    row(Ecosystem::Julia, "julia", "Julia", Scheme::Semver, "Julia package"),
    row(Ecosystem::Maven, "maven", "Maven", Scheme::Maven, "Java artifact"),
    row(Ecosystem::Npm, "npm", "npm", Scheme::Semver, "npm package"),
    row(Ecosystem::Nuget, "nuget", "NuGet", Scheme::Nuget, ".NET package"),
    row(Ecosystem::Pub, "pub", "Pub", Scheme::Pub, "Dart package"),
    row(Ecosystem::Pypi, "pypi", "PyPI", Scheme::Pep440, "Python package"),
    row(Ecosystem::Swift, "swift", "SwiftURL", Scheme::Semver, "Swift package"),
    row(Ecosystem::Github, "github", "", Scheme::Semver, "GitHub project"),
];

const fn row(
    ecosystem: Ecosystem,
    purl: &'static str,
    osv: &'static str,
    scheme: Scheme,
    label: &'static str,
) -> Row {
    Row { ecosystem, purl, osv, scheme, label }
}

impl Ecosystem {
    /// Every ecosystem there is.
    pub fn all() -> impl Iterator<Item = Ecosystem> {
        ROWS.iter().map(|it| it.ecosystem)
    }

    /// The language ecosystem that OSV records call `name`.
    pub fn from_osv(name: &str) -> Option<Ecosystem> {
        ROWS.iter().find(|it| !it.osv.is_empty() && it.osv == name).map(|it| it.ecosystem)
    }

    /// The ecosystem of a package URL's type.
    pub fn from_purl(kind: &str) -> Option<Ecosystem> {
        ROWS.iter().find(|it| it.purl == kind).map(|it| it.ecosystem)
    }

    /// The name in OSV records; `None` where each distribution has its own.
    pub fn osv(self) -> Option<&'static str> {
        Some(self.row()?.osv).filter(|it| !it.is_empty())
    }

    /// The type of its package URLs.
    pub fn purl(self) -> &'static str {
        self.row().map_or("generic", |it| it.purl)
    }

    /// How two of its versions are ordered.
    pub fn scheme(self) -> Scheme {
        self.row().map_or(Scheme::Generic, |it| it.scheme)
    }

    /// What people call one of its packages.
    pub fn label(self) -> &'static str {
        self.row().map_or("software", |it| it.label)
    }

    /// Whether a distribution packs these, so that the distribution's own advisories decide.
    pub fn is_system(self) -> bool {
        matches!(
            self,
            Ecosystem::Apk | Ecosystem::Alpm | Ecosystem::Deb | Ecosystem::Opkg | Ecosystem::Rpm
        )
    }

    /// A test makes sure that every ecosystem has its row.
    fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|it| it.ecosystem == self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ecosystem_has_one_row_in_the_order_of_the_enum_or_is_found_by_name() {
        for it in Ecosystem::all() {
            assert_eq!(ROWS.iter().filter(|row| row.ecosystem == it).count(), 1, "{it:?}");
            assert_eq!(Ecosystem::from_purl(it.purl()), Some(it));
            if let Some(osv) = it.osv() {
                assert_eq!(Ecosystem::from_osv(osv), Some(it));
            }
        }
        assert_eq!(ROWS.len(), 23);
    }
}
