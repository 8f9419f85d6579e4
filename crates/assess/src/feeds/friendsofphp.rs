//! FriendsOfPHP's security advisories: a YAML document for each vulnerability of a package of Composer, with the affected
//! versions of each branch (FriendsOfPHP/security-advisories, README, "Contributing").
use super::{
    Emit, Feed, Item, Malformed, Place, interval::Interval, is_member, json::nullable, ranges, yaml,
};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use model::{Advisory, Affected, Names, Namespace, version::Scheme};
use serde::Deserialize;
use std::collections::BTreeMap;

pub(super) const FEED: Feed = Feed {
    name: "friendsofphp",
    title: "FriendsOfPHP security advisories",
    places: &[Place::one(
        "https://github.com/FriendsOfPHP/security-advisories/archive/refs/heads/master.tar.gz",
    )],
    licence: "Unlicense",
    attribution: "FriendsOfPHP",
    default: true,
    derived: false,
    parse,
};

#[derive(Deserialize)]
struct Record {
    #[serde(default, deserialize_with = "nullable")]
    title: String,
    link: Option<String>,
    cve: Option<String>,
    /// `composer://vendor/package`.
    reference: String,
    branches: BTreeMap<String, Branch>,
}

#[derive(Deserialize)]
struct Branch {
    /// When it was fixed there; nothing when it never was.
    time: Option<String>,
    versions: Vec<String>,
}

fn parse(document: &[u8], name: &str, emit: Emit<'_>) -> Result<(), Malformed> {
    if !is_member(name, &[""], ".yaml") {
        return Ok(());
    }
    let record: Record = yaml::document(document)?;
    let package = record.reference.strip_prefix("composer://");
    let package = package.ok_or(Malformed("reference is not composer://...".into()))?;
    let mut affected =
        Affected::every_version(Namespace::new("Packagist"), package, Names::Package);
    affected.ranges.clear();
    for branch in record.branches.values() {
        let text = branch.versions.join(",");
        match Interval::parse(&text, Scheme::Composer) {
            Some(it) => it.put(branch.time.is_some(), &mut affected),
            None => emit(Item::Skipped(format!("requirement {text}"))),
        }
    }
    if affected.ranges.is_empty() {
        return Ok(());
    }
    affected.status = ranges::status(&affected.ranges, None);
    let file = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".yaml");
    emit(Item::Advisory(Box::new(Advisory {
        // Composer's own audit names them by their paths too.
        id: format!("{package}/{file}"),
        feed: FEED.name.to_owned(),
        aliases: record.cve.filter(|it| it.starts_with("CVE-")).into_iter().collect(),
        title: record.title.trim().to_owned(),
        published: record.branches.values().filter_map(|it| time(it.time.as_ref()?)).min(),
        references: record.link.into_iter().collect(),
        affected: vec![affected],
        ..Advisory::default()
    })));
    Ok(())
}

/// A time of day without a zone, which is UTC.
fn time(text: &str) -> Option<Timestamp> {
    let time: DateTime = text.trim_end_matches('Z').parse().ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}
