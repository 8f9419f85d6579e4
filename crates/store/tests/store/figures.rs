//! Figures of the queue when much waits in it. Printed, not judged:
//! `cargo test --release -p store -- --ignored --nocapture figures`
use crate::{on_each, queue::keenest};
use std::{
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};
use store::{
    Cursor, Store,
    items::{self, State},
    quota,
    tasks::{self, Kind, Target},
    upkeep,
    work::{self, Beat, Progress, Stage, Ticket},
};

const IMAGES: usize = 100_000;
const REGISTRIES: usize = 20;

#[test]
#[ignore = "takes minutes"]
fn of_a_long_queue() {
    on_each(|store| {
        store.write(|tx| quota::authorise(tx, Some(1_000_000))).unwrap();
        let task = fill(store, Kind::Cycle);
        claim_and_end(store, 1, 2000);
        claim_and_end(store, 4, 500);
        claim_and_end(store, 16, 100);
        // As many again that cost nothing, since they have been paid for, and half of which join.
        let second = fill(store, Kind::Manual);
        claim_and_end(store, 4, 500);
        pages(store, task);
        once("cancel", || {
            store.write(|tx| tasks::cancel(tx, second, 0)).unwrap();
            while store.write(|tx| tasks::cancel_items(tx, second, 0, 500)).unwrap() {}
        });
        once("give up for want of quota", || {
            store.write(|tx| quota::authorise(tx, Some(0))).unwrap();
            while store.write(|tx| upkeep::exhaust(tx, 0, 200)).unwrap() > 0 {}
        });
        store.write(|tx| quota::authorise(tx, None)).unwrap();
        once("resume", || {
            let again =
                |tx: &mut store::Tx<'_>| tasks::again(tx, task, items::Ended::Exhausted, 0, 500);
            while store.write(again).unwrap() > 0 {}
        });
        claim_and_end(store, 4, 500);
    });
}

fn once(what: &str, act: impl FnOnce()) {
    let start = Instant::now();
    act();
    println!("{what}: {:.1} s", start.elapsed().as_secs_f64());
}

fn fill(store: &Store, kind: Kind) -> i64 {
    let task = store.write(|tx| tasks::start(tx, kind, "ada", "{}", 0)).unwrap();
    once(&format!("start {IMAGES} ({kind:?})"), || {
        let targets: Vec<Target> = (0..IMAGES).map(target).collect();
        for batch in targets.chunks(500) {
            store.write(|tx| tasks::add(tx, task, batch, 0)).unwrap();
        }
        store.write(|tx| tasks::seal(tx, task, 0)).unwrap();
    });
    task
}

fn target(n: usize) -> Target {
    // A digest has no order.
    let hash = u128::try_from(n).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Target {
        digest: format!("sha256:{hash:032x}{n:032x}"),
        registry: i64::try_from(n % REGISTRIES).unwrap(),
        repository: format!("team-{}/service-{}", n % 40, n % 4000),
        tag: format!("1.{n}"),
    }
}

/// Several at once claim, say how far they are, and end, so often each.
fn claim_and_end(store: &Store, workers: usize, times: usize) {
    let steps = ["claim", "beat", "done"];
    let all: [Mutex<Vec<Duration>>; 3] = Default::default();
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                for _ in 0..times {
                    let mut ticket = None;
                    timed(&all[0], || ticket = claim(store));
                    let Some(it) = ticket else { continue };
                    let progress = Progress::default();
                    let beat =
                        |tx: &mut store::Tx<'_>| work::beat(tx, it, Stage::Pulling, progress, 1000);
                    timed(&all[1], || assert_eq!(store.write(beat).unwrap(), Beat::On));
                    timed(&all[2], || assert!(store.write(|tx| work::done(tx, it, 0)).is_ok()));
                }
            });
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    print!("{workers} at once:");
    for (step, times) in steps.iter().zip(&all) {
        let mut times = times.lock().unwrap();
        times.sort_unstable();
        let at = |n: usize| times[times.len() * n / 100].as_secs_f64() * 1e3;
        print!(
            " {step} {:.2}/{:.2}/{:.2} ms,",
            at(50),
            at(99),
            times.last().unwrap().as_secs_f64() * 1e3
        );
    }
    let count = all[2].lock().unwrap().len();
    let rate = f64::from(u32::try_from(count).unwrap()) / seconds;
    println!(" {rate:.0} scans a second (median/p99/most)");
}

fn claim(store: &Store) -> Option<Ticket> {
    let claim = store.write(|tx| work::claim(tx, "one", 0, 1000, keenest)).unwrap();
    claim.map(|it| it.ticket)
}

fn timed(times: &Mutex<Vec<Duration>>, act: impl FnOnce()) {
    let start = Instant::now();
    act();
    let took = start.elapsed();
    times.lock().unwrap().push(took);
}

/// The slowest of some pages of each list.
fn pages(store: &Store, task: i64) {
    let mut slowest: Vec<(String, f64)> = Vec::new();
    let mut note = |what: String, act: &dyn Fn()| {
        let most = (0..10).map(|_| {
            let start = Instant::now();
            act();
            start.elapsed()
        });
        slowest.push((what, most.max().unwrap().as_secs_f64() * 1e3));
    };
    let ask = |cursor: Option<&Cursor>, state| {
        store.read(|tx| items::page(tx, task, state, "", cursor, 100)).unwrap()
    };
    let middle = store.read(|tx| items::page(tx, task, None, "", None, 50_000)).unwrap().next;
    note("tasks".to_owned(), &|| {
        drop(store.read(|tx| tasks::page(tx, &tasks::Filter::default(), None, 100)).unwrap());
    });
    note("task".to_owned(), &|| drop(store.read(|tx| tasks::one(tx, task)).unwrap()));
    note("items".to_owned(), &|| drop(ask(None, None)));
    note("items from the middle".to_owned(), &|| drop(ask(middle.as_ref(), None)));
    for (state, word) in <State as store::Word>::WORDS {
        note(format!("items {word}"), &|| drop(ask(None, Some(*state))));
    }
    note("ledger".to_owned(), &|| drop(store.read(|tx| quota::ledger(tx, None, 100)).unwrap()));
    let texts: Vec<String> = slowest.iter().map(|(what, ms)| format!("{what} {ms:.1}")).collect();
    println!("pages of 100, ms at most: {}", texts.join(", "));
}
