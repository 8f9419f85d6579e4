//! Which upload fixed what, read out of Debian's own changelogs (Debian Policy, section 4.4,
//! `debian/changelog`): for sites that have nothing but a mirror, and for the starter set. It knows
//! no unfixed vulnerabilities, and no severity but the urgency of the upload.
use super::{
    Emit, Feed, Malformed, Place,
    debian_changelog::{Entry, digits, entries, line},
    json::records,
    osv::{self, Record},
};
use std::collections::BTreeMap;

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

/// The lowest version that fixes each CVE in the release `suite`, of which this is the changelog of a package: of an
/// entry that names it, or of a later one that brings just that version to a stable release. Newest entries come first.
///
/// What counts is the line of versions that led to the package. A changelog also has entries of other lines, of updates to
/// older releases above all, from which changes were merged. What such an entry fixed was fixed on our line by the first
/// version after it, in time and in number.
pub fn first_fixed(changelog: &str, suite: &str) -> Vec<Upload> {
    let entries = entries(changelog, suite);
    let line = line(&entries);
    let mut found: BTreeMap<&str, &Entry> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let lies = |it: &usize| line.binary_search(it).is_ok();
        let later = || (0..at).rev().filter(lies).filter_map(|it| entries.get(it));
        let fix = match lies(&at) {
            true => entry,
            // Above one with a higher number than any that came after it, nobody knows what it was for.
            false => later().find(|it| it.follows(entry)).unwrap_or(entry),
        };
        // `2.47-2~deb13u1` is older than the `2.47-2` below it, from which it was made.
        let rebuilt = later().take(16).filter(|it| it.rebuilds(fix));
        let fix = rebuilt.fold(fix, Entry::lower);
        for cve in &entry.cves {
            found.entry(cve).and_modify(|it| *it = it.lower(fix)).or_insert(fix);
        }
    }
    found.into_iter().map(|(cve, it)| upload(cve, it)).collect()
}

fn upload(cve: &str, entry: &Entry) -> Upload {
    Upload {
        cve: cve.to_owned(),
        stable_update: is_stable_update(&entry.version),
        version: entry.version.clone(),
        urgency: entry.urgency.clone(),
        date: entry.date.clone(),
    }
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
        let shown: Vec<String> = first_fixed(changelog, "bookworm")
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
        assert_eq!(first_fixed(changelog, "bookworm")[1].date, "Mon, 01 Jan 2024 00:00:00 +0000");
    }

    /// A changelog of entries, `version suite day text` each, and the version that fixed CVE-2024-0001 by it.
    fn check(entries: &[&str], expected: &str) {
        let entry = |it: &&str| {
            let mut words = it.splitn(4, ' ');
            let mut word = || words.next().unwrap_or_default();
            let (version, suite, day, text) = (word(), word(), word(), word());
            let day: jiff::civil::Date = day.parse().unwrap();
            let day = day.strftime("%a, %d %b %Y 00:00:00 +0000");
            format!(
                "p ({version}) {suite}; urgency=low\n\n  * {text}\n\n -- A B <a@b.example>  {day}\n\n"
            )
        };
        let text: String = entries.iter().map(entry).collect();
        let versions: Vec<String> =
            first_fixed(&text, "bookworm").into_iter().map(|it| it.version).collect();
        assert_eq!(versions, [expected], "{entries:?}");
    }

    #[test]
    fn a_stable_release_is_fixed_by_what_was_made_from_the_fix() {
        check(
            &[
                "2.47-2~deb12u1 bookworm 2024-02-02 Rebuild",
                "2.47-2 unstable 2024-02-01 CVE-2024-0001",
            ],
            "2.47-2~deb12u1",
        );
        check(
            &[
                "1.38-4 bookworm 2024-02-01 CVE-2024-0001",
                "1.40-2 unstable 2024-01-01 CVE-2024-0001",
            ],
            "1.38-4",
        );
        check(
            &[
                "1.38-4 bookworm 2024-02-01 another branch",
                "1.40-2 unstable 2024-01-01 CVE-2024-0001",
            ],
            "1.40-2",
        );
    }

    #[test]
    fn updates_of_older_releases_are_on_lines_of_their_own() {
        let side = "1.6.5-1+deb9u2 stretch-security 2019-06-30 CVE-2024-0001";
        let (older, old) = ("1.6.5-1 unstable 2017-03-01 New", "1.6.6-1 unstable 2018-01-01 New");
        let (last, next) = ("1.7.2-1 unstable 2019-06-01 New", "1.7.4-1 unstable 2019-07-10 Merge");
        // Merged by version, as dpkg-mergechangelogs does, or by day.
        check(&[next, last, old, side, older], "1.7.4-1");
        check(&[next, side, last, old, older], "1.7.4-1");
        // Named when it was merged, too.
        check(&["1.7.4-1 unstable 2019-07-10 CVE-2024-0001", last, old, side, older], "1.7.4-1");
        // Mended here before it was there.
        check(&[next, "1.7.2-1 unstable 2019-06-01 CVE-2024-0001", old, side, older], "1.7.2-1");
        // Nothing came in between: the next version was made from it, or mended likewise.
        check(&[next, side, older], "1.6.5-1+deb9u2");
        // Several uploads of that line, and one of the line after it.
        let more = "1.6.5-1+deb9u1 stretch-security 2019-02-01 Another";
        let lts = "1.7.2-1+deb10u1 buster 2019-12-01 Something";
        let now = "1.8-1 unstable 2020-02-01 New";
        check(&[now, lts, next, last, old, side, more, older], "1.7.4-1");
        check(&[now, next, lts, last, old, side, more, older], "1.7.4-1");
    }

    #[test]
    fn the_releases_own_line_goes_through_unstable_and_its_updates() {
        let base = ["1.0-2 unstable 2023-01-01 New", "1.0-1 experimental 2022-01-01 New"];
        let with = |above: &[&'static str]| [above, &base[..]].concat();
        let update = "1.0-2+deb12u1 bookworm-security 2024-01-01 CVE-2024-0001";
        check(&with(&[update]), "1.0-2+deb12u1");
        check(
            &with(&["1.0-2+deb12u2 bookworm 2024-02-01 Regression of CVE-2024-0001", update]),
            "1.0-2+deb12u1",
        );
        check(
            &with(&[
                "1.1-1~deb12u1 bookworm-security 2024-02-01 Rebuild",
                "1.1-1 unstable 2024-01-01 CVE-2024-0001",
            ]),
            "1.1-1~deb12u1",
        );
        // Times of the own line are not held against it: clocks and hands are wrong at times.
        check(&with(&["1.0-3 unstable 2022-12-01 CVE-2024-0001"]), "1.0-3");
        // An update of an older release that was taken as it was.
        check(
            &[
                "1.0-4 unstable 2023-05-01 New",
                "1.0-3+deb11u1 bullseye-security 2023-04-01 CVE-2024-0001",
                base[0],
                base[1],
            ],
            "1.0-3+deb11u1",
        );
        // A branch of trials, beside which unstable went on.
        check(
            &with(&[
                "1.2-1 unstable 2024-03-01 New",
                "1.0-3 unstable 2024-02-01 New",
                "1.1-1 experimental 2024-01-01 CVE-2024-0001",
            ]),
            "1.2-1",
        );
    }

    #[test]
    fn long_changelogs_take_no_longer_than_they_are() {
        let entries: Vec<String> = (0..20_000)
            .rev()
            .map(|it| format!("1.{it}-1 unstable 2024-01-01 CVE-2024-0001"))
            .collect();
        check(&entries.iter().map(String::as_str).collect::<Vec<_>>(), "1.0-1");
    }
}
