//! Which advisories are in use, and how old they are.
use crate::{
    Problem,
    call::Call,
    console::{Frame, Html, html, show},
    routes::advisories,
    views::Advisories,
};
use askama::Template;

#[derive(Template)]
#[template(path = "settings/advisories.html")]
struct Page {
    frame: Frame,
    tab: &'static str,
    it: Advisories,
}

pub(in crate::console) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let (frame, tab) = (Frame::new(call, "/settings"), "/settings/advisories");
    html(&Page { frame, tab, it: advisories::show(call, ())?.0 })
}
