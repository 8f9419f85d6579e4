//! Who asks: by the cookie of a session, or by a token.
use crate::{App, Code, Problem, call::header};
use axum::http::HeaderMap;
use ring::digest::{Digest, SHA256, digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{
    Word,
    people::{self, Person},
    sessions, tokens,
};

/// What tokens begin with, so that they are found where they should not be.
pub(crate) const TOKEN: &str = "plm_";

/// What somebody may do.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Read.
    Viewer,
    /// Scan, handle findings, and choose what is scanned.
    Operator,
    /// Everything, persons and their roles included.
    Admin,
}

/// Somebody who proved to be it.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// The lesser of the person's and, with a token, the token's.
    pub(crate) role: Role,
    /// The hash of the session's secret; none: it was a token.
    pub(crate) session: Option<String>,
}

/// Who asks, if anybody says so. What is wrong or over is a failure, not nobody.
pub(crate) fn identify(app: &App, headers: &HeaderMap, now: i64) -> Result<Option<Who>, Problem> {
    let over = || {
        Problem::new(Code::Unauthenticated, "the session or token is not valid, or not any more")
    };
    if let Some(it) = headers.get("authorization") {
        let token = it.to_str().ok().and_then(|it| it.split_once(' '));
        let token =
            token.filter(|it| it.0.eq_ignore_ascii_case("bearer")).map(|it| hash(it.1.trim()));
        let token = token.ok_or_else(over)?;
        let found = app.store.read(|tx| tokens::person(tx, &token, now))?;
        let (person, stale) = found.ok_or_else(over)?;
        if stale {
            app.store.write(|tx| tokens::used(tx, &token, now))?;
        }
        return Ok(Some(who(person, None)));
    }
    let Some(secret) = cookie(headers, session_cookie(app)) else { return Ok(None) };
    let (session, idle) = (hash(secret), app.settings.sessions.idle_ms());
    let found = app.store.read(|tx| sessions::person(tx, &session, now, idle))?;
    let (person, stale) = found.ok_or_else(over)?;
    if stale {
        app.store.write(|tx| sessions::used(tx, &session, now))?;
    }
    Ok(Some(who(person, Some(session))))
}

fn who(person: Person, session: Option<String>) -> Who {
    Who { id: person.id, name: person.name, role: person.role.into(), session }
}

/// Whether a browser sent this on its own user's behalf, and not on that of another site (CSRF). `Sec-Fetch-Site`
/// cannot be set by a page; where a browser does not send it, which is without TLS, `Origin` has to be ours.
pub(crate) fn same_site(app: &App, headers: &HeaderMap, by_session: bool) -> Result<(), Problem> {
    let refuse = |detail: &str| Err(Problem::new(Code::CrossSite, detail));
    match header(headers, "sec-fetch-site") {
        Some("same-origin" | "none") => {}
        Some(_) => return refuse("another site must not do this"),
        None => match headers.get("origin").map(|it| it.to_str().unwrap_or_default()) {
            Some(origin) if !ours(app, origin, header(headers, "host").unwrap_or_default()) => {
                return refuse(
                    "another site must not do this; if this one has another name in public, set it",
                );
            }
            _ => {}
        },
    }
    // No form can set a header, and no page of another site may.
    if by_session && !headers.contains_key("x-requested-with") {
        return refuse("with a session's cookie, send X-Requested-With too");
    }
    Ok(())
}

fn ours(app: &App, origin: &str, host: &str) -> bool {
    let public = app.settings.public_url.as_ref().is_some_and(|it| it.origin() == origin);
    let scheme = if app.settings.tls.is_some() { "https" } else { "http" };
    public || !host.is_empty() && origin == format!("{scheme}://{host}")
}

/// The name of the session's cookie. With `__Host-` no other host of the domain can set it.
pub(crate) fn session_cookie(app: &App) -> &'static str {
    if app.settings.encrypted() { "__Host-plimsoll" } else { "plimsoll" }
}

/// A cookie that is there once. Of two, one was put there by somebody else, and nobody knows which.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all("cookie").iter().filter_map(|it| it.to_str().ok());
    let pairs = all.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
    let mut found = pairs.filter(|it| it.0 == name).map(|it| it.1);
    found.next().filter(|_| found.next().is_none())
}

/// How the secrets of sessions and tokens are stored: they are random, so that nothing slower is needed.
pub(crate) fn hash(secret: &str) -> String {
    hash_bytes(secret.as_bytes())
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn hash_bytes(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes))
}

pub(crate) fn hex(hash: Digest) -> String {
    hash.as_ref().iter().map(|it| format!("{it:02x}")).collect()
}

impl Role {
    /// As it is written.
    pub fn name(self) -> &'static str {
        people::Role::from(self).word()
    }
}

impl From<people::Role> for Role {
    fn from(it: people::Role) -> Role {
        match it {
            people::Role::Viewer => Role::Viewer,
            people::Role::Operator => Role::Operator,
            people::Role::Admin => Role::Admin,
        }
    }
}

impl From<Role> for people::Role {
    fn from(it: Role) -> people::Role {
        match it {
            Role::Viewer => people::Role::Viewer,
            Role::Operator => people::Role::Operator,
            Role::Admin => people::Role::Admin,
        }
    }
}
