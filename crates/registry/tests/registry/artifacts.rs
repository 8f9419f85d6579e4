//! Pushing artifacts, and pulling them again.
use crate::client;
use model::Digest;
use net::{Client, Host, Secret, Settings};
use registry::{
    Credential, Keychain, Reference, SourceError,
    artifact::{Artifact, Pulled, pull},
    push,
};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, ErrorKind, Read, Write},
    sync::Arc,
};
use tempfile::TempDir;
use testkit::{
    http::{Reply, Wire},
    real::{Running, certificates, installed, passwords},
    registry::{Auth, Registry, What, error},
};

const CONTENT: &[u8] = &[7; 300_000];

fn artifact() -> Artifact {
    Artifact {
        kind: "application/vnd.test.v1".to_owned(),
        media_type: "application/vnd.test.file.v1".to_owned(),
        annotations: BTreeMap::from([("org.example.note".to_owned(), "hello".to_owned())]),
    }
}

/// The cursor is at its end, which must not matter.
fn file() -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(CONTENT).unwrap();
    file
}

fn named(host: &str, name: &str) -> Reference {
    Reference::parse(&format!("{host}/{name}")).unwrap()
}

fn keys(host: &str, password: &str) -> Arc<Keychain> {
    let (user, password) = ("user".to_owned(), Secret::new(password));
    Arc::new(Keychain::new().with(host, Credential::Basic { user, password }))
}

fn whole(pulled: &Pulled) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pulled.open().map_err(io::Error::other)?.read_to_end(&mut bytes).map(|_| bytes)
}

/// Pushes and pulls, and expects the same back.
fn there_and_back(to: &Reference, keys: &Arc<Keychain>, client: &Client) -> Digest {
    let digest = push(to, &artifact(), file(), keys, client).unwrap();
    for reference in [to.clone(), to.clone().with_digest(digest.clone())] {
        let pulled = pull(&reference, keys, client).unwrap();
        assert_eq!((&pulled.artifact, &pulled.digest), (&artifact(), &digest));
        assert_eq!(whole(&pulled).unwrap(), CONTENT);
    }
    digest
}

#[test]
fn what_is_pushed_can_be_pulled() {
    let check = |auth: Auth| {
        let registry = Registry::start(auth.clone());
        let (host, client) = (registry.host(), client());
        let keys = keys(&host, "hush");
        let first = there_and_back(&named(&host, "team/db:1"), &keys, &client);
        // The same once more is the same, and is not sent again.
        let puts = registry.count("digest=");
        assert_eq!(there_and_back(&named(&host, "team/db:2"), &keys, &client), first);
        assert_eq!(registry.count("digest="), puts, "{auth:?}");
    };
    check(Auth::Open);
    check(Auth::Basic("user", "hush"));
    check(Auth::Token { user: "user", password: "hush", uses: usize::MAX });
    // A token that ends in the middle.
    check(Auth::Token { user: "user", password: "hush", uses: 3 });
}

#[test]
fn what_fails_in_between_is_tried_again() {
    let check = |on: &str, times: usize, what: What| {
        let registry = Registry::start(Auth::Open);
        registry.fail(on, times, what.clone());
        let to = named(&registry.host(), "db:1");
        there_and_back(&to, &Arc::default(), &client());
        assert!(registry.count(on) > times, "{what:?}");
    };
    let dropped = || What::Wire(Wire::Raw(Vec::new()));
    check("digest=", 2, dropped());
    check("digest=", 1, What::Reply(Reply::new(503, "")));
    check("/uploads/", 1, dropped());
    check("/uploads/", 1, What::Reply(Reply::new(429, "").header("retry-after", "1")));
    check("/manifests/", 1, dropped());
    check("/manifests/1", 1, What::Reply(Reply::new(500, "")));
}

