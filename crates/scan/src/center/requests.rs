//! What people ask for: scans and what they would cost, again, no more, more quota. A task is started at once and
//! filled by a thread, as it may have a hundred thousand items; if that dies, another one goes on.
use super::{
    Center,
    failure::Failure,
    notices,
    selection::{Repository, Selection, Wanted},
};
use crate::settings::{self, Scope, Settings, Tag};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::PoisonError,
    time::Duration,
};
use store::{
    items::Ended,
    quota::{self, Quota},
    repositories::{self, Target},
    tasks::{self, Kind},
};

/// So many at a time.
const PAGE: usize = 500;

/// How long nobody has added anything to a task whose filler is taken for dead.
const QUIET: Duration = Duration::from_secs(60);

/// What to do with some images of a repository, each with the tag by which it is meant.
type Then<'a> = &'a mut dyn FnMut(&Repository<'_>, Vec<(Target, String)>) -> Result<(), Failure>;

/// What a scan would be.
#[derive(Clone, Copy, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Preview {
    /// Distinct images.
    pub images: u64,
    /// Those of them that have been scanned before.
    pub known: u64,
    /// How much of the quota they need.
    pub cost: u64,
    /// How much of it is left; none: it is unlimited.
    pub left: Option<u64>,
}

impl Center {
    /// What scanning this would be.
    ///
    /// # Errors
    /// When the store does not answer.
    pub fn preview(&self, selection: &Selection) -> Result<Preview, Failure> {
        self.previewed(&Wanted::Selection(selection.clone()))
    }

    /// What scanning everything in this scope would be, were it chosen now.
    ///
    /// # Errors
    /// When the store does not answer.
    pub fn preview_scope(&self, scope: &Scope) -> Result<Preview, Failure> {
        let known = self.world.store.read(repositories::newest)?;
        self.previewed(&Wanted::Scope(Scope { known, ..scope.clone() }))
    }

    fn previewed(&self, wanted: &Wanted) -> Result<Preview, Failure> {
        let quota = self.world.store.read(quota::read)?;
        let mut preview = Preview { left: quota.left(), ..Preview::default() };
        let mut seen = BTreeSet::new();
        self.each(wanted, &mut |_, images| {
            let new: Vec<Target> =
                images.into_iter().map(|it| it.0).filter(|it| seen.insert(it.image)).collect();
            let digests: Vec<&str> = new.iter().map(|it| it.digest.as_str()).collect();
            let paid = self.world.store.read(|tx| store::targets::paid(tx, &digests))?;
            let known = new.iter().filter(|it| it.scanned_at > 0).count();
            let sum = |a: u64, b: usize| a.saturating_add(u64::try_from(b).unwrap_or(u64::MAX));
            preview.images = sum(preview.images, new.len());
            preview.known = sum(preview.known, known);
            preview.cost = sum(preview.cost, new.len().saturating_sub(paid));
            Ok(())
        })?;
        Ok(preview)
    }

    /// Starts a task for this, and gives its identifier.
    ///
    /// # Errors
    /// When the store does not answer.
    pub fn scan_now(&self, selection: &Selection, person: &str) -> Result<i64, Failure> {
        let now = self.now();
        let task = self.world.store.write(|tx| start(tx, selection, person, now))?;
        self.fill_soon(task);
        Ok(task)
    }

    /// Lets what failed of a task be tried once more; says how many items that are.
    ///
    /// # Errors
    /// When the store does not answer, or the task was cancelled.
    pub fn retry(&self, task: i64) -> Result<u64, Failure> {
        self.once_more(task, Ended::Failed)
    }

    /// Lets what had no quota be tried once more; says how many items that are.
    ///
    /// # Errors
    /// When the store does not answer, or the task was cancelled.
    pub fn resume(&self, task: i64) -> Result<u64, Failure> {
        self.once_more(task, Ended::Exhausted)
    }

    fn once_more(&self, task: i64, which: Ended) -> Result<u64, Failure> {
        let mut sum = 0u64;
        loop {
            let (now, limit) = (self.now(), 500);
            let again = |tx: &mut store::Tx<'_>| tasks::again(tx, task, which, now, limit);
            let count = self.world.store.write(again)?;
            sum = sum.saturating_add(count);
            self.bell.ring();
            if count < u64::from(limit) {
                return Ok(sum);
            }
        }
    }

