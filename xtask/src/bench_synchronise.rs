//! How long it takes to read a registry, beside what its rate limit alone makes of it, and how much memory.
use crate::{
    bench_center::{Done, Place, option, places, process},
    measure::watch,
};
use std::{
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};
use testkit::{
    harbor::Harbor,
    image::plain_image,
    tar::{file, tar},
};

/// How many tags a repository has.
const TAGS: usize = 200;
/// The most memory, in MiB.
const LIMIT_MIB: u64 = 256;
/// How many repositories change between two rounds.
const CHANGED: usize = 25;

struct Bench<'a> {
    harbor: &'a Harbor,
    place: &'a Place,
    folder: &'a Path,
    per_second: u32,
}

/// What the registry has been asked for so far.
#[derive(Clone, Copy)]
struct Asked {
    requests: usize,
    bytes: u64,
}

/// `bench synchronise [--tags N] [--per-second N]`: a simulated Harbor in this process, a center in another.
pub(crate) fn synchronise(args: &[String]) -> Done {
    let (tags, per_second) = (option(args, "--tags", 100_000), option(args, "--per-second", 100));
    let folder = tempfile::tempdir()?;
    let (_server, places) = places(folder.path())?;
    for (name, place) in &places {
        println!(
            "{name}: {tags} tags in repositories of {TAGS}, {per_second} requests a second at most"
        );
        let harbor = &fill(tags);
        let folder = &folder.path().join(name);
        let bench = Bench { harbor, place, folder, per_second };
        bench.round("everything is new")?;
        bench.round("nothing has changed")?;
        (0..CHANGED.min(tags / TAGS)).for_each(|it| harbor.advance(&repository(it), it));
        bench.round(&format!("a tag moved in each of {CHANGED} repositories"))?;
    }
    // With stores of their own, which know nothing yet.
    let folder = tempfile::tempdir()?;
    let (_server, places) = crate::bench_center::places(folder.path())?;
    for (name, place) in &places {
        let harbor = &fill(tags);
        let folder = &folder.path().join(name);
        Bench { harbor, place, folder, per_second }.killed(name, tags)?;
    }
    Ok(())
}

fn repository(number: usize) -> String {
    format!("team{}/app{number:04}", number / 50)
}

fn fill(tags: usize) -> Harbor {
    let harbor = Harbor::start("v2.15.3");
    for it in 0..tags / TAGS {
        let base = plain_image("linux/amd64", &[tar(&[file("etc/motd", it.to_string())])]);
        harbor.series(&repository(it), TAGS, &base);
    }
    harbor
}

impl Bench<'_> {
    fn asked(&self) -> Asked {
        Asked { requests: self.harbor.seen().len(), bytes: self.harbor.sent() }
    }

    fn arguments(&self) -> Done<std::process::Command> {
        let (host, rate) = (self.harbor.host(), self.per_second.to_string());
        Ok(process(self.place, self.folder, &["round", &host, &rate])?)
    }

    /// A round by a process of its own.
    fn round(&self, what: &str) -> Done {
        let before = self.asked();
        let (memory, cost, said) = watch(&mut self.arguments()?, |_| Ok(()))?;
        let after = self.asked();
        let requests = after.requests - before.requests;
        let seconds: f64 = said.split_whitespace().next().unwrap_or_default().parse()?;
        let limit = requests as f64 / f64::from(self.per_second);
        let peak = memory.parent >> 10;
        println!(
            "  {what}: {requests} requests, {seconds:.1} s ({limit:.1} s by the limit alone, {:.2} times), \
             {:.1} MB, {:.1} s of processor time, peak {peak} MiB (limit {LIMIT_MIB} MiB){}",
            seconds / limit.max(0.01),
            (after.bytes - before.bytes) as f64 / 1e6,
            cost.cpu_seconds,
            if peak > LIMIT_MIB { " OVER THE LIMIT" } else { "" }
        );
        let found: Vec<&str> = said.split_whitespace().skip(1).collect();
        println!(
            "    {} repositories, {} images",
            found.first().unwrap_or(&"?"),
            found.get(1).unwrap_or(&"?")
        );
        Ok(())
    }

    /// A first round that is killed when half of it is done, and one that goes on.
    fn killed(&self, name: &str, tags: usize) -> Done {
        let mut child = self.arguments()?.stdout(Stdio::null()).spawn()?;
        let start = Instant::now();
        while self.harbor.count("/artifacts") < tags / 100 / 2 {
            thread::sleep(Duration::from_millis(20));
            if start.elapsed() > Duration::from_secs(300) || child.try_wait()?.is_some() {
                break;
            }
        }
        child.kill()?;
        child.wait()?;
        let done = self.harbor.seen().len();
        println!("{name}: killed after {done} requests, {:.1} s", start.elapsed().as_secs_f64());
        self.round("the rest (which waits 5 s at most for the lease of the dead)")
    }
}
