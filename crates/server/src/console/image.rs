//! One image: what is open in it, what is in it, how it was built, what to do, what happened.
use super::{
    Frame, Html, html,
    picture::{Brought, Stack},
    show,
};
use crate::{
    Code, Problem,
    call::Call,
    receive::Query,
    routes::{images, reports, timeline as events},
    views::{Component, Finding, Happened, ImageDetail, ImageState, Level, Tally, TimelineEvent},
};
use askama::Template;
use model::fix::FixPlan;

#[derive(Template)]
#[template(path = "image.html")]
struct Page {
    frame: Frame,
    it: ImageDetail,
    part: Part,
    /// The paths below the image's, and the names, of its tabs.
    tabs: [(&'static str, &'static str); 5],
}

/// The tab that is open.
enum Part {
    Findings(Vec<Finding>),
    Components(Vec<Component>),
    Layers(Stack, Vec<Brought>),
    Plan(FixPlan),
    Timeline(Vec<TimelineEvent>),
}

impl Part {
    fn is(&self, name: &str) -> bool {
        name == match self {
            Part::Findings(_) => "",
            Part::Components(_) => "/components",
            Part::Layers(..) => "/layers",
            Part::Plan(_) => "/fix-plan",
            Part::Timeline(_) => "/timeline",
        }
    }
}

pub(super) fn findings(call: &Call, (): ()) -> Result<Html, Problem> {
    let all = images::findings(call, Query(images::WhichFindings { gone: false }))?.0;
    page(call, Part::Findings(all))
}

pub(super) fn components(call: &Call, (): ()) -> Result<Html, Problem> {
    page(call, Part::Components(images::components(call, ())?.0))
}

pub(super) fn layers(call: &Call, (): ()) -> Result<Html, Problem> {
    let layers = images::show(call, ())?.0.layers;
    let components = images::components(call, ())?.0;
    let findings = images::findings(call, Query(images::WhichFindings { gone: false }))?.0;
    let brought = |(index, it): (usize, crate::views::Layer)| {
        let mine = |layer: i64| usize::try_from(layer).is_ok_and(|it| it == index);
        let at = |level| {
            let open = findings.iter().filter(|it| mine(it.layer) && it.handled_by.is_none());
            i64::try_from(open.filter(|it| it.level == level).count()).unwrap_or(i64::MAX)
        };
        Brought {
            index,
            digest: it.digest.unwrap_or_default(),
            bytes: it.bytes,
            components: components.iter().filter(|it| mine(it.layer)).count(),
            risks: Tally { high: at(Level::High), medium: at(Level::Medium), low: at(Level::Low) },
            created_by: it.created_by,
        }
    };
    let all: Vec<Brought> = layers.into_iter().enumerate().map(brought).collect();
    let stack = Stack::new(super::words(&call.headers), &all);
    page(call, Part::Layers(stack, all.into_iter().rev().collect()))
}

pub(super) fn plan(call: &Call, (): ()) -> Result<Html, Problem> {
    match reports::fix_plan(call, ()) {
        Ok(plan) => page(call, Part::Plan(plan.0)),
        // It has not been scanned yet.
        Err(err) if err.code == Code::Conflict => page(call, Part::Plan(FixPlan::default())),
        Err(err) => Err(err),
    }
}

pub(super) fn timeline(call: &Call, (): ()) -> Result<Html, Problem> {
    page(call, Part::Timeline(events::timeline(call, ())?.0))
}

fn page(call: &Call, part: Part) -> Result<Html, Problem> {
    let (frame, it) = (Frame::new(call, "/images"), images::show(call, ())?.0);
    let w = frame.w;
    let tabs = [
        ("", w.findings),
        ("/components", w.components),
        ("/layers", w.layers),
        ("/fix-plan", w.fix_plan),
        ("/timeline", w.timeline),
    ];
    html(&Page { frame, it, part, tabs })
}
