//! When other advisories hold: what they say of the components that the change is about is compared with what is known,
//! and only differences are written. No image is pulled. One process does it, and another one goes on if it dies.
use super::{
    Center,
    failure::Failure,
    found::{Detail, assessed, today},
    notices::{self, Affected, NAMED},
};
use assess::Database;
use jiff::civil::Date;
use model::{Component, Enrichment, Finding, Inventory, Located, System};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use store::{
    Tx,
    leases::{self, Lease},
    rematch::{self, Candidate},
    risks, scans,
};

/// The lease of whoever does it, and where the store keeps how far it is.
const NAME: &str = "rematch";

/// So many times longer than others this waits before it looks again, as it opens a file for it.
const PAUSE: u32 = 5;

/// So many components, vulnerabilities or images at a time.
const SOME: usize = 500;

/// So many risks are told of in one transaction.
const TOLD: usize = 20;

/// How far it is.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
struct Progress {
    /// The build that holds.
    build: String,
    /// The one before, which everything agrees with but for what has changed; empty: nothing is known to.
    from: String,
    part: Part,
    /// Everything up to here is done.
    after: i64,
    /// When it began.
    began_at: i64,
    /// Risks that came to components, of which nobody has been told yet.
    appeared: BTreeSet<i64>,
    /// The day for which coverage was told last.
    day: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Part {
    Components,
    Telling,
    Enrichment,
    Coverage,
    #[default]
    Done,
}

/// What changed between two builds.
struct Changes {
    new: Arc<Database>,
    /// `None`: everything.
    keys: Option<Vec<(String, String)>>,
    vulnerabilities: Vec<String>,
}

impl Center {
    /// Brings what is known into line with the advisories that hold, until the center stops.
    pub(super) fn rematch(&self) {
        let pause = self.world.limits.poll.saturating_mul(PAUSE);
        while !self.bell.stopping() {
            if let Err(why) = self.rematch_once() {
                self.trouble("matching again", &why);
            }
            self.bell.rest(pause);
        }
    }

    fn rematch_once(&self) -> Result<(), Failure> {
        let build = self.agree()?;
        let (progress, _) = self.progress()?;
        let day = today(self.now()).to_string();
        if progress.part == Part::Done && progress.build == build && progress.day == day {
            return Ok(());
        }
        let Some(lease) = self.lease(NAME)? else { return Ok(()) };
        let outcome = self.bring(&lease, &build, &day);
        self.world.store.write(|tx| leases::release(tx, &lease))?;
        match outcome {
            Err(Failure::Store(store::Error::Lost(_)) | Failure::Stopped) => Ok(()),
            other => other,
        }
    }

    fn progress(&self) -> Result<(Progress, i64), Failure> {
        let stored = self.world.store.read(|tx| store::settings::one(tx, NAME))?;
        let Some(stored) = stored else { return Ok((Progress::default(), 0)) };
        // One that cannot be read means that everything is to be done.
        let progress = serde_json::from_str(&stored.document).unwrap_or_default();
        Ok((progress, stored.version))
    }

    fn bring(&self, lease: &Lease, build: &str, day: &str) -> Result<(), Failure> {
        let (mut progress, _) = self.progress()?;
        if progress.build != build {
            let now = self.now();
            self.note(lease, &mut progress, |tx, progress| {
                let agrees = matches!(progress.part, Part::Coverage | Part::Done);
                let from = std::mem::take(&mut progress.build);
                *progress = Progress {
                    from: if agrees { from } else { String::new() },
                    build: build.to_owned(),
                    part: Part::Components,
                    began_at: now,
                    ..Progress::default()
                };
                rematch::begin(tx, build)
            })?;
        }
        let changes = self.changes(&progress)?;
        while progress.part != Part::Done || progress.day != day {
            match progress.part {
                Part::Components => self.components(lease, &mut progress, &changes)?,
                Part::Telling => self.tell_affected(lease, &mut progress)?,
                Part::Enrichment => self.enrichment(lease, &mut progress, &changes)?,
                Part::Coverage => self.coverage(lease, &mut progress, &changes.new, day)?,
                // Another day.
                Part::Done => progress.begin(Part::Coverage),
            }
        }
        Ok(())
    }

