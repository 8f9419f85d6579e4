//! Whether a package URL means a component: what it leaves out may be anything.
use super::Purl;
use crate::{Component, Ecosystem};

/// How closely one fits.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Fit {
    /// It is that package, in whatever version.
    AnyVersion,
    /// It is that version.
    Exactly,
}

impl Component {
    /// The package URLs that it answers to: its own, and that of its source package, with `arch=source`. `distro` is as
    /// in [`Component::purl`].
    pub fn purls(&self, distro: Option<(&str, &str)>) -> Vec<Purl> {
        let own = Purl::parse(&self.purl(distro));
        // A package that names no source is built from one of its own name.
        let source = self.ecosystem.is_system().then(|| {
            let (name, version) = self.source();
            let mut source = Component::new(self.ecosystem, name, version);
            source.arch = Some("source".to_owned());
            Purl::parse(&source.purl(distro))
        });
        [Some(own), source].into_iter().flatten().flatten().collect()
    }
}

impl Purl {
    /// Whether this means the package of `it`, which is one of [`Component::purls`].
    pub fn fits(&self, it: &Purl) -> Option<Fit> {
        let system = Ecosystem::from_purl(&it.kind).is_some_and(Ecosystem::is_system);
        let loose = system && (self.namespace.is_empty() || it.namespace.is_empty());
        let same = self.kind == it.kind
            && self.name == it.name
            && (loose || self.namespace == it.namespace)
            && arch(self, it)
            && distro(self, it);
        let version = |of: &Purl| of.component().map(|it| it.version);
        match &self.version {
            _ if !same => None,
            None => Some(Fit::AnyVersion),
            Some(_) => (version(self) == version(it)).then_some(Fit::Exactly),
        }
    }
}

/// A source package stands for what was built from it only where it is called one.
fn arch(wanted: &Purl, it: &Purl) -> bool {
    match (wanted.qualifier("arch"), it.qualifier("arch")) {
        (wanted, Some("source")) => wanted == Some("source"),
        (Some(wanted), Some(it)) => wanted == it,
        (wanted, None) => wanted != Some("source"),
        (None, _) => true,
    }
}

/// `debian-12` means `debian-12.5` too; `bookworm`, which some write there, cannot be told.
fn distro(wanted: &Purl, it: &Purl) -> bool {
    let (Some(wanted), Some(it)) = (wanted.qualifier("distro"), it.qualifier("distro")) else {
        return true;
    };
    wanted == it || it.strip_prefix(wanted).is_some_and(|it| it.starts_with(['.', '-']))
}
