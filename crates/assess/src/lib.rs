//! What an inventory means: feeds, the advisory database, the matcher. All of it computes only:
//! bytes in, bytes out.
#![cfg_attr(
    not(test),
    deny(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)
)]
mod coverage;
pub mod database;
mod evaluate;
pub mod feeds;
mod judge;
mod matching;
mod merge;
mod names;
mod ranges;
mod rating;
mod scope;
pub mod starter;
mod text;
pub mod vex;
mod when;
mod why_not;

pub use database::{Builder, Database, DatabaseError, diff};
pub use feeds::{FEEDS, Feed, Item, Malformed};
pub use matching::{assess, assess_in};
pub use rating::priority;
pub use scope::{Scope, keys};
pub use when::When;
pub use why_not::{why_not, why_not_in};

#[cfg(test)]
mod tests;
