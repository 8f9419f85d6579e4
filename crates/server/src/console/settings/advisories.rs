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
    let days = it.built_at.map(|at| call.now.saturating_sub(at.0).div_euclid(DAY));
    let old = days.filter(|days| *days >= OLD && !it.starter);
    let update = match (it.update.wanted_at, it.update.began_at, it.update.ended_at) {
        (Some(_), ..) => Update::Wanted,
        (_, Some(_), None) => Update::Running,
        (_, _, Some(_)) => Update::Ended,
        _ => Update::Never,
    };
    html(&Page { frame, tab, it, old, update })
}
