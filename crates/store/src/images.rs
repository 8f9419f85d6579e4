//! Images: the list with its filters, and one of them.
use crate::{
    Category, Counts, Cursor, Error, Level, Page, Result, Row, Tx, Value, document,
    nouns::one_more,
    sets::{Alternative, ESCAPE, Set, Values, anywhere, beginning},
};
use model::{Grade, Uncovered};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
};

/// A set of so few images is looked through; images are looked through for a larger one. In debug builds so few that tests
/// take all ways.
const FEW: usize = if cfg!(debug_assertions) { 3 } else { 5_000 };

/// So many images are looked through in the order of the list, before all of a set are found at once.
const AHEAD: usize = if cfg!(debug_assertions) { 4 } else { 500 };

/// So many names of tags are listed.
const NAMES: usize = 1_000;

/// Which images. What is empty or `None` leaves nothing out.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In one of these registries.
    pub registries: Vec<i64>,
    /// In one of these repositories.
    pub repositories: Vec<i64>,
    /// With this tag, in one of those if any are given.
    pub tag: String,
    /// In one of these states.
    pub states: Vec<State>,
    /// On one of these levels.
    pub levels: Vec<Level>,
    /// With something open in this category.
    pub category: Option<Category>,
    /// Of which that much was seen.
    pub coverage: Vec<Grade>,
    /// With this in the name of a registry or repository, in a tag, or at the beginning of the digest.
    pub text: String,
    /// With one of these components; `Some` of none: no image.
    pub components: Option<Vec<i64>>,
    /// With the risk of this name, open or handled.
    pub risk: String,
}

/// A filter, and what its text was found to mean.
struct Sought<'a> {
    filter: &'a Filter,
    /// The names of tags with the text, where they can be listed.
    tags: Option<Vec<String>>,
    /// The repositories with the text in their name or their registry's, where they can be listed.
    places: Option<Vec<i64>>,
}

impl Deref for Sought<'_> {
    type Target = Filter;

    fn deref(&self) -> &Filter {
        self.filter
    }
}

/// How a scan of an image ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// There was none.
    New,
    /// The last one ended well.
    Scanned,
    /// The last one failed.
    Failed,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Sort {
    /// The worst first.
    #[default]
    Level,
    /// The one scanned last first, never scanned ones at the end.
    Scanned,
    /// The one pushed last first.
    Pushed,
    /// By repository.
    Name,
}

/// An image in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Its key.
    pub id: i64,
    /// Its digest.
    pub digest: String,
    /// What it runs on; empty when nobody says.
    pub platform: String,
    /// Bytes; 0 when nobody says.
    pub size: i64,
    /// When it was pushed; 0 when nobody says.
    pub pushed_at: i64,
    /// When it was seen first.
    pub first_seen: i64,
    /// How its last scan ended.
    pub state: State,
    /// Why it failed.
    pub code: String,
    /// Why, in words.
    pub reason: String,
    /// When it was scanned first without failing; 0: never.
    pub first_scanned: i64,
    /// When it was scanned last without failing; 0: never.
    pub scanned_at: i64,
    /// The release at its root, for people.
    pub system: String,
    /// How much of it was seen.
    pub coverage: Grade,
    /// Components in it.
    pub components: i64,
    /// The highest level of what is open.
    pub level: Level,
    /// What is open.
    pub counts: Counts,
    /// Where it is.
    pub places: Vec<Place>,
}

/// A repository that has an image.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The registry.
    pub registry: i64,
    /// Its name.
    pub registry_name: String,
    /// When it was removed.
    pub removed_at: Option<i64>,
    /// The repository.
    pub repository: i64,
    /// Its name.
    pub repository_name: String,
    /// The tags there that point to the image, or to an index that it is part of.
    pub tags: Vec<String>,
}

/// All that is kept of one image, but for what is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Detail {
    /// As in a list.
    pub image: Image,
    /// What could not be seen.
    pub uncovered: Vec<Uncovered>,
    /// The revision of the analysers that saw it.
    pub revision: String,
    /// The document of [`crate::scans::Scan::detail`].
    pub document: Option<Vec<u8>>,
    /// The images that it is an index of: key, digest, platform.
    pub parts: Vec<(i64, String, String)>,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            State::New => "new",
            State::Scanned => "scanned",
            State::Failed => "failed",
        }
    }

    pub(crate) fn at(row: &Row, at: usize) -> Result<State> {
        match row.text(at)?.as_str() {
            "new" => Ok(State::New),
            "scanned" => Ok(State::Scanned),
            "failed" => Ok(State::Failed),
            it => Err(Error::Unexpected(format!("state {it}"))),
        }
    }
}

