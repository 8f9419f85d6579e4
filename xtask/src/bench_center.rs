//! A center as a process of its own: what the benchmarks of it start, stop and kill.
use scan::{
    Inspection, advisories,
    center::{Center, LoginDocument, RegistryDocument, Role, World, registry_changed},
};
use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use store::{Settings, Store, registries::New};

pub(crate) type Done<T = ()> = Result<T, Box<dyn Error>>;

/// The store that centers share.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    File(PathBuf),
    Postgres(String),
}

/// A center that runs in this process.
pub(crate) struct Running {
    pub(crate) center: Center,
    pub(crate) store: Arc<Store>,
}

impl Place {
    pub(crate) fn settings(&self) -> Settings {
        match self {
            Place::File(it) => Settings::Embedded(it.clone()),
            Place::Postgres(url) => {
                Settings::Server { url: url.clone(), authorities: None, connections: 8 }
            }
        }
    }

    fn parse(text: &str) -> Place {
        match text.starts_with("postgres://") {
            true => Place::Postgres(text.to_owned()),
            false => Place::File(text.into()),
        }
    }

    fn text(&self) -> String {
        match self {
            Place::File(it) => it.display().to_string(),
            Place::Postgres(url) => url.clone(),
        }
    }
}

/// Runs a center on a folder that may be empty.
pub(crate) fn run(place: &Place, folder: &Path, role: Role, workers: usize) -> Done<Running> {
    let store = Arc::new(Store::open(place.settings())?);
    let center = made(&store, folder, workers)?;
    center.run(role)?;
    Ok(Running { center, store })
}

/// The milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// One that does nothing yet.
pub(crate) fn made(store: &Arc<Store>, folder: &Path, workers: usize) -> Done<Center> {
    Ok(Center::new(World {
        store: Arc::clone(store),
        advisories: advisories::Store::new(folder),
        updates: scan::center::Updates::default(),
        network: net::Settings::default(),
        inspection: Inspection {
            program: Some(env::current_exe()?),
            limits: inspect::Limits::default(),
            malware: true,
            bundles: Vec::new(),
            packages: Arc::default(),
            spool: env::temp_dir(),
            stall: Duration::from_secs(60),
            stop: Arc::default(),
        },
        clock: Arc::new(now),
        open: Arc::new(|secret, _| Ok(secret.to_vec())),
        trouble: Arc::new(|what, why| eprintln!("{what}: {why}")),
        name: format!("process {}", std::process::id()),
        limits: scan::center::Limits {
            workers,
            layers: 2,
            // Short, so that what one had that was killed is soon somebody else's.
            lease: Duration::from_secs(5),
            beat: Duration::from_secs(1),
            poll: Duration::from_millis(100),
            ..scan::center::Limits::default()
        },
    }))
}

impl Running {
    /// Adds a registry if there is none.
    pub(crate) fn add(&self, kind: &str, address: &str, document: &RegistryDocument) -> Done<i64> {
        if let Some(it) = self.store.read(store::registries::all)?.first() {
            return Ok(it.id);
        }
        let login = match kind {
            "harbor" => LoginDocument::Password { user: "admin".into(), password: "hush".into() },
            _ => LoginDocument::Anonymous,
        };
        let (text, secret) = (serde_json::to_string(document)?, serde_json::to_vec(&login)?);
        let new = New {
            kind,
            name: address,
            address,
            account: None,
            document: &text,
            secret: Some(&secret),
            hook: None,
            created_at: 1,
        };
        let add = |tx: &mut store::Tx<'_>| {
            let id = store::registries::add(tx, &new)?;
            registry_changed(tx, id, document, 1)?;
            Ok(id)
        };
        Ok(self.store.write(add)?)
    }

    /// Waits for the end of a round of a registry that is not over yet.
    pub(crate) fn synchronised(&self, id: i64, before: Option<i64>) -> Done {
        loop {
            let read = self.store.read(|tx| store::registries::one(tx, id))?;
            let registry = read.ok_or("the registry is gone")?;
            if registry.state == "failing" {
                return Err(registry.reason.into());
            }
            if registry.synced_at > before {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// `bench center STORE FOLDER round HOST PER-SECOND`: synchronises one Harbor once.
/// `bench center STORE FOLDER worker THREADS`: scans until standard input ends.
pub(crate) fn center(args: &[String]) -> Done {
    let text = |at: usize| args.get(at).map(String::as_str).ok_or("for the benchmarks' own use");
    let (place, folder) = (Place::parse(text(0)?), Path::new(text(1)?));
    if text(2)? == "worker" {
        let running = run(&place, folder, Role::Worker, text(3)?.parse()?)?;
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
        running.center.stop();
        return Ok(());
    }
    let running = run(&place, folder, Role::All, 0)?;
    let limit = RegistryDocument {
        requests_per_second: Some(text(4)?.parse()?),
        ..RegistryDocument::default()
    };
    let start = Instant::now();
    let known = running.store.read(store::registries::all)?;
    let before = known.first().and_then(|it| it.synced_at);
    let id = running.add("harbor", text(3)?, &limit)?;
    if !known.is_empty() {
        running.center.synchronise_now(id).map_err(|it| it.to_string())?;
    }
    running.synchronised(id, before)?;
    let seconds = start.elapsed().as_secs_f64();
    let registry = running.store.read(|tx| store::registries::one(tx, id))?;
    let registry = registry.ok_or("the registry is gone")?;
    println!("{seconds} {} {}", registry.repositories, registry.images);
    running.center.stop();
    Ok(())
}

/// A process that does this.
pub(crate) fn process(place: &Place, folder: &Path, what: &[&str]) -> std::io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["bench", "center", &place.text()]).arg(folder).args(what);
    Ok(command)
}

/// The value of an option, or what it is without.
pub(crate) fn option<T: std::str::FromStr>(args: &[String], name: &str, else_: T) -> T {
    let at = args.iter().position(|it| it == name);
    at.and_then(|it| args.get(it + 1)?.parse().ok()).unwrap_or(else_)
}

/// The stores to measure with: a file, and a PostgreSQL that ends with this.
pub(crate) fn places(
    folder: &Path,
) -> Done<(Option<testkit::postgres::Server>, BTreeMap<&'static str, Place>)> {
    fs::create_dir_all(folder)?;
    let server = testkit::postgres::Server::start(&["shared_buffers=256MB"]);
    let mut places = BTreeMap::from([("SQLite", Place::File(folder.join("store.db")))]);
    if let Some(it) = &server {
        places.insert("PostgreSQL", Place::Postgres(it.database()));
    }
    Ok((server, places))
}
