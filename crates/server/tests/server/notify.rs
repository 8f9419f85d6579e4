//! Notifications, as their receivers see them.
use crate::kit::{As, Running, on_each, ready};
use base64::{Engine, prelude::BASE64_STANDARD};
use ring::hmac::{HMAC_SHA256, Key, sign};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use store::deliveries::{self, State};
use testkit::http::{Reply, Seen, Server};

/// A receiver that answers with this status, and with what all kinds take for a yes.
fn receiver(status: &Arc<AtomicU16>) -> Server {
    let status = Arc::clone(status);
    Server::start(move |_| {
        Reply::new(status.load(Ordering::SeqCst), r#"{"errcode": 0, "code": 0}"#)
    })
}

fn good() -> Arc<AtomicU16> {
    Arc::new(AtomicU16::new(200))
}

fn channel(it: &Running, who: &As, kind: &str, url: &str, more: Value) -> Value {
    let mut body = json!({"name": kind, "kind": kind, "url": url, "inside": true});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    it.done(who, "POST", "/api/v1/channels", Some(&body))
}

/// Lets something happen that these channels are told of.
fn happen(it: &Running, channels: &[&Value]) {
    let ids: Vec<i64> = channels.iter().map(|it| it["id"].as_i64().unwrap()).collect();
    let message = json!({"title": "CVE-1 <!channel>", "text": "2 images\nare affected", "data": {"images": 2}});
    let text = message.to_string();
    it.store.write(|tx| deliveries::add(tx, &ids, "newly-affected", &text, 5)).unwrap();
}

fn wait(mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "it does not happen");
        thread::sleep(Duration::from_millis(20));
    }
}

fn hmac(key: &[u8], text: &str) -> String {
    BASE64_STANDARD.encode(sign(&Key::new(HMAC_SHA256, key), text.as_bytes()))
}

#[test]
fn each_kind_gets_what_it_understands_and_can_trust() {
    on_each(|it| {
        let admin = it.log_in("admin");
        let receiver = receiver(&good());
        let url = |path: &str| format!("http://{}{path}", receiver.host());
        let webhook = channel(it, &admin, "webhook", &url("/webhook"), json!({}));
        let slack = channel(it, &admin, "slack", &url("/services/T0/B0/hush"), json!({}));
        let dingtalk = channel(
            it,
            &admin,
            "dingtalk",
            &url("/robot/send?access_token=hush"),
            json!({"secret": "SECdd"}),
        );
        let feishu = channel(it, &admin, "feishu", &url("/hook/hush"), json!({"secret": "fs"}));
        let wecom = channel(it, &admin, "wecom", &url("/cgi-bin/webhook/send?key=hush"), json!({}));
        happen(it, &[&webhook, &slack, &dingtalk, &feishu, &wecom]);
        wait(|| receiver.seen().len() >= 5);
        let seen = receiver.seen();
        let find = |path: &str| -> (Seen, Value) {
            let seen = seen.iter().find(|it| it.target.starts_with(path)).unwrap().clone();
            let body = serde_json::from_slice(&seen.body).unwrap();
            (seen, body)
        };
        let (request, body) = find("/webhook");
        assert_eq!(
            (&body["type"], &body["timestamp"]),
            (&json!("newly-affected"), &json!("1970-01-01T00:00:00.005Z"))
        );
        assert_eq!(body["data"]["details"], json!({"images": 2}));
        let part = |name: &str| request.header(name).unwrap();
        let signed = format!(
            "{}.{}.{}",
            part("webhook-id"),
            part("webhook-timestamp"),
            String::from_utf8_lossy(&request.body)
        );
        let key = webhook["secret"].as_str().unwrap().strip_prefix("whsec_").unwrap();
        let key = BASE64_STANDARD.decode(key).unwrap();
        assert_eq!(part("webhook-signature"), format!("v1,{}", hmac(&key, &signed)));
        assert_eq!(part("webhook-timestamp"), "1700000000");
        // Nobody is called who is only named.
        assert_eq!(
            find("/services/").1["text"],
            "*CVE-1 &lt;!channel&gt;*\n2 images\nare affected"
        );
        let (request, body) = find("/robot/send");
        let sign = net::encode(&hmac(b"SECdd", "1700000000000\nSECdd"));
        let target = format!("/robot/send?access_token=hush&timestamp=1700000000000&sign={sign}");
        assert_eq!((&body["msgtype"], request.target), (&json!("markdown"), target));
        let (_, body) = find("/hook/");
        assert_eq!((&body["msg_type"], &body["timestamp"]), (&json!("text"), &json!("1700000000")));
        assert_eq!(body["sign"], hmac(b"1700000000\nfs", ""));
        assert_eq!(
            find("/cgi-bin/").1["markdown"]["content"],
            "**CVE-1 <!channel>**\n2 images\nare affected"
        );
        wait(|| {
            let list = it.done(&admin, "GET", "/api/v1/deliveries?state=delivered", None);
            list["items"].as_array().unwrap().len() == 5
        });
        // What lets in is shown once at most, and kept sealed.
        let all = it.done(&admin, "GET", "/api/v1/channels", None).to_string();
        let audit = it.done(&admin, "GET", "/api/v1/audit", None).to_string();
        let stored = format!("{:?}", it.store.read(store::channels::all).unwrap());
        for text in [&all, &audit, &it.log(), &stored] {
            for secret in ["hush", "SECdd", webhook["secret"].as_str().unwrap()] {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
        assert!(all.contains(&format!("http://{}", receiver.host())), "{all}");
    });
}

#[test]
fn what_does_not_arrive_is_tried_again_and_in_the_end_given_up() {
    let it = &ready();
    let admin = it.log_in("admin");
    let status = good();
    status.store(503, Ordering::SeqCst);
    let receiver = receiver(&status);
    let made = channel(it, &admin, "slack", &format!("http://{}/hush", receiver.host()), json!({}));
    happen(it, &[&made]);
    let state = || it.done(&admin, "GET", "/api/v1/deliveries", None)["items"][0].clone();
    wait(|| state()["reason"] == "it answered 503");
    assert_eq!((&state()["state"], &state()["attempts"]), (&json!("waiting"), &json!(1)));
    // Nobody is pressed: the next try takes its time.
    thread::sleep(Duration::from_millis(500));
    assert_eq!(receiver.seen().len(), 1);
    for attempts in 2..=12 {
        it.pass(6 * 3_600_000);
        wait(|| state()["attempts"] == attempts && state()["next_at"].as_str().is_some());
        wait(|| receiver.seen().len() >= attempts);
    }
    wait(|| state()["state"] == "given-up");
    let place = format!("/api/v1/deliveries/{}/again", state()["id"]);
    status.store(200, Ordering::SeqCst);
    it.done(&admin, "POST", &place, None);
    wait(|| state()["state"] == "delivered");
    assert_eq!(it.refused(&admin, "POST", &place, None).0, 404);
    assert_eq!(
        it.store
            .read(|tx| deliveries::page(
                tx,
                &deliveries::Filter { state: Some(State::Waiting), channel: None },
                None,
                9
            ))
            .unwrap()
            .items,
        []
    );
}

#[test]
fn nobody_is_sent_into_our_own_network_unless_allowed() {
    let it = &ready();
    let admin = it.log_in("admin");
    let receiver = receiver(&good());
    let port = receiver.host().rsplit_once(':').unwrap().1.to_owned();
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:7f00:1]"] {
        let url = format!("https://{host}:{port}/hush");
        let made = channel(it, &admin, "slack", &url, json!({"inside": false, "name": host}));
        let test = format!("/api/v1/channels/{}/test", made["id"]);
        let tested = it.done(&admin, "POST", &test, None);
        let reason = tested["reason"].as_str().unwrap();
        assert!(tested["arrived"] == false && reason.contains("world outside"), "{host}: {tested}");
        assert!(!reason.contains("hush"), "{reason}");
    }
    assert_eq!(receiver.seen().len(), 0);
    let url = format!("http://{}/hush", receiver.host());
    let made = channel(it, &admin, "slack", &url, json!({}));
    let test = format!("/api/v1/channels/{}/test", made["id"]);
    assert_eq!(it.done(&admin, "POST", &test, None), json!({"arrived": true, "reason": ""}));
    assert_eq!(receiver.seen().len(), 1);
}

