//! Many advisories, one finding: those that speak of the same vulnerability of a component are
//! merged, and every one of them is kept beside it.
use crate::{
    evaluate::{Outcome, ecosystem, installed, range_text, scheme_name},
    judge::{self, cve_of, feed_title, fix_of, is_derived},
    matching::{Found, Records},
    rating,
};
use model::{
    Advisory, Component, Enrichment, Finding, Kind, Level, Namespace, Rating, Restart, Statement,
    Status, Verdict, Why,
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// The findings on one component, by their identifiers.
pub(crate) fn findings(component: &Component, found: &[Found], records: &Records) -> Vec<Finding> {
    let mut groups: BTreeMap<String, Group<'_>> = BTreeMap::new();
    let names = clusters(found, records);
    let denied: BTreeSet<(&Namespace, &str)> = found
        .iter()
        .filter(|it| it.judged.outcome == Outcome::Miss(Verdict::NotAffected))
        .filter_map(|it| Some((&it.question.namespace, cve_of(&it.judged.advisory)?)))
        .collect();
    for it in found {
        let Some(advisory) = advisory(it, records) else { continue };
        for id in subjects(advisory) {
            if is_hit(it) && denied.contains(&(&it.question.namespace, id)) {
                continue;
            }
            let Some((primary, all)) = names.get(id) else { continue };
            let group = groups.entry(primary.clone()).or_default();
            group.names.extend(all.iter().cloned());
            if !group.said.iter().any(|(known, _)| std::ptr::eq(*known, it)) {
                group.said.push((it, advisory));
            }
        }
    }
    let groups = groups.into_iter().filter(|it| it.1.affects());
    groups.filter_map(|(id, group)| group.finding(component, id)).collect()
}

fn advisory<'a>(found: &Found, records: &'a Records) -> Option<&'a Advisory> {
    let key = (found.judged.feed.clone(), found.judged.advisory.clone());
    records.get(&key).map(|it| &it.advisory)
}

/// The vulnerabilities that an advisory is about.
fn subjects(advisory: &Advisory) -> impl Iterator<Item = &str> {
    let own = advisory.covers.is_empty().then_some(&advisory.id);
    advisory.covers.iter().chain(own).map(String::as_str)
}

/// What one must pay for to get a fix.
fn subscription(it: &Found) -> Option<&'static str> {
    it.question.namespace.subscription()
}

fn is_hit(it: &Found) -> bool {
    !matches!(it.judged.outcome, Outcome::Miss(_))
}

/// For each name of a vulnerability, the one to call it by, and all of them. Only aliases make two
/// names one (union-find): what is upstream of an advisory, or related to it, never does.
fn clusters(found: &[Found], records: &Records) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut sets = Sets::default();
    for advisory in found.iter().filter_map(|it| advisory(it, records)) {
        for id in subjects(advisory) {
            let first = sets.of(id);
            if advisory.covers.is_empty() {
                for alias in &advisory.aliases {
                    sets.join(first, alias);
                }
            }
        }
    }
    let mut members: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for (name, number) in &sets.numbers {
        members.entry(sets.root(*number)).or_default().insert((*name).to_owned());
    }
    let mut names = BTreeMap::new();
    for set in members.into_values() {
        let primary = set.iter().min_by_key(|it| preference(it)).cloned().unwrap_or_default();
        for name in &set {
            names.insert(name.clone(), (primary.clone(), set.clone()));
        }
    }
    names
}

/// Sets of names that have no name in common.
#[derive(Default)]
struct Sets<'a> {
    numbers: BTreeMap<&'a str, usize>,
    /// Of each number, another one of the same set, or itself for the one that stands for the set.
    parents: Vec<usize>,
}

impl<'a> Sets<'a> {
    fn of(&mut self, name: &'a str) -> usize {
        let next = self.parents.len();
        let number = *self.numbers.entry(name).or_insert(next);
        if number == next {
            self.parents.push(next);
        }
        self.root(number)
    }

    fn join(&mut self, set: usize, name: &'a str) {
        let (other, set) = (self.of(name), self.root(set));
        if let Some(it) = self.parents.get_mut(other) {
            *it = set;
        }
    }

    fn root(&self, mut number: usize) -> usize {
        while let Some(parent) = self.parents.get(number).filter(|it| **it != number) {
            number = *parent;
        }
        number
    }
}

/// What a vulnerability is called by: its CVE, the oldest of several; else the most widely known.
fn preference(name: &str) -> (usize, u64, u64, &str) {
    let mut numbers = name.strip_prefix("CVE-").into_iter().flat_map(|it| it.split('-'));
    let mut number = || numbers.next().and_then(|it| it.parse().ok()).unwrap_or_default();
    let kinds = ["CVE-", "GHSA-", "MAL-", "RUSTSEC-", "PYSEC-", "GO-"];
    let kind = kinds.iter().position(|it| name.starts_with(it)).unwrap_or(kinds.len());
    (kind, number(), number(), name)
}

/// What is said of one vulnerability of a component.
#[derive(Default)]
struct Group<'a> {
    said: Vec<(&'a Found, &'a Advisory)>,
    names: BTreeSet<String>,
}

