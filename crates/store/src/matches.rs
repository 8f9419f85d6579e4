//! Which components have which risks: what assessing says is compared with what is known, and only what
//! differs is written.
use crate::{
    Category, Level, Result, Row, Tx, Value,
    counts::{self, Change},
    document, exceptions,
};
use model::{Enrichment, Finding, Kind, Priority, Status, malware::only_rule};
use std::collections::{BTreeMap, BTreeSet};

/// How urgent a finding is: the rule of `assess`, of which the store knows nothing.
pub type Rate<'a> = &'a dyn Fn(Kind, model::Level, Status, &Enrichment) -> Priority;

/// Components, and all that is found in each of them now.
pub(crate) type Found<'a> = BTreeMap<i64, (Category, Vec<&'a Finding>)>;

/// What a comparison changed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Difference {
    /// Matches that were not there, or not any more: component and risk.
    pub appeared: Vec<(i64, i64)>,
    /// Matches that are not there any more.
    pub gone: Vec<(i64, i64)>,
    /// Matches of which something else is said.
    pub changed: usize,
}

impl Difference {
    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.appeared.is_empty() && self.gone.is_empty() && self.changed == 0
    }
}

/// What a finding in a component of this category concerns: a package that is malicious is no vulnerable one.
fn concerns(category: Category, finding: &Finding) -> Category {
    if finding.kind == Kind::Malware { Category::Malware } else { category }
}

/// A row of `matched`, without the document.
struct Known {
    level: Level,
    hash: i64,
    excepted: bool,
    gone: bool,
}

/// Makes `matched` say of these components what was found in them.
pub(crate) fn reconcile(
    tx: &mut Tx<'_>,
    found: &Found<'_>,
    rate: Rate<'_>,
    at: i64,
) -> Result<Difference> {
    let risks = risks(tx, found, at)?;
    let components: Vec<i64> = found.keys().copied().collect();
    let mut known = known(tx, &components)?;
    let rules = exceptions::everywhere(tx)?;
    let subjects =
        if rules.is_empty() { BTreeMap::new() } else { rules.subjects(tx, &components)? };
    let (mut rows, mut changes, mut difference) = (Vec::new(), Vec::new(), Difference::default());
    for (component, (category, findings)) in found {
        let mut seen = BTreeSet::new();
        for finding in findings {
            let category = concerns(*category, finding);
            let Some(risk) = risks.get(&(category, finding.id.as_str())) else { continue };
            if !seen.insert(*risk) {
                continue;
            }
            let key = (*component, *risk);
            let row = Stored::of(finding)?;
            let before = known.remove(&key);
            if before.as_ref().is_some_and(|it| !it.gone && it.hash == row.hash) {
                continue;
            }
            let subject = subjects.get(component);
            let rule = subject.and_then(|it| rules.covering(&finding.id, it, |_| true));
            let excepted = before.as_ref().map_or(rule.is_some(), |it| it.excepted);
            let level = Level::from(finding.severity.level);
            changes.push(Change {
                component: *component,
                risk: *risk,
                category,
                before: before.as_ref().map_or(Level::None, Known::open),
                after: if excepted { Level::None } else { level },
            });
            match before {
                Some(it) if !it.gone => difference.changed = difference.changed.saturating_add(1),
                _ => difference.appeared.push(key),
            }
            rows.push(row.values(key, finding, rule, at)?);
        }
    }
    known.retain(|_, it| !it.gone);
    let categories = categories(tx, known.keys().map(|it| it.1).collect())?;
    for (key, it) in known {
        let (component, risk) = key;
        let Some(&category) = categories.get(&risk) else { continue };
        let before = it.open();
        changes.push(Change { component, risk, category, before, after: Level::None });
        difference.gone.push(key);
    }
    write(tx, &rows, &difference.gone, at)?;
    let enriched = enrich_found(tx, found, &risks)?;
    let touched: BTreeSet<i64> = changes.iter().map(|it| it.risk).chain(enriched).collect();
    refresh(tx, &touched.into_iter().collect::<Vec<_>>(), rate)?;
    counts::apply(tx, &changes, at)?;
    exceptions::matched(tx, &difference.appeared, at)?;
    Ok(difference)
}

impl Known {
    fn open(&self) -> Level {
        if self.gone || self.excepted { Level::None } else { self.level }
    }
}

/// What is stored of a finding.
struct Stored {
    hash: i64,
    /// Not yet compressed: most findings turn out to be known.
    document: Vec<u8>,
}

impl Stored {
    fn of(finding: &Finding) -> Result<Stored> {
        // What is known of the risk wherever it occurs changes daily, and is kept there.
        let document = document::json(&Finding {
            component: 0,
            epss: None,
            exploited: None,
            exploits: Vec::new(),
            priority: Priority::default(),
            ..finding.clone()
        })?;
        let start = document::hash(&document).first_chunk().copied().unwrap_or_default();
        Ok(Stored { hash: i64::from_le_bytes(start), document })
    }

