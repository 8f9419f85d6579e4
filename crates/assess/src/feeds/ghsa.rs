//! GitHub's advisories as GitHub gives them: the records of github/advisory-database, which are OSV's, and the answers of
//! its REST API (docs.github.com, "REST API endpoints for global security advisories", version 2022-11-28). OSV has all of
//! them too, a little later.
use super::{
    Emit, Feed, Item, Malformed, Place,
    interval::Interval,
    is_member,
    json::{nullable, records},
    osv, ranges,
};
use jiff::Timestamp;
use model::{Advisory, Affected, Ecosystem, Kind, Names, Namespace, Severity, version::Scheme};
use serde::Deserialize;
use serde_json::Value;

pub(super) const FEED: Feed = Feed {
    name: "ghsa",
    title: "GitHub Advisory Database",
    places: &[Place::one(
        "https://github.com/github/advisory-database/archive/refs/heads/main.tar.gz",
    )],
    licence: "CC-BY-4.0",
    attribution: "GitHub Advisory Database",
    default: false,
    derived: false,
    parse,
};

/// What GitHub calls ecosystems.
const ECOSYSTEMS: &[(&str, Ecosystem)] = &[
    ("composer", Ecosystem::Composer),
    ("erlang", Ecosystem::Hex),
    ("go", Ecosystem::Golang),
    ("maven", Ecosystem::Maven),
    ("npm", Ecosystem::Npm),
    ("nuget", Ecosystem::Nuget),
    ("pip", Ecosystem::Pypi),
    ("pub", Ecosystem::Pub),
    ("rubygems", Ecosystem::Gem),
    ("rust", Ecosystem::Cargo),
    ("swift", Ecosystem::Swift),
];

/// An answer is one advisory or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Many(Vec<Rest>),
    One(Box<Rest>),
}

#[derive(Deserialize)]
struct Rest {
    ghsa_id: String,
    cve_id: Option<String>,
    #[serde(rename = "type", default, deserialize_with = "nullable")]
    kind: String,
    #[serde(default, deserialize_with = "nullable")]
    summary: String,
    severity: Option<String>,
    published_at: Option<String>,
    updated_at: Option<String>,
    withdrawn_at: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    references: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    cwes: Vec<Cwe>,
    #[serde(default, deserialize_with = "nullable")]
    cvss_severities: Scores,
    #[serde(default, deserialize_with = "nullable")]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
struct Cwe {
    cwe_id: String,
}

#[derive(Default, Deserialize)]
struct Scores {
    cvss_v3: Option<Score>,
    cvss_v4: Option<Score>,
}

#[derive(Deserialize)]
struct Score {
    vector_string: Option<String>,
}

#[derive(Deserialize)]
struct Vulnerability {
    package: Option<Package>,
    #[serde(default, deserialize_with = "nullable")]
    vulnerable_version_range: String,
    /// A text, or, in answers on one advisory, an object with an `identifier`.
    #[serde(default)]
    first_patched_version: Value,
}

#[derive(Deserialize)]
struct Package {
    ecosystem: String,
    name: Option<String>,
}

fn parse(document: &[u8], name: &str, emit: Emit<'_>) -> Result<(), Malformed> {
    if !is_member(name, &["advisories/"], ".json") {
        return Ok(());
    }
    if !str::from_utf8(document).is_ok_and(|it| it.contains("\"ghsa_id\"")) {
        return records(document, |record: osv::Record| osv::each(record, FEED.name, emit));
    }
    records(document, |answer: Answer| match answer {
        Answer::Many(all) => all.into_iter().for_each(|it| each(it, emit)),
        Answer::One(it) => each(*it, emit),
    })
}

fn each(it: Rest, emit: Emit<'_>) {
    let mut affected = Vec::new();
    for it in &it.vulnerabilities {
        match entry(it) {
            Ok(it) => affected.push(it),
            Err(why) => emit(Item::Skipped(why)),
        }
    }
    let score = |it: Option<Score>| it?.vector_string;
    let scores = [score(it.cvss_severities.cvss_v3), score(it.cvss_severities.cvss_v4)];
    let values = scores.into_iter().flatten().chain(it.severity);
    let time = |it: &Option<String>| it.as_deref().and_then(osv::time);
    emit(Item::Advisory(Box::new(Advisory {
        feed: FEED.name.to_owned(),
        kind: if it.kind == "malware" { Kind::Malware } else { Kind::Vulnerability },
        aliases: it.cve_id.into_iter().collect(),
        title: it.summary.trim().to_owned(),
        published: time(&it.published_at),
        modified: time(&it.updated_at),
        withdrawn: it
            .withdrawn_at
            .as_deref()
            .map(|it| osv::time(it).unwrap_or(Timestamp::UNIX_EPOCH)),
        severities: values.map(|value| Severity { by: "ghsa".to_owned(), value }).collect(),
        cwes: it.cwes.into_iter().map(|it| it.cwe_id).collect(),
        references: it.references,
        id: it.ghsa_id,
        affected,
        ..Advisory::default()
    })));
}

fn entry(it: &Vulnerability) -> Result<Affected, String> {
    let package = it.package.as_ref().ok_or("affected source code without a package")?;
    let known = ECOSYSTEMS.iter().find(|it| it.0 == package.ecosystem);
    let space = known.and_then(|it| Namespace::language(it.1));
    let namespace = space.ok_or_else(|| format!("unknown ecosystem {}", package.ecosystem))?;
    let name = package.name.as_deref().ok_or("affected source code without a package")?;
    let scheme = namespace.ecosystem().map_or(Scheme::Generic, Ecosystem::scheme);
    let text = &it.vulnerable_version_range;
    let mut interval =
        Interval::parse(text, scheme).ok_or_else(|| format!("requirement {text}"))?;
    let fix = it.first_patched_version.get("identifier").unwrap_or(&it.first_patched_version);
    let fix = fix.as_str().filter(|it| !it.is_empty());
    if let Some(fix) = fix {
        interval = interval.fixed_in(fix);
    }
    let mut affected = Affected::every_version(namespace, name, Names::Package);
    affected.ranges.clear();
    interval.put(fix.is_some(), &mut affected);
    affected.status = ranges::status(&affected.ranges, None);
    Ok(affected)
}
