//! The only SQL: one schema and one set of queries, in the subset that SQLite and PostgreSQL share.
//!
//! A question is a function over a [`Tx`]; whoever asks opens the transaction, with [`Store::read`] or
//! [`Store::write`], so that several questions can be one. Times are milliseconds since 1970 in UTC and
//! come in as arguments. Everything blocks: call it from a thread that may wait.
pub mod accounts;
pub mod advisories;
pub mod audit;
mod backup;
pub mod bundles;
pub mod channels;
pub mod components;
mod contents;
mod counts;
pub mod custom;
pub mod deliveries;
mod document;
mod engine;
mod error;
pub mod exceptions;
pub mod figures;
pub mod findings;
pub mod garbage;
mod handling;
pub mod history;
pub mod idempotency;
pub mod images;
pub mod items;
pub mod lanes;
pub mod leases;
pub mod logins;
mod matches;
mod meaning;
pub mod notices;
mod nouns;
pub mod people;
pub mod places;
mod postgres;
pub mod quota;
pub mod registries;
pub mod rematch;
pub mod reports;
pub mod repositories;
pub mod risks;
pub mod scans;
mod schema;
pub mod secrets;
pub mod sessions;
mod sets;
pub mod settings;
mod sqlite;
pub mod targets;
pub mod tasks;
pub mod tokens;
mod turns;
pub mod upkeep;
mod value;
pub mod vex;
mod word;
pub mod work;

pub use backup::Existing;
pub use counts::settle;
pub use engine::{Settings, Store, Tx};
pub use error::{Error, Result};
pub use matches::{Difference, Rate};
pub use nouns::{Category, Counts, Cursor, Level, Page, Tally};
pub use value::{Row, Value};
pub use word::Word;
