//! Archives that can be read once only: from a pipe, or compressed. Nothing goes to disk, so each
//! member is looked at as it passes: what may be a document is kept, all else is handed over.
use super::{
    members::{Members, Place},
    walk::{self, Content, Kind, Member, Tape, Walk},
};
use crate::{
    Compression, PlatformChoice, SourceError, Verified, disk::failed, layout,
    manifest::DOCUMENT_BYTES,
};
use model::{Image, ImagePath};
use std::{
    collections::BTreeSet,
    io::{self, BufReader, Cursor, Read},
};

/// The most bytes of documents that are kept.
const KEPT_BYTES: u64 = 64 << 20;

/// Takes a layer, or what may turn out to be one: the name of its member, and its content.
pub(super) type TakeLayer<'a> = &'a mut dyn FnMut(&str, &mut dyn Read) -> io::Result<()>;

/// Reads an archive from front to back, compressed or not: each member that may be a layer is
/// handed to `layer` as it passes; small JSON members are kept. The place of each layer of the
/// images is the name of a member that was handed over; others that were are none of theirs.
///
/// `layer` need not read to the end. Content that does not hash to the digest it is named by is an
/// error at the end of it.
pub fn stream(
    archive: impl Read,
    platform: &PlatformChoice,
    choice: Option<&str>,
    layer: TakeLayer<'_>,
) -> Result<Vec<Image>, SourceError> {
    let mut walk = Walk::new(Passing(unpacked(archive)?));
    let mut members = Members::default();
    let mut left = KEPT_BYTES;
    while let Some(member) = walk.member()? {
        let Member { name, kind, size, .. } = member;
        match kind {
            Kind::File => {
                let mut content = walk.content(size);
                let place = take(&members, &name, size, &mut content, &mut left, layer);
                if walk.cut {
                    return Err(walk::cut(io::ErrorKind::UnexpectedEof.into()));
                }
                if let Some(place) = place? {
                    members.add(name, place)?;
                }
            }
            Kind::Link(target) => members.add(name, Place::Link(target))?,
            Kind::Other => {}
        }
    }
    // A compressed stream ends with a sum over all of it, which has to be right.
    io::copy(&mut walk.tape, &mut io::sink()).map_err(walk::cut)?;
    let images = super::images(&members, choice, platform)?;
    hand_over_kept(&images, &members, layer)?;
    Ok(images)
}

/// The content of an archive that may be compressed as a whole.
fn unpacked<'a>(archive: impl Read + 'a) -> Result<Box<dyn Read + 'a>, SourceError> {
    let mut archive = BufReader::with_capacity(64 << 10, archive);
    // A pipe may hand out its first bytes one by one.
    let mut start = Vec::new();
    archive.by_ref().take(6).read_to_end(&mut start).map_err(failed("the archive"))?;
    match Compression::of(&start) {
        Compression::Other(it) => Err(SourceError::Unsupported(format!(
            "an archive compressed by {it}; decompress it first"
        ))),
        compression => Ok(compression.open(Cursor::new(start).chain(archive))),
    }
}

/// Takes one member; `None` when it went by before.
fn take(
    members: &Members,
    name: &ImagePath,
    size: u64,
    content: &mut Content<'_, impl Tape>,
    left: &mut u64,
    layer: TakeLayer<'_>,
) -> Result<Option<Place>, SourceError> {
    let mut start = Vec::new();
    content.by_ref().take(512).read_to_end(&mut start).map_err(walk::cut)?;
    if is_document(&start) && size <= DOCUMENT_BYTES.min(*left) {
        content.read_to_end(&mut start).map_err(walk::cut)?;
        *left = left.saturating_sub(size);
        return Ok(Some(Place::Kept(start)));
    }
    let whole = io::Cursor::new(start).chain(content);
    let digest = layout::digest_at(name.as_str());
    if members.has(name) {
        // What is named by its digest is what it was before; of others nobody can say any more.
        let digest = digest.ok_or_else(|| {
            SourceError::Malformed(format!(
                "two members are called {name}; decompress the archive into a file to compare them"
            ))
        })?;
        hand_over(name.as_str(), Verified::new(whole, digest), &mut |_, _| Ok(()))?;
        return Ok(None);
    }
    match digest {
        Some(digest) => hand_over(name.as_str(), Verified::new(whole, digest), layer)?,
        None => hand_over(name.as_str(), whole, layer)?,
    }
    Ok(Some(Place::Passed { size }))
}

fn hand_over(name: &str, mut content: impl Read, layer: TakeLayer<'_>) -> Result<(), SourceError> {
    let outcome = layer(name, &mut content);
    let outcome = outcome.and_then(|()| io::copy(&mut content, &mut io::sink()).map(drop));
    outcome.map_err(failed(format!("member {name}")))
}

/// Hands over layers that looked like documents.
fn hand_over_kept(
    images: &[Image],
    members: &Members,
    layer: TakeLayer<'_>,
) -> Result<(), SourceError> {
    let mut done = BTreeSet::new();
    for blob in images.iter().flat_map(|it| &it.layers).map(|it| &it.blob) {
        let Some(bytes) = members.kept(&blob.place).filter(|_| done.insert(&blob.place)) else {
            continue;
        };
        match blob.digest.clone() {
            Some(digest) => hand_over(&blob.place, Verified::new(bytes, digest), layer)?,
            None => hand_over(&blob.place, bytes, layer)?,
        }
    }
    Ok(())
}

/// Whether content begins as JSON does. A tar archive whose first member is called `{` does too.
fn is_document(start: &[u8]) -> bool {
    let text = start.trim_ascii_start();
    (start.is_empty() || matches!(text.first(), Some(b'{' | b'[')))
        && !walk::is_tar(start)
        && !start.contains(&0)
}

/// A stream in which passing over means reading.
struct Passing<'a>(Box<dyn Read + 'a>);

impl Read for Passing<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Tape for Passing<'_> {
    fn pass(&mut self, bytes: u64) -> io::Result<()> {
        let passed = io::copy(&mut self.0.by_ref().take(bytes), &mut io::sink())?;
        if passed == bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}
