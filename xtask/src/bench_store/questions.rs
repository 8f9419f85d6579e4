//! Every question that a page asks, and how long its answer takes.
use super::{BASE, Bench, Done, NAMES, VERSIONS, chance, digest, name};
use model::Grade;
use std::{
    cmp::Ordering,
    error::Error,
    time::{Duration, Instant},
};
use store::{
    Category, Cursor, Level, Page, Tx, accounts, advisories, audit, channels, components,
    deliveries, exceptions, figures, findings, history,
    images::{self, Filter, Sort, State},
    items, notices, people, quota, registries, repositories, risks, scans, settings, targets,
    tasks, tokens,
};

/// How often a question is asked at least; more often, as long as that takes no longer than `WHILE`.
const TIMES: usize = 100;
const MOST: usize = 1_000;
const WHILE: Duration = Duration::from_millis(200);
/// A question that misses the limit by far need not be asked a hundred times.
const ENOUGH: Duration = Duration::from_secs(6);
const LIMIT: Duration = Duration::from_millis(100);
/// Rows of a page, and of the largest that may be asked for.
const PAGE: usize = 50;
const LARGEST: usize = 500;

/// Is a little different each time; says how many rows there are.
type Ask<'a> = Box<dyn Fn(&mut Tx<'_>, usize) -> store::Result<usize> + 'a>;

/// All questions, by name.
struct Questions<'a>(Vec<(String, Ask<'a>)>);

impl<'a> Questions<'a> {
    fn add(
        &mut self,
        name: impl Into<String>,
        ask: impl Fn(&mut Tx<'_>, usize) -> store::Result<usize> + 'a,
    ) {
        self.0.push((name.into(), Box::new(ask)));
    }

    fn images(&mut self, name: impl Into<String>, filter: Filter, sort: Sort) {
        self.add(name, move |tx, _| rows(images::page(tx, &filter, sort, None, PAGE)));
    }
}

fn rows<T>(page: store::Result<Page<T>>) -> store::Result<usize> {
    page.map(|it| it.items.len())
}

/// Follows a list for so many pages, of which the last counts.
fn follow<T>(
    pages: usize,
    mut page: impl FnMut(Option<&Cursor>) -> store::Result<Page<T>>,
) -> store::Result<Option<Cursor>> {
    let mut cursor = None;
    for _ in 0..pages {
        cursor = page(cursor.as_ref())?.next;
    }
    Ok(cursor)
}

const SORTS: [(&str, Sort); 4] = [
    ("level", Sort::Level),
    ("last scan", Sort::Scanned),
    ("pushed", Sort::Pushed),
    ("name", Sort::Name),
];

impl Bench {
    pub(super) fn ask(&self, only: &str) -> Done {
        let mut missed = 0;
        let all = self.questions()?.0;
        println!("{:50} {:>9} {:>9} {:>9} {:>6}", "question", "p50", "p99", "max", "rows");
        for (name, ask) in all.iter().filter(|it| it.0.contains(only)) {
            let mut times = Vec::new();
            let (mut rows, mut all) = (0, Duration::ZERO);
            while times.len() < MOST && (times.len() < TIMES || all < WHILE) && all < ENOUGH {
                let start = Instant::now();
                rows = rows.max(self.store.read(|tx| ask(tx, times.len()))?);
                times.push(start.elapsed());
                all += start.elapsed();
            }
            times.sort();
            // The least that so many are not above.
            let at = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
            let (p50, p99, max) = (at(50), at(99), at(100));
            let word = if p99 > LIMIT { "MISSED" } else { "" };
            missed += usize::from(p99 > LIMIT);
            println!("{name:50} {p50:>9.1?} {p99:>9.1?} {max:>9.1?} {rows:>6} {word}");
        }
        println!("{:50} {missed} of {} over 100 ms at the 99th percentile", "questions", all.len());
        Ok(())
    }

    fn questions(&self) -> Result<Questions<'_>, Box<dyn Error>> {
        let mut all = Questions(Vec::new());
        self.lists_of_images(&mut all)?;
        self.images_with_something(&mut all)?;
        self.risks(&mut all)?;
        self.one_image(&mut all);
        self.places(&mut all)?;
        self.tasks(&mut all)?;
        self.records_kept(&mut all)?;
        Ok(all)
    }

