//! What everybody says of one component, and who has the last word.
use crate::{
    database::Entry,
    evaluate::{Hit, Outcome, ecosystem, evaluate},
    feeds, ranges,
    scope::means,
};
use model::{Affected, Component, Ecosystem, Verdict};
use std::{cmp::Ordering, collections::BTreeMap};

/// What one advisory says of a component.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) feed: String,
    pub(crate) advisory: String,
    /// The entry that decided.
    pub(crate) affected: Affected,
    pub(crate) outcome: Outcome,
}

/// What each of the advisories that were found under one of its names says of a component. The
/// distribution's own statement on a vulnerability overrules what others derived.
pub(crate) fn judge(component: &Component, entries: &[Entry]) -> Vec<Judged> {
    let mut judged: Vec<Judged> =
        entries.iter().filter_map(|it| judge_entry(component, it)).collect();
    let derived = |it: &Judged| !matches!(it.outcome, Outcome::Miss(_)) && is_derived(&it.feed);
    if !judged.iter().any(derived) {
        return judged;
    }
    let mut own: BTreeMap<&str, String> = BTreeMap::new();
    for it in judged.iter().filter(|it| !is_derived(&it.feed)) {
        if let (Some(cve), Outcome::Miss(verdict)) = (cve_of(&it.advisory), &it.outcome) {
            let said = match verdict {
                Verdict::OutOfRange(it) => it.as_str(),
                _ => "not affected",
            };
            own.insert(cve, format!("{}: {said}", feed_title(&it.feed)));
        }
    }
    let overruled: Vec<Option<String>> = judged
        .iter()
        .map(|it| own.get(cve_of(&it.advisory).filter(|_| derived(it))?).cloned())
        .collect();
    for (it, overruled) in judged.iter_mut().zip(overruled) {
        if let Some(said) = overruled {
            it.outcome = Outcome::Miss(Verdict::Overruled(said));
        }
    }
    judged
}

/// One advisory may have several entries for a package: together they are a union, and only a
/// version that is outside of all is mended.
fn judge_entry(component: &Component, entry: &Entry) -> Option<Judged> {
    let system = component.ecosystem.is_system();
    let of = |it: &&Affected| !system || means(component, it.names, &it.package);
    let mut best: Option<(Affected, Outcome)> = None;
    for affected in entry.affected.iter().filter(of) {
        let outcome = evaluate(component, affected);
        best = Some(match best.take() {
            None => (affected.clone(), outcome),
            Some(before) => {
                worse(ecosystem(component, affected), before, (affected.clone(), outcome))
            }
        });
    }
    let (affected, outcome) = best?;
    let (feed, advisory) = (entry.feed.clone(), entry.advisory.clone());
    Some(Judged { feed, advisory, affected, outcome })
}

type Judgement = (Affected, Outcome);

fn worse(ecosystem: Ecosystem, a: Judgement, b: Judgement) -> Judgement {
    let rank = |it: &Outcome| match it {
        Outcome::Hit(_) => 3,
        Outcome::Uncertain(_) => 2,
        Outcome::Miss(Verdict::OutOfRange(_)) => 1,
        Outcome::Miss(_) => 0,
    };
    match (&a.1, &b.1) {
        // Both must be left behind.
        (Outcome::Hit(Hit { fix: Some(one), .. }), Outcome::Hit(Hit { fix: Some(two), .. })) => {
            let later = ecosystem.scheme().order(one, two) == Some(Ordering::Less);
            if later { b } else { a }
        }
        (Outcome::Hit(_), Outcome::Hit(Hit { fix: None, .. })) => b,
        (one, two) if rank(one) >= rank(two) => a,
        _ => b,
    }
}

/// The vulnerability of an advisory that is about one, as its name tells: `DEBIAN-CVE-2024-1` is
/// about CVE-2024-1.
pub(crate) fn cve_of(advisory: &str) -> Option<&str> {
    if advisory.starts_with("TEMP-") {
        return Some(advisory);
    }
    advisory.get(advisory.find("CVE-")?..)
}

/// Whether whoever is closer overrules a feed.
pub(crate) fn is_derived(feed: &str) -> bool {
    feeds::feed(feed).is_some_and(|it| it.derived)
}

/// A feed's name for people.
pub(crate) fn feed_title(feed: &str) -> &str {
    feeds::feed(feed).map_or(feed, |it| it.title)
}

/// The fix that an outcome brings to light.
pub(crate) fn fix_of(it: &Judged) -> Option<&str> {
    match &it.outcome {
        Outcome::Hit(hit) => hit.fix.as_deref(),
        _ => it.affected.ranges.iter().find_map(ranges::fix),
    }
}
