//! A package as its distribution publishes it: which it is, and what it says of its files. What an image says of that
//! package can be held against it.
//!
//! Formats: deb(5), deb-md5sums(5); rpm.org reference manual, "RPM v4 file format".
use crate::{
    dpkg_info::MD5SUMS,
    dpkg_stanza::stanzas,
    dpkg_status::component,
    rpm::{self, HEADERS_BYTES},
};
use inspect::{
    Fault, File, Found, Malformed,
    archive::{self, Budget, Go, Member},
};
use model::{Component, Ecosystem, ImagePath, OwnedFile};
use sha2::{Digest, Sha256};

/// A package that can be installed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Packaged {
    /// Which.
    pub component: Component,
    /// What it says of its files; empty if it says nothing.
    pub files: Vec<OwnedFile>,
    /// SHA-256 of its files, if they were wanted.
    pub contents: Vec<[u8; 32]>,
    /// Files whose content is not among these, as they could not be read.
    pub unread: usize,
}

/// What reading one may cost: operators choose what is read, and some hold very large files that compress well.
const BUDGET: Budget = Budget {
    depth: 2,
    members: 1_000_000,
    bytes: 16 << 30,
    ratio: 10_000,
    member_bytes: 512 << 20,
    memory_bytes: 640 << 20,
};

/// Reads a package of Debian's or RPM's form; `contents` says whether to read its files too. `None` if it is neither.
pub fn package(file: &File<'_>, contents: bool) -> Result<Option<Packaged>, Fault> {
    let start = file.slice(0, file.size().min(8))?;
    let read = match &*start {
        b"!<arch>\n" => deb(file, contents)?,
        [0xed, 0xab, 0xee, 0xdb, ..] => rpm(file, contents)?,
        _ => return Ok(None),
    };
    Ok(Some(read))
}

fn deb(file: &File<'_>, contents: bool) -> Result<Packaged, Fault> {
    let (mut control_file, mut md5sums, mut digests) = (None, None, Vec::new());
    let unread = open(file, &mut |member| {
        let path = member.path().to_owned();
        let Some((part, name)) = path.split_once("!/") else {
            let wanted =
                path.starts_with("control.tar") || contents && path.starts_with("data.tar");
            return Ok(if wanted { Go::Inside } else { Go::Past });
        };
        match name.trim_start_matches("./") {
            _ if part.starts_with("data.tar") => digests.extend(digest(member)?),
            "control" => control_file = whole(member)?,
            "md5sums" => md5sums = Some(whole(member)?),
            _ => {}
        }
        Ok(Go::Past)
    })?;
    let control_file = control_file.ok_or(Malformed::new("a package without a control file"))?;
    let component = control(&control_file)?;
    let bad = Malformed::new("its list of digests can't be understood");
    let (named, mut found) = (ImagePath::default().link("md5sums"), Found::default());
    if let Some(it) = md5sums {
        let bytes = it.ok_or(bad.clone())?;
        (MD5SUMS.parse)(&File::new(&named, &bytes), &mut found)?;
    }
    // A line that is left out would make a false list of it.
    if !found.gaps.is_empty() {
        return Err(bad.into());
    }
    let files = found.owned.pop().map(|it| it.files).unwrap_or_default();
    Ok(Packaged { component, files, contents: digests, unread })
}

/// All of a member, if it could be read to its end.
fn whole(member: &mut Member<'_>) -> Result<Option<Vec<u8>>, Fault> {
    let content = member.content()?;
    Ok(content.complete.then(|| content.bytes.to_vec()))
}

fn control(bytes: &[u8]) -> Result<Component, Malformed> {
    let text = String::from_utf8_lossy(bytes);
    let stanza = stanzas(&text).next().ok_or(Malformed::new("an empty control file"))?;
    component(&stanza, Ecosystem::Deb).map_err(|it| Malformed(format!("it has no {it}").into()))
}

fn rpm(file: &File<'_>, contents: bool) -> Result<Packaged, Fault> {
    let headers = file.slice(0, file.size().min(HEADERS_BYTES))?;
    let (component, files) = rpm::published(&headers)?;
    let mut digests = Vec::new();
    let mut take = |member: &mut Member<'_>| {
        // The payload is an archive; what is in it, are files.
        if !member.path().contains("!/") && member.path().ends_with("cpio") {
            return Ok(Go::Inside);
        }
        digests.extend(digest(member)?);
        Ok(Go::Past)
    };
    let unread = if contents { open(file, &mut take)? } else { 0 };
    Ok(Packaged { component, files, contents: digests, unread })
}

/// Shows all members; answers how many could not be.
fn open(file: &File<'_>, visit: &mut archive::Visit<'_>) -> Result<usize, Fault> {
    archive::open(file, &mut BUDGET.clone(), visit).map(|it| it.len())
}

