//! Mail, handed to a real server and to strange ones.
use net::{Client, Error, Host, Letter, Relay, Secret, Settings, Timeouts};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};
use testkit::{
    mail::{Mail, Security},
    real,
};

const CONTENT: &str = "Subject: x\r\n\r\nfirst\r\n.\r\n..last\r\n";

const PATIENT: Duration = Duration::from_secs(20);
const HASTY: Duration = Duration::from_millis(300);

/// A client that trusts these authorities at `host`.
fn client(host: &str, authorities: Vec<u8>, idle: Duration) -> Client {
    let own = Host { authorities, ..Host::default() };
    let timeouts = Timeouts::of(idle);
    let hosts = [(host.to_owned(), own)].into();
    Client::new(Settings { hosts, timeouts, ..Settings::default() }).unwrap()
}

fn send(
    client: &Client,
    relay: &str,
    login: Option<&str>,
    to: &[&str],
) -> Result<Vec<String>, Error> {
    let to: Vec<String> = to.iter().map(|it| (*it).to_owned()).collect();
    let letter = Letter { from: "plimsoll@here.example", to: &to, content: CONTENT };
    let password = login.map(Secret::new);
    let login = password.as_ref().map(|it| ("robot", it));
    client.mail(&Relay::parse(relay).unwrap(), login, &letter)
}

#[test]
fn a_real_server_takes_it_by_every_way() {
    if !real::installed(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    real::certificates(folder.path());
    let authority = fs::read(folder.path().join("ca.pem")).unwrap();
    let check = |scheme: &str, security: Security, mechanisms: &str| {
        let Some(server) = Mail::start(folder.path(), security, mechanisms) else { return };
        let relay = format!("{scheme}://{}", server.host());
        let login = (!mechanisms.is_empty()).then_some("hush 密码");
        let client = client(server.host(), authority.clone(), PATIENT);
        let to = ["jane@there.example", "nobody@there.example", "joe@there.example"];
        let refused = send(&client, &relay, login, &to).unwrap();
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0].contains("550 5.1.1 no such user"), "{refused:?}");
        let letter = &server.letters(1)[0];
        assert_eq!(letter["to"], serde_json::json!(["jane@there.example", "joe@there.example"]));
        assert_eq!(
            (&letter["content"], &letter["from"]),
            (&CONTENT.into(), &"plimsoll@here.example".into())
        );
        assert_eq!(letter["tls"], security != Security::Plain);
        let user = login.map(|_| format!("{mechanisms} robot"));
        assert_eq!(letter["user"].as_str(), user.as_deref());
        // Nobody gets it: that is a failure.
        let error = send(&client, &relay, login, &["nobody@there.example"]).unwrap_err();
        assert!(matches!(&error, Error::Declined(it) if it.contains("no such user")), "{error}");
        if login.is_some() {
            let error = send(&client, &relay, Some("wrong"), &to).unwrap_err().to_string();
            assert!(error.contains("535") && !error.contains("wrong"), "{error}");
            let error = send(&client, &relay, None, &to).unwrap_err();
            assert!(error.to_string().contains("530"), "{error}");
        }
        if security != Security::Plain {
            let error =
                send(&self::client("x", Vec::new(), PATIENT), &relay, login, &to).unwrap_err();
            assert!(matches!(error, Error::Tls(_) | Error::Settings(_)), "{error}");
        }
        assert_eq!(server.letters(1).len(), 1);
    };
    check("smtp", Security::StartTls, "PLAIN");
    check("smtp", Security::StartTls, "LOGIN");
    check("smtps", Security::Tls, "PLAIN");
    check("smtp+plain", Security::Plain, "");
}

/// Answers the first line with `greeting`, and each line that it hears with the next of `answers`.
fn strange(greeting: &str, answers: &[&str]) -> (String, thread::JoinHandle<Vec<String>>) {
    let greeting = greeting.to_owned();
    let answers: Vec<String> = answers.iter().map(|it| (*it).to_owned()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        // Who hangs up has heard enough.
        drop(stream.write_all(greeting.as_bytes()));
        let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        for (line, answer) in lines.zip(answers) {
            heard.push(line);
            drop(stream.write_all(answer.as_bytes()));
        }
        heard
    });
    (host, serving)
}

