//! Images and registries that mean harm, or are broken.
use crate::{BOOKWORM, OLD, Place, debian, debian_image, dpkg, ids};
use serde_json::Value;
use testkit::{
    http::{Reply, Wire},
    image::{Blob, LAYER_GZIP, assemble, gzip, image, sha256},
    registry::{Auth, Registry, What},
    tar::{Entry, file, hard_link, header, symlink, tar},
};

fn gaps(report: &Value) -> String {
    let gaps = report["gaps"].as_array().unwrap();
    gaps.iter().map(|it| format!("{} {}\n", it["path"], it["reason"].as_str().unwrap())).collect()
}

/// An image of one layer with these bytes, packed or not.
fn layer(bytes: &[u8], uncompressed: &[u8]) -> testkit::image::BuiltImage {
    let layer = Blob::new(LAYER_GZIP, bytes);
    assemble("linux/amd64", vec![layer], &[sha256(uncompressed).to_string()])
}

/// Whatever follows, the packages before it are reported, and a gap says what was not seen.
fn keeps_what_came_before(name: &str, bytes: &[u8], uncompressed: &[u8], gap: &str) {
    let place = Place::new();
    let report = place.report(&[&place.layout("x", &layer(bytes, uncompressed))]);
    assert!(!ids(&report).is_empty(), "{name}: {report:#}");
    assert!(gaps(&report).contains(gap), "{name}: {}", gaps(&report));
    assert_ne!(report["coverage"]["grade"], "known", "{name}");
}

#[test]
fn what_came_before_the_damage_is_kept() {
    let whole = tar(&debian(OLD));
    let longer = tar(&[debian(OLD), vec![file("srv/big", [b'x'; 5000])]].concat());
    let cut = &longer[..longer.len() - 3000];
    keeps_what_came_before("truncated archive", &gzip(cut), cut, "ends inside an entry");
    let packed = gzip(&longer);
    keeps_what_came_before("truncated gzip", &packed[..packed.len() - 8], &longer, "ends early");
    let mut behind = whole.clone();
    behind.extend([7; 700]);
    keeps_what_came_before("more behind it", &gzip(&behind), &behind, "behind the end");
    let climbing = [debian(OLD), vec![file("../../etc/passwd", "x")]].concat();
    let climbing = tar(&climbing);
    keeps_what_came_before("path tricks", &gzip(&climbing), &climbing, "climbs out");
    keeps_what_came_before("wrong diff ID", &gzip(&whole), b"something else", "this layer is");
}

#[test]
fn what_is_no_layer_at_all_is_a_gap() {
    let place = Place::new();
    for bytes in [&b"this is not a tar archive"[..], &[0x1f, 0x8b, 1, 2, 3]] {
        let report = place.report(&[&place.layout("x", &layer(bytes, bytes))]);
        assert_ne!(gaps(&report), "");
        assert_eq!(report["coverage"]["grade"], "unknown");
    }
}

#[test]
fn loops_and_links_lead_nowhere() {
    let place = Place::new();
    let entries = [
        debian(OLD),
        vec![
            symlink("a", "b"),
            symlink("b", "a"),
            symlink("etc/self", "."),
            symlink("up", "../../.."),
        ],
        vec![hard_link("var/lib/apk", "nowhere"), hard_link("usr/lib/os-release", "etc/shadow")],
    ];
    let layout = place.layout("x", &image("linux/amd64", &[tar(&entries.concat())]));
    let report = place.report(&[&layout]);
    assert!(!ids(&report).is_empty());
    assert!(gaps(&report).contains("hard link"), "{}", gaps(&report));
}

