//! The matcher against what the OSV service answered, and against what people judged.
use super::Score;
use crate::{
    bench::peak_mib,
    snapshots::{self, Ids},
};
use assess::{Database, Scope, assess_in, why_not_in};
use jiff::{
    Timestamp,
    civil::{Date, date},
};
use model::{
    Component, Distribution, Ecosystem, Inventory, Located, Namespace, Release, SourcePackage,
    System,
};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

/// The day on which the service answered.
const ANSWERED: Date = date(2026, 8, 7);

/// Advisories that a snapshot has otherwise than the service had them on that day, and that no date tells of.
const OTHERWISE: &[(&str, &str)] = &[
    (
        "GHSA-crjg-w57m-rqqf",
        "of 2024, when every version before 3.6.0 was meant; now from 3.5.0 on",
    ),
    (
        "GHSA-mmwx-rj87-vfgr",
        "of 2024, when every version before 3.6.0 was meant; now from 3.5.0 on",
    ),
    ("GO-2026-5026", "of golang.org/x/net, and of the standard library too since it was edited"),
];

/// The last of Go's records in any answer: their numbers count up, and they have no dates.
const LAST_OF_GO: &str = "GO-2026-5856";

/// What people judged, and the least of it that must be found (of what is affected) and right (of what is found), in
/// percent. Fewer would be a step back.
///
/// Neither is a hundred where labels know more than advisories do: which part of a package is vulnerable (MariaDB's client
/// has none of the server's faults), and that a jar or a wheel is part of a package of the distribution, which a label does not say.
const LEAST: &[(&str, usize, usize)] = &[
    ("AlmaLinux", 100, 100),
    ("Debian", 89, 83),
    ("GHSA", 96, 89),
    ("modules of CentOS 8", 82, 41),
];

pub(crate) fn run(folder: &Path, score: &mut Score) {
    let start = Instant::now();
    let (database, ids, bad) = match snapshots::database(folder) {
        Ok(it) => it,
        Err(it) => return score.case(false, || format!("no database: {it}")),
    };
    score.case(bad.is_empty(), || format!("malformed: {bad:?}"));
    let (took, peak) = (start.elapsed(), peak_mib());
    score.note(format!(
        "{} advisories, built in {:.1} s (limit 30 s), {peak} MiB at most (limit 512 MiB)",
        database.advisories(),
        took.as_secs_f64()
    ));
    score.case(took < Duration::from_secs(30), || "building the database took too long".to_owned());
    score.case(peak < 512, || "building the database took too much memory".to_owned());
    oracle(folder, &database, &ids, score);
    labels(folder, &database, score);
}

/// The lines of the file whose name begins so.
fn lines<T: DeserializeOwned>(folder: &Path, name: &str, score: &mut Score) -> Vec<T> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|it| it.path());
    let begins = |it: &std::path::PathBuf| {
        it.file_name().is_some_and(|it| it.to_string_lossy().starts_with(name))
    };
    let mut lines = Vec::new();
    for path in files.filter(begins) {
        let read = snapshots::documents(&path, |_, bytes| {
            for (number, line) in bytes.split(|it| *it == b'\n').enumerate() {
                match serde_json::from_slice(line) {
                    Ok(it) => lines.push(it),
                    Err(_) if line.is_empty() => {}
                    Err(it) => score.case(false, || format!("{name}, line {}: {it}", number + 1)),
                }
            }
        });
        if let Err(it) = read {
            score.case(false, || format!("{}: {it}", path.display()));
        }
    }
    lines
}

/// One recorded answer of the OSV service.
#[derive(Deserialize)]
struct Query {
    ecosystem: String,
    name: String,
    version: String,
    ids: Vec<String>,
}

/// What became of the queries in one ecosystem.
#[derive(Default)]
struct Tally {
    queries: usize,
    found: usize,
    missed: usize,
    extra: usize,
    /// Found, and edited or added after the service answered, so that nobody can tell.
    later: BTreeSet<String>,
    absent: usize,
}

