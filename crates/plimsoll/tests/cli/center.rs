//! The center as its operators run it: real processes, which are killed, held up and cut off.
use crate::{
    bench::{Bench, PATIENCE},
    images::{OLD, debian, of},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    process::{Child, ChildStdout},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use testkit::{
    harbor::Harbor,
    http::{Wire, ask},
    image::{BuiltImage, image},
    postgres,
    registry::What,
    tar::{dir, file, tar},
};

pub(crate) const PASSWORD: &str = "a long enough password";

/// A process of the program that goes on until it is ended. It is killed when dropped.
pub(crate) struct Running {
    child: Child,
    /// The lines of its log.
    log: Arc<Mutex<Vec<Value>>>,
}

/// A center that answers, and somebody who may do everything there.
struct Served {
    process: Running,
    host: String,
    token: String,
}

/// Between a process and its database: a line that can be cut.
struct Line {
    port: u16,
    cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Running {
    pub(crate) fn start(
        bench: &Bench,
        name: &str,
        arguments: &[&str],
        more: &[(&str, &str)],
    ) -> Running {
        let mut command = bench.command(arguments);
        let data = bench.path(name);
        command
            .env("PLIMSOLL_DATA_DIR", data)
            .env("PLIMSOLL_KEYS", "0f".repeat(32))
            .env("PLIMSOLL_ADMIN_PASSWORD", PASSWORD)
            .env("PLIMSOLL_ADVISORIES_UPDATE_HOURS", "0")
            .env("PLIMSOLL_LEASE_SECONDS", "3")
            .envs(more.iter().copied());
        // What is given as nothing is not given.
        for (name, _) in more.iter().filter(|it| it.1.is_empty()) {
            command.env_remove(name);
        }
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, said) =
            (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&log));
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                said.lock().unwrap().push(serde_json::from_str(&line).unwrap_or(json!(line)));
            }
        });
        let it = Running { child, log };
        it.says("started");
        it
    }

    /// Waits until it has logged this, and gives the line.
    pub(crate) fn says(&self, event: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let log = self.log.lock().unwrap();
            if let Some(it) = log.iter().find(|it| it["event"] == event) {
                return it.clone();
            }
            assert!(Instant::now() < end, "it did not say {event}: {log:?}");
            drop(log);
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// What it prints besides its log.
    pub(crate) fn output(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    /// Ends it as an operator does.
    pub(crate) fn end(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{:?}", self.log.lock().unwrap());
        self.says("stopped");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already is not killed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Served {
    fn start(bench: &Bench, name: &str, more: &[(&str, &str)]) -> Served {
        let arguments = ["serve", "--listen", "127.0.0.1:0"];
        let process = Running::start(bench, name, &arguments, more);
        let address = process.says("started")["address"].as_str().unwrap().to_owned();
        let host = address.strip_prefix("http://").unwrap().to_owned();
        let mut it = Served { process, host, token: String::new() };
        let body = json!({"name": "admin", "password": PASSWORD}).to_string();
        let headers = [("content-type", "application/json")];
        let reply = ask(&it.host, "POST", "/api/v1/session", &headers, body.as_bytes()).unwrap();
        assert_eq!(reply.status, 201, "{}", String::from_utf8_lossy(&reply.body));
        let cookie = reply.headers.iter().find(|it| it.0 == "set-cookie").unwrap();
        let cookie = cookie.1.split(';').next().unwrap();
        let headers = [headers[0], ("cookie", cookie), ("x-requested-with", "test")];
        let body = json!({"name": name, "role": "admin"}).to_string();
        let made = ask(&it.host, "POST", "/api/v1/tokens", &headers, body.as_bytes()).unwrap();
        let made: Value = serde_json::from_slice(&made.body).unwrap();
        it.token = format!("Bearer {}", made["secret"].as_str().unwrap());
        it
    }

    fn ask(&self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let headers =
            [("authorization", self.token.as_str()), ("content-type", "application/json")];
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let target = format!("/api/v1/{target}");
        let reply = ask(&self.host, method, &target, &headers, text.as_bytes()).unwrap();
        (reply.status, serde_json::from_slice(&reply.body).unwrap_or_default())
    }

    fn get(&self, target: &str) -> Value {
        let (status, it) = self.ask("GET", target, &Value::Null);
        assert_eq!(status, 200, "{target}: {it}");
        it
    }

    fn post(&self, target: &str, body: &Value) -> Value {
        let (status, it) = self.ask("POST", target, body);
        assert!((200..300).contains(&status), "{target}: {it}");
        it
    }

    /// Adds a registry, and waits until it has been synchronised.
    fn add(&self, host: &str) -> Value {
        let login = json!({"kind": "password", "user": "admin", "password": "hush"});
        let given = json!({"kind": "harbor", "name": "here", "address": host, "login": login});
        let id = self.post("registries", &given)["id"].clone();
        let target = format!("registries/{id}");
        self.until("synchronised", || !self.get(&target)["synced_at"].is_null());
        id
    }

    /// Waits until it is so, and says how the newest task is if it is not in time.
    fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < end, "not {what} in time: {}", self.get("tasks?limit=1"));
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Scans everything; the task's address.
    fn scan(&self) -> String {
        format!("tasks/{}", self.post("tasks", &json!({}))["id"])
    }

    /// Waits until a task has ended, and gives it.
    fn ended(&self, task: &str) -> Value {
        self.until("ended", || !self.get(task)["ended_at"].is_null());
        self.get(task)
    }
}

impl Line {
    fn to(port: u16) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (cut, open) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let it = Line { port: listener.local_addr().unwrap().port(), cut, open };
        let (cut, open) = (Arc::clone(&it.cut), Arc::clone(&it.open));
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if cut.load(Ordering::SeqCst) {
                    continue;
                }
                let far = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let ends = [near.try_clone().unwrap(), far.try_clone().unwrap()];
                open.lock().unwrap().extend(ends);
                let (mut a, mut b) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                thread::spawn(move || carry(&mut a, &mut b));
                let (mut a, mut b) = (far, near);
                thread::spawn(move || carry(&mut a, &mut b));
            }
        });
        it
    }

    fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        for it in self.open.lock().unwrap().drain(..) {
            // What is closed already cannot be closed again.
            drop(it.shutdown(Shutdown::Both));
        }
    }

    fn mend(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }
}

