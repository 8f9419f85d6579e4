//! Documents that others have attached to an image: bills of materials and VEX.
//!
//! OCI image specification 1.1, manifest.md ("subject", "artifactType"); OCI distribution
//! specification 1.1, "Listing Referrers" and "Referrers Tag Schema"; BuildKit,
//! docs/attestations/attestation-storage.md; cosign's tags `sha256-<hex>.sbom` and `.att`.
//!
//! Whoever may push to the repository may attach what he likes, and no signature is verified here:
//! a document is a claim. That it is the document which the repository holds under its digest is
//! verified, and that an attestation speaks of this image.
mod layout;
mod registry;
mod statement;

pub(crate) use layout::attached as attached_in_layout;

use crate::{
    SourceError,
    manifest::{self, Entry},
    verify::verify,
};
use model::{Descriptor, Digest, Gap, Reason};
use serde::{Deserialize, de::IgnoredAny};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
};

/// The most bytes of one document.
pub const ATTACHED_BYTES: u64 = 16 << 20;
/// The most documents that are read of one image.
pub const ATTACHED: usize = 16;
/// The most manifests that are looked into for them.
const MANIFESTS: usize = 64;

/// A document that is attached to an image.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attachment {
    /// What it is.
    pub kind: Kind,
    /// What it is called in the repository: the media type, or the type of what it attests.
    pub media_type: String,
    /// Its address in the repository, which it was held against.
    pub digest: Digest,
    /// The document, taken out of the envelope that it may have come in.
    pub bytes: Vec<u8>,
}

/// What an attached document is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A bill of materials: what somebody says is in the image.
    Sbom,
    /// A VEX document: what somebody says of the vulnerabilities in the image.
    Vex,
}

/// All that is attached to an image.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Attached {
    /// The documents, in the order in which they were found.
    pub documents: Vec<Attachment>,
    /// What could not be read of them, and why.
    pub gaps: Vec<Gap>,
    /// Digests by which the image is known beside its own: of the index that it was found in.
    pub known_as: Vec<Digest>,
}

/// How what is attached is read: the source holds each answer against its digest.
pub(crate) struct Reading<'a> {
    /// A manifest.
    pub(crate) manifest: &'a dyn Fn(&Descriptor) -> Result<Vec<u8>, SourceError>,
    /// A blob of at most [`ATTACHED_BYTES`].
    pub(crate) blob: &'a dyn Fn(&Descriptor) -> Result<Vec<u8>, SourceError>,
}

/// A manifest or index, of which only what matters for artifacts is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Artifact {
    artifact_type: Option<String>,
    config: Option<Piece>,
    layers: Option<Vec<Piece>>,
    /// Where artifact manifests, which were given up before they became a standard, had layers.
    blobs: Option<Vec<Piece>>,
    subject: Option<Piece>,
    pub(crate) manifests: Option<Vec<Piece>>,
}

impl Artifact {
    /// Whether it says that it is attached to that.
    pub(crate) fn is_about(&self, digest: &Digest) -> bool {
        self.subject.as_ref().is_some_and(|it| it.digest.as_ref() == Some(digest))
    }
}

/// A descriptor.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Piece {
    media_type: Option<String>,
    pub(crate) digest: Option<Digest>,
    size: Option<i64>,
    artifact_type: Option<String>,
    annotations: Option<BTreeMap<String, String>>,
    platform: Option<IgnoredAny>,
}

/// What the type of an artifact or of a layer promises.
#[derive(Clone, Copy)]
enum Promise {
    /// The document itself.
    Bare(Kind),
    /// A statement about the image, in which the document may be.
    Statement,
}

/// Types of artifacts that are told by their layers alone.
const TELLS_NOTHING: [&str; 3] = [
    "application/vnd.docker.attestation.manifest.v1+json",
    "application/vnd.oci.empty.v1+json",
    "application/vnd.oci.image.config.v1+json",
];

fn promise(media_type: &str) -> Option<Promise> {
    match media_type.split(';').next().unwrap_or_default().trim() {
        "application/vnd.cyclonedx+json"
        | "application/vnd.cyclonedx"
        | "application/spdx+json"
        | "text/spdx+json"
        | "application/vnd.goharbor.harbor.sbom.v1" => Some(Promise::Bare(Kind::Sbom)),
        "application/vnd.openvex+json" | "application/openvex+json" => {
            Some(Promise::Bare(Kind::Vex))
        }
        "application/vnd.in-toto+json" | "application/vnd.dsse.envelope.v1+json" => {
            Some(Promise::Statement)
        }
        it if it.starts_with("application/vnd.dev.sigstore.bundle") => Some(Promise::Statement),
        _ => None,
    }
}

