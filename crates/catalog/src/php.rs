//! PHP packages: what Composer installed (Composer documentation, "composer.lock"; `vendor/composer/installed.json` has
//! the same entries), its lock file, and what PEAR and PECL installed (`.registry/*.reg`, PHP's `serialize`).
use crate::{
    Cataloger,
    listed::{List, Named, json, list, locked, text},
};
use inspect::{Fault, File, Found, Malformed};
use model::{Ecosystem, Presence};
use serde::Deserialize;

pub(crate) const INSTALLED: Cataloger = Cataloger {
    name: "composer-installed",
    revision: 1,
    paths: &["composer/installed.json"],
    parse: installed,
};

pub(crate) const LOCK: Cataloger =
    Cataloger { name: "composer-lock", revision: 1, paths: &["composer.lock"], parse: lock };

pub(crate) const PEAR: Cataloger = Cataloger {
    name: "pear-registry",
    revision: 1,
    paths: &[".registry/*.reg", ".registry/.channel.*/*.reg"],
    parse: pear,
};

/// Composer 1 wrote a list, Composer 2 an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Installed {
    Two { packages: Vec<Named> },
    One(Vec<Named>),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Lock {
    packages: Option<Vec<Named>>,
    packages_dev: Option<Vec<Named>>,
}

fn installed(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let (Installed::Two { packages } | Installed::One(packages)) = json(file)?;
    list(INSTALLED.name, Ecosystem::Composer, found, |list| {
        each(list, &packages, Presence::Installed)
    })
}

fn lock(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let it: Lock = json(file)?;
    locked(LOCK.name, Ecosystem::Composer, file, found, |list| {
        each(list, &it.packages.unwrap_or_default(), Presence::Declared)?;
        each(list, &it.packages_dev.unwrap_or_default(), Presence::Development)
    })
}

fn each(list: &mut List<'_, '_>, all: &[Named], presence: Presence) -> Result<(), Fault> {
    all.iter().try_for_each(|it| list.add(&it.name.0, &it.version.0, presence.clone()))
}

/// An array with `name` and, within `version`, `release`: the first of each is that of the package.
fn pear(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    let name = after(&text, "s:4:\"name\";").map(|it| it.0);
    let version = text.split_once("s:7:\"version\";a:").map(|it| it.1);
    let version = version.and_then(|it| after(it, "s:7:\"release\";")).map(|it| it.0);
    let (name, version) =
        name.zip(version).ok_or(Malformed::new("no name and version of a release"))?;
    list(PEAR.name, Ecosystem::Generic, found, |list| list.installed(name, version))
}

/// The text that stands behind a key: `s:5:"1.2.3";`.
fn after<'a>(text: &'a str, key: &str) -> Option<(&'a str, &'a str)> {
    let (_, rest) = text.split_once(key)?;
    let (_, rest) = rest.strip_prefix("s:")?.split_once(":\"")?;
    rest.split_once("\";")
}
