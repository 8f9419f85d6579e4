//! Alpine's security database: for each origin package, the version that fixed each vulnerability
//! (secdb.alpinelinux.org; as JSON now, as YAML until 2020). It knows no unfixed ones.
use super::{Emit, Feed, Item, Malformed, Place, json::nullable};
use model::{Advisory, Affected, End, Names, Namespace, Range, Status};
use serde::Deserialize;
use std::collections::BTreeMap;

pub(super) const FEED: Feed = Feed {
    name: "alpine-secdb",
    title: "Alpine security database",
    places: &[
        Place { url: "https://secdb.alpinelinux.org/{release}/main.json", values: RELEASES },
        Place { url: "https://secdb.alpinelinux.org/{release}/community.json", values: RELEASES },
    ],
    licence: "CC-BY-SA-4.0",
    attribution: "Alpine Linux security database",
    default: true,
    derived: false,
    parse,
};

const RELEASES: &[&str] = &[
    "edge", "v3.10", "v3.11", "v3.12", "v3.13", "v3.14", "v3.15", "v3.16", "v3.17", "v3.18",
    "v3.19", "v3.20", "v3.21", "v3.22", "v3.23",
];

#[derive(Default, Deserialize)]
struct Database {
    #[serde(default)]
    distroversion: String,
    #[serde(default, deserialize_with = "nullable")]
    packages: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    pkg: Package,
}

#[derive(Default, Deserialize)]
struct Package {
    name: String,
    /// What each version fixed.
    #[serde(default, deserialize_with = "nullable")]
    secfixes: BTreeMap<String, Option<Vec<String>>>,
}

fn parse(document: &[u8], name: &str, emit: Emit<'_>) -> Result<(), Malformed> {
    let database = match document.trim_ascii_start().first() {
        Some(b'{') => serde_json::from_slice(document)?,
        _ => yaml(document)?,
    };
    let release = match database.distroversion.as_str() {
        "" => name.split('/').find(|it| it.starts_with('v') || *it == "edge"),
        it => Some(it),
    };
    let release = release.ok_or(Malformed("no distroversion, and none in the name".into()))?;
    let namespace = Namespace::new(&format!("Alpine:{release}"));
    for package in database.packages.into_iter().map(|it| it.pkg) {
        for (version, lines) in &package.secfixes {
            for id in lines.iter().flatten().flat_map(|it| ids(it)) {
                emit(Item::Advisory(Box::new(advisory(&namespace, &package.name, version, id))));
            }
        }
    }
    Ok(())
}

fn advisory(namespace: &Namespace, package: &str, version: &str, id: String) -> Advisory {
    let mut affected = Affected::every_version(namespace.clone(), package, Names::Source);
    if version == "0" {
        affected.status = Status::NotAffected;
        affected.ranges.clear();
    } else {
        affected.status = Status::Fixed;
        affected.ranges = vec![Range { introduced: None, end: End::Fixed(version.to_owned()) }];
    }
    Advisory {
        covers: vec![id.clone()],
        references: vec![format!("https://security.alpinelinux.org/vuln/{id}")],
        id,
        feed: FEED.name.to_owned(),
        affected: vec![affected],
        ..Advisory::default()
    }
}

/// The identifiers in a line, which may be several, with remarks: `CVE-2017-2616 (+ regression
/// fix)`, `CVE-2017-10921 XSA-224`. Where there are CVEs, the others are other names of what may be
/// several of them, and left out.
fn ids(line: &str) -> Vec<String> {
    let line = line.split('(').next().unwrap_or_default();
    let words = line.split(|it: char| it.is_whitespace() || it == ',' || it == ';');
    let is_id = |it: &String| {
        it.starts_with(|it: char| it.is_ascii_alphabetic())
            && it.contains('-')
            && !it.contains('?')
            && it.ends_with(|it: char| it.is_ascii_alphanumeric())
    };
    let ids: Vec<String> = words.map(|it| it.replacen("CVE_", "CVE-", 1)).filter(is_id).collect();
    let cves: Vec<String> = ids.iter().filter(|it| it.starts_with("CVE-")).cloned().collect();
    if cves.is_empty() { ids } else { cves }
}

/// Reads the older form. Not YAML in general, but what secdb's generator writes: one key, package
/// or identifier a line. Anything else is refused, so that nothing is misread.
fn yaml(document: &[u8]) -> Result<Database, Malformed> {
    let text = str::from_utf8(document).map_err(|it| Malformed(it.to_string().into()))?;
    let mut database = Database::default();
    let mut version: Option<String> = None;
    for (line, number) in text.lines().zip(1_usize..) {
        let line = line.split(" #").next().unwrap_or_default().trim();
        let package = database.packages.last_mut().map(|it| &mut it.pkg);
        let unquoted = |it: &str| it.trim().trim_matches(['"', '\'']).to_owned();
        match (line.split_once(": "), package) {
            _ if line.is_empty() || line.starts_with('#') || line == "---" => {}
            (Some(("distroversion", it)), None) => database.distroversion = unquoted(it),
            // What stands before the first package: architectures, addresses.
            (_, _) if line == "- pkg:" => {
                database.packages.push(Entry { pkg: Package::default() });
                version = None;
            }
            (_, None) => {}
            (Some(("name", it)), Some(package)) => package.name = unquoted(it),
            (None, Some(_)) if line == "secfixes:" => {}
            (_, Some(package)) => match (line.strip_prefix("- "), line.strip_suffix(':')) {
                (Some(id), _) => {
                    let version = version.clone().ok_or_else(|| unexpected(number))?;
                    let ids = package.secfixes.entry(version).or_default();
                    ids.get_or_insert_default().push(unquoted(id));
                }
                (None, Some(it)) => version = Some(unquoted(it)),
                (None, None) => return Err(unexpected(number)),
            },
        }
    }
    Ok(database)
}

fn unexpected(line: usize) -> Malformed {
    Malformed(format!("line {line} is not what a security database has").into())
}
