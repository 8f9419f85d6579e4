//! Rules by which findings are handled, those that there are and those that are yet to come.
//!
//! A rule for a place handles an image when each repository that has it is within the rule: bits that were
//! accepted for a test bed are not thereby accepted in production.
use crate::{
    Category, Cursor, Error, Level, Page, Result, Row, Tx, Value,
    counts::{self, Change},
    document,
    handling::{self, Images},
    meaning::{self, Package, Rules},
    places,
};
use model::{Ecosystem, Purl};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where a rule holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In every image.
    Everything,
    /// In the images of these registries.
    Registries(Vec<i64>),
    /// In the images of these repositories.
    Repositories(Vec<i64>),
    /// In the images that these tags point to: repository and name.
    Tags(Vec<(i64, String)>),
    /// In the image of this digest.
    Image(String),
}

/// What a rule is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The risk is there, and somebody accepts it.
    Accepted,
    /// The risk is not there.
    FalsePositive,
    /// Not now: one for a single image ends with its next scan.
    IgnoredOnce,
    /// The risk was there, and is mended, whatever the version says.
    Fixed,
}

/// A rule. What is empty matches all; one of risk, package, path and rule is not empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct New {
    /// A vulnerability by name.
    pub risk: String,
    /// A component by name; or by package URL, whose missing parts may be anything: with `arch=source` all that was
    /// built from a source package.
    pub package: String,
    /// The files of a component: `*` stands for anything within a directory, `**` for anything.
    pub path: String,
    /// What says that a file is malicious: a rule if it is the only one that does, a threat, or `*` for anything that
    /// does. Not empty: it is about malicious files alone.
    pub rule: String,
    /// Where it holds.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
    /// Why, in somebody's words.
    pub reason: String,
    /// Whose.
    pub person: String,
    /// When it ends by itself.
    pub until: Option<i64>,
    /// The VEX document that it comes from; empty: none.
    pub document: String,
}

impl New {
    /// Whether it holds for all images, paths and reasons, so that matches tell of it and no rows for images.
    fn is_everywhere(&self) -> bool {
        self.place == Place::Everything && self.path.is_empty() && self.rule.is_empty()
    }
}

/// A rule that was made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exception {
    /// Its key.
    pub id: i64,
    /// What it says.
    pub rule: New,
    /// When it was made.
    pub created_at: i64,
    /// When it ended.
    pub ended_at: Option<i64>,
}

/// Adds a rule and applies it.
pub fn add(tx: &mut Tx<'_>, new: &New, at: i64) -> Result<i64> {
    places::lock(tx)?;
    let id = insert(tx, new, at)?;
    apply(tx, &[(id, new)], at)?;
    Ok(id)
}

/// Ends a rule: what it handled is open again, unless another handles it. Says whether it held until now.
pub fn end(tx: &mut Tx<'_>, id: i64, at: i64) -> Result<bool> {
    places::lock(tx)?;
    Ok(!end_some(tx, &[id], at)?.is_empty())
}

/// Adds a rule, and leaves it to [`apply`] to note what it handles.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &New, at: i64) -> Result<i64> {
    if [&new.risk, &new.package, &new.path, &new.rule].iter().all(|it| it.is_empty()) {
        let text = "an exception needs a risk, a package, a path or a rule";
        return Err(Error::Invalid(text.to_owned()));
    }
    Package::of(&new.package)?;
    let sql = "INSERT INTO exception (risk, package, path, everywhere, place, kind, reason, person, until, created_at, \
               document, rule) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id";
    let values: [Value; 12] = [
        (&new.risk).into(),
        (&new.package).into(),
        (&new.path).into(),
        new.is_everywhere().into(),
        document::text(&new.place)?.into(),
        document::word(&new.kind)?.into(),
        (&new.reason).into(),
        (&new.person).into(),
        new.until.into(),
        at.into(),
        (&new.document).into(),
        (&new.rule).into(),
    ];
    tx.number(sql, &values)
}

/// Notes what rules handle that were just added.
pub(crate) fn apply(tx: &mut Tx<'_>, rules: &[(i64, &New)], at: i64) -> Result<()> {
    let (everywhere, narrow): (Vec<_>, Vec<_>) = rules.iter().partition(|it| it.1.is_everywhere());
    for (id, new) in everywhere {
        note(tx, id, new, at)?;
    }
    let mut images = BTreeSet::new();
    for (_, new) in &narrow {
        images.extend(handling::images_of(tx, new)?);
    }
    let images: Vec<i64> = images.into_iter().collect();
    let risks: BTreeSet<&str> = narrow.iter().map(|it| it.1.risk.as_str()).collect();
    cover(tx, &images, &risks, at)
}

