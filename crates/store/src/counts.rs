//! The counts that several tables keep, so that no list has to count: open findings of contents and of
//! images, and images of risks.
//!
//! A finding is a live match of a component that one of an image's contents has. It is open unless a rule
//! handles it: one that holds everywhere, which `matched` notes, or one that holds for some images, which
//! `handled` does. Counts of contents know of the former alone; an image's are the sum of its contents' less
//! its rows of `handled`. A risk counts the images that are in some list.
use crate::{Category, Counts, Level, Result, Row, Tx};
use std::collections::{BTreeMap, BTreeSet};

/// How many images are settled within the transaction that unsettled them.
const FEW: usize = 200;

/// A match that is open on another level than before; `Level::None`: it is not open, handled everywhere or gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Change {
    pub(crate) component: i64,
    pub(crate) risk: i64,
    pub(crate) category: Category,
    pub(crate) before: Level,
    pub(crate) after: Level,
}

impl Change {
    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        counts.add(self.category, self.before, -1);
        counts.add(self.category, self.after, 1);
        counts
    }

    fn opens_or_closes(&self) -> bool {
        (self.before == Level::None) != (self.after == Level::None)
    }
}

/// The tables that link components with images, for some components.
struct Links {
    /// Contents of each component.
    contents: BTreeMap<i64, Vec<i64>>,
    /// Images of each of those contents; an image may have one several times.
    images: BTreeMap<i64, Vec<i64>>,
}

impl Links {
    fn of(tx: &mut Tx<'_>, components: &[i64]) -> Result<Links> {
        let pair = |it: &Row| Ok((it.int(0)?, it.int(1)?));
        let sql = "SELECT component, contents FROM member WHERE component IN ({keys})";
        let contents = grouped(tx.among(sql, &[], components, pair)?);
        let all: Vec<i64> =
            contents.values().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let sql = "SELECT contents, image FROM image_contents WHERE contents IN ({keys})";
        Ok(Links { contents, images: grouped(tx.among(sql, &[], &all, pair)?) })
    }

    /// In how many contents of an image the component is.
    fn times(&self, image: i64, component: i64) -> i64 {
        let contents = self.contents.get(&component).into_iter().flatten();
        let images = contents.filter_map(|it| self.images.get(it)).flatten();
        i64::try_from(images.filter(|it| **it == image).count()).unwrap_or(i64::MAX)
    }
}

fn grouped(pairs: Vec<(i64, i64)>) -> BTreeMap<i64, Vec<i64>> {
    let mut groups: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    groups
}

/// Brings all counts into line with what `matched` says now of these matches.
pub(crate) fn apply(tx: &mut Tx<'_>, changes: &[Change], at: i64) -> Result<()> {
    let mut of_components: BTreeMap<i64, Counts> = BTreeMap::new();
    for it in changes.iter().filter(|it| it.before != it.after) {
        let counts = of_components.entry(it.component).or_default();
        *counts = counts.plus(it.counts(), 1);
    }
    let components: Vec<i64> = of_components.keys().copied().collect();
    let links = Links::of(tx, &components)?;
    let mut of_contents: BTreeMap<i64, Counts> = BTreeMap::new();
    for (component, counts) in &of_components {
        for it in links.contents.get(component).into_iter().flatten() {
            let sum = of_contents.entry(*it).or_default();
            *sum = sum.plus(*counts, 1);
        }
    }
    let mut of_images: BTreeMap<i64, Counts> = BTreeMap::new();
    for (contents, counts) in &of_contents {
        for it in links.images.get(contents).into_iter().flatten() {
            let sum = of_images.entry(*it).or_default();
            *sum = sum.plus(*counts, 1);
        }
    }
    let changed: BTreeMap<(i64, i64), Counts> =
        changes.iter().map(|it| ((it.component, it.risk), it.counts())).collect();
    for (image, component, risk) in handled(tx, changes)? {
        let Some(counts) = changed.get(&(component, risk)) else { continue };
        let sum = of_images.entry(image).or_default();
        *sum = sum.plus(*counts, links.times(image, component).saturating_neg());
    }
    add(tx, "contents", &of_contents)?;
    add(tx, "image", &of_images)?;
    // A component that is in no contents yet is in no image.
    let counts = |it: &&Change| it.opens_or_closes() && links.contents.contains_key(&it.component);
    let risks: BTreeSet<i64> = changes.iter().filter(counts).map(|it| it.risk).collect();
    recount_risks(tx, &risks.into_iter().collect::<Vec<_>>(), at)
}

