//! pacman: vercmp(8). An old relative of RPM's rule: no `~` and no `^`, the width of a separator
//! counts, letters at the end make a version older, and releases count only where both have one.
use super::{rpm::Evr, runs};
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (Evr::parse(a)?, Evr::parse(b)?);
    let order = runs::by_value(a.epoch, b.epoch)
        .then_with(|| segments(a.version, b.version))
        .then_with(|| match (a.release, b.release) {
            (Some(a), Some(b)) => segments(a, b),
            _ => Ordering::Equal,
        });
    Some(order)
}

fn segments(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() && !b.is_empty() {
        let (x, y) = (skip(a), skip(b));
        if x.is_empty() || y.is_empty() {
            return at_the_end(x, y);
        }
        let width = |all: &str, rest: &str| all.len().saturating_sub(rest.len());
        let order = width(a, x).cmp(&width(b, y));
        if order.is_ne() {
            return order;
        }
        let ((x, after_a), (y, after_b)) = (segment(x), segment(y));
        let order = match (runs::is_number(x), runs::is_number(y)) {
            (true, true) => runs::by_value(x, y),
            (false, false) => x.cmp(y),
            (x, y) => x.cmp(&y),
        };
        if order.is_ne() {
            return order;
        }
        (a, b) = (after_a, after_b);
    }
    at_the_end(a, b)
}

/// At least one is used up: the other is newer, unless letters follow, as in `1.0rc`.
fn at_the_end(a: &str, b: &str) -> Ordering {
    let letter = |it: &str| it.starts_with(|it: char| it.is_ascii_alphabetic());
    match (a.is_empty(), b.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, _) if letter(b) => Ordering::Greater,
        (true, _) => Ordering::Less,
        _ if letter(a) => Ordering::Less,
        _ => Ordering::Greater,
    }
}

fn skip(text: &str) -> &str {
    text.trim_start_matches(|it: char| !it.is_ascii_alphanumeric())
}

fn segment(text: &str) -> (&str, &str) {
    match runs::digits(text) {
        ("", _) => runs::split(text, |it| it.is_ascii_alphabetic()),
        number => number,
    }
}
