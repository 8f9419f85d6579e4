//! Advisories that change, and rules that handle findings.
use crate::{
    on_each,
    world::{
        digest, finding, image, inventory, located, rate, registry, repository, round, scan, seen,
    },
};
use model::{Enrichment, Exploited, Finding, Level as Severity, Rating, Restart};
use store::{
    Difference, Level, Store,
    exceptions::{self, Kind, New, Place},
    findings,
    images::{self, Filter, Sort},
    rematch, risks,
    vex::{self, Became},
};

fn debian(package: &str) -> Vec<(String, String)> {
    vec![("Debian:12".to_owned(), package.to_owned())]
}

/// Says of the components of this package what is found in them now.
fn update(store: &Store, package: &str, found: &[Finding], at: i64) -> Difference {
    let apply = |tx: &mut store::Tx<'_>| {
        let all = rematch::candidates(tx, &debian(package), 0, 10)?;
        let all: Vec<_> = all.iter().map(|it| (it, found.iter().collect())).collect();
        rematch::apply(tx, &all, &rate, at)
    };
    store.write(apply).unwrap()
}

/// Two images, `a` scanned at 100 and `b` at 200, with one libc6; `a` has bash too.
fn two_images(store: &Store) -> i64 {
    let home = registry(store, "home");
    round(store, home, &[("a", vec![seen("a", &["1"])]), ("b", vec![seen("b", &["1"])])], 10);
    let found = [finding(0, "CVE-1", Severity::High)];
    let both = inventory(vec![located("libc6", "1", 0), located("bash", "1", 0)]);
    scan(store, "a", &both, &found, 100);
    scan(store, "b", &inventory(vec![located("libc6", "1", 0)]), &found, 200);
    home
}

fn level(store: &Store, name: &str) -> Level {
    store.read(|tx| images::one(tx, &digest(name))).unwrap().unwrap().image.level
}

fn of(store: &Store, name: &str, gone: bool) -> Vec<Row> {
    let id = image(store, name);
    let all = store.read(|tx| findings::of_image(tx, id, gone)).unwrap();
    all.into_iter().map(|it| (it.name, it.first_seen, it.gone_at, it.handled_by)).collect()
}

/// Risk, when it was first seen, when it went, and the rule that handles it.
type Row = (String, i64, Option<i64>, Option<i64>);

fn row(risk: &str, first_seen: i64, gone: Option<i64>) -> Row {
    (risk.to_owned(), first_seen, gone, None)
}

#[test]
fn an_update_finds_what_it_names_and_writes_what_differs() {
    on_each(|store| {
        two_images(store);
        let all = store.read(|tx| rematch::candidates(tx, &debian("libc6"), 0, 10)).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].component.name, "libc6");
        assert_eq!(all[0].release.as_ref().unwrap().version_id, "12");
        let none = |keys: &[(String, String)], after: i64| {
            store.read(|tx| rematch::candidates(tx, keys, after, 10)).unwrap().is_empty()
        };
        assert!(none(&debian("libc6"), all[0].id));
        assert!(none(&debian("zlib"), 0));
        assert!(none(&[("Debian:11".to_owned(), "libc6".to_owned())], 0));
        let same = [finding(0, "CVE-1", Severity::High)];
        assert!(update(store, "libc6", &same, 300).is_empty());
        let it = update(store, "libc6", &[finding(0, "CVE-1", Severity::Low)], 300);
        assert_eq!((it.appeared.len(), it.gone.len(), it.changed), (0, 0, 1));
        assert_eq!((level(store, "a"), level(store, "b")), (Level::Low, Level::Low));
        let it = update(store, "libc6", &[finding(0, "CVE-2", Severity::Medium)], 400);
        assert_eq!((it.appeared.len(), it.gone.len(), it.changed), (1, 1, 0));
        assert_eq!(level(store, "b"), Level::Medium);
        assert_eq!(of(store, "b", false), [row("CVE-2", 400, None)]);
        assert_eq!(of(store, "b", true), [row("CVE-2", 400, None), row("CVE-1", 200, Some(400))]);
    });
}

