//! The rules by which findings are handled.
use crate::{
    Page as List, Problem,
    call::Call,
    console::{
        Frame, Html,
        address::altered,
        exception::{Choice, anywhere, said},
        home::following,
        html, show,
    },
    receive::{Input, Query},
    routes::exceptions::{self, WhichExceptions},
    views::Exception,
};
use askama::Template;

#[derive(Template)]
#[template(path = "settings/exceptions.html")]
struct Page {
    frame: Frame,
    tab: &'static str,
    /// Each with where it holds, in words.
    list: List<(Exception, String)>,
    /// Whether those that have ended are there too, and the address of the other list.
    ended: bool,
    other: String,
    more: String,
    places: Vec<Choice>,
}

pub(in crate::console) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let (frame, tab) = (Frame::new(call, "/settings"), "/settings/exceptions");
    let asked: WhichExceptions = Query::take(call)?.0;
    let ended = asked.ended;
    let List { items, next } = exceptions::list(call, Query(asked))?.0;
    let more = following(call, next.as_deref());
    let other = altered(call, &[("ended", if ended { "" } else { "true" })]);
    let list = List { items: said(call, items, frame.w)?, next };
    let places = anywhere(call, None, &[], frame.w)?;
    html(&Page { frame, tab, list, ended, other, more, places })
}
