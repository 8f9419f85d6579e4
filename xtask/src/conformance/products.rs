//! Bytes cut from programs, each in a folder of its own: every product that `expected.tsv` names is found there, by its
//! package URL and in a file that is named, and nothing else is; where nothing is to be found, nothing is.
use super::Score;
use catalog::Catalog;
use inspect::{Fault, File, Found, Head, Inspector};
use model::{Component, ImagePath, Purl};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What was found, and in which files.
type Products = BTreeMap<Component, BTreeSet<String>>;

pub(crate) fn run(folder: &Path, score: &mut Score) {
    let catalog = Catalog::default();
    let rows = fs::read_to_string(folder.join("expected.tsv")).unwrap();
    let mut expected: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for row in rows.lines().skip(1) {
        let fields: Vec<&str> = row.split('\t').collect();
        let [fixture, _, _, purl, files] = fields[..] else { panic!("not understood: {row}") };
        expected.entry(fixture).or_default().push((purl, files));
    }
    for (fixture, rows) in &expected {
        let folder = folder.join("snippets").join(fixture);
        let found = products(&catalog, &folder).unwrap();
        let rows: Vec<_> = rows.iter().filter(|it| is_complete(&folder, it.1, score)).collect();
        for (purl, files) in &rows {
            let component = Purl::parse(purl).unwrap().component().unwrap();
            let files: BTreeSet<&str> = files.split(", ").collect();
            let here = found.get(&component);
            let holds = here.is_some_and(|it| it.iter().all(|it| files.contains(it.as_str())));
            score.case(holds, || format!("{fixture}: {purl} in {files:?}, not {found:?}"));
        }
        let version = |purl: &str| Purl::parse(purl).ok()?.version.clone();
        // What was built from another product has its version, and maybe one number more: OpenResty is nginx too.
        let is_meant = |it: &Component| {
            let mut versions = rows.iter().filter_map(|row| version(row.0));
            versions.any(|version| it.version.starts_with(version.trim_start_matches('v')))
        };
        let surplus: Vec<_> = found.keys().filter(|it| !is_meant(it)).collect();
        score.case(rows.is_empty() || surplus.is_empty(), || {
            format!("{fixture}: too much: {surplus:?}")
        });
    }
    for file in files(&folder.join("negative")) {
        let found = look(&catalog, &folder.join("negative"), &file).unwrap();
        let silent = found.components.is_empty();
        score.case(silent, || format!("{}: {:?}", file.display(), found.components));
    }
}

/// Whether the data has what a row is about: of some programs that say nothing the companion that does was left out.
fn is_complete(folder: &Path, names: &str, score: &mut Score) -> bool {
    let missing: Vec<_> = names.split(", ").filter(|it| !folder.join(it).is_file()).collect();
    let whole = missing.is_empty() || names.contains(", ") && !names.ends_with(missing[0]);
    if !whole {
        score.note(format!("{}: not checked, the data has no {missing:?}", folder.display()));
    }
    whole
}

fn products(catalog: &Catalog, folder: &Path) -> Result<Products, Fault> {
    let mut all = Products::new();
    for file in files(folder) {
        let name = file.strip_prefix(folder).unwrap().display().to_string();
        for it in look(catalog, folder, &file)?.components {
            all.entry(it).or_default().insert(name.clone());
        }
    }
    Ok(all)
}

/// Shows a file to those who want it, as if `folder` were the root of a layer.
fn look(catalog: &Catalog, folder: &Path, file: &Path) -> Result<Found, Fault> {
    let bytes = fs::read(file).unwrap();
    let path = file.strip_prefix(folder).unwrap().display().to_string();
    let path = ImagePath::parse(path.as_bytes()).unwrap();
    let start = &bytes[..bytes.len().min(512)];
    let head = Head { path: &path, size: bytes.len() as u64, mode: 0o755, start };
    let mut found = Found::default();
    for it in catalog.wanting(&head) {
        it.inspect(&File::new(&path, &bytes), &mut found)?;
    }
    Ok(found)
}

/// The files in a folder and in those below.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for it in fs::read_dir(folder).into_iter().flatten().flatten() {
        match it.path() {
            it if it.is_dir() => all.extend(files(&it)),
            it => all.push(it),
        }
    }
    all.sort();
    all
}
