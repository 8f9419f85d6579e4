//! PHP: manual page of `version_compare`. Numbers and words in turn; words by what they begin with.
use super::runs;
use std::cmp::Ordering;

/// Orders two versions that are not empty.
pub(super) fn order(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (Elements { rest: Some(a) }, Elements { rest: Some(b) });
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (Some(a), Some(b)) => elements(a, b),
            (Some(a), None) => with_nothing(a),
            (None, Some(b)) => with_nothing(b).reverse(),
        };
        if order.is_ne() {
            return order;
        }
    }
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

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_digit())
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

/// What stands between separators, and between digits and letters.
struct Elements<'a> {
    rest: Option<&'a str>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest?;
        let separator = |it: char| !it.is_ascii_alphanumeric() && it != '#';
        let (element, rest) = match runs::digits(text) {
            ("", _) => {
                let ends = |it: char| it.is_ascii_digit() || separator(it);
                text.split_at_checked(text.find(ends).unwrap_or(text.len()))?
            }
            number => number,
        };
        // Several separators are one, and one at the end leaves an empty element.
        let after = rest.trim_start_matches(separator);
        self.rest = (!rest.is_empty()).then_some(after);
        Some(element)
    }
}
