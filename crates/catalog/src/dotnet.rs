//! .NET packages: what an application was published with (`*.deps.json`, .NET documentation, "Runtime configuration files"),
//! and NuGet's `packages.lock.json` and `packages.config` (NuGet documentation).
use crate::{
    Cataloger,
    listed::{Text, json, list, locked, text},
};
use inspect::{Fault, File, Found};
use model::Ecosystem;
use serde::Deserialize;
use std::collections::BTreeMap;

pub(crate) const DEPS: Cataloger =
    Cataloger { name: "dotnet-deps", revision: 1, paths: &["*.deps.json"], parse: deps };

pub(crate) const LOCK: Cataloger =
    Cataloger { name: "nuget-lock", revision: 1, paths: &["packages.lock.json"], parse: lock };

pub(crate) const CONFIG: Cataloger =
    Cataloger { name: "nuget-config", revision: 1, paths: &["packages.config"], parse: config };

#[derive(Deserialize)]
struct Deps {
    #[serde(default)]
    libraries: BTreeMap<String, Library>,
}

#[derive(Deserialize)]
struct Library {
    #[serde(rename = "type", default)]
    kind: Text,
}

/// `"Newtonsoft.Json/13.0.1": { "type": "package" }`; the runtime that an application brings along is a `runtimepack`.
fn deps(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let it: Deps = json(file)?;
    list(DEPS.name, Ecosystem::Nuget, found, |list| {
        for (key, library) in &it.libraries {
            // A `project` is the application itself, a `reference` a file beside it.
            if !matches!(library.kind.0.as_str(), "package" | "runtimepack") {
                continue;
            }
            let (name, version) = key.split_once('/').unwrap_or((key, ""));
            list.installed(name.strip_prefix("runtimepack.").unwrap_or(name), version)?;
        }
        Ok(())
    })
}

#[derive(Deserialize)]
struct Lock {
    /// By framework, then by name.
    #[serde(default)]
    dependencies: BTreeMap<String, BTreeMap<String, Resolved>>,
}

#[derive(Deserialize)]
struct Resolved {
    #[serde(rename = "type", default)]
    kind: Text,
    #[serde(default)]
    resolved: Text,
}

fn lock(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let it: Lock = json(file)?;
    locked(LOCK.name, Ecosystem::Nuget, file, found, |list| {
        let all = it.dependencies.values().flatten();
        all.filter(|it| it.1.kind.0 != "Project")
            .try_for_each(|(name, it)| list.declared(name, &it.resolved.0, false))
    })
}

/// `<package id="jQuery" version="3.6.0" developmentDependency="true" />`.
fn config(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    locked(CONFIG.name, Ecosystem::Nuget, file, found, |list| {
        for tag in text.split("<package ").skip(1) {
            let tag = tag.split('>').next().unwrap_or_default();
            let of = |key: &str| {
                let (_, rest) = tag.split_once(&format!("{key}="))?;
                rest.get(1..)?.split(['"', '\'']).next()
            };
            let development = of("developmentDependency") == Some("true");
            let (name, version) = (of("id").unwrap_or_default(), of("version").unwrap_or_default());
            list.declared(name, version, development)?;
        }
        Ok(())
    })
}