/// The risks with each of the marks: exploit public, remote, restart.
fn marked(store: &Store) -> [Vec<String>; 3] {
    let none = risks::Filter::default;
    let filters = [
        risks::Filter { exploit_public: true, ..none() },
        risks::Filter { remote: true, ..none() },
        risks::Filter { restart: true, ..none() },
    ];
    filters.map(|filter| {
        let page = store.read(|tx| risks::page(tx, &filter, None, 10)).unwrap();
        page.items.into_iter().map(|it| it.name).collect()
    })
}

#[test]
fn marks_follow_what_advisories_say() {
    on_each(|store| {
        two_images(store);
        let check = |expected: [&[&str]; 3]| {
            assert_eq!(marked(store), expected.map(<[&str]>::to_vec));
            for it in store.read(|tx| findings::of_image(tx, image(store, "b"), false)).unwrap() {
                let marks = [it.exploit_public, it.remote, it.restart];
                assert_eq!(marks, marked(store).map(|list| list.contains(&it.name)));
            }
        };
        check([&[], &[], &[]]);
        let vector = |value: &str| Rating {
            level: Severity::High,
            by: "nvd".to_owned(),
            score: Some(7.5),
            value: value.to_owned(),
        };
        let mut it = finding(0, "CVE-1", Severity::High);
        it.ratings = vec![vector("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H")];
        it.restart = Some(Restart::Containers);
        update(store, "libc6", &[it.clone()], 300);
        check([&[], &["CVE-1"], &["CVE-1"]]);
        // What is known of it wherever it occurs comes with a finding, or alone.
        it.exploits = vec!["https://example.com/how".to_owned()];
        assert!(update(store, "libc6", &[it.clone()], 400).is_empty());
        check([&["CVE-1"], &["CVE-1"], &["CVE-1"]]);
        let nothing = Enrichment { cve: "CVE-1".to_owned(), ..Enrichment::default() };
        let enrich = |it: Enrichment| {
            store.write(|tx| rematch::enrich(tx, std::slice::from_ref(&it), &rate))
        };
        enrich(nothing.clone()).unwrap();
        check([&[], &["CVE-1"], &["CVE-1"]]);
        let exploited = Some(Exploited { added: None, due: None, ransomware: false });
        enrich(Enrichment { exploited, ..nothing.clone() }).unwrap();
        check([&["CVE-1"], &["CVE-1"], &["CVE-1"]]);
        enrich(nothing).unwrap();
        // Where one component says that it is local, another one may not.
        let mut local = it.clone();
        local.ratings = vec![vector("CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H")];
        (local.restart, local.exploits) = (None, Vec::new());
        it.exploits = Vec::new();
        update(store, "bash", &[it], 500);
        update(store, "libc6", &[local.clone()], 600);
        let risk = store.read(|tx| risks::named(tx, "CVE-1")).unwrap().remove(0);
        assert_eq!((risk.components, risk.remote, risk.restart), (2, true, true));
        update(store, "bash", &[local], 700);
        check([&[], &[], &[]]);
    });
}

#[test]
fn an_interrupted_update_is_known_to_be_so() {
    on_each(|store| {
        two_images(store);
        let pending = || store.read(rematch::pending).unwrap().map(|it| (it.previous, it.after));
        let begin = |build: &str| store.write(|tx| rematch::begin(tx, build)).unwrap();
        let end = |build: &str| store.write(|tx| rematch::end(tx, build)).unwrap();
        assert_eq!(pending(), Some((String::new(), 0)));
        assert!(end("one"));
        assert_eq!(pending(), None);
        begin("one");
        assert_eq!(pending(), None);
        begin("two");
        store.write(|tx| rematch::progress(tx, 7)).unwrap();
        begin("two");
        assert_eq!(pending(), Some(("one".to_owned(), 7)));
        // The next has to look at all that has changed since the last that ended.
        begin("three");
        assert_eq!(pending(), Some(("one".to_owned(), 0)));
        assert!(!end("two"));
        assert!(end("three"));
        assert_eq!((pending(), store.read(rematch::build).unwrap().as_str()), (None, "three"));
        let all = store.read(|tx| rematch::everything(tx, 0, 1)).unwrap();
        let rest = store.read(|tx| rematch::everything(tx, all[0].id, 10)).unwrap();
        assert_eq!((all.len(), rest.len()), (1, 1));
    });
}

