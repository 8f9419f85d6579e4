//! Notifications, as their receivers see them.
use crate::{
    kit::{As, Running, beside, on_each, ready, settings, start, start_on},
    registries::{REGISTRIES, given, some_image, until},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use ring::hmac::{HMAC_SHA256, Key, sign};
use scan::center::{Affected, Failed, Malicious, MaliciousFile, Nearly, Role};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use store::{
    deliveries::{self, State},
    notices,
};
use testkit::{
    harbor::Harbor,
    http::{Reply, Seen, Server, Wire},
    mail::{Mail, Security},
};

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
            "**CVE-1 ＜!channel>**\n2 images\nare affected"
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

/// Lets the center notice something.
fn notice(it: &Running, kind: &str, documents: &[impl Serialize]) {
    let write = |tx: &mut store::Tx<'_>| {
        for it in documents {
            notices::add(tx, kind, &json!(it).to_string(), crate::kit::START)?;
        }
        Ok(())
    };
    it.store.write(write).unwrap();
}

fn failed(number: usize) -> Failed {
    Failed {
        digest: format!("sha256:{number:064}"),
        registry: 1,
        repository: "team/app".to_owned(),
        code: if number.is_multiple_of(4) { "not-allowed" } else { "unreachable" }.to_owned(),
        reason: format!("reason {number}"),
    }
}

fn affected(number: usize, level: &str, images: usize) -> Affected {
    Affected {
        risk: format!("CVE-2026-{number}"),
        category: "system".to_owned(),
        title: "a 漏洞".to_owned(),
        level: level.to_owned(),
        images: (0..images).map(|it| format!("sha256:{it:064}")).collect(),
        open: 9,
    }
}

/// What a webhook was told, by event.
fn told(receiver: &Server) -> Vec<(String, Value)> {
    let one = |it: Seen| {
        let body: Value = serde_json::from_slice(&it.body).unwrap();
        (body["type"].as_str().unwrap().to_owned(), body["data"].clone())
    };
    receiver.seen().into_iter().map(one).collect()
}

const MINUTE: i64 = 60_000;

/// A center that knows its address, its administrator, and somebody who is told.
fn telling() -> (Running, As, Server) {
    let public_url = Some(net::Url::parse("https://images.example").unwrap());
    let it = start(server::Settings { public_url, ..settings() });
    it.set_up();
    let admin = it.log_in("admin");
    (it, admin, receiver(&good()))
}

