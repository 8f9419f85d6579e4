//! Coming in and going out.
use crate::{
    Code, Problem,
    app::SETUP,
    call::{Call, NOTHING},
    logins::{self, LoggedIn},
    oidc::Answer,
    receive::{Json, Query},
    reply::{Cookie, Redirect, WithCookies},
    views::{self, Session},
    who::{cookie, hash},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Tx, people, sessions, settings};

/// The cookie that a login by OpenID Connect brings back, and where to.
const LOGIN: &str = "plimsoll_login";
const LOGIN_PATH: &str = "/api/v1/oidc";

/// How one may come in.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Ways {
    /// Whether there is nobody yet, so that the first administrator has to be made.
    pub(crate) setup: bool,
    /// Whether there is a provider to log in by.
    pub(crate) oidc: bool,
    /// Whether this is a demo: all its images are made up.
    pub(crate) demo: bool,
}

/// Who is to be the first administrator.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setup {
    /// What the log said at the start.
    #[schemars(extend("writeOnly" = true))]
    pub(crate) token: String,
    /// The name to log in with.
    pub(crate) name: String,
    /// At least 12 characters.
    #[schemars(extend("writeOnly" = true))]
    pub(crate) password: String,
}

/// Who wants to come in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// The name to log in with.
    pub(crate) name: String,
    /// The password.
    #[schemars(extend("writeOnly" = true))]
    pub(crate) password: String,
}

/// A new password of one's own.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Passwords {
    /// The one until now.
    #[schemars(extend("writeOnly" = true))]
    old: String,
    /// At least 12 characters.
    #[schemars(extend("writeOnly" = true))]
    new: String,
}

/// Where to go after the login.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    /// A path of this server.
    target: Option<String>,
}

pub(crate) fn ways(call: &Call, (): ()) -> Result<Json<Ways>, Problem> {
    let setup = call.read(|tx| Ok(people::page(tx, None, 1)?.items.is_empty()))?;
    Ok(Json(Ways { setup, oidc: call.app.provider.is_some(), demo: call.app.demo }))
}

pub(crate) fn set_up(call: &Call, Json(asked): Json<Setup>) -> Result<LoggedIn, Problem> {
    let name = super::people::checked_name(&asked.name)?;
    let wrong =
        || Problem::new(Code::Forbidden, "the setup token is wrong, or there is somebody already");
    let token = json!(hash(&asked.token)).to_string();
    let right =
        call.read(|tx| Ok(settings::one(tx, SETUP)?.is_some_and(|it| it.document == token)))?;
    if !right {
        return Err(wrong());
    }
    let password = call.app.passwords.hash(&asked.password)?;
    call.change(|tx| {
        if !people::first(tx, &name, &password, call.now)? {
            return Err(wrong().into());
        }
        let person = people::named(tx, &name)?.ok_or_else(wrong)?;
        logins::begin_session(call, tx, &person)
    })
}

pub(crate) fn log_in(call: &Call, Json(asked): Json<Login>) -> Result<LoggedIn, Problem> {
    logins::log_in(call, &asked.name, &asked.password)
}

pub(crate) fn show(call: &Call, (): ()) -> Result<Json<Session>, Problem> {
    let who = call.who()?;
    Ok(Json(Session { person: who.id, name: who.name.clone(), role: who.role }))
}

pub(crate) fn log_out(call: &Call, (): ()) -> Result<WithCookies<()>, Problem> {
    let who = call.who()?;
    let Some(session) = &who.session else {
        return Err(Problem::invalid("a token has no session; remove the token instead"));
    };
    call.change(|tx| {
        sessions::end(tx, session)?;
        call.audit(tx, &format!("person/{}", who.id), NOTHING, NOTHING)?;
        Ok(WithCookies((), vec![logins::session(&call.app, String::new(), 0)]))
    })
}

/// Whoever has only found an open session, or a token, does not know the old one. All other sessions end.
pub(crate) fn change_password(
    call: &Call,
    Json(asked): Json<Passwords>,
) -> Result<LoggedIn, Problem> {
    let who = call.who()?;
    // Guessing is no easier here than where one logs in.
    let person = logins::prove(call, &who.name, &asked.old)?;
    let password = call.app.passwords.hash(&asked.new)?;
    call.change(|tx| {
        let change = people::Change { password: Some(&password), ..people::Change::default() };
        people::change(tx, who.id, change)?;
        logins::begin_session(call, tx, &person)
    })
}

pub(crate) fn begin_oidc(
    call: &Call,
    Query(asked): Query<Target>,
) -> Result<WithCookies<Redirect>, Problem> {
    let provider = call.app.provider.as_ref().ok_or_else(no_provider)?;
    let target = asked.target.as_deref().unwrap_or("/");
    let (url, brought) = provider.begin(&call.app.keys, target, call.now)?;
    let cookie = login_cookie(call, brought, 600);
    Ok(WithCookies(Redirect(url), vec![cookie]))
}

pub(crate) fn finish_oidc(
    call: &Call,
    Query(answer): Query<Answer>,
) -> Result<WithCookies<Redirect>, Problem> {
    let provider = call.app.provider.as_ref().ok_or_else(no_provider)?;
    let brought = cookie(&call.headers, LOGIN).unwrap_or_default();
    let (identity, target) = provider.finish(&call.app.keys, brought, &answer, call.now)?;
    call.change(|tx| {
        let person = admitted(call, tx, &identity)?;
        let WithCookies(_, mut cookies) = logins::begin_session(call, tx, &person)?;
        cookies.push(login_cookie(call, String::new(), 0));
        Ok(WithCookies(Redirect(target.clone()), cookies))
    })
}

/// The person that the provider speaks of, added at the first time. The role is the provider's to say.
fn admitted(
    call: &Call,
    tx: &mut Tx<'_>,
    identity: &crate::oidc::Identity,
) -> Result<people::Person, crate::call::Failure> {
    let role = identity.role.into();
    let known = people::coming_by(tx, &identity.subject)?;
    let id = match &known {
        Some(it) if it.disabled => {
            return Err(
                Problem::new(Code::Forbidden, "you are kept out; ask an administrator").into()
            );
        }
        Some(it) if it.role == role => it.id,
        Some(it) => {
            people::change(
                tx,
                it.id,
                people::Change { role: Some(role), ..people::Change::default() },
            )?;
            it.id
        }
        None => {
            // A person whom we know by a password is not whoever calls itself the same elsewhere.
            let name = super::people::checked_name(&identity.name)?;
            let subject = Some(identity.subject.as_str());
            people::add(tx, people::New { name: &name, role, password: None, subject }, call.now)?
        }
    };
    let person = people::one(tx, id)?.ok_or_else(|| Problem::not_found("person"))?;
    if known.as_ref() != Some(&person) {
        let (before, after) = (known.map(views::Person::from), views::Person::from(person.clone()));
        call.audit_as(tx, &person.name, &format!("person/{id}"), before.as_ref(), Some(&after))?;
    }
    Ok(person)
}

fn login_cookie(call: &Call, value: String, seconds: i64) -> Cookie {
    let secure = call.app.settings.encrypted();
    Cookie { name: LOGIN, value, path: LOGIN_PATH, seconds, secure }
}

fn no_provider() -> Problem {
    Problem::not_found("way to log in: no OpenID provider is set")
}
