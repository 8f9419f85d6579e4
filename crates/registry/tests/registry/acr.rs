//! Alibaba Cloud Container Registry, simulated by its documents.
use crate::{connect, everything, large, quick, small};
use model::Digest;
use net::{Secret, Settings};
use registry::{
    Access, AccessKey, Change, Cloud, Connection, Event, Hook, Instance, Login, PlatformChoice,
    Repository, Role, Source, SourceError, Trouble, flavor,
};
use std::{
    collections::BTreeSet,
    io::Read,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};
use testkit::{
    acr::Acr,
    http::{Reply, Server, Wire, ask},
    registry::{Auth, Registry, What},
};

const REGION: &str = "cn-hangzhou";

fn key(id: &str, secret: &str, token: Option<&str>) -> Login {
    let (id, secret, token) = (id.to_owned(), Secret::new(secret), token.map(Secret::new));
    Login::Key(AccessKey { id, secret, token })
}

/// Access to the account.
fn account(acr: &Acr, login: Login) -> Access {
    let regions = vec![REGION.to_owned(), "us-west-1".to_owned()];
    let cloud = Cloud { regions, api: acr.host(), ..Cloud::default() };
    Access { cloud, ..Access::new(flavor("acr").unwrap(), "").with_login(login) }
}

/// Access to the registry at `host`, of which no more is known.
fn bare(acr: &Acr, host: &str, login: Login) -> Access {
    let cloud = Cloud { api: acr.host(), ..Cloud::default() };
    Access { cloud, ..Access::new(flavor("acr").unwrap(), host).with_login(login) }
}

fn ours() -> Login {
    key("testid", "testsecret", None)
}

/// A cloud with an instance with an image, and the way to it.
fn cloud() -> (Acr, Connection) {
    let acr = Acr::start();
    let host = acr.instance("cri-one", REGION);
    acr.put("cri-one", "shop/web", "1.4", &small("linux/amd64", "x"));
    let connection = connect(bare(&acr, &host, ours()));
    (acr, connection)
}

fn instances(connection: &Connection) -> Vec<Instance> {
    everything(|it| connection.instances(it))
}

fn repositories(connection: &Connection) -> Vec<Repository> {
    everything(|it| connection.repositories(it))
}

#[test]
fn instances_come_and_go_with_their_account() {
    let acr = Acr::start();
    let connection = connect(account(&acr, ours()));
    assert_eq!(instances(&connection), []);
    assert!(connection.check().works());
    let host = acr.instance("cri-one", REGION);
    acr.instance("cri-two", "us-west-1");
    acr.instance("cri-far", "eu-central-1");
    let found = instances(&connection);
    let shown: Vec<_> = found.iter().map(|it| (it.id.as_str(), it.region.as_str())).collect();
    assert_eq!(shown, [("cri-one", REGION), ("cri-two", "us-west-1")]);
    assert_eq!((found[0].public.as_ref(), found[0].vpc.as_ref()), (Some(&host), None));
    // The way from the account to what is in it, by the same client.
    acr.put("cri-one", "shop/web", "1", &small("linux/amd64", "x"));
    let account = account(&acr, ours());
    let client = account.client(&quick()).unwrap();
    let one = Connection::open(found[0].access(&account, &host), client).unwrap();
    assert_eq!(repositories(&one)[0].name, "shop/web");
    acr.release("cri-one");
    assert_eq!(instances(&connection).len(), 1);
    assert!(matches!(one.repositories(None), Err(SourceError::NotFound(_))));
    let error = connection.repositories(None).unwrap_err();
    assert!(error.to_string().contains("choose one of its instances"), "{error}");
}

