//! Lock files and records of smaller package managers, a short reader each: R, Dart, Elixir, Swift, Conan, Haskell,
//! Julia, Perl, Lua.
use crate::{
    Cataloger,
    listed::{Text, indented, is_version, json, list, locked, text, unquoted},
};
use inspect::{Fault, File, Found};
use model::Ecosystem;
use serde::Deserialize;

/// Installed R packages: `DESCRIPTION` (Writing R Extensions, "The DESCRIPTION file"); those that are installed have `Built`.
pub(crate) const R: Cataloger =
    Cataloger { name: "r-description", revision: 1, paths: &["DESCRIPTION"], parse: r };
/// Dart: `pubspec.lock` (dart.dev, "The pubspec lockfile").
pub(crate) const DART: Cataloger =
    Cataloger { name: "pub-lock", revision: 1, paths: &["pubspec.lock"], parse: dart };
/// Elixir: `mix.lock` (Mix documentation, `mix deps.get`).
pub(crate) const ELIXIR: Cataloger =
    Cataloger { name: "mix-lock", revision: 1, paths: &["mix.lock"], parse: elixir };
/// Swift: `Package.resolved` (Swift Package Manager, "Resolving versions"), formats 1 to 3.
pub(crate) const SWIFT: Cataloger =
    Cataloger { name: "swift-lock", revision: 1, paths: &["Package.resolved"], parse: swift };
/// C and C++: `conan.lock` (Conan 2 documentation, "Lockfiles").
pub(crate) const CONAN: Cataloger =
    Cataloger { name: "conan-lock", revision: 1, paths: &["conan.lock"], parse: conan };
/// Haskell: `stack.yaml.lock` (Stack documentation, "Lock files") and `cabal.project.freeze` (Cabal documentation).
pub(crate) const HASKELL: Cataloger = Cataloger {
    name: "haskell-lock",
    revision: 1,
    paths: &["stack.yaml.lock", "cabal.project.freeze"],
    parse: haskell,
};
/// Julia: `Manifest.toml` (Pkg documentation, "Manifest.toml"), of format 2 and before.
pub(crate) const JULIA: Cataloger =
    Cataloger { name: "julia-manifest", revision: 1, paths: &["Manifest.toml"], parse: julia };
/// Perl: `cpanfile.snapshot` (Carton, "cpanfile.snapshot").
pub(crate) const PERL: Cataloger =
    Cataloger { name: "perl-lock", revision: 1, paths: &["cpanfile.snapshot"], parse: perl };
/// Lua: the rockspec of what is installed (LuaRocks documentation, "Rockspec format").
pub(crate) const LUA: Cataloger =
    Cataloger { name: "lua-rock", revision: 1, paths: &["rocks-*/*/*/*.rockspec"], parse: lua };

/// The value of the first line that begins with a key and a separator.
fn value<'a>(text: &'a str, key: &str, separator: char) -> Option<&'a str> {
    let is_it = |it: &&str| {
        it.trim_start().strip_prefix(key).is_some_and(|it| it.trim_start().starts_with(separator))
    };
    Some(unquoted(text.lines().find(is_it)?.split_once(separator)?.1))
}

fn r(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    let of = |key| value(&text, key, ':');
    // The description of something else, or of a package that is not built.
    let (Some(name), Some(version), Some(_)) = (of("Package"), of("Version"), of("Built")) else {
        return Ok(());
    };
    list(R.name, Ecosystem::Cran, found, |list| list.installed(name, version))
}

/// `packages:`, a key a package, and below it `dependency: "direct dev"`, `source: hosted` and, last, `version: "1.2.3"`.
fn dart(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    locked(DART.name, Ecosystem::Pub, file, found, |list| {
        let (mut name, mut dev, mut hosted) = ("", false, true);
        for line in text.lines().skip_while(|it| *it != "packages:") {
            match indented(line) {
                (2, key) => {
                    (name, dev, hosted) = (unquoted(key.trim_end_matches(':')), false, true)
                }
                (4, it) => match it.split_once(": ") {
                    Some(("dependency", it)) => dev = unquoted(it) == "direct dev",
                    Some(("source", it)) => hosted = it == "hosted",
                    Some(("version", it)) if hosted => list.declared(name, unquoted(it), dev)?,
                    _ => {}
                },
                _ => {}
            }
        }
        Ok(())
    })
}

