//! PHP: manual page of `version_compare`. Numbers and words in turn; words by what they begin with.
use super::runs;
use std::cmp::Ordering;

/// Orders two versions that are not empty.
pub(super) fn order(a: &str, b: &str) -> Ordering {
    let (a, b) = (canonical(a), canonical(b));
    runs::lists(a.split('.'), b.split('.'), |a, b| match (a, b) {
        (Some(a), Some(b)) => elements(a, b),
        (Some(a), None) => with_nothing(a),
        (None, Some(b)) => with_nothing(b).reverse(),
        (None, None) => Ordering::Equal,
    })
}

/// Puts single dots for all that separates, and between digits and letters.
fn canonical(text: &str) -> String {
    let mut found = String::with_capacity(text.len());
    let mut last = '.';
    for it in text.chars() {
        let separates = matches!(it, '-' | '_' | '+' | '.');
        let turns =
            (is_mark(last) && it.is_ascii_digit()) || (last.is_ascii_digit() && is_mark(it));
        let keep = it.is_ascii_alphanumeric() || turns;
        if (separates || turns || !keep) && !found.ends_with('.') {
            found.push('.');
        }
        if keep {
            found.push(it);
        }
        last = it;
    }
    found
}

/// Neither a digit nor a separator; PHP keeps any such character where it touches a digit.
fn is_mark(it: char) -> bool {
    !it.is_ascii_digit() && !matches!(it, '-' | '_' | '+' | '.')
}

fn elements(a: &str, b: &str) -> Ordering {
    match (starts_with_digit(a), starts_with_digit(b)) {
        (true, true) => runs::by_value(runs::digits(a).0, runs::digits(b).0),
        _ => rank(a).cmp(&rank(b)),
    }
}

/// A number more is newer; a word more is compared with a number.
fn with_nothing(element: &str) -> Ordering {
    if starts_with_digit(element) { Ordering::Greater } else { rank(element).cmp(&NUMBER) }
}

fn starts_with_digit(element: &str) -> bool {
    element.starts_with(|it: char| it.is_ascii_digit())
}

const NUMBER: i8 = 4;

/// Beginnings of words in their order; any other word is before them all.
const WORDS: &[(&str, i8)] =
    &[("dev", 0), ("a", 1), ("b", 2), ("RC", 3), ("rc", 3), ("#", NUMBER), ("p", 5)];

fn rank(element: &str) -> i8 {
    if starts_with_digit(element) {
        return NUMBER;
    }
    WORDS.iter().find(|it| element.starts_with(it.0)).map_or(-1, |it| it.1)
}
