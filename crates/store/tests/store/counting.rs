//! Whatever happens in whatever order, the counts that are kept equal those of a plain recount.
use crate::{
    embedded, server,
    world::{
        digest, finding, inventory, keys, located, rate, registry, repository, round, seen,
        write_scan,
    },
};
use model::{Finding, Level as Severity};
use proptest::{collection::vec, prelude::*, sample::subsequence};
use std::collections::{BTreeMap, BTreeSet};
use store::{
    Category, Counts, Level, Store,
    exceptions::{self, Kind, New, Place},
    findings, images,
    places::{self, Seen},
    registries, rematch, risks,
    scans::Outcome,
};

const IMAGES: [&str; 5] = ["a", "b", "c", "d", "e"];
const COMPONENTS: [&str; 5] = ["libc6", "bash", "zlib", "npm:log", "npm:pad"];
const RISKS: [&str; 4] = ["CVE-1", "CVE-2", "CVE-3", "CVE-4"];
const LEVELS: [Severity; 4] =
    [Severity::Unknown, Severity::Low, Severity::Medium, Severity::Critical];
/// Registry and repository.
const REPOSITORIES: [(usize, &str); 3] = [(0, "app"), (0, "base"), (1, "app")];

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    /// A repository has these images now; the first also by the tag `latest`.
    Round(usize, Vec<usize>),
    /// An image is scanned, and has these components in these layers.
    Scan(usize, Vec<(usize, usize)>),
    /// Advisories say of a component that it has these risks, so bad.
    Update(usize, Vec<(usize, usize)>),
    /// A rule is made: risk, package, by name or by package URL, path, place, kind.
    Add(Option<usize>, Option<usize>, Option<&'static str>, usize, bool),
    /// A rule ends, counted from the oldest.
    End(usize),
    /// A registry is removed, and added again.
    Remove(usize),
    /// Unused things are thrown away.
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let some_images = subsequence((0..IMAGES.len()).collect::<Vec<_>>(), 0..=4);
    let contents = vec((0..COMPONENTS.len(), 0..3usize), 0..6);
    let said = vec((0..RISKS.len(), 0..LEVELS.len()), 0..4);
    let path = proptest::option::weighted(
        0.2,
        prop_oneof![Just("srv/1/**"), Just("var/**/*us"), Just("*")],
    );
    let rule = (
        proptest::option::weighted(0.8, 0..RISKS.len()),
        proptest::option::weighted(0.4, 0..COMPONENTS.len() * 2),
        path,
        0..9usize,
        any::<bool>(),
    );
    prop_oneof![
        3 => (0..REPOSITORIES.len(), some_images).prop_map(|(a, b)| Step::Round(a, b)),
        5 => (0..IMAGES.len(), contents).prop_map(|(a, b)| Step::Scan(a, b)),
        4 => (0..COMPONENTS.len(), said).prop_map(|(a, b)| Step::Update(a, b)),
        3 => rule.prop_map(|(a, b, c, d, e)| Step::Add(a, b, c, d, e)),
        2 => (0..4usize).prop_map(Step::End),
        1 => (0..2usize).prop_map(Step::Remove),
        1 => Just(Step::Sweep),
    ]
}

/// The package URL of a component; of the distribution's packages those that were built from it.
fn purl(name: &str) -> String {
    match name.split_once(':') {
        Some((kind, name)) => format!("pkg:{kind}/{name}@1"),
        None => format!("pkg:deb/debian/{name}?arch=source&distro=debian-12"),
    }
}

/// All that is so, as plainly as it can be said.
struct World<'a> {
    store: &'a Store,
    registries: Vec<i64>,
    /// What each repository has, and what its tag `latest` points to.
    places: BTreeMap<usize, (BTreeSet<usize>, Option<usize>)>,
    /// What each image has: component and layer; `None`: it was never scanned.
    contents: BTreeMap<usize, Option<BTreeSet<(usize, usize)>>>,
    /// What advisories say of each component.
    said: BTreeMap<usize, BTreeMap<usize, usize>>,
    rules: Vec<(i64, New)>,
    build: usize,
    now: i64,
}

