//! When advisories change: only what the change names is looked at, and only what differs is written.
use crate::{
    Category, Difference, Result, Row, Tx, document,
    matches::{self, Found, Rate},
    places,
};
use model::{Component, Enrichment, Finding, Release};
use std::collections::BTreeMap;

/// The build of the advisories that hold now; empty: none yet.
pub fn build(tx: &mut Tx<'_>) -> Result<String> {
    let sql = "SELECT build FROM matching WHERE id = 1";
    Ok(tx.row(sql, &[], |it| it.text(0))?.unwrap_or_default())
}

/// A re-match that has begun and not ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pending {
    /// The build that all components agreed with before. What has changed since is to be looked at.
    pub previous: String,
    /// The last component that was.
    pub after: i64,
}

/// From now on advisories of this build hold: a scan that was assessed with others is refused from here on,
/// and the components of those before are seen by [`candidates`]. When another re-match had not ended,
/// this one takes over what it left.
pub fn begin(tx: &mut Tx<'_>, build: &str) -> Result<()> {
    places::lock(tx)?;
    let sql = "UPDATE matching SET build = $1, previous = COALESCE(previous, build), after = 0 \
               WHERE id = 1 AND build <> $1";
    tx.execute(sql, &[build.into()]).map(drop)
}

/// The re-match that has not ended, if there is one.
pub fn pending(tx: &mut Tx<'_>) -> Result<Option<Pending>> {
    let sql = "SELECT previous, after FROM matching WHERE id = 1 AND previous IS NOT NULL";
    tx.row(sql, &[], |it| Ok(Pending { previous: it.text(0)?, after: it.int(1)? }))
}

/// Notes how far it is; to be called in the transaction that wrote what was found until there.
pub fn progress(tx: &mut Tx<'_>, after: i64) -> Result<()> {
    tx.execute("UPDATE matching SET after = $1 WHERE id = 1", &[after.into()]).map(drop)
}

/// Ends it, if advisories of this build still hold. Says whether they do.
pub fn end(tx: &mut Tx<'_>, build: &str) -> Result<bool> {
    places::lock(tx)?;
    let sql = "UPDATE matching SET previous = NULL WHERE id = 1 AND build = $1";
    Ok(tx.execute(sql, &[build.into()])? > 0)
}

/// A component that is to be assessed again.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its key.
    pub id: i64,
    /// It.
    pub component: Component,
    /// The release of the system that it is in, by its key; candidates of one scope come together.
    pub scope: i64,
    /// That release; `None` for what belongs to none.
    pub release: Option<Release>,
}

/// The components that advisories on these packages may be about, at most `limit` of those with a key above
/// `after`, by key. `keys` are namespaces and packages.
pub fn candidates(
    tx: &mut Tx<'_>,
    keys: &[(String, String)],
    after: i64,
    limit: usize,
) -> Result<Vec<Candidate>> {
    let mut by_namespace: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (namespace, package) in keys {
        by_namespace.entry(namespace).or_default().push(package);
    }
    let mut ids = std::collections::BTreeSet::new();
    for (namespace, packages) in by_namespace {
        let sql = "SELECT component FROM component_key WHERE namespace = $1 AND component > $2 AND package IN ({keys})";
        ids.extend(tx.among(sql, &[namespace.into(), after.into()], &packages, |it| it.int(0))?);
    }
    some(tx, &ids.into_iter().take(limit).collect::<Vec<_>>())
}

/// The same of all components, but for files, of which advisories know nothing: where nobody can tell what has changed.
pub fn everything(tx: &mut Tx<'_>, after: i64, limit: usize) -> Result<Vec<Candidate>> {
    let sql =
        "SELECT id FROM component WHERE id > $1 AND category <> 'malware' ORDER BY id LIMIT $2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let ids = tx.rows(sql, &[after.into(), limit.into()], |it| it.int(0))?;
    some(tx, &ids)
}

fn some(tx: &mut Tx<'_>, ids: &[i64]) -> Result<Vec<Candidate>> {
    let sql = "SELECT c.id, c.document, c.scope, s.document FROM component c JOIN scope s ON s.id = c.scope \
               WHERE c.id IN ({keys})";
    let row = |it: &Row| {
        Ok(Candidate {
            id: it.int(0)?,
            component: document::from_text(&it.text(1)?)?,
            scope: it.int(2)?,
            release: document::from_text(&it.text(3)?)?,
        })
    };
    let mut found = tx.among(sql, &[], ids, row)?;
    found.sort_by_key(|it| it.id);
    Ok(found)
}

/// Writes what is found in these components now, where it differs from what was.
pub fn apply(
    tx: &mut Tx<'_>,
    found: &[(&Candidate, Vec<&Finding>)],
    rate: Rate<'_>,
    at: i64,
) -> Result<Difference> {
    places::lock(tx)?;
    let mut all: Found<'_> = BTreeMap::new();
    for (it, findings) in found {
        let category: Category = crate::contents::category(&it.component);
        all.insert(it.id, (category, findings.clone()));
    }
    matches::reconcile(tx, &all, rate, at)
}

/// Writes what is known of vulnerabilities wherever they occur, EPSS, KEV and exploits, where it differs. No match is
/// touched. Gives how many risks it was.
pub fn enrich(tx: &mut Tx<'_>, news: &[Enrichment], rate: Rate<'_>) -> Result<usize> {
    places::lock(tx)?;
    let by_name: BTreeMap<&str, &Enrichment> =
        news.iter().map(|it| (it.cve.as_str(), it)).collect();
    let names: Vec<&str> = by_name.keys().copied().collect();
    let sql = "SELECT id, name FROM risk WHERE name IN ({keys})";
    let rows = tx.among(sql, &[], &names, |it| Ok((it.int(0)?, it.text(1)?)))?;
    let it = |(id, name): (i64, String)| Some((id, (*by_name.get(name.as_str())?).clone()));
    let wanted: BTreeMap<i64, Enrichment> = rows.into_iter().filter_map(it).collect();
    let changed = matches::enrich(tx, &wanted)?;
    matches::refresh(tx, &changed, rate)?;
    Ok(changed.len())
}
