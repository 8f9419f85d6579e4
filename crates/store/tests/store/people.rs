//! People, sessions, tokens and logins.
use crate::on_each;
use std::{sync::Mutex, thread};
use store::{
    Cursor, Error, Store, Tx, logins,
    people::{self, Change, New, Role},
    sessions, tokens,
};

fn add(store: &Store, name: &str, role: Role) -> i64 {
    let new = New { name, role, password: Some("hash"), subject: None };
    store.write(|tx| people::add(tx, new, 1)).unwrap()
}

#[test]
fn people_are_added_changed_and_removed() {
    on_each(|store| {
        let ada = add(store, "ada", Role::Admin);
        let bob = add(store, "bob", Role::Viewer);
        let other =
            New { name: "eve", role: Role::Viewer, password: None, subject: Some("iss sub") };
        let eve = store.write(|tx| people::add(tx, other, 2)).unwrap();
        for taken in [New { name: "ada", ..other }, New { name: "eva", ..other }] {
            let again = store.write(|tx| people::add(tx, taken, 3));
            assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
        }
        let by_subject = store.read(|tx| people::coming_by(tx, "iss sub")).unwrap().unwrap();
        assert_eq!((by_subject.id, by_subject.password, by_subject.created_at), (eve, None, 2));
        assert_eq!(store.read(|tx| people::named(tx, "nobody")).unwrap(), None);
        let page = store.read(|tx| people::page(tx, None, 2)).unwrap();
        assert_eq!(page.items.iter().map(|it| it.id).collect::<Vec<_>>(), [eve, bob]);
        let rest = store.read(|tx| people::page(tx, page.next.as_ref(), 2)).unwrap();
        assert_eq!((rest.items[0].id, rest.next), (ada, None));

        let change = |id, it: Change<'_>| store.write(|tx| people::change(tx, id, it));
        assert!(change(bob, Change { role: Some(Role::Operator), ..Change::default() }).unwrap());
        assert!(change(bob, Change { password: Some("new"), ..Change::default() }).unwrap());
        assert!(!change(99, Change::default()).unwrap());
        let bob = store.read(|tx| people::one(tx, bob)).unwrap().unwrap();
        assert_eq!((bob.role, bob.password.as_deref()), (Role::Operator, Some("new")));
        assert!(store.write(|tx| people::remove(tx, bob.id)).unwrap());
        assert!(!store.write(|tx| people::remove(tx, bob.id)).unwrap());
    });
}

#[test]
fn somebody_is_always_an_admin() {
    on_each(|store| {
        let admins = Mutex::new(0);
        thread::scope(|scope| {
            for n in 0..4 {
                let admins = &admins;
                scope.spawn(move || {
                    let name = format!("admin{n}");
                    let first = store.write(|tx| people::first(tx, &name, "hash", 1)).unwrap();
                    *admins.lock().unwrap() += i32::from(first);
                });
            }
        });
        assert_eq!(admins.into_inner().unwrap(), 1);
        let first = store.read(|tx| people::page(tx, None, 9)).unwrap().items.pop().unwrap();
        let second = add(store, "second", Role::Admin);
        let lesser = Change { role: Some(Role::Viewer), ..Change::default() };
        let out = Change { disabled: Some(true), ..Change::default() };
        // Each alone could go; whoever is the second to go cannot.
        let outcomes = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for (id, change) in [(first.id, lesser), (second, out)] {
                let outcomes = &outcomes;
                scope.spawn(move || {
                    let outcome = store.write(|tx| people::change(tx, id, change));
                    outcomes.lock().unwrap().push(outcome.is_ok());
                });
            }
        });
        let mut outcomes = outcomes.into_inner().unwrap();
        outcomes.sort_unstable();
        assert_eq!(outcomes, [false, true]);
        let all = store.read(|tx| people::page(tx, None, 9)).unwrap().items;
        let left = all.iter().find(|it| it.role == Role::Admin && !it.disabled).unwrap();
        let removed = store.write(|tx| people::remove(tx, left.id));
        assert!(matches!(removed, Err(Error::Conflict(_))), "{removed:?}");
    });
}

