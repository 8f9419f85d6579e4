//! JavaScript packages that are installed (npm documentation, "package.json"), and npm's lock files ("package-lock.json",
//! `lockfileVersion` 1 to 3).
use crate::{
    Cataloger,
    listed::{List, Named, Text, at, is_version, json, list, locked},
};
use inspect::{Fault, File, Found};
use model::Ecosystem;
use serde::Deserialize;
use std::collections::BTreeMap;

pub(crate) const INSTALLED: Cataloger = Cataloger {
    name: "npm-package",
    revision: 1,
    paths: &[
        "node_modules/*/package.json",
        "node_modules/@*/*/package.json",
        "usr/share/nodejs/*/package.json",
        "usr/share/nodejs/@*/*/package.json",
    ],
    parse: installed,
};

pub(crate) const LOCK: Cataloger = Cataloger {
    name: "npm-lock",
    revision: 1,
    paths: &["package-lock.json", "npm-shrinkwrap.json"],
    parse: lock,
};

fn installed(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let it: Named = json(file)?;
    // Directories in which people put parts of an application, or markers for the kind of module.
    if it.name.0.is_empty() && it.version.0.is_empty() {
        return Ok(());
    }
    list(INSTALLED.name, Ecosystem::Npm, found, |list| list.installed(&it.name.0, &it.version.0))
}

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    packages: BTreeMap<String, Entry>,
    #[serde(default)]
    dependencies: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    version: Text,
    #[serde(default)]
    link: bool,
    #[serde(default)]
    dev: bool,
    #[serde(default)]
    dev_optional: bool,
    #[serde(default)]
    dependencies: Nested,
}

/// What lies below a dependency in version 1; in later ones only ranges of versions, which say nothing.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Nested {
    Entries(BTreeMap<String, Entry>),
    #[default]
    None,
    Other(serde::de::IgnoredAny),
}

fn lock(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let it: Lock = json(file)?;
    locked(LOCK.name, Ecosystem::Npm, file, found, |list| {
        if it.packages.is_empty() {
            return it.dependencies.iter().try_for_each(|(name, it)| nested(list, name, it));
        }
        it.packages.iter().try_for_each(|(path, it)| package(list, path, it))
    })
}

/// An entry of versions 2 and 3, by where it is installed. Others than those below `node_modules` are the project itself.
fn package(list: &mut List<'_, '_>, path: &str, it: &Entry) -> Result<(), Fault> {
    let Some((_, place)) = path.rsplit_once("node_modules/").filter(|_| !it.link) else {
        return Ok(());
    };
    let name = if it.name.0.is_empty() { place } else { &it.name.0 };
    entry(list, name, it)
}

/// An entry of version 1, and all that lies below it.
fn nested(list: &mut List<'_, '_>, name: &str, it: &Entry) -> Result<(), Fault> {
    entry(list, name, it)?;
    let Nested::Entries(all) = &it.dependencies else { return Ok(()) };
    all.iter().try_for_each(|(name, it)| nested(list, name, it))
}

fn entry(list: &mut List<'_, '_>, name: &str, it: &Entry) -> Result<(), Fault> {
    // `npm:real-name@1.2.3` for what is installed under another name.
    let alias = it.version.0.strip_prefix("npm:").and_then(at);
    let (name, version) = alias.unwrap_or((name, &it.version.0));
    // From a repository, an archive or a directory: no release that advisories speak of.
    if !version.is_empty() && !is_version(version) {
        return Ok(());
    }
    list.declared(name, version, it.dev || it.dev_optional)
}
