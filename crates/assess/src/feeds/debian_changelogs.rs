//! Which upload fixed what, read out of Debian's own changelogs (Debian Policy, section 4.4,
//! `debian/changelog`): for sites that have nothing but a mirror, and for the starter set. It knows
//! no unfixed vulnerabilities, and no severity but the urgency of the upload.
use super::{
    Emit, Feed, Item, Malformed, Place,
    json::records,
    osv::{self, Record},
};
use model::{Advisory, Affected, End, Names, Namespace, Range, Severity, Status, version::Scheme};
use std::{cmp::Ordering, collections::BTreeMap};

pub(super) const FEED: Feed = Feed {
    name: "debian-changelogs",
    title: "Debian changelogs (derived)",
    places: &[Place::one("https://deb.debian.org/debian")],
    licence: "facts from the changelogs of free software",
    attribution: "derived from the changelogs in the Debian archive; not a statement of Debian's",
    default: false,
    derived: true,
    parse,
};

fn parse(document: &[u8], _name: &str, emit: Emit<'_>) -> Result<(), Malformed> {
    records(document, |record: Record| osv::each(record, FEED.name, emit))
}

/// The upload that first named a vulnerability.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Upload {
    /// The vulnerability.
    pub cve: String,
    /// The version of the source package.
    pub version: String,
    /// The urgency of the upload.
    pub urgency: String,
    /// When, as the changelog writes it.
    pub date: String,
    /// Whether it was an update of a stable release (`+deb12u1`).
    pub stable_update: bool,
}

/// What the changelog of `source` in a release says, as advisories, one for each CVE.
pub fn derive(changelog: &str, namespace: &Namespace, source: &str, emit: Emit<'_>) {
    for it in first_fixed(changelog) {
        let mut affected = Affected::every_version(namespace.clone(), source, Names::Source);
        affected.status = Status::Fixed;
        affected.ranges = vec![Range { introduced: None, end: End::Fixed(it.version) }];
        if !it.urgency.is_empty() {
            affected.severities =
                vec![Severity { by: super::UPLOAD_URGENCY.to_owned(), value: it.urgency }];
        }
        emit(Item::Advisory(Box::new(Advisory {
            covers: vec![it.cve.clone()],
            id: it.cve,
            feed: FEED.name.to_owned(),
            affected: vec![affected],
            ..Advisory::default()
        })));
    }
}

/// The lowest version that fixes each CVE: of an entry that names it, or of a later one that brings just
/// that version to a stable release. A changelog has its newest entry first.
pub fn first_fixed(changelog: &str) -> Vec<Upload> {
    let entries = entries(changelog);
    let mut found: BTreeMap<String, Upload> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        // `2.47-2~deb13u1` is older than the `2.47-2` below it, from which it was made.
        let backport = format!("{}~", entry.version);
        let later = entries.get(..at).unwrap_or_default();
        let near = later.iter().rev().take(16);
        let mut same = near.filter(|it| it.version.starts_with(&backport)).chain([entry]);
        let Some(lowest) = same.next().map(|it| same.fold(it, lower)) else { continue };
        for cve in &entry.cves {
            let best = found.get(cve).is_none_or(|it| {
                Scheme::Dpkg.compare(&lowest.version, &it.version) == Some(Ordering::Less)
            });
            if best {
                found.insert(cve.clone(), lowest.upload(cve));
            }
        }
    }
    found.into_values().collect()
}

/// An entry of a changelog (deb-changelog(5)).
#[derive(Debug, Default)]
struct Entry {
    version: String,
    urgency: String,
    date: String,
    cves: Vec<String>,
}

impl Entry {
    fn upload(&self, cve: &str) -> Upload {
        Upload {
            cve: cve.to_owned(),
            stable_update: is_stable_update(&self.version),
            version: self.version.clone(),
            urgency: self.urgency.clone(),
            date: self.date.clone(),
        }
    }
}

fn lower<'a>(a: &'a Entry, b: &'a Entry) -> &'a Entry {
    if Scheme::Dpkg.compare(&b.version, &a.version) == Some(Ordering::Less) { b } else { a }
}

