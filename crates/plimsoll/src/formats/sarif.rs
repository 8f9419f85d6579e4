//! SARIF 2.1.0 (OASIS), as code scanning of GitHub and others take it: a run for each image, a rule for each vulnerability
//! and each kind of malicious file.
use crate::malicious;
use model::{
    Level,
    malware::Threat,
    report::{FindingRow, ImageReport, Report, SampleRow},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{self, Write},
};

/// Writes the report.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let runs: Vec<Value> = report.images.iter().map(|it| run(report, it)).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": runs,
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    out.write_all(b"\n")
}

fn run(report: &Report, image: &ImageReport) -> Value {
    let (mut rules, mut index) = (Vec::new(), BTreeMap::new());
    let open = image.findings.iter().map(|it| (it, None));
    let handled = image.handled.iter().map(|it| (&it.finding, Some(it.reason.as_str())));
    let mut results = Vec::new();
    for (row, reason) in open.chain(handled) {
        let at = *index.entry(row.id.as_str()).or_insert_with(|| {
            rules.push(rule(row));
            rules.len().saturating_sub(1)
        });
        results.push(result(row, at, reason, image));
    }
    let open = image.malicious.iter().map(|it| (it, None));
    let handled = image.handled_malicious.iter().map(|it| (&it.sample, Some(it.reason.as_str())));
    for (row, reason) in open.chain(handled) {
        let at = *index.entry(row.threat.name()).or_insert_with(|| {
            rules.push(threat(row.threat));
            rules.len().saturating_sub(1)
        });
        results.push(sample(row, at, reason));
    }
    json!({
        "tool": {"driver": {
            "name": "Plimsoll",
            "version": env!("CARGO_PKG_VERSION"),
            "rules": rules,
        }},
        "automationDetails": {"id": format!("plimsoll/{}", image.name)},
        "invocations": [{
            "executionSuccessful": true,
            "endTimeUtc": report.created,
            // What was not seen may not be clean.
            "toolExecutionNotifications": notes(image),
        }],
        "results": results,
        "columnKind": "utf16CodeUnits",
        "properties": {
            "image": image.name,
            "digest": image.digest,
            "platform": image.platform,
            "coverage": image.coverage.grade,
        },
    })
}

fn rule(row: &FindingRow) -> Value {
    let title = if row.title.is_empty() { &row.id } else { &row.title };
    let mut tags =
        vec!["security".to_owned(), "vulnerability".to_owned(), row.severity.to_string()];
    tags.extend(row.cwes.iter().map(|it| format!("external/cwe/{}", it.to_lowercase())));
    let mut rule = json!({
        "id": row.id,
        "shortDescription": {"text": title},
        "help": {"text": help(row)},
        "defaultConfiguration": {"level": level(row.severity)},
        "properties": {"tags": tags, "precision": if row.certain { "very-high" } else { "medium" }},
    });
    let page = row.references.iter().find(|it| it.starts_with("https://"));
    if let Some(rule) = rule.as_object_mut() {
        rule.extend(page.map(|it| ("helpUri".to_owned(), it.as_str().into())));
        let properties = rule.get_mut("properties").and_then(Value::as_object_mut);
        if let (Some(properties), Some(score)) = (properties, score(row)) {
            properties.insert("security-severity".to_owned(), score.into());
        }
    }
    rule
}

fn help(row: &FindingRow) -> String {
    let mut lines = vec![format!("Severity: {} ({})", row.severity, row.priority_rule)];
    lines.extend(row.exploited.as_ref().map(|it| format!("Exploited in the wild since {it}")));
    let marks = row.marks();
    if !marks.is_empty() {
        lines.push(format!("Marks: {}", marks.join(", ")));
    }
    if !row.aliases.is_empty() {
        lines.push(format!("Also known as {}", row.aliases.join(", ")));
    }
    lines.extend(row.references.iter().take(10).cloned());
    lines.join("\n")
}