#[test]
fn first_seen_dates_survive() {
    on_each(|store| {
        two_images(store);
        let found = [finding(0, "CVE-1", Severity::High)];
        update(store, "libc6", &[], 300);
        assert_eq!(level(store, "a"), Level::None);
        let risk = store.read(|tx| risks::named(tx, "CVE-1")).unwrap().remove(0);
        assert_eq!((risk.images, risk.components, risk.gone_at), (0, 0, Some(300)));
        update(store, "libc6", &found, 400);
        assert_eq!(
            (of(store, "a", false), of(store, "b", false)),
            (vec![row("CVE-1", 100, None)], vec![row("CVE-1", 200, None)])
        );
        let risk = store.read(|tx| risks::named(tx, "CVE-1")).unwrap().remove(0);
        assert_eq!((risk.images, risk.first_seen, risk.gone_at), (2, 100, None));
        let id = image(store, "a");
        let events = store.read(|tx| findings::timeline(tx, id)).unwrap();
        let events: Vec<_> = events.iter().map(|it| (it.at, it.appeared, it.findings)).collect();
        assert_eq!(events, [(400, true, 1)]);
    });
}

#[test]
fn newly_affected_images_are_told() {
    on_each(|store| {
        two_images(store);
        let it = update(
            store,
            "bash",
            &[finding(0, "CVE-1", Severity::Low), finding(0, "CVE-2", Severity::Low)],
            300,
        );
        let told = |name: &str, since: i64| -> Vec<String> {
            let risk = store.read(|tx| risks::named(tx, name)).unwrap().remove(0).id;
            let all = store.read(|tx| risks::newly_affected(tx, risk, since, 0, 10)).unwrap();
            all.into_iter().map(|it| it.places[0].repository_name.clone()).collect()
        };
        assert_eq!(it.appeared.len(), 2);
        assert_eq!(told("CVE-2", 300), ["a"]);
        // It had that before, by another component.
        assert!(told("CVE-1", 300).is_empty());
        assert!(told("CVE-2", 301).is_empty());
        // What a scan finds is no news of advisories.
        assert!(told("CVE-1", 100).is_empty());
        update(store, "libc6", &[finding(0, "CVE-3", Severity::Low)], 400);
        assert_eq!(told("CVE-3", 400), ["a", "b"]);
    });
}

fn rule(risk: &str, place: Place) -> New {
    New {
        risk: risk.to_owned(),
        package: String::new(),
        path: String::new(),
        rule: String::new(),
        place,
        kind: Kind::Accepted,
        reason: "no input from strangers".to_owned(),
        person: "ada".to_owned(),
        until: None,
        document: String::new(),
    }
}

