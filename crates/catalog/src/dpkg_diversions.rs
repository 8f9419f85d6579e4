//! Which files of one package another one has moved aside: dpkg's own list (dpkg-divert(1), "FILES"). Each diversion is
//! three lines: the path, where the file goes instead, and the package for which it stays; a colon stands for the
//! administrator.
use crate::{Cataloger, takings::Takings};
use inspect::{Fault, File, Found};
use model::{Diversion, ImagePath};

pub(crate) const CATALOGER: Cataloger =
    Cataloger { name: "dpkg-diversions", revision: 1, paths: &["dpkg/diversions"], parse };

fn parse(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    let bytes = file.whole()?;
    let mut lines = bytes.split(|it| *it == b'\n').filter(|it| !it.is_empty());
    Takings::of(CATALOGER.name, found, |takings| {
        while let Some(from) = lines.next() {
            let diversion = lines.next().zip(lines.next()).and_then(|(to, by)| {
                let by = String::from_utf8_lossy(by).into_owned();
                Some(Diversion { from: path(from)?, to: path(to)?, by })
            });
            match diversion {
                Some(it) => takings.diversion(it)?,
                None => takings.trouble("a diversion that is not of three lines".to_owned()),
            }
        }
        Ok(())
    })
}

fn path(line: &[u8]) -> Option<ImagePath> {
    line.starts_with(b"/").then(|| ImagePath::parse(line).ok())?
}
