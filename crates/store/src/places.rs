//! Where images are: what synchronising writes. A round sees repositories, and in each that has changed
//! all of its images and tags; what it did not see is gone. Everything may be told twice.
use crate::{Result, Row, Tx, Value, counts, exceptions};
use std::collections::{BTreeMap, BTreeSet};

/// What a manifest is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// An image.
    Image,
    /// An index of images, one a platform.
    Index,
    /// Something else that a registry keeps: a chart, a signature.
    Other,
}

/// A manifest that a repository has.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its digest.
    pub digest: String,
    /// What it is.
    pub kind: Kind,
    /// `linux/amd64`; empty when the registry does not say.
    pub platform: String,
    /// Bytes; 0 when the registry does not say.
    pub size: i64,
    /// When it was pushed; 0 when the registry does not say.
    pub pushed_at: i64,
    /// The tags that point to it, and when each was pushed.
    pub tags: Vec<(String, i64)>,
    /// The manifests of an index, with their platforms.
    pub parts: Vec<(String, String)>,
}

/// A tag that is new, or points elsewhere than before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Moved {
    /// The tag.
    pub tag: String,
    /// The digest it pointed to; `None`: it is new.
    pub before: Option<String>,
    /// The digest it points to.
    pub after: String,
}

/// A repository, as a round sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Repository {
    /// Its key.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What [`close`] kept; empty: it was never read to the end.
    pub marker: String,
}

const LOCK: i64 = 0x636f_6e74_656e_7473;

/// Lets one transaction at a time change images and what is in them, as SQLite does by itself: the
/// counts that several tables keep then never miss each other.
pub(crate) fn lock(tx: &mut Tx<'_>) -> Result<()> {
    tx.alone(LOCK)
}

/// Notes that a registry has these repositories.
pub fn repositories(
    tx: &mut Tx<'_>,
    registry: i64,
    round: i64,
    names: &[String],
) -> Result<Vec<Repository>> {
    lock(tx)?;
    let names: BTreeSet<&String> = names.iter().collect();
    let row = |name: &&String| {
        let namespace = name.rsplit_once('/').map_or("", |it| it.0);
        vec![registry.into(), (*name).into(), namespace.into(), round.into()]
    };
    let rows: Vec<Vec<Value>> = names.iter().map(row).collect();
    let names: Vec<&String> = names.into_iter().collect();
    // One that comes back is read anew: what it held is history.
    let back = "SELECT id FROM repository WHERE registry = $1 AND removed_at IS NOT NULL AND name IN ({keys})";
    let back = tx.among(back, &[registry.into()], &names, |it| it.int(0))?;
    for table in ["tag", "place"] {
        let sql = format!("DELETE FROM {table} WHERE repository IN ({{keys}})");
        tx.execute_among(&sql, &[], &back)?;
    }
    let sql =
        "UPDATE repository SET removed_at = NULL, marker = '', images = 0 WHERE id IN ({keys})";
    tx.execute_among(sql, &[], &back)?;
    let tail = "ON CONFLICT (registry, name) DO UPDATE SET round = excluded.round";
    tx.insert("INSERT INTO repository (registry, name, namespace, round)", &rows, tail)?;
    let sql = "SELECT id, name, marker FROM repository WHERE registry = $1 AND name IN ({keys})";
    let row = |it: &Row| Ok(Repository { id: it.int(0)?, name: it.text(1)?, marker: it.text(2)? });
    let mut found = tx.among(sql, &[registry.into()], &names, row)?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found.dedup();
    Ok(found)
}

/// Notes that a repository has these manifests; a page of a listing, or one that somebody told of.
pub fn see(
    tx: &mut Tx<'_>,
    repository: i64,
    round: i64,
    seen: &[Seen],
    at: i64,
) -> Result<Vec<Moved>> {
    lock(tx)?;
    let ids = images(tx, seen, at)?;
    let id = |digest: &str| ids.get(digest).copied().unwrap_or_default();
    parts(tx, seen, &id)?;
    let new = place(tx, repository, round, seen, &id)?;
    let (moved, mut touched) = tags(tx, repository, round, seen, at, &id)?;
    touched.extend(&new);
    if !new.is_empty() {
        recount(tx, &new.into_iter().collect::<Vec<_>>(), at)?;
        recount_repositories(tx, &[repository])?;
    }
    exceptions::placed(tx, &touched.into_iter().collect::<Vec<_>>(), at)?;
    Ok(moved)
}

