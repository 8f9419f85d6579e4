//! Brings artifacts into registries (OCI distribution specification, "Pushing").
use crate::{
    Keychain, Reference, SourceError,
    artifact::{Artifact, EMPTY, MANIFEST},
    session::Session,
    verify::{sha256, sha256_of},
};
use model::Digest;
use net::{Client, Method, Request, Response};
use std::{fs::File, sync::Arc};

/// What blobs are sent as.
const BYTES: &str = "application/octet-stream";

/// Pushes `file` as an artifact to the tag that `reference` names. The answer is the digest of its manifest; the same
/// artifact always has the same. What the registry has already is not sent again.
pub fn push(
    reference: &Reference,
    artifact: &Artifact,
    file: File,
    keys: &Arc<Keychain>,
    client: &Client,
) -> Result<Digest, SourceError> {
    let (Some(tag), None) = (reference.tag(), reference.digest()) else {
        let text = format!("{reference}: pushing needs a tag, and makes the digest");
        return Err(SourceError::Settings(text));
    };
    let broken = |source| SourceError::Io { what: "the file to push".to_owned(), source };
    let bytes = file.metadata().map_err(broken)?.len();
    let digest = sha256_of(&file).map_err(broken)?;
    let session =
        Session::new(reference.registry(), reference.host(), Arc::clone(keys), client.clone())?;
    let to = Repository { session: session.pushing(), name: reference.repository() };
    let file = Arc::new(file);
    to.blob(&digest, bytes, &|request| request.file(BYTES, Arc::clone(&file)))?;
    let (_, empty) = EMPTY;
    let size = u64::try_from(empty.len()).unwrap_or(u64::MAX);
    to.blob(&sha256(empty), size, &|request| request.body(BYTES, empty))?;
    to.manifest(tag, artifact.manifest(&digest, bytes))
}

/// Where things are pushed to.
struct Repository<'a> {
    session: Session,
    name: &'a str,
}

impl Repository<'_> {
    /// Brings a blob in, unless it is there. Where the line drops, the whole upload is begun anew.
    fn blob(
        &self,
        digest: &Digest,
        bytes: u64,
        with: &dyn Fn(Request) -> Request,
    ) -> Result<(), SourceError> {
        if self.has(digest, bytes)? {
            return Ok(());
        }
        let mut failed: u32 = 0;
        loop {
            match self.upload(digest, with) {
                Err(error) if error.retryable() => {
                    failed = failed.saturating_add(1);
                    if failed >= self.session.tries() {
                        return Err(error);
                    }
                    self.session.rest(failed);
                }
                outcome => return outcome,
            }
        }
    }

    fn has(&self, digest: &Digest, bytes: u64) -> Result<bool, SourceError> {
        let url = self.session.at(&format!("/v2/{}/blobs/{digest}", self.name))?;
        match self.session.send(&Request::new(Method::Head, url), self.name) {
            Ok(response) => {
                let length = response.header("content-length").and_then(|it| it.parse().ok());
                Ok(length.is_none_or(|it: u64| it == bytes))
            }
            Err(SourceError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// `POST`, then `PUT` of the whole.
    fn upload(
        &self,
        digest: &Digest,
        with: &dyn Fn(Request) -> Request,
    ) -> Result<(), SourceError> {
        let begin = self.session.at(&format!("/v2/{}/blobs/uploads/", self.name))?;
        let begin = Request::new(Method::Post, begin).body(BYTES, "");
        let begun = self.session.send(&begin, self.name)?;
        let nowhere = || SourceError::Malformed("an upload without a location".to_owned());
        let location = begun.header("location").ok_or_else(nowhere)?;
        let place = self.session.at(begun.url.join(location)?.full().as_str())?;
        let put = Request::new(Method::Put, place.with_query("digest", digest.as_str()));
        // What came of half an upload nobody knows: the next try is an upload of its own.
        let done = self.session.send(&with(put).hurried(true), self.name)?;
        same(&done, digest)
    }

    fn manifest(&self, tag: &str, manifest: Vec<u8>) -> Result<Digest, SourceError> {
        let digest = sha256(&manifest);
        let url = self.session.at(&format!("/v2/{}/manifests/{tag}", self.name))?;
        let put = Request::new(Method::Put, url).body(MANIFEST, manifest);
        same(&self.session.send(&put, self.name)?, &digest)?;
        Ok(digest)
    }
}

/// Holds the digest that the registry gave to what it got against ours, where it says it.
fn same(response: &Response, expected: &Digest) -> Result<(), SourceError> {
    match response.header("docker-content-digest") {
        Some(got) if got.starts_with("sha256:") && got != expected.as_str() => {
            let (expected, got) = (expected.clone(), got.to_owned());
            Err(SourceError::DigestMismatch { expected, got })
        }
        _ => Ok(()),
    }
}
