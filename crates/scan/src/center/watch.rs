//! Tells what happens, whichever process made it happen: by looking at the store. And keeps the house: what is too
//! old is forgotten, some at a time.
use super::{Center, cycle::HOUR, events::Event, failure::Failure};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use store::{
    Tx, audit, deliveries, exceptions,
    garbage::{self, Age, Swept},
    history,
    leases::Lease,
    notices, registries, rematch, reports,
    tasks::{self, Filter, Task},
};

/// So many running tasks are told of.
const TASKS: usize = 100;

/// So many rows in one transaction.
const SOME: u32 = 500;

/// For how long after their end tasks are looked for that nobody saw running: clocks of machines differ.
const LATE_MS: i64 = 60_000;

/// How often the figures of this day are written down.
const NOTE: Duration = Duration::from_secs(60);

const DAY_MS: i64 = 86_400_000;

/// How long things are kept, in days.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Tasks that have ended, with their items.
    pub tasks: u32,
    /// Notices, and what was sent of them.
    pub notices: u32,
    /// Reports of layers that were of no use.
    pub reports: u32,
    /// How many bytes the reports of layers may take together, those not used for longest go first.
    pub report_bytes: i64,
    /// Registries that were removed, with the history of their images.
    pub registries: u32,
    /// Images that are in no list.
    pub images: u32,
    /// Findings that have gone, which the timeline shows.
    pub gone: u32,
    /// The audit log.
    pub audit: u32,
    /// Figures of days.
    pub figures: u32,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention {
            tasks: 90,
            notices: 90,
            reports: 30,
            report_bytes: 20 << 30,
            registries: 90,
            images: 90,
            gone: 365,
            audit: 1095,
            figures: 400,
        }
    }
}

/// What has been done since the process began, for its metrics.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Figures {
    /// Scans that succeeded.
    pub scanned: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Scans taken away from those who were not heard of any more.
    pub reaped: u64,
    /// Matches that came or went because of advisories.
    pub rematched: usize,
    /// Rows forgotten because they were too old.
    pub forgotten: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counted(Mutex<Figures>);

