//! A risk: what it is, and which images have it.
use super::{Frame, Html, html, show};
use crate::{
    Problem,
    call::Call,
    receive::Query,
    routes::images,
    views::{FindingDetail, Image, ImageState, Risk},
};
use askama::Template;

#[derive(Template)]
#[template(path = "risk.html")]
struct Page {
    frame: Frame,
    risks: Vec<Risk>,
    /// What is known of it, by the example of one component that has it.
    detail: Option<FindingDetail>,
    images: Vec<Image>,
    more: bool,
}

pub(super) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let risks = images::risk(call, ())?.0;
    let asked =
        images::Which { risk: Some(call.param("name")?.to_owned()), ..images::Which::default() };
    let list = images::list(call, Query(asked))?.0;
    let detail = risks.first().map(|it| images::example(call, it.id)).transpose()?.flatten();
    let (frame, more) = (Frame::new(call, "/"), list.next.is_some());
    html(&Page { frame, risks, detail, images: list.items, more })
}
