//! Registries and accounts: what people enter, and what comes of it.
use crate::kit::{As, Running, json, ready};
use scan::center::Role;
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};
use testkit::{
    acr::Acr,
    harbor::Harbor,
    http::ask,
    image::{BuiltImage, image, index},
    tar::{dir, file, tar},
};

pub(crate) const REGISTRIES: &str = "/api/v1/registries";
const ACCOUNTS: &str = "/api/v1/accounts";

pub(crate) fn some_image(salt: &str) -> BuiltImage {
    image("linux/amd64", &[tar(&[dir("srv"), file("srv/salt", salt)])])
}

fn harbor() -> Harbor {
    let it = Harbor::start("v2.15.3");
    it.project("team");
    it.put("team/app", "v1", &some_image("one"));
    it
}

fn password(text: &str) -> Value {
    json!({"kind": "password", "user": "admin", "password": text})
}

pub(crate) fn given(harbor: &Harbor) -> Value {
    json!({"kind": "harbor", "name": "here", "address": harbor.host(), "login": password("hush")})
}

/// The same with another member.
fn but(it: &Value, name: &str, value: Value) -> Value {
    let mut it = it.clone();
    it[name] = value;
    it
}

pub(crate) fn until(it: &Running, who: &As, target: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let found = it.done(who, "GET", target, None);
        if is_so(&found) {
            return found;
        }
        assert!(Instant::now() < end, "not in time: {target} {found}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_is_wrong_with_a_registry_is_said_in_both_languages() {
    let (it, harbor) = (ready(), harbor());
    let admin = it.log_in("admin");
    let given = given(&harbor);
    let test = |given: &Value| it.done(&admin, "POST", "/api/v1/registries/test", Some(given));
    let other = testkit::http::Server::start(|_| testkit::http::Reply::new(200, "{}"));
    let other = json!(format!("http://{}", other.host()));
    for (wrong, code, words, chinese) in [
        (but(&given, "login", password("wrong")), "credentials", "does not know", "不认可用户"),
        (
            but(&given, "address", json!("http://127.0.0.1:1")),
            "closed",
            "check the port",
            "请检查端口",
        ),
        (
            but(&given, "address", json!(format!("https://{}", harbor.host()))),
            "unreachable",
            "end of file",
            "意外中断",
        ),
        (but(&given, "address", other.clone()), "other-kind", "is no Harbor", "不是 Harbor"),
        (
            but(&but(&given, "address", other), "kind", json!("oci")),
            "other-kind",
            "is no registry",
            "不是镜像仓库",
        ),
    ] {
        let found = test(&wrong);
        assert_eq!(found["problems"][0]["code"], code, "{found}");
        assert!(found["problems"][0]["words"].as_str().unwrap().contains(words), "{found}");
        let zh = [("accept-language", "zh-CN")];
        let place = "/api/v1/registries/test";
        let found = json(&it.ask_with(&admin, "POST", place, Some(&wrong), &zh));
        assert_eq!(found["problems"][0]["code"], code, "{found}");
        assert!(found["problems"][0]["words"].as_str().unwrap().contains(chinese), "{found}");
    }
}

#[test]
fn a_registry_is_tested_added_changed_and_removed() {
    let (it, harbor) = (ready(), harbor());
    let admin = it.log_in("admin");
    let given = given(&harbor);
    let test = |given: &Value| it.done(&admin, "POST", "/api/v1/registries/test", Some(given));
    let works = test(&given);
    let (product, version) = (&works["product"], &works["version"]);
    assert_eq!((&works["works"], product), (&json!(true), &json!("Harbor")), "{works}");
    assert!(version.as_str().unwrap().starts_with("v2.15"), "{works}");
    let acr = but(&given, "kind", json!("acr"));
    for (method, wrong, status) in [
        ("POST", acr.clone(), 409),
        ("POST", but(&given, "kind", json!("quay")), 422),
        ("POST", but(&given, "name", json!("")), 422),
        ("POST", but(&given, "address", json!("http://a b")), 422),
        ("POST", but(&given, "settings", json!({"requests": 1})), 422),
        ("POST", but(&given, "login", json!({"kind": "password", "user": "x"})), 422),
    ] {
        let refused = it.refused(&admin, method, REGISTRIES, Some(&wrong));
        assert_eq!(refused.0, status, "{wrong}");
    }
    let settings = json!({"requests_per_second": 50, "images_per_hour": 9});
    let made = it.done(&admin, "POST", REGISTRIES, Some(&but(&given, "settings", settings)));
    assert_eq!((&made["state"], &made["has_secret"]), (&json!("new"), &json!(true)));
    assert_eq!(made["settings"]["images_per_hour"], 9);
    let twice = it.ask(&admin, "POST", REGISTRIES, Some(&given));
    let words = "there is a registry of the name here already";
    assert_eq!((twice.status, json(&twice)["detail"].as_str()), (409, Some(words)));
    let place = format!("{REGISTRIES}/{}", made["id"]);
    let tested = it.done(&admin, "POST", &format!("{place}/test"), None);
    assert_eq!(tested["works"], true, "{tested}");
    // What was given for one place is not sent to another.
    let mut elsewhere = but(&given, "address", json!("http://127.0.0.1:1"));
    elsewhere.as_object_mut().unwrap().remove("login");
    assert_eq!(it.refused(&admin, "PUT", &place, Some(&elsewhere)).0, 422);
    let mut renamed = but(&given, "name", json!("there"));
    renamed.as_object_mut().unwrap().remove("login");
    let changed = it.done(&admin, "PUT", &place, Some(&renamed));
    assert_eq!((&changed["name"], &changed["has_secret"]), (&json!("there"), &json!(true)));
    assert_eq!(it.done(&admin, "POST", &format!("{place}/test"), None)["works"], true);
    assert_eq!(it.refused(&admin, "PUT", &place, Some(&but(&given, "kind", json!("oci")))).0, 422);
    it.done(&admin, "DELETE", &place, None);
    assert!(!it.done(&admin, "GET", &place, None)["removed_at"].is_null());
    assert_eq!(it.refused(&admin, "DELETE", &place, None).0, 404);
    assert_eq!(it.refused(&admin, "PUT", &place, Some(&given)).0, 404);
    assert_eq!(it.refused(&admin, "POST", &format!("{place}/test"), None).0, 404);
    assert!(!it.log().contains("hush"));
}

#[test]
fn one_image_is_scanned_and_a_webhook_makes_us_look() {
    let (it, harbor) = (ready(), harbor());
    let both = index(&[some_image("a"), some_image("b")]);
    harbor.put("team/both", "v1", &both);
    let admin = it.log_in("admin");
    it.center.run(Role::All).unwrap();
    let made = it.done(&admin, "POST", REGISTRIES, Some(&given(&harbor)));
    let place = format!("{REGISTRIES}/{}", made["id"]);
    let count = |it: &Value| it["items"].as_array().unwrap().len();
    until(&it, &admin, "/api/v1/images", |it| count(it) == 3);
    let digest = some_image("one").manifest.digest.to_string();
    for (asked, images) in [
        (json!({}), 3),
        (json!({"digests": [digest]}), 1),
        (json!({"digests": [both.manifest.digest.to_string()]}), 2),
        (json!({"digests": [digest], "kinds": ["oci"]}), 0),
        (json!({"places": [{"repository": "team/bo*"}]}), 2),
    ] {
        let preview = it.done(&admin, "POST", "/api/v1/tasks/preview", Some(&asked));
        assert_eq!(preview["images"], images, "{asked}");
    }
    let task = it.done(&admin, "POST", "/api/v1/tasks", Some(&json!({"digests": [digest]})));
    let task = format!("/api/v1/tasks/{}", task["id"]);
    let task = until(&it, &admin, &task, |it| !it["ended_at"].is_null());
    assert_eq!((&task["items"]["total"], &task["items"]["done"]), (&json!(1), &json!(1)));
    // A webhook, by its header or by its address; whoever does not know the secret is not heard.
    let hook = it.done(&admin, "POST", &format!("{place}/hook"), None);
    let authorization = hook["authorization"].as_str().unwrap();
    let secret = authorization.strip_prefix("Bearer ").unwrap();
    let pushed = |tag: &str| {
        let new = some_image(tag);
        harbor.put("team/app", tag, &new);
        let digest = new.manifest.digest.to_string();
        let resource = json!({"digest": digest, "tag": tag, "resource_url": "x"});
        let repository = json!({"name": "app", "namespace": "team", "repo_full_name": "team/app"});
        let data = json!({"resources": [resource], "repository": repository});
        json!({"type": "PUSH_ARTIFACT", "occur_at": 1, "operator": "x", "event_data": data})
    };
    let send = |target: &str, headers: &[(&str, &str)], body: &Value| {
        ask(&it.host, "POST", target, headers, body.to_string().as_bytes()).unwrap()
    };
    let event = pushed("v2");
    for wrong in ["", "Bearer ", "Bearer guess", "guess"] {
        let reply = send("/api/v1/hooks", &[("authorization", wrong)], &event);
        assert_eq!((reply.status, &json(&reply)["code"]), (401, &json!("unauthenticated")));
    }
    assert_eq!(send("/api/v1/hooks/guess", &[], &event).status, 401);
    let header = [("authorization", authorization)];
    assert_eq!(send("/api/v1/hooks", &header, &json!({"type": 1})).status, 400);
    assert_eq!(send("/api/v1/hooks", &header, &event).status, 204);
    until(&it, &admin, "/api/v1/images", |it| count(it) == 4);
    assert_eq!(send(&format!("/api/v1/hooks/{secret}"), &[], &pushed("v3")).status, 204);
    until(&it, &admin, "/api/v1/images", |it| count(it) == 5);
    assert!(!it.log().contains(secret), "the log has the secret");
    it.done(&admin, "DELETE", &format!("{place}/hook"), None);
    assert_eq!(send("/api/v1/hooks", &header, &event).status, 401);
    it.center.stop();
}

#[test]
fn instances_come_and_go_with_their_account_alone() {
    let (it, cloud) = (ready(), Acr::start());
    cloud.instance("cri-one", "cn-hangzhou");
    cloud.put("cri-one", "team/app", "v1", &some_image("one"));
    let admin = it.log_in("admin");
    it.center.run(Role::All).unwrap();
    let login = |secret: &str| json!({"kind": "key", "id": "testid", "secret": secret});
    let settings = json!({"regions": ["cn-hangzhou"], "api": cloud.host()});
    let given = json!({"name": "cloud", "settings": settings, "login": login("testsecret")});
    let test = |given: &Value| it.done(&admin, "POST", "/api/v1/accounts/test", Some(given));
    assert_eq!(test(&given)["works"], true, "{}", test(&given));
    let wrong = test(&but(&given, "login", login("wrong")));
    assert_eq!(wrong["problems"][0]["code"], "credentials", "{wrong}");
    for wrong in [
        but(&given, "login", password("hush")),
        but(&given, "login", Value::Null),
        but(&given, "settings", json!({"regions": []})),
    ] {
        assert_eq!(it.refused(&admin, "POST", ACCOUNTS, Some(&wrong)).0, 422, "{wrong}");
    }
    let made = it.done(&admin, "POST", ACCOUNTS, Some(&given));
    let account = format!("{ACCOUNTS}/{}", made["id"]);
    let has = |n: usize| move |it: &Value| it.as_array().unwrap().len() == n;
    let instance = until(&it, &admin, REGISTRIES, has(1))[0].clone();
    assert_eq!((&instance["kind"], &instance["instance"]), (&json!("acr"), &json!("cri-one")));
    let place = format!("{REGISTRIES}/{}", instance["id"]);
    until(&it, &admin, &place, |it| it["images"] == 1);
    let refused = it.ask(&admin, "DELETE", &place, None);
    assert_eq!(refused.status, 409);
    assert!(json(&refused)["detail"].as_str().unwrap().contains("account"));
    let change = json!({"kind": "acr", "name": "x", "address": "x"});
    assert_eq!(it.refused(&admin, "PUT", &place, Some(&change)).0, 409);
    // With another address of the API the key has to be given anew.
    let mut moved = but(&given, "settings", json!({"regions": ["cn-hangzhou"], "api": "x"}));
    moved.as_object_mut().unwrap().remove("login");
    assert_eq!(it.refused(&admin, "PUT", &account, Some(&moved)).0, 422);
    let shown = it.done(&admin, "GET", &account, None);
    assert!(!shown.to_string().contains("testsecret") && !it.log().contains("testsecret"));
    it.done(&admin, "DELETE", &account, None);
    until(&it, &admin, REGISTRIES, has(0));
    assert_eq!(it.refused(&admin, "GET", &account, None).0, 404);
    assert!(!it.done(&admin, "GET", &place, None)["removed_at"].is_null());
    it.center.stop();
}
