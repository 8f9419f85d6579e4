//! Archives of every kind, read in both ways.
#![expect(clippy::arithmetic_side_effects, reason = "numbers of a test are small")]
use super::*;
use crate::testing::{Files, digest, header, layer, named, on, tar};
use model::Platform;
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::PathBuf,
};

/// An image, and the content of each of its layers.
type Seen = (Image, Vec<Vec<u8>>);

fn saved(dir: &tempfile::TempDir, archive: &[u8]) -> PathBuf {
    let path = dir.path().join("archive.tar");
    fs::write(&path, archive).unwrap();
    path
}

/// The images with their layers' contents, read by seeking.
fn sought(archive: &[u8], choice: Option<&str>) -> Result<Vec<Seen>, String> {
    let dir = tempfile::tempdir().unwrap();
    let archive = Archive::open(&saved(&dir, archive), choice, PlatformChoice::Host);
    let archive = archive.map_err(|it| it.to_string())?.expect("it is not compressed");
    let images = archive.images().map_err(|it| it.to_string())?;
    let content = |layer: &Layer| {
        let mut bytes = Vec::new();
        let mut blob = archive.blob(layer).map_err(|it| it.to_string())?;
        blob.read_to_end(&mut bytes).map_err(|it| it.to_string())?;
        Ok(bytes)
    };
    let with = |mut image: Image| {
        if image.name.starts_with('/') {
            image.name.clear();
        }
        let contents: Result<_, String> = image.layers.iter().map(content).collect();
        Ok((image, contents?))
    };
    images.into_iter().map(with).collect()
}

