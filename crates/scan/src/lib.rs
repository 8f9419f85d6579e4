//! Doing it: the pipeline from a source to an inventory, and the process that reads what is hostile.
pub mod advisories;
mod attached;
mod cache;
pub mod center;
mod pipeline;
pub mod plan;
mod sandbox;
pub mod schedule;
pub mod settings;
mod waiting;
pub mod worker;

pub use attached::Attached;
pub use cache::Cache;
pub use pipeline::{Scanned, Scanner, Step};
pub use worker::Inspection;

use inspect::{Head, Inspector};
use malware::Judge;
use std::sync::LazyLock;

static CATALOG: LazyLock<catalog::Catalog> = LazyLock::new(catalog::Catalog::default);
static JUDGE: LazyLock<Judge> = LazyLock::new(Judge::default);

/// Everything that wants to look at a file; what looks for malicious files only if `malware`.
pub fn wanting(head: &Head<'_>, malware: bool) -> Vec<&'static dyn Inspector> {
    let catalogers = CATALOG.wanting(head.path).into_iter();
    let mut all: Vec<&dyn Inspector> = catalogers.map(|it| -> &dyn Inspector { it }).collect();
    if malware && JUDGE.wants(head) {
        all.push(&*JUDGE);
    }
    all
}
