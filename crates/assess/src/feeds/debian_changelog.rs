//! The entries of a Debian changelog (Debian Policy, section 4.4, `debian/changelog`; deb-changelog(5)), and which of them
//! are on the line of versions that led to the newest.
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use model::version::Scheme;
use std::cmp::Ordering;

/// How many entries of other lines may stand together.
const BESIDE: usize = 256;

/// An entry of a changelog.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) version: String,
    pub(super) urgency: String,
    /// As it is written.
    pub(super) date: String,
    pub(super) cves: Vec<String>,
    time: Option<Timestamp>,
    /// Whether it was for a release that is neither the one whose changelog this is nor one to come.
    foreign: bool,
}

impl Entry {
    /// Whether it may come after `older` on one line. Numbers tell, and for what was for other releases the time too: an
    /// update of an older release that was merged has a lower number than many versions that came before it.
    pub(super) fn follows(&self, older: &Entry) -> bool {
        let timed = self.foreign || older.foreign;
        let early = timed && self.time.zip(older.time).is_some_and(|(own, older)| own < older);
        !early && (older.is_lower(self) || self.rebuilds(older))
    }

    /// Whether it is the same version, made again for another release.
    pub(super) fn rebuilds(&self, older: &Entry) -> bool {
        self.version.strip_prefix(&older.version).is_some_and(|it| it.starts_with('~'))
    }

    /// The one with the lower number.
    pub(super) fn lower<'a>(&'a self, other: &'a Entry) -> &'a Entry {
        if other.is_lower(self) { other } else { self }
    }

    fn is_lower(&self, other: &Entry) -> bool {
        Scheme::Dpkg.compare(&self.version, &other.version) == Some(Ordering::Less)
    }
}

/// Those on the line that led to the first, which is the newest: the longest way down on which each follows the next,
/// counted in its own entries and only then in others. What stands beside it was merged from elsewhere.
pub(super) fn line(entries: &[Entry]) -> Vec<usize> {
    // How long the way down from each is, and where it goes on.
    let mut ways: Vec<((usize, usize), Option<usize>)> = vec![((0, 0), None); entries.len()];
    for (at, entry) in entries.iter().enumerate().rev() {
        let mut best = ((0, 0), None);
        let below = entries.iter().zip(&ways).enumerate().skip(at.saturating_add(1)).take(BESIDE);
        for (next, (older, (length, _))) in below {
            let (own, foreign) = *length;
            let length = match older.foreign {
                true => (own, foreign.saturating_add(1)),
                false => (own.saturating_add(1), foreign),
            };
            if length > best.0 && entry.follows(older) {
                best = (length, Some(next));
            }
        }
        if let Some(way) = ways.get_mut(at) {
            *way = best;
        }
    }
    let first = (!entries.is_empty()).then_some(0);
    std::iter::successors(first, |it| ways.get(*it)?.1).collect()
}

/// The entries of the changelog of a package in the release `suite`.
pub(super) fn entries(changelog: &str, suite: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut current: Option<Entry> = None;
    for line in changelog.lines() {
        if let Some(entry) = heading(line, suite) {
            current = Some(entry);
        } else if let Some(trailer) = line.strip_prefix(" -- ") {
            let Some(mut entry) = current.take() else { continue };
            entry.date = trailer.split_once(">  ").map_or("", |it| it.1).trim().to_owned();
            entry.time = time(&entry.date);
            entries.push(entry);
        } else if let Some(entry) = &mut current {
            cves(line, &mut entry.cves);
        }
    }
    entries
}

/// A time as changelogs write it, where the day of the week may be wrong.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text).ok()
}

/// `source (version) distributions; urgency=low`.
fn heading(line: &str, suite: &str) -> Option<Entry> {
    let line = Some(line).filter(|it| !it.starts_with(char::is_whitespace))?;
    let (_, rest) = line.split_once(" (")?;
    let (version, rest) = rest.split_once(')')?;
    let (distributions, fields) = rest.split_once(';')?;
    let urgency = fields.split(',').find_map(|it| {
        let (name, value) = it.split_once('=')?;
        name.trim().eq_ignore_ascii_case("urgency").then(|| value.trim())
    });
    let urgency = urgency.unwrap_or_default().split_whitespace().next().unwrap_or_default();
    Some(Entry {
        version: version.to_owned(),
        urgency: urgency.to_ascii_lowercase(),
        foreign: !distributions.split_whitespace().any(|it| is_own(it, suite)),
        ..Entry::default()
    })
}

/// Whether a distribution is one that leads to `suite`: the release itself, or what becomes the next one.
fn is_own(distribution: &str, suite: &str) -> bool {
    let base = distribution.split('-').next().unwrap_or_default();
    [suite, "unstable", "sid", "experimental", "testing", "frozen", "UNRELEASED"].contains(&base)
}

/// Every `CVE-2024-1234` in a line; `CAN-` is what they were called until 2005.
fn cves(line: &str, named: &mut Vec<String>) {
    let upper = line.to_ascii_uppercase();
    for part in upper.split(|it: char| !it.is_ascii_alphanumeric() && it != '-') {
        let Some(at) = part.find("CVE-").or_else(|| part.find("CAN-")) else { continue };
        let mut numbers = part.get(at..).unwrap_or_default().split('-').skip(1);
        let year = numbers.next().filter(|it| it.len() == 4 && digits(it));
        let number = numbers.next().filter(|it| it.len() >= 4 && digits(it));
        if let (Some(year), Some(number)) = (year, number) {
            named.push(format!("CVE-{year}-{number}"));
        }
    }
}

pub(super) fn digits(text: &str) -> bool {
    text.bytes().all(|it| it.is_ascii_digit())
}
