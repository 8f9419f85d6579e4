//! A server on a free port of this machine, over a database of its own.
use server::{App, Format, Limits, Log, Server, Settings};
use std::{
    io::{self, Write},
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use store::Store;
use tempfile::TempDir;
use testkit::http::{Reply, ask};

/// A server with the hand on its clock and the eye on its log.
pub(crate) struct Running {
    pub(crate) host: String,
    pub(crate) now: Arc<AtomicI64>,
    pub(crate) store: Arc<Store>,
    log: Lines,
    server: Option<Server>,
    _folder: TempDir,
}

/// What was written to a log.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

/// Limits that tests need not wait for.
pub(crate) fn hasty() -> Limits {
    let short = Duration::from_millis(300);
    Limits { head: short, body: short, write: short, ..Limits::default() }
}

/// One over a fresh SQLite database.
pub(crate) fn start(settings: Settings) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(store::Settings::Embedded(folder.path().join("db"))).unwrap();
    let (store, log) = (Arc::new(store), Lines::default());
    let now = Arc::new(AtomicI64::new(1_700_000_000_000));
    let clock = Arc::clone(&now);
    let app = App::new(
        Arc::clone(&store),
        settings,
        Log::new(Format::Json, log.clone()),
        Arc::new(move || clock.load(Ordering::SeqCst)),
    );
    let server = Server::start(app, TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
    let host = server.address().to_string();
    Running { host, now, store, log, server: Some(server), _folder: folder }
}

impl Running {
    pub(crate) fn get(&self, target: &str) -> Reply {
        ask(&self.host, "GET", target, &[], b"").unwrap()
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8(self.log.0.lock().unwrap().clone()).unwrap()
    }

    pub(crate) fn stop(&mut self) {
        self.server.take().unwrap().stop();
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

/// The header of this name.
pub(crate) fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.headers.iter().find(|(it, _)| it == name).map(|(_, it)| it.as_str())
}

/// The content as JSON.
pub(crate) fn json(reply: &Reply) -> serde_json::Value {
    serde_json::from_slice(&reply.body).unwrap_or_else(|err| {
        panic!("{err}: {} {}", reply.status, String::from_utf8_lossy(&reply.body))
    })
}
