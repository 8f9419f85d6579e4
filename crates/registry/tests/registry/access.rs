//! Making ourselves known.
use crate::{first_layer, large, one, small, with};
use net::Secret;
use registry::{Credential, Helper, Keychain, PlatformChoice, RegistrySource, Source, SourceError};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};
use testkit::{
    http::{Reply, Wire},
    registry::{Auth, Registry, What},
};

const TOKEN: Auth = Auth::Token { user: "user", password: "hush", uses: usize::MAX };

fn basic(user: &str, password: &str) -> Option<Credential> {
    Some(Credential::Basic { user: user.to_owned(), password: Secret::new(password) })
}

fn start(auth: Auth, credential: Option<Credential>) -> (Registry, RegistrySource) {
    let registry = Registry::start(auth);
    registry.put("team/app", "latest", &small("linux/amd64", "x"));
    let source = reader(&registry, credential);
    (registry, source)
}

fn reader(registry: &Registry, credential: Option<Credential>) -> RegistrySource {
    let keys = match credential {
        Some(it) => Keychain::new().with(&registry.host(), it),
        None => Keychain::new(),
    };
    with(registry, "team/app", PlatformChoice::Host, keys)
}

#[test]
fn registries_let_us_in() {
    let check = |auth: Auth, credential: Option<Credential>| {
        let (_registry, source) = start(auth.clone(), credential);
        let image = one(&source).unwrap();
        assert!(first_layer(&source, &image).is_ok(), "{auth:?}");
    };
    check(Auth::Open, None);
    check(Auth::Open, basic("user", "hush"));
    check(Auth::Basic("user", "hush"), basic("user", "hush"));
    check(TOKEN, basic("user", "hush"));
    check(Auth::Token { user: "", password: "", uses: 1 }, None);
    check(Auth::Identity("refresh%2Bme"), Some(Credential::Identity(Secret::new("refresh+me"))));
    check(TOKEN, Some(Credential::Basic { user: "user".into(), password: Secret::new("hush") }));
}

#[test]
fn credentials_are_not_sent_unasked() {
    let (registry, source) = start(Auth::Open, basic("user", "hush"));
    one(&source).unwrap();
    assert!(registry.seen().iter().all(|it| it.header("authorization").is_none()));
}

#[test]
fn tokens_are_fetched_once_and_for_pulling() {
    let (registry, source) = start(TOKEN, basic("user", "hush"));
    let image = one(&source).unwrap();
    for _ in 0..3 {
        first_layer(&source, &image).unwrap();
    }
    let seen = registry.seen();
    let asked: Vec<_> = seen.iter().filter(|it| it.target.starts_with("/token")).collect();
    assert_eq!(asked.len(), 1);
    let query = "?service=test%2C%20service&scope=repository%3Ateam%2Fapp%3Apull";
    assert_eq!(asked[0].target, format!("/token{query}"));
    // Password to the token server, tokens to the registry.
    assert!(seen.iter().all(|it| {
        let sent = it.header("authorization").unwrap_or_default();
        sent.starts_with("Basic") == it.target.starts_with("/token")
    }));
}

#[test]
fn helper_programs_are_run_once() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let registry = Registry::start(Auth::Basic("user", "hush"));
    registry.put("team/app", "latest", &small("linux/amd64", "x"));
    let helper: Helper = Box::new(|_, _| {
        RUNS.fetch_add(1, Ordering::SeqCst);
        Ok(Some(br#"{"Username":"user","Secret":"hush"}"#.to_vec()))
    });
    let keys = Keychain::new().with_config(br#"{"credsStore":"x"}"#, Some(helper)).unwrap();
    let source = with(&registry, "team/app", PlatformChoice::Host, keys);
    let image = one(&source).unwrap();
    first_layer(&source, &image).unwrap();
    assert_eq!(RUNS.load(Ordering::SeqCst), 1);
}

#[test]
fn many_threads_share_a_token() {
    let (registry, source) = start(TOKEN, basic("user", "hush"));
    let image = one(&source).unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| first_layer(&source, &image).unwrap());
        }
    });
    assert_eq!(registry.count("/token"), 1);
}

#[test]
fn tokens_are_renewed_in_the_middle_of_things() {
    let auth = Auth::Token { user: "user", password: "hush", uses: 1 };
    let registry = Registry::start(auth);
    let built = large(200_000);
    registry.put("team/app", "latest", &built);
    let source = reader(&registry, basic("user", "hush"));
    let image = one(&source).unwrap();
    registry.fail(built.layers()[0].digest.as_str(), 2, What::Wire(Wire::Cut(80_000)));
    assert_eq!(first_layer(&source, &image).unwrap(), built.layers()[0].bytes);
    assert!(registry.count("/token") >= 4);
}

#[test]
fn registries_keep_us_out() {
    let check = |auth: Auth, credential: Option<Credential>, word: &str| {
        let (registry, source) = start(auth.clone(), credential);
        let error = one(&source).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(word) && !error.retryable(), "{auth:?}: {text}");
        assert!(!text.contains("hush") && !text.contains("wrong"), "{text}");
        assert!(registry.seen().len() <= 3, "{auth:?}");
        error
    };
    let login = "may pull `team/app`; log in";
    check(Auth::Basic("user", "hush"), None, login);
    check(Auth::Basic("user", "hush"), basic("user", "wrong"), login);
    check(TOKEN, None, login);
    check(TOKEN, basic("user", "wrong-password"), login);
    check(Auth::Identity("refresh"), Some(Credential::Identity(Secret::new("wrong"))), login);
    check(Auth::Basic("a", "b"), Some(Credential::Bearer(Secret::new("hush"))), "all we have is");
    let other = check(Auth::Challenge("Negotiate".to_owned()), None, "Negotiate");
    assert!(matches!(other, SourceError::Unsupported(_)));
    check(Auth::Challenge("Bearer realm=\"ftp://a/\"".to_owned()), None, "http");
    check(Auth::Challenge(String::new()), basic("user", "hush"), login);
}

#[test]
fn strange_token_servers() {
    let check = |reply: Reply, matches: fn(&SourceError) -> bool| {
        let (registry, source) = start(TOKEN, basic("user", "hush"));
        registry.fail("/token", 99, What::Reply(reply));
        let error = one(&source).unwrap_err();
        assert!(matches(&error), "{error}");
        assert!(!error.to_string().contains("hush"), "{error}");
    };
    check(Reply::new(200, "hush"), |it| matches!(it, SourceError::Malformed(_)));
    check(Reply::new(200, "{\"token\":\"\"}"), |it| matches!(it, SourceError::Malformed(_)));
    let huge = vec![b' '; (4 << 20) + 1];
    check(Reply::new(200, huge), |it| matches!(it, SourceError::TooLarge(_)));
    check(Reply::new(500, ""), SourceError::retryable);
    let away = Reply::new(429, "").header("retry-after", "9999");
    check(away, |it| matches!(it, SourceError::RateLimited { .. }));
    let garbage = Reply::new(200, "{\"token\":\"a\\nb\"}");
    check(garbage, |it| matches!(it, SourceError::Malformed(_)));
}

#[test]
fn nothing_secret_is_shown() {
    let (_registry, source) = start(TOKEN, basic("user", "hush"));
    one(&source).unwrap();
    let shown = format!("{source:?}");
    assert!(!shown.contains("hush") && !shown.contains("token-"), "{shown}");
}

#[test]
fn sources_are_shared_between_threads() {
    fn check<T: Source>(_: &T) {}
    check(&start(Auth::Open, None).1);
}