#[test]
fn what_stays_wrong_is_an_error_that_says_so() {
    let check = |on: &str, what: What, words: &str| {
        let registry = Registry::start(Auth::Open);
        registry.fail(on, usize::MAX, what);
        let to = named(&registry.host(), "db:1");
        let error = push(&to, &artifact(), file(), &Arc::default(), &client()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(pull(&to, &Arc::default(), &client()).is_err(), "half of it is there");
    };
    let reply = |status, code: &str| What::Reply(Reply::new(status, error(code, "says no")));
    check("/uploads/", reply(403, "DENIED"), "does not let us push to `db`");
    check("/uploads/", reply(405, "UNSUPPORTED"), "lets nobody push to `db` (says no)");
    check("digest=", reply(413, "SIZE_INVALID"), "takes no more");
    check("digest=", reply(400, "DIGEST_INVALID"), "says no");
    check("digest=", What::Reply(Reply::new(500, "")), "it answers 500");
    let other = format!("sha256:{}", "0".repeat(64));
    let stored = Reply::new(201, "").header("docker-content-digest", &other);
    check("digest=", What::Reply(stored.clone()), &other);
    check("/manifests/1", What::Reply(stored), &other);
    let elsewhere = Reply::new(202, "").header("location", "http://127.0.0.1:1/upload");
    check("/uploads/", What::Reply(elsewhere), "takes what is pushed at http://127.0.0.1:1");
    check("/uploads/", What::Reply(Reply::new(202, "")), "without a location");
}

#[test]
fn who_may_only_pull_is_told() {
    let registry = Registry::start(Auth::Basic("user", "hush"));
    let to = named(&registry.host(), "db:1");
    let wrong = push(&to, &artifact(), file(), &keys(&registry.host(), "x"), &client());
    assert!(wrong.unwrap_err().to_string().contains("one who may push to `db`"));
    let digest = format!("sha256:{}", "0".repeat(64));
    let fixed = named(&registry.host(), &format!("db@{digest}"));
    let wrong = push(&fixed, &artifact(), file(), &Arc::default(), &client());
    assert!(wrong.unwrap_err().to_string().contains("needs a tag"));
}

#[test]
fn what_was_tampered_with_is_found_out() {
    let registry = Registry::start(Auth::Open);
    let to = named(&registry.host(), "db:1");
    there_and_back(&to, &Arc::default(), &client());
    let get = || pull(&to, &Arc::default(), &client());
    let digest = testkit::image::sha256(CONTENT);
    let mut other = CONTENT.to_vec();
    other[9] ^= 1;
    registry.put_blob(digest.as_str(), &other);
    assert_eq!(whole(&get().unwrap()).unwrap_err().kind(), ErrorKind::InvalidData);
    registry.put_blob(digest.as_str(), &CONTENT[..1000]);
    assert!(whole(&get().unwrap()).is_err());
    // A line that drops is gone on with.
    registry.put_blob(digest.as_str(), CONTENT);
    registry.fail(digest.as_str(), 2, What::Wire(Wire::Cut(100_000)));
    assert_eq!(whole(&get().unwrap()).unwrap(), CONTENT);
    registry.fail("/manifests/", 1, What::Body(b"{}".to_vec()));
    assert!(matches!(get().err(), Some(SourceError::DigestMismatch { .. })));
    registry.put("app", "1", &crate::small("linux/amd64", "x"));
    let image = pull(&named(&registry.host(), "app:1"), &Arc::default(), &client()).unwrap();
    assert_eq!(image.artifact.kind, "application/vnd.oci.image.config.v1+json");
}

#[test]
fn a_real_registry_takes_and_gives_them() {
    if !installed(&["docker-registry", "openssl"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let tls = certificates(path);
    let authorities = fs::read(path.join("ca.pem")).unwrap();
    let check = |http: &str, more: &str, host: Host, name: &str| {
        let running = Running::start(path, http, more);
        let hosts = BTreeMap::from([(running.host().to_owned(), host)]);
        let client = Client::new(Settings { hosts, ..Settings::default() }).unwrap();
        there_and_back(&named(running.host(), name), &keys(running.host(), "hush"), &client);
        let strangers = push(
            &named(running.host(), name),
            &artifact(),
            file(),
            &keys(running.host(), "wrong"),
            &client,
        );
        assert_eq!(strangers.is_err(), !more.is_empty(), "{name}");
    };
    check("", "", Host::default(), "team/db:1");
    check("", &passwords(path), Host::default(), "team/db:2");
    let trusting = Host { authorities, ..Host::default() };
    check(&tls, &passwords(path), trusting, "team/other:3");
}
