//! Images that are broken, or made to break us: each gives a gap and whatever else is in it, or an error
//! that names what is wrong.
use crate::{
    bench::{Bench, a_gap, gaps, one_gap, texts},
    images::{OLD, debian, harmless, of, openssl, os_release, status},
};
use serde_json::{Value, json};
use std::fs;
use testkit::{
    archive,
    image::{Blob, BuiltImage, LAYER, LAYER_GZIP, assemble, gzip, plain_image, sha256},
    tar::{Entry, dir, file, hard_link, header, seal, symlink, tar},
};

/// An image with this as its second layer, above a good one.
fn above(good: &[u8], media_type: &str, blob: &[u8], diff_id: &[u8]) -> BuiltImage {
    let layers = vec![Blob::new(LAYER_GZIP, gzip(good)), Blob::new(media_type, blob)];
    assemble("linux/amd64", layers, &[sha256(good).to_string(), sha256(diff_id).to_string()])
}

fn good() -> Vec<u8> {
    tar(&debian(OLD))
}

fn names(image: &Value) -> Vec<String> {
    texts(image, "components", "name")
}

/// A gap has these words; the good layer is there; the bad one is not kept.
fn bad_layer(what: &str, image: &BuiltImage, words: &[&str]) {
    let bench = Bench::new();
    let layout = bench.layout(image);
    for _ in 0..2 {
        let report = bench.scan(&layout);
        assert_eq!(names(&report), ["zed-alpha", "libssl3", "openssl"], "{what}");
        a_gap(&report, &[&["layer 1: "], words].concat());
        assert_eq!(bench.kept().len(), 1, "{what}: only the good layer may be kept");
    }
    assert_eq!(bench.run(&["scan", "--fail-on-coverage", "partial", &layout]).code, 1, "{what}");
}

#[test]
fn layers_that_can_not_be_read_to_their_end_are_gaps() {
    let (good, other) = (good(), tar(&[file("etc/motd", "hello".repeat(5000))]));
    let packed = gzip(&other);
    let check = |what: &str, kind: &str, blob: &[u8], words: &[&str]| {
        bad_layer(what, &above(&good, kind, blob, &other), words);
    };
    check("truncated gzip", LAYER_GZIP, &packed[..packed.len() / 2], &["malformed"]);
    check("gzip without its sum", LAYER_GZIP, &packed[..packed.len() - 8], &["malformed"]);
    let mut flipped = packed.clone();
    let end = flipped.len() - 6;
    flipped[end] ^= 1;
    check("gzip with a wrong sum", LAYER_GZIP, &flipped, &["wrong checksum"]);
    check("encrypted", &format!("{LAYER_GZIP}+encrypted"), &packed, &["encrypted"]);
}

#[test]
fn a_layer_whose_content_is_not_what_the_image_says_is_a_gap() {
    let (good, other) = (good(), tar(&[file("etc/motd", "x")]));
    let image = above(&good, LAYER_GZIP, &gzip(&other), b"something else");
    bad_layer("wrong diff ID", &image, &["malformed", "the image says that this layer is"]);
    let image = above(&good, LAYER, &other[..other.len() - 1300], &other);
    bad_layer("truncated tar", &image, &["malformed"]);
}

/// An archive that can be read only once is held to what it says like any other.
#[test]
fn a_stream_whose_layers_are_not_what_it_says_has_a_gap() {
    let (bench, claimed, real) = (Bench::new(), tar(&[]), good());
    let image = plain_image("linux/amd64", &[claimed]);
    let saved = archive::pack(&archive::saved(&image, &[real], "app:1"));
    for (name, bytes) in [("saved.tar", saved.clone()), ("saved.tgz", gzip(&saved))] {
        let report = bench.scan(&bench.file(name, bytes));
        one_gap(&report, &["the image says that this layer is"]);
        assert_eq!(names(&report).len(), 3, "{name}");
        assert_eq!(bench.kept().len(), 0, "{name}");
    }
}

