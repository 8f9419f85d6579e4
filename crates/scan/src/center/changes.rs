//! Images that change: a tag that points to another digest than before starts a task, if that is wanted.
use super::{Center, Wanted, failure::Failure, requests::document, seen::images_of};
use crate::settings::{Settings, Tag};
use store::{
    Tx,
    leases::Lease,
    places::{self, Moved, Seen},
    tasks::{self, Kind, Target},
};

/// Some of what a repository has now.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    pub(super) registry: i64,
    pub(super) repository: &'a places::Repository,
    pub(super) round: i64,
    pub(super) seen: &'a [Seen],
    /// Whether what is new in it has come since the last look.
    pub(super) news: bool,
}

impl Center {
    /// Notes what was seen, and starts a task for what changed if that is wanted, in one transaction.
    pub(super) fn see(&self, sight: Sight<'_>, lease: Option<&Lease>) -> Result<(), Failure> {
        let settings = self.settings()?.0;
        let now = self.now();
        let see = |tx: &mut Tx<'_>| {
            let moved = places::see(tx, sight.repository.id, sight.round, sight.seen, now)?;
            let targets = changed(sight, &moved, &settings, now);
            if !targets.is_empty() {
                start(tx, sight, &targets, now)?;
            }
            Ok(!targets.is_empty())
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
}

fn start(tx: &mut Tx<'_>, sight: Sight<'_>, targets: &[Target], now: i64) -> store::Result<()> {
    let tags = targets.iter().map(|it| it.tag.clone()).collect();
    let wanted = Wanted::Changed { repository: sight.repository.name.clone(), tags };
    let document = document(&wanted).map_err(|err| store::Error::Invalid(err.to_string()))?;
    let task = tasks::start(tx, Kind::Change, "", &document, now)?;
    tasks::add(tx, task, targets, now)?;
    tasks::seal(tx, task, now)
}

/// The images that tags in scope point to since they moved.
fn changed(sight: Sight<'_>, moved: &[Moved], settings: &Settings, now: i64) -> Vec<Target> {
    let Sight { registry, repository, .. } = sight;
    let Settings { scope, on_change, .. } = settings;
    if !sight.news || !on_change || !scope.has(registry, repository.id, &repository.name) {
        return Vec::new();
    }
    let tag = |it: &Moved| Tag { name: it.tag.clone(), pushed_at: None };
    let in_scope = scope.tags(moved.iter().map(tag).collect(), now);
    let mut targets = Vec::new();
    for it in moved.iter().filter(|it| in_scope.iter().any(|tag| tag.name == it.tag)) {
        let Some(manifest) = sight.seen.iter().find(|seen| seen.digest == it.after) else {
            continue;
        };
        targets.extend(images_of(manifest).into_iter().map(|digest| Target {
            digest,
            registry,
            repository: repository.name.clone(),
            tag: it.tag.clone(),
        }));
    }
    targets
}
