//! dpkg: deb-version(7), section "Sorting algorithm".
use super::runs;
use std::{cmp::Ordering, iter::Peekable, str::Bytes};

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (parse(a)?, parse(b)?);
    let order = runs::by_value(a.epoch, b.epoch)
        .then_with(|| part(a.upstream, b.upstream))
        .then_with(|| part(a.revision, b.revision));
    Some(order)
}

struct Version<'a> {
    epoch: &'a str,
    upstream: &'a str,
    revision: &'a str,
}

fn parse(text: &str) -> Option<Version<'_>> {
    let text = text.trim();
    let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    let parses = runs::is_number(epoch) && !upstream.is_empty();
    parses.then_some(Version { epoch, upstream, revision })
}

/// Compares text and numbers in turn.
fn part(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let order = text(&mut a.bytes().peekable(), &mut b.bytes().peekable());
        if order.is_ne() {
            return order;
        }
        let (x, y) = (from_digit(a), from_digit(b));
        let ((x, after_a), (y, after_b)) = (runs::digits(x), runs::digits(y));
        let order = runs::by_value(x, y);
        if order.is_ne() {
            return order;
        }
        (a, b) = (after_a, after_b);
    }
    Ordering::Equal
}

fn text(a: &mut Peekable<Bytes<'_>>, b: &mut Peekable<Bytes<'_>>) -> Ordering {
    loop {
        let (x, y) = (a.next_if(|it| !it.is_ascii_digit()), b.next_if(|it| !it.is_ascii_digit()));
        if x.is_none() && y.is_none() {
            return Ordering::Equal;
        }
        match weight(x).cmp(&weight(y)) {
            Ordering::Equal => {}
            decided => return decided,
        }
    }
}

/// A tilde is before the end, letters are before all else.
fn weight(byte: Option<u8>) -> (u8, u8) {
    match byte {
        Some(b'~') => (0, 0),
        None => (1, 0),
        Some(it) if it.is_ascii_alphabetic() => (2, it),
        Some(it) => (3, it),
    }
}

fn from_digit(text: &str) -> &str {
    text.trim_start_matches(|it: char| !it.is_ascii_digit())
}