/// `"name": {:hex, :package, "1.2.3", …},` a line.
fn elixir(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    locked(ELIXIR.name, Ecosystem::Hex, file, found, |list| {
        for line in text.lines() {
            let Some((_, rest)) = line.split_once("{:hex, ") else { continue };
            let mut words = rest.split(", ");
            let name = words.next().unwrap_or_default().trim_start_matches(':');
            list.declared(unquoted(name), unquoted(words.next().unwrap_or_default()), false)?;
        }
        Ok(())
    })
}

#[derive(Deserialize)]
struct Resolved {
    object: Option<Pins>,
    pins: Option<Vec<Pin>>,
}

#[derive(Deserialize)]
struct Pins {
    pins: Option<Vec<Pin>>,
}

#[derive(Deserialize)]
struct Pin {
    #[serde(rename = "repositoryURL", alias = "location", default)]
    location: Text,
    state: Option<State>,
}

#[derive(Deserialize)]
struct State {
    #[serde(default)]
    version: Text,
}

fn swift(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let it: Resolved = json(file)?;
    let pins = it.pins.or(it.object.and_then(|it| it.pins)).unwrap_or_default();
    locked(SWIFT.name, Ecosystem::Swift, file, found, |list| {
        for it in &pins {
            // Pinned to a branch or to a commit: no release.
            let Some(state) = it.state.as_ref().filter(|it| !it.version.0.is_empty()) else {
                continue;
            };
            let name = it.location.0.trim_start_matches("https://").trim_end_matches(".git");
            list.declared(name, &state.version.0, false)?;
        }
        Ok(())
    })
}

#[derive(Deserialize)]
struct Conan {
    requires: Option<Vec<Text>>,
    build_requires: Option<Vec<Text>>,
}

/// `"zlib/1.2.11@user/channel#revision%time"`.
fn conan(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let it: Conan = json(file)?;
    locked(CONAN.name, Ecosystem::Conan, file, found, |list| {
        for (all, build) in [(it.requires, false), (it.build_requires, true)] {
            for Text(it) in all.unwrap_or_default() {
                let it = it.split(['#', '@', '%']).next().unwrap_or_default();
                let (name, version) = it.split_once('/').unwrap_or((it, ""));
                list.declared(name, version, build)?;
            }
        }
        Ok(())
    })
}

/// `hackage: aeson-2.0.3.0@sha256:…` and `any.aeson ==2.0.3.0,`.
fn haskell(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    locked(HASKELL.name, Ecosystem::Hackage, file, found, |list| {
        for line in text.lines() {
            let frozen = line.split_once("any.").and_then(|it| it.1.split_once(" =="));
            let stack = || {
                let (_, rest) = line.split_once("hackage: ")?;
                rest.split('@').next()?.rsplit_once('-')
            };
            let Some((name, version)) = frozen.or_else(stack) else { continue };
            list.declared(name, version.trim_end_matches(','), false)?;
        }
        Ok(())
    })
}

/// `[[deps.Name]]` (2) or `[[Name]]` (1), with a `version`; what comes with Julia itself has none.
fn julia(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    locked(JULIA.name, Ecosystem::Julia, file, found, |list| {
        let mut name = None;
        for line in text.lines().map(str::trim) {
            if let Some(head) = line.strip_prefix("[[").and_then(|it| it.strip_suffix("]]")) {
                name = Some(head.strip_prefix("deps.").unwrap_or(head));
            } else if let Some(version) = line.strip_prefix("version = ") {
                name.take().map_or(Ok(()), |it| list.declared(it, unquoted(version), false))?;
            }
        }
        Ok(())
    })
}

/// Below `DISTRIBUTIONS`, indented by two: `  Plack-1.0047`.
fn perl(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    locked(PERL.name, Ecosystem::Generic, file, found, |list| {
        for line in text.lines().skip_while(|it| *it != "DISTRIBUTIONS") {
            let (2, it) = indented(line) else { continue };
            if let Some((name, version)) = it.rsplit_once('-') {
                list.declared(name, version, false)?;
            }
        }
        Ok(())
    })
}

fn lua(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    let of = |key| value(&text, key, '=').filter(|it| !it.is_empty());
    let (name, version) = (of("package").unwrap_or_default(), of("version").unwrap_or_default());
    let version = version.trim_start_matches('v');
    if name.is_empty() || !is_version(version) {
        return Err(inspect::Malformed::new("no name and version of a rock").into());
    }
    list(LUA.name, Ecosystem::Generic, found, |list| list.installed(name, version))
}
