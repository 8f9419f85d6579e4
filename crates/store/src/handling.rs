//! Which findings the rules for some images handle: the rows of `handled`.
use crate::{
    Category, Counts, Level, Result, Row, Tx, Value, contents, counts,
    exceptions::{self, New, Place},
    meaning::{Rule, Rules},
    sets::Values,
};
use std::collections::{BTreeMap, BTreeSet};

/// How many images are looked at with one question.
const IMAGES: usize = 500;

/// Which findings of images are looked at.
pub(crate) enum Images<'a> {
    /// All.
    All,
    /// Those of the risk of this name; of all risks when it is empty.
    Risk(&'a str),
    /// Those of these risks.
    Risks(&'a [i64]),
}

/// A finding that a rule may handle.
struct Finding {
    image: i64,
    component: i64,
    risk: i64,
    name: String,
    category: Category,
    /// `Level::None` when it is not open, whatever narrow rules say.
    level: Level,
    /// What says that a file is malicious.
    said_by: String,
}

type Key = (i64, i64, i64);

/// Makes `handled` say of these images what the rules say, and counts with it.
pub(crate) fn cover(tx: &mut Tx<'_>, images: &[i64], which: &Images<'_>, at: i64) -> Result<()> {
    let rules = Rules::of(exceptions::narrow(tx)?);
    let only = only(tx, &rules, images, which)?;
    // From the risks to their images, where that is the shorter way.
    let mut all = match &only {
        Some(only) if only.len().saturating_mul(10) < images.len() => Some(of_risks(tx, only)?),
        _ => None,
    };
    let mut risks = BTreeSet::new();
    for some in images.chunks(IMAGES) {
        let found = match &mut all {
            Some(all) => some.iter().filter_map(|it| all.remove(it)).flatten().collect(),
            None => findings(tx, some, only.as_ref())?,
        };
        let (added, removed) = write(tx, some, &rules, only.as_ref(), found)?;
        let mut sums: BTreeMap<i64, Counts> = BTreeMap::new();
        for (finding, by) in added.iter().map(|it| (it, -1)).chain(removed.iter().map(|it| (it, 1)))
        {
            sums.entry(finding.image).or_default().add(finding.category, finding.level, by);
            risks.insert(finding.risk);
        }
        counts::add(tx, "image", &sums)?;
    }
    counts::recount_risks(tx, &risks.into_iter().collect::<Vec<_>>(), at)
}

/// The risks that are looked at; `None`: all.
fn only(
    tx: &mut Tx<'_>,
    rules: &Rules,
    images: &[i64],
    which: &Images<'_>,
) -> Result<Option<BTreeSet<i64>>> {
    let only: BTreeSet<i64> = match which {
        Images::Risks(it) => it.iter().copied().collect(),
        Images::Risk(name) if !name.is_empty() => named(tx, &[name])?.into_iter().collect(),
        _ => {
            let Some(names) = rules.risks() else { return Ok(None) };
            // No rule can handle anything else, though one that has ended may have.
            let before = handled(tx, images, None)?;
            let files = if rules.are_of_files() { malicious(tx)? } else { Vec::new() };
            let named = named(tx, &names)?.into_iter().chain(files);
            named.chain(before.keys().map(|it| it.2)).collect()
        }
    };
    Ok(Some(only))
}

/// Writes the rows alone. Gives the findings, one for each of the contents that has the component, that are
/// handled now and those that are not any more.
fn write(
    tx: &mut Tx<'_>,
    images: &[i64],
    rules: &Rules,
    only: Option<&BTreeSet<i64>>,
    found: Vec<Finding>,
) -> Result<(Vec<Finding>, Vec<Finding>)> {
    let before = handled(tx, images, only)?;
    let scene = Scene::of(tx, images, rules)?;
    let mut after: BTreeMap<Key, i64> = BTreeMap::new();
    let components: BTreeSet<i64> = found.iter().map(|it| it.component).collect();
    let subjects = match rules.is_empty() {
        true => BTreeMap::new(),
        false => rules.subjects(tx, &components.into_iter().collect::<Vec<_>>())?,
    };
    for it in &found {
        let subject = subjects.get(&it.component);
        let here = |rule: &Rule| scene.covers(rule, it);
        let rule = subject.and_then(|subject| rules.covering(&it.name, subject, here));
        after.extend(rule.map(|rule| ((it.image, it.component, it.risk), rule)));
    }
    let gone = before.keys().filter(|it| !after.contains_key(it));
    let gone: Vec<Vec<i64>> =
        gone.map(|(image, component, risk)| vec![*image, *component, *risk]).collect();
    tx.execute_rows("DELETE FROM handled WHERE (image, component, risk) IN {rows}", &gone)?;
    let new = after.iter().filter(|it| before.get(it.0) != Some(it.1));
    let row = |((image, component, risk), rule): (&Key, &i64)| -> Vec<Value> {
        [image, component, risk, rule].into_iter().map(|it| (*it).into()).collect()
    };
    let rows: Vec<Vec<Value>> = new.map(row).collect();
    let tail = "ON CONFLICT (image, component, risk) DO UPDATE SET exception = excluded.exception";
    tx.insert("INSERT INTO handled (image, component, risk, exception)", &rows, tail)?;
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for it in found {
        let key = (it.image, it.component, it.risk);
        match (before.contains_key(&key), after.contains_key(&key)) {
            (false, true) => added.push(it),
            (true, false) => removed.push(it),
            _ => {}
        }
    }
    Ok((added, removed))
}

/// Makes `handled` right for one image whose contents were replaced. Its counts are left to the caller.
pub(crate) fn rewrite(tx: &mut Tx<'_>, image: i64) -> Result<()> {
    let (rules, images) = (Rules::of(exceptions::narrow(tx)?), [image]);
    let only = only(tx, &rules, &images, &Images::All)?;
    let found = findings(tx, &images, only.as_ref())?;
    write(tx, &images, &rules, only.as_ref(), found).map(drop)
}

/// What of an image's counts its rows of `handled` take away.
pub(crate) fn taken(tx: &mut Tx<'_>, image: i64) -> Result<Counts> {
    let sql = "SELECT r.category, ma.level, COUNT(*) FROM handled h \
        JOIN matched ma ON ma.component = h.component AND ma.risk = h.risk JOIN risk r ON r.id = ma.risk \
        JOIN image_contents ic ON ic.image = h.image \
        JOIN member m ON m.contents = ic.contents AND m.component = h.component \
        WHERE h.image = $1 AND ma.gone_at IS NULL AND ma.exception IS NULL GROUP BY r.category, ma.level";
    let mut counts = Counts::default();
    let row = |it: &Row| Ok((Category::at(it, 0)?, Level::at(it, 1)?, it.int(2)?));
    for (category, level, count) in tx.rows(sql, &[image.into()], row)? {
        counts.add(category, level, count);
    }
    Ok(counts)
}

/// The risks of these names.
pub(crate) fn named(tx: &mut Tx<'_>, names: &[&str]) -> Result<Vec<i64>> {
    tx.among("SELECT id FROM risk WHERE name IN ({keys})", &[], names, |it| it.int(0))
}

/// The risks that are malicious files.
fn malicious(tx: &mut Tx<'_>) -> Result<Vec<i64>> {
    let category = Category::Malware.as_str().into();
    tx.rows("SELECT id FROM risk WHERE category = $1", &[category], |it| it.int(0))
}

fn handled(
    tx: &mut Tx<'_>,
    images: &[i64],
    only: Option<&BTreeSet<i64>>,
) -> Result<BTreeMap<Key, i64>> {
    let sql = "SELECT image, component, risk, exception FROM handled WHERE image IN ({keys})";
    let row = |it: &Row| Ok(((it.int(0)?, it.int(1)?, it.int(2)?), it.int(3)?));
    let mut rows = tx.among(sql, &[], images, row)?;
    rows.retain(|it| only.is_none_or(|only| only.contains(&it.0.2)));
    Ok(rows.into_iter().collect())
}

const FINDING: &str = "SELECT ic.image, ma.component, ma.risk, r.name, r.category, \
    CASE WHEN ma.gone_at IS NULL AND ma.exception IS NULL THEN ma.level ELSE 0 END, ma.said_by";

fn finding(it: &Row) -> Result<Finding> {
    Ok(Finding {
        image: it.int(0)?,
        component: it.int(1)?,
        risk: it.int(2)?,
        name: it.text(3)?,
        category: Category::at(it, 4)?,
        level: Level::at(it, 5)?,
        said_by: it.text(6)?,
    })
}

fn findings(tx: &mut Tx<'_>, images: &[i64], only: Option<&BTreeSet<i64>>) -> Result<Vec<Finding>> {
    let sql = format!(
        "{FINDING} FROM image_contents ic JOIN member m ON m.contents = ic.contents \
         JOIN matched ma ON ma.component = m.component \
         JOIN risk r ON r.id = ma.risk WHERE ic.image IN ({{keys}})"
    );
    let Some(only) = only else { return tx.among(&sql, &[], images, finding) };
    let mut all = Vec::new();
    let only: Vec<i64> = only.iter().copied().collect();
    for some in only.chunks(1024) {
        let mut values = Values::default();
        let sql = format!("{sql} AND ma.risk IN ({})", values.list(some));
        all.extend(tx.among(&sql, &values.0, images, finding)?);
    }
    Ok(all)
}

/// The findings of risks, by image.
fn of_risks(tx: &mut Tx<'_>, risks: &BTreeSet<i64>) -> Result<BTreeMap<i64, Vec<Finding>>> {
    let risks: Vec<i64> = risks.iter().copied().collect();
    // In this order.
    let sql = format!(
        "{FINDING} FROM matched ma CROSS JOIN member m CROSS JOIN image_contents ic \
         CROSS JOIN risk r WHERE m.component = ma.component AND ic.contents = m.contents \
         AND r.id = ma.risk AND ma.risk IN ({{keys}})"
    );
    let mut all: BTreeMap<i64, Vec<Finding>> = BTreeMap::new();
    for it in tx.among(&sql, &[], &risks, finding)? {
        all.entry(it.image).or_default().push(it);
    }
    Ok(all)
}

/// What rules ask of images besides their findings.
struct Scene {
    digests: BTreeMap<i64, String>,
    /// Repositories, with their registries.
    places: BTreeMap<i64, Vec<(i64, i64)>>,
    tags: BTreeMap<i64, BTreeSet<(i64, String)>>,
    /// The paths of components of images; asked for only if some rule does.
    paths: BTreeMap<(i64, i64), Vec<Option<String>>>,
}

impl Scene {
    fn of(tx: &mut Tx<'_>, images: &[i64], rules: &Rules) -> Result<Scene> {
        let mut scene = Scene {
            digests: BTreeMap::new(),
            places: BTreeMap::new(),
            tags: BTreeMap::new(),
            paths: BTreeMap::new(),
        };
        if rules.is_empty() {
            return Ok(scene);
        }
        let sql = "SELECT id, digest FROM image WHERE id IN ({keys})";
        scene.digests =
            tx.among(sql, &[], images, |it| Ok((it.int(0)?, it.text(1)?)))?.into_iter().collect();
        let sql = "SELECT p.image, p.repository, r.registry FROM place p JOIN repository r ON r.id = p.repository \
                   WHERE p.image IN ({keys}) AND r.removed_at IS NULL";
        for (image, place) in
            tx.among(sql, &[], images, |it| Ok((it.int(0)?, (it.int(1)?, it.int(2)?))))?
        {
            scene.places.entry(image).or_default().push(place);
        }
        for sql in [
            "SELECT image, repository, name FROM tag WHERE image IN ({keys})",
            "SELECT p.image, t.repository, t.name FROM part p JOIN tag t ON t.image = p.whole WHERE p.image IN ({keys})",
        ] {
            for (image, tag) in
                tx.among(sql, &[], images, |it| Ok((it.int(0)?, (it.int(1)?, it.text(2)?))))?
            {
                scene.tags.entry(image).or_default().insert(tag);
            }
        }
        if rules.all().any(|it| !it.path.is_empty()) {
            for image in images {
                for it in contents::of_image(tx, *image)? {
                    scene.paths.entry((*image, it.component)).or_default().push(it.path);
                }
            }
        }
        Ok(scene)
    }

    fn covers(&self, rule: &Rule, it: &Finding) -> bool {
        self.is_within(&rule.place, it.image)
            && (rule.rule.is_empty() || is_said(&rule.rule, &it.said_by))
            && (rule.path.is_empty() || self.is_at(&rule.path, it))
    }

    fn is_within(&self, place: &Place, image: i64) -> bool {
        let all = |within: &dyn Fn(&(i64, i64)) -> bool| {
            self.places.get(&image).is_some_and(|it| it.iter().all(within))
        };
        match place {
            Place::Everything => true,
            Place::Image(digest) => self.digests.get(&image) == Some(digest),
            Place::Registries(some) => all(&|it| some.contains(&it.1)),
            Place::Repositories(some) => all(&|it| some.contains(&it.0)),
            Place::Tags(some) => {
                let tags = self.tags.get(&image);
                all(&|it| {
                    some.iter()
                        .any(|tag| tag.0 == it.0 && tags.is_some_and(|all| all.contains(tag)))
                })
            }
        }
    }

    /// Whether everything of the component is at such a path.
    fn is_at(&self, pattern: &str, it: &Finding) -> bool {
        let paths = self.paths.get(&(it.image, it.component));
        let matches = |it: &Option<String>| it.as_ref().is_some_and(|it| glob(pattern, it));
        paths.is_some_and(|it| !it.is_empty() && it.iter().all(matches))
    }
}

/// Whether a rule for malicious files means what is said by these.
fn is_said(rule: &str, said_by: &str) -> bool {
    said_by.split(' ').any(|it| it == rule || rule == "*" && !it.is_empty())
}

/// Whether a path matches a pattern.
pub(crate) fn glob(pattern: &str, path: &str) -> bool {
    // The classical way: after a mismatch go on behind the last star, which takes one character more.
    // A single star takes no slash, so that a double one before it may have to.
    let (pattern, path): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), path.chars().collect());
    let mut reached: BTreeSet<usize> = BTreeSet::from([0]);
    let mut at = 0usize;
    while let Some(it) = pattern.get(at) {
        let double = *it == '*' && pattern.get(at.saturating_add(1)) == Some(&'*');
        at = at.saturating_add(if double { 2 } else { 1 });
        let mut next = BTreeSet::new();
        for from in reached {
            if *it != '*' {
                let fits = path.get(from).is_some_and(|found| found == it);
                next.extend(fits.then(|| from.saturating_add(1)));
                continue;
            }
            next.insert(from);
            let rest = path.get(from..).unwrap_or_default().iter();
            let taken = rest.take_while(|it| double || **it != '/').count();
            next.extend(from..=from.saturating_add(taken));
        }
        reached = next;
    }
    reached.contains(&path.len())
}

