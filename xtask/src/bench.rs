//! Benchmarks: each prints what it measured beside the limit of the same thing.
use crate::snapshots;
use assess::{Builder, Database, Scope, assess_in, database::Meta};
use jiff::civil::date;
use model::{Component, Ecosystem, Inventory, Located, Namespace, System};
use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

/// A name, and what runs under it.
type Bench = (&'static str, fn(&Path) -> Result<(), Box<dyn std::error::Error>>);

const BENCHES: &[Bench] = &[("db", db)];

pub(crate) fn run(args: &[String]) -> ExitCode {
    let data = env::var_os("PLIMSOLL_CONFORMANCE").map(PathBuf::from);
    let data = data.unwrap_or_else(|| PathBuf::from("../shared/conformance"));
    let chosen = args.first().and_then(|name| BENCHES.iter().find(|it| it.0 == name));
    let Some((name, bench)) = chosen else {
        let names: Vec<&str> = BENCHES.iter().map(|it| it.0).collect();
        println!("usage: cargo run --release -p xtask -- bench {}", names.join("|"));
        return ExitCode::from(2);
    };
    match bench(&data) {
        Ok(()) => ExitCode::SUCCESS,
        Err(it) => {
            println!("{name}: {it}");
            ExitCode::FAILURE
        }
    }
}

/// The advisory database: build, open, match.
fn db(data: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let folder = snapshots::folder(data).ok_or("no snapshots: set PLIMSOLL_CONFORMANCE")?;
    let place = env::temp_dir().join(format!("plimsoll-bench-{}.db", std::process::id()));
    let start = Instant::now();
    let mut builder = Builder::new(Meta::default());
    let (count, _) =
        snapshots::feed_all(&folder, |it| it.starts_with("osv-"), &mut |it| builder.add(&it))?;
    let parsed = start.elapsed();
    let mut file = File::create(&place)?;
    let summary = builder.finish(&mut file)?;
    report("build: unpack and parse", parsed, None);
    report(&format!("build: all of {count} records"), start.elapsed(), Some("30 s"));
    println!("{:40} {} MiB (limit 512 MiB)", "peak resident memory", peak_mib());
    println!(
        "{:40} {} bytes for {} advisories, {} entries ({} bytes an entry)",
        "file",
        summary.bytes,
        summary.advisories,
        summary.entries,
        summary.bytes / summary.entries.max(1)
    );
    for (what, n) in &summary.skipped {
        println!("{:40} {n}", format!("  skipped: {what}"));
    }
    let start = Instant::now();
    let database = Database::open(File::open(&place)?)?;
    report("open", start.elapsed(), Some("20 ms"));
    let start = Instant::now();
    database.verify()?;
    report("verify everything", start.elapsed(), None);
    let (system, language) = (image(&database, "AlmaLinux:8"), image(&database, "npm"));
    for (what, (inventory, scopes)) in [("AlmaLinux", system), ("npm", language)] {
        let start = Instant::now();
        let count = assess_in(&inventory, &database, date(2026, 1, 1), &scopes)?.findings.len();
        let n = inventory.components.len();
        report(&format!("match: {n} of {what}, {count} findings"), start.elapsed(), Some("50 ms"));
    }
    fs::remove_file(&place)?;
    Ok(())
}

/// An image with a thousand components of a namespace, as far as it names so many.
fn image(database: &Database, namespace: &str) -> (Inventory, Vec<Scope>) {
    let namespace = Namespace::new(namespace);
    let ecosystem = namespace.ecosystem().unwrap_or(Ecosystem::Generic);
    let packages = database.packages(&namespace).unwrap_or_default();
    let step = packages.len() / 1000 + 1;
    let located = |(i, name): (usize, String)| Located {
        // Half of it is up to date.
        what: Component::new(ecosystem, &name, if i % 2 == 0 { "0.1-1" } else { "9999-1" }),
        path: None,
        layer: 0,
        by: "bench".to_owned(),
        system: Some(0),
    };
    let components = packages.into_iter().step_by(step).enumerate().map(located).collect();
    let inventory =
        Inventory { systems: vec![System::default()], components, ..Inventory::default() };
    (inventory, vec![Scope { namespaces: vec![namespace], ..Scope::default() }])
}

fn report(what: &str, time: Duration, limit: Option<&str>) {
    let limit = limit.map_or(String::new(), |it| format!(" (limit {it})"));
    println!("{what:40} {time:.1?}{limit}");
}

/// The most memory that this process ever had (proc(5), `VmHWM`).
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
    let kib = line.and_then(|it| it.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}
