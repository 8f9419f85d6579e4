//! Files that are damaged, or made to take long or much: each must be done with in seconds and in little memory, and what
//! of it could not be read must not pass for clean.
use super::{Outcome, file, hostile};
use crate::{
    archive::header,
    bench_memory,
    measure::{plimsoll, watch},
};
use inspect::Depth;
use malware::Judge;
use serde_json::Value;
use std::{
    error::Error,
    fs,
    io::{self, Write},
    path::Path,
    process::Command,
};
use testkit::{archive, image::plain_image, tar};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The most processor time that one file may take, in seconds.
const SECONDS: f64 = 5.0;
/// The most that the processes of a scan may have in memory, in KiB.
const KIB: u64 = 256 << 10;
/// Files of the set at least.
const FILES: usize = 200;
/// Bytes of the files that are larger than anybody examines.
const LARGE: u64 = 4 << 30;

/// `evaluate malformed`.
pub(super) fn malformed(_: &[String]) -> Outcome {
    let files = hostile::all();
    let one_by_one = each(&files);
    let together = together(&files)?;
    let large = large("a file of 4 GiB of zeros", b"\0")? & large("a text of 4 GiB", b"echo a\n")?;
    Ok(one_by_one && together && large && files.len() >= FILES)
}

/// Judges each by itself, and looks at the time and at what is said of what was not read.
fn each(files: &[hostile::Hostile]) -> bool {
    let judge = Judge::default();
    let (mut slow, mut silent, mut took, mut held) = (0, 0, Vec::new(), Vec::new());
    for it in files {
        let (before, resident) = (processor_seconds(), resident());
        let judged = file::judge(&judge, &it.path, 0o755, &it.bytes);
        let seconds = processor_seconds() - before;
        took.push((seconds, &it.name));
        held.push((peak().saturating_sub(resident) >> 10, &it.name));
        if seconds > SECONDS {
            slow += 1;
            println!("SLOW {seconds:.1} s: {}", it.name);
        }
        let unread = judged.gaps.is_empty() && judged.depth != Some(Depth::Part);
        if it.hides && judged.verdicts.is_empty() && unread {
            silent += 1;
            println!("SILENT {}: {:?}", it.name, judged.depth);
        }
    }
    took.sort_by(|a, b| b.0.total_cmp(&a.0));
    let sum: f64 = took.iter().map(|it| it.0).sum();
    println!("{} files, {sum:.1} s of processor time; the slowest:", files.len());
    took.iter().take(5).for_each(|(seconds, name)| println!("  {seconds:5.2} s {name}"));
    held.sort_by_key(|it| std::cmp::Reverse(it.0));
    println!("the most memory:");
    held.iter().take(8).for_each(|(mib, name)| println!("  {mib:5} MiB {name}"));
    println!(
        "{slow} took more than {SECONDS} s, {silent} hold what was neither found nor told of (bars: 0)"
    );
    slow == 0 && silent == 0
}

/// All of them in one layer, through the program.
fn together(files: &[hostile::Hostile]) -> Result<bool, Box<dyn Error>> {
    let entries: Vec<tar::Entry> = files
        .iter()
        .enumerate()
        // Each in a folder of its own: many want the same name.
        .map(|(i, it)| tar::program(&format!("srv/{i}/{}", it.path), &it.bytes))
        .collect();
    let place = tempfile::tempdir()?;
    let image = plain_image("linux/amd64", &[tar::tar(&entries)]);
    archive::write(&archive::layout(&image, "v1"), place.path());
    scan(
        "all of them in a layer",
        &format!("oci:{}", place.path().display()),
        |_| Ok(()),
        files.len(),
    )
}

/// One file that is larger than anybody examines, as it is written.
fn large(what: &str, piece: &[u8]) -> Result<bool, Box<dyn Error>> {
    let block = piece.repeat((1 << 20) / piece.len());
    let layer = |out: &mut dyn Write, _: u64| -> io::Result<()> {
        out.write_all(&header("srv/large.sh", LARGE, 0o755))?;
        let mut left = LARGE;
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            out.write_all(&block[..part])?;
            left -= part as u64;
        }
        Ok(())
    };
    scan(what, "-", |out| bench_memory::image(out, 1, LARGE + 512, layer), 1)
}

/// Scans, prints what it took, and whether all was accounted for.
fn scan(
    what: &str,
    of: &str,
    feed: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    files: usize,
) -> Result<bool, Box<dyn Error>> {
    let home = tempfile::tempdir()?;
    let mut command = Command::new(plimsoll(Path::new(ROOT))?);
    command.args(["scan", "--no-cache", "--quiet", "--format", "json", of]);
    command.env("PLIMSOLL_DATA_DIR", home.path());
    let (memory, cost, said) = watch(&mut command, feed)?;
    let report: Value = serde_json::from_str(&said)?;
    let report = &report["images"][0];
    let examined = &report["examined"];
    let count = |it: &str| examined[it]["files"].as_u64().unwrap_or_default();
    let gaps = report["gaps"].as_array().map_or(0, Vec::len);
    println!(
        "{what}: {:.1} s ({:.1} of processor time), {} MiB together, child {} MiB (limit {} MiB)",
        cost.seconds,
        cost.cpu_seconds,
        memory.together >> 10,
        memory.child >> 10,
        KIB >> 10
    );
    println!(
        "  {} files: {} examined whole, {} by digest, {} in part, {} skipped; {gaps} gaps",
        count("all"),
        count("whole"),
        count("hashed"),
        count("partly"),
        count("skipped")
    );
    // A child that died would have taken the account of its layer with it.
    let accounted = count("all") >= files as u64;
    let honest = count("partly") + count("skipped") == 0 || gaps > 0;
    Ok(memory.child.max(memory.parent) <= KIB && accounted && honest)
}

/// Processor time of this process (proc(5), `stat`: utime and stime).
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |it| it.1).split_whitespace();
    fields.skip(11).take(2).filter_map(|it| it.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// What of this process is in memory, in KiB; from now on its peak is counted anew (proc(5), `clear_refs`).
fn resident() -> u64 {
    drop(fs::write("/proc/self/clear_refs", "5"));
    status("VmRSS:")
}

/// The most that was in memory since then, in KiB.
fn peak() -> u64 {
    status("VmHWM:")
}

fn status(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|it| it.strip_prefix(field));
    line.and_then(|it| it.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}
