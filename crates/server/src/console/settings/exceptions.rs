//! The rules by which findings are handled.
use crate::{
    Page as List, Problem,
    call::Call,
    console::{Frame, Html, home::following, html, show},
    receive::{Input, Query},
    routes::exceptions,
    views::Exception,
};
use askama::Template;

#[derive(Template)]
#[template(path = "settings/exceptions.html")]
struct Page {
    frame: Frame,
    tab: &'static str,
    list: List<Exception>,
    more: String,
}

pub(in crate::console) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let (frame, tab) = (Frame::new(call, "/settings"), "/settings/exceptions");
    let list = exceptions::list(call, Query::take(call)?)?.0;
    let more = following(call, list.next.as_deref());
    html(&Page { frame, tab, list, more })
}
