//! What is scanned by itself, and when; the quota.
use crate::{
    Problem,
    call::Call,
    console::{Frame, Html, html},
    routes::{settings, work},
    views::Quota,
};
use askama::Template;
use scan::settings::Cycle;

#[derive(Template)]
#[template(path = "settings/scan.html")]
struct Page {
    frame: Frame,
    tab: &'static str,
    scan: scan::settings::Settings,
    /// The scope as the form gives it back.
    scope: String,
    cycles: [(&'static str, &'static str, bool); 5],
    hours: Option<u32>,
    quota: Quota,
}

pub(in crate::console) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let (frame, tab) = (Frame::new(call, "/settings"), "/settings");
    let scan = settings::scan(call, ())?.0;
    let (w, cycle) = (frame.w, scan.cycle);
    let cycles = [
        ("stop", w.cycle_stop, cycle == Cycle::Stop),
        ("three-days", w.cycle_three_days, cycle == Cycle::ThreeDays),
        ("week", w.cycle_week, cycle == Cycle::Week),
        ("two-weeks", w.cycle_two_weeks, cycle == Cycle::TwoWeeks),
        ("custom", w.cycle_custom, matches!(cycle, Cycle::Custom { .. })),
    ];
    let hours = if let Cycle::Custom { hours, .. } = cycle { Some(hours) } else { None };
    let scope =
        serde_json::to_string(&scan.scope).map_err(|err| Problem::internal(err.to_string()))?;
    let quota = work::quota(call, ())?.0;
    html(&Page { frame, tab, scan, scope, cycles, hours, quota })
}
