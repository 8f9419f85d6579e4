//! Several processes that share a store.
use crate::world::{Machine, admin, debian, on_each, quick, shared};
use scan::{
    center::{Limits, Role},
    settings::{Cycle, Settings},
};
use std::{
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};
use store::{images::State, lanes, notices, work};
use testkit::{harbor::Harbor, http::Wire, registry::What};

#[test]
fn what_a_worker_had_that_is_not_heard_of_is_done_once() {
    on_each(|settings| {
        let harbor = Harbor::start("v2.13.1");
        harbor.project("team");
        let images = ["a", "b", "c"].map(|it| debian(&["alpha 1"], it));
        for (n, it) in images.iter().enumerate() {
            harbor.put("team/app", &format!("v{n}"), it);
        }
        let first = Machine::with(settings, quick());
        first.center.run(Role::All).unwrap();
        first.add("harbor", &harbor.host(), &admin());
        let blob = images[0].layers()[0].digest.as_str();
        harbor.fail(blob, 1, What::Wire(Wire::Hang(1)));
        let task = first.center.scan_now(&scan::center::Selection::default(), "anna").unwrap();
        first.until("hanging", || {
            let it = first.task(task).counts;
            it.pulling == 1 && it.done == 2
        });
        // By the clock of the second, the first was not heard of for longer than its lease. It goes on, and has
        // nothing to say any more.
        let second = Machine::with(settings, quick());
        second.ahead.store(60_000, Ordering::Relaxed);
        second.center.run(Role::All).unwrap();
        second.until("reaped", || second.center.figures().reaped > 0);
        second.ahead.store(80_000, Ordering::Relaxed);
        let task = second.ended(task);
        assert_eq!((task.counts.done, task.counts.failed), (3, 0));
        assert_eq!(second.used(), 3);
        first.center.stop();
        second.center.stop();
    });
}

#[test]
fn what_each_who_had_it_was_lost_with_has_failed() {
    on_each(|settings| {
        let harbor = Harbor::start("v2.13.1");
        harbor.project("team");
        let built = debian(&["alpha 1"], "deadly");
        harbor.put("team/app", "v1", &built);
        let machine = Machine::with(settings, Limits { workers: 0, ..quick() });
        machine.center.run(Role::All).unwrap();
        machine.add("harbor", &harbor.host(), &admin());
        let task = machine.center.scan_now(&scan::center::Selection::default(), "anna").unwrap();
        let claim = || {
            let heads = |line: &lanes::Line| line.heads.iter().map(|it| it.work).collect();
            machine.store.write(|tx| work::claim(tx, "lost", 0, 1, heads)).unwrap()
        };
        for attempt in 1.. {
            machine.until("claimed or over", || {
                claim().is_some() || machine.task(task).ended_at.is_some()
            });
            if machine.task(task).ended_at.is_some() {
                assert!(attempt > 2, "{attempt}");
                break;
            }
            machine.until("reaped", || machine.center.figures().reaped == attempt);
            machine.ahead.fetch_add(3_600_000, Ordering::Relaxed);
        }
        let (task, image) = (machine.task(task), machine.image(built.manifest.digest.as_str()));
        assert_eq!((task.counts.failed, machine.used()), (1, 0));
        assert_eq!((image.image.state, image.image.code.as_str()), (State::Failed, "lost"));
        assert!(image.image.reason.contains("not heard of"), "{}", image.image.reason);
        let told = machine.store.read(|tx| notices::after(tx, 0, 9)).unwrap();
        let told: Vec<_> = told.iter().map(|it| (it.kind.as_str(), &it.document)).collect();
        let [("failed", document)] = told[..] else { panic!("{told:?}") };
        for it in [built.manifest.digest.as_str(), "team/app", r#""code":"lost""#] {
            assert!(document.contains(it), "{document}");
        }
        assert_eq!(machine.center.figures().failed, 1);
        machine.center.stop();
    });
}

