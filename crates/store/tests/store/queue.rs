//! Tasks, their items, and the scans that these share.
use crate::on_each;
use std::{cell::Cell, collections::BTreeMap};
use store::{
    Cursor, Error, Result, Store, Tx, Word,
    items::{self, Ended},
    lanes::{self, Line},
    quota,
    tasks::{self, Kind, Target, Task},
    upkeep,
    work::{self, Beat, Claim, Progress, Stage, Ticket},
};

/// A lease, in milliseconds.
const LEASE: i64 = 60_000;

/// A store at a time that goes on when told to.
struct Queue<'a> {
    store: &'a Store,
    now: Cell<i64>,
}

/// Of those that may start for the sake of the quota, the keenest.
pub(crate) fn keenest(line: &Line) -> Vec<i64> {
    let mut heads = line.heads.clone();
    heads.retain(|it| !it.costs || line.quota.has_room());
    heads.sort_by_key(|it| (it.priority, it.work));
    heads.into_iter().map(|it| it.work).collect()
}

/// `sha256:a` in `library/a` of registry 1 by `a`; `2/a` in that of registry 2.
pub(crate) fn target(text: &str) -> Target {
    let (registry, name) = text.split_once('/').unwrap_or(("1", text));
    Target {
        digest: format!("sha256:{name}"),
        registry: registry.parse().unwrap(),
        repository: format!("library/{name}"),
        tag: "latest".to_owned(),
    }
}

