//! The store with many images: how big it is, and how long its questions take.
use crate::bench_findings::of_component;
use model::{
    Component, Coverage, Ecosystem, Finding, Grade, ImagePath, Inventory, Kind, Level, Located,
    Priority, Release, Status, System, Uncovered,
};
use sha2::{Digest, Sha256};
use std::{
    cell::RefCell,
    collections::BTreeSet,
    error::Error,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};
use store::{
    Category, Settings, Store, Tx, components, exceptions, figures, findings,
    images::{self, Filter, Sort},
    places::{self, Seen},
    registries, rematch, repositories, risks,
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
/// How often a question is asked.
const TIMES: usize = 100;
const LIMIT: Duration = Duration::from_millis(100);
const NOW: i64 = 1_800_000_000_000;

struct Bench {
    store: Store,
    images: usize,
    /// Whether layers are shared.
    shared: bool,
    /// The components that were found before: what is found in them is not asked for again.
    known: RefCell<BTreeSet<String>>,
}

/// `bench store [--images N] [--postgres URL | --at FILE] [--unshared] [--fill [--seconds N] | --ask | --rematch]`.
pub(crate) fn store(args: &[String]) -> Done {
    let value = |name: &str| args.iter().position(|it| it == name).and_then(|it| args.get(it + 1));
    let has = |name: &str| args.iter().any(|it| it == name);
    let images = value("--images").map_or(Ok(100_000), |it| it.parse())?;
    let scratch = tempfile::tempdir()?;
    let file = value("--at").map_or_else(|| scratch.path().join("store.db"), PathBuf::from);
    let settings = match value("--postgres") {
        Some(url) => Settings::Server { url: url.clone(), authorities: None, connections: 4 },
        None => Settings::Embedded(file.clone()),
    };
    let bench = Bench {
        store: Store::open(settings)?,
        images,
        shared: !has("--unshared"),
        known: RefCell::default(),
    };
    let all = !has("--fill") && !has("--ask") && !has("--rematch");
    if all || has("--fill") {
        // In portions, on a machine that others use too.
        let seconds = value("--seconds").map_or(Ok(u64::MAX), |it| it.parse())?;
        bench.fill(Duration::from_secs(seconds))?;
    }
    if all || has("--ask") {
        bench.ask()?;
    }
    if all || has("--rematch") {
        bench.rematch()?;
    }
    if value("--postgres").is_none() {
        let size = |end: &str| {
            let path = format!("{}{end}", file.display());
            fs::metadata(path).map_or(0, |it| it.len())
        };
        let mib = (size("") + size("-wal")) >> 20;
        println!("{:46} {mib} MiB, {} KiB an image", "size", mib * 1024 / images as u64);
    }
    Ok(())
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
        let registries: Vec<i64> = self.registries()?;
        let known = self.store.read(figures::images)?.iter().map(|it| it.images).sum::<i64>();
        let first = usize::try_from(known)? / VERSIONS;
        let mut next = first;
        while next < repositories && start.elapsed() < patience {
            self.repository(registries[next % registries.len()], next)?;
            next += 1;
        }
        if next == repositories {
            self.rules()?;
        }
        let rate = ((next - first) * VERSIONS) as f64 / start.elapsed().as_secs_f64();
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
            if self
                .known
                .borrow_mut()
                .insert(format!("{scope} {} {}", it.what.name, it.what.version))
            {
                all.extend(of_component(&it.what, at, 0));
            }
        }
        all
    }

    fn registries(&self) -> Result<Vec<i64>, Box<dyn Error>> {
        let known = self.store.read(registries::all)?;
        if !known.is_empty() {
            return Ok(known.into_iter().map(|it| it.id).collect());
        }
        let add = |name: &String| {
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
            self.store.write(|tx| registries::add(tx, &new))
        };
        let names: Vec<String> = (0..5).map(|it| format!("registry-{it}")).collect();
        Ok(names.iter().map(add).collect::<Result<_, _>>()?)
    }

    /// A repository with its images, each pushed and scanned a day after the one before.
    fn repository(&self, registry: i64, repository: usize) -> Done {
        let name = format!("team-{}/service-{repository}", repository % 100);
        let seen = |version: usize| {
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
        };
        let all: Vec<Seen> = (0..VERSIONS).map(seen).collect();
        let names = [name];
        self.store.write(|tx| {
            let found = places::repositories(tx, registry, 1, &names)?;
            places::see(tx, found[0].id, 1, &all, NOW)?;
            places::close(tx, found[0].id, 1, "", NOW)
        })?;
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
        inventory,
        keys: &keys,
        findings: found,
        coverage: &coverage,
        verify: false,
        detail: &[b'x'; 2_000],
    };
    match scans::succeed(tx, &scan, &rate)? {
        Outcome::Stored => Ok(()),
        Outcome::Stale(it) => Err(store::Error::Invalid(format!("the advisories are {it}"))),
    }
}

