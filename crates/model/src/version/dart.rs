//! Dart's versions: package `pub_semver`, `Version.compareTo`. Semantic versions, whose build
//! metadata counts too.
use super::semver;
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (semver::parse(a)?, semver::parse(b)?);
    let order = semver::core(&a, &b)
        .then_with(|| semver::prerelease(a.pre, b.pre, semver::by_byte))
        .then_with(|| build(a.build, b.build));
    Some(order)
}

/// Orders what stands after the plus, where nothing is least.
fn build(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (false, false) => semver::identifiers(a.split('.'), b.split('.'), semver::by_byte),
        (a, b) => b.cmp(&a),
    }
}
