//! A page of its own: one file, without scripts and without anything from elsewhere, readable in the light and in
//! the dark, on a phone and on paper.
use super::xml::text;
use crate::{
    fixes::findings as findings_of,
    malicious,
    table::{self, Line},
};
use model::{
    Grade, Level, Restart,
    fix::Action,
    report::{FindingRow, HandledRow, HandledSampleRow, ImageReport, Report, SampleRow},
};
use std::io::{self, Write};

const STYLE: &str = include_str!("report.css");

/// The severities, the worst first.
const LEVELS: [Level; 6] =
    [Level::Critical, Level::High, Level::Medium, Level::Low, Level::Negligible, Level::Unknown];

/// Writes the report.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let names: Vec<&str> = report.images.iter().map(|it| it.name.as_str()).collect();
    // Whatever a name or a title may hold, nothing is loaded and nothing runs.
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{} – Plimsoll</title>\n<style>\n{STYLE}</style>\n</head>\n<body>",
        text(&names.join(", ")),
    )?;
    report.images.iter().try_for_each(|it| image(it, out))?;
    footer(report, out)?;
    writeln!(out, "</body>\n</html>")
}

fn image(image: &ImageReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<main>\n<header>\n<h1>{}</h1>\n<p class=\"facts\">", text(&image.name))?;
    let system = image.systems.first().and_then(|it| it.name.as_deref());
    for it in [system, image.platform.as_deref()].into_iter().flatten() {
        writeln!(out, "<span>{}</span>", text(it))?;
    }
    let (layers, components) = (image.layers.len(), image.components.rows().len());
    writeln!(out, "<span>{components} components in {layers} layers</span>")?;
    if let Some(it) = &image.digest {
        writeln!(out, "<span class=\"digest\">{}</span>", text(it))?;
    }
    writeln!(out, "</p>\n</header>")?;
    tiles(image, out)?;
    coverage(image, out)?;
    samples(image, out)?;
    plan(image, out)?;
    findings(image, out)?;
    handled(image, out)?;
    gaps(image, out)?;
    writeln!(out, "</main>")
}

fn tiles(image: &ImageReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<ul class=\"tiles\">")?;
    for level in LEVELS {
        let count = image.counts.get(&level).copied().unwrap_or_default();
        let none = if count == 0 { " none" } else { "" };
        writeln!(out, "<li class=\"{level}{none}\"><b>{count}</b> {level}</li>")?;
    }
    writeln!(out, "</ul>")
}

fn coverage(image: &ImageReport, out: &mut dyn Write) -> io::Result<()> {
    let it = &image.coverage;
    let said = match it.grade {
        Grade::Known => "everything that was found is spoken about",
        Grade::Partial => "not everything was seen: what is not listed may still be there",
        Grade::Unknown => "no findings would mean nothing",
    };
    write!(out, "<p class=\"coverage {}\"><b>Coverage: {}</b> – {said}", it.grade, it.grade)?;
    for reason in &it.reasons {
        write!(out, "; {}", text(reason))?;
    }
    writeln!(out, ".</p>")
}

fn samples(image: &ImageReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<section>\n<h2>Malicious files</h2>\n<p>{}</p>",
        text(&malicious::summary(image))
    )?;
    image.malicious.iter().try_for_each(|it| sample(it, out))?;
    writeln!(out, "</section>")
}

fn sample(it: &SampleRow, out: &mut dyn Write) -> io::Result<()> {
    let (severity, level, name) = (it.severity, it.level, malicious::name(it));
    writeln!(
        out,
        "<details class=\"finding\"><summary class=\"row\"><span><i class=\"{severity}\">{level}</i></span><span>{}</span>\
         <span>{}</span></summary>\n<dl>",
        text(&name),
        text(&it.path),
    )?;
    let mut line = |name: &str, value: &str| match value {
        "" => Ok(()),
        _ => writeln!(out, "<dt>{name}</dt><dd>{}</dd>", text(value)),
    };
    line("Found in", &format!("{} {}", malicious::place(it), it.created_by))?;
    line("Hidden by", &it.hidden_by)?;
    line("Sure", &format!("{} % – {}", it.confidence, it.confidence_rule))?;
    for evidence in malicious::evidence(it) {
        line("Seen", &evidence)?;
    }
    line("Hashes", &it.hashes.join(" "))?;
    line("Techniques", &it.techniques.join(", "))?;
    line("What to do", &it.advice)?;
    writeln!(out, "</dl></details>")
}

