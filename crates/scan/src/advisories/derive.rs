//! Deriving advisories from the changelogs in a Debian archive, for sites that have nothing but a mirror.
//!
//! The index files are held against the hashes in the suite's `InRelease` file, the packages against those in the
//! index. The signature of `InRelease` is not verified: apt does that, with keys that we do not have.
use super::{StoreError, containers, failed};
use assess::feeds::{
    ArchiveFile, ArchiveSource, Upload, add_source, changelog_of_diff, first_fixed,
    is_stable_update, release, sources,
};
use net::{Client, Request, Url};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// The most of an index, uncompressed.
const INDEX_BYTES: u64 = 1 << 30;
/// The most of a file of a package: what is larger has its changelog elsewhere.
const PACKAGE_BYTES: u64 = 512 << 20;
/// The most of a changelog.
const CHANGELOG_BYTES: u64 = 64 << 20;
/// How many packages are fetched at once.
const PARALLEL: usize = 4;

/// A Debian archive: on a server, or in a directory.
#[derive(Clone)]
pub enum Mirror {
    /// Below this address.
    Server(Client, String),
    /// Below this directory.
    Directory(PathBuf),
}

/// What to derive from.
pub struct Archive {
    /// The archive of the releases and their updates.
    pub main: Mirror,
    /// The archive of the security updates.
    pub security: Mirror,
    /// Where changelogs are kept, so that each is fetched once.
    pub cache: PathBuf,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Derived {
    /// Vulnerabilities that some changelog names.
    pub cves: usize,
    /// Changelogs read.
    pub changelogs: usize,
    /// What could not be read, in words.
    pub problems: Vec<String>,
}

impl Mirror {
    fn read(&self, path: &str, most: u64) -> Result<Vec<u8>, StoreError> {
        let (what, mut bytes) = (format!("{}/{path}", self.name()), Vec::new());
        let broken = |source| StoreError::Io { what: what.clone(), source };
        match self {
            Mirror::Directory(root) => {
                let file = fs::File::open(root.join(path)).map_err(broken)?;
                file.take(most).read_to_end(&mut bytes).map_err(broken)?;
            }
            Mirror::Server(client, _) => {
                let refused = |err: net::Error| StoreError::Refused(err.to_string());
                let url = Url::parse(&what).map_err(refused)?;
                let response = client.send(&Request::get(url)).map_err(refused)?;
                if response.status != 200 {
                    let status = response.status;
                    return Err(StoreError::Refused(format!(
                        "{what}: the server answered {status}"
                    )));
                }
                response.body.take(most).read_to_end(&mut bytes).map_err(broken)?;
            }
        }
        Ok(bytes)
    }

    /// A file that an index names, held against what the index says.
    fn file(&self, directory: &str, file: &ArchiveFile, most: u64) -> Result<Vec<u8>, StoreError> {
        let path = format!("{directory}/{}", file.path);
        if file.size > most {
            return Err(StoreError::Refused(format!(
                "{path}: {} bytes, over the limit",
                file.size
            )));
        }
        let bytes = self.read(&path, file.size.saturating_add(1))?;
        let hash =
            Sha256::digest(&bytes).iter().fold(String::new(), |it, b| it + &format!("{b:02x}"));
        if hash != file.sha256 {
            return Err(StoreError::Refused(format!(
                "{path}: its SHA-256 is not the one in the index"
            )));
        }
        Ok(bytes)
    }

