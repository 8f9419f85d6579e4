//! The audit log, and requests that are not carried out twice.
use crate::on_each;
use std::{sync::Mutex, thread};
use store::{
    Cursor, Error,
    audit::{self, Entry, Filter},
    idempotency::{self, Begun},
};

#[test]
fn the_audit_log_is_read_by_who_what_and_when() {
    on_each(|store| {
        for (at, who, action, object) in [
            (1, "ada", "registry.add", "registry/1"),
            (2, "bob", "task.start", "task/1"),
            (3, "ada", "registry.change", "registry/1"),
            (4, "ada", "registry.add", "registry/2"),
        ] {
            let [person, action, object] = [who, action, object].map(str::to_owned);
            let after = Some(r#"{"name": "x"}"#.to_owned());
            let entry = Entry { id: 0, at, person, action, object, before: None, after };
            store.write(|tx| audit::add(tx, &entry)).unwrap();
        }
        let check = |filter: Filter, expected: &[i64]| {
            let mut all = Vec::new();
            let mut cursor: Option<Cursor> = None;
            loop {
                let page = store.read(|tx| audit::page(tx, &filter, cursor.as_ref(), 2)).unwrap();
                assert!(page.items.len() <= 2);
                all.extend(page.items.into_iter().map(|it| it.at));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(all, expected, "{filter:?}");
        };
        let some = |it: &str| Some(it.to_owned());
        check(Filter::default(), &[4, 3, 2, 1]);
        check(Filter { person: some("ada"), ..Filter::default() }, &[4, 3, 1]);
        check(Filter { action: some("registry.add"), ..Filter::default() }, &[4, 1]);
        check(Filter { object: some("registry/1"), ..Filter::default() }, &[3, 1]);
        check(Filter { since: Some(2), until: Some(4), ..Filter::default() }, &[3, 2]);
        check(Filter { person: some("bob"), since: Some(3), ..Filter::default() }, &[]);
        let page = store.read(|tx| audit::page(tx, &Filter::default(), None, 1)).unwrap();
        assert_eq!(page.items[0].after.as_deref(), Some(r#"{"name": "x"}"#));
        assert_eq!(store.write(|tx| audit::purge(tx, 3, 9)).unwrap(), 2);
        check(Filter::default(), &[4, 3]);
    });
}

#[test]
fn a_request_with_a_key_is_carried_out_once() {
    on_each(|store| {
        let begin = |key: &str, request: &str, now| {
            store.write(|tx| idempotency::begin(tx, key, request, now, now - 100)).unwrap()
        };
        let finish =
            |key: &str, at| store.write(|tx| idempotency::finish(tx, key, at, 201, b"made"));
        let answered = Begun::Answered { status: 201, body: b"made".to_vec() };
        assert_eq!(begin("k", "r", 0), Begun::New);
        assert_eq!((begin("k", "r", 10), begin("k", "other", 10)), (Begun::Running, Begun::Other));
        finish("k", 0).unwrap();
        assert_eq!(
            (begin("k", "r", 900), begin("k", "other", 900)),
            (answered.clone(), Begun::Other)
        );
        // One that could not be carried out is free again.
        assert_eq!(begin("l", "r", 0), Begun::New);
        store.write(|tx| idempotency::give_up(tx, "l", 0)).unwrap();
        assert_eq!(begin("l", "other", 1), Begun::New);
        // Whoever carried it out is gone, and comes back.
        assert_eq!(
            (begin("l", "other", 101), begin("l", "r", 102)),
            (Begun::Running, Begun::Other)
        );
        assert_eq!(
            (begin("l", "other", 102), begin("l", "other", 103)),
            (Begun::New, Begun::Running)
        );
        assert!(matches!(finish("l", 1), Err(Error::Lost(_))));
        store.write(|tx| idempotency::give_up(tx, "l", 1)).unwrap();
        finish("l", 102).unwrap();
        assert!(matches!(finish("l", 102), Err(Error::Lost(_))));
        assert_eq!(begin("l", "other", 900), answered);
        assert_eq!(store.write(|tx| idempotency::purge(tx, 102)).unwrap(), 1);
        assert_eq!((begin("k", "other", 900), begin("l", "other", 900)), (Begun::New, answered));
        let new = Mutex::new(0);
        thread::scope(|scope| {
            for _ in 0..6 {
                let new = &new;
                scope.spawn(move || {
                    let begun = store.write(|tx| idempotency::begin(tx, "m", "r", 5, 0)).unwrap();
                    *new.lock().unwrap() += i32::from(begun == Begun::New);
                });
            }
        });
        assert_eq!(new.into_inner().unwrap(), 1);
    });
}
