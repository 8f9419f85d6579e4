//! What a package says of its files, in sixteen bytes: to hold what an image says against what the distribution publishes.
use model::{FileDigest, OwnedFile};
use sha2::{Digest, Sha256};

/// Half a SHA-256 of the files and digests that a package lists, in the order of their paths, and the kind of these
/// digests. Configuration files are left out, and so is what has no digest; `None` if nothing is left, or the digests are
/// of several kinds.
pub fn manifest<'a>(
    files: impl IntoIterator<Item = &'a OwnedFile>,
) -> Option<(&'static str, [u8; 16])> {
    let listed = files.into_iter().filter(|it| !it.config);
    let mut rows: Vec<(&str, &str, &[u8])> = listed
        .filter_map(|it| {
            let (kind, digest) = parts(it.digest.as_ref()?);
            Some((it.path.as_str(), kind, digest))
        })
        .collect();
    rows.sort_unstable();
    rows.dedup();
    let kind = rows.first()?.1;
    let mut hash = Sha256::new();
    for (path, its, digest) in rows {
        if its != kind {
            return None;
        }
        // No path holds a zero byte, and digests of one kind are of one length.
        hash.update(path);
        hash.update([0]);
        hash.update(digest);
    }
    Some((kind, hash.finalize().first_chunk().copied()?))
}

fn parts(digest: &FileDigest) -> (&'static str, &[u8]) {
    match digest {
        FileDigest::Md5(it) => ("md5", it),
        FileDigest::Sha1(it) => ("sha1", it),
        FileDigest::Sha256(it) => ("sha256", it),
        FileDigest::Longer(it) => ("longer", it),
    }
}

#[cfg(test)]
mod tests {
    use super::manifest;
    use model::{FileDigest, ImagePath, OwnedFile};

    fn file(path: &str, digest: Option<FileDigest>, config: bool) -> OwnedFile {
        OwnedFile { path: ImagePath::parse(path.as_bytes()).unwrap(), digest, config }
    }

    #[test]
    fn a_manifest_changes_with_what_it_says_and_with_nothing_else() {
        let md5 = |it: u8| Some(FileDigest::Md5([it; 16]));
        let (a, b) = (file("bin/a", md5(1), false), file("bin/b", md5(2), false));
        let whole = manifest([&a, &b]);
        assert_eq!(whole.map(|it| it.0), Some("md5"));
        let check = |files: &[&OwnedFile], same: bool| {
            assert_eq!(manifest(files.iter().copied()) == whole, same, "{files:?}");
        };
        check(&[&b, &a], true);
        check(&[&a, &b, &b], true);
        check(&[&a, &b, &file("etc/c", md5(3), true)], true);
        check(&[&a, &b, &file("usr/d", None, false)], true);
        check(&[&a], false);
        check(&[&a, &file("bin/b", md5(3), false)], false);
        check(&[&a, &file("bin/c", md5(2), false)], false);
        check(&[&a, &b, &file("bin/c", md5(3), false)], false);
        check(&[&a, &b, &file("bin/c", Some(FileDigest::Sha1([1; 20])), false)], false);
        assert_eq!(manifest([]), None);
    }
}
