//! Lock files of JavaScript's other package managers: Yarn (classic, "yarn.lock", and berry's, which is YAML), pnpm
//! (`pnpm-lock.yaml`, `lockfileVersion` 5 to 9) and Bun (`bun.lock`, its text form). Each is read line by line, as the
//! tool writes it.
use crate::{
    Cataloger,
    listed::{List, at, indented, is_version, locked, text, unquoted},
};
use inspect::{Fault, File, Found};
use model::Ecosystem;

pub(crate) const YARN: Cataloger =
    Cataloger { name: "yarn-lock", revision: 1, paths: &["yarn.lock"], parse: yarn };

pub(crate) const PNPM: Cataloger =
    Cataloger { name: "pnpm-lock", revision: 1, paths: &["pnpm-lock.yaml"], parse: pnpm };

pub(crate) const BUN: Cataloger =
    Cataloger { name: "bun-lock", revision: 1, paths: &["bun.lock"], parse: bun };

/// Blocks: a line that is not indented names who asks for what, as `"name@range", "name@other":`; below it stand
/// `version "1.2.3"`, or in berry's form `version: 1.2.3` and `resolution: "name@npm:1.2.3"`.
fn yarn(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    locked(YARN.name, Ecosystem::Npm, file, found, |list| {
        let mut name = "";
        for line in text.lines().filter(|it| !it.starts_with('#')) {
            match indented(line) {
                (0, head) if head.ends_with(':') => name = asked(head),
                (2, it) => {
                    let Some(value) = it.strip_prefix("version") else { continue };
                    let value = unquoted(value.trim_start_matches(':'));
                    if !name.is_empty() && is_version(value) {
                        list.declared(name, value, false)?;
                    }
                    name = "";
                }
                _ => {}
            }
        }
        Ok(())
    })
}

/// The package that a block is about: `name@range`, `alias@npm:name@range`; none, if it is from elsewhere than the registry.
fn asked(head: &str) -> &str {
    let first = unquoted(head.trim_end_matches(':')).split(", ").next().unwrap_or_default();
    let scope = usize::from(first.starts_with('@'));
    let at_sign = first.match_indices('@').map(|it| it.0).find(|it| *it >= scope);
    let Some((name, range)) = at_sign.and_then(|it| first.split_at_checked(it)) else { return "" };
    let range = range.trim_start_matches('@');
    match range.strip_prefix("npm:") {
        Some(rest) => at(rest).map_or(name, |it| it.0),
        None if range.starts_with("patch:") => name,
        // `file:`, `workspace:`, `git@…`, `https://…`.
        None if range.contains(':') || name == "__metadata" => "",
        None => name,
    }
}

/// `packages:` has a key for each: `/name/1.2.3_peer@2` (5), `/name@1.2.3(peer@2)` (6), `name@1.2.3` (9).
fn pnpm(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    let version = text.lines().find_map(|it| it.strip_prefix("lockfileVersion:"));
    let slashes = version.is_some_and(|it| unquoted(it).starts_with('5'));
    locked(PNPM.name, Ecosystem::Npm, file, found, |list| {
        let (mut inside, mut package) = (false, None);
        for line in text.lines() {
            match indented(line) {
                (0, it) if !it.is_empty() => inside = it == "packages:",
                (2, it) if inside => {
                    flush(list, package.take(), false)?;
                    package = key(unquoted(it.trim_end_matches(':')), slashes);
                }
                (4, "dev: true") if inside => flush(list, package.take(), true)?,
                _ => {}
            }
        }
        flush(list, package, false)
    })
}

/// Takes in a package once it is known what it is for.
fn flush(
    list: &mut List<'_, '_>,
    package: Option<(&str, &str)>,
    development: bool,
) -> Result<(), Fault> {
    let Some((name, version)) = package else { return Ok(()) };
    list.declared(name, version, development)
}

fn key(key: &str, slashes: bool) -> Option<(&str, &str)> {
    let key = key.split('(').next()?;
    let key = key.strip_prefix('/').unwrap_or(key);
    let (name, version) = if slashes { key.rsplit_once('/')? } else { at(key)? };
    let version = if slashes { version.split('_').next()? } else { version };
    is_version(version).then_some((name, version))
}

/// `"packages": { "name": ["name@1.2.3", …], }`: JSON but for its commas, a package a line.
fn bun(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    locked(BUN.name, Ecosystem::Npm, file, found, |list| {
        let lines = text.lines().skip_while(|it| !it.trim_start().starts_with("\"packages\": {"));
        for line in lines {
            let Some((_, rest)) = line.split_once("\": [\"") else { continue };
            let spec = rest.split('"').next().unwrap_or_default();
            if let Some((name, version)) = at(spec).filter(|it| is_version(it.1)) {
                list.declared(name, version, false)?;
            }
        }
        Ok(())
    })
}
