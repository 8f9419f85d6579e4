//! From a source to an inventory: the layers that are not known yet are inspected in parallel, then folded.
use crate::{
    Attached, Cache, Inspection, attached,
    cache::Turn,
    waiting::Waiting,
    worker::{Inspected, broken},
};
use inspect::{Limits, Squash};
use malware::Packages;
use model::{Gap, Image, Inventory, Layer, Located, Reason, report::LayerFacts};
use registry::{Source, SourceError};
use std::{
    cmp::Reverse,
    collections::HashMap,
    io::{self, Read},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// Everything that turning images into inventories takes.
pub struct Scanner<'a> {
    /// How layers are inspected.
    pub inspection: Inspection,
    /// Reports of layers seen before; `None` inspects every layer anew.
    pub cache: Option<Cache>,
    /// How many layers are inspected at once.
    pub parallel: usize,
    /// Whether documents that are attached to an image are read.
    pub attached: bool,
    /// Told of every step.
    pub progress: &'a (dyn Fn(Step) + Sync),
}

/// A step on the way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// So many layers, of so many bytes as claimed, are to be read.
    Begin {
        /// Layers.
        layers: usize,
        /// Bytes.
        bytes: u64,
    },
    /// So many more bytes of layers have been read.
    Read(u64),
    /// One more layer is done; it need not have been read.
    Layer,
}

/// What scanning an image came to.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// The image, as its source describes it.
    pub image: Image,
    /// What it contains.
    pub inventory: Inventory,
    /// One row for each layer.
    pub layers: Vec<LayerFacts>,
    /// Walls around the inspecting processes that could not be put up.
    pub missing_walls: Vec<String>,
    /// Documents that are attached to it; what they claim is in the inventory.
    pub attached: Attached,
    /// What is known of packages from outside of it.
    pub packages: Arc<Packages>,
}

/// A layer's report, whether it was known, and the walls that were missing.
struct Outcome {
    report: Waiting,
    cached: bool,
    missing: Vec<String>,
}

impl Scanner<'_> {
    /// The inventory of one image of `source`.
    pub fn scan(&self, source: &dyn Source, image: Image) -> Result<Scanned, SourceError> {
        let bytes = image.layers.iter().map(|it| it.blob.size).sum();
        (self.progress)(Step::Begin { layers: image.layers.len(), bytes });
        let outcomes: Vec<Mutex<Option<Result<Outcome, SourceError>>>> =
            image.layers.iter().map(|_| Mutex::new(None)).collect();
        // The largest first: begun last, it would be read alone while the other processors idle.
        let mut order: Vec<usize> = (0..image.layers.len()).collect();
        order.sort_by_key(|it| Reverse(image.layers.get(*it).map(|it| it.blob.size)));
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..self.parallel.clamp(1, image.layers.len().max(1)) {
                scope.spawn(|| {
                    loop {
                        let Some(&i) = order.get(next.fetch_add(1, Ordering::Relaxed)) else {
                            return;
                        };
                        let (Some(layer), Some(slot)) = (image.layers.get(i), outcomes.get(i))
                        else {
                            return;
                        };
                        let outcome = self.layer(layer, || source.blob(layer));
                        if outcome.is_err() {
                            // Without this layer there is no result: do not begin others.
                            next.store(image.layers.len(), Ordering::Relaxed);
                        }
                        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
                        (self.progress)(Step::Layer);
                    }
                });
            }
        });
        let mut done = Vec::new();
        let mut failure = None;
        for slot in outcomes {
            match slot.into_inner().unwrap_or_else(PoisonError::into_inner) {
                Some(Ok(it)) => done.push(it),
                Some(Err(err)) => failure = failure.or(Some(err)),
                None => {}
            }
        }
        match failure {
            Some(err) => Err(err),
            None => {
                let mut scanned = self.fold(image, done)?;
                if unread(&scanned) > 0 && self.inspection.limits.waiting_bytes > 0 {
                    return self.closer().scan(source, scanned.image);
                }
                if self.attached {
                    let found = source.attached(&scanned.image);
                    attached::add(&mut scanned, found);
                }
                Ok(scanned)
            }
        }
    }

    /// The same, but that no word of a package spares analysers a closer look.
    fn closer(&self) -> Scanner<'_> {
        let limits = Limits { waiting_bytes: 0, ..self.inspection.limits };
        let inspection = Inspection { limits, ..self.inspection.clone() };
        let cache = self.cache.as_ref().map(|it| it.of_revision(&inspection.revision()));
        Scanner { inspection, cache, ..*self }
    }

    /// The inventories of the images in an archive that can be read only once, from front to back.
    pub fn scan_stream(
        &self,
        archive: impl Read + Send,
        choice: Option<&str>,
        platform: &registry::PlatformChoice,
    ) -> Result<Vec<Scanned>, SourceError> {
        let mut layers: HashMap<String, Inspected> = HashMap::new();
        (self.progress)(Step::Begin { layers: 0, bytes: 0 });
        let images = registry::stream(archive, platform, choice, &mut |name, layer| {
            let mut layer = Counted { inner: layer, progress: self.progress, stop: None };
            layers.insert(name.to_owned(), self.inspection.inspect(&mut layer)?);
            (self.progress)(Step::Layer);
            Ok(())
        })?;
        let missing: Vec<String> = layers.values().flat_map(|it| it.missing.clone()).collect();
        let scanned = images.into_iter().map(|image| {
            let outcomes = image.layers.iter().map(|layer| {
                let place = &layer.blob.place;
                let report = match layers.get(place) {
                    Some(inspected) => {
                        self.keep(layer, inspected);
                        inspected.report.clone()
                    }
                    None => (&broken(Reason::Malformed(format!("no layer `{place}`")))).into(),
                };
                Outcome { report, cached: false, missing: missing.clone() }
            });
            let outcomes = outcomes.collect();
            let mut scanned = self.fold(image, outcomes)?;
            // It can't be read again.
            if let count @ 1.. = unread(&scanned) {
                let what = format!(
                    "{count} files that packages vouched for when their layers were made, and now don't: \
                     an archive that is a file would be read again"
                );
                let (by, layer) = ("malware".to_owned(), 0);
                let what = Gap::new("malware", Reason::Unsupported(what));
                scanned.inventory.gaps.push(Located { what, path: None, layer, by, system: None });
            }
            Ok(scanned)
        });
        scanned.collect()
    }

    fn layer(
        &self,
        layer: &Layer,
        open: impl FnOnce() -> Result<Box<dyn Read + Send>, SourceError>,
    ) -> Result<Outcome, SourceError> {
        let failed = |err| SourceError::reading(&format!("layer {}", name_of(layer)), err);
        self.inspection.wanted().map_err(failed)?;
        if layer.blob.media_type.ends_with("+encrypted") {
            let report = Waiting::from(&broken(Reason::Encrypted));
            return Ok(Outcome { report, cached: false, missing: Vec::new() });
        }
        // Until this is over, nobody else pulls it too.
        let known = self.cache.as_ref().zip(layer.diff_id.as_ref());
        let stop = &*self.inspection.stop;
        let turn = known.map(|(cache, diff_id)| cache.turn(diff_id, layer.blob.size, stop));
        let _held = match turn {
            Some(Turn::Known(report)) => {
                return Ok(Outcome { report, cached: true, missing: Vec::new() });
            }
            Some(Turn::Ours(it)) => it,
            None => None,
        };
        let stop = Some(stop);
        let mut blob = Counted { inner: open()?, progress: self.progress, stop };
        let inspected = self.inspection.inspect(&mut blob).map_err(failed)?;
        self.keep(layer, &inspected);
        let Inspected { report, missing, .. } = inspected;
        Ok(Outcome { report, cached: false, missing })
    }

    /// Puts the layers on top of each other.
    fn fold(&self, image: Image, outcomes: Vec<Outcome>) -> Result<Scanned, SourceError> {
        let packages = Arc::clone(&self.inspection.packages);
        let mut scanned = fold(image, outcomes, packages)?;
        // Nothing was counted, because nobody looked.
        scanned.inventory.examined.take_if(|_| !self.inspection.malware);
        Ok(scanned)
    }

    /// Keeps a new report when it is of the layer that the image speaks of.
    fn keep(&self, layer: &Layer, inspected: &Inspected) {
        let agreed = layer.diff_id.as_ref().filter(|it| inspected.diff_id.as_ref() == Some(it));
        if let Some((cache, diff_id)) = self.cache.as_ref().zip(agreed) {
            // A full disk must not spoil a result that is there.
            drop(cache.store(diff_id, &inspected.report));
        }
    }
}

