//! How many images several workers scan in a minute, and how often they do the same twice.
//!
//! The images share layers as those of an organisation do: few bases, some runtimes on them, an application each. They
//! are made here and pulled from a real registry.
use crate::{
    bench_center::{Done, Place, option, places, process, run},
    measure::{find, run as run_once},
};
use scan::center::{RegistryDocument, Role, Selection};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use store::tasks;
use testkit::{
    http::ask,
    image::{Blob, LAYER_GZIP, assemble, gzip, sha256},
    real::{Running, push},
    tar::{Entry, file, program, tar},
};

/// The layers, by how many of them there are and their bytes.
const BASES: usize = 4;
const RUNTIMES: usize = 12;
const BASE_BYTES: usize = 60 << 20;
const RUNTIME_BYTES: usize = 40 << 20;
const APPLICATION_BYTES: usize = 4 << 20;

/// What the registry was asked for.
#[derive(Clone, Copy, Default)]
struct Pulled {
    blobs: f64,
    bytes: f64,
}

struct Bench<'a> {
    registry: &'a Running,
    metrics: String,
    images: usize,
    distinct: usize,
    /// Seconds that unpacking and hashing the distinct layers takes.
    limit: f64,
}

/// `bench workers [--images N]`.
pub(crate) fn workers(args: &[String]) -> Done {
    let images = option(args, "--images", 60);
    let folder = tempfile::tempdir()?;
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let metrics = format!("127.0.0.1:{port}");
    let debug = format!("  debug:\n    addr: {metrics}\n    prometheus:\n      enabled: true\n");
    let registry = &Running::start(folder.path(), &debug, "");
    let layers = fill(registry, images, &folder.path().join("layers"))?;
    let (distinct, limit) = (layers.len(), unpacked(&layers)?);
    println!(
        "{images} images of {distinct} distinct layers; unpacking and hashing these takes {limit:.1} s"
    );
    let bench = Bench { registry, metrics, images, distinct, limit };
    let mut first = None;
    for workers in [1, 2, 4] {
        bench.measure("PostgreSQL", workers, &mut first)?;
    }
    let mut first = None;
    for workers in [1, 2, 4] {
        bench.measure("SQLite", workers, &mut first)?;
    }
    Ok(())
}

impl Bench<'_> {
    /// So many workers: processes of their own on PostgreSQL, threads of one on SQLite.
    fn measure(&self, engine: &str, workers: usize, first: &mut Option<f64>) -> Done {
        let folder = tempfile::tempdir()?;
        let (_server, places) = places(folder.path())?;
        let Some(place) = places.get(engine) else { return Ok(()) };
        let is_shared = matches!(place, Place::Postgres(_));
        let threads = if is_shared { 0 } else { workers };
        let leader = run(place, &folder.path().join("leader"), Role::All, threads)?;
        let id = leader.add("oci", self.registry.host(), &RegistryDocument::default())?;
        leader.synchronised(id, None)?;
        let (before, start) = (self.pulled()?, Instant::now());
        let mut others = Vec::new();
        for n in 0..if is_shared { workers } else { 0 } {
            let folder = folder.path().join(n.to_string());
            others.push(start_worker(place, &folder)?);
        }
        let task = leader.center.scan_now(&Selection::default(), "bench");
        let task = task.map_err(|it| it.to_string())?;
        let counts = loop {
            let it = leader.store.read(|tx| tasks::one(tx, task))?.ok_or("the task is gone")?;
            if it.ended_at.is_some() {
                break it.counts;
            }
            thread::sleep(Duration::from_millis(20));
        };
        let (seconds, after) = (start.elapsed().as_secs_f64(), self.pulled()?);
        for it in &mut others {
            drop(it.stdin.take());
            it.wait()?;
        }
        leader.center.stop();
        // A configuration comes with each image.
        let layers = after.blobs - before.blobs - self.images as f64;
        let per_minute = counts.done as f64 * 60.0 / seconds;
        println!(
            "{engine}, {workers} workers: {} of {} images in {seconds:.1} s, {per_minute:.0} a minute ({:.2} times one \
             worker; {:.2} times the limit's time); {layers:.0} layers pulled, {:.2} times the distinct ones, {:.0} MB",
            counts.done,
            self.images,
            per_minute / *first.get_or_insert(per_minute),
            seconds / self.limit,
            layers / self.distinct as f64,
            (after.bytes - before.bytes) / 1e6
        );
        Ok(())
    }

    /// What the registry says that it was asked for so far.
    fn pulled(&self) -> Done<Pulled> {
        let answer = ask(&self.metrics, "GET", "/metrics", &[], &[])?;
        let text = String::from_utf8(answer.body)?;
        let sum = |name: &str, which: &str| -> f64 {
            let is_it = |it: &&str| it.starts_with(name) && it.contains(which);
            text.lines()
                .filter(is_it)
                .filter_map(|it| it.rsplit(' ').next()?.parse::<f64>().ok())
                .sum()
        };
        Ok(Pulled {
            blobs: sum("registry_http_requests_total", "handler=\"blob\",method=\"get\""),
            bytes: sum("registry_http_response_size_bytes_sum", "handler=\"blob\""),
        })
    }
}