fn oracle(folder: &Path, database: &Database, ids: &Ids, score: &mut Score) {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let day = ANSWERED.at(0, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).map(|it| it.timestamp());
    let day = day.unwrap_or(Timestamp::MAX);
    for query in lines::<Query>(folder, "osv-query-oracle", score) {
        let base = query.ecosystem.split(':').next().unwrap_or_default().to_owned();
        let Some(ecosystem) = ecosystem(&base) else { continue };
        let tally = tallies.entry(base.clone()).or_default();
        tally.queries += 1;
        let component = Component::new(ecosystem, &query.name, &query.version);
        let found = affecting(database, &namespace(&query.ecosystem), component);
        for id in &query.ids {
            match (ids.contains_key(id), found.contains(id)) {
                (false, _) => tally.absent += 1,
                (true, true) => tally.found += 1,
                (true, false) => tally.missed += 1,
            }
            if ids.contains_key(id) {
                score.case(found.contains(id), || {
                    format!("{base}: {} {} lacks {id}", query.name, query.version)
                });
            }
        }
        for id in found.iter().filter(|it| !query.ids.contains(it)) {
            if is_later(id, ids, day) {
                tally.later.insert(id.clone());
            } else {
                tally.extra += 1;
                score.case(false, || format!("{base}: {} {} has {id}", query.name, query.version));
            }
        }
    }
    for (base, it) in tallies {
        score.note(format!(
            "OSV service, {base}: {} queries; recall {} of {}; precision {} of {}; {} more that \
             changed since ({}); {} expected ones are in no snapshot",
            it.queries,
            it.found,
            it.found + it.missed,
            it.found,
            it.found + it.extra,
            it.later.len(),
            it.later.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
            it.absent
        ));
    }
}

/// Whether an advisory came or changed after the service answered.
fn is_later(id: &str, ids: &Ids, day: Timestamp) -> bool {
    match ids.get(id) {
        _ if OTHERWISE.iter().any(|it| it.0 == id) => true,
        Some(Some(changed)) => *changed > day,
        Some(None) => id > LAST_OF_GO && id.starts_with("GO-"),
        None => false,
    }
}

fn ecosystem(base: &str) -> Option<Ecosystem> {
    Ecosystem::from_osv(base).or_else(|| Some(Distribution::from_osv(base)?.ecosystem))
}

/// The namespace that a query means: the service takes `Ubuntu:22.04` for `Ubuntu:22.04:LTS`.
fn namespace(ecosystem: &str) -> String {
    let Some(version) = ecosystem.strip_prefix("Ubuntu:") else { return ecosystem.to_owned() };
    let version_id = version.to_owned();
    let release = Release { id: "ubuntu".to_owned(), version_id, ..Release::default() };
    let namespaces = Distribution::of(&release).map(|it| it.namespaces(&release));
    let first = namespaces.and_then(|it| it.into_iter().next());
    first.map_or_else(|| ecosystem.to_owned(), |it| it.to_string())
}

/// The advisories that count a component in.
fn affecting(database: &Database, namespace: &str, component: Component) -> BTreeSet<String> {
    let (inventory, scopes) = image(namespace, Some(component));
    let Ok(assessment) = assess_in(&inventory, database, ANSWERED, &scopes) else {
        return BTreeSet::new();
    };
    let sources = assessment.findings.into_iter().flat_map(|it| it.sources);
    // The service knows only what OSV publishes.
    sources.filter(|it| it.affects && it.feed == "osv").map(|it| it.advisory).collect()
}

fn image(namespace: &str, component: Option<Component>) -> (Inventory, Vec<Scope>) {
    let located =
        |what| Located { what, path: None, layer: 0, by: "oracle".to_owned(), system: Some(0) };
    let inventory = Inventory {
        systems: vec![System::default()],
        components: component.into_iter().map(located).collect(),
        ..Inventory::default()
    };
    (inventory, vec![Scope { namespaces: vec![Namespace::new(namespace)], ..Scope::default() }])
}

/// One judgement of a person.
#[derive(Clone, Deserialize)]
struct Label {
    image: String,
    label: String,
    vuln: String,
    #[serde(default)]
    cve: Option<String>,
    /// Some judge a vulnerability on a whole image.
    #[serde(default)]
    package: String,
    #[serde(default)]
    version: String,
}

/// Judgements by what became of them, those of what is affected and those of what is not: given, with data to judge by,
/// matched.
type Judged = BTreeMap<&'static str, [[usize; 3]; 2]>;

