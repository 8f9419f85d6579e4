//! One test for what all kinds of registries say, or will say.
use super::{FLAVORS, Flavor};
use std::{env, fmt::Write, fs, path::Path, path::PathBuf};

/// `fixtures/<flavor>/<case>.in` must yield `<case>.out`; set `UPDATE=1` to write it anew.
#[test]
fn fixtures_yield_what_stands_beside_them() {
    for flavor in FLAVORS {
        let cases = cases(flavor);
        assert!(!cases.is_empty(), "{} has no fixture", flavor.name);
        for input in cases {
            let got = show(flavor, &fs::read(&input).unwrap());
            let output = input.with_extension("out");
            if env::var_os("UPDATE").is_some() {
                fs::write(&output, &got).unwrap();
            }
            let expected = fs::read_to_string(&output).unwrap_or_default();
            assert_eq!(got, expected, "{}", input.display());
        }
    }
}

/// No byte flipped in any fixture, and no cut, makes any kind panic.
#[test]
fn damaged_fixtures_do_not_panic() {
    for flavor in FLAVORS {
        for input in cases(flavor) {
            let bytes = fs::read(&input).unwrap();
            for i in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[i] ^= 0x55;
                drop((flavor.events)(&flipped));
                drop((flavor.events)(&bytes[..i]));
            }
        }
    }
}

#[test]
fn names_are_unique() {
    for flavor in FLAVORS {
        assert_eq!(
            FLAVORS.iter().filter(|it| it.name == flavor.name).count(),
            1,
            "{}",
            flavor.name
        );
        assert_eq!(super::flavor(flavor.name).map(|it| it.title), Some(flavor.title));
    }
    assert!(super::flavor("none").is_none());
}

fn cases(flavor: &Flavor) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let files = fs::read_dir(root.join(flavor.name)).into_iter().flatten();
    let mut cases: Vec<PathBuf> = files.map(|it| it.unwrap().path()).collect();
    cases.retain(|it| it.extension().is_some_and(|it| it == "in"));
    cases.sort();
    cases
}

fn show(flavor: &Flavor, body: &[u8]) -> String {
    let events = match (flavor.events)(body) {
        Ok(it) => it,
        Err(it) => return format!("{it}\n"),
    };
    let mut text = String::new();
    for it in events {
        let tag = it.tag.unwrap_or_else(|| "-".to_owned());
        let digest = it.digest.map_or_else(|| "-".to_owned(), |it| it.to_string());
        writeln!(text, "{:?} {} {tag} {digest}", it.change, it.repository).unwrap();
    }
    text + "ok\n"
}
