//! How much memory a scan takes when the image is as large, or of as many files, as images get.
//!
//! The images are made up while they are read: an archive as `docker save` writes it, on standard input; and once
//! a layout, whose layers are read several at a time.
use crate::{
    archive::header,
    measure::{Cost, Memory, find, plimsoll, watch},
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    error::Error,
    fs::{self, File},
    io::{self, Write},
    path::Path,
    process::{Command, Stdio},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The most that all processes of a scan may have in memory, in KiB.
const LIMIT_KIB: u64 = 256 << 10;
/// Files of the image that consists of files.
const FILES: u64 = 3_000_000;
/// Files of a gibibyte in the image that consists of bytes.
const GIBIBYTES: u64 = 20;

/// Packages of the image that consists of packages, with a file each, and the bytes that each takes in apk's
/// database.
const PACKAGES: u64 = 300_000;
const PACKAGE_BYTES: u64 = 146;

/// What writes the entries of the layer of that number.
type Layer = fn(&mut dyn Write, u64) -> io::Result<()>;

/// Each image: what it is, how many layers it has, the bytes of each, the layers.
const IMAGES: &[(&str, u64, u64, Layer)] = &[
    ("3 000 000 files", 1, FILES * 512, |out, it| many(out, it, 0o644, b"")),
    ("3 000 000 programs", 1, FILES * 1024, |out, it| many(out, it, 0o755, b"#!/bin/true")),
    ("12 layers of 3 000 000 files", 12, FILES * 512, |out, it| many(out, it, 0o644, b"")),
    ("300 000 packages", 1, 1536 + (PACKAGES * PACKAGE_BYTES).next_multiple_of(512), packages),
    ("20 GiB", 1, GIBIBYTES * (512 + (1 << 30)), large),
];

/// `bench memory`, of all or of those whose names contain a word that is given.
pub(crate) fn memory(args: &[String]) -> Result<(), Box<dyn Error>> {
    let program = plimsoll(Path::new(ROOT))?;
    let home = tempfile::tempdir()?;
    let scan = |of: &str| {
        let mut command = Command::new(&program);
        command.args(["scan", "--no-cache", "--quiet", "--format", "json", of]);
        command.env("PLIMSOLL_DATA_DIR", home.path());
        command
    };
    let chosen = |what: &str| args.is_empty() || args.iter().any(|it| what.contains(it.as_str()));
    for (what, layers, bytes, layer) in IMAGES.iter().filter(|it| chosen(it.0)) {
        print(what, watch(&mut scan("-"), |out| image(out, *layers, *bytes, *layer))?)?;
    }
    let what = "12 layers of 3 000 000 files, several at once";
    if chosen(what) {
        let layout = home.path().join("layout");
        let of = layout_of(&layout)?;
        print(what, watch(&mut scan(&of), |_| Ok(()))?)?;
    }
    Ok(())
}

fn print(what: &str, (memory, cost, said): (Memory, Cost, String)) -> Result<(), Box<dyn Error>> {
    let report: Value = serde_json::from_str(&said)?;
    println!(
        "{what}: {} MiB together (limit {} MiB), parent {} MiB, child {} MiB, {:.1} s, {:.1} s of processor time{}",
        memory.together >> 10,
        LIMIT_KIB >> 10,
        memory.parent >> 10,
        memory.child >> 10,
        cost.seconds,
        cost.cpu_seconds,
        if memory.together > LIMIT_KIB { " OVER THE LIMIT" } else { "" }
    );
    let gaps: Vec<&Value> = report["images"][0]["gaps"].as_array().into_iter().flatten().collect();
    println!("  gaps: {} {:?}", gaps.len(), gaps.get(..3).unwrap_or(&gaps));
    Ok(())
}

/// A layout of one image of twelve layers, all of them the same blob of many files: packed, since nothing
/// else gives that much work for so few bytes.
fn layout_of(folder: &Path) -> Result<String, Box<dyn Error>> {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let gzip = find(&["igzip", "pigz", "gzip"]).ok_or("no igzip, pigz or gzip")?;
    let packed = File::create(folder.join("layer"))?;
    let mut child =
        Command::new(gzip).args(["-c", "-1"]).stdin(Stdio::piped()).stdout(packed).spawn()?;
    let mut input = io::BufWriter::new(child.stdin.take().ok_or("no pipe")?);
    let mut hashed = Hashed { inner: &mut input, hash: Sha256::new() };
    many(&mut hashed, 0, 0o644, b"")?;
    hashed.write_all(&[0; 1024])?;
    let diff_id = hex(hashed.hash);
    drop(input);
    child.wait()?;
    let put = |bytes: &[u8]| -> io::Result<String> {
        let digest = hex(Sha256::new_with_prefix(bytes));
        fs::write(blobs.join(&digest), bytes)?;
        Ok(format!(r#""digest":"sha256:{digest}","size":{}"#, bytes.len()))
    };
    let layer = put(&fs::read(folder.join("layer"))?)?;
    let layer = format!(r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip",{layer}}}"#);
    let config = put(config(&vec![diff_id; 12]).as_bytes())?;
    let config = format!(r#"{{"mediaType":"application/vnd.oci.image.config.v1+json",{config}}}"#);
    let layers = vec![layer; 12].join(",");
    let manifest =
        put(format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layers}]}}"#).as_bytes())?;
    let kind = r#""mediaType":"application/vnd.oci.image.manifest.v1+json""#;
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{{{kind},{manifest}}}]}}"#);
    fs::write(folder.join("index.json"), index)?;
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    Ok(format!("oci:{}", folder.display()))
}

