//! The table of all that can be asked. Router, document, checks and help follow from it.
pub(crate) mod accounts;
pub(crate) mod advisories;
pub(crate) mod audit;
pub(crate) mod channels;
pub(crate) mod exceptions;
pub(crate) mod images;
pub(crate) mod operation;
pub(crate) mod people;
pub(crate) mod registries;
pub(crate) mod reports;
pub(crate) mod rules;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod timeline;
pub(crate) mod vex;
pub(crate) mod work;

use crate::{
    console,
    route::{Access, Route, route},
    try_it,
    who::Role,
};
use axum::http::Method;
use std::sync::LazyLock;

/// All routes.
pub(crate) static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(table);

/// The paths of the console's pages, and whom they are for; none: for everybody.
pub fn pages() -> Vec<(&'static str, Option<Role>)> {
    let role = |it: &Route| match it.access {
        Access::Anyone => None,
        Access::Role(role) => Some(role),
    };
    let all = ROUTES.iter().filter(|it| it.page && it.method == Method::GET);
    all.map(|it| (it.path, role(it))).collect()
}

const ANYONE: Access = Access::Anyone;
const VIEWER: Access = Access::Role(Role::Viewer);
const OPERATOR: Access = Access::Role(Role::Operator);
const ADMIN: Access = Access::Role(Role::Admin);