#[test]
fn notices_are_told_together_and_once() {
    let (it, admin, receiver) = telling();
    let it = &it;
    let url = |path: &str| format!("http://{}{path}", receiver.host());
    let all = channel(it, &admin, "webhook", &url("/all"), json!({}));
    let some = json!({"name": "some", "events": ["quota-nearly-used"]});
    channel(it, &admin, "webhook", &url("/some"), some);
    let off = json!({"name": "off", "enabled": false});
    channel(it, &admin, "webhook", &url("/off"), off);
    // Ten thousand failures are one message, when no more come.
    notice(it, "failed", &(0..10_000).map(failed).collect::<Vec<_>>());
    notice(
        it,
        "affected",
        &[affected(7, "low", 1), affected(8, "high", 100), affected(9, "medium", 2)],
    );
    it.pass(MINUTE - 1000);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(receiver.seen().len(), 0);
    it.pass(2000);
    wait(|| receiver.seen().len() >= 2);
    notice(it, "quota", &[Nearly { used: 90, total: Some(100) }]);
    wait(|| receiver.seen().len() >= 4);
    thread::sleep(Duration::from_millis(300));
    let mut told = told(&receiver);
    told.sort_by_key(|it| it.0.clone());
    let events: Vec<&str> = told.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(events, ["newly-affected", "quota-nearly-used", "quota-nearly-used", "scan-failed"]);
    assert_eq!((receiver.count("/some"), receiver.count("/off")), (1, 0));
    what_is_said(&told);
    // What cannot be understood is told to the operator alone, and holds up nothing.
    notice(it, "quota", &["strange"]);
    wait(|| it.log().contains("a notice cannot be understood"));
    // One is told by its name; what keeps coming does not keep others waiting.
    notice(it, "failed", &[failed(4)]);
    it.pass(20 * MINUTE);
    wait(|| receiver.seen().len() >= 5);
    let (_, data) = self::told(&receiver).remove(4);
    assert_eq!(
        data["title"],
        "The scan of a removed registry/team/app@sha256:000000000000 failed: not-allowed"
    );
    let page = format!("https://images.example/images/sha256:{:064}", 4);
    assert_eq!(data["text"].as_str().unwrap().lines().last().unwrap(), page);
    notice(it, "quota", &[Nearly { used: 100, total: Some(100) }]);
    wait(|| receiver.seen().len() >= 7);
    assert_eq!(self::told(&receiver)[6].1["title"], "The quota is used up: 100 of 100 images");
    // What is about one thing leads to its page.
    let single = |it: Affected| Affected { risk: "CVE-1&x=/".to_owned(), ..it };
    for (seen, images, page) in [
        (8, 2, "/images?risk=CVE-1%26x%3D%2F".to_owned()),
        (9, 1, format!("/images/sha256:{:064}?category=system&text=CVE-1%26x%3D%2F", 0)),
    ] {
        notice(it, "affected", &[single(affected(1, "high", images))]);
        it.pass(20 * MINUTE);
        wait(|| receiver.seen().len() >= seen);
        let (_, data) = self::told(&receiver).remove(seen - 1);
        let last = data["text"].as_str().unwrap().lines().last().unwrap().to_owned();
        assert_eq!(last, format!("https://images.example{page}"));
    }
    let page = format!("/api/v1/deliveries?channel={}", all["id"]);
    wait(|| {
        let list = it.done(&admin, "GET", &page, None);
        list["items"].as_array().unwrap().iter().all(|it| it["state"] == "delivered")
    });
}

#[test]
fn a_channel_is_told_in_its_language() {
    let it = &ready();
    let admin = it.log_in("admin");
    let receiver = receiver(&good());
    let url = format!("http://{}/", receiver.host());
    let made = channel(it, &admin, "webhook", &url, json!({"language": "zh-CN"}));
    assert_eq!(made["language"], "zh-CN");
    notice(it, "failed", &[failed(3), failed(4)]);
    notice(it, "affected", &[affected(8, "high", 100), affected(9, "medium", 2)]);
    notice(it, "quota", &[Nearly { used: 90, total: Some(100) }]);
    it.pass(20 * MINUTE);
    wait(|| receiver.seen().len() >= 3);
    let mut told = told(&receiver);
    told.sort_by_key(|it| it.0.clone());
    let titles: Vec<&str> = told.iter().map(|it| it.1["title"].as_str().unwrap()).collect();
    assert_eq!(
        titles,
        [
            "2 项风险（其中高危 1 项）新影响至少 100 个镜像",
            "授权数即将用完：90 / 100 个镜像",
            "2 次扫描失败"
        ]
    );
    for (at, part) in [
        (0, "CVE-2026-8 (高): a 漏洞; 至少 100 个镜像: sha256:000000000000"),
        (0, "等，另有 97 项"),
        (0, "建议：更新"),
        (1, "建议：提高授权总数"),
        (2, "已移除的镜像仓库/team/app@sha256:"),
        (2, "可在对应任务中重试"),
    ] {
        let text = told[at].1["text"].as_str().unwrap();
        assert!(text.contains(part), "{part} in {text}");
        let english = ["images", "What", "more", "failed", "look"];
        assert!(!english.iter().any(|it| text.contains(it)), "{text}");
    }
    let test = format!("/api/v1/channels/{}/test", made["id"]);
    it.done(&admin, "POST", &test, None);
    let told = self::told(&receiver);
    assert_eq!(told[3].1["text"], "这是一条测试消息：通知可以送达此处。");
}