impl World<'_> {
    fn new(store: &Store) -> World<'_> {
        let registries = vec![registry(store, "one"), registry(store, "two")];
        World {
            store,
            registries,
            places: BTreeMap::new(),
            contents: BTreeMap::new(),
            said: BTreeMap::new(),
            rules: Vec::new(),
            build: 0,
            now: 100,
        }
    }

    fn happen(&mut self, step: &Step) {
        self.now += 10;
        match step {
            Step::Round(at, images) => self.round(*at, images),
            Step::Scan(image, contents) => self.scan(*image, contents),
            Step::Update(component, said) => self.update(*component, said),
            Step::Add(risk, package, path, place, once) => {
                self.add(*risk, *package, *path, *place, *once);
            }
            Step::End(at) => {
                if *at < self.rules.len() {
                    let (id, _) = self.rules.remove(*at);
                    assert!(self.store.write(|tx| exceptions::end(tx, id, self.now)).unwrap());
                }
            }
            Step::Remove(at) => {
                let id = self.registries[*at];
                self.store.write(|tx| registries::remove(tx, id, self.now)).unwrap();
                self.registries[*at] = registry(self.store, &format!("again {}", self.now));
                self.places.retain(|it, _| REPOSITORIES[*it].0 != *at);
            }
            Step::Sweep => {
                let old = store::garbage::Age { images: i64::MIN, matches: i64::MIN };
                while self.store.write(|tx| store::garbage::sweep(tx, old, 2)).unwrap().more {}
            }
        }
        while self.store.write(|tx| store::settle(tx, 2, self.now)).unwrap() > 0 {}
    }

    fn round(&mut self, at: usize, images: &[usize]) {
        let (home, name) = REPOSITORIES[at];
        let (home, latest) = (self.registries[home], images.first().copied());
        let seen =
            |it: &usize| seen(IMAGES[*it], if Some(*it) == latest { &["latest"] } else { &[] });
        let seen: Vec<Seen> = images.iter().map(seen).collect();
        // The other repositories of the registry are as they were.
        let same = |it: &&usize| REPOSITORIES[**it].0 == REPOSITORIES[at].0;
        let others = self.places.keys().filter(same).map(|it| REPOSITORIES[*it].1.to_owned());
        let names: Vec<String> = others.chain([name.to_owned()]).collect();
        let number = self.store.write(|tx| registries::begin_round(tx, home)).unwrap().round;
        self.store
            .write(|tx| {
                let found = places::repositories(tx, home, number, &names)?;
                let id = found.iter().find(|it| it.name == name).unwrap().id;
                places::see(tx, id, number, &seen, self.now)?;
                places::close(tx, id, number, "", self.now)?;
                registries::end_round(tx, home, number, self.now)
            })
            .unwrap();
        self.places.insert(at, (images.iter().copied().collect(), latest));
    }

    fn scan(&mut self, image: usize, contents: &[(usize, usize)]) {
        let known = self.store.read(|tx| store::scans::known(tx, &digest(IMAGES[image]))).unwrap();
        let Some(known) = known else { return };
        let contents: BTreeSet<(usize, usize)> = contents.iter().copied().collect();
        let components = contents.iter().map(|it| located(COMPONENTS[it.0], "1", it.1)).collect();
        let findings = contents.iter().enumerate().flat_map(|(at, it)| self.found(it.0, at));
        let findings: Vec<Finding> = findings.collect();
        let inventory = inventory(components);
        self.store.write(|tx| rematch::begin(tx, &self.build.to_string())).unwrap();
        let write = |tx: &mut store::Tx<'_>| {
            write_scan(tx, known.id, &self.build.to_string(), &inventory, &findings, self.now)
        };
        assert_eq!(self.store.write(write).unwrap(), Outcome::Stored);
        self.contents.insert(image, Some(contents));
        let place = Place::Image(digest(IMAGES[image]));
        self.rules.retain(|it| it.1.kind != Kind::IgnoredOnce || it.1.place != place);
    }

    fn found(&self, component: usize, at: usize) -> Vec<Finding> {
        let said = self.said.get(&component).into_iter().flatten();
        said.map(|(risk, level)| finding(at, RISKS[*risk], LEVELS[*level])).collect()
    }

    fn update(&mut self, component: usize, said: &[(usize, usize)]) {
        self.said.insert(component, said.iter().copied().collect());
        self.build += 1;
        self.store.write(|tx| rematch::begin(tx, &self.build.to_string())).unwrap();
        let keys = keys(&located(COMPONENTS[component], "1", 0));
        let found = self.found(component, 0);
        let now = self.now;
        let apply = |tx: &mut store::Tx<'_>| {
            let candidates = rematch::candidates(tx, &keys, 0, 100)?;
            let all: Vec<_> = candidates.iter().map(|it| (it, found.iter().collect())).collect();
            rematch::apply(tx, &all, &rate, now)
        };
        self.store.write(apply).unwrap();
        let again = self.store.write(apply).unwrap();
        assert!(again.is_empty(), "where nothing changed, nothing is written: {again:?}");
    }

    fn add(
        &mut self,
        risk: Option<usize>,
        package: Option<usize>,
        path: Option<&str>,
        place: usize,
        once: bool,
    ) {
        let package = package.map(|it| match it.checked_sub(COMPONENTS.len()) {
            None => COMPONENTS[it].trim_start_matches("npm:").to_owned(),
            Some(it) => purl(COMPONENTS[it]),
        });
        let repository = |at: usize| {
            let (home, name) = REPOSITORIES[at];
            self.places
                .contains_key(&at)
                .then(|| repository(self.store, self.registries[home], name))
        };
        let place = match place {
            0..3 => Place::Everything,
            3 => Place::Registries(vec![self.registries[0]]),
            4 => Place::Repositories(repository(0).into_iter().chain(repository(2)).collect()),
            5 => {
                Place::Tags(repository(0).map(|it| (it, "latest".to_owned())).into_iter().collect())
            }
            6 => Place::Tags(
                (0..3).filter_map(repository).map(|it| (it, "latest".to_owned())).collect(),
            ),
            it => Place::Image(digest(IMAGES[it - 7])),
        };
        let rule = New {
            risk: risk.map_or(String::new(), |it| RISKS[it].to_owned()),
            package: package.unwrap_or_default(),
            path: path.unwrap_or_default().to_owned(),
            rule: String::new(),
            place,
            kind: if once { Kind::IgnoredOnce } else { Kind::Accepted },
            reason: "because".to_owned(),
            person: "somebody".to_owned(),
            until: None,
            document: String::new(),
        };
        let added = self.store.write(|tx| exceptions::add(tx, &rule, self.now));
        if rule.risk.is_empty() && rule.package.is_empty() && rule.path.is_empty() {
            assert!(added.is_err());
        } else {
            self.rules.push((added.unwrap(), rule));
        }
    }

    /// Whether some rule handles this risk of this component in this image.
    fn is_handled(&self, image: usize, component: usize, risk: usize) -> bool {
        let contents = self.contents[&image].as_ref().unwrap();
        let name = COMPONENTS[component];
        let paths = contents
            .iter()
            .filter(|it| it.0 == component)
            .map(|it| located(name, "1", it.1).path.unwrap().to_string());
        let paths: Vec<String> = paths.collect();
        let fits = |pattern: &str, path: &str| match pattern {
            "srv/1/**" => path.starts_with("srv/1/"),
            "var/**/*us" => path == "var/lib/dpkg/status",
            // There is no file at the top.
            _ => false,
        };
        self.rules.iter().any(|(_, rule)| {
            (rule.risk.is_empty() || rule.risk == RISKS[risk])
                && (["", name.trim_start_matches("npm:"), &purl(name)]
                    .contains(&rule.package.as_str()))
                && (rule.path.is_empty() || paths.iter().all(|it| fits(&rule.path, it)))
                && self.is_within(&rule.place, image)
        })
    }

    fn is_within(&self, place: &Place, image: usize) -> bool {
        let repositories: Vec<usize> =
            self.places.iter().filter(|it| it.1.0.contains(&image)).map(|it| *it.0).collect();
        let id = |at: usize| {
            repository(self.store, self.registries[REPOSITORIES[at].0], REPOSITORIES[at].1)
        };
        let all = |within: &dyn Fn(usize) -> bool| {
            !repositories.is_empty() && repositories.iter().all(|it| within(*it))
        };
        match place {
            Place::Everything => true,
            Place::Image(it) => *it == digest(IMAGES[image]),
            Place::Registries(some) => {
                all(&|at| some.contains(&self.registries[REPOSITORIES[at].0]))
            }
            Place::Repositories(some) => all(&|at| some.contains(&id(at))),
            Place::Tags(some) => all(&|at| {
                self.places[&at].1 == Some(image) && some.contains(&(id(at), "latest".to_owned()))
            }),
        }
    }

    /// Counts everything anew, and compares.
    fn check(&self) {
        let mut of_risks: BTreeMap<(Category, String), i64> = BTreeMap::new();
        for (image, contents) in &self.contents {
            let Some(contents) = contents else { continue };
            let (mut counts, mut open) = (Counts::default(), BTreeSet::new());
            let mut rows = Vec::new();
            for (component, layer) in contents {
                let system = !COMPONENTS[*component].starts_with("npm:");
                let category = if system { Category::System } else { Category::Application };
                for (risk, level) in self.said.get(component).into_iter().flatten() {
                    let handled = self.is_handled(*image, *component, *risk);
                    rows.push((
                        COMPONENTS[*component].trim_start_matches("npm:").to_owned(),
                        *layer,
                        RISKS[*risk].to_owned(),
                        handled,
                    ));
                    if !handled {
                        counts.add(category, Level::from(LEVELS[*level]), 1);
                        open.insert((category, RISKS[*risk].to_owned()));
                    }
                }
            }
            if self.places.values().any(|it| it.0.contains(image)) {
                open.into_iter().for_each(|it| *of_risks.entry(it).or_default() += 1);
            }
            self.check_image(*image, counts, rows);
        }
        let filter = risks::Filter { state: risks::State::Open, ..risks::Filter::default() };
        let page = self.store.read(|tx| risks::page(tx, &filter, None, 100)).unwrap();
        let found: BTreeMap<_, _> =
            page.items.into_iter().map(|it| ((it.category, it.name), it.images)).collect();
        assert_eq!(found, of_risks);
    }

    fn check_image(
        &self,
        image: usize,
        counts: Counts,
        mut rows: Vec<(String, usize, String, bool)>,
    ) {
        let found = self.store.read(|tx| images::one(tx, &digest(IMAGES[image]))).unwrap().unwrap();
        assert_eq!(
            (found.image.counts, found.image.level),
            (counts, counts.level()),
            "{}",
            IMAGES[image]
        );
        let all = self.store.read(|tx| findings::of_image(tx, found.image.id, false)).unwrap();
        let mut found: Vec<_> = all
            .into_iter()
            .map(|it| {
                (it.package, usize::try_from(it.layer).unwrap(), it.name, it.handled_by.is_some())
            })
            .collect();
        found.sort();
        rows.sort();
        assert_eq!(found, rows, "{}", IMAGES[image]);
    }
}