fn config(diff_ids: &[String]) -> String {
    let ids: Vec<String> = diff_ids.iter().map(|it| format!(r#""sha256:{it}""#)).collect();
    let rootfs = format!(r#"{{"type":"layers","diff_ids":[{}]}}"#, ids.join(","));
    format!(r#"{{"os":"linux","architecture":"amd64","rootfs":{rootfs}}}"#)
}

/// An archive of one image; what names the layers comes last, when their digests are known.
pub(crate) fn image(
    out: &mut dyn Write,
    layers: u64,
    bytes: u64,
    layer: impl Fn(&mut dyn Write, u64) -> io::Result<()>,
) -> io::Result<()> {
    let mut diff_ids = Vec::new();
    for i in 0..layers {
        out.write_all(&header(&format!("{i}.tar"), bytes + 1024, 0o644))?;
        let mut hashed = Hashed { inner: out, hash: Sha256::new() };
        layer(&mut hashed, i)?;
        hashed.write_all(&[0; 1024])?;
        diff_ids.push(hex(hashed.hash));
    }
    let names: Vec<String> = (0..layers).map(|it| format!(r#""{it}.tar""#)).collect();
    let manifest = format!(r#"[{{"Config":"config.json","Layers":[{}]}}]"#, names.join(","));
    for (name, text) in [("config.json", config(&diff_ids)), ("manifest.json", manifest)] {
        let mut entry = header(name, text.len() as u64, 0o644).to_vec();
        entry.extend(text.as_bytes());
        entry.resize(entry.len().next_multiple_of(512), 0);
        out.write_all(&entry)?;
    }
    out.write_all(&[0; 1024])?;
    out.flush()
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().fold(String::new(), |text, it| text + &format!("{it:02x}"))
}

struct Hashed<'a> {
    inner: &'a mut dyn Write,
    hash: Sha256,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn many(out: &mut dyn Write, layer: u64, mode: u16, content: &[u8]) -> io::Result<()> {
    let mut padded = content.to_vec();
    padded.resize(content.len().next_multiple_of(512), 0);
    for i in 0..FILES {
        let dir = format!("srv/cache-{layer}/{:03}/{:03}", i % 1000, i / 1000 % 1000);
        out.write_all(&header(&format!("{dir}/object-{i:07}"), content.len() as u64, mode))?;
        out.write_all(&padded)?;
    }
    Ok(())
}

/// What apk's database says of the package of that number; all are as long.
fn package(i: u64) -> String {
    format!(
        "P:package-{i:06}\nV:1.{}.{}-r0\nA:x86_64\no:source-{:06}\nm:Someone <someone@example.org>\n\
         F:usr/bin\nR:program-{i:06}\nZ:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
        i % 9,
        i % 7,
        i / 3
    )
}

fn packages(out: &mut dyn Write, _: u64) -> io::Result<()> {
    let bytes = PACKAGES * PACKAGE_BYTES;
    let release = b"ID=alpine\nVERSION_ID=3.19.1\n";
    out.write_all(&header("etc/os-release", release.len() as u64, 0o644))?;
    out.write_all(release)?;
    out.write_all(&[0; 512][release.len()..])?;
    out.write_all(&header("lib/apk/db/installed", bytes, 0o644))?;
    for i in 0..PACKAGES {
        out.write_all(package(i).as_bytes())?;
    }
    out.write_all(&vec![0; (bytes.next_multiple_of(512) - bytes) as usize])
}

fn large(out: &mut dyn Write, _: u64) -> io::Result<()> {
    let mut block = vec![0; 1 << 20];
    for (i, byte) in block.iter_mut().enumerate() {
        *byte = (i.wrapping_mul(i) >> 7) as u8;
    }
    for i in 0..GIBIBYTES {
        out.write_all(&header(&format!("srv/data/part-{i:02}"), 1 << 30, 0o644))?;
        for _ in 0..1024 {
            out.write_all(&block)?;
        }
    }
    Ok(())
}
