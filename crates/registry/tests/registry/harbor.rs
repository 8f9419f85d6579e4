//! Harbor of several ages, simulated by its own description.
use crate::{connect, everything, large, small};
use model::Digest;
use net::{Secret, Settings};
use registry::{
    Access, ArtifactKind as Kind, Change, Connection, Credential, Event, Hook, Login,
    PlatformChoice, Repository, Source, SourceError, Trouble, flavor,
};
use std::{
    collections::BTreeSet,
    io::Read,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};
use tempfile::TempDir;
use testkit::{
    harbor::Harbor,
    http::{Reply, Server, Wire, ask},
    image::{Blob, MANIFEST, artifact, assemble, index},
    real::{Running, installed},
    registry::What,
    shelf::Behind,
};

const NEW: &str = "v2.16.0-1a2b3c";
const VERSIONS: [&str; 5] =
    ["v1.10.18-d9a3d5", "v2.0.6-aaaaaa", "v2.2.4-bbbbbb", "v2.13.1-cccccc", NEW];

/// All that watching needs.
const RIGHTS: &[(&str, &str)] = &[
    ("/", "project:list"),
    ("*", "repository:list"),
    ("*", "repository:pull"),
    ("*", "artifact:list"),
    ("*", "repository-tag:list"),
];

fn login(user: &str, password: &str) -> Login {
    Login::Registry(Credential::Basic { user: user.to_owned(), password: Secret::new(password) })
}

fn open(harbor: &Harbor) -> Connection {
    open_as(harbor, login("admin", "hush"))
}

fn open_as(harbor: &Harbor, login: Login) -> Connection {
    connect(Access::new(flavor("harbor").unwrap(), &harbor.host()).with_login(login))
}

fn repositories(connection: &Connection) -> Vec<Repository> {
    everything(|cursor| connection.repositories(cursor))
}

fn names(connection: &Connection) -> Vec<String> {
    repositories(connection).into_iter().map(|it| it.name).collect()
}

fn repository(name: &str) -> Repository {
    Repository { name: name.to_owned(), ..Repository::default() }
}

#[test]
fn every_version_lists_and_gives_what_it_has() {
    for version in VERSIONS {
        let harbor = Harbor::start(version);
        let image = small("linux/amd64", version);
        harbor.put("shop/web", "1.4", &image);
        harbor.put("shop/web", "1.3", &small("linux/amd64", "old"));
        harbor.put("shop/team/deep/app", "latest", &image);
        harbor.put("42/app", "7", &image);
        let connection = open(&harbor);
        assert_eq!(names(&connection), ["shop/team/deep/app", "shop/web", "42/app"], "{version}");
        for name in ["shop/web", "shop/team/deep/app", "42/app"] {
            let found = everything(|it| connection.artifacts(&repository(name), it));
            let it = found.iter().find(|it| it.digest == image.manifest.digest).unwrap();
            assert_eq!((it.kind.clone(), it.media_type.as_str()), (Kind::Image, MANIFEST));
            let again = connection.artifact(name, &it.tags[0].name).unwrap();
            assert_eq!((&again.digest, &again.tags[0].name), (&it.digest, &it.tags[0].name));
            let all = PlatformChoice::All;
            let source = connection.source(name, it.digest.as_str(), all).unwrap();
            let read = source.images().unwrap();
            let mut bytes = Vec::new();
            source.blob(&read[0].layers[0]).unwrap().read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes, image.layers()[0].bytes);
        }
        let check = connection.check();
        assert!(check.works() && check.problems.is_empty(), "{version}: {check:?}");
        assert_eq!(check.version.as_deref(), Some(version));
        // No cookie comes back, whatever Harbor hands out.
        assert!(harbor.seen().iter().all(|it| it.header("cookie").is_none()));
    }
}