#[test]
fn malicious_files_are_told_where_they_are() {
    let (it, admin, receiver) = telling();
    let it = &it;
    let url = |path: &str| format!("http://{}{path}", receiver.host());
    let some = json!({"events": ["malicious-sample"]});
    channel(it, &admin, "webhook", &url("/all"), some);
    let chinese = json!({"name": "zh", "language": "zh-CN", "events": ["malicious-sample"]});
    channel(it, &admin, "webhook", &url("/zh"), chinese);
    let found = |image: usize, title: &str, level: &str| Malicious {
        image: format!("sha256:{image:064}"),
        files: vec![MaliciousFile {
            risk: format!("sha256:{:064}", 7),
            path: "srv/7.php".to_owned(),
            title: title.to_owned(),
            level: level.to_owned(),
        }],
        count: 1,
    };
    let tell = |all: &[Malicious], expected: [&str; 4]| {
        let before = receiver.seen().len();
        notice(it, "malicious", all);
        it.pass(MINUTE + 1000);
        wait(|| receiver.seen().len() >= before + 2);
        let mut told: Vec<(String, Value)> = told(&receiver).split_off(before);
        told.sort_by_key(|it| it.1["title"].to_string());
        for ((event, it), [title, line]) in
            told.iter().zip([[expected[0], expected[1]], [expected[2], expected[3]]])
        {
            let text = it["text"].as_str().unwrap();
            assert_eq!((event.as_str(), it["title"].as_str()), ("malicious-sample", Some(title)));
            assert_eq!(text.lines().next(), Some(line));
        }
        told[0].1.clone()
    };
    let one = [found(1, "Mining trojan (xmrig)", "high")];
    let told = tell(
        &one,
        [
            "1 个镜像中有恶意文件：挖矿木马 (xmrig)",
            "挖矿木马 (xmrig) (高): srv/7.php: sha256:000000000000",
            "a malicious file in 1 image: Mining trojan (xmrig)",
            "Mining trojan (xmrig) (high): srv/7.php: sha256:000000000000",
        ],
    );
    let page = format!("https://images.example/images/sha256:{:064}?category=malware", 1);
    assert_eq!(told["text"].as_str().unwrap().lines().last(), Some(&*page));
    let two = [found(1, "Web shell", "low"), found(2, "Worm", "high")];
    let told = tell(
        &two,
        [
            "2 malicious files in 2 images",
            "Worm (high): srv/7.php: sha256:000000000000",
            "2 个镜像中有 2 个恶意文件",
            "蠕虫 (高): srv/7.php: sha256:000000000000",
        ],
    );
    assert_eq!(
        told["text"].as_str().unwrap().lines().last(),
        Some("https://images.example/malware")
    );
}

/// Of some notices, in order of their events.
fn what_is_said(told: &[(String, Value)]) {
    let check = |at: usize, title: &str, page: &str, parts: &[&str]| {
        let (title_told, text) =
            (told[at].1["title"].as_str().unwrap(), told[at].1["text"].as_str().unwrap());
        assert_eq!(title_told, title);
        for it in parts {
            assert!(text.contains(it), "{it} in {text}");
        }
        let last = text.lines().last().unwrap();
        assert_eq!(last, format!("https://images.example{page}"));
        assert!(text.lines().count() < 20, "{text}");
    };
    check(
        0,
        "3 risks (1 high) newly affect at least 100 images",
        "/",
        &[
            "CVE-2026-8 (high): a 漏洞; at least 100 images: sha256:000000000000",
            "and 97 more",
            "What to do",
        ],
    );
    assert!(told[0].1["text"].as_str().unwrap().starts_with("CVE-2026-8"));
    assert_eq!(told[0].1["details"]["risks"][0]["images"].as_array().unwrap().len(), 10);
    check(1, "The quota is nearly used: 90 of 100 images", "/settings", &["raise the total"]);
    check(
        3,
        "10000 scans failed",
        "/images?state=failed",
        &[
            "2500 × not-allowed: look at",
            "7500 × unreachable: look",
            "team/app@sha256:000000000000: reason 3",
            "and 9990 more\n",
        ],
    );
    assert_eq!(told[3].1["details"]["count"], 10_000);
}