fn all_counts_are_right(store: &Store, steps: &[Step]) {
    let mut world = World::new(store);
    round(
        store,
        world.registries[0],
        &[("start", IMAGES.iter().map(|it| seen(it, &[])).collect())],
        50,
    );
    round(store, world.registries[0], &[], 60);
    let begin = [
        Step::Update(0, vec![(0, 3), (1, 2), (2, 1)]),
        Step::Update(3, vec![(0, 2), (3, 3)]),
        Step::Round(0, vec![0, 1, 2]),
        Step::Round(1, vec![1, 3]),
        Step::Round(2, vec![4, 0]),
        Step::Scan(0, vec![(0, 0), (3, 1), (4, 1)]),
        Step::Scan(1, vec![(0, 0), (3, 1), (1, 2)]),
        Step::Scan(4, vec![(0, 0), (3, 2)]),
    ];
    for step in begin.iter().chain(steps) {
        world.happen(step);
        world.check();
    }
}

/// A part of the usual number of cases, which `PROPTEST_CASES` changes.
fn cases(part: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.div_ceil(part), failure_persistence: None, ..usual }
}

#[test]
fn counts_are_right_in_sqlite() {
    proptest!(cases(10), |(steps in vec(step(), 1..20))| {
        let folder = tempfile::tempdir().unwrap();
        all_counts_are_right(&Store::open(embedded(folder.path())).unwrap(), &steps);
    });
}

#[test]
fn counts_are_right_in_postgresql() {
    proptest!(cases(40), |(steps in vec(step(), 1..20))| {
        let Some(url) = testkit::postgres::database() else { return Ok(()) };
        all_counts_are_right(&Store::open(server(url)).unwrap(), &steps);
    });
}
