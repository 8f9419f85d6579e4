//! What an inventory means: feeds, the advisory database, the matcher. All of it computes only:
//! bytes in, bytes out.
pub mod database;
pub mod feeds;
mod names;
mod ranges;
mod text;

pub use database::{Builder, Database, DatabaseError};
pub use feeds::{FEEDS, Feed, Item, Malformed};