#[test]
fn a_channel_that_is_not_in_order_is_refused() {
    let it = &ready();
    let admin = it.log_in("admin");
    let url = "https://hooks.example/hush";
    let check = |change: Value| {
        let mut body = json!({"name": "x", "kind": "webhook", "url": url});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let refused = it.refused(&admin, "POST", "/api/v1/channels", Some(&body));
        assert_eq!(refused, (422, "invalid".to_owned()), "{change}");
    };
    check(json!({"kind": "pigeon"}));
    check(json!({"name": ""}));
    check(json!({"url": null}));
    check(json!({"url": "http://hooks.example/"}));
    check(json!({"url": "ftp://hooks.example/"}));
    check(json!({"url": "https://user:password@hooks.example/"}));
    check(json!({"secret": "short"}));
    check(json!({"secret": "whsec_AAAA"}));
    check(json!({"kind": "slack", "secret": "x"}));
    check(json!({"events": ["everything"]}));
    let made = channel(it, &admin, "webhook", url, json!({"inside": false}));
    let place = format!("/api/v1/channels/{}", made["id"]);
    let body = |change: Value| {
        let mut body = json!({"name": "webhook", "kind": "webhook", "enabled": false});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    // The secret stays with its address, and does not go to another.
    let changed = it.done(&admin, "PUT", &place, Some(&body(json!({}))));
    assert_eq!(
        (&changed["enabled"], &changed["origin"]),
        (&json!(false), &json!("https://hooks.example"))
    );
    let elsewhere = body(json!({"url": "https://evil.example/"}));
    assert_eq!(it.refused(&admin, "PUT", &place, Some(&elsewhere)).0, 422);
    let double = json!({"name": "webhook", "kind": "slack", "url": url});
    assert_eq!(it.refused(&admin, "POST", "/api/v1/channels", Some(&double)).0, 409);
    it.done(&admin, "DELETE", &place, None);
    assert_eq!(it.refused(&admin, "GET", &place, None).0, 404);
}