fn result(row: &FindingRow, rule: usize, reason: Option<&str>, image: &ImageReport) -> Value {
    let fix = match (&row.fixed, &row.fix_command) {
        (Some(version), Some(command)) => format!(" Fixed in {version}: {command}"),
        (Some(version), None) => format!(" Fixed in {version}."),
        (None, _) => " No fix yet.".to_owned(),
    };
    let text = format!("{} {} has {}.{fix}", row.package, row.version, row.id);
    let uri = uri(row.path.as_deref().unwrap_or(&image.name));
    let name = format!("{}@{}", row.package, row.version);
    let built = &row.why.created_by;
    let mut result = json!({
        "ruleId": row.id,
        "ruleIndex": rule,
        "level": level(row.severity),
        "message": {"text": text},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}},
            "logicalLocations": [{"name": name, "fullyQualifiedName": row.purl, "kind": "module"}],
            "message": {"text": format!("layer {} {built}", row.layer).trim_end()},
        }],
        "partialFingerprints": {
            "plimsoll/v1": format!("{} {} {}", row.id, row.purl, row.path.as_deref().unwrap_or_default()),
        },
        "properties": {"priority": row.priority, "comparison": row.why.compared.comparison},
    });
    suppress(&mut result, reason);
    result
}

fn suppress(result: &mut Value, reason: Option<&str>) {
    if let (Some(reason), Some(result)) = (reason, result.as_object_mut()) {
        let suppression =
            json!([{"kind": "external", "status": "accepted", "justification": reason}]);
        result.insert("suppressions".to_owned(), suppression);
    }
}

fn threat(it: Threat) -> Value {
    let severity = it.level().severity();
    let score = match severity {
        Level::High => "8.0",
        Level::Medium => "5.5",
        _ => "2.0",
    };
    let mut tags = vec!["security".to_owned(), "malware".to_owned()];
    tags.extend(it.techniques().iter().map(|it| format!("external/attack/{}", it.to_lowercase())));
    json!({
        "id": it.name(),
        "shortDescription": {"text": it.title()},
        "help": {"text": it.advice()},
        "defaultConfiguration": {"level": level(severity)},
        "properties": {"tags": tags, "security-severity": score},
    })
}

fn sample(row: &SampleRow, rule: usize, reason: Option<&str>) -> Value {
    let text = format!("{}: {}", malicious::name(row), malicious::evidence(row).join("; "));
    let place = format!("{} {}", malicious::place(row), row.created_by);
    let hash = row.hashes.first().map_or("", |it| it.as_str());
    let mut result = json!({
        "ruleId": row.threat.name(),
        "ruleIndex": rule,
        "level": level(row.severity),
        "message": {"text": text},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": uri(&row.path)}, "region": {"startLine": 1}},
            "message": {"text": place.trim_end()},
        }],
        "partialFingerprints": {"plimsoll/v1": format!("{} {} {hash}", row.threat, row.path)},
        "properties": {"confidence": row.confidence, "level": row.level},
    });
    suppress(&mut result, reason);
    result
}

fn notes(image: &ImageReport) -> Vec<Value> {
    let coverage = image.coverage.reasons.iter().map(|it| format!("coverage: {it}"));
    let gaps = image
        .gaps
        .iter()
        .map(|it| format!("not seen: {}: {}", it.path.as_deref().unwrap_or("layer"), it.reason));
    let note = |text: String| json!({"level": "warning", "message": {"text": text}});
    coverage.chain(gaps).map(note).collect()
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Critical | Level::High => "error",
        Level::Medium => "warning",
        Level::Low | Level::Negligible | Level::Unknown => "note",
    }
}

/// What GitHub sorts by: a CVSS score, or one of the level; none when nobody has rated it.
fn score(row: &FindingRow) -> Option<String> {
    let worst = match row.severity {
        Level::Critical => "9.5",
        Level::High => "8.0",
        Level::Medium => "5.5",
        Level::Low => "2.0",
        Level::Negligible => "0.1",
        Level::Unknown => return None,
    };
    // Only a score that says the same as the level.
    let same = row.ratings.iter().filter(|it| it.level == row.severity);
    let score = same.filter_map(|it| it.score).map(|it| format!("{it:.1}")).next();
    Some(score.unwrap_or_else(|| worst.to_owned()))
}

/// A relative reference (RFC 3986, section 4.2): nothing of a path may be taken for a scheme.
fn uri(path: &str) -> String {
    let mut text = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'.'
            | b'-'
            | b'_'
            | b'~'
            | b'/'
            | b'+'
            | b'@' => {
                text.push(char::from(byte));
            }
            _ => text += &format!("%{byte:02X}"),
        }
    }
    text.trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_references() {
        let check = |path: &str, expected: &str| assert_eq!(uri(path), expected, "{path}");
        check("var/lib/dpkg/status", "var/lib/dpkg/status");
        check("/a b", "a%20b");
        check("javascript:x", "javascript%3Ax");
        check("a#b?c%d", "a%23b%3Fc%25d");
        check("ü", "%C3%BC");
        check("//host/x", "host/x");
    }
}