    /// Cancels a task; says whether there was anything to cancel. What runs stops within seconds.
    ///
    /// # Errors
    /// When the store does not answer.
    pub fn cancel(&self, task: i64) -> Result<bool, Failure> {
        let now = self.now();
        let was = self.world.store.write(|tx| tasks::cancel(tx, task, now))?;
        // Those that wait; what is left of a large task follows from the chores.
        self.world.store.write(|tx| tasks::cancel_items(tx, task, now, 500))?;
        self.bell.ring();
        Ok(was)
    }

    /// Sets the quota; none: unlimited. Tasks that had too little of it go on by themselves.
    ///
    /// # Errors
    /// When the store does not answer.
    pub fn authorise(&self, total: Option<u32>) -> Result<Quota, Failure> {
        let now = self.now();
        let quota = self.world.store.write(|tx| authorise(tx, total, now))?;
        self.bell.ring();
        Ok(quota)
    }

    /// The settings of what is scanned by itself, with the version to be told when changing them.
    ///
    /// # Errors
    /// When the store does not answer, or what it has cannot be read.
    pub fn settings(&self) -> Result<(Settings, i64), Failure> {
        let stored = self.world.store.read(|tx| store::settings::one(tx, settings::NAME))?;
        let Some(stored) = stored else { return Ok((Settings::default(), 0)) };
        let strange = |err| Failure::Other("settings", format!("the scan settings: {err}"));
        Ok((serde_json::from_str(&stored.document).map_err(strange)?, stored.version))
    }

    /// Hands a task that was [started](start) to the thread that fills tasks.
    pub fn fill_soon(&self, task: i64) {
        self.to_fill.lock().unwrap_or_else(PoisonError::into_inner).push_back(task);
        self.bell.ring();
    }

    /// Fills tasks until the center stops.
    pub(super) fn fill(&self) {
        self.again("filling a task", self.world.limits.poll, |center| {
            let next = center.to_fill.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let now = center.now();
            let quiet = i64::try_from(QUIET.as_millis()).unwrap_or(i64::MAX);
            let task = center.world.store.write(|tx| match next {
                Some(id) => tasks::one(tx, id),
                None => tasks::adopt(tx, now.saturating_sub(quiet), now),
            })?;
            let Some(task) = task.filter(|it| !it.sealed) else { return Ok(next.is_some()) };
            match center.fill_one(&task) {
                Ok(()) | Err(Failure::Store(store::Error::Lost(_))) => {}
                // Whoever adopts it goes on.
                Err(why) => return Err(why),
            }
            Ok(true)
        });
    }

    fn fill_one(&self, task: &tasks::Task) -> Result<(), Failure> {
        let strange =
            |err| Failure::Other("task", format!("what task {} asks for: {err}", task.id));
        let wanted: Wanted = serde_json::from_str(&task.document).map_err(strange)?;
        self.each(&wanted, &mut |repository, images| {
            let target = |(image, tag): (Target, String)| tasks::Target {
                digest: image.digest,
                registry: repository.registry,
                repository: repository.name.to_owned(),
                tag,
            };
            let targets: Vec<tasks::Target> = images.into_iter().map(target).collect();
            let now = self.now();
            self.world.store.write(|tx| tasks::add(tx, task.id, &targets, now))?;
            self.bell.ring();
            if self.bell.stopping() { Err(Failure::Stopped) } else { Ok(()) }
        })?;
        let now = self.now();
        Ok(self.world.store.write(|tx| tasks::seal(tx, task.id, now))?)
    }

