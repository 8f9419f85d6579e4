//! What the quota was used for.
use crate::{
    Page as List, Problem,
    call::Call,
    console::{Frame, Html, home::following, html, show},
    receive::{Input, Query},
    routes::work,
    views::LedgerEntry,
};
use askama::Template;

#[derive(Template)]
#[template(path = "settings/quota.html")]
struct Page {
    frame: Frame,
    tab: &'static str,
    list: List<LedgerEntry>,
    more: String,
}

pub(in crate::console) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let (frame, tab) = (Frame::new(call, "/settings"), "/settings");
    let list = work::ledger(call, Query::take(call)?)?.0;
    let more = following(call, list.next.as_deref());
    html(&Page { frame, tab, list, more })
}
