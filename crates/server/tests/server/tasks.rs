//! Tasks, quota, and the events that tell of them.
use crate::kit::{As, Running, hasty, header, json, on_each, ready, start};
use serde_json::{Value, json};
use server::{Event, Settings};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::{Duration, Instant},
};
use store::tasks::{self, Kind, Target};

/// A task of so many images.
fn task(it: &Running, images: u32) -> i64 {
    let target = |n: u32| Target {
        digest: format!("sha256:{n:064}"),
        registry: 1,
        repository: "team/a".to_owned(),
        tag: n.to_string(),
    };
    let targets: Vec<Target> = (0..images).map(target).collect();
    it.store
        .write(|tx| {
            let id = tasks::start(tx, Kind::Manual, "admin", r#"{"all": true}"#, 5)?;
            tasks::add(tx, id, &targets, 5)?;
            tasks::seal(tx, id, 5)?;
            Ok(id)
        })
        .unwrap()
}

#[test]
fn a_task_is_watched_cancelled_and_tried_again() {
    on_each(|it| {
        let admin = it.log_in("admin");
        let operator = it.somebody(&admin, "operator");
        let (first, second) = (task(it, 1200), task(it, 2));
        let list = it.done(&operator, "GET", "/api/v1/tasks?kind=manual&ended=false", None);
        let ids: Vec<i64> =
            list["items"].as_array().unwrap().iter().map(|it| it["id"].as_i64().unwrap()).collect();
        assert_eq!(ids, [second, first]);
        assert_eq!(list["items"][1]["items"]["queued"], 1200);
        assert_eq!(list["items"][1]["request"], json!({"all": true}));
        assert_eq!(it.refused(&operator, "GET", "/api/v1/tasks?kind=strange", None).0, 422);
        let place = format!("/api/v1/tasks/{first}");
        let items = it.done(&operator, "GET", &format!("{place}/items?limit=2&state=queued"), None);
        assert_eq!(
            (&items["items"][0]["state"], &items["items"][0]["tag"]),
            (&json!("queued"), &json!("0"))
        );
        let next = format!("{place}/items?limit=2&cursor={}", items["next"].as_str().unwrap());
        assert_eq!(it.done(&operator, "GET", &next, None)["items"][0]["tag"], "2");
        let cancelled = it.done(&operator, "POST", &format!("{place}/cancel"), None);
        assert_eq!(
            (&cancelled["items"]["cancelled"], &cancelled["items"]["queued"]),
            (&json!(1200), &json!(0))
        );
        assert!(cancelled["ended_at"].is_string(), "{cancelled}");
        assert_eq!(
            it.refused(&operator, "POST", &format!("{place}/cancel"), None),
            (409, "conflict".to_owned())
        );
        let again = json!({"which": "failed"});
        it.done(&operator, "POST", &format!("/api/v1/tasks/{second}/retry"), Some(&again));
        assert_eq!(it.refused(&operator, "POST", "/api/v1/tasks/99/retry", Some(&again)).0, 404);
        assert_eq!(it.refused(&operator, "GET", "/api/v1/tasks/99/items", None).0, 404);
        let audit = it.done(&admin, "GET", "/api/v1/audit?action=cancelTask", None);
        assert_eq!(
            (&audit["items"][0]["person"], &audit["items"][0]["object"]),
            (&json!("operator"), &json!(format!("task/{first}")))
        );
        let quota = it.done(&admin, "PUT", "/api/v1/quota", Some(&json!({"total": 7})));
        assert_eq!(quota, json!({"total": 7, "used": 0, "reserved": 0}));
        assert_eq!(it.done(&operator, "GET", "/api/v1/quota/ledger", None)["items"], json!([]));
        it.done(&admin, "PUT", "/api/v1/quota", Some(&json!({"total": null})));
        assert_eq!(it.refused(&admin, "PUT", "/api/v1/quota", Some(&json!({"total": -1}))).0, 422);
    });
}

#[test]
fn what_is_scanned_by_itself_is_chosen_by_one_at_a_time() {
    on_each(|it| {
        let admin = it.log_in("admin");
        let operator = it.somebody(&admin, "operator");
        let place = "/api/v1/settings/scan";
        let first = it.ask(&operator, "GET", place, None);
        assert_eq!(
            (header(&first, "etag"), &json(&first)["cycle"]["kind"]),
            (Some("\"0\""), &json!("stop"))
        );
        let mut wanted = json(&first);
        wanted["cycle"] = json!({"kind": "custom", "hours": 36, "window": {"from_minute": 60, "to_minute": 300, "offset_minutes": 480}});
        wanted["scope"]["rules"] =
            json!([{"include": true, "registry": 7, "repository": "team/*"}]);
        wanted["scope"]["later"] = json!(false);
        wanted["scope"]["known"] = json!(12345);
        let put = |body: &Value, seen: &str| {
            it.ask_with(&operator, "PUT", place, Some(body), &[("if-match", seen)])
        };
        let changed = put(&wanted, "\"0\"");
        assert_eq!((changed.status, header(&changed, "etag")), (200, Some("\"1\"")));
        // Which repositories are there is not for the caller to say.
        assert_eq!(json(&changed)["scope"]["known"], 0);
        wanted["scope"]["known"] = json!(0);
        assert_eq!(it.done(&admin, "GET", place, None), wanted);
        // Whoever saw an older one changes nothing.
        let late = put(&wanted, "\"0\"");
        assert_eq!((late.status, &json(&late)["code"]), (412, &json!("changed")));
        assert_eq!(it.ask(&operator, "PUT", place, Some(&wanted)).status, 200);
        for bad in [
            json!({"kind": "custom", "hours": 0}),
            json!({"kind": "sometimes"}),
            json!({"kind": "custom", "hours": 1, "window": {"from_minute": 9, "to_minute": 9, "offset_minutes": 0}}),
        ] {
            let mut body = wanted.clone();
            body["cycle"] = bad.clone();
            assert_eq!(it.refused(&operator, "PUT", place, Some(&body)).0, 422, "{bad}");
        }
        let audit = it.done(&admin, "GET", "/api/v1/audit?object=settings/scan", None);
        assert_eq!(audit["items"][1]["before"]["cycle"]["kind"], "stop");
        assert_eq!(audit["items"][1]["after"]["cycle"]["hours"], 36);
    });
}

/// Somebody who listens.
struct Listener(BufReader<TcpStream>);

impl Listener {
    fn new(it: &Running, who: &As, target: &str, last: Option<&str>) -> Listener {
        let mut stream = TcpStream::connect(&it.host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut head = format!("GET {target} HTTP/1.1\r\nhost: x\r\n");
        for (name, value) in &who.0 {
            head += &format!("{name}: {value}\r\n");
        }
        head += &last.map_or(String::new(), |it| format!("last-event-id: {it}\r\n"));
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        let mut it = Listener(BufReader::new(stream));
        assert_eq!(it.until("HTTP/1.1"), "HTTP/1.1 200 OK");
        it.until("content-type: text/event-stream");
        it
    }

    /// The next line that begins so.
    fn until(&mut self, start: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "it ended before {start}");
            if line.starts_with(start) {
                return line.trim_end().to_owned();
            }
        }
    }
}

