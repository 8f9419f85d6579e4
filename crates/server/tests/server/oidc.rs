//! Logging in by an OpenID provider, and all that a provider, a browser or somebody in between may try.
use crate::kit::{As, PASSWORD, Running, START, header, json, start};
use serde_json::{Value, json};
use server::{Oidc, Role, Settings};
use testkit::{
    http::{Reply, ask},
    oidc::{Behaviour, Key, Provider, SECRET, encode},
};

const PUBLIC: &str = "https://images.example";
const BACK: &str = "https://images.example/api/v1/oidc/callback";

fn provider(key: Key) -> Provider {
    let it = Provider::start(key, START / 1000);
    it.register(BACK);
    it
}

fn server(provider: &Provider) -> Running {
    let oidc = Oidc {
        issuer: provider.issuer(),
        client: "plimsoll".to_owned(),
        secret: Some(net::Secret::new(SECRET)),
        scopes: vec!["profile".to_owned(), "groups".to_owned()],
        name_claim: "preferred_username".to_owned(),
        role_claim: "realm_access.roles".to_owned(),
        roles: vec![("sec".to_owned(), Role::Operator), ("root".to_owned(), Role::Admin)],
        otherwise: Some(Role::Viewer),
    };
    let public_url = Some(net::Url::parse(PUBLIC).unwrap());
    let it = start(Settings { public_url, oidc: Some(oidc), ..Settings::default() });
    it.set_up();
    it
}

/// A browser that has been at the provider: what it brings, and the address that it comes back to.
struct Browser {
    cookie: String,
    back: String,
}

