//! `container-manifest-2`, which the distroless images of CBL-Mariner and Azure Linux have in place
//! of the database of RPM (CBL-Mariner, toolkit/docs/how_it_works/5_misc.md).
//!
//! One line a package, ten fields with a tab between: name, version and release, time of installation,
//! time of building, vendor, epoch (or always `(none)`), size, architecture, epoch as a number, and
//! the file name of the source package.
use crate::{
    Cataloger,
    rpm::{source, with_epoch},
};
use inspect::{Fault, File, Found, Malformed};
use model::{Component, Ecosystem, Gap, Reason};

pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "rpm-manifest",
    revision: 1,
    paths: &["rpmmanifest/container-manifest-2"],
    parse,
};

/// The largest manifest read: some 100 000 packages.
const MANIFEST_BYTES: u64 = 16 << 20;
/// How many lines that can't be read are told apart; more are only counted.
const TROUBLES: usize = 50;

fn parse(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    if file.size() > MANIFEST_BYTES {
        return Err(Fault::TooLarge(format!("a manifest of {} bytes", file.size())));
    }
    let mut troubles: usize = 0;
    let mut trouble = |gaps: &mut Vec<Gap>, what: String| {
        troubles = troubles.saturating_add(1);
        if troubles <= TROUBLES {
            gaps.push(Gap::new(CATALOGER.name, Reason::Malformed(what)));
        }
    };
    for (number, line) in (1..).zip(file.text()?.lines()) {
        if line.trim().is_empty() || line.starts_with("gpg-pubkey\t") {
            continue;
        }
        match component(line) {
            Ok((component, doubt)) => {
                found.components.push(component);
                if let Some(it) = doubt {
                    trouble(&mut found.gaps, format!("line {number}: {}", it.0));
                }
            }
            Err(it) => trouble(&mut found.gaps, format!("line {number}: {}", it.0)),
        }
    }
    if troubles > TROUBLES {
        let more = troubles.saturating_sub(TROUBLES);
        let reason = Reason::Malformed(format!("{more} more lines that can't be read"));
        found.gaps.push(Gap::new(CATALOGER.name, reason));
    }
    Ok(())
}

/// The component of a line, and what of the rest could not be understood.
fn component(line: &str) -> Result<(Component, Option<Malformed>), Malformed> {
    let fields: Vec<&str> = line.split('\t').take(11).collect();
    let Ok([name, version, _, _, vendor, _, _, arch, epoch, source_rpm]) =
        <[&str; 10]>::try_from(fields)
    else {
        return Err(Malformed::new("not ten fields"));
    };
    if name.is_empty() || version.is_empty() {
        return Err(Malformed::new("no name or no version"));
    }
    let epoch = known(epoch).map_or(Ok(0), str::parse);
    let epoch: u32 = epoch.map_err(|_| Malformed::new("the epoch is not a number"))?;
    let source = known(source_rpm).map(|it| source(it, epoch)).transpose();
    let doubt = source.as_ref().err().cloned();
    let component = Component {
        arch: known(arch).map(str::to_owned),
        source: source.unwrap_or_default(),
        vendor: known(vendor).map(str::to_owned),
        ..Component::new(Ecosystem::Rpm, name, &with_epoch(epoch, version))
    };
    Ok((component, doubt))
}

/// A field, unless it is empty or rpm's word for none.
fn known(field: &str) -> Option<&str> {
    Some(field.trim()).filter(|it| !it.is_empty() && *it != "(none)")
}