    fn name(&self) -> String {
        match self {
            Mirror::Server(_, url) => url.trim_end_matches('/').to_owned(),
            Mirror::Directory(path) => path.display().to_string(),
        }
    }
}

/// Writes what the changelogs of `suites` say to `to`, a record of OSV's form a line.
pub fn derive(
    archive: &Archive,
    suites: &[String],
    now: jiff::Timestamp,
    to: &mut dyn Write,
    told: &(dyn Fn(&str) + Sync),
) -> Result<Derived, StoreError> {
    let mut derived = Derived::default();
    let mut records: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for suite in suites {
        let (number, packages) = packages(archive, suite, told)?;
        told(&format!("{suite}: Debian {number}, {} changelogs", packages.len()));
        let (uploads, problems) = changelogs(archive, suite, &packages, told);
        derived.problems.extend(problems);
        derived.changelogs = derived.changelogs.saturating_add(uploads.len());
        for (name, uploads) in uploads {
            for it in uploads {
                records.entry(it.cve.clone()).or_default().push(affected(&number, &name, &it));
            }
        }
    }
    derived.cves = records.len();
    for (cve, affected) in records {
        let record = json!({
            "schema_version": "1.7.0",
            "id": format!("XDEB-{cve}"),
            "upstream": [cve],
            "modified": now.strftime("%Y-%m-%dT00:00:00Z").to_string(),
            "affected": affected,
            "database_specific": {"source": "debian/changelog"},
        });
        writeln!(to, "{record}")
            .map_err(|source| StoreError::Io { what: "output".into(), source })?;
    }
    Ok(derived)
}

fn affected(number: &str, source: &str, upload: &Upload) -> Value {
    json!({
        "package": {"ecosystem": format!("Debian:{number}"), "name": source},
        "ranges": [{"type": "ECOSYSTEM",
            "events": [{"introduced": "0"}, {"fixed": upload.version}]}],
        "database_specific": {"stable_update": upload.stable_update, "upload": upload.date,
            "urgency": upload.urgency},
    })
}

/// A source package as each archive that has it knows it, the newest version first: what a mirror's index names, the
/// mirror need not have.
type Package<'a> = Vec<(&'a Mirror, ArchiveSource)>;

/// The packages of a suite that had a security or point-release update, from where, and the suite's number.
fn packages<'a>(
    archive: &'a Archive,
    suite: &str,
    told: &(dyn Fn(&str) + Sync),
) -> Result<(String, Vec<Package<'a>>), StoreError> {
    let (number, mut main) = index(&archive.main, suite)?;
    let number = number.ok_or_else(|| {
        StoreError::Refused(format!("{suite} has no version; only stable releases can be derived"))
    })?;
    let major = number.split('.').next().unwrap_or(&number).to_owned();
    match index(&archive.main, &format!("{suite}-updates")) {
        Ok((_, updates)) => updates.into_values().for_each(|it| add_source(&mut main, it)),
        // Small mirrors do without; nearly all that is in there comes with the next point release.
        Err(err) => told(&format!("without {suite}-updates: {err}")),
    }
    let (_, mut security) = index(&archive.security, &format!("{suite}-security"))?;
    let mut newest = main.clone();
    security.values().cloned().for_each(|it| add_source(&mut newest, it));
    let chosen = newest.into_values().filter_map(|it| {
        let main = main.remove(&it.name).map(|it| (&archive.main, it));
        let security = security.remove(&it.name).map(|it| (&archive.security, it));
        let touched = security.is_some() || is_stable_update(&it.version);
        let mut versions: Package<'_> = main.into_iter().chain(security).collect();
        versions.sort_by_key(|version| version.1 != it);
        touched.then_some(versions)
    });
    Ok((major, chosen.collect()))
}

/// The version of a suite, and its source packages.
fn index(
    mirror: &Mirror,
    suite: &str,
) -> Result<(Option<String>, BTreeMap<String, ArchiveSource>), StoreError> {
    let directory = format!("dists/{suite}");
    let text = mirror.read(&format!("{directory}/InRelease"), INDEX_BYTES)?;
    let (version, files) = release(&String::from_utf8_lossy(&text));
    let named = |name: &str| files.iter().find(|it| it.path == name);
    let file = named("main/source/Sources.xz").or_else(|| named("main/source/Sources.gz"));
    let file = file.ok_or_else(|| {
        StoreError::Refused(format!("{}/{directory}: no index of sources", mirror.name()))
    })?;
    let bytes = mirror.file(&directory, file, INDEX_BYTES)?;
    let text = containers::unpack(&bytes, INDEX_BYTES)
        .map_err(|source| StoreError::Io { what: format!("{directory}/{}", file.path), source })?;
    Ok((version, sources(&String::from_utf8_lossy(&text))))
}

