//! Making a bundle: of a folder, or of rules and lists that are for one scan.
use super::{BundleError, SigningKey, failed, sha256};
use jiff::Timestamp;
use malware::{
    Form, RULE_SETS,
    bundle::{self, Kind, MANIFEST, Manifest, Member, SIGNATURE},
};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// Where lists are in a folder.
const LISTS: &[(&str, Kind)] = &[
    ("hashes/bad", Kind::BadHashes),
    ("hashes/good", Kind::GoodHashes),
    ("packages/bad", Kind::BadPackages),
    ("keys", Kind::Keys),
];

/// What becomes a member.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name in the bundle.
    pub path: String,
    /// What it holds.
    pub kind: Kind,
    /// The forms of files that rules are for; none for all.
    pub forms: Vec<String>,
    /// Whether rules are only monitored.
    pub monitor: bool,
    /// The rules, or the list.
    pub content: Vec<u8>,
}

/// What becomes a bundle.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// Greater than that of the bundle before.
    pub epoch: u64,
    /// When it is made.
    pub created: Timestamp,
    /// Who makes it.
    pub publisher: String,
    /// Sets of the rules that ship with the program that it is to be used instead of.
    pub replaces: Vec<String>,
    /// Its members.
    pub parts: Vec<Part>,
    /// What is wanting in rules that were added, though they can be used.
    pub remarks: Vec<String>,
}

impl Content {
    /// Adds what is in a folder: `rules/<set>/*.yar`, `hashes/bad/*`, `hashes/good/*`,
    /// `packages/bad/*` and `keys/*`.
    ///
    /// A set is for the forms of files that its file `forms` names, each on a line; without that for those of the form,
    /// or of the set of the program's own rules, that it is called after; or else for all.
    pub fn add_folder(&mut self, folder: &Path) -> Result<(), BundleError> {
        let before = self.parts.len();
        for set in entries(&folder.join("rules"))? {
            let name = file_name(&set);
            self.add_rules(&set, &format!("rules/{name}/"), &forms(&set, &name)?)?;
        }
        for (place, kind) in LISTS {
            for file in entries(&folder.join(place))? {
                self.add_file(&file, &format!("{place}/"), *kind, &[])?;
            }
        }
        if self.parts.len() == before {
            let what = "there is nothing in it: rules/<set>/*.yar, hashes/bad/*, hashes/good/*, packages/bad/*, keys/*";
            return Err(failed(folder)(what));
        }
        Ok(())
    }

    /// Adds a file of rules, or those of a folder, for files of these forms.
    pub fn add_rules(
        &mut self,
        from: &Path,
        place: &str,
        forms: &[String],
    ) -> Result<(), BundleError> {
        if !from.is_dir() {
            return self.add_file(from, place, Kind::Rules, forms);
        }
        let is_rules = |it: &&PathBuf| it.extension().is_some_and(|it| it == "yar" || it == "yara");
        let files = entries(from)?;
        let mut files = files.iter().filter(is_rules).peekable();
        if files.peek().is_none() {
            return Err(failed(from)("there are no rules in it: files that end with .yar"));
        }
        files.try_for_each(|it| self.add_file(it, place, Kind::Rules, forms))
    }

    /// Adds a file.
    pub fn add_file(
        &mut self,
        from: &Path,
        place: &str,
        kind: Kind,
        forms: &[String],
    ) -> Result<(), BundleError> {
        let content = fs::read(from).map_err(failed(from))?;
        let text = str::from_utf8(&content);
        if kind.is_text() {
            text.map_err(failed(from))?;
        }
        bundle::check(kind, &content, &mut BTreeSet::new()).map_err(failed(from))?;
        if let (Kind::Rules, Ok(text)) = (kind, text) {
            let (from, problems) = (from.display(), malware::lint(text, &BTreeSet::new()));
            self.remarks.extend(problems.iter().map(|it| format!("{from}: {it}")));
        }
        let path = format!("{place}{}", file_name(from));
        self.parts.push(Part { path, kind, forms: forms.to_vec(), monitor: false, content });
        Ok(())
    }
}

/// A bundle with this content: signed, unless nobody but this process is to use it.
pub fn pack(content: &Content, key: Option<&SigningKey>) -> Result<Vec<u8>, BundleError> {
    let (mut members, mut taken) = (Vec::new(), BTreeSet::new());
    for it in &content.parts {
        let named = |why| BundleError(format!("{}: {why}", it.path));
        members.push(Member {
            path: it.path.clone(),
            kind: it.kind,
            forms: it.forms.clone(),
            monitor: it.monitor,
            size: u64::try_from(it.content.len()).unwrap_or(u64::MAX),
            sha256: sha256(&it.content),
            count: bundle::check(it.kind, &it.content, &mut taken).map_err(named)?,
        });
    }
    let Content { epoch, created, publisher, replaces, .. } = content.clone();
    let engine = |it: &Part| if it.monitor { 3 } else { it.kind.engine() };
    let engine = content.parts.iter().map(engine).max().unwrap_or(1);
    let format = 1;
    let manifest = Manifest { format, epoch, created, publisher, engine, replaces, members };
    let unmade = |it: &dyn std::fmt::Display| BundleError(format!("making a bundle: {it}"));
    let manifest = serde_json::to_vec_pretty(&manifest).map_err(|it| unmade(&it))?;
    let signature = key.map(|it| it.sign(&manifest));
    let parts = content.parts.iter().map(|it| (it.path.as_str(), &*it.content));
    let first = [(MANIFEST, &*manifest)].into_iter();
    let all = first.chain(signature.as_deref().map(|it| (SIGNATURE, it))).chain(parts);
    let bytes = tar(all).map_err(|it| unmade(&it))?;
    let bytes = compress_to_vec(&*bytes, CompressionLevel::Fastest);
    // Whatever would be refused elsewhere is refused here.
    let made = bundle::Bundle::parse(&bytes).and_then(|it| it.check());
    made.map(|()| bytes).map_err(|it| BundleError(it.to_string()))
}

/// The same members make the same bytes.
fn tar<'a>(members: impl Iterator<Item = (&'a str, &'a [u8])>) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        header.set_mode(0o644);
        archive.append_data(&mut header, path, bytes)?;
    }
    archive.into_inner()
}

fn forms(set: &Path, name: &str) -> Result<Vec<String>, BundleError> {
    let path = set.join("forms");
    match fs::read_to_string(&path) {
        Ok(text) => {
            let names = text.lines().map(str::trim).filter(|it| !it.is_empty());
            let names: Vec<String> = names.map(str::to_owned).collect();
            match names.iter().find(|it| Form::named(it).is_none()) {
                Some(it) => Err(failed(&path)(format!("there is no form `{it}` of files"))),
                None => Ok(names),
            }
        }
        Err(err) if err.kind() == io::ErrorKind::NotFound => {
            let of_set = RULE_SETS.iter().find(|it| it.name == name).map(|it| it.forms.to_vec());
            let forms = of_set.or_else(|| Some(vec![Form::named(name)?])).unwrap_or_default();
            Ok(forms.into_iter().map(|it| it.name().to_owned()).collect())
        }
        Err(err) => Err(failed(&path)(err)),
    }
}

/// What is in a folder, in order; nothing when there is none. What is hidden is left out.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, BundleError> {
    let read = match fs::read_dir(folder) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed(folder))?,
    };
    let paths: io::Result<Vec<PathBuf>> = read.map(|it| Ok(it?.path())).collect();
    let mut paths = paths.map_err(failed(folder))?;
    paths.retain(|it| !file_name(it).starts_with('.'));
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default()
}
