//! Transactions, connections and values, on both engines.
use super::*;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};
use tempfile::TempDir;

/// Runs a test on a fresh database of each engine.
fn on_each(test: impl Fn(&Store)) {
    let folder = TempDir::new().unwrap();
    test(&Store::open(Settings::Embedded(folder.path().join("store.db"))).unwrap());
    on_server(test);
}

fn on_server(test: impl Fn(&Store)) {
    if let Some(url) = testkit::postgres::database() {
        test(&Store::open(Settings::Server { url, authorities: None, connections: 4 }).unwrap());
    }
}

fn count(store: &Store) -> i64 {
    store.read(|tx| tx.number("SELECT used FROM quota", &[])).unwrap()
}

fn add(tx: &mut Tx<'_>, number: i64) -> Result<u64> {
    tx.execute("UPDATE quota SET used = used + $1", &[number.into()])
}

#[test]
fn what_fails_is_undone() {
    on_each(|store| {
        let outcome = store.write(|tx| {
            add(tx, 1)?;
            Err::<(), _>(Error::Conflict("of ours".to_owned()))
        });
        assert!(matches!(outcome, Err(Error::Conflict(_))), "{outcome:?}");
        assert_eq!(count(store), 0);
        // Nor does a bug keep a connection for good.
        let bug = || {
            store.write::<()>(|tx| {
                add(tx, 1)?;
                panic!("a bug, on purpose")
            })
        };
        for _ in 0..20 {
            assert!(catch_unwind(AssertUnwindSafe(bug)).is_err());
        }
        store.write(|tx| add(tx, 1)).unwrap();
        assert_eq!(count(store), 1);
    });
}

#[test]
fn an_error_that_is_passed_over_is_not_lost() {
    on_each(|store| {
        let outcome = store.write(|tx| {
            add(tx, 1)?;
            drop(tx.execute("INSERT INTO quota (id, used) VALUES (1, 0)", &[]));
            Ok(())
        });
        assert!(matches!(outcome, Err(Error::Unexpected(_))), "{outcome:?}");
        assert_eq!(count(store), 0);
    });
}

#[test]
fn nothing_is_lost_when_many_write() {
    on_each(|store| {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        // Read and write, as questions do, and not in one statement.
                        let sql =
                            |tx: &Tx<'_>| format!("SELECT used FROM quota {}", tx.for_update());
                        let change = |tx: &mut Tx<'_>| {
                            let used = tx.number(&sql(tx), &[])?;
                            tx.execute("UPDATE quota SET used = $1", &[(used + 1).into()])
                        };
                        store.write(change).unwrap();
                    }
                });
            }
        });
        assert_eq!(count(store), 100);
    });
}

