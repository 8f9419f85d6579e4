//! Repositories: the tree of registries, namespaces and repositories, and what of it can be scanned.
use crate::{
    Cursor, Page, Result, Row, Tx,
    images::State,
    nouns::one_more,
    sets::{ESCAPE, Values, anywhere},
};
use std::collections::BTreeMap;

/// A repository in a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Repository {
    /// Its key.
    pub id: i64,
    /// Its registry.
    pub registry: i64,
    /// Its name.
    pub name: String,
    /// Images in it.
    pub images: i64,
}

/// A namespace of a registry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Namespace {
    /// Its name; empty for repositories without one.
    pub name: String,
    /// Repositories in it.
    pub repositories: i64,
    /// Images in them.
    pub images: i64,
}

/// The namespaces of a registry, by name, that begin behind `after`.
pub fn namespaces(
    tx: &mut Tx<'_>,
    registry: i64,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Namespace>> {
    let mut values = Values::default();
    let mut sql = format!(
        "SELECT namespace, COUNT(*), CAST(SUM(images) AS BIGINT) FROM repository \
         WHERE registry = {} AND removed_at IS NULL",
        values.put(registry)
    );
    if let Some(cursor) = cursor {
        sql += &format!(" AND namespace > {}", values.put(cursor.values(true)?.0));
    }
    sql += &format!(" GROUP BY namespace ORDER BY namespace LIMIT {}", values.put(one_more(limit)));
    let row = |it: &Row| {
        Ok(Namespace { name: it.text(0)?, repositories: it.int(1)?, images: it.int(2)? })
    };
    let rows = tx.rows(&sql, &values.0, row)?;
    Ok(Page::of(rows, limit, |it| Cursor::of(&it.name, 0)))
}

/// Which repositories. What is `None` or empty leaves nothing out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Of this registry.
    pub registry: Option<i64>,
    /// Of exactly this namespace.
    pub namespace: Option<&'a str>,
    /// With this in the name.
    pub text: &'a str,
}

/// The repositories by name.
pub fn page(
    tx: &mut Tx<'_>,
    filter: Filter<'_>,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Repository>> {
    let mut values = Values::default();
    let mut sql =
        "SELECT id, registry, name, images FROM repository WHERE removed_at IS NULL".to_owned();
    if let Some(registry) = filter.registry {
        sql += &format!(" AND registry = {}", values.put(registry));
    }
    if let Some(namespace) = filter.namespace {
        sql += &format!(" AND namespace = {}", values.put(namespace));
    }
    if !filter.text.is_empty() {
        sql += &format!(" AND lower(name) LIKE {} {ESCAPE}", values.put(anywhere(filter.text)));
    }
    if let Some(cursor) = cursor {
        let (name, id) = cursor.values(true)?;
        sql += &format!(" AND (name, id) > ({}, {})", values.put(name), values.put(id));
    }
    sql += &format!(" ORDER BY name, id LIMIT {}", values.put(one_more(limit)));
    let rows = tx.rows(&sql, &values.0, repository)?;
    Ok(Page::of(rows, limit, |it| Cursor::of(&it.name, it.id)))
}

/// The repositories of these keys, also those that were removed.
pub fn some(tx: &mut Tx<'_>, ids: &[i64]) -> Result<Vec<Repository>> {
    let sql = "SELECT id, registry, name, images FROM repository WHERE id IN ({keys})";
    tx.among(sql, &[], ids, repository)
}

fn repository(it: &Row) -> Result<Repository> {
    Ok(Repository { id: it.int(0)?, registry: it.int(1)?, name: it.text(2)?, images: it.int(3)? })
}

/// An image where it can be pulled: what is chosen from for a scan.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The image.
    pub image: i64,
    /// Its digest.
    pub digest: String,
    /// The tags that point to it, or to an index that it is part of.
    pub tags: Vec<String>,
    /// When it was pushed there; 0 when nobody says.
    pub pushed_at: i64,
    /// How its last scan ended.
    pub state: State,
    /// When it was scanned last without failing; 0: never.
    pub scanned_at: i64,
    /// The revision of the analysers that saw it.
    pub revision: String,
    /// What it runs on; empty when nobody says.
    pub platform: String,
}