#[test]
fn a_host_and_a_key_are_enough() {
    let (acr, connection) = cloud();
    let image = small("linux/amd64", "x");
    let found = repositories(&connection);
    assert_eq!((found.len(), found[0].name.as_str()), (1, "shop/web"));
    assert!(found[0].id.starts_with("crr-") && found[0].marker.is_some());
    let artifacts = everything(|it| connection.artifacts(&found[0], it));
    let it = &artifacts[0];
    // The API writes digests without the algorithm.
    assert_eq!((&it.digest, it.tags[0].name.as_str()), (&image.manifest.digest, "1.4"));
    assert!(it.pushed.is_some() && it.size.unwrap() > 0);
    let source = connection.source("shop/web", "1.4", PlatformChoice::Host).unwrap();
    let layer = source.images().unwrap()[0].layers[0].clone();
    let mut bytes = Vec::new();
    source.blob(&layer).unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, image.layers()[0].bytes);
    let check = connection.check();
    assert!(check.works() && check.problems.is_empty(), "{check:?}");
    assert_eq!(check.version.as_deref(), Some("cri-one in cn-hangzhou"));
    // A repository of which only the name is known, as a trigger tells it.
    let named = Repository { name: "shop/web".to_owned(), ..Repository::default() };
    assert_eq!(everything(|it| connection.artifacts(&named, it)).len(), 1);
    assert_eq!(connection.artifact("shop/web", "1.4").unwrap().digest, image.manifest.digest);
    assert!(acr.seen().iter().all(|it| !it.target.contains("testsecret")));
}

#[test]
fn empty_instances_are_good() {
    let acr = Acr::start();
    let host = acr.instance("cri-one", REGION);
    let connection = connect(bare(&acr, &host, ours()));
    assert_eq!(repositories(&connection), []);
    assert!(connection.check().works());
}

#[test]
fn unchanged_repositories_are_known_by_their_marker() {
    let (acr, connection) = cloud();
    acr.series("cri-one", "shop/many", 40, &small("linux/amd64", "y"));
    let before = repositories(&connection);
    thread::sleep(Duration::from_millis(5));
    acr.advance("cri-one", "shop/many", 7);
    let after = repositories(&connection);
    assert_ne!(before[0].marker, after[0].marker);
    assert_eq!(before[1], after[1]);
}

#[test]
fn ten_thousand_tags_in_pages_of_thirty() {
    let acr = Acr::start();
    let host = acr.instance("cri-big", REGION);
    acr.series("cri-big", "shop/many", 10_000, &small("linux/amd64", "x"));
    // These clients do not wait, which the next test is about.
    acr.calls_per_second(usize::MAX);
    for strings in [true, false] {
        if !strings {
            acr.numbers();
        }
        let connection = connect(bare(&acr, &host, ours()));
        let found = repositories(&connection);
        let artifacts = everything(|it| connection.artifacts(&found[0], it));
        let tags: BTreeSet<_> = artifacts.iter().map(|it| it.tags[0].name.clone()).collect();
        assert_eq!((artifacts.len(), tags.len()), (10_000, 10_000));
    }
    assert_eq!(acr.seen().len(), 2 * (2 + 334));
}

#[test]
fn calls_keep_below_the_limit() {
    let (acr, _) = cloud();
    let host = acr.instance("cri-two", REGION);
    acr.series("cri-two", "shop/many", 750, &small("linux/amd64", "x"));
    let access = bare(&acr, &host, ours());
    let client = access.client(&Settings::default()).unwrap();
    let connection = Connection::open(access, client).unwrap();
    let start = Instant::now();
    let found = repositories(&connection);
    assert_eq!(everything(|it| connection.artifacts(&found[0], it)).len(), 750);
    // 27 calls, of which none was refused.
    assert_eq!(acr.seen().len(), 27);
    assert!(start.elapsed() > Duration::from_millis(1600));
}

#[test]
fn throttling_and_broken_lines_are_waited_out() {
    let (acr, connection) = cloud();
    let throttled = |status: u16, code: &str| {
        let body = format!("{{\"Code\":\"{code}\",\"Message\":\"flow control\"}}");
        What::Reply(Reply::new(status, body))
    };
    acr.fail("/?", 2, throttled(400, "Throttling.User"));
    acr.fail("/?", 1, throttled(503, "ServiceUnavailable"));
    acr.fail("/?", 1, What::Wire(Wire::Raw(Vec::new())));
    assert_eq!(repositories(&connection).len(), 1);
    acr.fail("/?", 99, throttled(400, "Throttling.Api"));
    let error = connection.repositories(None).unwrap_err();
    assert!(matches!(error, SourceError::RateLimited { .. }) && error.retryable(), "{error:?}");
}

