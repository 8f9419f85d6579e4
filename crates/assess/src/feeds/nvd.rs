//! The National Vulnerability Database (NVD, JSON 2.0 of its feeds and of its API: CVE_JSON_2.0.schema): which versions of
//! which products have a vulnerability, by names of the CPE dictionary. These name no packages, and are chosen late and by
//! other people, so that only products are looked up by them, and whoever is closer overrules them.
use super::{
    Emit, Feed, Item, Malformed, Place, cpe::Cpe, exploits, json::nullable, osv::time, ranges,
};
use crate::text::first_sentence;
use jiff::Timestamp;
use model::{Advisory, Affected, End, Names, Namespace, PRODUCTS, Range, Severity, Status};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const FEED: Feed = Feed {
    name: "nvd",
    title: "NVD (by CPE, less sure)",
    // The files of years have all that changed, a day later than those of what changed.
    places: &[Place {
        url: "https://nvd.nist.gov/feeds/json/cve/2.0/nvdcve-2.0-{year}.json.gz",
        values: &[
            "2002", "2003", "2004", "2005", "2006", "2007", "2008", "2009", "2010", "2011", "2012",
            "2013", "2014", "2015", "2016", "2017", "2018", "2019", "2020", "2021", "2022", "2023",
            "2024", "2025", "2026",
        ],
    }],
    licence: "public domain",
    attribution: "This product uses the NVD API but is not endorsed or certified by the NVD",
    default: true,
    derived: true,
    parse,
};

/// What software of that kind is for, in a CPE name, that does not run in these images or is a package of a language,
/// of which others know better.
const ELSEWHERE: &[&str] = &[
    "android",
    "go",
    "ios",
    "ipad_os",
    "iphone_os",
    "java",
    "jenkins",
    "mac_os",
    "mac_os_x",
    "macos",
    "node.js",
    "perl",
    "php",
    "python",
    "ruby",
    "rust",
    "windows",
    "wordpress",
];

