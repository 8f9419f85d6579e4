//! Everywhere that one image may be read from.
use crate::{
    Keychain, Reference, SourceError,
    manifest::DOCUMENT_BYTES,
    session::Session,
    verify::{sha256, verify},
};
use model::Digest;
use net::{Client, Response};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// Everywhere that holds the same content: mirrors, and last the registry itself.
#[derive(Debug)]
pub(crate) struct Places {
    mirrors: Vec<Place>,
    origin: Place,
}

/// A repository in a registry.
#[derive(Debug)]
pub(crate) struct Place {
    session: Session,
    repository: String,
    /// Whether it has been found to be out of reach, or wrong.
    gone: AtomicBool,
}

impl Places {
    /// The places of `reference`. A mirror is `host[:port]`, or `host[:port]/path` where it keeps
    /// the repositories of this registry under a path of its own.
    pub(crate) fn new(
        reference: &Reference,
        mirrors: &[String],
        keys: &Arc<Keychain>,
        client: &Client,
    ) -> Result<Places, SourceError> {
        let place = |name: &str, host: &str, repository: String| {
            let session = Session::new(name, host, Arc::clone(keys), client.clone())?;
            Ok(Place { session, repository, gone: AtomicBool::new(false) })
        };
        let repository = reference.repository();
        let mirror = |it: &String| match it.split_once('/') {
            None => place(it, it, repository.to_owned()),
            Some((host, path)) => place(host, host, format!("{path}/{repository}")),
        };
        let mirrors = mirrors.iter().map(|it| mirror(it).map(Place::hurried));
        let mirrors = mirrors.collect::<Result<_, SourceError>>()?;
        let origin = place(reference.registry(), reference.host(), repository.to_owned())?;
        Ok(Places { mirrors, origin })
    }

    /// The first success; the failure of the registry itself if there is none.
    pub(crate) fn each<T>(
        &self,
        read: impl Fn(&Place) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        // Whatever is wrong with a mirror, the registry itself decides.
        let mut mirrors = self.mirrors.iter().filter(|it| !it.gone.load(Relaxed));
        let mirrored = mirrors.find_map(|it| match read(it) {
            Err(SourceError::Unreachable(_) | SourceError::Tls(_)) => {
                it.gone.store(true, Relaxed);
                None
            }
            other => other.ok(),
        });
        mirrored.map_or_else(|| read(&self.origin), Ok)
    }

    /// The first success, or the first word that there is no such thing: for what a mirror need not
    /// have, and what the registry itself, which may be out of reach, is not to be asked for then.
    pub(crate) fn first<T>(
        &self,
        read: impl Fn(&Place) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let mut mirrors = self.mirrors.iter().filter(|it| !it.gone.load(Relaxed));
        let mirrored = mirrors.find_map(|it| match read(it) {
            it @ (Ok(_) | Err(SourceError::NotFound(_))) => Some(it),
            Err(_) => None,
        });
        mirrored.unwrap_or_else(|| read(&self.origin))
    }

    /// Asks no mirror any more: one of them, and nobody knows which, gave us wrong bytes.
    pub(crate) fn distrust_mirrors(&self) {
        self.mirrors.iter().for_each(|it| it.gone.store(true, Relaxed));
    }

    /// The session with the registry itself, by whose settings anything is tried again.
    pub(crate) fn origin(&self) -> &Session {
        &self.origin.session
    }
}

impl Place {
    fn hurried(self) -> Place {
        Place { session: self.session.hurried(), ..self }
    }

    pub(crate) fn get(
        &self,
        kind: &str,
        name: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Response, SourceError> {
        let path = format!("/v2/{}/{kind}/{name}", self.repository);
        self.session.get(&path, &self.repository, headers)
    }

    /// The manifest of this digest or tag in one of the forms of `accept`, held against its digest, and that.
    pub(crate) fn manifest(
        &self,
        digest: Option<&Digest>,
        tag: &str,
        accept: &str,
    ) -> Result<(Digest, Vec<u8>), SourceError> {
        let name = digest.map_or(tag, Digest::as_str);
        let response = self.get("manifests", name, &[("accept", accept.to_owned())])?;
        let claimed = response.header("docker-content-digest").and_then(Digest::parse);
        let bytes = response.bounded(DOCUMENT_BYTES)?;
        let address = digest.cloned().or(claimed).unwrap_or_else(|| sha256(&bytes));
        verify(&bytes, &address)?;
        Ok((address, bytes))
    }
}