fn carry(from: &mut TcpStream, to: &mut TcpStream) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    // The other direction ends with it.
    drop((from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)));
}

/// A Harbor with a project.
fn harbor() -> Harbor {
    let it = Harbor::start("v2.15.3");
    it.project("team");
    it
}

/// A Harbor with so many images on one base. The last layer of each comes slowly, once.
fn slow(count: usize) -> Harbor {
    let registry = harbor();
    let base = tar(&debian(OLD));
    let one = |n: usize| {
        let salt: String =
            (0..300u32).map(|it| format!("{:x}", it.wrapping_mul(2_654_435_761))).collect();
        image(
            "linux/amd64",
            &[base.clone(), tar(&[dir("srv"), file("srv/n", format!("{n}{salt}"))])],
        )
    };
    let images: Vec<BuiltImage> = (0..count).map(one).collect();
    for (n, it) in images.iter().enumerate() {
        registry.put(&format!("team/app{n}"), "v1", it);
        let last = it.layers()[1].digest.as_str();
        registry.fail(last, 1, What::Wire(Wire::Slow(Duration::from_millis(1))));
    }
    registry
}

/// A database of its own, `None` where there is no PostgreSQL.
fn database() -> Option<(postgres::Server, String)> {
    let server = postgres::Server::start(&[])?;
    let url = server.database();
    Some((server, url))
}

/// Everything is done, was charged once, and nobody has anything left to do.
fn settled(url: &str, served: &Served, task: &str, count: u64) {
    let task = served.ended(task);
    let items = &task["items"];
    assert_eq!((&items["total"], &items["done"]), (&json!(count), &json!(count)), "{task}");
    let quota = served.get("quota");
    assert_eq!((&quota["used"], &quota["reserved"]), (&json!(count), &json!(0)), "{quota}");
    let count = count.to_string();
    for (question, expected) in [
        ("SELECT count(*) FROM ledger", count.as_str()),
        ("SELECT count(DISTINCT digest) FROM ledger", &count),
        ("SELECT count(*) FROM image WHERE state = 'scanned'", &count),
        ("SELECT count(*) FROM work", "0"),
    ] {
        assert_eq!(postgres::sql(url, question).unwrap(), expected, "{question}");
    }
}

