//! Components: what an image has, and which there are.
use crate::{
    Cursor, Page, Result, Row, Tx, contents, document,
    nouns::one_more,
    sets::{ESCAPE, Values, anywhere},
};
use model::{Component, Ecosystem, ImagePath, Release, System};
use std::collections::{BTreeMap, BTreeSet};

/// A component where it is in an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    /// Its key.
    pub id: i64,
    /// It.
    pub component: Component,
    /// The release that it belongs to, for people; empty for what belongs to none.
    pub scope: String,
    /// Index of the layer that brought it in.
    pub layer: i64,
    /// The file.
    pub path: Option<String>,
    /// Who found it: a cataloger's name.
    pub by: String,
}

/// All software that an image has, layer by layer.
pub fn of_image(tx: &mut Tx<'_>, image: i64) -> Result<Vec<Located>> {
    let layers = contents::layers_of(tx, image)?;
    let ids: Vec<i64> = layers.iter().flat_map(|it| &it.1).map(|it| it.component).collect();
    let components = by_id(tx, &ids)?;
    let mut all = Vec::new();
    for (layer, placed) in layers {
        for it in placed {
            let Some((component, scope)) = components.get(&it.component) else { continue };
            if component.is_file() {
                continue;
            }
            all.push(Located {
                id: it.component,
                component: component.clone(),
                scope: scope.clone(),
                layer,
                path: it.path,
                by: it.by,
            });
        }
    }
    Ok(all)
}

/// The same, as a scan found it in these systems, each with its key.
pub fn found(
    tx: &mut Tx<'_>,
    image: i64,
    systems: &[System],
) -> Result<Vec<(i64, model::Located<Component>)>> {
    let layers = contents::layers_of(tx, image)?;
    let mut ids: Vec<i64> = layers.iter().flat_map(|it| &it.1).map(|it| it.component).collect();
    ids.sort_unstable();
    ids.dedup();
    let sql = "SELECT c.id, c.scope, c.document FROM component c WHERE c.id IN ({keys})";
    let row = |it: &Row| Ok((it.int(0)?, (it.int(1)?, document::from_text(&it.text(2)?)?)));
    let components: BTreeMap<i64, (i64, Component)> =
        tx.among(sql, &[], &ids, row)?.into_iter().collect();
    let scopes: BTreeSet<i64> = components.values().map(|it| it.0).collect();
    let scopes: Vec<i64> = scopes.into_iter().collect();
    let row = |it: &Row| Ok((it.int(0)?, document::from_text::<Option<Release>>(&it.text(1)?)?));
    let releases =
        tx.among("SELECT id, document FROM scope WHERE id IN ({keys})", &[], &scopes, row)?;
    let system = |release: &Option<Release>| systems.iter().position(|it| it.release == *release);
    let systems: BTreeMap<i64, Option<usize>> =
        releases.iter().map(|(id, release)| (*id, system(release))).collect();
    let mut all = Vec::with_capacity(ids.len());
    for (layer, placed) in layers {
        for it in placed {
            let Some((scope, what)) = components.get(&it.component) else { continue };
            let system = systems.get(scope).copied().flatten();
            let located = model::Located {
                what: what.clone(),
                path: it.path.and_then(|it| ImagePath::parse(it.as_bytes()).ok()),
                layer: usize::try_from(layer).unwrap_or_default(),
                by: it.by,
                system: system.filter(|_| what.ecosystem.is_system()),
            };
            all.push((it.component, located));
        }
    }
    Ok(all)
}

/// Components by key, with the titles of their scopes.
pub(crate) fn by_id(tx: &mut Tx<'_>, ids: &[i64]) -> Result<BTreeMap<i64, (Component, String)>> {
    let sql = "SELECT c.id, c.document, s.title FROM component c JOIN scope s ON s.id = c.scope WHERE c.id IN ({keys})";
    let row = |it: &Row| Ok((it.int(0)?, (document::from_text(&it.text(1)?)?, it.text(2)?)));
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    Ok(tx.among(sql, &[], &ids, row)?.into_iter().collect())
}

/// A name that components have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Name {
    /// The name.
    pub name: String,
    /// In whose spelling.
    pub ecosystem: Ecosystem,
    /// How many components have it: versions, architectures, releases.
    pub components: i64,
}

/// The names with this text in them.
pub fn search(
    tx: &mut Tx<'_>,
    text: &str,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Name>> {
    let mut values = Values::default();
    let pattern = values.put(anywhere(text));
    let mut sql = format!(
        "SELECT name, ecosystem, COUNT(*) FROM component WHERE lower(name) LIKE {pattern} {ESCAPE} AND category <> 'malware'"
    );
    if let Some(cursor) = cursor {
        // One cannot end between the ecosystems of a name, which are few: it goes on with the next name.
        sql += &format!(" AND name > {}", values.put(cursor.values(true)?.0));
    }
    sql += &format!(
        " GROUP BY name, ecosystem ORDER BY name, ecosystem LIMIT {}",
        values.put(one_more(limit))
    );
    let row = |it: &Row| {
        Ok(Name {
            name: it.text(0)?,
            ecosystem: document::from_word(&it.text(1)?)?,
            components: it.int(2)?,
        })
    };
    let mut rows = tx.rows(&sql, &values.0, row)?;
    if let Some(cut) = rows.get(limit).map(|it| it.name.clone()) {
        let whole = rows.iter().filter(|it| it.name != cut).count();
        rows.truncate(if whole == 0 { limit } else { whole });
        let next = rows.last().map(|it| Cursor::of(&it.name, 0));
        return Ok(Page { items: rows, next });
    }
    Ok(Page { items: rows, next: None })
}

/// The components of a name: what versions are chosen from, to ask which images have them.
pub fn named(
    tx: &mut Tx<'_>,
    name: &str,
    ecosystem: Option<Ecosystem>,
) -> Result<Vec<(i64, Component)>> {
    let mut values = Values::default();
    let mut sql = format!("SELECT id, document FROM component WHERE name = {}", values.put(name));
    if let Some(it) = ecosystem {
        sql += &format!(" AND ecosystem = {}", values.put(document::word(&it)?));
    }
    tx.rows(&sql, &values.0, |it| Ok((it.int(0)?, document::from_text(&it.text(1)?)?)))
}

/// Which of some components each of some images has: image and component.
pub fn in_images(tx: &mut Tx<'_>, images: &[i64], some: &[i64]) -> Result<Vec<(i64, i64)>> {
    let sql = "SELECT DISTINCT m.component FROM image_contents ic JOIN member m ON m.contents = ic.contents \
               WHERE ic.image = $1 AND m.component IN ({keys})";
    let mut all = Vec::new();
    for image in images {
        let found = tx.among(sql, &[(*image).into()], some, |it| it.int(0))?;
        all.extend(found.into_iter().map(|it| (*image, it)));
    }
    Ok(all)
}
