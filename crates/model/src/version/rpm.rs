//! RPM: rpm-version(7) and rpm's documentation, "Version comparison". Epoch, version and release,
//! each by segments of digits or letters; `~` is before the end and `^` just after it.
use super::runs;
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (Evr::parse(a)?, Evr::parse(b)?);
    let order = runs::by_value(a.epoch, b.epoch)
        .then_with(|| segments(a.version, b.version))
        .then_with(|| match (a.release, b.release) {
            (Some(a), Some(b)) => segments(a, b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        });
    Some(order)
}

/// Epoch, version, release.
pub(super) struct Evr<'a> {
    /// Digits; none are zero.
    pub(super) epoch: &'a str,
    pub(super) version: &'a str,
    pub(super) release: Option<&'a str>,
}

impl<'a> Evr<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Evr<'a>> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let (digits, rest) = runs::digits(text);
        let (epoch, rest) = match rest.strip_prefix(':') {
            Some(rest) => (digits, rest),
            None => ("", text),
        };
        Some(match rest.rsplit_once('-') {
            Some((version, release)) => Evr { epoch, version, release: Some(release) },
            None => Evr { epoch, version: rest, release: None },
        })
    }
}

fn segments(mut a: &str, mut b: &str) -> Ordering {
    loop {
        (a, b) = (skip(a), skip(b));
        let ((x, after_a), (y, after_b)) = (segment(a), segment(b));
        let order = x.class().cmp(&y.class()).then_with(|| match (x, y) {
            (Segment::Letters(x), Segment::Letters(y)) => x.cmp(y),
            (Segment::Digits(x), Segment::Digits(y)) => runs::by_value(x, y),
            _ => Ordering::Equal,
        });
        if order.is_ne() || matches!(x, Segment::End) {
            return order;
        }
        (a, b) = (after_a, after_b);
    }
}

#[derive(Clone, Copy)]
enum Segment<'a> {
    Tilde,
    End,
    Caret,
    Letters(&'a str),
    Digits(&'a str),
}

impl Segment<'_> {
    /// In this order at the same place.
    fn class(self) -> u8 {
        match self {
            Segment::Tilde => 0,
            Segment::End => 1,
            Segment::Caret => 2,
            Segment::Letters(_) => 3,
            Segment::Digits(_) => 4,
        }
    }
}

/// Separators only separate.
fn skip(text: &str) -> &str {
    text.trim_start_matches(|it: char| !it.is_ascii_alphanumeric() && it != '~' && it != '^')
}

fn segment(text: &str) -> (Segment<'_>, &str) {
    if let Some(rest) = text.strip_prefix('~') {
        return (Segment::Tilde, rest);
    }
    if let Some(rest) = text.strip_prefix('^') {
        return (Segment::Caret, rest);
    }
    let (digits, rest) = runs::digits(text);
    if !digits.is_empty() {
        return (Segment::Digits(digits), rest);
    }
    match runs::split(text, |it| it.is_ascii_alphabetic()) {
        ("", rest) => (Segment::End, rest),
        (letters, rest) => (Segment::Letters(letters), rest),
    }
}