#[test]
fn a_machine_with_nothing_else_starts_a_center() {
    let bench = Bench::new();
    let registry = harbor();
    registry.put("team/app", "v1", &of(&[debian(OLD)]));
    let served = Served::start(&bench, "data", &[("PLIMSOLL_WORKERS", "2")]);
    let refused = json!({"kind": "oci", "name": "x", "address": "http://127.0.0.1:1"});
    let check = served.post("registries/test", &refused);
    assert_eq!((&check["works"], &check["problems"][0]["code"]), (&json!(false), &json!("closed")));
    served.add(&registry.host());
    let preview = served.post("tasks/preview", &json!({}));
    assert_eq!(preview, json!({"images": 1, "known": 0, "cost": 1, "left": null}));
    let task = served.ended(&served.scan());
    assert_eq!(task["items"]["done"], 1, "{task}");
    let image = &served.get("images")["items"][0];
    assert_eq!((&image["platform"], &image["state"]), (&json!("linux/amd64"), &json!("scanned")));
    assert!(image["size"].as_i64().unwrap() > 0, "{image}");
    served.until("counted", || !served.get("risks?text=CVE-2024-6119")["items"][0].is_null());
    served.process.end();
    // What was there is there again.
    let served = Served::start(&bench, "data", &[]);
    assert_eq!(served.get("images")["items"][0]["state"], "scanned");
    assert_eq!(served.post("tasks/preview", &json!({}))["cost"], 0);
    served.process.end();
    let mode = std::os::unix::fs::PermissionsExt::mode;
    for name in ["data", "data/center.db"] {
        let permissions = std::fs::metadata(bench.path(name)).unwrap().permissions();
        assert_eq!(mode(&permissions) & 0o077, 0, "{name} is for others too");
    }
}

#[test]
fn what_cannot_start_says_why() {
    let bench = Bench::new();
    let check = |arguments: &[&str], more: &[(&str, &str)], words: &str| {
        let mut command = bench.command(arguments);
        let keys = "0f".repeat(32);
        command
            .env("PLIMSOLL_DATA_DIR", bench.path("data"))
            .env("PLIMSOLL_KEYS", keys)
            .envs(more.iter().copied());
        crate::bench::run(&mut command).fails(words);
    };
    check(&["worker"], &[], "--database-url");
    check(&["serve", "--listen", "nowhere"], &[], "nowhere");
    check(&["serve"], &[("PLIMSOLL_KEYS", "0f")], "64 hexadecimal digits");
    check(&["serve", "--config", "missing.toml"], &[], "missing.toml");
    check(&["serve"], &[("PLIMSOLL_PUBLIC_URL", "nonsense")], "public_url");
    let unreachable = "postgres://u:hush@127.0.0.1:1/x";
    check(&["serve", "--database-url", unreachable], &[], "cannot be reached");
    // Other keys than those that sealed what is there.
    drop(Served::start(&bench, "data", &[]));
    let other = "1e".repeat(32);
    let more = [("PLIMSOLL_KEYS", other.as_str())];
    check(&["serve", "--listen", "127.0.0.1:0"], &more, "the keys are not those");
}

#[test]
fn a_worker_that_is_killed_loses_nothing() {
    let Some((_server, url)) = database() else { return };
    let registry = slow(4);
    let bench = Bench::new();
    let shared = [("PLIMSOLL_DATABASE_URL", url.as_str()), ("PLIMSOLL_WORKERS", "0")];
    let served = Served::start(&bench, "serve", &shared);
    served.add(&registry.host());
    let task = served.scan();
    let works = [shared[0], ("PLIMSOLL_WORKERS", "2")];
    let first = Running::start(&bench, "first", &["worker"], &works);
    served.until("begun", || served.get(&task)["progress"]["bytes"].as_u64() > Some(0));
    first.signal(Signal::KILL);
    let second = Running::start(&bench, "second", &["worker"], &works);
    settled(&url, &served, &task, 4);
    second.end();
    served.process.end();
}