/// The content is just what the image says, only that it is no archive: so the report may be kept.
#[test]
fn layers_that_are_no_archives_are_gaps() {
    let good = good();
    let check = |what: &str, bytes: &[u8], words: &[&str]| {
        let bench = Bench::new();
        let layout = bench.layout(&above(&good, LAYER, bytes, bytes));
        for _ in 0..2 {
            let report = bench.scan(&layout);
            assert_eq!(names(&report).len(), 3, "{what}");
            one_gap(&report, words);
        }
    };
    check("text", "no archive ".repeat(100).as_bytes(), &["malformed"]);
    check("a few bytes", b"short", &["ends inside a header"]);
    check("a page of the web", b"<html><body>Welcome to the hotel</body></html>", &["malformed"]);
    check(
        "cut off inside a file",
        &tar(&[file("x", [7; 3000])])[..1500],
        &["ends inside an entry"],
    );
}

#[test]
fn an_empty_layer_is_an_empty_layer() {
    let (bench, good) = (Bench::new(), good());
    for bytes in [&[0; 1024][..], b""] {
        let report = bench.scan(&bench.layout(&above(&good, LAYER, bytes, bytes)));
        assert_eq!(names(&report).len(), 3);
        assert_eq!(gaps(&report), [""; 0]);
    }
}

#[test]
fn bytes_that_are_not_those_of_their_digest_are_an_error() {
    let (bench, image) = (Bench::new(), of(&[debian(OLD)]));
    let layout = bench.layout(&image);
    let blob = |it: &Blob| bench.path("layout/blobs/sha256").join(it.digest.hex());
    let check = |what: &str, path: &std::path::Path, bytes: &[u8], words: &str| {
        let before = fs::read(path).unwrap();
        fs::write(path, bytes).unwrap();
        bench.run(&["scan", &layout]).fails(words);
        assert_eq!(bench.kept().len(), 0, "{what}");
        fs::write(path, before).unwrap();
    };
    let layer = &image.layers()[0];
    let mut flipped = layer.bytes.clone();
    flipped[40] ^= 1;
    check("flipped", &blob(layer), &flipped, layer.digest.as_str());
    check("another layer", &blob(layer), &gzip(&tar(&[])), layer.digest.as_str());
    check("longer", &blob(layer), &[&layer.bytes[..], b"more"].concat(), layer.digest.as_str());
    check("cut", &blob(layer), &layer.bytes[..layer.bytes.len() / 2], layer.digest.as_str());
    check("empty", &blob(layer), b"", layer.digest.as_str());
    check("manifest", &blob(&image.manifest), b"{}", image.manifest.digest.as_str());
    check("configuration", &blob(&image.blobs[0]), b"{}", image.blobs[0].digest.as_str());
    fs::remove_file(blob(layer)).unwrap();
    bench.run(&["scan", &layout]).fails(layer.digest.hex());
    assert_eq!(bench.kept().len(), 0);
}

/// A frame of zstd that says the same byte over and over (RFC 8878, 3.1.1: single blocks of type RLE).
fn zstd_bomb(blocks: usize) -> Vec<u8> {
    let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x58];
    let block: u32 = (128 << 10) << 3 | 1 << 1;
    for n in 0..blocks {
        let last = u32::from(n + 1 == blocks);
        bytes.extend(&(block | last).to_le_bytes()[..3]);
        bytes.push(0);
    }
    bytes
}

#[test]
fn bombs_do_not_go_off() {
    let good = good();
    // A hundred gigabytes in three megabytes, one gigabyte of which is seen at most.
    let bomb = zstd_bomb(800_000);
    let image = above(&good, "application/vnd.oci.image.layer.v1.tar+zstd", &bomb, b"");
    let bench = Bench::new();
    let report = bench.scan(&bench.layout(&image));
    one_gap(&report, &["layer 1: ", "too large"]);
    assert_eq!((names(&report).len(), bench.kept().len()), (3, 1));
    let nested = gzip(&gzip(&vec![0; 64 << 20]));
    let layers = above(&good, LAYER_GZIP, &nested, &gzip(&vec![0; 64 << 20]));
    let bench = Bench::new();
    one_gap(&bench.scan(&bench.layout(&layers)), &["malformed"]);
}

/// A layer of these entries above a good one, and what is seen then.
fn hostile(entries: &[Entry]) -> Value {
    let (bench, bytes) = (Bench::new(), tar(entries));
    let report = bench.scan(&bench.layout(&above(&good(), LAYER, &bytes, &bytes)));
    assert_eq!(fs::read_dir(bench.path("spool")).unwrap().count(), 0);
    report
}

