//! Fetching advisories: from time to time, and when somebody asks. One process does it for all that share a store.
use super::{Center, failure::Failure};
use crate::advisories::{Compiled, Fetched, Policy, StoreError, Work, mirrored};
use assess::{Database, FEEDS, Feed};
use serde::{Deserialize, Serialize};
use std::{fs::File, io::Read, sync::Arc, time::Duration};
use store::settings;

/// The lease of whoever does it, and where the store keeps how it went.
const NAME: &str = "advisories";

/// So many times longer than others this waits before it looks again.
const PAUSE: u32 = 5;

/// So many documents that could not be had are named.
const NAMED: usize = 20;

/// Where advisories are fetched from, and how often.
#[derive(Clone, Debug, Default)]
pub struct Updates {
    /// How often; none: only when somebody asks.
    pub every: Option<Duration>,
    /// A mirror that has `MIRROR/HOST/PATH` for each address.
    pub mirror: Option<String>,
    /// Other addresses for single feeds: name and URL.
    pub places: Vec<(String, String)>,
    /// Feeds that are not used.
    pub without: Vec<&'static Feed>,
}

/// How fetching went, as everybody sees it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Update {
    /// When somebody asked for the next one, in milliseconds since 1970, as all times here.
    pub wanted_at: Option<i64>,
    /// When it began last.
    pub began_at: Option<i64>,
    /// When it ended; none: it has not yet.
    pub ended_at: Option<i64>,
    /// Why nothing came of it; empty: something did.
    pub failed: String,
    /// What could not be fetched, some of it.
    pub missing: Vec<String>,
    /// Packages of which the advisories say something else than before.
    pub changed_packages: u64,
}

impl Update {
    /// Whether it is time to fetch. A clock that was set back does not hold it up.
    fn due(&self, every: Option<Duration>, now: i64) -> bool {
        let began = self.began_at.filter(|it| *it <= now);
        let asked = self.wanted_at.is_some();
        // Whoever began it has died: the lease was to be had.
        let broken = self.began_at.is_some() && self.ended_at.is_none();
        let every = every.map(|it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX));
        let again = |every: i64| began.is_none_or(|it| it.saturating_add(every) <= now);
        asked || broken || every.is_some_and(again)
    }
}

impl Center {
    /// The advisories that this machine has in use.
    ///
    /// # Errors
    /// When there are none that can be read.
    pub fn advisories(&self) -> Result<Arc<Database>, Failure> {
        let build = self.world.store.read(store::rematch::build)?;
        if let Some(it) = self.at_hand(&build)? {
            return Ok(it);
        }
        Ok(Arc::new(self.world.advisories.open()?.database))
    }

    /// How fetching advisories went last.
    ///
    /// # Errors
    /// When the store does not answer.
    pub fn update(&self) -> Result<Update, Failure> {
        Ok(self.noted()?.0)
    }

    /// Has advisories fetched as soon as may be.
    ///
    /// # Errors
    /// When the store does not answer.
    pub fn update_now(&self) -> Result<(), Failure> {
        let now = self.now();
        self.note_update(|it| it.wanted_at = Some(now))?;
        self.bell.ring();
        Ok(())
    }

    /// A file without a name for a database that comes in, where there is room for one.
    ///
    /// # Errors
    /// When there can be none.
    pub fn room(&self) -> Result<File, StoreError> {
        self.world.advisories.room()
    }

    /// Puts a compiled database to use that somebody brings, all of it or nothing. What follows from it comes by itself.
    ///
    /// # Errors
    /// When it is damaged, none at all or older than the one in use, or when the advisories are being changed just now.
    pub fn import(&self, content: &mut dyn Read) -> Result<Compiled, StoreError> {
        let brought = self.world.advisories.bring(content)?;
        self.bell.ring();
        Ok(brought)
    }

    /// Fetches advisories until the center stops.
    pub(super) fn fetch_advisories(&self) {
        let pause = self.world.limits.poll.saturating_mul(PAUSE);
        self.again("fetching advisories", pause, |center| {
            let due = |it: &Update| it.due(center.world.updates.every, center.now());
            if !due(&center.noted()?.0) {
                return Ok(false);
            }
            let Some(lease) = center.lease(NAME)? else { return Ok(false) };
            // Somebody else may have done it between the look and the lease.
            if due(&center.noted()?.0) {
                center.fetch_now(&lease)?;
            }
            center.world.store.write(|tx| store::leases::release(tx, &lease))?;
            Ok(true)
        });
    }