#[test]
fn a_worker_that_is_held_up_has_nothing_to_say_any_more() {
    let Some((_server, url)) = database() else { return };
    let registry = slow(3);
    let bench = Bench::new();
    let shared = [("PLIMSOLL_DATABASE_URL", url.as_str()), ("PLIMSOLL_WORKERS", "0")];
    let served = Served::start(&bench, "serve", &shared);
    served.add(&registry.host());
    let task = served.scan();
    let works = [shared[0], ("PLIMSOLL_WORKERS", "1")];
    let first = Running::start(&bench, "first", &["worker"], &works);
    served.until("begun", || served.get(&task)["progress"]["bytes"].as_u64() > Some(0));
    first.signal(Signal::STOP);
    // Whatever it had in hand goes to the other one when its lease is over.
    let second = Running::start(&bench, "second", &["worker"], &works);
    settled(&url, &served, &task, 3);
    let when = || served.get("images?sort=name")["items"].clone();
    let before = when();
    first.signal(Signal::CONT);
    thread::sleep(Duration::from_secs(3));
    settled(&url, &served, &task, 3);
    assert_eq!(when(), before, "what it found late was taken for news");
    // It is as good as any other again.
    second.end();
    registry.put("team/new", "v1", &of(&[debian(OLD), vec![file("new", "new")]]));
    served.post("registries/1/synchronise", &Value::Null);
    served.until("seen", || served.get("images")["items"].as_array().unwrap().len() == 4);
    settled(&url, &served, &served.scan(), 4);
    first.end();
    served.process.end();
}

#[test]
fn a_database_that_restarts_and_a_line_that_breaks_are_waited_for() {
    let Some((mut server, url)) = database() else { return };
    let registry = slow(5);
    let bench = Bench::new();
    let shared = [("PLIMSOLL_DATABASE_URL", url.as_str()), ("PLIMSOLL_WORKERS", "0")];
    let served = Served::start(&bench, "serve", &shared);
    served.add(&registry.host());
    let task = served.scan();
    let port = url.rsplit(':').next().unwrap().split('/').next().unwrap();
    let line = Line::to(port.parse().unwrap());
    let by_line = url.replace(port, &line.port.to_string());
    let cut_off = [("PLIMSOLL_DATABASE_URL", by_line.as_str()), ("PLIMSOLL_WORKERS", "1")];
    let first = Running::start(&bench, "first", &["worker"], &cut_off);
    served.until("begun", || served.get(&task)["progress"]["bytes"].as_u64() > Some(0));
    line.cut();
    let works = [shared[0], ("PLIMSOLL_WORKERS", "1")];
    let second = Running::start(&bench, "second", &["worker"], &works);
    served.until("some done", || served.get(&task)["items"]["done"].as_u64() > Some(1));
    server.crash();
    let unready = ask(&served.host, "GET", "/readyz", &[], b"").unwrap();
    assert_eq!(unready.status, 503);
    assert_eq!(ask(&served.host, "GET", "/healthz", &[], b"").unwrap().status, 200);
    thread::sleep(Duration::from_millis(500));
    server.resume();
    line.mend();
    settled(&url, &served, &task, 5);
    assert_eq!(ask(&served.host, "GET", "/readyz", &[], b"").unwrap().status, 200);
    first.end();
    second.end();
    served.process.end();
}

#[test]
fn one_of_several_servers_schedules_and_another_one_takes_over() {
    let Some((_server, url)) = database() else { return };
    let registry = harbor();
    registry.put("team/app", "v1", &of(&[debian(OLD)]));
    let bench = Bench::new();
    let shared = [("PLIMSOLL_DATABASE_URL", url.as_str()), ("PLIMSOLL_WORKERS", "1")];
    let [one, two] = ["one", "two"].map(|it| Served::start(&bench, it, &shared));
    one.add(&registry.host());
    let settings = json!({"cycle": {"kind": "week"}, "on_change": true});
    assert_eq!(one.ask("PUT", "settings/scan", &settings).0, 200);
    two.until("scanned", || two.get("quota")["used"] == 1);
    thread::sleep(Duration::from_secs(2));
    let cycles = |it: &Served| it.get("tasks?kind=cycle")["items"].as_array().unwrap().len();
    assert_eq!(cycles(&two), 1);
    let holder = "SELECT owner FROM lease WHERE name = 'schedule'";
    let leader = postgres::sql(&url, holder).unwrap();
    let pid = |it: &Served| it.process.child.id().to_string();
    let (dies, stays) = match leader.split(' ').any(|it| it == pid(&one)) {
        true => (one, two),
        false => (two, one),
    };
    dies.process.signal(Signal::KILL);
    let taken = || postgres::sql(&url, holder).unwrap();
    stays.until("led", || taken().split(' ').any(|it| it == pid(&stays)));
    // A change is noticed by the one that is left, and scanned.
    registry.put("team/app", "v1", &of(&[debian(OLD), vec![file("new", "new")]]));
    stays.post("registries/1/synchronise", &Value::Null);
    stays.until("scanned", || stays.get("quota")["used"] == 2);
    assert_eq!(cycles(&stays), 1);
    stays.process.end();
}