#[test]
fn writers_take_turns() {
    const WRITERS: usize = 16;
    let folder = TempDir::new().unwrap();
    let store = Store::open(Settings::Embedded(folder.path().join("store.db"))).unwrap();
    let turns = AtomicUsize::new(0);
    let one = || {
        (0..50).map(|_| {
            let (asked, before) = (Instant::now(), turns.load(Ordering::Relaxed));
            let got = store.write(|tx| {
                let got = (turns.fetch_add(1, Ordering::Relaxed) - before, asked.elapsed());
                add(tx, 1).map(|_| got)
            });
            got.unwrap()
        })
    };
    let waits: Vec<Vec<(usize, Duration)>> = thread::scope(|scope| {
        let all: Vec<_> = (0..WRITERS).map(|_| scope.spawn(|| one().collect())).collect();
        all.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let mut others: Vec<usize> = waits.iter().flatten().map(|it| it.0).collect();
    others.sort_unstable();
    let longest = waits.iter().flatten().map(|it| it.1).max();
    println!(
        "the longest wait of {WRITERS} writers: {longest:.1?}, {:?} others before",
        others.last()
    );
    assert_eq!(count(&store), 800);
    // Whoever is interrupted before it stands in line sees some more pass.
    assert!(others[others.len() * 9 / 10] <= WRITERS, "{others:?}");
    assert!(*others.last().unwrap() < 8 * WRITERS, "{others:?}");
}

#[test]
fn what_others_were_in_the_way_of_is_tried_again() {
    on_each(|store| {
        let tries = AtomicUsize::new(0);
        let outcome = store.write(|tx| {
            add(tx, 1)?;
            match tries.fetch_add(1, Ordering::Relaxed) {
                0 | 1 => Err(Error::Busy("somebody".to_owned())),
                _ => Ok(()),
            }
        });
        outcome.unwrap();
        assert_eq!((tries.load(Ordering::Relaxed), count(store)), (3, 1));
        let always = store.write(|_| Err::<(), _>(Error::Busy("somebody".to_owned())));
        assert!(matches!(always, Err(Error::Busy(_))));
    });
}

#[test]
fn two_who_wait_for_each_other_both_get_on() {
    on_server(|store| {
        store.write(|tx| tx.execute("INSERT INTO quota (id, used) VALUES (2, 0)", &[])).unwrap();
        let both = Barrier::new(2);
        let run = |first: i64, second: i64| {
            let mut begun = false;
            let change = |tx: &mut Tx<'_>| {
                let sql = "UPDATE quota SET used = used + 1 WHERE id = $1";
                tx.execute(sql, &[first.into()])?;
                if !std::mem::replace(&mut begun, true) {
                    both.wait();
                }
                tx.execute(sql, &[second.into()])
            };
            store.write(change).unwrap();
        };
        thread::scope(|scope| {
            scope.spawn(|| run(1, 2));
            scope.spawn(|| run(2, 1));
        });
        let sum = "SELECT CAST(SUM(used) AS BIGINT) FROM quota";
        assert_eq!(store.read(|tx| tx.number(sum, &[])).unwrap(), 4);
    });
}

#[test]
fn a_connection_that_dies_is_replaced() {
    on_server(|store| {
        let Settings::Server { url, .. } = &store.settings else { unreachable!() };
        let kill = |which: &str| {
            let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity";
            let all = format!("{sql} WHERE datname = current_database() AND {which}");
            testkit::postgres::sql(url, &all).unwrap()
        };
        let me = "application_name = 'plimsoll'";
        // In the middle of what it does.
        let outcome = store.write(|tx| {
            add(tx, 1)?;
            assert_eq!(kill(me), "1");
            add(tx, 1)
        });
        assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
        assert_eq!(count(store), 0);
        // While it is idle: nobody notices.
        assert_eq!(kill(me), "1");
        store.write(|tx| add(tx, 1)).unwrap();
        assert_eq!(count(store), 1);
    });
}

#[test]
fn values_come_back_as_they_went() {
    on_each(|store| {
        store
            .write(|tx| {
                tx.batch(
                    "CREATE TABLE kinds (id {id}, i BIGINT, r DOUBLE PRECISION, t TEXT, b {bytes})",
                )
            })
            .unwrap();
        let rows = [
            [0i64.into(), 0.0.into(), "".into(), Vec::new().into()],
            [
                i64::MIN.into(),
                f64::MIN_POSITIVE.into(),
                "Plimsoll 印 🚢".into(),
                vec![0u8, 255].into(),
            ],
            [i64::MAX.into(), 1e300.into(), "'\"%_\\$1?".into(), vec![7u8; 100_000].into()],
            [Value::Null, Value::Null, Value::Null, Value::Null],
        ];
        let insert = "INSERT INTO kinds (i, r, t, b)";
        let given: Vec<Vec<Value>> = rows.iter().map(|it| it.to_vec()).collect();
        store.write(|tx| tx.insert(insert, &given, "")).unwrap();
        let ask = "SELECT i, r, t, b FROM kinds ORDER BY id";
        let found = store.read(|tx| tx.rows(ask, &[], |it| Ok(it.0.clone()))).unwrap();
        assert_eq!(found, given);
        let mixed =
            "SELECT CAST(COUNT(*) AS BIGINT), 1 = 1, CAST(NULL AS BIGINT) FROM kinds WHERE i > $1";
        let row = |it: &Row| Ok((it.int(0)?, it.truth(1)?, it.maybe_int(2)?));
        let answer = store.read(|tx| tx.row(mixed, &[5i64.into()], row)).unwrap();
        assert_eq!(answer, Some((1, true, None)));
        // What PostgreSQL's texts cannot hold is the same in both.
        let stored = "INSERT INTO kinds (t) VALUES ($1) RETURNING t";
        let text = |it: &Row| it.text(0);
        let answer = store.write(|tx| tx.row(stored, &["a\0b".into()], text)).unwrap();
        assert_eq!(answer.as_deref(), Some("a\u{fffd}b"));
    });
}

#[test]
fn many_values_find_their_places() {
    on_each(|store| {
        store.write(|tx| tx.batch("CREATE TABLE pair (a BIGINT, b TEXT)")).unwrap();
        for many in [0i64, 1, 3, 10, 11, 300, 2_000, 5_000] {
            let rows: Vec<Vec<Value>> =
                (0..many).map(|it| vec![it.into(), it.to_string().into()]).collect();
            let changed = store.write(|tx| {
                tx.execute("DELETE FROM pair", &[])?;
                tx.insert("INSERT INTO pair (a, b)", &rows, "")
            });
            assert_eq!(usize::try_from(changed.unwrap()).unwrap(), rows.len());
            let ask = "SELECT a, b FROM pair WHERE a IN ({keys})";
            let keys: Vec<i64> = (0..many).collect();
            let row = |it: &Row| Ok((it.int(0)?, it.text(1)?));
            let mut found = store.read(|tx| tx.among(ask, &[], &keys, row)).unwrap();
            found.sort();
            found.dedup();
            assert_eq!(found.len(), rows.len());
            assert!(found.iter().all(|(a, b)| a.to_string() == *b));
        }
        let double =
            "UPDATE pair SET a = pair.a + v.column2 FROM {rows} AS v WHERE pair.a = v.column1";
        let rows: Vec<Vec<i64>> = (1000..1300).map(|it| vec![it, 10_000]).collect();
        assert_eq!(store.write(|tx| tx.execute_rows(double, &rows)).unwrap(), 300);
        let beyond = "SELECT COUNT(*) FROM pair WHERE a >= $1 AND b IN ({keys})";
        let keys: Vec<String> = (1290..1310).map(|it| it.to_string()).collect();
        let sum = |tx: &mut Tx<'_>| tx.among(beyond, &[10_000i64.into()], &keys, |it| it.int(0));
        assert_eq!(store.read(sum).unwrap(), [10]);
        let others: Vec<String> = (1..10).map(|it| format!("a <> ${it}")).collect();
        let ten = &format!("SELECT b FROM pair WHERE a = $10 AND {}", others.join(" AND "));
        let values: Vec<Value> = (1..=9i64).chain([77]).map(Value::from).collect();
        let text = |it: &Row| it.text(0);
        assert_eq!(store.read(|tx| tx.row(ten, &values, text)).unwrap().as_deref(), Some("77"));
    });
}

#[test]
fn texts_sort_by_their_bytes() {
    on_each(|store| {
        let names = ["Zeta", "alpha", "a-b", "a_b", "aB", "ä", "b"];
        let rows: Vec<Vec<Value>> =
            names.iter().map(|it| vec![(*it).into(), "x".into(), 0i64.into()]).collect();
        let insert = "INSERT INTO setting (name, document, changed_at)";
        store.write(|tx| tx.insert(insert, &rows, "")).unwrap();
        let ask = "SELECT name FROM setting ORDER BY name";
        let found = store.read(|tx| tx.rows(ask, &[], |it| it.text(0))).unwrap();
        let mut expected = names.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected);
    });
}

