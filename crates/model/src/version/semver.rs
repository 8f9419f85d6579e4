//! Semantic versions: semver.org 2.0.0, section "Precedence" (item 11), read as leniently as
//! node-semver's loose mode does. Missing parts are zero, further parts count.
use super::runs;
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (parse(a)?, parse(b)?);
    Some(core(&a, &b).then_with(|| prerelease(a.pre, b.pre, by_byte)))
}

/// A version in its pieces; each is empty where it is missing.
#[derive(Clone, Copy)]
pub(super) struct Parsed<'a> {
    /// Numbers between dots, at least one.
    pub(super) core: &'a str,
    /// Identifiers between dots, after the hyphen.
    pub(super) pre: &'a str,
    /// Identifiers between dots, after the plus.
    pub(super) build: &'a str,
}

pub(super) fn parse(text: &str) -> Option<Parsed<'_>> {
    let text = text.trim().trim_start_matches(['v', 'V', '=', ' ']);
    let (core, rest) = dotted_numbers(text)?;
    let (pre, build) = rest.split_once('+').unwrap_or((rest, ""));
    let pre = match pre.strip_prefix('-') {
        Some(pre) if !pre.is_empty() => pre,
        _ if pre.starts_with('.') => return None,
        _ => pre,
    };
    let well_formed = pre.is_empty() || pre.split('.').all(is_identifier);
    well_formed.then_some(Parsed { core, pre, build })
}

/// Splits off numbers between dots; `None` when there is not even one.
pub(super) fn dotted_numbers(text: &str) -> Option<(&str, &str)> {
    let (first, mut rest) = runs::digits(text);
    if first.is_empty() {
        return None;
    }
    while let Some((number, after)) = rest.strip_prefix('.').map(runs::digits) {
        if number.is_empty() {
            break;
        }
        rest = after;
    }
    Some((text.strip_suffix(rest)?, rest))
}

/// Orders what stands before the hyphen.
pub(super) fn core(a: &Parsed<'_>, b: &Parsed<'_>) -> Ordering {
    runs::padded(a.core.split('.'), b.core.split('.'))
}

/// Orders what stands after the hyphen, where nothing is greatest.
pub(super) fn prerelease(a: &str, b: &str, words: fn(&str, &str) -> Ordering) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (false, false) => identifiers(a.split('.'), b.split('.'), words),
        (a, b) => a.cmp(&b),
    }
}

/// Orders identifiers: numbers by value and before words, and the list that goes on is greater.
pub(super) fn identifiers<'a>(
    a: impl Iterator<Item = &'a str>,
    b: impl Iterator<Item = &'a str>,
    words: fn(&str, &str) -> Ordering,
) -> Ordering {
    runs::lists(a, b, |a, b| match (a, b) {
        (Some(a), Some(b)) => match (runs::is_number(a), runs::is_number(b)) {
            (true, true) => runs::by_value(a, b),
            (false, false) => words(a, b),
            (a, b) => b.cmp(&a),
        },
        (a, b) => a.is_some().cmp(&b.is_some()),
    })
}

/// Orders words as ASCII does.
pub(super) fn by_byte(a: &str, b: &str) -> Ordering {
    a.cmp(b)
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
}
