//! One image: what is open in it, what is in it, how it was built, what to do, what happened; and another beside it.
pub(super) mod compare;
pub(super) mod findings;

use super::{
    Frame, Html,
    address::Slice,
    html,
    picture::{Brought, Stack},
    show,
};
use crate::{
    Code, Problem,
    call::Call,
    receive::{Input, Query},
    routes::{images, reports, timeline as events},
    views::{Component, ImageDetail, ImageState, Level, Tally, TimelineEvent},
};
use askama::Template;
use model::fix::{Action, FixPlan};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What stands around every tab.
struct Around {
    frame: Frame,
    it: ImageDetail,
    tabs: Vec<Tab>,
}

struct Tab {
    /// What follows the image's path.
    path: &'static str,
    name: &'static str,
    /// How many there are in it.
    count: Option<i64>,
    is_open: bool,
}

#[derive(Template)]
#[template(path = "image/components.html")]
struct Components {
    frame: Frame,
    it: ImageDetail,
    tabs: Vec<Tab>,
    asked: WhichComponents,
    list: Slice<Component>,
    /// How many findings are open of a component, by its id.
    open: BTreeMap<i64, usize>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhichComponents {
    #[serde(default)]
    text: String,
    page: Option<usize>,
}

#[derive(Template)]
#[template(path = "image/layers.html")]
struct Layers {
    frame: Frame,
    it: ImageDetail,
    tabs: Vec<Tab>,
    stack: Stack,
    /// As they lie in it.
    all: Vec<Brought>,
}

#[derive(Template)]
#[template(path = "image/plan.html")]
struct Plan {
    frame: Frame,
    it: ImageDetail,
    tabs: Vec<Tab>,
    plan: FixPlan,
    /// Its actions, those of this page.
    list: Slice<Action>,
}

#[derive(Template)]
#[template(path = "image/timeline.html")]
struct Timeline {
    frame: Frame,
    it: ImageDetail,
    tabs: Vec<Tab>,
    /// By day, the last first.
    days: Vec<(String, Vec<TimelineEvent>)>,
    /// Which events these are; they are in the days.
    list: Slice<TimelineEvent>,
}

impl Around {
    fn new(call: &Call, open: &str) -> Result<Around, Problem> {
        let (frame, it) = (Frame::new(call, "/images"), images::show(call, ())?.0);
        let (w, counts) = (frame.w, &it.image.counts);
        let sum = |it: &Tally| it.high.saturating_add(it.medium).saturating_add(it.low);
        let tab =
            |path: &'static str, name, count| Tab { path, name, count, is_open: path == open };
        let tabs = vec![
            tab("?category=system", w.system, Some(sum(&counts.system))),
            tab("?category=application", w.application, Some(sum(&counts.application))),
            tab("?category=malware", w.malware, Some(sum(&counts.malware))),
            tab("/components", w.components, Some(it.image.components)),
            tab("/layers", w.layers, None),
            tab("/fix-plan", w.fix_plan, None),
            tab("/timeline", w.timeline, None),
            tab("/compare", w.compare, None),
        ];
        Ok(Around { frame, it, tabs })
    }
}

pub(super) fn components(call: &Call, (): ()) -> Result<Html, Problem> {
    let Around { frame, it, tabs } = Around::new(call, "/components")?;
    let asked: WhichComponents = Query::take(call)?.0;
    let text = asked.text.to_lowercase();
    let mut all = images::components(call, ())?.0;
    all.retain(|it| {
        let path = it.path.as_deref().unwrap_or_default();
        [it.name.as_str(), &it.version, path].iter().any(|it| it.to_lowercase().contains(&text))
    });
    all.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    let list = Slice::of(call, all, asked.page);
    let mut open: BTreeMap<i64, usize> = BTreeMap::new();
    for it in images::findings(call, Query(images::WhichFindings { gone: false }))?.0 {
        if it.handled_by.is_none() {
            let count = open.entry(it.component).or_default();
            *count = count.saturating_add(1);
        }
    }
    html(&Components { frame, it, tabs, asked, list, open })
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
    let mut all: Vec<Brought> = layers.into_iter().enumerate().map(brought).collect();
    let Around { frame, it, tabs } = Around::new(call, "/layers")?;
    let stack = Stack::new(frame.w, &all);
    all.reverse();
    html(&Layers { frame, it, tabs, stack, all })
}

/// Which page of a list.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhichPage {
    page: Option<usize>,
}

pub(super) fn plan(call: &Call, (): ()) -> Result<Html, Problem> {
    let mut plan = match reports::fix_plan(call, ()) {
        Ok(plan) => plan.0,
        // It has not been scanned yet.
        Err(err) if err.code == Code::Conflict => FixPlan::default(),
        Err(err) => return Err(err),
    };
    let Around { frame, it, tabs } = Around::new(call, "/fix-plan")?;
    let asked: WhichPage = Query::take(call)?.0;
    let list = Slice::of(call, std::mem::take(&mut plan.actions), asked.page);
    html(&Plan { frame, it, tabs, plan, list })
}

pub(super) fn timeline(call: &Call, (): ()) -> Result<Html, Problem> {
    let asked: WhichPage = Query::take(call)?.0;
    let mut list = Slice::of(call, events::timeline(call, ())?.0, asked.page);
    let mut days: Vec<(String, Vec<TimelineEvent>)> = Vec::new();
    for event in std::mem::take(&mut list.items) {
        let day = show::day(&event.at);
        match days.last_mut() {
            Some((last, events)) if *last == day => events.push(event),
            _ => days.push((day, vec![event])),
        }
    }
    let Around { frame, it, tabs } = Around::new(call, "/timeline")?;
    html(&Timeline { frame, it, tabs, days, list })
}