impl From<Entry> for Piece {
    fn from(it: Entry) -> Piece {
        let platform = it.platform.map(|_| IgnoredAny);
        let (media_type, annotations) = (Some(it.blob.media_type), Some(it.annotations));
        let digest = it.blob.digest;
        Piece { media_type, digest, size: None, artifact_type: None, annotations, platform }
    }
}

impl Piece {
    /// As others have it.
    pub(crate) fn descriptor(&self) -> Descriptor {
        Descriptor {
            media_type: self.media_type.clone().unwrap_or_default(),
            digest: self.digest.clone(),
            size: self.size.and_then(|it| u64::try_from(it).ok()).unwrap_or_default(),
            place: String::new(),
        }
    }

    /// Whether it may be an image, and not an index or what BuildKit attests.
    pub(crate) fn is_image(&self) -> bool {
        !self.is_index() && self.note("vnd.docker.reference.type").is_none()
    }

    pub(crate) fn is_index(&self) -> bool {
        matches!(
            self.media_type.as_deref(),
            Some(
                "application/vnd.oci.image.index.v1+json"
                    | "application/vnd.docker.distribution.manifest.list.v2+json"
            )
        )
    }

    pub(crate) fn note(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }

    /// Whether it may be worth a look; what names a type that we have no use for is not.
    pub(crate) fn may_hold_documents(&self) -> bool {
        let kind = self.artifact_type.as_deref().unwrap_or_default();
        kind.is_empty() || promise(kind).is_some() || TELLS_NOTHING.contains(&kind)
    }

    /// Whether BuildKit has put it beside the image as what attests it.
    pub(crate) fn attests(&self, image: &Digest) -> bool {
        self.note("vnd.docker.reference.type") == Some("attestation-manifest")
            && self.note("vnd.docker.reference.digest") == Some(image.as_str())
    }

    /// What a statement in it is about, where a note says so: BuildKit, cosign, sigstore.
    fn predicate(&self) -> Option<&str> {
        ["in-toto.io/predicate-type", "predicateType", "dev.sigstore.bundle.predicateType"]
            .into_iter()
            .find_map(|it| self.note(it))
    }
}

/// What documents may be attached to: the image, or an index that it is in.
pub(crate) struct Subject {
    pub(crate) digest: Digest,
    /// Whether there is no other image in it, of which a bill of materials might speak.
    pub(crate) alone: bool,
}

/// Reads manifests, and gathers the documents that they hold.
pub(crate) struct Gathering<'a> {
    reading: Reading<'a>,
    /// The digests that documents may be about.
    subjects: &'a [Subject],
    attached: Attached,
    seen: BTreeSet<Digest>,
    manifests: usize,
    full: bool,
}

