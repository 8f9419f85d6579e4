//! How much memory a scan takes when the image is as large, or of as many files, as images get.
//!
//! The images are made up while they are read: an archive as `docker save` writes it, on standard input.
use crate::{
    archive::header,
    measure::{plimsoll, watch},
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    error::Error,
    io::{self, Write},
    path::Path,
    process::Command,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The most that all processes of a scan may have in memory, in KiB.
const LIMIT_KIB: u64 = 256 << 10;
/// Files of the image that consists of files.
const FILES: u64 = 3_000_000;
/// Files of a gibibyte in the image that consists of bytes.
const GIBIBYTES: u64 = 20;

/// What writes the entries of a layer, without their number of bytes changing from run to run.
type Layer = fn(&mut dyn Write) -> io::Result<()>;

/// Each image: what it is, the bytes of its layer, the layer.
const IMAGES: &[(&str, u64, Layer)] = &[
    ("3 000 000 files", FILES * 512 + 1024, |out| many(out, 0o644, b"")),
    ("3 000 000 programs", FILES * 1024 + 1024, |out| many(out, 0o755, b"#!/bin/true")),
    ("20 GiB", GIBIBYTES * (512 + (1 << 30)) + 1024, large),
];

/// `bench memory`.
pub(crate) fn memory(_: &[String]) -> Result<(), Box<dyn Error>> {
    let program = plimsoll(Path::new(ROOT))?;
    let home = tempfile::tempdir()?;
    for (what, bytes, layer) in IMAGES {
        let mut command = Command::new(&program);
        command.args(["scan", "--no-cache", "--quiet", "--format", "json", "-"]);
        command.env("PLIMSOLL_DATA_DIR", home.path());
        let (memory, cost, said) = watch(&mut command, |out| image(out, *bytes, *layer))?;
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
        println!("  gaps: {}", report["images"][0]["gaps"]);
    }
    Ok(())
}

/// An archive of one image with one layer; what names the layer comes last, when its digest is known.
fn image(out: &mut dyn Write, bytes: u64, layer: Layer) -> io::Result<()> {
    out.write_all(&header("layer.tar", bytes, 0o644))?;
    let mut hashed = Hashed { inner: out, hash: Sha256::new() };
    layer(&mut hashed)?;
    hashed.write_all(&[0; 1024])?;
    let diff_id = hashed.hash.finalize();
    let diff_id = diff_id.iter().fold(String::new(), |text, it| text + &format!("{it:02x}"));
    let config = format!(
        r#"{{"os":"linux","architecture":"amd64","rootfs":{{"type":"layers","diff_ids":["sha256:{diff_id}"]}}}}"#
    );
    let manifest = r#"[{"Config":"config.json","RepoTags":["bench:1"],"Layers":["layer.tar"]}]"#;
    for (name, text) in [("config.json", config.as_str()), ("manifest.json", manifest)] {
        let mut entry = header(name, text.len() as u64, 0o644).to_vec();
        entry.extend(text.as_bytes());
        entry.resize(entry.len().next_multiple_of(512), 0);
        out.write_all(&entry)?;
    }
    out.write_all(&[0; 1024])?;
    out.flush()
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

fn many(out: &mut dyn Write, mode: u16, content: &[u8]) -> io::Result<()> {
    let mut padded = content.to_vec();
    padded.resize(content.len().next_multiple_of(512), 0);
    for i in 0..FILES {
        let name = format!("srv/cache/{:03}/{:03}/object-{i:07}", i % 1000, i / 1000 % 1000);
        out.write_all(&header(&name, content.len() as u64, mode))?;
        out.write_all(&padded)?;
    }
    Ok(())
}

fn large(out: &mut dyn Write) -> io::Result<()> {
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
