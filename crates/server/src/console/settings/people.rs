//! Who may come in.
use crate::{
    Page as List, Problem,
    call::Call,
    console::{Frame, Html, home::following, html, show},
    receive::{Input, Query},
    routes::people,
    views::Person,
    who::Role,
};
use askama::Template;

/// What somebody may do, from the least to the most.
pub(super) static ROLES: [Role; 3] = [Role::Viewer, Role::Operator, Role::Admin];

#[derive(Template)]
#[template(path = "settings/people.html")]
struct Page {
    frame: Frame,
    tab: &'static str,
    list: List<Person>,
    more: String,
    /// Whoever looks.
    me: i64,
}

pub(in crate::console) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let (frame, tab) = (Frame::new(call, "/settings"), "/settings/people");
    let list = people::list(call, Query::take(call)?)?.0;
    let more = following(call, list.next.as_deref());
    html(&Page { frame, tab, list, more, me: call.who()?.id })
}
