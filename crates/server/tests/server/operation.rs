//! What those see who keep the server running: figures, and a log that keeps secrets.
use crate::{
    images::fill,
    kit::{As, PASSWORD, Running, cookie, json, on_each, settings, start},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs};
use store::{
    channels, deliveries,
    tasks::{self, Kind, Target},
};

/// The samples of a text as Prometheus reads it, families one after the other (text format 0.0.4).
fn samples(text: &str) -> Vec<(String, f64)> {
    let (mut families, mut family, mut samples) = (BTreeSet::new(), String::new(), Vec::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert_eq!(rest.split(' ').next(), Some(family.as_str()), "{line}");
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().unwrap().to_owned();
            assert!(families.insert(family.clone()), "{family} comes twice");
        } else {
            assert!(line.starts_with(&family), "{line} is not of {family}");
            let (name, value) = line.rsplit_once(' ').unwrap();
            samples.push((name.to_owned(), value.parse().unwrap()));
        }
    }
    samples
}

#[test]
fn the_figures_say_how_the_center_is() {
    on_each(|it| {
        let who = fill(it);
        let task = it.store.write(|tx| {
            let new = channels::New {
                name: "x",
                kind: "slack",
                document: "{}",
                secret: None,
                enabled: true,
            };
            let channel = channels::add(tx, new, 1)?;
            deliveries::add(tx, &[channel], "test", "{}", i64::MAX)?;
            tasks::start(tx, Kind::Manual, "admin", "{}", 5000)
        });
        let task = task.unwrap();
        let (digest, repository) = ("sha256:x".to_owned(), "b".to_owned());
        let targets = [Target { digest, registry: 1, repository, tag: String::new() }];
        it.store.write(|tx| tasks::add(tx, task, &targets, 5000)).unwrap();
        let text = String::from_utf8(it.ask(&who, "GET", "/metrics", None).body).unwrap();
        let samples = samples(&text);
        let check = |name: &str, expected: f64| {
            let found = samples.iter().find(|it| it.0 == name);
            assert_eq!(found.map(|it| it.1), Some(expected), "{name} in {text}");
        };
        check("plimsoll_images{state=\"scanned\",level=\"high\",coverage=\"known\"}", 1.0);
        check("plimsoll_open_risks{category=\"system\",level=\"high\"}", 1.0);
        check("plimsoll_quota_used", 0.0);
        check("plimsoll_quota_reserved", 0.0);
        check("plimsoll_queue_scans{state=\"ready\"}", 1.0);
        check("plimsoll_queue_scans{state=\"running\"}", 0.0);
        check("plimsoll_queue_oldest_timestamp_seconds{state=\"ready\"}", 5.0);
        check("plimsoll_deliveries{state=\"waiting\"}", 1.0);
        check("plimsoll_deliveries{state=\"given-up\"}", 0.0);
        check("plimsoll_registries{type=\"oci\",state=\"connected\"}", 1.0);
        check("plimsoll_layer_reports", 0.0);
        for it in ["scans", "scan_failures", "scans_reaped", "rematched", "rows_forgotten"] {
            check(&format!("plimsoll_{it}_total"), 0.0);
        }
        let bytes = samples.iter().find(|it| it.0 == "plimsoll_store_bytes").unwrap().1;
        assert!(bytes > 10_000.0, "{bytes}");
        let synchronised = "plimsoll_registry_synchronised_timestamp_seconds{registry=\"=home\"}";
        assert!(samples.iter().any(|it| it.0 == synchronised), "{text}");
    });
}

