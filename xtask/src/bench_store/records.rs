//! What else a center has after some months: registries that mirror others, images of several platforms, scans that
//! failed, advisories that came and went, tasks, and what is kept of what people did.
use super::{
    Bench, Done, NOW, VERSIONS, chance, changed, digest, name, place, seen, step, stepped,
};
use std::time::Instant;
use store::{
    Tx, audit, channels, deliveries, notices, people,
    places::{self, Kind, Seen},
    scans,
    tasks::{self, Target},
    tokens, work,
};

/// Registries that have some of the repositories of others too, the first many, the last few.
const MIRRORS: usize = 35;
/// Tasks of which each scanned many images, and a few.
const LARGE: usize = 20;
const SMALL: usize = 480;
const PORTIONS: usize = 20;
const CHANNELS: i64 = 6;
const DAY_MS: i64 = 86_400_000;

/// What is added, and in how many steps.
type Part = (usize, fn(&Bench, usize) -> Done);

const PARTS: &[Part] = &[
    (MIRRORS, Bench::mirror),
    (PORTIONS, Bench::indexes),
    (PORTIONS, Bench::failures),
    (3, Bench::updates),
    (1, Bench::people),
    (PORTIONS, Bench::audit),
    (PORTIONS, Bench::deliveries),
    (LARGE, Bench::large),
    (SMALL / 20, Bench::small),
    (PORTIONS, Bench::cycle),
];

impl Bench {
    /// Adds all this, as far as it is not there, until then.
    pub(super) fn records(&self, until: Instant) -> Done {
        let mut first = 0;
        let done = self.store.read(|tx| stepped(tx, "records"))?.0;
        let all: usize = PARTS.iter().map(|it| it.0).sum();
        for (steps, run) in PARTS {
            for it in done.saturating_sub(first)..*steps {
                if Instant::now() > until {
                    let done = self.store.read(|tx| stepped(tx, "records"))?.0;
                    println!("{:46} {done} of {all} steps", "records");
                    return Ok(());
                }
                run(self, it)?;
                self.store.write(|tx| step(tx, "records"))?;
            }
            first += steps;
        }
        while self.store.write(|tx| store::settle(tx, 500, NOW))? > 0 {}
        println!("{:46} all", "records");
        Ok(())
    }

    fn repositories(&self, portion: usize) -> impl Iterator<Item = usize> {
        (0..self.images.div_ceil(VERSIONS)).skip(portion).step_by(PORTIONS)
    }

    fn mirror(&self, mirror: usize) -> Done {
        let registry = self.registry(&format!("mirror-{mirror}"))?;
        let all = 0..self.images.div_ceil(VERSIONS);
        for repository in
            all.filter(|it| chance(&[*it, mirror, 31]).is_multiple_of(20 + 8 * mirror))
        {
            self.store.write(|tx| place(tx, registry, repository))?;
        }
        Ok(())
    }

    /// In every tenth repository two and two images are of one index.
    fn indexes(&self, portion: usize) -> Done {
        let registries = self.registries()?;
        for repository in self.repositories(portion).filter(|it| it % 10 == 3) {
            let registry = registries[repository % registries.len()];
            let index = |version: usize| Seen {
                digest: digest(usize::MAX - repository * VERSIONS - version),
                kind: Kind::Index,
                tags: vec![(format!("all-{version}"), NOW)],
                parts: [version, version + 1]
                    .map(|it| (seen(repository, it).digest, String::new()))
                    .to_vec(),
                ..seen(repository, version)
            };
            let all: Vec<Seen> = (0..VERSIONS).step_by(2).map(index).collect();
            self.store.write(|tx| {
                let found = places::repositories(tx, registry, 1, &[name(repository)])?;
                places::see(tx, found[0].id, 1, &all, NOW)
            })?;
        }
        Ok(())
    }

