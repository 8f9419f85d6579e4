//! The tar stream of a directory, made entry by entry as it is read.
use super::{
    Problems, Want, Wanted,
    header::{BLOCK, Header, Kind},
    links::Links,
    place::{self, Names},
};
use model::ImagePath;
use rustix::{
    fd::OwnedFd,
    fs::{self, FileType, Stat},
    io::{Errno, Result},
};
use std::{
    ffi::CString,
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
};

/// How deep directories are followed. Each holds a file descriptor open, of which a process has
/// a thousand by default.
const DEPTH: usize = 256;

pub(super) struct Walk {
    /// The directories that we are in, the root first.
    stack: Vec<Level>,
    /// Where we are, below the root; no slash at either end.
    path: Vec<u8>,
    links: Links,
    wanted: Wanted,
    problems: Problems,
    /// Headers that are still to be read.
    out: Vec<u8>,
    /// How much of them was.
    read: usize,
    body: Option<Body>,
    closed: bool,
}

struct Level {
    dir: OwnedFd,
    device: u64,
    names: Names,
    /// How long the path of the directory is.
    path: usize,
}

/// The content of a file that is still to be read.
struct Body {
    file: File,
    path: ImagePath,
    size: u64,
    left: u64,
    /// Zeros after it, to whole blocks.
    padding: u64,
    broken: bool,
}

impl Walk {
    pub(super) fn new(root: OwnedFd, wanted: Wanted, problems: Problems) -> Result<Walk> {
        let device = fs::fstat(&root)?.st_dev;
        let names = Names::of(&root)?;
        Ok(Walk {
            stack: vec![Level { dir: root, device, names, path: 0 }],
            path: Vec::new(),
            links: Links::default(),
            wanted,
            problems,
            out: Vec::new(),
            read: 0,
            body: None,
            closed: false,
        })
    }

    /// Writes the next entry to `out`; `false` at the end.
    fn step(&mut self) -> bool {
        let Some(level) = self.stack.last_mut() else { return false };
        self.path.truncate(level.path);
        let Some(name) = level.names.pop() else {
            self.stack.pop();
            return true;
        };
        if !self.path.is_empty() {
            self.path.push(b'/');
        }
        self.path.extend(name.to_bytes());
        if name.to_bytes().starts_with(b".wh.") {
            // As a layer's entry it would say that something is gone.
            self.problem("it is named like a whiteout, so it was not looked at".to_owned());
        } else if let Err(errno) = self.entry(&name) {
            self.problem(match errno {
                Errno::NOENT | Errno::LOOP => "it changed while it was read".to_owned(),
                errno => io::Error::from(errno).to_string(),
            });
        }
        true
    }