type Uploads = Vec<(String, Vec<Upload>)>;

/// What the changelogs of all packages say, and what could not be read.
fn changelogs(
    archive: &Archive,
    suite: &str,
    packages: &[Package<'_>],
    told: &(dyn Fn(&str) + Sync),
) -> (Uploads, Vec<String>) {
    let results = Mutex::new((Vec::new(), Vec::new()));
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| {
                while let Some(package) = packages.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (read, problems) = newest_changelog(package, suite, &archive.cache);
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.0.extend(read);
                    results.1.extend(problems);
                    let done = done.fetch_add(1, Ordering::Relaxed).saturating_add(1);
                    if done.is_multiple_of(250) {
                        told(&format!("{done} of {}", packages.len()));
                    }
                }
            });
        }
    });
    let (mut uploads, mut problems) = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    uploads.sort_by(|a: &(String, Vec<Upload>), b| a.0.cmp(&b.0));
    problems.sort();
    (uploads, problems)
}

/// What the newest changelog that can be had says, and why it is not a newer one.
fn newest_changelog(
    package: &Package<'_>,
    suite: &str,
    cache: &Path,
) -> (Option<(String, Vec<Upload>)>, Vec<String>) {
    let mut problems = Vec::new();
    for (mirror, source) in package {
        let ArchiveSource { name, version, .. } = source;
        match changelog(mirror, source, cache) {
            Ok(text) => {
                if !problems.is_empty() {
                    problems.push(format!("{name}: read {version} instead"));
                }
                return (Some((name.clone(), first_fixed(&text, suite))), problems);
            }
            Err(err) => problems.push(format!("{name} {version}: {err}")),
        }
    }
    (None, problems)
}

fn changelog(mirror: &Mirror, source: &ArchiveSource, cache: &Path) -> Result<String, StoreError> {
    let name: String = format!("{}_{}", source.name, source.version)
        .chars()
        .map(|it| if it.is_ascii_alphanumeric() || "._+~-".contains(it) { it } else { '%' })
        .collect();
    let kept = cache.join(name);
    if let Ok(text) = fs::read(&kept) {
        return Ok(String::from_utf8_lossy(&text).into_owned());
    }
    let file = source
        .packaging()
        .ok_or_else(|| StoreError::Refused("none of its files can hold a changelog".to_owned()))?;
    let bytes = mirror.file(&source.directory, file, PACKAGE_BYTES)?;
    let broken = |source| StoreError::Io { what: file.path.clone(), source };
    let text = out_of(&bytes, &file.path).map_err(broken)?;
    fs::create_dir_all(cache).map_err(failed(cache))?;
    let mut copy = tempfile::NamedTempFile::new_in(cache).map_err(failed(cache))?;
    copy.write_all(text.as_bytes()).map_err(failed(cache))?;
    copy.persist(&kept).map_err(|err| failed(&kept)(err.error))?;
    Ok(text)
}

/// The changelog in the packaging of a source package.
fn out_of(bytes: &[u8], name: &str) -> io::Result<String> {
    let missing = || io::Error::other("no debian/changelog in it");
    if name.contains(".diff") {
        let diff = containers::unpack(bytes, PACKAGE_BYTES)?;
        return changelog_of_diff(&String::from_utf8_lossy(&diff)).ok_or_else(missing);
    }
    let mut archive = tar::Archive::new(containers::decompress(bytes));
    for entry in archive.entries()? {
        let entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let path = path.trim_start_matches("./");
        // Below `debian/`, or below the one directory that a native package is in.
        if path == "debian/changelog"
            || path.split_once('/').is_some_and(|it| it.1 == "debian/changelog")
        {
            let text = containers::bounded(entry, CHANGELOG_BYTES)?;
            return Ok(String::from_utf8_lossy(&text).into_owned());
        }
    }
    Err(missing())
}