/// Empty files are everywhere, and tell nothing.
fn digest(member: &mut Member<'_>) -> Result<Option<[u8; 32]>, Fault> {
    let content = member.content()?;
    let whole = content.complete && !content.bytes.is_empty();
    Ok(whole.then(|| Sha256::digest(content.bytes).into()))
}

#[cfg(test)]
mod tests {
    use super::{Packaged, package};
    use inspect::File;
    use model::{FileDigest, ImagePath};
    use proptest::prelude::*;
    use testkit::tar::{Entry, file, program};

    const CONTROL: &str = "Package: tool\nVersion: 1:1.0-1\nArchitecture: amd64\n";
    const SUMS: &str = "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c  usr/bin/tool\n";

    fn read(bytes: &[u8], contents: bool) -> Result<Option<Packaged>, String> {
        let path = ImagePath::default();
        package(&File::new(&path, bytes), contents).map_err(|it| it.to_string())
    }

    fn deb(control: &[Entry]) -> Vec<u8> {
        testkit::package::deb(control, &[program("./usr/bin/tool", "x"), file("./usr/empty", "")])
    }

    /// What stands in front of a header, and a header with these texts.
    fn header(entries: &[(u32, u32, u32, &[u8])]) -> Vec<u8> {
        let (mut index, mut store) = (Vec::new(), Vec::new());
        for (tag, kind, count, content) in entries {
            let offset = u32::try_from(store.len()).unwrap();
            index.extend([*tag, *kind, offset, *count].map(u32::to_be_bytes).concat());
            store.extend_from_slice(content);
        }
        let lens = [entries.len(), store.len()].map(|it| u32::try_from(it).unwrap().to_be_bytes());
        [&[0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0], &lens.concat()[..], &index, &store].concat()
    }

    fn rpm() -> Vec<u8> {
        let digest = format!("{}\0", "0d".repeat(32));
        let mut all = [&[0xed, 0xab, 0xee, 0xdb][..], &[0; 92]].concat();
        // Three bytes of signature are padded to eight.
        all.extend(header(&[(1000, 6, 1, b"ab\0")]));
        all.resize(all.len().next_multiple_of(8), 0);
        all.extend(header(&[
            (1000, 6, 1, b"tool\0"),
            (1001, 6, 1, b"1.0\0"),
            (1002, 6, 1, b"2\0"),
            (1022, 6, 1, b"x86_64\0"),
            (1035, 8, 1, digest.as_bytes()),
            (1116, 4, 1, &[0; 4]),
            (1117, 8, 1, b"tool\0"),
            (1118, 8, 1, b"/usr/bin/\0"),
            (5011, 4, 1, &[0, 0, 0, 8]),
        ]));
        all
    }

    #[test]
    fn packages_say_which_they_are_and_what_they_bring() {
        let whole = deb(&[file("./control", CONTROL), file("./md5sums", SUMS)]);
        let it = read(&whole, true).unwrap().unwrap();
        let named = |it: &Packaged| {
            let arch = it.component.arch.clone().unwrap();
            let files = it.files.iter().map(|it| (it.path.to_string(), it.digest.clone().unwrap()));
            (it.component.name.clone(), it.component.version.clone(), arch, files.collect())
        };
        let tool = |it| vec![("usr/bin/tool".to_owned(), it)];
        let expected = |version: &str, arch: &str, digest| {
            ("tool".to_owned(), version.to_owned(), arch.to_owned(), tool(digest))
        };
        assert_eq!(named(&it), expected("1:1.0-1", "amd64", FileDigest::Md5([0xc; 16])));
        assert_eq!((it.contents.len(), it.unread), (1, 0));
        assert_eq!(read(&whole, false).unwrap().unwrap().contents.len(), 0);
        let it = read(&rpm(), false).unwrap().unwrap();
        assert_eq!(named(&it), expected("1.0-2", "x86_64", FileDigest::Sha256([0xd; 32])));
        assert_eq!(read(b"something else", true), Ok(None));
        assert_eq!(read(b"", true), Ok(None));
    }

    #[test]
    fn what_cannot_be_understood_makes_no_list() {
        let check = |control: &[Entry], expected: &str| {
            assert_eq!(read(&deb(control), false).unwrap_err(), expected);
        };
        check(&[file("./md5sums", SUMS)], "malformed: a package without a control file");
        check(&[file("./control", "Package: a\n")], "malformed: it has no Version");
        let strange = [file("./control", CONTROL), file("./md5sums", "what\n")];
        check(&strange, "malformed: its list of digests can't be understood");
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(at in any::<prop::sample::Index>(), to: u8, cut: bool, kind: bool) {
            let control = [file("./control", CONTROL), file("./md5sums", SUMS)];
            let mut bytes = if kind { deb(&control) } else { rpm() };
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] = to }
            drop(read(&bytes, true));
        }
    }
}
