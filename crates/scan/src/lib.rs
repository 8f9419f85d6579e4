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
use catalog::Verifier;
use inspect::{Head, Inspector};
use malware::Judge;
use std::{io, sync::LazyLock};

static CATALOG: LazyLock<catalog::Catalog> = LazyLock::new(catalog::Catalog::default);
static JUDGE: LazyLock<Judge> = LazyLock::new(Judge::default);

/// Who looks for malicious files, and who verifies what packages say of themselves.
#[derive(Clone, Copy)]
struct Examiners {
    judge: &'static Judge,
    verifiers: &'static [Verifier],
}

/// Whether anything wants to look at a file; what looks for malicious files only if `malware`.
pub fn is_wanted(head: &Head<'_>, malware: bool) -> bool {
    let own = || Examiners { judge: &JUDGE, verifiers: &[] };
    !wanting(head, malware.then(own)).is_empty()
}

/// Everything that wants to look at a file, these among them.
fn wanting(head: &Head<'_>, examiners: Option<Examiners>) -> Vec<&'static dyn Inspector> {
    let verifiers = examiners.map_or(&[][..], |it| it.verifiers);
    let catalogers = CATALOG.wanting(head).into_iter().map(|it| -> &dyn Inspector {
        let verifier = verifiers.iter().find(|verifier| verifier.cataloger().name == it.name);
        verifier.map_or(it, |it| -> &dyn Inspector { it })
    });
    let mut all: Vec<&dyn Inspector> = catalogers.collect();
    all.extend(
        examiners.filter(|it| it.judge.wants(head)).map(|it| -> &dyn Inspector { it.judge }),
    );
    all
}

/// What looks for malicious files: by what ships with the program, and by bundles that were read.
fn examiners(read: Vec<(Named, io::Result<Vec<u8>>)>) -> io::Result<Examiners> {
    if read.is_empty() {
        return Ok(Examiners { judge: &JUDGE, verifiers: &[] });
    }
    let (judge, keys) = Named::judge(read)?;
    let verifiers = if keys.is_empty() { Vec::new() } else { Verifier::all(keys) };
    // A child inspects one layer, and ends.
    Ok(Examiners { judge: Box::leak(Box::new(judge)), verifiers: verifiers.leak() })
}