    fn values(
        self,
        (component, risk): (i64, i64),
        finding: &Finding,
        exception: Option<i64>,
        at: i64,
    ) -> Result<Vec<Value>> {
        let level = Level::from(finding.severity.level).number();
        Ok(vec![
            component.into(),
            risk.into(),
            level.into(),
            document::word(&finding.kind)?.into(),
            document::word(&finding.severity.level)?.into(),
            document::word(&finding.status)?.into(),
            finding.fixed.clone().into(),
            finding.certain.into(),
            finding.is_remote().into(),
            finding.restart.is_some().into(),
            exception.into(),
            at.into(),
            at.into(),
            said_by(finding).into(),
            self.hash.into(),
            document::compress(&self.document)?.into(),
        ])
    }
}

/// Ends `said_by` of a file of which only monitored rules speak: nobody is told. No rule has such a name.
pub(crate) const MONITORED: &str = "~";

/// What says that a file is malicious, for exceptions that name it: the threat, and the rule if it is the only one.
fn said_by(finding: &Finding) -> String {
    let Some(it) = &finding.sample else { return String::new() };
    let only = only_rule(&it.suspect.sample.evidence);
    let monitored = it.is_monitored().then_some(MONITORED);
    [Some(it.threat.name()), only, monitored].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn write(tx: &mut Tx<'_>, rows: &[Vec<Value>], gone: &[(i64, i64)], at: i64) -> Result<()> {
    let head = "INSERT INTO matched (component, risk, level, kind, severity, status, fixed, certain, \
                remote, restart, exception, first_seen, appeared_at, said_by, hash, document)";
    let tail = "ON CONFLICT (component, risk) DO UPDATE SET level = excluded.level, kind = excluded.kind, \
        severity = excluded.severity, status = excluded.status, fixed = excluded.fixed, \
        certain = excluded.certain, remote = excluded.remote, restart = excluded.restart, said_by = excluded.said_by, hash = excluded.hash, document = excluded.document, gone_at = NULL, \
        appeared_at = CASE WHEN matched.gone_at IS NULL THEN matched.appeared_at ELSE excluded.appeared_at END";
    tx.insert(head, rows, tail)?;
    let rows: Vec<Vec<i64>> =
        gone.iter().map(|(component, risk)| vec![*component, *risk, at]).collect();
    let sql = "UPDATE matched SET gone_at = v.column3 FROM {rows} AS v \
               WHERE matched.component = v.column1 AND matched.risk = v.column2";
    tx.execute_rows(sql, &rows).map(drop)
}

/// The keys of all risks that were found; those that are new get a row.
fn risks<'a>(
    tx: &mut Tx<'_>,
    found: &Found<'a>,
    at: i64,
) -> Result<BTreeMap<(Category, &'a str), i64>> {
    let mut wanted: BTreeMap<(Category, &'a str), &'a Finding> = BTreeMap::new();
    for (category, findings) in found.values() {
        for it in findings {
            wanted.entry((concerns(*category, it), it.id.as_str())).or_insert(it);
        }
    }
    let mut ids = BTreeMap::new();
    for category in Category::ALL {
        let some = || wanted.iter().filter(|it| it.0.0 == category);
        let row = |((_, name), finding): (&(Category, &str), &&Finding)| {
            let published = finding.published.map(|it| it.as_millisecond());
            let values = [category.as_str().into(), (*name).into(), (&finding.title).into()];
            values.into_iter().chain([published.into(), at.into(), at.into()]).collect()
        };
        let known: BTreeMap<String, i64> = named(tx, category, some().map(|it| it.0.1))?;
        let rows: Vec<Vec<Value>> =
            some().filter(|it| !known.contains_key(it.0.1)).map(row).collect();
        let head = "INSERT INTO risk (category, name, title, published, first_seen, gone_at)";
        tx.insert(head, &rows, "")?;
        let added =
            named(tx, category, some().map(|it| it.0.1).filter(|it| !known.contains_key(*it)))?;
        for (key, _) in some() {
            ids.extend(known.get(key.1).or_else(|| added.get(key.1)).map(|id| (*key, *id)));
        }
    }
    Ok(ids)
}

fn named<'a>(
    tx: &mut Tx<'_>,
    category: Category,
    names: impl Iterator<Item = &'a str>,
) -> Result<BTreeMap<String, i64>> {
    let names: Vec<&str> = names.collect();
    let sql = "SELECT name, id FROM risk WHERE category = $1 AND name IN ({keys})";
    let rows =
        tx.among(sql, &[category.as_str().into()], &names, |it| Ok((it.text(0)?, it.int(1)?)))?;
    Ok(rows.into_iter().collect())
}

/// What these risks concern.
fn categories(tx: &mut Tx<'_>, risks: BTreeSet<i64>) -> Result<BTreeMap<i64, Category>> {
    let risks: Vec<i64> = risks.into_iter().collect();
    let sql = "SELECT id, category FROM risk WHERE id IN ({keys})";
    let row = |it: &Row| Ok((it.int(0)?, Category::at(it, 1)?));
    Ok(tx.among(sql, &[], &risks, row)?.into_iter().collect())
}

