//! A server on a free port of this machine, over a database of its own.
use scan::{
    Inspection,
    center::{self, Center, World},
};
use serde_json::{Value, json};
use server::{App, Base, Format, Keys, Limits, Log, Server, Settings};
use std::{
    io::{self, Write},
    net::TcpListener,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use store::Store;
use tempfile::TempDir;
use testkit::http::{Reply, ask};

/// The password of everybody here.
pub(crate) const PASSWORD: &str = "a long enough password";

/// When it begins, in milliseconds since 1970.
pub(crate) const START: i64 = 1_700_000_000_000;

/// A server with the hand on its clock and the eye on its log.
pub(crate) struct Running {
    pub(crate) host: String,
    pub(crate) store: Arc<Store>,
    pub(crate) events: Arc<server::Events>,
    pub(crate) center: Center,
    pub(crate) now: Arc<AtomicI64>,
    log: Lines,
    server: Option<Server>,
    pub(crate) folder: TempDir,
}

/// What was written to a log.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

/// How somebody asks: with a session's cookie as a browser would, with a token, or with nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct As(pub(crate) Vec<(&'static str, String)>);

/// Limits that tests need not wait for.
pub(crate) fn hasty() -> Limits {
    let short = Duration::from_millis(300);
    Limits { head: short, body: short, write: short, ..limits() }
}

fn limits() -> Limits {
    Limits { look: Duration::from_millis(50), ..Limits::default() }
}

pub(crate) fn settings() -> Settings {
    Settings { limits: limits(), ..Settings::default() }
}

/// One over a fresh SQLite database.
pub(crate) fn start(settings: Settings) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let database = store::Settings::Embedded(folder.path().join("center.db"));
    start_on(&database, folder, settings)
}

/// One over a fresh SQLite database, with `admin` as its administrator.
pub(crate) fn ready() -> Running {
    let it = start(settings());
    it.set_up();
    it
}

/// Runs a test on a server over each kind of database, with `admin` as its administrator.
pub(crate) fn on_each(test: impl Fn(&Running)) {
    test(&ready());
    if let Some(url) = testkit::postgres::database() {
        let database = store::Settings::Server { url, authorities: None, connections: 8 };
        let it = start_on(&database, tempfile::tempdir().unwrap(), settings());
        it.set_up();
        test(&it);
    }
}

/// Another server over the same database, with the same keys.
pub(crate) fn beside(other: &Running, database: &store::Settings) -> Running {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(other.folder.path().join("keys"), folder.path().join("keys")).unwrap();
    start_on(database, folder, settings())
}

