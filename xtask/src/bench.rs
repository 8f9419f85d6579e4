//! Benchmarks: each prints what it measured beside the limit of the same thing.
use crate::{
    bench_center, bench_memory, bench_pages, bench_scan, bench_store, bench_synchronise,
    bench_workers, snapshots,
};
use assess::{Builder, Database, Item, Scope, assess_in, database::Meta};
use jiff::civil::date;
use model::{
    Advisory, Affected, Component, Ecosystem, End, Inventory, Located, Names, Namespace, Range,
    System,
};
use std::{
    env,
    fs::{self, File},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

/// A name, and what runs under it.
type Bench = (&'static str, fn(&[String]) -> Result<(), Box<dyn std::error::Error>>);

const BENCHES: &[Bench] = &[
    ("scan", bench_scan::scan),
    ("rescan", bench_scan::rescan),
    ("memory", bench_memory::memory),
    ("build", bench_scan::build),
    ("db", db),
    ("db-large", db_large),
    ("store", bench_store::store),
    ("pages", bench_pages::pages),
    ("synchronise", bench_synchronise::synchronise),
    ("workers", bench_workers::workers),
    ("center", bench_center::center),
];

pub(crate) fn run(args: &[String]) -> ExitCode {
    let chosen = args.first().and_then(|name| BENCHES.iter().find(|it| it.0 == name));
    let Some((name, bench)) = chosen else {
        let names: Vec<&str> = BENCHES.iter().map(|it| it.0).collect();
        println!("usage: cargo run --release -p xtask -- bench {}", names.join("|"));
        println!("  scan, rescan: [--images DIR] of OCI layouts; scan: [--syft PROGRAM]");
        println!("  db: the data of PLIMSOLL_CONFORMANCE");
        println!(
            "  synchronise: [--tags N] [--per-second N]; workers: [--images N]; center is for their own use"
        );
        println!(
            "  store: [--images N] [--postgres URL | --at FILE] [--unshared] [--fill | --ask [--only WORD] | --rematch | --backup FILE]"
        );
        println!(
            "  pages: --at FILE | --postgres URL [--only WORD], of a copy of a store that was filled"
        );
        return ExitCode::from(2);
    };
    match bench(args.get(1..).unwrap_or_default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(it) => {
            println!("{name}: {it}");
            ExitCode::FAILURE
        }
    }
}

/// The records that the limits speak of, and Debian's, of which one package has thousands.
fn is_measured(file: &str) -> bool {
    file.starts_with("osv-") || file.starts_with("debian-changelog")
}

/// The advisory database: build, open, match.
fn db(_: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let data = env::var_os("PLIMSOLL_CONFORMANCE").map(PathBuf::from);
    let data = data.unwrap_or_else(|| PathBuf::from("../shared/conformance"));
    let folder = snapshots::folder(&data).ok_or("no snapshots: set PLIMSOLL_CONFORMANCE")?;
    let place = env::temp_dir().join(format!("plimsoll-bench-{}.db", std::process::id()));
    let start = Instant::now();
    let mut builder = Builder::new(Meta::default());
    let (count, _) = snapshots::feed_all(&folder, is_measured, &mut |it| builder.add(&it))?;
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
    for namespace in ["AlmaLinux:8", "npm", "Debian:12"] {
        let (inventory, scopes) = image(&database, namespace);
        let start = Instant::now();
        let count = assess_in(&inventory, &database, date(2026, 1, 1), &scopes)?.findings.len();
        let n = inventory.components.len();
        let what = format!("match: {n} of {namespace}, {count} findings");
        report(&what, start.elapsed(), Some("50 ms"));
    }
    fs::remove_file(&place)?;
    Ok(())
}

/// Six million entries, as many as a full set of feeds is planned to have, with little memory.
fn db_large(_: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let scratch = Box::new(tempfile::tempfile()?);
    let mut builder = Builder::with_scratch(Meta::default(), scratch, 64 << 20);
    for i in 0..600_000_u32 {
        let affected = (0..10_u32).map(|k| {
            let namespace = Namespace::new(&format!("AlmaLinux:{k}"));
            let package = format!("package-{}", i.wrapping_mul(2_654_435_761) % 30_000);
            let mut it = Affected::every_version(namespace, &package, Names::Package);
            let fixed = End::Fixed(format!("{}.{}-{k}.el8", i % 17, i % 101));
            it.ranges = vec![Range { introduced: None, end: fixed }];
            it
        });
        let cve = format!("CVE-{}-{i}", 2000 + i % 26);
        builder.add(&Item::Advisory(Box::new(Advisory {
            id: format!("ALSA-{i}"),
            feed: "osv".to_owned(),
            title: format!("Important: package security update number {i} of many"),
            references: vec![format!("https://example.org/security/cve/{cve}")],
            covers: vec![cve],
            affected: affected.collect(),
            ..Advisory::default()
        })))?;
    }
    let mut file = tempfile::tempfile()?;
    let summary = builder.finish(&mut file)?;
    report(&format!("build: {} entries", summary.entries), start.elapsed(), None);
    println!("{:40} {} MiB (limit 512 MiB)", "peak resident memory", peak_mib());
    let each = summary.bytes / summary.entries.max(1);
    println!("{:40} {} bytes ({each} an entry)", "file", summary.bytes);
    let start = Instant::now();
    let database = Database::open(file)?;
    report("open", start.elapsed(), Some("20 ms"));
    let (inventory, scopes) = image(&database, "AlmaLinux:5");
    let start = Instant::now();
    let count = assess_in(&inventory, &database, date(2026, 1, 1), &scopes)?.findings.len();
    let n = inventory.components.len();
    report(&format!("match: {n} of AlmaLinux:5, {count} findings"), start.elapsed(), Some("50 ms"));
    Ok(())
}

/// An image with a thousand components of a namespace, as far as it names so many.
fn image(database: &Database, namespace: &str) -> (Inventory, Vec<Scope>) {
    let namespace = Namespace::new(namespace);
    let ecosystem = namespace.ecosystem().unwrap_or(Ecosystem::Generic);
    let packages = database.packages(&namespace).unwrap_or_default();
    let step = packages.len() / 1000 + 1;
    let located = |(i, name): (usize, String)| Located {
        // A tenth of it is ancient: whatever was ever fixed is found there.
        what: Component::new(ecosystem, &name, if i % 10 == 0 { "0.1-1" } else { "9999-1" }),
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
pub(crate) fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
    let kib = line.and_then(|it| it.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}
