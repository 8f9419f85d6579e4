//! What docker config files say, and what comes of it.
use super::*;

fn basic(user: &str, password: &str) -> Option<Credential> {
    Some(Credential::Basic { user: user.to_owned(), password: Secret::new(password) })
}

const CONFIG: &str = r#"{
    "auths": {
        "https://index.docker.io/v1/": {"auth": "YTpi"},
        "quay.io": {"auth": "cXVheTpwOnc="},
        "quay.io/org": {"username": "org", "password": "x"},
        "https://old.example/v2/": {"auth": "b2xkOng"},
        "id.example": {"auth": "PHRva2VuPjo=", "identitytoken": "refresh"},
        "bearer.example:5000": {"registrytoken": "shown"},
        "bad.example": {"auth": "%%%"},
        "empty.example": {}
    },
    "HttpHeaders": {"User-Agent": "x"}
}"#;

#[test]
fn keys_are_found_by_host_and_by_longest_path() {
    let keys = Keychain::new().with_config(CONFIG.as_bytes(), None).unwrap();
    let check = |registry: &str, repository: &str, expected: Option<Credential>| {
        assert_eq!(keys.find(registry, repository).unwrap(), expected, "{registry}/{repository}");
    };
    check("docker.io", "library/nginx", basic("a", "b"));
    check("registry-1.docker.io", "library/nginx", basic("a", "b"));
    check("quay.io", "other/x", basic("quay", "p:w"));
    check("quay.io", "org/x", basic("org", "x"));
    check("quay.io", "organic/x", basic("quay", "p:w"));
    check("old.example", "x", basic("old", "x"));
    check("id.example", "x", Some(Credential::Identity(Secret::new("refresh"))));
    check("bearer.example:5000", "x", Some(Credential::Bearer(Secret::new("shown"))));
    check("bearer.example", "x", None);
    check("empty.example", "x", None);
    assert!(keys.find("bad.example", "x").is_err());
    let given = Credential::Bearer(Secret::new("given"));
    let keys = keys.with("quay.io", given.clone());
    assert_eq!(keys.find("quay.io", "org/x").unwrap(), Some(given));
}

#[test]
fn helpers_are_asked_when_they_may() {
    let config = r#"{"auths": {"here.example": {}, "both.example": {"auth": "YTpi"}},
        "credsStore": "store", "credHelpers": {"own.example": "own", "broken.example": "broken"}}"#;
    let helper: Helper = Box::new(|name, server| match (name, server) {
        ("store", "here.example") => Ok(Some(br#"{"Username":"u","Secret":"s"}"#.to_vec())),
        ("own", _) => Ok(Some(br#"{"Username":"<token>","Secret":"s"}"#.to_vec())),
        ("store", "https://index.docker.io/v1/") => {
            Ok(Some(br#"{"ServerURL":"x","Username":"hub","Secret":"s"}"#.to_vec()))
        }
        ("broken", _) => Err("no bus".to_owned()),
        _ => Ok(None),
    });
    let keys = Keychain::new().with_config(config.as_bytes(), Some(helper)).unwrap();
    let find = |registry: &str| keys.find(registry, "x");
    assert_eq!(find("here.example").unwrap(), basic("u", "s"));
    assert_eq!(find("own.example").unwrap(), Some(Credential::Identity(Secret::new("s"))));
    assert_eq!(find("docker.io").unwrap(), basic("hub", "s"));
    assert_eq!(find("both.example").unwrap(), basic("a", "b"));
    assert_eq!(find("unknown.example").unwrap(), None);
    assert!(find("broken.example").unwrap_err().to_string().contains("no bus"));
    // Where programs may not be run, nobody is left to wonder why the login fails.
    let keys = Keychain::new().with_config(config.as_bytes(), None).unwrap();
    assert!(keys.find("here.example", "x").unwrap_err().to_string().contains("store"));
    assert!(keys.find("own.example", "x").is_err());
    assert_eq!(keys.find("unknown.example", "x").unwrap(), None);
}

#[test]
fn nothing_secret_is_shown() {
    let keys = Keychain::new().with_config(CONFIG.as_bytes(), None).unwrap();
    let keys = keys.with("a", basic("user", "hush").unwrap());
    assert!(!format!("{keys:?} {:?}", keys.config).contains("hush"));
    assert!(!format!("{:?}", keys.config).contains("refresh"));
    let error = Keychain::new().with_config(b"{\"auths\": \"hush\"}", None).unwrap_err();
    assert!(!error.to_string().contains("hush") && error.to_string().contains("line 1"), "{error}");
}
