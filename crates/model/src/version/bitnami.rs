//! Bitnami: README of `bitnami/go-version`. Semantic versions, except that what follows the hyphen
//! is a revision of the packaging, and so newer than none.
use super::{runs, semver};
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (semver::parse(a)?, semver::parse(b)?);
    Some(semver::core(&a, &b).then_with(|| revision(number(a.pre), number(b.pre))))
}

fn revision(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (false, false) => semver::identifiers(a.split('.'), b.split('.'), semver::by_byte),
        (a, b) => b.cmp(&a),
    }
}

/// Images are tagged `-r5` where the packages say `-5`.
fn number(revision: &str) -> &str {
    revision.strip_prefix('r').filter(|it| runs::is_number(it)).unwrap_or(revision)
}
