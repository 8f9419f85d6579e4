//! Synchronising: what registries hold is read page by page, in rounds that another process can go on with. One process
//! at a time reads a registry, under a lease; hints from webhooks make us look at one place at once.
use super::{
    Center, RegistryDocument,
    access::AccountDocument,
    events::Event,
    failure::Failure,
    seen::{images_of, resolve},
};
use registry::{Change, Connection, SourceError};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, PoisonError},
    time::Duration,
};
use store::{
    Tx, accounts,
    leases::{self, Lease},
    places::{self, Moved, Seen},
    registries,
    tasks::{self, Kind},
};

/// How many hints wait at most; when there are more, the registry is synchronised as a whole.
const HINTS: usize = 10_000;

/// How often a list that changed while it was read is read anew.
const TRIES: usize = 3;

/// When a registry that failed is tried again.
const FAILED: Duration = Duration::from_secs(120);

/// How often accounts are asked for their instances.
const ACCOUNTS: Duration = Duration::from_secs(300);

/// Somebody says that something happened.
#[derive(Clone, Debug)]
pub(super) struct Hint {
    registry: i64,
    event: registry::Event,
}

/// Hints that nobody has followed yet.
pub(super) type Hints = VecDeque<Hint>;

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

impl Center {
    /// Synchronises what is due until the center stops.
    pub(super) fn synchronise(&self) {
        self.again("synchronising", self.world.limits.poll, |center| {
            let hint = center.hints.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            if let Some(hint) = hint {
                center.follow(&hint);
                return Ok(true);
            }
            center.accounts()?;
            let now = center.now();
            for registry in center.world.store.read(|tx| registries::due(tx, now))? {
                if let Some(lease) = center.lease(&format!("registry {registry}"))? {
                    center.round(registry, &lease);
                    center.world.store.write(|tx| leases::release(tx, &lease))?;
                    return Ok(true);
                }
            }
            Ok(false)
        });
    }

    fn lease(&self, name: &str) -> Result<Option<Lease>, Failure> {
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

    /// To be called when a registry was added or changed: its limits hold from now on, and it is synchronised.
    ///
    /// # Errors
    /// When the store does not answer, or the registry is not there.
    pub fn registry_changed(&self, registry: i64) -> Result<(), Failure> {
        let connection = self.registry(registry)?;
        let found = self.world.store.read(|tx| registries::one(tx, registry))?;
        let document = found.filter(|it| it.account.is_none()).map(|it| it.document);
        let limits: RegistryDocument = match document {
            Some(it) => super::access::read(&it)?,
            None => RegistryDocument::default(),
        };
        drop(connection);
        self.world.store.write(|tx| {
            store::work::limit(tx, registry, limits.images_at_once, limits.images_per_hour)
        })?;
        self.synchronise_now(registry)
    }

    /// To be called when an account was added or changed.
    ///
    /// # Errors
    /// When the store does not answer.
    pub fn account_changed(&self) {
        *self.accounts_at.lock().unwrap_or_else(PoisonError::into_inner) = 0;
        self.bell.ring();
    }

    /// A webhook of a registry says that something happened there. Nothing of it is believed: we look.
    pub fn hint(&self, registry: i64, events: Vec<registry::Event>) {
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        let full = hints.len().saturating_add(events.len()) > HINTS;
        if !full {
            hints.extend(events.into_iter().map(|event| Hint { registry, event }));
        }
        drop(hints);
        self.bell.ring();
        if full && let Err(why) = self.synchronise_now(registry) {
            self.trouble("following hints", &why);
        }
    }

    fn follow(&self, hint: &Hint) {
        match self.look(hint) {
            Ok(()) => {}
            Err(why) => {
                self.trouble("following a hint", &why);
                // The next round sees it.
                drop(self.synchronise_now(hint.registry));
            }
        }
    }

    /// Looks at what a hint is about.
    fn look(&self, hint: &Hint) -> Result<(), Failure> {
        let Hint { registry, event } = hint;
        let digest = event.digest.as_ref().map(ToString::to_string);
        let Some(reference) = event.tag.clone().or(digest) else {
            return self.synchronise_now(*registry);
        };
        let connection = self.registry(*registry)?;
        let found = match connection.artifact(&event.repository, &reference) {
            Ok(it) => it,
            Err(SourceError::NotFound(_)) if event.change == Change::Deleted => {
                return self.untag(*registry, &event.repository, &reference);
            }
            Err(SourceError::NotFound(_)) => return Ok(()),
            Err(why) => return Err(why.into()),
        };
        let seen = resolve(&connection, &self.world.store, &event.repository, vec![found])?;
        let round = self.world.store.read(|tx| store::targets::round(tx, *registry))?;
        let names = [event.repository.clone()];
        let known =
            self.world.store.write(|tx| places::repositories(tx, *registry, round, &names))?;
        let Some(repository) = known.into_iter().next() else { return Ok(()) };
        self.see(*registry, &repository, round, &seen, true, None)
    }

    fn untag(&self, registry: i64, repository: &str, reference: &str) -> Result<(), Failure> {
        let now = self.now();
        Ok(self.world.store.write(|tx| {
            match store::repositories::named(tx, registry, repository)? {
                Some(id) if !reference.contains(':') => places::untag(tx, id, reference, now),
                _ => Ok(()),
            }
        })?)
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
                let quiet = why.quiet().unwrap_or_default().max(FAILED);
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
        self.broadcast.tell(Event::Registry(registry));
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
            self.see(it.registry, repository, it.round, &seen, !it.first, Some(it.lease))?;
            cursor = page.next;
            if cursor.is_none() {
                return Ok(steady);
            }
        }
    }

