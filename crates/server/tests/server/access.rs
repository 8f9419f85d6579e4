//! Who may what, and what attackers try.
use crate::kit::{As, PASSWORD, START, cookie, header, json, on_each, ready, start};
use serde_json::{Value, json};
use server::Settings;
use std::collections::BTreeSet;

const NOBODY: fn() -> As = As::default;

fn login(name: &str, password: &str) -> Value {
    json!({"name": name, "password": password})
}

#[test]
fn the_first_administrator_is_made_once_with_the_token_of_the_log() {
    let it = start(Settings::default());
    let ways = || it.done(&NOBODY(), "GET", "/api/v1/setup", None);
    assert_eq!(ways(), json!({"setup": true, "oidc": false, "demo": false}));
    let token = it.setup_token();
    let body = |token: &str, name: &str, password: &str| json!({"token": token, "name": name, "password": password});
    let check = |it_body: Value, status: u16| {
        let reply = it.ask(&NOBODY(), "POST", "/api/v1/setup", Some(&it_body));
        assert_eq!(reply.status, status, "{it_body} {}", String::from_utf8_lossy(&reply.body));
    };
    check(body("wrong", "admin", PASSWORD), 403);
    check(body("", "admin", PASSWORD), 403);
    check(body(&token, "admin", "short"), 422);
    check(body(&token, "", PASSWORD), 422);
    check(body(&token, " Ada ", PASSWORD), 201);
    check(body(&token, "second", PASSWORD), 403);
    assert_eq!(ways()["setup"], false);
    let ada = it.log_in("ADA");
    let session = it.done(&ada, "GET", "/api/v1/session", None);
    assert_eq!((&session["name"], &session["role"]), (&json!("ada"), &json!("admin")));
    assert!(!it.log().contains(PASSWORD));
}

#[test]
fn a_session_is_fresh_hidden_from_scripts_and_ends() {
    on_each(|it| {
        let reply = it.ask(&NOBODY(), "POST", "/api/v1/session", Some(&login("admin", PASSWORD)));
        let set = header(&reply, "set-cookie").unwrap();
        for part in ["HttpOnly", "SameSite=Lax", "Path=/;"] {
            assert!(set.contains(part), "{set}");
        }
        assert!(!set.contains("Secure"), "{set}");
        let mine = || As::session(cookie(&reply));
        let state = |who: &As| it.ask(who, "GET", "/api/v1/session", None).status;
        assert_eq!(state(&mine()), 200);
        // The cookie that an attacker planted is not the one of the session that follows, and is worth nothing.
        let planted = As::session("plimsoll=planted".to_owned());
        let fixed = it.ask(&planted, "POST", "/api/v1/session", Some(&login("admin", PASSWORD)));
        assert_eq!((fixed.status, state(&planted)), (201, 401));
        assert_ne!(cookie(&fixed), "plimsoll=planted");
        // Logging in again with a session ends that one.
        let again = it.ask(&mine(), "POST", "/api/v1/session", Some(&login("admin", PASSWORD)));
        assert_eq!((again.status, state(&mine())), (201, 401));
        let again = || As::session(cookie(&again));
        // A second cookie of the name was put there by somebody else.
        let both = As::session(format!("{}; plimsoll=other", again().0[0].1));
        assert_eq!((state(&again()), state(&both)), (200, 401));
        let out = it.ask(&again(), "DELETE", "/api/v1/session", None);
        assert_eq!((out.status, state(&again())), (204, 401));
        assert!(header(&out, "set-cookie").unwrap().contains("Max-Age=0"));
        // Idle for too long, and too old however busy.
        let hour = 3_600_000;
        let idle = it.log_in("admin");
        it.pass(7 * hour);
        assert_eq!(state(&idle), 200);
        it.pass(7 * hour);
        assert_eq!(state(&idle), 200);
        it.pass(8 * hour);
        assert_eq!(state(&idle), 401);
        let busy = it.log_in("admin");
        for _ in 0..27 {
            it.pass(6 * hour);
            assert_eq!(state(&busy), 200);
        }
        it.pass(6 * hour);
        assert_eq!(state(&busy), 401);
    });
}

