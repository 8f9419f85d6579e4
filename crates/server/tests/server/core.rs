//! What happens around every request.
use crate::kit::{hasty, header, json, start};
use server::{Limits, Settings, Tls};
use std::{
    env, fs,
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, TcpStream},
    process::Command,
    thread,
    time::{Duration, Instant},
};
use testkit::http::ask;

#[test]
fn failures_are_problem_documents() {
    let it = start(Settings::default());
    let check = |method: &str, target: &str, headers: &[(&str, &str)], status: u16, code: &str| {
        let reply = ask(&it.host, method, target, headers, b"").unwrap();
        assert_eq!(reply.status, status, "{method} {target}");
        assert_eq!(header(&reply, "content-type"), Some("application/problem+json"), "{target}");
        let problem = json(&reply);
        assert_eq!((&problem["status"], &problem["code"]), (&status.into(), &code.into()));
        assert_eq!(problem["request"].as_str(), header(&reply, "x-request-id"), "{target}");
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{target}");
        reply
    };
    check("GET", "/nowhere", &[], 404, "not-found");
    check("GET", "/api/v1", &[], 404, "not-found");
    check("GET", "/healthz/", &[], 404, "not-found");
    let reply = check("DELETE", "/healthz", &[], 405, "method-not-allowed");
    assert_eq!(header(&reply, "allow"), Some("GET,HEAD"));
    let reply = check("GET", "/metrics", &[], 401, "unauthenticated");
    assert_eq!(header(&reply, "www-authenticate"), Some("Bearer"));
    check("GET", "/healthz", &[("content-encoding", "gzip")], 415, "unsupported-media-type");
    let much = vec![b'x'; (1 << 20) + 1];
    let reply = ask(&it.host, "GET", "/healthz", &[], &much).unwrap();
    assert_eq!((reply.status, &json(&reply)["code"]), (413, &"too-large".into()));
}

#[test]
fn answers_forbid_browsers_what_they_need_not_do() {
    let it = start(Settings::default());
    for target in ["/healthz", "/nowhere", "/api", "/api/try.js", "/api/v1/openapi.json"] {
        let reply = it.get(target);
        let policy = header(&reply, "content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{target}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{target}: {policy}");
        assert!(!policy.contains("unsafe"), "{target}: {policy}");
        assert_eq!(header(&reply, "x-content-type-options"), Some("nosniff"), "{target}");
        assert_eq!(header(&reply, "referrer-policy"), Some("no-referrer"), "{target}");
        assert_eq!(header(&reply, "strict-transport-security"), None, "{target}");
    }
    // The page has nothing that its own policy would stop.
    let page = String::from_utf8(it.get("/api").body).unwrap();
    for it in ["style=", "<style", "<script>", "onclick", "https://"] {
        assert!(!page.contains(it), "{it}");
    }
    let public_url = Some(net::Url::parse("https://images.example").unwrap());
    let it = start(Settings { public_url, ..Settings::default() });
    assert!(header(&it.get("/healthz"), "strict-transport-security").is_some());
}

