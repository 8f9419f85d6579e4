//! The files that a package owns, as its header lists them.
use super::header::{Header, tag};
use inspect::{Fault, Malformed};
use model::{FileDigest, ImagePath, OwnedFile};

/// Bits of FILEFLAGS (rpm's include/rpm/rpmfiles.h, `rpmfileAttrs`).
const CONFIG: u32 = 1 << 0;
const GHOST: u32 = 1 << 6;
/// The longest path that Linux opens: more can't be a file.
const PATH_BYTES: usize = 4096;

/// The files, without the directories, and the first thing about them that could not be understood.
/// `room` is how much memory they may take.
pub(super) fn read(header: &Header<'_>, room: &mut u64) -> (Vec<OwnedFile>, Option<Fault>) {
    let mut files = Vec::new();
    let trouble = list(header, room, &mut files).err();
    (files, trouble)
}

/// The file lists of a header: one item a file in each, or no item at all.
struct Lists<'a> {
    names: Vec<&'a [u8]>,
    dirs: Vec<&'a [u8]>,
    dir_indexes: &'a [[u8; 4]],
    modes: &'a [[u8; 2]],
    flags: &'a [[u8; 4]],
    digests: Vec<&'a [u8]>,
    algorithm: u32,
}

fn list(header: &Header<'_>, room: &mut u64, files: &mut Vec<OwnedFile>) -> Result<(), Fault> {
    let lists = Lists::of(header)?;
    let mut trouble = None;
    for place in (0..lists.names.len()).filter(|it| !lists.is_directory(*it)) {
        let path = match lists.path(place) {
            Ok(path) => path,
            Err(it) => {
                trouble.get_or_insert(Fault::from(it));
                continue;
            }
        };
        // Paid for before it is looked at: a few bytes of an index can name a directory of thousands.
        let len: usize = path.iter().map(|it| it.len()).sum();
        let weight = u64::try_from(len.saturating_add(size_of::<OwnedFile>())).unwrap_or(u64::MAX);
        let left = room.checked_sub(weight);
        *room = left.ok_or_else(|| Fault::TooLarge("too many files in the database".into()))?;
        let Ok(path) = ImagePath::parse(&path.concat()) else {
            trouble.get_or_insert(Malformed::new("a path climbs out of the root").into());
            continue;
        };
        let digest = lists.digest(place).unwrap_or_else(|it| {
            trouble.get_or_insert(it);
            None
        });
        files.push(OwnedFile { path, digest, config: lists.flag(place) & CONFIG != 0 });
    }
    trouble.map_or(Ok(()), Err)
}

impl<'a> Lists<'a> {
    fn of(header: &Header<'a>) -> Result<Lists<'a>, Malformed> {
        let mut lists = Lists {
            names: header.strings(tag::BASENAMES)?,
            dirs: header.strings(tag::DIRNAMES)?,
            dir_indexes: header.numbers(tag::DIRINDEXES)?,
            modes: header.shorts(tag::FILEMODES)?,
            flags: header.numbers(tag::FILEFLAGS)?,
            digests: header.strings(tag::FILEDIGESTS)?,
            algorithm: 0,
        };
        if let Some(it) = header.numbers(tag::FILEDIGESTALGO)?.first() {
            lists.algorithm = u32::from_be_bytes(*it);
        }
        let directories_apart = !lists.names.is_empty();
        if !directories_apart {
            // RPM before 4 wrote whole paths.
            lists.names = header.strings(tag::OLDFILENAMES)?;
        }
        let fits = |len: usize| len == 0 || len == lists.names.len();
        let lens = [lists.modes.len(), lists.flags.len(), lists.digests.len()];
        if !lens.into_iter().all(fits)
            || (directories_apart && lists.dir_indexes.len() != lists.names.len())
        {
            return Err(Malformed::new("the lists differ in length"));
        }
        if !directories_apart {
            lists.dir_indexes = &[];
        }
        Ok(lists)
    }

    /// The directory and the name in it.
    fn path(&self, place: usize) -> Result<[&'a [u8]; 2], Malformed> {
        let name = self.names.get(place).copied().unwrap_or_default();
        let dir = match self.dir_indexes.get(place) {
            None => &[],
            Some(index) => {
                let index = usize::try_from(u32::from_be_bytes(*index)).ok();
                let dir = index.and_then(|it| self.dirs.get(it));
                *dir.ok_or(Malformed::new("a directory is missing"))?
            }
        };
        if dir.len().saturating_add(name.len()) > PATH_BYTES {
            return Err(Malformed::new("a path is longer than a path can be"));
        }
        Ok([dir, name])
    }

    fn is_directory(&self, place: usize) -> bool {
        self.modes.get(place).is_some_and(|it| u16::from_be_bytes(*it) & 0o170_000 == 0o040_000)
    }

    fn flag(&self, place: usize) -> u32 {
        self.flags.get(place).map_or(0, |it| u32::from_be_bytes(*it))
    }

    /// What the content must hash to. Ghosts have content that the package did not bring; links and
    /// devices have none. Algorithms are those of OpenPGP (RFC 4880, 9.4), MD5 when nothing is said.
    fn digest(&self, place: usize) -> Result<Option<FileDigest>, Fault> {
        let hex = self.digests.get(place).copied().unwrap_or_default();
        if hex.is_empty() || self.flag(place) & GHOST != 0 {
            return Ok(None);
        }
        let bytes = unhex(hex);
        let digest = match self.algorithm {
            0 | 1 => bytes.and_then(|it| Some(FileDigest::Md5(it.try_into().ok()?))),
            2 => bytes.and_then(|it| Some(FileDigest::Sha1(it.try_into().ok()?))),
            8 => bytes.and_then(|it| Some(FileDigest::Sha256(it.try_into().ok()?))),
            9 => bytes.filter(|it| it.len() == 48).map(FileDigest::Longer),
            10 => bytes.filter(|it| it.len() == 64).map(FileDigest::Longer),
            other => return Err(Fault::Unsupported(format!("digests of algorithm {other}"))),
        };
        Ok(Some(digest.ok_or(Malformed::new("a digest is not of its algorithm"))?))
    }
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_chunks::<2>();
    let nibble = |it: u8| char::from(it).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(nibble(*high)? << 4 | nibble(*low)?).ok();
    rest.is_empty().then(|| pairs.iter().map(byte).collect()).flatten()
}
