//! What one process does for all, under one lease: the cycle, and the chores that keep the queue going.
use super::{
    Center, failure::Failure, notices, requests::document, selection::Wanted, work::mark_failed,
};
use crate::{plan, schedule, settings::Settings};
use std::{sync::PoisonError, time::Duration};
use store::{
    Tx,
    leases::{self, Lease},
    tasks::{self, Kind},
    upkeep,
};

/// The lease of whoever does all this.
const LEASE: &str = "schedule";

/// Where the store keeps when the cycle last scanned.
const LAST: &str = "cycle";

/// So many rows in one transaction.
const SOME: u32 = 500;

/// How long the settings that a claim needs may be old.
const FRESH_MS: i64 = 2_000;

impl Center {
    /// Schedules until the center stops.
    pub(super) fn lead(&self) {
        let mut lease = None;
        while !self.bell.stopping() {
            let done = self.leading(&mut lease).and_then(|it| match it {
                Some(lease) => self.turn(&lease),
                None => Ok(()),
            });
            match done {
                Ok(()) => {}
                Err(Failure::Store(store::Error::Lost(_))) => lease = None,
                Err(why) => self.trouble("scheduling", &why),
            }
            self.bell.rest(self.world.limits.poll);
        }
        if let Some(lease) = lease {
            // If that fails, it ends by itself.
            drop(self.world.store.write(|tx| leases::release(tx, &lease)));
        }
    }

    fn leading(&self, held: &mut Option<Lease>) -> Result<Option<Lease>, Failure> {
        let (now, until) = (self.now(), self.later(self.world.limits.lease));
        *held = self.world.store.write(|tx| match &*held {
            Some(it) => Ok(leases::renew(tx, it, now, until)?.then(|| it.clone())),
            None => leases::take(tx, LEASE, &self.world.name, now, until),
        })?;
        Ok(held.clone())
    }

    fn turn(&self, lease: &Lease) -> Result<(), Failure> {
        self.cycle(lease)?;
        self.queue_chores()?;
        self.cancelled()?;
        self.resumed()?;
        self.housekeeping(lease)
    }

    /// Starts the cycle's task when it is time, in the transaction that notes that it did.
    fn cycle(&self, lease: &Lease) -> Result<(), Failure> {
        let (settings, _) = self.settings()?;
        let now = self.now();
        let document = document(&Wanted::Scope(settings.scope.clone()))?;
        let started = self.world.store.write(|tx| {
            let before = store::settings::one(tx, LAST)?;
            let version = before.as_ref().map_or(0, |it| it.version);
            let last: Option<i64> = before.and_then(|it| it.document.parse().ok());
            let step = schedule::step(settings.cycle, last, now);
            let Some(noted) = step.last.filter(|_| step.run || step.last != last) else {
                return Ok(None);
            };
            leases::hold(tx, lease, now)?;
            store::settings::put(tx, LAST, &noted.to_string(), version, now)?;
            if step.run {
                tasks::start(tx, Kind::Cycle, "", &document, now).map(Some)
            } else {
                Ok(None)
            }
        })?;
        if let Some(task) = started {
            self.fill_soon(task);
        }
        Ok(())
    }

    /// When the cycle last scanned, and when it will next.
    ///
    /// # Errors
    /// When the store does not answer.
    pub fn cycle_times(&self) -> Result<(Option<i64>, Option<i64>), Failure> {
        let (settings, _) = self.settings()?;
        let last = self.world.store.read(|tx| store::settings::one(tx, LAST))?;
        let last = last.and_then(|it| it.document.parse().ok());
        Ok((last, schedule::step(settings.cycle, last, self.now()).next))
    }

    /// Takes work away from those who are gone, wakes what has waited, ends what has no quota.
    fn queue_chores(&self) -> Result<(), Failure> {
        let now = self.now();
        let store = &self.world.store;
        let reaped = store.write(|tx| {
            let reaped = upkeep::reap(tx, now, SOME, |it| plan::again(now, it))?;
            let (code, reason) = upkeep::LOST;
            for it in &reaped.failed {
                mark_failed(tx, it, code, reason)?;
                notices::failed(tx, it, code, reason, now)?;
            }
            Ok(reaped)
        })?;
        let failed = u64::try_from(reaped.failed.len()).unwrap_or(u64::MAX);
        let woken = store.write(|tx| upkeep::wake(tx, now, SOME))?;
        let exhausted = store.write(|tx| upkeep::exhaust(tx, now, SOME))?;
        if reaped.again > 0 || woken > 0 || exhausted > 0 {
            self.bell.ring();
        }
        self.figures.add(|it| {
            it.reaped = it.reaped.saturating_add(reaped.again).saturating_add(failed);
            it.failed = it.failed.saturating_add(failed);
        });
        Ok(())
    }

    fn cancelled(&self) -> Result<(), Failure> {
        for task in self.world.store.read(tasks::ending)? {
            let now = self.now();
            while self.world.store.write(|tx| tasks::cancel_items(tx, task, now, SOME))?
                && !self.bell.stopping()
            {}
        }
        Ok(())
    }

    /// Tasks that had no quota go on as soon as there is some.
    fn resumed(&self) -> Result<(), Failure> {
        let (quota, tasks) = self
            .world
            .store
            .read(|tx: &mut Tx<'_>| Ok((store::quota::read(tx)?, tasks::exhausted(tx)?)))?;
        if !quota.has_room() {
            return Ok(());
        }
        tasks.into_iter().try_for_each(|it| self.resume(it).map(drop))
    }

    /// Whether the cycle may scan at this time of day.
    pub(super) fn cycle_open(&self, now: i64) -> Result<bool, Failure> {
        let mut kept = self.cycle_kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, cycle)) = *kept
            && now.saturating_sub(at).saturating_abs() < FRESH_MS
        {
            return Ok(schedule::open(cycle, now));
        }
        let Settings { cycle, .. } = self.settings()?.0;
        *kept = Some((now, cycle));
        Ok(schedule::open(cycle, now))
    }
}

/// How long a chore that is not urgent is left alone.
pub(super) const HOUR: Duration = Duration::from_secs(3600);