/// Makes a row of each manifest and part, and gives their keys.
fn images(tx: &mut Tx<'_>, seen: &[Seen], at: i64) -> Result<BTreeMap<String, i64>> {
    let mut all: BTreeMap<&str, (&str, &str, i64, i64)> = BTreeMap::new();
    for it in seen {
        for (digest, platform) in &it.parts {
            all.entry(digest).or_insert(("image", platform, 0, 0));
        }
    }
    for it in seen {
        let kind = match it.kind {
            Kind::Image => "image",
            Kind::Index => "index",
            Kind::Other => "other",
        };
        // The index says of a part which platform it is for, and the part itself may not.
        let platform = all.get(it.digest.as_str()).map_or("", |it| it.1);
        let platform = if it.platform.is_empty() { platform } else { &it.platform };
        all.insert(&it.digest, (kind, platform, it.size, it.pushed_at));
    }
    let row = |(digest, (kind, platform, size, pushed)): (&&str, &(&str, &str, i64, i64))| {
        let values = [(*digest).into(), (*kind).into(), (*platform).into(), (*size).into()];
        values.into_iter().chain([(*pushed).into(), at.into()]).collect()
    };
    let rows: Vec<Vec<Value>> = all.iter().map(row).collect();
    // A digest is always of the same thing, but not everybody says all of it.
    let tail = "ON CONFLICT (digest) DO UPDATE SET \
        platform = CASE WHEN excluded.platform = '' THEN image.platform ELSE excluded.platform END, \
        size = CASE WHEN excluded.size = 0 THEN image.size ELSE excluded.size END, \
        pushed_at = CASE WHEN excluded.pushed_at > image.pushed_at THEN excluded.pushed_at ELSE image.pushed_at END \
        WHERE (excluded.platform <> '' AND image.platform <> excluded.platform) \
        OR (excluded.size <> 0 AND image.size <> excluded.size) OR image.pushed_at < excluded.pushed_at";
    let head = "INSERT INTO image (digest, kind, platform, size, pushed_at, first_seen)";
    tx.insert(head, &rows, tail)?;
    let digests: Vec<&str> = all.into_keys().collect();
    let sql = "SELECT digest, id FROM image WHERE digest IN ({keys})";
    let found = tx.among(sql, &[], &digests, |it| Ok((it.text(0)?, it.int(1)?)))?;
    Ok(found.into_iter().collect())
}

fn parts(tx: &mut Tx<'_>, seen: &[Seen], id: &impl Fn(&str) -> i64) -> Result<()> {
    let pairs =
        seen.iter().flat_map(|it| it.parts.iter().map(|part| (id(&it.digest), id(&part.0))));
    let pairs: BTreeSet<(i64, i64)> = pairs.collect();
    let rows: Vec<Vec<Value>> = pairs.into_iter().map(|(a, b)| vec![a.into(), b.into()]).collect();
    tx.insert("INSERT INTO part (whole, image)", &rows, "ON CONFLICT DO NOTHING").map(drop)
}

/// Puts the manifests and their parts into the repository. Gives those that it did not have.
fn place(
    tx: &mut Tx<'_>,
    repository: i64,
    round: i64,
    seen: &[Seen],
    id: &impl Fn(&str) -> i64,
) -> Result<BTreeSet<i64>> {
    let mut all: BTreeMap<i64, i64> = BTreeMap::new();
    for it in seen {
        let parts = it.parts.iter().map(|part| &part.0);
        for digest in parts.chain([&it.digest]) {
            let pushed = all.entry(id(digest)).or_default();
            *pushed = (*pushed).max(it.pushed_at);
        }
    }
    let keys: Vec<i64> = all.keys().copied().collect();
    let sql = "SELECT image FROM place WHERE repository = $1 AND image IN ({keys})";
    let known = tx.among(sql, &[repository.into()], &keys, |it| it.int(0))?;
    let known: BTreeSet<i64> = known.into_iter().collect();
    let row = |(image, pushed): (&i64, &i64)| {
        vec![repository.into(), (*image).into(), (*pushed).into(), round.into()]
    };
    let rows: Vec<Vec<Value>> = all.iter().map(row).collect();
    let tail = "ON CONFLICT (repository, image) DO UPDATE SET round = excluded.round, pushed_at = excluded.pushed_at";
    tx.insert("INSERT INTO place (repository, image, pushed_at, round)", &rows, tail)?;
    Ok(keys.into_iter().filter(|it| !known.contains(it)).collect())
}

