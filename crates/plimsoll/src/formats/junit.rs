//! JUnit's XML, as CI servers show it: a suite for each image, a failed test for each finding, a skipped one for what is handled.
use super::xml::text;
use crate::malicious;
use model::report::{FindingRow, ImageReport, Report, SampleRow};
use std::io::{self, Write};

/// Writes the report.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let failures: usize = report.images.iter().map(failures).sum();
    let tests: usize = report.images.iter().map(tests).sum();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"plimsoll\" tests=\"{tests}\" failures=\"{failures}\">")?;
    report.images.iter().try_for_each(|it| suite(report, it, out))?;
    writeln!(out, "</testsuites>")
}

/// One that passes stands for an image without findings: some take a suite without tests for an error.
fn tests(image: &ImageReport) -> usize {
    failures(image).saturating_add(skipped(image)).max(1)
}

fn failures(image: &ImageReport) -> usize {
    image.findings.len().saturating_add(image.malicious.len())
}

fn skipped(image: &ImageReport) -> usize {
    image.handled.len().saturating_add(image.handled_malicious.len())
}

fn suite(report: &Report, image: &ImageReport, out: &mut dyn Write) -> io::Result<()> {
    let (tests, failures, skipped) = (tests(image), failures(image), skipped(image));
    writeln!(
        out,
        "  <testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" timestamp=\"{}\">",
        text(&image.name),
        report.created.trim_end_matches('Z'),
    )?;
    let coverage = &image.coverage;
    writeln!(out, "    <properties>")?;
    for (name, value) in [
        ("digest", image.digest.clone()),
        ("platform", image.platform.clone()),
        ("coverage", Some(coverage.grade.to_string())),
        ("coverage-reasons", Some(coverage.reasons.join("; ")).filter(|it| !it.is_empty())),
    ] {
        if let Some(value) = value {
            writeln!(out, "      <property name=\"{name}\" value=\"{}\"/>", text(&value))?;
        }
    }
    writeln!(out, "    </properties>")?;
    for it in &image.findings {
        case(it, out)?;
        let fix = it.fixed.as_ref().map_or("no fix yet".to_owned(), |it| format!("fixed in {it}"));
        let message = format!("{}: {} {}, {fix}", it.severity, it.package, it.version);
        writeln!(
            out,
            "      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>",
            it.severity,
            text(&message),
            text(&detail(it)),
        )?;
    }
    for it in &image.malicious {
        sample(it, out)?;
        let message = format!("{}: {}", it.level, malicious::why(it));
        let detail =
            [malicious::evidence(it), vec![malicious::place(it), it.advice.clone()]].concat();
        writeln!(
            out,
            "      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>",
            it.level,
            text(&message),
            text(&detail.join("\n")),
        )?;
    }
    for it in &image.handled_malicious {
        sample(&it.sample, out)?;
        writeln!(out, "      <skipped message=\"{}\"/>\n    </testcase>", text(&it.reason))?;
    }
    for it in &image.handled {
        case(&it.finding, out)?;
        writeln!(out, "      <skipped message=\"{}\"/>\n    </testcase>", text(&it.reason))?;
    }
    if failures == 0 && skipped == 0 {
        writeln!(out, "    <testcase classname=\"plimsoll\" name=\"no findings\"/>")?;
    }
    writeln!(out, "  </testsuite>")
}

fn sample(it: &SampleRow, out: &mut dyn Write) -> io::Result<()> {
    let class = malicious::name(it);
    writeln!(out, "    <testcase classname=\"{}\" name=\"{}\">", text(&class), text(&it.path))
}

fn case(it: &FindingRow, out: &mut dyn Write) -> io::Result<()> {
    let class = format!("{} {}", it.package, it.version);
    writeln!(out, "    <testcase classname=\"{}\" name=\"{}\">", text(&class), text(&it.id))
}

fn detail(it: &FindingRow) -> String {
    let mut lines = vec![it.title.clone()];
    lines.push(format!(
        "found in {}, layer {}",
        it.path.as_deref().unwrap_or("the image"),
        it.layer
    ));
    lines.push(it.why.compared.comparison.clone());
    lines.extend(it.fix_command.clone());
    lines.extend(it.references.first().cloned());
    lines.retain(|it| !it.is_empty());
    lines.join("\n")
}
