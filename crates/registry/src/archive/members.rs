//! What an archive holds, by name.
use super::walk::{Kind, Member, Tape, Walk};
use crate::{SourceError, disk::failed, layout, manifest::DOCUMENT_BYTES, verify::verify};
use model::{Descriptor, ImagePath};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    sync::Arc,
};

/// An archive of images has a few members a layer.
const MEMBERS: usize = 200_000;
/// How many links may lead on to each other.
const LINKS: usize = 16;

/// The members of an archive, by their normalised names.
#[derive(Debug, Default)]
pub(super) struct Members {
    by_name: BTreeMap<ImagePath, Place>,
    /// The archive, where any part of it can be read at any time.
    file: Option<Arc<File>>,
}

/// Where the content of a member is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// In the archive file.
    Section { offset: u64, size: u64 },
    /// Here.
    Kept(Vec<u8>),
    /// Handed over while the archive went by.
    Passed { size: u64 },
    /// With another member.
    Link(ImagePath),
}

impl Members {
    /// Finds the members of an archive in a file of `len` bytes.
    pub(super) fn index(file: &Arc<File>, len: u64) -> Result<Members, SourceError> {
        let mut members = Members { by_name: BTreeMap::new(), file: Some(Arc::clone(file)) };
        let mut walk = Walk::new(Seeking { file, at: 0, len });
        while let Some(Member { name, kind, offset, size }) = walk.member()? {
            match kind {
                Kind::File => members.add(name, Place::Section { offset, size })?,
                Kind::Link(target) => members.add(name, Place::Link(target))?,
                Kind::Other => {}
            }
        }
        Ok(members)
    }

    /// Adds a member. One that is there already must be the same: which of two is meant depends on
    /// who reads the archive.
    pub(super) fn add(&mut self, name: ImagePath, place: Place) -> Result<(), SourceError> {
        if self.by_name.len() >= MEMBERS {
            return Err(SourceError::TooLarge(format!("an archive of over {MEMBERS} members")));
        }
        if let Some(before) = self.by_name.get(&name) {
            if !self.same(before, &place)? {
                return Err(SourceError::Malformed(format!("two members are called {name}")));
            }
            return Ok(());
        }
        self.by_name.insert(name, place);
        Ok(())
    }

    fn same(&self, a: &Place, b: &Place) -> Result<bool, SourceError> {
        let (one, other, size) = match (a, b) {
            (Place::Kept(_) | Place::Link(_), _) => return Ok(a == b),
            (
                Place::Section { offset: one, size },
                Place::Section { offset: other, size: other_size },
            ) if size == other_size => (*one, *other, *size),
            _ => return Ok(false),
        };
        let Some(file) = &self.file else { return Ok(false) };
        let section = |offset| Section::new(Arc::clone(file), offset, size);
        equal(section(one), section(other)).map_err(failed("the archive"))
    }

    /// Whether a member of that name went by.
    pub(super) fn has(&self, name: &ImagePath) -> bool {
        self.by_name.contains_key(name)
    }

    /// The member that `name` leads to.
    fn resolve(&self, name: &str) -> Result<Option<(&ImagePath, &Place)>, SourceError> {
        let Ok(mut at) = ImagePath::parse(name.as_bytes()) else {
            return Err(SourceError::Malformed(format!("`{name}` climbs out of the archive")));
        };
        for _ in 0..LINKS {
            match self.by_name.get_key_value(&at) {
                Some((_, Place::Link(target))) => at = target.clone(),
                other => return Ok(other),
            }
        }
        Err(SourceError::Malformed(format!("links around {name} lead nowhere")))
    }

