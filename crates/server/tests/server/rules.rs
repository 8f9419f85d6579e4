//! Rules against malicious files: bundles that are brought in, and rules and digests of one's own.
use crate::kit::{As, Running, both_languages, header, json, on_each, ready};
use scan::bundles::{Content, Kind, Part, SigningKey, pack};
use serde_json::{Value, json};
use std::fs;
use testkit::http::{Reply, ask};

const META: &str = "meta: threat = \"miner\" family = \"\" confidence = 95 what = \"x\"";

/// Somebody who makes bundles.
struct Publisher {
    key: SigningKey,
    pem: String,
}

impl Publisher {
    fn new() -> Publisher {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("site.key");
        let key = SigningKey::generate(&file).unwrap();
        let pem = fs::read_to_string(folder.path().join("site.key.pub")).unwrap();
        Publisher { key, pem }
    }

    fn bundle(&self, epoch: u64) -> Vec<u8> {
        let text = format!("rule of_bundle_{epoch} {{ {META} condition: true }}");
        let (path, kind) = ("rules/a.yar".to_owned(), Kind::Rules);
        let part =
            Part { path, kind, forms: Vec::new(), monitor: false, content: text.into_bytes() };
        let publisher = "Example security".to_owned();
        let content = Content { epoch, publisher, parts: vec![part], ..Content::default() };
        pack(&content, Some(&self.key)).unwrap()
    }
}

fn bring(it: &Running, who: &As, file: &[u8]) -> Reply {
    let mut headers: Vec<(&str, &str)> = who.0.iter().map(|(a, b)| (*a, b.as_str())).collect();
    headers.push(("content-type", "application/octet-stream"));
    let reply = ask(&it.host, "POST", "/api/v1/rules/bundle", &headers, file).unwrap();
    both_languages(&reply);
    reply
}

#[test]
fn a_bundle_is_taken_of_whom_one_trusts_and_can_be_gone_back_from() {
    on_each(|it| {
        let (admin, site) = (it.log_in("admin"), Publisher::new());
        let refused = |file: &[u8], status, expected: &str| {
            let reply = bring(it, &admin, file);
            let said = json(&reply)["detail"].as_str().unwrap_or_default().to_owned();
            assert!(reply.status == status && said.contains(expected), "{} {said}", reply.status);
        };
        let in_use = || {
            let it = it.done(&admin, "GET", "/api/v1/rules", None);
            (it["bundle"]["epoch"].clone(), it["kept"].as_array().unwrap().len())
        };
        assert_eq!(in_use(), (Value::Null, 0));
        refused(b"no bundle", 422, "the bundle: ");
        refused(&site.bundle(5), 422, "is not trusted here");
        let bare = pack(&Content { epoch: 1, ..Content::default() }, None).unwrap();
        refused(&bare, 422, "is not signed");
        let key = it.done(&admin, "POST", "/api/v1/rules/keys", Some(&json!({"pem": site.pem})));
        let again =
            it.refused(&admin, "POST", "/api/v1/rules/keys", Some(&json!({"pem": site.pem})));
        assert_eq!(again, (409, "conflict".to_owned()));
        let bad = it.refused(&admin, "POST", "/api/v1/rules/keys", Some(&json!({"pem": "x"})));
        assert_eq!(bad, (422, "invalid".to_owned()));
        let made = json(&bring(it, &admin, &site.bundle(5)));
        assert_eq!((&made["epoch"], &made["trusted"]), (&json!(5), &json!(true)), "{made}");
        assert_eq!((&made["key"], &made["rules"]), (&key["id"], &json!(1)));
        refused(&site.bundle(4), 409, "before the bundle in use");
        assert_eq!(bring(it, &admin, &site.bundle(6)).status, 200);
        assert_eq!(in_use(), (json!(6), 1));
        // Three are kept, and one can go back from each, in the end to none.
        assert_eq!(bring(it, &admin, &site.bundle(7)).status, 200);
        assert_eq!(bring(it, &admin, &site.bundle(8)).status, 200);
        for expected in [json!(7), json!(6), Value::Null] {
            it.done(&admin, "POST", "/api/v1/rules/bundle/rollback", None);
            assert_eq!(in_use().0, expected);
        }
        let none = it.refused(&admin, "POST", "/api/v1/rules/bundle/rollback", None);
        assert_eq!(none, (409, "conflict".to_owned()));
        assert_eq!(bring(it, &admin, &site.bundle(8)).status, 200);
        let target = format!("/api/v1/rules/keys/{}", key["id"].as_str().unwrap());
        it.done(&admin, "DELETE", &target, None);
        let after = it.done(&admin, "GET", "/api/v1/rules", None);
        assert_eq!(after["bundle"]["trusted"], false, "{after}");
        refused(&site.bundle(9), 422, "is not trusted here");
        let log = it.done(&admin, "GET", "/api/v1/audit?action=importBundle", None);
        let last = &log["items"][0];
        assert_eq!((&last["object"], &last["after"]["epoch"]), (&json!("rules/bundle"), &json!(8)));
    });
}

