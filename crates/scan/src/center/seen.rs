//! From what a registry lists to what the store keeps: what is an index is told apart and followed to its images, and
//! what is no image is kept as such.
use super::failure::Failure;
use registry::{Artifact, ArtifactKind as Kind, Child, Connection, PlatformChoice, SourceError};
use std::collections::BTreeMap;
use store::{
    Store,
    places::{self, Seen},
    targets::{self, Known},
};

/// What the store keeps of these artifacts. The registry is asked only for what neither it nor the store has told.
pub(super) fn resolve(
    connection: &Connection,
    store: &Store,
    repository: &str,
    artifacts: Vec<Artifact>,
) -> Result<Vec<Seen>, Failure> {
    let digests: Vec<&str> = artifacts.iter().map(|it| it.digest.as_str()).collect();
    let mut known = store.read(|tx| targets::known(tx, &digests))?;
    // One artifact may come once for each of its tags.
    let mut all: BTreeMap<String, Seen> = BTreeMap::new();
    for artifact in artifacts {
        let digest = artifact.digest.to_string();
        let tags = artifact.tags.iter().map(|it| (it.name.clone(), ms(it.pushed)));
        let tags: Vec<(String, i64)> = tags.collect();
        if let Some(seen) = all.get_mut(&digest) {
            seen.tags.extend(tags);
            continue;
        }
        match one(connection, repository, artifact, known.remove(&digest)) {
            Ok(seen) => drop(all.insert(digest, Seen { tags, ..seen })),
            // Gone meanwhile.
            Err(Failure::Source(SourceError::NotFound(_))) => {}
            Err(why) => return Err(why),
        }
    }
    Ok(all.into_values().collect())
}

fn one(
    connection: &Connection,
    repository: &str,
    mut artifact: Artifact,
    known: Option<Known>,
) -> Result<Seen, Failure> {
    let digest = artifact.digest.to_string();
    if artifact.kind == Kind::Image && artifact.media_type.is_empty() {
        artifact.kind = match &known {
            Some(it) if it.index => Kind::Index,
            Some(_) => Kind::Image,
            // Some list digests and leave out what they are of.
            None => connection.artifact(repository, &digest)?.kind,
        };
    }
    let parts = match artifact.kind {
        Kind::Index if !artifact.children.is_empty() => parts(&artifact.children),
        Kind::Index => match known.filter(|it| !it.parts.is_empty()) {
            Some(it) => it.parts,
            None => parts(&children(connection, repository, &digest)?),
        },
        _ => Vec::new(),
    };
    Ok(Seen {
        kind: match artifact.kind {
            Kind::Image => places::Kind::Image,
            Kind::Index => places::Kind::Index,
            _ => places::Kind::Other,
        },
        platform: artifact.platform.map(|it| it.to_string()).unwrap_or_default(),
        size: artifact.size.and_then(|it| i64::try_from(it).ok()).unwrap_or(0),
        pushed_at: ms(artifact.pushed),
        tags: Vec::new(),
        digest,
        parts,
    })
}

fn children(
    connection: &Connection,
    repository: &str,
    digest: &str,
) -> Result<Vec<Child>, Failure> {
    let source = connection.source(repository, digest, PlatformChoice::All)?;
    match source.children() {
        Ok(it) => Ok(it),
        // An index of what is no image has none.
        Err(SourceError::Unsupported(_) | SourceError::Malformed(_)) => Ok(Vec::new()),
        Err(why) => Err(why.into()),
    }
}

/// The images among what an index leads to.
fn parts(children: &[Child]) -> Vec<(String, String)> {
    let images = children.iter().filter(|it| it.kind == Kind::Image);
    let platform = |it: &Child| it.platform.as_ref().map(ToString::to_string).unwrap_or_default();
    images.map(|it| (it.digest.to_string(), platform(it))).collect()
}

/// The images that a manifest stands for.
pub(super) fn images_of(seen: &Seen) -> Vec<String> {
    match seen.kind {
        places::Kind::Image => vec![seen.digest.clone()],
        places::Kind::Index => seen.parts.iter().map(|it| it.0.clone()).collect(),
        places::Kind::Other => Vec::new(),
    }
}

fn ms(at: Option<jiff::Timestamp>) -> i64 {
    at.map_or(0, jiff::Timestamp::as_millisecond)
}
