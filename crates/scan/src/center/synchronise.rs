//! Synchronising: what registries hold is read page by page, in rounds that another process can go on with. One process
//! at a time reads a registry, under a lease.
use super::{Center, access::RegistryDocument, changes::Sight, failure::Failure, seen::resolve};
use registry::{Connection, SourceError};
use std::{collections::BTreeMap, time::Duration};
use store::{
    Tx,
    leases::{self, Lease},
    places, registries,
};

/// How often a list that changed while it was read is read anew.
const TRIES: usize = 3;

/// When a registry that failed is tried again.
const FAILED: Duration = Duration::from_secs(120);

/// No registry is left alone for longer, unless it is to be.
const LONGEST: Duration = Duration::from_secs(3600);

/// A round of one registry, by whoever has its lease.
struct Round<'a> {
    registry: i64,
    round: i64,
    lease: &'a Lease,
    connection: &'a Connection,
    /// Whether changes are news: in the first round everything is new.
    first: bool,
    /// What could not be read, and why.
    skipped: Vec<String>,
}

/// To be called in the transaction that adds or changes a registry, with the limits that hold for it from then on: it is
/// synchronised soon. Then [ring](Center::ring).
///
/// # Errors
/// When the store does not answer.
pub fn registry_changed(
    tx: &mut Tx<'_>,
    registry: i64,
    limits: &RegistryDocument,
    now: i64,
) -> store::Result<()> {
    store::lanes::limit(tx, registry, limits.images_at_once, limits.images_per_hour)?;
    registries::sync_at(tx, registry, now, true)
}

impl Center {
    /// Synchronises what is due until the center stops.
    pub(super) fn synchronise(&self) {
        self.again("synchronising", self.world.limits.poll, |center| {
            center.accounts()?;
            // Nothing is planned for later than this, unless the clock has been set back since.
            let latest = center.later(center.world.limits.synchronise.max(LONGEST));
            let now = center.now();
            for registry in center.world.store.read(|tx| registries::due(tx, now, latest))? {
                if let Some(lease) = center.lease(&format!("registry {registry}"))? {
                    center.round(registry, &lease);
                    center.world.store.write(|tx| leases::release(tx, &lease))?;
                    return Ok(true);
                }
            }
            Ok(false)
        });
    }

    pub(super) fn lease(&self, name: &str) -> Result<Option<Lease>, Failure> {
        let (now, until) = (self.now(), self.later(self.world.limits.lease));
        let take = |tx: &mut Tx<'_>| leases::take(tx, name, &self.world.name, now, until);
        Ok(self.world.store.write(take)?)
    }

    /// Synchronises a registry as soon as may be.
    ///
    /// # Errors
    /// When the store does not answer.
    pub fn synchronise_now(&self, registry: i64) -> Result<(), Failure> {
        let now = self.now();
        self.world.store.write(|tx| registries::sync_at(tx, registry, now, true))?;
        self.bell.ring();
        Ok(())
    }

    /// Has what waits look for work at once.
    pub fn ring(&self) {
        self.bell.ring();
    }

    /// To be called when a registry was removed: its scans that wait are cancelled.
    ///
    /// # Errors
    /// When the store does not answer.
    pub fn registry_removed(&self, registry: i64) -> Result<(), Failure> {
        let (now, limit) = (self.now(), 500);
        let some = |tx: &mut Tx<'_>| store::upkeep::withdraw(tx, registry, now, limit);
        while self.world.store.write(some)? > 0 {}
        Ok(())
    }

    /// A round, from where it was left to its end. How it went is noted.
    fn round(&self, registry: i64, lease: &Lease) {
        // Whoever asks for another one meanwhile gets it. If this is never ended, it goes on when the lease is over.
        let mark = self.later(self.world.limits.lease);
        let marked = self.under(lease, |tx| registries::sync_at(tx, registry, mark, false));
        let outcome = marked.and_then(|()| self.read_registry(registry, lease));
        let now = self.now();
        let (next, said) = match outcome {
            Ok(skipped) => {
                let reason = told(&skipped);
                (self.later(self.world.limits.synchronise), Some(("connected", reason)))
            }
            Err(Failure::Stopped | Failure::Store(store::Error::Lost(_))) => return,
            Err(Failure::Store(why)) => {
                self.trouble("synchronising", &why);
                return;
            }
            Err(why) => {
                let quiet = why.quiet().unwrap_or_default().clamp(FAILED, LONGEST);
                (self.later(quiet), Some(("failing", why.to_string())))
            }
        };
        let noted = self.world.store.write(|tx| {
            leases::hold(tx, lease, now)?;
            if let Some((state, reason)) = &said {
                registries::checked(tx, registry, state, reason)?;
            }
            let asked = registries::one(tx, registry)?.is_none_or(|it| it.sync_at != Some(mark));
            if asked { Ok(()) } else { registries::sync_at(tx, registry, next, false) }
        });
        if let Err(why) = noted {
            self.trouble("noting how synchronising went", &why);
        }
    }

