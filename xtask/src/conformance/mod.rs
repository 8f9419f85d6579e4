//! Holds Plimsoll against facts that other projects have gathered: prints passed and total for each
//! part, and every failure. The data is not part of the project.
mod feeds;
mod images;
mod products;
mod rpmdb;
mod starter;
mod versions;

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// A part's name, its folder of the data, and what holds Plimsoll against that.
type Part = (&'static str, &'static str, fn(&Path, &mut Score));

/// Every part.
const PARTS: &[Part] = &[
    ("feeds", "feeds", feeds::run),
    ("images", "images", images::run),
    ("products", "products", products::run),
    ("rpmdb", "rpmdb", rpmdb::run),
    ("starter", "feeds", starter::run),
    ("versions", "versions", versions::run),
];

/// What became of one part.
#[derive(Default)]
pub(crate) struct Score {
    passed: usize,
    failures: Vec<String>,
    notes: Vec<String>,
}

impl Score {
    /// One more case; `failure` is only asked for what to print when it did not hold.
    pub(crate) fn case(&mut self, holds: bool, failure: impl FnOnce() -> String) {
        if holds {
            self.passed += 1;
        } else {
            self.failures.push(failure());
        }
    }

    /// Something to print that neither passes nor fails.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

pub(crate) fn run(args: &[String]) -> ExitCode {
    let mut data = env::var_os("PLIMSOLL_CONFORMANCE").map(PathBuf::from);
    let mut names = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--data" => data = args.next().map(PathBuf::from),
            name => names.push(name),
        }
    }
    let data = data.unwrap_or_else(|| PathBuf::from("../shared/conformance"));
    println!("looking in {} (--data DIR or PLIMSOLL_CONFORMANCE to change)", data.display());
    let mut failed = false;
    for (name, folder, part) in PARTS.iter().filter(|it| names.is_empty() || names.contains(&it.0))
    {
        let folder = data.join(folder);
        if !folder.is_dir() {
            println!("{name}: skipped, no folder {}", folder.display());
            failed = true;
            continue;
        }
        let mut score = Score::default();
        part(&folder, &mut score);
        for it in &score.notes {
            println!("{name}: {it}");
        }
        for it in &score.failures {
            println!("{name}: FAILED {it}");
        }
        println!("{name}: {} of {} passed", score.passed, score.passed + score.failures.len());
        failed |= !score.failures.is_empty();
    }
    ExitCode::from(u8::from(failed))
}