#[test]
fn a_session_ends_when_the_role_or_the_password_changes() {
    let it = &ready();
    let admin = it.log_in("admin");
    let body = json!({"name": "joe", "role": "viewer", "password": PASSWORD});
    let joe = it.done(&admin, "POST", "/api/v1/people", Some(&body));
    let place = format!("/api/v1/people/{}", joe["id"]);
    let state = |who: &As| it.ask(who, "GET", "/api/v1/session", None).status;
    for change in [
        json!({"role": "operator"}),
        json!({"disabled": true}),
        json!({"disabled": false, "password": "another long password"}),
    ] {
        if change["disabled"] != false {
            let session = it.log_in("joe");
            it.done(&admin, "PATCH", &place, Some(&json!({})));
            assert_eq!(state(&session), 200);
            it.done(&admin, "PATCH", &place, Some(&change));
            assert_eq!(state(&session), 401, "{change}");
        } else {
            it.done(&admin, "PATCH", &place, Some(&change));
        }
    }
    let own = json!({"old": PASSWORD, "new": "yet another password"});
    let other = it.log_in("admin");
    let wrong = json!({"old": "not this password", "new": "yet another password"});
    assert_eq!(it.refused(&admin, "PUT", "/api/v1/session/password", Some(&wrong)).0, 401);
    let reply = it.ask(&admin, "PUT", "/api/v1/session/password", Some(&own));
    assert_eq!((reply.status, state(&other), state(&admin)), (201, 401, 401));
    let admin = As::session(cookie(&reply));
    let sessions = format!("{place}/sessions");
    it.done(&admin, "PATCH", &place, Some(&json!({"password": PASSWORD})));
    let joe = it.log_in("joe");
    it.done(&admin, "DELETE", &sessions, None);
    assert_eq!(state(&joe), 401);
}

