//! What an update changed, so that only the images concerned are looked at again.
use super::{Database, DatabaseError, Record, decode, table::Iter};
use crate::names;
use model::Namespace;
use std::{cmp::Ordering, collections::BTreeSet};

/// The packages about which `new` says something else than `old`.
pub fn diff(old: &Database, new: &Database) -> Result<Vec<(Namespace, String)>, DatabaseError> {
    let mut keys = BTreeSet::new();
    let packages = (old.index.packages.iter(&old.source), new.index.packages.iter(&new.source));
    changes(packages, |key, _| {
        let text = String::from_utf8_lossy(key);
        let mut parts = text.split('\0');
        if let (Some(namespace), Some(package)) = (parts.next(), parts.next()) {
            keys.insert((Namespace::new(namespace), package.to_owned()));
        }
        Ok(())
    })?;
    let advisories =
        (old.index.advisories.iter(&old.source), new.index.advisories.iter(&new.source));
    changes(advisories, |_, value| {
        let record: Record = decode(value)?;
        for (namespace, package) in record.packages {
            let key = names::key(&namespace, &package);
            let package = key.split('\0').nth(1).unwrap_or_default().to_owned();
            keys.insert((namespace, package));
        }
        Ok(())
    })?;
    Ok(keys.into_iter().collect())
}

/// The vulnerabilities about which `new` knows something else than `old`: scores change daily, and
/// touch no match.
pub fn changed_enrichment(old: &Database, new: &Database) -> Result<Vec<String>, DatabaseError> {
    let mut cves = BTreeSet::new();
    let tables = (old.index.enrichment.iter(&old.source), new.index.enrichment.iter(&new.source));
    changes(tables, |key, _| {
        let cve = key.split(|it| *it == 0).next().unwrap_or_default();
        cves.insert(String::from_utf8_lossy(cve).into_owned());
        Ok(())
    })?;
    Ok(cves.into_iter().collect())
}

/// Walks two tables side by side, and names every entry that is not in both.
fn changes(
    (mut old, mut new): (Iter<'_>, Iter<'_>),
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), DatabaseError>,
) -> Result<(), DatabaseError> {
    let (mut a, mut b) = (old.next().transpose()?, new.next().transpose()?);
    loop {
        let order = match (&a, &b) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.0.cmp(&b.0),
        };
        let differ = order.is_ne() || a != b;
        for it in [(&a, order.is_le()), (&b, order.is_ge())] {
            if let (Some((key, value)), true, true) = (it.0, it.1, differ) {
                each(key, value)?;
            }
        }
        if order.is_le() {
            a = old.next().transpose()?;
        }
        if order.is_ge() {
            b = new.next().transpose()?;
        }
    }
}