    /// Changes something under the lease, and notes how far that is in the same transaction.
    fn note(
        &self,
        lease: &Lease,
        progress: &mut Progress,
        mut change: impl FnMut(&mut Tx<'_>, &mut Progress) -> store::Result<()>,
    ) -> Result<(), Failure> {
        if self.bell.stopping() {
            return Err(Failure::Stopped);
        }
        let (now, until) = (self.now(), self.later(self.world.limits.lease));
        *progress = self.world.store.write(|tx| {
            leases::hold(tx, lease, now)?;
            leases::renew(tx, lease, now, until)?;
            let mut after = progress.clone();
            change(tx, &mut after)?;
            let strange = |err: serde_json::Error| store::Error::Invalid(err.to_string());
            let text = serde_json::to_string(&after).map_err(strange)?;
            let version = store::settings::one(tx, NAME)?.map_or(0, |it| it.version);
            store::settings::put(tx, NAME, &text, version, now)?;
            Ok(after)
        })?;
        Ok(())
    }

    fn changes(&self, progress: &Progress) -> Result<Changes, Failure> {
        let new = self.database(&progress.build)?;
        // If the one before is not to be had any more, or cannot be read since an older program made it, everything may
        // have changed.
        let old = match progress.from.as_str() {
            "" => None,
            from => self.at_hand(from).unwrap_or_default(),
        };
        let Some(old) = old else {
            return Ok(Changes { new, keys: None, vulnerabilities: Vec::new() });
        };
        let damaged = |err| Failure::Other("advisories", format!("the advisory database: {err}"));
        let keys = assess::diff(&old, &new).map_err(damaged)?;
        let keys = keys.into_iter().map(|(namespace, it)| (namespace.as_str().to_owned(), it));
        let vulnerabilities = assess::database::changed_enrichment(&old, &new).map_err(damaged)?;
        Ok(Changes { keys: Some(keys.collect()), vulnerabilities, new })
    }

    /// Some components, or the end of them.
    fn components(
        &self,
        lease: &Lease,
        progress: &mut Progress,
        changes: &Changes,
    ) -> Result<(), Failure> {
        let after = progress.after;
        let candidates = self.world.store.read(|tx| match &changes.keys {
            Some(keys) => rematch::candidates(tx, keys, after, SOME),
            None => rematch::everything(tx, after, SOME),
        })?;
        let Some(last) = candidates.last() else {
            return self.note(lease, progress, |_, it| {
                it.begin(Part::Telling);
                Ok(())
            });
        };
        let now = self.now();
        let findings = again(&candidates, &changes.new, today(now))?;
        let found: Vec<(&Candidate, Vec<&Finding>)> =
            candidates.iter().zip(findings.iter().map(|it| it.iter().collect())).collect();
        let mut changed = 0usize;
        self.note(lease, progress, |tx, progress| {
            let difference = rematch::apply(tx, &found, &assess::priority, now)?;
            changed = difference.appeared.len().saturating_add(difference.gone.len());
            // What is known of all for the first time is no news.
            if !progress.from.is_empty() {
                progress.appeared.extend(difference.appeared.into_iter().map(|it| it.1));
            }
            progress.after = last.id;
            Ok(())
        })?;
        self.figures.add(|it| it.rematched = it.rematched.saturating_add(changed));
        Ok(())
    }

    /// Tells which images some risks came to.
    fn tell_affected(&self, lease: &Lease, progress: &mut Progress) -> Result<(), Failure> {
        let now = self.now();
        self.note(lease, progress, |tx, progress| {
            let some: Vec<i64> = progress.appeared.iter().take(TOLD).copied().collect();
            for it in &some {
                progress.appeared.remove(it);
            }
            if some.is_empty() {
                progress.begin(Part::Enrichment);
            }
            for risk in risks::some(tx, &some)? {
                let images = risks::newly_affected(tx, risk.id, progress.began_at, 0, NAMED)?;
                if !images.is_empty() {
                    notices::affected(tx, &Affected::new(risk, images), now)?;
                }
            }
            Ok(())
        })
    }

    /// What is known of some vulnerabilities wherever they occur.
    fn enrichment(
        &self,
        lease: &Lease,
        progress: &mut Progress,
        changes: &Changes,
    ) -> Result<(), Failure> {
        let damaged = |err| Failure::Other("advisories", format!("the advisory database: {err}"));
        let done = usize::try_from(progress.after).unwrap_or(0);
        let some = changes.vulnerabilities.iter().skip(done).take(SOME);
        let news: Result<Vec<Enrichment>, _> = some.map(|it| changes.new.enrichment(it)).collect();
        let news = news.map_err(damaged)?;
        let count = i64::try_from(news.len()).unwrap_or(i64::MAX);
        self.note(lease, progress, |tx, progress| {
            if news.is_empty() {
                progress.begin(Part::Coverage);
                return Ok(());
            }
            progress.after = progress.after.saturating_add(count);
            rematch::enrich(tx, &news, &assess::priority).map(drop)
        })
    }

    /// What can be seen of some images, which changes with the advisories and on the day after the last fixes.
    fn coverage(
        &self,
        lease: &Lease,
        progress: &mut Progress,
        database: &Database,
        day: &str,
    ) -> Result<(), Failure> {
        let after = progress.after;
        let page = self.world.store.read(|tx| scans::details(tx, after, SOME))?;
        let today = today(self.now());
        let mut said = Vec::new();
        for (image, detail) in &page {
            // What an older program wrote is written anew by the next scan.
            if let Ok(detail) = serde_json::from_slice::<Detail>(detail) {
                said.push((*image, detail.coverage(database, today)?));
            }
        }
        self.note(lease, progress, |tx, progress| {
            match page.last() {
                Some((last, _)) => progress.after = *last,
                None => {
                    progress.begin(Part::Done);
                    day.clone_into(&mut progress.day);
                }
            }
            said.iter().try_for_each(|(image, it)| scans::cover(tx, *image, it))
        })
    }
}

impl Progress {
    fn begin(&mut self, part: Part) {
        (self.part, self.after) = (part, 0);
    }
}

/// What is found now in each of these components.
fn again(
    candidates: &[Candidate],
    database: &Database,
    today: Date,
) -> Result<Vec<Vec<Finding>>, Failure> {
    let mut systems: BTreeMap<i64, usize> = BTreeMap::new();
    let mut inventory = Inventory::default();
    for it in candidates {
        let system = it.release.as_ref().map(|release| {
            *systems.entry(it.scope).or_insert_with(|| {
                let release = Some(release.clone());
                inventory.systems.push(System { release, ..System::default() });
                inventory.systems.len().saturating_sub(1)
            })
        });
        inventory.components.push(located(it.component.clone(), system));
    }
    let mut findings = vec![Vec::new(); candidates.len()];
    for it in assessed(&inventory, database, today)?.findings {
        if let Some(of) = findings.get_mut(it.component) {
            of.push(it);
        }
    }
    Ok(findings)
}

fn located(what: Component, system: Option<usize>) -> Located<Component> {
    Located { what, path: None, layer: 0, by: String::new(), system }
}