fn plan(image: &ImageReport, out: &mut dyn Write) -> io::Result<()> {
    let plan = &image.fix_plan;
    if plan.actions.is_empty() {
        return Ok(());
    }
    writeln!(out, "<section>\n<h2>What to do</h2>")?;
    for it in &plan.at_once {
        let place = if it.place.is_empty() { String::new() } else { format!(" in {}", it.place) };
        let all = plan.actions.len();
        let what = if it.actions == all {
            format!("All {all}")
        } else {
            format!("{} of {all}", it.actions)
        };
        let (place, command) = (text(&place), text(&it.command));
        writeln!(out, "<p>{what} actions at once{place}:</p><pre>{command}</pre>")?;
    }
    for it in plan.ways.iter().filter(|_| plan.ways.len() > 1) {
        let (actions, removes) = (it.actions, findings_of(&it.removes));
        writeln!(
            out,
            "<p class=\"quiet\">To {}: {actions} of {all}, for {removes}.</p>",
            it.way.words(),
            all = plan.actions.len()
        )?;
    }
    let (first, rest) = plan.actions.split_at(plan.actions.len().min(5));
    writeln!(out, "<ol class=\"plan\">")?;
    first.iter().try_for_each(|it| action(it, out))?;
    writeln!(out, "</ol>")?;
    if !rest.is_empty() {
        writeln!(
            out,
            "<details><summary>{} more actions</summary>\n<ol class=\"plan\" start=\"6\">",
            rest.len()
        )?;
        rest.iter().try_for_each(|it| action(it, out))?;
        writeln!(out, "</ol></details>")?;
    }
    if !plan.stays.is_empty() {
        writeln!(out, "<p>No version mends yet: {}.</p>", findings_of(&plan.stays))?;
    }
    writeln!(out, "</section>")
}

fn action(it: &Action, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<li><b>{}</b> <span class=\"quiet\">{}", text(&it.what), text(&it.kind))?;
    if !it.place.is_empty() {
        write!(out, " in {}", text(&it.place))?;
    }
    write!(out, "</span> removes {}", findings_of(&it.removes))?;
    if it.same_major == Some(false) {
        write!(out, " <span class=\"mark\">another major version</span>")?;
    }
    if let Some(it) = &it.subscription {
        write!(out, " <span class=\"mark\">needs {}</span>", text(it))?;
    }
    for it in &it.commands {
        write!(out, "<pre>{}</pre>", text(it))?;
    }
    if let Some(it) = &it.by_hand {
        write!(out, "<p class=\"quiet\">{it}</p>")?;
    }
    writeln!(out, "</li>")
}

fn findings(image: &ImageReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section>\n<h2>Findings</h2>")?;
    let lines = table::lines(image);
    if lines.is_empty() {
        return writeln!(out, "<p>No findings.</p>\n</section>");
    }
    writeln!(
        out,
        "<p class=\"row heading\" aria-hidden=\"true\"><span>Severity</span><span>Vulnerability</span><span>Package</span>\
         <span>Installed</span><span>Fixed in</span></p>"
    )?;
    lines.iter().try_for_each(|it| finding(it, out))?;
    writeln!(out, "</section>")
}

fn finding(line: &Line<'_>, out: &mut dyn Write) -> io::Result<()> {
    let row = line.row;
    let (level, id) = (row.severity, text(&row.id));
    write!(
        out,
        "<details class=\"finding\"><summary class=\"row\"><span><i class=\"{level}\">{level}</i></span><span>{id}"
    )?;
    let uncertain = (!row.certain).then_some("uncertain");
    for mark in row.marks().into_iter().chain(uncertain) {
        write!(out, " <span class=\"mark\">{mark}</span>")?;
    }
    writeln!(
        out,
        "</span><span>{}</span><span>{}</span><span>{}</span></summary>",
        text(&table::packages(line)),
        text(&row.version),
        text(&table::fix(row)),
    )?;
    detail(row, &line.packages, out)?;
    writeln!(out, "</details>")
}

