//! A risk: what it is, why a component has it and what to do, and which images have it.
use super::{
    Frame, Html,
    address::altered,
    cvss,
    exception::{Choice, anywhere, said},
    home::following,
    html, show,
};
use crate::{
    Page as List, Problem,
    call::Call,
    page::Part,
    receive::{Input, Query},
    routes::images::{self, Explained},
    views::{Affected, Category, Image, Risk},
};
use askama::Template;
use model::Rating;
use schemars::JsonSchema;
use serde::Deserialize;
use std::borrow::Cow;

/// So many components can be chosen from at once.
const COMPONENTS: u32 = 30;

#[derive(Template)]
#[template(path = "risk.html")]
struct Page {
    frame: Frame,
    risks: Vec<Risk>,
    asked: Which,
    /// The component that is explained, and how.
    component: i64,
    explained: Option<Explained>,
    /// The components that have it: some, with the addresses that explain them, and where more are.
    components: Vec<(Affected, String)>,
    more_components: String,
    images: List<Image>,
    more: String,
    places: Vec<Choice>,
    /// Where the exception holds that handles it.
    handled_in: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The id of the component that is explained; the first one, where nobody says.
    component: Option<i64>,
    /// The digest of the image in which it is.
    image: Option<String>,
    /// Where the list of components begins.
    after: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

pub(super) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let risks = images::risk(call, ())?.0;
    let asked: Which = Query::take(call)?.0;
    let which = images::Which {
        risk: Some(call.param("name")?.to_owned()),
        cursor: asked.cursor.clone(),
        limit: asked.limit,
        ..images::Which::default()
    };
    let images = images::list(call, Query(which))?.0;
    let part = Part { cursor: asked.after.clone(), limit: Some(COMPONENTS) };
    let List { items, next } = images::affected(call, Query(part))?.0;
    let component = asked.component.or(items.first().map(|it| it.component)).unwrap_or_default();
    let explained = explained(call, &risks, component, asked.image.as_deref())?;
    let address = |it: Affected| {
        let address = altered(call, &[("component", &it.component.to_string()), ("image", "")]);
        (it, address)
    };
    let components = items.into_iter().map(address).collect();
    let more_components = next.map_or_else(String::new, |it| altered(call, &[("after", &it)]));
    let more = following(call, images.next.as_deref());
    let frame = Frame::new(call, "/");
    let image = explained.as_ref().and_then(|it| it.place.as_ref()).map(|it| it.0.as_str());
    let places = anywhere(call, image, &images.items, frame.w)?;
    let handled = explained.as_ref().and_then(|it| it.handled.clone());
    let handled = said(call, handled.into_iter().collect(), frame.w)?;
    let handled_in = handled.into_iter().next().map(|it| it.1).unwrap_or_default();
    html(&Page {
        frame,
        risks,
        asked,
        component,
        explained,
        components,
        more_components,
        images,
        more,
        places,
        handled_in,
    })
}

/// Of the categories that have the risk, the one in which the component has it.
fn explained(
    call: &Call,
    risks: &[Risk],
    component: i64,
    image: Option<&str>,
) -> Result<Option<Explained>, Problem> {
    for risk in risks {
        if let Some(it) = images::explained(call, risk.id, component, image)? {
            return Ok(Some(it));
        }
    }
    Ok(None)
}

impl Page {
    /// Whether it is about a malicious file: then the name is a digest.
    fn is_file(&self) -> bool {
        self.risks
            .iter()
            .any(|it| it.category == Category::Malware && it.name.starts_with("sha256:"))
    }

    /// What it is called.
    fn title(&self) -> Cow<'_, str> {
        let risk = self.risks.first().filter(|_| self.is_file());
        risk.map_or(Cow::Borrowed(self.name()), |it| show::threat(&it.title, self.frame.w))
    }

    fn name(&self) -> &str {
        self.risks.first().map_or("", |it| it.name.as_str())
    }

    fn is_open(&self, it: &Affected) -> bool {
        it.component == self.component
    }
}

/// What a rating's vector means, in words.
fn spelled(it: &Rating, frame: &Frame) -> String {
    cvss::spelled(&it.value, frame.w)
}

/// Where a page on the web is, if it is one that may be gone to.
fn is_web(address: &str) -> bool {
    address.starts_with("https://") || address.starts_with("http://")
}
