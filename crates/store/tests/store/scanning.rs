//! What scans write, and the questions about what they found.
use crate::{
    on_each,
    world::{
        BUILD, DETAIL, digest, finding, image, inventory, located, rate, registry, round, scan,
        seen, write_scan,
    },
};
use model::{Ecosystem, Enrichment, Epss, Exploited, Level as Severity, Uncovered};
use std::collections::BTreeSet;
use store::{
    Category, Counts, Level, Store, Tally, components, figures, findings,
    images::{self, Filter, Sort, State},
    rematch, risks,
    scans::{self, Outcome},
};

/// A registry with these images, each in a repository of its name.
fn with_images(store: &Store, names: &[&str]) {
    let home = registry(store, "home");
    let all: Vec<_> = names.iter().map(|it| (*it, vec![seen(it, &["1"])])).collect();
    round(store, home, &all, 10);
}

fn list(store: &Store, filter: &Filter) -> Vec<String> {
    let page = store.read(|tx| images::page(tx, filter, Sort::Name, None, 100)).unwrap();
    page.items.into_iter().map(|it| it.places[0].repository_name.clone()).collect()
}

fn open_risks(store: &Store) -> Vec<(String, i64)> {
    let page = store.read(|tx| risks::page(tx, &risks::Filter::default(), None, 100)).unwrap();
    page.items.into_iter().map(|it| (it.name, it.images)).collect()
}

fn tally(high: i64, medium: i64, low: i64) -> Tally {
    Tally { high, medium, low }
}

/// An inventory in which two layers bring the same component, and what is found in it.
fn doubled() -> (model::Inventory, [model::Finding; 4]) {
    let inventory = inventory(vec![
        located("libc6", "2.36", 0),
        located("npm:leftpad", "1.0", 1),
        located("npm:leftpad", "1.0", 2),
        located("bash", "5.2", 0),
    ]);
    let found = [
        finding(0, "CVE-1", Severity::Critical),
        finding(0, "CVE-2", Severity::Low),
        finding(1, "CVE-1", Severity::Medium),
        finding(2, "CVE-1", Severity::Medium),
    ];
    (inventory, found)
}

#[test]
fn an_inventory_is_read_back_as_it_was_written() {
    on_each(|store| {
        with_images(store, &["a"]);
        let (inventory, found) = doubled();
        scan(store, "a", &inventory, &found, 100);
        let key = image(store, "a");
        let all = store.read(|tx| components::of_image(tx, key)).unwrap();
        let layer = |it: i64| usize::try_from(it).unwrap();
        let read = all
            .iter()
            .map(|it| (it.component.clone(), it.path.clone(), layer(it.layer), it.by.clone()));
        let mut read: Vec<_> = read.collect();
        read.sort();
        let path =
            |it: &model::Located<model::Component>| it.path.as_ref().map(ToString::to_string);
        let written = inventory
            .components
            .iter()
            .map(|it| (it.what.clone(), path(it), it.layer, it.by.clone()));
        let mut written: Vec<_> = written.collect();
        written.sort();
        assert_eq!(read, written);
        let scopes: BTreeSet<_> = all.iter().map(|it| it.scope.as_str()).collect();
        assert_eq!(scopes, BTreeSet::from(["", "Debian 12"]));
    });
}