#[test]
fn old_gateways_get_old_signatures() {
    let (acr, connection) = cloud();
    acr.age();
    acr.key("STS.id", "sts-secret", Some("sts+token/=="));
    assert_eq!(repositories(&connection).len(), 1);
    let host = connection.name().to_owned();
    let temporary = connect(bare(&acr, &host, key("STS.id", "sts-secret", Some("sts+token/=="))));
    assert!(temporary.check().works(), "{:?}", temporary.check());
    // Found out once, not at each call.
    let new = acr.seen().iter().filter(|it| it.header("x-acs-action").is_some()).count();
    assert_eq!(new, 2);
}

#[test]
fn temporary_keys_come_with_their_token() {
    let (acr, connection) = cloud();
    acr.key("STS.id", "sts-secret", Some("sts-token"));
    let host = connection.name().to_owned();
    let check = |token: Option<&str>| {
        connect(bare(&acr, &host, key("STS.id", "sts-secret", token))).check()
    };
    assert!(check(Some("sts-token")).works());
    assert_eq!(check(Some("other")).problems[0].trouble, Trouble::Credentials);
    assert_eq!(check(None).problems[0].trouble, Trouble::Credentials);
}

#[test]
fn machines_have_roles() {
    let (acr, connection) = cloud();
    acr.key("STS.role", "role-secret", Some("role-token"));
    let host = connection.name().to_owned();
    let role = |name: Option<&str>| {
        let role =
            Role { name: name.map(str::to_owned), metadata: format!("http://{}", acr.host()) };
        connect(bare(&acr, &host, Login::Role(role)))
    };
    let without = role(None).check();
    assert_eq!(without.problems[0].trouble, Trouble::Credentials, "{without:?}");
    acr.role("STS.role");
    assert!(role(None).check().works());
    acr.harden();
    let connection = role(Some("RoleOfTheMachine"));
    assert!(connection.check().works());
    assert!(role(Some("another")).check().problems[0].words.contains("no such role"));
    // The key is fetched once, and is not shown.
    let asked = acr.count("security-credentials");
    connection.repositories(None).unwrap();
    assert_eq!(acr.count("security-credentials"), asked);
    assert!(!format!("{connection:?}").contains("role-secret"));
}

#[test]
fn the_check_says_what_is_wrong() {
    let (acr, connection) = cloud();
    acr.calls_per_second(usize::MAX);
    let host = connection.name().to_owned();
    let check = |login: Login, trouble: Trouble, words: &[&str]| {
        let check = connect(bare(&acr, &host, login)).check();
        let problem = &check.problems[0];
        assert_eq!(problem.trouble, trouble, "{check:?}");
        assert!(!check.works());
        for word in words {
            assert!(problem.words.contains(word), "{problem}");
        }
        assert!(
            !problem.words.contains("testsecret") && !problem.words.contains("wrong-"),
            "{problem}"
        );
    };
    check(key("nobody", "testsecret", None), Trouble::Credentials, &["`nobody`"]);
    check(key("testid", "wrong-secret", None), Trouble::Credentials, &["`testid`", "secret"]);
    let rights = [
        ("ListNamespace", "cr:ListNamespace"),
        ("ListRepository", "cr:ListRepository"),
        ("ListRepoTag", "cr:ListRepositoryTag"),
        ("GetAuthorizationToken", "cr:GetAuthorizationToken"),
    ];
    for (action, right) in rights {
        acr.key(action, "secret-of-it", None);
        acr.deny(action, action);
        check(key(action, "secret-of-it", None), Trouble::Rights, &[right, "is missing"]);
    }
    acr.set_clock(20 * 60);
    check(ours(), Trouble::Clock, &["20 minutes apart", "set the wrong one right"]);
    acr.set_clock(10 * 60);
    assert!(connect(bare(&acr, &host, ours())).check().works());
    let no_key = bare(&acr, &host, Login::Anonymous);
    let client = no_key.client(&quick()).unwrap();
    let error = Connection::open(no_key, client).unwrap_err();
    assert!(error.to_string().contains("access key"), "{error}");
}

