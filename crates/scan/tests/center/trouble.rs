//! What surrounds the center goes wrong: advisories, disks, clocks, databases.
use crate::{
    bad::patiently,
    world::{Machine, admin, debian, home, on_each, osv, quick, shared},
};
use scan::{
    advisories,
    center::{Limits, Role, Selection},
    settings::{Cycle, Settings},
};
use std::{fs, path::Path, sync::atomic::Ordering, thread, time::Duration};
use store::items;
use testkit::{disk::Disk, harbor::Harbor, http::Wire, postgres, registry::What};

const DAY_MS: i64 = 86_400_000;

/// A Harbor with so many images that have a vulnerability.
fn harbor(images: usize) -> Harbor {
    let harbor = Harbor::start("v2.13.1");
    harbor.project("team");
    for n in 0..images {
        let image = debian(&["alpha 1"], &format!("image {n}"));
        harbor.put("team/app", &format!("v{n}"), &image);
    }
    harbor
}

fn told(machine: &Machine, words: &str) -> bool {
    machine.trouble.lock().unwrap().iter().any(|it| it.contains(words))
}

#[test]
fn a_feed_that_is_no_good_leaves_the_old_advisories_in_use() {
    let known = [("CVE-2099-0001".to_owned(), 2)];
    let import = |machine: &Machine, name: &str, bytes: &[u8]| {
        let folder = machine.folder.path().join("new/osv");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
        let data = advisories::Store::new(&machine.folder.path().join("data"));
        let policy = advisories::Policy { force: false, without: &[] };
        let outcome = data.import(None, std::slice::from_ref(&folder), policy, &mut |_| {});
        fs::remove_dir_all(&folder).unwrap();
        outcome.map(|it| format!("{it:?}")).unwrap_err().to_string()
    };
    on_each(|settings| {
        let harbor = harbor(2);
        let machine = Machine::start(settings, Role::All);
        machine.add("harbor", &harbor.host(), &admin());
        assert_eq!(machine.scan_all().counts.done, 2);
        let build = || machine.store.read(store::rematch::build).unwrap();
        let before = build();
        let whole = osv("CVE-2099-0002", "alpha", "9");
        let cases: [(&str, &[u8]); 4] = [
            ("cut.json", &whole.as_bytes()[..whole.len() / 2]),
            ("noise.json", b"\x00\xff\x00\xff"),
            ("cut.zip", b"PK\x03\x04 and then nothing"),
            ("page.json", b"<html>Welcome to the hotel</html>"),
        ];
        for (name, bytes) in cases {
            let why = import(&machine, name, bytes);
            assert!(why.contains(name), "{name}: {why}");
        }
        // A file that somebody has damaged, and one that has come in its place.
        let current = fs::canonicalize(machine.folder.path().join("data/db/current")).unwrap();
        machine.import(&[osv("CVE-2099-0001", "alpha", "2"), osv("CVE-2099-0002", "beta", "2")]);
        machine.until("in use", || build() != before);
        let damaged = fs::canonicalize(machine.folder.path().join("data/db/current")).unwrap();
        assert_ne!(current, damaged);
        fs::remove_file(&damaged).unwrap();
        fs::write(&damaged, b"PLIMSOLL and then nothing").unwrap();
        machine.until("told", || told(&machine, "the one before is used"));
        machine.until("in use", || build() == before);
        harbor.put("team/app", "v9", &debian(&["alpha 1", "beta 1"], "later"));
        machine.center.stop();
        assert_eq!(machine.risks(), known);
    });
}

#[test]
fn a_disk_without_room_for_layers_fails_what_needs_it_and_nothing_else() {
    let Some(disk) = Disk::mount(4 << 20) else { return };
    let harbor = harbor(3);
    let many: Vec<String> = (0..900).map(|it| format!("package-{it} 1")).collect();
    let names: Vec<&str> = many.iter().map(String::as_str).collect();
    let large = debian(&names, "large");
    harbor.put("team/large", "v1", &large);
    let folder = tempfile::tempdir().unwrap();
    let settings = store::Settings::Embedded(folder.path().join("store.db"));
    let limits = Limits { lease: Duration::from_secs(600), ..quick() };
    let machine = Machine::made(&settings, limits, home(), |world| {
        world.inspection.spool = disk.folder().to_owned();
        world.inspection.limits.memory_bytes = 1 << 10;
    });
    machine.center.run(Role::All).unwrap();
    machine.add("harbor", &harbor.host(), &admin());
    disk.fill();
    let task = machine.center.scan_now(&Selection::default(), "anna").unwrap();
    patiently(&machine, task);
    let digest = large.manifest.digest.as_str();
    let item = machine.store.read(|tx| items::of_digest(tx, digest, 1)).unwrap().pop().unwrap();
    assert_eq!(item.code, "disk-full", "{}", item.reason);
    for words in ["layer sha256:", "make room for temporary files"] {
        assert!(item.reason.contains(words), "{}", item.reason);
    }
    assert_eq!((machine.task(task).counts.done, machine.used()), (3, 3));
    disk.free();
    machine.center.retry(task).unwrap();
    assert_eq!((machine.ended(task).counts.done, machine.used()), (4, 4));
    assert_eq!(machine.image(digest).image.components, 900);
    assert!(fs::read_dir(disk.folder()).unwrap().next().is_none(), "something was left");
    machine.center.stop();
}