#[test]
fn findings_are_read_back_as_they_were_written() {
    on_each(|store| {
        with_images(store, &["a"]);
        let (inventory, found) = doubled();
        scan(store, "a", &inventory, &found, 100);
        let one = store.read(|tx| images::one(tx, &digest("a"))).unwrap().unwrap();
        assert_eq!(one.document.as_deref(), Some(DETAIL.as_bytes()));
        assert_eq!(one.image.state, State::Scanned);
        assert_eq!((one.image.components, one.image.level), (4, Level::High));
        // The component that two layers bring counts twice.
        let counts =
            Counts { system: tally(1, 0, 1), application: tally(0, 2, 0), ..Counts::default() };
        assert_eq!(one.image.counts, counts);
        let rows = store.read(|tx| findings::of_image(tx, one.image.id, false)).unwrap();
        let named =
            |it: &findings::Finding| (it.name.clone(), it.package.clone(), it.layer, it.level);
        let row = |risk: &str, package: &str, layer: i64, level| {
            (risk.to_owned(), package.to_owned(), layer, level)
        };
        assert_eq!(
            rows.iter().map(named).collect::<Vec<_>>(),
            [
                row("CVE-1", "libc6", 0, Level::High),
                row("CVE-1", "leftpad", 1, Level::Medium),
                row("CVE-1", "leftpad", 2, Level::Medium),
                row("CVE-2", "libc6", 0, Level::Low),
            ]
        );
        assert!(rows.iter().all(|it| it.first_seen == 100 && it.handled_by.is_none()));
        let why = store.read(|tx| findings::why(tx, rows[0].component, rows[0].risk)).unwrap();
        assert_eq!(why.unwrap(), found[0]);
        let one = |name: &str| (name.to_owned(), 1);
        assert_eq!(open_risks(store), [one("CVE-1"), one("CVE-1"), one("CVE-2")]);
    });
}

#[test]
fn components_are_shared_and_a_second_scan_changes_nothing() {
    on_each(|store| {
        with_images(store, &["a", "b"]);
        let base = inventory(vec![located("libc6", "2.36", 0), located("bash", "5.2", 1)]);
        let found = [finding(0, "CVE-1", Severity::High)];
        scan(store, "a", &base, &found, 100);
        scan(store, "b", &base, &found, 200);
        assert_eq!(open_risks(store), [("CVE-1".to_owned(), 2)]);
        let before = store.read(|tx| images::one(tx, &digest("a"))).unwrap().unwrap();
        scan(store, "a", &base, &found, 300);
        let mut after = store.read(|tx| images::one(tx, &digest("a"))).unwrap().unwrap();
        assert_eq!((after.image.first_scanned, after.image.scanned_at), (100, 300));
        after.image.scanned_at = 100;
        assert_eq!(after, before);
        assert_eq!(open_risks(store), [("CVE-1".to_owned(), 2)]);
        assert_eq!(store.read(|tx| components::named(tx, "libc6", None)).unwrap().len(), 1);
        // Analysers that see more: other contents.
        let more = inventory(vec![located("libc6", "2.36", 0), located("zsh", "1", 1)]);
        scan(store, "a", &more, &[finding(1, "CVE-2", Severity::Low)], 400);
        assert_eq!(open_risks(store), [("CVE-2".to_owned(), 1)]);
        let counts = |name: &str| {
            store.read(|tx| images::one(tx, &digest(name))).unwrap().unwrap().image.counts
        };
        // The later scan says that libc6 has nothing: of the same component, and so in b as well.
        assert_eq!(counts("b"), Counts::default());
        assert_eq!(counts("a").system, tally(0, 0, 1));
    });
}

#[test]
fn what_was_assessed_with_other_advisories_is_refused() {
    on_each(|store| {
        with_images(store, &["a"]);
        let key = image(store, "a");
        let inventory = inventory(vec![located("libc6", "2.36", 0)]);
        let write = |build: &str| {
            store.write(|tx| write_scan(tx, key, build, &inventory, &[], 100)).unwrap()
        };
        assert_eq!(write(BUILD), Outcome::Stale(String::new()));
        store.write(|tx| rematch::begin(tx, "two")).unwrap();
        assert_eq!(write(BUILD), Outcome::Stale("two".to_owned()));
        assert_eq!(images_in(store, State::New), ["a"]);
        assert_eq!(write("two"), Outcome::Stored);
        assert_eq!(images_in(store, State::Scanned), ["a"]);
    });
}

fn images_in(store: &Store, state: State) -> Vec<String> {
    list(store, &Filter { states: vec![state], ..Filter::default() })
}

