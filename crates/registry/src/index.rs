//! Finds the image that is meant in an OCI layout: from `index.json` down to configurations.
//!
//! OCI image specification: image-layout.md, image-index.md, annotations.md. The same for a
//! directory and for an archive: the caller says how a document is read.
use crate::{
    PlatformChoice, SourceError,
    manifest::{self, Document, Entry, Manifest},
};
use model::{Descriptor, Digest, Image, Platform};
use std::collections::{BTreeMap, BTreeSet};

/// How deep indexes may lie in each other. Tools make two.
const DEPTH: usize = 8;

/// Reads a document and holds it against its digest.
pub(crate) type Read<'a> = &'a dyn Fn(&Descriptor) -> Result<Vec<u8>, SourceError>;

/// A manifest that an index leads to.
struct Leaf {
    blob: Descriptor,
    /// As the index says, else as the configuration does.
    platform: Option<Platform>,
    name: String,
    /// Everything it was reached through, itself included.
    under: Vec<Digest>,
}

/// The images that `index` holds for a choice: a name, a tag, a digest.
pub(crate) fn images(
    index: &[u8],
    choice: Option<&str>,
    platform: &PlatformChoice,
    read: Read<'_>,
) -> Result<Vec<Image>, SourceError> {
    let mut leaves = leaves(index, choice, read)?;
    let several = leaves.len() > 1 || matches!(platform, PlatformChoice::One(_));
    for leaf in leaves.iter_mut().filter(|it| several && it.platform.is_none()) {
        leaf.platform = manifest::config(&read(&manifest_of(leaf, read)?.config)?)?.platform;
    }
    let offered = leaves.into_iter().map(|it| (it.platform.clone(), it)).collect();
    platform.pick(offered)?.into_iter().map(|leaf| image(leaf, read)).collect()
}

/// The digests of the configurations of all images that a choice leads to. Images whose documents
/// are not there are left out: an archive of one platform still has the index of all.
pub(crate) fn configs(
    index: &[u8],
    choice: Option<&str>,
    read: Read<'_>,
) -> Result<Vec<Digest>, SourceError> {
    let mut found = Vec::new();
    for leaf in leaves(index, choice, read)? {
        match manifest_of(&leaf, read) {
            Ok(it) => found.extend(it.config.digest),
            Err(SourceError::NotFound(_)) => {}
            Err(err) => return Err(err),
        }
    }
    Ok(found)
}

fn image(leaf: Leaf, read: Read<'_>) -> Result<Image, SourceError> {
    let manifest = manifest_of(&leaf, read)?;
    let mut config = manifest::config(&read(&manifest.config)?)?;
    config.platform = config.platform.or(leaf.platform);
    manifest::image(&leaf.name, leaf.blob.digest, manifest.layers, config)
}

fn manifest_of(leaf: &Leaf, read: Read<'_>) -> Result<Manifest, SourceError> {
    match manifest::document(&read(&leaf.blob)?)? {
        Document::Manifest(it) => Ok(it),
        Document::Index(_) => Err(SourceError::Malformed(
            "an index whose descriptor says that it is a manifest".to_owned(),
        )),
    }
}

fn leaves(index: &[u8], choice: Option<&str>, read: Read<'_>) -> Result<Vec<Leaf>, SourceError> {
    let Document::Index(mut entries) = manifest::document(index)? else {
        return Err(SourceError::Malformed("index.json is not an index".to_owned()));
    };
    let mut artifacts = BTreeMap::new();
    entries.retain(|it| !it.is_attestation() && !is_artifact(it, read, &mut artifacts, 0));
    let holds = held(&entries);
    let digest = choice.and_then(Digest::parse);
    if digest.is_none() {
        entries.retain(|it| choice.is_none_or(|choice| is_called(it, choice)));
        one_image(&entries, &holds)?;
    }
    let mut walk = Walk { read, seen: BTreeSet::new(), leaves: Vec::new() };
    for entry in &entries {
        walk.descend(entry, name(entry), &[])?;
    }
    if let Some(digest) = &digest {
        walk.leaves.retain(|it| it.under.contains(digest));
    }
    match (walk.leaves.is_empty(), choice) {
        (false, _) => Ok(walk.leaves),
        (true, Some(choice)) => {
            Err(SourceError::NotFound(format!("image `{choice}`; there are {holds}")))
        }
        (true, None) => Err(SourceError::NotFound("an image; the index is empty".to_owned())),
    }
}