/// Points the tags. Gives those that pointed elsewhere, and the images that got or lost one.
fn tags(
    tx: &mut Tx<'_>,
    repository: i64,
    round: i64,
    seen: &[Seen],
    at: i64,
    id: &impl Fn(&str) -> i64,
) -> Result<(Vec<Moved>, BTreeSet<i64>)> {
    let mut all: BTreeMap<&str, (&str, i64)> = BTreeMap::new();
    for it in seen {
        all.extend(
            it.tags.iter().map(|(tag, pushed)| (tag.as_str(), (it.digest.as_str(), *pushed))),
        );
    }
    let names: Vec<&str> = all.keys().copied().collect();
    let sql = "SELECT t.name, t.image, i.digest FROM tag t JOIN image i ON i.id = t.image \
               WHERE t.repository = $1 AND t.name IN ({keys})";
    let row = |it: &Row| Ok((it.text(0)?, (it.int(1)?, it.text(2)?)));
    let known = tx.among(sql, &[repository.into()], &names, row)?;
    let known: BTreeMap<String, (i64, String)> = known.into_iter().collect();
    let (mut moved, mut touched, mut rows) = (Vec::new(), BTreeSet::new(), Vec::new());
    for (tag, (digest, pushed)) in all {
        let (before, after) = (known.get(tag), id(digest));
        if before.is_none_or(|it| it.0 != after) {
            touched.extend(before.map(|it| it.0).into_iter().chain([after]));
            let before = before.map(|it| it.1.clone());
            moved.push(Moved { tag: tag.to_owned(), before, after: digest.to_owned() });
        }
        let values = [repository.into(), tag.into(), after.into(), pushed.into()];
        rows.push(values.into_iter().chain([at.into(), round.into()]).collect());
    }
    let tail = "ON CONFLICT (repository, name) DO UPDATE SET image = excluded.image, \
        pushed_at = excluded.pushed_at, round = excluded.round, changed_at = \
        CASE WHEN tag.image = excluded.image THEN tag.changed_at ELSE excluded.changed_at END";
    let head = "INSERT INTO tag (repository, name, image, pushed_at, changed_at, round)";
    tx.insert(head, &rows, tail)?;
    Ok((moved, touched))
}

/// Ends the reading of a repository: what `round` did not see is gone. Keeps the marker by which the next round
/// knows whether anything has changed.
pub fn close(tx: &mut Tx<'_>, repository: i64, round: i64, marker: &str, at: i64) -> Result<()> {
    lock(tx)?;
    let mut gone = BTreeSet::new();
    for table in ["tag", "place"] {
        let sql =
            format!("DELETE FROM {table} WHERE repository = $1 AND round <> $2 RETURNING image");
        gone.extend(tx.rows(&sql, &[repository.into(), round.into()], |it| it.int(0))?);
    }
    let gone: Vec<i64> = gone.into_iter().collect();
    recount(tx, &gone, at)?;
    recount_repositories(tx, &[repository])?;
    exceptions::placed(tx, &gone, at)?;
    let sql = "UPDATE repository SET marker = $2 WHERE id = $1 AND marker <> $2";
    tx.execute(sql, &[repository.into(), marker.into()]).map(drop)
}

/// Forgets a tag of which a webhook said that it was deleted, and whatever nothing else keeps there.
pub fn untag(tx: &mut Tx<'_>, repository: i64, tag: &str, at: i64) -> Result<()> {
    lock(tx)?;
    let sql = "DELETE FROM tag WHERE repository = $1 AND name = $2 RETURNING image";
    let images = tx.rows(sql, &[repository.into(), tag.into()], |it| it.int(0))?;
    recount(tx, &images, at)?;
    exceptions::placed(tx, &images, at)
}

/// Takes repositories out of the lists.
pub(crate) fn leave(tx: &mut Tx<'_>, repositories: &[i64], at: i64) -> Result<()> {
    lock(tx)?;
    let sql = "UPDATE repository SET removed_at = $1 WHERE id IN ({keys})";
    tx.execute_among(sql, &[at.into()], repositories)?;
    let sql = "SELECT DISTINCT image FROM place WHERE repository IN ({keys})";
    let images = tx.among(sql, &[], repositories, |it| it.int(0))?;
    let images: Vec<i64> = images.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    recount(tx, &images, at)?;
    exceptions::placed(tx, &images, at)
}

/// Counts the places of images again.
fn recount(tx: &mut Tx<'_>, images: &[i64], at: i64) -> Result<()> {
    // No join: PostgreSQL would read all repositories for each image.
    let sql = "UPDATE image SET \
        places = (SELECT COUNT(*) FROM place p WHERE p.image = image.id \
                  AND (SELECT r.removed_at FROM repository r WHERE r.id = p.repository) IS NULL), \
        name = COALESCE((SELECT MIN((SELECT r.name FROM repository r WHERE r.id = p.repository AND r.removed_at IS NULL)) \
                  FROM place p WHERE p.image = image.id), name) \
        WHERE id IN ({keys})";
    tx.execute_among(sql, &[], images)?;
    let sql = "UPDATE image SET gone_at = CASE WHEN places > 0 THEN NULL ELSE CAST($1 AS BIGINT) END WHERE id IN ({keys}) \
               AND (places > 0) = (gone_at IS NOT NULL)";
    tx.execute_among(sql, &[at.into()], images)?;
    counts::settle_few(tx, images, at)
}

fn recount_repositories(tx: &mut Tx<'_>, repositories: &[i64]) -> Result<()> {
    let sql = "UPDATE repository SET images = (SELECT COUNT(*) FROM place p JOIN image i ON i.id = p.image \
               WHERE p.repository = repository.id AND i.kind = 'image') WHERE id IN ({keys})";
    tx.execute_among(sql, &[], repositories).map(drop)
}
