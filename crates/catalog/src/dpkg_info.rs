//! Which files a package owns: the small files that dpkg keeps beside its database, one of each
//! kind a package (dpkg(1), "FILES"; deb-md5sums(5); deb-conffiles(5)), and those that opkg keeps.
use crate::{Cataloger, digest::hex, takings::Takings};
use inspect::{Fault, File, Found};
use model::{FileDigest, ImagePath, OwnedFile};

/// Every path of a package, a line each, directories among them.
pub(crate) const LIST: Cataloger = Cataloger {
    name: "dpkg-list",
    revision: 1,
    paths: &["dpkg/info/*.list", "opkg/info/*.list"],
    parse: list,
};

/// The digests of its files, configuration files excepted.
pub(crate) const MD5SUMS: Cataloger = Cataloger {
    name: "dpkg-md5sums",
    revision: 1,
    paths: &["dpkg/info/*.md5sums", "dpkg/status.d/*.md5sums"],
    parse: md5sums,
};

/// Its configuration files.
pub(crate) const CONFFILES: Cataloger = Cataloger {
    name: "dpkg-conffiles",
    revision: 1,
    paths: &["dpkg/info/*.conffiles"],
    parse: conffiles,
};

/// opkg adds mode and link target after a tab.
fn list(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let parse = |line: &[u8]| {
        let path = line.split(|it| *it == b'\t').next()?;
        plain(path.starts_with(b"/").then_some(path)?)
    };
    read(file, found, LIST.name, parse, without_directories)
}

/// Directories cannot be told from files, but for those that the next line is below of: dpkg lists
/// them right before what is in them.
fn without_directories(files: Vec<OwnedFile>) -> Vec<OwnedFile> {
    let mut kept: Vec<OwnedFile> = Vec::with_capacity(files.len());
    for file in files {
        let is_dir = |it: &OwnedFile| file.path.below(it.path.as_str()).is_some();
        if kept.last().is_some_and(is_dir) {
            kept.pop();
        }
        kept.push(file);
    }
    kept.retain(|it| !it.path.as_str().is_empty());
    kept
}

/// `<32 digits>  usr/bin/x`.
fn md5sums(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let parse = |line: &[u8]| {
        let (digest, path) = line.split_at_checked(32)?;
        let path = path.strip_prefix(b"  ").or_else(|| path.strip_prefix(b" *"))?;
        Some(OwnedFile { digest: Some(FileDigest::Md5(hex(digest)?)), ..plain(path)? })
    };
    read(file, found, MD5SUMS.name, parse, |files| files)
}

/// `/etc/x`, or `remove-on-upgrade /etc/x`.
fn conffiles(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let parse = |line: &[u8]| {
        let path = line.get(line.iter().position(|it| *it == b'/')?..)?;
        Some(OwnedFile { config: true, ..plain(path)? })
    };
    read(file, found, CONFFILES.name, parse, |files| files)
}

fn plain(path: &[u8]) -> Option<OwnedFile> {
    Some(OwnedFile { path: ImagePath::parse(path).ok()?, digest: None, config: false })
}

/// Reads a file a line at a time. The package is what the file is named after.
fn read(
    file: &File<'_>,
    found: &mut Found,
    by: &'static str,
    parse: impl Fn(&[u8]) -> Option<OwnedFile>,
    finish: fn(Vec<OwnedFile>) -> Vec<OwnedFile>,
) -> Result<(), Fault> {
    let bytes = file.whole()?;
    let name = file.path.name();
    let package = name.rsplit_once('.').map_or(name, |it| it.0).to_owned();
    Takings::of(by, found, |takings| {
        let mut strange: usize = 0;
        let mut files = Vec::new();
        let lines = bytes.split(|it| *it == b'\n').filter(|it| !it.is_empty());
        let outcome = lines.map(parse).try_for_each(|line| match line {
            Some(it) => takings.file(it, &mut files),
            None => {
                strange = strange.saturating_add(1);
                Ok(())
            }
        });
        if strange > 0 {
            takings.trouble(format!("{strange} lines that name no file"));
        }
        takings.owned(package, finish(files));
        outcome
    })
}
