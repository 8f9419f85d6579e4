//! Advisories that change change findings, and nothing is pulled for it.
use crate::world::{Machine, admin, debian, on_each, osv, quick, shared};
use scan::center::{Role, Selection};
use std::fs;
use store::risks;
use testkit::harbor::Harbor;

fn known() -> Vec<String> {
    vec![osv("CVE-2099-0001", "alpha", "2")]
}

#[test]
fn a_feed_update_changes_findings_without_any_pull() {
    on_each(|settings| {
        let harbor = Harbor::start("v2.13.1");
        harbor.project("team");
        harbor.put("team/app", "v1", &debian(&["alpha 1", "beta 1"], "one"));
        harbor.put("team/app", "v2", &debian(&["beta 2"], "two"));
        let machine = Machine::start(settings, Role::All);
        machine.add("harbor", &harbor.host(), &admin());
        assert_eq!(machine.scan_all().counts.done, 2);
        assert_eq!(machine.risks(), [("CVE-2099-0001".to_owned(), 1)]);
        let seen = machine.store.read(|tx| store::risks::named(tx, "CVE-2099-0001")).unwrap();
        drop(harbor);
        machine.import(&[known(), vec![osv("CVE-2099-0002", "beta", "3")]].concat());
        let expected = [("CVE-2099-0001".to_owned(), 1), ("CVE-2099-0002".to_owned(), 2)];
        machine.until("matched again", || machine.risks() == expected);
        machine.until("told", || {
            let notices = machine.store.read(|tx| store::notices::after(tx, 0, 9)).unwrap();
            let affected = notices.iter().find(|it| it.kind == "affected");
            affected.is_some_and(|it| it.document.contains("CVE-2099-0002"))
        });
        // Withdrawn again; what was first seen then is first seen then.
        machine.import(&[osv("CVE-2099-0001", "alpha", "2"), osv("CVE-2099-0002", "beta", "1")]);
        machine.until("matched again", || machine.risks() == expected[..1]);
        let after = machine.store.read(|tx| store::risks::named(tx, "CVE-2099-0001")).unwrap();
        assert_eq!(after[0].first_seen, seen[0].first_seen);
        machine.center.stop();
    });
}

#[test]
fn an_exploit_that_is_published_is_known_without_any_pull() {
    on_each(|settings| {
        let harbor = Harbor::start("v2.13.1");
        harbor.project("team");
        harbor.put("team/app", "v1", &debian(&["alpha 1"], "one"));
        let machine = Machine::start(settings, Role::All);
        machine.add("harbor", &harbor.host(), &admin());
        assert_eq!(machine.scan_all().counts.done, 1);
        drop(harbor);
        let shown = || {
            let filter = risks::Filter { exploit_public: true, ..risks::Filter::default() };
            let page = machine.store.read(|tx| risks::page(tx, &filter, None, 9)).unwrap();
            page.items.into_iter().flat_map(|it| it.known.exploits).collect::<Vec<_>>()
        };
        assert_eq!(shown(), [""; 0]);
        // Of another package: what it shows holds for the vulnerability.
        let evidence = r#"{"references":[{"type":"EVIDENCE","url":"https://example.org/how"}],"#;
        let other = osv("CVE-2099-0001", "other", "2").replace("DEBIAN-CVE-2099-0001", "DSA-1-1");
        let other = other.replacen('{', &format!("{evidence}\"upstream\":[\"CVE-2099-0001\"],"), 1);
        machine.import(&[known(), vec![other]].concat());
        machine.until("the exploit is known", || shown() == ["https://example.org/how"]);
        machine.import(&known());
        machine.until("it was taken back", || shown().is_empty());
        machine.center.stop();
    });
}

#[test]
fn advisories_that_an_older_program_compiled_hinder_nobody() {
    let folder = tempfile::TempDir::new().unwrap();
    let settings = store::Settings::Embedded(folder.path().join("store.db"));
    let harbor = Harbor::start("v2.13.1");
    harbor.project("team");
    harbor.put("team/app", "v1", &debian(&["alpha 1", "beta 1"], "one"));
    let machine = Machine::start(&settings, Role::All);
    machine.add("harbor", &harbor.host(), &admin());
    assert_eq!(machine.scan_all().counts.done, 1);
    machine.center.stop();
    for file in fs::read_dir(machine.folder.path().join("data/db")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|it| it == "plimsoll") {
            let mut bytes = fs::read(&path).unwrap();
            bytes[8..12].copy_from_slice(&1_u32.to_le_bytes());
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
        }
    }
    machine.import(&[known(), vec![osv("CVE-2099-0002", "beta", "3")]].concat());
    let again = Machine::at(&settings, quick(), machine.folder.clone());
    again.center.run(Role::All).unwrap();
    let expected = [("CVE-2099-0001".to_owned(), 1), ("CVE-2099-0002".to_owned(), 1)];
    again.until("matched again", || again.risks() == expected);
    again.center.stop();
}

#[test]
fn all_machines_match_with_the_same_advisories() {
    let Some(url) = testkit::postgres::database() else { return };
    let settings = shared(url);
    let harbor = Harbor::start("v2.13.1");
    harbor.project("team");
    harbor.put("team/app", "v1", &debian(&["alpha 1", "beta 1"], "one"));
    let first = Machine::start(&settings, Role::All);
    first.add("harbor", &harbor.host(), &admin());
    let build = || first.store.read(store::rematch::build).unwrap();
    let before = build();
    first.import(&[known(), vec![osv("CVE-2099-0002", "beta", "3")]].concat());
    first.until("in use", || build() != before);
    first.center.stop();
    // This one has the older, and nothing but a worker.
    let second = Machine::start(&settings, Role::Worker);
    let leader = Machine::start(&settings, Role::All);
    let task = leader.center.scan_now(&Selection::default(), "anna").unwrap();
    assert_eq!(leader.ended(task).counts.done, 1);
    let expected = [("CVE-2099-0001".to_owned(), 1), ("CVE-2099-0002".to_owned(), 1)];
    assert_eq!(leader.risks(), expected);
    leader.center.stop();
    second.center.stop();
}
