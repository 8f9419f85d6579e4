//! Images in registries (OCI distribution specification, "Pulling"; Docker's "Image Manifest
//! Version 2, Schema 2").
use crate::{
    Attached, Keychain, PlatformChoice, Reference, Source, SourceError,
    flavor::{Child, Kind},
    manifest::{self, DOCUMENT_BYTES, Document, Entry, Manifest},
    places::Places,
    resume::Checked,
    verify::verify,
};
use model::{Descriptor, Digest, Image, Layer, Platform};
use net::Client;
use std::{collections::BTreeSet, io::Read, sync::Arc};

/// The forms of manifests that we read.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// Configurations of what is an image. Old tools write the last ones.
const CONFIGS: [&str; 4] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
    "application/octet-stream",
    "",
];

/// How deep indexes may lie in each other.
const DEPTH: usize = 4;

/// The most images that one index may lead to.
const IMAGES: usize = 1000;

/// The image or images of one reference.
#[derive(Clone, Debug)]
pub struct RegistrySource {
    pub(crate) reference: Reference,
    platform: PlatformChoice,
    pub(crate) places: Arc<Places>,
}

/// A manifest that an index leads to.
struct Leaf {
    digest: Digest,
    platform: Option<Platform>,
}

/// What an index says that an entry is.
#[derive(Clone, Copy)]
enum Form {
    Index,
    Manifest,
    Untold,
    Other,
}

impl Form {
    fn of(media_type: &str) -> Form {
        match media_type {
            "application/vnd.oci.image.index.v1+json"
            | "application/vnd.docker.distribution.manifest.list.v2+json" => Form::Index,
            "application/vnd.oci.image.manifest.v1+json"
            | "application/vnd.docker.distribution.manifest.v2+json" => Form::Manifest,
            "" => Form::Untold,
            _ => Form::Other,
        }
    }
}

/// A manifest with its address.
pub(crate) struct Found {
    pub(crate) digest: Digest,
    pub(crate) document: Document,
}

impl RegistrySource {
    /// What `reference` names, for the platforms of choice.
    pub fn new(
        reference: Reference,
        platform: PlatformChoice,
        keys: Arc<Keychain>,
        client: Client,
    ) -> Result<RegistrySource, SourceError> {
        RegistrySource::mirrored(reference, platform, &[], keys, client)
    }

    /// The same, tried first in `mirrors`: `host[:port]`, or `host[:port]/path` where the mirror
    /// keeps the repositories of this registry under a path of its own.
    pub fn mirrored(
        reference: Reference,
        platform: PlatformChoice,
        mirrors: &[String],
        keys: Arc<Keychain>,
        client: Client,
    ) -> Result<RegistrySource, SourceError> {
        let places = Arc::new(Places::new(&reference, mirrors, &keys, &client)?);
        Ok(RegistrySource { reference, platform, places })
    }

    pub(crate) fn document(&self, digest: Option<&Digest>) -> Result<Found, SourceError> {
        let tag = self.reference.tag().unwrap_or("latest");
        self.places.each(|place| {
            let (digest, bytes) = place.manifest(digest, tag, ACCEPT)?;
            Ok(Found { digest, document: manifest::document(&bytes)? })
        })
    }

    /// The manifests that `entries` lead to, without what only speaks about images.
    fn leaves(
        &self,
        entries: Vec<Entry>,
        depth: usize,
        seen: &mut BTreeSet<Digest>,
        leaves: &mut Vec<Leaf>,
    ) -> Result<(), SourceError> {
        if depth > DEPTH {
            let text = format!("{}: indexes in indexes, over {DEPTH} deep", self.reference);
            return Err(SourceError::TooLarge(text));
        }
        for entry in entries.into_iter().filter(|it| !it.is_attestation()) {
            let Some(digest) = entry.blob.digest else { continue };
            // Whatever is listed twice is read once, or small indexes would unfold to millions.
            if !seen.insert(digest.clone()) {
                continue;
            }
            if seen.len() > IMAGES {
                let text = format!("{}: an index of over {IMAGES} images", self.reference);
                return Err(SourceError::TooLarge(text));
            }
            match Form::of(&entry.blob.media_type) {
                Form::Manifest => leaves.push(Leaf { digest, platform: entry.platform }),
                Form::Other => {}
                form => match (self.document(Some(&digest))?.document, form) {
                    (Document::Index(inner), _) => {
                        self.leaves(inner, depth.saturating_add(1), seen, leaves)?;
                    }
                    (Document::Manifest(_), Form::Untold) => {
                        leaves.push(Leaf { digest, platform: entry.platform });
                    }
                    (Document::Manifest(_), _) => return Err(two_faced()),
                },
            }
        }
        Ok(())
    }

