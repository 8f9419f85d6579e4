//! What others have attached to an image, and what it adds to what was found.
//!
//! A bill of materials is a claim by whoever may push to the repository; our own findings come
//! first. So a component of it is added only where the scan found no such package in that version,
//! marked as claimed, by which document. A system package is left out where the package database
//! has it in another version, since it is there once; where the database does not have it at all it
//! is kept, and compared with advisories if the bill is of the same distribution. Claims never make
//! the coverage better: they do not stand in for a package database.
use crate::Scanned;
use assess::vex::{self, Vex};
use catalog::sbom;
use model::{
    Component, Digest, Distribution, Ecosystem, Gap, Inventory, Located, Namespace, Reason, System,
    report::AttachedRow,
};
use registry::{Attachment, Kind};
use std::collections::{BTreeMap, BTreeSet};

/// What is attached to an image, read.
#[derive(Clone, Debug, Default)]
pub struct Attached {
    /// One row for each document that could be read.
    pub rows: Vec<AttachedRow>,
    /// The VEX documents.
    pub vex: Vec<Vex>,
    /// Digests by which the image is known beside its own.
    pub known_as: Vec<Digest>,
}

/// Adds what is attached to an image to what was found in it.
pub(crate) fn add(scanned: &mut Scanned, found: registry::Attached) {
    let layer = scanned.image.layers.len().saturating_sub(1);
    let mut gaps = found.gaps;
    for document in &found.documents {
        let read = match document.kind {
            Kind::Sbom => bill(document, &mut scanned.inventory, layer),
            Kind::Vex => statements(document, &mut scanned.attached.vex),
        };
        match read {
            Ok(row) => scanned.attached.rows.push(row),
            Err(why) => {
                let why = format!("attached document {}: {why}", document.digest);
                gaps.push(Gap::new("attached", Reason::Malformed(why)));
            }
        }
    }
    scanned.attached.known_as = found.known_as;
    let gaps = gaps.into_iter().map(|what| located(what, "attached", layer, None));
    scanned.inventory.gaps.extend(gaps);
}

fn bill(
    document: &Attachment,
    inventory: &mut Inventory,
    layer: usize,
) -> Result<AttachedRow, String> {
    let bill = sbom::parse(&document.bytes).map_err(|err| err.to_string())?;
    let by = Located::<Component>::claimed_by(document.digest.short());
    let system = same_distribution(&bill.systems, &inventory.systems).then_some(0);
    let known: BTreeSet<String> = inventory.components.iter().map(|it| key(&it.what)).collect();
    // Both lists may be long, and one of them is a stranger's.
    let mut own: BTreeMap<(Ecosystem, &str), Vec<Option<&str>>> = BTreeMap::new();
    for it in inventory.components.iter().map(|it| &it.what) {
        own.entry((it.ecosystem, &it.name)).or_default().push(it.arch.as_deref());
    }
    let (listed, mut other) = (bill.components.len(), 0_usize);
    let mut added = Vec::new();
    let mut new = BTreeSet::new();
    for it in bill.components.into_iter().map(|it| it.what) {
        let key = key(&it);
        if known.contains(&key) || !new.insert(key) {
            continue;
        }
        let is_system = it.ecosystem.is_system();
        let same = own.get(&(it.ecosystem, it.name.as_str()));
        if is_system && same.is_some_and(|own| own.iter().any(|own| same_arch(*own, &it))) {
            other = other.saturating_add(1);
            continue;
        }
        added.push(located(it, &by, layer, system.filter(|_| is_system)));
    }
    let mut summary = match added.len() {
        0 => format!("{listed} components, all of them found by the scan itself"),
        new => format!("{new} of {listed} components were not found by the scan itself"),
    };
    if other > 0 && added.is_empty() {
        summary = format!("{listed} components");
    }
    if other > 0 {
        summary += &format!("; {other} left out, of which the package database has other versions");
    }
    inventory.components.extend(added);
    let problems = bill.gaps.iter().map(|it| it.what.reason.to_string()).collect();
    Ok(row(document, "sbom", true, summary, problems))
}

fn statements(document: &Attachment, read: &mut Vec<Vex>) -> Result<AttachedRow, String> {
    let vex = vex::parse(&document.bytes).map_err(|err| err.to_string())?;
    let s = if vex.len() == 1 { "" } else { "s" };
    let summary = format!("{} statement{s} by {}", vex.len(), vex.author());
    let row = row(document, "vex", false, summary, vex.problems.clone());
    read.push(vex);
    Ok(row)
}

fn row(
    document: &Attachment,
    kind: &str,
    used: bool,
    summary: String,
    problems: Vec<String>,
) -> AttachedRow {
    let (digest, media_type) = (document.digest.to_string(), document.media_type.clone());
    AttachedRow { kind: kind.to_owned(), digest, media_type, used, summary, problems }
}

/// A package in one version, whatever else is said of it.
fn key(component: &Component) -> String {
    let purl = component.purl(None);
    purl.split('?').next().unwrap_or_default().to_owned()
}

fn same_arch(own: Option<&str>, claimed: &Component) -> bool {
    let claimed = claimed.arch.as_deref();
    own.zip(claimed).is_none_or(|(own, claimed)| own == claimed)
}

/// Whether the bill's packages may be compared with the advisories for the image's own.
fn same_distribution(bill: &[System], own: &[System]) -> bool {
    let namespaces = |it: &[System]| -> Option<Vec<Namespace>> {
        let release = it.first()?.release.as_ref()?;
        Some(Distribution::of(release)?.namespaces(release))
    };
    let of_bill = namespaces(bill).filter(|it| !it.is_empty());
    of_bill.is_some() && of_bill == namespaces(own)
}

fn located<T>(what: T, by: &str, layer: usize, system: Option<usize>) -> Located<T> {
    Located { what, path: None, layer, by: by.to_owned(), system }
}
