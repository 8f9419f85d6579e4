//! The table of all that can be asked. Router, document, checks and help follow from it.
mod audit;
mod operation;
mod people;
mod session;

use crate::{
    route::{Access, Route, route},
    try_it,
    who::Role,
};
use axum::http::Method;
use std::sync::LazyLock;

/// All routes.
pub(crate) static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(table);

const ANYONE: Access = Access::Anyone;
const VIEWER: Access = Access::Role(Role::Viewer);
const ADMIN: Access = Access::Role(Role::Admin);

#[rustfmt::skip]
fn table() -> Vec<Route> {
    use Method as M;
    vec![
        route(M::GET, "/healthz", ANYONE, "checkLife", "Say that the server runs", operation::alive),
        route(M::GET, "/readyz", ANYONE, "checkReadiness", "Say whether the server can do its work", operation::ready),
        route(M::GET, "/metrics", VIEWER, "readMetrics", "Read figures in Prometheus' text format", operation::metrics),
        route(M::GET, "/api/v1/openapi.json", ANYONE, "readDocument", "Read this document", operation::document),
        route(M::GET, "/api", ANYONE, "", "", try_it::page),
        route(M::GET, "/api/try.css", ANYONE, "", "", try_it::style),
        route(M::GET, "/api/try.js", ANYONE, "", "", try_it::script),

        route(M::GET, "/api/v1/setup", ANYONE, "readWays", "Say how one may come in", session::ways),
        route(M::POST, "/api/v1/setup", ANYONE, "setUp", "Make the first administrator", session::set_up),
        route(M::POST, "/api/v1/session", ANYONE, "logIn", "Log in", session::log_in),
        route(M::GET, "/api/v1/session", VIEWER, "readSession", "Say who is logged in", session::show),
        route(M::DELETE, "/api/v1/session", VIEWER, "logOut", "Log out", session::log_out),
        route(M::PUT, "/api/v1/session/password", VIEWER, "changePassword", "Change one's own password", session::change_password),
        route(M::GET, "/api/v1/oidc/login", ANYONE, "beginOidc", "Log in by the OpenID provider", session::begin_oidc),
        route(M::GET, "/api/v1/oidc/callback", ANYONE, "finishOidc", "Come back from the OpenID provider", session::finish_oidc),

        route(M::GET, "/api/v1/people", ADMIN, "listPeople", "List people", people::list),
        route(M::POST, "/api/v1/people", ADMIN, "addPerson", "Add a person", people::add),
        route(M::GET, "/api/v1/people/{id}", ADMIN, "readPerson", "Read a person", people::show),
        route(M::PATCH, "/api/v1/people/{id}", ADMIN, "changePerson", "Change a person's role or password, or keep one out", people::change),
        route(M::DELETE, "/api/v1/people/{id}", ADMIN, "removePerson", "Remove a person", people::remove),
        route(M::DELETE, "/api/v1/people/{id}/sessions", ADMIN, "endSessions", "Log a person out everywhere", people::end_sessions),
        route(M::GET, "/api/v1/tokens", VIEWER, "listTokens", "List tokens", people::tokens),
        route(M::POST, "/api/v1/tokens", VIEWER, "addToken", "Make a token", people::add_token),
        route(M::DELETE, "/api/v1/tokens/{id}", VIEWER, "removeToken", "Remove a token", people::remove_token),
        route(M::GET, "/api/v1/audit", ADMIN, "listAudit", "List who changed what", audit::list),
    ]
}
