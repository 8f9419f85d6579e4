//! The report for people: worst first, then what it means, what could not be seen, and how old the
//! knowledge is.
use crate::{fixes, malicious};
use model::{
    Level, Status,
    report::{FindingRow, ImageReport, Report},
};
use std::fmt::Write;

/// How text is coloured; not at all where nobody would see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn level(self, level: Level, text: &str) -> String {
        let code = match level {
            Level::Critical => "1;31",
            Level::High => "31",
            Level::Medium => "33",
            Level::Low => "36",
            Level::Negligible | Level::Unknown => "2",
        };
        self.with(code, text)
    }
}

/// Rows that differ only in which package of the same source they stand for are one line.
pub(crate) struct Line<'a> {
    pub(crate) row: &'a FindingRow,
    pub(crate) packages: Vec<&'a str>,
}

/// The whole report.
pub(crate) fn show(report: &Report, paint: Paint) -> String {
    let mut text = String::new();
    for image in &report.images {
        text += &heading(image, paint);
        text += &malicious_files(image, paint);
        text += &findings(image, paint);
        text += &fixes::show(image, paint);
        text += &summary(image, paint);
    }
    text + &database(report, paint)
}

fn heading(image: &ImageReport, paint: Paint) -> String {
    let mut text = paint.bold(&clean(&image.name));
    for it in [&image.platform, &image.digest].into_iter().flatten() {
        text += &format!("  {}", paint.dim(it));
    }
    text.push('\n');
    for system in &image.systems {
        let name = system.name.as_deref().map_or("unknown distribution".to_owned(), clean);
        let place = if system.root.is_empty() { "" } else { " in " };
        let _ = writeln!(text, "{name}{place}{}", clean(&system.root));
    }
    let (layers, components) = (image.layers.len(), image.components.rows().len());
    let _ = writeln!(text, "{components} components in {layers} layers\n");
    text
}

/// What should make one stop comes first, with what was seen below each.
fn malicious_files(image: &ImageReport, paint: Paint) -> String {
    let mut text = String::new();
    for it in &image.malicious {
        let level = paint.level(it.severity, &format!("{:10}", it.level.to_string()));
        let name = paint.bold(&clean(&malicious::name(it)));
        let _ = writeln!(text, "{level}  {name}  {}", clean(&it.path));
        let _ = writeln!(text, "            {}; {} % sure", malicious::place(it), it.confidence);
        for evidence in malicious::evidence(it).iter().take(3) {
            let _ = writeln!(text, "            {}", paint.dim(evidence));
        }
    }
    if text.is_empty() { text } else { text + "\n" }
}

const COLUMNS: usize = 6;

fn findings(image: &ImageReport, paint: Paint) -> String {
    let lines = lines(image);
    let cells = |it: &Line<'_>| {
        let doubt = if it.row.certain { "" } else { " ?" };
        [
            it.row.severity.to_string(),
            format!("{}{doubt}", clean(&it.row.id)),
            packages(it),
            clean(&it.row.version),
            fix(it.row),
            it.row.marks().join(", "),
        ]
    };
    let rows: Vec<[String; COLUMNS]> = lines.iter().map(cells).collect();
    if rows.is_empty() {
        return String::new();
    }
    let marks = if rows.iter().all(|[.., it]| it.is_empty()) { "" } else { "MARKS" };
    let titles = ["SEVERITY", "VULNERABILITY", "PACKAGE", "INSTALLED", "FIXED IN", marks];
    let titles = titles.map(str::to_owned);
    let mut widths = [0; COLUMNS];
    for row in rows.iter().chain([&titles]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; COLUMNS], level: Option<Level>| {
        let mut text = String::new();
        let filled = row.iter().rposition(|it| !it.is_empty()).unwrap_or_default();
        for (i, (cell, width)) in row.iter().zip(widths).enumerate().take(filled.saturating_add(1))
        {
            let padded = if i == filled { cell.clone() } else { format!("{cell:width$}  ") };
            text += &match (level, i) {
                (None, _) => paint.bold(&padded),
                (Some(level), 0) => paint.level(level, &padded),
                _ => padded,
            };
        }
        text + "\n"
    };
    let mut text = line(&titles, None);
    for (row, it) in rows.iter().zip(&lines) {
        text += &line(row, Some(it.row.severity));
    }
    text + "\n"
}