/// Begins a login and lets the provider answer.
fn visit(it: &Running, target: &str) -> Browser {
    let begun = it.get(&format!("/api/v1/oidc/login{target}"));
    assert_eq!(begun.status, 303, "{}", String::from_utf8_lossy(&begun.body));
    let cookie = header(&begun, "set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/api/v1/oidc;", "Max-Age=600"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    let place = header(&begun, "location").unwrap();
    let (host, path) = place.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let answer = ask(host, "GET", &format!("/{path}"), &[], b"").unwrap();
    let back = header(&answer, "location").unwrap().strip_prefix(PUBLIC).unwrap().to_owned();
    Browser { cookie: cookie.split(';').next().unwrap().to_owned(), back }
}

fn come_back(it: &Running, browser: &Browser) -> Reply {
    ask(&it.host, "GET", &browser.back, &[("cookie", &browser.cookie)], b"").unwrap()
}

/// Who is logged in after a whole login; or what is said instead.
fn log_in(it: &Running) -> Result<Value, (u16, String)> {
    let reply = come_back(it, &visit(it, ""));
    if reply.status != 303 {
        let problem = json(&reply);
        return Err((reply.status, problem["detail"].as_str().unwrap().to_owned()));
    }
    Ok(it.done(&session(&reply), "GET", "/api/v1/session", None))
}

fn session(reply: &Reply) -> As {
    let mut set = reply.headers.iter().filter(|it| it.0 == "set-cookie").map(|it| it.1.as_str());
    let cookie = set.find(|it| it.starts_with("__Host-plimsoll=")).unwrap();
    As::session(cookie.split(';').next().unwrap().to_owned())
}

fn claims(sub: &str, name: &str, roles: Value) -> Behaviour {
    let claims = json!({"sub": sub, "preferred_username": name, "realm_access": {"roles": roles}});
    Behaviour { claims, ..Behaviour::default() }
}

#[test]
fn a_provider_says_who_somebody_is_and_what_they_may() {
    let mut keys = vec![Key::ecdsa()];
    keys.extend(Key::rsa());
    for key in keys {
        let provider = provider(key);
        let it = server(&provider);
        assert_eq!(it.done(&As::default(), "GET", "/api/v1/setup", None)["oidc"], true);
        let who = |behaviour| {
            provider.behave(behaviour);
            let session = log_in(&it).unwrap();
            (session["person"].as_i64().unwrap(), session["name"].clone(), session["role"].clone())
        };
        let (jane, name, role) = who(claims("1", "Jane", json!([])));
        assert_eq!((name, role), (json!("jane"), json!("viewer")));
        // The role follows the provider, the person stays the same under another name.
        let again = who(claims("1", "Janet", json!(["staff", "sec"])));
        assert_eq!(again, (jane, json!("jane"), json!("operator")));
        let again = who(claims("1", "jane", json!(["sec", "root"])));
        assert_eq!(again, (jane, json!("jane"), json!("admin")));
        assert_eq!(who(claims("1", "jane", json!("sec"))).2, "operator");
        // A secret in the form instead of a header; a name in every answer.
        for (basic, issuer) in [(false, None), (true, Some(provider.issuer()))] {
            let other = server(&provider);
            let joe = claims("2", "joe", json!([]));
            provider.behave(Behaviour { basic, answers_as: issuer, ..joe });
            assert_eq!(log_in(&other).unwrap()["name"], "joe");
        }
        let admin = it.log_in("admin");
        let list = it.done(&admin, "GET", "/api/v1/audit?person=jane&action=finishOidc", None);
        assert_eq!(list["items"][0]["object"], format!("person/{jane}"));
        assert!(!it.log().contains(SECRET) && !it.log().contains("code-"));
        // Without a password here nobody comes in with one.
        let body = json!({"name": "jane", "password": PASSWORD});
        assert_eq!(it.refused(&As::default(), "POST", "/api/v1/session", Some(&body)).0, 401);
    }
}

#[test]
fn nobody_takes_the_place_of_somebody_else() {
    let provider = provider(Key::ecdsa());
    let it = server(&provider);
    // A name that is taken here is not given to whoever claims it there.
    provider.behave(claims("9", "admin", json!(["root"])));
    assert_eq!(log_in(&it).unwrap_err().0, 409);
    provider.behave(claims("1", "jane", json!([])));
    let jane = log_in(&it).unwrap();
    let admin = it.log_in("admin");
    let place = format!("/api/v1/people/{}", jane["person"]);
    it.done(&admin, "PATCH", &place, Some(&json!({"disabled": true})));
    assert_eq!(log_in(&it).unwrap_err().0, 403);
    let password = json!({"password": PASSWORD});
    assert_eq!(it.refused(&admin, "PATCH", &place, Some(&password)).0, 422);
}

#[test]
fn a_token_that_is_not_in_order_lets_nobody_in() {
    let provider = provider(Key::ecdsa());
    let it = server(&provider);
    let now = START / 1000;
    let lie = |lies: Value, word: &str| {
        provider.behave(Behaviour { lies, ..Behaviour::default() });
        let (status, detail) = log_in(&it).unwrap_err();
        assert!(status == 401 && detail.contains(word), "{word}: {status} {detail}");
    };
    lie(json!({"iss": "https://other.example"}), "another issuer");
    lie(json!({"iss": null}), "another issuer");
    lie(json!({"aud": "other"}), "somebody else");
    lie(json!({"aud": null}), "somebody else");
    lie(json!({"aud": ["plimsoll", "other"]}), "somebody else");
    lie(json!({"aud": ["plimsoll", "other"], "azp": "other"}), "somebody else");
    lie(json!({"azp": "other"}), "somebody else");
    lie(json!({"exp": now - 61}), "too old");
    lie(json!({"exp": null}), "until when");
    lie(json!({"exp": "never"}), "until when");
    lie(json!({"iat": now + 61}), "from the future");
    lie(json!({"iat": null}), "when it was made");
    lie(json!({"nbf": now + 61}), "from the future");
    lie(json!({"nonce": "of another login"}), "another login");
    lie(json!({"nonce": null}), "another login");
    lie(json!({"sub": ""}), "who it is about");
    lie(json!({"sub": null}), "who it is about");
    let truth = |lies: Value| {
        provider.behave(Behaviour { lies, ..Behaviour::default() });
        log_in(&it).unwrap();
    };
    truth(json!({"aud": ["plimsoll", "other"], "azp": "plimsoll"}));
    truth(json!({"aud": ["plimsoll"]}));
    truth(json!({"exp": now - 59, "iat": now + 59}));
    truth(json!({"exp": f64::from(u32::MAX) + 0.5}));
}

#[test]
fn a_signature_that_is_not_the_providers_lets_nobody_in() {
    let provider = provider(Key::ecdsa());
    let it = server(&provider);
    let forge = |forge: fn(&str, &Key) -> String, word: &str| {
        provider.behave(Behaviour { forge: Some(forge), ..Behaviour::default() });
        let (status, detail) = log_in(&it).unwrap_err();
        assert!(status == 401 && detail.contains(word), "{word}: {status} {detail}");
    };
    forge(|token, _| format!("{}.{}.", encode(r#"{"alg":"none"}"#), claims_of(token)), "signed by");
    forge(|token, _| format!("{}.{}.", encode(r#"{"alg":"None"}"#), claims_of(token)), "signed by");
    forge(
        |token, _| format!("{}.{}.{}", encode(r#"{"alg":"HS256"}"#), claims_of(token), encode("x")),
        "signed by",
    );
    forge(|token, _| token.rsplit_once('.').unwrap().0.to_owned() + ".", "signature");
    forge(|token, _| token.rsplit_once('.').unwrap().0.to_owned(), "no JWS");
    forge(|_, _| String::from("nonsense"), "no JWS");
    forge(|_, _| String::from("a.b.c"), "base64url");
    forge(|_, _| String::from("e30.e30.e30"), "readable header");
    forge(|token, _| token.replacen('.', "A.", 1), "");
    // The claims of one token with the signature of another.
    forge(
        |token, key| {
            let other = key.sign(&json!({"alg": "ES256", "kid": "first"}), &json!({"sub": "root"}));
            format!("{}.{}", other.rsplit_once('.').unwrap().0, token.rsplit_once('.').unwrap().1)
        },
        "signature",
    );
    // A key of somebody else under the provider's name for its own.
    forge(
        |token, _| {
            let claims: Value = serde_json::from_slice(&decode(&claims_of(token))).unwrap();
            Key::ecdsa().sign(&json!({"alg": "ES256", "kid": "first"}), &claims)
        },
        "signature",
    );
    // The token says how it is to be checked: not with a key of another kind.
    forge(
        |token, key| {
            let claims: Value = serde_json::from_slice(&decode(&claims_of(token))).unwrap();
            key.sign(&json!({"alg": "RS256", "kid": "first"}), &claims)
        },
        "not published",
    );
    forge(
        |token, key| {
            let claims: Value = serde_json::from_slice(&decode(&claims_of(token))).unwrap();
            key.sign(&json!({"alg": "ES256", "kid": "first", "crit": ["x"], "x": 1}), &claims)
        },
        "extensions",
    );
}

fn claims_of(token: &str) -> String {
    token.split('.').nth(1).unwrap().to_owned()
}

fn decode(text: &str) -> Vec<u8> {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
}

#[test]
fn new_keys_of_a_provider_are_fetched_and_no_more_often_than_needed() {
    let provider = provider(Key::ecdsa());
    let it = server(&provider);
    log_in(&it).unwrap();
    log_in(&it).unwrap();
    assert_eq!(provider.server().count("/keys"), 1);
    assert_eq!(provider.server().count("openid-configuration"), 1);
    provider.rotate("second", Key::ecdsa(), true);
    // An unknown key is not a reason to ask with every login.
    assert_eq!(log_in(&it).unwrap_err().0, 401);
    assert_eq!(provider.server().count("/keys"), 1);
    it.pass(11_000);
    log_in(&it).unwrap();
    assert_eq!(provider.server().count("/keys"), 2);
    provider.rotate("third", Key::ecdsa(), false);
    it.pass(11_000);
    assert!(log_in(&it).unwrap_err().1.contains("not published"));
}

#[test]
fn a_login_belongs_to_the_browser_that_began_it() {
    let provider = provider(Key::ecdsa());
    let it = server(&provider);
    let refused = |browser: &Browser| {
        let reply = come_back(&it, browser);
        assert_eq!(header(&reply, "set-cookie"), None);
        reply.status
    };
    // A code that an attacker got for himself, slipped to a victim: with no cookie, and with that of another login.
    let attacker = visit(&it, "");
    let victim = visit(&it, "");
    assert_eq!(refused(&Browser { cookie: String::new(), back: attacker.back.clone() }), 401);
    assert_eq!(
        refused(&Browser { cookie: victim.cookie.clone(), back: attacker.back.clone() }),
        401
    );
    let spoiled = format!("{}A", victim.cookie);
    assert_eq!(refused(&Browser { cookie: spoiled, back: victim.back.clone() }), 401);
    for back in [
        "/api/v1/oidc/callback",
        "/api/v1/oidc/callback?code=x",
        "/api/v1/oidc/callback?state=x&code=y",
    ] {
        assert_eq!(refused(&Browser { cookie: victim.cookie.clone(), back: back.to_owned() }), 401);
    }
    // A code is good for once, and a login does not stay open.
    assert_eq!(come_back(&it, &victim).status, 303);
    assert_eq!(refused(&victim), 503);
    let late = visit(&it, "");
    it.pass(600_001);
    assert_eq!(refused(&late), 401);
    // Whoever says no at the provider; whoever answers in another's name.
    provider.behave(Behaviour { refuse: Some("access_denied"), ..Behaviour::default() });
    let (status, detail) = log_in(&it).unwrap_err();
    assert!(status == 401 && detail.contains("access_denied"), "{detail}");
    let other = Some("https://other.example".to_owned());
    provider.behave(Behaviour { answers_as: other, ..Behaviour::default() });
    it.pass(3_600_001);
    assert!(log_in(&it).unwrap_err().1.contains("another provider"));
}

#[test]
fn a_login_ends_on_a_page_of_this_server() {
    let provider = provider(Key::ecdsa());
    let it = server(&provider);
    let check = |target: &str, end: &str| {
        let reply = come_back(&it, &visit(&it, target));
        assert_eq!(header(&reply, "location"), Some(end), "{target}");
    };
    check("", "/");
    check("?target=/images/7%3Ftab=layers", "/images/7?tab=layers");
    check("?target=https://evil.example", "/");
    check("?target=//evil.example", "/");
    check("?target=/%5Cevil.example", "/");
    check("?target=/x%0d%0aset-cookie:%20a=b", "/");
}

#[test]
fn a_provider_that_is_not_there_or_not_itself_is_our_trouble_and_logged() {
    let provider = provider(Key::ecdsa());
    let it = server(&provider);
    drop(provider);
    let reply = it.get("/api/v1/oidc/login");
    assert_eq!(reply.status, 503);
    assert!(it.log().contains("identity provider: cannot reach"), "{}", it.log());
    let none = start(Settings::default());
    assert_eq!(none.get("/api/v1/oidc/login").status, 404);
}
