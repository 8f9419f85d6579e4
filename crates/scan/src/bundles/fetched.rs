//! What servers said of bundles that were fetched, so that what has not changed is not fetched again (RFC 9110, section 13).
use super::{BundleError, Bundles, failed, sha256};
use serde::{Deserialize, Serialize};
use std::{fs, path::PathBuf};

/// What a server said of a bundle.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fetched {
    /// SHA-256 of the bundle, in hexadecimal digits.
    pub sha256: String,
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

impl Bundles {
    /// What was said of the bundle at `url`, if it is in use: one that was gone back from is to be fetched anew.
    pub fn fetched(&self, url: &str) -> Option<Fetched> {
        let text = fs::read(self.note(url)).ok()?;
        let fetched: Fetched = serde_json::from_slice(&text).ok()?;
        let both = [self.clone(), self.of_packages()];
        let mut in_use = both.iter().filter_map(|it| it.current().ok().flatten());
        in_use.any(|it| it.named.sha256 == fetched.sha256).then_some(fetched)
    }

    /// Keeps what was said of the bundle at `url`.
    pub fn keep_fetched(&self, url: &str, fetched: &Fetched) -> Result<(), BundleError> {
        let path = self.note(url);
        let text = serde_json::to_vec(fetched).map_err(failed(&path))?;
        fs::write(&path, text).map_err(failed(&path))
    }

    /// An address may hold a password, so it is in no name.
    fn note(&self, url: &str) -> PathBuf {
        let name = sha256(url.as_bytes());
        self.directory.join(format!("{}.fetched", name.get(..16).unwrap_or_default()))
    }
}