impl Queue<'_> {
    fn on(store: &Store) -> Queue<'_> {
        Queue { store, now: Cell::new(1_000_000) }
    }

    fn write<T>(&self, change: impl Fn(&mut Tx<'_>, i64) -> Result<T>) -> T {
        self.store.write(|tx| change(tx, self.now.get())).unwrap()
    }

    fn later(&self, ms: i64) {
        self.now.set(self.now.get() + ms);
    }

    fn start(&self, kind: Kind, names: &str) -> i64 {
        self.write(|tx, now| {
            let id = tasks::start(tx, kind, "ada", "{}", now)?;
            let targets: Vec<Target> = names.split_whitespace().map(target).collect();
            tasks::add(tx, id, &targets, now)?;
            tasks::seal(tx, id, now)?;
            Ok(id)
        })
    }

    fn claim(&self) -> Option<Claim> {
        self.write(|tx, now| work::claim(tx, "worker", now, now + LEASE, keenest))
    }

    /// Claims one that is expected, without its prefix.
    fn claimed(&self, name: &str) -> Ticket {
        let claim = self.claim().unwrap();
        assert_eq!(claim.digest, format!("sha256:{name}"));
        claim.ticket
    }

    fn beat(&self, ticket: Ticket, stage: Stage) -> Beat {
        let progress = Progress { bytes: 5, bytes_total: 10, layers: 1, layers_total: 2 };
        self.write(|tx, now| work::beat(tx, ticket, stage, progress, now + LEASE))
    }

    fn done(&self, ticket: Ticket) -> Result<()> {
        self.store.write(|tx| work::done(tx, ticket, self.now.get())).map(drop)
    }

    fn fail(&self, ticket: Ticket, wait: Option<i64>) -> Result<()> {
        let now = self.now.get();
        let again = wait.map(|it| now + it);
        self.store.write(|tx| work::failed(tx, ticket, "unreachable", "no answer", again, now))
    }

    /// How many wait again, and which have failed.
    fn reap(&self) -> (u64, Vec<String>) {
        let reaped =
            self.write(|tx, now| upkeep::reap(tx, now, 100, |it| (it < 3).then_some(now + 1000)));
        (reaped.again, reaped.failed.into_iter().map(|it| it.digest).collect())
    }

    fn cancel(&self, task: i64) {
        self.write(|tx, now| tasks::cancel(tx, task, now));
        while self.write(|tx, now| tasks::cancel_items(tx, task, now, 2)) {}
    }

    fn again(&self, task: i64, which: Ended) -> u64 {
        self.write(|tx, now| tasks::again(tx, task, which, now, 100))
    }

    fn task(&self, id: i64) -> Task {
        self.store.read(|tx| tasks::one(tx, id)).unwrap().unwrap()
    }

    /// What the items of a task do, as `a done, b failed`, checked against its counts and the pages by state.
    fn items(&self, task: i64) -> String {
        let mut states = BTreeMap::new();
        let mut cursor: Option<Cursor> = None;
        let mut words = Vec::new();
        loop {
            let page = self.store.read(|tx| items::page(tx, task, None, "", cursor.as_ref(), 2));
            let page = page.unwrap();
            for it in page.items {
                *states.entry(it.state.word()).or_insert(0u64) += 1;
                let name = it.target.digest.strip_prefix("sha256:").unwrap().to_owned();
                words.push(name + " " + it.state.word());
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let counts = self.task(task).counts;
        let counted = [
            counts.queued,
            counts.pulling,
            counts.analysing,
            counts.matching,
            counts.done,
            counts.failed,
            counts.cancelled,
            counts.exhausted,
        ];
        for ((state, word), counted) in items::State::WORDS.iter().zip(counted) {
            assert_eq!(states.get(word).copied().unwrap_or(0), counted, "{word}");
            let page = self.store.read(|tx| items::page(tx, task, Some(*state), "", None, 100));
            assert_eq!(u64::try_from(page.unwrap().items.len()).unwrap(), counted, "{word}");
        }
        assert_eq!(counts.total, counted.iter().sum::<u64>());
        words.join(", ")
    }
}

#[test]
fn an_item_lives_from_queued_to_done() {
    on_each(|store| {
        let queue = Queue::on(store);
        let task = queue.start(Kind::Manual, "a b");
        assert_eq!(queue.items(task), "a queued, b queued");
        let ticket = queue.claimed("a");
        assert_eq!(queue.items(task), "a pulling, b queued");
        for (stage, word) in Stage::WORDS {
            assert_eq!(queue.beat(ticket, *stage), Beat::On);
            assert_eq!(queue.items(task), format!("a {word}, b queued"));
        }
        let shown = queue.task(task);
        assert_eq!(shown.progress.bytes_total, 10);
        assert_eq!((shown.ended_at, shown.sealed), (None, true));
        queue.later(10);
        queue.done(ticket).unwrap();
        assert_eq!(queue.items(task), "a done, b queued");
        let ticket = queue.claimed("b");
        queue.fail(ticket, None).unwrap();
        assert_eq!(queue.items(task), "a done, b failed");
        assert_eq!(queue.task(task).ended_at, Some(queue.now.get()));
        let all = store.read(|tx| items::of_digest(tx, "sha256:b", 10)).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].code.as_str(), all[0].reason.as_str()), ("unreachable", "no answer"));
        assert_eq!(queue.claim(), None);
    });
}

#[test]
fn a_second_request_for_a_digest_joins_the_first() {
    on_each(|store| {
        let queue = Queue::on(store);
        let cycle = queue.start(Kind::Cycle, "a b");
        let manual = queue.start(Kind::Manual, "2/b");
        // The keener hastens the scan, which stays where it was.
        let claim = queue.claim().unwrap();
        assert_eq!((claim.digest.as_str(), claim.registry), ("sha256:b", 1));
        let change = queue.start(Kind::Change, "b c");
        assert_eq!(queue.items(change), "b pulling, c queued");
        let other = queue.claimed("c");
        queue.done(claim.ticket).unwrap();
        assert_eq!(queue.items(cycle), "a queued, b done");
        assert_eq!(queue.items(manual), "b done");
        assert_eq!(queue.items(change), "b done, c pulling");
        // Afterwards it is scanned anew.
        let anew = queue.start(Kind::Manual, "b");
        assert_eq!(queue.items(anew), "b queued");
        queue.done(other).unwrap();
        queue.claimed("b");
    });
}

