//! Our own table of notorious vulnerabilities, which ships with the program: lines of columns, as its head says
//! (`starter/notorious.tsv`). A selection: that it does not speak of a package says nothing of the package.
use super::{Emit, Feed, Item, Malformed, interval::Interval};
use crate::ranges;
use model::{
    Advisory, Affected, Ecosystem, Enrichment, Exploited, Names, Namespace, Purl, Severity,
};

pub(super) const FEED: Feed = Feed {
    name: "notorious",
    title: "Plimsoll's table of notorious vulnerabilities",
    places: &[],
    licence: "Apache-2.0",
    attribution: "a selection, from public facts",
    default: false,
    derived: true,
    parse,
};

fn parse(document: &[u8], _name: &str, emit: Emit<'_>) -> Result<(), Malformed> {
    let text = std::str::from_utf8(document).map_err(|it| Malformed(it.to_string().into()))?;
    let mut open = None;
    let outcome = text.lines().enumerate().try_for_each(|(number, line)| {
        let bad = |it| Malformed(format!("line {}: {it}", number.saturating_add(1)).into());
        read(line, &mut open, emit).map_err(bad)
    });
    emit_all(open, emit);
    outcome
}

/// Reads a line: it begins a vulnerability, or says more of the one that is open.
fn read(line: &str, open: &mut Option<Advisory>, emit: Emit<'_>) -> Result<(), String> {
    if line.is_empty() || line.starts_with('#') {
        return Ok(());
    }
    let row = Row::parse(line)?;
    if row.id.is_empty() {
        open.as_mut().ok_or("it continues nothing")?.affected.extend(row.affected);
        return Ok(());
    }
    let (advisory, known) = row.begin();
    emit_all(open.replace(advisory), emit);
    if let Some(known) = known {
        emit(Item::Enrichment(known));
    }
    Ok(())
}

fn emit_all(advisory: Option<Advisory>, emit: Emit<'_>) {
    if let Some(it) = advisory {
        emit(Item::Advisory(Box::new(it)));
    }
}

/// A line.
struct Row<'a> {
    /// The vulnerability; empty where the line says more of the one above it.
    id: &'a str,
    affected: Vec<Affected>,
    vector: &'a str,
    exploited: Option<Exploited>,
    weakness: &'a str,
    title: &'a str,
}

