//! What deciding on scans asks besides: what is known of manifests, what has been paid for.
use crate::{Error, Result, Row, Tx};
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
    let sql = "SELECT digest, id, CASE WHEN kind = 'index' THEN 1 ELSE 0 END FROM image WHERE digest IN ({keys})";
    let row = |it: &Row| Ok((it.text(0)?, it.int(1)?, it.truth(2)?));
    let found = tx.among(sql, &[], digests, row)?;
    let wholes = found.iter().filter(|it| it.2).map(|it| (it.1, it.0.clone()));
    let wholes: BTreeMap<i64, String> = wholes.collect();
    let known = found.into_iter().map(|it| (it.0, Known { index: it.2, parts: Vec::new() }));
    let mut known: BTreeMap<String, Known> = known.collect();
    let ids: Vec<i64> = wholes.keys().copied().collect();
    // Columns by themselves and no join: a plan that PostgreSQL made when there were few images would read all.
    let sql = "SELECT p.whole, (SELECT i.digest FROM image i WHERE i.id = p.image), \
                 (SELECT i.platform FROM image i WHERE i.id = p.image) \
               FROM part p WHERE p.whole IN ({keys})";
    let row = |it: &Row| Ok((it.int(0)?, (it.text(1)?, it.text(2)?)));
    for (whole, part) in tx.among(sql, &[], &ids, row)? {
        let whole = wholes.get(&whole).and_then(|it| known.get_mut(it));
        if let Some(it) = whole.filter(|it| !it.parts.contains(&part)) {
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
