//! Tests of the store, on SQLite and on a real PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "helpers of tests may fail as tests do"
)]
mod backup;
mod changing;
mod counting;
mod figures;
mod history;
mod keeping;
mod leases;
mod left_behind;
mod opening;
mod people;
mod queue;
mod quota;
mod records;
mod scanning;
mod synchronising;
mod telling;
mod world;

use std::path::Path;
use store::{Settings, Store};
use tempfile::TempDir;

/// Runs a test on a fresh database of each engine.
fn on_each(test: impl Fn(&Store)) {
    each_settings(|settings| test(&Store::open(settings.clone()).unwrap()));
}

/// Runs a test that opens the fresh database of each engine by itself.
fn each_settings(test: impl Fn(&Settings)) {
    let folder = TempDir::new().unwrap();
    test(&embedded(folder.path()));
    if let Some(url) = testkit::postgres::database() {
        test(&server(url));
    }
}

fn embedded(folder: &Path) -> Settings {
    Settings::Embedded(folder.join("store.db"))
}

fn server(url: String) -> Settings {
    Settings::Server { url, authorities: None, connections: 8 }
}
