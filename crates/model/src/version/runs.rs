//! Runs of digits and letters. Numbers are compared as text, so that their length has no limit.
use std::cmp::Ordering;

/// Splits `text` after its leading bytes that satisfy `wanted`, which must hold for ASCII only.
pub(super) fn split(text: &str, wanted: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|it| !wanted(it)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Splits off the leading digits.
pub(super) fn digits(text: &str) -> (&str, &str) {
    split(text, |it| it.is_ascii_digit())
}

/// Whether `text` is a number: digits only, at least one.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

/// Orders two runs of digits by value; no digits are zero.
pub(super) fn by_value(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Whether a run of digits is zero.
pub(super) fn is_zero(digits: &str) -> bool {
    digits.bytes().all(|it| it == b'0')
}

/// Orders two lists item by item; `order` also gets the items that only one of them has.
pub(super) fn lists<T>(
    a: impl IntoIterator<Item = T>,
    b: impl IntoIterator<Item = T>,
    order: impl Fn(Option<T>, Option<T>) -> Ordering,
) -> Ordering {
    let (mut a, mut b) = (a.into_iter(), b.into_iter());
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => match order(a, b) {
                Ordering::Equal => {}
                decided => return decided,
            },
        }
    }
}

/// Orders two lists of numbers, where missing ones are zero.
pub(super) fn padded<'a>(
    a: impl IntoIterator<Item = &'a str>,
    b: impl IntoIterator<Item = &'a str>,
) -> Ordering {
    lists(a, b, |a, b| by_value(a.unwrap_or_default(), b.unwrap_or_default()))
}

/// Orders two lists of numbers, where the list that goes on is greater.
pub(super) fn longer_wins<'a>(
    a: impl IntoIterator<Item = &'a str>,
    b: impl IntoIterator<Item = &'a str>,
) -> Ordering {
    lists(a, b, |a, b| match (a, b) {
        (Some(a), Some(b)) => by_value(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    })
}
