//! Intervals of versions as requirements write them: `>= 1.2, < 1.4`, `~> 2.3.4`.
use model::{Affected, End, Range, version::Scheme};
use std::cmp::Ordering;

/// The versions between two bounds; none means that there is no end to that side.
#[derive(Clone, Debug, Default)]
pub(super) struct Interval {
    from: Option<Bound>,
    to: Option<Bound>,
}

#[derive(Clone, Debug)]
struct Bound {
    version: String,
    inclusive: bool,
}

impl Interval {
    /// The versions that fulfil all comparators, which stand between commas; `None` when one is not understood.
    pub(super) fn parse(text: &str, scheme: Scheme) -> Option<Interval> {
        let mut all = Interval::default();
        for comparator in text.split(',') {
            let it = Interval::comparator(comparator.trim())?;
            all.from = nearer(all.from, it.from, Ordering::Greater, scheme);
            all.to = nearer(all.to, it.to, Ordering::Less, scheme);
        }
        Some(all)
    }

    fn comparator(text: &str) -> Option<Interval> {
        let at = text.find(|it| !"<>=~!".contains(it))?;
        let (operator, version) = text.split_at_checked(at)?;
        let version = version.trim();
        let bound = |inclusive| Some(Bound { version: version.to_owned(), inclusive });
        let (from, to) = match operator {
            ">=" => (bound(true), None),
            ">" => (bound(false), None),
            "<=" => (None, bound(true)),
            "<" => (None, bound(false)),
            "=" | "==" | "" => (bound(true), bound(true)),
            "~>" => (bound(true), Some(Bound { version: bumped(version)?, inclusive: false })),
            _ => return None,
        };
        let numbered = version.contains(|it: char| it.is_ascii_digit());
        (numbered && !version.contains(' ')).then_some(Interval { from, to })
    }

    /// Counts these versions as affected; where they end is a fix, if `fix` says so.
    pub(super) fn put(self, fix: bool, affected: &mut Affected) {
        let introduced = self.from.map(|it| {
            if !it.inclusive {
                affected.except.push(it.version.clone());
            }
            it.version
        });
        let end = match self.to {
            None => End::Open,
            Some(it) if it.inclusive => End::LastAffected(it.version),
            Some(it) if fix => End::Fixed(it.version),
            Some(it) => End::Limit(it.version),
        };
        // Whatever is in front of the first version there can be is in front of all.
        let introduced = introduced.filter(|it| it != "0");
        affected.ranges.push(Range { introduced, end });
    }

    /// Says that the fix is this version, and not only that what is affected ends somewhere.
    pub(super) fn fixed_in(mut self, version: &str) -> Interval {
        self.to = Some(Bound { version: version.to_owned(), inclusive: false });
        self
    }
}

/// All versions that are in none of `safe`, and whether each ends in one that is patched. Those that come with `true` are
/// patched, the others never were affected.
pub(super) fn complement(mut safe: Vec<(Interval, bool)>, scheme: Scheme) -> Vec<(Interval, bool)> {
    safe.sort_by(|(a, _), (b, _)| match (&a.from, &b.from) {
        (Some(a), Some(b)) => compare(a, b, scheme).then(b.inclusive.cmp(&a.inclusive)),
        (a, b) => a.is_some().cmp(&b.is_some()),
    });
    let flipped = |it: Bound| Bound { inclusive: !it.inclusive, ..it };
    let mut left = Vec::new();
    let mut at: Option<Bound> = None;
    for (it, patched) in safe {
        if let Some(from) = it.from {
            let before = at.as_ref().is_none_or(|at| match compare(at, &from, scheme) {
                Ordering::Less => true,
                Ordering::Equal => at.inclusive && !from.inclusive,
                Ordering::Greater => false,
            });
            if before {
                left.push((Interval { from: at.clone(), to: Some(flipped(from)) }, patched));
            }
        }
        let Some(to) = it.to else { return left };
        at = nearer(at, Some(flipped(to)), Ordering::Greater, scheme);
    }
    left.push((Interval { from: at, to: None }, false));
    left
}

/// Of two bounds the one that lies on that side; of equal ones that which leaves more out.
fn nearer(a: Option<Bound>, b: Option<Bound>, side: Ordering, scheme: Scheme) -> Option<Bound> {
    match (a, b) {
        (Some(a), Some(b)) => {
            let order = compare(&b, &a, scheme);
            Some(if order == side || order.is_eq() && !b.inclusive { b } else { a })
        }
        (a, b) => a.or(b),
    }
}

