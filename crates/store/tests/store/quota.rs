//! The quota, whatever happens: never overdrawn, nothing charged twice, nothing lost.
use crate::{
    on_each,
    queue::{keenest, target},
};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use std::{
    collections::BTreeSet,
    sync::{
        Barrier, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    },
    thread,
};
use store::{
    Error, Result, Store, Tx,
    items::Ended,
    quota,
    tasks::{self, Kind},
    upkeep,
    work::{self, Beat, Progress, Stage, Ticket},
};

/// A lease, in milliseconds.
const LEASE: i64 = 100;
/// How many different digests there are.
const DIGESTS: u8 = 12;

/// Something that somebody does. The numbers choose among what there is.
#[derive(Clone, Copy, Debug)]
enum Act {
    Start(u8, u8),
    Claim,
    Done(u8),
    Fail(u8, bool),
    GiveBack(u8),
    Beat(u8),
    Cancel(u8),
    Again(u8, bool),
    Raise,
    Later(u8),
}

fn act() -> impl Strategy<Value = Act> {
    let n = 0u8..60;
    prop_oneof![
        3 => (n.clone(), 0u8..6).prop_map(|(from, count)| Act::Start(from, count)),
        6 => Just(Act::Claim),
        4 => n.clone().prop_map(Act::Done),
        2 => (n.clone(), any::<bool>()).prop_map(|(it, again)| Act::Fail(it, again)),
        1 => n.clone().prop_map(Act::GiveBack),
        1 => n.clone().prop_map(Act::Beat),
        1 => n.clone().prop_map(Act::Cancel),
        2 => (n.clone(), any::<bool>()).prop_map(|(it, failed)| Act::Again(it, failed)),
        1 => Just(Act::Raise),
        3 => n.prop_map(Act::Later),
    ]
}

/// Everything that acts, and all tickets that were ever given, most of them worth nothing by now.
struct World<'a> {
    store: &'a Store,
    now: AtomicI64,
    tickets: Mutex<Vec<(Ticket, String)>>,
    tasks: Mutex<Vec<i64>>,
    scanned: Mutex<BTreeSet<String>>,
}