#[test]
fn two_processes_share_the_work_and_one_schedules() {
    let Some(url) = testkit::postgres::database() else { return };
    let settings = shared(url);
    let harbor = Harbor::start("v2.13.1");
    harbor.project("team");
    for n in 0..12 {
        harbor.put("team/app", &format!("v{n}"), &debian(&["alpha 1"], &n.to_string()));
    }
    let limits = Limits { workers: 1, ..quick() };
    let [one, two, three] = [0; 3].map(|_| Machine::with(&settings, limits.clone()));
    one.center.run(Role::All).unwrap();
    two.center.run(Role::All).unwrap();
    three.center.run(Role::Worker).unwrap();
    one.add("harbor", &harbor.host(), &admin());
    let mut events = two.center.events();
    one.choose(&Settings { cycle: Cycle::Week, ..Settings::default() });
    one.until("started", || !one.tasks().is_empty());
    let task = one.ended(one.tasks()[0].id);
    assert_eq!((task.counts.total, task.counts.done), (12, 12));
    assert_eq!(one.tasks().len(), 1, "exactly one scheduled");
    assert_eq!(two.used(), 12);
    // All have the same base.
    let base = debian(&["alpha 1"], "").layers()[0].digest.clone();
    assert_eq!(harbor.count(base.as_str()), 1, "a layer is pulled once");
    // Counted a moment after they are written.
    let done = || [&one, &two, &three].map(|it| it.center.figures().scanned);
    one.until("counted", || done().iter().sum::<u64>() == 12);
    let done = done();
    assert!(done.iter().filter(|it| **it > 0).count() >= 2, "{done:?}");
    // What the first did, the second tells.
    let told = std::iter::from_fn(|| events.next(Duration::from_secs(2)));
    let ended = |it: &scan::center::Received| match it {
        scan::center::Received::Event(it) => match &**it {
            scan::center::Event::Task(it) => it.ended_at.is_some(),
            _ => false,
        },
        scan::center::Received::Missed(_) => false,
    };
    assert!(told.into_iter().any(|it| ended(&it)));
    // The one that leads stops; the other one goes on.
    one.center.stop();
    two.ahead.store(8 * 86_400_000, Ordering::Relaxed);
    two.until("started", || two.tasks().len() == 2);
    let task = two.ended(two.tasks()[0].id);
    assert_eq!(task.counts.done, 12);
    two.center.stop();
    three.center.stop();
}

#[test]
fn stopping_gives_back_what_runs() {
    on_each(|settings| {
        let harbor = Harbor::start("v2.13.1");
        harbor.project("team");
        let built = debian(&["alpha 1"], "slow");
        harbor.put("team/app", "v1", &built);
        let first = Machine::start(settings, Role::All);
        first.add("harbor", &harbor.host(), &admin());
        harbor.fail(built.layers()[0].digest.as_str(), 1, What::Wire(Wire::Hang(1)));
        let task = first.center.scan_now(&scan::center::Selection::default(), "anna").unwrap();
        first.until("pulling", || first.task(task).counts.pulling == 1);
        let begun = std::time::Instant::now();
        first.center.stop();
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!(first.task(task).counts.queued, 1);
        let second = Machine::at(settings, quick(), Arc::clone(&first.folder));
        second.center.run(Role::All).unwrap();
        assert_eq!(second.ended(task).counts.done, 1);
        assert_eq!(second.used(), 1);
        second.center.stop();
    });
}

#[test]
fn a_store_that_goes_away_is_waited_for() {
    let Some(mut server) = testkit::postgres::Server::start(&[]) else { return };
    let settings = shared(server.database());
    let harbor = Harbor::start("v2.13.1");
    harbor.project("team");
    for n in 0..8 {
        harbor.put("team/app", &format!("v{n}"), &debian(&["alpha 1"], &n.to_string()));
    }
    let machine = Machine::start(&settings, Role::All);
    machine.add("harbor", &harbor.host(), &admin());
    let task = machine.center.scan_now(&scan::center::Selection::default(), "anna").unwrap();
    machine.until("begun", || machine.task(task).counts.done > 0);
    server.crash();
    thread::sleep(Duration::from_millis(500));
    server.resume();
    machine.until("back", || machine.store.read(store::quota::read).is_ok());
    let task = machine.ended(task);
    assert_eq!((task.counts.done, machine.used()), (8, 8));
    machine.center.stop();
}
