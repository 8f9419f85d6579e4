//! Which files a package owns: the small files that dpkg keeps beside its database, one of each
//! kind a package (dpkg(1), "FILES"; deb-md5sums(5); deb-conffiles(5)), and those that opkg keeps.
use crate::{Cataloger, digest::hex};
use inspect::{Fault, File, Found};
use model::{FileDigest, Gap, ImagePath, Owned, OwnedFile, Reason};

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

/// Directories cannot be told from files, but for those that the next line is below of; dpkg lists
/// them right before what is in them. opkg adds mode and link target after a tab.
fn list(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    read(file, found, LIST.name, |line| {
        let path = line.split(|it| *it == b'\t').next()?;
        plain(path.starts_with(b"/").then_some(path)?)
    })?;
    for owned in &mut found.owned {
        let mut next: Option<ImagePath> = None;
        let mut kept = Vec::with_capacity(owned.files.len());
        for file in std::mem::take(&mut owned.files).into_iter().rev() {
            let path = file.path.clone();
            let is_dir = next.is_some_and(|it| it.below(path.as_str()).is_some());
            if !is_dir && !path.as_str().is_empty() {
                kept.push(file);
            }
            next = Some(path);
        }
        kept.reverse();
        owned.files = kept;
    }
    found.owned.retain(|it| !it.files.is_empty());
    Ok(())
}

/// `<32 digits>  usr/bin/x`.
fn md5sums(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    read(file, found, MD5SUMS.name, |line| {
        let (digest, path) = line.split_at_checked(32)?;
        let path = path.strip_prefix(b"  ").or_else(|| path.strip_prefix(b" *"))?;
        Some(OwnedFile { digest: Some(FileDigest::Md5(hex(digest)?)), ..plain(path)? })
    })
}

/// `/etc/x`, or `remove-on-upgrade /etc/x`.
fn conffiles(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    read(file, found, CONFFILES.name, |line| {
        let path = line.get(line.iter().position(|it| *it == b'/')?..)?;
        Some(OwnedFile { config: true, ..plain(path)? })
    })
}

fn plain(path: &[u8]) -> Option<OwnedFile> {
    Some(OwnedFile { path: ImagePath::parse(path).ok()?, digest: None, config: false })
}

/// Reads a file a line at a time. The package is what the file is named after.
fn read(
    file: &File<'_>,
    found: &mut Found,
    by: &str,
    parse: impl Fn(&[u8]) -> Option<OwnedFile>,
) -> Result<(), Fault> {
    let bytes = file.whole()?;
    let mut strange: usize = 0;
    let mut files = Vec::new();
    for line in bytes.split(|it| *it == b'\n').filter(|it| !it.is_empty()) {
        match parse(line) {
            Some(it) => files.push(it),
            None => strange = strange.saturating_add(1),
        }
    }
    if strange > 0 {
        let what = format!("{strange} lines that name no file");
        found.gaps.push(Gap::new(by, Reason::Malformed(what)));
    }
    let name = file.path.name();
    let package = name.rsplit_once('.').map_or(name, |it| it.0).to_owned();
    if !files.is_empty() {
        found.owned.push(Owned { package, files });
    }
    Ok(())
}
