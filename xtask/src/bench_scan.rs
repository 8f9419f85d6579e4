//! How fast a scan is, beside what the bytes of the image cost at least, and beside Syft.
use crate::measure::{Cost, find, median, plimsoll, run, watch};
use serde_json::Value;
use std::{
    error::Error,
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Runs of each, one after the other in turns; the middle one counts.
const ROUNDS: usize = 7;
/// Runs of Syft, which takes its time.
const ROUNDS_OF_SYFT: usize = 3;

/// Where images are looked for, unless `--images` says otherwise.
struct Options {
    images: PathBuf,
    syft: Option<String>,
}

impl Options {
    fn parse(args: &[String]) -> Options {
        let after = |name: &str| {
            let at = args.iter().position(|it| it == name)?;
            args.get(at + 1).cloned()
        };
        Options {
            images: after("--images").unwrap_or_else(|| "images".to_owned()).into(),
            syft: after("--syft").or_else(|| find(&["syft"]).map(str::to_owned)),
        }
    }

    /// The OCI layouts in the folder.
    fn layouts(&self) -> Result<Vec<PathBuf>, Box<dyn Error>> {
        let folder = fs::read_dir(&self.images).map_err(|err| {
            format!("{}: {err}; --images DIR with OCI layouts", self.images.display())
        })?;
        let mut layouts: Vec<PathBuf> = folder.flatten().map(|it| it.path()).collect();
        layouts.retain(|it| it.join("oci-layout").exists());
        layouts.sort();
        Ok(layouts)
    }
}

/// `bench scan`: a first scan, against decompression with hashing, and against Syft.
pub(crate) fn scan(args: &[String]) -> Result<(), Box<dyn Error>> {
    let options = Options::parse(args);
    let program = plimsoll(Path::new(ROOT))?;
    let gunzip = find(&["igzip", "pigz", "gzip"]).ok_or("no igzip, pigz or gzip")?;
    println!(
        "peer (a): {gunzip} and `openssl dgst -sha256`, all layers at once; bar 1.5 times, with malware 2.5"
    );
    println!("peer (b): {}; bar: ten times as fast", options.syft.as_deref().unwrap_or("no Syft"));
    println!("seconds on the wall (and of processor time), the middle of {ROUNDS} runs in turns");
    // Of its own, so that whatever advisories this machine has make no difference.
    let home = tempfile::tempdir()?;
    for layout in options.layouts()? {
        let name = layout.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let unpack = unpack(&layout, gunzip)?;
        let ours = |malware: bool| {
            let mut command = Command::new(&program);
            command.args(["scan", "--no-cache", "--quiet", "--format", "json"]);
            command.args((!malware).then_some("--no-malware"));
            command.arg(format!("oci:{}", layout.display()));
            command.env("PLIMSOLL_DATA_DIR", home.path());
            command
        };
        let limit = || {
            let mut command = Command::new("sh");
            command.args(["-c", &unpack.hash]);
            command
        };
        // The first run of each only brings the files into memory.
        run(&mut ours(true))?;
        run(&mut limit())?;
        let (mut we, mut all, mut they, mut syft) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            we.push(run(&mut ours(false))?);
            all.push(run(&mut ours(true))?);
            they.push(run(&mut limit())?);
            if let Some(it) = options.syft.as_deref().filter(|_| round < ROUNDS_OF_SYFT) {
                let mut command = Command::new(it);
                command.args(["scan", "-q", "-o", "json"]);
                command.arg(format!("oci-dir:{}", layout.display()));
                syft.push(run(&mut command)?);
            }
        }
        let (we, all, they) = (median(&we), median(&all), median(&they));
        let memory = |malware| {
            Ok::<_, Box<dyn Error>>(watch(&mut ours(malware), |_| Ok(()))?.0.together >> 10)
        };
        println!("{name}: {} MB in {} layers", unpack.megabytes, unpack.layers);
        let speed = |it: &Cost| unpack.megabytes as f64 / it.seconds;
        print(&format!("plimsoll, {} MiB", memory(false)?), &we, speed(&we));
        print(&format!("malware too, {} MiB", memory(true)?), &all, speed(&all));
        print("(a)", &they, speed(&they));
        if !syft.is_empty() {
            let syft = median(&syft);
            print("(b)", &syft, speed(&syft));
            println!("  {:.1} times as fast as (b)", syft.seconds / we.seconds);
        }
        for (what, it) in [("", &we), ("with malware ", &all)] {
            println!(
                "  {what}{:.2} times the time of (a), {:.2} times its processor time",
                it.seconds / they.seconds,
                it.cpu_seconds / they.cpu_seconds
            );
        }
    }
    Ok(())
}

