//! Chores: conformance, benchmarks, evaluation, checks. `cargo xtask` lists them.
mod archive;
mod bench;
mod bench_center;
mod bench_findings;
mod bench_memory;
mod bench_pages;
mod bench_scan;
mod bench_store;
mod bench_synchronise;
mod bench_workers;
mod conformance;
mod evaluate;
mod measure;
mod seeds;
mod snapshots;
mod tidy;

use std::{env, process::ExitCode};

/// A name, a line of help, and the function.
type Chore = (&'static str, &'static str, fn(&[String]) -> ExitCode);

/// What `cargo xtask` can do.
const CHORES: &[Chore] = &[
    (
        "conformance",
        "[--data DIR] [PART ...]: holds Plimsoll against other people's facts",
        conformance::run,
    ),
    ("bench", "NAME: measures, and prints the limit beside it", bench::run),
    ("evaluate", "PART: how well malicious files are recognised", evaluate::run),
    ("seeds", ": writes what fuzzing starts from to fuzz/corpus", seeds::run),
    ("tidy", ": the checks that no compiler makes; `cargo test` makes them too", tidy::run),
];

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    // The process that inspects a layer is the same program.
    if args.first().is_some_and(|it| it == scan::worker::SUBCOMMAND) {
        return scan::worker::main(env::var(scan::worker::TASK).ok().as_deref());
    }
    let chore = args.first().and_then(|name| CHORES.iter().find(|it| it.0 == name));
    match (chore, args.get(1..)) {
        (Some((_, _, run)), Some(rest)) => run(rest),
        _ => {
            println!("usage: cargo xtask CHORE");
            for (name, help, _) in CHORES {
                println!("  {name} {help}");
            }
            ExitCode::from(2)
        }
    }
}