/// Labels name neither the release nor the source package, so both are guessed.
fn labels(folder: &Path, database: &Database, score: &mut Score) {
    let labels: Vec<Label> = lines(folder, "match-labels", score);
    let releases = releases(&labels);
    let mut judged = Judged::new();
    let whole = |it: &&Label| !it.package.is_empty() && matches!(it.label.as_str(), "TP" | "FP");
    for it in labels.iter().filter(whole) {
        let release = releases.get(it.image.as_str()).map(String::as_str);
        let alma = it.version.contains(".module_el8") || it.image.contains("almalinux");
        let namespace = match release {
            _ if it.vuln.starts_with("GHSA-") => "",
            _ if alma && it.version.contains("el8") => "AlmaLinux:8",
            _ if alma && it.version.contains("el9") => "AlmaLinux:9",
            Some(release) => release,
            None => continue,
        };
        judge(it, namespace, database, &mut judged);
    }
    for (whose, [affected, other]) in judged {
        let [given, data, found] = affected;
        let [_, others, wrong] = other;
        score.note(format!(
            "labels, {whose}: recall {found} of {data} ({}), precision {found} of {} ({}); {} of {others} judged otherwise \
             are left out; no data for {} of {given}",
            percent(found, data),
            found + wrong,
            percent(found, found + wrong),
            others - wrong,
            given - data,
        ));
        let least = LEAST.iter().find(|it| it.0 == whose).map_or((0, 0), |it| (it.1, it.2));
        score.case(found * 100 >= data * least.0, || {
            format!("labels, {whose}: recall below {} %", least.0)
        });
        score.case(found * 100 >= (found + wrong) * least.1, || {
            format!("labels, {whose}: precision below {} %", least.1)
        });
    }
}

fn percent(part: usize, whole: usize) -> String {
    format!("{:.1} %", part as f64 * 100.0 / whole.max(1) as f64)
}

/// Judges one label by every entry that could be about its package.
fn judge(label: &Label, namespace: &str, database: &Database, judged: &mut Judged) {
    let cve = label.cve.as_ref().unwrap_or(&label.vuln);
    let asked = if namespace.is_empty() { &label.vuln } else { cve };
    let (nothing, scopes) = image(namespace, None);
    let known = why_not_in(&nothing, database, asked, ANSWERED, &scopes).unwrap_or_default();
    let mut data = false;
    let mut matched = false;
    for answer in known {
        let Some(spoken) = answer.namespace else { continue };
        let base = spoken.as_str().split(':').next().unwrap_or_default();
        let Some(ecosystem) = ecosystem(base) else { continue };
        let mut component = Component::new(ecosystem, &label.package, &label.version);
        if namespace.is_empty() {
            let last = answer.package.rsplit(['/', ':']).next();
            if last != Some(&label.package) && answer.package != label.package {
                continue;
            }
            component.name.clone_from(&answer.package);
        } else if spoken.as_str() != namespace {
            continue;
        } else if ecosystem == Ecosystem::Deb {
            let source = SourcePackage { name: answer.package, version: label.version.clone() };
            component.source = Some(source);
        } else if answer.package != label.package {
            continue;
        }
        data = true;
        let found = affecting_ids(database, spoken.as_str(), component);
        matched |= found.contains(asked) || found.contains(cve);
    }
    let whose = match namespace.split(':').next() {
        Some("AlmaLinux") if label.image.contains("almalinux") => "AlmaLinux",
        // Built from the same sources, and numbered alike.
        Some("AlmaLinux") => "modules of CentOS 8",
        Some("Debian") => "Debian",
        _ => "GHSA",
    };
    let tally = &mut judged.entry(whose).or_default()[usize::from(label.label == "FP")];
    tally[0] += 1;
    tally[1] += usize::from(data);
    tally[2] += usize::from(matched);
}

/// Every name of what a component is affected by.
pub(super) fn affecting_ids(
    database: &Database,
    namespace: &str,
    component: Component,
) -> BTreeSet<String> {
    let (inventory, scopes) = image(namespace, Some(component));
    let Ok(assessment) = assess_in(&inventory, database, ANSWERED, &scopes) else {
        return BTreeSet::new();
    };
    assessment.findings.into_iter().flat_map(|it| it.aliases.into_iter().chain([it.id])).collect()
}

/// The Debian release of each image, as the versions of its packages tell: `+deb11u1`.
fn releases(labels: &[Label]) -> BTreeMap<&str, String> {
    let mut votes: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for it in labels {
        let release = it.version.split("deb").nth(1).and_then(|it| it.split('u').next());
        if let Some(release) = release.filter(|it| matches!(*it, "11" | "12" | "13")) {
            *votes.entry(&it.image).or_default().entry(release).or_default() += 1;
        }
    }
    let most =
        |it: BTreeMap<&str, usize>| it.into_iter().max_by_key(|it| it.1).map(|it| it.0.to_owned());
    let release = |(image, votes)| Some((image, format!("Debian:{}", most(votes)?)));
    votes.into_iter().filter_map(release).collect()
}
