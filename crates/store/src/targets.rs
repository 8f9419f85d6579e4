//! What deciding on scans asks besides: what is known of manifests, what has been paid for.
use crate::{Error, Result, Tx};
use std::collections::BTreeMap;

/// What is known of a manifest.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Known {
    /// Whether it is an index.
    pub index: bool,
    /// Where it leads to: digests and platforms.
    pub parts: Vec<(String, String)>,
}

/// What is known of these manifests.
pub fn known(tx: &mut Tx<'_>, digests: &[&str]) -> Result<BTreeMap<String, Known>> {
    let sql = "SELECT digest, CASE WHEN kind = 'index' THEN 1 ELSE 0 END FROM image \
               WHERE digest IN ({keys})";
    let known = tx.among(sql, &[], digests, |it| Ok((it.text(0)?, it.truth(1)?)))?;
    let known = known.into_iter().map(|(it, index)| (it, Known { index, parts: Vec::new() }));
    let mut known: BTreeMap<String, Known> = known.collect();
    let sql = "SELECT w.digest, i.digest, i.platform FROM image w JOIN part p ON p.whole = w.id \
               JOIN image i ON i.id = p.image WHERE w.digest IN ({keys})";
    for (whole, part) in
        tx.among(sql, &[], digests, |it| Ok((it.text(0)?, (it.text(1)?, it.text(2)?))))?
    {
        if let Some(it) = known.get_mut(&whole).filter(|it| !it.parts.contains(&part)) {
            it.parts.push(part);
        }
    }
    Ok(known)
}

/// How many of these images have cost one of the quota.
pub fn paid(tx: &mut Tx<'_>, digests: &[&str]) -> Result<usize> {
    let sql = "SELECT digest FROM ledger WHERE digest IN ({keys})";
    let mut paid = tx.among(sql, &[], digests, |it| it.text(0))?;
    paid.sort();
    paid.dedup();
    Ok(paid.len())
}

/// The round of synchronising that a registry is in, or was in last.
pub fn round(tx: &mut Tx<'_>, registry: i64) -> Result<i64> {
    let sql = "SELECT round FROM registry WHERE id = $1 AND removed_at IS NULL";
    let none = || Error::Invalid("there is no such registry".to_owned());
    tx.row(sql, &[registry.into()], |it| it.int(0))?.ok_or_else(none)
}
