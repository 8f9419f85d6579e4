//! Packages as distributions publish them.
use crate::{
    image::gzip,
    tar::{Entry, file, header, tar},
};

/// An archive of `ar` (deb(5)).
pub fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut all = b"!<arch>\n".to_vec();
    for (name, bytes) in members {
        let len = bytes.len();
        all.extend(format!("{name:<16}0           0     0     100644  {len:<10}`\n").bytes());
        all.extend_from_slice(bytes);
        all.resize(all.len().next_multiple_of(2), b'\n');
    }
    all
}

/// A package of Debian's form, of what describes it and of what it installs.
pub fn deb(control: &[Entry], data: &[Entry]) -> Vec<u8> {
    let (control, data) = (gzip(&tar(control)), gzip(&tar(data)));
    ar(&[("debian-binary", b"2.0\n"), ("control.tar.gz", &control), ("data.tar.gz", &data)])
}

/// A package of Alpine's form (Alpine wiki, "Apk spec"): what `.PKGINFO` says, and files, each with its SHA-1 in
/// hexadecimal digits. The archives have no end, but for the last.
pub fn apk(info: &str, files: &[(String, Entry)]) -> Vec<u8> {
    let unended = |entries: &[Entry]| {
        let mut bytes = tar(entries);
        bytes.truncate(bytes.len() - 1024);
        gzip(&bytes)
    };
    let files: Vec<Entry> = files.iter().flat_map(|(sum, it)| sealed(sum, it.clone())).collect();
    let signature = unended(&[file(".SIGN.RSA.somebody", "x")]);
    [signature, unended(&[file(".PKGINFO", info)]), gzip(&tar(&files))].concat()
}

/// A record with the digest that apk wants to have of an entry, and the entry.
fn sealed(sum: &str, entry: Entry) -> [Entry; 2] {
    let text = format!("APK-TOOLS.checksum.SHA1={sum}\n");
    let len = text.len() + 3;
    let mut record = format!("{len} {text}").into_bytes();
    let head = header("pax", b'x', 0o644, "", u64::try_from(record.len()).unwrap());
    record.resize(record.len().next_multiple_of(512), 0);
    [Entry::Raw(Box::new(head), record), entry]
}