#[test]
fn lists_have_pages_of_a_hundred() {
    for version in ["v1.10.18-d9a3d5", NEW] {
        let harbor = Harbor::start(version);
        let image = small("linux/amd64", "x");
        for project in 0..3 {
            for n in 0..120 {
                harbor.put(&format!("p{project}/r{n:03}"), "a", &image);
            }
        }
        harbor.series("p0/many", 250, &image);
        let connection = open(&harbor);
        let first = connection.repositories(None).unwrap();
        assert!((100..=220).contains(&first.items.len()), "{version}");
        assert_eq!(names(&connection).into_iter().collect::<BTreeSet<_>>().len(), 361);
        let found = everything(|it| connection.artifacts(&repository("p0/many"), it));
        let tags: BTreeSet<_> = found.iter().map(|it| it.tags[0].name.clone()).collect();
        assert_eq!((found.len(), tags.len()), (250, 250));
    }
}

/// What the swagger forbids is refused by the simulator too, or these tests would prove nothing.
#[test]
fn the_simulator_holds_to_the_rules() {
    let harbor = Harbor::start(NEW);
    harbor.put("shop/a/b", "1", &small("linux/amd64", "x"));
    let basic = testkit::registry::basic("admin", "hush");
    let send = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let headers = [headers, &[("authorization", basic.as_str())]].concat();
        ask(&harbor.host(), method, path, &headers, b"{}").unwrap()
    };
    let check =
        |path: &str, status: u16| assert_eq!(send("GET", path, &[]).status, status, "{path}");
    check("/api/v2.0/projects?page_size=100", 200);
    check("/api/v2.0/projects?page_size=101", 422);
    check("/api/v2.0/projects?page=0", 400);
    check("/api/v2.0/projects/shop/repositories/a%252Fb/artifacts", 200);
    check("/api/v2.0/projects/shop/repositories/a%2Fb/artifacts", 404);
    check("/api/v2.0/projects/shop/repositories/a/b/artifacts", 404);
    check("/api/projects", 404);
    let policies = "/api/v2.0/projects/shop/webhook/policies";
    assert_eq!(send("POST", policies, &[("cookie", "sid=1c5f")]).status, 403);
    assert_eq!(send("POST", policies, &[]).status, 400);
    let shown = ask(&harbor.host(), "GET", "/api/v2.0/systeminfo", &[], &[]).unwrap();
    assert!(!String::from_utf8(shown.body).unwrap().contains("harbor_version"));
    let id = send("GET", "/api/v2.0/ping", &[("x-request-id", "abc")]);
    assert!(id.headers.contains(&("x-request-id".to_owned(), "abc".to_owned())));
    let old = Harbor::start("v1.10.18-d9a3d5");
    old.project("shop");
    let wide = "/api/projects?page_size=1000";
    let headers = [("authorization", basic.as_str())];
    assert_eq!(ask(&old.host(), "GET", wide, &headers, &[]).unwrap().status, 200);
}

