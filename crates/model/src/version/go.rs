//! Go: "Go Modules Reference", sections "Versions" and "Pseudo-versions", and "Go Toolchains",
//! section "Go versions". Modules have semantic versions; the toolchain writes `go1.21rc2` for what
//! the vulnerability database calls `1.21.0-rc.2`.
use super::{runs, semver};
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (parse(a)?, parse(b)?);
    let core = runs::padded(a.core.split('.'), b.core.split('.'));
    Some(core.then_with(|| a.pre.order(b.pre)))
}

struct Version<'a> {
    core: &'a str,
    pre: Pre<'a>,
}

#[derive(Clone, Copy)]
enum Pre<'a> {
    /// A toolchain's kind and number, as in `rc2`.
    Kind(&'a str, &'a str),
    /// Identifiers between dots, perhaps none.
    Identifiers(&'a str),
}

fn parse(text: &str) -> Option<Version<'_>> {
    let text = text.trim();
    let Some(toolchain) = text.strip_prefix("go") else { return module(text) };
    // What follows a hyphen or a space says who built the toolchain and how, not which it is.
    let end = toolchain.find(['-', '+', ' ', '\t']).unwrap_or(toolchain.len());
    module(toolchain.get(..end)?)
}

fn module(text: &str) -> Option<Version<'_>> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (core, rest) = semver::dotted_numbers(text)?;
    let (kind, number) = runs::split(rest, |it| it.is_ascii_lowercase());
    if !kind.is_empty() && runs::is_number(number) {
        return Some(Version { core, pre: Pre::Kind(kind, number) });
    }
    let it = semver::parse(text)?;
    Some(Version { core: it.core, pre: Pre::Identifiers(it.pre) })
}

impl<'a> Pre<'a> {
    fn order(self, other: Pre<'a>) -> Ordering {
        match (self.words(), other.words()) {
            ((None, _), (None, _)) => Ordering::Equal,
            ((a, _), (b, _)) if a.is_none() || b.is_none() => a.is_none().cmp(&b.is_none()),
            ((a, x), (b, y)) => {
                let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
                semver::identifiers(a, b, semver::by_byte).then_with(|| match (x, y) {
                    ("", "") => Ordering::Equal,
                    (x, y) if x.is_empty() || y.is_empty() => y.is_empty().cmp(&x.is_empty()),
                    (x, y) => semver::identifiers(x, y, semver::by_byte),
                })
            }
        }
    }

    /// The first identifier and the others: `rc2` and `rc.2` read the same.
    fn words(self) -> (Option<&'a str>, &'a str) {
        match self {
            Pre::Kind(kind, number) => (Some(kind), number),
            Pre::Identifiers("") => (None, ""),
            Pre::Identifiers(it) => {
                let (first, rest) = it.split_once('.').unwrap_or((it, ""));
                (Some(first), rest)
            }
        }
    }
}
