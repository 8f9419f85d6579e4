//! Bundles on disk: the one of rules in use, the one of what distributions publish, and those before them.
//!
//! ```text
//! malware/<epoch>-<sha256>.bundle   bundles, immutable
//! malware/current                   link to the one in use; without it, only what ships with the program is used
//! malware/<epoch>-<sha256>.packages, malware/packages    the same for what distributions publish
//! malware/<half a hash>.fetched     what a server said of a bundle that was fetched from it
//! malware/keys/<id>.pem             public keys of those who are believed
//! malware/lock                      held by whoever changes any of this
//! ```
mod apk;
pub mod custom;
mod fetched;
mod keys;
mod pack;
pub mod probe;
mod published;
pub mod shared;

pub use fetched::Fetched;
pub use keys::{SigningKey, key_id, public_key, public_key_in};
pub use malware::bundle::Kind;
pub use pack::{Content, Part, pack};

use crate::advisories::point;
use inspect::openpgp::Keys;
use malware::{
    Judge, Packages,
    bundle::{self, BadBundle, Bundle, Key, MOST_BYTES},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fmt,
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Begins the names of files that are not complete.
const UNFINISHED: &str = ".new-";
/// The name of the link, and how names of bundles end: bundles of rules, and of what distributions publish.
type Sort = [&'static str; 2];
const RULES: Sort = ["current", ".bundle"];
const PACKAGES: Sort = ["packages", ".packages"];
/// How many bundles are kept, the one in use among them.
const KEPT: usize = 3;

/// Why a bundle could not be used or made.
#[derive(Debug)]
pub struct BundleError(pub String);

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BundleError {}

/// For `map_err`: doing something with `path` failed.
fn failed<E: fmt::Display>(path: &Path) -> impl FnOnce(E) -> BundleError {
    let what = path.display().to_string();
    move |why| BundleError(format!("{what}: {why}"))
}

/// A file with a bundle, and its SHA-256: what it held when it was checked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Named {
    /// Where it is.
    pub path: PathBuf,
    /// SHA-256 of it, in hexadecimal digits.
    pub sha256: String,
}

impl Named {
    /// A file that holds these bytes.
    pub fn new(path: &Path, bytes: &[u8]) -> Named {
        Named { path: path.to_owned(), sha256: sha256(bytes) }
    }

    /// Its bytes; nothing of them is believed yet.
    pub(crate) fn read(&self) -> io::Result<Vec<u8>> {
        read(&self.path)
    }

    /// The bundle that these bytes are, if it is the one that was checked.
    fn parse(&self, bytes: &[u8]) -> Result<Bundle, BundleError> {
        if sha256(bytes) != self.sha256 {
            return Err(failed(&self.path)("it has been changed since it was brought in"));
        }
        Bundle::parse(bytes).map_err(failed(&self.path))
    }

    /// What was read as a judge, and as keys of those who sign packages, by what all bundles hold.
    pub(crate) fn judge(read: Vec<(Named, io::Result<Vec<u8>>)>) -> io::Result<(Judge, Keys)> {
        let bundles = read.into_iter().map(|(named, bytes)| {
            let bytes = bytes.map_err(failed(&named.path))?;
            named.parse(&bytes)
        });
        let bundles: Result<Vec<Bundle>, BundleError> = bundles.collect();
        let both = |it: Vec<Bundle>| Ok((bundle::judge(&it)?, bundle::keys(&it)?));
        let both = |it| both(it).map_err(|why: BadBundle| BundleError(why.to_string()));
        bundles.and_then(both).map_err(|it| io::Error::other(format!("the bundle of rules: {it}")))
    }
}

/// Whose bundles are taken.
#[derive(Clone, Copy, Debug)]
pub enum Trust {
    /// Of those whose keys were given before.
    Known,
    /// Also of whoever has this key, from now on.
    Also(Key),
    /// Of anybody, signed or not: whoever can change the file decides what is found.
    Anybody,
}

/// The bundle in use.
#[derive(Debug)]
pub struct InUse {
    /// Where it is.
    pub named: Named,
    /// The bundle.
    pub bundle: Bundle,
    /// Whether the key of its signature is one of those that are believed.
    pub is_known: bool,
}

/// The bundles that a machine has.
#[derive(Clone, Debug)]
pub struct Bundles {
    directory: PathBuf,
    sort: Sort,
}

impl Bundles {
    /// Those of rules below `data`, the directory for all that is kept.
    pub fn new(data: &Path) -> Bundles {
        Bundles { directory: data.join("malware"), sort: RULES }
    }

    /// Those of what distributions publish, which are used besides these.
    pub fn of_packages(&self) -> Bundles {
        Bundles { sort: PACKAGES, ..self.clone() }
    }

    /// What the bundles in use say of packages.
    pub fn packages(&self) -> Result<Packages, BundleError> {
        let published = self.of_packages().current()?;
        let revision = published.as_ref().map(|it| format!("packages={}", it.named.sha256));
        let bundles = self.current()?.into_iter().chain(published).map(|it| it.bundle);
        let packages = bundle::packages(&bundles.collect::<Vec<_>>());
        let mut packages = packages.map_err(|it| BundleError(it.to_string()))?;
        packages.revision = revision.unwrap_or_default();
        Ok(packages)
    }

    /// The bundle in use, if there is one. One that can't be read is an error: what is found without it is less.
    pub fn current(&self) -> Result<Option<InUse>, BundleError> {
        let Some(named) = self.named()? else { return Ok(None) };
        let bundle = named.read().map_err(failed(&named.path));
        let bundle = bundle.and_then(|it| named.parse(&it)).map_err(|it| {
            BundleError(format!(
                "{it}; `plimsoll db malware rollback` goes back to the bundle before, `import` brings in another"
            ))
        })?;
        let is_known = bundle.signer.is_some_and(|it| self.believes(&it));
        Ok(Some(InUse { named, bundle, is_known }))
    }

    /// The epochs of the bundles that are kept, the greatest first.
    pub fn epochs(&self) -> Vec<u64> {
        self.kept().into_iter().map(|it| it.0).collect()
    }

    /// Puts the bundle in a file to use, as [`Bundles::take`] does.
    pub fn import(&self, from: &Path, trust: Trust) -> Result<InUse, BundleError> {
        let bytes = read(from).map_err(failed(from))?;
        self.take(&bytes, trust).map_err(failed(from))
    }

    /// Puts a bundle to use: if it is whole, of somebody who is believed, newer than the one in use, and all its rules
    /// can be used.
    pub fn take(&self, bytes: &[u8], trust: Trust) -> Result<InUse, BundleError> {
        let bundle = Bundle::parse(bytes).map_err(|it| BundleError(it.to_string()))?;
        let sort = if bundle.is_of_packages() { PACKAGES } else { RULES };
        Bundles { sort, ..self.clone() }.put(bytes, bundle, trust)
    }

    fn put(&self, bytes: &[u8], bundle: Bundle, trust: Trust) -> Result<InUse, BundleError> {
        let [link, ending] = self.sort;
        let _lock = self.lock()?;
        self.believe(&bundle, trust)?;
        let sha256 = sha256(bytes);
        let epoch = bundle.manifest.epoch;
        self.follows(epoch, &sha256)?;
        bundle.check().map_err(|it| BundleError(it.to_string()))?;
        let name = format!("{epoch}-{sha256}{ending}");
        let path = self.directory.join(&name);
        self.keep(bytes, &path)?;
        point(&self.directory, link, Path::new(&name)).map_err(|it| BundleError(it.to_string()))?;
        self.tidy();
        let is_known = bundle.signer.is_some_and(|it| self.believes(&it));
        Ok(InUse { named: Named { path, sha256 }, bundle, is_known })
    }

    /// Goes back to the bundle that was made before the one in use, if it is kept still.
    pub fn rollback(&self) -> Result<InUse, BundleError> {
        let _lock = self.lock()?;
        let now = self.named()?.and_then(|it| self.parts(&it.path)).map(|it| it.0);
        let now = now.ok_or_else(|| BundleError("no bundle is in use".to_owned()))?;
        let before = self.kept().into_iter().find(|it| it.0 < now);
        let (_, named) = before.ok_or_else(|| {
            BundleError(format!("no bundle from before epoch {now} is kept, which stays in use"))
        })?;
        let bundle = named.read().map_err(failed(&named.path));
        bundle.and_then(|it| named.parse(&it))?;
        let name = named.path.file_name().map(Path::new).unwrap_or(Path::new(""));
        point(&self.directory, self.sort[0], name).map_err(|it| BundleError(it.to_string()))?;
        self.current()?.ok_or_else(|| BundleError("no bundle is in use".to_owned()))
    }

    /// Whether a bundle may take the place of the one in use: an older one would take rules away, which somebody may
    /// want who hides something.
    fn follows(&self, epoch: u64, sha256: &str) -> Result<(), BundleError> {
        // One that is damaged has its epoch in its name.
        let now = self.named()?.and_then(|it| self.parts(&it.path));
        match now {
            Some((now, _)) if epoch < now => Err(BundleError(format!(
                "it is of epoch {epoch}, before the bundle in use, which is of epoch {now} and stays; \
                 `plimsoll db malware rollback` goes back to one that was in use"
            ))),
            Some((now, other)) if epoch == now && other != sha256 => Err(BundleError(format!(
                "it is of epoch {epoch} as the bundle in use is, and another one; a new bundle has a new epoch"
            ))),
            _ => Ok(()),
        }
    }

    /// Where the link to the one in use leads.
    fn named(&self) -> Result<Option<Named>, BundleError> {
        let link = self.directory.join(self.sort[0]);
        let target = match fs::read_link(&link) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed(&link))?,
        };
        let path = self.directory.join(target);
        let (_, sha256) =
            self.parts(&path).ok_or_else(|| failed(&link)("it leads to no bundle"))?;
        Ok(Some(Named { path, sha256 }))
    }

    /// The bundles that are kept, by their epochs, the greatest first.
    fn kept(&self) -> Vec<(u64, Named)> {
        let files = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let named = files.filter_map(|it| {
            let path = it.path();
            let (epoch, sha256) = self.parts(&path)?;
            Some((epoch, Named { path, sha256 }))
        });
        let mut all: Vec<(u64, Named)> = named.collect();
        all.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.path.cmp(&b.1.path)));
        all
    }

    /// Removes all but the one in use and the last ones, and what processes left that were killed.
    fn tidy(&self) {
        let now = self.named().ok().flatten();
        for it in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            if it.file_name().to_string_lossy().starts_with(UNFINISHED) {
                drop(fs::remove_file(it.path()));
            }
        }
        let others = self.kept().into_iter().filter(|it| now.as_ref() != Some(&it.1));
        for (_, named) in others.skip(KEPT.saturating_sub(1)) {
            // What can't be removed now is so the next time.
            drop(fs::remove_file(named.path));
        }
    }

    /// The epoch and the SHA-256 in the name of a bundle.
    fn parts(&self, path: &Path) -> Option<(u64, String)> {
        let name = path.file_name()?.to_str()?.strip_suffix(self.sort[1])?;
        let (epoch, sha256) = name.split_once('-')?;
        Some((epoch.parse().ok()?, sha256.to_owned()))
    }

    fn lock(&self) -> Result<File, BundleError> {
        fs::create_dir_all(&self.directory).map_err(failed(&self.directory))?;
        let path = self.directory.join("lock");
        let options = File::options().write(true).create(true).truncate(false).open(&path);
        let file = options.map_err(failed(&path))?;
        // Whoever holds it writes one file.
        file.lock().map_err(failed(&path))?;
        Ok(file)
    }

    fn keep(&self, bytes: &[u8], path: &Path) -> Result<(), BundleError> {
        let shared = fs::Permissions::from_mode(0o644);
        let file = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .permissions(shared)
            .tempfile_in(&self.directory);
        let mut file = file.map_err(failed(&self.directory))?;
        file.write_all(bytes).map_err(failed(path))?;
        // It must be on the disk before it has its name, or a power cut leaves an empty one.
        file.as_file().sync_all().map_err(failed(path))?;
        file.persist(path).map(drop).map_err(|it| failed(path)(it.error))
    }
}

/// A file, as far as a bundle may be long, and one byte more.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_all(&mut File::open(path)?)
}

fn read_all(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MOST_BYTES.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// SHA-256, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|it| format!("{it:02x}")).collect()
}

#[cfg(test)]
mod tests;