fn start_worker(place: &Place, folder: &Path) -> Done<Child> {
    let mut command = process(place, folder, &["worker", "1"])?;
    Ok(command.stdin(Stdio::piped()).spawn()?)
}

/// Pushes images, and gives the files of their distinct layers.
fn fill(registry: &Running, images: usize, folder: &Path) -> Done<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    let mut files = Vec::new();
    let mut made = |kind: &str, number: usize, bytes: usize| -> Done<(Blob, String)> {
        let tar = layer(kind, number, bytes);
        let blob = Blob::new(LAYER_GZIP, gzip(&tar));
        let file = folder.join(format!("{kind}{number}"));
        fs::write(&file, &blob.bytes)?;
        files.push(file);
        Ok((blob, sha256(&tar).to_string()))
    };
    let bases: Result<Vec<_>, _> = (0..BASES).map(|it| made("base", it, BASE_BYTES)).collect();
    let bases = bases?;
    let runtimes: Result<Vec<_>, _> =
        (0..RUNTIMES).map(|it| made("runtime", it, RUNTIME_BYTES)).collect();
    let runtimes = runtimes?;
    for n in 0..images {
        let runtime = n % RUNTIMES;
        let own = made("app", n, APPLICATION_BYTES)?;
        let layers = [&bases[runtime % BASES], &runtimes[runtime], &own];
        let ids = layers.map(|it| it.1.clone());
        let image = assemble("linux/amd64", layers.map(|it| it.0.clone()).to_vec(), &ids);
        push(registry.host(), "team/app", &format!("v{n}"), &image, "");
    }
    Ok(files)
}

/// An archive of text and programs that are like no others, with packages in the base.
fn layer(kind: &str, number: usize, bytes: usize) -> Vec<u8> {
    let mut seed = ((number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)) ^ bytes as u64;
    let mut entries: Vec<Entry> = Vec::new();
    if kind == "base" {
        entries.push(file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"));
        let status: String =
            (0..400).map(|it| package(&format!("package-{number}-{it}"))).collect();
        entries.push(file("var/lib/dpkg/status", status));
    }
    for n in 0..bytes >> 16 {
        let content = words(&mut seed);
        let path = format!("usr/share/{kind}{number}/{:02}/file{n}", n % 50);
        entries.push(if n % 8 == 0 { program(&path, content) } else { file(&path, content) });
    }
    tar(&entries)
}

fn package(name: &str) -> String {
    format!(
        "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.2-3\nDescription: x\n\n"
    )
}

/// 64 KiB, half as many packed.
fn words(seed: &mut u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 << 16);
    while out.len() < 1 << 16 {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        out.extend_from_slice(&seed.to_le_bytes());
        out.extend_from_slice(b" of it; ");
    }
    out
}

/// Seconds that unpacking and hashing takes, as many at once as there are processors.
fn unpacked(layers: &[PathBuf]) -> Done<f64> {
    let gunzip = find(&["igzip", "pigz", "gzip"]).ok_or("no igzip, pigz or gzip")?;
    let list: Vec<String> = layers.iter().map(|it| it.display().to_string()).collect();
    let script = format!(
        "printf '%s\\n' {} | xargs -P $(nproc) -I@ sh -c '{gunzip} -dc <@ | openssl dgst -sha256 >/dev/null'",
        list.join(" ")
    );
    Ok(run_once(Command::new("sh").args(["-c", &script]))?.seconds)
}