impl<'a> Gathering<'a> {
    pub(crate) fn new(subjects: &'a [Subject], reading: Reading<'a>) -> Gathering<'a> {
        let known_as = subjects.iter().skip(1).map(|it| it.digest.clone()).collect();
        let (attached, seen) = (Attached { known_as, ..Attached::default() }, BTreeSet::new());
        Gathering { reading, subjects, attached, seen, manifests: 0, full: false }
    }

    pub(crate) fn end(self) -> Attached {
        self.attached
    }

    /// Notes that something could not be read.
    pub(crate) fn gap(&mut self, what: &str, err: &SourceError) {
        let why = |reason: &str| format!("{what}: {reason}");
        let reason = match err {
            SourceError::Malformed(it) => Reason::Malformed(why(it)),
            SourceError::Unsupported(it) => Reason::Unsupported(why(it)),
            SourceError::TooLarge(it) => Reason::TooLarge(why(it)),
            it => Reason::Unknown(why(&format!("could not be read: {it}"))),
        };
        self.attached.gaps.push(Gap::new("attached", reason));
    }

    /// The manifest behind `piece`, if it can be read and may be one of documents.
    pub(crate) fn look(&self, piece: &Piece) -> Option<Artifact> {
        if piece.platform.is_some() {
            return None;
        }
        let bytes = (self.reading.manifest)(&piece.descriptor()).ok()?;
        manifest::json("manifest", &bytes).ok()
    }

    /// Gathers from the manifest behind `piece`, which is attached to `subject`, and must say so
    /// itself when `linked`.
    pub(crate) fn manifest(&mut self, piece: &Piece, subject: &Subject, linked: bool) {
        let Some(digest) = piece.digest.clone().filter(|_| piece.may_hold_documents()) else {
            return;
        };
        if !self.seen.insert(digest.clone()) {
            return;
        }
        if self.manifests >= MANIFESTS {
            return self.overflow(&format!("more than {MANIFESTS} artifacts are attached"));
        }
        self.manifests = self.manifests.saturating_add(1);
        let read = (self.reading.manifest)(&piece.descriptor());
        match read.and_then(|it| manifest::json::<Artifact>("manifest", &it)) {
            Ok(it) if linked && !it.is_about(&subject.digest) => {
                let err = SourceError::Malformed("it is about something else".to_owned());
                self.gap(&format!("attached artifact {digest}"), &err);
            }
            Ok(it) => self.artifact(&it, subject, piece.artifact_type.as_deref()),
            Err(err) => self.gap(&format!("attached artifact {digest}"), &err),
        }
    }

    /// Gathers from a manifest that was read already; `kind` is what its descriptor calls it.
    pub(crate) fn artifact(&mut self, it: &Artifact, subject: &Subject, kind: Option<&str>) {
        let config = it.config.as_ref().and_then(|it| it.media_type.as_deref());
        let kinds = [it.artifact_type.as_deref(), config, kind];
        let whole = kinds.into_iter().flatten().find_map(promise);
        for layer in it.layers.iter().chain(&it.blobs).flatten() {
            let own = promise(layer.media_type.as_deref().unwrap_or_default());
            let useless = layer.predicate().is_some_and(|it| statement::kind(it).is_none());
            match own.or(whole) {
                Some(Promise::Statement) if useless => {}
                Some(promise) => self.document(layer, promise, subject),
                None => {}
            }
        }
    }

    fn document(&mut self, layer: &Piece, promise: Promise, subject: &Subject) {
        let Some(digest) = layer.digest.clone().filter(|it| self.seen.insert(it.clone())) else {
            return;
        };
        if self.attached.documents.len() >= ATTACHED {
            return self.overflow(&format!("more than {ATTACHED} documents are attached"));
        }
        let what = format!("attached document {digest}");
        match self.read(layer, digest, promise) {
            Ok(Some(it)) if it.kind == Kind::Vex || subject.alone => {
                self.attached.documents.push(it);
            }
            Ok(_) => {}
            Err(err) => self.gap(&what, &err),
        }
    }

    fn read(
        &self,
        layer: &Piece,
        digest: Digest,
        promise: Promise,
    ) -> Result<Option<Attachment>, SourceError> {
        let blob = layer.descriptor();
        if blob.size > ATTACHED_BYTES {
            return Err(SourceError::TooLarge(format!("over {ATTACHED_BYTES} bytes")));
        }
        let bytes = (self.reading.blob)(&blob)?;
        let (kind, media_type, bytes) = match promise {
            Promise::Bare(kind) => (kind, blob.media_type, bytes),
            Promise::Statement => {
                let subjects: Vec<_> = self.subjects.iter().map(|it| &it.digest).collect();
                match statement::read(&bytes, &subjects)? {
                    Some(it) => it,
                    None => return Ok(None),
                }
            }
        };
        Ok(Some(Attachment { kind, media_type, digest, bytes }))
    }

    fn overflow(&mut self, what: &str) {
        if !self.full {
            self.full = true;
            let reason = Reason::TooLarge(format!("{what}; the rest was not read"));
            self.attached.gaps.push(Gap::new("attached", reason));
        }
    }
}

/// The tag under which clients keep the list of what refers to `digest` where the registry does
/// not ("Referrers Tag Schema"), and with which cosign's tags begin.
pub(crate) fn tag(digest: &Digest) -> String {
    digest.as_str().replacen(':', "-", 1)
}

/// The whole of a document, held against its address.
pub(crate) fn whole(reader: impl Read, digest: &Digest) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    let read = reader.take(ATTACHED_BYTES.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|source| SourceError::Io { what: digest.to_string(), source })?;
    if u64::try_from(bytes.len()).map_or(true, |it| it > ATTACHED_BYTES) {
        return Err(SourceError::TooLarge(format!("over {ATTACHED_BYTES} bytes")));
    }
    verify(&bytes, digest)?;
    Ok(bytes)
}
