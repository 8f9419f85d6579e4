//! Doing it: the pipeline from a source to an inventory, and the process that reads what is hostile.
pub mod advisories;
mod attached;
mod cache;
mod pipeline;
pub mod plan;
mod sandbox;
pub mod schedule;
pub mod settings;
pub mod worker;

pub use attached::Attached;
pub use cache::Cache;
pub use pipeline::{Scanned, Scanner, Step};
pub use worker::Inspection;

use inspect::{Head, Inspector};
use std::sync::LazyLock;

static CATALOG: LazyLock<catalog::Catalog> = LazyLock::new(catalog::Catalog::default);

/// Everything that wants to look at a file.
pub fn wanting(head: &Head<'_>) -> Vec<&'static dyn Inspector> {
    CATALOG.wanting(head.path).into_iter().map(|it| -> &dyn Inspector { it }).collect()
}

/// Stands for all that a layer's report depends on besides the layer: raised with the inspectors, and by
/// hand with the pass over the layer itself.
pub fn revision(limits: &inspect::Limits) -> String {
    let catalogers = catalog::CATALOGERS.iter().map(|it| format!("{}={}", it.name, it.revision));
    let catalogers: Vec<String> = catalogers.collect();
    format!("layer=1 {} {limits:?}", catalogers.join(" "))
}
