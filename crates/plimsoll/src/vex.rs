//! VEX documents: those of the user's, and, if he wants, those that are attached to the image.
use assess::vex::{HandledFindings, Subject, Vex, apply as hold, parse};
use model::{Assessment, report::AttachedRow};
use scan::Scanned;
use std::{fs, io::Read, path::PathBuf};

/// The most bytes of one document.
const BYTES: u64 = 64 << 20;

/// Reads the documents that were named.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<Vex>, String> {
    paths.iter().map(one).collect()
}

fn one(path: &PathBuf) -> Result<Vex, String> {
    let name = path.display();
    let failed = |err: std::io::Error| format!("{name}: {err}");
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(BYTES.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).map_or(true, |it| it > BYTES) {
        return Err(format!("{name}: larger than {BYTES} bytes"));
    }
    let vex = parse(&bytes).map_err(|err| format!("{name}: {err}"))?;
    for it in &vex.problems {
        eprintln!("plimsoll: {name}: {it}; it is not applied");
    }
    Ok(vex)
}

/// What the documents say of the findings, and the rows of those that are attached. The user's own
/// come first: where one speaks of a finding, no other is asked.
pub(crate) fn apply(
    scanned: &Scanned,
    assessment: &mut Assessment,
    own: &[Vex],
    honoured: bool,
) -> (HandledFindings, Vec<AttachedRow>) {
    let attached = &scanned.attached;
    let subject = Subject {
        image: &scanned.image,
        known_as: &attached.known_as,
        inventory: &scanned.inventory,
    };
    let others: &[Vex] = if honoured { &attached.vex } else { &[] };
    let handled = hold(assessment, subject, &[own, others]);
    let mut rows = attached.rows.clone();
    rows.iter_mut().filter(|it| it.kind == "vex").for_each(|it| it.used = honoured);
    (handled, rows)
}
