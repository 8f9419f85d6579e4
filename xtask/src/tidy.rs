//! What no compiler checks: the dependencies between our crates, and the order of the house.
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, ExitCode},
};

/// The project itself.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The crates that only compute.
const INNER: &[&str] = &["model", "inspect", "malware", "catalog", "assess"];
/// All that inner crates may use of other people's: nothing that opens, asks or waits.
const PURE: &[&str] = &[
    "base64",
    "boreal",
    "boreal-parser",
    "bzip2",
    "cvss",
    "crc32fast",
    "fdeflate",
    "flate2",
    "jiff",
    "lz4_flex",
    "lzma-rust2",
    "md-5",
    "memchr",
    "postcard",
    "rawzip",
    "regex-automata",
    "ring",
    "ruzstd",
    "saphyr-parser",
    "schemars",
    "serde",
    "serde_json",
    "sha1",
    "sha2",
];
/// What stands at the top of an inner crate's lib.rs and turns the bans of clippy.toml on.
const BANS: &str =
    "deny(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)";
/// Libraries, and the only crates that may use them.
const ONLY: &[(&str, &[&str])] = &[
    ("ureq", &["net"]),
    // The store's connection to PostgreSQL is the one outbound socket that is not of `net`: it takes no proxy and
    // follows nothing.
    ("rustls", &["net", "store"]),
    ("rustls-native-certs", &["net", "store"]),
    ("tokio-postgres-rustls", &["store"]),
    ("postgres", &["store"]),
    ("rusqlite", &["store"]),
    ("landlock", &["scan"]),
    ("seccompiler", &["scan"]),
    ("axum", &["server"]),
    ("hyper", &["server"]),
    ("hyper-util", &["server"]),
    ("tokio", &["server"]),
    ("tokio-rustls", &["server"]),
    ("tower-service", &["server"]),
    ("argon2", &["server"]),
    ("clap", &["plimsoll"]),
    ("indicatif", &["plimsoll"]),
];
/// The most lines of a file.
const LINES: usize = 800;

/// A name, and what finds the offences against it.
type Check = (&'static str, fn(&Path) -> Vec<String>);

const CHECKS: &[Check] = &[
    ("ARCHITECTURE.md shows the dependencies as they are", picture),
    ("libraries are used by the crates that they are for", libraries),
    ("inner crates turn the bans of clippy.toml on", bans),
    ("every file says what it is", purposes),
    ("no file is too long", lengths),
    ("no path of somebody's machine", paths),
    ("every fixture has its expectation", fixtures),
    ("documents link to what is there", links),
];

pub(crate) fn run(_: &[String]) -> ExitCode {
    let mut failed = false;
    for (rule, check) in CHECKS {
        let offences = check(Path::new(ROOT));
        println!("{} {rule}", if offences.is_empty() { "ok    " } else { "FAILED" });
        for it in &offences {
            println!("       {it}");
        }
        failed |= !offences.is_empty();
    }
    ExitCode::from(u8::from(failed))
}

/// The normal dependencies of every crate of the workspace, its own and other people's.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--no-deps", "--offline", "--format-version=1"]);
    let output = command.current_dir(ROOT).output().expect("cargo is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let name = |it: &Value| it["name"].as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .map(|package| {
            let all = package["dependencies"].as_array().into_iter().flatten();
            let normal = all.filter(|it| it["kind"].is_null());
            (name(package), normal.map(name).collect())
        })
        .collect()
}

fn picture(root: &Path) -> Vec<String> {
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap_or_default();
    let drawn = text.split_once("```text dependencies\n").and_then(|it| it.1.split_once("```"));
    let Some((drawn, _)) = drawn else {
        return vec!["ARCHITECTURE.md has no block `text dependencies`".to_owned()];
    };
    let drawn: BTreeSet<String> = drawn.lines().map(|it| it.trim().to_owned()).collect();
    let real = dependencies();
    let real: BTreeSet<String> = real
        .iter()
        .map(|(name, uses)| {
            let ours = uses.iter().filter(|it| real.contains_key(*it));
            ours.fold(format!("{name}:"), |line, it| line + " " + it)
        })
        .collect();
    let missing = real.difference(&drawn).map(|it| format!("not in the picture: {it}"));
    let extra = drawn.difference(&real).map(|it| format!("only in the picture: {it}"));
    missing.chain(extra).collect()
}

