//! Python versions from before PEP 440: documentation of setuptools, "Specifying Your Project's
//! Version", as it was before version 8, which `packaging` kept as `LegacyVersion` until release 21.
use super::runs;
use std::{borrow::Cow, cmp::Ordering};

/// Orders two versions in lower case.
pub(super) fn order(a: &str, b: &str) -> Ordering {
    parts(a).cmp(&parts(b))
}

/// What sorts words around the end of a version, which is `*final`.
fn parts(mut rest: &str) -> Vec<Cow<'_, str>> {
    let mut found: Vec<Cow<'_, str>> = Vec::new();
    while !rest.is_empty() {
        let (piece, after) = next(rest);
        rest = after;
        if piece == "." {
            continue;
        }
        if runs::is_number(piece) {
            found.push(eight_wide(piece));
        } else {
            push_word(&mut found, word(piece));
        }
    }
    push_word(&mut found, Cow::Borrowed("*final"));
    found
}

/// Numbers, words, single dots and hyphens, and whatever stands between them.
fn next(text: &str) -> (&str, &str) {
    let splits =
        |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '.' || it == '-';
    match text.bytes().next() {
        Some(b'.' | b'-') => text.split_at_checked(1).unwrap_or((text, "")),
        Some(b'0'..=b'9') => runs::digits(text),
        Some(b'a'..=b'z') => runs::split(text, |it| it.is_ascii_lowercase()),
        _ => text.split_at_checked(text.find(splits).unwrap_or(text.len())).unwrap_or((text, "")),
    }
}

fn word(piece: &str) -> Cow<'_, str> {
    match piece {
        "pre" | "preview" | "rc" => Cow::Borrowed("*c"),
        "-" => Cow::Borrowed("*final-"),
        "dev" => Cow::Borrowed("*@"),
        other => Cow::Owned(format!("*{other}")),
    }
}

/// Zeros before a word say nothing, and neither does a hyphen before a pre-release.
fn push_word<'a>(found: &mut Vec<Cow<'a, str>>, word: Cow<'a, str>) {
    if *word < *"*final" {
        while found.last().is_some_and(|it| it == "*final-") {
            found.pop();
        }
    }
    while found.last().is_some_and(|it| it == "00000000") {
        found.pop();
    }
    found.push(word);
}

fn eight_wide(digits: &str) -> Cow<'_, str> {
    if digits.len() >= 8 { Cow::Borrowed(digits) } else { Cow::Owned(format!("{digits:0>8}")) }
}