#[test]
fn a_disk_without_room_for_the_database_is_waited_for() {
    let Some(disk) = Disk::mount(24 << 20) else { return };
    let harbor = harbor(6);
    let settings = store::Settings::Embedded(disk.folder().join("store.db"));
    let machine = Machine::start(&settings, Role::All);
    machine.add("harbor", &harbor.host(), &admin());
    let task = machine.center.scan_now(&Selection::default(), "anna").unwrap();
    disk.fill();
    machine.until("told", || told(&machine, "no room left for the database"));
    disk.free();
    assert_eq!((machine.ended(task).counts.done, machine.used()), (6, 6));
    machine.center.stop();
    drop(machine);
    assert!(Path::new(disk.folder()).exists());
}

#[test]
fn a_clock_that_jumps_stops_nothing_and_repeats_nothing() {
    on_each(|settings| {
        let harbor = harbor(3);
        let limits = Limits { synchronise: Duration::from_millis(300), ..quick() };
        let machine = Machine::with(settings, limits);
        machine.center.run(Role::All).unwrap();
        let id = machine.add("harbor", &harbor.host(), &admin());
        machine.choose(&Settings { cycle: Cycle::ThreeDays, ..Settings::default() });
        machine.until("started", || machine.tasks().len() == 1);
        assert_eq!(machine.ended(machine.tasks()[0].id).counts.done, 3);
        for (jump, cycles) in [(10 * DAY_MS, 2), (0, 2), (-9 * DAY_MS, 2), (20 * DAY_MS, 3)] {
            let name = format!("jump {jump}");
            let slow = debian(&["alpha 1"], &name);
            harbor.put("team/slow", &name.replace(' ', ""), &slow);
            machine.synchronised_anew(&harbor, id);
            // It hangs until the client tries again: the clock jumps in the middle of it.
            harbor.fail(
                slow.layers()[1].digest.as_str(),
                1,
                What::Wire(Wire::Slow(Duration::from_millis(5))),
            );
            let wanted = Selection {
                digests: vec![slow.manifest.digest.to_string()],
                ..Selection::default()
            };
            let task = machine.center.scan_now(&wanted, "anna").unwrap();
            machine.until("pulling", || {
                machine.task(task).counts.queued == 0 && machine.task(task).sealed
            });
            machine.ahead.store(jump, Ordering::Relaxed);
            patiently(&machine, task);
            assert_eq!(machine.task(task).counts.done, 1, "{name}");
            machine.synchronised_anew(&harbor, id);
            let is_cycle = |it: &store::tasks::Task| it.kind == store::tasks::Kind::Cycle;
            let count = || machine.tasks().iter().filter(|it| is_cycle(it)).count();
            machine.until(&name, || count() == cycles);
            machine.tasks().iter().for_each(|it| drop(machine.ended(it.id)));
            let (_, next) = machine.center.cycle_times().unwrap();
            let ahead = machine.ahead.load(Ordering::Relaxed);
            let now = jiff::Timestamp::now().as_millisecond() + ahead;
            assert!(next.is_some_and(|it| it > now && it <= now + 3 * DAY_MS), "{name}: {next:?}");
        }
        let quota = machine.store.read(store::quota::read).unwrap();
        assert_eq!((quota.used, quota.reserved), (7, 0));
        machine.center.stop();
    });
}

#[test]
fn a_database_that_stays_away_longer_than_a_lease_loses_nothing() {
    let Some(mut server) = postgres::Server::start(&[]) else { return };
    let harbor = harbor(8);
    let slow = debian(&["alpha 1"], "slow");
    harbor.put("team/slow", "v1", &slow);
    let limits = Limits {
        lease: Duration::from_secs(2),
        synchronise: Duration::from_millis(300),
        ..quick()
    };
    let settings = shared(server.database());
    let machine = Machine::with(&settings, limits);
    machine.center.run(Role::All).unwrap();
    let id = machine.add("harbor", &harbor.host(), &admin());
    harbor.fail(
        slow.layers()[1].digest.as_str(),
        1,
        What::Wire(Wire::Slow(Duration::from_millis(20))),
    );
    let task = machine.center.scan_now(&Selection::default(), "anna").unwrap();
    machine.until("begun", || machine.task(task).counts.done > 0);
    server.crash();
    thread::sleep(Duration::from_secs(4));
    server.resume();
    machine.until("back", || machine.store.read(store::quota::read).is_ok());
    assert!(told(&machine, "the database cannot be reached"));
    patiently(&machine, task);
    assert_eq!((machine.task(task).counts.done, machine.used()), (9, 9));
    machine.synchronised_anew(&harbor, id);
    machine.center.stop();
}

#[test]
fn a_database_that_others_keep_busy_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let settings = store::Settings::Embedded(folder.path().join("store.db"));
    let harbor = harbor(6);
    let machine = Machine::start(&settings, Role::All);
    machine.add("harbor", &harbor.host(), &admin());
    let other = store::Store::open(settings).unwrap();
    let task = machine.center.scan_now(&Selection::default(), "anna").unwrap();
    let keep = |_: &mut store::Tx<'_>| {
        thread::sleep(Duration::from_secs(7));
        Ok(())
    };
    other.write(keep).unwrap();
    assert_eq!((machine.ended(task).counts.done, machine.used()), (6, 6));
    machine.center.stop();
}
