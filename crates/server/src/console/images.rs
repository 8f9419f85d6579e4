//! The images, and one of them.
use super::{Frame, Html, home::following, html, show};
use crate::{
    Page as List, Problem,
    call::Call,
    receive::{Input, Query},
    routes::images,
    views::{Coverage, Image, ImageState},
};
use askama::Template;

#[derive(Template)]
#[template(path = "images.html")]
struct Images {
    frame: Frame,
    list: List<Image>,
    asked: images::Which,
    more: String,
}

pub(super) fn list(call: &Call, (): ()) -> Result<Html, Problem> {
    let ask = || Query::<images::Which>::take(call);
    let list = images::list(call, ask()?)?.0;
    let more = following(call, list.next.as_deref());
    html(&Images { frame: Frame::new(call, "/images"), list, asked: ask()?.0, more })
}
