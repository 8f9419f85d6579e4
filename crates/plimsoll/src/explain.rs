//! `plimsoll why` and `why-not`: how a verdict came about.
use crate::{
    advisories,
    args::WhyArguments,
    scan::{print, scan, when},
    table::clean,
};
use ::scan::Scanned;
use assess::assess;
use model::{Answer, Component, Finding, Inventory, Located};
use std::{fmt::Write, process::ExitCode};

/// Why a vulnerability is reported. Where it is not, says so, and exits with 1.
pub(crate) fn why(arguments: &WhyArguments) -> Result<ExitCode, String> {
    let database = advisories::open(&arguments.target)?;
    let mut text = String::new();
    let mut any = false;
    for scanned in scan(&arguments.target)? {
        let assessment = assess(&scanned.inventory, &database, when(&arguments.target))
            .map_err(|err| format!("the advisory database: {err}"))?;
        let asked = assessment.findings.iter().filter(|it| names(it, &arguments.id));
        for (reasons, components) in alike(asked, &scanned) {
            any = true;
            let _ = writeln!(text, "{}\n{}", components.join("\n"), reasons);
        }
    }
    if !any {
        let (id, image) = (&arguments.id, &arguments.target.image);
        let option = arguments.target.as_of.map_or(String::new(), |it| format!(" --as-of {it}"));
        text = format!(
            "{id} is not reported for {image}; `plimsoll why-not {id} {image}{option}` says why.\n"
        );
    }
    print(&text)?;
    Ok(ExitCode::from(u8::from(!any)))
}

/// What became of a vulnerability in each component that any advisory on it speaks of.
pub(crate) fn why_not(arguments: &WhyArguments) -> Result<ExitCode, String> {
    let database = advisories::open(&arguments.target)?;
    let mut text = String::new();
    for scanned in scan(&arguments.target)? {
        let _ = writeln!(text, "{}", clean(&scanned.image.name));
        let when = when(&arguments.target);
        let answers = assess::why_not(&scanned.inventory, &database, &arguments.id, when);
        let answers = answers.map_err(|err| format!("the advisory database: {err}"))?;
        text += &told(&arguments.id, &answers, &scanned.inventory);
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn names(finding: &Finding, id: &str) -> bool {
    let mut names = [&finding.id].into_iter().chain(&finding.aliases).chain(&finding.errata);
    names.any(|it| it.eq_ignore_ascii_case(id))
}

/// The reasons of each finding, and the components that share them: what was built from one source
/// package differs in the name alone.
fn alike<'a>(
    findings: impl Iterator<Item = &'a Finding>,
    scanned: &Scanned,
) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for finding in findings {
        let Some(component) = scanned.inventory.components.get(finding.component) else { continue };
        let what = &component.what;
        let head = format!("{} {}", finding.id, clean(&finding.title));
        let line = format!("{} {} ({})", what.name, what.version, what.ecosystem.label());
        let line = format!("  {:<12}{}", "component", clean(&line));
        let reasons = explain(finding, component, scanned);
        match groups.iter_mut().find(|it| it.0 == reasons) {
            Some((_, components)) => components.push(line),
            None => groups.push((reasons, vec![head.trim_end().to_owned(), line])),
        }
    }
    groups
}

fn explain(finding: &Finding, component: &Located<Component>, scanned: &Scanned) -> String {
    let mut text = String::new();
    let why = &finding.why;
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<12}{}", clean(value.trim_end()));
        }
    };
    let path = component.path.as_ref().map(ToString::to_string).unwrap_or_default();
    let layer = scanned.image.layers.get(component.layer);
    let built = layer.map(|it| it.created_by.clone()).unwrap_or_default();
    line("found in", &format!("{path}, by {}", component.by));
    line("layer", &format!("{} {built}", component.layer));
    let source = if why.by_source { " (source package)" } else { "" };
    line("compared", &format!("{} {}{source} in {}", why.package, why.version, why.namespace));
    line("advisory", &format!("{} of {}", why.advisory, why.feed));
    line("affected", &why.range);
    line("so", &why.comparison);
    line("fixed in", finding.fixed.as_deref().unwrap_or("no version yet"));
    let severity = &finding.severity;
    let by = if severity.by.is_empty() { String::new() } else { format!(" by {}", severity.by) };
    line("severity", &format!("{}{by} {}", severity.level, severity.value));
    line("priority", &format!("{}: {}", finding.priority.value, finding.priority.rule));
    for it in &finding.sources {
        let says = if it.affects { "affected" } else { "not affected" };
        line("source", &format!("{} {}: {says}, {}", it.title, it.advisory, it.comparison));
    }
    text
}

fn told(id: &str, answers: &[Answer], inventory: &Inventory) -> String {
    let mut text = String::new();
    for it in answers {
        let component = it.component.and_then(|it| inventory.components.get(it));
        let _ = writeln!(
            text,
            "  {}: {}",
            clean(&subject(id, it, component)),
            clean(&it.verdict.to_string())
        );
    }
    text
}

/// What an answer is about; where that is no package, the whole release, or the vulnerability.
fn subject(id: &str, answer: &Answer, component: Option<&Located<Component>>) -> String {
    let name = match (component, answer.package.as_str(), &answer.namespace) {
        (Some(it), ..) => format!("{} {}", it.what.name, it.what.version),
        (None, "", Some(namespace)) => namespace.to_string(),
        (None, "", None) => id.to_owned(),
        (None, package, _) => package.to_owned(),
    };
    match (&answer.namespace, &answer.advisory) {
        (Some(namespace), Some((feed, advisory))) => {
            format!("{name} ({advisory} of {feed}, {namespace})")
        }
        _ => name,
    }
}