/// Looks at these risks of these images again; an empty name stands for all.
fn cover(tx: &mut Tx<'_>, images: &[i64], risks: &BTreeSet<&str>, at: i64) -> Result<()> {
    match risks.first() {
        None => Ok(()),
        Some(one) if one.is_empty() || risks.len() == 1 => {
            handling::cover(tx, images, &Images::Risk(one), at)
        }
        Some(_) => {
            let names: Vec<&str> = risks.iter().copied().collect();
            let ids = handling::named(tx, &names)?;
            handling::cover(tx, images, &Images::Risks(&ids), at)
        }
    }
}

/// Ends rules. Gives those that held until now.
pub(crate) fn end_some(tx: &mut Tx<'_>, ids: &[i64], at: i64) -> Result<Vec<i64>> {
    let sql = "UPDATE exception SET ended_at = $1 WHERE ended_at IS NULL AND id IN ({keys}) RETURNING id, everywhere, risk";
    let row = |it: &Row| Ok((it.int(0)?, it.truth(1)?, it.text(2)?));
    let ended = tx.among(sql, &[at.into()], ids, row)?;
    let (everywhere, narrow): (Vec<_>, Vec<_>) = ended.iter().partition(|it| it.1);
    let keys = |some: &[&(i64, bool, String)]| some.iter().map(|it| it.0).collect::<Vec<_>>();
    forget(tx, &keys(&everywhere), at)?;
    let sql = "SELECT DISTINCT image FROM handled WHERE exception IN ({keys})";
    let mut images = tx.among(sql, &[], &keys(&narrow), |it| it.int(0))?;
    images.sort_unstable();
    images.dedup();
    let risks: BTreeSet<&str> = narrow.iter().map(|it| it.2.as_str()).collect();
    cover(tx, &images, &risks, at)?;
    Ok(ended.iter().map(|it| it.0).collect())
}

/// Ends the rules whose time has come. Gives them.
pub fn expire(tx: &mut Tx<'_>, at: i64) -> Result<Vec<i64>> {
    let sql = "SELECT id FROM exception WHERE until <= $1 AND ended_at IS NULL ORDER BY id";
    let due = tx.rows(sql, &[at.into()], |it| it.int(0))?;
    for it in &due {
        end(tx, *it, at)?;
    }
    Ok(due)
}

/// Ends what was ignored for once in an image that was scanned again.
pub(crate) fn end_once(tx: &mut Tx<'_>, digest: &str, at: i64) -> Result<()> {
    let sql =
        "SELECT id FROM exception WHERE kind = 'ignored-once' AND place = $1 AND ended_at IS NULL";
    let place = document::text(&Place::Image(digest.to_owned()))?;
    for it in tx.rows(sql, &[place.into()], |it| it.int(0))? {
        end(tx, it, at)?;
    }
    Ok(())
}

pub(crate) const EXCEPTION: &str = "SELECT id, risk, package, path, place, kind, reason, person, until, created_at, ended_at, \
    document, rule FROM exception";

pub(crate) fn exception(it: &Row) -> Result<Exception> {
    Ok(Exception {
        id: it.int(0)?,
        rule: New {
            risk: it.text(1)?,
            package: it.text(2)?,
            path: it.text(3)?,
            place: document::from_text(&it.text(4)?)?,
            kind: document::from_word(&it.text(5)?)?,
            reason: it.text(6)?,
            person: it.text(7)?,
            until: it.maybe_int(8)?,
            document: it.text(11)?,
            rule: it.text(12)?,
        },
        created_at: it.int(9)?,
        ended_at: it.maybe_int(10)?,
    })
}

/// One rule.
pub fn one(tx: &mut Tx<'_>, id: i64) -> Result<Option<Exception>> {
    tx.row(&format!("{EXCEPTION} WHERE id = $1"), &[id.into()], exception)
}

/// The rules of these keys, ended or not.
pub fn some(tx: &mut Tx<'_>, ids: &[i64]) -> Result<Vec<Exception>> {
    tx.among(&format!("{EXCEPTION} WHERE id IN ({{keys}})"), &[], ids, exception)
}