#[test]
fn readers_cannot_write() {
    on_each(|store| {
        let outcome = store.read(|tx| add(tx, 1));
        assert!(outcome.is_err(), "{outcome:?}");
        assert_eq!(count(store), 0);
    });
}

#[test]
fn broken_rules_are_conflicts() {
    on_each(|store| {
        let check = |sql: &str| {
            let outcome = store.write(|tx| tx.execute(sql, &[]));
            assert!(matches!(outcome, Err(Error::Conflict(_))), "{sql}: {outcome:?}");
        };
        check("INSERT INTO quota (id, used) VALUES (1, 0)");
        check("INSERT INTO quota (id) VALUES (5)");
        check("INSERT INTO part (whole, image) VALUES (1, 2)");
    });
}

#[test]
fn a_newer_schema_is_refused() {
    on_each(|store| {
        let newer = "INSERT INTO schema_version (version) VALUES (7)";
        store.write(|tx| tx.execute(newer, &[])).unwrap();
        let outcome = Store::open(store.settings.clone());
        assert!(matches!(outcome, Err(Error::Newer(7, 1))), "{outcome:?}");
    });
}

#[test]
fn a_full_disk_is_said_to_be_full() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(Settings::Embedded(folder.path().join("store.db"))).unwrap();
    let fill = |tx: &mut Tx<'_>| {
        // What SQLite says when the file may not grow is what it says when the disk is full.
        tx.batch("PRAGMA max_page_count = 1")?;
        let big = "x".repeat(4_000_000);
        let sql = "INSERT INTO setting (name, document, changed_at) VALUES ('big', $1, 0)";
        tx.execute(sql, &[big.into()])
    };
    let outcome = store.write(fill);
    assert!(matches!(outcome, Err(Error::Full(_))), "{outcome:?}");
    let found = store.read(|tx| tx.number("SELECT COUNT(*) FROM setting", &[]));
    assert_eq!(found.unwrap(), 0);
}

#[test]
fn a_certificate_is_verified() {
    let Some((server, authority)) = testkit::postgres::Server::with_tls() else { return };
    let plain = server.database();
    let named = plain.replace("127.0.0.1", "localhost");
    let open = |url: &str, mode: &str, authorities: Option<&[u8]>| {
        let url = format!("{url}?sslmode={mode}");
        let authorities = authorities.map(<[u8]>::to_vec);
        let store = Store::open(Settings::Server { url, authorities, connections: 1 })?;
        store.read(|tx| {
            let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            tx.row(sql, &[], |it| it.truth(0)).map(Option::unwrap)
        })
    };
    let trusted = Some(authority.as_slice());
    for mode in ["prefer", "require", "verify-full"] {
        assert!(open(&named, mode, trusted).unwrap(), "{mode}");
        let refused = |outcome: Result<bool>, why: &str| {
            let said = outcome.unwrap_err().to_string();
            assert!(said.contains(why), "{mode}: {said}");
        };
        refused(open(&named, mode, None), "UnknownIssuer");
        // The certificate is for the other name.
        refused(open(&plain, mode, trusted), "certificate not valid for name");
        refused(open(&named, mode, Some(b"nothing")), "no PEM certificate");
    }
    assert!(!open(&named, "disable", None).unwrap());
    // A server without TLS is not talked to by who insists on it.
    let Some(url) = testkit::postgres::database() else { return };
    assert!(!open(&url, "prefer", trusted).unwrap());
    assert!(open(&url, "require", trusted).unwrap_err().to_string().contains("TLS"));
}