pub(crate) fn grade(number: i64) -> Grade {
    match number {
        0 => Grade::Known,
        1 => Grade::Partial,
        _ => Grade::Unknown,
    }
}

impl Sort {
    fn column(self) -> &'static str {
        match self {
            Sort::Level => "level",
            Sort::Scanned => "scanned_at",
            Sort::Pushed => "pushed_at",
            Sort::Name => "name",
        }
    }

    fn index(self) -> &'static str {
        match self {
            Sort::Level => "image_level",
            Sort::Scanned => "image_scanned",
            Sort::Pushed => "image_pushed",
            Sort::Name => "image_name",
        }
    }

    fn is_text(self) -> bool {
        self == Sort::Name
    }

    fn direction(self) -> &'static str {
        if self.is_text() { "ASC" } else { "DESC" }
    }

    fn order(self, a: &Key, b: &Key) -> Ordering {
        if self.is_text() { a.cmp(b) } else { b.cmp(a) }
    }
}

/// What a list is sorted by: number or text, and the image.
type Key = (i64, String, i64);

fn key(sort: Sort, row: &Row) -> Result<Key> {
    let id = row.int(0)?;
    if sort.is_text() { Ok((0, row.text(1)?, id)) } else { Ok((row.int(1)?, String::new(), id)) }
}