#[test]
fn paths_that_climb_out_are_told_and_do_nothing() {
    let evil = "var/lib/dpkg/../../../../../../../../plimsoll-was-here";
    let report = hostile(&[file(evil, "x"), file("../../etc/os-release", "ID=evil\n")]);
    assert_eq!(gaps(&report).len(), 2, "{:?}", gaps(&report));
    assert!(gaps(&report).iter().all(|it| it.contains("climbs out of the image")));
    assert!(!std::path::Path::new("/plimsoll-was-here").exists());
    assert_eq!(report["systems"][0]["id"], "debian");
    let report = hostile(&[hard_link("etc/shadow", "../../../etc/shadow")]);
    one_gap(&report, &["climbs out of the image"]);
    // Absolute paths and dots are only another way to write it.
    let report = hostile(&[file("/var//lib/./dpkg/status", harmless("new"))]);
    assert_eq!(names(&report), ["new"]);
    assert_eq!(gaps(&report), [""; 0]);
}

#[test]
fn links_to_the_host_are_not_followed() {
    let report = hostile(&[
        symlink("var/lib/dpkg", "../../../../../../../../var/lib/dpkg"),
        symlink("etc/os-release", "/proc/self/root/etc/os-release"),
    ]);
    assert_eq!(names(&report), [""; 0]);
    assert_eq!(report["coverage"]["grade"], "unknown");
}

#[test]
fn one_name_twice_is_ambiguous() {
    let report = hostile(&[status(&openssl(OLD)), status(&harmless("last"))]);
    one_gap(&report, &["ambiguous", "more than once"]);
    assert_eq!(names(&report), ["last"], "the last one is what a runtime leaves");
}

#[test]
fn names_may_be_long_but_not_endless() {
    let long = format!("{}/x", "d".repeat(5000));
    assert_eq!(gaps(&hostile(&[file(&long, "x")])), [""; 0]);
    let endless = "d".repeat((1 << 20) + 10);
    one_gap(
        &hostile(&[file(&endless, "x"), status(&harmless("behind"))]),
        &["too large", "extension header"],
    );
    let deep = "d/".repeat(20_000) + "x";
    hostile(&[file(&deep, "x"), symlink("var/cache", &deep)]);
}

/// An extended header with this content in front of a file.
fn pax(records: &[u8]) -> [Entry; 2] {
    let size = records.len() as u64;
    [
        Entry::Raw(Box::new(header("PaxHeader", b'x', 0o644, "", size)), records.to_vec()),
        file("x", "x"),
    ]
}

/// A record of an extended header, with the length that it has.
fn record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut len = rest;
    while len != rest + len.to_string().len() {
        len = rest + len.to_string().len();
    }
    format!("{len} {key}={value}\n")
}

#[test]
fn extended_headers_can_not_take_us_down() {
    let check = |records: &[u8], words: &[&str]| a_gap(&hostile(&pax(records)), words);
    check(&vec![b'1'; 2 << 20], &["too large"]);
    check(b"9999999999999999999999 path=x\n", &["malformed"]);
    check(b"30 size=99999999999999999999\n", &["malformed"]);
    check(b"0 path=x\n", &["malformed"]);
    check(record("size", "9223372036854775807").as_bytes(), &["malformed", "overflows"]);
    check(record("GNU.sparse.major", "1").as_bytes(), &["malformed"]);
    check(record("GNU.sparse.map", "0,5,3,9").as_bytes(), &["malformed", "sparse"]);
    let many: String = (0..50_000).map(|it| record("path", &format!("d/{it}"))).collect();
    assert_eq!(gaps(&hostile(&pax(many.as_bytes()))), [""; 0]);
    // A hole of eight exabytes where a package database should be.
    let hole = [
        record("GNU.sparse.major", "0"),
        record("GNU.sparse.minor", "1"),
        record("path", "var/lib/dpkg/status"),
        record("GNU.sparse.size", "9000000000000000000"),
        record("GNU.sparse.map", ""),
    ];
    let told = gaps(&hostile(&[&pax(hole.concat().as_bytes())[..1], &[file("x", "")]].concat()));
    assert!(told.iter().any(|it| it.contains("too large")), "{told:?}");
}

