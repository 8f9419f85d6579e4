//! Fixtures: `<folder>/<case>.in` must yield what stands in `<case>.out`.
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Shows every case in `folder`, of which there must be one, and holds that against its expectation; with `UPDATE=1` in
/// the environment writes that anew.
pub fn check(folder: &Path, mut show: impl FnMut(&Path, &[u8]) -> String) {
    let cases = cases(folder);
    assert!(!cases.is_empty(), "{} has no fixture", folder.display());
    for input in cases {
        let got = show(&input, &fs::read(&input).unwrap());
        let output = input.with_extension("out");
        if env::var_os("UPDATE").is_some() {
            fs::write(&output, &got).unwrap();
        }
        let expected = fs::read_to_string(&output).unwrap_or_default();
        assert_eq!(got, expected, "{}", input.display());
    }
}

/// Shows every case in `folder` cut, and with a byte flipped, in each place; large ones in some two thousand.
pub fn damage(folder: &Path, mut read: impl FnMut(&Path, &[u8])) {
    for input in cases(folder) {
        let bytes = fs::read(&input).unwrap();
        for i in (0..bytes.len()).step_by(bytes.len() / 2000 + 1) {
            let mut flipped = bytes.clone();
            flipped[i] ^= 0x55;
            read(&input, &flipped);
            read(&input, &bytes[..i]);
        }
    }
}

/// Where the case of a cataloger would lie in an image: the first of its paths, with the name of the case for `*`; a name
/// with a `+` in it is a path of its own.
pub fn place(paths: &[&str], case: &str) -> String {
    match case.contains('+') {
        true => case.replace('+', "/"),
        false => paths[0].replace('*', case),
    }
}

fn cases(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).into_iter().flatten();
    let mut cases: Vec<PathBuf> = files.map(|it| it.unwrap().path()).collect();
    cases.retain(|it| it.extension().is_some_and(|it| it == "in"));
    cases.sort();
    cases
}
