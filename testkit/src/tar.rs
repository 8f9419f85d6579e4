//! Writes tar archives, honest and otherwise (POSIX.1-2017, pax, "ustar Interchange Format").

/// One entry of an archive.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A regular file.
    File { path: String, mode: u32, bytes: Vec<u8> },
    /// A directory.
    Dir(String),
    /// A symbolic link and what it points to.
    Symlink(String, String),
    /// A hard link and the member that it is another name of.
    HardLink(String, String),
    /// A header and what follows it, exactly like this, for archives that nobody should write.
    Raw(Box<[u8; 512]>, Vec<u8>),
}

/// A file with mode 644.
pub fn file(path: &str, bytes: impl AsRef<[u8]>) -> Entry {
    Entry::File { path: path.to_owned(), mode: 0o644, bytes: bytes.as_ref().to_vec() }
}

/// A file with mode 755.
pub fn program(path: &str, bytes: impl AsRef<[u8]>) -> Entry {
    Entry::File { path: path.to_owned(), mode: 0o755, bytes: bytes.as_ref().to_vec() }
}

/// A directory.
pub fn dir(path: &str) -> Entry {
    Entry::Dir(path.to_owned())
}

/// A symbolic link at `path` to `target`.
pub fn symlink(path: &str, target: &str) -> Entry {
    Entry::Symlink(path.to_owned(), target.to_owned())
}

/// A hard link at `path` to the member `target`.
pub fn hard_link(path: &str, target: &str) -> Entry {
    Entry::HardLink(path.to_owned(), target.to_owned())
}

/// The marker that removes `path` of the layers below (OCI image specification, layer.md).
pub fn whiteout(path: &str) -> Entry {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let slash = if folder.is_empty() { "" } else { "/" };
    file(&format!("{folder}{slash}.wh.{name}"), "")
}

/// The marker that removes everything that the layers below have in `folder`.
pub fn opaque(folder: &str) -> Entry {
    file(&format!("{folder}/.wh..wh..opq"), "")
}

/// An archive of these entries, with the two blocks of zeros at its end.
pub fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        match entry {
            Entry::File { path, mode, bytes } => put(&mut out, path, b'0', *mode, "", bytes),
            Entry::Dir(path) => put(&mut out, &format!("{path}/"), b'5', 0o755, "", &[]),
            Entry::Symlink(path, target) => put(&mut out, path, b'2', 0o777, target, &[]),
            Entry::HardLink(path, target) => put(&mut out, path, b'1', 0o644, target, &[]),
            Entry::Raw(header, bytes) => {
                out.extend(&header[..]);
                pad(&mut out, bytes);
            }
        }
    }
    out.extend([0; 1024]);
    out
}

/// A well-formed header; change it, `seal` it, and wrap it in `Entry::Raw`.
pub fn header(path: &str, kind: u8, mode: u32, link: &str, size: u64) -> [u8; 512] {
    let mut header = [0; 512];
    let mut field = |at: usize, text: &str| {
        header[at..at + text.len()].copy_from_slice(text.as_bytes());
    };
    field(0, path);
    field(100, &format!("{mode:07o}"));
    field(108, "0000000");
    field(116, "0000000");
    field(124, &format!("{size:011o}"));
    field(136, "00000000000");
    field(157, link);
    field(257, "ustar\u{0}00");
    header[156] = kind;
    seal(&mut header);
    header
}

/// Sets the checksum of a header that was changed.
pub fn seal(header: &mut [u8; 512]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|it| u32::from(*it)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Names that do not fit the header get a GNU long name in front.
fn put(out: &mut Vec<u8>, path: &str, kind: u8, mode: u32, link: &str, bytes: &[u8]) {
    let mut long = |name: &str, kind: u8| {
        if name.len() > 100 {
            let name = [name.as_bytes(), &[0]].concat();
            out.extend(header("././@LongLink", kind, 0o644, "", name.len() as u64));
            pad(out, &name);
        }
    };
    long(path, b'L');
    long(link, b'K');
    let short = |it: &str| it.chars().take(100).collect::<String>();
    out.extend(header(&short(path), kind, mode, &short(link), bytes.len() as u64));
    pad(out, bytes);
}

fn pad(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(bytes);
    out.resize(out.len().next_multiple_of(512), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, process::Command};

    #[test]
    fn tar_itself_reads_what_we_write() {
        let long = format!("{}/file", "d".repeat(150));
        let bytes = tar(&[
            dir("etc"),
            file("etc/name", "value\n"),
            symlink("etc/link", "name"),
            hard_link("etc/hard", "etc/name"),
            file(&long, "x"),
            whiteout("usr/gone"),
            opaque("opt"),
        ]);
        let path = std::env::temp_dir().join(format!("testkit-{}.tar", std::process::id()));
        fs::write(&path, bytes).unwrap();
        let output = Command::new("tar").arg("tf").arg(&path).output().unwrap();
        fs::remove_file(&path).unwrap();
        let listed = String::from_utf8(output.stdout).unwrap();
        let expected =
            format!("etc/\netc/name\netc/link\netc/hard\n{long}\nusr/.wh.gone\nopt/.wh..wh..opq\n");
        assert_eq!(listed, expected);
        assert!(output.status.success());
    }
}
