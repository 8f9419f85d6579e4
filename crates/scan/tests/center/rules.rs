//! Rules against malicious files that the store has: all who share it go by them from the next scan on.
use crate::world::{Machine, admin, debian, on_each, quick};
use scan::{
    bundles::{Bundles, Content, Part, SigningKey, Trust, custom, pack},
    center::Role,
};
use std::fs;
use store::{
    Category, Store, bundles,
    custom::{Kind, New},
    risks::{self, Filter},
};
use testkit::harbor::Harbor;

/// One's own text in the place of all that there are.
fn put(store: &Store, kind: Kind, text: &str) {
    put_monitored(store, kind, text, false);
}

fn put_monitored(store: &Store, kind: Kind, text: &str, monitor: bool) {
    let (name, text) = ("ours".to_owned(), text.to_owned());
    let new = New { name, kind, text, entries: 1, enabled: true, monitor };
    let made = custom::make([&new].into_iter()).unwrap();
    store.write(|tx| custom::put(tx, made.as_deref(), 1)).unwrap();
}

#[test]
fn all_machines_go_by_a_change_without_being_started_anew() {
    on_each(|settings| {
        let harbor = Harbor::start("v2.13.1");
        harbor.project("team");
        harbor.put("team/app", "v1", &debian(&[], "the marker of our red team"));
        let first = Machine::start(settings, Role::All);
        first.add("harbor", &harbor.host(), &admin());
        // It decides about the rules, and scans nothing: who scans has been running all the time.
        let second = Machine::with(settings, quick());
        let found = || {
            let task = first.scan_all();
            assert_eq!(task.counts.done, 1, "{task:?}");
            while first.store.write(|tx| store::settle(tx, 200, 0)).unwrap() > 0 {}
            let malware = Filter { category: Some(Category::Malware), ..Filter::default() };
            let page = first.store.read(|tx| risks::page(tx, &malware, None, 9)).unwrap();
            let open = page.items.into_iter().filter(|it| it.images > 0);
            open.map(|it| it.name).collect::<Vec<_>>()
        };
        assert!(found().is_empty());
        let rule = "rule red_team { meta: threat = \"backdoor\" confidence = 95 \
                    strings: $ = \"marker of our red team\" condition: all of them }";
        let told = || first.store.read(|tx| store::notices::of(tx, "malicious", 0, 9)).unwrap();
        put_monitored(&second.store, Kind::Rules, rule, true);
        let reminded = found();
        assert_eq!((reminded.len(), told().len()), (1, 0), "only monitored: nobody is told");
        put(&second.store, Kind::Rules, rule);
        let bad = found();
        assert_eq!((&bad, told().len()), (&reminded, 1), "{bad:?}");
        let digest = bad.first().and_then(|it| it.strip_prefix("sha256:")).unwrap();
        put(&second.store, Kind::GoodHashes, digest);
        assert!(found().is_empty());
        put(&second.store, Kind::BadHashes, digest);
        assert_eq!(found(), bad);
        second.store.write(|tx| custom::put(tx, None, 1)).unwrap();
        assert!(found().is_empty());
        // Each time that it is new, and not while it stays.
        put(&second.store, Kind::Rules, rule);
        assert_eq!((found(), found()), (bad.clone(), bad));
        let told = told();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].document.contains("srv/salt"), "{told:?}");
        first.center.stop();
    });
}

#[test]
fn a_center_takes_over_what_its_machine_has_once() {
    on_each(|settings| {
        let machine = Machine::with(settings, quick());
        let (folder, store) = (machine.folder.path(), &machine.store);
        let file = folder.join("site.key");
        let key = SigningKey::generate(&file).unwrap();
        let local = Bundles::new(folder);
        let bring = |epoch: u64| {
            let text = format!("rule of_{epoch} {{ condition: true }}");
            let (path, kind) = ("a".to_owned(), malware::bundle::Kind::Rules);
            let part =
                Part { path, kind, forms: Vec::new(), monitor: false, content: text.into_bytes() };
            let content = Content { epoch, parts: vec![part], ..Content::default() };
            let made = pack(&content, Some(&key)).unwrap();
            local.take(&made, Trust::Also(key.public())).unwrap();
        };
        let epochs = || -> Vec<(i64, bool)> {
            let all = store.read(bundles::all).unwrap();
            all.into_iter().map(|it| (it.epoch, it.in_use)).collect()
        };
        assert!(!local.share(store, 1).unwrap(), "there is none");
        bring(5);
        assert!(local.share(store, 1).unwrap());
        assert_eq!((epochs(), store.read(bundles::keys).unwrap().len()), (vec![(5, true)], 1));
        // Somebody went back from it: starting again does not undo that.
        store.write(scan::bundles::shared::roll_back).unwrap();
        assert!(!local.share(store, 1).unwrap());
        assert_eq!(epochs(), [(5, false)]);
        bring(6);
        assert!(local.share(store, 1).unwrap());
        assert_eq!(epochs(), [(6, true), (5, false)]);
        fs::remove_file(file).unwrap();
    });
}