    fn some(&self, n: usize) -> usize {
        chance(&[n, 77]) % self.images.div_ceil(VERSIONS)
    }

    /// An image that was scanned.
    fn scanned(&self, n: usize) -> usize {
        let some = self.some(n);
        let version = (0..VERSIONS).find(|it| !chance(&[some, *it, 9]).is_multiple_of(20));
        some * VERSIONS + version.unwrap_or_default()
    }

    fn key(&self, tx: &mut Tx<'_>, n: usize) -> store::Result<i64> {
        scans::known(tx, &digest(self.scanned(n))).map(|it| it.map_or(0, |it| it.id))
    }

    fn lists_of_images<'a>(&'a self, all: &mut Questions<'a>) -> Done {
        let none = Filter::default;
        let registry = self.registries()?[0];
        let mirror = self.registry("mirror-30")?;
        for (name, sort) in SORTS {
            let by = |what: &str| format!("images{what} by {name}");
            all.images(by(""), none(), sort);
            all.add(format!("{}, page after page", by("")), move |tx, n| {
                let cursor = follow(n % 10, |it| images::page(tx, &none(), sort, it, PAGE))?;
                rows(images::page(tx, &none(), sort, cursor.as_ref(), PAGE))
            });
            all.add(format!("{}, 500 rows", by("")), move |tx, _| {
                rows(images::page(tx, &none(), sort, None, LARGEST))
            });
            all.images(by(" of a registry"), Filter { registries: vec![registry], ..none() }, sort);
            all.images(by(" of a mirror"), Filter { registries: vec![mirror], ..none() }, sort);
            all.images(by(" tagged latest"), Filter { tag: "latest".into(), ..none() }, sort);
            for (name, state) in [
                ("never scanned", State::New),
                ("scanned", State::Scanned),
                ("failed", State::Failed),
            ] {
                all.images(by(&format!(" {name}")), Filter { states: vec![state], ..none() }, sort);
            }
            for level in [Level::High, Level::Medium, Level::Low, Level::None] {
                let filter = Filter { levels: vec![level], ..none() };
                all.images(by(&format!(" on level {level:?}")), filter, sort);
            }
            for category in [Category::System, Category::Application] {
                let filter = Filter { category: Some(category), ..none() };
                all.images(by(&format!(" with {category:?} risks")), filter, sort);
            }
            for grade in [Grade::Known, Grade::Partial, Grade::Unknown] {
                let filter = Filter { coverage: vec![grade], ..none() };
                all.images(by(&format!(" with coverage {grade:?}")), filter, sort);
            }
            all.images(by(" with all filters"), many(registry), sort);
            let nowhere = Filter {
                levels: vec![Level::None],
                category: Some(Category::Application),
                ..none()
            };
            all.images(by(" that cannot be"), nowhere, sort);
        }
        all.add("images of a repository", move |tx, n| {
            let named = name(self.some(n));
            let ids = repositories::named(tx, registry, &named)?;
            let filter = Filter { repositories: vec![ids.unwrap_or(1)], ..none() };
            rows(images::page(tx, &filter, Sort::Level, None, PAGE))
        });
        let filter = Filter { registries: vec![registry], levels: vec![Level::None], ..none() };
        all.images("images of a registry without findings", filter, Sort::Level);
        let filter = Filter { tag: "1.7".to_owned(), registries: vec![registry], ..none() };
        all.images("images with a tag in a registry", filter, Sort::Level);
        let filter = Filter { tag: "all-8".to_owned(), ..none() };
        all.images("images with a tag of an index", filter, Sort::Level);
        Ok(())
    }

    fn images_with_something<'a>(&'a self, all: &mut Questions<'a>) -> Done {
        let none = Filter::default;
        for (name, sort) in SORTS {
            for text in ["service-77", "team-7", "service", "e", "1.3", "mirror-2", "nowhere"] {
                let filter = Filter { text: text.to_owned(), ..none() };
                all.images(format!("images with the text {text} by {name}"), filter, sort);
            }
            all.add(format!("images with a digest by {name}"), move |tx, n| {
                let filter = Filter { text: digest(self.scanned(n))[..19].to_owned(), ..none() };
                rows(images::page(tx, &filter, sort, None, PAGE))
            });
            all.add(format!("images with a library below a version by {name}"), move |tx, n| {
                let filter = below(tx, &format!("library-{}", chance(&[n]) % NAMES), "4.0.1")?;
                rows(images::page(tx, &filter, sort, None, PAGE))
            });
            all.add(format!("images with a package of every base by {name}"), move |tx, n| {
                let filter = below(tx, &format!("base-{}", n % BASE), "9")?;
                rows(images::page(tx, &filter, sort, None, PAGE))
            });
            all.add(format!("images with an unknown component by {name}"), move |tx, _| {
                let filter = below(tx, "log4j-core", "2.17.1")?;
                rows(images::page(tx, &filter, sort, None, PAGE))
            });
        }
        let any = risks::Filter { state: risks::State::Open, ..risks::Filter::default() };
        let known = self.store.read(|tx| Ok(risks::page(tx, &any, None, 2_000)?.items))?;
        let registry = self.registries()?[0];
        let most = known.iter().max_by_key(|it| it.images).map(|it| it.name.clone());
        let most = most.unwrap_or_default();
        let names: Vec<String> = known.iter().map(|it| it.name.clone()).collect();
        for (name, sort) in SORTS {
            let some = names.clone();
            all.add(format!("images with a CVE by {name}"), move |tx, n| {
                let filter = Filter { risk: some[n * 13 % some.len()].clone(), ..none() };
                rows(images::page(tx, &filter, sort, None, PAGE))
            });
            let filter = Filter { risk: most.clone(), ..none() };
            all.images(format!("images with the widest CVE by {name}"), filter.clone(), sort);
            let filter = Filter { registries: vec![registry], levels: vec![Level::High], ..filter };
            all.images(format!("images with the widest CVE in a registry by {name}"), filter, sort);
            let filter = Filter { risk: "CVE-1999-0001".to_owned(), ..none() };
            all.images(format!("images with an unknown CVE by {name}"), filter, sort);
        }
        Ok(())
    }

    fn risks<'a>(&'a self, all: &mut Questions<'a>) -> Done {
        let any = risks::Filter::default;
        for category in [None, Some(Category::System), Some(Category::Application)] {
            let of = || risks::Filter { category, ..any() };
            let title = category.map_or("all".to_owned(), |it| format!("{it:?}"));
            let text = |it: &str| risks::Filter { text: it.to_owned(), ..of() };
            let state = |state| risks::Filter { state, ..of() };
            let level = |it| risks::Filter { levels: vec![it], ..of() };
            for (name, filter) in [
                ("", of()),
                (": exploited", risks::Filter { exploited: true, ..of() }),
                (": with an exploit", risks::Filter { exploit_public: true, ..of() }),
                (": remote", risks::Filter { remote: true, ..of() }),
                (": with a restart", risks::Filter { restart: true, ..of() }),
                (": fixable", risks::Filter { fixable: true, ..of() }),
                (": high", level(Level::High)),
                (": medium", level(Level::Medium)),
                (": low", level(Level::Low)),
                (": none", level(Level::None)),
                (": with a text", text("part 31")),
                (": with a text of all", text("flaw")),
                (": with a text of none", text("nowhere")),
                (": with a name", text("cve-2014-12")),
                (": handled", state(risks::State::Handled)),
                (": gone", state(risks::State::Gone)),
                (": in any state", state(risks::State::Any)),
                (": by images", risks::Filter { sort: risks::Sort::Images, ..of() }),
                (": by age", risks::Filter { sort: risks::Sort::Seen, ..of() }),
                (": all filters", risks::Filter { exploited: true, fixable: true, ..text("2") }),
            ] {
                let name = format!("risks of {title}{name}");
                all.add(name, move |tx, _| rows(risks::page(tx, &filter, None, PAGE)));
            }
            let (one, two) = (of(), of());
            all.add(format!("risks of {title}, page after page"), move |tx, n| {
                let cursor = follow(n % 10, |it| risks::page(tx, &one, it, PAGE))?;
                rows(risks::page(tx, &one, cursor.as_ref(), PAGE))
            });
            all.add(format!("risks of {title}, 500 rows"), move |tx, _| {
                rows(risks::page(tx, &two, None, LARGEST))
            });
        }
        let known = self.store.read(|tx| Ok(risks::page(tx, &any(), None, 2_000)?.items))?;
        let names: Vec<String> = known.iter().map(|it| it.name.clone()).collect();
        all.add("risk by name", move |tx, n| {
            risks::named(tx, &names[n * 13 % names.len()]).map(|it| it.len())
        });
        let ids: Vec<i64> = known.iter().map(|it| it.id).collect();
        let (one, two) = (ids.clone(), ids);
        all.add("risk: components", move |tx, n| {
            findings::affected(tx, one[n * 13 % one.len()], 0, LARGEST).map(|it| it.len())
        });
        let most = known.iter().max_by_key(|it| it.components).map_or(0, |it| it.id);
        all.add("risk: components of the one with most", move |tx, _| {
            findings::affected(tx, most, 0, LARGEST).map(|it| it.len())
        });
        all.add("finding: why", move |tx, n| {
            let risk = two[n * 13 % two.len()];
            let Some((it, _)) = findings::affected(tx, risk, 0, 1)?.pop() else { return Ok(0) };
            findings::why(tx, it, risk).map(|it| it.iter().len())
        });
        for (name, text) in [
            ("components with a text", "library-12"),
            ("components with a short text", "a"),
            ("components with a text in the middle", "rary-77"),
            ("components with a text of none", "nowhere"),
            ("components", ""),
        ] {
            all.add(name, move |tx, _| rows(components::search(tx, text, None, PAGE)));
        }
        all.add("components, page after page", |tx, n| {
            let cursor = follow(n % 10, |it| components::search(tx, "library", it, PAGE))?;
            rows(components::search(tx, "library", cursor.as_ref(), PAGE))
        });
        all.add("components of a name", |tx, n| {
            components::named(tx, &format!("library-{}", n % NAMES), None).map(|it| it.len())
        });
        all.add("figures: images", |tx, _| figures::images(tx).map(|it| it.len()));
        all.add("figures: coverage", |tx, _| figures::uncovered(tx).map(|it| it.len()));
        all.add("figures: risks", |tx, _| risks::open(tx).map(|it| it.len()));
        all.add("figures: ages", |tx, _| risks::ages(tx, [30, 20, 10]).map(|it| it.len()));
        all.add("figures: 400 days", |tx, _| history::since(tx, 0).map(|it| it.len()));
        all.add("figures: today", |tx, _| history::today(tx, 0).map(|_| 1));
        Ok(())
    }

    fn one_image<'a>(&'a self, all: &mut Questions<'a>) {
        all.add("image", |tx, n| Ok(images::one(tx, &digest(self.scanned(n)))?.iter().len()));
        all.add("image: components", |tx, n| {
            let id = self.key(tx, n)?;
            components::of_image(tx, id).map(|it| it.len())
        });
        for (name, gone) in [("image: findings", false), ("image: findings with those gone", true)]
        {
            all.add(name, move |tx, n| {
                let id = self.key(tx, n)?;
                findings::of_image(tx, id, gone).map(|it| it.len())
            });
        }
        all.add("image: timeline", |tx, n| {
            let id = self.key(tx, n)?;
            findings::timeline(tx, id).map(|it| it.len())
        });
        all.add("image: compared with an older one", |tx, n| {
            let first = self.scanned(n) / VERSIONS * VERSIONS;
            let [a, b] = [first, first + VERSIONS - 1].map(digest);
            let (a, b) = (scans::known(tx, &a)?, scans::known(tx, &b)?);
            let (a, b) = (a.map_or(0, |it| it.id), b.map_or(0, |it| it.id));
            let it = findings::compare(tx, a, b)?;
            Ok(it.components_added.len() + it.findings_added.len())
        });
        all.add("image: compared with another", |tx, n| {
            let (a, b) = (self.key(tx, n)?, self.key(tx, n + 1)?);
            let it = findings::compare(tx, a, b)?;
            Ok(it.components_added.len() + it.findings_added.len())
        });
        all.add("image: scans", |tx, n| {
            items::of_digest(tx, &digest(self.scanned(n)), 100).map(|it| it.len())
        });
    }

    fn places<'a>(&'a self, all: &mut Questions<'a>) -> Done {
        let first = self.registries()?[0];
        all.add("registries", |tx, _| registries::all(tx).map(|it| it.len()));
        all.add("registry", move |tx, _| Ok(registries::one(tx, first)?.iter().len()));
        all.add("accounts", |tx, _| accounts::all(tx).map(|it| it.len()));
        all.add("namespaces of a registry", move |tx, _| {
            rows(repositories::namespaces(tx, first, None, PAGE))
        });
        let any = repositories::Filter::default;
        for (name, filter) in [
            ("repositories", any()),
            ("repositories of a registry", repositories::Filter { registry: Some(first), ..any() }),
            (
                "repositories of a namespace",
                repositories::Filter { registry: Some(first), namespace: Some("team-5"), ..any() },
            ),
            ("repositories with a text", repositories::Filter { text: "service-77", ..any() }),
            ("repositories with a text of none", repositories::Filter { text: "nowhere", ..any() }),
        ] {
            all.add(name, move |tx, _| rows(repositories::page(tx, filter, None, PAGE)));
        }
        all.add("repositories, page after page", move |tx, n| {
            let cursor = follow(n % 10, |it| repositories::page(tx, any(), it, PAGE))?;
            rows(repositories::page(tx, any(), cursor.as_ref(), PAGE))
        });
        all.add("targets of a repository", |tx, n| {
            repositories::targets(tx, self.some(n) as i64 + 1, 0, LARGEST).map(|it| it.len())
        });
        all.add("targets: what is known and paid", |tx, n| {
            let digests: Vec<String> = (0..LARGEST).map(|it| digest(n * LARGEST + it)).collect();
            let digests: Vec<&str> = digests.iter().map(String::as_str).collect();
            Ok(targets::known(tx, &digests)?.len() + targets::paid(tx, &digests)?)
        });
        Ok(())
    }

    fn tasks<'a>(&'a self, all: &mut Questions<'a>) -> Done {
        let any = tasks::Filter::default;
        let mut lists = vec![("tasks", any())];
        for (name, kind) in [
            ("tasks of a change", tasks::Kind::Change),
            ("tasks by hand", tasks::Kind::Manual),
            ("tasks of the cycle", tasks::Kind::Cycle),
        ] {
            lists.push((name, tasks::Filter { kind: Some(kind), ended: None }));
        }
        lists.push(("tasks that ended", tasks::Filter { kind: None, ended: Some(true) }));
        lists.push(("tasks that go on", tasks::Filter { kind: None, ended: Some(false) }));
        for (name, filter) in lists {
            all.add(name, move |tx, _| rows(tasks::page(tx, &filter, None, PAGE)));
        }
        let newest = self.store.read(|tx| tasks::page(tx, &any(), None, 1))?;
        let newest = newest.items.first().map_or(0, |it| it.id);
        all.add("task", move |tx, _| Ok(tasks::one(tx, newest)?.iter().len()));
        let queue = |tx: &mut Tx<'_>| Ok(tasks::ending(tx)?.len() + tasks::exhausted(tx)?.len());
        all.add("tasks: what is left of them", move |tx, _| queue(tx));
        let mut states = vec![("all".to_owned(), None)];
        for (state, word) in <items::State as store::Word>::WORDS {
            states.push(((*word).to_owned(), Some(*state)));
        }
        for (name, state) in states {
            for (title, task) in [("a task that goes on", newest), ("one that ended", 1)] {
                all.add(format!("items of {title}: {name}"), move |tx, _| {
                    rows(items::page(tx, task, state, "", None, PAGE))
                });
            }
        }
        all.add("items, page after page", move |tx, n| {
            let cursor = follow(n % 10, |it| items::page(tx, newest, None, "", it, LARGEST))?;
            rows(items::page(tx, newest, None, "", cursor.as_ref(), LARGEST))
        });
        all.add("quota", |tx, _| quota::read(tx).map(|_| 1));
        all.add("quota: what was paid", |tx, n| {
            let cursor = follow(n % 10, |it| quota::ledger(tx, it, PAGE))?;
            rows(quota::ledger(tx, cursor.as_ref(), PAGE))
        });
        Ok(())
    }

    fn records_kept<'a>(&'a self, all: &mut Questions<'a>) -> Done {
        all.add("exceptions", |tx, _| rows(exceptions::page(tx, false, None, PAGE)));
        all.add("exceptions, ended too", |tx, _| rows(exceptions::page(tx, true, None, PAGE)));
        all.add("exception", |tx, n| Ok(exceptions::one(tx, n as i64 % 100 + 1)?.iter().len()));
        let any = audit::Filter::default;
        let text = |it: &str| Some(it.to_owned());
        for (name, filter) in [
            ("audit", any()),
            ("audit of a person", audit::Filter { person: text("person-7"), ..any() }),
            ("audit of nobody", audit::Filter { person: text("nobody"), ..any() }),
            ("audit of an action", audit::Filter { action: text("login"), ..any() }),
            ("audit of no action", audit::Filter { action: text("nothing"), ..any() }),
            ("audit of an object", audit::Filter { object: text("registry/7"), ..any() }),
            (
                "audit of a time",
                audit::Filter {
                    since: Some(super::NOW + 60_000_000),
                    until: Some(super::NOW + 120_000_000),
                    ..any()
                },
            ),
            (
                "audit of a person, doing something rare",
                audit::Filter { person: text("person-7"), action: text("nothing"), ..any() },
            ),
        ] {
            all.add(name, move |tx, _| rows(audit::page(tx, &filter, None, PAGE)));
        }
        let any = deliveries::Filter::default;
        let mut lists = vec![("all".to_owned(), any())];
        for (state, word) in <deliveries::State as store::Word>::WORDS {
            let state = Some(*state);
            lists.push(((*word).to_owned(), deliveries::Filter { state, ..any() }));
            let filter = deliveries::Filter { state, channel: Some(2) };
            lists.push((format!("{word}, to a channel"), filter));
        }
        lists.push(("to a channel".to_owned(), deliveries::Filter { channel: Some(2), ..any() }));
        for (name, filter) in lists {
            let name = format!("deliveries: {name}");
            all.add(name, move |tx, _| rows(deliveries::page(tx, &filter, None, PAGE)));
        }
        all.add("channels", |tx, _| channels::all(tx).map(|it| it.len()));
        all.add("notices", |tx, n| notices::after(tx, n as i64 * 50, 100).map(|it| it.len()));
        all.add("people", |tx, _| rows(people::page(tx, None, PAGE)));
        all.add("tokens", |tx, _| rows(tokens::page(tx, None, None, PAGE)));
        all.add("tokens of a person", |tx, n| {
            rows(tokens::page(tx, Some(n as i64 % 300 + 1), None, PAGE))
        });
        all.add("who has a token", |tx, n| {
            Ok(tokens::person(tx, &format!("{}-1", n % 300), super::NOW)?.iter().len())
        });
        all.add("settings", |tx, _| Ok(settings::one(tx, "records")?.iter().len()));
        all.add("advisories", |tx, _| Ok(advisories::all(tx)?.len()));
        Ok(())
    }
}

/// Something of everything.
fn many(registry: i64) -> Filter {
    Filter {
        registries: vec![registry],
        tag: "1.7".to_owned(),
        states: vec![State::Scanned],
        levels: vec![Level::High, Level::Medium],
        category: Some(Category::Application),
        coverage: vec![Grade::Known],
        text: "service".to_owned(),
        ..Filter::default()
    }
}

/// Images with a component below a version, asked as the API does.
fn below(tx: &mut Tx<'_>, name: &str, version: &str) -> store::Result<Filter> {
    let mut named = components::named(tx, name, None)?;
    named.retain(|(_, it)| {
        let order = it.ecosystem.scheme().order(&it.version, version);
        order.is_none_or(|it| it == Ordering::Less)
    });
    let components = named.into_iter().map(|it| it.0).collect();
    Ok(Filter { components: Some(components), ..Filter::default() })
}