#[expect(clippy::too_many_lines, reason = "it is a table")]
#[rustfmt::skip]
fn table() -> Vec<Route> {
    use Method as M;
    let mut table = vec![
        route(M::GET, "/healthz", ANYONE, "checkLife", "Say that the server runs", operation::alive),
        route(M::GET, "/readyz", ANYONE, "checkReadiness", "Say whether the server can do its work", operation::ready),
        route(M::GET, "/metrics", VIEWER, "readMetrics", "Read figures in Prometheus' text format", operation::metrics),
        route(M::GET, "/api/v1/openapi.json", ANYONE, "readDocument", "Read the description of the API", operation::document),
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

        route(M::GET, "/api/v1/figures", VIEWER, "readFigures", "Read the figures of the first page", images::figures),
        route(M::GET, "/api/v1/figures/history", VIEWER, "readHistory", "Read the figures of past days, and of today", images::history),
        route(M::GET, "/api/v1/images", VIEWER, "listImages", "List images", images::list),
        route(M::GET, "/api/v1/images/export", VIEWER, "exportImages", "Export images as CSV or Excel", images::export),
        route(M::GET, "/api/v1/images/{digest}", VIEWER, "readImage", "Read an image", images::show),
        route(M::GET, "/api/v1/images/{digest}/findings", VIEWER, "listFindings", "List an image's findings", images::findings),
        route(M::GET, "/api/v1/images/{digest}/components", VIEWER, "listComponents", "List what is in an image", images::components),
        route(M::GET, "/api/v1/images/{digest}/timeline", VIEWER, "readTimeline", "Read what happened to an image: scans, what appeared and went, and why", timeline::timeline),
        route(M::GET, "/api/v1/images/{digest}/sbom", VIEWER, "downloadBill", "Download an image's bill of materials", reports::bill),
        route(M::GET, "/api/v1/images/{digest}/fix-plan", VIEWER, "readFixPlan", "Read what removes an image's findings", reports::fix_plan),
        route(M::GET, "/api/v1/images/{digest}/scans", VIEWER, "listScans", "List an image's scans", images::scans),
        route(M::GET, "/api/v1/images/{digest}/compare", VIEWER, "compareImages", "Compare two images", images::compare),
        route(M::GET, "/api/v1/risks", VIEWER, "listRisks", "List risks, the most urgent first", images::risks),
        route(M::GET, "/api/v1/risks/export", VIEWER, "exportRisks", "Export risks as CSV or Excel", images::export_risks),
        route(M::GET, "/api/v1/risks/{name}", VIEWER, "readRisk", "Read a risk, in each category that has it", images::risk),
        route(M::GET, "/api/v1/risks/{name}/components", VIEWER, "listAffected", "List the components that have a risk", images::affected),
        route(M::GET, "/api/v1/components", VIEWER, "findComponents", "Find names of components", images::names),
        route(M::GET, "/api/v1/components/{component}/risks/{risk}", VIEWER, "explainFinding", "Say all that is known of a finding", images::why),

        route(M::GET, "/api/v1/registries", VIEWER, "listRegistries", "List registries", registries::list),
        route(M::POST, "/api/v1/registries", ADMIN, "addRegistry", "Add a registry", registries::add),
        route(M::POST, "/api/v1/registries/test", ADMIN, "testNewRegistry", "Say whether a registry could be watched, and if not, why", registries::test_new),
        route(M::GET, "/api/v1/registries/{id}", VIEWER, "readRegistry", "Read a registry", registries::show),
        route(M::PUT, "/api/v1/registries/{id}", ADMIN, "changeRegistry", "Change a registry", registries::change),
        route(M::DELETE, "/api/v1/registries/{id}", ADMIN, "removeRegistry", "Remove a registry", registries::remove),
        route(M::POST, "/api/v1/registries/{id}/test", OPERATOR, "testRegistry", "Say whether a registry can be watched, and if not, why", registries::test),
        route(M::POST, "/api/v1/registries/{id}/synchronise", OPERATOR, "synchroniseRegistry", "Synchronise a registry now", registries::synchronise),
        route(M::POST, "/api/v1/registries/{id}/hook", ADMIN, "makeHook", "Make the secret by which a registry may tell us of changes", registries::make_hook),
        route(M::DELETE, "/api/v1/registries/{id}/hook", ADMIN, "removeHook", "Let a registry tell us of nothing", registries::remove_hook),
        route(M::GET, "/api/v1/registries/{id}/namespaces", VIEWER, "listNamespaces", "List a registry's namespaces", registries::namespaces),
        route(M::GET, "/api/v1/repositories", VIEWER, "listRepositories", "List repositories", registries::repositories),
        route(M::POST, "/api/v1/hooks", ANYONE, "tellOfChange", "Tell of a change, as a registry", registries::hook),
        route(M::POST, "/api/v1/hooks/{secret}", ANYONE, "tellOfChangeByAddress", "Tell of a change, as a registry that can send no Authorization", registries::hook_by_address),
        route(M::GET, "/api/v1/accounts", VIEWER, "listAccounts", "List accounts of clouds", accounts::list),
        route(M::POST, "/api/v1/accounts", ADMIN, "addAccount", "Add an account", accounts::add),
        route(M::POST, "/api/v1/accounts/test", ADMIN, "testNewAccount", "Say whether an account could be asked for its instances, and if not, why", accounts::test_new),
        route(M::GET, "/api/v1/accounts/{id}", VIEWER, "readAccount", "Read an account", accounts::show),
        route(M::PUT, "/api/v1/accounts/{id}", ADMIN, "changeAccount", "Change an account", accounts::change),
        route(M::DELETE, "/api/v1/accounts/{id}", ADMIN, "removeAccount", "Remove an account, and with it its registries", accounts::remove),
        route(M::POST, "/api/v1/accounts/{id}/test", OPERATOR, "testAccount", "Say whether an account can be asked, and if not, why", accounts::test),

        route(M::POST, "/api/v1/tasks", OPERATOR, "scanNow", "Scan now", work::start),
        route(M::POST, "/api/v1/tasks/preview", VIEWER, "previewScan", "Say what a scan would be, and what it would cost", work::preview),
        route(M::GET, "/api/v1/tasks", VIEWER, "listTasks", "List tasks, the newest first", work::tasks),
        route(M::GET, "/api/v1/tasks/{id}", VIEWER, "readTask", "Read a task", work::task),
        route(M::GET, "/api/v1/tasks/{id}/items", VIEWER, "listItems", "List a task's items", work::items),
        route(M::GET, "/api/v1/tasks/{id}/items/export", VIEWER, "exportItems", "Export a task's items as CSV or Excel", work::export_items),
        route(M::POST, "/api/v1/tasks/{id}/cancel", OPERATOR, "cancelTask", "Cancel a task", work::cancel),
        route(M::POST, "/api/v1/tasks/{id}/retry", OPERATOR, "retryTask", "Try failed items again", work::retry),
        route(M::GET, "/api/v1/tasks/{id}/events", VIEWER, "watchTask", "Be told of a task's progress (server-sent events)", work::task_events),
        route(M::GET, "/api/v1/events", VIEWER, "watchAll", "Be told what happens (server-sent events)", work::events),
        route(M::GET, "/api/v1/settings/scan", VIEWER, "readScanSettings", "Read what is scanned by itself, and when", settings::scan),
        route(M::PUT, "/api/v1/settings/scan", OPERATOR, "changeScanSettings", "Choose what is scanned by itself, and when", settings::change_scan),
        route(M::POST, "/api/v1/settings/scan/preview", VIEWER, "previewScope", "Say what would be in scope, and what scanning it would cost", settings::preview_scan),
        route(M::GET, "/api/v1/quota", VIEWER, "readQuota", "Read the quota", work::quota),
        route(M::PUT, "/api/v1/quota", ADMIN, "authoriseQuota", "Set what is authorised", work::authorise),
        route(M::GET, "/api/v1/quota/ledger", VIEWER, "listLedger", "List what was used", work::ledger),

        route(M::GET, "/api/v1/advisories", VIEWER, "readAdvisories", "Read which advisories are in use, and how old they are", advisories::show),
        route(M::POST, "/api/v1/advisories/update", OPERATOR, "updateAdvisories", "Fetch newer advisories now", advisories::update),
        route(M::POST, "/api/v1/advisories/import", ADMIN, "importAdvisories", "Put an advisory database to use that `db export` wrote, of at most 2 GiB", advisories::import).of_bytes(advisories::BYTES),

        route(M::GET, "/api/v1/rules", VIEWER, "readRules", "Read what malicious files are found by", rules::show),
        route(M::POST, "/api/v1/rules/bundle", ADMIN, "importBundle", "Put a signed bundle of rules to use, of at most 64 MiB", rules::import).of_bytes(rules::BYTES),
        route(M::POST, "/api/v1/rules/bundle/rollback", ADMIN, "rollBackBundle", "Go back to the bundle before, or to none", rules::go_back),
        route(M::POST, "/api/v1/rules/keys", ADMIN, "trustKey", "Trust a key, whose bundles are taken from then on", rules::add_key),
        route(M::DELETE, "/api/v1/rules/keys/{id}", ADMIN, "distrustKey", "Trust a key no longer", rules::remove_key),
        route(M::GET, "/api/v1/rules/custom", VIEWER, "listCustomRules", "List rules and digests of one's own", rules::list),
        route(M::POST, "/api/v1/rules/custom", ADMIN, "addCustomRules", "Add rules or digests of one's own", rules::add).of_bytes(rules::SENT_BYTES),
        route(M::POST, "/api/v1/rules/custom/check", ADMIN, "checkNewCustomRules", "Say what is wrong with rules or digests", rules::check_new).of_bytes(rules::SENT_BYTES),
        route(M::GET, "/api/v1/rules/custom/{id}", VIEWER, "readCustomRules", "Read rules or digests of one's own", rules::one),
        route(M::PATCH, "/api/v1/rules/custom/{id}", ADMIN, "changeCustomRules", "Change rules or digests of one's own, or leave them out", rules::change).of_bytes(rules::SENT_BYTES),
        route(M::POST, "/api/v1/rules/custom/{id}/check", ADMIN, "checkCustomRules", "Say what would be wrong with rules or digests that were changed so", rules::check).of_bytes(rules::SENT_BYTES),
        route(M::DELETE, "/api/v1/rules/custom/{id}", ADMIN, "removeCustomRules", "Remove rules or digests of one's own", rules::remove),

        route(M::GET, "/api/v1/channels", ADMIN, "listChannels", "List channels for notifications", channels::list),
        route(M::POST, "/api/v1/channels", ADMIN, "addChannel", "Add a channel", channels::add),
        route(M::GET, "/api/v1/channels/{id}", ADMIN, "readChannel", "Read a channel", channels::show),
        route(M::PUT, "/api/v1/channels/{id}", ADMIN, "changeChannel", "Change a channel", channels::change),
        route(M::DELETE, "/api/v1/channels/{id}", ADMIN, "removeChannel", "Remove a channel", channels::remove),
        route(M::POST, "/api/v1/channels/{id}/test", ADMIN, "testChannel", "Send a test to a channel", channels::test),
        route(M::GET, "/api/v1/deliveries", ADMIN, "listDeliveries", "List what was sent, the newest first", channels::deliveries),
        route(M::POST, "/api/v1/deliveries/{id}/again", ADMIN, "sendAgain", "Send again what was given up", channels::again),

        route(M::GET, "/api/v1/exceptions", VIEWER, "listExceptions", "List exceptions, the newest first", exceptions::list),
        route(M::POST, "/api/v1/exceptions", OPERATOR, "addException", "Add an exception", exceptions::add),
        route(M::POST, "/api/v1/exceptions/vex", OPERATOR, "importVex", "Make exceptions of a VEX document: OpenVEX, CSAF or CycloneDX", vex::import).of_bytes(vex::BYTES),
        route(M::GET, "/api/v1/exceptions/{id}", VIEWER, "readException", "Read an exception", exceptions::show),
        route(M::DELETE, "/api/v1/exceptions/{id}", OPERATOR, "endException", "End an exception", exceptions::end),
    ];
    table.extend(console::table());
    table
}
