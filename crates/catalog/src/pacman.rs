//! The database of packages that pacman has installed: a directory for each, in it `desc` and
//! `files`, both of sections that begin with `%NAME%` and end with an empty line (pacman's source,
//! "lib/libalpm/be_local.c").
use crate::{Cataloger, digest::hex, takings::Takings};
use inspect::{Fault, File, Found, Malformed};
use model::{Component, Ecosystem, FileDigest, ImagePath, OwnedFile, SourcePackage, decode};

/// The package itself.
pub(crate) const DESC: Cataloger =
    Cataloger { name: "pacman-desc", revision: 1, paths: &["pacman/local/*/desc"], parse: desc };

/// Its files.
pub(crate) const FILES: Cataloger =
    Cataloger { name: "pacman-files", revision: 1, paths: &["pacman/local/*/files"], parse: files };

fn desc(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let bytes = file.whole()?;
    let first = |name| section(&bytes, name).next().map(decode);
    let name = first(b"NAME").ok_or(Malformed::new("has no %NAME%"))?;
    let version = first(b"VERSION").ok_or(Malformed::new("has no %VERSION%"))?;
    found.components.push(Component {
        arch: first(b"ARCH"),
        source: first(b"BASE").map(|name| SourcePackage { name, version: version.clone() }),
        vendor: first(b"PACKAGER"),
        ..Component::new(Ecosystem::Alpm, &name, &version)
    });
    Ok(())
}

/// Directories end with a slash. Configuration files stand in a section of their own once more,
/// with the digests that the package shipped: `etc/x<tab><md5>`.
fn files(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let bytes = file.whole()?;
    let package = file.path.parent().and_then(|it| it.rsplit('/').next()).unwrap_or_default();
    Takings::of(FILES.name, found, |takings| {
        let mut files = Vec::new();
        for path in section(&bytes, b"FILES").filter(|it| !it.ends_with(b"/")) {
            let file = OwnedFile { path: parse(path)?, digest: None, config: false };
            takings.file(file, &mut files)?;
        }
        for line in section(&bytes, b"BACKUP") {
            let tab = line.iter().position(|it| *it == b'\t').unwrap_or(line.len());
            let (path, digest) = line.split_at(tab);
            let digest = hex(digest.trim_ascii()).map(FileDigest::Md5);
            takings.file(OwnedFile { path: parse(path)?, digest, config: true }, &mut files)?;
        }
        takings.owned(package.to_owned(), files);
        Ok(())
    })
}

fn parse(path: &[u8]) -> Result<ImagePath, Malformed> {
    ImagePath::parse(path).map_err(|_| Malformed::new("a path climbs out of the image"))
}

/// The lines of the section `%name%`.
fn section<'a>(bytes: &'a [u8], name: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    let lines = bytes.split(|it| *it == b'\n').map(<[u8]>::trim_ascii_end);
    let is_start =
        move |it: &&[u8]| it.strip_prefix(b"%").and_then(|it| it.strip_suffix(b"%")) != Some(name);
    lines.skip_while(is_start).skip(1).take_while(|it| !it.is_empty())
}