pub(crate) fn lines(image: &ImageReport) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for row in &image.findings {
        let same = lines.iter_mut().rev().take_while(|it| it.row.id == row.id).find(|it| {
            it.row.why.compared.package == row.why.compared.package
                && it.row.version == row.version
                && it.row.fixed == row.fixed
        });
        match same {
            Some(line) => line.packages.push(&row.package),
            None => lines.push(Line { row, packages: vec![&row.package] }),
        }
    }
    lines
}

/// `libssl3 +1`.
pub(crate) fn packages(line: &Line<'_>) -> String {
    match line.packages.as_slice() {
        [one] => clean(one),
        [first, rest @ ..] => format!("{} +{}", clean(first), rest.len()),
        [] => String::new(),
    }
}

pub(crate) fn fix(row: &FindingRow) -> String {
    match (&row.fixed, row.status) {
        (Some(version), _) => clean(version),
        (None, Status::WillNotFix) => "will not be fixed".to_owned(),
        (None, Status::Deferred) => "put off".to_owned(),
        (None, Status::UnderInvestigation) => "under investigation".to_owned(),
        (None, Status::EndOfLife) => "end of life".to_owned(),
        (None, _) => "no fix yet".to_owned(),
    }
}

fn summary(image: &ImageReport, paint: Paint) -> String {
    let counts = image.counts.iter().rev();
    let counts: Vec<String> =
        counts.map(|(level, count)| paint.level(*level, &format!("{count} {level}"))).collect();
    let fixable = image.findings.iter().filter(|it| it.fixed.is_some()).count();
    let mut text = match image.findings.len() {
        0 => "No findings.".to_owned(),
        1 => format!("1 finding: {}.", counts.join(", ")),
        many => format!("{many} findings: {}; {fixable} can be fixed.", counts.join(", ")),
    };
    if !image.handled.is_empty() {
        let _ = write!(text, " {} more are accepted.", image.handled.len());
    }
    text.push('\n');
    let _ = writeln!(text, "{}", malicious::summary(image));
    let coverage = &image.coverage;
    let _ = write!(text, "Coverage: {}", paint.bold(&coverage.grade.to_string()));
    for (i, reason) in coverage.reasons.iter().enumerate() {
        text += if i == 0 { ": " } else { "; " };
        text += &clean(reason);
    }
    text += ".\n";
    for gap in image.gaps.iter().take(10) {
        let place = gap.path.as_deref().map_or(format!("layer {}", gap.layer), clean);
        let _ = writeln!(text, "  not seen: {place}: {}: {}", gap.by, clean(&gap.reason));
    }
    if image.gaps.len() > 10 {
        let _ = writeln!(text, "  ... {} gaps in all; --format json lists them", image.gaps.len());
    }
    for it in &image.attached {
        let (kind, digest) = (it.kind.to_uppercase(), it.digest.get(..19).unwrap_or(&it.digest));
        let hint = if it.used { "" } else { ", not applied; --attached-vex does" };
        let _ = writeln!(
            text,
            "Attached, not verified: {kind} {digest}: {}{hint}.",
            clean(&it.summary)
        );
    }
    for it in &image.missing_walls {
        let _ = writeln!(text, "Not confined by {it}.");
    }
    text
}

fn database(report: &Report, paint: Paint) -> String {
    let feeds = report.database.feeds.iter().map(|it| {
        let date = |it: &str| it.get(..10).unwrap_or(it).to_owned();
        let day = it.snapshot.as_deref().map(|it| format!(" of {}", date(it)));
        let part = it.behind.as_deref().map(|it| format!(" (part of it of {})", date(it)));
        let starter = if it.starter { " (starter set)" } else { "" };
        format!("{}{}{}{starter}", it.title, day.unwrap_or_default(), part.unwrap_or_default())
    });
    let feeds: Vec<String> = feeds.collect();
    let mut text = format!("Advisories: {}.\n", feeds.join(", "));
    if let Some(it) = &report.as_of {
        let _ = writeln!(text, "As of {}: {}.", it.moment, it.limits.join("; "));
    }
    if report.database.starter {
        text += "This is only the starter set that ships with Plimsoll; ";
        text += "`plimsoll db update` or `db import` brings in more.\n";
    }
    paint.dim(&text)
}

/// Text from an image, without anything that a terminal would obey.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { '\u{fffd}' } else { it }).collect()
}
