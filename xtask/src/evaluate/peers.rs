//! How fast files are judged, beside ClamAV and YARA over the same tree in the same run: processor time, in turns.
use super::{Outcome, after};
use crate::measure::{Cost, run};
use malware::RULE_SETS;
use std::{
    env,
    error::Error,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// Runs of each.
const ROUNDS: usize = 3;
/// Signatures of the small database for ClamAV; the official one has hundreds of times as many, and is not at hand.
const DIGESTS: u64 = 10_000;
/// Words of miners, shells and ransom notes, as logical signatures.
const WORDS: &[&str] = &[
    "stra¦tum+tcp://",
    "mining.sub¦scribe",
    "donate-le¦vel",
    "TSource Engine Qu¦ery",
    "/bin/busybox MI¦RAI",
    "ev¦al(base64_de¦code(",
    "/dev/t¦cp/",
    "process_to_fil¦ter",
    "kdevtmp¦fsi",
    "NOTICE %s :TSU¦NAMI",
];

/// `evaluate peers PATH...`; `--tools DIR` has `usr/bin/clamscan` and `usr/bin/yara` with their libraries, unpacked.
pub(super) fn peers(args: &[String]) -> Outcome {
    let tools = after(args, "--tools").unwrap_or_else(|| "/".to_owned());
    let trees: Vec<&String> =
        args.iter().filter(|it| **it != tools && !it.starts_with("--")).collect();
    if trees.is_empty() {
        return Err("name trees to judge".into());
    }
    let place = tempfile::tempdir()?;
    let mut runs: Vec<(&str, Command, Vec<Cost>)> = Vec::new();
    let mut ours = Command::new(env::current_exe()?);
    ours.args(["evaluate", ALONE]).args(&trees);
    runs.push(("plimsoll, one thread", ours, Vec::new()));
    match clamav(&tools, place.path())? {
        Some(mut it) => {
            it.args(&trees);
            runs.push(("clamscan, small database", it, Vec::new()));
        }
        None => println!("skipped: clamscan is not installed; --tools DIR where it is unpacked"),
    }
    match yara(&tools, place.path())? {
        // It takes one tree at a time.
        Some(mut it) if trees.len() == 1 => {
            it.args(&trees);
            runs.push(("yara, our rules", it, Vec::new()));
        }
        Some(_) => println!("skipped: yara takes one tree"),
        None => println!("skipped: yara is not installed; --tools DIR where it is unpacked"),
    }
    for round in 0..=ROUNDS {
        for (_, command, costs) in &mut runs {
            let cost = run(command)?;
            // The first only brings the files into memory.
            costs.extend((round > 0).then_some(cost));
        }
    }
    print(&runs);
    Ok(true)
}

fn print(runs: &[(&str, Command, Vec<Cost>)]) {
    let sorted = |costs: &[Cost]| {
        let mut all: Vec<f64> = costs.iter().map(|it| it.cpu_seconds).collect();
        all.sort_by(f64::total_cmp);
        all
    };
    let ours = runs.first().map_or(1.0, |it| sorted(&it.2)[ROUNDS / 2]);
    println!(
        "{:26} {:>8} {:>16} {:>6}",
        "seconds of processor time", "median", "min..max", "ratio"
    );
    for (name, _, costs) in runs {
        let all = sorted(costs);
        let (median, span) = (all[ROUNDS / 2], format!("{:.2}..{:.2}", all[0], all[ROUNDS - 1]));
        println!("{name:26} {median:8.2} {span:>16} {:6.2}", median / ours);
    }
}

/// A program of the tools, with the libraries that lie beside it. That it finds something is no failure.
fn tool(tools: &str, name: &str) -> Option<Command> {
    let program = PathBuf::from(tools).join("usr/bin").join(name);
    program.is_file().then(|| {
        let mut command = Command::new("sh");
        command.args(["-c", r#""$@" >/dev/null 2>&1; test $? -lt 2"#, "sh"]).arg(program);
        let libraries = PathBuf::from(tools).join("usr/lib/x86_64-linux-gnu");
        command.env("LD_LIBRARY_PATH", libraries);
        command
    })
}

/// `clamscan` with a database of our own: digests that nothing has, and a few words.
fn clamav(tools: &str, place: &Path) -> Result<Option<Command>, Box<dyn Error>> {
    let Some(mut command) = tool(tools, "clamscan") else { return Ok(None) };
    let folder = place.join("clamav");
    fs::create_dir_all(&folder)?;
    let (mut digests, mut words) = (String::new(), String::new());
    for i in 0..DIGESTS {
        let digest = testkit::image::sha256(&i.to_le_bytes());
        writeln!(digests, "{}:{}:Own.Digest-{i}", digest.hex(), 1000 + i)?;
    }
    for (i, word) in WORDS.iter().enumerate() {
        let hex: String = word.replace('¦', "").bytes().map(|it| format!("{it:02x}")).collect();
        writeln!(words, "Own.Words-{i};Engine:51-255,Target:0;0;{hex}")?;
    }
    fs::write(folder.join("own.hsb"), digests)?;
    fs::write(folder.join("own.ldb"), words)?;
    command.arg("--database").arg(folder).args(["--recursive", "--infected", "--no-summary"]);
    Ok(Some(command))
}

/// `yara` with those of our files of rules that it reads.
fn yara(tools: &str, place: &Path) -> Result<Option<Command>, Box<dyn Error>> {
    let Some(mut command) = tool(tools, "yara") else { return Ok(None) };
    command.args(["-r", "-w", "-p", "1"]);
    let facts: &[&str] = &[
        "form=elf",
        "path=opt/x",
        "name=x",
        "elf_type=2",
        "elf_sections=20",
        "elf_static=false",
        "elf_stripped=false",
        "go_main=x",
    ];
    let defined = || facts.iter().flat_map(|it| ["-d", *it]);
    command.args(defined());
    let mut read = Vec::new();
    for it in RULE_SETS {
        let file = place.join(format!("{}.yar", it.name));
        fs::write(&file, it.source())?;
        let mut check = tool(tools, "yara").ok_or("yara")?;
        check.args(defined());
        if run(check.args(["-w"]).arg(&file).arg("/dev/null")).is_ok() {
            command.arg(format!("{}:{}", it.name, file.display()));
            read.push(it.name);
        }
    }
    println!(
        "yara reads {} of our {} files of rules: {}",
        read.len(),
        RULE_SETS.len(),
        read.join(" ")
    );
    Ok(Some(command))
}

/// The name under which this program judges a tree and says nothing, for being measured.
pub(super) const ALONE: &str = "alone";

pub(super) fn alone(trees: &[String]) -> ExitCode {
    super::goodware::judge_all(trees);
    ExitCode::SUCCESS
}