#[test]
fn other_registries_are_refused_in_words() {
    let acr = Acr::start();
    let check = |challenge: &str, words: &str| {
        let registry = Registry::start(Auth::Challenge(challenge.to_owned()));
        let check = connect(bare(&acr, &registry.host(), ours())).check();
        assert_eq!(check.problems[0].trouble, Trouble::OtherKind, "{check:?}");
        assert!(check.problems[0].words.contains(words), "{check:?}");
    };
    let personal =
        "Bearer realm=\"http://127.0.0.1:1/\",service=\"registry.aliyuncs.com:cn-hangzhou:26842\"";
    check(personal, "Personal Edition");
    check("Bearer realm=\"http://127.0.0.1:1/\",service=\"harbor-registry\"", "no Alibaba Cloud");
    check("Basic realm=\"x\"", "no Alibaba Cloud");
    let web = Server::start(|_| Reply::new(200, "<html>"));
    let access = Access {
        cloud: Cloud { api: web.host(), ..account(&acr, ours()).cloud },
        ..account(&acr, ours())
    };
    assert_eq!(connect(access).check().problems[0].trouble, Trouble::OtherKind);
}

#[test]
fn failures_with_status_200_are_failures() {
    let (acr, connection) = cloud();
    let gone = Repository { name: "shop/gone".to_owned(), id: "crr-gone".to_owned(), marker: None };
    let error = connection.artifacts(&gone, None).unwrap_err();
    assert!(
        matches!(&error, SourceError::NotFound(it) if it.contains("REPO_NOT_EXIST")),
        "{error:?}"
    );
    let body = "{\"IsSuccess\":false,\"Code\":\"SOMETHING_ELSE\",\"Message\":\"no\\u0007\"}";
    acr.fail("/?", 1, What::Reply(Reply::new(200, body)));
    let error = connection.repositories(None).unwrap_err();
    assert!(
        matches!(&error, SourceError::Malformed(it) if it.contains("SOMETHING_ELSE")),
        "{error:?}"
    );
}

#[test]
fn what_goes_between_list_and_pull() {
    let (acr, connection) = cloud();
    let found = repositories(&connection);
    let artifact = everything(|it| connection.artifacts(&found[0], it)).remove(0);
    acr.delete("cri-one", "shop/web", artifact.digest.as_str());
    let digest = artifact.digest.as_str();
    let source = connection.source("shop/web", digest, PlatformChoice::Host).unwrap();
    assert!(matches!(source.images(), Err(SourceError::NotFound(_))));
    assert!(matches!(connection.artifact("shop/web", "1.4"), Err(SourceError::NotFound(_))));
    assert_eq!(everything(|it| connection.artifacts(&found[0], it)), []);
}

#[test]
fn passwords_and_tokens_are_renewed_in_the_middle_of_a_blob() {
    let (acr, connection) = cloud();
    let image = large(300_000);
    acr.put("cri-one", "shop/web", "big", &image);
    acr.lifetimes(1.5, 1);
    let source = connection.source("shop/web", "big", PlatformChoice::Host).unwrap();
    let layer = source.images().unwrap()[0].layers[0].clone();
    acr.fail("/blobs/", 1, What::Wire(Wire::Cut(100_000)));
    let mut reader = source.blob(&layer).unwrap();
    let mut bytes = vec![0; 50_000];
    reader.read_exact(&mut bytes).unwrap();
    thread::sleep(Duration::from_millis(1600));
    let before = acr.pulls("cri-one", "/auth");
    reader.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, image.layers()[0].bytes);
    assert!(acr.pulls("cri-one", "/auth") > before);
    let asked =
        |it: &testkit::http::Seen| it.header("x-acs-action") == Some("GetAuthorizationToken");
    assert!(acr.seen().iter().filter(|it| asked(it)).count() >= 2);
}

