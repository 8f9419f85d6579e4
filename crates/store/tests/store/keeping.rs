//! What is kept, and for how long.
use crate::{
    on_each,
    world::{digest, finding, image, inventory, located, registry, round, scan, seen},
};
use model::Level as Severity;
use store::{
    components, figures,
    garbage::{self, Age, Swept},
    images, registries, reports, risks,
};

const HOUR: i64 = 3_600_000;

#[test]
fn reports_of_layers_are_kept_while_they_are_used() {
    on_each(|store| {
        let put = |name: &str, at: i64| {
            store.write(|tx| reports::put(tx, name, "r1", &[7; 100], at)).unwrap();
        };
        let has = |name: &str, revision: &str| {
            store.read(|tx| reports::get(tx, name, revision)).unwrap().is_some()
        };
        put("a", HOUR);
        put("b", 2 * HOUR);
        put("c", 3 * HOUR);
        store.write(|tx| reports::put(tx, "a", "r1", &[8; 100], 4 * HOUR)).unwrap();
        assert_eq!(store.read(|tx| reports::get(tx, "a", "r1")).unwrap(), Some(vec![8; 100]));
        assert!(!has("a", "r2"));
        assert_eq!(store.read(reports::figures).unwrap(), (3, 300));
        store.write(|tx| reports::touch(tx, &["a", "x"], "r1", 5 * HOUR)).unwrap();
        let sweep = |before: i64, bytes: i64, limit: i64| {
            store.write(|tx| reports::sweep(tx, before, bytes, limit)).unwrap()
        };
        assert_eq!(sweep(0, 1000, 10), (0, 0));
        assert_eq!(sweep(0, 299, 10), (1, 100));
        assert!(has("a", "r1") && !has("b", "r1") && has("c", "r1"));
        assert_eq!(sweep(9 * HOUR, 1000, 1), (1, 100));
        assert!(has("a", "r1") && !has("c", "r1"));
        assert_eq!(sweep(9 * HOUR, 1000, 1), (1, 100));
        assert_eq!(sweep(9 * HOUR, 1000, 1), (0, 0));
    });
}

#[test]
fn what_nothing_refers_to_is_thrown_away() {
    on_each(|store| {
        let home = registry(store, "home");
        round(store, home, &[("app", vec![seen("a", &["1"]), seen("b", &["2"])])], 10);
        let both = inventory(vec![located("libc6", "1", 0), located("bash", "1", 1)]);
        let one = inventory(vec![located("libc6", "1", 0)]);
        scan(
            store,
            "a",
            &both,
            &[finding(0, "CVE-1", Severity::High), finding(1, "CVE-2", Severity::High)],
            20,
        );
        scan(store, "b", &one, &[finding(0, "CVE-1", Severity::High)], 20);
        let sweep = |images: i64| {
            store.write(|tx| garbage::sweep(tx, Age { images, matches: 0 }, 100)).unwrap()
        };
        assert_eq!(sweep(1000), Swept::default());
        round(store, home, &[("app", vec![seen("b", &["2"])])], 30);
        // Nobody has it, but not for long.
        assert_eq!(sweep(30), Swept::default());
        let swept = sweep(31);
        assert_eq!((swept.images, swept.contents, swept.components, swept.risks), (1, 1, 1, 1));
        assert_eq!(store.read(|tx| images::one(tx, &digest("a"))).unwrap(), None);
        let b = image(store, "b");
        assert_eq!(store.read(|tx| components::of_image(tx, b)).unwrap().len(), 1);
        assert!(store.read(|tx| components::named(tx, "bash", None)).unwrap().is_empty());
        let names = store.read(|tx| risks::named(tx, "CVE-1")).unwrap();
        assert_eq!((names[0].images, names[0].components), (1, 1));
        // What a removed registry had stays until that is purged.
        store.write(|tx| registries::remove(tx, home, 40)).unwrap();
        assert_eq!(sweep(1000), Swept::default());
        while !store.write(|tx| registries::purge(tx, home, 10)).unwrap() {}
        assert_eq!(sweep(1000).images, 1);
        assert_eq!(store.read(figures::images).unwrap(), []);
    });
}
