//! What the tests are made of: a center in a directory, images, registries.
use inspect::Limits as Bounds;
use scan::{
    Inspection, advisories,
    center::{self, Center, Limits, LoginDocument, RegistryDocument, Role, Selection, World},
    settings::Settings as ScanSettings,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use store::{
    Settings, Store,
    registries::New,
    tasks::{self, Task},
};
use tempfile::TempDir;
use testkit::{
    harbor::Harbor,
    image::{BuiltImage, image},
    tar::{dir, file, tar},
};

/// A machine with a center on it. It ends without a word, as a process that is killed.
pub(crate) struct Machine {
    pub(crate) center: Center,
    pub(crate) store: Arc<Store>,
    pub(crate) folder: Arc<TempDir>,
    /// What is added to the clock, in milliseconds.
    pub(crate) ahead: Arc<AtomicI64>,
    pub(crate) trouble: Arc<Mutex<Vec<String>>>,
}

/// Runs a test on a fresh database of each engine.
pub(crate) fn on_each(test: impl Fn(&Settings)) {
    let folder = TempDir::new().unwrap();
    test(&Settings::Embedded(folder.path().join("store.db")));
    if let Some(url) = testkit::postgres::database() {
        test(&shared(url));
    }
}

pub(crate) fn shared(url: String) -> Settings {
    Settings::Server { url, authorities: None, connections: 16 }
}

pub(crate) fn quick() -> Limits {
    Limits {
        workers: 2,
        synchronisers: 2,
        lease: Duration::from_secs(3),
        beat: Duration::from_millis(200),
        poll: Duration::from_millis(50),
        stop: Duration::from_secs(4),
        ..Limits::default()
    }
}

impl Machine {
    /// One that runs.
    pub(crate) fn start(settings: &Settings, role: Role) -> Machine {
        let machine = Machine::with(settings, quick());
        machine.center.run(role).unwrap();
        if role == Role::All {
            let build = || machine.store.read(store::rematch::build).unwrap();
            machine.until("matching", || !build().is_empty());
        }
        machine
    }

    /// One that does not run yet.
    pub(crate) fn with(settings: &Settings, limits: Limits) -> Machine {
        Machine::at(settings, limits, home())
    }

    pub(crate) fn at(settings: &Settings, limits: Limits, folder: Arc<TempDir>) -> Machine {
        Machine::made(settings, limits, folder, |_| {})
    }

    /// One whose world is another in part.
    pub(crate) fn made(
        settings: &Settings,
        limits: Limits,
        folder: Arc<TempDir>,
        change: impl FnOnce(&mut World),
    ) -> Machine {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let store = Arc::new(Store::open(settings.clone()).unwrap());
        let (ahead, trouble) = (Arc::new(AtomicI64::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (clock, troubles) = (Arc::clone(&ahead), Arc::clone(&trouble));
        let spool = folder.path().to_owned();
        let mut world = World {
            store: Arc::clone(&store),
            advisories: advisories::Store::new(&folder.path().join("data")),
            updates: center::Updates::default(),
            network: net::Settings::default(),
            inspection: Inspection {
                program: None,
                limits: Bounds::default(),
                malware: true,
                bundles: Vec::new(),
                packages: Arc::default(),
                spool,
                stall: Duration::from_secs(60),
                stop: Arc::default(),
            },
            clock: Arc::new(move || {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
                i64::try_from(now).unwrap() + clock.load(Ordering::Relaxed)
            }),
            open: Arc::new(|secret, _| Ok(secret.iter().rev().copied().collect())),
            trouble: Arc::new(move |what, why| {
                troubles.lock().unwrap().push(format!("{what}: {why}"))
            }),
            name: format!("machine {}", COUNT.fetch_add(1, Ordering::Relaxed)),
            limits,
        };
        change(&mut world);
        let center = Center::new(world);
        Machine { center, store, folder, ahead, trouble }
    }

    /// Adds a registry, and waits until it has been synchronised.
    pub(crate) fn add(&self, kind: &str, address: &str, login: &LoginDocument) -> i64 {
        let id = self.add_unread(kind, address, login, &RegistryDocument::default());
        let read = || self.store.read(|tx| store::registries::one(tx, id)).unwrap().unwrap();
        self.until("synchronised", || read().synced_at.is_some());
        id
    }

    pub(crate) fn add_unread(
        &self,
        kind: &str,
        address: &str,
        login: &LoginDocument,
        document: &RegistryDocument,
    ) -> i64 {
        let text = serde_json::to_string(document).unwrap();
        let mut secret = serde_json::to_vec(login).unwrap();
        secret.reverse();
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
            center::registry_changed(tx, id, document, 1)?;
            Ok(id)
        };
        self.store.write(add).unwrap()
    }

    /// Waits until a registry has been synchronised since this was called.
    pub(crate) fn synchronised(&self, id: i64) {
        let read = || self.store.read(|tx| store::registries::one(tx, id)).unwrap().unwrap();
        let before = read().synced_at;
        self.center.synchronise_now(id).unwrap();
        self.until("synchronised", || read().synced_at > before);
    }

    /// Waits until a registry is read once more, by itself.
    pub(crate) fn synchronised_anew(&self, harbor: &Harbor, id: i64) {
        let (repositories, before) = ("/repositories?", harbor.count("/repositories?"));
        self.until("read once more", || harbor.count(repositories) > before + 1);
        let read = || self.store.read(|tx| store::registries::one(tx, id)).unwrap().unwrap();
        self.until("connected", || read().state == "connected");
    }

    pub(crate) fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(40);
        while !is_so() {
            let trouble = || {
                let registries = self.store.read(store::registries::all).unwrap();
                let reasons = registries.into_iter().map(|it| it.reason);
                self.trouble
                    .lock()
                    .unwrap()
                    .iter()
                    .cloned()
                    .chain(reasons)
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            assert!(Instant::now() < deadline, "not {what} in time\n{}", trouble());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Scans everything there is, and gives the task when it has ended.
    pub(crate) fn scan_all(&self) -> Task {
        let task = self.center.scan_now(&Selection::default(), "anna").unwrap();
        self.ended(task)
    }

    pub(crate) fn task(&self, id: i64) -> Task {
        self.store.read(|tx| tasks::one(tx, id)).unwrap().unwrap()
    }

    pub(crate) fn ended(&self, id: i64) -> Task {
        self.until("ended", || self.task(id).ended_at.is_some());
        self.task(id)
    }

    /// The tasks there are, the newest first.
    pub(crate) fn tasks(&self) -> Vec<Task> {
        let filter = tasks::Filter::default();
        self.store.read(|tx| tasks::page(tx, &filter, None, 100)).unwrap().items
    }

    pub(crate) fn choose(&self, settings: &ScanSettings) {
        let version = self.center.settings().unwrap().1;
        let text = serde_json::to_string(settings).unwrap();
        let put = |tx: &mut store::Tx<'_>| {
            store::settings::put(tx, scan::settings::NAME, &text, version, 1)
        };
        assert!(self.store.write(put).unwrap());
    }

    /// Names of the risks that are open in some image, with the number of images.
    pub(crate) fn risks(&self) -> Vec<(String, i64)> {
        // They count images some time after these were scanned; who asks here does not wait for that.
        while self.store.write(|tx| store::settle(tx, 200, 0)).unwrap() > 0 {}
        let mut all: Vec<(String, i64)> = ["CVE-2099-0001", "CVE-2099-0002", "CVE-2099-0003"]
            .iter()
            .flat_map(|it| self.store.read(|tx| store::risks::named(tx, it)).unwrap())
            .filter(|it| it.images > 0)
            .map(|it| (it.name, it.images))
            .collect();
        all.sort();
        all
    }

    pub(crate) fn image(&self, digest: &str) -> store::images::Detail {
        self.store.read(|tx| store::images::one(tx, digest)).unwrap().unwrap()
    }

    /// Brings in another record, so that this machine has another database.
    pub(crate) fn import(&self, records: &[String]) {
        import(&self.folder.path().join("data"), records);
    }

    pub(crate) fn used(&self) -> u64 {
        self.store.read(store::quota::read).unwrap().used
    }
}

/// A machine's folder, with advisories in it.
pub(crate) fn home() -> Arc<TempDir> {
    let folder = Arc::new(TempDir::new().unwrap());
    copy(starter(), &folder.path().join("data"));
    folder
}

/// Who may do everything in the simulated Harbor.
pub(crate) fn admin() -> LoginDocument {
    LoginDocument::Password { user: "admin".to_owned(), password: "hush".to_owned() }
}

/// A record of OSV that says that a package of Debian 12 is affected below a version.
pub(crate) fn osv(id: &str, package: &str, fixed: &str) -> String {
    format!(
        r#"{{"schema_version":"1.7.0","id":"DEBIAN-{id}","modified":"2026-01-01T00:00:00Z","affected":[{{
        "package":{{"ecosystem":"Debian:12","name":"{package}"}},
        "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]}}]}}]}}"#
    )
}

/// An image of Debian 12 with these packages, `name version`; another one for each `salt`.
pub(crate) fn debian(packages: &[&str], salt: &str) -> BuiltImage {
    image("linux/amd64", &layers(packages, salt))
}

pub(crate) fn layers(packages: &[&str], salt: &str) -> Vec<Vec<u8>> {
    let package = |text: &&str| {
        let (name, version) = text.split_once(' ').unwrap();
        format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\n\
             Version: {version}\nMaintainer: A <a@example.org>\nDescription: x\n\n"
        )
    };
    let status: String = packages.iter().map(package).collect();
    let release = "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n";
    let base = tar(&[
        dir("etc"),
        file("etc/os-release", release),
        dir("var"),
        dir("var/lib"),
        dir("var/lib/dpkg"),
        file("var/lib/dpkg/status", status),
    ]);
    vec![base, tar(&[dir("srv"), file("srv/salt", salt)])]
}

/// A data directory with a database that knows one vulnerability: of `alpha` below 2.
fn starter() -> &'static Path {
    static MADE: std::sync::OnceLock<TempDir> = std::sync::OnceLock::new();
    let made = MADE.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        import(folder.path(), &[osv("CVE-2099-0001", "alpha", "2")]);
        folder
    });
    made.path()
}

/// Puts a database of these records to use.
fn import(data: &Path, records: &[String]) {
    let policy = advisories::Policy { force: true, without: &[] };
    advisories::Store::new(data).import(None, &[compiled(records)], policy, &mut |_| {}).unwrap();
}

/// A database of these records, compiled once.
fn compiled(records: &[String]) -> PathBuf {
    static MADE: Mutex<BTreeMap<Vec<String>, TempDir>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap();
    let folder = made.entry(records.to_vec()).or_insert_with(|| {
        let folder = TempDir::new().unwrap();
        let osv = folder.path().join("osv");
        fs::create_dir(&osv).unwrap();
        for (n, it) in records.iter().enumerate() {
            fs::write(osv.join(format!("{n}.json")), it).unwrap();
        }
        let policy = advisories::Policy { force: true, without: &[] };
        advisories::Store::new(folder.path()).import(None, &[osv], policy, &mut |_| {}).unwrap();
        folder
    });
    fs::canonicalize(folder.path().join("db/current")).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target: PathBuf = to.join(path.file_name().unwrap());
        let kind = fs::symlink_metadata(&path).unwrap();
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&path).unwrap(), target).unwrap();
        } else if kind.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}