#[test]
fn artifacts_are_told_apart() {
    let harbor = Harbor::start(NEW);
    let (amd, arm) = (small("linux/amd64", "a"), small("linux/arm64", "b"));
    let mut statement = small("linux/amd64", "attestation");
    statement.platform = model::Platform::parse("unknown/unknown");
    let all = index(&[amd.clone(), arm.clone(), statement.clone()]);
    harbor.put("shop/web", "1", &all);
    let mut chart = assemble("linux/amd64", Vec::new(), &[]);
    chart.blobs[0].media_type = "application/vnd.cncf.helm.config.v1+json".to_owned();
    harbor.put("shop/chart", "0.1.0", &chart);
    let bill = Blob::new("application/spdx+json", "{}");
    let sbom = artifact("application/vnd.goharbor.harbor.sbom.v1", &all.manifest, vec![bill]);
    harbor.attach("shop/web", &sbom, &all.manifest.digest, "sbom.harbor");
    let note = Blob::new("application/vnd.dev.cosign.simplesigning.v1+json", "{\"a\":1}");
    let signature = artifact("cosign", &all.manifest, vec![note]);
    harbor.attach("shop/web", &signature, &all.manifest.digest, "signature.cosign");
    harbor.put_untagged("shop/web", &small("linux/amd64", "nobody points here"));

    let connection = open(&harbor);
    let found = everything(|it| connection.artifacts(&repository("shop/web"), it));
    // What belongs to others is with them, and what no tag points to is there.
    assert_eq!(found.len(), 2);
    let it = found.iter().find(|it| !it.tags.is_empty()).unwrap();
    assert_eq!((&it.digest, it.kind.clone()), (&all.manifest.digest, Kind::Index));
    let children: Vec<_> = it.children.iter().map(|it| (&it.digest, it.kind.clone())).collect();
    assert_eq!(
        children,
        [
            (&amd.manifest.digest, Kind::Image),
            (&arm.manifest.digest, Kind::Image),
            (&statement.manifest.digest, Kind::Attestation),
        ]
    );
    assert_eq!(it.children[1].platform.as_ref().unwrap().to_string(), "linux/arm64");
    let attached: Vec<_> = it.attached.iter().map(|it| (&it.digest, it.kind.clone())).collect();
    let sbom = (&sbom.manifest.digest, Kind::Sbom);
    assert_eq!(attached, [sbom, (&signature.manifest.digest, Kind::Signature)]);
    assert!(it.pushed.is_some() && it.tags[0].pushed.is_some());
    let single = found.iter().find(|it| it.tags.is_empty()).unwrap();
    assert_eq!(single.platform.as_ref().unwrap().to_string(), "linux/amd64");
    assert!(single.size.unwrap() > 0);
    let chart = everything(|it| connection.artifacts(&repository("shop/chart"), it));
    assert_eq!(chart[0].kind, Kind::Chart);
}

#[test]
fn only_new_ones_say_whether_a_repository_has_changed() {
    for (version, says) in [(NEW, true), ("v2.15.2-aaaaaa", true), ("v2.15.1-bbbbbb", false)] {
        let harbor = Harbor::start(version);
        let images = [small("linux/amd64", "a"), small("linux/amd64", "b")];
        harbor.put("shop/web", "1", &images[0]);
        harbor.put("shop/web", "2", &images[1]);
        harbor.put("shop/api", "1", &images[0]);
        let connection = open(&harbor);
        let before = repositories(&connection);
        assert_eq!(before, repositories(&connection));
        // In the console, of which no webhook tells.
        harbor.retag("shop/web", "1", &images[1].manifest.digest);
        let after = repositories(&connection);
        assert_eq!(before[0], after[0]);
        assert_eq!(before[1] != after[1], says, "{version}");
        assert_eq!(before[1].marker.is_some(), says, "{version}");
        let found = everything(|it| connection.artifacts(&after[1], it));
        let it = found.iter().find(|it| it.tags.len() == 2).unwrap();
        assert_eq!(it.digest, images[1].manifest.digest);
    }
}

#[test]
fn what_goes_meanwhile_is_no_failure() {
    let harbor = Harbor::start(NEW);
    let image = small("linux/amd64", "x");
    harbor.series("shop/many", 150, &image);
    harbor.put("shop/web", "1", &image);
    harbor.put("gone/web", "1", &image);
    let connection = open(&harbor);
    let first = connection.artifacts(&repository("shop/many"), None).unwrap();
    harbor.put("shop/many", "one-more", &image);
    let second = connection.artifacts(&repository("shop/many"), first.next.as_deref()).unwrap();
    assert!(!second.steady && second.next.is_none());
    harbor.remove("shop/many");
    let error = connection.artifacts(&repository("shop/many"), None).unwrap_err();
    assert!(matches!(error, SourceError::NotFound(_)), "{error}");
    harbor.remove_project("gone");
    assert_eq!(names(&connection), ["shop/web"]);
    let error = connection.artifacts(&repository("gone/web"), None).unwrap_err();
    assert!(matches!(error, SourceError::NotFound(_)), "{error}");
    harbor.delete("shop/web", image.manifest.digest.as_str());
    let error = connection.artifact("shop/web", "1").unwrap_err();
    assert!(matches!(error, SourceError::NotFound(_)), "{error}");
    let error = connection.artifact("web", "1").unwrap_err();
    assert!(matches!(error, SourceError::NotFound(_)), "{error}");
}