/// The images that a rule may concern, whatever else it asks for.
pub(crate) fn images_of(tx: &mut Tx<'_>, rule: &New) -> Result<Vec<i64>> {
    let within = within(tx, &rule.place)?;
    let sql = "SELECT DISTINCT ic.image FROM matched ma JOIN member m ON m.component = ma.component \
               JOIN image_contents ic ON ic.contents = m.contents WHERE 1 = 1";
    let mut sql = sql.to_owned();
    let mut values: Vec<Value> = Vec::new();
    if !rule.rule.is_empty() {
        sql += " AND ma.said_by <> ''";
    }
    // Which packages a package URL means the images are asked for later.
    let package = Some(&rule.package).filter(|it| !it.starts_with("pkg:"));
    for (column, table, name) in
        [("risk", "risk", Some(&rule.risk)), ("component", "component", package)]
    {
        if let Some(name) = name.filter(|it| !it.is_empty()) {
            values.push(name.into());
            sql += &format!(
                " AND ma.{column} IN (SELECT id FROM {table} WHERE name = ${})",
                values.len()
            );
        }
    }
    let mut images = tx.rows(&sql, &values, |it| it.int(0))?;
    images.retain(|it| within.as_ref().is_none_or(|within| within.contains(it)));
    images.sort_unstable();
    Ok(images)
}

fn within(tx: &mut Tx<'_>, place: &Place) -> Result<Option<BTreeSet<i64>>> {
    let int = |it: &Row| it.int(0);
    let images = match place {
        Place::Everything => return Ok(None),
        Place::Image(digest) => {
            tx.rows("SELECT id FROM image WHERE digest = $1", &[digest.into()], int)?
        }
        Place::Registries(some) => {
            let sql = "SELECT p.image FROM place p JOIN repository r ON r.id = p.repository WHERE r.registry IN ({keys})";
            tx.among(sql, &[], some, int)?
        }
        Place::Repositories(some) => {
            tx.among("SELECT image FROM place WHERE repository IN ({keys})", &[], some, int)?
        }
        Place::Tags(some) => {
            let repositories: Vec<i64> = some.iter().map(|it| it.0).collect();
            tx.among(
                "SELECT image FROM place WHERE repository IN ({keys})",
                &[],
                &repositories,
                int,
            )?
        }
    };
    Ok(Some(images.into_iter().collect()))
}