#[test]
fn a_rule_handles_what_is_there_and_what_comes() {
    on_each(|store| {
        two_images(store);
        let id =
            store.write(|tx| exceptions::add(tx, &rule("CVE-1", Place::Everything), 300)).unwrap();
        assert_eq!((level(store, "a"), level(store, "b")), (Level::None, Level::None));
        assert!(of(store, "a", false).iter().all(|it| it.3 == Some(id)));
        update(store, "bash", &[finding(0, "CVE-1", Severity::High)], 400);
        assert_eq!(level(store, "a"), Level::None);
        let handled = risks::Filter { state: risks::State::Handled, ..risks::Filter::default() };
        let page = |filter: &risks::Filter| {
            store.read(|tx| risks::page(tx, filter, None, 10)).unwrap().items.len()
        };
        assert_eq!((page(&handled), page(&risks::Filter::default())), (1, 0));
        // It is still found by who looks for it.
        let filter = Filter { risk: "CVE-1".to_owned(), ..Filter::default() };
        let found = store.read(|tx| images::page(tx, &filter, Sort::Name, None, 10)).unwrap();
        assert_eq!(found.items.len(), 2);
        assert!(store.write(|tx| exceptions::end(tx, id, 500)).unwrap());
        assert!(!store.write(|tx| exceptions::end(tx, id, 500)).unwrap());
        assert_eq!((level(store, "a"), level(store, "b")), (Level::High, Level::High));
        let it = store.read(|tx| exceptions::one(tx, id)).unwrap().unwrap();
        assert_eq!(
            (it.rule, it.created_at, it.ended_at),
            (rule("CVE-1", Place::Everything), 300, Some(500))
        );
        let listed = |ended: bool| {
            store.read(|tx| exceptions::page(tx, ended, None, 10)).unwrap().items.len()
        };
        assert_eq!((listed(true), listed(false)), (1, 0));
    });
}

#[test]
fn a_rule_for_a_place_does_not_reach_beyond_it() {
    on_each(|store| {
        let home = two_images(store);
        let a = repository(store, home, "a");
        store
            .write(|tx| exceptions::add(tx, &rule("CVE-1", Place::Repositories(vec![a])), 300))
            .unwrap();
        assert_eq!((level(store, "a"), level(store, "b")), (Level::None, Level::High));
        // The same bits in another repository are not accepted there.
        let both = [("a", vec![seen("a", &["1"])]), ("b", vec![seen("b", &["1"]), seen("a", &[])])];
        round(store, home, &both, 400);
        assert_eq!(level(store, "a"), Level::High);
        round(store, home, &[("a", vec![seen("a", &["1"])]), ("b", vec![])], 500);
        assert_eq!(level(store, "a"), Level::None);
        let tagged = rule("CVE-9", Place::Tags(vec![(a, "2".to_owned())]));
        store.write(|tx| exceptions::add(tx, &tagged, 300)).unwrap();
        update(store, "bash", &[finding(0, "CVE-9", Severity::Medium)], 600);
        assert_eq!(level(store, "a"), Level::Medium);
        round(store, home, &[("a", vec![seen("a", &["1", "2"])])], 700);
        assert_eq!(level(store, "a"), Level::None);
        round(store, home, &[("a", vec![seen("a", &["1"])])], 800);
        assert_eq!(level(store, "a"), Level::Medium);
    });
}

#[test]
fn rules_end_when_their_time_has_come() {
    on_each(|store| {
        two_images(store);
        let mut new = rule("CVE-1", Place::Image(digest("a")));
        new.until = Some(500);
        let timed = store.write(|tx| exceptions::add(tx, &new, 300)).unwrap();
        (new.until, new.kind) = (None, Kind::IgnoredOnce);
        assert_eq!(store.write(|tx| exceptions::expire(tx, 499)).unwrap(), [0i64; 0]);
        assert_eq!(level(store, "a"), Level::None);
        assert_eq!(store.write(|tx| exceptions::expire(tx, 500)).unwrap(), [timed]);
        assert_eq!(level(store, "a"), Level::High);
        store.write(|tx| exceptions::add(tx, &new, 600)).unwrap();
        assert_eq!(level(store, "a"), Level::None);
        // For once is until the next scan.
        let both = inventory(vec![located("libc6", "1", 0), located("bash", "1", 0)]);
        scan(store, "a", &both, &[finding(0, "CVE-1", Severity::High)], 700);
        assert_eq!(level(store, "a"), Level::High);
        let empty = store.write(|tx| exceptions::add(tx, &rule("", Place::Everything), 300));
        assert!(matches!(empty, Err(store::Error::Invalid(_))), "{empty:?}");
    });
}

