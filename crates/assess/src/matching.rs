//! The join of an inventory with a database: a pure function of both.
use crate::{
    Database, DatabaseError, coverage,
    database::{Entry, Reader, Record},
    evaluate::Outcome,
    judge::{Judged, cve_of, fix_of, judge},
    merge,
    scope::{self, Question, Scope},
    when::When,
};
use model::{Assessment, Finding, Gap, Inventory, Located, Namespace, Product, Reason, Verdict};
use std::{
    collections::{BTreeMap, BTreeSet},
    panic, thread,
};

/// What the components of an inventory are affected by, on a given day.
pub fn assess(
    inventory: &Inventory,
    database: &Database,
    when: impl Into<When>,
) -> Result<Assessment, DatabaseError> {
    assess_in(inventory, database, when, &scope::scopes(inventory))
}

/// The same, where the caller knows which namespaces speak of which system.
pub fn assess_in(
    inventory: &Inventory,
    database: &Database,
    when: impl Into<When>,
    scopes: &[Scope],
) -> Result<Assessment, DatabaseError> {
    let when = when.into();
    let mut found = found(inventory, scopes, database)?;
    found.sort_by_key(|it| it.question.component);
    let records = records(&found, database)?;
    let mut findings = Vec::new();
    for group in found.chunk_by(|a, b| a.question.component == b.question.component) {
        let Some(first) = group.first() else { continue };
        let Some(component) = inventory.components.get(first.question.component) else { continue };
        findings.extend(merge::findings(&component.what, group, &records));
    }
    if let When::AsOf(_) = when {
        findings.retain(|it| when.knows(it));
        let known: BTreeSet<(usize, &str)> = findings
            .iter()
            .flat_map(|it| it.sources.iter().map(|source| (it.component, source.advisory.as_str())))
            .collect();
        found.retain(|it| known.contains(&(it.question.component, it.judged.advisory.as_str())));
    }
    enrich(&mut findings, &database.reader(), when)?;
    Ok(Assessment {
        gaps: gaps(inventory, &found),
        coverage: coverage::coverage(inventory, database, when.day(), scopes),
        database: database.build().to_owned(),
        findings,
    })
}

/// How many components are asked about at once: more than images have, and far fewer than one could.
const AT_ONCE: usize = 20_000;

/// So many questions are worth a second thread.
const LONG: usize = 200;

/// What one advisory says of a component that was asked about.
pub(crate) struct Found {
    pub(crate) question: Question,
    pub(crate) judged: Judged,
}

/// All that is said against a component, and what others say of the same vulnerabilities.
fn found(
    inventory: &Inventory,
    scopes: &[Scope],
    database: &Database,
) -> Result<Vec<Found>, DatabaseError> {
    let mut found = Vec::new();
    for start in (0..inventory.components.len()).step_by(AT_ONCE) {
        let components = inventory.components.iter().enumerate().skip(start).take(AT_ONCE);
        let questions = scope::questions(components, scopes);
        found.extend(in_halves(&questions, database, |questions, reader| {
            let mut found = Vec::new();
            for same in questions.chunk_by(|a, b| a.key == b.key) {
                let Some(first) = same.first() else { continue };
                let entries = reader.entries(&first.namespace, &first.package)?;
                if !entries.is_empty() {
                    found.extend(same.iter().flat_map(|it| answers(it, inventory, &entries)));
                }
            }
            Ok(found)
        })?);
    }
    Ok(found)
}

