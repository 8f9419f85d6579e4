//! The client against servers that behave, and servers that do not.
use net::{
    Client, Error, Host, Limits, Method, Proxies, Request, Retries, Secret, Settings, Timeouts, Url,
};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use testkit::http::{Reply, Server, Wire};

fn quick() -> Settings {
    Settings { sleep: |_| {}, ..Settings::default() }
}

fn client() -> Client {
    Client::new(quick()).unwrap()
}

fn get(server: &Server, path: &str) -> Request {
    Request::get(Url::parse(&format!("http://{}{path}", server.host())).unwrap())
}

/// A server that gives these answers one after the other, the last one for ever.
fn replies(replies: Vec<Reply>) -> Server {
    let queue = Mutex::new(replies);
    Server::start(move |_| {
        let mut queue = queue.lock().unwrap();
        if queue.len() > 1 { queue.remove(0) } else { queue[0].clone() }
    })
}

#[test]
fn sends_what_it_should_and_nothing_else() {
    let server = replies(vec![Reply::new(200, "hello").header("set-cookie", "sid=1")]);
    let client = client();
    for _ in 0..2 {
        let request = get(&server, "/a?b=c").header("accept", "text/plain");
        let response = client.send(&request.authorization(Some(Secret::new("Basic x")))).unwrap();
        assert_eq!((response.status, response.bounded(5).unwrap()), (200, b"hello".to_vec()));
    }
    let seen = &server.seen()[1];
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", "/a?b=c"));
    assert_eq!(seen.header("authorization"), Some("Basic x"));
    assert_eq!(seen.header("accept"), Some("text/plain"));
    assert_eq!(seen.header("accept-encoding"), Some("identity"));
    assert_eq!(seen.header("cookie"), None);
    assert!(seen.header("user-agent").unwrap().starts_with("plimsoll/"));
}

#[test]
fn posts_a_body() {
    let server = replies(vec![Reply::new(201, "")]);
    let url = Url::parse(&format!("http://{}/hook", server.host())).unwrap();
    let request = Request::new(Method::Post, url).body("application/json", "{}");
    assert_eq!(client().send(&request).unwrap().status, 201);
    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.body.as_slice()), ("POST", &b"{}"[..]));
    assert_eq!(seen.header("content-type"), Some("application/json"));
}

#[test]
fn passing_failures_are_tried_again_and_lasting_ones_are_not() {
    let check = |first: Reply, tries: usize, status: u16| {
        let server = replies(vec![first.clone(), first.clone(), Reply::new(200, "")]);
        let response = client().send(&get(&server, "/")).unwrap();
        assert_eq!((response.status, server.seen().len()), (status, tries), "{first:?}");
    };
    check(Reply::new(500, ""), 3, 200);
    check(Reply::new(503, ""), 3, 200);
    check(Reply::new(429, "").header("retry-after", "7"), 3, 200);
    check(Reply::new(200, "").wire(Wire::Raw(Vec::new())), 3, 200);
    check(Reply::new(404, ""), 1, 404);
    check(Reply::new(501, ""), 1, 501);
    // Longer than we are willing to wait: the caller decides.
    check(Reply::new(429, "").header("retry-after", "3600"), 1, 429);
}

#[test]
fn hope_ends() {
    let server = replies(vec![Reply::new(502, "")]);
    assert_eq!(client().send(&get(&server, "/")).unwrap().status, 502);
    assert_eq!(server.seen().len(), 4);
}