    fn fetch_now(&self, lease: &store::leases::Lease) -> Result<(), Failure> {
        let began = self.now();
        self.note_update(|it| {
            (it.wanted_at, it.began_at, it.ended_at) = (None, Some(began), None);
        })?;
        let mut missing = Vec::new();
        let mut beat = began;
        let outcome = self.fetch_all(&mut |work| {
            if let Work::Fetched(Fetched { feed, url, outcome: Err(why) }) = &work {
                missing.push(format!("{feed}: {url}: {why}"));
            }
            // If it is lost, another one fetches the same for itself, and no harm is done.
            if self.now().saturating_sub(beat).saturating_abs() > 1000 {
                beat = self.now();
                drop(self.under(lease, |_| Ok(())));
            }
        });
        let ended = self.now();
        missing.truncate(NAMED);
        self.note_update(|it| {
            it.ended_at = Some(ended);
            (it.failed, it.changed_packages) = match &outcome {
                Ok(changed) => (String::new(), *changed),
                Err(why) => (why.to_string(), 0),
            };
            it.missing.clone_from(&missing);
        })?;
        if let Err(why) = outcome {
            self.trouble("fetching advisories", &why);
        }
        Ok(())
    }

    /// Fetches and compiles; says of how many packages something else is said than before.
    fn fetch_all(&self, told: &mut dyn FnMut(Work<'_>)) -> Result<u64, Failure> {
        let Updates { mirror, places, without, .. } = &self.world.updates;
        let wanted = |it: &&Feed| it.default && !without.iter().any(|out| out.name == it.name);
        let feeds: Vec<&'static Feed> = FEEDS.iter().filter(wanted).collect();
        let mut places = places.clone();
        if let Some(mirror) = mirror {
            places.extend(mirrored(mirror, &feeds, &places));
        }
        let client = net::Client::new(self.world.network.clone());
        let client = client.map_err(|err| Failure::Other("settings", err.to_string()))?;
        let policy = Policy { force: false, without };
        let compiled = self.world.advisories.update(&client, &feeds, &places, policy, told)?;
        Ok(u64::try_from(compiled.changed_packages).unwrap_or(u64::MAX))
    }

    fn noted(&self) -> Result<(Update, i64), Failure> {
        let stored = self.world.store.read(|tx| settings::one(tx, NAME))?;
        // What another version wrote is of no use, and harmless.
        let read = |it: settings::Setting| {
            (serde_json::from_str(&it.document).unwrap_or_default(), it.version)
        };
        Ok(stored.map(read).unwrap_or_default())
    }

    fn note_update(&self, change: impl Fn(&mut Update)) -> Result<(), Failure> {
        loop {
            let (mut update, version) = self.noted()?;
            change(&mut update);
            let text = serde_json::to_string(&update);
            let text = text.map_err(|err| Failure::Other("internal", err.to_string()))?;
            let now = self.now();
            if self.world.store.write(|tx| settings::put(tx, NAME, &text, version, now))? {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advisories_are_fetched_when_it_is_time_or_somebody_asks() {
        let check = |wanted_at, began_at: Option<i64>, every: Option<u64>, now, expected| {
            let ended_at = began_at;
            let update = Update { wanted_at, began_at, ended_at, ..Update::default() };
            let every = every.map(Duration::from_millis);
            assert_eq!(update.due(every, now), expected, "{update:?} {every:?} {now}");
        };
        check(None, None, None, 10, false);
        check(None, None, Some(5), 10, true);
        check(None, Some(8), Some(5), 10, false);
        check(None, Some(5), Some(5), 10, true);
        check(Some(9), Some(8), None, 10, true);
        assert!(Update { began_at: Some(8), ..Update::default() }.due(None, 10), "it broke off");
        // The clock has been set back since.
        check(None, Some(100), Some(5), 10, true);
        check(Some(50), Some(100), None, 10, true);
    }
}
