//! Packages of Alpine, version 2 (Alpine wiki, "Apk spec"): three tar archives, each compressed with gzip, one behind the
//! other: signature, `.PKGINFO`, and files, whose digests stand in PAX records. These are shown by a library that could
//! unpack as well, and so is not for the crates that only compute.
use catalog::Packaged;
use flate2::read::MultiGzDecoder;
use model::{Component, Ecosystem, FileDigest, ImagePath, OwnedFile};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    io::{self, Read},
};
use tar::{Archive, Entry, EntryType};

/// The most of a file that is read at once.
const MOST_BYTES: u64 = 512 << 20;
const CHECKSUM: &str = "APK-TOOLS.checksum.SHA1";

pub(super) fn read(file: impl Read, contents: bool) -> io::Result<Packaged> {
    let mut archive = Archive::new(MultiGzDecoder::new(file));
    archive.set_ignore_zeros(true);
    let (mut component, mut digests, mut unread) = (None, Vec::new(), 0usize);
    let mut sums: HashMap<String, FileDigest> = HashMap::new();
    let mut files = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = text(&entry.path_bytes());
        if path == ".PKGINFO" {
            component = Some(info(&whole(&mut entry)?)?);
        }
        // What begins with a dot at the root is for apk itself.
        if path.starts_with('.') || component.is_none() {
            continue;
        }
        let kind = entry.header().entry_type();
        // A hard link is listed with the digest of what it leads to.
        let sum = match kind {
            EntryType::Link => {
                let target = entry.link_name_bytes().map(|it| text(&it)).unwrap_or_default();
                sums.get(&target).cloned()
            }
            _ => checksum(&mut entry)?,
        };
        if let Some(digest) = sum {
            sums.insert(path.clone(), digest.clone());
            let path = ImagePath::parse(path.as_bytes()).map_err(|_| bad("a path climbs out"))?;
            files.push(OwnedFile { path, digest: Some(digest), config: false });
        }
        if contents && kind.is_file() && entry.size() > MOST_BYTES {
            unread = unread.saturating_add(1);
        } else if contents && kind.is_file() && entry.size() > 0 {
            digests.push(Sha256::digest(whole(&mut entry)?).into());
        }
    }
    let component = component.ok_or_else(|| bad("a package without .PKGINFO"))?;
    Ok(Packaged { component, files, contents: digests, unread })
}

/// `pkgname = musl`.
fn info(bytes: &[u8]) -> io::Result<Component> {
    let text = text(bytes);
    let value = |wanted: &str| {
        let lines = text.lines().filter_map(|it| it.split_once('='));
        let mut lines = lines.filter(|it| it.0.trim() == wanted);
        lines.next().map(|it| it.1.trim().to_owned())
    };
    let named = value("pkgname").zip(value("pkgver"));
    let (name, version) = named.ok_or_else(|| bad("a package without a name or a version"))?;
    let arch = value("arch");
    Ok(Component { arch, ..Component::new(Ecosystem::Apk, &name, &version) })
}

fn checksum(entry: &mut Entry<'_, impl Read>) -> io::Result<Option<FileDigest>> {
    for it in entry.pax_extensions()?.into_iter().flatten() {
        let it = it?;
        if it.key() == Ok(CHECKSUM) {
            let (pairs, rest) = it.value_bytes().as_chunks::<2>();
            let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
            let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
            let sha1 = bytes.filter(|_| rest.is_empty()).and_then(|it| it.try_into().ok());
            return sha1.map(|it| Some(FileDigest::Sha1(it))).ok_or_else(|| bad("no checksum"));
        }
    }
    Ok(None)
}

fn whole(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text(bytes: &[u8]) -> String {
    model::decode(bytes)
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::read;
    use model::FileDigest;
    use testkit::tar::program;

    fn apk() -> Vec<u8> {
        let info = "pkgname = tool\npkgver = 1.0-r2\narch = x86_64\n";
        testkit::package::apk(info, &[("0b".repeat(20), program("usr/bin/tool", "x"))])
    }

    #[test]
    fn a_package_says_which_it_is_and_what_it_brings() {
        let it = read(&*apk(), true).unwrap();
        assert_eq!((&*it.component.name, &*it.component.version), ("tool", "1.0-r2"));
        let files: Vec<_> = it.files.iter().map(|it| (it.path.as_str(), &it.digest)).collect();
        assert_eq!(files, [("usr/bin/tool", &Some(FileDigest::Sha1([0xb; 20])))]);
        assert_eq!((it.contents.len(), it.unread), (1, 0));
    }

    #[test]
    fn damage_never_panics() {
        let whole = apk();
        for at in 0..whole.len() {
            drop(read(&whole[..at], true));
            let mut flipped = whole.clone();
            flipped[at] ^= 0xff;
            drop(read(&*flipped, true));
        }
    }
}