#[test]
fn who_wants_an_image_looked_at_anew_gets_that_whoever_asked_first() {
    on_each(|store| {
        let queue = Queue::on(store);
        let anew = |names: &str| {
            let id = queue.write(|tx, now| tasks::start(tx, Kind::Manual, "ada", "{}", now));
            let targets: Vec<Target> = names.split_whitespace().map(target).collect();
            queue.write(|tx, now| {
                tasks::look_again(tx, id)?;
                tasks::add(tx, id, &targets, now)?;
                tasks::seal(tx, id, now)
            });
            id
        };
        let claim = || queue.claim().map(|it| (it.digest, it.again, it.ticket)).unwrap();
        let known = |ticket| queue.write(|tx, now| work::known(tx, ticket, now).map(drop));
        let plain = queue.start(Kind::Change, "a b");
        // Before anybody has begun.
        anew("a");
        let (digest, again, ticket) = claim();
        assert_eq!((digest.as_str(), again), ("sha256:a", true));
        queue.done(ticket).unwrap();
        // And when it is too late for whoever has.
        let (digest, again, ticket) = claim();
        assert_eq!((digest.as_str(), again), ("sha256:b", false));
        let late = anew("b");
        known(ticket);
        assert_eq!(queue.items(late), "b queued");
        let (_, again, ticket) = claim();
        assert!(again);
        queue.fail(ticket, None).unwrap();
        assert_eq!(queue.items(plain), "a done, b failed");
        // Another attempt is one more look.
        queue.again(late, Ended::Failed);
        let (_, again, ticket) = claim();
        assert!(again);
        queue.done(ticket).unwrap();
        let after = queue.start(Kind::Manual, "b");
        let (_, again, ticket) = claim();
        assert!(!again);
        known(ticket);
        assert_eq!(queue.items(after), "b done");
    });
}

#[test]
fn a_task_can_be_filled_little_by_little_and_by_somebody_else() {
    on_each(|store| {
        let queue = Queue::on(store);
        let task = queue.write(|tx, now| tasks::start(tx, Kind::Cycle, "schedule", "{}", now));
        let add = |names: &str| {
            let targets: Vec<Target> = names.split_whitespace().map(target).collect();
            queue.write(|tx, now| tasks::add(tx, task, &targets, now))
        };
        assert_eq!(add("a b a"), 2);
        queue.done(queue.claimed("a")).unwrap();
        queue.done(queue.claimed("b")).unwrap();
        assert_eq!(queue.task(task).ended_at, None);
        let adopt = |queue: &Queue<'_>| {
            queue.write(|tx, now| tasks::adopt(tx, now - 1000, now)).map(|it| it.id)
        };
        assert_eq!(adopt(&queue), None);
        queue.later(1000);
        assert_eq!(adopt(&queue), Some(task));
        assert_eq!(adopt(&queue), None);
        assert_eq!(add("a b c"), 1);
        queue.write(|tx, now| tasks::seal(tx, task, now));
        assert_eq!(queue.items(task), "a done, b done, c queued");
        let late = store.write(|tx| tasks::add(tx, task, &[target("d")], 0));
        assert!(matches!(late, Err(Error::Lost(_))), "{late:?}");
        queue.done(queue.claimed("c")).unwrap();
        assert!(queue.task(task).ended_at.is_some());
        let empty = queue.start(Kind::Manual, "");
        assert!(queue.task(empty).ended_at.is_some());
    });
}

#[test]
fn a_task_can_be_cancelled() {
    on_each(|store| {
        let queue = Queue::on(store);
        let task = queue.start(Kind::Manual, "a b c d e");
        let other = queue.start(Kind::Cycle, "b c");
        let (a, b) = (queue.claimed("a"), queue.claimed("b"));
        queue.cancel(task);
        assert_eq!(
            queue.items(task),
            "a cancelled, b cancelled, c cancelled, d cancelled, e cancelled"
        );
        assert!(queue.task(task).ended_at.is_some());
        assert!(!queue.write(|tx, now| tasks::cancel(tx, task, now)));
        assert_eq!(queue.items(other), "b pulling, c queued");
        assert_eq!(queue.beat(a, Stage::Pulling), Beat::Unwanted);
        assert_eq!(queue.beat(b, Stage::Pulling), Beat::On);
        // Whoever finds out too late must not keep what it found.
        assert!(matches!(queue.done(a), Err(Error::Lost(_))));
        // Nobody else scans it while it is being stopped; then, if it is wanted again, somebody does.
        let anew = queue.start(Kind::Change, "a");
        assert_eq!(queue.items(anew), "a pulling");
        queue.write(|tx, now| work::give_back(tx, a, now));
        assert_eq!(queue.items(anew), "a queued");
        queue.done(queue.claimed("a")).unwrap();
        queue.done(b).unwrap();
        queue.claimed("c");
        assert_eq!(queue.claim(), None);
        assert_eq!(store.read(quota::read).unwrap().used, 2);
    });
}