    fn read_registry(&self, registry: i64, lease: &Lease) -> Result<Vec<String>, Failure> {
        let connection = self.registry(registry)?;
        let (now, store) = (self.now(), &self.world.store);
        let (found, begun) = store.write(|tx| {
            leases::hold(tx, lease, now)?;
            Ok((registries::one(tx, registry)?, registries::begin_round(tx, registry)?))
        })?;
        let first = found.is_none_or(|it| it.synced_at.is_none());
        let round = begun.round;
        let mut it =
            Round { registry, round, lease, connection: &connection, first, skipped: Vec::new() };
        let mut cursor = begun.cursor;
        for _ in 0..TRIES {
            if self.read_repositories(&mut it, cursor.take())? {
                let now = self.now();
                store.write(|tx| {
                    leases::hold(tx, lease, now)?;
                    registries::end_round(tx, registry, round, now)
                })?;
                return Ok(it.skipped);
            }
        }
        let text = "its list of repositories changes faster than it can be read; trying again";
        Err(Failure::Source(SourceError::Unreachable(text.to_owned())))
    }

    /// Goes through the repositories; says whether their list stood still.
    fn read_repositories(
        &self,
        it: &mut Round<'_>,
        mut cursor: Option<String>,
    ) -> Result<bool, Failure> {
        let mut steady = true;
        loop {
            let page = it.connection.repositories(cursor.as_deref())?;
            steady &= page.steady;
            it.skipped.extend(page.skipped);
            let names: Vec<String> = page.items.iter().map(|it| it.name.clone()).collect();
            let known =
                self.under(it.lease, |tx| places::repositories(tx, it.registry, it.round, &names))?;
            let markers: BTreeMap<&str, &registry::Repository> =
                page.items.iter().map(|it| (it.name.as_str(), it)).collect();
            for repository in &known {
                let Some(listed) = markers.get(repository.name.as_str()) else { continue };
                let same = listed.marker.as_ref().is_some_and(|it| *it == repository.marker);
                if !same {
                    self.read_repository(it, listed, repository)?;
                }
            }
            cursor = page.next;
            let place = cursor.clone().unwrap_or_default();
            self.under(it.lease, |tx| registries::progress(tx, it.registry, it.round, &place))?;
            if cursor.is_none() {
                return Ok(steady);
            }
        }
    }

    /// Reads what is in one repository. One that cannot be read is told, and keeps what is known of it.
    fn read_repository(
        &self,
        it: &mut Round<'_>,
        listed: &registry::Repository,
        repository: &places::Repository,
    ) -> Result<(), Failure> {
        for _ in 0..TRIES {
            match self.read_artifacts(it, listed, repository) {
                Ok(true) => {
                    let (now, marker) = (self.now(), listed.marker.clone().unwrap_or_default());
                    return self.under(it.lease, |tx| {
                        places::close(tx, repository.id, it.round, &marker, now)
                    });
                }
                Ok(false) => {}
                Err(Failure::Source(SourceError::NotFound(_))) => return Ok(()),
                Err(Failure::Source(
                    why @ (SourceError::Unauthorized(_)
                    | SourceError::Malformed(_)
                    | SourceError::Unsupported(_)
                    | SourceError::TooLarge(_)),
                )) => {
                    it.skipped.push(format!("{}: {why}", listed.name));
                    return Ok(());
                }
                Err(why) => return Err(why),
            }
        }
        it.skipped.push(format!("{}: it changes faster than it can be read", listed.name));
        Ok(())
    }

    /// Goes through what is in a repository; says whether the list stood still.
    fn read_artifacts(
        &self,
        it: &mut Round<'_>,
        listed: &registry::Repository,
        repository: &places::Repository,
    ) -> Result<bool, Failure> {
        let (mut cursor, mut steady) = (None::<String>, true);
        loop {
            let page = it.connection.artifacts(listed, cursor.as_deref())?;
            steady &= page.steady;
            it.skipped.extend(page.skipped);
            let seen = resolve(it.connection, &self.world.store, &listed.name, page.items)?;
            let (registry, round, news) = (it.registry, it.round, !it.first);
            self.see(Sight { registry, repository, round, seen: &seen, news }, Some(it.lease))?;
            cursor = page.next;
            if cursor.is_none() {
                return Ok(steady);
            }
        }
    }

    /// Changes something while the lease is ours, which is kept that way.
    pub(super) fn under<T>(
        &self,
        lease: &Lease,
        mut change: impl FnMut(&mut Tx<'_>) -> store::Result<T>,
    ) -> Result<T, Failure> {
        if self.bell.stopping() {
            return Err(Failure::Stopped);
        }
        let (now, until) = (self.now(), self.later(self.world.limits.lease));
        Ok(self.world.store.write(|tx| {
            leases::hold(tx, lease, now)?;
            leases::renew(tx, lease, now, until)?;
            change(tx)
        })?)
    }
}

/// What was left out of a round, in few words.
fn told(skipped: &[String]) -> String {
    match skipped {
        [] => String::new(),
        [one] => format!("left out: {one}"),
        [first, rest @ ..] => format!("left out: {first}; and {} more", rest.len()),
    }
}
