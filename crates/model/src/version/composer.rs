//! Composer: `Comparator` of composer/semver, which is `version_compare` of the PHP manual, and
//! "Versions and constraints" of Composer's documentation with `VersionParser::normalize`, which
//! Composer applies to every version that it loads.
use super::{php, runs};
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (bare(a)?, bare(b)?);
    // Branches have no order among themselves.
    if a.starts_with("dev-") && b.starts_with("dev-") {
        return (a == b).then_some(Ordering::Equal);
    }
    Some(php::order(a, b))
}

fn bare(text: &str) -> Option<&str> {
    let text = text.trim();
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let number = text.starts_with(|it: char| it.is_ascii_digit());
    (number || text.starts_with("dev-")).then_some(text)
}

/// The form that Composer compares, in which `4.4` and `4.4.0` are one; `None` for what Composer
/// rejects, though registries and advisories hold such versions too.
pub(super) fn normalize(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.split_once(" as ").map_or(text, |it| it.0.trim_end());
    let text = without_stability_flag(text);
    if matches!(text, "master" | "trunk" | "default") {
        return Some(format!("dev-{text}"));
    }
    if starts_with(text, "dev-") {
        return Some(format!("dev-{}", text.get(4..).unwrap_or_default()));
    }
    let text = text.split_once('+').map_or(text, |it| it.0);
    let plain = text.strip_prefix(['v', 'V']).unwrap_or(text);
    plain.starts_with(|it: char| it.is_ascii_digit()).then_some(())?;
    classical(plain).or_else(|| dated(plain)).or_else(|| numeric_branch(plain))
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|it| it.eq_ignore_ascii_case(prefix))
}

/// Takes `@beta` off the end.
fn without_stability_flag(text: &str) -> &str {
    const FLAGS: &[&str] = &["stable", "RC", "beta", "alpha", "dev"];
    match text.rsplit_once('@') {
        Some((rest, flag)) if FLAGS.iter().any(|it| it.eq_ignore_ascii_case(flag)) => rest,
        _ => text,
    }
}

/// Up to four numbers, of which the first has at most five digits, and a modifier.
fn classical(text: &str) -> Option<String> {
    let (major, mut rest) = runs::digits(text);
    if major.len() > 5 {
        return None;
    }
    let mut normal = major.to_owned();
    for _ in 0..3 {
        let (number, after) = rest.strip_prefix('.').map(runs::digits).unwrap_or_default();
        if number.is_empty() {
            normal.push_str(".0");
        } else {
            normal.push('.');
            normal.push_str(number);
            rest = after;
        }
    }
    normal.push_str(&modifier(rest)?);
    Some(normal)
}

/// A date or a time, as in `2010-01-02-10-20-30.5`: a year, pairs of digits, and up to two more
/// numbers.
fn dated(text: &str) -> Option<String> {
    let (year, mut rest) = text.split_at_checked(4).filter(|it| runs::is_number(it.0))?;
    let mut normal = year.to_owned();
    for (most, width) in [(6, 2..=2), (2, 1..=3)] {
        for _ in 0..most {
            let Some((separator, number, after)) = date_part(rest, *width.start(), *width.end())
            else {
                break;
            };
            normal.push_str(separator);
            normal.push_str(number);
            rest = after;
        }
    }
    (normal.len() > 4).then_some(())?;
    normal.push_str(&modifier(rest)?);
    Some(normal)
}

/// A separator, which becomes a dot, and `least` to `most` digits.
fn date_part(text: &str, least: usize, most: usize) -> Option<(&str, &str, &str)> {
    let after = text.strip_prefix(['.', ':', '-']);
    let (separator, digits) = after.map_or(("", text), |it| (".", it));
    let width = runs::digits(digits).0.len().min(most);
    let (number, rest) = digits.split_at_checked(width)?;
    (width >= least).then_some((separator, number, rest))
}

/// Stability, its number, and whether it is in development; `None` when anything else follows.
fn modifier(text: &str) -> Option<String> {
    const NAMES: &[(&str, &str)] = &[
        ("stable", ""),
        ("beta", "beta"),
        ("b", "beta"),
        ("rc", "RC"),
        ("alpha", "alpha"),
        ("a", "alpha"),
        ("patch", "patch"),
        ("pl", "patch"),
        ("p", "patch"),
    ];
    let bare = text.strip_prefix(['.', '_', '-']).unwrap_or(text);
    let named = NAMES.iter().find(|it| starts_with(bare, it.0));
    let Some((written, name)) = named else { return is_dev(text).or_else(|| is_dev(bare)) };
    let rest = bare.get(written.len()..).unwrap_or_default();
    let (number, rest) = modifier_number(rest);
    let dev = is_dev(rest)?;
    if name.is_empty() {
        return Some(String::new());
    }
    Some(format!("-{name}{}{dev}", number.trim_start_matches(['.', '-'])))
}

/// Numbers, each perhaps after a dot or a hyphen.
fn modifier_number(text: &str) -> (&str, &str) {
    let mut rest = text;
    loop {
        let (number, after) = runs::digits(rest.strip_prefix(['.', '-']).unwrap_or(rest));
        if number.is_empty() {
            return (text.strip_suffix(rest).unwrap_or_default(), rest);
        }
        rest = after;
    }
}

/// `-dev` or nothing.
fn is_dev(text: &str) -> Option<String> {
    let bare = text.strip_prefix(['.', '-']).unwrap_or(text);
    match (text.is_empty(), bare.eq_ignore_ascii_case("dev")) {
        (true, _) => Some(String::new()),
        (_, true) => Some("-dev".to_owned()),
        _ => None,
    }
}

/// A branch such as `2.1.x-dev`, which is newer than all that it can bring forth.
fn numeric_branch(text: &str) -> Option<String> {
    let end = text
        .len()
        .checked_sub(3)
        .filter(|at| text.get(*at..).is_some_and(|it| it.eq_ignore_ascii_case("dev")))?;
    let name = text.get(..end)?;
    let name = name.strip_suffix(['.', '-']).unwrap_or(name);
    let mut parts = name.split('.');
    let mut normal = parts.next().filter(|it| runs::is_number(it))?.to_owned();
    for _ in 0..3 {
        let part = parts.next().unwrap_or("x");
        normal.push('.');
        match part {
            "x" | "X" | "*" => normal.push_str("9999999"),
            it if runs::is_number(it) => normal.push_str(it),
            _ => return None,
        }
    }
    normal.push_str("-dev");
    parts.next().is_none().then_some(normal)
}
