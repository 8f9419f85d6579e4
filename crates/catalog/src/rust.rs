//! Rust crates: what `cargo auditable` writes into programs (cargo-auditable, "PARSING.md": the section `.dep-v0`, JSON in
//! zlib), and `Cargo.lock` (The Cargo Book, "Cargo.toml vs Cargo.lock").
use crate::{
    Cataloger,
    listed::{Named, Text, list, locked, tables, text},
    sections::sections,
    wanted::PROGRAM,
};
use flate2::read::ZlibDecoder;
use inspect::{Fault, File, Found, Malformed};
use model::{Ecosystem, Presence};
use serde::Deserialize;
use std::io::Read;

pub(crate) const PROGRAMS: Cataloger =
    Cataloger { name: "rust-program", revision: 1, paths: &[PROGRAM], parse: program };

pub(crate) const LOCK: Cataloger =
    Cataloger { name: "cargo-lock", revision: 1, paths: &["Cargo.lock"], parse: lock };

/// The most that is unpacked: the parsers of the format's authors take no more.
const JSON_BYTES: u64 = 8 << 20;

#[derive(Deserialize)]
struct Audit {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    #[serde(flatten)]
    named: Named,
    #[serde(default)]
    kind: Text,
}

fn program(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let Ok(sections) = sections(file) else { return Ok(()) };
    let Some(section) = sections.iter().find(|it| it.name == ".dep-v0") else { return Ok(()) };
    let packed = file.slice(section.offset, section.size)?;
    let mut json = Vec::new();
    let unpacked = ZlibDecoder::new(&*packed).take(JSON_BYTES).read_to_end(&mut json);
    unpacked.map_err(|err| Malformed(err.to_string().into()))?;
    let audit: Audit =
        serde_json::from_slice(&json).map_err(|err| Malformed(err.to_string().into()))?;
    list(PROGRAMS.name, Ecosystem::Cargo, found, |list| {
        audit.packages.iter().try_for_each(|it| {
            let build = it.kind.0 == "build";
            let presence = if build { Presence::Development } else { Presence::Installed };
            list.add(&it.named.name.0, &it.named.version.0, presence)
        })
    })
}

fn lock(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = text(file)?;
    locked(LOCK.name, Ecosystem::Cargo, file, found, |list| {
        // What has no source is the project itself.
        tables(&text, "package").filter(|it| it.contains_key("source")).try_for_each(|it| {
            let of = |key| it.get(key).copied().unwrap_or_default();
            list.declared(of("name"), of("version"), false)
        })
    })
}
