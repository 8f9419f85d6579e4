//! An advisory database that somebody brings in: refused or in use, as a whole, whatever the store is.
use crate::kit::{
    As, Running, beside, both_languages, header, json, on_each, ready, settings, start_on,
};
use scan::{
    advisories::{Policy, Store},
    center::Role,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};
use testkit::http::{Reply, ask};

const IMPORT: &str = "/api/v1/advisories/import";

/// A database that `db export` could have written: of one record that was changed on this day, and without anything else.
fn database(package: &str, day: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let record = json!({"schema_version": "1.7.0", "id": "DEBIAN-CVE-2099-0001", "modified": format!("{day}T00:00:00Z"),
        "affected": [{"package": {"ecosystem": "Debian:12", "name": package},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9"}]}]}]});
    let osv = folder.path().join("osv");
    fs::create_dir(&osv).unwrap();
    fs::write(osv.join("one.json"), record.to_string()).unwrap();
    let starter = assess::starter::states();
    let starter: Vec<_> = starter.iter().map(|it| assess::feeds::feed(&it.name).unwrap()).collect();
    let policy = Policy { force: true, without: &starter };
    let made = Store::new(folder.path()).import(None, &[osv], policy, &mut |_| {}).unwrap();
    fs::read(made.path).unwrap()
}

fn bring(it: &Running, who: &As, file: &[u8], more: &[(&str, &str)]) -> Reply {
    let mut headers: Vec<(&str, &str)> = who.0.iter().map(|(a, b)| (*a, b.as_str())).collect();
    if !more.iter().any(|it| it.0 == "content-type") {
        headers.push(("content-type", "application/octet-stream"));
    }
    headers.extend(more);
    let reply = ask(&it.host, "POST", IMPORT, &headers, file).unwrap();
    both_languages(&reply);
    reply
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_is_brought_in_is_in_use_on_every_machine() {
    on_each(|it| {
        let admin = it.log_in("admin");
        it.center.run(Role::All).unwrap();
        let read = |it: &Running| it.done(&admin, "GET", "/api/v1/advisories", None);
        until("advisories", || read(it)["starter"] == true);
        let file = database("alpha", "2026-02-03");
        // The center may just be taking up what it has.
        let mut reply = bring(it, &admin, &file, &[("idempotency-key", "k")]);
        until("nobody else changes them", || {
            if reply.status == 409 {
                reply = bring(it, &admin, &file, &[("idempotency-key", "k")]);
            }
            reply.status != 409
        });
        let made = json(&reply);
        assert_eq!(reply.status, 200, "{made}");
        assert_eq!(
            (&made["built_at"], &made["advisories"]),
            (&json!("2026-02-03T00:00:00Z"), &json!(1))
        );
        assert!(made["changed_packages"].as_u64().unwrap() > 1000, "{made}");
        until("the new one", || read(it)["build"] == made["build"]);
        // The same again is no other; another file under the same key is.
        assert_eq!(json(&bring(it, &admin, &file, &[("idempotency-key", "k")])), made);
        assert_eq!(json(&bring(it, &admin, &file, &[]))["changed_packages"], 0);
        let other = bring(it, &admin, b"other", &[("idempotency-key", "k")]);
        assert_eq!((other.status, &json(&other)["code"]), (422, &json!("invalid")));
        let log = it.done(&admin, "GET", "/api/v1/audit?action=importAdvisories", None);
        let first = log["items"].as_array().unwrap().last().unwrap();
        assert_eq!((&first["object"], &first["person"]), (&json!("advisories"), &json!("admin")));
        assert_eq!(
            (&first["before"]["built_at"], &first["after"]["build"]),
            (&Value::Null, &made["build"])
        );
        it.center.stop();
    });
}

#[test]
fn machines_that_share_a_store_take_it_over() {
    let Some(url) = testkit::postgres::database() else { return };
    let database_at = store::Settings::Server { url, authorities: None, connections: 8 };
    let one = start_on(&database_at, tempfile::tempdir().unwrap(), settings());
    one.set_up();
    let (admin, other) = (one.log_in("admin"), beside(&one, &database_at));
    for it in [&one, &other] {
        it.center.run(Role::All).unwrap();
    }
    let read = |it: &Running| it.done(&admin, "GET", "/api/v1/advisories", None);
    until("advisories", || read(&other)["starter"] == true && read(&one)["starter"] == true);
    let made = json(&bring(&one, &admin, &database("alpha", "2026-02-03"), &[]));
    until("the new one on both", || {
        [&one, &other].iter().all(|it| read(it)["build"] == made["build"])
    });
    // Also what came by the store keeps an older one out.
    let older = bring(&other, &admin, &database("beta", "2026-01-01"), &[]);
    assert_eq!((older.status, &json(&older)["code"]), (409, &json!("conflict")));
    one.center.stop();
    other.center.stop();
}

#[test]
fn what_is_no_good_leaves_the_one_in_use() {
    let it = ready();
    let admin = it.log_in("admin");
    let operator = it.somebody(&admin, "operator");
    let good = database("alpha", "2026-02-03");
    let made = json(&bring(&it, &admin, &good, &[]));
    let mut flipped = database("beta", "2026-03-04");
    *flipped.last_mut().unwrap() ^= 1;
    let mut newer = database("beta", "2026-03-04");
    newer[8] = 0xff;
    let check = |who: &As, file: &[u8], more: &[(&str, &str)], expected: (u16, &str, &str)| {
        let reply = bring(&it, who, file, more);
        let said = json(&reply);
        let (code, detail) = (said["code"].as_str().unwrap(), said["detail"].as_str().unwrap());
        assert_eq!((reply.status, code), (expected.0, expected.1), "{detail}");
        assert!(detail.contains(expected.2), "{detail}");
        let in_use = json(&bring(&it, &admin, &good, &[]));
        assert_eq!((&in_use["build"], &in_use["changed_packages"]), (&made["build"], &json!(0)));
    };
    check(&operator, &good, &[], (403, "forbidden", "the role admin"));
    check(&As::default(), &good, &[], (401, "unauthenticated", "log in"));
    check(&admin, b"", &[], (422, "invalid", "this is not an advisory database"));
    check(&admin, b"{}", &[], (422, "invalid", "this is not an advisory database"));
    check(&admin, &good[..good.len() / 2], &[], (422, "invalid", "is damaged"));
    check(&admin, &flipped, &[], (422, "invalid", "is damaged"));
    check(&admin, &newer, &[], (422, "invalid", "has schema"));
    let older = database("beta", "2026-01-01");
    check(&admin, &older, &[], (409, "conflict", "before the database in use"));
    let of_text = [("content-type", "text/plain")];
    check(&admin, &good, &of_text, (415, "unsupported-media-type", "application/octet-stream"));
    let packed = [("content-encoding", "gzip")];
    check(&admin, &good, &packed, (415, "unsupported-media-type", "compressed"));
    // Nobody leaves anything behind.
    let left = fs::read_dir(it.folder.path().join("db")).unwrap();
    let left = left
        .filter(|it| !it.as_ref().unwrap().file_name().to_string_lossy().ends_with(".plimsoll"));
    assert_eq!(left.count(), 3, "current, previous and the lock");
    // While somebody else changes them, nothing is.
    let lock = fs::File::open(it.folder.path().join("db/lock")).unwrap();
    lock.lock().unwrap();
    let reply = bring(&it, &admin, &good, &[]);
    assert_eq!(reply.status, 409, "{}", json(&reply));
    assert!(json(&reply)["detail"].as_str().unwrap().contains("being changed just now"));
}

/// Sends the head of a request and some of its content; the first line of the answer, if there is one.
fn begun(it: &Running, who: &As, length: &str, content: &[u8]) -> String {
    let mut line = TcpStream::connect(&it.host).unwrap();
    let who: String = who.0.iter().map(|(a, b)| format!("{a}: {b}\r\n")).collect();
    let head = format!(
        "POST {IMPORT} HTTP/1.1\r\nhost: {}\r\n{who}content-type: application/octet-stream\r\n{length}\r\n\r\n",
        it.host
    );
    line.write_all(head.as_bytes()).unwrap();
    line.write_all(content).unwrap();
    let mut answer = [0; 12];
    line.read_exact(&mut answer)
        .map(|()| String::from_utf8_lossy(&answer).into_owned())
        .unwrap_or_default()
}

#[test]
fn an_import_may_take_long_but_not_be_endless() {
    let it = crate::kit::start(server::Settings { limits: crate::kit::hasty(), ..settings() });
    it.set_up();
    let admin = it.log_in("admin");
    assert_eq!(begun(&it, &admin, "content-length: 2147483649", b""), "HTTP/1.1 413");
    // Nothing comes for longer than anything may take.
    assert_eq!(begun(&it, &admin, "content-length: 1000", b"PLIMSOLL"), "HTTP/1.1 408");
    let reply = it.get("/healthz");
    assert_eq!((reply.status, header(&reply, "content-type")), (200, Some("text/plain")));
}
