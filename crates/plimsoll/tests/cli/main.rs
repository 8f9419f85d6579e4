//! The program itself, from end to end, on images that are built on the spot.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "helpers of tests may fail as tests do"
)]
mod attached;
mod bench;
mod browser;
mod bundles;
mod cache;
mod carried;
mod center;
mod children;
mod damage;
mod db;
mod demo;
mod formats;
mod gates;
mod images;
mod languages;
mod layers;
mod memory;
mod network;
mod operations;
mod place;
mod places;
mod planted;
mod published;
mod schema;
mod sources;
mod why;