    /// Notes what was seen, and starts a task for what changed if that is wanted, in one transaction.
    fn see(
        &self,
        registry: i64,
        repository: &places::Repository,
        round: i64,
        seen: &[Seen],
        news: bool,
        lease: Option<&Lease>,
    ) -> Result<(), Failure> {
        let settings = self.settings()?.0;
        let wanted = news
            && settings.on_change
            && settings.scope.has(registry, repository.id, &repository.name);
        let see = |tx: &mut Tx<'_>| {
            let now = self.now();
            let moved = places::see(tx, repository.id, round, seen, now)?;
            let targets = if wanted {
                self.changed(registry, repository, seen, &moved, &settings.scope)
            } else {
                Vec::new()
            };
            if targets.is_empty() {
                return Ok(false);
            }
            let tags = moved.into_iter().map(|it| it.tag).collect();
            let wanted = super::Wanted::Changed { repository: repository.name.clone(), tags };
            let document = serde_json::to_string(&wanted).unwrap_or_default();
            let task = tasks::start(tx, Kind::Change, "", &document, now)?;
            tasks::add(tx, task, &targets, now)?;
            tasks::seal(tx, task, now)?;
            Ok(true)
        };
        let started = match lease {
            Some(lease) => self.under(lease, see)?,
            None => self.world.store.write(see)?,
        };
        if started {
            self.bell.ring();
        }
        Ok(())
    }

    /// The images that tags in scope point to since they moved.
    fn changed(
        &self,
        registry: i64,
        repository: &places::Repository,
        seen: &[Seen],
        moved: &[Moved],
        scope: &crate::settings::Scope,
    ) -> Vec<tasks::Target> {
        let tag = |it: &Moved| crate::settings::Tag { name: it.tag.clone(), pushed_at: None };
        let in_scope = scope.tags(moved.iter().map(tag).collect(), self.now());
        let mut targets = Vec::new();
        for it in moved.iter().filter(|it| in_scope.iter().any(|tag| tag.name == it.tag)) {
            let Some(manifest) = seen.iter().find(|seen| seen.digest == it.after) else { continue };
            for digest in images_of(manifest) {
                targets.push(tasks::Target {
                    digest,
                    registry,
                    repository: repository.name.clone(),
                    tag: it.tag.clone(),
                });
            }
        }
        targets
    }

    /// Changes something while the lease is ours, which is kept that way.
    fn under<T>(
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

    /// Asks accounts for their instances, from time to time.
    fn accounts(&self) -> Result<(), Failure> {
        let now = self.now();
        let mut at = self.accounts_at.lock().unwrap_or_else(PoisonError::into_inner);
        if *at > now && *at <= self.later(ACCOUNTS) {
            return Ok(());
        }
        *at = self.later(ACCOUNTS);
        drop(at);
        for account in self.world.store.read(accounts::all)? {
            let Some(lease) = self.lease(&format!("account {}", account.id))? else { continue };
            let outcome = self.instances(&account);
            let noted = self.world.store.write(|tx| match &outcome {
                Ok(instances) => {
                    leases::hold(tx, &lease, now)?;
                    accounts::checked(tx, account.id, "connected", "", now)?;
                    accounts::see(tx, account.id, instances, now).map(|it| it.0)
                }
                Err(why) => {
                    accounts::checked(tx, account.id, "failing", &why.to_string(), now)?;
                    Ok(Vec::new())
                }
            })?;
            self.world.store.write(|tx| leases::release(tx, &lease))?;
            for registry in noted {
                self.registry_changed(registry)?;
            }
        }
        Ok(())
    }

    fn instances(&self, account: &accounts::Account) -> Result<Vec<accounts::Instance>, Failure> {
        let connection: Arc<Connection> = self.account(account.id)?;
        let document: AccountDocument = super::access::read(&account.document)?;
        let (mut cursor, mut all) = (None::<String>, Vec::new());
        loop {
            let page = connection.instances(cursor.as_deref())?;
            for it in page.items {
                let host = if document.vpc { it.vpc.or(it.public) } else { it.public.or(it.vpc) };
                let region = super::access::InstanceDocument { region: it.region };
                let text = serde_json::to_string(&region);
                all.push(accounts::Instance {
                    name: if it.name.is_empty() { it.id.clone() } else { it.name },
                    instance: it.id,
                    address: host.unwrap_or_default(),
                    document: text.map_err(|err| Failure::Other("internal", err.to_string()))?,
                });
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(all);
            }
        }
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