#[test]
fn headers_that_lie_are_told() {
    let raw = |change: &dyn Fn(&mut [u8; 512])| {
        let mut block = header("etc/x", b'0', 0o644, "", 0);
        change(&mut block);
        Entry::Raw(Box::new(block), Vec::new())
    };
    let huge = raw(&|it| {
        it[124..136].copy_from_slice(b"77777777777\0");
        seal(it);
    });
    // It is too large to be looked at, and besides it is not there.
    let told = gaps(&hostile(&[huge]));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("too large") && told[1].contains("ends inside an entry"), "{told:?}");
    let sum = raw(&|it| it[0] = b'X');
    one_gap(&hostile(&[sum]), &["wrong header checksum"]);
    let unknown = raw(&|it| {
        it[156] = b'?';
        seal(it);
    });
    one_gap(&hostile(&[unknown]), &["ambiguous", "unknown type"]);
    let folder = Entry::Raw(Box::new(header("etc/", b'5', 0o755, "", 5)), Vec::new());
    one_gap(&hostile(&[folder]), &["ambiguous"]);
    let mut behind = tar(&[file("etc/x", "x")]);
    behind.extend(tar(&[status(&harmless("behind"))]));
    let bench = Bench::new();
    let report = bench.scan(&bench.layout(&above(&good(), LAYER, &behind, &behind)));
    one_gap(&report, &["data behind the end"]);
}

#[test]
fn a_package_database_cut_in_half_keeps_its_first_half() {
    let whole = harmless("first") + &harmless("second") + &harmless("third");
    let cut = &whole[..whole.len() / 2];
    let bench = Bench::new();
    let layer = vec![os_release("debian", "12"), status(cut)];
    let report = bench.scan(&bench.layout(&of(&[layer])));
    assert_eq!(names(&report)[0], "first");
    one_gap(&report, &["var/lib/dpkg/status"]);
    // The same when it is the archive that is cut.
    let bytes = tar(&[os_release("debian", "12"), status(&whole)]);
    let image = assemble(
        "linux/amd64",
        vec![Blob::new(LAYER, &bytes[..1536 + 200])],
        &[sha256(&bytes).to_string()],
    );
    let report = bench.scan(&bench.layout(&image));
    assert_eq!(report["systems"][0]["id"], "debian");
    assert!(!gaps(&report).is_empty());
}

#[test]
fn files_that_are_not_text_are_told() {
    let noise: Vec<u8> =
        (0..4000_u32).map(|it| (it.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let bench = Bench::new();
    for path in [
        "var/lib/dpkg/status",
        "lib/apk/db/installed",
        "var/lib/rpm/Packages",
        "var/lib/rpm/rpmdb.sqlite",
        "usr/lib/sysimage/rpm/Packages.db",
    ] {
        let layer = vec![os_release("debian", "12"), dir("var"), file(path, &noise)];
        let report = bench.scan(&bench.layout(&of(&[layer])));
        assert!(!gaps(&report).is_empty(), "{path}");
        assert_ne!(report["coverage"]["grade"], "known", "{path}");
        assert_eq!(report["findings"], json!([]), "{path}");
    }
}

#[test]
fn manifests_that_lie_about_sizes_and_numbers_are_refused() {
    let (bench, image) = (Bench::new(), of(&[debian(OLD)]));
    let check = |what: &str, change: &dyn Fn(&mut Value), words: &str| {
        let mut manifest: Value = serde_json::from_slice(&image.manifest.bytes).unwrap();
        change(&mut manifest);
        let manifest = Blob::new(&image.manifest.media_type, manifest.to_string());
        let image = BuiltImage { manifest, ..image.clone() };
        let run = bench.run(&["scan", &bench.layout(&image)]);
        assert!(run.code == 2 && run.stderr.contains(words), "{what}: {run:?}");
    };
    check(
        "a layer more than diff IDs",
        &|it| {
            let layer = it["layers"][0].clone();
            it["layers"].as_array_mut().unwrap().push(layer);
        },
        "",
    );
    check("no layers", &|it| drop(it.as_object_mut().unwrap().remove("layers")), "");
    check(
        "a digest that is none",
        &|it| it["layers"][0]["digest"] = json!("sha256:../../etc/passwd"),
        "digest",
    );
    check("a list for a digest", &|it| it["layers"][0]["digest"] = json!([]), "");
    check("no configuration", &|it| it["config"]["digest"] = json!(sha256(b"x").as_str()), "");
}
