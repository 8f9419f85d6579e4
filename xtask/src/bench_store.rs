//! The store with many images: how big it is, and how long its questions take.
mod questions;
mod records;

use crate::bench_findings::of_component;
use model::{
    Component, Coverage, Descriptor, Digest, Ecosystem, Finding, Grade, Image, ImagePath,
    Inventory, Kind, Layer, Level, Located, Priority, Release, Status, System, Uncovered,
};
use scan::center::{Detail, Facts};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeSet,
    error::Error,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use store::{
    Existing, Settings, Store, Tx, exceptions, figures,
    places::{self, Seen},
    registries, rematch, risks,
    scans::{self, Outcome, Scan},
};

type Done = Result<(), Box<dyn Error>>;

/// How many images share a repository, one after another.
const VERSIONS: usize = 50;
/// What an image of the benchmark has, layer by layer: of the distribution's base, of a runtime on it, libraries
/// of the application, and the application itself.
const BASE: usize = 120;
const RUNTIME: usize = 30;
const LIBRARIES: usize = 149;
/// So many distributions are there, each in so many states of its packages.
const DISTRIBUTIONS: usize = 8;
const STATES: usize = 12;
/// So many runtimes are put on each state of a distribution.
const RUNTIMES: usize = 5;
/// Of so many libraries an application has a choice, each of which has so many versions.
const NAMES: usize = 6_000;
const RELEASES: usize = 8;
/// So many vulnerabilities are known.
pub(crate) const RISKS: usize = 40_000;
const NOW: i64 = 1_800_000_000_000;

struct Bench {
    store: Store,
    images: usize,
    /// Whether layers are shared.
    shared: bool,
    /// The components that were found before: what is found in them is not asked for again.
    known: Mutex<BTreeSet<String>>,
}

/// `bench store [--images N] [--postgres URL | --at FILE] [--unshared] [--fill [--seconds N] | --ask [--only WORD] | --rematch | --backup FILE]`.
pub(crate) fn store(args: &[String]) -> Done {
    let value = |name: &str| args.iter().position(|it| it == name).and_then(|it| args.get(it + 1));
    let has = |name: &str| args.iter().any(|it| it == name);
    let images = value("--images").map_or(Ok(100_000), |it| it.parse())?;
    let scratch = tempfile::tempdir()?;
    let file = value("--at").map_or_else(|| scratch.path().join("store.db"), PathBuf::from);
    let settings = match value("--postgres") {
        Some(url) => Settings::Server { url: url.clone(), authorities: None, connections: 4 },
        None => Settings::Embedded(file),
    };
    let bench = Bench {
        store: Store::open(settings)?,
        images,
        shared: !has("--unshared"),
        known: Mutex::default(),
    };
    let all = !["--fill", "--ask", "--rematch", "--backup"].iter().any(|it| has(it));
    if all || has("--fill") {
        // In portions, on a machine that others use too.
        let seconds = value("--seconds").map_or(Ok(86_400), |it| it.parse())?;
        bench.fill(Duration::from_secs(seconds))?;
    }
    if all || has("--ask") {
        bench.ask(value("--only").map_or("", String::as_str))?;
    }
    if all || has("--rematch") {
        bench.rematch()?;
    }
    if let Some(file) = value("--backup") {
        bench.backup(Path::new(file))?;
    }
    bench.size()
}

/// A number that depends on the others and looks like chance.
pub(crate) fn chance(parts: &[usize]) -> usize {
    let mut hash = Sha256::new();
    parts.iter().for_each(|it| hash.update(it.to_le_bytes()));
    usize::from_le_bytes(hash.finalize()[..8].try_into().unwrap_or_default())
}

fn digest(image: usize) -> String {
    let hash = Sha256::digest(image.to_le_bytes());
    let hex: String = hash.iter().map(|it| format!("{it:02x}")).collect();
    format!("sha256:{hex}")
}

fn rate(_: Kind, level: Level, status: Status, known: &model::Enrichment) -> Priority {
    let value = match level {
        Level::Critical => 80,
        Level::High => 60,
        Level::Medium => 40,
        _ => 15,
    };
    let fix = if status == Status::Fixed { 5 } else { 0 };
    let epss = known.epss.map_or(0, |it| u8::from(it.score > 0.5) * 10);
    Priority { value: value + fix + epss, rule: String::new() }
}

