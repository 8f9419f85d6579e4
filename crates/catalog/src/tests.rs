//! One test for every cataloger there is or will be.
use super::{CATALOGERS, Cataloger};
use inspect::{File, Found, Head, Inspector};
use model::{FileDigest, ImagePath, Presence};
use std::{
    fmt::Write,
    path::{Path, PathBuf},
};
use testkit::fixtures;

/// `fixtures/<cataloger>/<case>.in` must yield `<case>.out`; set `UPDATE=1` to write it anew.
#[test]
fn fixtures_yield_what_stands_beside_them() {
    for cataloger in CATALOGERS {
        fixtures::check(&folder(cataloger), |input, bytes| {
            let path = place(cataloger, input);
            let start = &bytes[..bytes.len().min(512)];
            let size = u64::try_from(bytes.len()).unwrap();
            let head = Head { path: &path, size, mode: 0o755, start };
            assert!(cataloger.wants(&head), "{} does not want {path}", cataloger.name);
            show(cataloger, &path, bytes)
        });
    }
}

/// No byte flipped in any fixture, and no cut, makes any cataloger panic.
#[test]
fn damaged_fixtures_do_not_panic() {
    for cataloger in CATALOGERS {
        fixtures::damage(&folder(cataloger), |input, bytes| {
            let path = place(cataloger, input);
            drop(cataloger.inspect(&File::new(&path, bytes), &mut Found::default()));
        });
    }
}

fn folder(cataloger: &Cataloger) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(cataloger.name)
}

/// Where the fixture would lie in an image.
fn place(cataloger: &Cataloger, input: &Path) -> ImagePath {
    let case = input.file_stem().unwrap().to_str().unwrap();
    ImagePath::parse(fixtures::place(cataloger.paths, case).as_bytes()).unwrap()
}

fn show(cataloger: &Cataloger, path: &ImagePath, bytes: &[u8]) -> String {
    let mut found = Found::default();
    let outcome = cataloger.inspect(&File::new(path, bytes), &mut found);
    let mut text = String::new();
    for it in &found.components {
        write!(text, "{} {} {}", it.ecosystem.purl(), it.name, it.version).unwrap();
        let source = it.source.as_ref().map(|it| format!("{} {}", it.name, it.version));
        let presence = Some(&it.presence).filter(|it| **it != Presence::Installed);
        let presence = presence.map(ToString::to_string);
        let extras = [
            ("arch", &it.arch),
            ("source", &source),
            ("module", &it.module),
            ("vendor", &it.vendor),
            ("presence", &presence),
        ];
        for (name, value) in extras {
            if let Some(value) = value {
                write!(text, " | {name} {value}").unwrap();
            }
        }
        text.push('\n');
    }
    for owned in &found.owned {
        writeln!(text, "{} owns", owned.package).unwrap();
        for file in &owned.files {
            let digest = file.digest.as_ref().map_or(String::new(), hex);
            let config = if file.config { " config" } else { "" };
            writeln!(text, "  {}{config} {digest}", file.path).unwrap();
        }
    }
    for it in &found.diversions {
        writeln!(text, "{} stands at {} for {}", it.from, it.to, it.by).unwrap();
    }
    if let Some(it) = &found.release {
        writeln!(text, "{it:#?}").unwrap();
    }
    for it in &found.gaps {
        writeln!(text, "gap {it}").unwrap();
    }
    match outcome {
        Ok(()) => text + "ok\n",
        Err(fault) => format!("{text}{fault}\n"),
    }
}

fn hex(digest: &FileDigest) -> String {
    let (name, bytes): (_, &[u8]) = match digest {
        FileDigest::Md5(it) => ("md5", it),
        FileDigest::Sha1(it) => ("sha1", it),
        FileDigest::Sha256(it) => ("sha256", it),
        FileDigest::Longer(it) => ("longer", it),
    };
    bytes.iter().fold(format!("{name}:"), |text, it| text + &format!("{it:02x}"))
}