#[test]
fn the_check_says_what_is_wrong() {
    let harbor = Harbor::start(NEW);
    harbor.put("shop/web", "1", &small("linux/amd64", "x"));
    let robot = |name: &str, but: &str| {
        let rights: Vec<_> = RIGHTS.iter().copied().filter(|it| it.1 != but).collect();
        harbor.robot(name, "hush", &rights);
        open_as(&harbor, login(name, "hush")).check()
    };
    assert!(robot("robot$whole", "").works());
    let check = |name: &str, but: &str, words: &[&str]| {
        let check = robot(name, but);
        let problem = &check.problems[0];
        assert_eq!(problem.trouble, Trouble::Rights, "{check:?}");
        assert!(!check.works() || words.is_empty());
        for word in words {
            assert!(problem.words.contains(word), "{problem}");
        }
        assert!(!problem.words.contains("hush"), "{problem}");
    };
    check("robot$a", "project:list", &["project: list"]);
    check("robot$b", "repository:list", &["repository: list", "shop"]);
    check("robot$c", "artifact:list", &["artifact: list", "shop/web"]);
    check("robot$d", "repository:pull", &["repository: pull", "shop/web"]);
    let wrong = open_as(&harbor, login("robot$whole", "wrong")).check();
    assert_eq!(wrong.problems[0].trouble, Trouble::Credentials);
    assert!(wrong.problems[0].words.contains("robot$name"), "{wrong:?}");
    // To strangers Harbor shows what is public, and it does not complain.
    let nobody = open_as(&harbor, Login::Anonymous).check();
    assert_eq!(nobody.problems[0].trouble, Trouble::Rights);
    harbor.publish("shop");
    assert!(open_as(&harbor, Login::Anonymous).check().works());
    harbor.set_clock(-3600);
    let late = open(&harbor).check();
    assert!(late.works() && late.problems[0].trouble == Trouble::Clock);
    assert!(late.problems[0].words.contains("60 minutes apart"), "{late:?}");
}

#[test]
fn what_is_no_harbor() {
    let check = |server: &Server, trouble: Trouble, word: &str| {
        let access = Access::new(flavor("harbor").unwrap(), &server.host());
        let check = connect(access.with_login(login("admin", "hush"))).check();
        assert_eq!(check.problems[0].trouble, trouble, "{check:?}");
        assert!(!check.works() && check.problems[0].words.contains(word), "{check:?}");
    };
    check(&Server::start(|_| Reply::new(404, "")), Trouble::OtherKind, "no Harbor");
    check(&Server::start(|_| Reply::new(200, "<html>")), Trouble::OtherKind, "login page");
    check(
        &Server::start(|_| Reply::new(200, "{\"version\":\"v3.0\"}")),
        Trouble::OtherKind,
        "v3.0",
    );
    check(&Server::start(|_| Reply::new(502, "")), Trouble::Unreachable, "502");
    check(&Server::start(|_| Reply::new(429, "")), Trouble::Busy, "requests");
    let cut = Server::start(|_| Reply::new(200, "").wire(Wire::Raw(Vec::new())));
    check(&cut, Trouble::Unreachable, "cannot reach");
    let gone = Server::start(|_| Reply::new(200, "")).host();
    let shut = connect(Access::new(flavor("harbor").unwrap(), &gone)).check();
    assert_eq!(shut.problems[0].trouble, Trouble::Closed, "{shut:?}");
    // Too long for a name: nobody needs to be asked.
    let name = format!("http://{}.invalid", "a".repeat(64));
    let unknown = connect(Access::new(flavor("harbor").unwrap(), &name)).check();
    assert_eq!(unknown.problems[0].trouble, Trouble::UnknownHost, "{unknown:?}");
}

