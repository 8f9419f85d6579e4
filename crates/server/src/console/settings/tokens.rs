//! Tokens for programs, and one's own password.
use super::people::ROLES;
use crate::{
    Page as List, Problem,
    call::Call,
    console::{Frame, Html, home::following, html, show},
    page::Part,
    receive::{Input, Query},
    routes::{
        people::{self, WhichTokens},
        session,
    },
    views::Token,
    who::Role,
};
use askama::Template;
use std::collections::BTreeMap;

/// Of so many people the names are looked up.
const NAMES: u32 = 500;

#[derive(Template)]
#[template(path = "settings/tokens.html")]
struct Page {
    frame: Frame,
    tab: &'static str,
    list: List<Token>,
    more: String,
    /// Whether they are everybody's.
    all: bool,
    /// Whose they are, by id.
    names: BTreeMap<i64, String>,
    /// The roles that one of whoever looks can have.
    roles: Vec<Role>,
    now: i64,
}

#[derive(Template)]
#[template(path = "settings/password.html")]
struct Password {
    frame: Frame,
    tab: &'static str,
    /// Whether people come by a provider too.
    oidc: bool,
}

pub(in crate::console) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let (frame, tab, role) = (Frame::new(call, "/settings"), "/settings/tokens", call.who()?.role);
    let asked = || Query::<WhichTokens>::take(call);
    let (all, list) = (asked()?.0.all, people::tokens(call, asked()?)?.0);
    let more = following(call, list.next.as_deref());
    let roles = ROLES.into_iter().filter(|it| *it <= role).collect();
    let names = if all { names(call)? } else { BTreeMap::new() };
    html(&Page { frame, tab, list, more, all, names, roles, now: call.now })
}

fn names(call: &Call) -> Result<BTreeMap<i64, String>, Problem> {
    let part = Part { cursor: None, limit: Some(NAMES) };
    let all = people::list(call, Query(part))?.0.items;
    Ok(all.into_iter().map(|it| (it.id, it.name)).collect())
}

pub(in crate::console) fn password(call: &Call, (): ()) -> Result<Html, Problem> {
    let (frame, oidc) = (Frame::new(call, "/settings"), session::ways(call, ())?.0.oidc);
    html(&Password { frame, tab: "/settings/tokens", oidc })
}