fn deb(name: &str, version: &str, layer: usize) -> Located<Component> {
    let mut what = Component::new(Ecosystem::Deb, name, version);
    what.arch = Some("amd64".to_owned());
    what.source = Some(model::SourcePackage { name: name.to_owned(), version: version.to_owned() });
    what.vendor =
        Some("Maintainers of the distribution <maintainers@distribution.example>".to_owned());
    let path = ImagePath::parse(b"var/lib/dpkg/status").ok();
    Located { what, path, layer, by: "dpkg-status".to_owned(), system: Some(0) }
}

impl Bench {
    /// The components of an image. A repository stays with a distribution and a runtime, and follows the
    /// states of its packages; from one image to the next two of its libraries get another version.
    fn inventory(&self, image: usize) -> Inventory {
        let (repository, version) = (image / VERSIONS, image % VERSIONS);
        // Of ten repositories one has no package of a distribution, and nothing is found in it; one has little.
        let kind = ["busy", "calm", "quiet"][[0, 0, 0, 0, 0, 0, 0, 0, 1, 2][repository % 10]];
        let distribution = repository % DISTRIBUTIONS;
        let state = version * STATES / VERSIONS;
        let runtime = repository / DISTRIBUTIONS % RUNTIMES;
        let mut all = Vec::with_capacity(BASE + RUNTIME + LIBRARIES + 1);
        for n in 0..BASE + RUNTIME {
            // A package changes every third state or so.
            let build = state * (1 + n % 4) / 4;
            let (name, layer) = if n < BASE {
                (format!("base-{n}"), 0)
            } else {
                (format!("runtime-{runtime}-{n}"), 1)
            };
            let name = if kind == "busy" { name } else { format!("{kind}-{name}") };
            all.push(deb(&name, &format!("1.{}-{build}", n % 7), layer));
        }
        for n in 0..LIBRARIES {
            let name = chance(&[repository, n]) % NAMES;
            let changes = version.saturating_sub(chance(&[repository, n, 1]) % (LIBRARIES / 2));
            let release = (chance(&[repository, n, 2])
                + changes / (LIBRARIES / 2)
                + usize::from(changes > 0))
                % RELEASES;
            let path = format!("srv/app/node_modules/library-{name}/package.json");
            all.push(Located {
                what: Component::new(
                    Ecosystem::Npm,
                    &library(kind, name),
                    &format!("{release}.0.1"),
                ),
                path: ImagePath::parse(path.as_bytes()).ok(),
                layer: 2,
                by: "npm-package".to_owned(),
                system: None,
            });
        }
        let name = format!("@team/application-{repository}");
        all.push(Located {
            what: Component::new(Ecosystem::Npm, &name, &format!("1.{}.0", version / 5)),
            path: ImagePath::parse(b"srv/app/package.json").ok(),
            layer: 3,
            by: "npm-package".to_owned(),
            system: None,
        });
        if !self.shared {
            // A file that differs makes the contents differ.
            for (n, it) in all.iter_mut().enumerate() {
                let path = format!("i/{image}/{n}");
                it.path = ImagePath::parse(path.as_bytes()).ok();
            }
        }
        let release = Release {
            id: format!("distribution-{distribution}"),
            version_id: "12".to_owned(),
            pretty: format!("Distribution {distribution} 12"),
            ..Release::default()
        };
        let systems = vec![System { release: Some(release), ..System::default() }];
        Inventory { systems, components: all, ..Inventory::default() }
    }

    fn fill(&self, patience: Duration) -> Done {
        self.store.write(|tx| rematch::begin(tx, "first"))?;
        let start = Instant::now();
        let repositories = self.images.div_ceil(VERSIONS);
        let registries = self.registries()?;
        let known = self.store.read(figures::images)?.iter().map(|it| it.images).sum::<i64>();
        let first = usize::try_from(known)? / VERSIONS;
        let mut next = first;
        while next < repositories && start.elapsed() < patience {
            self.repository(registries[next % registries.len()], next)?;
            next += 1;
        }
        let rate = ((next - first) * VERSIONS) as f64 / start.elapsed().as_secs_f64();
        if next == repositories {
            self.rules()?;
            self.records(start + patience)?;
        }
        println!("{:46} {} ({rate:.0} scans a second)", "images", next * VERSIONS);
        Ok(())
    }