/// Reads for the two halves of a long list at once, each with a reader of its own: what takes the time is
/// verifying and unpacking blocks. The answers are in the order of the list.
fn in_halves<T: Sync, R: Send>(
    list: &[T],
    database: &Database,
    read: impl Fn(&[T], &Reader<'_>) -> Result<Vec<R>, DatabaseError> + Sync,
) -> Result<Vec<R>, DatabaseError> {
    if list.len() < LONG {
        return read(list, &database.reader());
    }
    let (left, right) = list.split_at(list.len() / 2);
    let (left, right) = thread::scope(|scope| {
        let right = scope.spawn(|| read(right, &database.reader()));
        (read(left, &database.reader()), right.join())
    });
    let mut all = left?;
    all.extend(right.unwrap_or_else(|it| panic::resume_unwind(it))?);
    Ok(all)
}

fn answers(question: &Question, inventory: &Inventory, entries: &[Entry]) -> Vec<Found> {
    let Some(component) = inventory.components.get(question.component) else { return Vec::new() };
    let mut judged = judge(&component.what, entries);
    if question.inherited {
        judged.retain(|it| fix_of(it).is_none());
    }
    let system = component.what.ecosystem.is_system();
    // What others say of products by their CPE counts only where nobody closer denies it.
    let product = question.namespace.as_str() != Namespace::NVD;
    let product = product && !system && Product::of(&component.what).is_some();
    relevant(judged, system, product)
        .map(|judged| Found { question: question.clone(), judged })
        .collect()
}

/// What counts a component in, what others say of the same vulnerabilities, and, where an erratum
/// counts it in, what the vendor says of single ones that it covers; of a `product` everything.
fn relevant(judged: Vec<Judged>, system: bool, product: bool) -> impl Iterator<Item = Judged> {
    let is_hit = |it: &Judged| !matches!(it.outcome, Outcome::Miss(_));
    let hits = || judged.iter().filter(|it| is_hit(it));
    let spoken: BTreeSet<String> =
        hits().filter_map(|it| cve_of(&it.advisory).map(str::to_owned)).collect();
    let erratum = system && hits().any(|it| cve_of(&it.advisory).is_none());
    judged.into_iter().filter(move |it| {
        let cve = Some(&it.advisory).filter(|_| !spoken.is_empty()).and_then(|it| cve_of(it));
        let beside = cve.is_some_and(|it| spoken.contains(it));
        let denied = erratum && it.outcome == Outcome::Miss(Verdict::NotAffected);
        product || is_hit(it) || beside || denied
    })
}

/// The advisories by feed and identifier.
pub(crate) type Records = BTreeMap<(String, String), Record>;

/// Reads each advisory that was found once, in the order in which they are stored.
fn records(found: &[Found], database: &Database) -> Result<Records, DatabaseError> {
    let wanted: BTreeSet<(&str, &str)> =
        found.iter().map(|it| (it.judged.feed.as_str(), it.judged.advisory.as_str())).collect();
    let wanted: Vec<_> = wanted.into_iter().collect();
    let records = in_halves(&wanted, database, |wanted, reader| {
        let record = |&(feed, id): &(&str, &str)| {
            let it = reader.record(feed, id).transpose()?;
            Some(it.map(|it| ((feed.to_owned(), id.to_owned()), it)))
        };
        wanted.iter().filter_map(record).collect()
    })?;
    Ok(records.into_iter().collect())
}

/// Adds what is known of the vulnerabilities wherever they occur, and reckons the priority.
fn enrich(findings: &mut [Finding], reader: &Reader<'_>, when: When) -> Result<(), DatabaseError> {
    let mut known = BTreeMap::new();
    let ids: BTreeSet<String> = findings.iter().map(|it| it.id.clone()).collect();
    for id in ids {
        let mut it = reader.enrichment(&id)?;
        when.limit(&mut it);
        known.insert(id, it);
    }
    for it in findings {
        if let Some(known) = known.get(&it.id) {
            it.enrich(known.clone());
            it.priority = crate::rating::priority(it.kind, it.severity.level, it.status, known);
        }
    }
    Ok(())
}

/// What could not be compared, once for each component and advisory.
fn gaps(inventory: &Inventory, found: &[Found]) -> Vec<Located<Gap>> {
    let mut gaps = Vec::new();
    for it in found {
        let Outcome::Uncertain(why) = &it.judged.outcome else { continue };
        let Some(at) = inventory.components.get(it.question.component) else { continue };
        let what = format!("{} {why}, for {}", at.what.name, it.judged.advisory);
        gaps.push(Located {
            what: Gap::new("match", Reason::Unknown(what)),
            path: at.path.clone(),
            layer: at.layer,
            by: at.by.clone(),
            system: at.system,
        });
    }
    gaps.sort();
    gaps.dedup();
    gaps
}