    /// The whole of a small member; `None` when there is none of that name.
    pub(super) fn document(&self, name: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let Some((at, place)) = self.resolve(name)? else { return Ok(None) };
        let too_large = |size| SourceError::TooLarge(format!("{at} has {size} bytes"));
        match (place, &self.file) {
            (Place::Kept(bytes), _) => Ok(Some(bytes.clone())),
            (Place::Section { offset, size }, Some(file)) if *size <= DOCUMENT_BYTES => {
                let mut bytes = Vec::new();
                let mut section = Section::new(Arc::clone(file), *offset, *size);
                section.read_to_end(&mut bytes).map_err(super::walk::cut)?;
                Ok(Some(bytes))
            }
            (Place::Section { size, .. }, _) => Err(too_large(*size)),
            (Place::Passed { size }, _) if *size > DOCUMENT_BYTES => Err(too_large(*size)),
            _ => Err(SourceError::Malformed(format!(
                "{at} is no JSON document, or comes after too much of others"
            ))),
        }
    }

    /// The document that a layout keeps by its digest, verified.
    pub(super) fn blob(&self, blob: &Descriptor) -> Result<Vec<u8>, SourceError> {
        let digest = blob.digest.as_ref().ok_or_else(|| missing("a digest"))?;
        let place = layout::place(digest);
        let bytes = self.document(&place)?.ok_or_else(|| missing(&place))?;
        verify(&bytes, digest)?;
        Ok(bytes)
    }

    /// Fills in which member a layer is in, under the name that it goes by itself, and its size.
    pub(super) fn settle(&self, blob: &mut Descriptor) -> Result<(), SourceError> {
        if let Some(digest) = blob.digest.as_ref().filter(|_| blob.place.is_empty()) {
            blob.place = layout::place(digest);
        }
        let (name, place) = self.resolve(&blob.place)?.ok_or_else(|| missing(&blob.place))?;
        let size = match place {
            Place::Section { size, .. } | Place::Passed { size } => *size,
            Place::Kept(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Place::Link(_) => 0,
        };
        let digest = blob.digest.take().or_else(|| layout::digest_at(name.as_str()));
        (blob.place, blob.size, blob.digest) = (name.as_str().to_owned(), size, digest);
        Ok(())
    }

    /// Where in the archive file a settled layer is.
    pub(super) fn section(&self, name: &str) -> Result<(u64, u64), SourceError> {
        match self.resolve(name)? {
            Some((_, Place::Section { offset, size })) => Ok((*offset, *size)),
            _ => Err(missing(name)),
        }
    }

    /// The content of a member that was taken for a document; `None` for all others.
    pub(super) fn kept(&self, name: &str) -> Option<&[u8]> {
        match self.resolve(name) {
            Ok(Some((_, Place::Kept(bytes)))) => Some(bytes),
            _ => None,
        }
    }
}

fn missing(what: &str) -> SourceError {
    SourceError::NotFound(format!("{what} in the archive"))
}

fn equal(a: impl Read, b: impl Read) -> io::Result<bool> {
    let (mut a, mut b) = (io::BufReader::new(a).bytes(), io::BufReader::new(b).bytes());
    loop {
        match (a.next().transpose()?, b.next().transpose()?) {
            (None, None) => return Ok(true),
            (one, other) if one != other => return Ok(false),
            _ => {}
        }
    }
}

/// A file that is walked without reading what is passed over.
struct Seeking<'a> {
    file: &'a File,
    at: u64,
    len: u64,
}

impl Read for Seeking<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read_at(buf, self.at)?;
        self.at = self.at.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        Ok(len)
    }
}

impl Tape for Seeking<'_> {
    fn pass(&mut self, bytes: u64) -> io::Result<()> {
        let to = self.at.checked_add(bytes).filter(|it| *it <= self.len);
        self.at = to.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(())
    }
}

/// A part of a file, read without moving anybody else's place in it.
#[derive(Debug)]
pub(super) struct Section {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl Section {
    pub(super) fn new(file: Arc<File>, offset: u64, size: u64) -> Section {
        Section { file, at: offset, left: size }
    }
}

impl Read for Section {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let Some(buf) = buf.get_mut(..most).filter(|it| !it.is_empty()) else { return Ok(0) };
        let len = self.file.read_at(buf, self.at)?;
        if len == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "ends inside a member"));
        }
        let read = u64::try_from(len).unwrap_or(u64::MAX);
        (self.at, self.left) = (self.at.saturating_add(read), self.left.saturating_sub(read));
        Ok(len)
    }
}