    /// A few rules: for all images, for repositories, for single images.
    fn rules(&self) -> Done {
        if !self.store.read(|tx| exceptions::page(tx, true, None, 1))?.items.is_empty() {
            return Ok(());
        }
        let any = risks::Filter::default();
        let known = self.store.read(|tx| risks::page(tx, &any, None, 2_000))?.items;
        for (n, risk) in known.iter().step_by(20).enumerate() {
            let place = match n % 3 {
                0 => exceptions::Place::Everything,
                1 => exceptions::Place::Repositories(
                    (0..20).map(|it| (it * 7 + n as i64) % 200 + 1).collect(),
                ),
                _ => exceptions::Place::Image(digest(n * VERSIONS)),
            };
            let rule = exceptions::New {
                risk: risk.name.clone(),
                package: String::new(),
                path: String::new(),
                rule: String::new(),
                place,
                kind: exceptions::Kind::Accepted,
                reason: "measured".to_owned(),
                person: "bench".to_owned(),
                until: None,
                document: String::new(),
            };
            let start = Instant::now();
            self.store.write(|tx| exceptions::add(tx, &rule, NOW))?;
            if n < 3 {
                println!(
                    "{:46} {:.1?}, {} images",
                    format!("rule for {:.12}", format!("{:?}", rule.place)),
                    start.elapsed(),
                    risk.images
                );
            }
        }
        Ok(())
    }

    /// What is found in the components of an inventory that were not in another.
    fn found(&self, inventory: &Inventory) -> Vec<Finding> {
        let release = &inventory.systems[0].release;
        let mut all = Vec::new();
        for (at, it) in inventory.components.iter().enumerate() {
            let scope = it.system.and(release.as_ref()).map_or("", |it| &it.id);
            let name = format!("{scope} {} {}", it.what.name, it.what.version);
            if self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(name) {
                all.extend(of_component(&it.what, at, 0));
            }
        }
        all
    }

    /// The registries that images are pushed to.
    fn registries(&self) -> Result<Vec<i64>, Box<dyn Error>> {
        (0..5).map(|it| Ok(self.registry(&format!("registry-{it}"))?)).collect()
    }

    fn registry(&self, name: &str) -> store::Result<i64> {
        let new = registries::New {
            kind: "harbor",
            name,
            address: "harbor.example",
            account: None,
            document: "{}",
            secret: None,
            hook: None,
            created_at: NOW,
        };
        self.store.write(|tx| {
            let known = registries::all(tx)?.into_iter().find(|it| it.name == name);
            known.map_or_else(|| registries::add(tx, &new), |it| Ok(it.id))
        })
    }

    /// A repository with its images, each pushed and scanned a day after the one before.
    fn repository(&self, registry: i64, repository: usize) -> Done {
        self.store.write(|tx| place(tx, registry, repository))?;
        let made: Vec<_> = (0..VERSIONS)
            // Some were never scanned.
            .filter(|it| !chance(&[repository, *it, 9]).is_multiple_of(20))
            .map(|version| {
                let image = repository * VERSIONS + version;
                let inventory = self.inventory(image);
                let found = self.found(&inventory);
                (image, inventory, found)
            })
            .collect();
        for some in made.chunks(25) {
            self.store.write(|tx| {
                for (image, inventory, findings) in some {
                    scan(tx, *image, inventory, findings)?;
                }
                Ok(())
            })?;
        }
        while self.store.write(|tx| store::settle(tx, 500, NOW))? > 0 {}
        Ok(())
    }
}

/// Puts all images of a repository into a registry.
fn place(tx: &mut Tx<'_>, registry: i64, repository: usize) -> store::Result<()> {
    let all: Vec<Seen> = (0..VERSIONS).map(|version| seen(repository, version)).collect();
    let found = places::repositories(tx, registry, 1, &[name(repository)])?;
    places::see(tx, found[0].id, 1, &all, NOW)?;
    places::close(tx, found[0].id, 1, "", NOW)
}

fn name(repository: usize) -> String {
    format!("team-{}/service-{repository}", repository % 100)
}