#[test]
fn events_reach_who_listens_and_who_comes_back() {
    let mut it = ready();
    let admin = it.log_in("admin");
    let (first, second) = (task(&it, 1), task(&it, 1));
    let mut all = Listener::new(&it, &admin, "/api/v1/events", None);
    let mut one = Listener::new(&it, &admin, &format!("/api/v1/tasks/{second}/events"), None);
    // A sign of life comes first, so that the reader knows that it is heard.
    all.until(":");
    one.until(":");
    for task in [first, second] {
        it.events.tell(&Event {
            kind: "task",
            task: Some(task),
            data: json!({"task": task, "done": 1}),
        });
    }
    let id = all.until("id: ")[4..].to_owned();
    assert_eq!(all.until("event: "), "event: task");
    assert_eq!(all.until("data: "), format!(r#"data: {{"done":1,"task":{first}}}"#));
    assert_eq!(one.until("data: "), format!(r#"data: {{"done":1,"task":{second}}}"#));
    drop(all);
    let mut back = Listener::new(&it, &admin, "/api/v1/events", Some(&id));
    assert_eq!(back.until("data: "), format!(r#"data: {{"done":1,"task":{second}}}"#));
    let mut lost = Listener::new(&it, &admin, "/api/v1/events", Some("from-another-life-7"));
    assert_eq!(lost.until("event: "), "event: reset");
    assert_eq!(it.refused(&admin, "GET", "/api/v1/tasks/99/events", None).0, 404);
    // A stop does not wait for those who listen.
    let begun = Instant::now();
    it.stop();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn who_listens_and_does_not_read_is_let_go() {
    let it = start(Settings { limits: hasty(), ..Settings::default() });
    it.set_up();
    let admin = it.log_in("admin");
    let _slow = Listener::new(&it, &admin, "/api/v1/events", None);
    let readers = || {
        let metrics = String::from_utf8(it.ask(&admin, "GET", "/metrics", None).body).unwrap();
        let line = metrics.lines().find(|it| it.starts_with("plimsoll_event_readers ")).unwrap();
        line.rsplit(' ').next().unwrap().parse::<u32>().unwrap()
    };
    assert_eq!(readers(), 1);
    let data = json!({"text": "x".repeat(10_000)});
    let deadline = Instant::now() + Duration::from_secs(20);
    while readers() > 0 {
        (0..200)
            .for_each(|_| it.events.tell(&Event { kind: "task", task: None, data: data.clone() }));
        assert!(Instant::now() < deadline, "it is still there");
    }
    let many: Vec<Listener> =
        (0..16).map(|_| Listener::new(&it, &admin, "/api/v1/events", None)).collect();
    let refused = it.ask(&admin, "GET", "/api/v1/events", None);
    assert_eq!((refused.status, &json(&refused)["code"]), (429, &json!("too-many-requests")));
    drop(many);
}
