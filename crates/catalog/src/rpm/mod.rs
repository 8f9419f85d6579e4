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
mod signature;
mod sqlite;

use crate::Cataloger;
use harvest::{Harvest, Read};
use inspect::{Fault, File, Found, Head, Inspector, Malformed, openpgp::Keys};
use model::{Component, Gap, OwnedFile, Reason};
pub(crate) use package::{source, with_epoch};
use std::sync::Arc;

/// Fedora, RHEL since 9, Azure Linux.
pub(crate) const SQLITE: Cataloger = Cataloger {
    name: "rpm-sqlite",
    revision: 1,
    paths: &["rpm/rpmdb.sqlite"],
    parse: |file, found| Harvest::of("rpm-sqlite", file, found, sqlite::read, None),
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
    parse: |file, found| Harvest::of("rpm-ndb", file, found, ndb::read, None),
};

/// Everyone before 2020, and RHEL up to 8.
pub(crate) const BDB: Cataloger = Cataloger {
    name: "rpm-bdb",
    revision: 1,
    paths: &["rpm/Packages"],
    parse: |file, found| Harvest::of("rpm-bdb", file, found, bdb::read, None),
};

/// A cataloger of databases that verifies the signatures of packages as well. What it finds says so of each package.
#[derive(Debug)]
pub struct Verifier {
    cataloger: &'static Cataloger,
    read: Read,
    keys: Arc<Keys>,
}

impl Verifier {
    /// One for each kind of database.
    pub fn all(keys: Keys) -> Vec<Verifier> {
        let keys = Arc::new(keys);
        let all: [(_, Read); 3] = [(&SQLITE, sqlite::read), (&NDB, ndb::read), (&BDB, bdb::read)];
        let verifier = |(cataloger, read)| Verifier { cataloger, read, keys: Arc::clone(&keys) };
        all.into_iter().map(verifier).collect()
    }

    /// The one whose place it takes.
    pub fn cataloger(&self) -> &'static Cataloger {
        self.cataloger
    }
}

impl Inspector for Verifier {
    fn name(&self) -> &'static str {
        self.cataloger.name
    }

    fn wants(&self, head: &Head<'_>) -> bool {
        self.cataloger.wants(head)
    }

    fn inspect(&self, file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
        Harvest::of(self.cataloger.name, file, found, self.read, Some(&self.keys))
    }
}

/// The headers of a package file have no more bytes.
pub(crate) const HEADERS_BYTES: u64 = 64 << 20;
/// What stands in front of the first header of a package file.
const LEAD_BYTES: usize = 96;
/// What stands in front of each header ("The Header Structure").
const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];

/// The package that a package file is, and what it says of its files, from the beginning of it ("RPM v4 file format": a
/// lead, a signature padded to eight bytes, a header).
pub(crate) fn published(start: &[u8]) -> Result<(Component, Vec<OwnedFile>), Fault> {
    let rest = start.get(LEAD_BYTES..).unwrap_or_default();
    let (signature, _) = blob(rest)?;
    let padded = signature.len().next_multiple_of(8).saturating_add(MAGIC.len());
    let (header, _) = blob(rest.get(padded..).unwrap_or_default())?;
    let header = header::Header::parse(header)?;
    let package = package::read(&header)?.ok_or(Malformed::new("a key, and no package"))?;
    let (files, trouble) = owned::read(&header, &mut HEADERS_BYTES.clone());
    match trouble {
        Some(it) => Err(it),
        None => Ok((package.component, files)),
    }
}

/// A header as databases keep it, and what follows it.
fn blob(start: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let none = Malformed::new("a header that is none");
    let rest = start.strip_prefix(&MAGIC).ok_or(none.clone())?;
    let number = |at| bytes(rest, at).map(u32::from_be_bytes).map(u64::from);
    let len = number(0)?.saturating_mul(16).saturating_add(number(4)?).saturating_add(8);
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    rest.split_at_checked(len).ok_or(none)
}

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
mod signature_tests;
#[cfg(test)]
mod tests;