    /// Goes through all images that are meant, some hundreds at a time.
    fn each(&self, wanted: &Wanted, then: Then<'_>) -> Result<(), Failure> {
        let store = &self.world.store;
        let kinds = store.read(store::registries::all)?.into_iter().map(|it| (it.id, it.kind));
        let kinds: BTreeMap<i64, String> = kinds.collect();
        if let Some(digests) = wanted.digests() {
            for (it, images) in store.read(|tx| repositories::having(tx, digests))? {
                let Some(kind) = kinds.get(&it.registry) else { continue };
                let (id, registry, name) = (it.id, it.registry, it.name.as_str());
                let repository = Repository { id, registry, kind, name };
                if wanted.has(&repository) {
                    let tagged = |it: Target| {
                        let tag = it.tags.first().cloned().unwrap_or_default();
                        (it, tag)
                    };
                    then(&repository, images.into_iter().map(tagged).collect())?;
                }
            }
            return Ok(());
        }
        let mut cursor = None;
        loop {
            let filter = repositories::Filter::default();
            let page = store.read(|tx| repositories::page(tx, filter, cursor.as_ref(), PAGE))?;
            for it in &page.items {
                let Some(kind) = kinds.get(&it.registry) else { continue };
                let (id, registry, name) = (it.id, it.registry, it.name.as_str());
                let repository = Repository { id, registry, kind, name };
                if wanted.has(&repository) {
                    self.each_of(wanted, &repository, then)?;
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    fn each_of(
        &self,
        wanted: &Wanted,
        repository: &Repository<'_>,
        then: Then<'_>,
    ) -> Result<(), Failure> {
        let tags = match wanted.takes_all() {
            true => BTreeSet::new(),
            false => wanted.tags(self.tags(repository.id)?, self.now()),
        };
        self.pages(repository.id, &mut |page| {
            let one = |it: Target| wanted.takes(&it, &tags).map(|tag| (it, tag));
            let some: Vec<_> = page.into_iter().filter_map(one).collect();
            if some.is_empty() { Ok(()) } else { then(repository, some) }
        })
    }

    /// The tags of a repository, and an empty one for each image without.
    fn tags(&self, repository: i64) -> Result<Vec<Tag>, Failure> {
        let mut tags: BTreeMap<String, i64> = BTreeMap::new();
        self.pages(repository, &mut |page| {
            for it in page {
                let names = if it.tags.is_empty() { vec![String::new()] } else { it.tags };
                for name in names {
                    let pushed = tags.entry(name).or_default();
                    *pushed = it.pushed_at.max(*pushed);
                }
            }
            Ok(())
        })?;
        let tag = |(name, pushed): (String, i64)| Tag {
            name,
            pushed_at: Some(pushed).filter(|it| *it > 0),
        };
        Ok(tags.into_iter().map(tag).collect())
    }

    fn pages(
        &self,
        repository: i64,
        then: &mut dyn FnMut(Vec<Target>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut after = 0;
        loop {
            let read = |tx: &mut store::Tx<'_>| repositories::targets(tx, repository, after, PAGE);
            let page = self.world.store.read(read)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.image;
            then(page)?;
        }
    }
}

/// Starts a task for this within a transaction, and gives its identifier. Then tell [`Center::fill_soon`].
///
/// # Errors
/// When the store does not answer.
pub fn start(
    tx: &mut store::Tx<'_>,
    selection: &Selection,
    person: &str,
    now: i64,
) -> store::Result<i64> {
    let wanted = document(&Wanted::Selection(selection.clone()));
    let document = wanted.map_err(|err| store::Error::Invalid(err.to_string()))?;
    let task = tasks::start(tx, Kind::Manual, person, &document, now)?;
    if selection.again {
        tasks::look_again(tx, task)?;
    }
    Ok(task)
}

/// Sets the quota within a transaction. Says so to people when most of it is used up by that.
///
/// # Errors
/// When the store does not answer.
pub fn authorise(tx: &mut store::Tx<'_>, total: Option<u32>, now: i64) -> store::Result<Quota> {
    let before = quota::read(tx)?;
    quota::authorise(tx, total)?;
    let after = quota::read(tx)?;
    let nearly = |hundredths| after.fills(hundredths) && !before.fills(hundredths);
    if nearly(notices::NEARLY) || nearly(100) {
        notices::quota(tx, after, now)?;
    }
    Ok(after)
}

/// What a task asks for, as it is stored.
pub(super) fn document(wanted: &Wanted) -> Result<String, Failure> {
    serde_json::to_string(wanted).map_err(|err| Failure::Other("internal", err.to_string()))
}