#[test]
fn what_nobody_wants_any_more_is_not_started_before_its_items_are_cancelled() {
    on_each(|store| {
        let queue = Queue::on(store);
        let task = queue.start(Kind::Manual, "a b");
        let running = queue.claimed("a");
        queue.write(|tx, now| tasks::cancel(tx, task, now));
        assert_eq!(store.read(tasks::ending).unwrap(), [task]);
        assert_eq!(queue.beat(running, Stage::Pulling), Beat::Unwanted);
        assert_eq!(queue.claim(), None);
        assert_eq!(queue.items(task), "a pulling, b cancelled");
        queue.write(|tx, now| work::give_back(tx, running, now));
        assert_eq!(queue.items(task), "a cancelled, b cancelled");
        assert!(store.read(tasks::ending).unwrap().is_empty());
        let more = store.write(|tx| tasks::again(tx, task, Ended::Cancelled, 0, 9));
        assert!(matches!(more, Err(Error::Lost(_))));
    });
}

#[test]
fn a_failure_is_tried_again_now_or_later() {
    on_each(|store| {
        let queue = Queue::on(store);
        let task = queue.start(Kind::Manual, "a");
        let first = queue.claimed("a");
        queue.fail(first, Some(500)).unwrap();
        let waiting = store.read(|tx| items::page(tx, task, None, "", None, 9)).unwrap().items;
        assert_eq!((waiting[0].code.as_str(), waiting[0].attempts), ("unreachable", 1));
        assert_eq!(waiting[0].not_before, Some(queue.now.get() + 500));
        let wake = || queue.write(|tx, now| upkeep::wake(tx, now, 9));
        assert_eq!((wake(), queue.claim()), (0, None));
        queue.later(500);
        assert_eq!(wake(), 1);
        let claim = queue.claim().unwrap();
        assert_eq!(claim.attempts, 2);
        assert!(claim.ticket.fence > first.fence);
        queue.fail(claim.ticket, None).unwrap();
        assert_eq!(queue.items(task), "a failed");
        // By hand, it starts from the beginning.
        assert_eq!(queue.again(task, Ended::Failed), 1);
        assert_eq!(queue.again(task, Ended::Failed), 0);
        assert_eq!(queue.task(task).ended_at, None);
        let claim = queue.claim().unwrap();
        assert_eq!(claim.attempts, 1);
        queue.done(claim.ticket).unwrap();
        assert_eq!(queue.items(task), "a done");
        assert!(queue.task(task).ended_at.is_some());
    });
}

#[test]
fn a_clock_that_is_set_back_holds_nothing_up() {
    on_each(|store| {
        let queue = Queue::on(store);
        let task = queue.start(Kind::Manual, "a b");
        queue.fail(queue.claimed("a"), Some(1000)).unwrap();
        queue.claimed("b");
        queue.later(-10_000_000);
        assert_eq!(queue.write(|tx, now| upkeep::wake(tx, now, 9)), 1);
        assert_eq!(queue.reap(), (1, vec![]));
        assert_eq!(queue.items(task), "a queued, b queued");
    });
}