    /// The images that the index of this reference leads to; none when it is no index.
    pub fn children(&self) -> Result<Vec<Child>, SourceError> {
        let Document::Index(entries) = self.document(self.reference.digest())?.document else {
            return Ok(Vec::new());
        };
        let mut leaves = Vec::new();
        self.leaves(entries, 0, &mut BTreeSet::new(), &mut leaves)?;
        let child =
            |it: Leaf| Child { digest: it.digest, kind: Kind::Image, platform: it.platform };
        Ok(leaves.into_iter().map(child).collect())
    }

    fn of_index(&self, entries: Vec<Entry>) -> Result<Vec<Image>, SourceError> {
        let mut leaves = Vec::new();
        self.leaves(entries, 0, &mut BTreeSet::new(), &mut leaves)?;
        if leaves.is_empty() {
            let text = format!("{}, an index of things that are no images", self.reference);
            return Err(SourceError::Unsupported(text));
        }
        let tell = leaves.len() > 1 || matches!(self.platform, PlatformChoice::One(_));
        if tell && !matches!(self.platform, PlatformChoice::All) {
            for leaf in leaves.iter_mut().filter(|it| it.platform.is_none()) {
                leaf.platform = self.load(leaf)?.platform;
            }
        }
        let offered = leaves.into_iter().map(|it| (it.platform.clone(), it)).collect();
        self.platform.pick(offered)?.iter().map(|it| self.load(it)).collect()
    }

    fn load(&self, leaf: &Leaf) -> Result<Image, SourceError> {
        match self.document(Some(&leaf.digest))?.document {
            Document::Manifest(manifest) => {
                let mut image = self.image(leaf.digest.clone(), manifest)?;
                image.platform = image.platform.or(leaf.platform.clone());
                Ok(image)
            }
            Document::Index(_) => Err(two_faced()),
        }
    }

    fn image(&self, digest: Digest, manifest: Manifest) -> Result<Image, SourceError> {
        is_image(&self.reference, &manifest)?;
        let missing = || SourceError::Malformed("a configuration without digest".to_owned());
        let address = manifest.config.digest.ok_or_else(missing)?;
        let config = self.places.each(|place| {
            let bytes = place.get("blobs", address.as_str(), &[])?.bounded(DOCUMENT_BYTES)?;
            verify(&bytes, &address)?;
            manifest::config(&bytes)
        })?;
        manifest::image(&self.reference.to_string(), Some(digest), manifest.layers, config)
    }
}

impl Source for RegistrySource {
    fn images(&self) -> Result<Vec<Image>, SourceError> {
        let Found { digest, document } = self.document(self.reference.digest())?;
        match document {
            Document::Index(entries) => self.of_index(entries),
            Document::Manifest(manifest) => {
                let image = self.image(digest, manifest)?;
                self.platform.pick(vec![(image.platform.clone(), image)])
            }
        }
    }

    fn blob(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, SourceError> {
        let Some(digest) = layer.blob.digest.clone() else {
            return Err(SourceError::Malformed("a layer without digest".to_owned()));
        };
        match Checked::open(&self.places, digest.clone(), layer.blob.size) {
            Ok(reader) => Ok(Box::new(reader)),
            Err(SourceError::NotFound(_)) if is_foreign(&layer.blob) => {
                Err(SourceError::Unsupported(format!(
                    "layer {digest} is kept outside the registry; push the image with its non-distributable layers"
                )))
            }
            Err(error) => Err(error),
        }
    }

    fn attached(&self, image: &Image) -> Attached {
        self.referrers(image)
    }
}

/// Charts, signatures, attestations and modules are kept in registries as images are, and would
/// pass for images without files.
fn is_image(reference: &Reference, manifest: &Manifest) -> Result<(), SourceError> {
    let kind = &manifest.config.media_type;
    let other = |kind: &str| {
        let text = format!("{reference} is no container image but `{kind}`");
        Err(SourceError::Unsupported(text))
    };
    if !CONFIGS.contains(&kind.as_str()) {
        return other(kind);
    }
    let archive = |it: &Descriptor| {
        let kind = it.media_type.as_str();
        kind.is_empty() || kind == "application/octet-stream" || kind.contains("tar")
    };
    match manifest.layers.first() {
        Some(first) if !manifest.layers.iter().any(archive) => other(&first.media_type),
        _ => Ok(()),
    }
}

/// Docker's "foreign" and OCI's "non-distributable" layers, of Windows mostly.
fn is_foreign(blob: &Descriptor) -> bool {
    blob.media_type.contains("foreign") || blob.media_type.contains("nondistributable")
}

fn two_faced() -> SourceError {
    let text = "an index and the document that it leads to disagree on which of the two it is";
    SourceError::Malformed(text.to_owned())
}
