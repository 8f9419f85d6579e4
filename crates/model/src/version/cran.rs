//! R: `help(package_version)` of base R and "Writing R Extensions", section 1.1.1. Numbers between
//! dots or hyphens, which mean the same; the longer of two that begin alike is newer.
use super::runs;
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    Some(runs::longer_wins(parse(a)?, parse(b)?))
}

fn parse(text: &str) -> Option<impl Iterator<Item = &str>> {
    let parts = || text.trim().split(['.', '-']);
    parts().all(runs::is_number).then(parts)
}
