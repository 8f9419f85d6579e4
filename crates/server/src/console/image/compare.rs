//! An image beside another one: what came, what went, and what changed its version.
use super::{Around, Tab};
use crate::{
    Code, Page as List, Problem,
    call::Call,
    console::{
        Frame, Html,
        address::{Slice, altered},
        html, show,
        words::Words,
    },
    receive::{Input, Query},
    routes::images,
    views::{Finding, Image, ImageDetail, ImageState, Layer},
};
use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// So many images of the same repositories can be chosen from.
const OTHERS: u32 = 100;

#[derive(Template)]
#[template(path = "image/compare.html")]
struct Page {
    frame: Frame,
    it: ImageDetail,
    tabs: Vec<Tab>,
    /// What it can be compared with: digests and names.
    others: Vec<(String, String)>,
    /// The digest that was asked for, and that image.
    with: String,
    beside: Option<Beside>,
}

/// The image beside the other one.
struct Beside {
    other: ImageDetail,
    /// How many of the oldest layers both have, and the layers after those, of the image and of the other.
    same_layers: usize,
    layers: [Vec<Layer>; 2],
    /// The parts of the comparison: name, how many, address, and whether it is the one that is open.
    parts: Vec<(&'static str, usize, String, bool)>,
    part: Part,
}

/// The part that is open.
enum Part {
    Findings(Slice<Finding>),
    /// Name, version in the image, version in the other one.
    Components(Slice<(String, String, String)>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The digest of the other image.
    #[serde(default)]
    with: String,
    #[serde(default)]
    part: What,
    page: Option<usize>,
}

/// What of a comparison is looked at.
#[derive(Clone, Copy, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum What {
    #[default]
    Gained,
    Lost,
    Came,
    Went,
    Changed,
}

pub(in crate::console) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let Around { frame, it, tabs } = Around::new(call, "/compare")?;
    let asked: Which = Query::take(call)?.0;
    let others = others(call, &it.image)?;
    let with = asked.with.trim().to_owned();
    let beside = match images::read(call, &with) {
        Ok(other) => Some(beside(call, &it, other, &asked, frame.w)?),
        Err(err) if err.code == Code::NotFound => None,
        Err(err) => return Err(err),
    };
    html(&Page { frame, it, tabs, others, with, beside })
}

fn beside(
    call: &Call,
    it: &ImageDetail,
    other: ImageDetail,
    asked: &Which,
    w: &'static Words,
) -> Result<Beside, Problem> {
    let with = other.image.digest.clone();
    let found = images::compare(call, Query(images::With { with }))?.0;
    let [went, came, changed] = sorted(found.components_removed, found.components_added);
    let parts = [
        (What::Gained, "gained", w.gained, found.findings_added.len()),
        (What::Lost, "lost", w.lost, found.findings_removed.len()),
        (What::Came, "came", w.came, came.len()),
        (What::Went, "went", w.went, went.len()),
        (What::Changed, "changed", w.changed, changed.len()),
    ];
    let parts = parts.into_iter().map(|(part, value, name, count)| {
        (name, count, altered(call, &[("part", value)]), part == asked.part)
    });
    let part = match asked.part {
        What::Gained => Part::Findings(Slice::of(call, found.findings_added, asked.page)),
        What::Lost => Part::Findings(Slice::of(call, found.findings_removed, asked.page)),
        What::Came => Part::Components(Slice::of(call, came, asked.page)),
        What::Went => Part::Components(Slice::of(call, went, asked.page)),
        What::Changed => Part::Components(Slice::of(call, changed, asked.page)),
    };
    let pairs = it.layers.iter().zip(&other.layers);
    let same_layers =
        pairs.take_while(|(a, b)| a.diff_id.is_some() && a.diff_id == b.diff_id).count();
    let layers = [it, &other].map(|it| it.layers.iter().skip(same_layers).cloned().collect());
    Ok(Beside { same_layers, layers, parts: parts.collect(), part, other })
}

/// The other images of its repositories.
fn others(call: &Call, it: &Image) -> Result<Vec<(String, String)>, Problem> {
    let mut asked = images::Which { limit: Some(OTHERS), ..images::Which::default() };
    asked.repository.0 = it.places.iter().map(|it| it.repository).collect();
    asked.sort = Some(images::Sort::Pushed);
    let list = match asked.repository.0.is_empty() {
        true => List { items: Vec::new(), next: None },
        false => images::list(call, Query(asked))?.0,
    };
    let others = list.items.into_iter().filter(|other| other.digest != it.digest);
    let named = |it: Image| {
        let place = it.places.first();
        let name = place.map_or("", |it| it.repository_name.as_str());
        let tag = place.and_then(|it| it.tags.first());
        let tag = tag.map_or_else(String::new, |it| format!(":{it}"));
        let name = format!("{name}{tag} · {} · {}", it.platform, show::short(&it.digest));
        (it.digest, name)
    };
    Ok(others.map(named).collect())
}

type Pairs = Vec<(String, String)>;
type Change = (String, String, String);

/// Those that went, those that came, and those that are there in another version.
fn sorted(removed: Pairs, added: Pairs) -> [Vec<Change>; 3] {
    let mut names: BTreeMap<String, [Vec<String>; 2]> = BTreeMap::new();
    for (name, version) in removed {
        names.entry(name).or_default()[0].push(version);
    }
    for (name, version) in added {
        names.entry(name).or_default()[1].push(version);
    }
    let mut all = [Vec::new(), Vec::new(), Vec::new()];
    let [went, came, changed] = &mut all;
    for (name, [old, new]) in names {
        let it = (name, old.join(", "), new.join(", "));
        match (old.is_empty(), new.is_empty()) {
            (false, true) => went.push(it),
            (true, _) => came.push(it),
            (false, false) => changed.push(it),
        }
    }
    all
}
