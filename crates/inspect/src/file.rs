//! One file of a layer, as an inspector gets to see it.
use md5::Md5;
use model::{ImagePath, malware::Digests};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::{
    borrow::Cow,
    fmt,
    io::{self},
    os::unix::fs::FileExt,
};

/// What is known of a file before its content is read.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Where.
    pub path: &'a ImagePath,
    /// How large.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// The first bytes of it: up to 512.
    pub start: &'a [u8],
}

/// A whole file, within the limits: in memory, or, when it is big, in a spool on disk.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Where.
    pub path: &'a ImagePath,
    /// Permission bits.
    pub mode: u32,
    content: Content<'a>,
    may_wait: bool,
}

#[derive(Clone, Copy, Debug)]
enum Content<'a> {
    Memory(&'a [u8]),
    Spool { file: &'a std::fs::File, start: u64, size: u64 },
}

/// Which digests of a file are computed besides SHA-256: those that its package manager would ask for, or that are listed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum More {
    /// None.
    Neither,
    /// MD5.
    Md5,
    /// MD5 and SHA-1.
    Both,
}

/// Permission bits of files of which nothing else is known.
const PLAIN: u32 = 0o644;

/// The most of a spooled file that one slice may bring into memory.
const SLICE_BYTES: u64 = 64 << 20;

impl<'a> File<'a> {
    /// A file whose content is at hand.
    pub fn new(path: &'a ImagePath, bytes: &'a [u8]) -> File<'a> {
        File { path, mode: PLAIN, content: Content::Memory(bytes), may_wait: false }
    }

    /// A file whose content lies in `spool`, from `start`.
    pub fn spooled(
        path: &'a ImagePath,
        spool: &'a std::fs::File,
        start: u64,
        size: u64,
    ) -> File<'a> {
        let content = Content::Spool { file: spool, start, size };
        File { path, mode: PLAIN, content, may_wait: false }
    }

    /// The same, of which some may be looked at later.
    pub(crate) fn waiting(self, may_wait: bool) -> File<'a> {
        File { may_wait, ..self }
    }

    /// Whether there is room to keep it until all of the layer is known.
    pub fn may_wait(&self) -> bool {
        self.may_wait
    }

    /// The same with these permission bits; it may be read and written otherwise.
    pub fn with_mode(self, mode: u32) -> File<'a> {
        File { mode, ..self }
    }

    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        match self.content {
            Content::Memory(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Content::Spool { size, .. } => size,
        }
    }

    /// `len` bytes from `offset`. Borrowed when the file is in memory, so small slices cost nothing.
    pub fn slice(&self, offset: u64, len: u64) -> Result<Cow<'a, [u8]>, Fault> {
        let end = offset.checked_add(len).filter(|it| *it <= self.size());
        let end = end.ok_or(Malformed::new("ends early"))?;
        match self.content {
            Content::Memory(bytes) => {
                let range = usize::try_from(offset).ok().zip(usize::try_from(end).ok());
                let slice = range.and_then(|(from, to)| bytes.get(from..to));
                Ok(Cow::Borrowed(slice.ok_or(Malformed::new("ends early"))?))
            }
            Content::Spool { file, start, .. } => {
                if len > SLICE_BYTES {
                    return Err(Fault::TooLarge(format!("{len} bytes at once")));
                }
                let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
                file.read_exact_at(&mut bytes, start.saturating_add(offset)).map_err(Fault::Io)?;
                Ok(Cow::Owned(bytes))
            }
        }
    }

    /// All of it, for formats that are read from front to back.
    pub fn whole(&self) -> Result<Cow<'a, [u8]>, Fault> {
        self.slice(0, self.size())
    }

    /// What it hashes to.
    pub fn digests(&self, more: More) -> Result<Digests, Fault> {
        let (mut sha256, mut sha1, mut md5) = (Sha256::new(), Sha1::new(), Md5::new());
        let mut offset = 0;
        while offset < self.size() {
            // So little that it is still at hand for the second algorithm.
            let length = (64 << 10).min(self.size().saturating_sub(offset));
            let bytes = self.slice(offset, length)?;
            sha256.update(&bytes);
            if more != More::Neither {
                md5.update(&bytes);
            }
            if more == More::Both {
                sha1.update(&bytes);
            }
            offset = offset.saturating_add(length);
        }
        Ok(Digests {
            sha256: sha256.finalize().into(),
            sha1: (more == More::Both).then(|| sha1.finalize().into()),
            md5: (more != More::Neither).then(|| md5.finalize().into()),
        })
    }

    /// All of it as text; bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> Result<Cow<'a, str>, Fault> {
        Ok(match self.whole()? {
            Cow::Borrowed(it) => String::from_utf8_lossy(it),
            Cow::Owned(it) => Cow::Owned(String::from_utf8_lossy(&it).into_owned()),
        })
    }
}

/// The file is not what it claims to be: how.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Malformed(pub Cow<'static, str>);

impl Malformed {
    /// With a reason that needs no values.
    pub const fn new(why: &'static str) -> Malformed {
        Malformed(Cow::Borrowed(why))
    }
}

/// Why a file could not be inspected to its end.
#[derive(Debug)]
pub enum Fault {
    /// It is not what it claims to be.
    Malformed(Malformed),
    /// It is over a limit: which.
    TooLarge(String),
    /// It is of a form that we do not read: which.
    Unsupported(String),
    /// It is encrypted.
    Encrypted,
    /// The spool failed: our fault, not the file's.
    Io(io::Error),
}

impl From<Malformed> for Fault {
    fn from(it: Malformed) -> Fault {
        Fault::Malformed(it)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Malformed(it) => write!(f, "malformed: {}", it.0),
            Fault::TooLarge(it) => write!(f, "too large: {it}"),
            Fault::Unsupported(it) => write!(f, "not supported: {it}"),
            Fault::Encrypted => f.write_str("encrypted"),
            Fault::Io(it) => write!(f, "spool: {it}"),
        }
    }
}