#[test]
fn a_rule_means_packages_by_their_urls() {
    on_each(|store| {
        two_images(store);
        let check = |package: &str, expected: Level| {
            let new = New { package: package.to_owned(), ..rule("CVE-1", Place::Everything) };
            let id = store.write(|tx| exceptions::add(tx, &new, 300)).unwrap();
            assert_eq!(level(store, "b"), expected, "{package}");
            store.write(|tx| exceptions::end(tx, id, 300)).unwrap();
            assert_eq!(level(store, "b"), Level::High, "{package}");
            let narrow = New { place: Place::Image(digest("b")), ..new };
            let id = store.write(|tx| exceptions::add(tx, &narrow, 300)).unwrap();
            assert_eq!(level(store, "b"), expected, "{package} in one image");
            store.write(|tx| exceptions::end(tx, id, 300)).unwrap();
            assert_eq!(level(store, "b"), Level::High, "{package}");
        };
        check("libc6", Level::None);
        check("pkg:deb/debian/libc6", Level::None);
        check("pkg:deb/libc6@1", Level::None);
        check("pkg:deb/debian/libc6?arch=source&distro=debian-12", Level::None);
        check("pkg:deb/debian/libc6@2", Level::High);
        check("pkg:deb/debian/libc6?distro=debian-11", Level::High);
        check("pkg:deb/ubuntu/libc6", Level::High);
        check("pkg:npm/libc6", Level::High);
        check("pkg:unheard/libc6", Level::High);
        let bad = New { package: "pkg:x".to_owned(), ..rule("CVE-1", Place::Everything) };
        let refused = store.write(|tx| exceptions::add(tx, &bad, 300));
        assert!(matches!(refused, Err(store::Error::Invalid(_))), "{refused:?}");
    });
}

#[test]
fn a_newer_version_of_a_document_replaces_its_rules() {
    on_each(|store| {
        two_images(store);
        let document = |version: &str, dated: Option<i64>| vex::Document {
            id: "https://team.example/1".to_owned(),
            version: version.to_owned(),
            dated,
            person: "ada".to_owned(),
        };
        let of = |risk: &str, place: Place| New {
            document: "https://team.example/1".to_owned(),
            ..rule(risk, place)
        };
        let import = |document: &vex::Document, rules: &[New], at: i64| {
            store.write(|tx| vex::import(tx, document, rules, at))
        };
        let both = [
            of("CVE-1", Place::Everything),
            of("CVE-2", Place::Image(digest("a"))),
            of("CVE-1", Place::Everything),
        ];
        let first = import(&document("1", None), &both, 300).unwrap();
        let [Became::Made(one), Became::Made(two), Became::Made(same)] = first.rules[..] else {
            panic!("{first:?}")
        };
        assert_eq!((same, level(store, "a"), level(store, "b")), (one, Level::None, Level::None));
        // The same again is nothing new.
        let again = import(&document("1", None), &both, 310).unwrap();
        assert_eq!(again.rules, [Became::Kept(one), Became::Kept(two), Became::Kept(one)]);
        // What somebody has ended stays so, until the document changes.
        store.write(|tx| exceptions::end(tx, one, 320)).unwrap();
        let again = import(&document("1", None), &both, 330).unwrap();
        assert_eq!(again.rules, [Became::Ended(one), Became::Kept(two), Became::Ended(one)]);
        assert_eq!(level(store, "b"), Level::High);
        let newer = import(&document("2", Some(5)), &both[..1], 340).unwrap();
        assert!(matches!(newer.rules[..], [Became::Made(it)] if it != one), "{newer:?}");
        assert_eq!((newer.superseded, level(store, "b")), (vec![two], Level::None));
        for older in [document("1", None), document("3", Some(4)), document("1.9", Some(5))] {
            let refused = import(&older, &both, 350);
            assert!(matches!(refused, Err(store::Error::Conflict(_))), "{refused:?}");
        }
        let last = import(&document("10", Some(6)), &[], 360).unwrap();
        assert_eq!((last.superseded.len(), level(store, "b")), (1, Level::High));
    });
}
