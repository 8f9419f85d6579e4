//! Why a vulnerability was reported on an image, or was not: every candidate can be asked about.
use crate::{
    Database, DatabaseError,
    database::{Reader, Record},
    evaluate::Outcome,
    judge::{Judged, feed_title, is_derived, judge},
    names,
    scope::{self, Question, Scope},
    when::When,
};
use jiff::Timestamp;
use model::{Advisory, Answer, Component, Inventory, Namespace, Presence, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// What became of a vulnerability, for each component that any advisory on it speaks of.
pub fn why_not(
    inventory: &Inventory,
    database: &Database,
    id: &str,
    when: impl Into<When>,
) -> Result<Vec<Answer>, DatabaseError> {
    why_not_in(inventory, database, id, when, &scope::scopes(inventory))
}

/// The same, where the caller knows which namespaces speak of which system.
pub fn why_not_in(
    inventory: &Inventory,
    database: &Database,
    id: &str,
    when: impl Into<When>,
    scopes: &[Scope],
) -> Result<Vec<Answer>, DatabaseError> {
    let when = when.into();
    let reader = database.reader();
    let questions = scope::questions(inventory.components.iter().enumerate(), scopes);
    let asked = Asked { inventory, scopes, questions };
    let mut answers = Vec::new();
    let mut published: BTreeMap<Option<usize>, Timestamp> = BTreeMap::new();
    for (feed, advisory) in advisories(id, &reader)? {
        let Some(record) = reader.record(&feed, &advisory)? else { continue };
        let said = asked.answers(&record, &reader)?;
        for (it, at) in said.iter().filter_map(|it| Some((it, record.advisory.published?))) {
            published.entry(it.component).and_modify(|it| *it = at.min(*it)).or_insert(at);
        }
        answers.extend(said);
    }
    overrule(&mut answers);
    for it in answers.iter_mut().filter(|it| it.verdict.is_reported()) {
        // What is known of a component is known since the first of all that say it.
        let published = published.get(&it.component).copied();
        if let Some(day) = when.too_young(&id.trim().to_ascii_uppercase(), published) {
            it.verdict = Verdict::Younger(day);
        }
    }
    if answers.is_empty() {
        answers.push(answer(None, None, "", None, Verdict::NotInDatabase));
    }
    for scope in scopes {
        if let Some(day) = scope.end_of_life.filter(|it| *it < when.day()) {
            let namespace = scope.namespaces.first().cloned();
            answers.push(answer(None, namespace, "", None, Verdict::EndOfLife(day)));
        }
    }
    // What concerns no component is of interest only when nothing does.
    if answers.iter().any(|it| it.component.is_some()) {
        let ended = |it: &Answer| matches!(it.verdict, Verdict::EndOfLife(_));
        answers.retain(|it| it.component.is_some() || ended(it));
    }
    // Those that concern a component first.
    answers.sort_by(|a, b| {
        let key = |it: &Answer| (it.component.is_none(), it.component);
        (key(a), &a.verdict, &a.advisory).cmp(&(key(b), &b.verdict, &b.advisory))
    });
    answers.dedup();
    Ok(answers)
}

/// What is only derived does not count where whoever is closer holds it against the component and does not count it in.
fn overrule(answers: &mut [Answer]) {
    let mut counted = BTreeSet::new();
    let mut denied: BTreeMap<usize, String> = BTreeMap::new();
    for it in answers.iter() {
        let (Some(component), Some((feed, _))) = (it.component, &it.advisory) else { continue };
        match it.verdict {
            _ if is_derived(feed) => {}
            Verdict::OutOfRange(_) | Verdict::NotAffected => {
                denied.insert(component, format!("{}: {}", feed_title(feed), it.verdict));
            }
            _ if it.verdict.is_reported() => drop(counted.insert(component)),
            _ => {}
        }
    }
    denied.retain(|it, _| !counted.contains(it));
    let derived = |it: &Answer| it.advisory.as_ref().is_some_and(|it| is_derived(&it.0));
    for it in answers.iter_mut().filter(|it| it.verdict.is_reported() && derived(it)) {
        if let Some(said) = it.component.and_then(|it| denied.get(&it)) {
            it.verdict = Verdict::Overruled(said.clone());
        }
    }
}

/// Every advisory that goes by a name, or by an alias of one that does.
fn advisories(id: &str, reader: &Reader<'_>) -> Result<BTreeSet<(String, String)>, DatabaseError> {
    let mut waiting = vec![id.trim().to_owned(), id.trim().to_ascii_uppercase()];
    let mut asked = BTreeSet::new();
    let mut found = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        if !asked.insert(name.clone()) {
            continue;
        }
        for (feed, advisory) in reader.named(&name)? {
            if let Some(record) = reader.record(&feed, &advisory)? {
                // An erratum covers many vulnerabilities; only aliases are the same one.
                waiting.extend(record.advisory.aliases);
            }
            found.insert((feed, advisory));
        }
    }
    Ok(found)
}