fn library(kind: &str, number: usize) -> String {
    if kind == "busy" { format!("library-{number}") } else { format!("{kind}-library-{number}") }
}

/// A name, and a question that is a little different each time.
type Question<'a> = (&'a str, Box<dyn Fn(&mut Tx<'_>, usize) -> store::Result<usize> + 'a>);

impl Bench {
    fn ask(&self) -> Done {
        let all = self.questions()?;
        let mut missed = 0;
        for (name, ask) in &all {
            let mut times = Vec::new();
            let mut rows = 0;
            for n in 0..TIMES {
                let start = Instant::now();
                rows = self.store.read(|tx| ask(tx, n))?;
                times.push(start.elapsed());
                // A question that misses the limit by far need not be asked a hundred times.
                if times.iter().sum::<Duration>() > Duration::from_secs(20) {
                    break;
                }
            }
            times.sort();
            let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
            let (p50, p99) = (at(50), at(99));
            let word = if p99 > LIMIT { "MISSED" } else { "" };
            missed += usize::from(p99 > LIMIT);
            println!("{name:46} p50 {p50:>9.1?} p99 {p99:>9.1?} {rows:>6} rows {word}");
        }
        println!("{:46} {missed} of {} over 100 ms at the 99th percentile", "questions", all.len());
        Ok(())
    }