#[test]
fn a_scan_that_fails_keeps_what_was_known() {
    on_each(|store| {
        with_images(store, &["a", "b", "c"]);
        let inventory = inventory(vec![located("libc6", "2.36", 0)]);
        scan(store, "a", &inventory, &[finding(0, "CVE-1", Severity::High)], 100);
        for name in ["a", "b"] {
            let key = image(store, name);
            store.write(|tx| scans::fail(tx, key, "unreachable", "the registry hung up")).unwrap();
        }
        assert_eq!(images_in(store, State::Failed), ["a", "b"]);
        assert_eq!(images_in(store, State::New), ["c"]);
        let figures = store.read(figures::images).unwrap();
        let rows: Vec<_> = figures.iter().map(|it| (it.state, it.level, it.images)).collect();
        assert_eq!(
            rows,
            [
                (State::Failed, Level::None, 1),
                (State::Failed, Level::High, 1),
                (State::New, Level::None, 1)
            ]
        );
        assert_eq!(open_risks(store), [("CVE-1".to_owned(), 1)]);
        let one = store.read(|tx| images::one(tx, &digest("a"))).unwrap().unwrap();
        assert_eq!(
            (one.image.code.as_str(), one.image.reason.as_str()),
            ("unreachable", "the registry hung up")
        );
        scan(store, "a", &inventory, &[finding(0, "CVE-1", Severity::High)], 100);
        assert_eq!(images_in(store, State::Scanned), ["a"]);
    });
}

#[test]
fn images_are_found_by_what_is_in_them() {
    on_each(|store| {
        with_images(store, &["a", "b", "c", "never"]);
        let first = inventory(vec![located("libc6", "2.36", 0), located("npm:log", "1.0", 1)]);
        let second = inventory(vec![located("libc6", "2.37", 0), located("npm:log", "2.0", 1)]);
        scan(
            store,
            "a",
            &first,
            &[finding(0, "CVE-1", Severity::High), finding(1, "CVE-2", Severity::Low)],
            100,
        );
        scan(store, "b", &second, &[finding(1, "CVE-2", Severity::Medium)], 300);
        scan(store, "c", &inventory(vec![]), &[], 200);
        let check =
            |filter: Filter, names: &[&str]| assert_eq!(list(store, &filter), names, "{filter:?}");
        let none = Filter::default;
        check(Filter { levels: vec![Level::High], ..none() }, &["a"]);
        check(Filter { levels: vec![Level::High, Level::Medium], ..none() }, &["a", "b"]);
        check(Filter { levels: vec![Level::None], ..none() }, &["c", "never"]);
        check(Filter { category: Some(Category::System), ..none() }, &["a"]);
        check(Filter { category: Some(Category::Application), ..none() }, &["a", "b"]);
        check(Filter { coverage: vec![model::Grade::Known], ..none() }, &["a", "b", "c"]);
        check(Filter { coverage: vec![model::Grade::Unknown], ..none() }, &["never"]);
        check(Filter { risk: "CVE-2".to_owned(), ..none() }, &["a", "b"]);
        check(Filter { risk: "CVE-1".to_owned(), text: "b".to_owned(), ..none() }, &[]);
        check(Filter { risk: "CVE-3".to_owned(), ..none() }, &[]);
        // Versions are compared by whoever knows how.
        let logs = store.read(|tx| components::named(tx, "log", Some(Ecosystem::Npm))).unwrap();
        let old = logs.iter().filter(|it| it.1.version == "1.0").map(|it| it.0).collect();
        check(Filter { components: Some(old), ..none() }, &["a"]);
        check(
            Filter { components: Some(logs.iter().map(|it| it.0).collect()), ..none() },
            &["a", "b"],
        );
        let sorted = |sort: Sort| {
            let mut names = Vec::new();
            let mut cursor = None;
            loop {
                let page =
                    store.read(|tx| images::page(tx, &none(), sort, cursor.as_ref(), 1)).unwrap();
                names.extend(page.items.into_iter().map(|it| it.places[0].repository_name.clone()));
                let Some(next) = page.next else { return names };
                cursor = Some(next);
            }
        };
        assert_eq!(sorted(Sort::Level), ["a", "b", "never", "c"]);
        assert_eq!(sorted(Sort::Scanned), ["b", "c", "a", "never"]);
        assert_eq!(sorted(Sort::Name), ["a", "b", "c", "never"]);
        let names = store.read(|tx| components::search(tx, "LI", None, 10)).unwrap();
        assert_eq!(
            names.items.iter().map(|it| (it.name.as_str(), it.components)).collect::<Vec<_>>(),
            [("libc6", 2)]
        );
    });
}