/// The same, from front to back.
fn streamed(archive: &[u8], choice: Option<&str>) -> Result<Vec<Seen>, String> {
    let mut passed = BTreeMap::new();
    let images = stream(archive, &PlatformChoice::Host, choice, &mut |name, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        assert!(passed.insert(name.to_owned(), bytes).is_none(), "{name} came twice");
        Ok(())
    });
    let with = |image: Image| {
        let contents = image.layers.iter().map(|it| passed[&it.blob.place].clone()).collect();
        (image, contents)
    };
    Ok(images.map_err(|it| it.to_string())?.into_iter().map(with).collect())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    // Two frames, and one to be skipped between them.
    let (a, b) = bytes.split_at(bytes.len() / 2);
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let mut out = ruzstd::encoding::compress_to_vec(a, level);
    out.extend([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    out.extend(ruzstd::encoding::compress_to_vec(b, level));
    out
}

/// Both ways see the same: `name: layer, layer`, or the same kind of failure.
fn check(what: &str, archive: &[u8], choice: Option<&str>, expected: &str) {
    let ways = [
        ("sought", sought(archive, choice)),
        ("streamed", streamed(archive, choice)),
        ("gzip", streamed(&gzip(archive), choice)),
        ("zstd", streamed(&zstd(archive), choice)),
    ];
    for (way, outcome) in ways {
        let got = outcome.map_or_else(
            |err| err,
            |images| {
                let [(image, layers)] = &images[..] else { panic!("{images:?}") };
                for (layer, content) in image.layers.iter().zip(layers) {
                    assert_eq!(layer.diff_id, Some(digest(content)), "{what}");
                    assert_eq!(layer.blob.size, u64::try_from(content.len()).unwrap(), "{what}");
                }
                let first = |it: &Vec<u8>| {
                    it.first().map_or(String::new(), |it| char::from(*it).to_string())
                };
                let layers: Vec<_> = layers.iter().map(first).collect();
                format!("{}: {}", image.name, layers.join(", "))
            },
        );
        assert!(got.starts_with(expected), "{what}, {way}: {got}");
    }
}

fn a() -> Vec<u8> {
    layer("a", "1")
}

fn b() -> Vec<u8> {
    layer("b", "2")
}

/// `docker save` with a naming of members: configuration, layers.
fn docker(config: &str, layers: [&str; 2]) -> Files {
    let mut files = Files::default();
    let content = files.config("linux/amd64", &[&a(), &b()]);
    let config = config.replace("HEX", digest(&content).hex());
    files.set(&config, content);
    for (name, content) in layers.iter().zip([a(), b()]) {
        files.set(name, content);
    }
    let layers = layers.map(|it| format!("\"{it}\"")).join(",");
    files.set(
        "manifest.json",
        format!(r#"[{{"Config":"{config}","RepoTags":["x:1","y:2"],"Layers":[{layers}]}}]"#),
    );
    files
}

#[test]
fn docker_archives() {
    let old = docker("HEX.json", ["1/layer.tar", "2/layer.tar"]);
    check("old", &old.tar(), None, "x:1: a, b");
    check("old, chosen", &old.tar(), Some("y:2"), "x:1: a, b");
    check("old, by tag", &old.tar(), Some("1"), "x:1: a, b");
    check("old, not there", &old.tar(), Some("z:1"), "not found: image `z:1`; there are: x:1, y:2");
    check("crane", &docker("sha256:HEX", ["1.tar.gz", "2.tar.gz"]).tar(), None, "x:1: a, b");
    check("other", &docker("config.json", ["one", "two"]).tar(), None, "x:1: a, b");
    let mut two = old.clone();
    let other = two.config("linux/amd64", &[]);
    let other_digest = digest(&other);
    two.set(&format!("{}.json", other_digest.hex()), other);
    let first = String::from_utf8(two.0["manifest.json"].clone()).unwrap();
    let second = format!(r#"{{"Config":"{}.json","RepoTags":null}}]"#, other_digest.hex());
    two.set("manifest.json", first.trim_end_matches(']').to_owned() + "," + &second);
    check("two", &two.tar(), None, "not found: which image is meant; add a colon and one of x:1");
    check("two, chosen", &two.tar(), Some("x:1"), "x:1: a, b");
    check("two, by digest", &two.tar(), Some(other_digest.as_str()), ": ");
}

/// As Docker has written since version 25: both a layout and a list of images.
fn modern() -> Files {
    let mut files = docker(
        "blobs/sha256/HEX",
        [
            &format!("blobs/sha256/{}", digest(&a()).hex()),
            &format!("blobs/sha256/{}", digest(&b()).hex()),
        ],
    );
    let image = files.image("linux/amd64", &[&a(), &b()], &named("x:1"));
    files.layout(&[&image])
}

#[test]
fn layouts_in_archives() {
    check("modern", &modern().tar(), None, "x:1: a, b");
    let mut layout = modern();
    layout.0.remove("manifest.json");
    check("layout", &layout.tar(), Some("x:1"), "x:1: a, b");
    let images = sought(&layout.tar(), None).unwrap();
    assert!(images[0].0.digest.is_some() && images[0].0.layers[0].blob.digest.is_some());
    // Only one platform was saved of an index of two.
    let mut files = Files::default();
    let here = files.image("linux/amd64", &[&a()], &on("linux/amd64"));
    let kept = files.clone();
    let gone = files.image("linux/vax", &[&b()], &on("linux/vax"));
    files.0.retain(|name, _| kept.0.contains_key(name));
    let index = files.nest(&[&here, &gone], &named("x"));
    let choice = PlatformChoice::One(Platform::parse("linux/amd64").unwrap());
    let archive = files.layout(&[&index]).tar();
    let images = stream(&archive[..], &choice, None, &mut |_, _| Ok(())).unwrap();
    assert_eq!(images[0].layers.len(), 1);
    let err = stream(&archive[..], &PlatformChoice::All, None, &mut |_, _| Ok(())).unwrap_err();
    assert!(matches!(err, SourceError::NotFound(_)), "{err}");
}

#[test]
fn two_stories_in_one_archive_are_refused() {
    let mut files = modern();
    let other = files.image("linux/amd64", &[&a()], &named("x:1"));
    let files = files.layout(&[&other]);
    check("two stories", &files.tar(), None, "malformed: manifest.json and index.json mean diff");
    let twice = |one: &[u8], other: &[u8]| {
        let files = docker("HEX.json", ["1/layer.tar", "2/layer.tar"]);
        let mut members: Vec<(&str, &[u8])> = vec![("1/layer.tar", one)];
        members.extend(files.0.iter().map(|it| (it.0.as_str(), it.1.as_slice())));
        members.push(("./1/../2/layer.tar", other));
        tar_raw(&members)
    };
    for archive in [twice(&a(), &a()), twice(&b(), &b())] {
        check("two members", &archive, None, "malformed: two members are called");
    }
    let got = sought(&twice(&a(), &b()), None).unwrap();
    assert_eq!(got[0].1, [a(), b()], "the same twice is no ambiguity");
    let modern = modern();
    let blob = format!("blobs/sha256/{}", digest(&a()).hex());
    let mut members: Vec<(&str, &[u8])> =
        modern.0.iter().map(|it| (it.0.as_str(), it.1.as_slice())).collect();
    let content = a();
    members.push((&blob, &content));
    check("the same blob twice", &tar_raw(&members), None, "x:1: a, b");
}

/// Members with names that the `tar` crate would not write.
fn tar_raw(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = ::tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = header(::tar::EntryType::Regular, content.len());
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    tar.into_inner().unwrap()
}

/// Layers of Docker 1.10 to 24 that are equal are links to each other.
fn linked(kind: ::tar::EntryType, target: &str) -> Vec<u8> {
    let files = docker("HEX.json", ["1/layer.tar", "2/layer.tar"]);
    let mut tar = ::tar::Builder::new(Vec::new());
    for (name, content) in &files.0 {
        let name = if name == "2/layer.tar" { "shared.tar" } else { name };
        let mut header = header(::tar::EntryType::Regular, content.len());
        tar.append_data(&mut header, name, &content[..]).unwrap();
    }
    let mut header = header(kind, 0);
    tar.append_link(&mut header, "2/layer.tar", target).unwrap();
    tar.into_inner().unwrap()
}

#[test]
fn links_between_members() {
    use ::tar::EntryType::{Link, Symlink};
    check("symbolic", &linked(Symlink, "../shared.tar"), None, "x:1: a, b");
    check("hard", &linked(Link, "shared.tar"), None, "x:1: a, b");
    check("to itself", &linked(Symlink, "layer.tar"), None, "malformed: links around 2/layer.tar");
    check("to nothing", &linked(Symlink, "../../../etc/passwd"), None, "not found: 2/layer.tar");
    check(
        "out",
        &linked(Link, "../x"),
        None,
        "malformed: the archive: member `2/layer.tar` climbs",
    );
}

#[test]
fn strange_archives() {
    let files = docker("HEX.json", ["1/layer.tar", "2/layer.tar"]);
    let with = |name: &str, content: &[u8]| {
        let mut files = files.clone();
        files.set(name, content);
        files.tar()
    };
    check("nothing", &tar(&[]), None, "malformed: an archive with neither");
    check("empty", b"", None, "malformed: an archive with neither");
    check("no tar", &[b'x'; 5000], None, "malformed: the archive");
    check("list cut", &with("manifest.json", b"[{"), None, "malformed: manifest.json");
    check("list empty", &with("manifest.json", b"[]"), None, "not found");
    check("nested", &with("manifest.json", &b"[".repeat(9999)), None, "malformed: manifest.json");
    check("huge", &with("manifest.json", &b"[".repeat(5 << 20)), None, "too large: manifest.json");
    check("out", &tar_raw(&[("../manifest.json", b"[]")]), None, "malformed: the archive: member");
    let out = br#"[{"Config":"../../etc/passwd","Layers":[]}]"#;
    check("out by name", &with("manifest.json", out), None, "malformed: `../../etc/passwd` climbs");
    let mut gone = files.clone();
    gone.0.remove("2/layer.tar");
    check("layer gone", &gone.tar(), None, "not found: 2/layer.tar in the archive");
    let config = files.0.keys().find(|it| it.ends_with(".json")).unwrap().clone();
    let mut altered = files.clone();
    altered.0.get_mut(&config).unwrap().push(b' ');
    check("configuration altered", &altered.tar(), None, "the content of sha256:");
    let mut blob = modern();
    blob.set(&format!("blobs/sha256/{}", digest(&a()).hex()), b());
    check("layer altered", &blob.tar(), None, "");
    assert!(sought(&blob.tar(), None).unwrap_err().contains("the content of sha256:"));
    assert!(streamed(&blob.tar(), None).unwrap_err().contains("the content of sha256:"));
}

#[test]
fn layers_that_look_like_documents_and_the_other_way_round() {
    // The first member of this layer makes it begin as JSON does.
    let (trick, text) = (layer("{", "1"), b"{\"no\": \"tar\"}".to_vec());
    let mut files = Files::default();
    let image = files.image("linux/amd64", &[&trick, &text, b""], "");
    check("tricks", &files.layout(&[&image]).tar(), None, ": {, {, ");
}

#[test]
fn a_claimed_size_is_not_believed() {
    let mut huge = header(::tar::EntryType::Regular, 0);
    huge.set_path("manifest.json").unwrap();
    huge.set_size(1 << 60);
    huge.set_cksum();
    let mut archive = huge.as_bytes().to_vec();
    archive.extend([b'['; 2048]);
    check("huge member", &archive, None, "malformed: the archive: it is cut off");
    for kind in [::tar::EntryType::GNULongName, ::tar::EntryType::XHeader] {
        huge.set_entry_type(kind);
        huge.set_cksum();
        check("huge name", huge.as_bytes(), None, "too large: a member's name");
    }
}

#[test]
fn cut_archives_are_noticed() {
    let archive = docker("HEX.json", ["1/layer.tar", "2/layer.tar"]).tar();
    // The closing blocks may be missing, but nothing else may.
    for len in (1..archive.len() - 1024).step_by(100).filter(|it| it % 512 != 0) {
        assert!(sought(&archive[..len], None).is_err(), "{len}");
        assert!(streamed(&archive[..len], None).is_err(), "{len}");
    }
    for packed in [gzip(&archive), zstd(&archive)] {
        for len in (6..packed.len()).step_by(7).chain([packed.len() - 1]) {
            if packed[..len] != packed {
                let outcome = streamed(&packed[..len], None);
                // Between two frames, it may just be all there is.
                let whole = outcome.as_ref().is_ok_and(|it| it[0].1.len() == 2);
                assert!(outcome.is_err() || whole, "{len} of {}", packed.len());
            }
        }
    }
    let mut flipped = gzip(&archive);
    let sum = flipped.len() - 6;
    flipped[sum] ^= 1;
    assert!(streamed(&flipped, None).is_err(), "the checksum at the end is wrong");
}

#[test]
fn compressed_archives_are_to_be_streamed() {
    let dir = tempfile::tempdir().unwrap();
    let archive = docker("HEX.json", ["1/layer.tar", "2/layer.tar"]).tar();
    let open = |bytes: &[u8]| {
        Archive::open(&saved(&dir, bytes), None, PlatformChoice::Host).unwrap().is_some()
    };
    assert!(open(&archive) && !open(&gzip(&archive)) && !open(&zstd(&archive)));
    assert!(Archive::open(dir.path(), None, PlatformChoice::Host).is_err());
    let err = stream(&b"BZh91AY"[..], &PlatformChoice::Host, None, &mut |_, _| Ok(()));
    assert!(err.unwrap_err().to_string().contains("bzip2"));
}

#[test]
fn the_taker_of_layers_may_fail_or_stop_early() {
    let archive = modern().tar();
    let stop = stream(&archive[..], &PlatformChoice::Host, None, &mut |_, _| Ok(()));
    assert_eq!(stop.unwrap().len(), 1);
    let fail = stream(&archive[..], &PlatformChoice::Host, None, &mut |_, _| {
        Err(io::Error::other("full"))
    });
    assert!(fail.unwrap_err().to_string().ends_with("full"));
}

proptest! {
    #[test]
    fn damage_never_panics(at in 0_usize..20_000, with: u8, len in 0_usize..20_000) {
        let mut archive = modern().tar();
        let (at, len) = (at % archive.len(), len % archive.len());
        archive[at] ^= with;
        drop(streamed(&archive, None));
        archive.truncate(len);
        drop(streamed(&archive, None));
    }
}