fn print(what: &str, cost: &Cost, speed: f64) {
    println!("  {what:20} {:7.3} s ({:6.2}) {speed:6.0} MB/s", cost.seconds, cost.cpu_seconds);
}

/// How the layers of a layout are unpacked with the fastest tools there are.
struct Unpack {
    /// A script that hashes all of them at once.
    hash: String,
    layers: usize,
    /// Of all of them, unpacked.
    megabytes: u64,
}

fn unpack(layout: &Path, gunzip: &str) -> Result<Unpack, Box<dyn Error>> {
    let mut hash = String::new();
    let mut bytes = 0;
    let layers = layers(layout)?;
    for layer in &layers {
        let mut start = [0; 4];
        io::Read::read_exact(&mut fs::File::open(layer)?, &mut start)?;
        let unpack = match start {
            [0x1f, 0x8b, ..] => format!("{gunzip} -dc"),
            [0x28, 0xb5, 0x2f, 0xfd] => "zstd -dc".to_owned(),
            _ => "cat".to_owned(),
        };
        let blob = layer.display();
        hash += &format!("{unpack} <'{blob}' | openssl dgst -sha256 &\n");
        let count = format!("{unpack} <'{blob}' | wc -c");
        let count = Command::new("sh").args(["-c", &count]).output()?;
        bytes += String::from_utf8(count.stdout)?.trim().parse::<u64>()?;
    }
    Ok(Unpack { hash: hash + "wait", layers: layers.len(), megabytes: bytes / 1_000_000 })
}

/// The layers of the first image of a layout (OCI image layout: index.json, manifest, layers).
fn layers(layout: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let blob = |it: &Value| {
        let digest = it["digest"].as_str().unwrap_or_default();
        layout.join("blobs").join(digest.replace(':', "/"))
    };
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
    let manifest: Value = serde_json::from_slice(&fs::read(blob(&index["manifests"][0]))?)?;
    Ok(manifest["layers"].as_array().into_iter().flatten().map(blob).collect())
}

/// `bench rescan`: a second scan, for which the layers are no longer even there.
pub(crate) fn rescan(args: &[String]) -> Result<(), Box<dyn Error>> {
    let program = plimsoll(Path::new(ROOT))?;
    for layout in Options::parse(args).layouts()? {
        let layout = layout.canonicalize()?;
        let place = tempfile::tempdir()?;
        // A layout of links, so that layers can be taken away from it.
        let copy = place.path().join("image");
        fs::create_dir_all(copy.join("blobs/sha256"))?;
        for file in ["index.json", "oci-layout"] {
            symlink(layout.join(file), copy.join(file))?;
        }
        for blob in fs::read_dir(layout.join("blobs/sha256"))?.flatten() {
            symlink(blob.path(), copy.join("blobs/sha256").join(blob.file_name()))?;
        }
        let scan = || {
            let mut command = Command::new(&program);
            command.args(["scan", "--quiet", "--format", "json"]);
            command.arg(format!("oci:{}", copy.display()));
            command.env("PLIMSOLL_DATA_DIR", place.path().join("data"));
            command.env("PLIMSOLL_CACHE_DIR", place.path().join("cache"));
            command
        };
        let first = run(&mut scan())?;
        let expected = said(&mut scan())?;
        for layer in layers(&copy)? {
            fs::remove_file(layer)?;
        }
        let again: Result<Vec<Cost>, _> = (0..ROUNDS).map(|_| run(&mut scan())).collect();
        let again = median(&again?);
        let same = said(&mut scan())? == expected;
        let name = layout.file_name().unwrap_or_default().to_string_lossy();
        println!(
            "{name}: first {:.3} s; again, with the layers taken away, {:.0} ms (limit 100 ms), {} result",
            first.seconds,
            again.seconds * 1000.0,
            if same { "the same" } else { "ANOTHER" }
        );
    }
    Ok(())
}

/// The images of a report; when it was made is another matter.
fn said(scan: &mut Command) -> Result<Value, Box<dyn Error>> {
    let mut report: Value = serde_json::from_slice(&scan.output()?.stdout)?;
    Ok(report["images"].take())
}

/// `bench build`: the program from nothing.
pub(crate) fn build(_: &[String]) -> Result<(), Box<dyn Error>> {
    let place = tempfile::tempdir()?;
    let mut command = Command::new("cargo");
    command.args(["build", "--release", "--locked", "--timings", "--target-dir"]);
    let cost = run(command.arg(place.path()).current_dir(ROOT))?;
    let size = fs::metadata(place.path().join("release/plimsoll"))?.len();
    println!("cargo build --release: {:.0} s (limit 480 s on two cores)", cost.seconds);
    println!("processor time: {:.0} s (limit 960 s)", cost.cpu_seconds);
    println!("program: {:.1} MB (limit 40 MB)", size as f64 / 1e6);
    Ok(())
}