impl World<'_> {
    fn new(store: &Store, total: u32) -> World<'_> {
        store.write(|tx| quota::authorise(tx, Some(total))).unwrap();
        World {
            store,
            now: 1_000_000.into(),
            tickets: Mutex::default(),
            tasks: Mutex::default(),
            scanned: Mutex::default(),
        }
    }

    fn write<T>(&self, change: impl Fn(&mut Tx<'_>, i64) -> Result<T>) -> Result<T> {
        self.store.write(|tx| change(tx, self.now.load(Relaxed)))
    }

    fn ticket(&self, n: u8) -> Option<(Ticket, String)> {
        let tickets = self.tickets.lock().unwrap();
        // Mostly one of the last, which still may be worth something.
        let from = tickets.len().saturating_sub(if n.is_multiple_of(3) { 60 } else { 4 });
        let recent = &tickets[from..];
        recent.get(usize::from(n).checked_rem(recent.len())?).cloned()
    }

    /// Acts with a ticket. One for which there is a newer one must not be worth anything.
    fn holding(&self, n: u8, act: impl Fn(&(Ticket, String)) -> Result<()>) -> Result<()> {
        let Some(it) = self.ticket(n) else { return Ok(()) };
        let newer =
            |other: &(Ticket, String)| other.0.work == it.0.work && other.0.fence > it.0.fence;
        let stale = self.tickets.lock().unwrap().iter().any(newer);
        let outcome = act(&it);
        assert!(!(stale && outcome.is_ok()), "{it:?} is of old and was accepted");
        outcome
    }

    fn task(&self, n: u8) -> Option<i64> {
        let tasks = self.tasks.lock().unwrap();
        tasks.get(usize::from(n).checked_rem(tasks.len())?).copied()
    }

    fn perform(&self, act: Act) {
        // Whoever is too late is told so, and nothing else goes wrong.
        match self.attempt(act) {
            Ok(()) | Err(Error::Lost(_)) => {}
            Err(it) => panic!("{act:?}: {it}"),
        }
    }

    fn attempt(&self, act: Act) -> Result<()> {
        match act {
            Act::Start(from, count) => self.start(from, count),
            Act::Claim => self.claim().map(drop),
            Act::Done(n) => self.holding(n, |it| self.done(it)),
            Act::Fail(n, again) => self.holding(n, |(it, _)| {
                let again = |now: i64| again.then_some(now + 50);
                self.write(|tx, now| work::failed(tx, *it, "some", "thing", again(now), now))
            }),
            Act::GiveBack(n) => {
                self.holding(n, |(it, _)| self.write(|tx, now| work::give_back(tx, *it, now)))
            }
            Act::Beat(n) => self.holding(n, |(it, _)| {
                let until = |now: i64| now + LEASE;
                let progress = Progress::default();
                let beat = |tx: &mut Tx<'_>, now| {
                    work::beat(tx, *it, Stage::Matching, progress, until(now))
                };
                match self.write(beat)? {
                    Beat::Lost => Err(Error::Lost("the scan".to_owned())),
                    Beat::On | Beat::Unwanted => Ok(()),
                }
            }),
            Act::Cancel(n) => self.task(n).map_or(Ok(()), |it| {
                self.write(|tx, now| tasks::cancel(tx, it, now))?;
                while self.write(|tx, now| tasks::cancel_items(tx, it, now, 2))? {}
                Ok(())
            }),
            Act::Again(n, failed) => self.task(n).map_or(Ok(()), |it| {
                let which = if failed { Ended::Failed } else { Ended::Exhausted };
                self.write(|tx, now| tasks::again(tx, it, which, now, 3)).map(drop)
            }),
            Act::Raise => {
                // One at a time, lest it be lowered to what it was for somebody.
                let _alone = self.tasks.lock().unwrap();
                self.write(|tx, _| {
                    let total = quota::read(tx)?.total.unwrap();
                    quota::authorise(tx, Some(u32::try_from(total).unwrap() + 1))
                })
            }
            Act::Later(ms) => self.later(ms.into()),
        }
    }

    fn start(&self, from: u8, count: u8) -> Result<()> {
        let names = (from..from.saturating_add(count)).map(|it| format!("{}", it % DIGESTS));
        let targets: Vec<_> = names.map(|it| target(&it)).collect();
        let kind = [Kind::Change, Kind::Manual, Kind::Cycle][usize::from(from % 3)];
        let task = self.write(|tx, now| {
            let task = tasks::start(tx, kind, "ada", "{}", now)?;
            tasks::add(tx, task, &targets, now)?;
            tasks::seal(tx, task, now)?;
            Ok(task)
        })?;
        self.tasks.lock().unwrap().push(task);
        Ok(())
    }

    fn claim(&self) -> Result<Option<(Ticket, String)>> {
        let claim = self.write(|tx, now| work::claim(tx, "one", now, now + LEASE, keenest))?;
        let claimed = claim.map(|it| (it.ticket, it.digest));
        self.tickets.lock().unwrap().extend(claimed.clone());
        Ok(claimed)
    }

    fn done(&self, (ticket, digest): &(Ticket, String)) -> Result<()> {
        self.write(|tx, now| work::done(tx, *ticket, now))?;
        self.scanned.lock().unwrap().insert(digest.clone());
        Ok(())
    }

    /// Time passes, and those are noticed whose lease is over.
    fn later(&self, ms: i64) -> Result<()> {
        self.now.fetch_add(ms, Relaxed);
        self.write(|tx, now| upkeep::reap(tx, now, 9, |it| (it < 3).then_some(now + 50)))?;
        self.write(|tx, now| upkeep::wake(tx, now, 9))?;
        self.write(|tx, now| upkeep::exhaust(tx, now, 9))?;
        Ok(())
    }

    /// What always holds.
    fn check(&self) {
        let ledger = |tx: &mut Tx<'_>| Ok((quota::read(tx)?, quota::ledger(tx, None, 1000)?.items));
        let (quota, rows) = self.store.read(ledger).unwrap();
        assert!(quota.used + quota.reserved <= quota.total.unwrap(), "overdrawn: {quota:?}");
        assert_eq!(u64::try_from(rows.len()).unwrap(), quota.used, "{quota:?}");
    }

    /// What holds in the end: what was scanned was charged for, and all that was asked for is over.
    fn finish(&self) {
        self.check();
        self.store.write(|tx| quota::authorise(tx, None)).unwrap();
        for task in self.store.read(tasks::exhausted).unwrap() {
            self.write(|tx, now| tasks::again(tx, task, Ended::Exhausted, now, 1000)).unwrap();
        }
        for _ in 0..5 {
            while let Some(it) = self.claim().unwrap() {
                self.done(&it).unwrap();
            }
            self.later(LEASE + 1).unwrap();
        }
        let ledger = self.store.read(|tx| quota::ledger(tx, None, 1000)).unwrap().items;
        let charged: Vec<String> = ledger.into_iter().map(|it| it.digest).collect();
        let distinct: BTreeSet<String> = charged.iter().cloned().collect();
        assert_eq!(charged.len(), distinct.len(), "charged twice: {charged:?}");
        assert_eq!(distinct, *self.scanned.lock().unwrap());
        let quota = self.store.read(quota::read).unwrap();
        assert_eq!((quota.used, quota.reserved), (u64::try_from(charged.len()).unwrap(), 0));
        for id in self.tasks.lock().unwrap().iter() {
            let task = self.store.read(|tx| tasks::one(tx, *id)).unwrap().unwrap();
            assert!(task.ended_at.is_some(), "{task:?}");
            let it = task.counts;
            assert_eq!(it.done + it.failed + it.cancelled + it.exhausted, it.total, "{task:?}");
            assert!(it.exhausted == 0 || task.cancelled_at.is_some(), "{task:?}");
        }
    }
}

