//! Which files an installed Python distribution owns, with their digests: `RECORD` in its `.dist-info` directory (PyPA
//! specification "Recording installed projects", "The RECORD file"): a table of path, digest and size, with commas; paths
//! are relative to the directory that holds the `.dist-info`.
use crate::{Cataloger, digest::base64, takings::Takings};
use inspect::{Fault, File, Found};
use model::{FileDigest, ImagePath, OwnedFile};

pub(crate) const CATALOGER: Cataloger =
    Cataloger { name: "pip-record", revision: 1, paths: &["*.dist-info/RECORD"], parse };

fn parse(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let text = file.text()?;
    let directory = file.path.parent().unwrap_or_default();
    let name = directory.rsplit('/').next().unwrap_or_default();
    let package = name.strip_suffix(".dist-info").unwrap_or(name).to_owned();
    Takings::of(CATALOGER.name, found, |takings| {
        let (mut files, mut strange) = (Vec::new(), 0_usize);
        for line in text.lines().filter(|it| !it.is_empty()) {
            match row(line, file.path) {
                Some(it) => takings.file(it, &mut files)?,
                None => strange = strange.saturating_add(1),
            }
        }
        if strange > 0 {
            takings.trouble(format!("{strange} lines that name no file"));
        }
        takings.owned(package, files);
        Ok(())
    })
}

/// `requests/api.py,sha256=cQ7T…,6449`. What was compiled afterwards has neither digest nor size.
fn row(line: &str, record: &ImagePath) -> Option<OwnedFile> {
    let (path, rest) = match line.strip_prefix('"') {
        // Quotes within are doubled (RFC 4180, section 2); no installer writes such names.
        Some(quoted) => quoted.split_once("\",")?,
        None => line.split_once(',')?,
    };
    let digest = rest.split(',').next()?;
    let digest = match digest.split_once('=') {
        // The alphabet for addresses (RFC 4648, section 5).
        Some(("sha256", it)) => {
            let it = it.replace('-', "+").replace('_', "/");
            Some(FileDigest::Sha256(base64(it.as_bytes())?))
        }
        Some(_) | None => None,
    };
    // Relative to the directory above, and `..` may lead out of that: to scripts.
    let path = if path.starts_with('/') { path.to_owned() } else { format!("../{path}") };
    (!path.is_empty()).then(|| OwnedFile { path: record.link(&path), digest, config: false })
}
