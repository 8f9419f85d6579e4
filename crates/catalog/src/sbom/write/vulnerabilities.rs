//! What is known to be wrong with the components of a bill, and what was decided about it.
use super::cyclonedx::{property, reference, set};
use model::{
    Handling, Level, Rating,
    report::{FindingRow, HandledRow, ImageReport},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One entry for each vulnerability; for one that is handled differently in some components, several.
pub(super) fn of(image: &ImageReport) -> Vec<Value> {
    let open = image.findings.iter().map(|it| (it, None));
    let handled = image.handled.iter().map(|it| (&it.finding, Some(it)));
    let mut groups: BTreeMap<Key<'_>, Vec<&FindingRow>> = BTreeMap::new();
    let mut order = Vec::new();
    for (row, handled) in open.chain(handled) {
        let key = (
            row.id.as_str(),
            handled.map(|it| (it.state, it.reason.as_str(), it.until.as_deref())),
        );
        let rows = groups.entry(key).or_default();
        if rows.is_empty() {
            order.push((key, handled));
        }
        rows.push(row);
    }
    let one = |(i, (key, handled)): (usize, (Key<'_>, Option<&HandledRow>))| {
        entry(i, groups.get(&key)?, handled)
    };
    order.into_iter().enumerate().filter_map(one).collect()
}

type Key<'a> = (&'a str, Option<(Handling, &'a str, Option<&'a str>)>);

fn entry(i: usize, rows: &[&FindingRow], handled: Option<&HandledRow>) -> Option<Value> {
    let first = rows.first()?;
    let mut entry = json!({"bom-ref": format!("vulnerability-{i}"), "id": first.id});
    let (source, others) = (first.sources.first(), first.aliases.iter().chain(&first.errata));
    let others: Vec<Value> =
        others.map(|it| json!({"id": it, "source": {"name": publisher(it)}})).collect();
    let ratings: Vec<Value> = first.ratings.iter().map(rating).collect();
    let cwes = first.cwes.iter().filter_map(|it| it.strip_prefix("CWE-")?.parse::<u32>().ok());
    let cwes: Vec<u32> = cwes.filter(|it| *it > 0).collect();
    let pages = first.references.iter().filter(|it| it.starts_with("http"));
    let pages: Vec<Value> = pages.map(|it| json!({"url": it})).collect();
    let affects: Vec<Value> = rows.iter().map(|it| affected(it, handled)).collect();
    set(&mut entry, "description", Some(&first.title));
    set(&mut entry, "recommendation", Some(&recommendation(rows)));
    set(&mut entry, "published", first.published.as_deref());
    let object = entry.as_object_mut()?;
    object.extend(source.map(|it| ("source".to_owned(), json!({"name": it.title}))));
    for (name, list) in [("references", others), ("ratings", ratings), ("advisories", pages)] {
        if !list.is_empty() {
            object.insert(name.to_owned(), list.into());
        }
    }
    if !cwes.is_empty() {
        object.insert("cwes".to_owned(), cwes.into());
    }
    object.extend(handled.map(|it| ("analysis".to_owned(), analysis(it))));
    object.insert("affects".to_owned(), affects.into());
    object.insert("properties".to_owned(), properties(first).into());
    Some(entry)
}

fn affected(row: &FindingRow, handled: Option<&HandledRow>) -> Value {
    let status = match handled.map(|it| it.state) {
        Some(Handling::NotAffected | Handling::Fixed) => "unaffected",
        _ if !row.certain => "unknown",
        _ => "affected",
    };
    json!({
        "ref": reference(row.component),
        "versions": [{"version": row.version, "status": status}],
    })
}

fn analysis(it: &HandledRow) -> Value {
    let until = it.until.as_ref().map_or(String::new(), |it| format!(" (until {it})"));
    let detail = format!("{}{until}", it.reason);
    match it.state {
        Handling::Accepted => {
            json!({"state": "exploitable", "response": ["will_not_fix"], "detail": detail})
        }
        Handling::NotAffected => json!({"state": "not_affected", "detail": detail}),
        Handling::Fixed => json!({"state": "resolved", "detail": detail}),
        Handling::PutOff => json!({"state": "in_triage", "detail": detail}),
    }
}

fn rating(it: &Rating) -> Value {
    let method = match it.value.as_str() {
        it if it.starts_with("CVSS:4") => "CVSSv4",
        it if it.starts_with("CVSS:3.1") => "CVSSv31",
        it if it.starts_with("CVSS:3") => "CVSSv3",
        it if it.starts_with("AV:") => "CVSSv2",
        _ => "other",
    };
    let severity = match it.level {
        Level::Critical => "critical",
        Level::High => "high",
        Level::Medium => "medium",
        Level::Low => "low",
        Level::Negligible => "info",
        Level::Unknown => "unknown",
    };
    let mut rating = json!({"severity": severity, "method": method});
    if let Some(object) = rating.as_object_mut() {
        if !it.by.is_empty() {
            object.insert("source".to_owned(), json!({"name": it.by}));
        }
        // By way of its text: 6.2 in single precision is 6.199999809265137 in double.
        let score = it.score.and_then(|it| it.to_string().parse::<f64>().ok());
        object.extend(score.map(|it| ("score".to_owned(), json!(it))));
    }
    set(&mut rating, "vector", Some(&it.value).filter(|_| method != "other").map(String::as_str));
    rating
}

/// `Upgrade libssl3 to 3.0.13-1, openssl to 3.0.13-1`.
fn recommendation(rows: &[&FindingRow]) -> String {
    let steps =
        rows.iter().filter_map(|it| Some(format!("{} to {}", it.package, it.fixed.as_ref()?)));
    let steps: BTreeSet<String> = steps.collect();
    if steps.is_empty() {
        return String::new();
    }
    format!("Upgrade {}", steps.into_iter().collect::<Vec<_>>().join(", "))
}

fn properties(row: &FindingRow) -> Vec<Value> {
    let mut properties = vec![
        property("priority", &row.priority.to_string()),
        property("priority:rule", &row.priority_rule),
    ];
    properties.extend(row.exploited.as_ref().map(|it| property("exploited", it)));
    properties.extend(row.marks().into_iter().map(|it| property("mark", it)));
    properties.extend(row.epss.map(|it| property("epss", &it.to_string())));
    properties
}

/// Who gives names of this kind.
fn publisher(id: &str) -> &'static str {
    const KNOWN: &[(&str, &str)] = &[
        ("CVE-", "NVD"),
        ("GHSA-", "GitHub"),
        ("DSA-", "Debian"),
        ("DLA-", "Debian"),
        ("USN-", "Ubuntu"),
        ("RHSA-", "Red Hat"),
        ("RUSTSEC-", "RustSec"),
        ("GO-", "Go"),
        ("PYSEC-", "PyPA"),
    ];
    KNOWN.iter().find(|it| id.starts_with(it.0)).map_or("OSV", |it| it.1)
}
