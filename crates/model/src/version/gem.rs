//! RubyGems: documentation of `Gem::Version`, and "Specifications and versions". Numbers and words
//! in turn; a word makes a prerelease, and a hyphen reads as `.pre.`.
use super::runs;
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    Some(runs::lists(segments(a)?, segments(b)?, |a, b| {
        let (a, b) = (a.unwrap_or("0"), b.unwrap_or("0"));
        match (runs::is_number(a), runs::is_number(b)) {
            (true, true) => runs::by_value(a, b),
            (false, false) => a.cmp(b),
            (a, b) => a.cmp(&b),
        }
    }))
}

/// Numbers and words, without the zeros at the end of the numbers that lead and at the very end.
fn segments(text: &str) -> Option<Vec<&str>> {
    let text = text.trim();
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    if !is_well_formed(text) {
        return None;
    }
    let mut found = Vec::new();
    let mut seen_word = false;
    let mut rest = text;
    while !rest.is_empty() {
        let (segment, after) = next(rest);
        if !runs::is_number(segment) && !segment.is_empty() && !seen_word {
            seen_word = true;
            drop_zeros(&mut found);
        }
        if !segment.is_empty() {
            found.push(segment);
        }
        rest = after;
    }
    drop_zeros(&mut found);
    Some(found)
}

/// The next number or word; nothing for a separator.
fn next(text: &str) -> (&str, &str) {
    if let Some(rest) = text.strip_prefix('-') {
        return ("pre", rest);
    }
    match runs::digits(text) {
        ("", _) => match runs::split(text, |it| it.is_ascii_alphabetic()) {
            ("", _) => ("", text.get(1..).unwrap_or_default()),
            word => word,
        },
        number => number,
    }
}

fn drop_zeros(segments: &mut Vec<&str>) {
    while segments.last().is_some_and(|it| runs::is_zero(it)) {
        segments.pop();
    }
}

/// The pattern that Gem::Version accepts.
fn is_well_formed(text: &str) -> bool {
    let word = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric());
    let hyphened =
        |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    let (release, pre) = match text.split_once('-') {
        Some((release, pre)) => (release, Some(pre)),
        None => (text, None),
    };
    release.split('.').next().is_some_and(runs::is_number)
        && release.split('.').all(word)
        && pre.is_none_or(|it| it.split('.').all(hyphened))
}
