//! Who changed what.
use crate::{
    Page as List, Problem,
    call::Call,
    console::{Frame, Html, home::following, html, show},
    receive::{Input, Query},
    routes::audit,
    views::AuditEntry,
};
use askama::Template;

#[derive(Template)]
#[template(path = "settings/audit.html")]
struct Page {
    frame: Frame,
    tab: &'static str,
    list: List<AuditEntry>,
    more: String,
}

pub(in crate::console) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let (frame, tab) = (Frame::new(call, "/settings"), "/settings/audit");
    let list = audit::list(call, Query::take(call)?)?.0;
    let more = following(call, list.next.as_deref());
    html(&Page { frame, tab, list, more })
}