#[test]
fn protected_projects_are_a_case_of_their_own() {
    let harbor = Harbor::start(NEW);
    let image = small("linux/amd64", "x");
    harbor.put("shop/web", "1", &image);
    harbor.protect("shop");
    let connection = open(&harbor);
    assert!(connection.check().works());
    assert_eq!(everything(|it| connection.artifacts(&repository("shop/web"), it)).len(), 1);
    let source = connection.source("shop/web", "1", PlatformChoice::Host).unwrap();
    let error = source.images().unwrap_err();
    assert!(matches!(error, SourceError::Refused(_)), "{error:?}");
    assert!(error.to_string().contains("cannot be pulled due to configured policy"), "{error}");

    let old = Harbor::start("v1.10.18-d9a3d5");
    old.put("shop/web", "1", &image);
    old.protect("shop");
    let page = open(&old).artifacts(&repository("shop/web"), None).unwrap();
    assert!(page.items.is_empty() && page.skipped[0].contains("shop/web:1"), "{page:?}");
}

#[test]
fn read_only_harbors_are_read() {
    let harbor = Harbor::start(NEW);
    harbor.put("shop/web", "1", &small("linux/amd64", "x"));
    harbor.read_only(true);
    let connection = open(&harbor);
    let check = connection.check();
    assert!(check.works(), "{check:?}");
    assert_eq!(check.problems[0].trouble, Trouble::ReadOnly);
    assert_eq!(names(&connection), ["shop/web"]);
    let error =
        connection.watch(&repository("shop/web"), &hook("http://127.0.0.1:1/")).unwrap_err();
    assert!(matches!(error, SourceError::Refused(_)), "{error:?}");
}

#[test]
fn limits_are_waited_for() {
    let harbor = Harbor::start(NEW);
    harbor.series("shop/many", 2000, &small("linux/amd64", "x"));
    harbor.throttle(12);
    let mut access = Access::new(flavor("harbor").unwrap(), &harbor.host());
    access.host.limits = Some(net::Limits { per_second: 10, at_once: 4 });
    let access = access.with_login(login("admin", "hush"));
    let client = access.client(&Settings::default()).unwrap();
    let connection = Connection::open(access, client).unwrap();
    let found = everything(|it| connection.artifacts(&repository("shop/many"), it));
    assert_eq!(found.len(), 2000);
    // Nothing had to be asked twice.
    assert_eq!(harbor.count("/artifacts"), 20);
    // And where they are unknown, a refusal is not the end.
    harbor.throttle(u32::MAX);
    let reply = Reply::new(429, "{}").header("retry-after", "1");
    harbor.fail("/artifacts", 2, What::Reply(reply));
    assert!(open(&harbor).artifacts(&repository("shop/many"), None).is_ok());
}

#[test]
fn tokens_are_renewed_in_the_middle_of_a_blob() {
    let harbor = Harbor::start(NEW);
    let image = large(300_000);
    harbor.put("shop/web", "1", &image);
    harbor.token_seconds(1);
    let connection = open(&harbor);
    let source = connection.source("shop/web", "1", PlatformChoice::Host).unwrap();
    let layer = source.images().unwrap()[0].layers[0].clone();
    harbor.fail("/blobs/", 1, What::Wire(Wire::Cut(100_000)));
    let mut reader = source.blob(&layer).unwrap();
    let mut bytes = vec![0; 50_000];
    reader.read_exact(&mut bytes).unwrap();
    thread::sleep(Duration::from_millis(1100));
    reader.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, image.layers()[0].bytes);
}

fn hook(url: &str) -> Hook {
    let authorization = Some(Secret::new("secret-of-the-hook"));
    Hook { name: "plimsoll".to_owned(), url: Secret::new(url), authorization }
}