fn libraries(_: &Path) -> Vec<String> {
    let real = dependencies();
    let mut offences = Vec::new();
    for (name, uses) in &real {
        for it in uses {
            let only = ONLY.iter().find(|(library, _)| library == it);
            if only.is_some_and(|(_, users)| !users.contains(&name.as_str())) {
                offences.push(format!("{name} uses {it}"));
            }
            let foreign = !PURE.contains(&it.as_str()) && !INNER.contains(&it.as_str());
            if INNER.contains(&name.as_str()) && foreign {
                offences.push(format!("{name} uses {it}, which is not known to only compute"));
            }
        }
    }
    offences
}

fn bans(root: &Path) -> Vec<String> {
    let mut offences = Vec::new();
    for name in INNER {
        let place = format!("crates/{name}/src/lib.rs");
        if !fs::read_to_string(root.join(&place)).unwrap_or_default().contains(BANS) {
            offences.push(format!("{place} lacks {BANS}"));
        }
    }
    offences
}

fn purposes(root: &Path) -> Vec<String> {
    let nameless = files(root, &["rs"]).into_iter().filter(|(_, it)| !it.starts_with("//!"));
    nameless.map(|(place, _)| format!("{place} does not begin with //!")).collect()
}

fn lengths(root: &Path) -> Vec<String> {
    let long = files(root, &["rs"]).into_iter().map(|(place, it)| (place, it.lines().count()));
    long.filter(|it| it.1 > LINES).map(|(place, n)| format!("{place} has {n} lines")).collect()
}

/// Places that are on one machine only: home directories, and what somebody keeps in `/tmp`.
fn paths(root: &Path) -> Vec<String> {
    let mut offences = Vec::new();
    // Put together here, so that this file is not an offence itself.
    let starts = ["home/", "Users/", "root/.", "tmp/", "work/"].map(|it| format!("/{it}"));
    let ends = |it: char| !(it.is_ascii_alphanumeric() || "._-/".contains(it));
    for (place, text) in files(root, &["rs", "toml", "md", "sh", "run"]) {
        // It speaks of where malicious files lie, in images.
        if place.starts_with("crates/malware/") {
            continue;
        }
        for line in text.lines() {
            for start in &starts {
                let at = line.find(start.as_str());
                let before = at.and_then(|it| line.get(..it)).unwrap_or_default();
                // A path of an image or of a test's own making goes on from something before it.
                if at.is_some() && before.is_empty() | before.ends_with(ends) {
                    offences.push(format!("{place}: {}", line.trim()));
                }
            }
        }
    }
    offences
}

fn fixtures(root: &Path) -> Vec<String> {
    let all: BTreeSet<String> = names(root).into_iter().collect();
    let mut offences = Vec::new();
    for it in all.iter().filter(|it| it.contains("/fixtures/")) {
        let (stem, ending) = it.rsplit_once('.').unwrap_or((it, ""));
        let other = match ending {
            "in" => format!("{stem}.out"),
            "out" => format!("{stem}.in"),
            _ => continue,
        };
        if !all.contains(&other) {
            offences.push(format!("{it} stands without {other}"));
        }
    }
    offences
}

/// Links of documents to files of the project.
fn links(root: &Path) -> Vec<String> {
    let mut offences = Vec::new();
    for (place, text) in files(root, &["md"]) {
        let folder = root.join(&place).parent().map(Path::to_owned).unwrap_or_default();
        for link in text.split("](").skip(1).filter_map(|it| it.split([')', '#']).next()) {
            if !link.is_empty() && !link.contains(':') && !folder.join(link).exists() {
                offences.push(format!("{place} links to {link}, which is not there"));
            }
        }
    }
    offences
}

/// The texts of the project that end so, with their places.
fn files(root: &Path, endings: &[&str]) -> Vec<(String, String)> {
    let mut names = names(root);
    names.retain(|it| endings.iter().any(|end| it.ends_with(&format!("{}{end}", separator(end)))));
    let texts = names.into_iter().filter_map(|it| {
        let text = fs::read_to_string(root.join(&it)).ok()?;
        Some((it, text))
    });
    texts.collect()
}

/// What stands before an ending: `.ci/run` has none.
fn separator(ending: &str) -> char {
    if ending == "run" { '/' } else { '.' }
}

/// Every file of the project, as paths from its root; what is built or fetched is left out.
fn names(root: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if ["target", ".git", "corpus", "artifacts"].iter().any(|it| name == **it) {
                continue;
            }
            if entry.file_type().is_ok_and(|it| it.is_dir()) {
                folders.push(path);
            } else if let Ok(it) = path.strip_prefix(root) {
                names.push(it.to_string_lossy().into_owned());
            }
        }
    }
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_in_order() {
        for (rule, check) in CHECKS {
            let offences = check(Path::new(ROOT));
            assert!(offences.is_empty(), "{rule}:\n{}", offences.join("\n"));
        }
    }
}
