//! From a registry to findings.
use crate::world::{Machine, admin, debian, on_each, quick};
use scan::{
    center::{Event, Limits, LoginDocument, Place, Preview, Received, Role, Selection},
    settings::{Cycle, Settings},
};
use std::{
    sync::atomic::Ordering,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use store::{images::State, items, tasks::Kind};
use tempfile::TempDir;
use testkit::{
    harbor::Harbor,
    image::index,
    real::{Running, installed},
    registry::What,
};

#[test]
fn from_a_registry_to_findings() {
    if !installed(&["docker-registry"]) {
        return;
    }
    on_each(|settings| {
        let folder = TempDir::new().unwrap();
        let registry = Running::start(folder.path(), "", "");
        let [old, new] = [debian(&["alpha 1"], "old"), debian(&["alpha 3"], "new")];
        testkit::real::push(registry.host(), "team/app", "v1", &old, "");
        testkit::real::push(registry.host(), "team/app", "v2", &new, "");
        let several = index(&[debian(&["alpha 1", "beta 1"], "a"), old.clone()]);
        testkit::real::push(registry.host(), "team/multi", "latest", &several, "");
        let machine = Machine::start(settings, Role::All);
        machine.add("oci", registry.host(), &LoginDocument::Anonymous);
        let all = Selection::default();
        let preview = machine.center.preview(&all).unwrap();
        assert_eq!(preview, Preview { images: 3, known: 0, cost: 3, left: None });
        let place = Place { registry: None, repository: "team/app".to_owned() };
        let narrow = Selection { places: vec![place], ..Selection::default() };
        assert_eq!(machine.center.preview(&narrow).unwrap().images, 2);

        let task = machine.scan_all();
        assert_eq!((task.counts.total, task.counts.done), (3, 3), "{task:?}");
        assert_eq!(machine.risks(), [("CVE-2099-0001".to_owned(), 2)]);
        let image = machine.image(old.manifest.digest.as_str());
        assert_eq!((image.image.state, image.image.components), (State::Scanned, 1));
        assert_eq!(image.image.system, "Debian 12");
        let detail: scan::center::Detail =
            serde_json::from_slice(&image.document.unwrap()).unwrap();
        assert_eq!(detail.layers.len(), 2);
        assert_eq!(machine.used(), 3);
        let preview = machine.center.preview(&all).unwrap();
        assert_eq!((preview.known, preview.cost), (3, 0));

        // All is known: nothing is asked of the registry any more, and nothing is charged.
        drop(registry);
        let again = machine.scan_all();
        assert_eq!((again.counts.done, machine.used()), (3, 3));
        machine.center.stop();
    });
}

#[test]
fn what_is_known_is_looked_at_anew_when_that_is_asked_for() {
    on_each(|settings| {
        let harbor = Harbor::start("v2.13.1");
        harbor.project("team");
        let built = debian(&["alpha 1"], "one");
        harbor.put("team/app", "v1", &built);
        harbor.put("team/app", "v2", &debian(&["alpha 1"], "two"));
        let machine = Machine::start(settings, Role::All);
        machine.add("harbor", &harbor.host(), &admin());
        assert_eq!(machine.scan_all().counts.done, 2);
        let scan = |again| {
            let digests = vec![built.manifest.digest.to_string()];
            let wanted = Selection { digests, again, ..Selection::default() };
            assert_eq!(machine.center.preview(&wanted).unwrap().cost, 0);
            let before = harbor.count("/v2/");
            let task = machine.center.scan_now(&wanted, "anna").unwrap();
            let task = machine.ended(task);
            assert_eq!((task.counts.total, task.counts.done, machine.used()), (1, 1, 2));
            assert_eq!(machine.risks(), [("CVE-2099-0001".to_owned(), 2)]);
            harbor.count("/v2/") - before
        };
        assert_eq!(scan(false), 0);
        let layer = built.layers()[0].digest.as_str();
        let before = harbor.count(layer);
        assert!(scan(true) >= 4, "manifest, configuration and both layers");
        assert_eq!(harbor.count(layer), before + 1);
        // What is not true of it any more is told, and what was known of it stays.
        harbor.delete("team/app", built.manifest.digest.as_str());
        let digests = vec![built.manifest.digest.to_string()];
        let wanted = Selection { digests, again: true, ..Selection::default() };
        let task = machine.center.scan_now(&wanted, "anna").unwrap();
        assert_eq!(machine.ended(task).counts.failed, 1);
        let image = machine.image(built.manifest.digest.as_str());
        assert_eq!((image.image.state, image.image.code.as_str()), (State::Failed, "gone"));
        assert_eq!(image.image.components, 1);
        machine.center.stop();
    });
}

#[test]
fn a_tag_that_moves_is_scanned() {
    on_each(|settings| {
        let harbor = Harbor::start("v2.13.1");
        harbor.project("team");
        harbor.put("team/app", "latest", &debian(&["alpha 3"], "one"));
        let machine = Machine::start(settings, Role::All);
        machine.choose(&Settings { on_change: true, ..Settings::default() });
        let id = machine.add("harbor", &harbor.host(), &admin());
        assert!(machine.tasks().is_empty(), "what was there from the start is no change");
        // Seen while synchronising.
        let second = debian(&["alpha 1"], "two");
        harbor.put("team/app", "latest", &second);
        machine.synchronised(id);
        machine.until("started", || !machine.tasks().is_empty());
        let task = machine.ended(machine.tasks()[0].id);
        assert_eq!((task.kind, task.counts.done), (Kind::Change, 1));
        assert_eq!(machine.risks(), [("CVE-2099-0001".to_owned(), 1)]);
        machine.synchronised(id);
        assert_eq!(machine.tasks().len(), 1, "nothing moved since");
        // Told by a webhook, which is not believed.
        let third = debian(&["alpha 1", "beta 1"], "three");
        harbor.put("team/app", "latest", &third);
        let event = |tag: &str| registry::Event {
            repository: "team/app".to_owned(),
            tag: Some(tag.to_owned()),
            digest: None,
            change: registry::Change::Pushed,
        };
        machine.center.hint(id, vec![event("latest"), event("latest"), event("never-was")]);
        machine.until("started", || machine.tasks().len() == 2);
        let task = machine.ended(machine.tasks()[0].id);
        assert_eq!((task.kind, task.counts.total, task.counts.done), (Kind::Change, 1, 1));
        assert_eq!(machine.image(third.manifest.digest.as_str()).image.state, State::Scanned);
        // Out of scope.
        let mut chosen = machine.center.settings().unwrap().0;
        chosen.scope.rules.clear();
        machine.choose(&chosen);
        harbor.put("team/app", "latest", &debian(&["alpha 1"], "four"));
        machine.synchronised(id);
        assert_eq!(machine.tasks().len(), 2);
        machine.center.stop();
    });
}

#[test]
fn a_quota_that_is_used_up_can_be_raised() {
    on_each(|settings| {
        let harbor = Harbor::start("v2.13.1");
        harbor.project("team");
        for n in 0..6 {
            harbor.put("team/app", &format!("v{n}"), &debian(&["alpha 1"], &n.to_string()));
        }
        let machine = Machine::start(settings, Role::All);
        machine.add("harbor", &harbor.host(), &admin());
        machine.center.authorise(Some(4)).unwrap();
        let preview = machine.center.preview(&Selection::default()).unwrap();
        assert_eq!(preview, Preview { images: 6, known: 0, cost: 6, left: Some(4) });
        let task = machine.scan_all();
        assert_eq!((task.counts.done, task.counts.exhausted, machine.used()), (4, 2, 4));
        let notices = machine.store.read(|tx| store::notices::after(tx, 0, 9)).unwrap();
        assert!(notices.iter().any(|it| it.kind == "quota"), "{notices:?}");
        machine.center.authorise(Some(6)).unwrap();
        machine.until("resumed", || machine.task(task.id).counts.done == 6);
        assert_eq!(machine.used(), 6);
        // Whoever takes most of it away is told so too, once.
        let told = || {
            let notices = machine.store.read(|tx| store::notices::after(tx, 0, 99)).unwrap();
            notices.iter().filter(|it| it.kind == "quota").count()
        };
        machine.center.authorise(Some(100)).unwrap();
        let before = told();
        machine.center.authorise(Some(6)).unwrap();
        machine.center.authorise(Some(5)).unwrap();
        assert_eq!(told(), before + 1);
        machine.center.stop();
    });
}

#[test]
fn what_cannot_be_scanned_says_why() {
    let harbor = Harbor::start("v2.13.1");
    for it in ["team", "guarded"] {
        harbor.project(it);
    }
    let [gone, shaky, held] = ["gone", "shaky", "held"].map(|it| debian(&["alpha 1"], it));
    harbor.put("team/gone", "v1", &gone);
    harbor.put("team/shaky", "v1", &shaky);
    harbor.put("guarded/held", "v1", &held);
    let folder = TempDir::new().unwrap();
    let settings = store::Settings::Embedded(folder.path().join("store.db"));
    // The clock is moved on below: by less than a lease.
    let limits = Limits { lease: Duration::from_secs(60), ..quick() };
    let machine = Machine::with(&settings, limits);
    machine.center.run(Role::All).unwrap();
    machine.add("harbor", &harbor.host(), &admin());
    harbor.delete("team/gone", gone.manifest.digest.as_str());
    harbor.protect("guarded");
    // More often than the client tries: this attempt fails, another one does not.
    let what = What::Reply(testkit::http::Reply::new(503, "out of order"));
    harbor.fail(&format!("manifests/{}", shaky.manifest.digest), 3, what);
    let task = machine.center.scan_now(&Selection::default(), "anna").unwrap();
    let of = |image: &testkit::image::BuiltImage| {
        let digest = image.manifest.digest.as_str();
        machine.store.read(|tx| items::of_digest(tx, digest, 1)).unwrap().pop()
    };
    machine.until("waiting for another attempt", || {
        of(&shaky).is_some_and(|it| it.not_before.is_some())
    });
    let of = |image| of(image).unwrap();
    assert_eq!(of(&shaky).code, "unreachable", "{}", of(&shaky).reason);
    machine.ahead.store(20_000, Ordering::Relaxed);
    let task = machine.ended(task);
    let codes = [&gone, &shaky, &held].map(|it| of(it).code);
    assert_eq!((task.counts.done, task.counts.failed), (1, 2), "{codes:?}");
    assert_eq!(of(&gone).code, "gone");
    let item = of(&held);
    assert_eq!(item.code, "blocked-by-policy");
    assert!(item.reason.starts_with("blocked by a policy of the registry"), "{}", item.reason);
    assert_eq!(machine.image(held.manifest.digest.as_str()).image.state, State::Failed);
    assert_eq!(machine.used(), 1);
    let failed = machine.store.read(|tx| store::notices::after(tx, 0, 9)).unwrap();
    assert_eq!(failed.iter().filter(|it| it.kind == "failed").count(), 2);
    // What failed can be tried again.
    assert_eq!(machine.center.retry(task.id).unwrap(), 2);
    assert_eq!(machine.ended(task.id).counts.failed, 2);
    machine.center.stop();
}

#[test]
fn what_is_cancelled_stops_within_seconds() {
    on_each(|settings| {
        let harbor = Harbor::start("v2.13.1");
        harbor.project("team");
        let built = debian(&["alpha 1"], "slow");
        harbor.put("team/slow", "v1", &built);
        let machine = Machine::start(settings, Role::All);
        machine.add("harbor", &harbor.host(), &admin());
        let blob = built.layers()[0].digest.as_str();
        harbor.fail(blob, 1, What::Wire(testkit::http::Wire::Hang(1)));
        let task = machine.center.scan_now(&Selection::default(), "anna").unwrap();
        machine.until("pulling", || machine.task(task).counts.pulling == 1);
        let begun = std::time::Instant::now();
        assert!(machine.center.cancel(task).unwrap());
        machine.until("cancelled", || machine.task(task).ended_at.is_some());
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        let task = machine.task(task);
        assert_eq!((task.counts.cancelled, machine.used()), (1, 0));
    });
}

#[test]
fn a_cycle_that_was_missed_happens_once() {
    on_each(|settings| {
        let harbor = Harbor::start("v2.13.1");
        harbor.project("team");
        harbor.put("team/app", "v1", &debian(&["alpha 1"], "x"));
        let machine = Machine::start(settings, Role::All);
        machine.add("harbor", &harbor.host(), &admin());
        machine.choose(&Settings { cycle: Cycle::ThreeDays, ..Settings::default() });
        machine.until("started", || machine.tasks().len() == 1);
        let task = machine.ended(machine.tasks()[0].id);
        assert_eq!((task.kind, task.counts.done), (Kind::Cycle, 1));
        thread::sleep(Duration::from_millis(300));
        assert_eq!(machine.tasks().len(), 1);
        // Ten days later: three were due.
        machine.ahead.store(10 * 86_400_000, Ordering::Relaxed);
        machine.until("started", || machine.tasks().len() == 2);
        thread::sleep(Duration::from_millis(300));
        assert_eq!(machine.tasks().len(), 2);
        let (last, next) = machine.center.cycle_times().unwrap();
        assert_eq!(next.unwrap() - last.unwrap(), 3 * 86_400_000);
        machine.center.stop();
    });
}

#[test]
fn a_task_that_nobody_saw_running_is_told_of_too() {
    on_each(|settings| {
        let machine = Machine::start(settings, Role::All);
        let mut events = machine.center.events();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let now = i64::try_from(now).unwrap();
        // It begins and ends in one transaction, between two looks.
        let begun_and_ended = |tx: &mut store::Tx<'_>| {
            let id = store::tasks::start(tx, Kind::Manual, "anna", "{}", now)?;
            store::tasks::seal(tx, id, now)?;
            Ok(id)
        };
        let id = machine.store.write(begun_and_ended).unwrap();
        let told = std::iter::from_fn(|| events.next(Duration::from_secs(20)));
        let tasks = told.filter_map(|it| match it {
            Received::Event(it) => match &*it {
                Event::Task(it) => Some((it.id, it.ended_at.is_some())),
                _ => None,
            },
            Received::Missed(_) => None,
        });
        assert_eq!(tasks.take(1).collect::<Vec<_>>(), [(id, true)]);
        // Once is enough.
        let again = events.next(Duration::from_millis(500));
        assert!(!matches!(&again, Some(Received::Event(it)) if matches!(&**it, Event::Task(_))));
        machine.center.stop();
    });
}