fn known(tx: &mut Tx<'_>, components: &[i64]) -> Result<BTreeMap<(i64, i64), Known>> {
    let sql = "SELECT component, risk, level, hash, CASE WHEN exception IS NULL THEN 0 ELSE 1 END, \
               CASE WHEN gone_at IS NULL THEN 0 ELSE 1 END FROM matched WHERE component IN ({keys})";
    let row = |it: &Row| {
        let known = Known {
            level: Level::at(it, 2)?,
            hash: it.int(3)?,
            excepted: it.truth(4)?,
            gone: it.truth(5)?,
        };
        Ok(((it.int(0)?, it.int(1)?), known))
    };
    Ok(tx.among(sql, &[], components, row)?.into_iter().collect())
}

/// Takes over what findings say of their risks wherever these occur.
fn enrich_found(
    tx: &mut Tx<'_>,
    found: &Found<'_>,
    risks: &BTreeMap<(Category, &str), i64>,
) -> Result<Vec<i64>> {
    let mut wanted = BTreeMap::new();
    for (category, findings) in found.values() {
        for it in findings {
            let category = concerns(*category, it);
            let Some(risk) = risks.get(&(category, it.id.as_str())) else { continue };
            wanted.entry(*risk).or_insert_with(|| it.known());
        }
    }
    enrich(tx, &wanted)
}

/// Writes what is known of these risks, where it differs. Gives those where it did.
pub(crate) fn enrich(tx: &mut Tx<'_>, wanted: &BTreeMap<i64, Enrichment>) -> Result<Vec<i64>> {
    let keys: Vec<i64> = wanted.keys().copied().collect();
    let sql = "SELECT id, known FROM risk WHERE id IN ({keys})";
    let rows = tx.among(sql, &[], &keys, |it| Ok((it.int(0)?, it.text(1)?)))?;
    let mut changed = Vec::new();
    for (risk, before) in rows.into_iter().collect::<BTreeMap<_, _>>() {
        let Some(it) = wanted.get(&risk) else { continue };
        let known = if it.is_empty() { "{}".to_owned() } else { document::text(it)? };
        if known == before {
            continue;
        }
        let epss = it.epss.map(|it| f64::from(it.score));
        let sql = "UPDATE risk SET known = $2, epss = $3, exploited = $4, exploit_public = $5 WHERE id = $1";
        let marks = [it.exploited.is_some().into(), it.exploit_is_public().into()];
        let values: Vec<Value> =
            [risk.into(), known.into(), epss.into()].into_iter().chain(marks).collect();
        tx.execute(sql, &values)?;
        changed.push(risk);
    }
    Ok(changed)
}

/// Makes risks say the worst that their matches say.
pub(crate) fn refresh(tx: &mut Tx<'_>, risks: &[i64], rate: Rate<'_>) -> Result<()> {
    let sql = "SELECT id, known FROM risk WHERE id IN ({keys})";
    let known = tx.among(sql, &[], risks, |it| Ok((it.int(0)?, it.text(1)?)))?;
    let known: BTreeMap<i64, String> = known.into_iter().collect();
    let mut sums: BTreeMap<i64, [i64; 6]> = risks.iter().map(|it| (*it, [0; 6])).collect();
    let sql = "SELECT risk, kind, severity, status, MAX(level), COUNT(*), MAX(remote), MAX(restart) FROM matched \
               WHERE risk IN ({keys}) AND gone_at IS NULL GROUP BY risk, kind, severity, status";
    let row = |it: &Row| {
        let said = (it.text(1)?, it.text(2)?, it.text(3)?);
        Ok((it.int(0)?, said, [it.int(4)?, it.int(5)?, it.int(6)?, it.int(7)?]))
    };
    for (risk, (kind, severity, status), of) in tx.among(sql, &[], risks, row)? {
        let [level, count, is_remote, asks_restart] = of;
        let known: Enrichment = match known.get(&risk).map(String::as_str) {
            None | Some("{}") => Enrichment::default(),
            Some(it) => document::from_text(it)?,
        };
        let status: Status = document::from_word(&status)?;
        let (kind, severity) = (document::from_word(&kind)?, document::from_word(&severity)?);
        let priority = i64::from(rate(kind, severity, status, &known).value);
        let [worst, urgent, fixable, components, remote, restart] = sums.entry(risk).or_default();
        *worst = level.max(*worst);
        *urgent = priority.max(*urgent);
        *fixable = i64::from(status == Status::Fixed).max(*fixable);
        *components = components.saturating_add(count);
        *remote = is_remote.max(*remote);
        *restart = asks_restart.max(*restart);
    }
    let rows: Vec<Vec<i64>> =
        sums.into_iter().map(|(risk, it)| [risk].into_iter().chain(it).collect()).collect();
    let sql = "UPDATE risk SET level = v.column2, priority = v.column3, fixable = v.column4, components = v.column5, \
               remote = v.column6, restart = v.column7 FROM {rows} AS v WHERE risk.id = v.column1";
    tx.execute_rows(sql, &rows).map(drop)
}
