//! Leases and settings: what is written once, by one.
use crate::on_each;
use std::{sync::Mutex, thread};
use store::{
    Error,
    leases::{self, Lease},
    settings,
};

#[test]
fn one_holds_a_lease_until_it_is_over() {
    on_each(|store| {
        let take = |owner: &str, now: i64| {
            store.write(|tx| leases::take(tx, "schedule", owner, now, now + 100)).unwrap()
        };
        let renew =
            |it: &Lease, now| store.write(|tx| leases::renew(tx, it, now, now + 100)).unwrap();
        let hold = |it: &Lease, now| store.write(|tx| leases::hold(tx, it, now));
        let first = take("a", 0).unwrap();
        assert_eq!((take("b", 50), take("a", 50)), (None, None));
        assert!(renew(&first, 50));
        assert_eq!(take("b", 149), None);
        hold(&first, 149).unwrap();
        // It comes back too late, first to find nobody else there, then somebody.
        assert!(!renew(&first, 150));
        assert!(matches!(hold(&first, 150), Err(Error::Lost(_))));
        let second = take("b", 150).unwrap();
        assert!(second.fence > first.fence);
        assert!(!renew(&first, 160));
        assert!(matches!(hold(&first, 160), Err(Error::Lost(_))));
        store.write(|tx| leases::release(tx, &first)).unwrap();
        hold(&second, 160).unwrap();
        let holders = |now| store.read(|tx| leases::all(tx, now)).unwrap();
        assert_eq!(holders(160), [("schedule".to_owned(), "b".to_owned(), 250)]);
        store.write(|tx| leases::release(tx, &second)).unwrap();
        assert!(holders(160).is_empty());
        let third = take("c", 10_000_000).unwrap();
        // The clock was set back since.
        let fourth = take("d", 500).unwrap();
        assert!(fourth.fence > third.fence && third.fence > second.fence);
        let other = store.write(|tx| leases::take(tx, "feeds", "a", 500, 600)).unwrap();
        assert!(other.is_some());
    });
}

#[test]
fn of_many_who_want_a_lease_one_gets_it() {
    on_each(|store| {
        for round in 0..5 {
            let now = round * 1000;
            let got = Mutex::new(Vec::new());
            thread::scope(|scope| {
                for n in 0..6 {
                    let got = &got;
                    scope.spawn(move || {
                        let owner = format!("{n}");
                        let lease =
                            store.write(|tx| leases::take(tx, "schedule", &owner, now, now + 100));
                        got.lock().unwrap().extend(lease.unwrap());
                    });
                }
            });
            assert_eq!(got.into_inner().unwrap().len(), 1);
        }
    });
}

#[test]
fn a_setting_is_not_changed_by_who_has_not_seen_the_last_change() {
    on_each(|store| {
        let put = |document: &str, version| {
            store.write(|tx| settings::put(tx, "scan", document, version, 7)).unwrap()
        };
        assert_eq!(store.read(|tx| settings::one(tx, "scan")).unwrap(), None);
        assert!(!put("a", 1));
        assert!(put("a", 0));
        assert!(!put("b", 0));
        assert!(put("b", 1));
        assert!(!put("c", 1));
        let it = store.read(|tx| settings::one(tx, "scan")).unwrap().unwrap();
        assert_eq!((it.document.as_str(), it.version, it.changed_at), ("b", 2, 7));
    });
}
