//! The demo as whoever tries it out sees it: one command, and nothing else.
use crate::{bench::Bench, center::Running};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader},
};
use testkit::http::ask;

const ARGUMENTS: [&str; 4] = ["serve", "--demo", "--listen", "127.0.0.1:0"];

/// A demo that runs, and the cookie of who has logged in with what it printed.
struct Demo {
    process: Running,
    host: String,
    cookie: String,
    registry: String,
}

impl Demo {
    fn start(bench: &Bench, more: &[&str]) -> Demo {
        let mut process = Running::start(bench, "unused", &[&ARGUMENTS, more].concat(), &[]);
        let printed = BufReader::new(process.output()).lines().map(Result::unwrap);
        let printed = printed.take(5).collect::<Vec<_>>().join("\n");
        let word = |after: &str| {
            let rest = printed.split_once(after).unwrap_or_else(|| panic!("{printed}")).1;
            rest.split_whitespace().next().unwrap().trim_end_matches(';').to_owned()
        };
        let host = word("Plimsoll demo: http://");
        let body = json!({"name": word("user"), "password": word("password")}).to_string();
        let headers = [("content-type", "application/json"), ("x-requested-with", "test")];
        let reply = ask(&host, "POST", "/api/v1/session", &headers, body.as_bytes()).unwrap();
        assert_eq!(reply.status, 201, "{printed}");
        let cookie = reply.headers.iter().find(|it| it.0 == "set-cookie").unwrap();
        let cookie = cookie.1.split(';').next().unwrap().to_owned();
        Demo { process, host, cookie, registry: word("in the registry ").replace(';', "") }
    }

    fn page(&self, target: &str) -> (u16, String) {
        let reply = ask(&self.host, "GET", target, &[("cookie", &self.cookie)], b"").unwrap();
        (reply.status, String::from_utf8(reply.body).unwrap())
    }

    fn get(&self, target: &str) -> Value {
        let (status, text) = self.page(&format!("/api/v1/{target}"));
        assert_eq!(status, 200, "{target}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The images by a tag of theirs.
    fn image(&self, tag: &str) -> Value {
        let all = self.get(&format!("images?tag={tag}"));
        assert_eq!(all["items"].as_array().unwrap().len(), 1, "{tag}: {all}");
        all["items"][0].clone()
    }
}

#[test]
fn one_command_fills_all_pages_without_a_network() {
    let bench = Bench::new();
    let demo = Demo::start(&bench, &[]);
    let done = demo.process.says("the demo has been scanned");
    let seconds = done["seconds"].as_f64().unwrap();
    assert!(seconds < 60.0, "{seconds}");
    eprintln!("the demo's images were scanned within {seconds:.1} s");
    demo.process.says("this is a demo: all images are made up");

    let level = |tag: &str| demo.image(tag)["level"].clone();
    let open = |tag: &str| {
        let counts = demo.image(tag)["counts"].clone();
        let of = |it: &str| {
            ["high", "medium", "low"].map(|level| counts[it][level].as_u64().unwrap()).iter().sum()
        };
        ["system", "application"].map(of).iter().sum::<u64>()
    };
    // Each of these is there to show something.
    assert_eq!(level("debian-13"), "none");
    assert!(open("1.8.2") > 200 && open("2.0.0") > open("2.1.0") && open("2.1.0") > 0);
    assert_eq!(demo.image("1.4")["coverage"], "unknown");
    assert_eq!(demo.image("3.3.0-rc.1")["state"], "failed");
    assert_eq!(demo.image("latest")["digest"], demo.image("2.1.0")["digest"]);
    assert_eq!(demo.image("alpine-3.19")["components"], 5);
    assert_eq!(demo.get("registries")[0]["images"], 10);
    assert_eq!(demo.get("advisories")["starter"], true);
    assert_eq!(demo.get("setup")["demo"], true);

    let (_, home) = demo.page("/");
    assert_eq!(home.matches("<figure class=\"picture").count(), 4, "{home}");
    let digest = demo.image("2.0.0")["digest"].as_str().unwrap().to_owned();
    let image = format!("/images/{digest}/layers");
    for target in ["/", "/registries", "/images", &image, "/tasks", "/settings", "/images/none"] {
        let (_, text) = demo.page(target);
        assert!(text.contains("images made up by Plimsoll"), "{target}: {text}");
    }

    // The same engine finds the same by the command line.
    let report = bench.scan(&format!("{}/shop/storefront@{digest}", demo.registry));
    assert_eq!(report["findings"].as_array().map(|it| it.len() as u64), Some(open("2.0.0")));

    demo.process.end();
    let left = fs::read_dir(bench.path("spool")).unwrap().count();
    assert_eq!(left, 0, "it leaves nothing behind");
}

#[test]
fn a_demo_never_takes_the_place_of_a_center() {
    let bench = Bench::new();
    let own = bench.path("own").to_str().unwrap().to_owned();
    let demo = Demo::start(&bench, &["--data-dir", &own]);
    demo.process.says("the demo has been scanned");
    demo.process.end();
    // It goes on where it was, and says what it is however it is started.
    let demo = Demo::start(&bench, &["--data-dir", &own]);
    assert_eq!(demo.image("latest")["state"], "scanned");
    demo.process.end();
    let plain = ["serve", "--listen", "127.0.0.1:0"];
    Running::start(&bench, "own", &plain, &[]).says("this is a demo: all images are made up");

    Running::start(&bench, "center", &plain, &[]).end();
    let center = bench.path("center").to_str().unwrap().to_owned();
    let ran = bench.run(&[&ARGUMENTS[..], &["--data-dir", &center]].concat());
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("there is a center that is no demo"), "{ran:?}");
    let ran = bench.run(&[&ARGUMENTS[..], &["--database-url", "postgres://h/d"]].concat());
    assert!(ran.code == 2 && ran.stderr.contains("--database-url"), "{ran:?}");
}