/// How many files have to be looked at more closely.
fn unread(scanned: &Scanned) -> usize {
    malware::unread(&scanned.inventory, &scanned.packages)
}

/// Puts the layers on top of each other, of which there is no more than one in memory.
fn fold(
    image: Image,
    outcomes: Vec<Outcome>,
    packages: Arc<Packages>,
) -> Result<Scanned, SourceError> {
    let mut squash = Squash::default().with_manifests(!packages.is_empty());
    let (mut facts, mut readable) = (Vec::new(), Vec::new());
    for (layer, outcome) in image.layers.iter().zip(&outcomes) {
        let mut report = match outcome.report.report() {
            Ok(report) => {
                readable.push(&outcome.report);
                report
            }
            Err(why) => broken(Reason::Crashed(format!("its report can't be read: {why}"))),
        };
        let claimed = layer.diff_id.as_ref().zip(report.diff_id.as_ref());
        if let Some((claimed, real)) = claimed.filter(|(claimed, real)| claimed != real) {
            let what = format!("the image says that this layer is {claimed}, it is {real}");
            report.gaps.push((None, Gap::new("layer", Reason::Malformed(what))));
        }
        facts.push(LayerFacts {
            diff_id: report.diff_id.clone(),
            bytes: report.bytes,
            entries: report.entries,
            cached: outcome.cached,
        });
        squash.add(report);
    }
    let failed = |source| SourceError::Io { what: "the reports of the layers".to_owned(), source };
    let covers = || readable.iter().map(|it| it.bytes()).collect();
    let inventory = squash.finish(covers).map_err(failed)?;
    let mut missing_walls: Vec<String> = outcomes.into_iter().flat_map(|it| it.missing).collect();
    missing_walls.sort();
    missing_walls.dedup();
    let attached = Attached::default();
    Ok(Scanned { image, inventory, layers: facts, missing_walls, attached, packages })
}

fn name_of(layer: &Layer) -> String {
    layer.blob.digest.as_ref().map_or_else(|| layer.blob.place.clone(), ToString::to_string)
}

/// Tells how much has been read, and reads no more when it is to stop.
struct Counted<'a, R> {
    inner: R,
    stop: Option<&'a AtomicBool>,
    progress: &'a (dyn Fn(Step) + Sync),
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_some_and(|it| it.load(Ordering::Relaxed)) {
            return Err(io::Error::other("stopped"));
        }
        let count = self.inner.read(buffer)?;
        (self.progress)(Step::Read(u64::try_from(count).unwrap_or(0)));
        Ok(count)
    }
}
