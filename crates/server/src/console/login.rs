//! Where people come in.
use super::{Frame, Html, html, within};
use crate::{Problem, call::Call, receive::Query, routes::session};
use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;

/// Where to go then.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Then {
    target: Option<String>,
}

#[derive(Template)]
#[template(path = "login.html")]
struct Page {
    frame: Frame,
    setup: bool,
    oidc: bool,
    target: String,
}

pub(super) fn page(call: &Call, Query(then): Query<Then>) -> Result<Html, Problem> {
    let ways = session::ways(call, ())?.0;
    let target = within(then.target.as_deref().unwrap_or("/"));
    let (setup, oidc) = (ways.setup, ways.oidc);
    html(&Page { frame: Frame::new(call, ""), setup, oidc, target })
}
