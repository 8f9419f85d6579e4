//! Go: "Go Modules Reference", sections "Versions" and "Pseudo-versions", and "Go Toolchains",
//! section "Go versions". Modules have semantic versions; the toolchain writes `go1.21rc2` for what
//! the vulnerability database calls `1.21.0-rc.2`.
use super::{runs, semver};
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (parse(a)?, parse(b)?);
    let core = runs::padded(a.core.split('.'), b.core.split('.'));
    let pre = || match (a.kind.is_empty(), b.kind.is_empty()) {
        (false, false) => semver::identifiers(a.identifiers(), b.identifiers(), semver::by_byte),
        (a, b) => a.cmp(&b),
    };
    Some(core.then_with(pre))
}

struct Version<'a> {
    core: &'a str,
    /// The first identifier of a prerelease; empty for a release.
    kind: &'a str,
    /// Its other identifiers: `rc2` and `rc.2` read the same.
    rest: &'a str,
}

impl<'a> Version<'a> {
    fn identifiers(&self) -> impl Iterator<Item = &'a str> {
        [self.kind].into_iter().chain(self.rest.split('.').filter(|it| !it.is_empty()))
    }
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
        return Some(Version { core, kind, rest: number });
    }
    let it = semver::parse(text)?;
    let (kind, rest) = it.pre.split_once('.').unwrap_or((it.pre, ""));
    Some(Version { core: it.core, kind, rest })
}
