//! Maven: POM Reference, "Version Order Specification", as `ComparableVersion` of Maven 3.8 does it.
//!
//! That class makes nested lists: every hyphen, and every change between digits and letters, opens
//! a list at the end of the one before it. Because a list is always the last item of its parent, the
//! nesting is a flat row of tokens here, where `Open` begins a list; no input can exhaust the stack.
//! Later releases of Maven read `1.RC1` as `1-RC1`; the specification does not.
use super::runs;
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    Some(runs::lists(parse(a)?, parse(b)?, |a, b| match (a, b) {
        (Some(a), Some(b)) => a.order(b),
        (Some(a), None) => a.order_with_nothing(),
        (None, Some(b)) => b.order_with_nothing().reverse(),
        (None, None) => Ordering::Equal,
    }))
}

#[derive(Clone, Copy)]
enum Token<'a> {
    Number(&'a str),
    Word(Word<'a>),
    /// All that follows is a list within this list.
    Open,
}

/// A qualifier: the known ones by rank, the others after them by alphabet.
#[derive(Clone, Copy)]
enum Word<'a> {
    Known(usize),
    Other(&'a str),
}

/// From the oldest; the empty one is the release itself.
const QUALIFIERS: &[&[&str]] = &[
    &["alpha"],
    &["beta"],
    &["milestone"],
    &["rc", "cr"],
    &["snapshot"],
    &["", "ga", "final", "release"],
    &["sp"],
];
const RELEASE: usize = 5;

/// Before a digit, these letters stand for the first qualifiers.
const SHORT: &[&str] = &["a", "b", "m"];

impl<'a> Token<'a> {
    fn order(self, other: Token<'a>) -> Ordering {
        match (self, other) {
            (Token::Number(a), Token::Number(b)) => runs::by_value(a, b),
            (Token::Word(a), Token::Word(b)) => a.order(b),
            (a, b) => a.class().cmp(&b.class()),
        }
    }

    /// At the same place, words are before lists, and lists before numbers.
    fn class(self) -> u8 {
        match self {
            Token::Word(_) => 0,
            Token::Open => 1,
            Token::Number(_) => 2,
        }
    }

    fn order_with_nothing(self) -> Ordering {
        match self {
            Token::Number(it) if runs::is_zero(it) => Ordering::Equal,
            Token::Number(_) => Ordering::Greater,
            Token::Word(it) => it.order(Word::Known(RELEASE)),
            Token::Open => Ordering::Equal,
        }
    }

    /// Whether it says nothing at the end of a list.
    fn is_null(self) -> bool {
        !matches!(self, Token::Open) && self.order_with_nothing().is_eq()
    }
}

impl<'a> Word<'a> {
    fn of(text: &'a str, before_digit: bool) -> Word<'a> {
        let is = |it: &&str| text.eq_ignore_ascii_case(it);
        let short = SHORT.iter().position(is).filter(|_| before_digit);
        match short.or_else(|| QUALIFIERS.iter().position(|them| them.iter().any(is))) {
            Some(rank) => Word::Known(rank),
            None => Word::Other(text),
        }
    }

    fn order(self, other: Word<'a>) -> Ordering {
        let lower = |it: &'a str| it.chars().flat_map(char::to_lowercase);
        match (self, other) {
            (Word::Known(a), Word::Known(b)) => a.cmp(&b),
            (Word::Known(_), Word::Other(_)) => Ordering::Less,
            (Word::Other(_), Word::Known(_)) => Ordering::Greater,
            (Word::Other(a), Word::Other(b)) => lower(a).cmp(lower(b)),
        }
    }
}

fn parse(text: &str) -> Option<Vec<Token<'_>>> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut tokens = Vec::new();
    while !rest.is_empty() {
        let (token, after) = next(rest);
        tokens.push(token);
        rest = after;
        match rest.bytes().next() {
            None => {}
            Some(b'.') => rest = rest.get(1..).unwrap_or_default(),
            Some(separator) => {
                open(&mut tokens);
                if separator == b'-' {
                    rest = rest.get(1..).unwrap_or_default();
                }
            }
        }
    }
    while tokens.last().is_some_and(|it| it.is_null() || matches!(it, Token::Open)) {
        tokens.pop();
    }
    Some(tokens)
}

/// A number or a word; between two separators there is a zero.
fn next(text: &str) -> (Token<'_>, &str) {
    let (digits, rest) = runs::digits(text);
    if !digits.is_empty() || text.starts_with(['.', '-']) {
        return (Token::Number(digits), rest);
    }
    let ends = |it: char| it.is_ascii_digit() || it == '.' || it == '-';
    let end = text.find(ends).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let before_digit = rest.starts_with(|it: char| it.is_ascii_digit());
    (Token::Word(Word::of(word, before_digit)), rest)
}

/// Begins a list; what says nothing at the end of the list before it goes.
fn open(tokens: &mut Vec<Token<'_>>) {
    while tokens.last().is_some_and(|it| it.is_null()) {
        tokens.pop();
    }
    tokens.push(Token::Open);
}
