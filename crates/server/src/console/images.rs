//! The images, and where a component is.
use super::{Frame, Html, address::altered, home::following, html, show};
use crate::{
    Page as List, Problem,
    call::Call,
    receive::{Input, Query},
    routes::{
        images::{self, Sort},
        registries,
    },
    views::{ComponentName, Coverage, Image, ImageState, Registry},
};
use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Template)]
#[template(path = "images.html")]
struct Images {
    frame: Frame,
    list: List<Image>,
    asked: images::Which,
    registries: Vec<Registry>,
    /// The orders: as the query calls them, their names, and which one it is.
    sorts: [(&'static str, &'static str, bool); 4],
    /// What else was asked for, by links: names, and the addresses without it.
    narrowed: Vec<(String, String)>,
    more: String,
    /// The address of the list as a file, but for the format's name at its end.
    file: String,
}

#[derive(Template)]
#[template(path = "components.html")]
struct Components {
    frame: Frame,
    asked: WhichComponent,
    /// Names with that text in them.
    names: Vec<ComponentName>,
    list: List<Image>,
    /// What each image has of it, by the image's id.
    found: BTreeMap<i64, Vec<String>>,
    more: String,
}

/// Which component is looked for.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhichComponent {
    #[serde(default)]
    name: String,
    #[serde(default)]
    ecosystem: String,
    #[serde(default)]
    below: String,
    cursor: Option<String>,
    limit: Option<u32>,
}

pub(super) fn list(call: &Call, (): ()) -> Result<Html, Problem> {
    let list = images::list(call, Query::take(call)?)?.0;
    let more = following(call, list.next.as_deref());
    let file = format!("/api/v1/images/export{}&format=", altered(call, &[("format", "")]));
    let (frame, registries) = (Frame::new(call, "/images"), registries::list(call, ())?.0);
    let (w, asked): (_, images::Which) = (frame.w, Query::take(call)?.0);
    let by = asked.sort.unwrap_or(Sort::Level);
    let sorts = [
        ("level", w.level, by == Sort::Level),
        ("scanned", w.last_scan, by == Sort::Scanned),
        ("pushed", w.pushed, by == Sort::Pushed),
        ("name", w.name, by == Sort::Name),
    ];
    let narrowed = narrowed(call, &asked)?;
    html(&Images { frame, list, asked, registries, sorts, narrowed, more, file })
}

/// The filters that the form has no fields for.
fn narrowed(call: &Call, asked: &images::Which) -> Result<Vec<(String, String)>, Problem> {
    let ids = &asked.repository.0;
    let mut all = Vec::new();
    if !ids.is_empty() {
        let names: Vec<String> = registries::names(call, ids)?.1.into_values().collect();
        all.push((names.join(", "), altered(call, &[("repository", "")])));
    }
    let tag = asked.tag.iter().map(|it| (it.clone(), altered(call, &[("tag", "")])));
    all.extend(tag);
    Ok(all)
}

pub(super) fn components(call: &Call, (): ()) -> Result<Html, Problem> {
    let frame = Frame::new(call, "/images");
    let it: WhichComponent = Query::take(call)?.0;
    if it.name.is_empty() {
        let list = List { items: Vec::new(), next: None };
        let (names, found, more) = (Vec::new(), BTreeMap::new(), String::new());
        return html(&Components { frame, asked: it, names, list, found, more });
    }
    let text = images::Text { text: Some(it.name.clone()), cursor: None, limit: Some(20) };
    let names = images::names(call, Query(text))?.0.items;
    let some = |it: &str| (!it.is_empty()).then(|| it.to_owned());
    let (list, found) = images::having(
        call,
        &images::Which {
            component: some(&it.name),
            ecosystem: some(&it.ecosystem),
            below: some(&it.below),
            cursor: it.cursor.clone(),
            limit: it.limit,
            ..images::Which::default()
        },
    )?;
    let more = following(call, list.next.as_deref());
    html(&Components { frame, asked: it, names, list, found, more })
}