/// Sends each kind of secret by each route that takes one, also in what is refused, and gives all secrets.
fn plant(it: &Running) -> Vec<String> {
    let mut secrets = vec![PASSWORD.to_owned()];
    let mut secret = |what: &str| {
        let it = format!("planted {what} {:04}", secrets.len());
        secrets.push(it.clone());
        it
    };
    let login = json!({"name": "admin", "password": PASSWORD});
    let reply = it.ask(&As::default(), "POST", "/api/v1/session", Some(&login));
    let session = cookie(&reply);
    let admin = As::session(session.clone());
    let url = "http://127.0.0.1:9";
    let registry = |password: &str, name: &str| {
        let login = json!({"kind": "password", "user": "robot", "password": password});
        json!({"kind": "harbor", "name": name, "address": url, "login": login})
    };
    let account = |key: &str| {
        let login =
            json!({"kind": "key", "id": "id", "secret": key, "token": format!("{key} sts")});
        json!({"name": "cloud", "settings": {"regions": ["cn-hangzhou"], "api": "127.0.0.1:9"}, "login": login})
    };
    let channel = |url: &str, secret: &str| json!({"name": "x", "kind": "feishu", "url": url, "secret": secret, "inside": true});
    let path = format!("{url}/{}", secret("url").replace(' ', "-"));
    let mail = |password: &str| {
        json!({"name": "mail", "kind": "email", "url": "smtp://127.0.0.1:9", "secret": password, "inside": true,
            "mail": {"from": "a@b", "to": ["a@b"], "user": "robot"}})
    };
    let person = |password: &str| json!({"name": "joe", "role": "viewer", "password": password});
    let all: Vec<(&str, &str, Value)> = vec![
        ("POST", "/api/v1/registries", registry(&secret("registry"), "r")),
        ("POST", "/api/v1/registries", registry(&secret("refused registry"), "")),
        ("POST", "/api/v1/registries/test", registry(&secret("registry test"), "t")),
        ("PUT", "/api/v1/registries/1", registry(&secret("changed registry"), "r")),
        ("POST", "/api/v1/accounts", account(&secret("account"))),
        ("POST", "/api/v1/accounts/test", account(&secret("account test"))),
        ("PUT", "/api/v1/accounts/1", account(&secret("changed account"))),
        ("POST", "/api/v1/channels", channel(&path, &secret("channel"))),
        ("POST", "/api/v1/channels", channel(&path, &secret("twice"))),
        ("POST", "/api/v1/channels", mail(&secret("mail"))),
        ("POST", "/api/v1/channels/1/test", json!(null)),
        ("POST", "/api/v1/channels/2/test", json!(null)),
        ("PUT", "/api/v1/channels/1", channel(&path, &secret("changed channel"))),
        ("POST", "/api/v1/people", person(&secret("person"))),
        ("POST", "/api/v1/people", json!({"name": ["joe"], "password": secret("malformed")})),
        ("PATCH", "/api/v1/people/2", json!({"password": secret("changed person")})),
        ("POST", "/api/v1/session", json!({"name": "joe", "password": secret("wrong")})),
        (
            "POST",
            "/api/v1/setup",
            json!({"token": secret("setup"), "name": "x", "password": secret("first")}),
        ),
        ("PUT", "/api/v1/session/password", json!({"old": secret("old"), "new": secret("new")})),
        ("GET", "/api/v1/oidc/login", json!(null)),
    ];
    secrets.extend([path.rsplit_once('/').unwrap().1.to_owned(), session]);
    let mut done = 0;
    for (number, (method, target, body)) in all.iter().enumerate() {
        let key = number.to_string();
        let body = Some(body).filter(|it| !it.is_null());
        let reply = it.ask_with(&admin, method, target, body, &[("idempotency-key", &key)]);
        assert!(
            reply.status < 500 || target.contains("oidc"),
            "{target}: {}",
            String::from_utf8_lossy(&reply.body)
        );
        done += usize::from(reply.status < 300);
    }
    assert_eq!(done, 13);
    secrets.extend(shown_once(it, &admin));
    secrets
}

/// What is made by us, and shown once.
fn shown_once(it: &Running, admin: &As) -> Vec<String> {
    let once = [("idempotency-key", "token")];
    let token = json!({"name": "ci", "role": "viewer"});
    let token = json(&it.ask_with(admin, "POST", "/api/v1/tokens", Some(&token), &once));
    let hook = json(&it.ask_with(admin, "POST", "/api/v1/registries/1/hook", None, &once));
    let bearer = hook["authorization"].as_str().unwrap().rsplit_once(' ').map_or("", |it| it.1);
    let hook_url = hook["url_with_secret"].as_str().unwrap();
    let hook_secret = hook_url.rsplit_once('/').unwrap().1;
    for method in ["POST", "GET"] {
        for after in ["", "/", "/more"] {
            it.ask(&As::default(), method, &format!("/api/v1/hooks/{hook_secret}{after}"), None);
        }
    }
    it.ask(&As::token(token["secret"].as_str().unwrap()), "GET", "/api/v1/images", None);
    it.ask(&As::token("planted bearer"), "GET", "/api/v1/images?token=planted-query", None);
    [token["secret"].as_str().unwrap(), bearer, hook_secret, "planted"].map(str::to_owned).to_vec()
}

#[test]
fn secrets_are_in_no_log_and_not_in_the_database() {
    let public_url = Some(net::Url::parse("https://images.example").unwrap());
    let oidc = server::Oidc {
        issuer: "http://127.0.0.1:9".to_owned(),
        client: "plimsoll".to_owned(),
        secret: Some(net::Secret::new("planted oidc")),
        scopes: Vec::new(),
        name_claim: "sub".to_owned(),
        role_claim: "groups".to_owned(),
        roles: Vec::new(),
        otherwise: None,
    };
    let it = &start(server::Settings { public_url, oidc: Some(oidc), ..settings() });
    it.set_up();
    let secrets = plant(it);
    assert!(secrets.iter().all(|it| it.len() >= 7), "{secrets:?}");
    let log = it.log();
    let mut stored = Vec::new();
    for name in ["center.db", "center.db-wal"] {
        stored.extend(fs::read(it.folder.path().join(name)).unwrap_or_default());
    }
    assert!(stored.windows(9).any(|it| it == b"127.0.0.1"), "it is not read where it is stored");
    for secret in &secrets {
        assert!(!log.contains(secret), "{secret} in {log}");
        let bytes = secret.as_bytes();
        assert!(!stored.windows(bytes.len()).any(|it| it == bytes), "{secret} is in the database");
    }
    // Each line is one event, and says when, how grave and what.
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        for name in ["time", "level", "event"] {
            assert!(line[name].is_string(), "{name} in {line}");
        }
        if line["event"] == "request" {
            assert_eq!(line["request"].as_str().unwrap().len(), 32, "{line}");
        }
    }
}