    fn entry(&mut self, name: &CString) -> Result<()> {
        let Some(Level { dir, device, .. }) = self.stack.last() else { return Ok(()) };
        let stat = place::stat(dir, name)?;
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => return self.file(name, &stat),
            FileType::Directory => {
                let inner = place::directory(dir, name, &stat, *device);
                self.header(&stat, Kind::Directory);
                return inner?.map_or(Ok(()), |it| self.enter(it, &stat));
            }
            FileType::Symlink => {
                let target = place::target(dir, name)?;
                self.header(&stat, Kind::Symlink { target: &target });
                return Ok(());
            }
            FileType::Fifo => Kind::Pipe,
            it @ (FileType::CharacterDevice | FileType::BlockDevice) => Kind::Device {
                character: it == FileType::CharacterDevice,
                major: fs::major(stat.st_rdev),
                minor: fs::minor(stat.st_rdev),
            },
            FileType::Socket | FileType::Unknown => return Ok(()),
        };
        self.header(&stat, kind);
        Ok(())
    }

    fn enter(&mut self, dir: OwnedFd, stat: &Stat) -> Result<()> {
        if self.stack.len() >= DEPTH {
            self.problem(format!("directories are nested over {DEPTH} deep; not followed"));
            return Ok(());
        }
        let names = Names::of(&dir)?;
        self.stack.push(Level { dir, device: stat.st_dev, names, path: self.path.len() });
        Ok(())
    }

    fn file(&mut self, name: &CString, stat: &Stat) -> Result<()> {
        let want = match stat.st_size {
            0 => Want::No,
            _ => (self.wanted)(&self.image_path(), size_of(stat), stat.st_mode & 0o7777, None),
        };
        // Most files need not even be opened.
        if want == Want::No {
            self.regular(None, stat);
            return Ok(());
        }
        let Some(level) = self.stack.last() else { return Ok(()) };
        let file = place::file(&level.dir, name)?;
        let stat = fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Errno::NOENT);
        }
        let file = File::from(file);
        let wanted = want == Want::Yes || self.looks_wanted(&file, &stat)?;
        self.regular(wanted.then_some(file), &stat);
        Ok(())
    }

    /// Writes a regular file, with its content where there is a handle to read it from.
    fn regular(&mut self, file: Option<File>, stat: &Stat) {
        let (size, wanted) = (size_of(stat), file.is_some());
        let inode = (stat.st_dev, stat.st_ino);
        // A further name is a link, unless it is the one that makes the content worth reading.
        if let Some(first) = self.links.first(inode).filter(|it| it.whole || !wanted).cloned() {
            self.header(stat, Kind::HardLink { target: &first.name });
            self.links.used(inode);
            return;
        }
        let whole = wanted || size == 0;
        #[allow(clippy::useless_conversion, reason = "it is narrower on other processors")]
        let names = u64::from(stat.st_nlink);
        self.links.add(inode, &self.path, whole, names);
        if !whole {
            self.header(stat, Kind::Hole { size });
            return;
        }
        self.header(stat, Kind::File { size });
        self.body = file.map(|it| Body::new(it, self.image_path(), size));
    }

    /// Whether the file is wanted once its first bytes are known.
    fn looks_wanted(&self, file: &File, stat: &Stat) -> Result<bool> {
        let mut start = [0; BLOCK];
        let mut len = 0;
        while let Some(rest) = start.get_mut(len..).filter(|it| !it.is_empty()) {
            let at = u64::try_from(len).unwrap_or(u64::MAX);
            let errno = |it: io::Error| Errno::from_io_error(&it).unwrap_or(Errno::IO);
            match file.read_at(rest, at).map_err(errno)? {
                0 => break,
                read => len = len.saturating_add(read),
            }
        }
        let start = start.get(..len).unwrap_or_default();
        let mode = stat.st_mode & 0o7777;
        Ok((self.wanted)(&self.image_path(), size_of(stat), mode, Some(start)) == Want::Yes)
    }

    fn header(&mut self, stat: &Stat, kind: Kind<'_>) {
        Header { name: &self.path, kind, mode: stat.st_mode }.write(&mut self.out);
    }

    fn image_path(&self) -> ImagePath {
        // What readdir(3) gives climbs nowhere.
        ImagePath::parse(&self.path).unwrap_or_default()
    }

    fn problem(&self, why: String) {
        self.problems.add(self.image_path(), why);
    }
}

fn size_of(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or_default()
}

impl Read for Walk {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut rest = self.out.get(self.read..).unwrap_or_default();
            if !rest.is_empty() || buf.is_empty() {
                let len = rest.read(buf)?;
                self.read = self.read.saturating_add(len);
                return Ok(len);
            }
            self.out.clear();
            self.read = 0;
            if let Some(body) = &mut self.body {
                match body.read(buf, &self.problems) {
                    0 => self.body = None,
                    len => return Ok(len),
                }
            } else if self.closed {
                return Ok(0);
            } else if !self.step() {
                self.closed = true;
                self.out.resize(BLOCK.saturating_mul(2), 0);
            }
        }
    }
}

impl Body {
    fn new(file: File, path: ImagePath, size: u64) -> Body {
        let padded = size.checked_next_multiple_of(512).unwrap_or(size);
        let padding = padded.saturating_sub(size);
        Body { file, path, size, left: size, padding, broken: false }
    }

    /// Reads on. The header has promised a size, so what does not come is made up with zeros, and
    /// what comes beyond is left; both are told.
    fn read(&mut self, buf: &mut [u8], problems: &Problems) -> usize {
        if self.left == 0 {
            let len = zeros(buf, self.padding);
            self.padding = self.padding.saturating_sub(u64::try_from(len).unwrap_or(u64::MAX));
            return len;
        }
        let len = if self.broken { zeros(buf, self.left) } else { self.content(buf, problems) };
        self.left = self.left.saturating_sub(u64::try_from(len).unwrap_or(u64::MAX));
        if self.left == 0 && self.file.metadata().is_ok_and(|it| it.len() > self.size) {
            problems.add(self.path.clone(), "it grew while it was read".to_owned());
        }
        len
    }

    fn content(&mut self, buf: &mut [u8], problems: &Problems) -> usize {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let why = match self.file.read(buf.get_mut(..most).unwrap_or_default()) {
            Ok(0) => "it shrank while it was read".to_owned(),
            Ok(len) => return len,
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {
                return self.content(buf, problems);
            }
            Err(err) => err.to_string(),
        };
        problems.add(self.path.clone(), why);
        self.broken = true;
        zeros(buf, self.left)
    }
}

fn zeros(buf: &mut [u8], left: u64) -> usize {
    let most = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
    buf.get_mut(..most).unwrap_or_default().fill(0);
    most
}
