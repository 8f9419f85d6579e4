//! The repository of Retire.js: libraries of JavaScript, each with the ranges of versions that have a vulnerability
//! (RetireJS/retire.js, repository/README.md).
use super::{
    Emit, Feed, Item, Malformed, Place,
    json::{entries, nullable},
    ranges,
};
use crate::text::first_sentence;
use model::{Advisory, Affected, End, Kind, Names, Namespace, Range, Severity};
use serde::Deserialize;

pub(super) const FEED: Feed = Feed {
    name: "retire-js",
    title: "Retire.js",
    places: &[Place {
        url: "https://raw.githubusercontent.com/RetireJS/retire.js/master/repository/{file}",
        values: &["jsrepository-v6.json", "npmrepository.json"],
    }],
    licence: "Apache-2.0",
    attribution: "Retire.js",
    default: true,
    derived: false,
    parse,
};

/// Entries that are there for its own tests, or to say that a file is none of the libraries.
const NO_LIBRARIES: &[&str] = &["dont check", "retire-example"];

#[derive(Deserialize)]
struct Library {
    npmname: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vulnerability {
    at_or_above: Option<String>,
    below: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    excludes: Vec<String>,
    severity: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    cwe: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    identifiers: Identifiers,
    #[serde(default, deserialize_with = "nullable")]
    info: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Identifiers {
    #[serde(default, deserialize_with = "nullable")]
    summary: String,
    #[serde(default, rename = "CVE", deserialize_with = "nullable")]
    cve: Vec<String>,
    #[serde(rename = "githubID")]
    github: Option<String>,
    retid: Option<String>,
}

fn parse(document: &[u8], _name: &str, emit: Emit<'_>) -> Result<(), Malformed> {
    entries(document, |name, library: Library| {
        if NO_LIBRARIES.contains(&name) {
            return;
        }
        let package = library.npmname.as_deref().unwrap_or(name);
        for it in library.vulnerabilities {
            emit(Item::Advisory(Box::new(advisory(package, it))));
        }
    })
}

fn advisory(package: &str, it: Vulnerability) -> Advisory {
    let Identifiers { summary, cve, github, retid } = it.identifiers;
    // What has no name of its own goes by where it ends.
    let own = retid.or_else(|| Some(format!("{package}:{}", it.below.as_ref()?)));
    let own = format!("retire.js:{}", own.as_deref().unwrap_or(package));
    let unmaintained = github.is_none() && summary.to_ascii_lowercase().contains("end-of-life");
    // Several in one entry are not the same one.
    let (covers, one) = if cve.len() > 1 { (cve, Vec::new()) } else { (Vec::new(), cve) };
    let mut names = github.into_iter().chain(one);
    let mut affected = Affected::every_version(Namespace::new("npm"), package, Names::Package);
    let end = it.below.and_then(|it| semantic(&it)).map_or(End::Open, End::Fixed);
    affected.ranges = vec![Range { introduced: it.at_or_above.as_deref().and_then(semantic), end }];
    affected.except = it.excludes;
    affected.status = ranges::status(&affected.ranges, None);
    let severity = it.severity.map(|value| Severity { by: "Retire.js".to_owned(), value });
    Advisory {
        id: names.next().unwrap_or(own),
        feed: FEED.name.to_owned(),
        kind: if unmaintained { Kind::Unmaintained } else { Kind::Vulnerability },
        aliases: names.filter(|_| covers.is_empty()).collect(),
        covers,
        title: first_sentence(&summary),
        severities: severity.into_iter().collect(),
        cwes: it.cwe,
        references: it.info,
        affected: vec![affected],
        ..Advisory::default()
    }
}

/// A version as npm writes it: what comes before a release stands after a hyphen there, after a dot (`1.0.0.beta.3`) in a
/// few entries, and a `*` is the first of it. `None` for what is no version (`~`).
fn semantic(version: &str) -> Option<String> {
    let version = version.replace("-*", "-0");
    let at = version.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(version.len());
    let (core, rest) = version.split_at_checked(at).filter(|it| !it.0.is_empty())?;
    Some(match core.strip_suffix('.') {
        Some(core) => format!("{core}-{rest}"),
        None => version,
    })
}