#[test]
fn who_guesses_has_to_wait() {
    let it = &ready();
    let guess = |name: &str, password: &str| {
        let reply = it.ask(&NOBODY(), "POST", "/api/v1/session", Some(&login(name, password)));
        let wait = header(&reply, "retry-after").and_then(|it| it.parse::<i64>().ok());
        (reply.status, wait)
    };
    // Known and unknown names answer alike, word for word.
    let answer = |name: &str| {
        let reply =
            it.ask(&NOBODY(), "POST", "/api/v1/session", Some(&login(name, "wrong password")));
        (reply.status, json(&reply)["detail"].clone(), json(&reply)["code"].clone())
    };
    assert_eq!(answer("admin"), answer("nobody"));
    for _ in 0..4 {
        assert_eq!(guess("admin", "wrong password"), (401, None));
        assert_eq!(guess("nobody", "wrong password"), (401, None));
    }
    assert_eq!(guess("admin", "wrong password").0, 401);
    assert_eq!(guess("nobody", "wrong password").0, 401);
    // The right one does not help any more until the time is over, and an unknown name is no different.
    assert_eq!(guess("admin", PASSWORD), (429, Some(1)));
    assert_eq!(guess("nobody", PASSWORD), (429, Some(1)));
    it.pass(1001);
    assert_eq!(guess("admin", "wrong password").0, 401);
    assert_eq!(guess("admin", PASSWORD), (429, Some(2)));
    it.pass(2001);
    assert_eq!(guess("admin", PASSWORD).0, 201);
    // Another name is not another attacker: the address counts too.
    for n in 0..20 {
        guess(&format!("name{n}"), "wrong password");
    }
    let (status, wait) = guess("fresh", "wrong password");
    assert_eq!(status, 429, "{wait:?}");
    // Whoever gets in does not win new tries for the address.
    it.pass(3_600_000);
    assert_eq!(guess("admin", PASSWORD).0, 201);
    assert_eq!(guess("fresh", "wrong password").0, 401);
    assert_eq!(guess("fresh", "wrong password").0, 429);
    it.pass(25 * 3_600_000);
    assert_eq!(guess("fresh", "wrong password").0, 401);
    assert_eq!(guess("fresh", "wrong password").0, 401);
    let log = it.log();
    let refused = log.lines().filter(|it| it.contains(r#""status":401"#)).count();
    let metrics = it.ask(&it.log_in("admin"), "GET", "/metrics", None);
    let metrics = String::from_utf8(metrics.body).unwrap();
    for line in [
        format!("plimsoll_logins_refused_total {refused}\n"),
        format!("_count{{method=\"POST\",path=\"/api/v1/session\",status=\"401\"}} {refused}\n"),
    ] {
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
}

#[test]
fn other_sites_cannot_use_a_session() {
    let it = &ready();
    let session = it.log_in("admin").0[0].clone();
    let cookie_only = As(vec![session.clone()]);
    let own = format!("http://{}", it.host);
    let body = json!({"name": "ci", "role": "viewer"});
    let check = |headers: &[(&str, &str)], status: u16| {
        let reply = it.ask_with(&cookie_only, "POST", "/api/v1/tokens", Some(&body), headers);
        assert_eq!(reply.status, status, "{headers:?}");
        if status == 403 {
            assert_eq!(json(&reply)["code"], "cross-site", "{headers:?}");
        }
    };
    let script = ("x-requested-with", "fetch");
    check(&[], 403);
    check(&[("sec-fetch-site", "cross-site"), script], 403);
    check(&[("sec-fetch-site", "same-site"), script], 403);
    check(&[("sec-fetch-site", "same-origin")], 403);
    check(&[("origin", "https://evil.example"), script], 403);
    check(&[("origin", "null"), script], 403);
    check(&[("origin", &own.replace("http:", "https:")), script], 403);
    check(&[("sec-fetch-site", "same-origin"), script], 201);
    check(&[("origin", &own), script], 201);
    check(&[script], 201);
    // Nor can they log somebody in as somebody else, or send a form as if it were JSON.
    let evil = [("origin", "https://evil.example")];
    let reply =
        it.ask_with(&NOBODY(), "POST", "/api/v1/session", Some(&login("admin", PASSWORD)), &evil);
    assert_eq!((reply.status, &json(&reply)["code"]), (403, &json!("cross-site")));
    let form = [("content-type", "text/plain")];
    let host = &it.host;
    let text = login("admin", PASSWORD).to_string();
    let reply =
        testkit::http::ask(host, "POST", "/api/v1/session", &form, text.as_bytes()).unwrap();
    assert_eq!(reply.status, 415);
    // A token is never sent by a browser of its own accord.
    let made = it.ask_with(
        &cookie_only,
        "POST",
        "/api/v1/tokens",
        Some(&json!({"name": "t", "role": "admin"})),
        &[script],
    );
    let token = As::token(json(&made)["secret"].as_str().unwrap());
    let person = json!({"name": "joe", "role": "viewer", "password": PASSWORD});
    let reply = it.ask_with(&token, "POST", "/api/v1/people", Some(&person), &evil);
    assert_eq!(reply.status, 201);
}

#[test]
fn behind_tls_cookies_are_bound_to_this_host_and_its_public_name_counts() {
    let public_url = Some(net::Url::parse("https://images.example").unwrap());
    let it = start(Settings { public_url, ..Settings::default() });
    it.set_up();
    let reply = it.ask(&NOBODY(), "POST", "/api/v1/session", Some(&login("admin", PASSWORD)));
    let set = header(&reply, "set-cookie").unwrap();
    assert!(set.starts_with("__Host-plimsoll=") && set.ends_with("; Secure"), "{set}");
    let session = As::session(cookie(&reply));
    let body = json!({"name": "ci", "role": "viewer"});
    let status = |origin| {
        let more = [("origin", origin)];
        it.ask_with(&session, "POST", "/api/v1/tokens", Some(&body), &more).status
    };
    assert_eq!(status("https://images.example"), 201);
    assert_eq!(status("https://images.example.evil.example"), 403);
}

/// Every row of the table, as the document has it: method, path with numbers filled in, and the role it takes.
fn routes() -> Vec<(String, String, Option<String>)> {
    let document = server::document();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let role = operation["security"][0]["session"][0].as_str().map(str::to_owned);
            let path = path.replace("{id}", "999999").replace("{name}", "none");
            routes.push((method.to_ascii_uppercase(), path, role));
        }
    }
    routes
}

#[test]
fn every_route_takes_its_role() {
    let it = &ready();
    let admin = it.log_in("admin");
    let (viewer, operator) = (it.somebody(&admin, "viewer"), it.somebody(&admin, "operator"));
    let (mut open, mut guarded) = (BTreeSet::new(), 0);
    for (method, path, role) in routes() {
        let Some(role) = role else {
            open.insert(format!("{method} {path}"));
            continue;
        };
        guarded += 1;
        // Nobody, and somebody with what is not valid, learns not even whether the request could be read.
        for who in [
            NOBODY(),
            As::session("plimsoll=guess".to_owned()),
            As::token("plm_guess"),
            As(vec![("authorization", "Basic YWRtaW46YWRtaW4=".to_owned())]),
        ] {
            let refused = it.refused(&who, &method, &path, None);
            assert_eq!(refused, (401, "unauthenticated".to_owned()), "{method} {path} {who:?}");
        }
        // A valid cookie does not make up for a token that is not.
        let mixed = As([As::token("plm_guess").0, admin.0.clone()].concat());
        assert_eq!(it.refused(&mixed, &method, &path, None).0, 401, "{method} {path}");
        let lesser: &[&As] = match role.as_str() {
            "admin" => &[&viewer, &operator],
            "operator" => &[&viewer],
            _ => &[],
        };
        for who in lesser {
            let refused = it.refused(who, &method, &path, None);
            assert_eq!(refused, (403, "forbidden".to_owned()), "{method} {path}");
        }
        if method != "GET" {
            let cookie = As(vec![admin.0[0].clone()]);
            let refused = it.refused(&cookie, &method, &path, None);
            assert_eq!(refused, (403, "cross-site".to_owned()), "{method} {path}");
        }
    }
    assert!(guarded > 10, "{guarded}");
    // What stands open does so knowingly.
    let known = [
        "GET /api/v1/oidc/callback",
        "GET /api/v1/oidc/login",
        "GET /api/v1/openapi.json",
        "GET /api/v1/setup",
        "GET /healthz",
        "GET /readyz",
        "POST /api/v1/hooks",
        "POST /api/v1/hooks/{secret}",
        "POST /api/v1/session",
        "POST /api/v1/setup",
    ];
    assert_eq!(open, known.map(str::to_owned).into());
}

#[test]
fn a_token_may_no_more_than_its_person_and_makes_no_others() {
    let it = &ready();
    let admin = it.log_in("admin");
    let operator = it.somebody(&admin, "operator");
    let make = |who: &As, body: Value| it.ask(who, "POST", "/api/v1/tokens", Some(&body));
    assert_eq!(make(&operator, json!({"name": "t", "role": "admin"})).status, 403);
    let past = json!({"name": "t", "role": "viewer", "until": "2001-01-01T00:00:00Z"});
    assert_eq!(make(&operator, past).status, 422);
    let made =
        make(&operator, json!({"name": "t", "role": "operator", "until": "2023-11-15T00:00:00Z"}));
    let made = json(&made);
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("plm_") && secret.len() > 40, "{secret}");
    let token = As::token(secret);
    let session = it.done(&token, "GET", "/api/v1/session", None);
    assert_eq!((&session["name"], &session["role"]), (&json!("operator"), &json!("operator")));
    assert_eq!(make(&token, json!({"name": "t", "role": "viewer"})).status, 403);
    assert_eq!(it.refused(&token, "GET", "/api/v1/people", None).0, 403);
    // It is shown once, and kept as its hash alone.
    let list = it.done(&operator, "GET", "/api/v1/tokens", None);
    assert_eq!(
        (list["items"].as_array().unwrap().len(), &list["items"][0]["name"]),
        (1, &json!("t"))
    );
    assert!(!list.to_string().contains(secret) && !it.log().contains(secret));
    // With its person's role the token's sinks.
    let people = it.done(&admin, "GET", "/api/v1/people", None);
    let id = &people["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "operator")
        .unwrap()["id"];
    let place = format!("/api/v1/people/{id}");
    it.done(&admin, "PATCH", &place, Some(&json!({"role": "viewer"})));
    assert_eq!(it.done(&token, "GET", "/api/v1/session", None)["role"], "viewer");
    it.done(&admin, "PATCH", &place, Some(&json!({"disabled": true})));
    assert_eq!(it.refused(&token, "GET", "/api/v1/session", None).0, 401);
    it.done(&admin, "PATCH", &place, Some(&json!({"disabled": false})));
    assert_eq!(it.refused(&token, "GET", "/api/v1/session", None).0, 200);
    // Others' tokens are the administrators' business alone.
    let other = it.somebody(&admin, "viewer");
    let of_token = format!("/api/v1/tokens/{}", made["id"]);
    assert_eq!(it.refused(&other, "DELETE", &of_token, None).0, 404);
    assert_eq!(it.refused(&other, "GET", "/api/v1/tokens?all=true", None).0, 403);
    let all = it.done(&admin, "GET", "/api/v1/tokens?all=true", None);
    assert_eq!(all["items"][0]["id"], made["id"]);
    it.pass(2 * 3_600_000);
    assert_eq!(it.refused(&token, "GET", "/api/v1/session", None).0, 401, "it is over");
    it.done(&admin, "DELETE", &of_token, None);
}

#[test]
fn the_last_administrator_stays() {
    let it = &ready();
    let admin = it.log_in("admin");
    let me = it.done(&admin, "GET", "/api/v1/session", None)["person"].clone();
    let place = format!("/api/v1/people/{me}");
    for change in [json!({"role": "viewer"}), json!({"disabled": true})] {
        assert_eq!(
            it.refused(&admin, "PATCH", &place, Some(&change)),
            (409, "conflict".to_owned())
        );
    }
    assert_eq!(it.refused(&admin, "DELETE", &place, None).0, 409);
    let same = json!({"name": "ADMIN", "role": "viewer", "password": PASSWORD});
    assert_eq!(it.refused(&admin, "POST", "/api/v1/people", Some(&same)).0, 409);
    it.somebody(&admin, "viewer");
    let people = it.done(&admin, "GET", "/api/v1/people?limit=1", None);
    assert_eq!(people["items"].as_array().unwrap().len(), 1);
    assert!(!people.to_string().contains("argon2"), "{people}");
    let next = format!("/api/v1/people?limit=1&cursor={}", people["next"].as_str().unwrap());
    let rest = it.done(&admin, "GET", &next, None);
    assert_eq!((&rest["items"][0]["name"], &rest["next"]), (&json!("admin"), &Value::Null));
    let viewer = format!("/api/v1/people/{}", people["items"][0]["id"]);
    it.done(&admin, "DELETE", &viewer, None);
    assert_eq!(it.refused(&admin, "GET", &viewer, None).0, 404);
}

#[test]
fn every_change_is_in_the_audit_log_without_its_secrets() {
    on_each(|it| {
        let admin = it.log_in("admin");
        let joe = json!({"name": "joe", "role": "viewer", "password": PASSWORD});
        let joe = it.done(&admin, "POST", "/api/v1/people", Some(&joe));
        let place = format!("/api/v1/people/{}", joe["id"]);
        it.pass(1000);
        it.done(
            &admin,
            "PATCH",
            &place,
            Some(&json!({"role": "operator", "password": "another long password"})),
        );
        let token = it.done(
            &admin,
            "POST",
            "/api/v1/tokens",
            Some(&json!({"name": "ci", "role": "viewer"})),
        );
        it.done(&admin, "DELETE", &format!("/api/v1/tokens/{}", token["id"]), None);
        it.done(&admin, "DELETE", &place, None);
        // What is refused changes nothing and is not there.
        it.refused(&admin, "DELETE", &place, None);
        let list = it.done(&admin, "GET", "/api/v1/audit", None);
        let items = list["items"].as_array().unwrap();
        let actions: Vec<&str> = items.iter().map(|it| it["action"].as_str().unwrap()).collect();
        let expected = [
            "removePerson",
            "removeToken",
            "addToken",
            "changePerson",
            "addPerson",
            "logIn",
            "setUp",
        ];
        assert_eq!(actions, expected);
        let change = &items[3];
        assert_eq!(
            (&change["person"], &change["before"]["role"]),
            (&json!("admin"), &json!("viewer"))
        );
        assert_eq!(change["after"]["role"], "operator");
        assert_eq!(change["object"], format!("person/{}", joe["id"]));
        let text = list.to_string();
        for secret in [PASSWORD, "another long", "argon2", token["secret"].as_str().unwrap()] {
            assert!(!text.contains(secret) && !it.log().contains(secret), "{secret}");
        }
        let count = |query: &str| {
            let list = it.done(&admin, "GET", &format!("/api/v1/audit?{query}"), None);
            list["items"].as_array().unwrap().len()
        };
        assert_eq!((count("action=addToken"), count("person=joe"), count("limit=2")), (1, 0, 2));
        assert_eq!(count("since=2023-11-14T22:13:21Z"), 4);
        assert_eq!(count("until=2023-11-14T22:13:21Z"), 3);
        assert_eq!(START, 1_700_000_000_000);
    });
}

#[test]
fn what_cannot_be_meant_is_said_to_be_so() {
    let it = &ready();
    let admin = it.log_in("admin");
    let check = |method: &str, target: &str, body: Option<Value>, status: u16, code: &str| {
        let refused = it.refused(&admin, method, target, body.as_ref());
        assert_eq!(refused, (status, code.to_owned()), "{method} {target} {body:?}");
    };
    check("GET", "/api/v1/people?limit=0", None, 422, "invalid");
    check("GET", "/api/v1/people?limit=501", None, 422, "invalid");
    check("GET", "/api/v1/people?limit=x", None, 422, "invalid");
    check("GET", "/api/v1/people?cursor=x", None, 422, "invalid");
    check("GET", "/api/v1/people?unknown=1", None, 422, "invalid");
    check("GET", "/api/v1/people?limit=1&limit=2", None, 422, "invalid");
    check("GET", "/api/v1/people/x", None, 404, "not-found");
    check("GET", "/api/v1/people/99999999999999999999", None, 404, "not-found");
    check("GET", "/api/v1/people/%ff", None, 400, "malformed");
    check("GET", "/api/v1/audit?since=yesterday", None, 422, "invalid");
    check("POST", "/api/v1/people", None, 415, "unsupported-media-type");
    let person = |name: &str, role: &str, password: &str| {
        Some(json!({"name": name, "role": role, "password": password}))
    };
    check("POST", "/api/v1/people", person("joe", "root", PASSWORD), 422, "invalid");
    check("POST", "/api/v1/people", person("joe", "viewer", "short"), 422, "invalid");
    check("POST", "/api/v1/people", person("a\nb", "viewer", PASSWORD), 422, "invalid");
    check("POST", "/api/v1/people", person(" ", "viewer", PASSWORD), 422, "invalid");
    check("POST", "/api/v1/people", Some(json!({"name": "joe"})), 422, "invalid");
    let more = json!({"name": "joe", "role": "viewer", "password": PASSWORD, "admin": true});
    check("POST", "/api/v1/people", Some(more), 422, "invalid");
    check("POST", "/api/v1/people", Some(json!([])), 422, "invalid");
    let headers: Vec<(&str, &str)> = admin
        .0
        .iter()
        .map(|(a, b)| (*a, b.as_str()))
        .chain([("content-type", "application/json")])
        .collect();
    for (body, status) in
        [("{", 400), ("{\"name\":", 400), ("\u{0}", 400), (&*"[".repeat(100_000), 422)]
    {
        let reply =
            testkit::http::ask(&it.host, "POST", "/api/v1/people", &headers, body.as_bytes());
        let reply = reply.unwrap();
        assert_eq!(reply.status, status, "{:.9} {}", body, json(&reply));
    }
}

#[test]
fn what_is_sent_twice_with_a_key_happens_once() {
    on_each(|it| {
        let admin = it.log_in("admin");
        let body = json!({"name": "ci", "role": "viewer"});
        let make = |who: &As, body: &Value, key: &str| {
            it.ask_with(who, "POST", "/api/v1/tokens", Some(body), &[("idempotency-key", key)])
        };
        let first = make(&admin, &body, "k1");
        let second = make(&admin, &body, "k1");
        assert_eq!((first.status, second.status), (201, 201));
        assert_eq!(json(&first), json(&second));
        assert_eq!(header(&first, "location"), header(&second, "location"));
        assert_ne!(json(&make(&admin, &body, "k2")), json(&first));
        // Another request with the same key, and a key that is none.
        assert_eq!(make(&admin, &json!({"name": "x", "role": "viewer"}), "k1").status, 422);
        assert_eq!(make(&admin, &body, &"k".repeat(201)).status, 422);
        // What failed may be tried again.
        let bad = json!({"name": "", "role": "viewer"});
        assert_eq!((make(&admin, &bad, "k3").status, make(&admin, &body, "k3").status), (422, 201));
        // Nobody gets another's answer.
        let viewer = it.somebody(&admin, "viewer");
        let theirs = make(&viewer, &body, "k1");
        assert_ne!(json(&theirs)["secret"], json(&first)["secret"]);
        // At once: one is carried out, the others get its answer or are told to wait.
        let replies: Vec<_> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..6).map(|_| scope.spawn(|| make(&admin, &body, "k4"))).collect();
            all.into_iter().map(|it| it.join().unwrap()).collect()
        });
        let secrets: BTreeSet<String> = replies
            .iter()
            .filter(|it| it.status == 201)
            .map(|it| json(it)["secret"].to_string())
            .collect();
        assert_eq!(secrets.len(), 1);
        assert!(replies.iter().all(|it| it.status == 201 || it.status == 409));
        let tokens = it.done(&admin, "GET", "/api/v1/tokens", None);
        assert_eq!(tokens["items"].as_array().unwrap().len(), 4);
    });
}
