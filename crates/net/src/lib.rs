//! The only outbound sockets: one blocking HTTP client for registries, feeds and webhooks, which hands over mail too.
//!
//! What the client promises, whatever the other side does: credentials stay with the host that they
//! were given for, no cookie is kept, bytes arrive as they were sent (nothing is decoded), waiting
//! ends when nothing moves any more, and no error or `Debug` shows a secret or a query string.
mod client;
mod error;
mod line;
mod outside;
mod pace;
mod proxy;
mod relay;
mod request;
mod response;
mod retry;
mod secret;
mod settings;
mod smtp;
mod tls;
mod url;

pub use client::Client;
pub use error::Error;
pub use relay::{Relay, is_mailbox};
pub use request::{Method, Request};
pub use response::{Body, Response};
pub use secret::Secret;
pub use settings::{Host, Identity, Limits, Proxies, Retries, Settings, Timeouts};
pub use smtp::Letter;
pub use url::{Url, encode};