#[test]
fn passwords_are_kept_while_they_are_good() {
    let (acr, connection) = cloud();
    // By the clock of the cloud, which is not ours.
    acr.set_clock(-10 * 60);
    for _ in 0..3 {
        connection.artifact("shop/web", "1.4").unwrap();
        let source = connection.source("shop/web", "1.4", PlatformChoice::Host).unwrap();
        source.images().unwrap();
    }
    let asked =
        |it: &testkit::http::Seen| it.header("x-acs-action") == Some("GetAuthorizationToken");
    assert_eq!(acr.seen().iter().filter(|it| asked(it)).count(), 1);
}

#[test]
fn triggers_are_made_changed_and_removed() {
    let (acr, connection) = cloud();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&heard);
    let ear = Server::start(move |it| {
        keep.lock().unwrap().extend((flavor("acr").unwrap().events)(&it.body).unwrap());
        Reply::new(202, "")
    });
    let of = repositories(&connection).remove(0);
    let hook = |path: &str| {
        let url = Secret::new(format!("http://{}/{path}", ear.host()));
        Hook { name: "plimsoll".to_owned(), url, authorization: None }
    };
    for path in ["old-secret", "secret", "secret"] {
        connection.watch(&of, &hook(path)).unwrap();
    }
    let image = small("linux/amd64", "y");
    assert_eq!(acr.push("cri-one", "shop/web", "1.5", &image), [202]);
    assert_eq!(ear.seen()[0].target, "/secret");
    let event = Event {
        repository: "shop/web".to_owned(),
        tag: Some("1.5".to_owned()),
        digest: Some(image.manifest.digest.clone()),
        change: Change::Pushed,
    };
    assert_eq!(*heard.lock().unwrap(), [event]);
    connection.unwatch(&of, "plimsoll").unwrap();
    assert!(acr.push("cri-one", "shop/web", "1.6", &image).is_empty());
    let closed = Hook { url: Secret::new("https://a.example:8443/x"), ..hook("") };
    let error = connection.watch(&of, &closed).unwrap_err();
    assert!(error.to_string().contains("only at port 443"), "{error}");
}

/// What the documents forbid is refused by the simulator too, or these tests would prove nothing.
#[test]
fn the_simulator_holds_to_the_rules() {
    let (acr, connection) = cloud();
    connection.repositories(None).unwrap();
    let signed = acr.seen().into_iter().find(|it| it.header("x-acs-action").is_some()).unwrap();
    let send = |target: &str, change: &dyn Fn(&mut (String, String))| {
        let mut headers = signed.headers.clone();
        headers.retain(|it| it.0 != "host" && it.0 != "content-length");
        headers.iter_mut().for_each(change);
        let headers: Vec<_> = headers.iter().map(|it| (it.0.as_str(), it.1.as_str())).collect();
        let reply = ask(&acr.host(), "POST", target, &headers, &[]).unwrap();
        String::from_utf8(reply.body).unwrap()
    };
    let same = |_: &mut (String, String)| {};
    assert!(send(&signed.target, &same).contains("SignatureNonceUsed"));
    assert!(send(&format!("{}&X=1", signed.target), &same).contains("SignatureDoesNotMatch"));
    let another = |it: &mut (String, String)| {
        if it.0 == "x-acs-action" {
            it.1 = "DeleteRepository".to_owned();
        }
    };
    assert!(send(&signed.target, &another).contains("SignatureDoesNotMatch"));
    let unsigned = ask(&acr.host(), "POST", "/?Action=ListInstance", &[], &[]).unwrap();
    assert!(String::from_utf8(unsigned.body).unwrap().contains("Missing"));
    assert_eq!(ask(connection.name(), "GET", "/v2/_catalog", &[], &[]).unwrap().status, 401);
    let digest = Digest::parse(&format!("sha256:{}", "0".repeat(64))).unwrap();
    let error = connection.artifact("shop/web", digest.as_str()).unwrap_err();
    assert!(matches!(error, SourceError::NotFound(_)), "{error:?}");
}
