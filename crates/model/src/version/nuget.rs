//! NuGet: "Package versioning" of the NuGet documentation, sections "Version basics" and
//! "Normalized version numbers". Semantic versions with a fourth part, in any case.
use super::semver;
use std::cmp::Ordering;

pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (semver::parse(a)?, semver::parse(b)?);
    Some(semver::core(&a, &b).then_with(|| semver::prerelease(a.pre, b.pre, in_any_case)))
}

fn in_any_case(a: &str, b: &str) -> Ordering {
    let lower = |it: &'_ str| it.bytes().map(|it| it.to_ascii_lowercase()).collect::<Vec<_>>();
    lower(a).cmp(&lower(b))
}
