//! How versions are ordered: one file a scheme, each exactly as the ecosystem's own tool does it.
mod alpm;
mod apk;
mod bitnami;
mod composer;
mod cran;
mod dart;
mod dpkg;
mod gem;
mod generic;
mod go;
mod hackage;
mod legacy;
mod maven;
mod nuget;
mod pep440;
mod php;
mod rpm;
mod runs;
mod semver;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, cmp::Ordering};

/// A rule for ordering versions.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Scheme {
    /// pacman.
    Alpm,
    /// apk-tools.
    Apk,
    /// Bitnami: semantic versions with more or fewer parts, and a revision.
    Bitnami,
    /// Composer.
    Composer,
    /// R's `package_version`.
    Cran,
    /// dpkg.
    Dpkg,
    /// RubyGems.
    Gem,
    /// Software without rules: digits by value, letters by alphabet.
    Generic,
    /// Go modules, pseudo-versions included.
    Go,
    /// Haskell's package versioning policy.
    Hackage,
    /// Maven's `ComparableVersion`.
    Maven,
    /// NuGet.
    Nuget,
    /// Python, PEP 440.
    Pep440,
    /// Dart's pub.
    Pub,
    /// RPM, with epoch, `~` and `^`.
    Rpm,
    /// semver.org 2.0.0.
    Semver,
}

impl Scheme {
    /// Every scheme, by the name that files and documents use.
    pub const ALL: &'static [(&'static str, Scheme)] = &[
        ("alpm", Scheme::Alpm),
        ("apk", Scheme::Apk),
        ("bitnami", Scheme::Bitnami),
        ("composer", Scheme::Composer),
        ("cran", Scheme::Cran),
        ("dpkg", Scheme::Dpkg),
        ("gem", Scheme::Gem),
        ("generic", Scheme::Generic),
        ("go", Scheme::Go),
        ("hackage", Scheme::Hackage),
        ("maven", Scheme::Maven),
        ("nuget", Scheme::Nuget),
        ("pep440", Scheme::Pep440),
        ("pub", Scheme::Pub),
        ("rpm", Scheme::Rpm),
        ("semver", Scheme::Semver),
    ];

    /// Orders two versions; `None` when either does not parse, which is then an uncertain finding.
    pub fn compare(self, a: &str, b: &str) -> Option<Ordering> {
        let compare = match self {
            Scheme::Alpm => alpm::compare,
            Scheme::Apk => apk::compare,
            Scheme::Bitnami => bitnami::compare,
            Scheme::Composer => composer::compare,
            Scheme::Cran => cran::compare,
            Scheme::Dpkg => dpkg::compare,
            Scheme::Gem => gem::compare,
            Scheme::Generic => generic::compare,
            Scheme::Go => go::compare,
            Scheme::Hackage => hackage::compare,
            Scheme::Maven => maven::compare,
            Scheme::Nuget => nuget::compare,
            Scheme::Pep440 => pep440::compare,
            Scheme::Pub => dart::compare,
            Scheme::Rpm => rpm::compare,
            Scheme::Semver => semver::compare,
        };
        compare(a, b)
    }

    /// The form of a version that the ecosystem's tool stores and compares, for ecosystems that
    /// rewrite versions when they load them: Composer takes `v4.4` for `4.4.0.0`. Matchers compare
    /// these forms.
    pub fn normalize(self, version: &str) -> Cow<'_, str> {
        let form = match self {
            Scheme::Composer => composer::normalize(version),
            _ => None,
        };
        form.map_or(Cow::Borrowed(version), Cow::Owned)
    }

    /// Orders two versions by the forms that the ecosystem's tool stores: what matching takes.
    pub fn order(self, a: &str, b: &str) -> Option<Ordering> {
        self.compare(&self.normalize(a), &self.normalize(b))
    }

    /// Whether `version` has a place in the order at all.
    pub fn parses(self, version: &str) -> bool {
        self.compare(version, version).is_some()
    }
}