    fn questions(&self) -> Result<Vec<Question<'_>>, Box<dyn Error>> {
        let repositories = self.images.div_ceil(VERSIONS);
        let registry = self.registries()?;
        let some = move |n: usize| chance(&[n, 77]) % repositories;
        let scanned = move |n: usize| {
            let version = (0..VERSIONS).find(|it| !chance(&[some(n), *it, 9]).is_multiple_of(20));
            some(n) * VERSIONS + version.unwrap_or_default()
        };
        let mut all: Vec<Question<'_>> = Vec::new();
        let page = |filter: Filter, sort: Sort| {
            move |tx: &mut Tx<'_>, _: usize| {
                Ok(images::page(tx, &filter, sort, None, 50)?.items.len())
            }
        };
        let none = Filter::default;
        for (name, sort) in [
            ("level", Sort::Level),
            ("last scan", Sort::Scanned),
            ("pushed", Sort::Pushed),
            ("name", Sort::Name),
        ] {
            let name: &'static str = Box::leak(format!("images by {name}").into_boxed_str());
            all.push((name, Box::new(page(none(), sort))));
        }
        all.push((
            "images by level, page after page",
            Box::new(move |tx, n| {
                let mut cursor = None;
                for _ in 0..n % 10 {
                    cursor = images::page(tx, &none(), Sort::Level, cursor.as_ref(), 50)?.next;
                }
                Ok(images::page(tx, &none(), Sort::Level, cursor.as_ref(), 50)?.items.len())
            }),
        ));
        let first = registry[0];
        all.push((
            "images of a registry",
            Box::new(page(Filter { registries: vec![first], ..none() }, Sort::Level)),
        ));
        all.push((
            "images of a registry by name",
            Box::new(page(Filter { registries: vec![first], ..none() }, Sort::Name)),
        ));
        all.push((
            "images of a registry without findings",
            Box::new(page(
                Filter { registries: vec![first], levels: vec![store::Level::None], ..none() },
                Sort::Level,
            )),
        ));
        all.push((
            "images of a repository",
            Box::new(move |tx, n| {
                let filter = repositories::Filter {
                    text: &format!("service-{}", some(n)),
                    ..repositories::Filter::default()
                };
                let found = repositories::page(tx, filter, None, 1)?;
                let filter =
                    Filter { repositories: found.items.iter().map(|it| it.id).collect(), ..none() };
                Ok(images::page(tx, &filter, Sort::Level, None, 50)?.items.len())
            }),
        ));
        all.push((
            "images tagged latest",
            Box::new(page(Filter { tag: "latest".to_owned(), ..none() }, Sort::Level)),
        ));
        all.push((
            "images tagged latest by name",
            Box::new(page(Filter { tag: "latest".to_owned(), ..none() }, Sort::Name)),
        ));
        all.push((
            "images with a tag in a registry",
            Box::new(page(
                Filter { tag: "1.7".to_owned(), registries: vec![first], ..none() },
                Sort::Level,
            )),
        ));
        for (name, state) in [
            ("images never scanned", images::State::New),
            ("images scanned", images::State::Scanned),
            ("images that failed", images::State::Failed),
        ] {
            all.push((name, Box::new(page(Filter { states: vec![state], ..none() }, Sort::Level))));
        }
        all.push((
            "images on level medium",
            Box::new(page(Filter { levels: vec![store::Level::Medium], ..none() }, Sort::Level)),
        ));
        all.push((
            "images with application risks by last scan",
            Box::new(page(
                Filter { category: Some(Category::Application), ..none() },
                Sort::Scanned,
            )),
        ));
        all.push((
            "images seen in part",
            Box::new(page(Filter { coverage: vec![Grade::Partial], ..none() }, Sort::Level)),
        ));
        for (name, text) in [
            ("images with a text: repository", "service-77"),
            ("images with a text: namespace", "team-7"),
            ("images with a text: all", "service"),
            ("images with a text: tag", "1.3"),
            ("images with a text: none", "nowhere"),
        ] {
            all.push((
                name,
                Box::new(page(Filter { text: text.to_owned(), ..none() }, Sort::Level)),
            ));
        }
        all.push((
            "images with a text: digest",
            Box::new(move |tx, n| {
                let filter = Filter { text: digest(scanned(n))[..19].to_owned(), ..none() };
                Ok(images::page(tx, &filter, Sort::Level, None, 50)?.items.len())
            }),
        ));
        all.push((
            "images with a library below a version",
            Box::new(move |tx, n| {
                let named =
                    components::named(tx, &format!("library-{}", chance(&[n]) % NAMES), None)?;
                let old =
                    named.iter().filter(|it| it.1.version.as_str() < "4").map(|it| it.0).collect();
                let filter = Filter { components: Some(old), ..none() };
                Ok(images::page(tx, &filter, Sort::Level, None, 50)?.items.len())
            }),
        ));
        all.push((
            "images with a package of every base",
            Box::new(move |tx, n| {
                let named = components::named(tx, &format!("base-{}", n % BASE), None)?;
                let filter =
                    Filter { components: Some(named.iter().map(|it| it.0).collect()), ..none() };
                Ok(images::page(tx, &filter, Sort::Level, None, 50)?.items.len())
            }),
        ));
        self.more(&mut all, some, scanned)?;
        Ok(all)
    }

    fn more<'a>(
        &'a self,
        all: &mut Vec<Question<'a>>,
        some: impl Fn(usize) -> usize + Copy + 'a,
        scanned: impl Fn(usize) -> usize + Copy + 'a,
    ) -> Done {
        let first = self.registries()?[0];
        let none = Filter::default;
        let any = risks::Filter { state: risks::State::Open, ..risks::Filter::default() };
        let known: Vec<risks::Risk> =
            self.store.read(|tx| Ok(risks::page(tx, &any, None, 2_000)?.items))?;
        let most =
            known.iter().max_by_key(|it| it.images).map(|it| it.name.clone()).unwrap_or_default();
        let names: Vec<String> = known.iter().map(|it| it.name.clone()).collect();
        all.push((
            "images with a CVE",
            Box::new(move |tx, n| {
                let filter = Filter { risk: names[n * 13 % names.len()].clone(), ..none() };
                Ok(images::page(tx, &filter, Sort::Level, None, 50)?.items.len())
            }),
        ));
        for (name, sort) in [
            ("images with the widest CVE", Sort::Level),
            ("images with the widest CVE by last scan", Sort::Scanned),
        ] {
            let filter = Filter { risk: most.clone(), ..none() };
            all.push((
                name,
                Box::new(move |tx, _| Ok(images::page(tx, &filter, sort, None, 50)?.items.len())),
            ));
        }
        let filter = Filter {
            risk: most,
            registries: vec![first],
            levels: vec![store::Level::High],
            ..none()
        };
        all.push((
            "images with the widest CVE in a registry",
            Box::new(move |tx, _| {
                Ok(images::page(tx, &filter, Sort::Level, None, 50)?.items.len())
            }),
        ));
        let empty = risks::Filter::default;
        let system = || risks::Filter { category: Some(Category::System), ..empty() };
        for (name, filter) in [
            ("risks of all", empty()),
            ("risks of the system", system()),
            (
                "risks of applications",
                risks::Filter { category: Some(Category::Application), ..empty() },
            ),
            ("risks exploited", risks::Filter { exploited: true, ..system() }),
            ("risks fixable", risks::Filter { fixable: true, ..system() }),
            ("risks on level low", risks::Filter { levels: vec![store::Level::Low], ..system() }),
            ("risks with a text", risks::Filter { text: "part 31".to_owned(), ..system() }),
            ("risks with a text: none", risks::Filter { text: "nowhere".to_owned(), ..system() }),
            ("risks handled", risks::Filter { state: risks::State::Handled, ..system() }),
            ("risks gone", risks::Filter { state: risks::State::Gone, ..system() }),
        ] {
            all.push((
                name,
                Box::new(move |tx, _| Ok(risks::page(tx, &filter, None, 50)?.items.len())),
            ));
        }
        let one = move |tx: &mut Tx<'_>, n: usize| {
            scans::known(tx, &digest(scanned(n))).map(|it| it.map_or(0, |it| it.id))
        };
        all.push((
            "image",
            Box::new(move |tx, n| Ok(usize::from(images::one(tx, &digest(scanned(n)))?.is_some()))),
        ));
        all.push((
            "image: components",
            Box::new(move |tx, n| {
                let id = one(tx, n)?;
                Ok(components::of_image(tx, id)?.len())
            }),
        ));
        all.push((
            "image: findings",
            Box::new(move |tx, n| {
                let id = one(tx, n)?;
                Ok(findings::of_image(tx, id, false)?.len())
            }),
        ));
        all.push((
            "image: timeline",
            Box::new(move |tx, n| {
                let id = one(tx, n)?;
                Ok(findings::timeline(tx, id)?.len())
            }),
        ));
        all.push((
            "image: compared with another",
            Box::new(move |tx, n| {
                let (a, b) = (one(tx, n)?, one(tx, n + 1)?);
                let it = findings::compare(tx, a, b)?;
                Ok(it.components_added.len() + it.findings_added.len())
            }),
        ));
        let risk = known.first().map_or(0, |it| it.id);
        all.push((
            "finding: why",
            Box::new(move |tx, _| {
                let (component, _) = findings::affected(tx, risk, 0, 1)?.remove(0);
                Ok(usize::from(findings::why(tx, component, risk)?.is_some()))
            }),
        ));
        all.push((
            "risk: components",
            Box::new(move |tx, _| Ok(findings::affected(tx, risk, 0, 50)?.len())),
        ));
        for (name, text) in [
            ("components with a text", "library-12"),
            ("components with a text: all", "a"),
            ("components with a text: none", "nowhere"),
        ] {
            all.push((
                name,
                Box::new(move |tx, _| Ok(components::search(tx, text, None, 50)?.items.len())),
            ));
        }
        all.push(("registries", Box::new(|tx, _| Ok(registries::all(tx)?.len()))));
        all.push((
            "namespaces of a registry",
            Box::new(move |tx, _| Ok(repositories::namespaces(tx, first, None, 50)?.items.len())),
        ));
        all.push((
            "repositories",
            Box::new(|tx, _| {
                Ok(repositories::page(tx, repositories::Filter::default(), None, 50)?.items.len())
            }),
        ));
        all.push((
            "repositories with a text",
            Box::new(move |tx, n| {
                let text = format!("service-{}", some(n));
                let filter =
                    repositories::Filter { text: &text, ..repositories::Filter::default() };
                Ok(repositories::page(tx, filter, None, 50)?.items.len())
            }),
        ));
        all.push((
            "targets of a repository",
            Box::new(move |tx, n| Ok(repositories::targets(tx, some(n) as i64 + 1, 0, 100)?.len())),
        ));
        all.push(("figures: images", Box::new(|tx, _| Ok(figures::images(tx)?.len()))));
        all.push(("figures: coverage", Box::new(|tx, _| Ok(figures::uncovered(tx)?.len()))));
        all.push(("figures: risks", Box::new(|tx, _| Ok(risks::open(tx)?.len()))));
        all.push((
            "exceptions",
            Box::new(|tx, _| Ok(exceptions::page(tx, true, None, 50)?.items.len())),
        ));
        Ok(())
    }

    /// An update that says something else of every hundredth package.
    fn rematch(&self) -> Done {
        const SOME: usize = 500;
        let mut changed: Vec<(String, String)> = Vec::new();
        for n in (0..NAMES).step_by(100) {
            changed.push(("npm".to_owned(), format!("library-{n}")));
        }
        for distribution in 0..DISTRIBUTIONS {
            let namespace = format!("distribution-{distribution}:12");
            let base = (0..BASE).map(|it| format!("base-{it}"));
            let runtime = (BASE..BASE + RUNTIME)
                .flat_map(|n| (0..RUNTIMES).map(move |it| format!("runtime-{it}-{n}")));
            for name in base.chain(runtime).skip(distribution).step_by(100) {
                changed.push((namespace.clone(), name));
            }
        }
        let at = NOW + 9_000_000_000;
        let again = self.store.read(rematch::build)?;
        let turn = again.len();
        let build = format!("{again}+");
        let start = Instant::now();
        self.store.write(|tx| rematch::begin(tx, &build))?;
        let (mut after, mut components, mut differences) = (0, 0, 0);
        loop {
            let some = self.store.read(|tx| rematch::candidates(tx, &changed, after, SOME))?;
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
        let time = start.elapsed();
        println!(
            "{:46} {time:.1?} for {} packages, {components} components, {differences} matches that differ (limit 10 s)",
            "re-match of 1 %",
            changed.len()
        );
        // Back to what scans of this benchmark say.
        self.store.write(|tx| rematch::begin(tx, "first"))?;
        Ok(())
    }
}