fn compare(a: &Bound, b: &Bound, scheme: Scheme) -> Ordering {
    scheme.order(&a.version, &b.version).unwrap_or(Ordering::Equal)
}

/// Where `~>` ends: the last number but one is counted up (RubyGems, `Gem::Version#bump`). Its prereleases are out too, and
/// a letter alone is the first of them.
fn bumped(version: &str) -> Option<String> {
    let parts = version.split(['.', '-']);
    let mut numbers: Vec<u64> = parts.map_while(|it| it.parse().ok()).collect();
    if numbers.len() > 1 {
        numbers.pop();
    }
    let last = numbers.last_mut()?;
    *last = last.checked_add(1)?;
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    Some(format!("{}.a", numbers.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Names, Namespace};
    use proptest::prelude::*;

    fn affected(intervals: Vec<(Interval, bool)>) -> Affected {
        let mut it = Affected::every_version(Namespace::new("RubyGems"), "x", Names::Package);
        it.ranges.clear();
        intervals.into_iter().for_each(|(interval, fix)| interval.put(fix, &mut it));
        it
    }

    #[test]
    fn what_is_neither_patched_nor_unaffected_is_vulnerable() {
        let check = |patched: &[&str], unaffected: &[&str], expected: &str| {
            let of = |list: &[&str], patched| {
                let it = |it: &&str| (Interval::parse(it, Scheme::Gem).unwrap(), patched);
                list.iter().map(it).collect::<Vec<_>>()
            };
            let left = complement([of(patched, true), of(unaffected, false)].concat(), Scheme::Gem);
            let it = affected(left);
            let ranges: Vec<String> = it.ranges.iter().map(ToString::to_string).collect();
            let except = it.except.iter().map(|it| format!(" except {it}")).collect::<String>();
            assert_eq!(ranges.join(" or ") + &except, expected, "{patched:?} {unaffected:?}");
        };
        check(&[">= 1.5"], &[], "< 1.5");
        check(&["~> 1.6.9", ">= 1.8.3"], &[], "< 1.6.9 or >= 1.7.a, < 1.8.3");
        check(&["~> 1.6", ">= 1.8.3"], &[], "< 1.6");
        check(
            &["~> 4.2.5, >= 4.2.5.1", ">= 5.0.0"],
            &["< 4.0"],
            ">= 4.0, < 4.2.5.1 or >= 4.3.a, < 5.0.0",
        );
        check(&[], &["< 2.0"], ">= 2.0");
        check(&[], &["<= 2.0"], ">= 2.0 except 2.0");
        check(&["> 1.5"], &[], "<= 1.5");
        check(&["= 1.2.3"], &[], "< 1.2.3 or >= 1.2.3 except 1.2.3");
        check(&[], &[], "every version");
        check(&["~> 2.3.4.rc1"], &[], "< 2.3.4.rc1 or >= 2.4.a");
    }

    #[test]
    fn requirements_that_are_not_understood_are_none() {
        for text in ["", "!= 1", ">= ", ">= 1 < 2", "~> x", "all"] {
            assert!(Interval::parse(text, Scheme::Gem).is_none(), "{text}");
        }
    }

    proptest! {
        /// A version is in the complement if and only if no interval has it.
        #[test]
        fn complements_leave_out_just_that(safe in proptest::collection::vec("(>=|>|<=|<|=) [0-4](\\.[0-2])?", 0..5),
                                           version in "[0-4](\\.[0-2])?(\\.1)?") {
            let parsed = safe.iter().map(|it| (Interval::parse(it, Scheme::Gem).unwrap(), true));
            let parsed: Vec<_> = parsed.collect();
            let fulfils = |(interval, _): &(Interval, bool)| {
                let bound = |it: &Bound| Scheme::Gem.order(&version, &it.version).unwrap();
                interval.from.as_ref().is_none_or(|it| bound(it).is_gt() || it.inclusive && bound(it).is_eq())
                    && interval.to.as_ref().is_none_or(|it| bound(it).is_lt() || it.inclusive && bound(it).is_eq())
            };
            let is_safe = parsed.iter().any(fulfils);
            let left = complement(parsed, Scheme::Gem);
            prop_assert_eq!(left.iter().any(fulfils), !is_safe, "{:?}", safe);
        }
    }
}