#[test]
fn risks_are_listed_the_most_urgent_first() {
    on_each(|store| {
        with_images(store, &["a"]);
        let inventory = inventory(vec![located("libc6", "2.36", 0), located("npm:log", "1.0", 1)]);
        let mut unfixed = finding(0, "CVE-2", Severity::High);
        unfixed.status = model::Status::Affected;
        let mut exploited = finding(0, "CVE-3", Severity::Medium);
        exploited.exploited = Some(Exploited { added: None, due: None, ransomware: true });
        let found = [
            finding(0, "CVE-1", Severity::Low),
            unfixed,
            exploited,
            finding(1, "CVE-2", Severity::Critical),
            finding(1, "CVE-4", Severity::Medium),
        ];
        scan(store, "a", &inventory, &found, 100);
        let check = |filter: risks::Filter, names: &[&str]| {
            let mut found = Vec::new();
            let mut cursor = None;
            loop {
                let page = store.read(|tx| risks::page(tx, &filter, cursor.as_ref(), 2)).unwrap();
                found.extend(page.items.into_iter().map(|it| it.name));
                let Some(next) = page.next else { break };
                cursor = Some(next);
            }
            assert_eq!(found, names, "{filter:?}");
        };
        let none = risks::Filter::default;
        check(none(), &["CVE-2", "CVE-3", "CVE-2", "CVE-4", "CVE-1"]);
        let system = || risks::Filter { category: Some(Category::System), ..none() };
        check(system(), &["CVE-3", "CVE-2", "CVE-1"]);
        check(risks::Filter { exploited: true, ..none() }, &["CVE-3"]);
        check(risks::Filter { fixable: true, ..system() }, &["CVE-3", "CVE-1"]);
        check(risks::Filter { levels: vec![Level::High], ..none() }, &["CVE-2", "CVE-2"]);
        check(risks::Filter { text: "cve-4 is".to_owned(), ..none() }, &["CVE-4"]);
        check(risks::Filter { state: risks::State::Gone, ..none() }, &[]);
        let open = store.read(risks::open).unwrap();
        assert_eq!(open.iter().map(|it| it.2).sum::<i64>(), 5);
        // Scores change daily, and touch no match.
        let why = |name: &str| {
            let risk = store.read(|tx| risks::named(tx, name)).unwrap().remove(0).id;
            let (component, _) =
                store.read(|tx| findings::affected(tx, risk, 0, 1)).unwrap().remove(0);
            store.read(|tx| findings::why(tx, component, risk)).unwrap().unwrap()
        };
        let news = [
            Enrichment {
                cve: "CVE-1".to_owned(),
                epss: Some(Epss { day: None, score: 0.5, percentile: 0.9 }),
                exploited: Some(Exploited { added: None, due: None, ransomware: false }),
                ..Enrichment::default()
            },
            Enrichment { cve: "CVE-3".to_owned(), ..Enrichment::default() },
            Enrichment { cve: "CVE-9".to_owned(), ..Enrichment::default() },
        ];
        assert_eq!(store.write(|tx| rematch::enrich(tx, &news, &rate)).unwrap(), 2);
        assert_eq!(store.write(|tx| rematch::enrich(tx, &news, &rate)).unwrap(), 0);
        check(system(), &["CVE-2", "CVE-1", "CVE-3"]);
        assert_eq!(why("CVE-1").epss, news[0].epss);
        assert_eq!(why("CVE-3").exploited, None);
    });
}

