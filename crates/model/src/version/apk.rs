//! apk-tools: apk-package(5), "PACKAGE INFO METADATA", field `pkgver`: numbers, a letter, suffixes
//! such as `_rc1`, a commit, and the release of the package. What does not belong ends a version.
use super::runs;
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (mut a, mut b) = (Tokens::of(a)?, Tokens::of(b)?);
    loop {
        let (x, y) = (a.step(), b.step());
        let order = x.place().cmp(&y.place()).then_with(|| x.order(y));
        if order.is_ne() || matches!(x, Token::End | Token::Invalid) {
            return Some(order);
        }
    }
}

#[derive(Clone, Copy)]
enum Token<'a> {
    /// The first number.
    First(&'a str),
    /// A number after a dot.
    Number(&'a str),
    Letter(u8),
    /// Which of `SUFFIXES`.
    Suffix(usize),
    SuffixNumber(&'a str),
    Commit(&'a str),
    Release(&'a str),
    End,
    Invalid,
}

/// From the oldest; those before the empty one come before the release they belong to.
const SUFFIXES: &[&str] = &["alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p"];
const NO_SUFFIX: usize = 4;

impl Token<'_> {
    /// Where two versions differ, the one whose token is earlier in the grammar is newer, unless
    /// that token says that the version comes before the release.
    fn place(self) -> u8 {
        match self {
            Token::Suffix(it) if it < NO_SUFFIX => 0,
            Token::Invalid => 1,
            Token::End => 2,
            Token::Release(_) => 3,
            Token::Commit(_) => 4,
            Token::SuffixNumber(_) => 5,
            Token::Suffix(_) => 6,
            Token::Letter(_) => 7,
            Token::Number(_) => 8,
            Token::First(_) => 9,
        }
    }

    /// Orders two tokens of one place.
    fn order(self, other: Self) -> Ordering {
        match (self, other) {
            // A number with a leading zero is a fraction.
            (Token::Number(a), Token::Number(b)) if a.starts_with('0') || b.starts_with('0') => {
                a.cmp(b)
            }
            (Token::First(a), Token::First(b))
            | (Token::Number(a), Token::Number(b))
            | (Token::SuffixNumber(a), Token::SuffixNumber(b))
            | (Token::Release(a), Token::Release(b)) => runs::by_value(a, b),
            (Token::Letter(a), Token::Letter(b)) => a.cmp(&b),
            (Token::Suffix(a), Token::Suffix(b)) => a.cmp(&b),
            (Token::Commit(a), Token::Commit(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }

    /// How far into the grammar this token is.
    fn depth(self) -> u8 {
        match self {
            Token::First(_) => 0,
            Token::Number(_) => 1,
            Token::Letter(_) => 2,
            Token::Suffix(_) => 3,
            Token::SuffixNumber(_) => 4,
            Token::Commit(_) => 5,
            Token::Release(_) => 6,
            Token::End => 7,
            Token::Invalid => 8,
        }
    }
}

struct Tokens<'a> {
    last: Option<Token<'a>>,
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    /// `None` for what is not even like a version; older apk-tools let the first number be missing.
    fn of(text: &'a str) -> Option<Tokens<'a>> {
        let rest = text.trim();
        let number = rest.strip_prefix('.').unwrap_or(rest);
        number.starts_with(|it: char| it.is_ascii_digit()).then_some(Tokens { last: None, rest })
    }

    fn step(&mut self) -> Token<'a> {
        let (token, rest) = match self.last {
            None => {
                let (digits, rest) = runs::digits(self.rest);
                (Token::First(digits), rest)
            }
            Some(last) => next(last, self.rest).unwrap_or((Token::Invalid, "")),
        };
        (self.last, self.rest) = (Some(token), rest);
        token
    }
}

/// The token after `last`, and what follows it; `None` where the grammar has no such place.
fn next<'a>(last: Token<'a>, text: &'a str) -> Option<(Token<'a>, &'a str)> {
    let Some(first) = text.bytes().next() else { return Some((Token::End, "")) };
    let after = text.get(1..).unwrap_or_default();
    match first {
        b'a'..=b'z' if last.depth() <= 1 => Some((Token::Letter(first), after)),
        b'.' if last.depth() <= 1 => number(after, Token::Number),
        // Only apk-tools 2 reads on after a letter, and OpenSMTPD's versions, as in `7.4p1`, need it.
        b'0'..=b'9' if last.depth() == 2 => number(text, Token::Number),
        b'0'..=b'9' if last.depth() == 3 => number(text, Token::SuffixNumber),
        b'_' if last.depth() <= 4 => {
            let (name, rest) = runs::split(after, |it| it.is_ascii_lowercase());
            let rank = SUFFIXES.iter().position(|it| *it == name && !name.is_empty())?;
            Some((Token::Suffix(rank), rest))
        }
        b'~' if last.depth() < 5 => {
            let hexadecimal = |it| matches!(it, b'0'..=b'9' | b'a'..=b'f');
            let (commit, rest) = runs::split(after, hexadecimal);
            (!commit.is_empty()).then_some((Token::Commit(commit), rest))
        }
        b'-' if last.depth() < 6 => number(after.strip_prefix('r')?, Token::Release),
        _ => None,
    }
}

fn number<'a>(text: &'a str, token: fn(&'a str) -> Token<'a>) -> Option<(Token<'a>, &'a str)> {
    let (digits, rest) = runs::digits(text);
    (!digits.is_empty()).then(|| (token(digits), rest))
}
