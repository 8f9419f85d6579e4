//! What nothing refers to any more, thrown away in small steps.
use crate::{Result, Row, Tx, counts, places};

/// From when on things are kept that nothing needs.
#[derive(Clone, Copy, Debug)]
pub struct Age {
    /// Images that have been in no list since before then, with all that is known of them, are thrown away.
    pub images: i64,
    /// So are matches that have been gone since before then, which only the timeline knows.
    pub matches: i64,
}

/// What a step threw away.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Swept {
    /// Images.
    pub images: usize,
    /// Sets of components that no image has.
    pub contents: usize,
    /// Components that are in no set.
    pub components: usize,
    /// Matches that have gone.
    pub matches: usize,
    /// Risks that no component has had.
    pub risks: usize,
    /// Whether there may be more.
    pub more: bool,
}

/// Throws away at most `limit` of each.
pub fn sweep(tx: &mut Tx<'_>, keep: Age, limit: i64) -> Result<Swept> {
    places::lock(tx)?;
    let images = images(tx, keep.images, limit)?;
    let contents = contents(tx, limit)?;
    let components = components(tx, limit)?;
    let matches = matches(tx, keep.matches, limit)?;
    let risks = risks(tx, limit)?;
    let all = [images, contents, components, matches, risks];
    let full = |it: &usize| i64::try_from(*it).is_ok_and(|it| it >= limit);
    let more = all.iter().any(full);
    Ok(Swept { images, contents, components, matches, risks, more })
}

fn ids(tx: &mut Tx<'_>, sql: &str, values: &[crate::Value]) -> Result<Vec<i64>> {
    tx.rows(sql, values, |it: &Row| it.int(0))
}

fn delete(tx: &mut Tx<'_>, from: &[(&str, &str)], keys: &[i64]) -> Result<()> {
    for (table, column) in from {
        let sql = format!("DELETE FROM {table} WHERE {column} IN ({{keys}})");
        tx.execute_among(&sql, &[], keys)?;
    }
    Ok(())
}

fn images(tx: &mut Tx<'_>, before: i64, limit: i64) -> Result<usize> {
    // A place in a removed registry is history, and kept until that is purged.
    let sql = "SELECT i.id FROM image i WHERE i.places = 0 AND i.gone_at < $1 AND i.counted = 0 \
        AND NOT EXISTS (SELECT 1 FROM place p WHERE p.image = i.id) \
        AND NOT EXISTS (SELECT 1 FROM tag t WHERE t.image = i.id) \
        AND NOT EXISTS (SELECT 1 FROM part p JOIN image w ON w.id = p.whole WHERE p.image = i.id AND w.places > 0) \
        ORDER BY i.gone_at LIMIT $2";
    let old = ids(tx, sql, &[before.into(), limit.into()])?;
    let tables = [
        ("handled", "image"),
        ("image_contents", "image"),
        ("image_detail", "image"),
        ("part", "image"),
        ("part", "whole"),
        ("image", "id"),
    ];
    delete(tx, &tables, &old)?;
    Ok(old.len())
}

fn contents(tx: &mut Tx<'_>, limit: i64) -> Result<usize> {
    let sql = "SELECT c.id FROM contents c WHERE NOT EXISTS (SELECT 1 FROM image_contents ic WHERE ic.contents = c.id) \
               ORDER BY c.id LIMIT $1";
    let unused = ids(tx, sql, &[limit.into()])?;
    delete(tx, &[("member", "contents"), ("contents", "id")], &unused)?;
    Ok(unused.len())
}

fn components(tx: &mut Tx<'_>, limit: i64) -> Result<usize> {
    let sql = "SELECT c.id FROM component c WHERE NOT EXISTS (SELECT 1 FROM member m WHERE m.component = c.id) \
               ORDER BY c.id LIMIT $1";
    let unused = ids(tx, sql, &[limit.into()])?;
    let sql = "SELECT DISTINCT risk FROM matched WHERE component IN ({keys})";
    let risks = tx.among(sql, &[], &unused, |it| it.int(0))?;
    let tables = [("matched", "component"), ("component_key", "component"), ("component", "id")];
    delete(tx, &tables, &unused)?;
    counts::recount_components(tx, &risks)?;
    Ok(unused.len())
}

fn matches(tx: &mut Tx<'_>, before: i64, limit: i64) -> Result<usize> {
    let sql = "SELECT component, risk FROM matched WHERE gone_at < $1 ORDER BY gone_at LIMIT $2";
    let pair = |it: &Row| Ok(vec![it.int(0)?, it.int(1)?]);
    let old = tx.rows(sql, &[before.into(), limit.into()], pair)?;
    for table in ["matched", "handled"] {
        let sql = format!("DELETE FROM {table} WHERE (component, risk) IN {{rows}}");
        tx.execute_rows(&sql, &old)?;
    }
    Ok(old.len())
}

fn risks(tx: &mut Tx<'_>, limit: i64) -> Result<usize> {
    let sql = "SELECT r.id FROM risk r WHERE r.components = 0 AND r.images = 0 \
        AND NOT EXISTS (SELECT 1 FROM matched ma WHERE ma.risk = r.id) ORDER BY r.id LIMIT $1";
    let unused = ids(tx, sql, &[limit.into()])?;
    delete(tx, &[("risk", "id")], &unused)?;
    Ok(unused.len())
}
