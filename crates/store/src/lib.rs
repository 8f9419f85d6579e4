//! The only SQL: one schema and one set of queries, in the subset that SQLite and PostgreSQL share.
//!
//! A question is a function over a [`Tx`]; whoever asks opens the transaction, with [`Store::read`] or
//! [`Store::write`], so that several questions can be one. Times are milliseconds since 1970 in UTC and
//! come in as arguments. Everything blocks: call it from a thread that may wait.
mod engine;
mod error;
mod postgres;
mod schema;
mod sqlite;
mod value;

pub use engine::{Settings, Store, Tx};
pub use error::{Error, Result};
pub use value::{Row, Value};
