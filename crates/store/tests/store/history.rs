//! Figures of days: today's are written again and again, those of days that are over stay as they were.
use crate::{
    on_each,
    world::{finding, inventory, located, registry, round, scan, seen},
};
use model::{Inventory, Level as Severity};
use store::{
    Counts, Level, Store, Tally,
    exceptions::{self, Kind, New, Place},
    history::{self, Day},
    risks,
};

const DAY: i64 = 86_400_000;

fn tally(high: i64, medium: i64, low: i64) -> Tally {
    Tally { high, medium, low }
}

fn some() -> Inventory {
    inventory(vec![located("libc6", "1", 0), located("npm:leftpad", "1", 0)])
}

/// Two images, of which the first is scanned on day 1, and the other on day 3.
fn scanned(store: &Store) {
    let home = registry(store, "home");
    round(store, home, &[("a", vec![seen("a", &["1"])]), ("b", vec![seen("b", &["1"])])], DAY);
    let bad = [finding(0, "CVE-1", Severity::High), finding(1, "CVE-2", Severity::Medium)];
    scan(store, "a", &some(), &bad, DAY);
    store.write(|tx| history::note(tx, DAY)).unwrap();
    let less = inventory(vec![located("bash", "1", 0)]);
    scan(store, "b", &less, &[finding(0, "CVE-3", Severity::Low)], 3 * DAY + 5);
    store.write(|tx| history::note(tx, 3 * DAY + 6)).unwrap();
}

/// A rule by which whoever has this risk has it no more.
fn accept(store: &Store, risk: &str, now: i64) {
    let text = |it: &str| it.to_owned();
    let new = New {
        risk: text(risk),
        package: text(""),
        path: text(""),
        rule: text(""),
        place: Place::Everything,
        kind: Kind::Accepted,
        reason: text("r"),
        person: text("p"),
        until: None,
        document: text(""),
    };
    store.write(|tx| exceptions::add(tx, &new, now)).unwrap();
}

#[test]
fn a_day_is_kept_as_it_ended() {
    on_each(|store| {
        assert_eq!(store.read(|tx| history::since(tx, 0)).unwrap(), []);
        scanned(store);
        let system = |high, low| Counts {
            system: tally(high, 0, low),
            application: tally(0, 1, 0),
            ..Counts::default()
        };
        let first = Day { day: 1, images: tally(1, 0, 0), risks: system(1, 0) };
        let third = Day { day: 3, images: tally(1, 0, 1), risks: system(1, 1) };
        assert_eq!(store.read(|tx| history::since(tx, 0)).unwrap(), [first, third]);
        // What is handled later on the same day changes that day alone.
        accept(store, "CVE-1", 3 * DAY + 7);
        store.write(|tx| history::note(tx, 4 * DAY - 1)).unwrap();
        let third = Day { day: 3, images: tally(0, 1, 1), risks: system(0, 1) };
        assert_eq!(store.read(|tx| history::since(tx, 0)).unwrap(), [first, third]);
        assert_eq!(store.read(|tx| history::since(tx, 2)).unwrap(), [third]);
        // And it is the same that can be seen without being noted.
        let today = store.read(|tx| history::today(tx, 9 * DAY)).unwrap();
        assert_eq!(today, Day { day: 9, ..third });
    });
}

#[test]
fn old_days_are_forgotten() {
    on_each(|store| {
        scanned(store);
        assert_eq!(store.write(|tx| history::forget(tx, 1)).unwrap(), 0);
        assert!(store.write(|tx| history::forget(tx, 2)).unwrap() > 0);
        let left = store.read(|tx| history::since(tx, 0)).unwrap();
        assert_eq!(left.iter().map(|it| it.day).collect::<Vec<_>>(), [3]);
        assert_eq!(store.write(|tx| history::forget(tx, 2)).unwrap(), 0);
    });
}

#[test]
fn open_risks_have_an_age() {
    on_each(|store| {
        scanned(store);
        let check = |since: [i64; 3], expected: &[(Level, i64, i64)]| {
            let ages = store.read(|tx| risks::ages(tx, since)).unwrap();
            assert_eq!(ages, expected, "{since:?}");
        };
        let (low, medium, high) = (Level::Low, Level::Medium, Level::High);
        check([4 * DAY, 3 * DAY, 2 * DAY], &[(low, 1, 1), (medium, 3, 1), (high, 3, 1)]);
        check([2 * DAY, DAY, 0], &[(low, 0, 1), (medium, 1, 1), (high, 1, 1)]);
        accept(store, "CVE-1", 5 * DAY);
        check([9 * DAY, 8 * DAY, DAY], &[(low, 2, 1), (medium, 2, 1)]);
    });
}
