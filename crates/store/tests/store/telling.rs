//! Channels, and what is on its way to them.
use crate::on_each;
use std::{collections::BTreeSet, sync::Mutex, thread};
use store::{
    Error, Store,
    channels::{self, New},
    deliveries::{self, Filter, State},
};

fn webhook(name: &str) -> New<'_> {
    New { name, kind: "webhook", document: "{}", secret: Some(b"sealed"), enabled: true }
}

fn channel(store: &Store, name: &str) -> i64 {
    store.write(|tx| channels::add(tx, webhook(name), 1)).unwrap()
}

#[test]
fn channels_are_added_changed_and_removed() {
    on_each(|store| {
        let ids = ["b", "a"].map(|it| channel(store, it));
        let taken = store.write(|tx| channels::add(tx, webhook("a"), 1));
        assert!(matches!(taken, Err(Error::Conflict(_))), "{taken:?}");
        let taken = store.write(|tx| channels::change(tx, ids[0], webhook("a")));
        assert!(matches!(taken, Err(Error::Conflict(_))), "{taken:?}");
        let new = New { name: "c", kind: "slack", document: "[]", secret: None, enabled: false };
        assert!(store.write(|tx| channels::change(tx, ids[0], new)).unwrap());
        let it = store.read(|tx| channels::one(tx, ids[0])).unwrap().unwrap();
        assert_eq!((it.name.as_str(), it.kind.as_str(), it.enabled), ("c", "slack", false));
        assert_eq!(it.secret.as_deref(), Some(&b"sealed"[..]));
        let names = store.read(channels::all).unwrap().into_iter().map(|it| it.name);
        assert_eq!(names.collect::<Vec<_>>(), ["a", "c"]);
        store.write(|tx| deliveries::add(tx, &ids, "scan.failed", "{}", 1)).unwrap();
        assert!(store.write(|tx| channels::remove(tx, ids[0])).unwrap());
        assert!(!store.write(|tx| channels::remove(tx, ids[0])).unwrap());
        let left = store.read(|tx| deliveries::page(tx, &Filter::default(), None, 9)).unwrap();
        assert_eq!(left.items.iter().map(|it| it.channel).collect::<Vec<_>>(), [ids[1]]);
    });
}

#[test]
fn a_delivery_is_tried_until_it_arrives_or_is_given_up() {
    on_each(|store| {
        let ids = ["a", "b"].map(|it| channel(store, it));
        store.write(|tx| deliveries::add(tx, &ids, "quota.low", r#"{"used": 9}"#, 0)).unwrap();
        let claim = |now| {
            let due = store.read(|tx| deliveries::due(tx, now)).unwrap();
            let claimed = due.iter().map(|it| {
                let one = store.write(|tx| deliveries::claim(tx, *it, now, now + 100)).unwrap();
                assert_eq!(store.write(|tx| deliveries::claim(tx, *it, now, 0)).unwrap(), None);
                one.map(|it| (it.channel, it.attempts)).unwrap()
            });
            claimed.collect::<Vec<_>>()
        };
        let all = store.read(|tx| deliveries::page(tx, &Filter::default(), None, 9)).unwrap().items;
        let id = |channel| all.iter().find(|it| it.channel == channel).unwrap().id;
        assert_eq!(claim(0), [(ids[0], 1), (ids[1], 1)]);
        assert_eq!(claim(99), []);
        store.write(|tx| deliveries::delivered(tx, id(ids[0]), "", 50)).unwrap();
        // Nothing is heard of the other for too long.
        assert_eq!(claim(100), [(ids[1], 2)]);
        let fail = |again| {
            let now = 150;
            store.write(|tx| deliveries::failed(tx, id(ids[1]), "refused", again, now)).unwrap();
        };
        fail(Some(500));
        assert_eq!((claim(499), claim(500)), (vec![], vec![(ids[1], 3)]));
        fail(None);
        assert_eq!(claim(9999), []);
        let list = |state, channel| {
            let filter = Filter { channel, state };
            let page = store.read(|tx| deliveries::page(tx, &filter, None, 9)).unwrap();
            page.items.into_iter().map(|it| (it.channel, it.reason, it.done_at)).collect::<Vec<_>>()
        };
        let refused = || vec![(ids[1], "refused".to_owned(), Some(150))];
        assert_eq!(list(Some(State::GivenUp), None), refused());
        assert_eq!(list(None, Some(ids[1])), refused());
        assert_eq!(list(Some(State::Delivered), None), [(ids[0], String::new(), Some(50))]);
        let again = |it| store.write(|tx| deliveries::again(tx, id(it), 9999)).unwrap();
        assert!(again(ids[1]) && !again(ids[0]) && !again(ids[1]));
        assert_eq!(claim(9999), [(ids[1], 1)]);
        store.write(|tx| deliveries::delivered(tx, id(ids[1]), "", 9999)).unwrap();
        // Whoever had it before says that it failed, too late.
        fail(Some(10_000));
        assert_eq!(list(Some(State::Waiting), None), []);
        assert_eq!(store.write(|tx| deliveries::purge(tx, 60, 9)).unwrap(), 1);
        assert_eq!(list(None, None).len(), 1);
    });
}

#[test]
fn no_two_try_one_delivery_at_once() {
    on_each(|store| {
        let id = channel(store, "a");
        for _ in 0..40 {
            store.write(|tx| deliveries::add(tx, &[id], "scan.failed", "{}", 0)).unwrap();
        }
        let claimed = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..4 {
                let claimed = &claimed;
                scope.spawn(move || {
                    while let Some(it) =
                        store.write(|tx| deliveries::claim(tx, id, 1, 100)).unwrap()
                    {
                        claimed.lock().unwrap().push(it.id);
                    }
                });
            }
        });
        let claimed = claimed.into_inner().unwrap();
        let distinct: BTreeSet<i64> = claimed.iter().copied().collect();
        assert_eq!((claimed.len(), distinct.len()), (40, 40));
    });
}
