//! What happened to an image: its scans, what came and went without one, and what was decided.
use super::images::detail;
use crate::{
    Problem,
    call::{Call, Failure},
    receive::Json,
    views::{Happened, Level, Time, TimelineEvent},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};
use store::{
    Tx, exceptions, findings,
    items::{self, Ended, State},
};

/// Why there was a scan.
pub(crate) const FIRST: &str = "scanned for the first time";
const AGAIN: &str = "scanned again";

/// How many names of risks an event has.
const SOME: usize = 20;

pub(crate) fn timeline(call: &Call, (): ()) -> Result<Json<Vec<TimelineEvent>>, Problem> {
    let digest = call.param("digest")?;
    let mut all = call.read(|tx| {
        let image = detail(tx, digest)?.image;
        let open = findings::of_image(tx, image.id, true)?;
        let mut all = scans(tx, digest, image.first_scanned, &open)?;
        all.extend(findings::timeline(tx, image.id)?.into_iter().map(by_advisories));
        all.extend(handled(tx, image.first_scanned, &open)?);
        Ok(all)
    })?;
    all.sort_by_key(|it| Reverse((it.at, it.what)));
    Ok(Json(all))
}

fn event(at: i64, what: Happened, why: &str) -> TimelineEvent {
    TimelineEvent {
        at: Time(at),
        what,
        why: why.to_owned(),
        findings: 0,
        level: Level::None,
        risks: Vec::new(),
        task: None,
        exception: None,
    }
}

/// Adds findings, which come the worst first.
fn concern<'a>(event: &mut TimelineEvent, all: impl Iterator<Item = &'a findings::Finding>) {
    let mut worst = store::Level::None;
    for it in all {
        event.findings = event.findings.saturating_add(1);
        worst = worst.max(it.level);
        if event.risks.len() < SOME && !event.risks.contains(&it.name) {
            event.risks.push(it.name.clone());
        }
    }
    event.level = worst.into();
}

fn scans(
    tx: &mut Tx<'_>,
    digest: &str,
    first: i64,
    open: &[findings::Finding],
) -> Result<Vec<TimelineEvent>, Failure> {
    let mut all = Vec::new();
    for it in items::of_digest(tx, digest, 100)? {
        let (Some(at), State::Ended(end)) = (it.ended_at, it.state) else { continue };
        let (what, why) = match end {
            Ended::Done => (Happened::Scanned, AGAIN),
            Ended::Failed => (Happened::Failed, it.reason.as_str()),
            Ended::Cancelled | Ended::Exhausted => continue,
        };
        all.push(TimelineEvent { task: Some(it.task), ..event(at, what, why) });
    }
    if first > 0 {
        // Tasks are forgotten one day; that it was scanned is not.
        let is_first = |it: &TimelineEvent| it.at.0 == first && it.what == Happened::Scanned;
        let known = all.iter().position(is_first);
        let mut it = match known {
            Some(at) => all.swap_remove(at),
            None => event(first, Happened::Scanned, ""),
        };
        FIRST.clone_into(&mut it.why);
        concern(
            &mut it,
            open.iter().filter(|it| it.appeared_at == first || it.first_seen == first),
        );
        all.push(it);
    }
    Ok(all)
}

fn by_advisories(it: findings::Event) -> TimelineEvent {
    let (what, why) = match it.appeared {
        true => (Happened::Appeared, "the advisories came to name them"),
        false => (Happened::Gone, "the advisories ceased to name them"),
    };
    let (findings, level, risks) = (it.findings, it.level.into(), it.risks);
    TimelineEvent { findings, level, risks, ..event(it.at, what, why) }
}

/// The exceptions that handle findings of the image now.
fn handled(
    tx: &mut Tx<'_>,
    first: i64,
    open: &[findings::Finding],
) -> Result<Vec<TimelineEvent>, Failure> {
    let mut by: BTreeMap<i64, Vec<&findings::Finding>> = BTreeMap::new();
    for it in open.iter().filter(|it| it.gone_at.is_none()) {
        if let Some(rule) = it.handled_by {
            by.entry(rule).or_default().push(it);
        }
    }
    let ids: BTreeSet<i64> = by.keys().copied().collect();
    let rules = exceptions::some(tx, &ids.into_iter().collect::<Vec<_>>())?;
    let one = |rule: exceptions::Exception| {
        let why = format!("{} ({})", rule.rule.reason, rule.rule.person);
        let mut it = event(rule.created_at.max(first), Happened::Handled, &why);
        it.exception = Some(rule.id);
        concern(&mut it, by.get(&rule.id).into_iter().flatten().copied());
        it
    };
    Ok(rules.into_iter().map(one).collect())
}