    /// The last scan of one image in a hundred failed.
    fn failures(&self, portion: usize) -> Done {
        let all = (0..self.images).skip(portion).step_by(PORTIONS);
        let failed: Vec<usize> = all.filter(|it| chance(&[*it, 41]).is_multiple_of(100)).collect();
        self.store.write(|tx| {
            for it in &failed {
                if let Some(it) = scans::known(tx, &digest(*it))? {
                    scans::fail(tx, it.id, "unreachable", "the registry cannot be reached")?;
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Advisories that came, changed and went.
    fn updates(&self, update: usize) -> Done {
        self.differ(&changed(7 * (update + 1)), update + 1, NOW + (update as i64 + 60) * DAY_MS)?;
        Ok(self.store.write(|tx| store::rematch::begin(tx, "first"))?)
    }

    fn people(&self, _: usize) -> Done {
        self.store.write(|tx| {
            for n in 0..300 {
                let name = format!("person-{n}");
                let new = people::New {
                    name: &name,
                    role: people::Role::Viewer,
                    password: Some("none"),
                    subject: None,
                };
                let person = people::add(tx, new, NOW)?;
                for token in 0..5 {
                    let hash = format!("{n}-{token}");
                    let new = tokens::New {
                        person,
                        name: "pipeline",
                        hash: &hash,
                        role: people::Role::Viewer,
                        until: None,
                    };
                    tokens::add(tx, new, NOW)?;
                }
            }
            for n in 0..CHANNELS {
                let new = channels::New {
                    name: &format!("channel-{n}"),
                    kind: "webhook",
                    document: "{}",
                    secret: None,
                    enabled: true,
                };
                channels::add(tx, new, NOW)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    fn audit(&self, portion: usize) -> Done {
        self.store.write(|tx| {
            for n in 0..5_000 {
                let n = portion * 5_000 + n;
                let entry = audit::Entry {
                    id: 0,
                    at: NOW + n as i64 * 60_000,
                    person: format!("person-{}", chance(&[n, 51]) % 300),
                    action: ["login", "scan", "exception.add", "registry.change"][n % 4].to_owned(),
                    object: format!("registry/{}", chance(&[n, 52]) % 1_000),
                    before: None,
                    after: Some(r#"{"name":"registry-1","address":"harbor.example"}"#.to_owned()),
                };
                audit::add(tx, &entry)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    fn deliveries(&self, portion: usize) -> Done {
        let channels = self.store.read(channels::all)?;
        let channels: Vec<i64> = channels.into_iter().map(|it| it.id).collect();
        let document = format!(r#"{{"risk":"CVE-2024-1","images":["{}"]}}"#, digest(portion));
        self.store.write(|tx| {
            for n in 0..500 {
                let at = NOW + (portion * 500 + n) as i64 * 60_000;
                notices::add(tx, "affected", &document, at)?;
                deliveries::add(tx, &channels, "affected", &document, at)?;
                for (n, channel) in channels.iter().enumerate() {
                    let Some(it) = deliveries::claim(tx, *channel, at, at + 60_000)? else {
                        continue;
                    };
                    match n {
                        0 => deliveries::failed(tx, it.id, "the target does not answer", None, at)?,
                        _ => deliveries::delivered(tx, it.id, "", at)?,
                    }
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    fn large(&self, number: usize) -> Done {
        let images: Vec<usize> = (0..self.images).skip(number).step_by(LARGE).collect();
        self.task(tasks::Kind::Manual, &images)
    }

    fn small(&self, portion: usize) -> Done {
        for task in 0..20 {
            let image = |n: usize| chance(&[portion, task, n, 61]) % self.images;
            let mut images: Vec<usize> = (0..20).map(image).collect();
            images.sort_unstable();
            images.dedup();
            self.task(tasks::Kind::Change, &images)?;
        }
        Ok(())
    }

    /// A task that is over: one image in thirty could not be scanned.
    fn task(&self, kind: tasks::Kind, images: &[usize]) -> Done {
        let task = self.store.write(|tx| {
            let task = tasks::start(tx, kind, "person-1", "{}", NOW)?;
            add(tx, task, images)?;
            tasks::seal(tx, task, NOW)?;
            Ok(task)
        })?;
        let mut left = images.len();
        while left > 0 {
            let some = left.min(250);
            left -= some;
            self.store.write(|tx| (0..some).try_for_each(|n| end(tx, n)))?;
        }
        let ended = self.store.read(|tx| tasks::one(tx, task))?.and_then(|it| it.ended_at);
        ended.map(drop).ok_or_else(|| "a task has not ended".into())
    }

    /// A task of all images that has just begun.
    fn cycle(&self, portion: usize) -> Done {
        let images: Vec<usize> = (0..self.images).skip(portion).step_by(PORTIONS).collect();
        let task = self.store.write(|tx| {
            let known = tasks::page(tx, &tasks::Filter::default(), None, 1)?.items.pop();
            let task = match known.filter(|it| it.kind == tasks::Kind::Cycle) {
                Some(it) => it.id,
                None => tasks::start(tx, tasks::Kind::Cycle, "", "{}", NOW)?,
            };
            add(tx, task, &images)?;
            Ok(task)
        })?;
        if portion + 1 < PORTIONS {
            return Ok(());
        }
        self.store.write(|tx| {
            tasks::seal(tx, task, NOW)?;
            (0..2_000).try_for_each(|n| end(tx, n))?;
            for _ in 0..8 {
                claim(tx)?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

fn add(tx: &mut Tx<'_>, task: i64, images: &[usize]) -> store::Result<()> {
    for some in images.chunks(500) {
        let target = |image: &usize| Target {
            digest: digest(*image),
            registry: (image / VERSIONS % 5) as i64 + 1,
            repository: name(image / VERSIONS),
            tag: format!("1.{}", image % VERSIONS),
        };
        let some: Vec<Target> = some.iter().map(target).collect();
        tasks::add(tx, task, &some, NOW)?;
    }
    Ok(())
}

fn claim(tx: &mut Tx<'_>) -> store::Result<Option<work::Claim>> {
    work::claim(tx, "bench", NOW, NOW + 60_000, |line| {
        line.heads.iter().map(|it| it.work).collect()
    })
}

/// Does the next scan.
fn end(tx: &mut Tx<'_>, number: usize) -> store::Result<()> {
    let Some(it) = claim(tx)? else { return Ok(()) };
    if number.is_multiple_of(30) {
        work::failed(tx, it.ticket, "unreachable", "the registry cannot be reached", None, NOW)
    } else {
        work::done(tx, it.ticket, NOW).map(drop)
    }
}