#[test]
fn what_the_center_notices_reaches_people() {
    let it = &ready();
    let (admin, harbor) = (it.log_in("admin"), Harbor::start("v2.15.3"));
    for (project, images) in [("team", 2), ("closed", 3)] {
        harbor.project(project);
        for n in 0..images {
            harbor.put(
                &format!("{project}/app"),
                &format!("v{n}"),
                &some_image(&format!("{project}{n}")),
            );
        }
    }
    let receiver = receiver(&good());
    channel(it, &admin, "webhook", &format!("http://{}/", receiver.host()), json!({}));
    it.center.run(Role::All).unwrap();
    it.done(&admin, "POST", REGISTRIES, Some(&given(&harbor)));
    until(it, &admin, "/api/v1/images", |it| it["items"].as_array().unwrap().len() == 5);
    harbor.protect("closed");
    it.done(&admin, "PUT", "/api/v1/quota", Some(&json!({"total": 2})));
    for (place, ended) in [("closed", 3), ("team", 2)] {
        let asked = json!({"places": [{"repository": format!("{place}/*")}]});
        let task = it.done(&admin, "POST", "/api/v1/tasks", Some(&asked));
        let task = format!("/api/v1/tasks/{}", task["id"]);
        let task = until(it, &admin, &task, |it| !it["ended_at"].is_null());
        assert_eq!(task["items"]["total"], ended, "{task}");
    }
    it.pass(MINUTE + 1000);
    wait(|| receiver.seen().len() >= 2);
    thread::sleep(Duration::from_millis(300));
    let mut told = told(&receiver);
    told.sort_by_key(|it| it.0.clone());
    let titles: Vec<&str> = told.iter().map(|it| it.1["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["The quota is used up: 2 of 2 images", "3 scans failed"]);
    let text = told[1].1["text"].as_str().unwrap();
    let digest = some_image("closed0").manifest.digest.to_string();
    for part in
        ["3 × blocked-by-policy: let the robot pull", &format!("here/closed/app@{}", &digest[..19])]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    it.center.stop();
}

#[test]
fn servers_that_share_a_database_tell_each_notice_once() {
    let folder = tempfile::tempdir().unwrap();
    let embedded = store::Settings::Embedded(folder.path().join("center.db"));
    let shared = testkit::postgres::database();
    let shared =
        shared.map(|url| store::Settings::Server { url, authorities: None, connections: 8 });
    for database in [Some(embedded), shared].into_iter().flatten() {
        let first = start_on(&database, tempfile::tempdir().unwrap(), settings());
        first.set_up();
        let others = [beside(&first, &database), beside(&first, &database)];
        let admin = first.log_in("admin");
        let receiver = receiver(&good());
        let names = ["a", "b", "c"];
        for name in names {
            let url = format!("http://{}/{name}", receiver.host());
            channel(&first, &admin, "webhook", &url, json!({"name": name}));
        }
        let rounds = 20;
        for used in 0..rounds {
            notice(&first, "quota", &[Nearly { used, total: Some(100) }]);
            wait(|| names.iter().all(|it| receiver.count(it) > usize::try_from(used).unwrap()));
        }
        thread::sleep(Duration::from_millis(300));
        for name in names {
            assert_eq!(receiver.count(name), usize::try_from(rounds).unwrap(), "{name}");
        }
        for it in [&first, &others[0], &others[1]] {
            assert!(!it.log().contains("did not arrive"), "{}", it.log());
        }
    }
}

#[test]
fn a_channel_that_does_not_answer_holds_up_no_other() {
    let it = &ready();
    let admin = it.log_in("admin");
    let (dead, receiver) =
        (Server::start(|_| Reply::new(200, "").wire(Wire::Silent)), receiver(&good()));
    let slow = channel(it, &admin, "slack", &format!("http://{}/x", dead.host()), json!({}));
    let other = json!({"name": "other"});
    let other = channel(it, &admin, "slack", &format!("http://{}/x", receiver.host()), other);
    for _ in 0..30 {
        happen(it, &[&slow, &other]);
    }
    let begun = Instant::now();
    wait(|| receiver.seen().len() == 30);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(dead.seen().len(), 1);
}

#[test]
fn mail_reaches_people() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Mail::start(folder.path(), Security::Plain, "") else { return };
    on_each(|it| {
        let before = server.letters(0).len();
        let admin = it.log_in("admin");
        let mail = json!({"from": "plimsoll@here.example", "to": ["jane@there.example", "nobody@there.example"]});
        let url = format!("smtp+plain://{}", server.host());
        let made = channel(it, &admin, "email", &url, json!({"mail": mail}));
        assert_eq!(made["origin"], url);
        notice(it, "affected", &[affected(7, "high", 2)]);
        it.pass(2 * MINUTE);
        let letter = server.letters(before + 1).remove(before);
        assert_eq!(letter["to"], json!(["jane@there.example"]));
        let (head, body) = letter["content"].as_str().unwrap().split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains("\r\nSubject: CVE-2026-7 (high) newly affects 2 images\r\n"),
            "{head}"
        );
        assert!(head.contains("\r\nDate: Tue, 14 Nov 2023 22:15:20 +0000\r\n"), "{head}");
        let body = BASE64_STANDARD.decode(body.replace("\r\n", "")).unwrap();
        let body = String::from_utf8(body).unwrap();
        assert!(body.starts_with("CVE-2026-7 (high): a 漏洞; 2 images"), "{body}");
        let list = || it.done(&admin, "GET", "/api/v1/deliveries", None)["items"][0].clone();
        wait(|| list()["state"] == "delivered");
        assert!(list()["reason"].as_str().unwrap().contains("nobody@there.example"), "{}", list());
        let test = format!("/api/v1/channels/{}/test", made["id"]);
        let tested = it.done(&admin, "POST", &test, None);
        assert_eq!(tested["arrived"], true, "{tested}");
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
        // Each answers something else, by which the end of an attempt is told from its beginning: what is put off then
        // is put off from the time that it is then.
        status.store(500 + attempts, Ordering::SeqCst);
        it.pass(6 * 3_600_000);
        wait(|| state()["reason"] == format!("it answered {}", 500 + attempts));
        assert_eq!(
            (state()["attempts"].as_u64(), receiver.seen().len()),
            (Some(attempts.into()), usize::from(attempts))
        );
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
    check(json!({"mail": {"from": "a@b", "to": ["a@b"]}}));
    let letter = |url: &str, mail: Value, secret: Value| {
        check(json!({"kind": "email", "url": url, "mail": mail, "secret": secret}));
    };
    let mail = json!({"from": "a@b", "to": ["a@b"]});
    let user = json!({"from": "a@b", "to": ["a@b"], "user": "a"});
    let relay = "smtp://mail.example";
    letter("https://mail.example", mail.clone(), json!(null));
    letter("smtp+plain://mail.example", mail.clone(), json!(null));
    letter(relay, json!(null), json!(null));
    letter(relay, json!({"from": "a@b", "to": []}), json!(null));
    letter(relay, json!({"from": "a@b", "to": ["a@b\r\nDATA"]}), json!(null));
    letter(relay, json!({"from": "a", "to": ["a@b"]}), json!(null));
    letter(relay, mail.clone(), json!("hush"));
    letter(relay, user.clone(), json!(null));
    let plain = json!({"name": "x", "kind": "email", "url": "smtp+plain://mail.example", "inside": true, "mail": user, "secret": "hush"});
    assert_eq!(it.refused(&admin, "POST", "/api/v1/channels", Some(&plain)).0, 422);
    // A password goes with its user, and stays where it is otherwise.
    let made = channel(it, &admin, "email", relay, json!({"mail": user, "secret": "hush"}));
    let place = format!("/api/v1/channels/{}", made["id"]);
    let kept = json!({"name": "email", "kind": "email", "mail": user});
    it.done(&admin, "PUT", &place, Some(&kept));
    let without = json!({"name": "email", "kind": "email", "mail": mail});
    it.done(&admin, "PUT", &place, Some(&without));
    assert_eq!(it.refused(&admin, "PUT", &place, Some(&kept)).0, 422);
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
