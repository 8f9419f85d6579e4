//! What fuzzing starts from: the fixtures, each behind the byte that chooses its row.
use crate::archive;
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};
use testkit::rpm;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

pub(crate) fn run(_: &[String]) -> ExitCode {
    match write() {
        Ok(count) => {
            println!("{count} seeds in fuzz/corpus");
            ExitCode::SUCCESS
        }
        Err(err) => {
            println!("fuzz/corpus: {err}");
            ExitCode::FAILURE
        }
    }
}

fn write() -> io::Result<usize> {
    let mut count = 0;
    let mut seed = |target: &str, name: &str, first: usize, rest: &[u8]| {
        let folder = Path::new(ROOT).join("fuzz/corpus").join(target);
        fs::create_dir_all(&folder)?;
        count += 1;
        let first = u8::try_from(first).map_err(io::Error::other)?;
        fs::write(folder.join(name), [&[first], rest].concat())
    };
    for (row, cataloger) in catalog::CATALOGERS.iter().enumerate() {
        for case in cases("catalog", cataloger.name)? {
            let bytes = fs::read(&case)?;
            let stem = case.file_stem().unwrap_or_default().to_string_lossy();
            let name = format!("{}-{stem}", cataloger.name);
            let place = testkit::fixtures::place(cataloger.paths, &stem);
            let is_there = |it: &&str| place.ends_with(it.trim_end_matches('*'));
            let path = cataloger.paths.iter().position(is_there).unwrap_or_default();
            let path = u8::try_from(path).map_err(io::Error::other)?;
            seed("catalogers", &name, row, &[&[path], &*bytes].concat())?;
            let mut layer = archive::header(&place, bytes.len() as u64, 0o644).to_vec();
            layer.extend(&bytes);
            layer.resize(layer.len().next_multiple_of(512) + 1024, 0);
            seed("layer", &name, 255, &layer)?;
        }
    }
    for (row, bytes) in signed() {
        let name = format!("signed-{row}");
        seed(
            "catalogers",
            &name,
            catalog::CATALOGERS.len().saturating_add(row),
            &[&[0], &*bytes].concat(),
        )?;
    }
    for (row, feed) in assess::FEEDS.iter().enumerate() {
        for case in cases("assess", feed.name)? {
            let name = case.file_stem().unwrap_or_default().to_string_lossy();
            seed("feeds", &format!("{}-{name}", feed.name), row, &fs::read(&case)?)?;
        }
    }
    for (row, flavor) in registry::FLAVORS.iter().enumerate() {
        for case in cases("registry", flavor.name)? {
            let name = case.file_stem().unwrap_or_default().to_string_lossy();
            seed("events", &format!("{}-{name}", flavor.name), row, &fs::read(&case)?)?;
        }
    }
    for (row, (name, _)) in model::version::Scheme::ALL.iter().enumerate() {
        for (i, two) in VERSIONS.iter().enumerate() {
            seed("versions", &format!("{name}-{i}"), row, two.as_bytes())?;
        }
    }
    for (i, it) in testkit::samples::read(&testkit::samples::folder()).iter().enumerate() {
        let name = format!("{}-{i}", it.from);
        seed("malware", &name, path_like(&it.path, it.mode & 0o111 != 0), &it.bytes())?;
    }
    let manifest = br#"{"schemaVersion":2,"config":{"digest":"sha256:0","size":1},"layers":[]}"#;
    let mut tar = archive::header("manifest.json", manifest.len() as u64, 0o644).to_vec();
    tar.extend(manifest);
    for (row, bytes) in [&tar[..], manifest, br#"{"rootfs":{"diff_ids":[]}}"#, b"a.b:1/c/d:e"]
        .into_iter()
        .enumerate()
    {
        seed("sources", &format!("seed-{row}"), row, bytes)?;
    }
    Ok(count)
}

/// A package that is signed, for the second of those that verify databases, and a key with a signature, for what comes behind all three.
fn signed() -> [(usize, Vec<u8>); 2] {
    let signer = testkit::openpgp::Signer::new(1);
    let region = rpm::region(&[
        (1000, rpm::STRING, 1, b"a\0"),
        (1001, rpm::STRING, 1, b"1\0"),
        (1002, rpm::STRING, 1, b"2\0"),
    ]);
    let signature = signer.sign(0, &rpm::signed(&region));
    let count = u32::try_from(signature.len()).unwrap_or_default();
    let database = rpm::ndb(&[rpm::with(&region, &[(268, rpm::BINARY, count, &signature)])]);
    let key = signer.public();
    let length = u8::try_from(key.len()).unwrap_or_default();
    let both = [&[length][..], &key, &signer.sign(0, b"a header")].concat();
    [(1, database), (3, both)]
}

/// The byte that stands for the path most like this one, by its name, or its folder, or its ending; from 128 on nobody
/// may run the file.
fn path_like(path: &str, runs: bool) -> usize {
    let rows: Vec<&str> = include_str!("../../fuzz/fuzz_targets/malware.paths").lines().collect();
    let name = |it: &str| it.rsplit('/').next().unwrap_or_default().to_owned();
    let folder = |it: &str| it.rsplit_once('/').map(|it| it.0.to_owned());
    let ending = |it: &str| name(it).rsplit_once('.').map(|it| it.1.to_owned());
    let first = |same: &dyn Fn(&str) -> bool| rows.iter().position(|it| same(it));
    let row = first(&|it| name(it) == name(path))
        .or_else(|| first(&|it| it.starts_with("etc/") && folder(it) == folder(path)))
        .or_else(|| first(&|it| ending(path).is_some() && ending(it) == ending(path)))
        .unwrap_or_default();
    let from = if runs { 0 } else { 128 };
    (from..256).find(|it| it % rows.len() == row).unwrap_or_default()
}

/// Versions of every taste, two in a row.
const VERSIONS: &[&str] = &[
    "1.0\n1.0~rc1\n1:0.9-1",
    "1.2.3-alpha.1\n1.2.3+build\nv1.2.3",
    "2024.01.r3_p2\n1.0.post1.dev2\n1!1.0rc1",
    "1.0-SNAPSHOT\n1.0.Final\n1.0-sp-1",
    "v0.0.0-20200101000000-abcdefabcdef\nv1.2.3-0.20200101000000-abcdefabcdef\n1.0^git1",
];

fn cases(of: &str, row: &str) -> io::Result<Vec<PathBuf>> {
    let folder = Path::new(ROOT).join("crates").join(of).join("fixtures").join(row);
    let files: io::Result<Vec<PathBuf>> =
        fs::read_dir(folder)?.map(|it| it.map(|it| it.path())).collect();
    Ok(files?.into_iter().filter(|it| it.extension().is_some_and(|it| it == "in")).collect())
}