fn entries(changelog: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut current: Option<Entry> = None;
    for line in changelog.lines() {
        if let Some((version, urgency)) = heading(line) {
            current = Some(Entry { version, urgency, ..Entry::default() });
        } else if let Some(trailer) = line.strip_prefix(" -- ") {
            let Some(mut entry) = current.take() else { continue };
            entry.date = trailer.split_once(">  ").map_or("", |it| it.1).trim().to_owned();
            entries.push(entry);
        } else if let Some(entry) = &mut current {
            cves(line, &mut entry.cves);
        }
    }
    entries
}

/// `source (version) distributions; urgency=low`.
fn heading(line: &str) -> Option<(String, String)> {
    let line = Some(line).filter(|it| !it.starts_with(char::is_whitespace))?;
    let (_, rest) = line.split_once(" (")?;
    let (version, rest) = rest.split_once(')')?;
    let (_, fields) = rest.split_once(';')?;
    let urgency = fields.split(',').find_map(|it| {
        let (name, value) = it.split_once('=')?;
        name.trim().eq_ignore_ascii_case("urgency").then(|| value.trim())
    });
    let urgency = urgency.unwrap_or_default().split_whitespace().next().unwrap_or_default();
    Some((version.to_owned(), urgency.to_ascii_lowercase()))
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

fn digits(text: &str) -> bool {
    text.bytes().all(|it| it.is_ascii_digit())
}

/// Whether a version is that of an update to a stable release: `1.2-3+deb12u4`, `1.2-3~deb12u4`.
pub fn is_stable_update(version: &str) -> bool {
    version.rsplit(['+', '~']).any(|it| {
        let numbers = it.strip_prefix("deb").and_then(|it| it.split_once('u'));
        numbers.is_some_and(|(a, b)| {
            !a.is_empty() && digits(a) && b.starts_with(|it: char| it.is_ascii_digit())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_version_that_names_a_cve_fixed_it() {
        let changelog = "\
widget (2:1.4-2+deb12u2) bookworm-security; urgency=high

  * Fix a regression of the last update (CVE-2024-0002, Closes: #1000002)
  * Also CVE-2024-0003/CVE-2024-0004.

 -- A B <a@b.example>  Tue, 02 Jan 2024 00:00:00 +0000

widget (2:1.4-2+deb12u1) bookworm; urgency=medium

  * cve-2024-0002: check the length

 -- A B <a@b.example>  Mon, 01 Jan 2024 00:00:00 +0000

widget (2:1.0-1) unstable; urgency=low (see NEWS), binary-only=yes

  * New release, fixes CAN-2005-0001. Not a CVE-1 at all.

 -- A B <a@b.example>  Sat, 01 Jan 2005 00:00:00 +0000
";
        let shown: Vec<String> = first_fixed(changelog)
            .iter()
            .map(|it| format!("{} {} {} {}", it.cve, it.version, it.urgency, it.stable_update))
            .collect();
        assert_eq!(
            shown,
            [
                "CVE-2005-0001 2:1.0-1 low false",
                "CVE-2024-0002 2:1.4-2+deb12u1 medium true",
                "CVE-2024-0003 2:1.4-2+deb12u2 high true",
                "CVE-2024-0004 2:1.4-2+deb12u2 high true",
            ]
        );
        assert_eq!(first_fixed(changelog)[1].date, "Mon, 01 Jan 2024 00:00:00 +0000");
    }

    #[test]
    fn a_stable_release_is_fixed_by_what_was_made_from_the_fix() {
        let entry = |version: &str, text: &str| {
            let trailer = " -- A B <a@b.example>  Mon, 01 Jan 2024 00:00:00 +0000";
            format!("p ({version}) x; urgency=low\n\n  * {text}\n\n{trailer}\n\n")
        };
        let check = |entries: &[(&str, &str)], expected: &str| {
            let text: String = entries.iter().map(|it| entry(it.0, it.1)).collect();
            let versions: Vec<String> =
                first_fixed(&text).into_iter().map(|it| it.version).collect();
            assert_eq!(versions, [expected], "{entries:?}");
        };
        check(&[("2.47-2~deb13u1", "for trixie"), ("2.47-2", "CVE-2024-0001")], "2.47-2~deb13u1");
        check(&[("1.38-4", "CVE-2024-0001"), ("1.40-2", "CVE-2024-0001")], "1.38-4");
        check(&[("1.38-4", "another branch"), ("1.40-2", "CVE-2024-0001")], "1.40-2");
    }
}
