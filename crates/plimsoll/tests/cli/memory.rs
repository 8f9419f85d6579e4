//! However large an image is, and however many files it has: memory stays below the ceiling, and nothing is
//! left on the disk.
use crate::bench::{Bench, PATIENCE, field, finish, gaps, inspectors};
use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufWriter, Write},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};
use testkit::{
    image::plain_image,
    tar::{file, header, seal, tar},
};

/// Kibibytes that a scan may take, all its processes together.
const CEILING_KIB: u64 = 256 << 10;

/// The highest that each process of `parent` got to, while it runs; the sum of that.
fn peak(parent: &Child) -> u64 {
    let mut peaks = BTreeMap::new();
    let end = Instant::now() + PATIENCE;
    let is_running = |pid: u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        !status.contains("State:\tZ")
    };
    while is_running(parent.id()) {
        for pid in inspectors(parent.id()).into_iter().chain([parent.id()]) {
            if let Some(peak) = field(pid, "VmHWM:") {
                peaks.insert(pid, peak);
            }
        }
        assert!(Instant::now() < end, "it takes for ever");
        thread::sleep(Duration::from_millis(5));
    }
    peaks.values().sum()
}

/// Scans what `docker save` would write of an image with one layer of `bytes`, made as it is read.
fn check(bytes: u64, layer: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static) {
    let bench = Bench::new();
    let mut command = bench.command(["scan", "--format", "json", "-"]);
    let mut parent = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = BufWriter::with_capacity(1 << 20, parent.stdin.take().unwrap());
    let writer = thread::spawn(move || {
        let image = plain_image("linux/amd64", &[tar(&[])]);
        let config = &image.blobs[0].bytes;
        let manifest = br#"[{"Config":"config.json","RepoTags":["x:1"],"Layers":["l/layer.tar"]}]"#;
        let mut documents = tar(&[file("config.json", config), file("manifest.json", manifest)]);
        documents.truncate(documents.len() - 1024);
        input.write_all(&documents)?;
        input.write_all(&header("l/layer.tar", b'0', 0o644, "", bytes))?;
        layer(&mut input)?;
        input.write_all(&[0; 1024])?;
        input.flush()
    });
    let peak = peak(&parent);
    writer.join().unwrap().unwrap();
    let image = finish(parent).image();
    // The diff ID could only be known by reading it all.
    assert!(gaps(&image).iter().all(|it| it.contains("the image says")), "{:?}", gaps(&image));
    assert_eq!(image["layers"][0]["bytes"], bytes);
    assert!(peak < CEILING_KIB, "{} MiB", peak >> 10);
    eprintln!("{bytes} bytes: {} MiB", peak >> 10);
    assert_eq!(fs::read_dir(bench.path("spool")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(bench.path("home")).unwrap().count(), 0);
}

#[test]
fn very_many_files() {
    const FILES: u64 = 300_000;
    check(FILES * 512 + 1024, |output| {
        let mut block = header("srv/0000000/a-file-of-no-interest", b'0', 0o755, "", 0);
        for n in 0..FILES {
            block[4..11].copy_from_slice(format!("{n:07}").as_bytes());
            seal(&mut block);
            output.write_all(&block)?;
        }
        output.write_all(&[0; 1024])
    });
}

#[test]
fn a_very_large_file() {
    const BYTES: u64 = 1 << 30;
    check(BYTES + 512 + 1024, |output| {
        output.write_all(&header("srv/zeros", b'0', 0o644, "", BYTES))?;
        for _ in 0..BYTES >> 20 {
            output.write_all(&[0; 1 << 20])?;
        }
        output.write_all(&[0; 1024])
    });
}