/// A server that keeps what it is told.
fn ear() -> (Server, Arc<Mutex<Vec<Event>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&heard);
    let server = Server::start(move |it| {
        let known = it.header("authorization") == Some("secret-of-the-hook");
        let events = (flavor("harbor").unwrap().events)(&it.body).unwrap();
        keep.lock().unwrap().extend(events);
        Reply::new(if known { 202 } else { 401 }, "")
    });
    (server, heard)
}

#[test]
fn webhooks_are_made_changed_and_removed() {
    for version in VERSIONS {
        let harbor = Harbor::start(version);
        let image = small("linux/amd64", "a");
        harbor.put("other/web", "1", &image);
        harbor.put("2/web", "1", &image);
        let connection = open(&harbor);
        let (first, _) = ear();
        let (second, heard) = ear();
        let of = repository("2/web");
        connection.watch(&of, &hook(&format!("http://{}/h", first.host()))).unwrap();
        connection.watch(&of, &hook(&format!("http://{}/h", second.host()))).unwrap();
        let children = [small("linux/amd64", "b"), small("linux/arm64", "c")];
        assert_eq!(harbor.push("2/web", "2", &index(&children)), [202, 202, 202], "{version}");
        assert!(harbor.push("other/web", "2", &image).is_empty());
        assert_eq!(harbor.drop_tag("2/web", "1"), [202]);
        assert_eq!(first.seen().len(), 0);
        let event = |change, tag: Option<&str>, digest: &Digest| Event {
            repository: "2/web".to_owned(),
            tag: tag.map(str::to_owned),
            digest: Some(digest.clone()),
            change,
        };
        let expected = [
            event(Change::Pushed, None, &children[0].manifest.digest),
            event(Change::Pushed, None, &children[1].manifest.digest),
            event(Change::Pushed, Some("2"), &index(&children).manifest.digest),
            event(Change::Deleted, Some("1"), &image.manifest.digest),
        ];
        assert_eq!(*heard.lock().unwrap(), expected, "{version}");
        connection.unwatch(&of, "plimsoll").unwrap();
        connection.unwatch(&of, "plimsoll").unwrap();
        assert!(harbor.push("2/web", "3", &image).is_empty(), "{version}");
    }
}

#[test]
fn a_missing_right_is_named() {
    let harbor = Harbor::start(NEW);
    harbor.put("shop/web", "1", &small("linux/amd64", "x"));
    harbor.robot("robot$r", "hush", RIGHTS);
    let connection = open_as(&harbor, login("robot$r", "hush"));
    let error =
        connection.watch(&repository("shop/web"), &hook("http://127.0.0.1:1/")).unwrap_err();
    assert!(error.to_string().contains("`notification-policy: list`"), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[test]
fn blobs_come_from_a_real_registry() {
    if !installed(&["docker-registry"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let behind = Running::in_memory(folder.path(), "");
    let harbor = Harbor::before(NEW, Behind::Host(behind.host().to_owned()));
    let image = small("linux/amd64", "x");
    harbor.push("shop/web", "1", &image);
    harbor.series("shop/many", 3, &image);
    let connection = open(&harbor);
    for (name, tag) in [("shop/web", "1"), ("shop/many", "t000002")] {
        let source = connection.source(name, tag, PlatformChoice::Host).unwrap();
        let layer = source.images().unwrap()[0].layers[0].clone();
        let mut bytes = Vec::new();
        source.blob(&layer).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, image.layers()[0].bytes);
    }
}

#[test]
fn places_in_lists_outlive_the_connection() {
    let harbor = Harbor::start(NEW);
    harbor.series("shop/many", 450, &small("linux/amd64", "x"));
    let mut cursor: Option<String> = None;
    let mut found = BTreeSet::new();
    loop {
        let page = open(&harbor).artifacts(&repository("shop/many"), cursor.as_deref()).unwrap();
        found.extend(page.items.iter().map(|it| it.digest.to_string()));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found.len(), 450);
    let error = open(&harbor).artifacts(&repository("shop/many"), Some("nonsense")).unwrap_err();
    assert!(matches!(error, SourceError::Settings(_)), "{error:?}");
}