#[test]
fn the_server_says_how_long_to_stay_away() {
    let check = |headers: &[(&str, &str)], seconds: Option<u64>| {
        let mut reply = Reply::new(404, "");
        for (name, value) in headers {
            reply = reply.header(name, *value);
        }
        let response = client().send(&get(&replies(vec![reply]), "/")).unwrap();
        assert_eq!(response.retry_after(), seconds.map(Duration::from_secs), "{headers:?}");
    };
    check(&[("retry-after", "12")], Some(12));
    let now = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    check(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"), now], Some(30));
    check(&[("retry-after", "Sun, 06 Nov 1994 08:40:00 GMT"), now], Some(0));
    check(&[("retry-after", "soon")], None);
    check(&[], None);
}

#[test]
fn nobody_there() {
    let gone = Server::start(|_| Reply::new(200, "")).host();
    let url = Url::parse(&format!("http://{gone}/?token=hush")).unwrap();
    let error = client().send(&Request::get(url)).unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
    assert!(error.to_string().contains(&gone) && !error.to_string().contains("hush"), "{error}");
    // Too long for a name: the answer is found without asking anybody.
    let url = Url::parse(&format!("http://{}.invalid/", "a".repeat(64))).unwrap();
    let error = client().send(&Request::get(url)).unwrap_err();
    assert!(matches!(error, Error::UnknownHost(_)), "{error:?}");
}

#[test]
fn redirects_never_carry_credentials_to_another_place() {
    let there = replies(vec![Reply::new(200, "there")]);
    let to = format!("http://{}/b?signature=1", there.host());
    let here = replies(vec![
        Reply::new(302, "").header("location", "/again"),
        Reply::new(307, "").header("location", to),
    ]);
    let request = get(&here, "/a").header("range", "bytes=1-");
    let request = request.authorization(Some(Secret::new("Bearer hush")));
    let request = request.secret("x-token", Secret::new("hush"));
    let response = client().send(&request).unwrap();
    assert_eq!(response.url.to_string(), format!("http://{}/b", there.host()));
    assert_eq!(here.seen()[1].header("authorization"), Some("Bearer hush"));
    assert_eq!(here.seen()[1].header("x-token"), Some("hush"));
    let seen = &there.seen()[0];
    assert_eq!((seen.header("authorization"), seen.header("range")), (None, Some("bytes=1-")));
    assert_eq!(seen.header("x-token"), None);
}

#[test]
fn credentials_do_not_come_back_after_a_detour() {
    let home = Arc::new(Mutex::new(String::new()));
    let away = {
        let home = Arc::clone(&home);
        Server::start(move |_| {
            let to = format!("http://{}/back", home.lock().unwrap());
            Reply::new(302, "").header("location", to)
        })
    };
    let to = format!("http://{}/away", away.host());
    let server = replies(vec![Reply::new(302, "").header("location", to), Reply::new(200, "")]);
    *home.lock().unwrap() = server.host();
    let request = get(&server, "/").authorization(Some(Secret::new("Bearer hush")));
    client().send(&request).unwrap();
    assert_eq!(server.seen()[1].header("authorization"), None);
}

#[test]
fn redirects_that_are_refused() {
    let check = |location: Option<&str>, method: Method| {
        let mut reply = Reply::new(307, "");
        if let Some(location) = location {
            reply = reply.header("location", location);
        }
        let server = replies(vec![reply]);
        let url = Url::parse(&format!("http://{}/", server.host())).unwrap();
        client().send(&Request::new(method, url).body("text/plain", "x")).unwrap_err()
    };
    assert!(matches!(check(Some("/round"), Method::Post), Error::Redirect(_)));
    assert!(matches!(check(None, Method::Head), Error::Malformed(_)));
    assert!(matches!(check(Some("ftp://a.example/"), Method::Head), Error::Url(_)));
    assert!(matches!(check(Some("http://u:p@a.example/"), Method::Head), Error::Url(_)));
}

#[test]
fn redirects_in_circles_end() {
    let server = replies(vec![Reply::new(302, "").header("location", "/")]);
    let error = client().send(&get(&server, "/")).unwrap_err();
    assert!(matches!(error, Error::Redirect(_)), "{error:?}");
    assert_eq!(server.seen().len(), 6);
}

#[test]
fn bodies_are_bounded_and_framed() {
    let check = |wire: Wire, limit: u64| {
        let server = replies(vec![Reply::new(200, "0123456789").wire(wire)]);
        client().send(&get(&server, "/")).unwrap().bounded(limit)
    };
    assert_eq!(check(Wire::Chunked, 10).unwrap(), b"0123456789");
    assert_eq!(check(Wire::Unframed, 10).unwrap(), b"0123456789");
    assert!(matches!(check(Wire::Whole, 9), Err(Error::TooLarge(_))));
    assert!(matches!(check(Wire::Chunked, 9), Err(Error::TooLarge(_))));
    assert!(matches!(check(Wire::Cut(4), 10), Err(Error::Unreachable(_))));
    assert!(matches!(check(Wire::Claim(11), 20), Err(Error::Unreachable(_))));
}

#[test]
fn answers_that_are_not_http() {
    let check = |bytes: &[u8]| {
        let server = replies(vec![Reply::new(200, "").wire(Wire::Raw(bytes.to_vec()))]);
        client().send(&get(&server, "/")).unwrap_err()
    };
    let error = check(b"SSH-2.0-OpenSSH_9.2\r\n");
    assert!(matches!(error, Error::Malformed(_)), "{error:?}");
    let error = check(b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n");
    assert!(matches!(error, Error::Malformed(_)), "{error:?}");
    let endless = [b"HTTP/1.1 200 OK\r\nx: ", vec![b'a'; 1 << 20].as_slice(), b"\r\n\r\n"].concat();
    let error = check(&endless);
    assert!(matches!(error, Error::TooLarge(_) | Error::Malformed(_)), "{error:?}");
}

#[test]
fn waiting_ends_when_nothing_moves() {
    let idle = Duration::from_millis(60);
    let timeouts = Timeouts { idle, ..Timeouts::default() };
    let client = Client::new(Settings { timeouts, ..quick() }).unwrap();
    let server = replies(vec![Reply::new(200, "0123456789").wire(Wire::Hang(4))]);
    let mut body = client.send(&get(&server, "/")).unwrap().body;
    let mut bytes = Vec::new();
    let error = body.read_to_end(&mut bytes).unwrap_err();
    assert_eq!((error.kind(), bytes.len()), (std::io::ErrorKind::TimedOut, 4));
}

#[test]
fn crawling_is_not_moving() {
    let slow = || {
        let pause = Wire::Slow(Duration::from_millis(10));
        replies(vec![Reply::new(200, vec![b'x'; 40]).wire(pause)])
    };
    let check = |least_bytes: u64| {
        let crawl = Duration::from_millis(50);
        let timeouts = Timeouts { crawl, least_bytes, ..Timeouts::default() };
        let client = Client::new(Settings { timeouts, ..quick() }).unwrap();
        let mut bytes = Vec::new();
        client.send(&get(&slow(), "/")).unwrap().body.read_to_end(&mut bytes)
    };
    assert_eq!(check(1000).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    assert_eq!(check(1).unwrap(), 40);
}

#[test]
fn hosts_are_not_pressed_harder_than_told() {
    let server = replies(vec![Reply::new(200, "")]);
    let limits = Some(Limits { per_second: 20, at_once: 2 });
    let host = Host { limits, ..Host::default() };
    let hosts = BTreeMap::from([("127.0.0.1".to_owned(), host)]);
    let client = Client::new(Settings { hosts, ..Settings::default() }).unwrap();
    let start = Instant::now();
    for _ in 0..4 {
        client.send(&get(&server, "/")).unwrap();
    }
    assert!(start.elapsed() >= Duration::from_millis(150), "{:?}", start.elapsed());
}

#[test]
fn other_hosts_go_by_the_proxy() {
    let proxy = replies(vec![Reply::new(407, "")]);
    let to = Some(Secret::new(format!("http://user:hush@{}", proxy.host())));
    let proxies = Proxies { http: to.clone(), https: to, except: Vec::new() };
    let client = Client::new(Settings { proxies, ..quick() }).unwrap();
    let url = Url::parse("http://registry.example/v2/").unwrap();
    let error = client.send(&Request::get(url)).unwrap_err();
    assert!(error.to_string().contains("407"), "{error}");
    assert_eq!(proxy.seen()[0].target, "registry.example:80");
    assert!(!format!("{client:?}").contains("hush"));
    let direct = replies(vec![Reply::new(200, "")]);
    assert_eq!(client.send(&get(&direct, "/")).unwrap().status, 200);
}

/// A proxy that plays the server at the far end as well, and what it was asked for.
fn tunnel() -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let asked = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut asked = String::new();
        for answer in
            ["HTTP/1.1 200 Connected\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"]
        {
            while !asked.ends_with("\r\n\r\n") {
                reader.read_line(&mut asked).unwrap();
            }
            stream.write_all(answer.as_bytes()).unwrap();
            asked.push('|');
        }
        asked
    });
    (host, asked)
}

