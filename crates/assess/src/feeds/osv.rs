//! Records of the Open Source Vulnerability format (ossf.github.io/osv-schema, version 1.7), in
//! which most ecosystems and many distributions publish, each with habits of its own.
use super::{
    Emit, Feed, Item, Malformed, Place, debian_changelog, exploits,
    json::{nullable, records},
};
use crate::ranges;
use jiff::Timestamp;
use model::{
    Advisory, Affected, Distribution, Ecosystem, Import, Kind, Level, Names, Namespace, Severity,
    Status, version::Scheme,
};
use serde::Deserialize;
use serde_json::Value;

pub(super) const FEED: Feed = Feed {
    name: "osv",
    title: "OSV",
    places: &[Place {
        url: "https://osv-vulnerabilities.storage.googleapis.com/{ecosystem}/all.zip",
        values: &[
            "AlmaLinux",
            "Alpaquita",
            "Alpine",
            "Azure Linux",
            "BellSoft Hardened Containers",
            "Bitnami",
            "CRAN",
            "Debian",
            "Go",
            "Hackage",
            "Hex",
            "Julia",
            "Mageia",
            "Maven",
            "NuGet",
            "Packagist",
            "Pub",
            "PyPI",
            "Red Hat",
            "Rocky Linux",
            "RubyGems",
            "SUSE",
            "SwiftURL",
            "Ubuntu",
            "crates.io",
            "npm",
            "openEuler",
            "openSUSE",
        ],
    }],
    licence: "each source its own: CC-BY-4.0, CC-BY-SA-4.0 (Ubuntu, Mageia), CC0-1.0, MIT, BSD, Apache-2.0",
    attribution: "GitHub Advisory Database, PyPA Advisory Database, Go vulnerability database, \
                  RustSec, Canonical, AlmaLinux, Rocky Linux, BellSoft, Mageia, Microsoft, Bitnami, OpenSSF, \
                  OSV.dev",
    default: true,
    derived: false,
    parse,
};

/// The distributions that publish in OSV, and what their package names stand for (each source's
/// conversion; those of dpkg and apk always mean the source package or the origin).
const SPEAKERS: &[(&str, Names)] = &[
    ("AlmaLinux", Names::Package),
    ("Alpaquita", Names::Source),
    ("Alpine", Names::Source),
    ("Azure Linux", Names::Source),
    ("BellSoft Hardened Containers", Names::Source),
    ("Chainguard", Names::Source),
    ("Debian", Names::Source),
    ("Mageia", Names::Source),
    ("MinimOS", Names::Source),
    ("Photon OS", Names::Source),
    ("Red Hat", Names::Package),
    ("Rocky Linux", Names::Package),
    ("SUSE", Names::Source),
    ("Ubuntu", Names::Source),
    ("Wolfi", Names::Source),
    ("openEuler", Names::Source),
    ("openSUSE", Names::Source),
];

/// Who stands behind the CVSS vectors of records whose identifiers begin so. Distributions that
/// keep a record for each CVE repeat the vector of the NVD.
const SCORERS: &[(&str, &str)] = &[
    ("ALPINE-", "nvd"),
    ("BELL-", "nvd"),
    ("BIT-", "Bitnami"),
    ("CVE-", "cna"),
    ("DEBIAN-", "nvd"),
    ("GHSA-", "ghsa"),
    ("GO-", "Go"),
    ("MAL-", "OpenSSF"),
    ("PYSEC-", "PyPA"),
    ("RUSTSEC-", "RustSec"),
    ("UBUNTU-", "nvd"),
];

#[derive(Deserialize)]
pub(super) struct Record {
    id: String,
    #[serde(default)]
    modified: Option<String>,
    #[serde(default)]
    published: Option<String>,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    aliases: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    upstream: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    related: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    summary: String,
    #[serde(default, deserialize_with = "nullable")]
    details: String,
    #[serde(default, deserialize_with = "nullable")]
    severity: Vec<Score>,
    #[serde(default, deserialize_with = "nullable")]
    affected: Vec<Entry>,
    #[serde(default, deserialize_with = "nullable")]
    references: Vec<Reference>,
    #[serde(default, deserialize_with = "nullable")]
    database_specific: Specific,
}

