//! Where people come in. The forms need no script.
use super::{Frame, Html, html, within, words::Words};
use crate::{
    Code, Problem,
    call::Call,
    logins::LoggedIn,
    receive::{Form, Json, Query},
    reply::{Output, Redirect, Reply, WithCookies},
    routes::session::{self, Login, Setup},
};
use askama::Template;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;

/// Where to go then.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Then {
    target: Option<String>,
}

/// What the form of the login sends.
#[derive(Deserialize)]
pub(super) struct Entering {
    name: String,
    password: String,
    #[serde(default)]
    target: String,
}

/// What the form for the first administrator sends.
#[derive(Deserialize)]
pub(super) struct Beginning {
    token: String,
    name: String,
    password: String,
}

/// On to where somebody wanted to go, or the form again.
pub(super) enum Entered {
    In(WithCookies<Redirect>),
    Again(Html),
}

#[derive(Template)]
#[template(path = "login.html")]
struct Page {
    frame: Frame,
    setup: bool,
    oidc: bool,
    target: String,
    /// What was typed, and what is wrong with it.
    name: String,
    error: String,
}

pub(super) fn page(call: &Call, Query(then): Query<Then>) -> Result<Html, Problem> {
    let target = within(then.target.as_deref().unwrap_or("/"));
    shown(call, target, String::new(), String::new())
}

fn shown(call: &Call, target: String, name: String, error: String) -> Result<Html, Problem> {
    let session::Ways { setup, oidc, .. } = session::ways(call, ())?.0;
    html(&Page { frame: Frame::new(call, ""), setup, oidc, target, name, error })
}

pub(super) fn log_in(call: &Call, Form(it): Form<Entering>) -> Result<Entered, Problem> {
    let (target, name) = (within(&it.target), it.name.clone());
    let login = Login { name: it.name, password: it.password };
    entered(call, session::log_in(call, Json(login)), target, name)
}

pub(super) fn set_up(call: &Call, Form(it): Form<Beginning>) -> Result<Entered, Problem> {
    let (target, name) = ("/".to_owned(), it.name.clone());
    let setup = Setup { token: it.token, name: it.name, password: it.password };
    entered(call, session::set_up(call, Json(setup)), target, name)
}

fn entered(
    call: &Call,
    outcome: Result<LoggedIn, Problem>,
    target: String,
    name: String,
) -> Result<Entered, Problem> {
    let problem = match outcome {
        Ok(WithCookies(_, cookies)) => {
            return Ok(Entered::In(WithCookies(Redirect(target), cookies)));
        }
        Err(problem) if problem.code == Code::Internal => return Err(problem),
        Err(problem) => problem,
    };
    let error = told(super::words(&call.headers), &problem);
    let Html(_, text) = shown(call, target, name, error)?;
    Ok(Entered::Again(Html(problem.code.status(), text)))
}

fn told(w: &'static Words, problem: &Problem) -> String {
    match problem.code {
        Code::Unauthenticated => w.wrong_login.to_owned(),
        Code::Forbidden => w.wrong_token.to_owned(),
        _ => problem.detail.clone(),
    }
}

impl Output for Entered {
    fn reply(&self) -> Result<Reply, Problem> {
        match self {
            Entered::In(it) => it.reply(),
            Entered::Again(it) => it.reply(),
        }
    }

    fn describe(schemas: &mut SchemaGenerator) -> crate::reply::Gives {
        Html::describe(schemas)
    }
}
