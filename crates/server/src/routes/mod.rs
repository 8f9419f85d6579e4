//! The table of all that can be asked. Router, document, checks and help follow from it.
mod operation;

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
    ]
}
