//! What is scanned by itself, the quota, the advisories, what is handled, and who changed what.
use super::{Frame, Html, html, show};
use crate::{
    Page as List, Problem,
    call::Call,
    receive::{Input, Query},
    routes::{advisories, audit, exceptions, settings, work},
    views::{Advisories, AuditEntry, Exception, Quota},
    who::Role,
};
use askama::Template;
use scan::settings::Cycle;

#[derive(Template)]
#[template(path = "settings.html")]
struct Page {
    frame: Frame,
    scan: scan::settings::Settings,
    /// The scope as the form gives it back.
    scope: String,
    cycles: [(&'static str, &'static str, bool); 5],
    hours: Option<u32>,
    quota: Quota,
    advisories: Advisories,
    exceptions: List<Exception>,
    audit: Vec<AuditEntry>,
}

pub(super) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let frame = Frame::new(call, "/settings");
    let scan = settings::scan(call, ())?.0;
    let admin = frame.who.as_ref().is_some_and(|it| it.role == Role::Admin);
    let audit = if admin { audit::list(call, Query::take(call)?)?.0.items } else { Vec::new() };
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
    let (quota, advisories) = (work::quota(call, ())?.0, advisories::show(call, ())?.0);
    let exceptions = exceptions::list(call, Query::take(call)?)?.0;
    html(&Page { frame, scan, scope, cycles, hours, quota, advisories, exceptions, audit })
}