impl Counted {
    pub(super) fn add(&self, change: impl FnOnce(&mut Figures)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What has been told already.
#[derive(Default)]
struct Told {
    tasks: BTreeMap<i64, Task>,
    registries: BTreeMap<i64, (String, String, Option<i64>)>,
    notice: i64,
    build: String,
}

impl Center {
    /// What has been done since the process began.
    pub fn figures(&self) -> Figures {
        *self.figures.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what happens until the center stops.
    pub(super) fn watch(&self) {
        let mut told = None;
        while !self.bell.stopping() {
            if let Err(why) = self.tell(&mut told) {
                self.trouble("watching", &why);
            }
            self.bell.rest(self.world.limits.poll);
        }
    }

    fn tell(&self, before: &mut Option<Told>) -> Result<(), Failure> {
        let first = before.is_none();
        let told = before.get_or_insert_default();
        self.tell_tasks(told)?;
        let (all, last, build) = self
            .world
            .store
            .read(|tx| Ok((registries::all(tx)?, notices::last(tx)?, rematch::build(tx)?)))?;
        let state = |it: registries::Registry| (it.id, (it.state, it.reason, it.synced_at));
        let all: BTreeMap<_, _> = all.into_iter().map(state).collect();
        let ids = all.keys().chain(told.registries.keys());
        let differs = |it: &&i64| all.get(it) != told.registries.get(it);
        let changed: std::collections::BTreeSet<i64> = ids.filter(differs).copied().collect();
        if !first {
            changed.into_iter().for_each(|it| self.broadcast.tell(Event::Registry(it)));
            if build != told.build {
                self.broadcast.tell(Event::Advisories(build.clone()));
            }
            self.tell_notices(told)?;
        } else {
            told.notice = last;
        }
        (told.registries, told.build) = (all, build);
        Ok(())
    }

    /// Tells of tasks that run, and of those that ended a short while ago: some do between two looks.
    fn tell_tasks(&self, told: &mut Told) -> Result<(), Failure> {
        let filter = Filter { ended: Some(false), ..Filter::default() };
        let since = self.now().saturating_sub(LATE_MS);
        let (running, ended) = self.world.store.read(|tx| {
            Ok((tasks::page(tx, &filter, None, TASKS)?.items, tasks::ended_since(tx, since, SOME)?))
        })?;
        let mut now: BTreeMap<i64, Task> = ended.into_iter().map(|it| (it.id, it)).collect();
        now.extend(running.into_iter().map(|it| (it.id, it)));
        let mut news: Vec<Task> = now.values().cloned().collect();
        for id in told.tasks.keys().filter(|it| !now.contains_key(it)) {
            news.extend(self.world.store.read(|tx| tasks::one(tx, *id))?);
        }
        for it in news.into_iter().filter(|it| told.tasks.get(&it.id) != Some(it)) {
            self.broadcast.tell(Event::Task(Box::new(it)));
        }
        told.tasks = now;
        Ok(())
    }

    fn tell_notices(&self, told: &mut Told) -> Result<(), Failure> {
        let after = told.notice;
        for it in self.world.store.read(|tx| notices::after(tx, after, SOME))? {
            told.notice = it.id;
            self.broadcast.tell(Event::Notice(it));
        }
        Ok(())
    }

    /// What whoever leads does for the house: often what others wait for, once an hour what is large.
    pub(super) fn housekeeping(&self, _lease: &Lease) -> Result<(), Failure> {
        let now = self.now();
        let store = &self.world.store;
        store.write(|tx| store::settle(tx, SOME.into(), now))?;
        store.write(|tx| exceptions::expire(tx, now))?;
        if due(&self.noted_at, now, NOTE) {
            store.write(|tx| history::note(tx, now))?;
        }
        if due(&self.kept_at, now, HOUR) { self.forget_old(now) } else { Ok(()) }
    }

    fn forget_old(&self, now: i64) -> Result<(), Failure> {
        let keep = self.world.limits.retention;
        let days = |it: u32| now.saturating_sub(i64::from(it).saturating_mul(DAY_MS));
        self.forget(|tx| tasks::purge(tx, days(keep.tasks), SOME))?;
        self.forget(|tx| notices::purge(tx, days(keep.notices), SOME))?;
        self.forget(|tx| deliveries::purge(tx, days(keep.notices), SOME))?;
        self.forget(|tx| audit::purge(tx, days(keep.audit), SOME))?;
        self.forget(|tx| history::forget(tx, history::day(days(keep.figures))))?;
        self.forget(|tx| {
            let swept = reports::sweep(tx, days(keep.reports), keep.report_bytes, 50)?;
            Ok(u64::try_from(swept.0).unwrap_or(0))
        })?;
        for it in self.world.store.read(|tx| registries::removed(tx, days(keep.registries)))? {
            self.forget(|tx| Ok(u64::from(!registries::purge(tx, it, SOME.into())?)))?;
        }
        let age = Age { images: days(keep.images), matches: days(keep.gone) };
        self.forget(|tx| {
            let Swept { images, contents, components, matches, risks, more } =
                garbage::sweep(tx, age, SOME.into())?;
            let all = [images, contents, components, matches, risks];
            let count = all.into_iter().fold(0usize, usize::saturating_add);
            Ok(if more || count > 0 { u64::try_from(count.max(1)).unwrap_or(u64::MAX) } else { 0 })
        })?;
        Ok(())
    }

    /// Forgets some at a time, until nothing is left to be forgotten or the center stops.
    fn forget(&self, some: impl Fn(&mut Tx<'_>) -> store::Result<u64>) -> Result<(), Failure> {
        while !self.bell.stopping() {
            let count = self.world.store.write(&some)?;
            self.figures.add(|it| it.forgotten = it.forgotten.saturating_add(count));
            if count == 0 {
                break;
            }
        }
        Ok(())
    }
}

/// Whether it is time for what is done so often, and if so, when it will be next. A clock that was set back does not put it
/// off.
fn due(next: &Mutex<i64>, now: i64, every: Duration) -> bool {
    let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
    let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
    let later = now.saturating_add(every);
    let due = *next <= now || *next > later;
    if due {
        *next = later;
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_so_often_is_done_no_more_often() {
        let next = Mutex::new(0);
        let check = |now: i64, expected: bool| {
            assert_eq!(due(&next, now, Duration::from_millis(100)), expected, "{now}");
        };
        check(1000, true);
        check(1001, false);
        check(1099, false);
        check(1100, true);
        check(2000, true);
        // The clock was set back.
        check(500, true);
        check(501, false);
    }
}
