//! The only SQL: one schema and one set of queries, in the subset that SQLite and PostgreSQL share.
//!
//! A question is a function over a [`Tx`]; whoever asks opens the transaction, with [`Store::read`] or
//! [`Store::write`], so that several questions can be one. Times are milliseconds since 1970 in UTC and
//! come in as arguments. Everything blocks: call it from a thread that may wait.
pub mod audit;
pub mod channels;
pub mod deliveries;
mod engine;
mod error;
pub mod idempotency;
pub mod items;
pub mod leases;
pub mod logins;
mod page;
pub mod people;
mod postgres;
pub mod quota;
mod schema;
pub mod settings;
mod sqlite;
pub mod tasks;
mod value;
mod word;
pub mod work;

pub use engine::{Settings, Store, Tx};
pub use error::{Error, Result};
pub use page::Page;
pub use value::{Row, Value};
pub use word::Word;
