//! Layouts, good and bad.
use super::*;
use crate::testing::{Files, MANIFEST, layer, named, on};
use model::Platform;
use std::{fs, os::unix::fs::symlink};

/// What is found, an image a word: `name platform first-layer-file`, or how it fails.
fn show(files: &Files, choice: Option<&str>, platform: PlatformChoice) -> String {
    let root = tempfile::tempdir().unwrap();
    files.write_to(root.path());
    let layout = Layout::new(root.path(), choice, platform);
    let images = match layout.images() {
        Ok(it) => it,
        Err(err) => return err.to_string(),
    };
    let show = |image: &Image| {
        let mut bytes = Vec::new();
        let outcome =
            layout.blob(&image.layers[0]).map(|mut it| it.read_to_end(&mut bytes).map(drop));
        let first = match outcome {
            Ok(Ok(())) => String::from_utf8_lossy(&bytes[..1]).into_owned(),
            other => format!("{other:?}"),
        };
        assert!(image.digest.is_some());
        let name = if image.name.starts_with('/') { "-" } else { &image.name };
        format!("{name} {} {first}", image.platform.as_ref().unwrap())
    };
    images.iter().map(show).collect::<Vec<_>>().join("; ")
}

fn one(text: &str) -> PlatformChoice {
    PlatformChoice::One(Platform::parse(text).unwrap())
}

#[test]
fn the_image_that_is_meant_is_found() {
    let mut files = Files::default();
    let a = files.image("linux/amd64", &[&layer("a", "1"), &layer("z", "")], &named("x:1"));
    let b = files.image("linux/amd64", &[&layer("b", "2")], &named("x:2"));
    let single = files.clone().layout(&[&a]);
    assert_eq!(show(&single, None, PlatformChoice::Host), "x:1 linux/amd64 a");
    assert_eq!(show(&single, Some("x:1"), PlatformChoice::All), "x:1 linux/amd64 a");
    assert!(show(&single, None, one("linux/arm64")).contains("no image for linux/arm64"));
    let both = files.layout(&[&a, &b]);
    let check = |choice: Option<&str>, expected: &str| {
        let got = show(&both, choice, PlatformChoice::Host);
        assert!(got.starts_with(expected), "{choice:?}: {got}");
    };
    check(Some("x:2"), "x:2 linux/amd64 b");
    check(Some("2"), "x:2 linux/amd64 b");
    check(None, "not found: which image is meant; add a colon and one of x:1, x:2");
    check(Some("x:3"), "not found: image `x:3`; there are x:1, x:2");
    let (_, digest) = a.split_once("sha256:").unwrap();
    check(Some(&format!("sha256:{}", &digest[..64])), "x:1 linux/amd64 a");
    check(Some(&format!("sha256:{}", "0".repeat(64))), "not found");
    assert!(
        show(&Files::default().layout(&[]), None, PlatformChoice::All).starts_with("not found")
    );
}

