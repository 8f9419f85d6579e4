//! Python: PEP 440, sections "Summary of permitted suffixes and relative ordering" and appendix B,
//! as the library `packaging` reads it. Versions that are older than the PEP sort before all others.
use super::{legacy, runs};
use std::{borrow::Cow, cmp::Ordering};

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (lower(a)?, lower(b)?);
    Some(match (parse(&a), parse(&b)) {
        (Some(a), Some(b)) => a.order(&b),
        (None, None) => legacy::order(&a, &b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    })
}

fn lower(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    Some(if text.bytes().any(|it| it.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    })
}

struct Version<'a> {
    epoch: &'a str,
    release: &'a str,
    /// Which of the pre-releases, and its number.
    pre: Option<(u8, &'a str)>,
    post: Option<&'a str>,
    dev: Option<&'a str>,
    local: Option<&'a str>,
}

/// Every spelling of a pre-release, longer ones before those they begin with.
const PRE: &[(&str, u8)] = &[
    ("alpha", 0),
    ("a", 0),
    ("beta", 1),
    ("b", 1),
    ("preview", 2),
    ("pre", 2),
    ("c", 2),
    ("rc", 2),
];
const POST: &[(&str, u8)] = &[("post", 0), ("rev", 0), ("r", 0)];
const DEV: &[(&str, u8)] = &[("dev", 0)];

fn parse(text: &str) -> Option<Version<'_>> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (epoch, rest) = match runs::digits(text) {
        (epoch @ "", _) => (epoch, text),
        (epoch, rest) => rest.strip_prefix('!').map_or(("", text), |rest| (epoch, rest)),
    };
    let (release, rest) = super::semver::dotted_numbers(rest)?;
    let (pre, rest) = suffix(rest, PRE).map_or((None, rest), |(it, rest)| (Some(it), rest));
    let (post, rest) = post(rest);
    let (dev, rest) = suffix(rest, DEV).map_or((None, rest), |(it, rest)| (Some(it.1), rest));
    let local = rest.strip_prefix('+');
    let local_parses = local.is_none_or(|it| it.split(SEPARATORS).all(is_word));
    let parses = local_parses && (rest.is_empty() || local.is_some());
    parses.then_some(Version { epoch, release, pre, post, dev, local })
}

const SEPARATORS: [char; 3] = ['-', '_', '.'];

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphanumeric())
}

/// A name, and its number if there is one, each after a separator if there is one.
fn suffix<'a>(text: &'a str, names: &[(&str, u8)]) -> Option<((u8, &'a str), &'a str)> {
    let text = text.strip_prefix(SEPARATORS).unwrap_or(text);
    let (rank, rest) = names.iter().find_map(|it| Some((it.1, text.strip_prefix(it.0)?)))?;
    let (number, rest) = runs::digits(rest.strip_prefix(SEPARATORS).unwrap_or(rest));
    Some(((rank, number), rest))
}

/// A post-release may be just a hyphen and a number.
fn post(text: &str) -> (Option<&str>, &str) {
    match text.strip_prefix('-').map(runs::digits) {
        Some((number, rest)) if !number.is_empty() => (Some(number), rest),
        _ => suffix(text, POST).map_or((None, text), |((_, number), rest)| (Some(number), rest)),
    }
}

impl Version<'_> {
    fn order(&self, other: &Self) -> Ordering {
        runs::by_value(self.epoch, other.epoch)
            .then_with(|| runs::padded(self.release.split('.'), other.release.split('.')))
            .then_with(|| {
                let ((phase_a, a), (phase_b, b)) = (self.phase(), other.phase());
                phase_a.cmp(&phase_b).then_with(|| runs::by_value(a, b))
            })
            .then_with(|| or_least(self.post, other.post))
            .then_with(|| or_greatest(self.dev, other.dev))
            .then_with(|| match (self.local, other.local) {
                (Some(a), Some(b)) => local(a, b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            })
    }

    /// A development release of a release is before its pre-releases, anything else after them.
    fn phase(&self) -> (u8, &str) {
        match self.pre {
            Some((rank, number)) => (rank.saturating_add(1), number),
            None if self.post.is_none() && self.dev.is_some() => (0, ""),
            None => (u8::MAX, ""),
        }
    }
}

/// Orders numbers, where none is greatest.
fn or_greatest(a: Option<&str>, b: Option<&str>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => runs::by_value(a, b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

/// Orders numbers, where none is least.
fn or_least(a: Option<&str>, b: Option<&str>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => runs::by_value(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

/// Words are before numbers, and the label that goes on is greater.
fn local(a: &str, b: &str) -> Ordering {
    runs::lists(a.split(SEPARATORS), b.split(SEPARATORS), |a, b| match (a, b) {
        (Some(a), Some(b)) => match (runs::is_number(a), runs::is_number(b)) {
            (true, true) => runs::by_value(a, b),
            (false, false) => a.cmp(b),
            (a, b) => a.cmp(&b),
        },
        (a, b) => a.is_some().cmp(&b.is_some()),
    })
}
