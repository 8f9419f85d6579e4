//! Hints from webhooks. Nothing of them is believed: each makes us look at one place at once.
use super::{Center, changes::Sight, failure::Failure, seen::resolve};
use registry::{Change, SourceError};
use std::{collections::VecDeque, sync::PoisonError};
use store::places;

/// How many hints wait at most; when there are more, the registry is synchronised as a whole.
const HINTS: usize = 10_000;

/// Somebody says that something happened.
#[derive(Clone, Debug)]
pub(super) struct Hint {
    registry: i64,
    event: registry::Event,
}

/// Hints that nobody has followed yet.
pub(super) type Hints = VecDeque<Hint>;

impl Center {
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

    /// Follows hints until the center stops.
    pub(super) fn follow(&self) {
        self.again("following a hint", self.world.limits.poll, |center| {
            let hint = center.hints.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(hint) = hint else { return Ok(false) };
            if let Err(why) = center.look(&hint) {
                center.trouble("following a hint", &why);
                // A round sees it.
                center.synchronise_now(hint.registry)?;
            }
            Ok(true)
        });
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
        let (registry, repository) = (*registry, &repository);
        self.see(Sight { registry, repository, round, seen: &seen, news: true }, None)
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
}
