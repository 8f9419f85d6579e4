//! The API as its users meet it: over real connections, on real databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "helpers of tests may fail as tests do"
)]
mod access;
mod advisories;
mod console;
mod core;
mod document;
mod handling;
mod images;
mod kit;
mod malware;
mod notify;
mod oidc;
mod operation;
mod registries;
mod roles;
mod rules;
mod settings;
mod tasks;
mod vex;
#[allow(dead_code, reason = "the store's tests need more of it")]
#[path = "../../../store/tests/store/world.rs"]
mod world;
