//! What is scanned by itself, and when; the quota.
use crate::{
    Problem,
    call::Call,
    console::{Frame, Html, html, show},
    reply::Versioned,
    routes::{images, settings, work},
    views::{Quota, Time},
};
use askama::Template;
use scan::settings::{Cycle, Settings, Window};
use serde::Serialize;

/// How far the clocks of the world are ahead of UTC, in minutes.
#[rustfmt::skip]
static OFFSETS: [i16; 38] = [
    -720, -660, -600, -570, -540, -480, -420, -360, -300, -240, -210, -180, -150, -120, -60, 0, 60, 120, 180, 210, 240, 270,
    300, 330, 345, 360, 390, 420, 480, 525, 540, 570, 600, 630, 660, 720, 780, 840,
];

#[derive(Template)]
#[template(path = "settings/scan.html")]
struct Page {
    frame: Frame,
    tab: &'static str,
    scan: Settings,
    version: String,
    /// The scope as the form gives it back.
    scope: String,
    cycles: [(&'static str, &'static str, bool); 5],
    hours: Option<u32>,
    window: Option<Window>,
    /// Minutes, what people call them, and whether they are chosen.
    offsets: Vec<(i16, String, bool)>,
    /// When the cycle scanned last, and when it will next.
    last: Option<Time>,
    next: Option<Time>,
    quota: Quota,
    exhausted: bool,
}

pub(in crate::console) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let (frame, tab) = (Frame::new(call, "/settings"), "/settings");
    let Versioned(scan, version) = settings::scan(call, ())?;
    let (w, cycle) = (frame.w, scan.cycle);
    let cycles = [
        ("stop", w.cycle_stop, cycle == Cycle::Stop),
        ("three-days", w.cycle_three_days, cycle == Cycle::ThreeDays),
        ("week", w.cycle_week, cycle == Cycle::Week),
        ("two-weeks", w.cycle_two_weeks, cycle == Cycle::TwoWeeks),
        ("custom", w.cycle_custom, matches!(cycle, Cycle::Custom { .. })),
    ];
    let (hours, window) = match cycle {
        Cycle::Custom { hours, window } => (Some(hours), window),
        _ => (None, None),
    };
    let chosen = window.map_or(0, |it| it.offset_minutes);
    let mut offsets: Vec<i16> = OFFSETS.to_vec();
    if !offsets.contains(&chosen) {
        offsets.push(chosen);
    }
    let offsets = offsets.into_iter().map(|it| (it, offset(it), it == chosen)).collect();
    let (scope, version) = (json(&scan.scope)?, Versioned::<()>::tag(version));
    let (figures, quota) = (images::figures(call, ())?.0, work::quota(call, ())?.0);
    let (last, next) = (figures.cycle_last, figures.cycle_next.filter(|it| it.0 > call.now));
    html(&Page {
        frame,
        tab,
        scan,
        version,
        scope,
        cycles,
        hours,
        window,
        offsets,
        last,
        next,
        quota,
        exhausted: quota.total.is_some_and(|total| total <= quota.used),
    })
}

/// A part of a document that a form gives back as it is.
pub(super) fn json(it: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(it).map_err(|err| Problem::internal(err.to_string()))
}

/// A time of day, of minutes since midnight.
fn clock(minutes: &u16) -> String {
    format!("{:02}:{:02}", minutes.div_euclid(60), minutes.rem_euclid(60))
}

/// What people call a clock that is so many minutes ahead of UTC.
fn offset(minutes: i16) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("UTC{sign}{}", clock(&minutes.unsigned_abs()))
}