#[test]
fn the_log_has_a_line_for_each_request_and_no_query() {
    let it =
        start(Settings { proxies: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)], ..Settings::default() });
    let reply = it.get("/healthz?code=hush");
    let id = header(&reply, "x-request-id").unwrap();
    let log = it.log();
    let line = log.lines().find(|it| it.contains(id)).unwrap();
    for part in [r#""path":"/healthz""#, r#""status":200"#, r#""address":"127.0.0.1""#] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(!log.contains("hush"), "{log}");
    // The last address that no proxy of ours wrote down is the one that counts.
    let check = |forwarded: &str, expected: &str| {
        ask(&it.host, "GET", "/readyz", &[("x-forwarded-for", forwarded)], b"").unwrap();
        let log = it.log();
        let line = log.lines().last().unwrap();
        assert!(line.contains(&format!(r#""address":"{expected}""#)), "{expected} in {line}");
    };
    check("192.0.2.1", "192.0.2.1");
    check("198.51.100.7, 192.0.2.1", "192.0.2.1");
    check("192.0.2.1, 127.0.0.1", "192.0.2.1");
    check("192.0.2.1, nonsense", "127.0.0.1");
    let plain = start(Settings::default());
    ask(&plain.host, "GET", "/readyz", &[("x-forwarded-for", "192.0.2.1")], b"").unwrap();
    assert!(!plain.log().contains("192.0.2.1"), "{}", plain.log());
}

/// What comes back on a line on which this is sent, until it is closed.
fn send(host: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // A line that is reset has said what it had to say.
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn nobody_holds_a_place_for_long() {
    let it = start(Settings { limits: hasty(), ..Settings::default() });
    let begun = Instant::now();
    // Half a head, nothing at all, an idle line, half a content.
    send(&it.host, b"GET /healthz HTTP/1.1\r\nhost: x\r\n");
    send(&it.host, b"");
    let kept = send(&it.host, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(kept.starts_with("HTTP/1.1 200"), "{kept}");
    let late = send(&it.host, b"GET /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf");
    assert!(late.starts_with("HTTP/1.1 408"), "{late}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let head = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    let answer = send(&it.host, head.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431") || answer.is_empty(), "{answer}");
    let many = "x: y\r\n".repeat(200);
    let answer =
        send(&it.host, format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{many}\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[test]
fn whoever_asks_and_does_not_read_is_dropped() {
    let it = start(Settings { limits: hasty(), ..Settings::default() });
    let mut stream = TcpStream::connect(&it.host).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    let request = b"GET /api/v1/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(20);
    let begun = Instant::now();
    while stream.write_all(&request).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never ended");
    }
}

#[test]
fn more_connections_than_allowed_wait() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let it = start(Settings { limits, ..Settings::default() });
    let first = TcpStream::connect(&it.host).unwrap();
    thread::sleep(Duration::from_millis(100));
    let host = it.host.clone();
    let second = thread::spawn(move || ask(&host, "GET", "/healthz", &[], b"").unwrap().status);
    thread::sleep(Duration::from_millis(200));
    assert!(!second.is_finished());
    drop(first);
    assert_eq!(second.join().unwrap(), 200);
}

#[test]
fn a_stop_lets_requests_end_and_takes_no_more() {
    let mut it = start(Settings::default());
    let mut idle = TcpStream::connect(&it.host).unwrap();
    let mut busy = TcpStream::connect(&it.host).unwrap();
    busy.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n").unwrap();
    thread::sleep(Duration::from_millis(200));
    let ending = thread::spawn(move || {
        thread::sleep(Duration::from_millis(200));
        busy.write_all(b"rest").unwrap();
        let mut answer = String::new();
        busy.read_to_string(&mut answer).unwrap();
        answer
    });
    let begun = Instant::now();
    it.stop();
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    let answer = ending.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"), "{answer}");
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
    assert!(ask(&it.host, "GET", "/healthz", &[], b"").is_err());
}

/// A self-signed certificate for this machine. `None`, said aloud, without `openssl`.
fn certify(files: &Tls) -> Option<Vec<u8>> {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext"])
        .args(["subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&files.key)
        .arg("-out")
        .arg(&files.certificates)
        .output();
    if made.is_ok_and(|it| it.status.success()) {
        return Some(fs::read(&files.certificates).unwrap());
    }
    assert!(env::var_os("PLIMSOLL_TEST_ALL").is_none(), "openssl is not installed");
    eprintln!("skipped: openssl is not installed");
    None
}

#[test]
fn it_speaks_tls_with_the_certificate_of_the_day() {
    let folder = tempfile::tempdir().unwrap();
    let files = Tls {
        certificates: folder.path().join("certificate.pem"),
        key: folder.path().join("key.pem"),
    };
    let Some(first) = certify(&files) else { return };
    let it = start(Settings { tls: Some(files.clone()), ..Settings::default() });
    let ask = |authorities: &[u8]| {
        let host = net::Host { authorities: authorities.to_vec(), ..net::Host::default() };
        let hosts = [(it.host.clone(), host)].into();
        let client = net::Client::new(net::Settings { hosts, ..net::Settings::default() }).unwrap();
        let url = net::Url::parse(&format!("https://{}/healthz", it.host)).unwrap();
        client.send(&net::Request::get(url).hurried(true))
    };
    let response = ask(&first).unwrap();
    assert_eq!(response.status, 200);
    assert!(response.header("strict-transport-security").is_some());
    let plain = send(&it.host, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(!plain.contains("200"), "{plain}");
    // A certificate that is broken changes nothing, a good one everything.
    let deadline = Instant::now() + Duration::from_secs(10);
    fs::write(&files.certificates, "half").unwrap();
    while !it.log().contains("the renewed certificate cannot be used") {
        assert_eq!(ask(&first).unwrap().status, 200);
        assert!(Instant::now() < deadline, "{}", it.log());
        thread::sleep(Duration::from_millis(100));
    }
    let second = certify(&files).unwrap();
    while ask(&second).is_err() {
        assert!(Instant::now() < deadline, "{}", it.log());
        thread::sleep(Duration::from_millis(100));
    }
    assert!(ask(&first).is_err());
}
