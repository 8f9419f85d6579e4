//! Markdown, for comments and summaries of jobs.
use crate::{
    fixes::{counts, findings as findings_of},
    malicious, table,
};
use model::report::{ImageReport, Report, SampleRow};
use std::io::{self, Write};

/// The most rows of a table: comments have a limit, and nobody reads on.
const ROWS: usize = 100;

/// Writes the report.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for it in &report.images {
        image(it, out)?;
    }
    let feeds = report.database.feeds.iter().map(|it| match &it.snapshot {
        Some(day) => format!("{} of {}", it.title, day.get(..10).unwrap_or(day)),
        None => it.title.clone(),
    });
    let feeds = feeds.collect::<Vec<_>>().join(", ");
    writeln!(out, "<sub>{} at {}; advisories: {}</sub>", report.tool, report.created, plain(&feeds))
}

fn image(image: &ImageReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## {}\n", code(&image.name))?;
    let system = image.systems.first().and_then(|it| it.name.as_deref());
    let facts = [system, image.platform.as_deref(), image.digest.as_deref()];
    let facts: Vec<String> = facts.into_iter().flatten().map(plain).collect();
    writeln!(out, "{}\n", facts.join(" · "))?;
    let total = match image.findings.len() {
        0 => "No findings".to_owned(),
        1 => "1 finding".to_owned(),
        many => format!("{many} findings"),
    };
    let by_level = counts(&image.counts);
    let colon = if by_level.is_empty() { "" } else { ": " };
    let handled = match image.handled.len() {
        0 => String::new(),
        many => format!("; {many} more are handled"),
    };
    writeln!(out, "**{total}**{colon}{by_level}{handled}.")?;
    writeln!(out, "{}", plain(&malicious::summary(image)))?;
    let grade = image.coverage.grade;
    let reasons = image.coverage.reasons.iter().map(|it| plain(it)).collect::<Vec<_>>().join("; ");
    let colon = if reasons.is_empty() { "" } else { ": " };
    writeln!(out, "Coverage: **{grade}**{colon}{reasons}.\n")?;
    samples(&image.malicious, out)?;
    plan(image, out)?;
    findings(image, out)
}

fn samples(samples: &[SampleRow], out: &mut dyn Write) -> io::Result<()> {
    if samples.is_empty() {
        return Ok(());
    }
    writeln!(out, "### Malicious files\n")?;
    writeln!(out, "| Level | What | File | Seen |")?;
    writeln!(out, "| --- | --- | --- | --- |")?;
    for it in samples.iter().take(ROWS) {
        let (what, why) = (plain(&malicious::name(it)), plain(&malicious::why(it)));
        let place = plain(&malicious::place(it));
        writeln!(out, "| {} | {what} | {} ({place}) | {why} |", it.level, plain(&it.path))?;
    }
    if samples.len() > ROWS {
        let more = samples.len().saturating_sub(ROWS);
        writeln!(out, "\n{more} more rows are not shown; `--format json` has all of them.")?;
    }
    writeln!(out)
}

fn plan(image: &ImageReport, out: &mut dyn Write) -> io::Result<()> {
    let plan = &image.fix_plan;
    if plan.actions.is_empty() {
        return Ok(());
    }
    writeln!(out, "### What to do\n")?;
    for it in plan.actions.iter().take(10) {
        let place =
            if it.place.is_empty() { String::new() } else { format!(" in {}", code(&it.place)) };
        writeln!(out, "1. **{}**{place} removes {}", plain(&it.what), findings_of(&it.removes))?;
        if !it.commands.is_empty() {
            let fence = fence(&it.commands.join("\n"));
            writeln!(out, "   {fence}sh")?;
            it.commands.iter().try_for_each(|it| writeln!(out, "   {}", it.replace('\n', " ")))?;
            writeln!(out, "   {fence}")?;
        }
        if let Some(it) = &it.by_hand {
            writeln!(out, "   {it}")?;
        }
    }
    if plan.actions.len() > 10 {
        writeln!(out, "\n{} more actions remove the rest.", plan.actions.len().saturating_sub(10))?;
    }
    writeln!(out)
}

fn findings(image: &ImageReport, out: &mut dyn Write) -> io::Result<()> {
    if image.findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "### Findings\n")?;
    writeln!(out, "| Severity | Vulnerability | Package | Installed | Fixed in |")?;
    writeln!(out, "| --- | --- | --- | --- | --- |")?;
    let lines = table::lines(image);
    for line in lines.iter().take(ROWS) {
        let it = line.row;
        let page = it.references.iter().find(|it| it.starts_with("https://"));
        let name = match page.filter(|it| it.chars().all(is_plain_in_url)) {
            Some(page) => format!("[{}]({page})", plain(&it.id)),
            None => plain(&it.id),
        };
        let marks: String = it.marks().iter().map(|it| format!(" **{it}**")).collect();
        writeln!(
            out,
            "| {} | {name}{marks} | {} | {} | {} |",
            it.severity,
            plain(&table::packages(line)),
            plain(&it.version),
            plain(&table::fix(it)),
        )?;
    }
    if lines.len() > ROWS {
        let more = lines.len().saturating_sub(ROWS);
        writeln!(out, "\n{more} more rows are not shown; `--format json` has all of them.")?;
    }
    writeln!(out)
}

/// Text that stays text (CommonMark 0.31, section 2.4): every sign of punctuation that could mean something is escaped.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for it in text.chars() {
        match it {
            '<' => plain += "&lt;",
            '&' => plain += "&amp;",
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '@' => {
                plain.extend(['\\', it])
            }
            it if it.is_control() => plain.push(' '),
            it => plain.push(it),
        }
    }
    plain
}

/// Text as code, in more backticks than there are in it.
fn code(text: &str) -> String {
    let text: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    let longest = text.split(|it| it != '`').map(str::len).max().unwrap_or_default();
    let ticks = "`".repeat(longest.saturating_add(1));
    let space = if longest > 0 { " " } else { "" };
    format!("{ticks}{space}{text}{space}{ticks}")
}

fn fence(text: &str) -> String {
    let longest = text.split(|it| it != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(longest.saturating_add(1).max(3))
}

fn is_plain_in_url(it: char) -> bool {
    it.is_ascii_alphanumeric() || "-._~:/?#@!$&'*+,;=%".contains(it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let check = |it: &str, expected: &str| assert_eq!(plain(it), expected, "{it:?}");
        check("[x](http://y)", "\\[x\\](http://y)");
        check("a|b\nc", "a\\|b c");
        check("<b>&", "&lt;b>&amp;");
        check("**a** _b_ `c`", "\\*\\*a\\*\\* \\_b\\_ \\`c\\`");
    }

    #[test]
    fn code_stays_code() {
        let check = |it: &str, expected: &str| assert_eq!(code(it), expected, "{it:?}");
        check("a", "`a`");
        check("a`b``c", "``` a`b``c ```");
        check("a\nb", "`a b`");
        assert_eq!(fence("a ```` b"), "`````");
    }
}