#[test]
fn rules_of_ones_own_are_used_only_if_they_can_be() {
    on_each(|it| {
        let admin = it.log_in("admin");
        let used = || it.store.read(store::bundles::in_use).unwrap();
        let add = |name: &str, text: &str, enabled: bool| {
            let new = json!({"name": name, "kind": "rules", "text": text, "enabled": enabled});
            it.ask(&admin, "POST", "/api/v1/rules/custom", Some(&new))
        };
        let rule = |name: &str| {
            format!(
                "rule {name} {{ {META} strings: $ = \"marker of {name}\" condition: any of them }}"
            )
        };
        let broken = add("broken", "rule x {\n condition: $a }", true);
        let said = json(&broken)["detail"].clone();
        assert_eq!((broken.status, &said), (422, &json!("line 2, column 13: unknown variable $a")));
        let draft = json(&add("broken", "rule x {\n condition: $a }", false));
        assert_eq!((&draft["entries"], used().len()), (&json!(0), 0), "{draft}");
        let made = json(&add("ours", &rule("ours"), true));
        assert_eq!((&made["entries"], &made["person"]), (&json!(1), &json!("admin")));
        let first = used();
        assert_eq!(first.len(), 1);
        assert_eq!(add("ours", &rule("other"), true).status, 409, "the same name");
        assert_eq!(add("theirs", &rule("ours"), true).status, 422, "the same rule");
        assert_eq!(add(" ", &rule("other"), true).status, 422);
        let large = add("large", &"a".repeat((1 << 20) + 1), true);
        assert!(json(&large)["detail"].as_str().unwrap().contains("at most 1 MiB"));
        let target = format!("/api/v1/rules/custom/{}", made["id"]);
        let read = it.ask(&admin, "GET", &target, None);
        assert_eq!(json(&read)["text"], rule("ours"));
        let tag = header(&read, "etag").unwrap().to_owned();
        let change = |body: &Value, tag: &str| {
            it.ask_with(&admin, "PATCH", &target, Some(body), &[("if-match", tag)])
        };
        let off = change(&json!({"enabled": false}), &tag);
        assert_eq!((off.status, used().len()), (200, 0));
        assert_eq!(change(&json!({"enabled": true}), &tag).status, 412);
        assert_eq!(change(&json!({"enabled": true}), "*").status, 200);
        assert_eq!(used(), first, "the same rules are the same bundle");
        assert_eq!(change(&json!({"text": "rule {"}), "*").status, 422);
        assert_eq!(used(), first);
        let checked = it.done(&admin, "POST", &format!("{target}/check"), Some(&json!({})));
        assert_eq!((&checked["works"], &checked["problems"]), (&json!(true), &json!([])));
        a_rule_that_fits_everything_is_told_of(it, &admin);
        let monitored = it.done(&admin, "PATCH", &target, Some(&json!({"monitor": true})));
        assert_eq!((&monitored["enabled"], &monitored["monitor"]), (&json!(true), &json!(true)));
        assert_ne!(used(), first);
        it.done(&admin, "PATCH", &target, Some(&json!({"monitor": false})));
        assert_eq!(used(), first);
        let list =
            json!({"name": "bad", "kind": "bad-hashes", "text": "0".repeat(64), "monitor": true});
        let refused = it.refused(&admin, "POST", "/api/v1/rules/custom", Some(&list));
        assert_eq!(refused, (422, "invalid".to_owned()));
        let list = json!({"name": "bad", "kind": "bad-hashes", "text": "0".repeat(64)});
        it.done(&admin, "POST", "/api/v1/rules/custom", Some(&list));
        assert_ne!(used(), first);
        it.done(&admin, "DELETE", &target, None);
        let all = it.done(&admin, "GET", "/api/v1/rules/custom", None);
        let names: Vec<&str> =
            all.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["bad", "broken"]);
        let log = it.done(&admin, "GET", "/api/v1/audit?action=changeCustomRules", None);
        let last = &log["items"][3];
        assert_eq!(
            (&last["before"]["enabled"], &last["after"]["enabled"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(last["before"]["sha256"], last["after"]["sha256"]);
    });
}

fn a_rule_that_fits_everything_is_told_of(it: &Running, admin: &As) {
    let new = json!({"name": "", "kind": "rules", "text": "rule Ours {\n condition: true }"});
    let checked = it.done(admin, "POST", "/api/v1/rules/custom/check", Some(&new));
    assert_eq!(checked["works"], true);
    // Besides what is missing, it fits whatever it is tried on.
    assert_eq!(checked["problems"].as_array().unwrap().len(), 5 + 3, "{checked}");
    let fits = |it: &Value| it["words"] == "rule Ours: fits usr/bin/plimsoll, which is harmless";
    assert!(checked["problems"].as_array().unwrap().iter().any(fits), "{checked}");
}

#[test]
fn only_administrators_change_rules() {
    let it = ready();
    let admin = it.log_in("admin");
    let operator = it.somebody(&admin, "operator");
    for (method, target) in [
        ("POST", "/api/v1/rules/custom"),
        ("POST", "/api/v1/rules/custom/check"),
        ("PATCH", "/api/v1/rules/custom/1"),
        ("DELETE", "/api/v1/rules/custom/1"),
        ("POST", "/api/v1/rules/bundle/rollback"),
        ("POST", "/api/v1/rules/keys"),
        ("DELETE", "/api/v1/rules/keys/x"),
    ] {
        let refused = it.refused(&operator, method, target, Some(&json!({})));
        assert_eq!(refused, (403, "forbidden".to_owned()), "{method} {target}");
    }
    assert_eq!(bring(&it, &operator, b"x").status, 403);
    let new = json!({"name": "ours", "kind": "good-hashes", "text": "0".repeat(64)});
    let made = it.done(&admin, "POST", "/api/v1/rules/custom", Some(&new));
    let page = it.ask(&operator, "GET", &format!("/settings/rules/{}", made["id"]), None);
    let page = String::from_utf8(page.body).unwrap();
    assert!(page.contains(&"0".repeat(64)) && !page.contains("textarea"), "{page}");
}
