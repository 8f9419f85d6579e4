//! Python distributions: the core metadata of what is installed (PyPA specification "Core metadata specifications";
//! "Recording installed projects"; setuptools, "The Internal Structure of Python Eggs"), of eggs and wheels
//! ("Binary distribution format"), what conda installs (conda documentation, "Package metadata"), and lock files of
//! pip, Pipenv, Poetry, PDM and uv.
use crate::{
    Cataloger,
    listed::{List, Named, Text, json, list, locked, tables, text},
};
use inspect::{
    Fault, File, Found, Malformed,
    archive::{Budget, Go, Member, open},
};
use model::{Ecosystem, Presence};
use serde::Deserialize;
use std::collections::BTreeMap;

pub(crate) const INSTALLED: Cataloger = Cataloger {
    name: "python-metadata",
    revision: 1,
    paths: &[
        "*.dist-info/METADATA",
        "*.egg-info/PKG-INFO",
        "EGG-INFO/PKG-INFO",
        "site-packages/*.egg-info",
        "dist-packages/*.egg-info",
    ],
    parse: installed,
};

pub(crate) const ARCHIVE: Cataloger =
    Cataloger { name: "python-archive", revision: 1, paths: &["*.whl", "*.egg"], parse: archive };

pub(crate) const CONDA: Cataloger =
    Cataloger { name: "conda-meta", revision: 1, paths: &["conda-meta/*.json"], parse: conda };

pub(crate) const LOCK: Cataloger = Cataloger {
    name: "python-lock",
    revision: 1,
    paths: &["poetry.lock", "uv.lock", "pdm.lock"],
    parse: lock,
};

pub(crate) const PIPENV: Cataloger =
    Cataloger { name: "pipfile-lock", revision: 1, paths: &["Pipfile.lock"], parse: pipenv };

pub(crate) const REQUIREMENTS: Cataloger = Cataloger {
    name: "pip-requirements",
    revision: 1,
    paths: &["requirements.txt", "requirements-*.txt", "requirements_*.txt"],
    parse: requirements,
};

/// The most of a file of metadata that may come before its name and version; then follow descriptions.
const HEADER_BYTES: u64 = 1 << 20;

fn installed(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let bytes = file.slice(0, file.size().min(HEADER_BYTES))?;
    let (name, version) = metadata(&bytes)?;
    list(INSTALLED.name, Ecosystem::Pypi, found, |list| list.installed(&name, &version))
}

/// Name and version, from headers like those of mail. Descriptions are folded, so they begin with spaces.
fn metadata(bytes: &[u8]) -> Result<(String, String), Malformed> {
    let text = String::from_utf8_lossy(bytes);
    let headers = text.lines().take_while(|it| !it.is_empty());
    let mut fields = (None, None);
    for (key, value) in headers.filter_map(|it| it.split_once(':')) {
        let field = match key {
            _ if key.eq_ignore_ascii_case("name") => &mut fields.0,
            _ if key.eq_ignore_ascii_case("version") => &mut fields.1,
            _ => continue,
        };
        field.get_or_insert_with(|| value.trim().to_owned());
        if let (Some(name), Some(version)) = &fields {
            return Ok((normalised(name), version.clone()));
        }
    }
    Err(Malformed::new("no name and version"))
}

/// PEP 503, "Normalized Names".
fn normalised(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|it| !it.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// An egg is imported as it is; a wheel is something to install from.
fn archive(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let egg = file.path.name().ends_with(".egg");
    let presence = if egg { Presence::Installed } else { Presence::Declared };
    let mut fields = None;
    let mut visit = |member: &mut Member<'_>| {
        let wanted = match member.path().split_once('/') {
            Some(("EGG-INFO", "PKG-INFO")) => true,
            Some((dir, "METADATA")) => dir.ends_with(".dist-info"),
            _ => false,
        };
        if !wanted {
            return Ok(Go::Past);
        }
        fields = Some(metadata(member.content()?.bytes)?);
        Ok(Go::Stop)
    };
    let missed = open(file, &mut Budget { depth: 1, ..Budget::default() }, &mut visit)?;
    found.gaps.extend(missed.into_iter().map(|it| it.gap(ARCHIVE.name)));
    let (name, version) = fields.ok_or(Malformed::new("no metadata of a Python distribution"))?;
    list(ARCHIVE.name, Ecosystem::Pypi, found, |list| list.add(&name, &version, presence))
}

/// Software of conda's channels. Python distributions among it have a `.dist-info` as well, and are found by that.
fn conda(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let it: Named = json(file)?;
    list(CONDA.name, Ecosystem::Generic, found, |list| list.installed(&it.name.0, &it.version.0))
}

fn lock(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    locked(LOCK.name, Ecosystem::Pypi, file, found, |list| {
        tables(&text, "package").try_for_each(|it| {
            let of = |key| it.get(key).copied().unwrap_or_default();
            // The project itself, and others that are nowhere but here.
            let source = of("source");
            if ["virtual", "editable", "directory"].iter().any(|it| source.contains(it)) {
                return Ok(());
            }
            list.declared(&normalised(of("name")), of("version"), of("category") == "dev")
        })
    })
}

#[derive(Deserialize)]
struct Pipenv {
    #[serde(default)]
    default: BTreeMap<String, Pinned>,
    #[serde(default)]
    develop: BTreeMap<String, Pinned>,
}

#[derive(Deserialize)]
struct Pinned {
    #[serde(default)]
    version: Text,
}

fn pipenv(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let it: Pipenv = json(file)?;
    locked(PIPENV.name, Ecosystem::Pypi, file, found, |list| {
        pinned(list, &it.default, false)?;
        pinned(list, &it.develop, true)
    })
}

/// `"==1.2.3"`; from a repository or a directory there is none.
fn pinned(list: &mut List<'_, '_>, all: &BTreeMap<String, Pinned>, dev: bool) -> Result<(), Fault> {
    let pins = all.iter().filter_map(|(name, it)| Some((name, it.version.0.strip_prefix("==")?)));
    pins.into_iter().try_for_each(|(name, it)| list.declared(&normalised(name), it, dev))
}

/// Only what is pinned (pip documentation, "Requirements File Format"; PEP 508): of the rest nobody knows the version.
fn requirements(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    locked(REQUIREMENTS.name, Ecosystem::Pypi, file, found, |list| {
        for line in text.lines() {
            let line = line.split(['#', ';']).next().unwrap_or_default();
            let Some((name, version)) = line.split_once("==") else { continue };
            let name = name.split('[').next().unwrap_or_default().trim();
            let version = version.trim_start_matches('=').trim();
            let version = version.split([' ', '\t', ',', '\\']).next().unwrap_or_default();
            let plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
            if !name.is_empty() && name.chars().all(plain) && !version.contains('*') {
                list.declared(&normalised(name), version, false)?;
            }
        }
        Ok(())
    })
}
