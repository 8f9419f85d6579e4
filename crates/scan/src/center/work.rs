//! Scanning: a worker takes the next scan from the store, and ends it there together with what it found.
use super::{Center, failure::Failure, found::Found, notices};
use crate::{Cache, Inspection, Scanner, Step, plan};
use model::Image;
use registry::{PlatformChoice, Source};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};
use store::{
    Error, Tx, lanes, scans,
    work::{self, Beat, Claim, LONGEST_MS, Progress, Stage},
};

/// How long a scan that is to stop may take to notice before it is given back over its head.
const GRACE: Duration = Duration::from_secs(3);

/// How far a scan is, as its threads see it.
#[derive(Debug, Default)]
struct Pulse {
    bytes: AtomicU64,
    bytes_total: AtomicU64,
    layers: AtomicU64,
    layers_total: AtomicU64,
    matching: AtomicBool,
    /// Set when it is to stop.
    stop: Arc<AtomicBool>,
}

impl Center {
    /// Scans until the center stops.
    pub(super) fn work(&self) {
        self.again("looking for something to scan", Duration::ZERO, |center| {
            if let Some(claim) = center.claim()? {
                center.scan(&claim);
            }
            Ok(true)
        });
    }

    /// The next scan. When there is none, this waits for a while, and with it the other workers.
    fn claim(&self) -> Result<Option<Claim>, Failure> {
        let _looking = self.looking.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if self.bell.stopping() {
            return Ok(None);
        }
        if !self.can_match()? {
            self.bell.wait(self.world.limits.poll);
            return Ok(None);
        }
        let (now, until) = (self.now(), self.later(self.world.limits.lease));
        let open = self.cycle_open(now)?;
        let plan = |line: &lanes::Line| plan::plan(now, line, open);
        let claim =
            self.world.store.write(|tx| work::claim(tx, &self.world.name, now, until, plan));
        if !matches!(claim, Ok(Some(_))) {
            self.bell.wait(self.world.limits.poll);
        }
        Ok(claim?)
    }

