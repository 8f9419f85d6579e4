//! The center: what decides and does everything by itself. Threads that wait on the store, which may be shared with
//! other processes: whatever only one may do is done under a lease, and whoever dies loses it.
mod access;
mod accounts;
mod bell;
mod bundles;
mod changes;
mod cycle;
mod databases;
mod events;
mod failure;
mod found;
mod hints;
mod notices;
mod rematch;
mod requests;
mod seen;
mod selection;
mod synchronise;
mod updates;
mod watch;
mod work;

pub use access::{
    AccountDocument, LoginDocument, RegistryDocument, Tls, account_place, registry_place,
};
pub use events::{Event, Reader, Received};
pub use failure::Failure;
pub use found::{Detail, Document, Facts};
pub use notices::{Affected, Failed, Malicious, MaliciousFile, NAMED, Nearly};
pub use requests::{Preview, authorise, start};
pub use selection::{Place, Selection, Wanted};
pub use synchronise::registry_changed;
pub use updates::{Update, Updates};
pub use watch::{Figures, Retention};

use crate::{Inspection, advisories, settings::Cycle};
use access::Connections;
use bell::Bell;
use databases::Databases;
use events::Broadcast;
use hints::Hints;
use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use store::Store;
use watch::Counted;

/// Reads the clock: milliseconds since 1970, UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Opens a secret as the store keeps it, sealed for a place, or says why it cannot be opened.
pub type Open = Arc<dyn Fn(&[u8], &str) -> Result<Vec<u8>, String> + Send + Sync>;

/// Is told what goes wrong besides: what was being done, and why it failed.
pub type Trouble = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// Everything that the center needs of the world.
#[derive(Clone)]
pub struct World {
    /// Where everything is kept.
    pub store: Arc<Store>,
    /// The advisories on this machine.
    pub advisories: advisories::Store,
    /// Where advisories come from.
    pub updates: Updates,
    /// How the network is used.
    pub network: net::Settings,
    /// How layers are inspected, with the bundles of rules in the store besides.
    pub inspection: Inspection,
    /// The clock.
    pub clock: Clock,
    /// How secrets are opened.
    pub open: Open,
    /// Where trouble is told.
    pub trouble: Trouble,
    /// This process, as no other is called.
    pub name: String,
    /// How much of everything.
    pub limits: Limits,
}

/// How much of everything.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Images scanned at once by this process.
    pub workers: usize,
    /// Layers of one image inspected at once.
    pub layers: usize,
    /// Registries synchronised at once by this process.
    pub synchronisers: usize,
    /// How long whoever was not heard of keeps what it has begun.
    pub lease: Duration,
    /// How often a scan tells that it goes on, and hears that it is to stop.
    pub beat: Duration,
    /// How often to look for something to do.
    pub poll: Duration,
    /// How often a registry is synchronised.
    pub synchronise: Duration,
    /// How long to wait for what runs when stopping.
    pub stop: Duration,
    /// How long things are kept.
    pub retention: Retention,
}

impl Default for Limits {
    fn default() -> Limits {
        let processors = thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Limits {
            workers: processors,
            layers: 2,
            synchronisers: 4,
            lease: Duration::from_secs(60),
            beat: Duration::from_secs(2),
            poll: Duration::from_secs(1),
            synchronise: Duration::from_secs(15 * 60),
            stop: Duration::from_secs(8),
            retention: Retention::default(),
        }
    }
}

/// What a process does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Everything.
    All,
    /// Scanning, and nothing else.
    Worker,
}

/// The center. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Center(Arc<Inner>);

/// What all threads share.
pub struct Inner {
    world: World,
    connections: Connections,
    databases: Databases,
    bundles: bundles::Holding,
    bell: Bell,
    broadcast: Arc<Broadcast>,
    /// Held by whoever looks for the next scan: of those who find none, one is enough.
    looking: Mutex<()>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Tasks that are to be filled.
    to_fill: Mutex<VecDeque<i64>>,
    hints: Mutex<Hints>,
    /// When accounts are asked next.
    accounts_at: Mutex<i64>,
    /// When what is old is forgotten next.
    kept_at: Mutex<i64>,
    /// When the figures of the day are written down next.
    noted_at: Mutex<i64>,
    /// The cycle, as it was read last, and when.
    cycle_kept: Mutex<Option<(i64, Cycle)>>,
    figures: Counted,
}

