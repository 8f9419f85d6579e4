//! Software without rules. Numbers by value and letters by alphabet, in turn; zeros at the end say
//! nothing; words that everyone uses for what comes before a release do so here, and any other
//! letter after a number is newer than none, as in OpenSSL's `1.1.1w`.
use super::runs;
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    Some(runs::lists(parse(a)?, parse(b)?, |a, b| {
        let (a, b) = (a.unwrap_or("0"), b.unwrap_or("0"));
        let (class_a, class_b) = (class(a), class(b));
        class_a.cmp(&class_b).then_with(|| match class_a {
            Class::Number => runs::by_value(a, b),
            Class::Letters => letters(a).cmp(letters(b)),
            Class::Before(_) | Class::Zero => Ordering::Equal,
        })
    }))
}

/// In this order at the same place; the end of a version is a zero.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Class {
    /// Which of `BEFORE`.
    Before(usize),
    Zero,
    Letters,
    Number,
}

/// Words for what comes before a release, from the oldest.
const BEFORE: &[&[&str]] = &[
    &["dev", "devel", "snapshot", "nightly"],
    &["alpha"],
    &["beta"],
    &["milestone"],
    &["pre", "preview"],
    &["rc", "cr", "candidate"],
];

fn class(run: &str) -> Class {
    if runs::is_zero(run) {
        return Class::Zero;
    }
    if runs::is_number(run) {
        return Class::Number;
    }
    let known = |them: &&[&str]| them.iter().any(|it| it.eq_ignore_ascii_case(run));
    BEFORE.iter().position(known).map_or(Class::Letters, Class::Before)
}

fn letters(run: &str) -> impl Iterator<Item = u8> {
    run.bytes().map(|it| it.to_ascii_lowercase())
}

/// The runs of digits and letters; `None` unless a number comes first. What follows a plus only
/// says how the software was built.
fn parse(text: &str) -> Option<impl Iterator<Item = &str>> {
    let text = text.trim();
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let mut rest = text.split('+').next()?;
    rest.starts_with(|it: char| it.is_ascii_digit()).then_some(())?;
    Some(std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|it: char| !it.is_ascii_alphanumeric());
        let (run, after) = match runs::digits(rest) {
            ("", _) => runs::split(rest, |it| it.is_ascii_alphabetic()),
            number => number,
        };
        rest = after;
        (!run.is_empty()).then_some(run)
    }))
}