struct Asked<'a> {
    inventory: &'a Inventory,
    scopes: &'a [Scope],
    questions: Vec<Question>,
}

impl Asked<'_> {
    fn answers(&self, record: &Record, reader: &Reader<'_>) -> Result<Vec<Answer>, DatabaseError> {
        let advisory = &record.advisory;
        let name = Some((advisory.feed.clone(), advisory.id.clone()));
        let withdrawn = advisory.withdrawn.map(|it| Verdict::Withdrawn(it.to_string()));
        let mut answers = Vec::new();
        for (namespace, package) in &record.packages {
            let found = match &withdrawn {
                Some(it) => self.same(namespace, package).map(|i| (i, it.clone())).collect(),
                None => self.verdicts(advisory, namespace, package, reader)?,
            };
            if withdrawn.is_none() {
                let packaged = self.packaged(namespace, package, &name);
                if found.is_empty() && packaged.is_empty() {
                    answers.extend(self.elsewhere(namespace, package, &name));
                }
                answers.extend(packaged);
            }
            answers.extend(found.into_iter().map(|(component, verdict)| {
                answer(Some(component), Some(namespace.clone()), package, name.clone(), verdict)
            }));
        }
        if let (Some(it), true) = (withdrawn, answers.is_empty()) {
            answers.push(answer(None, None, "", name, it));
        }
        Ok(answers)
    }

    /// The components that are asked about under a name.
    fn same(&self, namespace: &Namespace, package: &str) -> impl Iterator<Item = usize> {
        let key = names::key(namespace, package);
        let begin = self.questions.partition_point(|it| it.key < key);
        let from = self.questions.iter().skip(begin);
        from.take_while(move |it| it.key == key).map(|it| it.component)
    }

    /// What an advisory comes to for the components that are asked about under a name.
    fn verdicts(
        &self,
        advisory: &Advisory,
        namespace: &Namespace,
        package: &str,
        reader: &Reader<'_>,
    ) -> Result<Vec<(usize, Verdict)>, DatabaseError> {
        let mut verdicts = Vec::new();
        for number in self.same(namespace, package) {
            let Some(component) = self.inventory.components.get(number) else { continue };
            let judged = judge(&component.what, &reader.entries(namespace, package)?);
            let of = |it: &Judged| it.feed == advisory.feed && it.advisory == advisory.id;
            verdicts.extend(judged.into_iter().filter(of).map(|it| (number, verdict(it.outcome))));
        }
        Ok(verdicts)
    }

    /// The components of a name that a distribution's package brought: its advisories speak for them.
    fn packaged(
        &self,
        namespace: &Namespace,
        package: &str,
        name: &Option<(String, String)>,
    ) -> Vec<Answer> {
        let key = names::key(namespace, package);
        let is_meant = |it: &Component| {
            matches!(it.presence, Presence::Packaged(_))
                && scope::names_outside(it)
                    .any(|(space, name)| space == *namespace && names::key(&space, name) == key)
        };
        let all = self.inventory.components.iter().enumerate();
        let meant = all.filter(|it| is_meant(&it.1.what)).map(|(i, it)| {
            let verdict = Verdict::Overruled(it.what.presence.to_string());
            answer(Some(i), Some(namespace.clone()), package, name.clone(), verdict)
        });
        meant.collect()
    }

    /// Why an advisory on a package that no component was asked about under says nothing here.
    fn elsewhere(
        &self,
        namespace: &Namespace,
        package: &str,
        name: &Option<(String, String)>,
    ) -> Vec<Answer> {
        let mut answers = Vec::new();
        let of = |it: &Namespace| it.as_str().split(':').next().map(str::to_owned);
        for (i, it) in self.inventory.components.iter().enumerate() {
            let named = it.what.name == package || it.what.source().0 == package;
            if !namespace.is_distribution() || !it.what.ecosystem.is_system() || !named {
                continue;
            }
            let scope = it.system.and_then(|it| self.scopes.get(it)).cloned().unwrap_or_default();
            let verdict = match scope.namespaces.as_slice() {
                [] => Verdict::UnknownRelease(scope.release),
                of_image if of_image.contains(namespace) => continue,
                [first, ..] if of(first) == of(namespace) => {
                    Verdict::OtherRelease(first.to_string())
                }
                _ => continue,
            };
            answers.push(answer(Some(i), Some(namespace.clone()), package, name.clone(), verdict));
        }
        if answers.is_empty() {
            let namespace = Some(namespace.clone());
            answers.push(answer(None, namespace, package, name.clone(), Verdict::NoSuchPackage));
        }
        answers
    }
}

fn verdict(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Hit(it) => Verdict::Reported(it.comparison),
        Outcome::Uncertain(it) => Verdict::Uncertain(it),
        Outcome::Miss(it) => it,
    }
}

fn answer(
    component: Option<usize>,
    namespace: Option<Namespace>,
    package: &str,
    advisory: Option<(String, String)>,
    verdict: Verdict,
) -> Answer {
    Answer { component, namespace, package: package.to_owned(), advisory, verdict }
}
