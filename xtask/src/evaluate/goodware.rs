//! Software that is known to be good: how often something is said of it.
use super::Outcome;
use inspect::{
    File, Found, Inspector,
    archive::{self, Budget, Go},
};
use malware::{Judge, Packages, verdicts};
use model::{
    ImageConfig, ImagePath, Inventory,
    malware::{Level, Malicious, Suspect, Trust, Visibility},
};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Packages of tools for attacks: to be told of them is right, so they are no measure.
const TOOLS: &[&str] = &[
    "dirb",
    "hashcat",
    "hping3",
    "hydra",
    "john",
    "masscan",
    "medusa",
    "ncrack",
    "nmap",
    "nmap-common",
    "shc",
    "sqlmap",
    "weevely",
    "wfuzz",
    "whatweb",
];
/// Programs that run what they are sent, by the ends of their paths: to be told of them is right too.
const REMOTE: &[&str] = &[
    // The consoles of Scrapy, and of the server for development of App Engine.
    "scrapy/extensions/remote_control.py",
    "devappserver2/php/runtime/setup.php",
];
/// The most files for one that is called suspicious.
const FILES_PER_SUSPICIOUS: usize = 50_000;

/// `evaluate goodware PATH...`: trees, packages of Debian, and folders of these.
pub(super) fn goodware(args: &[String]) -> Outcome {
    if args.is_empty() {
        return Err("name trees, packages of Debian or folders of these".into());
    }
    let judge = Judge::default();
    let mut sums = Sums::default();
    println!("{:44} {:>7} {:>8} {:>11} {:>7}", "what", "files", "serious", "suspicious", "remind");
    for path in args.iter().flat_map(|it| parts(Path::new(it))) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let package = name.split('_').next().unwrap_or_default();
        if is_package(&path) && TOOLS.contains(&package) {
            println!("{package:44} left out: a tool for attacks");
            continue;
        }
        let mut all = Collected { judge: &judge, inventory: Inventory::default(), files: 0 };
        all.collect(&path)?;
        let (right, told): (Vec<_>, Vec<_>) =
            verdicts(&all.inventory, &ImageConfig::default(), &Packages::default())
                .into_iter()
                .partition(|it| REMOTE.iter().any(|end| it.suspect.path.as_str().ends_with(end)));
        right.iter().for_each(|it| println!("{} runs what it is sent: left out", it.suspect.path));
        let row = sums.add(all.files, &told);
        let [serious, suspicious, remind] = row;
        if told.is_empty() {
            continue;
        }
        println!("{name:44} {:7} {serious:8} {suspicious:11} {remind:7}", all.files);
        told.iter().for_each(print);
    }
    let [serious, suspicious, remind] = sums.levels;
    println!("{:44} {:7} {serious:8} {suspicious:11} {remind:7}", "all", sums.files);
    let share = |it: usize| 10_000.0 * it as f64 / sums.files.max(1) as f64;
    println!(
        "of 10,000 files: serious {:.2}, suspicious {:.2}, remind {:.2}",
        share(serious),
        share(suspicious),
        share(remind)
    );
    println!("as if nobody's; bar: none serious, one suspicious in {FILES_PER_SUSPICIOUS} files");
    Ok(serious == 0 && suspicious <= sums.files.div_ceil(FILES_PER_SUSPICIOUS))
}

/// Judges all files of trees, for being measured.
pub(super) fn judge_all(trees: &[String]) {
    let judge = Judge::default();
    let mut all = Collected { judge: &judge, inventory: Inventory::default(), files: 0 };
    for it in trees {
        if let Err(why) = all.collect(Path::new(it)) {
            println!("{it}: {why}");
        }
    }
    verdicts(&all.inventory, &ImageConfig::default(), &Packages::default());
}

fn print(it: &Malicious) {
    let why = it.suspect.sample.evidence.first();
    println!("    {} {} {}: {}", it.level, it.threat, it.suspect.path, it.rule);
    println!("        {} | {}", why.map_or("", |it| &it.what), why.map_or("", |it| &it.excerpt));
}

#[derive(Default)]
struct Sums {
    files: usize,
    levels: [usize; 3],
}

impl Sums {
    fn add(&mut self, files: usize, told: &[Malicious]) -> [usize; 3] {
        self.files += files;
        let of = |level| told.iter().filter(|it| it.level == level).count();
        let row = [of(Level::Serious), of(Level::Suspicious), of(Level::Remind)];
        self.levels.iter_mut().zip(row).for_each(|(sum, it)| *sum += it);
        row
    }
}

fn is_package(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|it| it == "deb")
}

/// What is judged as one: each package of a folder of packages, each folder of a tree, else the path itself.
fn parts(path: &Path) -> Vec<PathBuf> {
    let mut inner: Vec<PathBuf> =
        fs::read_dir(path).into_iter().flatten().flatten().map(|it| it.path()).collect();
    inner.sort();
    if inner.is_empty() { vec![path.to_owned()] } else { inner }
}

/// What speaks against files, as if together they were an image.
struct Collected<'a> {
    judge: &'a Judge,
    inventory: Inventory,
    files: usize,
}

impl Collected<'_> {
    fn collect(&mut self, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let Ok(kind) = fs::symlink_metadata(path) else { return Ok(()) };
        if is_package(path) {
            self.package(&fs::read(path)?);
        } else if kind.is_file() {
            let mode = kind.permissions().mode() & 0o7777;
            let place = path.as_os_str().as_encoded_bytes();
            self.file(place, mode, &fs::read(path)?);
        } else if kind.is_dir() {
            for it in fs::read_dir(path)?.flatten() {
                self.collect(&it.path())?;
            }
        }
        Ok(())
    }

    fn package(&mut self, bytes: &[u8]) {
        let path = ImagePath::default().link("a.deb");
        let budget = Budget {
            member_bytes: 256 << 20,
            members: 200_000,
            bytes: 8 << 30,
            ..Budget::default()
        };
        let told = archive::open(&File::new(&path, bytes), &mut budget.clone(), &mut |it| {
            let whole = it.path().to_owned();
            // What the package installs; archives among that are judged as the files that they are.
            if let Some((_, path)) = whole.split_once("!/") {
                let mode = it.mode();
                self.file(path.as_bytes(), mode, it.content()?.bytes);
                return Ok(Go::Past);
            }
            Ok(if whole.starts_with("data.tar") { Go::Inside } else { Go::Past })
        });
        let missed = told.unwrap_or_default();
        missed.iter().for_each(|it| println!("    not read: {} {}", it.member, it.reason));
    }

    fn file(&mut self, path: &[u8], mode: u32, bytes: &[u8]) {
        let Some(path) = ImagePath::parse(path).ok().filter(|_| !bytes.is_empty()) else { return };
        self.files += 1;
        let mut found = Found::default();
        if let Err(why) = self.judge.inspect(&File::new(&path, bytes).with_mode(mode), &mut found) {
            println!("    not judged: {path}: {why}");
        }
        let (layer, visibility, trust) = (0, Visibility::Effective, Trust::Unknown);
        let suspect = found.sample.map(|sample| Suspect { path, layer, visibility, trust, sample });
        self.inventory.suspects.extend(suspect);
    }
}
