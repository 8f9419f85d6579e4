//! What Prometheus reads of the center: what this process has done, and what the store has, which all processes that share
//! it say alike.
use crate::{
    Problem,
    call::{Call, Failure},
    metrics::{Text, float},
    views::{ImageCount, Level},
};
use scan::center::Figures;
use serde::Serialize;
use std::collections::BTreeMap;
use store::{Tx, Word, advisories, deliveries, figures, leases, quota, registries, reports, risks};

/// What this process has done since it began.
pub(crate) fn figures(it: &Figures, text: &mut Text) {
    let mut counter = |name: &str, help: &str, value: u64| {
        text.family(name, "counter", help);
        text.sample(name, &[], float(value));
    };
    counter("plimsoll_scans_total", "Scans by this process that succeeded.", it.scanned);
    counter("plimsoll_scan_failures_total", "Attempts by this process that failed.", it.failed);
    let help = "Scans that this process took away from those who were not heard of any more.";
    counter("plimsoll_scans_reaped_total", help, it.reaped);
    let help = "Matches that came or went because of advisories, by this process.";
    counter("plimsoll_rematched_total", help, u64::try_from(it.rematched).unwrap_or(u64::MAX));
    let help = "Rows that this process forgot because they were too old or of no use.";
    counter("plimsoll_rows_forgotten_total", help, it.forgotten);
}

/// What the store has.
pub(crate) fn store(call: &Call, text: &mut Text) -> Result<(), Problem> {
    let written = call.read(|tx| {
        let mut text = Text::default();
        images(tx, &mut text)?;
        work(tx, &mut text)?;
        telling(tx, &mut text)?;
        registries_of(tx, &mut text)?;
        database(tx, &mut text)?;
        let held = leases::all(tx, call.now)?;
        text.family("plimsoll_lease_held", "gauge", "What one process does for all, held by some.");
        for (name, ..) in &held {
            text.sample("plimsoll_lease_held", &[("lease", name)], 1.0);
        }
        Ok(text)
    })?;
    text.append(written);
    Ok(())
}

fn images(tx: &mut Tx<'_>, text: &mut Text) -> Result<(), Failure> {
    text.family("plimsoll_images", "gauge", "Images by state, level and coverage.");
    for it in figures::images(tx)? {
        let it = ImageCount::from(it);
        let (state, level, coverage) = (word(&it.state)?, word(&it.level)?, word(&it.coverage)?);
        let labels = [("state", &*state), ("level", &*level), ("coverage", &*coverage)];
        text.sample("plimsoll_images", &labels, count(it.images));
    }
    text.family("plimsoll_open_risks", "gauge", "Open risks by category and level.");
    for (category, level, risks) in risks::open(tx)? {
        let level = word(&Level::from(level))?;
        let labels = [("category", category.as_str()), ("level", &*level)];
        text.sample("plimsoll_open_risks", &labels, count(risks));
    }
    let quota = quota::read(tx)?;
    let mut gauge = |name: &str, help: &str, value: u64| {
        text.family(name, "gauge", help);
        text.sample(name, &[], float(value));
    };
    gauge("plimsoll_quota_used", "Images that have cost quota.", quota.used);
    gauge("plimsoll_quota_reserved", "Images that running scans will cost.", quota.reserved);
    if let Some(it) = quota.total {
        gauge("plimsoll_quota_total", "Images that are authorised.", it);
    }
    Ok(())
}

/// The queue. States with nothing in them are zero, so that a rule on them sees them.
fn work(tx: &mut Tx<'_>, text: &mut Text) -> Result<(), Failure> {
    let queue = figures::queue(tx)?;
    text.family("plimsoll_queue_scans", "gauge", "Scans that are to be or are running, by state.");
    for state in ["ready", "later", "running"] {
        let scans = queue.iter().find(|it| it.state == state).map_or(0, |it| it.scans);
        text.sample("plimsoll_queue_scans", &[("state", state)], count(scans));
    }
    let name = "plimsoll_queue_oldest_timestamp_seconds";
    text.family(name, "gauge", "When the oldest of these was asked for.");
    for it in &queue {
        text.sample(name, &[("state", &it.state)], seconds(it.since));
    }
    Ok(())
}

fn telling(tx: &mut Tx<'_>, text: &mut Text) -> Result<(), Failure> {
    let counts = deliveries::counts(tx)?;
    text.family("plimsoll_deliveries", "gauge", "Notifications that are kept, by state.");
    for (state, word) in deliveries::State::WORDS {
        let known = counts.iter().find(|it| it.0 == *state).map_or(0, |it| it.1);
        text.sample("plimsoll_deliveries", &[("state", word)], count(known));
    }
    Ok(())
}

fn registries_of(tx: &mut Tx<'_>, text: &mut Text) -> Result<(), Failure> {
    let all = registries::all(tx)?;
    let mut counts: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for it in &all {
        let count = counts.entry((&it.kind, &it.state)).or_default();
        *count = count.saturating_add(1);
    }
    text.family("plimsoll_registries", "gauge", "Registries by type and state.");
    for ((kind, state), number) in counts {
        text.sample("plimsoll_registries", &[("type", kind), ("state", state)], count(number));
    }
    let name = "plimsoll_registry_synchronised_timestamp_seconds";
    text.family(name, "gauge", "When a registry was synchronised last; 0: never.");
    for it in &all {
        let at = seconds(it.synced_at.unwrap_or_default());
        text.sample(name, &[("registry", &it.name)], at);
    }
    Ok(())
}

fn database(tx: &mut Tx<'_>, text: &mut Text) -> Result<(), Failure> {
    let (reports, bytes) = reports::figures(tx)?;
    let mut gauge = |name: &str, help: &str, value: f64| {
        text.family(name, "gauge", help);
        text.sample(name, &[], value);
    };
    gauge("plimsoll_store_bytes", "What the database has on disk.", count(figures::bytes(tx)?));
    gauge("plimsoll_layer_reports", "Reports of layers that are kept.", count(reports));
    gauge("plimsoll_layer_report_bytes", "What they take.", count(bytes));
    if let Some(it) = advisories::all(tx)?.first() {
        let help = "When the advisory database in use was built.";
        gauge("plimsoll_advisories_built_timestamp_seconds", help, seconds(it.built_at));
        let help = "Since when it is in use.";
        gauge("plimsoll_advisories_used_timestamp_seconds", help, seconds(it.at));
    }
    Ok(())
}

/// As it is written in JSON.
fn word(it: &impl Serialize) -> Result<String, Problem> {
    let value = serde_json::to_value(it).map_err(|err| Problem::internal(err.to_string()))?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

fn count(it: i64) -> f64 {
    float(u64::try_from(it).unwrap_or_default())
}

/// As Prometheus has times.
fn seconds(ms: i64) -> f64 {
    count(ms) / 1000.0
}
