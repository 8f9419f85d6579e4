//! Whether a component is affected by what an advisory says of its package, and the words for it.
use crate::ranges;
use model::{Affected, Component, Ecosystem, End, Names, Range, Status, Verdict, version::Scheme};
use std::{borrow::Cow, cmp::Ordering};

/// The outcome of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The component is affected.
    Hit(Hit),
    /// The versions can't be compared: which.
    Uncertain(String),
    /// It is not affected: why.
    Miss(Verdict),
}

/// A version that is among the affected ones.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hit {
    /// `7.88.1-10 < 7.88.1-10+deb12u5 (dpkg)`.
    pub(crate) comparison: String,
    /// The fix on the branch of the installed version.
    pub(crate) fix: Option<String>,
}

/// The version of a component that an advisory on such names speaks of.
pub(crate) fn installed(component: &Component, names: Names) -> Cow<'_, str> {
    let (_, source) = component.source();
    match (names, component.ecosystem) {
        (Names::Source, Ecosystem::Deb | Ecosystem::Opkg) => Cow::Borrowed(source),
        // The name of a source RPM has no epoch; that of what was built from it is the same.
        (Names::Source, Ecosystem::Rpm) if !source.contains(':') => {
            match component.version.split_once(':') {
                Some((epoch, _)) => Cow::Owned(format!("{epoch}:{source}")),
                None => Cow::Borrowed(source),
            }
        }
        // apk gives all packages of an origin the same version.
        _ => Cow::Borrowed(&component.version),
    }
}

/// Whose rules order the versions of a component where an advisory speaks: those of what packed it, or, for names that
/// several give to it, of who gives that one.
pub(crate) fn ecosystem(component: &Component, affected: &Affected) -> Ecosystem {
    let own = component.ecosystem;
    if own.is_system() { own } else { affected.namespace.ecosystem().unwrap_or(own) }
}

/// Compares a component with what an advisory says of its package.
pub(crate) fn evaluate(component: &Component, affected: &Affected) -> Outcome {
    let arch = component.arch.as_ref().filter(|it| !is_any_arch(it));
    if !affected.arches.is_empty() && arch.is_some_and(|it| !affected.arches.contains(it)) {
        return Outcome::Miss(Verdict::OtherArchitecture(affected.arches.join(", ")));
    }
    if let Some(other) = other_module(component, affected) {
        return Outcome::Miss(Verdict::OtherModule(other));
    }
    let installed = installed(component, affected.names);
    if affected.status == Status::NotAffected && affected.ranges.is_empty() {
        return Outcome::Miss(Verdict::NotAffected);
    }
    let outcome = by_version(ecosystem(component, affected), &installed, affected);
    match outcome {
        Outcome::Hit(_) if affected.status == Status::NotAffected => {
            Outcome::Miss(Verdict::NotAffected)
        }
        outcome => outcome,
    }
}

fn is_any_arch(arch: &str) -> bool {
    matches!(arch, "noarch" | "all" | "any")
}

fn by_version(ecosystem: Ecosystem, installed: &str, affected: &Affected) -> Outcome {
    let bare = untagged(installed, affected);
    let compare = |it: &str| compare(ecosystem, bare, untagged(it, affected));
    let is_in = |list: &[String]| {
        list.iter().any(|it| it == installed || compare(it) == Some(Ordering::Equal))
    };
    if is_in(&affected.except) {
        return Outcome::Miss(Verdict::OutOfRange(format!("{installed} is excepted")));
    }
    if is_in(&affected.versions) {
        let fixes = affected.ranges.iter().filter_map(ranges::fix);
        let above = fixes.filter(|it| compare(it) == Some(Ordering::Less));
        let least = above.min_by(|a, b| order(ecosystem, a, b));
        let comparison = format!("{installed} is listed");
        return Outcome::Hit(Hit { comparison, fix: least.map(str::to_owned) });
    }
    let listed = !affected.versions.is_empty() && ranges::lists_decide(&affected.namespace);
    let newest = affected.versions.iter().max_by(|a, b| order(ecosystem, a, b));
    if listed && newest.is_some_and(|it| compare(it) == Some(Ordering::Less)) {
        let reason = format!("{installed} is not among the {} listed", affected.versions.len());
        return Outcome::Miss(Verdict::OutOfRange(reason));
    }
    let mut doubt = None;
    for range in &affected.ranges {
        match ranges::position(range, compare) {
            Some(true) => {
                let comparison = comparison(ecosystem, installed, range);
                return Outcome::Hit(Hit {
                    comparison,
                    fix: ranges::fix(range).map(str::to_owned),
                });
            }
            Some(false) => {}
            None => doubt = Some(range),
        }
    }
    let scheme = scheme_name(ecosystem);
    match doubt {
        Some(range) => {
            Outcome::Uncertain(format!("{installed} can't be compared with {range} ({scheme})"))
        }
        None => Outcome::Miss(Verdict::OutOfRange(outside(ecosystem, installed, affected))),
    }
}