/// Whether an entry leads to nothing but documents about images: signatures, bills of materials,
/// attestations, which tools copy along with the image that they are attached to. What an entry is
/// called or says of its type does not count, since runtimes do not go by it either.
fn is_artifact(
    entry: &Entry,
    read: Read<'_>,
    known: &mut BTreeMap<Digest, bool>,
    depth: usize,
) -> bool {
    let Some(digest) = entry.blob.digest.clone().filter(|_| entry.platform.is_none()) else {
        return false;
    };
    if let Some(known) = known.get(&digest) {
        return *known;
    }
    // Whatever cannot be read is left to those who say so.
    let document = read(&entry.blob).and_then(|it| manifest::document(&it));
    let is = match document {
        Ok(Document::Manifest(it)) => it.is_artifact(),
        Ok(Document::Index(inner)) if depth < DEPTH && !inner.is_empty() => {
            let below = depth.saturating_add(1);
            inner.iter().all(|it| it.is_attestation() || is_artifact(it, read, known, below))
        }
        _ => false,
    };
    known.insert(digest, is);
    is
}

/// Makes sure that entries are one image, or one image for several platforms.
fn one_image(entries: &[Entry], holds: &str) -> Result<(), SourceError> {
    let digests: BTreeSet<_> = entries.iter().map(|it| &it.blob.digest).collect();
    let names: BTreeSet<_> = entries.iter().map(name).collect();
    let platforms: BTreeSet<_> =
        entries.iter().map(|it| it.platform.as_ref().map(Platform::to_string)).collect();
    if digests.len() < 2 || (names.len() == 1 && platforms.len() == digests.len()) {
        return Ok(());
    }
    Err(several(holds))
}

/// The error for a source that holds several images when none was chosen.
pub(crate) fn several(holds: &str) -> SourceError {
    SourceError::NotFound(format!("which image is meant; add a colon and one of {holds}"))
}

/// What people may choose from.
fn held(entries: &[Entry]) -> String {
    let label = |it: &Entry| match (name(it), &it.blob.digest) {
        ("", Some(digest)) => digest.to_string(),
        (name, _) => name.to_owned(),
    };
    entries.iter().map(label).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}

fn name(entry: &Entry) -> &str {
    let note = |key| entry.annotations.get(key).map(String::as_str);
    let full = note("io.containerd.image.name");
    full.or_else(|| note("org.opencontainers.image.ref.name")).unwrap_or_default()
}

fn is_called(entry: &Entry, choice: &str) -> bool {
    let short = entry.annotations.get("org.opencontainers.image.ref.name");
    short.is_some_and(|it| it == choice) || same_name(name(entry), choice)
}

/// Whether `choice` may stand for `name`: with Docker's defaults left out, or as its tag alone.
pub(crate) fn same_name(name: &str, choice: &str) -> bool {
    let tag = name.rsplit_once(':').map(|it| it.1).filter(|it| !it.contains('/'));
    familiar(name) == familiar(choice) || tag == Some(choice)
}

fn familiar(name: &str) -> &str {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    name.strip_suffix(":latest").unwrap_or(name)
}

struct Walk<'a> {
    read: Read<'a>,
    seen: BTreeSet<Digest>,
    leaves: Vec<Leaf>,
}

impl Walk<'_> {
    fn descend(&mut self, entry: &Entry, name: &str, above: &[Digest]) -> Result<(), SourceError> {
        let Some(digest) = entry.blob.digest.clone() else { return Ok(()) };
        if above.len() >= DEPTH {
            return Err(SourceError::TooLarge(format!("indexes in indexes, over {DEPTH} deep")));
        }
        // Whatever is listed twice is read once, or a few small indexes would unfold to millions.
        if entry.is_attestation() || !self.seen.insert(digest.clone()) {
            return Ok(());
        }
        let under = [above, &[digest]].concat();
        if !self.is_index(entry)? {
            let (blob, platform, name) =
                (entry.blob.clone(), entry.platform.clone(), name.to_owned());
            self.leaves.push(Leaf { blob, platform, name, under });
            return Ok(());
        }
        let Document::Index(entries) = manifest::document(&(self.read)(&entry.blob)?)? else {
            return Err(SourceError::Malformed(
                "a manifest whose descriptor says that it is an index".to_owned(),
            ));
        };
        entries.iter().try_for_each(|it| self.descend(it, name, &under))
    }

    /// By the media type; by looking, where it is left out or strange.
    fn is_index(&self, entry: &Entry) -> Result<bool, SourceError> {
        match entry.blob.media_type.as_str() {
            "application/vnd.oci.image.index.v1+json"
            | "application/vnd.docker.distribution.manifest.list.v2+json" => Ok(true),
            "application/vnd.oci.image.manifest.v1+json"
            | "application/vnd.docker.distribution.manifest.v2+json" => Ok(false),
            _ => Ok(matches!(manifest::document(&(self.read)(&entry.blob)?)?, Document::Index(_))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_be_written_short() {
        let check = |name: &str, choice: &str, same: bool| {
            assert_eq!(same_name(name, choice), same, "{name} {choice}");
        };
        check("docker.io/library/alpine:3.20", "alpine:3.20", true);
        check("docker.io/library/alpine:latest", "alpine", true);
        check("alpine:3.20", "3.20", true);
        check("host:5000/alpine", "5000/alpine", false);
        check("docker.io/me/alpine:3.20", "alpine:3.20", false);
        check("alpine:3.20", "alpine", false);
    }
}
