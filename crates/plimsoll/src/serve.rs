//! `plimsoll serve` and `plimsoll worker`: the center, until somebody ends it.
use crate::{
    args::{CenterArguments, ServeArguments},
    config::{Config, Typed},
    demo::{self, Demo},
};
use ::scan::{
    advisories,
    bundles::Bundles,
    center::{Center, Role, Updates, World},
};
use jiff::Timestamp;
use rustix::{fs::Mode, process::umask};
use serde_json::{Value, json};
use server::{App, Base, Keys, Log, Server};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
    iterator::Signals,
};
use std::{
    env, fs,
    io::{IsTerminal, stderr},
    net::TcpListener,
    path::Path,
    process::{self, ExitCode},
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::{Instant, SystemTime, UNIX_EPOCH},
};
use store::Store;

/// What both kinds of processes are made of.
struct Parts {
    config: Config,
    log: Log,
    store: Arc<Store>,
    keys: Arc<Keys>,
    center: Center,
    signals: Signals,
}

/// The center: API, scheduler, workers.
pub(crate) fn serve(arguments: &ServeArguments) -> Result<ExitCode, String> {
    let own = arguments.center.data_dir.as_deref();
    let demo = arguments.demo.then(|| Demo::new(own)).transpose()?;
    let mut parts = parts(&arguments.center, arguments.listen.as_deref(), demo.as_ref())?;
    let bundles = Bundles::new(&parts.config.data_dir());
    if bundles.share(&parts.store, now()).map_err(|err| err.to_string())? {
        parts.log.write(now(), "info", "the center uses this machine's bundle of rules", &[]);
    }
    let listen = parts.config.listen();
    let listener = TcpListener::bind(listen).map_err(|err| format!("listen on {listen}: {err}"))?;
    let settings = parts.config.server()?;
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let net = net::Client::new(parts.config.network()).map_err(|err| err.to_string())?;
    let (store, center) = (Arc::clone(&parts.store), parts.center.clone());
    let (keys, log) = (Arc::clone(&parts.keys), parts.log.clone());
    let app = App::new(Base { store, center, keys, net, log, clock: Arc::new(now) }, settings)?;
    let password = match &demo {
        None => app.welcome(parts.config.admin_password()).map(|()| None)?,
        Some(demo) => {
            demo.connect(&parts.store, now())?;
            Some(app.welcome_to_demo()?)
        }
    };
    let server = Server::start(app, listener).map_err(|err| err.to_string())?;
    let address = format!("{scheme}://{}", server.address());
    if let (Some(demo), Some(password)) = (&demo, password) {
        crate::scan::print(&demo.greeting(&address, password.reveal()))?;
        let (log, began) = (parts.log.clone(), Instant::now());
        let ready = move |images| {
            let fields =
                [("images", json!(images)), ("seconds", json!(began.elapsed().as_secs_f64()))];
            log.write(now(), "info", "the demo has been scanned", &fields);
        };
        demo::scan(Arc::clone(&parts.store), &parts.center, now, ready)?;
    }
    parts.run(Role::All, &[("address", json!(address))])?;
    // Both at once: requests that wait for the center end with it.
    let center = parts.center.clone();
    let stopping = thread::spawn(move || center.stop());
    server.stop();
    // What it panicked with was told when it did.
    drop(stopping.join());
    parts.end();
    Ok(ExitCode::SUCCESS)
}

/// A machine more that scans.
pub(crate) fn worker(arguments: &CenterArguments) -> Result<ExitCode, String> {
    let mut parts = parts(arguments, None, None)?;
    if !parts.config.is_shared() {
        return Err(
            "a worker shares the PostgreSQL of a center: --database-url, or database.url in the \
                    configuration, says where it is"
                .to_owned(),
        );
    }
    if parts.config.limits().workers == 0 {
        return Err("workers is 0, so there is nothing to do".to_owned());
    }
    parts.run(Role::Worker, &[])?;
    parts.center.stop();
    parts.end();
    Ok(ExitCode::SUCCESS)
}

fn parts(
    arguments: &CenterArguments,
    listen: Option<&str>,
    demo: Option<&Demo>,
) -> Result<Parts, String> {
    // From here on nobody dies of them; the second one ends us at once.
    let signals = Signals::new([SIGINT, SIGTERM]).map_err(|err| err.to_string())?;
    let typed = Typed {
        config: arguments.config.as_deref(),
        listen,
        data_dir: demo.map(Demo::directory).or(arguments.data_dir.as_deref()),
        database_url: arguments.database_url.as_deref(),
    };
    let config = Config::read(&typed, &|name| env::var(name).ok())?;
    if demo.is_some() && config.is_shared() {
        return Err("a demo has a database of its own; leave database.url out".to_owned());
    }
    let log = Log::new(config.log(stderr().is_terminal()), stderr());
    // Whatever is made from here on is for us alone.
    umask(Mode::RWXG | Mode::RWXO);
    let data = config.data_dir();
    make(&data)?;
    let store = Store::open(config.store()?).map_err(|err| err.to_string())?;
    if demo.is_some() {
        server::demo::claim(&store, now())?;
    }
    let (store, keys) = (Arc::new(store), Arc::new(config.keys()?));
    let renewed = server::check_keys(&store, &keys, now())?;
    if renewed > 0 {
        log.write(now(), "info", "secrets were sealed anew", &[("secrets", json!(renewed))]);
    }
    let (troubled, opening) = (log.clone(), Arc::clone(&keys));
    let center = Center::new(World {
        store: Arc::clone(&store),
        advisories: advisories::Store::new(&data),
        // A demo shows the same with and without the internet.
        updates: match config.updates()? {
            it if demo.is_some() => Updates { every: None, ..it },
            it => it,
        },
        network: config.network(),
        inspection: config.inspection(&data)?,
        clock: Arc::new(now),
        open: Arc::new(move |sealed, place| opening.open(sealed, place)),
        trouble: Arc::new(move |what, why| {
            troubled.write(now(), "warn", what, &[("reason", json!(why))]);
        }),
        name: name(),
        limits: config.limits(),
    });
    Ok(Parts { config, log, store, keys, center, signals })
}

impl Parts {
    /// Runs the center until a signal comes.
    fn run(&mut self, role: Role, more: &[(&str, Value)]) -> Result<(), String> {
        self.center.run(role).map_err(|err| err.to_string())?;
        let version = ("version", json!(env!("CARGO_PKG_VERSION")));
        let fields: Vec<_> = [version].into_iter().chain(more.iter().cloned()).collect();
        self.log.write(now(), "info", "started", &fields);
        // A signal that came before this is seen too.
        self.signals.forever().next();
        // Whoever asks for the end again does not wait for it.
        let armed = Arc::new(AtomicBool::new(true));
        for it in [SIGINT, SIGTERM] {
            let armed = Arc::clone(&armed);
            flag::register_conditional_shutdown(it, 1, armed).map_err(|err| err.to_string())?;
        }
        self.log.write(now(), "info", "stopping", &[]);
        Ok(())
    }

    fn end(self) {
        self.log.write(now(), "info", "stopped", &[]);
    }
}

/// Makes the directory.
pub(crate) fn make(directory: &Path) -> Result<(), String> {
    if directory.exists() {
        return Ok(());
    }
    let made = fs::create_dir_all(directory);
    made.map_err(|err| format!("{}: {err}; data_dir names another one", directory.display()))
}

/// Milliseconds since 1970, UTC.
fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

/// This process, as no other is called.
fn name() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{} {} {}", host.trim(), process::id(), since.as_nanos())
}
