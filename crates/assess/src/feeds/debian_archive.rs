//! The index files of a Debian archive, as far as they lead to changelogs.
//!
//! Formats: Debian repository format, "Release files" and "Sources indices"; deb-src-control(5), dsc(5).
use model::version::Scheme;
use std::{cmp::Ordering, collections::BTreeMap};

/// A file of the archive, as an index names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ArchiveFile {
    /// Its path, below the directory of the index or of the source package.
    pub path: String,
    /// Its bytes.
    pub size: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

/// A source package in an archive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ArchiveSource {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where its files are, below the archive's root.
    pub directory: String,
    /// Its files.
    pub files: Vec<ArchiveFile>,
}

/// The files that a `Release` or `InRelease` file lists, and its `Version`, `12.11`.
pub fn release(text: &str) -> (Option<String>, Vec<ArchiveFile>) {
    let fields = fields(text);
    let version = fields.get("version").map(|it| it.trim().to_owned());
    (version, files(fields.get("sha256").map_or("", String::as_str)))
}

/// The source packages that a `Sources` file lists, the newest version of each.
pub fn sources(text: &str) -> BTreeMap<String, ArchiveSource> {
    let mut newest = BTreeMap::new();
    for stanza in text.split("\n\n") {
        let fields = fields(stanza);
        let field = |name: &str| fields.get(name).map(|it| it.trim().to_owned());
        let (Some(name), Some(version), Some(directory)) =
            (field("package"), field("version"), field("directory"))
        else {
            continue;
        };
        let files = files(fields.get("checksums-sha256").map_or("", String::as_str));
        add(&mut newest, ArchiveSource { name, version, directory, files });
    }
    newest
}

/// Keeps the newer one of two versions of a package.
pub fn add(newest: &mut BTreeMap<String, ArchiveSource>, source: ArchiveSource) {
    let older = newest.get(&source.name).is_some_and(|it| {
        Scheme::Dpkg.compare(&source.version, &it.version) != Some(Ordering::Greater)
    });
    if !older {
        newest.insert(source.name.clone(), source);
    }
}

impl ArchiveSource {
    /// The file that holds the changelog: the packaging, or all of a package that has no other upstream.
    pub fn packaging(&self) -> Option<&ArchiveFile> {
        let with = |ending: &str| {
            self.files.iter().find(|it| {
                it.path.rsplit_once(ending).is_some_and(|(_, rest)| {
                    rest.is_empty() || rest.strip_prefix('.').is_some_and(|it| !it.contains('.'))
                })
            })
        };
        let original = self.files.iter().any(|it| it.path.contains(".orig."));
        let native = || with(".tar").filter(|_| !original);
        with(".debian.tar").or_else(|| with(".diff")).or_else(native)
    }
}

/// `debian/changelog` out of the patch that makes a package of format 1.0 from its upstream.
pub fn changelog_of_diff(diff: &str) -> Option<String> {
    let mut lines = diff.lines();
    lines.find(|it| it.starts_with("+++ ") && it.trim_end().ends_with("/debian/changelog"))?;
    let added = lines.take_while(|it| !it.starts_with("--- "));
    let added = added.filter_map(|it| it.strip_prefix('+'));
    Some(added.fold(String::new(), |text, it| text + it + "\n"))
}

/// The fields of a stanza, names in lower case, with the lines that continue them.
fn fields(stanza: &str) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    let mut last = None;
    for line in stanza.lines() {
        if line.starts_with([' ', '\t']) {
            if let Some(value) = last.as_ref().and_then(|it| fields.get_mut(it)) {
                value.push('\n');
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            let name = name.to_ascii_lowercase();
            fields.insert(name.clone(), value.to_owned());
            last = Some(name);
        }
    }
    fields
}

/// Lines of hash, size and path.
fn files(text: &str) -> Vec<ArchiveFile> {
    let file = |line: &str| {
        let mut words = line.split_whitespace();
        let (sha256, size, path) = (words.next()?, words.next()?, words.next()?);
        // A path is joined to a directory of ours or an address: it may not lead elsewhere.
        let climbs = path.starts_with('/') || path.split('/').any(|it| it == "..");
        let size = size.parse().ok().filter(|_| !climbs)?;
        Some(ArchiveFile { path: path.to_owned(), size, sha256: sha256.to_owned() })
    };
    text.lines().filter_map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_lead_to_the_file_with_the_changelog() {
        let text =
            "Origin: Debian\nVersion: 12.11\nSHA256:\n ab 12 main/source/Sources.xz\n cd 7 ../x\n";
        let (version, files) = release(text);
        assert_eq!(version.as_deref(), Some("12.11"));
        assert_eq!(
            files.iter().map(|it| &*it.path).collect::<Vec<_>>(),
            ["main/source/Sources.xz"]
        );
        let check = |files: &str, expected: Option<&str>| {
            let text = format!(
                "Package: p\nVersion: 1-1\nDirectory: pool/p\nChecksums-Sha256:\n{files}\n\n\
                 Package: p\nVersion: 1-0\nDirectory: pool/p\n"
            );
            let sources = sources(&text);
            let packaging = sources["p"].packaging().map(|it| it.path.as_str());
            assert_eq!(packaging, expected, "{files}");
        };
        check(" a 1 p_1.orig.tar.xz\n b 2 p_1-1.debian.tar.xz", Some("p_1-1.debian.tar.xz"));
        check(" a 1 p_1.orig.tar.gz\n b 2 p_1-1.diff.gz", Some("p_1-1.diff.gz"));
        check(" a 1 p_1.tar.xz\n b 2 p_1.dsc", Some("p_1.tar.xz"));
        check(" a 1 p_1.orig.tar.xz\n b 2 p_1.orig.tar.xz.asc", None);
    }

    #[test]
    fn a_patch_holds_the_changelog_as_added_lines() {
        let diff = "--- p.orig/a\n+++ p/a\n@@ -1 +1 @@\n+x\n--- p.orig/debian/changelog\n\
                    +++ p/debian/changelog\n@@ -0,0 +1,2 @@\n+p (1) x; urgency=low\n+\n--- p.orig/b\n";
        assert_eq!(changelog_of_diff(diff).as_deref(), Some("p (1) x; urgency=low\n\n"));
        assert_eq!(changelog_of_diff("nothing"), None);
    }
}