#[test]
fn bombs_end_at_a_limit() {
    let place = Place::new();
    // A file that claims 3 GiB, of which a few hundred MB follow in a few hundred KB.
    let member = gzip(&vec![0; 16 << 20]);
    let head = header("srv/zeros", b'0', 0o644, "", 3 << 30);
    let mut stream = gzip(&head);
    for _ in 0..10 {
        stream.extend_from_slice(&member);
    }
    let report = place.report(&[&place.layout("zeros", &layer(&stream, b""))]);
    assert!(gaps(&report).contains("ends inside an entry"), "{}", gaps(&report));
    let pax = Entry::Raw(Box::new(header("x", b'x', 0o644, "", 1 << 40)), Vec::new());
    let report = place.report(&[&place.layout("pax", &image("linux/amd64", &[tar(&[pax])]))]);
    assert!(gaps(&report).contains("extension header"), "{}", gaps(&report));
}

#[test]
fn half_a_package_database_is_half_and_says_so() {
    let place = Place::new();
    let status = dpkg("libssl3", "openssl", OLD) + "Package: zlib1g\nStatus: install ok inst";
    let entries = [file("etc/os-release", BOOKWORM), file("var/lib/dpkg/status", status)];
    let report = place.report(&[&place.layout("x", &image("linux/amd64", &[tar(&entries)]))]);
    assert!(!ids(&report).is_empty());
    assert!(gaps(&report).contains("var/lib/dpkg/status"), "{}", gaps(&report));
}

#[test]
fn wrong_bytes_are_an_error_and_leave_nothing() {
    let place = Place::new();
    let registry = Registry::start(Auth::Open);
    let built = debian_image(OLD);
    registry.put("a", "1", &built);
    let digest = built.layers()[0].digest.to_string();
    let mut wrong = built.layers()[0].bytes.clone();
    let at = wrong.len() - 6;
    wrong[at] ^= 1;
    registry.put_blob(&digest, &wrong);
    let name = format!("{}/a:1", registry.host());
    let ran = place.run(["scan", &name]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("sha256:"), "{}", ran.err);
    assert!(!place.path("cache/layers").exists(), "a layer that was not verified was kept");
}

#[test]
fn a_registry_that_stumbles_is_borne_with() {
    let place = Place::new();
    let registry = Registry::start(Auth::Open);
    let noise: String =
        (0..200_000).map(|it: u32| format!("{}\n", it.wrapping_mul(2_654_435_761))).collect();
    let entries = [debian(OLD), vec![file("srv/noise", noise)]].concat();
    let built = image("linux/amd64", &[tar(&entries)]);
    registry.put("a", "1", &built);
    let digest = built.layers()[0].digest.to_string();
    registry.fail(&digest, 2, What::Wire(Wire::Cut(100_000)));
    registry.fail("manifests", 1, What::Reply(Reply::new(500, "")));
    registry.fail("manifests", 1, What::Reply(Reply::new(429, "").header("retry-after", "1")));
    let name = format!("{}/a:1", registry.host());
    assert!(!ids(&place.report(&[&name])).is_empty());
    let ranges = registry.seen().iter().filter(|it| it.header("range").is_some()).count();
    assert!(ranges >= 2, "{ranges}");
}

#[test]
fn what_can_not_be_had_is_told_in_words() {
    let place = Place::new();
    let registry = Registry::start(Auth::Basic("user", "secret"));
    registry.put("a", "1", &debian_image(OLD));
    let host = registry.host();
    let check = |args: &[&str], words: &str| {
        let ran = place.run([&["scan"], args].concat());
        assert_eq!(ran.code, 2, "{args:?}");
        assert!(ran.err.contains(words), "{args:?}: {}", ran.err);
        assert!(!ran.err.contains("secret") && !ran.err.contains("wrong"), "{}", ran.err);
    };
    check(&[&format!("{host}/a:1")], "log in");
    check(&["127.0.0.1:1/a:1"], "refused");
    check(&["./nothing.tar"], "no such file");
    check(&["host.example/UPPER"], "host.example/UPPER");
    let ran = place
        .command(["scan", &format!("{host}/a:1"), "--username", "user"])
        .env("PLIMSOLL_PASSWORD", "secret")
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
}