impl Group<'_> {
    /// Whether the component is counted in: by what is only derived where nobody closer speaks of the vulnerability.
    fn affects(&self) -> bool {
        let hit = |derived| {
            self.said.iter().any(|it| is_hit(it.0) && is_derived(&it.0.judged.feed) == derived)
        };
        hit(false) || hit(true) && self.said.iter().all(|it| is_derived(&it.0.judged.feed))
    }

    fn finding(mut self, component: &Component, id: String) -> Option<Finding> {
        self.said.sort_by_key(|(it, advisory)| closeness(it, advisory));
        let (first, _) = *self.said.first()?;
        self.names.remove(&id);
        let errata = self.said.iter().filter(|it| is_erratum(it.1)).map(|it| &it.1.id);
        let kind = self.said.iter().map(|it| it.1.kind).min().unwrap_or_default();
        let hits = || self.said.iter().filter(|it| is_hit(it.0));
        let fix = self.fix(first, kind);
        let fixed = fix.and_then(|it| fix_of(&it.judged)).map(str::to_owned);
        let status = match (fixed.is_some(), first.judged.affected.status) {
            (true, _) => Status::Fixed,
            (false, Status::Fixed) => Status::Affected,
            (false, status) => status,
        };
        let ratings = self.ratings(kind);
        let severity = rating::chosen(&ratings);
        let titles = || self.said.iter().filter(|it| !it.1.title.is_empty());
        let title = titles().find(|it| !is_erratum(it.1)).or(titles().next());
        Some(Finding {
            component: first.question.component,
            aliases: self.names.iter().cloned().collect(),
            errata: unique(errata),
            certain: hits().any(|it| matches!(it.0.judged.outcome, Outcome::Hit(_))),
            priority: rating::priority(kind, severity.level, status, &Enrichment::default()),
            title: title.map(|it| it.1.title.clone()).unwrap_or_default(),
            cwes: unique(self.said.iter().flat_map(|it| &it.1.cwes)),
            references: unique(self.said.iter().flat_map(|it| references(it.1, &id))),
            published: self.said.iter().filter_map(|it| it.1.published).min(),
            exploited: None,
            epss: None,
            exploits: Vec::new(),
            restart: Restart::of(component).filter(|_| kind != Kind::Malware),
            why: why(component, first),
            subscription: fix.and_then(subscription).map(str::to_owned),
            sample: None,
            sources: self.said.iter().map(|it| statement(it.0)).collect(),
            id,
            kind,
            status,
            fixed,
            severity,
            ratings,
        })
    }

    /// Who brings the fix. What was derived brings none where the distribution itself knows none;
    /// a fix for everybody is better than one for subscribers; and the only cure for malware is to
    /// remove it.
    fn fix(&self, first: &Found, kind: Kind) -> Option<&Found> {
        let derived = is_derived(&first.judged.feed);
        let fixes = || {
            let hits = self.said.iter().map(|it| it.0).filter(|it| is_hit(it));
            hits.filter(|it| {
                kind != Kind::Malware
                    && is_derived(&it.judged.feed) == derived
                    && fix_of(&it.judged).is_some()
            })
        };
        fixes().find(|it| subscription(it).is_none()).or(fixes().next())
    }

    fn ratings(&self, kind: Kind) -> Vec<Rating> {
        let mut ratings: Vec<Rating> = Vec::new();
        if kind == Kind::Malware {
            let (by, value) = ("OpenSSF malicious packages".to_owned(), "malware".to_owned());
            ratings.push(Rating { level: Level::Critical, by, score: None, value });
        }
        for (it, advisory) in &self.said {
            ratings.extend(it.judged.affected.severities.iter().map(rating::rating));
            ratings.extend(advisory.severities.iter().map(rating::rating));
        }
        rating::ranked(ratings)
    }
}

/// Sorts the statements on a vulnerability: what counts the version in before what doesn't, what
/// is certain before what is not, the distribution's own before what was derived, what is about
/// this one vulnerability before what covers several.
fn closeness<'a>(
    it: &'a Found,
    advisory: &'a Advisory,
) -> (u8, bool, Reverse<bool>, &'a str, &'a str) {
    let outcome = match it.judged.outcome {
        Outcome::Hit(_) => 0,
        Outcome::Uncertain(_) => 1,
        Outcome::Miss(_) => 2,
    };
    let derived = is_derived(&it.judged.feed);
    (outcome, derived, Reverse(!is_erratum(advisory)), &it.judged.feed, &it.judged.advisory)
}

/// Whether an advisory is an erratum: named for the update, and not for a vulnerability.
fn is_erratum(advisory: &Advisory) -> bool {
    !advisory.covers.is_empty()
        && cve_of(&advisory.id).is_none()
        && !advisory.covers.contains(&advisory.id)
}

/// The web pages of an advisory, without those on other vulnerabilities that it covers.
fn references<'a>(advisory: &'a Advisory, id: &str) -> impl Iterator<Item = &'a String> {
    let other = move |it: &&String| it.contains("CVE-") && !it.contains(id);
    let several = advisory.covers.len() > 1;
    advisory.references.iter().filter(move |it| !several || !other(it))
}

fn why(component: &Component, it: &Found) -> Why {
    let judge::Judged { feed, advisory, affected, outcome } = &it.judged;
    Why {
        namespace: it.question.namespace.clone(),
        package: affected.package.clone(),
        by_source: affected.names == model::Names::Source,
        version: installed(component, affected.names).into_owned(),
        scheme: scheme_name(ecosystem(component, affected)).to_owned(),
        feed: feed.clone(),
        advisory: advisory.clone(),
        range: range_text(affected),
        comparison: comparison(outcome),
    }
}

fn statement(it: &Found) -> Statement {
    Statement {
        feed: it.judged.feed.clone(),
        title: feed_title(&it.judged.feed).to_owned(),
        advisory: it.judged.advisory.clone(),
        status: it.judged.affected.status,
        affects: is_hit(it),
        comparison: comparison(&it.judged.outcome),
    }
}

fn comparison(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Hit(it) => it.comparison.clone(),
        Outcome::Uncertain(it) | Outcome::Miss(Verdict::OutOfRange(it)) => it.clone(),
        Outcome::Miss(it) => it.to_string(),
    }
}

fn unique<'a>(items: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    items.filter(|it| seen.insert(*it)).cloned().collect()
}
