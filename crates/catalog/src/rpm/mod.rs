//! The databases of packages installed by RPM, in the three kinds of file it has kept them in.
//!
//! Each kind yields the same blobs, one header a package ([`header`]); what they say is put into
//! components and owned files by [`package`] and [`owned`]. A database can be far larger than memory
//! and is hostile: it is read page by page, no page twice, and whatever can't be read becomes a gap
//! while the rest is kept.
mod bdb;
mod harvest;
mod header;
mod ndb;
mod owned;
mod package;
mod record;
mod sqlite;

use crate::Cataloger;
use harvest::Harvest;
use inspect::{Fault, File, Found, Malformed};
use model::{Gap, Reason};
pub(crate) use package::{source, with_epoch};

/// Fedora, RHEL since 9, Azure Linux.
pub(crate) const SQLITE: Cataloger = Cataloger {
    name: "rpm-sqlite",
    revision: 1,
    paths: &["rpm/rpmdb.sqlite"],
    parse: |file, found| Harvest::of("rpm-sqlite", file, found, sqlite::read),
};

/// Changes that SQLite has not yet brought into the database.
pub(crate) const SQLITE_WAL: Cataloger = Cataloger {
    name: "rpm-sqlite-wal",
    revision: 1,
    paths: &["rpm/rpmdb.sqlite-wal", "rpm/rpmdb.sqlite-journal"],
    parse: refuse_log,
};

/// SUSE.
pub(crate) const NDB: Cataloger = Cataloger {
    name: "rpm-ndb",
    revision: 1,
    paths: &["rpm/Packages.db"],
    parse: |file, found| Harvest::of("rpm-ndb", file, found, ndb::read),
};

/// Everyone before 2020, and RHEL up to 8.
pub(crate) const BDB: Cataloger = Cataloger {
    name: "rpm-bdb",
    revision: 1,
    paths: &["rpm/Packages"],
    parse: |file, found| Harvest::of("rpm-bdb", file, found, bdb::read),
};

/// The log is only meaningful together with the database, and a cataloger sees one file. RPM empties
/// it when it is done, so one with content says that the database can't be trusted alone.
fn refuse_log(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    if file.size() > 0 {
        let what = "a log beside rpmdb.sqlite: the packages in it are not seen".to_owned();
        found.gaps.push(Gap::new(SQLITE_WAL.name, Reason::Unsupported(what)));
    }
    Ok(())
}

/// Which pages of a file have been read: a page has one use, so a second visit means a loop, or
/// records that share their content to be larger than the file.
struct Visits {
    bits: Vec<u8>,
    pages: u64,
}

impl Visits {
    fn new(pages: u64) -> Visits {
        let bytes = usize::try_from(pages.div_ceil(8)).unwrap_or_default();
        Visits { bits: vec![0; bytes], pages }
    }

    /// Notes a visit to `page`, counted from 0.
    fn first(&mut self, page: u64) -> Result<(), Malformed> {
        let place = usize::try_from(page / 8).unwrap_or(usize::MAX);
        let bit = 1 << (page % 8);
        let bits = self.bits.get_mut(place).filter(|_| page < self.pages);
        let bits = bits.ok_or_else(|| Malformed(format!("there is no page {page}").into()))?;
        if *bits & bit != 0 {
            return Err(Malformed(format!("page {page} is used twice").into()));
        }
        *bits |= bit;
        Ok(())
    }
}

/// The `N` bytes that begin at `at`.
fn bytes<const N: usize>(page: &[u8], at: usize) -> Result<[u8; N], Malformed> {
    let found = page.get(at..).and_then(|it| it.first_chunk());
    found.copied().ok_or(Malformed::new("a field lies beyond its page"))
}

#[cfg(test)]
mod tests;
