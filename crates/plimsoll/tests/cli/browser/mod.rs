//! The console as people meet it: the program itself, a real registry, and a real browser.
mod advisories;
mod coming;
mod connecting;
mod handling;
mod jobs;
mod keyboard;
mod pages;
mod reading;
mod rules;
mod strangers;

use crate::{
    bench::{Bench, PATIENCE},
    center::{PASSWORD, Running},
    images::{NEW, OLD, debian, of},
};
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};
use testkit::{acr::Acr, browser::Browser, harbor::Harbor, http::Server, real, tar::file};

/// The user of the real registry, as HTTP sends it.
const USER: &str = "Basic dXNlcjpodXNo";

/// A center that nobody has set up yet, two registries with images, and somebody before a browser.
struct Desk {
    browser: Browser,
    registry: real::Running,
    harbor: Harbor,
    cloud: Acr,
    /// Has the feeds, in the place of those who publish them.
    mirror: Server,
    /// `http://127.0.0.1:port`.
    origin: String,
    setup_token: String,
    _center: Running,
    bench: Bench,
}

#[test]
fn the_console_does_every_job_and_holds_to_the_rules_of_the_web() {
    let Some(desk) = Desk::new() else { return };
    let part = |name: &str, run: fn(&Desk)| {
        let start = Instant::now();
        run(&desk);
        eprintln!("{name}: {:.1} s", start.elapsed().as_secs_f64());
    };
    // Each goes on where the one before ended.
    jobs::start(&desk);
    part("connecting", connecting::all);
    part("jobs", jobs::all);
    part("handling", handling::all);
    part("malicious files", rules::all);
    part("advisories", advisories::all);
    part("coming and going", coming::all);
    part("names that strangers chose", strangers::names);
    part("keyboard", keyboard::all);
    part("pages", pages::all);
    part("reading without scripts", reading::all);
    part("other sites", strangers::sites);
}

impl Desk {
    fn new() -> Option<Desk> {
        if !real::installed(&["docker-registry"]) {
            return None;
        }
        let browser = Browser::start()?;
        let bench = Bench::new();
        let folder = bench.path("registry");
        std::fs::create_dir(&folder).unwrap();
        let registry = real::Running::in_memory(&folder, &real::passwords(&folder));
        let (old, new) = (of(&[debian(OLD)]), of(&[debian(NEW)]));
        let above = of(&[debian(OLD), vec![file("srv/shop", "shop")]]);
        for (repository, tag, image) in
            [("team/app", "v1", &old), ("team/app", "v2", &new), ("team/shop", "latest", &above)]
        {
            real::push(registry.host(), repository, tag, image, USER);
        }
        let harbor = Harbor::start("v2.15.3");
        harbor.project("team");
        let cloud = Acr::start();
        cloud.instance("cri-one", "cn-hangzhou");
        let mirror = advisories::mirror();
        let feeds = format!("http://{}", mirror.host());
        let more = [
            ("PLIMSOLL_ADMIN_PASSWORD", ""),
            ("PLIMSOLL_WORKERS", "2"),
            ("PLIMSOLL_ADVISORIES_MIRROR", &feeds),
        ];
        let arguments = ["serve", "--listen", "127.0.0.1:0"];
        let center = Running::start(&bench, "data", &arguments, &more);
        let origin = center.says("started")["address"].as_str().unwrap().to_owned();
        let said = "there is nobody yet; make the first administrator with this token";
        let setup_token = center.says(said)["setup_token"].as_str().unwrap().to_owned();
        let _center = center;
        Some(Desk { browser, registry, harbor, cloud, mirror, origin, setup_token, _center, bench })
    }

    /// Opens a page of the console.
    fn open(&self, path: &str) {
        self.browser.go(&format!("{}{path}", self.origin));
    }

    /// Waits until the browser is at this path and query.
    fn arrives(&self, path: &str) {
        self.browser
            .until("return location.pathname + location.search === arguments[0]", &[json!(path)]);
    }

    /// Waits until the address asks for this.
    fn asks(&self, name: &str, value: &str) {
        const SCRIPT: &str =
            "return new URLSearchParams(location.search).get(arguments[0]) === arguments[1]";
        self.browser.until(SCRIPT, &[json!(name), json!(value)]);
    }

    /// Waits until these words are there.
    fn shows(&self, css: &str, words: &str) {
        self.browser.find(css, words);
    }

    /// Waits until these words are not there any more.
    fn lacks(&self, css: &str, words: &str) {
        const SCRIPT: &str = "return ![...document.querySelectorAll(arguments[0])].some((it) => \
             it.checkVisibility() && it.innerText.includes(arguments[1]))";
        self.browser.until(SCRIPT, &[json!(css), json!(words)]);
    }

    /// Asks the API as the page would: the status, and what it says.
    fn api(&self, method: &str, target: &str, body: &Value) -> (u64, Value) {
        const SCRIPT: &str = "const [method, target, body] = arguments; \
             const headers = { 'x-requested-with': 'test', 'content-type': 'application/json' }; \
             const reply = await fetch('/api/v1/' + target, { method, headers, body: body && JSON.stringify(body) }); \
             return [reply.status, await reply.json().catch(() => null)]";
        let it = self.browser.run_async(SCRIPT, &[json!(method), json!(target), body.clone()]);
        (it[0].as_u64().unwrap(), it[1].clone())
    }

    /// The same for what has to work.
    fn done(&self, method: &str, target: &str, body: &Value) -> Value {
        let (status, it) = self.api(method, target, body);
        assert!((200..300).contains(&status), "{method} {target}: {status} {it}");
        it
    }

    /// Waits until the API says so.
    fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < end, "never: {what}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Nothing went wrong in the browser since this was asked last: no error of a script, nothing that a policy blocked,
    /// nothing that did not load, but for these words.
    fn quiet(&self, expected: &[&str]) {
        let advice = |it: &Value| matches!(it["level"].as_str().unwrap(), "DEBUG" | "INFO");
        let known = |it: &Value| {
            advice(it)
                || expected.iter().any(|words| it["message"].as_str().unwrap().contains(words))
        };
        let log: Vec<_> = self.browser.log().into_iter().filter(|it| !known(it)).collect();
        assert!(log.is_empty(), "at {}: {log:#?}", self.browser.at());
    }

    /// Comes in by the page for it.
    fn log_in(&self, name: &str) {
        self.open("/login");
        self.browser.write("[name=name]", name);
        self.browser.write("[name=password]", PASSWORD);
        self.browser.click("main button", "");
        self.arrives("/");
    }
}