/// The rules, the newest first; with those that have ended or without.
pub fn page(
    tx: &mut Tx<'_>,
    ended: bool,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Exception>> {
    let before = cursor.map_or(Ok(i64::MAX), |it| it.values(false).map(|it| it.1))?;
    let only = if ended { "" } else { "AND ended_at IS NULL" };
    let sql = format!("{EXCEPTION} WHERE id < $1 {only} ORDER BY id DESC LIMIT $2");
    let rows = tx.rows(&sql, &[before.into(), crate::nouns::one_more(limit)], exception)?;
    Ok(Page::of(rows, limit, |it| Cursor::number(0, it.id)))
}

/// The rules that hold for some images only.
pub(crate) fn narrow(tx: &mut Tx<'_>) -> Result<Vec<Exception>> {
    let sql = format!("{EXCEPTION} WHERE everywhere = 0 AND ended_at IS NULL ORDER BY id");
    tx.rows(&sql, &[], exception)
}

/// The rules that hold everywhere.
pub(crate) fn everywhere(tx: &mut Tx<'_>) -> Result<Rules> {
    let sql = format!("{EXCEPTION} WHERE everywhere = 1 AND ended_at IS NULL ORDER BY id");
    tx.rows(&sql, &[], exception).map(Rules::of)
}

/// A match that a rule is noted in, or is not any more.
struct Noted {
    component: i64,
    risk: i64,
    level: Level,
    gone: bool,
}

fn noted(it: &Row) -> Result<Noted> {
    let (component, risk) = (it.int(0)?, it.int(1)?);
    Ok(Noted { component, risk, level: Level::at(it, 2)?, gone: it.truth(3)? })
}

const NOTED: &str = "RETURNING component, risk, level, CASE WHEN gone_at IS NULL THEN 0 ELSE 1 END";

/// Notes a rule in the matches that it handles.
fn note(tx: &mut Tx<'_>, id: i64, rule: &New, at: i64) -> Result<()> {
    let mut sql = "UPDATE matched SET exception = $1 WHERE exception IS NULL".to_owned();
    let mut values: Vec<Value> = vec![id.into()];
    let mut is = |sql: &mut String, column: &str, table: &str, name: &str| {
        values.push(name.into());
        let number = values.len();
        *sql += &format!(" AND {column} IN (SELECT id FROM {table} WHERE name = ${number})");
    };
    if !rule.risk.is_empty() {
        is(&mut sql, "risk", "risk", &rule.risk);
    }
    let rows = match Package::of(&rule.package)? {
        Package::Any => tx.rows(&format!("{sql} {NOTED}"), &values, noted)?,
        Package::Named(name) => {
            is(&mut sql, "component", "component", &name);
            tx.rows(&format!("{sql} {NOTED}"), &values, noted)?
        }
        Package::Like(purl) => {
            let some = like(tx, rule, &purl)?;
            let sql = format!("{sql} AND component IN ({{keys}}) {NOTED}");
            tx.among(&sql, &values, &some, noted)?
        }
    };
    changed(tx, rows, &|it| (it.level, Level::None), at)
}

/// The components with such a risk that a package URL means.
fn like(tx: &mut Tx<'_>, rule: &New, purl: &Purl) -> Result<Vec<i64>> {
    let Some(ecosystem) = Ecosystem::from_purl(&purl.kind) else { return Ok(Vec::new()) };
    let sql = "SELECT DISTINCT ma.component FROM matched ma JOIN component c ON c.id = ma.component \
               WHERE c.ecosystem = $1 AND ($2 = '' OR ma.risk IN (SELECT id FROM risk WHERE name = $2))";
    let values = [document::word(&ecosystem)?.into(), (&rule.risk).into()];
    let some = tx.rows(sql, &values, |it| it.int(0))?;
    let package = Package::of(&rule.package)?;
    let subjects = meaning::subjects(tx, &some)?;
    Ok(subjects.into_iter().filter(|it| package.covers(&it.1)).map(|it| it.0).collect())
}

/// Takes rules out of the matches that they handled, and notes the next that handle these.
fn forget(tx: &mut Tx<'_>, ids: &[i64], at: i64) -> Result<()> {
    let sql = format!("UPDATE matched SET exception = NULL WHERE exception IN ({{keys}}) {NOTED}");
    let mut freed = tx.among(&sql, &[], ids, noted)?;
    let rules = everywhere(tx)?;
    if !rules.is_empty() && !freed.is_empty() {
        let components: BTreeSet<i64> = freed.iter().map(|it| it.component).collect();
        let subjects = rules.subjects(tx, &components.into_iter().collect::<Vec<_>>())?;
        let risks: BTreeSet<i64> = freed.iter().map(|it| it.risk).collect();
        let risks: Vec<i64> = risks.into_iter().collect();
        let sql = "SELECT id, name FROM risk WHERE id IN ({keys})";
        let names = tx.among(sql, &[], &risks, |it| Ok((it.int(0)?, it.text(1)?)))?;
        let names: BTreeMap<i64, String> = names.into_iter().collect();
        let mut next = Vec::new();
        freed.retain(|it| {
            let (name, subject) = (names.get(&it.risk), subjects.get(&it.component));
            let rule = name.zip(subject).and_then(|it| rules.covering(it.0, it.1, |_| true));
            next.extend(rule.map(|rule| vec![it.component, it.risk, rule]));
            rule.is_none()
        });
        let sql = "UPDATE matched SET exception = v.column3 FROM {rows} AS v \
                   WHERE matched.component = v.column1 AND matched.risk = v.column2";
        tx.execute_rows(sql, &next)?;
    }
    changed(tx, freed, &|it| (Level::None, it.level), at)
}

fn changed(
    tx: &mut Tx<'_>,
    mut rows: Vec<Noted>,
    levels: &dyn Fn(&Noted) -> (Level, Level),
    at: i64,
) -> Result<()> {
    rows.retain(|it| !it.gone);
    let risks: Vec<i64> = rows.iter().map(|it| it.risk).collect();
    let sql = "SELECT id, category FROM risk WHERE id IN ({keys})";
    let categories = tx.among(sql, &[], &risks, |it| Ok((it.int(0)?, Category::at(it, 1)?)))?;
    let categories: BTreeMap<i64, Category> = categories.into_iter().collect();
    let change = |it: &Noted| {
        let (before, after) = levels(it);
        let category = *categories.get(&it.risk)?;
        Some(Change { component: it.component, risk: it.risk, category, before, after })
    };
    let changes: Vec<Change> = rows.iter().filter_map(change).collect();
    counts::apply(tx, &changes, at)
}

/// Applies the rules for places to images that came, went or were tagged.
pub(crate) fn placed(tx: &mut Tx<'_>, images: &[i64], at: i64) -> Result<()> {
    let rules = narrow(tx)?;
    let by_place = |it: &Exception| !matches!(it.rule.place, Place::Everything | Place::Image(_));
    if images.is_empty() || !rules.iter().any(by_place) {
        return Ok(());
    }
    let sql = "SELECT image FROM part WHERE whole IN ({keys})";
    let mut all = tx.among(sql, &[], images, |it| it.int(0))?;
    all.extend(images);
    all.sort_unstable();
    all.dedup();
    handling::cover(tx, &all, &Images::All, at)
}

/// Applies the rules for some images to matches that were not there before.
pub(crate) fn matched(tx: &mut Tx<'_>, pairs: &[(i64, i64)], at: i64) -> Result<()> {
    let rules = narrow(tx)?;
    if pairs.is_empty() || rules.is_empty() {
        return Ok(());
    }
    let risks: Vec<i64> = pairs.iter().map(|it| it.1).collect();
    let sql = "SELECT id, name FROM risk WHERE id IN ({keys})";
    let mut risks = tx.among(sql, &[], &risks, |it| Ok((it.int(0)?, it.text(1)?)))?;
    risks.retain(|(_, name)| {
        rules.iter().any(|it| it.rule.risk.is_empty() || it.rule.risk == *name)
    });
    let risks: BTreeSet<i64> = risks.into_iter().map(|it| it.0).collect();
    let pairs = pairs.iter().filter(|it| risks.contains(&it.1));
    let components: Vec<i64> = pairs.map(|it| it.0).collect();
    let sql = "SELECT DISTINCT ic.image FROM member m JOIN image_contents ic ON ic.contents = m.contents \
               WHERE m.component IN ({keys})";
    let mut images = tx.among(sql, &[], &components, |it| it.int(0))?;
    images.sort_unstable();
    images.dedup();
    handling::cover(tx, &images, &Images::Risks(&risks.into_iter().collect::<Vec<_>>()), at)
}