fn seen(repository: usize, version: usize) -> Seen {
    let mut tags = vec![(format!("1.{version}"), NOW)];
    if version + 1 == VERSIONS {
        tags.push(("latest".to_owned(), NOW));
    }
    Seen {
        digest: digest(repository * VERSIONS + version),
        kind: places::Kind::Image,
        platform: "linux/amd64".to_owned(),
        size: 200_000_000,
        pushed_at: NOW + (version * 86_400_000 + repository) as i64,
        tags,
        parts: Vec::new(),
    }
}

fn keys(inventory: &Inventory) -> Vec<Vec<(String, String)>> {
    let release = inventory.systems.first().and_then(|it| it.release.as_ref());
    let id = release.map_or("", |it| &it.id);
    let key = |it: &Located<Component>| {
        let namespace = if it.system.is_some() { format!("{id}:12") } else { "npm".to_owned() };
        vec![(namespace, it.what.name.clone())]
    };
    inventory.components.iter().map(key).collect()
}

fn scan(
    tx: &mut Tx<'_>,
    image: usize,
    inventory: &Inventory,
    found: &[Finding],
) -> store::Result<()> {
    let known = scans::known(tx, &digest(image))?;
    let Some(known) = known else { return Ok(()) };
    let (keys, partly) = (keys(inventory), image.is_multiple_of(10));
    let coverage = Coverage {
        grade: if partly { Grade::Partial } else { Grade::Known },
        reasons: if partly { vec![Uncovered::Unread(3)] } else { Vec::new() },
    };
    let scan = Scan {
        image: known.id,
        at: NOW + image as i64,
        build: "first",
        revision: "1",
        system: "Distribution 12",
        platform: "linux/amd64",
        size: 1,
        inventory,
        keys: &keys,
        findings: found,
        coverage: &coverage,
        verify: false,
        detail: &detail(image),
    };
    match scans::succeed(tx, &scan, &rate)? {
        Outcome::Stored => Ok(()),
        Outcome::Stale(it) => Err(store::Error::Invalid(format!("the advisories are {it}"))),
    }
}

/// What is kept of an image besides: that it has four layers.
fn detail(image: usize) -> Vec<u8> {
    let of = |layer: usize| {
        let digest = Digest::parse(&digest(image * 4 + layer));
        let size = 10_000_000 >> layer;
        let blob = Descriptor { digest: digest.clone(), size, ..Descriptor::default() };
        Layer { blob, diff_id: digest, created_by: format!("RUN make layer-{layer}") }
    };
    let image = Image {
        name: "team/application".to_owned(),
        digest: Digest::parse(&digest(image)),
        platform: None,
        created: None,
        config: model::ImageConfig::default(),
        layers: (0..4).map(of).collect(),
    };
    let facts = |it: &Layer| Facts {
        diff_id: it.diff_id.as_ref().map(ToString::to_string),
        bytes: it.blob.size * 3,
        entries: 2_000,
    };
    let layers = image.layers.iter().map(facts).collect();
    serde_json::to_vec(&Detail { image, layers, ..Detail::default() }).unwrap_or_default()
}

fn library(kind: &str, number: usize) -> String {
    if kind == "busy" { format!("library-{number}") } else { format!("{kind}-library-{number}") }
}

impl Bench {
    /// How big the store is, and what is in it when every image is written down by itself.
    fn size(&self) -> Done {
        const EVERY: usize = 100;
        let size = self.store.size()?;
        let mut raw = 0;
        for image in (0..self.images).step_by(EVERY) {
            let inventory = self.inventory(image);
            let found: Vec<Finding> = inventory
                .components
                .iter()
                .enumerate()
                .flat_map(|(at, it)| of_component(&it.what, at, 0))
                .collect();
            raw += serde_json::to_vec(&inventory)?.len() + serde_json::to_vec(&found)?.len();
        }
        let (raw, images) = (raw as u64 * EVERY as u64, self.images as u64);
        println!(
            "{:46} {} MiB, {} bytes an image; {} MiB, {} bytes an image, as JSON of inventories and findings",
            "size",
            size >> 20,
            size / images,
            raw >> 20,
            raw / images
        );
        Ok(())
    }