#[test]
fn proxies_pass_requests_on() {
    let (host, asked) = tunnel();
    let http = Some(Secret::new(format!("http://user:p%40ss@{host}")));
    let proxies = Proxies { http, ..Proxies::default() };
    let client = Client::new(Settings { proxies, ..quick() }).unwrap();
    let url = Url::parse("http://registry.example:8080/v2/").unwrap();
    let request = Request::get(url).authorization(Some(Secret::new("Bearer hush")));
    assert_eq!(client.send(&request).unwrap().bounded(5).unwrap(), b"hello");
    let asked = asked.join().unwrap().to_ascii_lowercase();
    let (to_proxy, to_server) = asked.split_once('|').unwrap();
    assert!(to_proxy.starts_with("connect registry.example:8080 "), "{asked}");
    assert!(to_proxy.contains("proxy-authorization: basic ") && !to_proxy.contains("bearer"));
    assert!(to_server.contains("bearer hush") && !to_server.contains("proxy-authorization"));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let proxies = |text: &str| Proxies { http: Some(Secret::new(text)), ..Proxies::default() };
    let check = |proxies: Proxies, host: &str, ok: bool| {
        let hosts = BTreeMap::from([(host.to_owned(), Host::default())]);
        let client = Client::new(Settings { hosts, proxies, ..quick() });
        assert_eq!(client.is_ok(), ok, "{host} {client:?}");
    };
    check(Proxies::default(), "registry.example:5000", true);
    check(Proxies::default(), "[::1]:5000", true);
    check(Proxies::default(), "https://registry.example", false);
    check(Proxies::default(), "Registry.example", false);
    check(Proxies::default(), "", false);
    check(proxies("http://proxy.example:3128"), "a", true);
    check(proxies("proxy.example:3128"), "a", true);
    check(proxies("socks5://proxy.example"), "a", false);
    check(proxies("::"), "a", false);
}

