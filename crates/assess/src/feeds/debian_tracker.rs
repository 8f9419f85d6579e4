//! Debian's security tracker, the whole of it in one object: source package, vulnerability, release
//! (security-tracker.debian.org/tracker/data/json; security-team.debian.org/security_tracker.html
//! explains the states).
use super::{Emit, Feed, Item, Malformed, Place, json};
use crate::text::first_sentence;
use model::{Advisory, Affected, End, Names, Namespace, Range, Severity, Status, debian_release};
use serde::Deserialize;
use std::collections::BTreeMap;

pub(super) const FEED: Feed = Feed {
    name: "debian-tracker",
    title: "Debian security tracker",
    places: &[Place::one("https://security-tracker.debian.org/tracker/data/json")],
    licence: "not stated",
    attribution: "Debian Security Tracker",
    default: true,
    derived: false,
    parse,
};

#[derive(Deserialize)]
struct Issue {
    #[serde(default)]
    description: String,
    #[serde(default)]
    releases: BTreeMap<String, State>,
}

#[derive(Deserialize)]
struct State {
    status: String,
    #[serde(default)]
    fixed_version: Option<String>,
    #[serde(default)]
    urgency: Option<String>,
    /// Why there will be no security advisory of its own; only there when there will be none.
    #[serde(default)]
    nodsa: Option<String>,
    /// `ignored`, `postponed`, or empty.
    #[serde(default)]
    nodsa_reason: Option<String>,
}

fn parse(document: &[u8], _name: &str, emit: Emit<'_>) -> Result<(), Malformed> {
    json::entries(document, |package, issues: BTreeMap<String, Issue>| {
        for (id, issue) in issues {
            let mut affected = Vec::new();
            for (release, state) in &issue.releases {
                match affected_by(package, release, state) {
                    Ok(it) => affected.push(it),
                    Err(why) => emit(Item::Skipped(why)),
                }
            }
            emit(Item::Advisory(Box::new(Advisory {
                covers: vec![id.clone()],
                references: vec![format!("https://security-tracker.debian.org/tracker/{id}")],
                id,
                feed: FEED.name.to_owned(),
                title: first_sentence(&issue.description),
                affected,
                ..Advisory::default()
            })));
        }
    })
}

fn affected_by(package: &str, release: &str, state: &State) -> Result<Affected, String> {
    let number = debian_release(release).ok_or_else(|| format!("unknown release {release}"))?;
    let namespace = Namespace::new(&format!("Debian:{number}"));
    let urgency = state.urgency.as_deref().unwrap_or_default();
    let fixed = state.fixed_version.as_deref();
    let status = match (state.status.as_str(), fixed) {
        ("resolved", Some("0")) => Status::NotAffected,
        ("resolved", Some(_)) => Status::Fixed,
        ("undetermined", _) => Status::UnderInvestigation,
        ("open", _) if urgency == "end-of-life" => Status::EndOfLife,
        ("open", _) if state.nodsa_reason.as_deref() == Some("ignored") => Status::WillNotFix,
        ("open", _) if state.nodsa.is_some() || state.nodsa_reason.is_some() => Status::Deferred,
        ("open", _) => Status::Affected,
        (other, _) => return Err(format!("state {other} without a version")),
    };
    let mut affected = Affected::every_version(namespace, package, Names::Source);
    match (status, fixed) {
        (Status::Fixed, Some(version)) => {
            affected.ranges = vec![Range { introduced: None, end: End::Fixed(version.to_owned()) }];
        }
        (Status::NotAffected, _) => affected.ranges.clear(),
        _ => {}
    }
    affected.status = status;
    if !urgency.is_empty() {
        affected.severities = vec![Severity { by: "Debian".to_owned(), value: urgency.to_owned() }];
    }
    Ok(affected)
}