#[test]
fn a_worker_that_is_lost_has_nothing_to_say_any_more() {
    on_each(|store| {
        let queue = Queue::on(store);
        let task = queue.start(Kind::Manual, "a");
        let lost = queue.claimed("a");
        assert_eq!(queue.reap(), (0, vec![]));
        queue.later(LEASE + 1);
        // It may be late, as long as nobody noticed.
        assert_eq!(queue.beat(lost, Stage::Analysing), Beat::On);
        assert_eq!(queue.reap(), (0, vec![]));
        queue.later(LEASE + 1);
        assert_eq!(queue.reap(), (1, vec![]));
        let refused = |queue: &Queue<'_>| {
            assert_eq!(queue.beat(lost, Stage::Pulling), Beat::Lost);
            assert!(matches!(queue.done(lost), Err(Error::Lost(_))));
            assert!(matches!(queue.fail(lost, None), Err(Error::Lost(_))));
            let back = store.write(|tx| work::give_back(tx, lost, 0));
            assert!(matches!(back, Err(Error::Lost(_))));
        };
        refused(&queue);
        queue.later(1000);
        assert_eq!(queue.write(|tx, now| upkeep::wake(tx, now, 9)), 1);
        let second = queue.claimed("a");
        refused(&queue);
        assert_eq!(queue.items(task), "a pulling");
        queue.write(|tx, now| work::give_back(tx, second, now));
        for reaped in [(1, vec![]), (0, vec!["sha256:a".to_owned()])] {
            queue.claimed("a");
            queue.later(LEASE + 1);
            assert_eq!(queue.reap(), reaped);
            queue.later(1000);
            queue.write(|tx, now| upkeep::wake(tx, now, 9));
        }
        assert_eq!(queue.items(task), "a failed");
        assert_eq!(store.read(|tx| items::of_digest(tx, "sha256:a", 1)).unwrap()[0].code, "lost");
        refused(&queue);
    });
}

#[test]
fn when_the_quota_is_used_up_what_costs_nothing_goes_on() {
    on_each(|store| {
        let queue = Queue::on(store);
        queue.write(|tx, _| quota::authorise(tx, Some(2)));
        let first = queue.start(Kind::Manual, "a b c d");
        let (a, b) = (queue.claimed("a"), queue.claimed("b"));
        // Both are reserved: nothing more is started, and nothing given up yet.
        assert_eq!(queue.claim(), None);
        assert_eq!(queue.write(|tx, now| upkeep::exhaust(tx, now, 9)), 0);
        queue.fail(a, None).unwrap();
        let c = queue.claimed("c");
        let charged = store.write(|tx| work::done(tx, b, 0)).unwrap().unwrap();
        assert_eq!((charged.used, charged.reserved), (1, 1));
        assert!(charged.reaches(50) && !charged.reaches(90));
        queue.done(c).unwrap();
        let again = queue.start(Kind::Manual, "b e");
        assert_eq!(queue.write(|tx, now| upkeep::exhaust(tx, now, 1)), 1);
        assert_eq!(queue.write(|tx, now| upkeep::exhaust(tx, now, 9)), 1);
        assert_eq!(queue.items(first), "a failed, b done, c done, d quota-exhausted");
        assert_eq!(queue.items(again), "b queued, e quota-exhausted");
        let b = queue.claimed("b");
        assert_eq!(store.write(|tx| work::done(tx, b, 0)).unwrap(), None);
        assert!(queue.task(again).ended_at.is_some());

        queue.write(|tx, _| quota::authorise(tx, None));
        assert_eq!(store.read(tasks::exhausted).unwrap(), [first, again]);
        assert_eq!(queue.again(first, Ended::Exhausted), 1);
        assert_eq!(queue.again(again, Ended::Exhausted), 1);
        queue.done(queue.claimed("d")).unwrap();
        queue.done(queue.claimed("e")).unwrap();
        assert_eq!(queue.items(first), "a failed, b done, c done, d done");
        let page = store.read(|tx| quota::ledger(tx, None, 3)).unwrap();
        let rest = store.read(|tx| quota::ledger(tx, page.next.as_ref(), 3)).unwrap();
        let rows = page.items.iter().chain(&rest.items);
        let rows: Vec<String> = rows.map(|it| format!("{} {}", it.digest, it.task)).collect();
        let expected = [("e", again), ("d", first), ("c", first), ("b", first)];
        assert_eq!(rows, expected.map(|(name, task)| format!("sha256:{name} {task}")));
        assert_eq!(rest.next, None);
        // Less than is used takes nothing away.
        queue.write(|tx, _| quota::authorise(tx, Some(1)));
        assert_eq!(store.read(quota::read).unwrap().used, 4);
        queue.start(Kind::Manual, "f");
        assert_eq!(queue.claim(), None);
    });
}

