//! Everywhere that one image may be read from.
use crate::{Keychain, Reference, Session, SourceError};
use net::{Client, Response};
use std::sync::Arc;

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
            Ok(Place { session, repository })
        };
        let repository = reference.repository();
        let mirror = |it: &String| match it.split_once('/') {
            None => place(it, it, repository.to_owned()),
            Some((host, path)) => place(host, host, format!("{path}/{repository}")),
        };
        let mirrors = mirrors.iter().map(mirror).collect::<Result<_, SourceError>>()?;
        let origin = place(reference.registry(), reference.host(), repository.to_owned())?;
        Ok(Places { mirrors, origin })
    }

    /// The first success; the failure of the registry itself if there is none.
    pub(crate) fn each<T>(
        &self,
        read: impl Fn(&Place) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        // Whatever is wrong with a mirror, the registry itself decides.
        let mirrored = self.mirrors.iter().find_map(|it| read(it).ok());
        mirrored.map_or_else(|| read(&self.origin), Ok)
    }

    pub(crate) fn client(&self) -> &Client {
        self.origin.session.client()
    }
}

impl Place {
    pub(crate) fn get(
        &self,
        kind: &str,
        name: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Response, SourceError> {
        let path = format!("/v2/{}/{kind}/{name}", self.repository);
        self.session.get(&path, &self.repository, headers)
    }
}
