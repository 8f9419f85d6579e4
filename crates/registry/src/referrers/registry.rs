//! What is attached to an image in a registry: what the registry lists, or else what clients keep
//! in tags, and the attestations beside the image in its own index.
use super::{Artifact, Attached, Gathering, Piece, Reading, Subject, tag};
use crate::{
    RegistrySource, SourceError,
    manifest::{self, DOCUMENT_BYTES, Document},
    referrers::ATTACHED_BYTES,
    verify::verify,
};
use model::{Descriptor, Digest, Image};

/// The forms of artifacts that we read.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.artifact.manifest.v1+json";

/// The most pages of a list.
const PAGES: usize = 8;

impl RegistrySource {
    /// What is attached to `image`.
    pub(crate) fn referrers(&self, image: &Image) -> Attached {
        let Some(own) = image.digest.clone() else { return Attached::default() };
        let index = self.index_of(&own);
        let mut subjects = vec![Subject { digest: own, alone: true }];
        let mut beside = Vec::new();
        let mut failure = None;
        match index {
            Ok(Some((index, pieces))) => {
                let alone = pieces.iter().filter(|it| it.is_image()).count() < 2;
                subjects.push(Subject { digest: index, alone });
                beside = pieces;
            }
            Ok(None) => {}
            Err(err) => failure = Some(err),
        }
        let manifest = |it: &Descriptor| self.artifact(it);
        let blob = |it: &Descriptor| self.whole_blob(it);
        let mut gathering = Gathering::new(&subjects, Reading { manifest: &manifest, blob: &blob });
        for subject in &subjects {
            beside
                .iter()
                .filter(|it| it.attests(&subject.digest))
                .for_each(|it| gathering.manifest(it, subject, false));
            if failure.is_none() {
                failure = self.of(subject, &mut gathering).err();
            }
        }
        if let Some(err) = failure {
            gathering.gap("attached documents", &err);
        }
        gathering.end()
    }

    /// Gathers what is attached to one digest. An error means that there is no point in going on.
    fn of(&self, subject: &Subject, gathering: &mut Gathering<'_>) -> Result<(), SourceError> {
        for it in self.list(&subject.digest)? {
            gathering.manifest(&it, subject, true);
        }
        for suffix in ["sbom", "att"] {
            let tag = format!("{}.{suffix}", tag(&subject.digest));
            if let Some(bytes) = self.tagged(&tag)? {
                match manifest::json::<Artifact>("manifest", &bytes) {
                    Ok(it) => gathering.artifact(&it, subject, None),
                    Err(err) => gathering.gap(&format!("attached artifact {tag}"), &err),
                }
            }
        }
        Ok(())
    }

    /// The index that the image was found in, and what is in it.
    fn index_of(&self, own: &Digest) -> Result<Option<(Digest, Vec<Piece>)>, SourceError> {
        if self.reference.digest() == Some(own) {
            return Ok(None);
        }
        let found = self.document(self.reference.digest())?;
        match found.document {
            Document::Index(entries) => {
                let pieces = entries.into_iter().map(Piece::from).collect();
                Ok(Some((found.digest, pieces)))
            }
            Document::Manifest(_) => Ok(None),
        }
    }

    /// What refers to `digest` ("Listing Referrers"). A registry that does not know the question
    /// answers 404, and then there may be a tag.
    fn list(&self, digest: &Digest) -> Result<Vec<Piece>, SourceError> {
        let mut pieces = Vec::new();
        let mut page = digest.to_string();
        for _ in 0..PAGES {
            let answer = self.places.first(|place| {
                let response = place.get("referrers", &page, &[("accept", ACCEPT.to_owned())])?;
                let next = response.headers("link").find_map(next_page);
                Ok((response.bounded(DOCUMENT_BYTES)?, next))
            });
            let (bytes, next) = match answer {
                Ok(it) => it,
                Err(SourceError::NotFound(_)) if pieces.is_empty() => break,
                Err(err) => return Err(err),
            };
            pieces.extend(listed(&bytes)?);
            match next {
                Some(next) => page = next,
                None => return Ok(pieces),
            }
        }
        if !pieces.is_empty() {
            return Err(SourceError::TooLarge(format!("a list of over {PAGES} pages")));
        }
        self.tagged(&tag(digest))?.map_or(Ok(pieces), |it| listed(&it))
    }

    /// The manifest or index under a tag; `None` when there is none.
    fn tagged(&self, tag: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let answer = self.places.first(|place| {
            let response = place.get("manifests", tag, &[("accept", ACCEPT.to_owned())])?;
            Ok(response.bounded(DOCUMENT_BYTES)?)
        });
        match answer {
            Ok(it) => Ok(Some(it)),
            Err(SourceError::NotFound(_)) => Ok(None),
            Err(err) => Err(err),
        }
    }

    fn artifact(&self, blob: &Descriptor) -> Result<Vec<u8>, SourceError> {
        self.verified("manifests", blob, DOCUMENT_BYTES)
    }

    fn whole_blob(&self, blob: &Descriptor) -> Result<Vec<u8>, SourceError> {
        self.verified("blobs", blob, ATTACHED_BYTES)
    }

    fn verified(&self, kind: &str, blob: &Descriptor, most: u64) -> Result<Vec<u8>, SourceError> {
        let missing = || SourceError::Malformed("no digest".to_owned());
        let digest = blob.digest.as_ref().ok_or_else(missing)?;
        self.places.each(|place| {
            let accept = if kind == "blobs" { "*/*" } else { ACCEPT };
            let response = place.get(kind, digest.as_str(), &[("accept", accept.to_owned())])?;
            let bytes = response.bounded(most)?;
            verify(&bytes, digest)?;
            Ok(bytes)
        })
    }
}

fn listed(bytes: &[u8]) -> Result<Vec<Piece>, SourceError> {
    let index: Artifact = manifest::json("list of what is attached", bytes)?;
    let strange =
        || SourceError::Malformed("a list of what is attached that is no index".to_owned());
    index.manifests.ok_or_else(strange)
}

/// Where a list goes on, `<...>; rel="next"`. Only what is behind the last `/referrers/` is taken:
/// the next page is in the same place, and nobody is to send us elsewhere.
fn next_page(link: &str) -> Option<String> {
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let next = parameters.contains("rel=\"next\"") || parameters.contains("rel=next");
    let page = target.rsplit_once("/referrers/").map(|it| it.1)?;
    let plain = !page.is_empty() && page.bytes().all(|it| it.is_ascii_graphic());
    (next && plain).then(|| page.to_owned())
}