const TARGET: &str = "SELECT i.id, i.digest, p.pushed_at, i.state, i.scanned_at, i.revision, i.platform \
    FROM place p JOIN image i ON i.id = p.image WHERE p.repository = $1 AND i.kind = 'image'";

fn target(it: &Row) -> Result<Target> {
    Ok(Target {
        image: it.int(0)?,
        digest: it.text(1)?,
        tags: Vec::new(),
        pushed_at: it.int(2)?,
        state: State::at(it, 3)?,
        scanned_at: it.int(4)?,
        revision: it.text(5)?,
        platform: it.text(6)?,
    })
}

/// The images of a repository with a key above `after`, by key.
pub fn targets(tx: &mut Tx<'_>, repository: i64, after: i64, limit: usize) -> Result<Vec<Target>> {
    let sql = format!("{TARGET} AND p.image > $2 ORDER BY p.image LIMIT $3");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let targets = tx.rows(&sql, &[repository.into(), after.into(), limit.into()], target)?;
    with_tags(tx, repository, targets)
}

/// The repositories that have one of these images, or an image of one of these indexes, each with those that it has.
pub fn having(tx: &mut Tx<'_>, digests: &[String]) -> Result<Vec<(Repository, Vec<Target>)>> {
    let sql = "SELECT r.id, r.registry, r.name, r.images, p.image \
        FROM (SELECT id FROM image WHERE digest IN ({keys}) UNION \
        SELECT p.image FROM part p JOIN image w ON w.id = p.whole WHERE w.digest IN ({keys})) i \
        JOIN place p ON p.image = i.id JOIN repository r ON r.id = p.repository \
        WHERE r.removed_at IS NULL";
    let keys: Vec<&str> = digests.iter().map(String::as_str).collect();
    let mut all: BTreeMap<i64, (Repository, Vec<i64>)> = BTreeMap::new();
    for (it, image) in tx.among(sql, &[], &keys, |it| Ok((repository(it)?, it.int(4)?)))? {
        all.entry(it.id).or_insert_with(|| (it, Vec::new())).1.push(image);
    }
    let sql = format!("{TARGET} AND p.image IN ({{keys}})");
    let of = |(it, images): (Repository, Vec<i64>)| {
        let targets = tx.among(&sql, &[it.id.into()], &images, target)?;
        let targets = with_tags(tx, it.id, targets)?;
        Ok((it, targets))
    };
    all.into_values().map(of).collect()
}

/// The same with the tags that lead to them there.
fn with_tags(tx: &mut Tx<'_>, repository: i64, mut targets: Vec<Target>) -> Result<Vec<Target>> {
    let ids: Vec<i64> = targets.iter().map(|it| it.image).collect();
    let mut tags: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for sql in [
        "SELECT image, name FROM tag WHERE repository = $1 AND image IN ({keys})",
        // In this order: a repository may have very many tags.
        "SELECT p.image, t.name FROM part p CROSS JOIN tag t \
         WHERE t.image = p.whole AND t.repository = $1 AND p.image IN ({keys})",
    ] {
        for (image, name) in
            tx.among(sql, &[repository.into()], &ids, |it| Ok((it.int(0)?, it.text(1)?)))?
        {
            tags.entry(image).or_default().push(name);
        }
    }
    for it in &mut targets {
        it.tags = tags.remove(&it.image).unwrap_or_default();
        it.tags.sort();
        it.tags.dedup();
    }
    Ok(targets)
}

/// The image or index that a tag points to: its digest.
pub fn tagged(tx: &mut Tx<'_>, repository: i64, tag: &str) -> Result<Option<String>> {
    let sql = "SELECT i.digest FROM tag t JOIN image i ON i.id = t.image WHERE t.repository = $1 AND t.name = $2";
    tx.row(sql, &[repository.into(), tag.into()], |it| it.text(0))
}

/// The highest key of a repository; 0: there is none. Those that come later have higher ones.
pub fn newest(tx: &mut Tx<'_>) -> Result<i64> {
    tx.number("SELECT COALESCE(MAX(id), 0) FROM repository", &[])
}

/// The repository of this name.
pub fn named(tx: &mut Tx<'_>, registry: i64, name: &str) -> Result<Option<i64>> {
    let sql = "SELECT id FROM repository WHERE registry = $1 AND name = $2 AND removed_at IS NULL";
    tx.row(sql, &[registry.into(), name.into()], |it| it.int(0))
}