    fn scan(&self, claim: &Claim) {
        let pulse = &Pulse::default();
        let (done, ended) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(move || self.beat(claim, pulse, &ended));
            let image = AssertUnwindSafe(|| self.image(claim, pulse));
            let outcome = catch_unwind(image).unwrap_or_else(|_| {
                Err(Failure::Other("internal", "the scan panicked; report this".to_owned()))
            });
            self.end(claim, pulse, outcome);
            drop(done);
        });
    }

    /// Keeps the scan while it goes on, and stops it when nobody wants it or everything stops.
    fn beat(&self, claim: &Claim, pulse: &Pulse, ended: &mpsc::Receiver<()>) {
        let mut stopping = None;
        while ended.recv_timeout(self.world.limits.beat) == Err(RecvTimeoutError::Timeout) {
            if self.bell.stopping() {
                pulse.stop.store(true, Ordering::Relaxed);
                if stopping.get_or_insert_with(Instant::now).elapsed() > GRACE {
                    return self.give_back(claim);
                }
            }
            let until = self.later(self.world.limits.lease);
            let (stage, progress) = (pulse.stage(), pulse.progress());
            let beat = |tx: &mut Tx<'_>| work::beat(tx, claim.ticket, stage, progress, until);
            match self.world.store.write(beat) {
                Ok(Beat::On) => {}
                Ok(Beat::Unwanted) => {
                    pulse.stop.store(true, Ordering::Relaxed);
                    return self.give_back(claim);
                }
                Ok(Beat::Lost) => return pulse.stop.store(true, Ordering::Relaxed),
                // It may be back before the lease is over; and if not, the fence decides.
                Err(why) => self.trouble("telling that a scan goes on", &why),
            }
        }
    }

    fn give_back(&self, claim: &Claim) {
        let now = self.now();
        match self.world.store.write(|tx| work::give_back(tx, claim.ticket, now)) {
            Ok(()) | Err(Error::Lost(_)) => {}
            Err(why) => self.trouble("giving a scan back", &why),
        }
    }

    /// Finds out what is in an image, and what that means.
    fn image(&self, claim: &Claim, pulse: &Pulse) -> Result<Found, Failure> {
        let means = self.means()?;
        let revision = means.inspection.revision();
        if !claim.again
            && let Some(it) = self.known(claim, &revision)?
        {
            return Ok(it);
        }
        let connection = self.registry(claim.registry)?;
        let source = connection.source(&claim.repository, &claim.digest, PlatformChoice::All)?;
        let image = one(source.images()?, claim)?;
        let progress = |step| pulse.step(step);
        let scanner = Scanner {
            inspection: Inspection { stop: Arc::clone(&pulse.stop), ..means.inspection.clone() },
            cache: Some(self.cache(&revision).anew(claim.again)),
            parallel: self.world.limits.layers,
            attached: true,
            progress: &progress,
        };
        let scanned = scanner.scan(&source, image);
        if pulse.stop.load(Ordering::Relaxed) {
            return Err(Failure::Stopped);
        }
        let scanned = scanned?;
        if let Some(cache) = &scanner.cache {
            cache.touch(&scanned.image.layers)?;
        }
        pulse.matching.store(true, Ordering::Relaxed);
        self.found(scanned, revision)
    }

    /// Reports of layers, which all who share the store share.
    fn cache(&self, revision: &str) -> Cache {
        let spool = &self.world.inspection.spool;
        Cache::shared(&self.world.store, spool, revision, self.now())
    }

    /// Writes down how a scan went. A store that is away is waited for.
    fn end(&self, claim: &Claim, pulse: &Pulse, outcome: Result<Found, Failure>) {
        let mut outcome = match outcome {
            Err(Failure::Stopped) if self.bell.stopping() => return self.give_back(claim),
            Err(Failure::Stopped) => return,
            it => it,
        };
        loop {
            let written = match &mut outcome {
                Ok(found) => self.done(claim, found),
                Err(why) => self.failed(claim, why),
            };
            match written {
                Ok(()) => {
                    self.figures.add(|it| match &outcome {
                        Ok(_) => it.scanned = it.scanned.saturating_add(1),
                        Err(_) => it.failed = it.failed.saturating_add(1),
                    });
                    return self.bell.ring();
                }
                Err(Error::Lost(_)) => return,
                Err(why @ (Error::Unavailable(_) | Error::Busy(_) | Error::Full(_))) => {
                    self.trouble("writing down what a scan found", &why);
                    if pulse.stop.load(Ordering::Relaxed) {
                        return;
                    }
                    self.bell.wait(Duration::from_secs(1));
                }
                Err(why) if outcome.is_ok() => outcome = Err(Failure::Store(why)),
                Err(why) => return self.trouble("writing down that a scan failed", &why),
            }
        }
    }

    fn failed(&self, claim: &Claim, why: &Failure) -> store::Result<()> {
        let now = self.now();
        let again = plan::again(now, claim.attempts).filter(|_| why.is_passing());
        let quiet = why.quiet().map(|it| self.later(it).min(now.saturating_add(LONGEST_MS)));
        let (code, reason) = (why.code(), why.to_string());
        self.world.store.write(|tx| {
            if let Some(until) = quiet {
                lanes::pause(tx, claim.registry, until)?;
            }
            // In the order in which a success locks these: images, work and tasks, notices.
            if again.is_none() {
                mark_failed(tx, claim, code, &reason)?;
            }
            let later = again.map(|it| it.max(quiet.unwrap_or_default()));
            work::failed(tx, claim.ticket, code, &reason, later, now)?;
            if again.is_none() {
                notices::failed(tx, claim, code, &reason, now)?;
            }
            Ok(())
        })
    }
}

/// Marks the image of a scan that will not be tried again.
pub(super) fn mark_failed(
    tx: &mut Tx<'_>,
    claim: &Claim,
    code: &str,
    reason: &str,
) -> store::Result<()> {
    match scans::known(tx, &claim.digest)? {
        Some(it) => scans::fail(tx, it.id, code, reason),
        None => Ok(()),
    }
}

/// The one image that a digest stands for.
fn one(images: Vec<Image>, claim: &Claim) -> Result<Image, Failure> {
    let is_it = |it: &Image| it.digest.as_ref().is_some_and(|it| it.as_str() == claim.digest);
    let found = images.into_iter().find(is_it);
    let index = || {
        let text = "an index; the images that it leads to are scanned by themselves".to_owned();
        Failure::Other("index", text)
    };
    found.ok_or_else(index)
}

impl Pulse {
    fn step(&self, step: Step) {
        let number = |it: usize| u64::try_from(it).unwrap_or(u64::MAX);
        match step {
            Step::Begin { layers, bytes } => {
                self.layers_total.store(number(layers), Ordering::Relaxed);
                self.bytes_total.store(bytes, Ordering::Relaxed);
            }
            Step::Read(bytes) => drop(self.bytes.fetch_add(bytes, Ordering::Relaxed)),
            Step::Layer => drop(self.layers.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Layers are inspected as they come in: what is left when all have is analysis.
    fn stage(&self) -> Stage {
        let Progress { bytes, bytes_total, .. } = self.progress();
        match self.matching.load(Ordering::Relaxed) {
            true => Stage::Matching,
            false if bytes_total > 0 && bytes >= bytes_total => Stage::Analysing,
            false => Stage::Pulling,
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            bytes: self.bytes.load(Ordering::Relaxed),
            bytes_total: self.bytes_total.load(Ordering::Relaxed),
            layers: self.layers.load(Ordering::Relaxed),
            layers_total: self.layers_total.load(Ordering::Relaxed),
        }
    }
}
