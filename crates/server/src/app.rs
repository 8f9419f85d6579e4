//! What all requests share.
use crate::{
    Events, Keys, Log, Problem, Settings, demo, metrics::Metrics, notify::Ways, oidc::Provider,
    password::Passwords, seal::random, who::hash,
};
use net::{Client, Secret};
use scan::center::Center;
use serde_json::{Value, json};
use std::{fmt, sync::Arc};
use store::{Store, people, settings};
use tokio::{
    sync::{Semaphore, watch},
    task::spawn_blocking,
};

/// Reads the clock: milliseconds since 1970, UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The setting that has the hash of the token with which the first administrator is made.
pub(crate) const SETUP: &str = "setup";

/// The center, as the API sees it.
pub struct App {
    pub(crate) store: Arc<Store>,
    pub(crate) center: Center,
    pub(crate) keys: Arc<Keys>,
    pub(crate) settings: Settings,
    pub(crate) log: Log,
    pub(crate) metrics: Metrics,
    pub(crate) events: Arc<Events>,
    pub(crate) passwords: Passwords,
    pub(crate) provider: Option<Provider>,
    pub(crate) ways: Ways,
    /// Whether it has nothing but images made up for it.
    pub(crate) demo: bool,
    clock: Clock,
    threads: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
}

/// What the API stands on.
pub struct Base {
    /// What it reads and writes.
    pub store: Arc<Store>,
    /// What decides and does everything over the same store.
    pub center: Center,
    /// What seals secrets.
    pub keys: Arc<Keys>,
    /// The way to other servers.
    pub net: Client,
    /// Where it says what happens.
    pub log: Log,
    /// What tells it the time.
    pub clock: Clock,
}

impl App {
    /// One on this base.
    ///
    /// # Errors
    /// Says what is wrong with the settings, or with this machine.
    pub fn new(base: Base, settings: Settings) -> Result<App, String> {
        let Base { store, center, keys, net, log, clock } = base;
        let outside = net.outside().map_err(|err| err.to_string())?;
        let ways = Ways { inside: net.clone(), outside };
        let provider = match (&settings.oidc, &settings.public_url) {
            (None, _) => None,
            (Some(oidc), Some(public)) => Some(Provider::new(oidc.clone(), net, public)),
            (Some(_), None) => {
                return Err("logging in by OpenID Connect takes the public address of this server"
                    .to_owned());
            }
        };
        let failed = |err: Problem| err.cause.unwrap_or(err.detail);
        let threads = Arc::new(Semaphore::new(settings.limits.threads));
        let events = Arc::new(Events::new(random().map_err(failed)?));
        let passwords = Passwords::new().map_err(failed)?;
        let demo = store.read(demo::is_one).map_err(|err| err.to_string())?;
        let (metrics, stopping) = (Metrics::default(), watch::Sender::new(false));
        Ok(App {
            store,
            center,
            keys,
            settings,
            log,
            metrics,
            events,
            passwords,
            provider,
            ways,
            demo,
            clock,
            threads,
            stopping,
        })
    }

    /// Sees to it that there is a first administrator: `admin` with this password, or whoever has the token that
    /// goes to the log. Does nothing where there is anybody.
    ///
    /// # Errors
    /// Says what is wrong with the password or the database.
    pub fn welcome(&self, password: Option<&Secret>) -> Result<(), String> {
        let failed = |err: Problem| err.cause.unwrap_or(err.detail);
        let nobody = self.store.read(|tx| Ok(people::page(tx, None, 1)?.items.is_empty()));
        if !nobody.map_err(|err| err.to_string())? {
            return Ok(());
        }
        if let Some(password) = password {
            let hash = self.passwords.hash(password.reveal()).map_err(failed)?;
            let made = self.store.write(|tx| people::first(tx, "admin", &hash, self.now()));
            return made.map(drop).map_err(|err| err.to_string());
        }
        let token = random().map_err(failed)?;
        let document = json!(hash(&token)).to_string();
        let write = |tx: &mut store::Tx<'_>| {
            let version = settings::one(tx, SETUP)?.map_or(0, |it| it.version);
            settings::put(tx, SETUP, &document, version, self.now())
        };
        self.store.write(write).map_err(|err| err.to_string())?;
        let event = "there is nobody yet; make the first administrator with this token";
        self.note("warn", event, &[("setup_token", json!(token))]);
        Ok(())
    }

    /// Tells whoever listens what happens.
    pub fn events(&self) -> Arc<Events> {
        Arc::clone(&self.events)
    }

    pub(crate) fn now(&self) -> i64 {
        (self.clock)()
    }

    pub(crate) fn note(&self, level: &str, event: &str, fields: &[(&str, Value)]) {
        self.log.write(self.now(), level, event, fields);
    }

    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
        self.events.close();
    }

    pub(crate) fn stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Ends when the server is to stop.
    pub(crate) async fn stopped(&self) {
        // The sender lives as long as we do.
        drop(self.stopping.subscribe().wait_for(|it| *it).await);
    }

    /// Does what may wait, on one of a limited number of threads.
    pub(crate) async fn wait_for<T: Send + 'static>(
        self: &Arc<App>,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        // The semaphore is never closed.
        let place = Arc::clone(&self.threads).acquire_owned().await;
        let place = place.map_err(|err| Problem::internal(err.to_string()))?;
        let done = spawn_blocking(move || {
            // Kept until the work is done, also when nobody waits for its outcome any more.
            let _place = place;
            work()
        });
        done.await.unwrap_or_else(|err| Err(Problem::internal(panicked(err.try_into_panic()))))
    }
}

/// What a panic said.
pub(crate) fn panicked<E>(payload: Result<Box<dyn std::any::Any + Send>, E>) -> String {
    let text = payload.ok().and_then(|it| match it.downcast::<String>() {
        Ok(it) => Some(*it),
        Err(it) => it.downcast::<&str>().ok().map(|it| (*it).to_owned()),
    });
    format!("panicked: {}", text.unwrap_or_default())
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Base")
    }
}