impl std::ops::Deref for Center {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Center {
    /// A center that does nothing by itself yet.
    pub fn new(world: World) -> Center {
        Center(Arc::new(Inner {
            world,
            connections: Connections::default(),
            databases: Databases::default(),
            bundles: bundles::Holding::default(),
            bell: Bell::default(),
            broadcast: Arc::default(),
            looking: Mutex::default(),
            threads: Mutex::default(),
            to_fill: Mutex::default(),
            hints: Mutex::default(),
            accounts_at: Mutex::default(),
            kept_at: Mutex::default(),
            noted_at: Mutex::default(),
            cycle_kept: Mutex::default(),
            figures: Counted::default(),
        }))
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn run(&self, role: Role) -> std::io::Result<()> {
        for n in 0..self.world.limits.workers {
            self.spawn(&format!("worker {n}"), Center::work)?;
        }
        if role == Role::Worker {
            return Ok(());
        }
        for n in 0..self.world.limits.synchronisers {
            self.spawn(&format!("synchroniser {n}"), Center::synchronise)?;
        }
        self.spawn("follower", Center::follow)?;
        self.spawn("filler", Center::fill)?;
        self.spawn("scheduler", Center::lead)?;
        self.spawn("matcher", Center::rematch)?;
        self.spawn("settler", Center::settle)?;
        self.spawn("watcher", Center::watch)?;
        // What it fetches is used whole or not at all, so that nobody has to wait for it.
        let center = self.clone();
        let updater = thread::Builder::new().name("updater".to_owned());
        updater.spawn(move || center.fetch_advisories()).map(drop)
    }

    /// Lets risks count what was scanned, many images at a time.
    fn settle(&self) {
        self.again("counting risks", Duration::from_millis(500), |center| {
            let now = center.now();
            Ok(center.world.store.write(|tx| store::settle(tx, 200, now))? > 0)
        });
    }

    /// Ends the threads, as far as they end in time. What they have begun is given back.
    pub fn stop(&self) {
        self.bell.stop();
        let deadline = Instant::now().checked_add(self.world.limits.stop);
        let threads = std::mem::take(&mut *self.threads());
        for it in threads {
            while !it.is_finished() && deadline.is_some_and(|it| Instant::now() < it) {
                thread::sleep(Duration::from_millis(10));
            }
            if it.is_finished() {
                // What it panicked with was told when it did.
                drop(it.join());
            }
        }
    }

    /// Tells what happens from now on.
    pub fn events(&self) -> Reader {
        self.broadcast.reader()
    }

    fn spawn(&self, name: &str, run: fn(&Center)) -> std::io::Result<()> {
        let center = self.clone();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || run(&center))?;
        self.threads().push(thread);
        Ok(())
    }

    fn threads(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        (self.world.clock)()
    }

    /// So much later than now.
    fn later(&self, by: Duration) -> i64 {
        self.now().saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX))
    }

    fn trouble(&self, what: &str, why: &dyn fmt::Display) {
        (self.world.trouble)(what, &why.to_string());
    }

    /// Does `step` again and again until the center stops: at once when it did something, else after a while.
    fn again(&self, what: &str, pause: Duration, step: impl Fn(&Center) -> Result<bool, Failure>) {
        let mut told = String::new();
        while !self.bell.stopping() {
            match step(self) {
                Ok(true) => told.clear(),
                Ok(false) => {
                    told.clear();
                    self.bell.wait(pause);
                }
                Err(why) => {
                    // Once, as long as it stays the same.
                    let why = why.to_string();
                    if why != told {
                        self.trouble(what, &why);
                        told = why;
                    }
                    self.bell.wait(pause.max(Duration::from_secs(1)));
                }
            }
        }
    }
}

impl fmt::Debug for Center {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Center").field("name", &self.world.name).finish_non_exhaustive()
    }
}
