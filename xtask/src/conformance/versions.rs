//! Versions: lines `a < b`, `a = b` and `a > b`, in one file an ecosystem.
use super::Score;
use model::version::Scheme;
use std::{cmp::Ordering, fs, path::Path};

/// What a file is called, and the scheme that its lines are about.
const FILES: &[(&str, Scheme)] = &[
    ("alpine", Scheme::Apk),
    ("cran", Scheme::Cran),
    ("debian", Scheme::Dpkg),
    ("hackage", Scheme::Hackage),
    ("maven", Scheme::Maven),
    ("nuget", Scheme::Nuget),
    ("packagist", Scheme::Composer),
    ("pub", Scheme::Pub),
    ("pypi", Scheme::Pep440),
    ("redhat", Scheme::Rpm),
    ("rubygems", Scheme::Gem),
    ("semver", Scheme::Semver),
];

pub(crate) fn run(folder: &Path, score: &mut Score) {
    for (name, scheme) in FILES {
        let path = folder.join(name).with_extension("txt");
        match fs::read_to_string(&path) {
            Ok(text) => file(name, *scheme, &text, score),
            Err(it) => score.case(false, || format!("{}: {it}", path.display())),
        }
    }
}

fn file(name: &str, scheme: Scheme, text: &str, score: &mut Score) {
    for line in text.lines().filter(|it| !it.is_empty() && !it.starts_with("//")) {
        if line.starts_with("# ") {
            continue;
        }
        let parts: Vec<&str> = line.split(' ').collect();
        let [a, sign, b] = parts.as_slice() else {
            score.case(false, || format!("{name}: cannot read the line {line:?}"));
            continue;
        };
        let wanted = match *sign {
            "<" => Some(Ordering::Less),
            "=" => Some(Ordering::Equal),
            ">" => Some(Ordering::Greater),
            _ => None,
        };
        let (there, back) = (scheme.compare(a, b), scheme.compare(b, a));
        let holds = wanted.is_some() && there == wanted && back == wanted.map(Ordering::reverse);
        score.case(holds, || format!("{name}: {line}, but {there:?}, and {back:?} reversed"));
    }
}