fn detail(row: &FindingRow, packages: &[&str], out: &mut dyn Write) -> io::Result<()> {
    if !row.title.is_empty() {
        writeln!(out, "<p>{}</p>", text(&row.title))?;
    }
    writeln!(out, "<dl>")?;
    let mut line = |name: &str, value: &str| match value {
        "" => Ok(()),
        _ => writeln!(out, "<dt>{name}</dt><dd>{}</dd>", text(value)),
    };
    let place = format!("layer {} {}", row.layer, row.why.created_by);
    let path = row.path.as_deref().map_or(String::new(), |it| format!("{it}, "));
    line("Packages", &packages.join(", "))?;
    line("Found in", &format!("{path}{}", place.trim_end()))?;
    line("Why", &row.why.compared.comparison)?;
    line("Advisory", &format!("{} of {}", row.why.compared.advisory, row.why.compared.feed))?;
    line("Priority", &format!("{} – {}", row.priority, row.priority_rule))?;
    line("Exploited", row.exploited.as_deref().unwrap_or_default())?;
    line("Exploits", &row.exploits.join(", "))?;
    line("Restart", row.restart.map_or("", Restart::words))?;
    line("EPSS", &row.epss.map(|it| format!("{:.1} %", it * 100.0)).unwrap_or_default())?;
    line("Also called", &[row.aliases.as_slice(), &row.errata].concat().join(", "))?;
    line("Weaknesses", &row.cwes.join(", "))?;
    line("Fix", row.fix_command.as_deref().unwrap_or_default())?;
    let pages =
        row.references.iter().filter(|it| it.starts_with("https://") || it.starts_with("http://"));
    let pages: Vec<&String> = pages.take(10).collect();
    if !pages.is_empty() {
        writeln!(out, "<dt>Read more</dt><dd>")?;
        for it in pages {
            writeln!(out, "<a href=\"{0}\" rel=\"noreferrer\">{0}</a><br>", text(it))?;
        }
        writeln!(out, "</dd>")?;
    }
    writeln!(out, "</dl>")
}

fn handled(image: &ImageReport, out: &mut dyn Write) -> io::Result<()> {
    let count = image.handled.len().saturating_add(image.handled_malicious.len());
    if count == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "<section>\n<h2>Handled</h2>\n<details><summary>{count} do not count</summary>\n<ul>"
    )?;
    let one = |it: &HandledRow, out: &mut dyn Write| {
        let until = it.until.as_ref().map_or(String::new(), |it| format!(", until {it}"));
        let FindingRow { id, package, version, .. } = &it.finding;
        let what = format!("{id} in {package} {version}");
        writeln!(out, "<li>{}: {}{}</li>", text(&what), text(&it.reason), text(&until))
    };
    image.handled.iter().try_for_each(|it| one(it, out))?;
    let sample = |it: &HandledSampleRow, out: &mut dyn Write| {
        let until = it.until.as_ref().map_or(String::new(), |it| format!(", until {it}"));
        let what = format!("{} in {}", malicious::name(&it.sample), it.sample.path);
        writeln!(out, "<li>{}: {}{}</li>", text(&what), text(&it.reason), text(&until))
    };
    image.handled_malicious.iter().try_for_each(|it| sample(it, out))?;
    writeln!(out, "</ul></details>\n</section>")
}

fn gaps(image: &ImageReport, out: &mut dyn Write) -> io::Result<()> {
    if image.gaps.is_empty() {
        return Ok(());
    }
    writeln!(out, "<section>\n<h2>Not seen</h2>\n<ul>")?;
    for it in &image.gaps {
        let place = it.path.as_ref().map_or_else(|| format!("layer {}", it.layer), Clone::clone);
        writeln!(out, "<li>{}: {}: {}</li>", text(&place), text(&it.by), text(&it.reason))?;
    }
    writeln!(out, "</ul>\n</section>")
}

fn footer(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<footer><p>{} at {}", text(&report.tool), text(&report.created))?;
    if let Some(it) = &report.as_of {
        write!(out, ", as of {}: {}", text(&it.moment), text(&it.limits.join("; ")))?;
    }
    write!(out, ". Advisories:")?;
    for (it, comma) in
        report.database.feeds.iter().zip([""].into_iter().chain([","].into_iter().cycle()))
    {
        let day = it
            .snapshot
            .as_ref()
            .map_or(String::new(), |it| format!(" of {}", it.get(..10).unwrap_or(it)));
        write!(out, "{comma} {}{}", text(&it.title), text(&day))?;
    }
    writeln!(out, ".</p></footer>")
}