#[test]
fn platforms_and_attestations() {
    let mut files = Files::default();
    let a = files.image("linux/s390x", &[&layer("a", "")], &on("linux/s390x"));
    let b = files.image("linux/vax", &[&layer("b", "")], &on("linux/vax"));
    let note = files.image("unknown/unknown", &[&layer("n", "")], &on("unknown/unknown"));
    let nested = files.nest(&[&a, &note, &b], &named("x"));
    let twice = files.nest(&[&nested], &named("x"));
    for top in [vec![&*a, &*b, &*note], vec![&*nested], vec![&*twice]] {
        let files = files.clone().layout(&top);
        let check = |platform: PlatformChoice, expected: &str| {
            let got = show(&files, None, platform);
            let got = got.strip_prefix("x ").map_or(got.clone(), |it| format!("- {it}"));
            assert_eq!(got.replace("; x ", "; - "), expected);
        };
        check(PlatformChoice::All, "- linux/s390x a; - linux/vax b");
        check(one("linux/vax"), "- linux/vax b");
        let others = "there is one for linux/s390x, linux/vax";
        check(one("windows/amd64"), &format!("no image for windows/amd64; {others}"));
    }
    // Where the index does not say, the configurations do; the media type is no help either.
    let strip = |it: &str| it.split(r#","platform""#).next().unwrap().replace(MANIFEST, "") + "}";
    let nested = files.nest(&[&strip(&a), &strip(&b)], "");
    let files = files.layout(&[&nested]);
    assert_eq!(show(&files, None, one("linux/vax")), "- linux/vax b");
}

#[test]
fn damaged_layouts_are_refused() {
    let mut files = Files::default();
    let content = layer("a", "1");
    let image = files.image("linux/amd64", &[&content], "");
    let good = files.layout(&[&image]);
    let check = |what: &str, damage: &dyn Fn(&mut Files), expected: &str| {
        let mut files = good.clone();
        damage(&mut files);
        let got = show(&files, None, PlatformChoice::Host);
        assert!(got.contains(expected), "{what}: {got}");
    };
    let blob = |files: &Files, has: &str| {
        let is = |it: &(&String, &Vec<u8>)| {
            it.0.starts_with("blobs") && String::from_utf8_lossy(it.1).contains(has)
        };
        files.0.iter().find(is).unwrap().0.clone()
    };
    let drop_blob = |has: &'static str| move |it: &mut Files| drop(it.0.remove(&blob(it, has)));
    let alter = |has: &'static str| {
        move |it: &mut Files| {
            let name = blob(it, has);
            it.0.get_mut(&name).unwrap().push(b' ');
        }
    };
    check("nothing", &|_| {}, "- linux/amd64 a");
    check("no marker", &|it| drop(it.0.remove("oci-layout")), "- linux/amd64 a");
    check("manifest gone", &drop_blob("config"), "not found");
    check("manifest altered", &alter("config"), "hashes to");
    check("configuration gone", &drop_blob("rootfs"), "not found");
    check("configuration altered", &alter("rootfs"), "hashes to");
    check("layer gone", &drop_blob("ustar"), "NotFound");
    check("layer altered", &alter("ustar"), "InvalidData");
    check("no index", &|it| drop(it.0.remove("index.json")), "not found");
    check("index cut", &|it| it.set("index.json", "{\"mani"), "malformed");
    check("index is none", &|it| it.set("index.json", "{}"), "malformed");
    check("too large", &|it| it.set("index.json", vec![b' '; 5 << 20]), "too large");
    check(
        "a version to come",
        &|it| it.set("oci-layout", r#"{"imageLayoutVersion":"2.0"}"#),
        "not supported: version `2.0`",
    );
}

#[test]
fn indexes_may_not_nest_for_ever() {
    let mut files = Files::default();
    let mut top = files.image("linux/amd64", &[&layer("a", "1")], "");
    for depth in 0..9 {
        top = files.nest(&[&top], "");
        let got = show(&files.clone().layout(&[&top]), None, PlatformChoice::Host);
        assert_eq!(got.starts_with("too large"), depth >= 7, "{depth}: {got}");
    }
    // Each doubles the one below; every document is read once all the same.
    let mut wide = files.image("linux/amd64", &[&layer("a", "1")], "");
    for _ in 0..5 {
        wide = files.nest(&vec![&*wide; 2000], "");
    }
    assert_eq!(show(&files.layout(&[&wide]), None, PlatformChoice::All), "- linux/amd64 a");
}

#[test]
fn links_are_followed_and_pipes_are_not_waited_for() {
    let mut files = Files::default();
    let image = files.image("linux/amd64", &[&layer("a", "1")], "");
    let files = files.layout(&[&image]);
    let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    files.write_to(root.path());
    fs::rename(root.path().join("blobs"), elsewhere.path().join("b")).unwrap();
    symlink(elsewhere.path().join("b"), root.path().join("blobs")).unwrap();
    let layout = Layout::new(root.path(), None, PlatformChoice::Host);
    assert!(Layout::is_at(root.path()));
    assert_eq!(layout.images().unwrap().len(), 1);
    fs::remove_file(root.path().join("index.json")).unwrap();
    let pipe = root.path().join("index.json");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let got = layout.images().unwrap_err().to_string();
    assert!(got.contains("is not a regular file"), "{got}");
}