/// Makers of operating systems that images do not have.
const OTHER_SYSTEMS: &[&str] = &["apple", "microsoft"];

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    vulnerabilities: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Entry {
    cve: Cve,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cve {
    id: String,
    published: Option<String>,
    last_modified: Option<String>,
    #[serde(default)]
    vuln_status: String,
    #[serde(default)]
    descriptions: Vec<Text>,
    #[serde(default)]
    metrics: BTreeMap<String, Vec<Metric>>,
    #[serde(default)]
    weaknesses: Vec<Weakness>,
    #[serde(default)]
    configurations: Vec<Configuration>,
    #[serde(default)]
    references: Vec<Reference>,
}

#[derive(Deserialize)]
struct Text {
    lang: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    #[serde(default)]
    source: String,
    cvss_data: Option<Cvss>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cvss {
    vector_string: String,
}

#[derive(Deserialize)]
struct Weakness {
    #[serde(default)]
    description: Vec<Text>,
}

#[derive(Deserialize)]
struct Configuration {
    operator: Option<String>,
    #[serde(default)]
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    #[serde(default)]
    negate: bool,
    #[serde(default)]
    cpe_match: Vec<Match>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Match {
    vulnerable: bool,
    criteria: String,
    version_start_including: Option<String>,
    version_start_excluding: Option<String>,
    version_end_including: Option<String>,
    version_end_excluding: Option<String>,
}

#[derive(Deserialize)]
struct Reference {
    url: String,
    #[serde(default, deserialize_with = "nullable")]
    tags: Vec<String>,
}

fn parse(document: &[u8], _name: &str, emit: Emit<'_>) -> Result<(), Malformed> {
    let page: Page<'_> = serde_json::from_slice(document)?;
    let known: BTreeSet<&str> = PRODUCTS
        .iter()
        .flat_map(|it| it.known_as)
        .filter(|it| it.0 == Namespace::NVD)
        .map(|it| it.1)
        .collect();
    for it in page.vulnerabilities {
        let entry: Entry = serde_json::from_str(it.get())?;
        let affected = affected(&entry.cve, &known);
        emit(if affected.is_empty() {
            Item::Skipped("vulnerability of no product that is looked for".to_owned())
        } else {
            Item::Advisory(Box::new(advisory(entry.cve, affected)))
        });
    }
    Ok(())
}

fn advisory(cve: Cve, affected: Vec<Affected>) -> Advisory {
    let modified = cve.last_modified.as_deref().and_then(time);
    let rejected = cve.vuln_status == "Rejected";
    let severity = |it: &Metric| {
        let by = if it.source == "nvd@nist.gov" { "nvd" } else { "cna" };
        Some(Severity { by: by.to_owned(), value: it.cvss_data.as_ref()?.vector_string.clone() })
    };
    let english = |list: &[Text]| {
        list.iter().filter(|it| it.lang == "en").map(|it| it.value.clone()).collect::<Vec<_>>()
    };
    let cwes: BTreeSet<String> =
        cve.weaknesses.iter().flat_map(|it| english(&it.description)).collect();
    let shows = |it: &&Reference| {
        let kind = if it.tags.iter().any(|it| it == "Exploit") { "EVIDENCE" } else { "" };
        exploits::is_exploit(kind, &it.url)
    };
    let urls = |it: &mut dyn Iterator<Item = &Reference>| {
        it.map(|it| it.url.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    };
    Advisory {
        feed: FEED.name.to_owned(),
        title: english(&cve.descriptions).first().map(|it| first_sentence(it)).unwrap_or_default(),
        published: cve.published.as_deref().and_then(time),
        modified,
        withdrawn: rejected.then(|| modified.unwrap_or(Timestamp::UNIX_EPOCH)),
        severities: cve.metrics.values().flatten().filter_map(severity).collect(),
        // `NVD-CWE-noinfo` is no weakness.
        cwes: cwes.into_iter().filter(|it| it.starts_with("CWE-")).collect(),
        references: urls(&mut cve.references.iter()),
        exploits: urls(&mut cve.references.iter().filter(shows)),
        id: cve.id,
        affected,
        ..Advisory::default()
    }
}

/// What a record says of known products.
fn affected(cve: &Cve, known: &BTreeSet<&str>) -> Vec<Affected> {
    let mut all: BTreeMap<String, Affected> = BTreeMap::new();
    for configuration in cve.configurations.iter().filter(|it| !runs_elsewhere(it)) {
        let nodes = configuration.nodes.iter().filter(|it| !it.negate);
        for it in nodes.flat_map(|it| &it.cpe_match).filter(|it| it.vulnerable) {
            let Some(cpe) = Cpe::parse(&it.criteria) else { continue };
            let name = format!("{}:{}", cpe.vendor, cpe.product);
            if known.contains(name.as_str()) && !ELSEWHERE.contains(&cpe.target.as_str()) {
                let empty = || Affected {
                    ranges: Vec::new(),
                    status: Status::Affected,
                    ..Affected::every_version(Namespace::new(Namespace::NVD), &name, Names::Package)
                };
                add(all.entry(name.clone()).or_insert_with(empty), it, &cpe);
            }
        }
    }
    let said = |it: &Affected| !it.ranges.is_empty() || !it.versions.is_empty();
    let status = |mut it: Affected| {
        it.ranges.dedup();
        it.status = ranges::status(&it.ranges, None);
        it
    };
    all.into_values().filter(said).map(status).collect()
}

/// Whether it must run on a system that no image has.
fn runs_elsewhere(it: &Configuration) -> bool {
    let other = |it: &Match| {
        Cpe::parse(&it.criteria)
            .is_some_and(|it| it.part == "o" && OTHER_SYSTEMS.contains(&it.vendor.as_str()))
    };
    let only_other = |it: &Node| {
        !it.cpe_match.is_empty() && it.cpe_match.iter().all(|it| !it.vulnerable && other(it))
    };
    it.operator.as_deref() == Some("AND") && it.nodes.iter().any(only_other)
}

/// Adds the versions that one criterion stands for. Of what names no version (`-`) nobody can tell.
fn add(affected: &mut Affected, it: &Match, cpe: &Cpe) {
    match cpe.version.as_str() {
        "-" => {}
        "*" => {
            let after = it.version_start_excluding.as_ref();
            affected.except.extend(after.cloned());
            let first = it.version_start_including.as_ref().or(after);
            let end = match (&it.version_end_excluding, &it.version_end_including) {
                (Some(it), _) => End::Fixed(it.clone()),
                (None, Some(it)) => End::LastAffected(it.clone()),
                (None, None) => End::Open,
            };
            let introduced = first.filter(|it| it.as_str() != "0").cloned();
            affected.ranges.push(Range { introduced, end });
        }
        version => match cpe.update.as_str() {
            "*" | "-" => affected.versions.push(version.to_owned()),
            update => affected.versions.push(format!("{version}-{update}")),
        },
    }
}