#[test]
fn one_after_another_whatever_the_order() {
    let script = (0u32..6, vec(act(), 1..80));
    proptest!(ProptestConfig::with_cases(16), |((total, acts) in script)| {
        on_each(|store| {
            let world = World::new(store, total);
            for act in &acts {
                world.perform(*act);
                world.check();
            }
            world.finish();
        });
    });
}

#[test]
fn all_at_once() {
    on_each(|store| {
        let world = World::new(store, 3);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let actors: Vec<_> = (0..6u8)
                .map(|seed| {
                    let world = &world;
                    scope.spawn(move || {
                        // The same each time, so that a failure can be repeated.
                        let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
                        let mut runner = TestRunner::new_with_rng(Config::default(), seed);
                        for _ in 0..150 {
                            world.perform(act().new_tree(&mut runner).unwrap().current());
                        }
                    })
                })
                .collect();
            let watching = scope.spawn(|| {
                while !over.load(Relaxed) {
                    world.check();
                }
            });
            let outcomes: Vec<_> = actors.into_iter().map(|it| it.join()).collect();
            over.store(true, Relaxed);
            watching.join().unwrap();
            for it in outcomes {
                it.unwrap();
            }
        });
        world.finish();
    });
}

#[test]
fn no_more_start_at_once_than_there_is_room() {
    on_each(|store| {
        const ROOM: usize = 3;
        let world = World::new(store, u32::try_from(ROOM).unwrap());
        world.start(0, DIGESTS).unwrap();
        for round in 0..30 {
            let ready = Barrier::new(8);
            let claimed = Mutex::new(Vec::new());
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        ready.wait();
                        let claim = world.claim().unwrap();
                        claimed.lock().unwrap().extend(claim);
                    });
                }
            });
            let claimed = claimed.into_inner().unwrap();
            assert_eq!(claimed.len(), ROOM, "round {round}");
            world.check();
            for (it, _) in claimed {
                world.write(|tx, now| work::give_back(tx, it, now)).unwrap();
            }
        }
        world.finish();
    });
}