#[test]
fn registries_have_limits_and_can_be_withdrawn() {
    on_each(|store| {
        let queue = Queue::on(store);
        queue.start(Kind::Manual, "2/a 2/b 3/c 3/d");
        queue.write(|tx, _| lanes::limit(tx, 2, Some(1), Some(60)));
        queue.claimed("a");
        let lanes = Cell::new(Vec::new());
        let look = || {
            queue.write(|tx, now| {
                work::claim(tx, "nobody", now, now, |line| {
                    lanes.set(line.lanes.clone());
                    Vec::new()
                })
            });
            let mut lanes = lanes.take();
            lanes.sort_by_key(|it| it.registry);
            lanes
        };
        let now = queue.now.get();
        let [two, three] = look()[..] else { panic!("two registries") };
        assert_eq!((two.at_once, two.running), (Some(1), 1));
        assert_eq!((two.served_at, two.next_at), (now, now + 60_000));
        assert_eq!((three.at_once, three.running, three.served_at, three.next_at), (None, 0, 0, 0));
        queue.write(|tx, now| lanes::pause(tx, 3, now + 5));
        assert_eq!(look()[1].next_at, now + 5);
        let other = queue.start(Kind::Cycle, "3/d 2/e");
        assert_eq!(queue.write(|tx, now| upkeep::withdraw(tx, 3, now, 1)), 1);
        assert_eq!(queue.write(|tx, now| upkeep::withdraw(tx, 3, now, 9)), 2);
        assert_eq!(queue.items(other), "d cancelled, e queued");
    });
}

#[test]
fn tasks_are_listed_and_forgotten() {
    on_each(|store| {
        let queue = Queue::on(store);
        let kinds = [Kind::Manual, Kind::Cycle, Kind::Change, Kind::Cycle];
        let ids = kinds.map(|it| queue.start(it, if it == Kind::Cycle { "a b c" } else { "" }));
        let list = |kind: Option<Kind>, ended: Option<bool>, cursor: Option<&Cursor>| {
            let filter = tasks::Filter { kind, ended };
            let page = store.read(|tx| tasks::page(tx, &filter, cursor, 2)).unwrap();
            (page.items.iter().map(|it| it.id).collect::<Vec<_>>(), page.next)
        };
        let (first, next) = list(None, None, None);
        assert_eq!(first, [ids[3], ids[2]]);
        assert_eq!(list(None, None, next.as_ref()), (vec![ids[1], ids[0]], None));
        assert_eq!(list(Some(Kind::Manual), None, None).0, [ids[0]]);
        assert_eq!(list(None, Some(true), None).0, [ids[2], ids[0]]);
        assert_eq!(list(Some(Kind::Cycle), Some(false), None).0, [ids[3], ids[1]]);
        let others = store.read(|tx| items::page(tx, ids[1], None, "", None, 1)).unwrap().next;
        let wrong = store.read(|tx| tasks::page(tx, &Default::default(), others.as_ref(), 1));
        assert!(matches!(wrong, Err(Error::Invalid(_))), "{wrong:?}");

        queue.cancel(ids[1]);
        queue.later(100);
        let purge = || queue.write(|tx, now| tasks::purge(tx, now - 50, 2));
        let steps: Vec<u64> =
            std::iter::from_fn(|| Some(purge())).take_while(|it| *it > 0).collect();
        assert_eq!(steps.iter().sum::<u64>(), 3 + 3);
        assert_eq!(list(None, None, None), (vec![ids[3]], None));
        assert_eq!(queue.items(ids[3]), "a queued, b queued, c queued");
    });
}
