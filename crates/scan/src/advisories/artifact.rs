//! The database in use as an artifact in one's own registry: pushed by one machine, pulled by all others.
//!
//! Whoever may push to the repository decides what is found on the others: the digest is verified, and no signature.
use super::{Compiled, Counting, Store, StoreError, Told, Work};
use assess::Database;
use model::Digest;
use net::Client;
use registry::{
    Keychain, Reference, SourceError,
    artifact::{self, Artifact},
};
use std::{collections::BTreeMap, fs::File, sync::Arc};

/// The type of the artifact. The file says itself by which schema it is to be read.
const ARTIFACT: &str = "application/vnd.plimsoll.advisories.v1";
/// The media type of the file in it, which is what `db export` writes.
const FILE: &str = "application/vnd.plimsoll.advisories.database.v1";
/// When the newest of its feeds is of: the same database is the same artifact (OCI image specification, annotations.md).
const CREATED: &str = "org.opencontainers.image.created";
const BUILD: &str = "io.plimsoll.advisories.build";

impl Store {
    /// Pushes the database in use; the answer is its build, and the digest of the artifact.
    pub fn push(
        &self,
        to: &Reference,
        keys: &Arc<Keychain>,
        client: &Client,
    ) -> Result<(String, Digest), StoreError> {
        let opened = self.open()?;
        // What is wrong here would otherwise spread: the one before for the one that is damaged.
        if let Some(why) = opened.warnings.into_iter().next() {
            return Err(StoreError::Refused(why));
        }
        let path = opened.path.ok_or_else(|| {
            StoreError::Refused("the starter set is in memory only; there is no file of it".into())
        })?;
        opened.database.verify().map_err(|err| StoreError::Refused(err.to_string()))?;
        let file = File::open(&path).map_err(super::failed(&path))?;
        let digest = registry::push(to, &describe(&opened.database), file, keys, client);
        let digest = digest.map_err(|err| StoreError::Refused(format!("{to}: {err}")))?;
        Ok((opened.database.build().to_owned(), digest))
    }

    /// Pulls a database and puts it to use once all of it has come and been verified. One that is in use already is not
    /// pulled.
    pub fn pull(
        &self,
        from: &Reference,
        keys: &Arc<Keychain>,
        client: &Client,
        told: Told<'_>,
    ) -> Result<Compiled, StoreError> {
        let refused = |err: SourceError| {
            StoreError::Refused(format!("{from}: {err}; the database in use stays"))
        };
        let _lock = self.lock()?;
        let pulled = artifact::pull(from, keys, client).map_err(refused)?;
        let Artifact { kind, media_type, annotations } = &pulled.artifact;
        if (kind.as_str(), media_type.as_str()) != (ARTIFACT, FILE) {
            let text = format!("no advisory database but `{kind}` with `{media_type}`");
            return Err(refused(SourceError::Unsupported(text)));
        }
        let before = self.generation(super::generations::CURRENT).ok().flatten();
        if let Some((database, path)) = before
            && annotations.get(BUILD).is_some_and(|it| it == database.build())
            && database.verify().is_ok()
        {
            return Compiled::new(None, database, path, Vec::new());
        }
        told(Work::Begin(&from.to_string(), Some(pulled.bytes())));
        let file = pulled.open().map_err(refused)?;
        // Whoever pushes decides, also to go back to an older one.
        self.take(&mut Counting { file, told }, &from.to_string(), true)
    }
}

/// What the artifact of a database says of it.
fn describe(database: &Database) -> Artifact {
    let created = database.meta().built.map(|it| it.to_string());
    let build = database.build().to_owned();
    let annotations: BTreeMap<String, String> = created
        .map(|it| (CREATED.to_owned(), it))
        .into_iter()
        .chain([(BUILD.to_owned(), build)])
        .collect();
    Artifact { kind: ARTIFACT.to_owned(), media_type: FILE.to_owned(), annotations }
}
