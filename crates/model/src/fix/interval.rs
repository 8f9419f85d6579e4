//! The versions that a finding is about, read out of how it says them ([`crate::Range`] and lists of versions, as text).
use crate::version::Scheme;
use std::cmp::Ordering;

/// Versions from one to another.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Interval<'a> {
    from: Option<&'a str>,
    /// The first version that is not affected any more.
    pub(super) fixed: Option<&'a str>,
    through: Option<&'a str>,
}

/// `>= 1.2, < 1.4 or = 2.0, but not 1.3`. What is no interval (`one of 9 listed versions`) says nothing; what is excepted is
/// taken for affected, since a version to go to need not be one of those.
pub(super) fn read(text: &str) -> impl Iterator<Item = Interval<'_>> {
    let text = text.split_once(", but not ").map_or(text, |it| it.0);
    text.split(" or ").filter_map(|part| {
        let mut interval = Interval::default();
        for bound in part.split(", ").filter(|it| *it != "every version") {
            match bound.split_once(' ')? {
                (">=", it) => interval.from = Some(it),
                ("<", it) => interval.fixed = Some(it),
                ("<=", it) => interval.through = Some(it),
                ("=", it) => (interval.from, interval.through) = (Some(it), Some(it)),
                _ => return None,
            }
        }
        Some(interval)
    })
}

impl Interval<'_> {
    /// Whether it certainly holds a version.
    pub(super) fn holds(&self, version: &str, scheme: Scheme) -> bool {
        let order = |it| scheme.order(version, it);
        self.from.is_none_or(|it| order(it).is_some_and(Ordering::is_ge))
            && self.fixed.is_none_or(|it| order(it).is_some_and(Ordering::is_lt))
            && self.through.is_none_or(|it| order(it).is_some_and(Ordering::is_le))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{End, Range};

    #[test]
    fn what_ranges_say_is_understood() {
        let check = |introduced: Option<&str>, end: End, inside: &[&str], outside: &[&str]| {
            let range = Range { introduced: introduced.map(str::to_owned), end }.to_string();
            let interval = read(&range).next().unwrap();
            let holds = |it: &&str| interval.holds(it, Scheme::Semver);
            assert!(inside.iter().all(holds), "{range}");
            assert!(!outside.iter().any(holds), "{range}");
        };
        let fixed = || End::Fixed("2.0.0".to_owned());
        check(None, fixed(), &["1.0.0"], &["2.0.0"]);
        check(Some("1.0.0"), fixed(), &["1.0.0", "1.9.9"], &["0.9.0", "2.0.0"]);
        check(Some("1.0.0"), End::LastAffected("1.2.0".to_owned()), &["1.2.0"], &["1.2.1"]);
        check(None, End::Open, &["0.0.1", "99.0.0"], &[]);
        let several: Vec<_> = read("< 1.0 or = 2.0 or one of 9 listed versions").collect();
        let exact = Interval { from: Some("2.0"), through: Some("2.0"), ..Interval::default() };
        let excepted: Vec<_> = read("< 1.0 or = 2.0, but not 0.5, 0.6").collect();
        assert_eq!(excepted, several);
        assert_eq!(several, [Interval { fixed: Some("1.0"), ..Interval::default() }, exact]);
    }
}
