//! What goes out, as servers see it that behave, and servers that do not.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail as tests do"
)]
mod client;
mod mail;