#[derive(Deserialize)]
struct Score {
    #[serde(rename = "type")]
    kind: String,
    score: String,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "type", default, deserialize_with = "nullable")]
    kind: String,
    url: String,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    package: Option<Package>,
    #[serde(default, deserialize_with = "nullable")]
    ranges: Vec<ranges::Events>,
    #[serde(default, deserialize_with = "nullable")]
    versions: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    severity: Vec<Score>,
    #[serde(default, deserialize_with = "nullable")]
    ecosystem_specific: Specific,
    #[serde(default, deserialize_with = "nullable")]
    database_specific: Specific,
}

#[derive(Deserialize)]
struct Package {
    ecosystem: String,
    name: String,
}

/// What the databases put beside the format, of which each knows some.
#[derive(Default, Deserialize)]
struct Specific {
    /// GHSA and Bitnami: a word.
    #[serde(default)]
    severity: Value,
    /// Debian.
    #[serde(default)]
    urgency: Value,
    /// Go: packages, and what of them is vulnerable.
    #[serde(default)]
    imports: Value,
    /// Our own reading of changelogs: when what names the vulnerability was uploaded.
    #[serde(default)]
    upload: Value,
    /// RustSec: `unmaintained`, `unsound`, `notice`.
    #[serde(default)]
    informational: Value,
    /// RustSec.
    #[serde(default)]
    categories: Value,
    /// GHSA.
    #[serde(default)]
    cwe_ids: Value,
    /// Malicious packages: objects with a `cweId`.
    #[serde(default)]
    cwes: Value,
}

fn parse(document: &[u8], _name: &str, emit: Emit<'_>) -> Result<(), Malformed> {
    records(document, |record: Record| each(record, FEED.name, emit))
}

/// What one record says, as `feed` says it.
pub(super) fn each(mut record: Record, feed: &str, emit: Emit<'_>) {
    // Our own reading of changelogs must never be taken for a record of Debian's.
    let (feed, id) = match record.id.strip_prefix("XDEB-") {
        Some(id) => ("debian-changelogs", id.to_owned()),
        None => (feed, record.id.clone()),
    };
    let entries = std::mem::take(&mut record.affected);
    let mut affected: Vec<Affected> = entries
        .iter()
        .filter_map(|it| entry(it, &record).map_err(|why| emit(Item::Skipped(why))).ok())
        .collect();
    let mut published = record.published.as_deref().and_then(time);
    if feed == "debian-changelogs" {
        // What an upload calls urgent is not Debian's word on the vulnerability.
        let severities = affected.iter_mut().flat_map(|it| &mut it.severities);
        severities.for_each(|it| it.by = super::UPLOAD_URGENCY.to_owned());
        let uploads = entries.iter().filter_map(|it| it.database_specific.upload.as_str());
        published = published.or(uploads.filter_map(debian_changelog::time).min());
    }
    let distribution = affected.iter().any(|it| it.namespace.is_distribution())
        || SCORERS.iter().any(|it| it.1 == "nvd" && record.id.starts_with(it.0));
    let covers = if distribution { covers(&record) } else { Vec::new() };
    if covers.is_empty() && ["ALBA-", "ALEA-"].iter().any(|it| id.starts_with(it)) {
        return emit(Item::Skipped("erratum that is not about security".to_owned()));
    }
    let kind = kind(&record, &entries, distribution && covers.is_empty());
    let cwes = std::iter::once(&record.database_specific)
        .chain(entries.iter().map(|it| &it.database_specific))
        .flat_map(cwes)
        .collect();
    let shows = record.references.iter().filter(|it| exploits::is_exploit(&it.kind, &it.url));
    // Of malware nothing is exploited.
    let shows = shows.filter(|_| kind != Kind::Malware).map(|it| it.url.clone());
    let aliases = record.aliases.iter().filter(|it| !covers.contains(it) && **it != id).cloned();
    emit(Item::Advisory(Box::new(Advisory {
        aliases: aliases.collect(),
        exploits: shows.collect(),
        feed: feed.to_owned(),
        kind,
        title: title(&record),
        published,
        modified: record.modified.as_deref().and_then(time),
        // Withdrawn it is, even when nobody can read since when.
        withdrawn: record.withdrawn.as_deref().map(|it| time(it).unwrap_or(Timestamp::UNIX_EPOCH)),
        severities: severities(&record, &entries, distribution),
        references: record.references.into_iter().map(|it| it.url).collect(),
        id,
        covers,
        cwes,
        affected,
    })));
}