#[test]
fn servers_that_misbehave_get_nothing() {
    let check = |scheme: &str, greeting: &str, answers: &[&str], words: &str| {
        let (host, serving) = strange(greeting, answers);
        let error =
            send(&client(&host, Vec::new(), HASTY), &format!("{scheme}://{host}"), None, &["a@b"]);
        let error = error.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
        assert!(!error.contains(['\r', '\n', '\x1b']), "{error:?}");
        let heard = serving.join().unwrap();
        assert!(!heard.iter().any(|it| it.starts_with("MAIL")), "{heard:?}");
    };
    let hello = "220 here\r\n";
    check("smtp", "554 go \x1b[31m away\r\n", &[], "said 554 go [31m away");
    check("smtp", "HTTP/1.1 400 Bad Request\r\n", &[], "does not answer as mail servers do");
    check("smtp", "", &[], "nothing came any more");
    check("smtp", hello, &["250-here\r\n250 8BITMIME\r\n"], "does not offer STARTTLS");
    let offer = "250-here\r\n250 STARTTLS\r\n";
    check("smtp", hello, &[offer, "454 not now\r\n"], "said 454 not now");
    // Said before the line is encrypted, to be believed after.
    check("smtp", hello, &[offer, "220 go\r\n250-here\r\n250 AUTH PLAIN\r\n"], "went on talking");
    check("smtp", hello, &[offer, "220 go\r\n"], "");
    check("smtps", hello, &[], "TLS");
    check("smtp+plain", hello, &["250 here\r\n250"], "");
    check("smtp", &format!("220-{}", "x".repeat(100_000)), &[], "line without end");
    check("smtp", &"220-x\r\n".repeat(1000), &[], "no end");
}

#[test]
fn nobody_is_waited_for_for_ever() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Something moves all the time, and nothing gets on.
        while stream.write_all(b"2").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    let begun = Instant::now();
    let error = send(&client(&host, Vec::new(), HASTY), &format!("smtp://{host}"), None, &["a@b"]);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("cannot reach"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    serving.join().unwrap();
}

#[test]
fn a_letter_is_no_way_into_our_own_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = Client::new(Settings::default()).unwrap().outside().unwrap();
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:7f00:1]", "0.0.0.0"] {
        for scheme in ["smtp", "smtps", "smtp+plain"] {
            let error = send(&client, &format!("{scheme}://{host}:{port}"), None, &["a@b"]);
            let error = error.unwrap_err().to_string();
            assert!(error.contains("world outside"), "{host}: {error}");
        }
    }
    assert!(listener.accept().is_err());
}

#[test]
fn nothing_in_a_letter_is_a_command() {
    let client = client("x", Vec::new(), HASTY);
    let relay = Relay::parse("smtp://127.0.0.1:9").unwrap();
    let check = |from: &str, to: &str, content: &str| {
        let to = [to.to_owned()];
        let error = client.mail(&relay, None, &Letter { from, to: &to, content }).unwrap_err();
        assert!(matches!(error, Error::Url(_)), "{from} {to:?} {content:?}: {error}");
    };
    check("a@b>\r\nRCPT TO:<evil@there.example", "a@b", CONTENT);
    check("a@b", "a@b\r\nDATA", CONTENT);
    for content in ["x\n.\nQUIT", "x\r.\rQUIT", "\0", "漏洞", &"x".repeat(999)] {
        check("a@b", "a@b", content);
    }
    let login = Some(("robot", &Secret::new("hush")));
    let plain = Relay::parse("smtp+plain://127.0.0.1:9").unwrap();
    let letter = Letter { from: "a@b", to: &["a@b".to_owned()], content: CONTENT };
    assert!(matches!(client.mail(&plain, login, &letter), Err(Error::Settings(_))));
}