/// Orders two versions as their ecosystem does it. Go's tools write `v1.2.3` and `go1.2.3`, its
/// vulnerability database does not.
fn compare(ecosystem: Ecosystem, a: &str, b: &str) -> Option<Ordering> {
    if ecosystem == Ecosystem::Golang {
        let bare = |it| str::trim_start_matches(str::trim_start_matches(it, "go"), 'v');
        return ecosystem.scheme().order(bare(a), bare(b));
    }
    ecosystem.scheme().order(a, b)
}

fn order(ecosystem: Ecosystem, a: &str, b: &str) -> Ordering {
    compare(ecosystem, a, b).unwrap_or(Ordering::Equal)
}

/// What was compared to find `installed` in `range`.
fn comparison(ecosystem: Ecosystem, installed: &str, range: &Range) -> String {
    let scheme = scheme_name(ecosystem);
    match (&range.end, &range.introduced) {
        (End::Fixed(it) | End::Limit(it), _) => format!("{installed} < {it} ({scheme})"),
        (End::LastAffected(it), _) => format!("{installed} <= {it} ({scheme})"),
        (End::Open, Some(it)) => format!("{installed} >= {it} ({scheme})"),
        (End::Open, None) => "every version is affected".to_owned(),
    }
}

/// What was compared to find `installed` outside of every range: the nearest end below it, or the
/// nearest beginning above.
fn outside(ecosystem: Ecosystem, installed: &str, affected: &Affected) -> String {
    let scheme = scheme_name(ecosystem);
    let by = |a: &&str, b: &&str| order(ecosystem, a, b);
    let ends = affected.ranges.iter().filter_map(|it| match &it.end {
        End::Fixed(it) | End::Limit(it) | End::LastAffected(it) => Some(it.as_str()),
        End::Open => None,
    });
    let bare = untagged(installed, affected);
    let below =
        |it: &&str| compare(ecosystem, untagged(it, affected), bare).is_some_and(Ordering::is_le);
    if let Some(end) = ends.filter(below).max_by(by) {
        return format!("{installed} >= {end} ({scheme})");
    }
    match affected.ranges.iter().filter_map(|it| it.introduced.as_deref()).min_by(by) {
        Some(first) => format!("{installed} < {first} ({scheme})"),
        None => format!("{installed} is not among the {} listed", affected.versions.len()),
    }
}

/// The name of an ecosystem's rule for ordering versions.
pub(crate) fn scheme_name(ecosystem: Ecosystem) -> &'static str {
    Scheme::ALL.iter().find(|it| it.1 == ecosystem.scheme()).map_or("", |it| it.0)
}

/// The affected versions as people write them.
pub(crate) fn range_text(affected: &Affected) -> String {
    let mut parts: Vec<String> = affected.ranges.iter().map(ToString::to_string).collect();
    match affected.versions.as_slice() {
        [] => {}
        few if few.len() <= 5 => parts.extend(few.iter().map(|it| format!("= {it}"))),
        many => parts.push(format!("one of {} listed versions", many.len())),
    }
    let text = parts.join(" or ");
    if affected.except.is_empty() {
        return text;
    }
    format!("{text}, but not {}", affected.except.join(", "))
}