    /// How long a backup takes, and how long whoever writes meanwhile has to wait.
    fn backup(&self, file: &Path) -> Done {
        let stop = AtomicBool::new(false);
        let write = || {
            let mut longest = Duration::ZERO;
            while !stop.load(Ordering::Relaxed) {
                let start = Instant::now();
                self.store.write(|tx| step(tx, "backup"))?;
                longest = longest.max(start.elapsed());
            }
            Ok::<_, store::Error>(longest)
        };
        let during = |name: &str, run: &dyn Fn() -> Done| {
            stop.store(false, Ordering::Relaxed);
            thread::scope(|scope| {
                let writers: Vec<_> = (0..4).map(|_| scope.spawn(write)).collect();
                let start = Instant::now();
                let done = run();
                let time = start.elapsed();
                stop.store(true, Ordering::Relaxed);
                for it in writers {
                    let longest = it.join().map_err(|_| "a writer panicked")??;
                    println!("{name:46} {time:.1?}, the longest write {longest:.1?}");
                }
                done
            })
        };
        during("nothing", &|| {
            thread::sleep(Duration::from_secs(5));
            Ok(())
        })?;
        during("backup", &|| Ok(self.store.backup(file).map(drop)?))?;
        let (start, to) = (Instant::now(), file.with_extension("restored"));
        Store::restore(file, &to, Existing::Replace)?;
        println!("{:46} {:.1?}", "restore", start.elapsed());
        Ok(())
    }

    /// An update that says something else of every hundredth package; then the same once more, when nothing differs.
    fn rematch(&self) -> Done {
        let (changed, turn) = (changed(0), self.store.read(|tx| stepped(tx, "turn"))?.0 + 10);
        self.store.write(|tx| step(tx, "turn"))?;
        for (name, turn) in [("re-match of 1 %", turn), ("the same again", turn)] {
            let start = Instant::now();
            let (components, differences) =
                self.differ(&changed, turn, NOW + 9_000_000_000 + turn as i64)?;
            println!(
                "{name:46} {:.1?} for {} packages, {components} components, {differences} matches that differ (limit 10 s)",
                start.elapsed(),
                changed.len()
            );
        }
        // Back to what scans of this benchmark say.
        Ok(self.store.write(|tx| rematch::begin(tx, "first"))?)
    }

    /// Matches these packages anew, as `turn` has it. Gives the number of components and of differences.
    fn differ(
        &self,
        changed: &[(String, String)],
        turn: usize,
        at: i64,
    ) -> Result<(usize, usize), Box<dyn Error>> {
        const SOME: usize = 500;
        self.store.write(|tx| rematch::begin(tx, &format!("turn {turn}")))?;
        let (mut after, mut components, mut differences) = (0, 0, 0);
        loop {
            let some = self.store.read(|tx| rematch::candidates(tx, changed, after, SOME))?;
            let Some(last) = some.last() else { break };
            after = last.id;
            components += some.len();
            let found: Vec<_> =
                some.iter().map(|it| of_component(&it.component, 0, turn)).collect();
            let pairs: Vec<_> =
                some.iter().zip(&found).map(|(it, found)| (it, found.iter().collect())).collect();
            let difference = self.store.write(|tx| rematch::apply(tx, &pairs, &rate, at))?;
            differences += difference.appeared.len() + difference.gone.len() + difference.changed;
        }
        Ok((components, differences))
    }
}

/// How far something is.
fn stepped(tx: &mut Tx<'_>, name: &str) -> store::Result<(usize, i64)> {
    let known = store::settings::one(tx, name)?;
    Ok(known.map_or((0, 0), |it| (it.document.parse().unwrap_or_default(), it.version)))
}

/// Notes that it is one step further.
fn step(tx: &mut Tx<'_>, name: &str) -> store::Result<()> {
    let (before, version) = stepped(tx, name)?;
    store::settings::put(tx, name, &(before + 1).to_string(), version, NOW).map(drop)
}

/// Every hundredth package, from one on.
fn changed(first: usize) -> Vec<(String, String)> {
    let libraries = (first..NAMES).step_by(100);
    let mut changed: Vec<(String, String)> =
        libraries.map(|it| ("npm".to_owned(), format!("library-{it}"))).collect();
    for distribution in 0..DISTRIBUTIONS {
        let namespace = format!("distribution-{distribution}:12");
        let base = (0..BASE).map(|it| format!("base-{it}"));
        let runtime = (BASE..BASE + RUNTIME)
            .flat_map(|n| (0..RUNTIMES).map(move |it| format!("runtime-{it}-{n}")));
        for name in base.chain(runtime).skip(distribution + first).step_by(100) {
            changed.push((namespace.clone(), name));
        }
    }
    changed
}