pub(crate) fn start_on(database: &store::Settings, folder: TempDir, settings: Settings) -> Running {
    let (store, log) = (Arc::new(Store::open(database.clone()).unwrap()), Lines::default());
    let now = Arc::new(AtomicI64::new(START));
    let clock = Arc::clone(&now);
    let clock: server::Clock = Arc::new(move || clock.load(Ordering::SeqCst));
    let keys = Arc::new(Keys::of_file(&folder.path().join("keys")).unwrap());
    let center = center(&store, &keys, &clock, folder.path());
    let base = Base {
        store: Arc::clone(&store),
        center: center.clone(),
        keys,
        net: net::Client::new(net::Settings::default()).unwrap(),
        log: Log::new(Format::Json, log.clone()),
        clock,
    };
    let app = App::new(base, settings).unwrap();
    app.welcome(None).unwrap();
    let events = app.events();
    let server = Server::start(app, TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
    let host = server.address().to_string();
    Running { host, store, events, center, now, log, server: Some(server), folder }
}

/// One that does nothing before it is told to run.
fn center(store: &Arc<Store>, keys: &Arc<Keys>, clock: &server::Clock, folder: &Path) -> Center {
    let keys = Arc::clone(keys);
    Center::new(World {
        store: Arc::clone(store),
        advisories: scan::advisories::Store::new(folder),
        updates: center::Updates::default(),
        network: net::Settings::default(),
        inspection: Inspection {
            program: None,
            limits: inspect::Limits::default(),
            malware: true,
            bundles: Vec::new(),
            packages: Arc::default(),
            spool: folder.to_owned(),
            stall: Duration::from_secs(60),
            stop: Arc::default(),
        },
        clock: Arc::clone(clock),
        open: Arc::new(move |sealed, place| keys.open(sealed, place)),
        trouble: Arc::new(|what, why| eprintln!("{what}: {why}")),
        name: "test".to_owned(),
        limits: center::Limits { poll: Duration::from_millis(50), ..center::Limits::default() },
    })
}

impl Running {
    pub(crate) fn get(&self, target: &str) -> Reply {
        ask(&self.host, "GET", target, &[], b"").unwrap()
    }

    /// Asks, with JSON if there is any.
    pub(crate) fn ask(&self, who: &As, method: &str, target: &str, body: Option<&Value>) -> Reply {
        self.ask_with(who, method, target, body, &[])
    }

    /// The same, with further headers.
    pub(crate) fn ask_with(
        &self,
        who: &As,
        method: &str,
        target: &str,
        body: Option<&Value>,
        more: &[(&str, &str)],
    ) -> Reply {
        let mut headers: Vec<(&str, &str)> = who.0.iter().map(|(a, b)| (*a, b.as_str())).collect();
        headers.extend(body.map(|_| ("content-type", "application/json")));
        headers.extend(more);
        let body = body.map(Value::to_string).unwrap_or_default();
        let reply = ask(&self.host, method, target, &headers, body.as_bytes()).unwrap();
        both_languages(&reply);
        reply
    }

    /// The answer to what has to work.
    pub(crate) fn done(&self, who: &As, method: &str, target: &str, body: Option<&Value>) -> Value {
        let reply = self.ask(who, method, target, body);
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!((200..300).contains(&reply.status), "{method} {target}: {} {text}", reply.status);
        serde_json::from_slice(&reply.body).unwrap_or_default()
    }

    /// The status and the code of what has not to work.
    pub(crate) fn refused(
        &self,
        who: &As,
        method: &str,
        target: &str,
        body: Option<&Value>,
    ) -> (u16, String) {
        let reply = self.ask(who, method, target, body);
        let code = if reply.body.is_empty() { Value::Null } else { json(&reply)["code"].clone() };
        (reply.status, code.as_str().unwrap_or_default().to_owned())
    }

    /// Makes the first administrator, `admin`.
    pub(crate) fn set_up(&self) {
        let body = json!({"token": self.setup_token(), "name": "admin", "password": PASSWORD});
        self.done(&As::default(), "POST", "/api/v1/setup", Some(&body));
    }

    pub(crate) fn setup_token(&self) -> String {
        let log = self.log();
        let line = log.lines().find(|it| it.contains("setup_token")).unwrap();
        let line: Value = serde_json::from_str(line).unwrap();
        line["setup_token"].as_str().unwrap().to_owned()
    }

    /// Logs somebody in.
    pub(crate) fn log_in(&self, name: &str) -> As {
        let body = json!({"name": name, "password": PASSWORD});
        let reply = self.ask(&As::default(), "POST", "/api/v1/session", Some(&body));
        assert_eq!(reply.status, 201, "{}", String::from_utf8_lossy(&reply.body));
        As::session(cookie(&reply))
    }

    /// Adds somebody of this role, and logs in as such. The name is the role's.
    pub(crate) fn somebody(&self, admin: &As, role: &str) -> As {
        let body = json!({"name": role, "role": role, "password": PASSWORD});
        self.done(admin, "POST", "/api/v1/people", Some(&body));
        self.log_in(role)
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8(self.log.0.lock().unwrap().clone()).unwrap()
    }

    pub(crate) fn pass(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) fn stop(&mut self) {
        self.center.stop();
        self.server.take().unwrap().stop();
    }
}

impl As {
    pub(crate) fn session(cookie: String) -> As {
        As(vec![("cookie", cookie), ("x-requested-with", "test".to_owned())])
    }

    pub(crate) fn token(secret: &str) -> As {
        As(vec![("authorization", format!("Bearer {secret}"))])
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What people are told has to be there in Chinese too.
pub(crate) fn both_languages(reply: &Reply) {
    let told = ["application/json", "application/problem+json"];
    if !header(reply, "content-type").is_some_and(|it| told.contains(&it)) {
        return;
    }
    let Ok(said) = serde_json::from_slice::<Value>(&reply.body) else { return };
    let problems = said["problems"].as_array().into_iter().flatten();
    let words = problems.map(|it| &it["words"]).chain([&said["detail"]]);
    for it in words.filter_map(Value::as_str).filter(|it| it.is_ascii()) {
        assert!(server::in_chinese(it).is_some(), "not translated: {it}");
    }
}

/// The cookie that was set, as it is sent back.
pub(crate) fn cookie(reply: &Reply) -> String {
    let set = header(reply, "set-cookie").unwrap();
    set.split(';').next().unwrap().to_owned()
}

/// The header of this name.
pub(crate) fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.headers.iter().find(|(it, _)| it == name).map(|(_, it)| it.as_str())
}

/// The content as JSON.
pub(crate) fn json(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_else(|err| {
        panic!("{err}: {} {}", reply.status, String::from_utf8_lossy(&reply.body))
    })
}
