//! GitLab's container scanning report (security report schemas 15.0.4, container-scanning-report-format.json).
use crate::malicious;
use model::{
    Level,
    report::{FindingRow, ImageReport, Report, SampleRow},
};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Writes the report. Handled findings are left out: the format has no place for what is not open.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let all = report.images.iter();
    let all: Vec<Value> = all
        .flat_map(|image| {
            let samples = image.malicious.iter().map(move |it| sample(it, image));
            image.findings.iter().map(move |it| vulnerability(it, image)).chain(samples)
        })
        .collect();
    // A local time without a zone, which is taken for UTC.
    let time = report.created.trim_end_matches('Z');
    let tool = json!({
        "id": "plimsoll",
        "name": "Plimsoll",
        "version": env!("CARGO_PKG_VERSION"),
        "vendor": {"name": "Plimsoll"},
    });
    let document = json!({
        "version": "15.0.4",
        "scan": {
            "analyzer": tool,
            "scanner": tool,
            "type": "container_scanning",
            "start_time": time,
            "end_time": time,
            "status": "success",
            "messages": messages(report),
        },
        "vulnerabilities": all,
        "remediations": [],
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")
}

fn vulnerability(row: &FindingRow, image: &ImageReport) -> Value {
    let severity = severity(row.severity);
    let links: Vec<Value> = row
        .references
        .iter()
        .filter(|it| it.starts_with("https://") || it.starts_with("http://"))
        .map(|it| json!({"url": it}))
        .collect();
    let identifiers: Vec<Value> =
        [&row.id].into_iter().chain(&row.aliases).map(|it| identifier(it)).collect();
    let title = if row.title.is_empty() { &row.id } else { &row.title };
    json!({
        "id": id(row, image),
        "name": row.id,
        "description": format!("{title}\n\n{}", row.why.compared.comparison),
        "severity": severity,
        "solution": solution(row),
        "identifiers": identifiers,
        "links": links,
        "location": {
            "dependency": {"package": {"name": row.package}, "version": row.version},
            "operating_system": system(image),
            "image": image.name,
        },
    })
}

fn severity(level: Level) -> &'static str {
    match level {
        Level::Critical => "Critical",
        Level::High => "High",
        Level::Medium => "Medium",
        Level::Low => "Low",
        Level::Negligible => "Info",
        Level::Unknown => "Unknown",
    }
}

/// The format knows packages only: the file stands for one.
fn sample(row: &SampleRow, image: &ImageReport) -> Value {
    let name = malicious::name(row);
    let of = image.digest.as_ref().unwrap_or(&image.name);
    let threat = row.threat.name();
    json!({
        "id": format!("{threat} {} {of}", row.path),
        "name": name,
        "description": format!("{}\n\n{}", malicious::place(row), malicious::evidence(row).join("\n")),
        "severity": severity(row.severity),
        "solution": row.advice,
        "identifiers": [{"type": "plimsoll_malicious_file", "name": name, "value": threat}],
        "links": [],
        "location": {
            "dependency": {"package": {"name": row.path}, "version": row.hashes.first()},
            "operating_system": system(image),
            "image": image.name,
        },
    })
}

/// The same finding of the same image has the same.
fn id(row: &FindingRow, image: &ImageReport) -> String {
    let image = image.digest.as_ref().unwrap_or(&image.name);
    format!("{} {} {} {image}", row.id, row.purl, row.path.as_deref().unwrap_or_default())
}

fn solution(row: &FindingRow) -> String {
    match (&row.fixed, &row.fix_command) {
        (Some(version), Some(command)) => {
            format!("Upgrade {} to {version}: {command}", row.package)
        }
        (Some(version), None) => format!("Upgrade {} to {version}", row.package),
        (None, _) => "No fix is available yet".to_owned(),
    }
}

fn identifier(id: &str) -> Value {
    let (kind, url) = match id.split('-').next() {
        Some("CVE") => ("cve", Some(format!("https://nvd.nist.gov/vuln/detail/{id}"))),
        Some("GHSA") => ("ghsa", Some(format!("https://github.com/advisories/{id}"))),
        Some("DSA" | "DLA") => ("dsa", None),
        Some("USN") => ("usn", None),
        Some("RHSA") => ("rhsa", None),
        _ => ("osv", Some(format!("https://osv.dev/vulnerability/{id}"))),
    };
    let mut it = json!({"type": kind, "name": id, "value": id});
    if let (Some(url), Some(it)) = (url, it.as_object_mut()) {
        it.insert("url".to_owned(), url.into());
    }
    it
}

fn system(image: &ImageReport) -> String {
    let system = image.systems.first();
    let id = system.and_then(|it| it.id.as_deref()).unwrap_or("unknown");
    let version = system.and_then(|it| it.version.as_deref()).unwrap_or_default();
    format!("{id} {version}").trim_end().to_owned()
}

fn messages(report: &Report) -> Vec<Value> {
    let reasons = report.images.iter().flat_map(|image| {
        image.coverage.reasons.iter().map(move |it| format!("{}: {it}", image.name))
    });
    let gaps = report.images.iter().filter(|it| !it.gaps.is_empty());
    let gaps = gaps.map(|it| format!("{}: {} things could not be read", it.name, it.gaps.len()));
    reasons.chain(gaps).map(|it| json!({"level": "warn", "value": it})).collect()
}