#[test]
fn a_session_lets_in_until_it_is_over_or_idle() {
    on_each(|store| {
        add(store, "ada", Role::Admin);
        let bob = add(store, "bob", Role::Operator);
        let begin = |hash: &str| {
            store.write(|tx| sessions::begin(tx, bob, hash, 0, 1_000_000)).unwrap();
        };
        let who = |hash: &str, now| {
            let ask = |tx: &mut Tx<'_>| {
                let found = sessions::person(tx, hash, now, 300_000)?;
                if let Some((_, true)) = found {
                    sessions::used(tx, hash, now)?;
                }
                Ok(found)
            };
            store.write(ask).unwrap().map(|it| it.0.id)
        };
        ["a", "b", "c"].into_iter().for_each(begin);
        assert_eq!((who("a", 10), who("x", 10)), (Some(bob), None));
        // Whoever is seen now and then stays in, but not for ever.
        for now in [200_000, 400_000, 600_000, 800_000, 999_999] {
            assert_eq!(who("a", now), Some(bob), "{now}");
        }
        assert_eq!((who("a", 1_000_000), who("b", 300_000)), (None, None));
        store.write(|tx| sessions::end(tx, "a")).unwrap();
        assert_eq!((who("a", 10), who("b", 10)), (None, Some(bob)));
        let purged = store.write(|tx| sessions::purge(tx, 400_000, 300_000)).unwrap();
        assert_eq!(purged, 2);
        for change in [
            Change { password: Some("new"), ..Change::default() },
            Change { role: Some(Role::Viewer), ..Change::default() },
            Change { disabled: Some(true), ..Change::default() },
        ] {
            begin("d");
            assert_eq!(who("d", 10), Some(bob));
            store.write(|tx| people::change(tx, bob, change)).unwrap();
            assert_eq!(who("d", 10), None, "{change:?}");
        }
        store
            .write(|tx| {
                people::change(tx, bob, Change { disabled: Some(false), ..Change::default() })
            })
            .unwrap();
        begin("e");
        store.write(|tx| sessions::end_all(tx, bob)).unwrap();
        assert_eq!(who("e", 10), None);
    });
}

#[test]
fn a_token_may_do_no_more_than_its_person() {
    on_each(|store| {
        let ada = add(store, "ada", Role::Admin);
        let bob = add(store, "bob", Role::Operator);
        let token = |person, hash: &str, role, until| {
            let new = tokens::New { person, name: "ci", hash, role, until };
            store.write(|tx| tokens::add(tx, new, 5)).unwrap()
        };
        let a = token(ada, "a", Role::Viewer, None);
        let b = token(bob, "b", Role::Admin, Some(100_000));
        let who = |hash: &str, now| {
            let ask = |tx: &mut Tx<'_>| {
                let found = tokens::person(tx, hash, now)?;
                if let Some((_, true)) = found {
                    tokens::used(tx, hash, now)?;
                }
                Ok(found)
            };
            store.write(ask).unwrap().map(|it| (it.0.id, it.0.role))
        };
        assert_eq!(who("a", 10), Some((ada, Role::Viewer)));
        assert_eq!(who("b", 99_999), Some((bob, Role::Operator)));
        assert_eq!((who("b", 100_000), who("c", 10)), (None, None));
        let list = |person, cursor: Option<&Cursor>| {
            store.read(|tx| tokens::page(tx, person, cursor, 1)).unwrap()
        };
        let page = list(None, None);
        assert_eq!((page.items[0].id, page.items[0].used_at), (b, Some(99_999)));
        assert_eq!(list(None, page.next.as_ref()).items[0].id, a);
        assert_eq!(list(Some(ada), None).items[0].id, a);
        let remove = |id, person| store.write(|tx| tokens::remove(tx, id, person)).unwrap();
        assert!(!remove(a, Some(bob)));
        assert!(remove(a, Some(ada)) && !remove(a, None));
        assert_eq!(who("a", 10), None);
        let out = Change { disabled: Some(true), ..Change::default() };
        store.write(|tx| people::change(tx, bob, out)).unwrap();
        assert_eq!(who("b", 10), None);
        assert!(store.write(|tx| people::remove(tx, bob)).unwrap());
        assert!(list(None, None).items.is_empty());
    });
}

#[test]
fn logins_that_fail_get_rarer() {
    on_each(|store| {
        let pause = |failures: u64| if failures < 3 { 0 } else { 1000 << (failures - 3) };
        let attempt = |now| store.write(|tx| logins::attempt(tx, "ada", now, pause)).unwrap();
        assert_eq!([attempt(0), attempt(0), attempt(0)], [None, None, None]);
        assert_eq!((attempt(1), attempt(999)), (Some(1000), Some(1000)));
        assert_eq!((attempt(1000), attempt(1001)), (None, Some(3000)));
        // To ask is not to try.
        let waiting = |now| store.read(|tx| logins::waiting(tx, "ada", now)).unwrap();
        assert_eq!([waiting(1001), waiting(2999), waiting(3000)], [Some(3000), Some(3000), None]);
        let other = store.write(|tx| logins::attempt(tx, "bob", 1001, pause)).unwrap();
        assert_eq!(other, None);
        // The clock was set back.
        assert_eq!(attempt(500), None);
        store.write(|tx| logins::succeeded(tx, "ada")).unwrap();
        assert_eq!([attempt(600), attempt(600), attempt(600)], [None, None, None]);
        assert_eq!(attempt(600), Some(1600));
        let day = 24 * 3_600_000;
        assert_eq!([attempt(day + 601), attempt(day + 601)], [None, None]);
        assert_eq!(store.write(|tx| logins::purge(tx, day + 1002)).unwrap(), 1);
        // Of many at once, no more are let through than one after another.
        let through = Mutex::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                let through = &through;
                scope.spawn(move || {
                    let tried = store.write(|tx| logins::attempt(tx, "eve", 7, pause)).unwrap();
                    *through.lock().unwrap() += i32::from(tried.is_none());
                });
            }
        });
        assert_eq!(through.into_inner().unwrap(), 3);
    });
}