#[test]
fn those_in_a_hurry_try_once() {
    let server = replies(vec![Reply::new(503, "")]);
    assert_eq!(client().send(&get(&server, "/").hurried(true)).unwrap().status, 503);
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn schemes() {
    let named = |host: Host| BTreeMap::from([("localhost:5000".to_owned(), host)]);
    let check = |hosts: BTreeMap<String, Host>, host: &str, origin: &str| {
        let client = Client::new(Settings { hosts, ..quick() }).unwrap();
        assert_eq!(client.origin(host).unwrap().origin(), origin);
    };
    check(BTreeMap::new(), "registry.example", "https://registry.example");
    check(BTreeMap::new(), "localhost:5000", "http://localhost:5000");
    check(BTreeMap::new(), "[::1]:5000", "http://[::1]:5000");
    let insecure = Host { insecure: true, ..Host::default() };
    check(named(insecure), "localhost:5000", "https://localhost:5000");
    let encrypted = Host { plain: Some(false), insecure: true, ..Host::default() };
    check(named(encrypted), "localhost:5000", "https://localhost:5000");
    let plain = Host { plain: Some(true), ..Host::default() };
    let hosts = BTreeMap::from([("registry.example".to_owned(), plain)]);
    check(hosts, "registry.example", "http://registry.example");
}

#[test]
fn plain_http_where_tls_was_expected() {
    let server = replies(vec![Reply::new(400, "")]);
    let host = Host { insecure: true, ..Host::default() };
    let hosts = BTreeMap::from([("127.0.0.1".to_owned(), host)]);
    let client = Client::new(Settings { hosts, ..quick() }).unwrap();
    let url = client.origin(&server.host()).unwrap();
    let error = client.send(&Request::get(url)).unwrap_err();
    assert!(matches!(error, Error::Tls(_) | Error::Unreachable(_)), "{error:?}");
}

#[test]
fn a_host_that_hangs_is_given_up_as_its_settings_say() {
    let (hanging, other) = (replies(vec![hang()]), replies(vec![hang()]));
    let own = Host {
        timeouts: Some(Timeouts::of(Duration::from_millis(50))),
        retries: Some(Retries { tries: 2, ..Retries::default() }),
        ..Host::default()
    };
    let settings = Settings {
        hosts: BTreeMap::from([(hanging.host(), own)]),
        timeouts: Timeouts::of(Duration::from_millis(200)),
        retries: Retries { tries: 1, ..Retries::default() },
        ..quick()
    };
    let client = Client::new(settings).unwrap();
    let check = |server: &Server, tries: usize, least: u64, most: u64| {
        let start = Instant::now();
        let error = client.send(&get(server, "/")).unwrap_err();
        assert!(error.to_string().contains("timed out"), "{error}");
        let took = start.elapsed();
        assert!(
            took >= Duration::from_millis(least) && took < Duration::from_millis(most),
            "{took:?}"
        );
        assert_eq!(server.seen().len(), tries);
    };
    check(&hanging, 2, 100, 2000);
    check(&other, 1, 200, 2000);
}

/// Takes the request and says nothing.
fn hang() -> Reply {
    Reply::new(200, "").wire(Wire::Silent)
}

#[test]
fn places_that_strangers_name_are_outside() {
    let inside = Server::start(|_| Reply::new(200, "secret"));
    let client = Client::new(Settings::default()).unwrap().outside().unwrap();
    let port = inside.host().rsplit_once(':').unwrap().1.to_owned();
    for host in
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "127.1"]
    {
        let url = Url::parse(&format!("http://{host}:{port}/")).unwrap();
        let error = client.send(&Request::get(url).hurried(true)).unwrap_err();
        assert!(error.to_string().contains("world outside"), "{host}: {error}");
    }
    assert_eq!(inside.seen().len(), 0);
}
