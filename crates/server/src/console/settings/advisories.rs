//! Which advisories are in use, how old they are, and how fetching newer ones goes.
use crate::{
    Problem,
    call::Call,
    console::{Frame, Html, html, show},
    routes::advisories,
    views::Advisories,
};
use askama::Template;

/// A day, in milliseconds.
const DAY: i64 = 86_400_000;

/// From so many days on they are old: publishers say something new every day.
const OLD: i64 = 3;

#[derive(Template)]
#[template(path = "settings/advisories.html")]
struct Page {
    frame: Frame,
    tab: &'static str,
    it: Advisories,
    /// How many days ago they were made, if that is too long ago.
    old: Option<i64>,
    update: Update,
}

/// What becomes of an update.
#[derive(PartialEq)]
enum Update {
    Never,
    Wanted,
    Running,
    Ended,
}

pub(in crate::console) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let (frame, tab) = (Frame::new(call, "/settings"), "/settings/advisories");
    let it = advisories::show(call, ())?.0;
    let update = match (it.update.wanted_at, it.update.began_at, it.update.ended_at) {
        (Some(_), ..) => Update::Wanted,
        (_, Some(_), None) => Update::Running,
        (_, _, Some(_)) => Update::Ended,
        _ => Update::Never,
    };
    html(&Page { frame, tab, old: old(&it, call.now), it, update })
}

fn old(it: &Advisories, now: i64) -> Option<i64> {
    let days = it.built_at.map(|at| now.saturating_sub(at.0).div_euclid(DAY));
    days.filter(|days| *days >= OLD && !it.starter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::{self, Time};

    #[test]
    fn advisories_are_old_after_three_days() {
        let check = |built_at: Option<i64>, starter, expected| {
            let (build, built_at) = (String::new(), built_at.map(Time));
            let (feeds, update) = (Vec::new(), views::Update::default());
            let it = Advisories { build, built_at, starter, advisories: 1, feeds, update };
            assert_eq!(old(&it, 10 * DAY), expected, "{built_at:?}");
        };
        check(None, true, None);
        check(Some(0), true, None);
        check(Some(10 * DAY), false, None);
        check(Some(7 * DAY + 1), false, None);
        check(Some(7 * DAY), false, Some(3));
        check(Some(DAY), false, Some(9));
        // A clock that was set back makes nothing old.
        check(Some(11 * DAY), false, None);
    }
}
