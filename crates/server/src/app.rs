//! What all requests share.
use crate::{Log, Problem, Settings, metrics::Metrics};
use serde_json::Value;
use std::{fmt, sync::Arc};
use store::Store;
use tokio::{
    sync::{Semaphore, watch},
    task::spawn_blocking,
};

/// Reads the clock: milliseconds since 1970, UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The center, as the API sees it.
pub struct App {
    pub(crate) store: Arc<Store>,
    pub(crate) settings: Settings,
    pub(crate) log: Log,
    pub(crate) metrics: Metrics,
    clock: Clock,
    threads: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
}

impl App {
    /// One over this store.
    pub fn new(store: Arc<Store>, settings: Settings, log: Log, clock: Clock) -> App {
        let threads = Arc::new(Semaphore::new(settings.limits.threads));
        let (metrics, stopping) = (Metrics::default(), watch::Sender::new(false));
        App { store, settings, log, metrics, clock, threads, stopping }
    }

    pub(crate) fn now(&self) -> i64 {
        (self.clock)()
    }

    pub(crate) fn note(&self, level: &str, event: &str, fields: &[(&str, Value)]) {
        self.log.write(self.now(), level, event, fields);
    }

    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
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
