//! Tests of the center: on SQLite and on a real PostgreSQL, with real and simulated registries.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "helpers of tests may fail as tests do"
)]
mod advisories;
mod bad;
mod registries;
mod rules;
mod scanning;
mod several;
mod trouble;
mod world;
