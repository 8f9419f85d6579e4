//! Haskell: `Distribution.Types.Version` of Cabal-syntax and the Haskell Package Versioning Policy,
//! section "Version numbers". Lists of numbers; the longer of two that begin alike is newer.
use super::runs;
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    Some(runs::longer_wins(parse(a)?, parse(b)?))
}

fn parse(text: &str) -> Option<impl Iterator<Item = &str>> {
    let text = text.trim();
    text.split('.').all(runs::is_number).then(|| text.split('.'))
}
