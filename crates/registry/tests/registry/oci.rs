//! Any registry: Debian's `docker-registry`, and servers that do it in other ways.
use crate::{connect, everything, small};
use net::{Host, Secret};
use registry::{
    Access, ArtifactKind as Kind, Change, Connection, Credential, Hook, Login, PlatformChoice,
    Repository, Source, SourceError, Trouble, flavor,
};
use std::{
    collections::BTreeSet,
    fs,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use testkit::{
    http::{Reply, Seen, Server, ask},
    image::{INDEX, MANIFEST, index, sha256},
    real::{Running, certificates, installed, push},
    registry::{Auth, Registry, basic, error},
};

fn access(host: &str) -> Access {
    Access::new(flavor("oci").unwrap(), host)
}

fn login(user: &str, password: &str) -> Login {
    Login::Registry(Credential::Basic { user: user.to_owned(), password: Secret::new(password) })
}

fn repository(name: &str) -> Repository {
    Repository { name: name.to_owned(), ..Repository::default() }
}

fn names(connection: &Connection) -> Vec<String> {
    everything(|it| connection.repositories(it)).into_iter().map(|it| it.name).collect()
}

#[test]
fn a_real_registry_is_read_page_by_page() {
    if !installed(&["docker-registry"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let running = Running::in_memory(folder.path(), "");
    let images = [small("linux/amd64", "a"), small("linux/arm64", "b")];
    for n in 0..103 {
        push(running.host(), &format!("team/app{n:03}"), "v1", &images[0], "");
    }
    for n in 0..103 {
        push(running.host(), "team/app000", &format!("v2.{n}"), &images[n % 2], "");
    }
    push(running.host(), "team/app000", "all", &index(&images), "");
    let connection = connect(access(running.host()));
    let first = connection.repositories(None).unwrap();
    assert!(first.items.len() == 100 && first.next.is_some());
    assert_eq!(names(&connection).len(), 103);
    let found = everything(|it| connection.artifacts(&repository("team/app000"), it));
    let tags: BTreeSet<_> = found.iter().map(|it| it.tags[0].name.as_str()).collect();
    assert_eq!((found.len(), tags.len()), (105, 105));
    let it = found.iter().find(|it| it.tags[0].name == "v2.1").unwrap();
    assert_eq!((&it.digest, it.kind.clone()), (&images[1].manifest.digest, Kind::Image));
    assert_eq!(it.media_type, MANIFEST);
    let all = connection.artifact("team/app000", "all").unwrap();
    assert_eq!((all.kind, all.media_type.as_str()), (Kind::Index, INDEX));
    let check = connection.check();
    assert!(check.works() && check.problems.is_empty(), "{check:?}");
    // Gone, but still in the catalog.
    let digest = images[0].manifest.digest.as_str();
    let path = format!("/v2/team/app001/manifests/{digest}");
    assert_eq!(ask(running.host(), "DELETE", &path, &[], &[]).unwrap().status, 202);
    assert_eq!(everything(|it| connection.artifacts(&repository("team/app001"), it)), []);
    let gone = connection.artifacts(&repository("team/none"), None);
    assert!(gone.is_err_and(|it| matches!(it, SourceError::NotFound(_))));
}

#[test]
fn a_real_registry_notifies() {
    if !installed(&["docker-registry"]) {
        return;
    }
    let heard = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&heard);
    let ear = Server::start(move |it| {
        let known = it.header("authorization") == Some("secret-of-the-hook");
        keep.lock().unwrap().extend((flavor("oci").unwrap().events)(&it.body).unwrap());
        Reply::new(if known { 202 } else { 401 }, "")
    });
    let folder = TempDir::new().unwrap();
    let endpoints = format!(
        "notifications:\n  endpoints:\n    - name: plimsoll\n      url: http://{}/h\n      \
         headers:\n        Authorization: [secret-of-the-hook]\n      timeout: 3s\n      \
         threshold: 3\n      backoff: 1s\n",
        ear.host()
    );
    let running = Running::in_memory(folder.path(), &endpoints);
    let image = small("linux/amd64", "a");
    push(running.host(), "team/app", "v1", &image, "");
    let digest = &image.manifest.digest;
    let path = format!("/v2/team/app/manifests/{digest}");
    assert_eq!(ask(running.host(), "DELETE", &path, &[], &[]).unwrap().status, 202);
    let start = Instant::now();
    let deleted =
        || heard.lock().unwrap().iter().any(|it: &registry::Event| it.change == Change::Deleted);
    while !deleted() {
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", heard.lock().unwrap());
        thread::sleep(Duration::from_millis(20));
    }
    let heard = heard.lock().unwrap();
    assert!(heard.iter().all(|it| it.repository == "team/app"));
    let pushed: Vec<_> = heard.iter().filter(|it| it.change == Change::Pushed).collect();
    assert_eq!(pushed.len(), 1, "{heard:?}");
    assert_eq!((pushed[0].tag.as_deref(), pushed[0].digest.as_ref()), (Some("v1"), Some(digest)));
    let gone = heard.iter().find(|it| it.change == Change::Deleted).unwrap();
    assert_eq!(gone.digest.as_ref(), Some(digest));
}

#[test]
fn the_check_says_what_is_wrong() {
    let registry = Registry::start(Auth::Basic("user", "hush"));
    let check = |access: Access, trouble: Trouble, word: &str| {
        let check = connect(access).check();
        assert_eq!(check.problems[0].trouble, trouble, "{check:?}");
        assert!(!check.works() && check.problems[0].words.contains(word), "{check:?}");
        assert!(!format!("{check:?}").contains("hush"));
    };
    let host = registry.host();
    check(access(&host), Trouble::Credentials, "log in");
    check(access(&host).with_login(login("user", "wrong")), Trouble::Credentials, "password");
    let web = Server::start(|_| Reply::new(200, "<html>").header("content-type", "text/html"));
    check(access(&web.host()), Trouble::OtherKind, "no registry");
    // This one has no catalog.
    let known = access(&host).with_login(login("user", "hush"));
    check(known.clone(), Trouble::OtherKind, "name those to watch");
    registry.put("team/app", "v1", &small("linux/amd64", "x"));
    let told = Access { repositories: vec!["team/app".to_owned()], ..known };
    let connection = connect(told);
    assert_eq!(names(&connection), ["team/app"]);
    let bad = Access { repositories: vec!["Team/../app".to_owned()], ..access(&host) };
    let page = connect(bad).repositories(None).unwrap();
    assert!(page.items.is_empty() && page.skipped[0].contains("Team/../app"));
}

#[test]
fn certificates_are_told_by_the_check() {
    if !installed(&["docker-registry", "openssl"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let tls = certificates(path);
    let running = Running::start(path, &tls, "");
    let address = format!("https://{}", running.host());
    let strange = connect(access(&address)).check();
    assert_eq!(strange.problems[0].trouble, Trouble::Certificate, "{strange:?}");
    let authorities = fs::read(path.join("ca.pem")).unwrap();
    let own = Access { host: Host { authorities, ..Host::default() }, ..access(&address) };
    assert!(connect(own).check().works());
    let any = Access { host: Host { insecure: true, ..Host::default() }, ..access(&address) };
    assert!(connect(any).check().works());
}

#[test]
fn the_catalog_may_need_a_right_of_its_own() {
    let host = Arc::new(Mutex::new(String::new()));
    let own = Arc::clone(&host);
    let server = Server::start(move |it| {
        let realm = format!("http://{}/token", own.lock().unwrap());
        let challenge = |scope: &str| {
            let text = format!("Bearer realm=\"{realm}\",service=\"s\"{scope}");
            Reply::new(401, error("UNAUTHORIZED", "who?")).header("www-authenticate", text)
        };
        let sent = it.header("authorization").unwrap_or_default();
        match it.target.as_str() {
            target if target.starts_with("/token") => {
                let all = target.contains("scope=registry%3Acatalog%3A%2A")
                    && sent == basic("admin", "hush");
                let token = if all {
                    "all"
                } else if sent.is_empty() {
                    "nobody"
                } else {
                    "some"
                };
                Reply::new(200, format!("{{\"token\":\"{token}\"}}"))
            }
            "/v2/_catalog?n=100" if sent == "Bearer all" => {
                Reply::new(200, "{\"repositories\":null}")
            }
            "/v2/_catalog?n=100" => challenge(",scope=\"registry:catalog:*\""),
            "/v2/" if sent == "Bearer all" || sent == "Bearer some" => Reply::new(200, "{}"),
            _ => challenge(""),
        }
    });
    *host.lock().unwrap() = server.host();
    let check = |login: Login| connect(access(&server.host()).with_login(login)).check();
    assert!(check(login("admin", "hush")).works());
    let some = check(login("user", "hush"));
    assert_eq!(some.problems[0].trouble, Trouble::Rights, "{some:?}");
    assert!(some.problems[0].words.contains("registry: catalog"));
    assert_eq!(check(Login::Anonymous).problems[0].trouble, Trouble::Credentials);
}

/// A server with the tags `t0` to `t<count>`, all of one manifest, that answers `list` as told.
fn tags(count: usize, list: impl Fn(&Seen, &[String]) -> Reply + Send + Sync + 'static) -> Server {
    let tags: Vec<String> = (0..count).map(|it| format!("t{it}")).collect();
    Server::start(move |it| match it.target.contains("/tags/list") {
        true => list(it, &tags),
        false if it.target.ends_with("/t5") => Reply::new(404, error("MANIFEST_UNKNOWN", "gone")),
        false => Reply::new(200, "{}").header("content-type", MANIFEST),
    })
}

fn body(tags: &[String]) -> Reply {
    Reply::new(200, names_of(tags))
}

fn names_of(tags: &[String]) -> String {
    format!("{{\"name\":\"a\",\"tags\":[\"{}\"]}}", tags.join("\",\""))
}

#[test]
fn pages_of_tags_in_every_manner() {
    let check = |server: &Server, count: usize| {
        let connection = connect(access(&server.host()));
        let found = everything(|it| connection.artifacts(&repository("a"), it));
        let tags: BTreeSet<_> = found.iter().map(|it| it.tags[0].name.clone()).collect();
        // One of them is gone between the list and the look.
        assert_eq!((found.len(), tags.len()), (count - 1, count - 1));
        // No digest in the header: the bytes tell it.
        assert!(found.iter().all(|it| it.digest == sha256(b"{}")));
    };
    // Everything at once, whatever is asked for.
    check(&tags(2500, |_, all| body(all)), 2500);
    // A relative link.
    let relative = tags(250, |it, all| {
        let from: usize = it.target.split("from=").nth(1).map_or(0, |it| it.parse().unwrap());
        let reply = body(&all[from..(from + 100).min(all.len())]);
        let next = format!("</v2/a/tags/list?from={}>; rel=\"next\"", from + 100);
        if from + 100 < all.len() { reply.header("link", next) } else { reply }
    });
    check(&relative, 250);
    let connection = |server: &Server| connect(access(&server.host()));
    let away =
        tags(1, |_, all| body(all).header("link", "<http://127.0.0.1:1/v2/a>; rel=\"next\""));
    let error = connection(&away).artifacts(&repository("a"), None).unwrap_err();
    assert!(matches!(error, SourceError::Malformed(_)), "{error:?}");
    let none = tags(1, |_, _| Reply::new(200, "{\"name\":\"a\",\"tags\":null}"));
    assert_eq!(everything(|it| connection(&none).artifacts(&repository("a"), it)), []);
    for bad in ["x", "1 http://127.0.0.1:1/", "x /v2/a/tags/list"] {
        let error = connection(&none).artifacts(&repository("a"), Some(bad)).unwrap_err();
        assert!(matches!(error, SourceError::Settings(_)), "{bad}: {error:?}");
    }
}

#[test]
fn addresses_are_hosts() {
    let open = |address: &str| {
        let access = access(address);
        Connection::open(
            access.clone(),
            access.client(&crate::quick()).unwrap_or_else(|_| crate::client()),
        )
    };
    let check = |address: &str, name: Option<&str>| {
        assert_eq!(open(address).ok().map(|it| it.name().to_owned()).as_deref(), name, "{address}");
    };
    check("registry.example", Some("registry.example"));
    check("https://registry.example:8443/", Some("registry.example:8443"));
    check("http://10.0.0.1", Some("10.0.0.1"));
    check("harbor", Some("harbor:443"));
    check("http://harbor", Some("harbor:80"));
    check("[::1]:5000", Some("[::1]:5000"));
    check("docker.io", Some("docker.io"));
    check("", None);
    check("registry.example/path", None);
    check("a b", None);
}

#[test]
fn there_is_no_way_to_ask_for_notifications() {
    let connection = connect(access("127.0.0.1:1"));
    let hook =
        Hook { name: "p".to_owned(), url: Secret::new("http://127.0.0.1/"), authorization: None };
    let error = connection.watch(&repository("a"), &hook).unwrap_err();
    assert!(error.to_string().contains("notifications"), "{error}");
    assert!(connection.unwatch(&repository("a"), "p").is_ok());
    assert!(everything(|it| connection.instances(it)).is_empty());
    let registry = Registry::start(Auth::Open);
    registry.put("a", "latest", &small("linux/amd64", "x"));
    let connection = connect(access(&registry.host()));
    assert!(connection.source("a", "latest", PlatformChoice::Host).unwrap().images().is_ok());
}
