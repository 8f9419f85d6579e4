//! Doing it: the pipeline from a source to an inventory, and the process that reads what is hostile.
pub mod advisories;
mod attached;
pub mod bundles;
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

use bundles::Named;
use inspect::{Head, Inspector};
use malware::Judge;
use std::{io, sync::LazyLock};

static CATALOG: LazyLock<catalog::Catalog> = LazyLock::new(catalog::Catalog::default);
static JUDGE: LazyLock<Judge> = LazyLock::new(Judge::default);

/// Whether anything wants to look at a file; what looks for malicious files only if `malware`.
pub fn is_wanted(head: &Head<'_>, malware: bool) -> bool {
    !wanting(head, malware.then_some(&*JUDGE)).is_empty()
}

/// Everything that wants to look at a file, this judge among them.
fn wanting(head: &Head<'_>, judge: Option<&'static Judge>) -> Vec<&'static dyn Inspector> {
    let catalogers = CATALOG.wanting(head).into_iter();
    let mut all: Vec<&dyn Inspector> = catalogers.map(|it| -> &dyn Inspector { it }).collect();
    if let Some(judge) = judge.filter(|it| it.wants(head)) {
        all.push(judge);
    }
    all
}

/// What looks for malicious files: by what ships with the program, and by bundles that were read.
fn judge(read: Vec<(Named, io::Result<Vec<u8>>)>) -> io::Result<&'static Judge> {
    if read.is_empty() {
        return Ok(&*JUDGE);
    }
    // A child inspects one layer, and ends.
    Ok(Box::leak(Box::new(Named::judge(read)?)))
}
