//! Showing it: the REST API over the store.
//!
//! One table, [`routes`], says what there is; the router, the check of roles, the audit, idempotency, the OpenAPI document
//! and the page to try it follow from it. Handlers are plain functions that may wait: they run on a bounded
//! pool of threads, and only what moves bytes is asynchronous.
mod app;
mod call;
mod console;
pub mod demo;
mod dispatch;
mod events;
mod export;
mod gauges;
mod housekeeping;
mod io;
mod listen;
mod log;
mod logins;
mod metrics;
mod notify;
mod oidc;
mod openapi;
mod page;
mod password;
mod problem;
mod receive;
mod reply;
mod report;
mod route;
mod routes;
mod seal;
mod settings;
mod tls;
mod try_it;
pub mod views;
mod who;

pub use app::{App, Base, Clock};
pub use console::translate::in_chinese;
pub use events::{Event, Events};
pub use listen::Server;
pub use log::{Format, Log};
pub use notify::Message;
pub use oidc::Oidc;
pub use openapi::document;
pub use page::Page;
pub use problem::{Code, Problem};
pub use routes::pages;
pub use seal::{Keys, check_keys};
pub use settings::{Limits, Sessions, Settings, Tls};
pub use who::Role;