/// What a record says of one package, or why that is of no use.
fn entry(entry: &Entry, record: &Record) -> Result<Affected, String> {
    let package = entry.package.as_ref().ok_or("affected source code without a package")?;
    let base = package.ecosystem.split(':').next().unwrap_or_default();
    let names = names(base).ok_or_else(|| format!("unknown ecosystem {base}"))?;
    // A language may name a registry after the colon (`Maven:https://...`): one universe of names.
    let language = Ecosystem::from_osv(base);
    let namespace = Namespace::new(if language.is_some() { base } else { &package.ecosystem });
    let scheme = namespace.ecosystem().map_or(Scheme::Generic, Ecosystem::scheme);
    // Commits are not versions of packages.
    let events = || entry.ranges.iter().filter(|it| it.kind != "GIT");
    let mut ranges: Vec<_> = events().flat_map(|it| ranges::from_events(it, scheme)).collect();
    // Bitnami, PyPA and Go may repeat a range.
    ranges.dedup();
    let never = !ranges.is_empty() && ranges.iter().all(ranges::is_empty);
    if ranges.is_empty() && entry.versions.is_empty() {
        return Err("affected source code without versions".to_owned());
    }
    let mut versions = entry.versions.clone();
    let malware = record.id.starts_with("MAL-");
    if malware || !ranges::lists_decide(&namespace) {
        // What a range says already need not be said again; lists can be very long. A range of
        // malware from the first version on means the whole package, whatever is listed beside it.
        versions.retain(|it| !ranges.iter().any(|range| ranges::contains(range, it, scheme)));
    }
    let urgency = entry.ecosystem_specific.urgency.as_str();
    let severities = urgency.map(|it| Severity { by: base.to_owned(), value: it.to_owned() });
    Ok(Affected {
        names,
        package: package.name.clone(),
        status: if never { Status::NotAffected } else { ranges::status(&ranges, urgency) },
        modules: modules(&record.summary, &ranges),
        ranges: if never { Vec::new() } else { ranges },
        versions,
        arches: Vec::new(),
        severities: severities.into_iter().collect(),
        imports: imports(&entry.ecosystem_specific),
        except: if malware { placeholders(&namespace) } else { Vec::new() },
        namespace,
    })
}

/// The packages of a module that are vulnerable (golang/vulndb, doc/format.md, "ecosystem_specific.imports").
fn imports(specific: &Specific) -> Vec<Import> {
    let import = |it: &Value| {
        let symbols = it.get("symbols").and_then(Value::as_array).into_iter().flatten();
        let symbols = symbols.filter_map(Value::as_str).map(str::to_owned).collect();
        Some(Import { path: it.get("path")?.as_str()?.to_owned(), symbols })
    };
    specific.imports.as_array().into_iter().flatten().filter_map(import).collect()
}

/// What the registry puts in the place of malware: npm publishes an empty package under the same name.
fn placeholders(namespace: &Namespace) -> Vec<String> {
    let versions: &[&str] = match namespace.as_str() {
        "npm" => &["0.0.1-security", "0.0.1-security.0", "0.0.1-security.1", "0.0.2-security"],
        _ => &[],
    };
    versions.iter().map(|it| (*it).to_owned()).collect()
}

fn names(base: &str) -> Option<Names> {
    if Ecosystem::from_osv(base).is_some() {
        return Some(Names::Package);
    }
    let known = SPEAKERS.iter().find(|it| it.0 == base).map(|it| it.1);
    known.or_else(|| match Distribution::from_osv(base)?.ecosystem {
        Ecosystem::Deb | Ecosystem::Apk => Some(Names::Source),
        _ => Some(Names::Package),
    })
}

/// The vulnerabilities that a distribution's record or erratum is a statement on. Upstream's
/// identifiers are never aliases: the distribution's severity and versions are its own.
fn covers(record: &Record) -> Vec<String> {
    let cves = |ids: &[String]| -> Vec<String> {
        let cve = |it: &String| it.find("CVE-").and_then(|at| it.get(at..)).map(str::to_owned);
        ids.iter().filter_map(cve).collect()
    };
    let mut covers = cves(&record.upstream);
    covers.extend(cves(&record.aliases));
    // AlmaLinux, Rocky and old records of Red Hat name the CVEs of an erratum nowhere else.
    let erratum = ["ALSA-", "ALBA-", "ALEA-", "RLSA-", "RHSA-", "ELSA-", "USN-"];
    if covers.is_empty() && erratum.iter().any(|it| record.id.starts_with(it)) {
        covers = cves(&record.related);
    }
    if covers.is_empty() && record.id.contains("CVE-") {
        covers = cves(std::slice::from_ref(&record.id));
    }
    covers.sort();
    covers.dedup();
    covers
}

