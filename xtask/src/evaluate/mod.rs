//! How well malicious files are recognised: each part makes or takes its own set of files, prints figures, and fails
//! when they are below its bar.
mod containers;
mod file;
mod goodware;
mod hostile;
mod images;
mod lookalikes;
mod malformed;
mod peers;
mod samples;

use std::{error::Error, process::ExitCode};

/// Whether the bar was reached.
type Outcome = Result<bool, Box<dyn Error>>;

/// A name, a line of help, and what runs under it.
type Part = (&'static str, &'static str, fn(&[String]) -> Outcome);

const PARTS: &[Part] = &[
    (
        "images",
        "[--images DIR]: images with something planted in them, also on top of the OCI layouts in DIR",
        images::images,
    ),
    (
        "samples",
        ": our samples, as they are, in other forms, and without a kind of evidence",
        samples::samples,
    ),
    (
        "goodware",
        "PATH ...: what is said of good software: trees, packages of Debian, folders of these",
        goodware::goodware,
    ),
    ("lookalikes", ": what only looks malicious", lookalikes::lookalikes),
    (
        "containers",
        "[--files DIR]: Debian's clamav-testfiles, a known program in many containers",
        containers::containers,
    ),
    (
        "peers",
        "PATH [--tools DIR]: speed, beside clamscan and yara over the same tree",
        peers::peers,
    ),
    ("malformed", ": files that are damaged, or made to take long", malformed::malformed),
];

pub(crate) fn run(args: &[String]) -> ExitCode {
    if let Some((peers::ALONE, trees)) = args.split_first().map(|it| (it.0.as_str(), it.1)) {
        return peers::alone(trees);
    }
    let chosen = args.first().and_then(|name| PARTS.iter().find(|it| it.0 == name));
    let Some((name, _, part)) = chosen else {
        println!("usage: cargo run --release -p xtask -- evaluate PART");
        PARTS.iter().for_each(|(name, help, _)| println!("  {name} {help}"));
        return ExitCode::from(2);
    };
    match part(args.get(1..).unwrap_or_default()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            println!("{name}: below the bar");
            ExitCode::FAILURE
        }
        Err(it) => {
            println!("{name}: {it}");
            ExitCode::FAILURE
        }
    }
}

/// What follows an option.
fn after(args: &[String], name: &str) -> Option<String> {
    let at = args.iter().position(|it| it == name)?;
    args.get(at + 1).cloned()
}