/// A page of the images that are in some list.
pub fn page(
    tx: &mut Tx<'_>,
    filter: &Filter,
    sort: Sort,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Image>> {
    let (tags, places) = (tags_with(tx, &filter.text)?, places_with(tx, &filter.text)?);
    let filter = &Sought { filter, tags, places };
    let mut few: Option<BTreeSet<i64>> = None;
    let mut many = Vec::new();
    let mut narrow = |found: BTreeSet<i64>| {
        few = Some(match few.take() {
            None => found,
            Some(few) => few.intersection(&found).copied().collect(),
        });
    };
    for build in SETS {
        let mut values = Values::default();
        let Some(set) = build(filter, &mut values) else { continue };
        match first(tx, set.select(), values)? {
            Some(found) => narrow(found),
            None => many.push(build),
        }
    }
    // What stands in the row itself is a condition in any case; a few are found in the index of the figures.
    let mut values = Values::default();
    if let Some(rated) = rated(filter, &mut values) {
        let index = tx.by_index("image_figures");
        let sql = format!("SELECT i.id FROM image i {index} WHERE {LISTED} AND {rated}");
        if let Some(found) = first(tx, sql, values)? {
            narrow(found);
        }
    }
    let after = cursor.map(|it| it.values(sort.is_text())).transpose()?;
    let keys = match few {
        Some(few) => among(tx, filter, &many, sort, after, &few)?,
        None => walk(tx, filter, &many, sort, after, limit)?,
    };
    let page = Page::of(keys, limit, |(number, text, id)| {
        if sort.is_text() { Cursor::of(text, *id) } else { Cursor::number(*number, *id) }
    });
    let ids: Vec<i64> = page.items.iter().map(|it| it.2).collect();
    Ok(Page { items: some(tx, &ids)?, next: page.next })
}

/// The names of tags that have a text, where they can be listed: most registries have few names and many tags, and where
/// each image has a name of its own, few have the text. `None`: the tags have to be asked.
fn tags_with(tx: &mut Tx<'_>, text: &str) -> Result<Option<Vec<String>>> {
    if text.is_empty() {
        return Ok(None);
    }
    let limit = NAMES.saturating_add(1);
    // From each name to the next one in the index, over all the tags between them.
    let all = format!(
        "WITH RECURSIVE n (name) AS (SELECT MIN(name) FROM tag UNION ALL \
         SELECT (SELECT MIN(t.name) FROM tag t WHERE t.name > n.name) FROM n WHERE n.name IS NOT NULL) \
         SELECT name FROM n WHERE name IS NOT NULL LIMIT {limit}"
    );
    let mut names = tx.rows(&all, &[], |it| it.text(0))?;
    if names.len() <= NAMES {
        let text = text.to_ascii_lowercase();
        names.retain(|it| it.to_ascii_lowercase().contains(&text));
        return Ok(Some(names));
    }
    let some =
        format!("SELECT DISTINCT name FROM tag WHERE lower(name) LIKE $1 {ESCAPE} LIMIT {limit}");
    let names = tx.rows(&some, &[anywhere(text).into()], |it| it.text(0))?;
    Ok(Some(names).filter(|it| it.len() <= NAMES))
}

/// The repositories that have a text in their name or their registry's, where these are not many.
fn places_with(tx: &mut Tx<'_>, text: &str) -> Result<Option<Vec<i64>>> {
    if text.is_empty() {
        return Ok(None);
    }
    let limit = NAMES.saturating_add(1);
    let sql = format!("SELECT r.id FROM repository r WHERE {} LIMIT {limit}", named("$1"));
    let ids = tx.rows(&sql, &[anywhere(text).into()], |it| it.int(0))?;
    Ok(Some(ids).filter(|it| it.len() <= NAMES))
}

/// The images that a question finds, if these are few. It may find one several times.
fn first(tx: &mut Tx<'_>, sql: String, mut values: Values) -> Result<Option<BTreeSet<i64>>> {
    let limit = FEW.saturating_mul(2);
    let sql = format!("{} LIMIT {}", tx.as_they_come(&sql), values.put(one_more(limit)));
    let found = tx.rows(&sql, &values.0, |it| it.int(0))?;
    let all = found.len() <= limit;
    let found: BTreeSet<i64> = found.into_iter().collect();
    Ok(Some(found).filter(|it| all && it.len() <= FEW))
}

/// Those of a few images that the filter leaves, sorted here.
fn among(
    tx: &mut Tx<'_>,
    filter: &Sought<'_>,
    sets: &[Build],
    sort: Sort,
    after: Option<(Value, i64)>,
    few: &BTreeSet<i64>,
) -> Result<Vec<Key>> {
    let few: Vec<i64> = few.iter().copied().collect();
    let mut values = Values::default();
    let conditions = conditions(filter, sets, &Set::has, &mut values);
    let column = sort.column();
    let sql =
        format!("SELECT i.id, i.{column} FROM image i WHERE i.id IN ({{keys}}) AND {conditions}");
    let mut keys = tx.among(&sql, &values.0, &few, |it| key(sort, it))?;
    let after = match after {
        Some((Value::Text(text), id)) => Some((0, text, id)),
        Some((Value::Int(number), id)) => Some((number, String::new(), id)),
        _ => None,
    };
    keys.retain(|it| after.as_ref().is_none_or(|after| sort.order(after, it).is_lt()));
    keys.sort_by(|a, b| sort.order(a, b));
    Ok(keys)
}

/// The images in the order of an index, as far as a page goes: among the next ones, where most pages are found, or else
/// among all. Those of a set may all be far behind.
fn walk(
    tx: &mut Tx<'_>,
    filter: &Sought<'_>,
    sets: &[Build],
    sort: Sort,
    after: Option<(Value, i64)>,
    limit: usize,
) -> Result<Vec<Key>> {
    let mut values = Values::default();
    let conditions = conditions(filter, sets, &Set::has, &mut values);
    let (column, direction) = (sort.column(), sort.direction());
    let next = listed(sort, tx.by_index(sort.index()), after.as_ref(), &mut values);
    let ahead = AHEAD.saturating_add(limit);
    let sql = format!(
        "SELECT i.id, i.{column}, CASE WHEN {conditions} THEN 1 ELSE 0 END FROM image i WHERE i.id IN \
         (SELECT i.id FROM {next} ORDER BY i.{column} {direction}, i.id {direction} LIMIT {ahead}) \
         ORDER BY i.{column} {direction}, i.id {direction}"
    );
    let rows = tx.rows(&sql, &values.0, |it| Ok((key(sort, it)?, it.truth(2)?)))?;
    let (end, mut found) = (rows.len() < ahead, Vec::new());
    found.extend(rows.into_iter().filter(|it| it.1).map(|it| it.0));
    if end || found.len() > limit {
        found.truncate(limit.saturating_add(1));
        return Ok(found);
    }
    walk_all(tx, filter, sets, sort, after, limit)
}

/// The same among all.
fn walk_all(
    tx: &mut Tx<'_>,
    filter: &Sought<'_>,
    sets: &[Build],
    sort: Sort,
    after: Option<(Value, i64)>,
    limit: usize,
) -> Result<Vec<Key>> {
    let mut values = Values::default();
    let conditions = conditions(filter, sets, &Set::holds, &mut values);
    let (column, direction) = (sort.column(), sort.direction());
    // Rows as they lie are read sooner than in the order of an index, if nothing but they themselves says which.
    let index = if sets.is_empty() { tx.as_they_lie() } else { tx.by_index(sort.index()) };
    let next = listed(sort, index, after.as_ref(), &mut values);
    let limit = values.put(one_more(limit));
    let sql = format!(
        "SELECT i.id, i.{column} FROM {next} AND {conditions} \
         ORDER BY i.{column} {direction}, i.id {direction} LIMIT {limit}"
    );
    tx.rows(&sql, &values.0, |it| key(sort, it))
}

/// The images behind this one.
fn listed(sort: Sort, index: String, after: Option<&(Value, i64)>, values: &mut Values) -> String {
    let column = sort.column();
    let mut sql = format!("image i {index} WHERE {LISTED}");
    if let Some((value, id)) = after {
        let beyond = if sort.is_text() { ">" } else { "<" };
        let (value, id) = (values.put(value.clone()), values.put(*id));
        sql += &format!(" AND (i.{column}, i.id) {beyond} ({value}, {id})");
    }
    sql
}

/// That an image `i` is in some list.
const LISTED: &str = "i.places > 0 AND i.kind = 'image'";

/// What holds for the row of an image `i` that the filter leaves.
fn conditions(
    filter: &Sought<'_>,
    sets: &[Build],
    has: &dyn Fn(&Set) -> String,
    values: &mut Values,
) -> String {
    let mut all = vec![LISTED.to_owned()];
    all.extend(rated(filter, values));
    if let Some(it) = filter.category.map(Category::as_str) {
        all.push(format!("i.{it}_high + i.{it}_medium + i.{it}_low > 0"));
    }
    for build in sets {
        all.extend(build(filter, values).map(|it| has(&it)));
    }
    all.join(" AND ")
}

/// Of these states, levels and coverages.
fn rated(filter: &Sought<'_>, values: &mut Values) -> Option<String> {
    let mut all = Vec::new();
    if !filter.states.is_empty() {
        let states: Vec<&str> = filter.states.iter().map(|it| it.as_str()).collect();
        all.push(format!("i.state IN ({})", values.list(&states)));
    }
    if !filter.levels.is_empty() {
        let levels: Vec<i64> = filter.levels.iter().map(|it| it.number()).collect();
        all.push(format!("i.level IN ({})", values.list(&levels)));
    }
    if !filter.coverage.is_empty() {
        let grades: Vec<i64> = filter.coverage.iter().map(|it| number(*it)).collect();
        all.push(format!("i.coverage IN ({})", values.list(&grades)));
    }
    (!all.is_empty()).then(|| all.join(" AND "))
}

/// A set that a filter may ask for.
type Build = fn(&Sought<'_>, &mut Values) -> Option<Set>;

const SETS: [Build; 5] = [placed, tagged, written, containing, risky];

/// In these registries and repositories.
fn placed(filter: &Sought<'_>, values: &mut Values) -> Option<Set> {
    let condition = repositories(filter, values)?;
    Some(Set(vec![Alternative { image: "p.image", from: PLACE, condition }]))
}

const PLACE: &str = "place p JOIN repository r ON r.id = p.repository";
const TAG: &str = "tag t JOIN repository r ON r.id = t.repository";
const PART: &str =
    "part pt JOIN tag t ON t.image = pt.whole JOIN repository r ON r.id = t.repository";

fn repositories(filter: &Sought<'_>, values: &mut Values) -> Option<String> {
    if filter.registries.is_empty() && filter.repositories.is_empty() {
        return None;
    }
    let mut condition = "r.removed_at IS NULL".to_owned();
    for (column, some) in [("registry", &filter.registries), ("id", &filter.repositories)] {
        if !some.is_empty() {
            condition += &format!(" AND r.{column} IN ({})", values.list(some));
        }
    }
    Some(condition)
}

/// With this tag.
fn tagged(filter: &Sought<'_>, values: &mut Values) -> Option<Set> {
    if filter.tag.is_empty() {
        return None;
    }
    let within = repositories(filter, values).unwrap_or_else(|| "r.removed_at IS NULL".to_owned());
    let condition = format!("t.name = {} AND {within}", values.put(&filter.tag));
    Some(Set(vec![
        Alternative { image: "t.image", from: TAG, condition: condition.clone() },
        Alternative { image: "pt.image", from: PART, condition },
    ]))
}

/// With this text.
fn written(filter: &Sought<'_>, values: &mut Values) -> Option<Set> {
    if filter.text.is_empty() {
        return None;
    }
    let pattern = anywhere(&filter.text);
    let named = match &filter.places {
        None => Some(named(&values.put(&pattern))),
        Some(ids) if ids.is_empty() => None,
        // Not by an index, which would be asked once for each.
        Some(ids) => Some(format!("+p.repository IN ({})", values.list(ids))),
    };
    let tag = match &filter.tags {
        None => Some(format!("lower(t.name) LIKE {} {ESCAPE}", values.put(&pattern))),
        Some(names) if names.is_empty() => None,
        Some(names) => Some(format!("t.name IN ({})", values.list(names))),
    };
    let digest = filter.text.strip_prefix("sha256:").unwrap_or(&filter.text);
    let start = values.put(beginning(&format!("sha256:{digest}")));
    // As a range, which the index on digests finds.
    let (from, to) =
        (values.put(format!("sha256:{digest}")), values.put(format!("sha256:{digest}~")));
    let digest =
        format!("d.digest >= {from} AND d.digest < {to} AND lower(d.digest) LIKE {start} {ESCAPE}");
    let mut all = vec![Alternative { image: "d.id", from: "image d", condition: digest }];
    all.extend(named.map(|condition| Alternative { image: "p.image", from: PLACE, condition }));
    if let Some(tag) = tag {
        let condition = format!("r.removed_at IS NULL AND {tag}");
        all.push(Alternative { image: "t.image", from: TAG, condition: condition.clone() });
        all.push(Alternative { image: "pt.image", from: PART, condition });
    }
    Some(Set(all))
}

/// That a repository `r`, or its registry, has a name like this.
fn named(pattern: &str) -> String {
    format!(
        "r.removed_at IS NULL AND (lower(r.name) LIKE {pattern} {ESCAPE} OR r.registry IN \
         (SELECT id FROM registry WHERE lower(name) LIKE {pattern} {ESCAPE}))"
    )
}

/// With one of these components.
fn containing(filter: &Sought<'_>, values: &mut Values) -> Option<Set> {
    let components = filter.components.as_ref()?;
    let list = if components.is_empty() { "NULL".to_owned() } else { values.list(components) };
    let condition =
        format!("ic.contents IN (SELECT m.contents FROM member m WHERE m.component IN ({list}))");
    Some(Set(vec![Alternative { image: "ic.image", from: "image_contents ic", condition }]))
}

/// With this risk.
fn risky(filter: &Sought<'_>, values: &mut Values) -> Option<Set> {
    if filter.risk.is_empty() {
        return None;
    }
    let condition = format!(
        "ic.contents IN (SELECT m.contents FROM risk k JOIN matched ma ON ma.risk = k.id \
         JOIN member m ON m.component = ma.component WHERE k.name = {} AND ma.gone_at IS NULL)",
        values.put(&filter.risk)
    );
    Some(Set(vec![Alternative { image: "ic.image", from: "image_contents ic", condition }]))
}

fn number(grade: Grade) -> i64 {
    match grade {
        Grade::Known => 0,
        Grade::Partial => 1,
        Grade::Unknown => 2,
    }
}

/// The image of a digest, whether it is in a list or not.
pub fn one(tx: &mut Tx<'_>, digest: &str) -> Result<Option<Detail>> {
    let sql = "SELECT i.id, i.uncovered, i.revision, d.document FROM image i \
               LEFT JOIN image_detail d ON d.image = i.id WHERE i.digest = $1";
    let row = |it: &Row| Ok((it.int(0)?, it.text(1)?, it.text(2)?, it.maybe_bytes(3)?));
    let Some((id, uncovered, revision, packed)) = tx.row(sql, &[digest.into()], row)? else {
        return Ok(None);
    };
    let Some(image) = some(tx, &[id])?.pop() else { return Ok(None) };
    let sql = "SELECT i.id, i.digest, i.platform FROM part p JOIN image i ON i.id = p.image \
               WHERE p.whole = $1 ORDER BY i.platform, i.id";
    let parts = tx.rows(sql, &[id.into()], |it| Ok((it.int(0)?, it.text(1)?, it.text(2)?)))?;
    Ok(Some(Detail {
        image,
        uncovered: document::from_text(&uncovered)?,
        revision,
        document: packed.map(|it| document::decompress(&it)).transpose()?,
        parts,
    }))
}

/// The images of these keys, in this order.
pub(crate) fn some(tx: &mut Tx<'_>, ids: &[i64]) -> Result<Vec<Image>> {
    let sql = format!(
        "SELECT id, digest, platform, size, pushed_at, first_seen, state, code, reason, first_scanned, scanned_at, \
         system, coverage, components, level, {} FROM image WHERE id IN ({{keys}})",
        Counts::COLUMNS.join(", ")
    );
    let row = |it: &Row| {
        Ok(Image {
            id: it.int(0)?,
            digest: it.text(1)?,
            platform: it.text(2)?,
            size: it.int(3)?,
            pushed_at: it.int(4)?,
            first_seen: it.int(5)?,
            state: State::at(it, 6)?,
            code: it.text(7)?,
            reason: it.text(8)?,
            first_scanned: it.int(9)?,
            scanned_at: it.int(10)?,
            system: it.text(11)?,
            coverage: grade(it.int(12)?),
            components: it.int(13)?,
            level: Level::at(it, 14)?,
            counts: Counts::at(it, 15)?,
            places: Vec::new(),
        })
    };
    let found = tx.among(&sql, &[], ids, row)?;
    let mut found: BTreeMap<i64, Image> = found.into_iter().map(|it| (it.id, it)).collect();
    for (image, place) in places(tx, ids)? {
        if let Some(it) = found.get_mut(&image) {
            it.places.push(place);
        }
    }
    Ok(ids.iter().filter_map(|it| found.remove(it)).collect())
}

fn places(tx: &mut Tx<'_>, ids: &[i64]) -> Result<Vec<(i64, Place)>> {
    let mut tags: BTreeMap<(i64, i64), BTreeSet<String>> = BTreeMap::new();
    for sql in [
        "SELECT image, repository, name FROM tag WHERE image IN ({keys})",
        "SELECT p.image, t.repository, t.name FROM part p JOIN tag t ON t.image = p.whole WHERE p.image IN ({keys})",
    ] {
        let rows = tx.among(sql, &[], ids, |it| Ok(((it.int(0)?, it.int(1)?), it.text(2)?)))?;
        for (key, name) in rows {
            tags.entry(key).or_default().insert(name);
        }
    }
    let sql = "SELECT p.image, g.id, g.name, r.removed_at, r.id, r.name FROM place p \
        JOIN repository r ON r.id = p.repository JOIN registry g ON g.id = r.registry WHERE p.image IN ({keys})";
    let row = |it: &Row| {
        let place = Place {
            registry: it.int(1)?,
            registry_name: it.text(2)?,
            removed_at: it.maybe_int(3)?,
            repository: it.int(4)?,
            repository_name: it.text(5)?,
            tags: Vec::new(),
        };
        Ok((it.int(0)?, place))
    };
    let mut places = tx.among(sql, &[], ids, row)?;
    for (image, it) in &mut places {
        let tags = tags.remove(&(*image, it.repository)).unwrap_or_default();
        it.tags = tags.into_iter().collect();
    }
    places.sort_by(|(_, a), (_, b)| {
        let key = |it: &Place| (it.registry_name.clone(), it.repository_name.clone());
        key(a).cmp(&key(b))
    });
    Ok(places)
}
