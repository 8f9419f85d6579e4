//! Intervals of versions: from the events of OSV, and questions that many ask of them.
use model::{End, Namespace, Range, Status, version::Scheme};
use serde::Deserialize;
use std::cmp::Ordering;

/// One `ranges` entry of an OSV record.
#[derive(Deserialize)]
pub(crate) struct Events {
    /// `SEMVER`, `ECOSYSTEM` or `GIT`.
    #[serde(rename = "type", default)]
    pub(crate) kind: String,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Event {
    Introduced(String),
    Fixed(String),
    LastAffected(String),
    Limit(String),
}

impl Event {
    fn version(&self) -> &str {
        let (Event::Introduced(it) | Event::Fixed(it) | Event::LastAffected(it) | Event::Limit(it)) =
            self;
        it
    }

    /// What comes first when versions are equal: what ends an interval, then what begins one; but
    /// the last affected version is itself affected.
    fn rank(&self) -> u8 {
        match self {
            Event::Fixed(_) | Event::Limit(_) => 0,
            Event::Introduced(_) => 1,
            Event::LastAffected(_) => 2,
        }
    }
}

/// The intervals that events stand for (OSV schema, "Evaluation"): each begins one or ends the one
/// before; a beginning inside of an interval and an end outside of any change nothing. The order in
/// the record means nothing, so they are sorted where that could matter.
pub(crate) fn from_events(events: &Events, scheme: Scheme) -> Vec<Range> {
    let mut events = events.events.clone();
    if !alternate(&events) {
        sort(&mut events, scheme);
    }
    let mut ranges = Vec::new();
    let mut open: Option<Option<String>> = None;
    for event in events {
        let end = match event {
            Event::Introduced(it) => {
                let first = Some(it).filter(|it| it != "0" && it != "0.0.0-0");
                open = open.or(Some(first));
                continue;
            }
            Event::Limit(it) if it == "*" => continue,
            Event::Fixed(it) => End::Fixed(it),
            Event::LastAffected(it) => End::LastAffected(it),
            Event::Limit(it) => End::Limit(it),
        };
        if let Some(introduced) = open.take() {
            ranges.push(Range { introduced, end });
        }
    }
    ranges.extend(open.map(|introduced| Range { introduced, end: End::Open }));
    ranges
}

/// Whether events take turns, as nearly all do, so that their order is beyond doubt.
fn alternate(events: &[Event]) -> bool {
    let begins = |it: &Event| matches!(it, Event::Introduced(_));
    events.iter().enumerate().all(|(i, it)| begins(it) == (i % 2 == 0))
}

fn sort(events: &mut [Event], scheme: Scheme) {
    let start = |it: &Event| it.version() == "0" && matches!(it, Event::Introduced(_));
    events.sort_by(|a, b| match (start(a), start(b)) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => scheme
            .order(a.version(), b.version())
            .unwrap_or(Ordering::Equal)
            .then(a.rank().cmp(&b.rank())),
    });
}

/// Whether the lists of versions in this namespace are complete, so that they decide alone.
///
/// OSV counts a version as affected when it is listed or in a range. PyPA's lists are made by
/// people from what PyPI really has, and leave out the releases of old branches that were mended
/// too, which their ranges don't: there the list decides, for all that is not newer than everything
/// on it. Everywhere else the lists are computed from the ranges: those of distributions end where
/// the archive did on that day, and those of malware name what somebody happened to look at.
pub(crate) fn lists_decide(namespace: &Namespace) -> bool {
    namespace.as_str() == "PyPI"
}

/// Whether a version is certainly in a range.
pub(crate) fn contains(range: &Range, version: &str, scheme: Scheme) -> bool {
    position(range, |it| scheme.order(version, it)) == Some(true)
}

/// Whether a version is in a range, by how it compares with those of the range; `None` when that
/// can't be said.
pub(crate) fn position(range: &Range, compare: impl Fn(&str) -> Option<Ordering>) -> Option<bool> {
    let after = range.introduced.as_deref().map_or(Some(true), |it| Some(compare(it)?.is_ge()));
    let before = match &range.end {
        End::Open => Some(true),
        End::Fixed(it) | End::Limit(it) => compare(it).map(Ordering::is_lt),
        End::LastAffected(it) => compare(it).map(Ordering::is_le),
    };
    match (after, before) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

/// Whether no version can be in it: feeds write a fix in version 0 for "never affected".
pub(crate) fn is_empty(range: &Range) -> bool {
    range.introduced.is_none() && matches!(&range.end, End::Fixed(it) if it == "0")
}

/// The fix that ends it.
pub(crate) fn fix(range: &Range) -> Option<&str> {
    match &range.end {
        End::Fixed(it) => Some(it),
        _ => None,
    }
}

/// What has been done about what has these ranges.
pub(crate) fn status(ranges: &[Range], urgency: Option<&str>) -> Status {
    if ranges.iter().any(|it| fix(it).is_some()) {
        Status::Fixed
    } else if urgency == Some("end-of-life") {
        Status::EndOfLife
    } else {
        Status::Affected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_intervals() {
        let check = |json: &str, expected: &[&str]| {
            let events: Events = serde_json::from_str(&format!(r#"{{"events":{json}}}"#)).unwrap();
            let ranges = from_events(&events, Scheme::Semver);
            let shown: Vec<String> = ranges.iter().map(ToString::to_string).collect();
            assert_eq!(shown, expected, "{json}");
        };
        check(r#"[{"introduced":"0"},{"fixed":"1.2.0"}]"#, &["< 1.2.0"]);
        check(r#"[{"introduced":"0"}]"#, &["every version"]);
        check(
            r#"[{"introduced":"1.0.0"},{"fixed":"1.2.0"},{"introduced":"2.0.0"},{"last_affected":"2.1.0"}]"#,
            &[">= 1.0.0, < 1.2.0", ">= 2.0.0, <= 2.1.0"],
        );
        check(r#"[{"fixed":"1.2.0"},{"introduced":"1.0.0"}]"#, &[">= 1.0.0, < 1.2.0"]);
        check(r#"[{"introduced":"0"},{"fixed":"1.2.0"},{"fixed":"1.3.0"}]"#, &["< 1.2.0"]);
        check(r#"[{"introduced":"0"},{"introduced":"1.0.0"},{"limit":"2.0.0"}]"#, &["< 2.0.0"]);
        check(r#"[{"introduced":"0"},{"limit":"*"}]"#, &["every version"]);
        check(r#"[{"fixed":"1.2.0"}]"#, &[]);
        check(r#"[]"#, &[]);
    }
}
