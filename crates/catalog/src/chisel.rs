//! The manifest of an image cut from Ubuntu packages with Chisel: one JSON object a line, packed
//! with zstd (Chisel's documentation, "Chisel manifest"; "jsonwall").
use crate::{Cataloger, digest::hex, takings::Takings};
use inspect::{Fault, File, Found, Malformed};
use model::{Component, Ecosystem, FileDigest, ImagePath, OwnedFile};
use ruzstd::decoding::StreamingDecoder;
use serde::Deserialize;
use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
};

pub(crate) const CATALOGER: Cataloger =
    Cataloger { name: "chisel-manifest", revision: 1, paths: &["manifest.wall"], parse };

/// Manifests are some ten kilobytes; this one would speak of a million files.
const UNPACKED_BYTES: u64 = 256 << 20;
/// The most that one line may be.
const LINE_BYTES: u64 = 1 << 20;

/// A line, of whichever kind.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Line<'a> {
    #[serde(borrow)]
    jsonwall: Option<Cow<'a, str>>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    version: Cow<'a, str>,
    #[serde(borrow)]
    arch: Cow<'a, str>,
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(borrow)]
    slices: Vec<Cow<'a, str>>,
    /// As it was in the package.
    #[serde(borrow)]
    sha256: Cow<'a, str>,
    /// As Chisel left it, where it changed the file.
    #[serde(borrow)]
    final_sha256: Cow<'a, str>,
}

type ByPackage = BTreeMap<String, Vec<OwnedFile>>;

fn parse(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let packed = file.whole()?;
    let unpacked = StreamingDecoder::new(&*packed);
    let unpacked = unpacked.map_err(|it| Malformed(format!("not zstd: {it}").into()))?;
    let mut unpacked = BufReader::new(unpacked.take(UNPACKED_BYTES));
    Takings::of(CATALOGER.name, found, |takings| {
        let mut owned = ByPackage::new();
        let outcome = lines(&mut unpacked, takings, &mut owned);
        owned.into_iter().for_each(|(package, files)| takings.owned(package, files));
        outcome
    })
}

fn lines(
    from: &mut impl BufRead,
    takings: &mut Takings<'_>,
    owned: &mut ByPackage,
) -> Result<(), Fault> {
    let mut line = Vec::new();
    let (mut first, mut total) = (true, 0_u64);
    loop {
        line.clear();
        let read = from.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line);
        let read = read.map_err(|it| Malformed(format!("zstd: {it}").into()))?;
        let read = u64::try_from(read).unwrap_or(u64::MAX);
        total = total.saturating_add(read);
        if total >= UNPACKED_BYTES || read >= LINE_BYTES {
            return Err(Fault::TooLarge(format!("{total} bytes unpacked, {read} in a line")));
        }
        match serde_json::from_slice::<Line<'_>>(&line) {
            Ok(it) if !first || it.jsonwall.is_some() => take(&it, takings, owned)?,
            _ if first => return Err(Malformed::new("does not begin as jsonwall").into()),
            _ if read == 0 => return Ok(()),
            _ => takings.trouble(format!("a line before byte {total} is no JSON of ours")),
        }
        first = false;
    }
}

fn take(line: &Line<'_>, takings: &mut Takings<'_>, owned: &mut ByPackage) -> Result<(), Fault> {
    match &*line.kind {
        "package" if line.name.is_empty() || line.version.is_empty() => {
            takings.trouble("a package has no name or no version".to_owned());
            Ok(())
        }
        "package" => takings.component(Component {
            arch: Some(line.arch.clone().into_owned()).filter(|it| !it.is_empty()),
            ..Component::new(Ecosystem::Deb, &line.name, &line.version)
        }),
        "path" if !line.path.ends_with('/') => path(line, takings, owned),
        _ => Ok(()),
    }
}

fn path(line: &Line<'_>, takings: &mut Takings<'_>, owned: &mut ByPackage) -> Result<(), Fault> {
    let Ok(path) = ImagePath::parse(line.path.as_bytes()) else {
        takings.trouble("a path climbs out of the image".to_owned());
        return Ok(());
    };
    let digest = [&line.final_sha256, &line.sha256].into_iter().find(|it| !it.is_empty());
    let digest = digest.and_then(|it| hex(it.as_bytes())).map(FileDigest::Sha256);
    let file = OwnedFile { path, digest, config: false };
    // A slice is named `package_slice`, and no package has an underscore in its name.
    for slice in &line.slices {
        let package = slice.split('_').next().unwrap_or_default();
        let files = owned.entry(package.to_owned()).or_default();
        if files.last() != Some(&file) {
            takings.file(file.clone(), files)?;
        }
    }
    Ok(())
}