fn kind(record: &Record, entries: &[Entry], covers_nothing: bool) -> Kind {
    if record.id.starts_with("MAL-") {
        return Kind::Malware;
    }
    let rustsec = entries.iter().map(|it| &it.database_specific);
    for it in rustsec {
        let categories = it.categories.as_array().into_iter().flatten();
        if categories.filter_map(Value::as_str).any(|it| it == "malicious") {
            return Kind::Malware;
        }
        match it.informational.as_str() {
            Some("unmaintained") => return Kind::Unmaintained,
            Some("unsound") => return Kind::Unsound,
            Some(_) => return Kind::Notice,
            None => {}
        }
    }
    // An erratum without a vulnerability brings new time zones, or mends an earlier erratum.
    if covers_nothing { Kind::Notice } else { Kind::Vulnerability }
}

fn cwes(specific: &Specific) -> Vec<String> {
    let ids = specific.cwe_ids.as_array().into_iter().flatten();
    let objects = specific.cwes.as_array().into_iter().flatten().filter_map(|it| it.get("cweId"));
    ids.chain(objects).filter_map(Value::as_str).map(str::to_owned).collect()
}

fn severities(record: &Record, entries: &[Entry], distribution: bool) -> Vec<Severity> {
    let base = entries
        .iter()
        .find_map(|it| it.package.as_ref()?.ecosystem.split(':').next())
        .filter(|_| distribution);
    let by = SCORERS.iter().find(|it| record.id.starts_with(it.0)).map(|it| it.1);
    let by = by.or(base).unwrap_or("cna");
    let mut severities = Vec::new();
    for it in record.severity.iter().chain(entries.iter().flat_map(|it| &it.severity)) {
        let by = if it.kind.starts_with("CVSS") { by } else { &it.kind };
        severities.push(Severity { by: by.to_owned(), value: it.score.clone() });
    }
    let word = record.database_specific.severity.as_str();
    severities.extend(word.map(|it| Severity { by: by.to_owned(), value: it.to_owned() }));
    // "Important: curl security update": AlmaLinux and Rocky Linux say it only there.
    let first = record.summary.split_once(": ").map(|it| it.0).filter(|_| distribution);
    let first = first.filter(|it| Level::of_word(it) != Level::Unknown);
    severities.extend(first.map(|it| Severity { by: by.to_owned(), value: it.to_owned() }));
    severities.sort();
    severities.dedup();
    severities
}

/// The module streams that an erratum is for, when the versions that it brings are built in a
/// module: its title names them. `name:` alone when the stream stays unsaid.
fn modules(summary: &str, ranges: &[model::Range]) -> Vec<String> {
    if !ranges.iter().any(|it| ranges::fix(it).is_some_and(|it| it.contains(".module"))) {
        return Vec::new();
    }
    let rest = summary.split_once(": ").map_or(summary, |it| it.1);
    let words = || rest.split_whitespace().map(|it| it.trim_matches(','));
    let whole = |it: &&str| {
        it.split_once(':').is_some_and(|(name, stream)| !name.is_empty() && !stream.is_empty())
    };
    let streams: Vec<String> = words().filter(whole).map(str::to_owned).collect();
    if !streams.is_empty() {
        return streams;
    }
    words().next().map(|it| format!("{it}:")).into_iter().collect()
}

/// The summary, else the first sentence of the details.
fn title(record: &Record) -> String {
    if !record.summary.trim().is_empty() {
        return record.summary.trim().to_owned();
    }
    crate::text::first_sentence(&record.details)
}

/// A time; `None` for those that stand for an unknown one (Go writes the year 1).
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let parsed = text.parse::<Timestamp>().or_else(|_| format!("{text}Z").parse()).ok()?;
    (parsed > Timestamp::UNIX_EPOCH).then_some(parsed)
}