impl<'a> Row<'a> {
    fn parse(line: &'a str) -> Result<Row<'a>, String> {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap_or_default();
        let (id, places, ranges) = (next(), next(), next());
        let (vector, exploited, weakness, title) = (next(), next(), next(), next());
        if !id.is_empty() && title.is_empty() {
            return Err(format!("{id} lacks columns"));
        }
        Ok(Row {
            id,
            affected: places.split(' ').map(|it| affected(it, ranges)).collect::<Result<_, _>>()?,
            vector,
            exploited: exploited_since(exploited)?,
            weakness: weakness.trim_start_matches('-'),
            title,
        })
    }

    /// What it says of a vulnerability, to be continued, and of that wherever it occurs.
    fn begin(self) -> (Advisory, Option<Enrichment>) {
        let severity = Severity { by: super::PUBLISHED.to_owned(), value: self.vector.to_owned() };
        let advisory = Advisory {
            id: self.id.to_owned(),
            feed: FEED.name.to_owned(),
            title: self.title.to_owned(),
            severities: vec![severity],
            cwes: Some(self.weakness)
                .filter(|it| !it.is_empty())
                .map(str::to_owned)
                .into_iter()
                .collect(),
            affected: self.affected,
            ..Advisory::default()
        };
        let known = self.exploited.map(|it| Enrichment {
            cve: self.id.to_owned(),
            exploited: Some(it),
            ..Enrichment::default()
        });
        (advisory, known)
    }
}

/// `2021-12-10,ransomware`, `listed`, `-`, or nothing.
fn exploited_since(text: &str) -> Result<Option<Exploited>, String> {
    let (day, ransomware) = match text.strip_suffix(",ransomware") {
        Some(day) => (day, true),
        None => (text, false),
    };
    let added = match day {
        "" | "-" => return Ok(None),
        "listed" => None,
        day => Some(day.parse().map_err(|_| format!("{day} is no day"))?),
    };
    Ok(Some(Exploited { added, due: None, ransomware }))
}

/// `pkg:npm/lodash` or `cpe:vendor:product`, and intervals: `>=1.0 <1.2; <=0.2`, or `*` for every version.
fn affected(place: &str, intervals: &str) -> Result<Affected, String> {
    let (namespace, package) = match place.strip_prefix("cpe:") {
        Some(product) => (Namespace::new(Namespace::NVD), product.to_owned()),
        None => package(place).ok_or_else(|| format!("{place} is no package"))?,
    };
    let scheme = namespace.ecosystem().unwrap_or(Ecosystem::Generic).scheme();
    let mut affected = Affected::every_version(namespace, &package, Names::Package);
    affected.ranges.clear();
    for text in intervals.split("; ") {
        let interval = match text {
            "*" => Some(Interval::default()),
            _ => Interval::parse(&text.replace(' ', ","), scheme),
        };
        interval.ok_or_else(|| format!("{text:?} is no interval"))?.put(true, &mut affected);
    }
    affected.status = ranges::status(&affected.ranges, None);
    Ok(affected)
}

fn package(purl: &str) -> Option<(Namespace, String)> {
    // A package URL names a component only with a version.
    let purl = Purl { version: Some("0".to_owned()), ..Purl::parse(purl).ok()? };
    let component = purl.component()?;
    Some((Namespace::language(component.ecosystem)?, component.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rating;
    use model::End;
    use std::collections::BTreeSet;

    fn scheme(it: &Affected) -> model::version::Scheme {
        it.namespace.ecosystem().unwrap_or(Ecosystem::Generic).scheme()
    }

    /// What is wrong with an advisory of the table, if anything.
    fn fault(it: &Advisory) -> Option<String> {
        let digits = |it: &str| it.len() >= 4 && it.bytes().all(|it| it.is_ascii_digit());
        let cve = it.id.strip_prefix("CVE-").and_then(|it| it.split_once('-'));
        let is_cve = cve.is_some_and(|(year, number)| digits(year) && digits(number));
        let is_ghsa = it.id.starts_with("GHSA-") && it.id.len() == "GHSA-xxxx-xxxx-xxxx".len();
        if !is_cve && !is_ghsa {
            return Some("its identifier is none".to_owned());
        }
        if it.severities.iter().any(|it| rating::rating(it).score.is_none_or(|it| it < 3.0)) {
            return Some(format!("its vector has no score: {:?}", it.severities));
        }
        let is_cwe =
            |it: &String| it.strip_prefix("CWE-").is_some_and(|it| it.parse::<u16>().is_ok());
        if !it.cwes.iter().all(is_cwe) {
            return Some(format!("its weakness is none: {:?}", it.cwes));
        }
        let places: BTreeSet<_> =
            it.affected.iter().map(|it| (&it.namespace, &it.package)).collect();
        if places.len() != it.affected.len() {
            return Some("it says something twice".to_owned());
        }
        it.affected.iter().find_map(disorder)
    }

    /// Intervals begin before they end, none overlaps another, and all can be ordered.
    fn disorder(it: &Affected) -> Option<String> {
        let scheme = scheme(it);
        let mut sorted = it.ranges.clone();
        sorted.sort_by(|a, b| match (&a.introduced, &b.introduced) {
            (Some(a), Some(b)) => scheme.order(a, b).unwrap(),
            (a, b) => a.cmp(b),
        });
        let mut bounds: Vec<(&str, bool)> = Vec::new();
        for range in &sorted {
            bounds.extend(range.introduced.as_deref().map(|it| (it, true)));
            match &range.end {
                End::Fixed(it) | End::Limit(it) => bounds.push((it, true)),
                End::LastAffected(it) => bounds.push((it, false)),
                End::Open => {}
            }
        }
        let wrong = bounds.windows(2).find(|pair| {
            let order = scheme.order(pair[0].0, pair[1].0);
            !order.is_some_and(|it| it.is_lt() || it.is_eq() && !pair[1].1)
        });
        let unknown = bounds.iter().find(|it| !scheme.parses(&scheme.normalize(it.0)));
        let what = wrong.map(|it| format!("{it:?}")).or(unknown.map(|it| format!("{it:?}")))?;
        Some(format!("{} {}: {what} is out of order", it.namespace, it.package))
    }

    #[test]
    fn the_table_is_well_formed() {
        let table = include_bytes!("../../starter/notorious.tsv");
        let (mut ids, mut exploited, mut faults) = (BTreeSet::new(), 0, Vec::new());
        parse(table, "", &mut |item| match item {
            Item::Advisory(it) => {
                faults.extend(fault(&it).map(|why| format!("{}: {why}", it.id)));
                assert!(ids.insert(it.id.clone()), "{} twice", it.id);
            }
            Item::Enrichment(_) => exploited += 1,
            Item::Skipped(why) => panic!("{why}"),
        })
        .unwrap();
        assert!(faults.is_empty(), "{faults:#?}");
        assert!(ids.len() >= 300 && exploited >= 150, "{} {exploited}", ids.len());
    }

    #[test]
    fn what_is_no_row_is_refused() {
        let check = |row: &str, expected: &str| {
            let row = row.replace('|', "\t");
            let why = parse(row.as_bytes(), "", &mut |_| {}).unwrap_err();
            assert_eq!(why.to_string(), format!("malformed: line 1: {expected}"), "{row}");
        };
        check("|pkg:npm/a|<1", "it continues nothing");
        check("CVE-2024-1|pkg:npm/a|<1", "CVE-2024-1 lacks columns");
        check("CVE-2024-1|npm/a|<1|v|-|-|t", "npm/a is no package");
        check("CVE-2024-1|pkg:deb/a|<1|v|-|-|t", "pkg:deb/a is no package");
        check("CVE-2024-1|pkg:npm/a|!1|v|-|-|t", "\"!1\" is no interval");
        check("CVE-2024-1|pkg:npm/a||v|-|-|t", "\"\" is no interval");
        check("CVE-2024-1|pkg:npm/a|<1|v|yes|-|t", "yes is no day");
    }
}