/// The streams that an advisory means, when the component is not of them. A build of one stream
/// says nothing about those of another, nor about builds outside of any module, whatever their
/// numbers (RPM modularity).
fn other_module(component: &Component, affected: &Affected) -> Option<String> {
    if component.ecosystem != Ecosystem::Rpm {
        return None;
    }
    let modular = component.module.is_some() || component.version.contains(".module");
    if affected.modules.is_empty() {
        let fixes = || affected.ranges.iter().any(|it| ranges::fix(it).is_some());
        return (modular && fixes()).then(|| "none, and the package is of one".to_owned());
    }
    let same = match &component.module {
        Some(label) => affected.modules.iter().any(|it| is_stream(label, it)),
        None if modular => same_branch(&component.version, affected),
        None => false,
    };
    (!same).then(|| affected.modules.join(", "))
}

/// Whether a label `name:stream:version:context:arch` is of `name:stream`, or of any stream of
/// `name:`.
fn is_stream(label: &str, wanted: &str) -> bool {
    let mut label = label.split(':');
    let (name, stream) = (label.next(), label.next());
    let (wanted_name, wanted_stream) = wanted.split_once(':').unwrap_or((wanted, ""));
    name == Some(wanted_name) && (wanted_stream.is_empty() || stream == Some(wanted_stream))
}

/// Where no label tells the stream, the release tag still tells that there is one, and builds of
/// one numbered stream share as many numbers of their version as the stream has. Streams that roll
/// on (`rhel8`) do not, and are taken for the same.
fn same_branch(version: &str, affected: &Affected) -> bool {
    affected.modules.iter().any(|it| {
        let stream = it.split_once(':').map_or("", |it| it.1);
        let numbers = stream.split('.').count();
        let mut fixes = affected.ranges.iter().filter_map(ranges::fix);
        !stream.starts_with(|it: char| it.is_ascii_digit())
            || fixes.any(|it| branch(it, numbers) == branch(version, numbers))
    })
}

fn branch(version: &str, numbers: usize) -> Vec<&str> {
    let version = version.split_once(':').map_or(version, |it| it.1);
    let version = version.split('-').next().unwrap_or_default();
    version.split('.').take(numbers).collect()
}

/// A version, without the tag of the module build where a module is meant. Each build of a module builds all its packages
/// anew, the unchanged ones too, and numbers differ between architectures and build systems: an
/// erratum's tag says nothing about a package whose release is the same.
fn untagged<'a>(version: &'a str, affected: &Affected) -> &'a str {
    let tag = if affected.modules.is_empty() { None } else { version.find(".module") };
    tag.and_then(|it| version.get(..it)).unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Namespace;

    #[test]
    fn architectures_are_told_apart() {
        let mut affected = Affected::every_version(Namespace::new("x"), "p", Names::Package);
        affected.arches = vec!["x86_64".to_owned()];
        let check = |arch: Option<&str>, hit: bool| {
            let mut component = Component::new(Ecosystem::Rpm, "p", "1-1");
            component.arch = arch.map(str::to_owned);
            assert_eq!(matches!(evaluate(&component, &affected), Outcome::Hit(_)), hit, "{arch:?}");
        };
        check(Some("x86_64"), true);
        check(Some("aarch64"), false);
        check(Some("noarch"), true);
        check(None, true);
    }

    #[test]
    fn the_comparison_is_said_in_words() {
        let check = |range: Range, installed: &str, expected: &str| {
            let mut affected = Affected::every_version(Namespace::new("x"), "p", Names::Package);
            affected.ranges = vec![range];
            let component = Component::new(Ecosystem::Deb, "p", installed);
            let said = match evaluate(&component, &affected) {
                Outcome::Hit(it) => it.comparison,
                Outcome::Uncertain(it) => it,
                Outcome::Miss(it) => it.to_string(),
            };
            assert_eq!(said, expected);
        };
        let range =
            |from: Option<&str>, end: End| Range { introduced: from.map(str::to_owned), end };
        let fixed = || End::Fixed("2.0-1".to_owned());
        check(range(None, fixed()), "1.0-1", "1.0-1 < 2.0-1 (dpkg)");
        check(range(Some("1.0"), End::Open), "1.0-1", "1.0-1 >= 1.0 (dpkg)");
        check(range(None, End::Open), "1.0-1", "every version is affected");
        let outside = "not among the affected versions: ";
        check(range(None, fixed()), "2.0-1", &format!("{outside}2.0-1 >= 2.0-1 (dpkg)"));
        check(range(Some("1.0"), fixed()), "0.9", &format!("{outside}0.9 < 1.0 (dpkg)"));
    }
}