fn handled(tx: &mut Tx<'_>, changes: &[Change]) -> Result<Vec<(i64, i64, i64)>> {
    let risks: BTreeSet<i64> = changes.iter().map(|it| it.risk).collect();
    let risks: Vec<i64> = risks.into_iter().collect();
    let sql = "SELECT image, component, risk FROM handled WHERE risk IN ({keys})";
    let rows = tx.among(sql, &[], &risks, |it| Ok((it.int(0)?, it.int(1)?, it.int(2)?)))?;
    Ok(rows.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
}

/// Adds to the counts of rows of `image` or `contents`.
pub(crate) fn add(tx: &mut Tx<'_>, table: &str, by: &BTreeMap<i64, Counts>) -> Result<()> {
    let some = by.iter().filter(|it| *it.1 != Counts::default());
    let rows: Vec<Vec<i64>> =
        some.map(|(id, counts)| [*id].into_iter().chain(counts.numbers()).collect()).collect();
    let sum = |(column, at): (&str, usize)| format!("{table}.{column} + v.column{at}");
    let sums: Vec<String> = Counts::COLUMNS.into_iter().zip(2..).map(sum).collect();
    let mut sets: Vec<String> = Counts::COLUMNS
        .iter()
        .zip(&sums)
        .map(|(column, sum)| format!("{column} = {sum}"))
        .collect();
    if table == "image" {
        // High, medium and low of one category after the other.
        let all = |level| {
            sums.iter().skip(level).step_by(3).map(String::as_str).collect::<Vec<_>>().join(" + ")
        };
        let (high, medium, low) = (all(0), all(1), all(2));
        sets.push(format!(
            "level = CASE WHEN {high} > 0 THEN 3 WHEN {medium} > 0 THEN 2 WHEN {low} > 0 THEN 1 ELSE 0 END"
        ));
    }
    let sets = sets.join(", ");
    let sql = format!("UPDATE {table} SET {sets} FROM {{rows}} AS v WHERE {table}.id = v.column1");
    tx.execute_rows(&sql, &rows).map(drop)
}

/// What follows when a match `ma` of a component in contents `ic` is to be open.
const OPEN: &str = "ma.gone_at IS NULL AND ma.exception IS NULL AND NOT EXISTS (SELECT 1 FROM handled h \
    WHERE h.image = ic.image AND h.component = ma.component AND h.risk = ma.risk)";

/// Counts the images of risks again.
pub(crate) fn recount_risks(tx: &mut Tx<'_>, risks: &[i64], at: i64) -> Result<()> {
    let sql = format!(
        "UPDATE risk SET images = (SELECT COUNT(DISTINCT ic.image) FROM matched ma \
         JOIN member m ON m.component = ma.component JOIN image_contents ic ON ic.contents = m.contents \
         JOIN image i ON i.id = ic.image WHERE ma.risk = risk.id AND i.counted = 1 AND {OPEN}) \
         WHERE id IN ({{keys}})"
    );
    tx.execute_among(&sql, &[], risks)?;
    note_gone(tx, risks, at)
}

/// Counts the components of risks again.
pub(crate) fn recount_components(tx: &mut Tx<'_>, risks: &[i64]) -> Result<()> {
    let sql = "UPDATE risk SET components = (SELECT COUNT(*) FROM matched ma \
               WHERE ma.risk = risk.id AND ma.gone_at IS NULL) WHERE id IN ({keys})";
    tx.execute_among(sql, &[], risks).map(drop)
}

fn note_gone(tx: &mut Tx<'_>, risks: &[i64], at: i64) -> Result<()> {
    let sql = "UPDATE risk SET gone_at = CASE WHEN images > 0 THEN NULL ELSE CAST($1 AS BIGINT) END \
               WHERE id IN ({keys}) AND (images > 0) = (gone_at IS NOT NULL)";
    tx.execute_among(sql, &[at.into()], risks).map(drop)
}

/// The risks that are open in these images, and in how many of them.
pub(crate) fn open_risks(tx: &mut Tx<'_>, images: &[i64]) -> Result<BTreeMap<i64, i64>> {
    let sql = format!(
        "SELECT ma.risk, COUNT(DISTINCT ic.image) FROM image_contents ic \
         JOIN member m ON m.contents = ic.contents JOIN matched ma ON ma.component = m.component \
         WHERE ic.image IN ({{keys}}) AND {OPEN} GROUP BY ma.risk"
    );
    let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
    for (risk, count) in tx.among(&sql, &[], images, |it| Ok((it.int(0)?, it.int(1)?)))? {
        let sum = sums.entry(risk).or_default();
        *sum = sum.saturating_add(count);
    }
    Ok(sums)
}

/// Lets risks count so many images more.
pub(crate) fn add_images(tx: &mut Tx<'_>, by: &BTreeMap<i64, i64>, at: i64) -> Result<()> {
    let some = by.iter().filter(|it| *it.1 != 0);
    let rows: Vec<Vec<i64>> = some.map(|(risk, by)| vec![*risk, *by]).collect();
    let sql = "UPDATE risk SET images = risk.images + v.column2 FROM {rows} AS v WHERE risk.id = v.column1";
    tx.execute_rows(sql, &rows)?;
    note_gone(tx, &rows.iter().filter_map(|it| it.first().copied()).collect::<Vec<_>>(), at)
}

const UNSETTLED: &str = "counted <> CASE WHEN places > 0 AND first_scanned > 0 THEN 1 ELSE 0 END";

/// Tells the risks of at most `limit` images that were scanned for the first time, or came into the lists, or
/// left them. To be called every second or so while there is work. Gives how many it were; 0: everything is
/// settled.
pub fn settle(tx: &mut Tx<'_>, limit: i64, at: i64) -> Result<usize> {
    let sql = format!("SELECT id FROM image WHERE {UNSETTLED} ORDER BY id LIMIT $1");
    let values = [limit.into()];
    // Most often there is nothing, and nobody need wait for that.
    if tx.rows(&sql, &values, |it| it.int(0))?.is_empty() {
        return Ok(0);
    }
    crate::places::lock(tx)?;
    let images = tx.rows(&sql, &values, |it| it.int(0))?;
    settle_images(tx, &images, at)?;
    Ok(images.len())
}

/// Settles these images at once, when they are few enough.
pub(crate) fn settle_few(tx: &mut Tx<'_>, images: &[i64], at: i64) -> Result<()> {
    let sql = format!("SELECT id FROM image WHERE id IN ({{keys}}) AND {UNSETTLED}");
    let found = tx.among(&sql, &[], images, |it| it.int(0))?;
    let found: BTreeSet<i64> = found.into_iter().collect();
    if found.len() > FEW {
        return Ok(());
    }
    settle_images(tx, &found.into_iter().collect::<Vec<_>>(), at)
}

fn settle_images(tx: &mut Tx<'_>, images: &[i64], at: i64) -> Result<()> {
    let sql = "SELECT counted, id FROM image WHERE id IN ({keys})";
    let groups = grouped(tx.among(sql, &[], images, |it| Ok((it.int(0)?, it.int(1)?)))?);
    for (counted, some) in groups {
        let by = if counted == 0 { 1 } else { -1 };
        let risks = open_risks(tx, &some)?;
        let risks = risks.into_iter().map(|(risk, n)| (risk, n.saturating_mul(by))).collect();
        add_images(tx, &risks, at)?;
        let sql = "UPDATE image SET counted = 1 - counted WHERE id IN ({keys})";
        tx.execute_among(sql, &[], &some)?;
    }
    Ok(())
}
