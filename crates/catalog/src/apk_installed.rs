//! The database of packages installed by apk.
//!
//! Stanzas split by a blank line: `P:` name, `V:` version, `A:` architecture, `o:` origin, which is
//! the name that secdb uses, `m:` maintainer; then for each directory `F:` and for each file in it
//! `R:` with its `Z:` checksum (Alpine wiki, "Apk spec", "Installed database V2").
use crate::{
    Cataloger,
    digest::{base64, hex},
    takings::Takings,
};
use inspect::{Fault, File, Found};
use model::{Component, Ecosystem, FileDigest, ImagePath, OwnedFile, SourcePackage, decode};

pub(crate) const CATALOGER: Cataloger =
    Cataloger { name: "apk-installed", revision: 2, paths: &["apk/db/installed"], parse };

fn parse(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let bytes = file.whole()?;
    Takings::of(CATALOGER.name, found, |takings| {
        let mut stanza = Stanza::default();
        for line in bytes.split(|it| *it == b'\n') {
            match line.strip_suffix(b"\r").unwrap_or(line) {
                b"" => std::mem::take(&mut stanza).finish(takings)?,
                line => stanza.read(line, takings)?,
            }
        }
        stanza.finish(takings)
    })
}

/// What is known of the package at hand.
#[derive(Default)]
struct Stanza<'a> {
    name: Option<String>,
    version: Option<String>,
    arch: Option<String>,
    origin: Option<String>,
    maintainer: Option<String>,
    dir: &'a [u8],
    files: Vec<OwnedFile>,
    strange: usize,
}

impl<'a> Stanza<'a> {
    fn read(&mut self, line: &'a [u8], takings: &mut Takings<'_>) -> Result<(), Fault> {
        let (field, value) = line.split_at_checked(2).unwrap_or_default();
        let text = || Some(decode(value)).filter(|it| !it.is_empty());
        match field {
            b"P:" => self.name = text(),
            b"V:" => self.version = text(),
            b"A:" => self.arch = text(),
            b"o:" => self.origin = text(),
            b"m:" => self.maintainer = text(),
            b"F:" => self.dir = value,
            b"R:" => match ImagePath::parse(&[self.dir, b"/", value].concat()) {
                Ok(path) => {
                    let file = OwnedFile { path, digest: None, config: false };
                    takings.file(file, &mut self.files)?;
                }
                Err(_) => self.count_strange(),
            },
            b"Z:" => match (self.files.last_mut(), checksum(value)) {
                (Some(file), Some(digest)) => file.digest = Some(digest),
                _ => self.count_strange(),
            },
            // Dependencies, descriptions, sizes, modes: nothing that we need.
            _ if field.ends_with(b":") => {}
            _ => self.count_strange(),
        }
        Ok(())
    }

    fn finish(self, takings: &mut Takings<'_>) -> Result<(), Fault> {
        if self.strange > 0 {
            takings.trouble(format!("{} lines that cannot be understood", self.strange));
        }
        let (name, version) = match (self.name, self.version) {
            (Some(name), Some(version)) => (name, version),
            (None, None) if self.files.is_empty() => return Ok(()),
            (name, _) => {
                let name = name.as_deref().unwrap_or("a package");
                takings.trouble(format!("{name} has no name or no version"));
                return Ok(());
            }
        };
        let source = self.origin.map(|name| SourcePackage { name, version: version.clone() });
        takings.component(Component {
            arch: self.arch,
            source,
            vendor: self.maintainer,
            ..Component::new(Ecosystem::Apk, &name, &version)
        })?;
        takings.owned(name, self.files);
        Ok(())
    }

    fn count_strange(&mut self) {
        self.strange = self.strange.saturating_add(1);
    }
}

/// `Q1` and SHA-1 or `Q2` and SHA-256, both in base64; older ones are an MD5 in hexadecimal.
fn checksum(value: &[u8]) -> Option<FileDigest> {
    match value.split_at_checked(2) {
        Some((b"Q1", rest)) => base64(rest).map(FileDigest::Sha1),
        Some((b"Q2", rest)) => base64(rest).map(FileDigest::Sha256),
        _ => hex(value).map(FileDigest::Md5),
    }
}
