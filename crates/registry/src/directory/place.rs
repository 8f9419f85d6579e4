//! Opens and lists what lies in a directory, never by way of a symbolic link.
use rustix::{
    fd::OwnedFd,
    fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat},
    io::{Errno, Result},
};
use std::{ffi::CString, path::Path};

/// File systems that the kernel makes up: what is in them is no file of anybody's, and reading it
/// may have effects (linux/magic.h, "statfs magic numbers").
#[rustfmt::skip]
const MADE_UP: &[u64] = &[
    0x9fa0,      // proc
    0x6265_6572, // sysfs
    0x1cd1,      // devpts
    0x27_e0eb,   // cgroup
    0x6367_7270, // cgroup2
    0x7363_6673, // securityfs
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0xcafe_4a11, // bpf
    0x1980_0202, // mqueue
    0x6265_6570, // configfs
    0x6165_676c, // pstore
    0x9584_58f6, // hugetlbfs
    0x6573_5543, // fusectl
    0x0187,      // autofs
    0x4249_4e4d, // binfmt_misc
    0x6e73_6673, // nsfs
    0xf97c_ff8c, // selinuxfs
    0xde5e_81e4, // efivarfs
];

/// What devtmpfs says it is: the same as any tmpfs, in which there may be real files.
const TMPFS: u64 = 0x0102_1994;

/// Opens the directory that is to be walked.
pub(super) fn root(path: &Path) -> Result<OwnedFd> {
    fs::openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// What `name` in `dir` is, without following or mounting anything.
pub(super) fn stat(dir: &OwnedFd, name: &CString) -> Result<Stat> {
    fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT)
}

/// Opens a file to read it. What turned into a pipe meanwhile does not hold us up.
pub(super) fn file(dir: &OwnedFd, name: &CString) -> Result<OwnedFd> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    fs::openat(dir, name, OFlags::RDONLY | flags, Mode::empty())
}

/// Opens a directory; `None` when it is the root of a made-up file system. `device` is that of the
/// directory that it is in: only where that changes, something is mounted.
pub(super) fn directory(
    dir: &OwnedFd,
    name: &CString,
    stat: &Stat,
    device: u64,
) -> Result<Option<OwnedFd>> {
    if stat.st_dev != device {
        // Opened for its name only, a mount point of autofs mounts nothing.
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let place = fs::openat(dir, name, flags, Mode::empty())?;
        let kind = u64::try_from(fs::fstatfs(&place)?.f_type).unwrap_or_default();
        if MADE_UP.contains(&kind) || (kind == TMPFS && is_devices(&place)) {
            return Ok(None);
        }
    }
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    fs::openat(dir, name, OFlags::RDONLY | flags, Mode::empty()).map(Some)
}

/// Whether a mounted tmpfs is `/dev`: it has the null device in it.
fn is_devices(place: &OwnedFd) -> bool {
    let null = fs::statat(place, "null", AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT);
    null.is_ok_and(|it| FileType::from_raw_mode(it.st_mode) == FileType::CharacterDevice)
}

/// Where a symbolic link leads.
pub(super) fn target(dir: &OwnedFd, name: &CString) -> Result<Vec<u8>> {
    fs::readlinkat(dir, name, Vec::new()).map(CString::into_bytes)
}

/// The names in a directory, sorted, in one piece of memory: there may be millions.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Every name with a closing zero.
    text: Vec<u8>,
    /// Where each begins, the last one first.
    starts: Vec<u32>,
}

impl Names {
    pub(super) fn of(dir: &OwnedFd) -> Result<Names> {
        let mut names = Names::default();
        for entry in Dir::read_from(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if !matches!(name.to_bytes(), b"." | b"..") {
                // No directory has 4 GB of names.
                names.starts.push(u32::try_from(names.text.len()).map_err(|_| Errno::FBIG)?);
                names.text.extend(name.to_bytes_with_nul());
            }
        }
        let Names { text, mut starts } = names;
        starts.sort_unstable_by(|a, b| name(&text, *b).cmp(name(&text, *a)));
        Ok(Names { text, starts })
    }

    /// Takes the next name.
    pub(super) fn pop(&mut self) -> Option<CString> {
        let start = self.starts.pop()?;
        // A name has no zero in it.
        CString::new(name(&self.text, start)).ok()
    }
}

fn name(text: &[u8], start: u32) -> &[u8] {
    let rest = usize::try_from(start).ok().and_then(|it| text.get(it..)).unwrap_or_default();
    rest.split(|it| *it == 0).next().unwrap_or_default()
}