#[test]
fn two_images_are_compared() {
    on_each(|store| {
        with_images(store, &["a", "b"]);
        let old = inventory(vec![located("libc6", "2.36", 0), located("bash", "5", 0)]);
        let new = inventory(vec![
            located("libc6", "2.37", 0),
            located("bash", "5", 3),
            located("zsh", "5", 1),
        ]);
        scan(
            store,
            "a",
            &old,
            &[
                finding(0, "CVE-1", Severity::High),
                finding(0, "CVE-2", Severity::Low),
                finding(1, "CVE-3", Severity::Low),
            ],
            1,
        );
        scan(
            store,
            "b",
            &new,
            &[
                finding(0, "CVE-2", Severity::Low),
                finding(1, "CVE-3", Severity::Low),
                finding(2, "CVE-4", Severity::Low),
            ],
            2,
        );
        let (a, b) = (image(store, "a"), image(store, "b"));
        let it = store.read(|tx| findings::compare(tx, a, b)).unwrap();
        let names =
            |some: &[findings::Finding]| some.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        let versions = |some: &[model::Component]| {
            some.iter().map(|it| it.version.clone() + " " + &it.name).collect::<Vec<_>>()
        };
        assert_eq!(versions(&it.components_removed), ["2.36 libc6"]);
        assert_eq!(versions(&it.components_added), ["2.37 libc6", "5 zsh"]);
        assert_eq!(names(&it.findings_removed), ["CVE-1"]);
        assert_eq!(names(&it.findings_added), ["CVE-4"]);
    });
}

#[test]
fn what_could_not_be_seen_is_kept_and_counted() {
    on_each(|store| {
        with_images(store, &["a", "b"]);
        let inventory = inventory(vec![located("libc6", "2.36", 0)]);
        scan(store, "a", &inventory, &[], 1);
        scan(store, "b", &inventory, &[], 1);
        let reasons = vec![Uncovered::Unread(3), Uncovered::StarterSetOnly];
        let coverage = model::Coverage { grade: model::Grade::Partial, reasons: reasons.clone() };
        let key = image(store, "b");
        store.write(|tx| scans::cover(tx, key, &coverage)).unwrap();
        let one = store.read(|tx| images::one(tx, &digest("b"))).unwrap().unwrap();
        assert_eq!((one.image.coverage, one.uncovered), (model::Grade::Partial, reasons));
        let counts = store.read(figures::uncovered).unwrap();
        assert_eq!(counts.len(), 2);
        assert!(counts.contains(&("[]".to_owned(), 1)));
    });
}

#[test]
fn risks_are_sorted_by_how_urgent_how_common_or_how_new_they_are() {
    on_each(|store| {
        with_images(store, &["a", "b"]);
        let inventory = || inventory(vec![located("libc6", "1", 0), located("npm:log", "1", 1)]);
        let urgent = finding(0, "CVE-1", Severity::Critical);
        let common = finding(1, "CVE-2", Severity::Medium);
        let new = finding(0, "CVE-3", Severity::Low);
        let just_npm =
            || model::Inventory { components: vec![located("npm:log", "1", 1)], ..inventory() };
        scan(store, "a", &inventory(), &[urgent.clone(), common.clone()], 100);
        scan(store, "b", &just_npm(), &[model::Finding { component: 0, ..common.clone() }], 200);
        scan(store, "a", &inventory(), &[urgent, common, new], 300);
        let check = |sort: risks::Sort, names: [&str; 3]| {
            let filter = risks::Filter { sort, ..risks::Filter::default() };
            let first = store.read(|tx| risks::page(tx, &filter, None, 1)).unwrap();
            let rest = store.read(|tx| risks::page(tx, &filter, first.next.as_ref(), 9)).unwrap();
            let found = first.items.iter().chain(&rest.items).map(|it| it.name.as_str());
            assert_eq!(found.collect::<Vec<_>>(), names, "{sort:?}");
        };
        check(risks::Sort::Priority, ["CVE-1", "CVE-2", "CVE-3"]);
        check(risks::Sort::Images, ["CVE-2", "CVE-3", "CVE-1"]);
        check(risks::Sort::Seen, ["CVE-3", "CVE-2", "CVE-1"]);
    });
}
