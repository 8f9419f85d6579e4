//! The compiled advisories: one immutable file.
//!
//! ```text
//! magic (8) | schema (u32)
//! blocks of four tables: packages, advisories, identifiers, enrichment
//! index: what stands in which block, with the hash of each block; the feeds; the namespaces
//! offset of the index (u64) | its length (u64) | its SHA-256 (32) | magic (8)
//! ```
//!
//! Numbers are little-endian. Opening verifies the index, reading a block verifies that block, so
//! that a damaged file is found out and never answers wrongly. `docs/decisions/advisory-database.md`
//! says why it is made so.
mod block;
mod build;
mod difference;
mod sorter;
mod source;
mod table;

pub use build::{Builder, Summary};
pub use difference::{changed_enrichment, diff};
pub use sorter::Scratch;

use crate::names;
use jiff::Timestamp;
use model::{Advisory, Affected, Enrichment, Namespace};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use source::Source;
use std::{borrow::Cow, fmt, fs::File, io};
use table::{Cursor, Table};

const MAGIC: &[u8; 8] = b"PLIMSOLL";
/// Raised whenever an older program could not read the file.
const SCHEMA: u32 = 4;
const HEADER: u64 = 12;
const FOOTER: u64 = 56;

/// A compiled database, open for reading. Shared by any number of threads.
#[derive(Debug)]
pub struct Database {
    source: Source,
    index: Index,
    build: String,
}

/// Why a database can't be used.
#[derive(Debug)]
pub enum DatabaseError {
    /// It could not be read.
    Io(io::Error),
    /// It is not one.
    Foreign,
    /// It was made by a newer program: its schema, and ours.
    TooNew(u32, u32),
    /// It is not what was written: what.
    Damaged(String),
}

/// What the database was made of.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Meta {
    /// When it was made.
    pub built: Option<Timestamp>,
    /// The feeds, by name.
    pub feeds: Vec<FeedState>,
}

/// What the database holds of one feed.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct FeedState {
    /// A name of [`crate::FEEDS`].
    pub name: String,
    /// Of when it is.
    pub snapshot: Option<Timestamp>,
    /// How many records it gave.
    pub records: u64,
    /// Under which licence.
    pub licence: String,
    /// Who must be named with it.
    pub attribution: String,
    /// Whether it is what ships with the program, and not what the feed says today.
    pub starter: bool,
    /// The document that could not be fetched for the longest time while others of the feed could.
    pub behind: Option<Behind>,
}

/// A document that is older than the rest of its feed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Behind {
    /// Its name.
    pub document: String,
    /// When it was last known to be what the server has.
    pub since: Timestamp,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct Index {
    meta: Meta,
    /// Every namespace that a feed means to cover, and how many packages it has entries for.
    namespaces: Vec<(Namespace, u64)>,
    /// Namespace, package, feed, advisory: what it says of the package.
    packages: Table,
    /// Feed, advisory: the advisory itself.
    advisories: Table,
    /// Any identifier, feed, advisory: that the advisory has to do with it.
    identifiers: Table,
    /// A vulnerability by any of its names, kind of enrichment: what is known of it wherever it occurs.
    enrichment: Table,
}

/// An advisory, without what it says of each package.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Record {
    pub(crate) advisory: Advisory,
    pub(crate) packages: Vec<(Namespace, String)>,
}

/// What one advisory says of one package.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) feed: String,
    pub(crate) advisory: String,
    pub(crate) affected: Vec<Affected>,
}

/// Looks things up, and remembers where it was: quick for who asks in order.
pub(crate) struct Reader<'a> {
    database: &'a Database,
    packages: Cursor,
    advisories: Cursor,
    identifiers: Cursor,
    enrichment: Cursor,
}

impl Database {
    /// Opens the database in a file. Only the index is read and verified.
    pub fn open(file: File) -> Result<Database, DatabaseError> {
        Database::from_source(Source::file(file)?)
    }

    /// Opens a database that is in memory.
    pub fn from_bytes(bytes: impl Into<Cow<'static, [u8]>>) -> Result<Database, DatabaseError> {
        Database::from_source(Source::Bytes(bytes.into()))
    }

    fn from_source(source: Source) -> Result<Database, DatabaseError> {
        let mut head = Vec::new();
        source.read(0, HEADER.min(source.len()), &mut head)?;
        let (magic, schema) = head.split_first_chunk().ok_or(DatabaseError::Foreign)?;
        if magic != MAGIC {
            return Err(DatabaseError::Foreign);
        }
        let schema = schema.first_chunk().map(|it| u32::from_le_bytes(*it));
        match schema.ok_or_else(|| damaged("ends early"))? {
            SCHEMA => {}
            newer if newer > SCHEMA => return Err(DatabaseError::TooNew(newer, SCHEMA)),
            older => return Err(DatabaseError::Damaged(format!("schema {older}"))),
        }
        let (bytes, hash) = index(&source)?;
        let index = postcard::from_bytes(&bytes).map_err(|it| damaged(&it.to_string()))?;
        let build = hash.iter().take(8).map(|it| format!("{it:02x}")).collect();
        Ok(Database { source, index, build })
    }

    /// Reads everything and holds it against its hashes.
    pub fn verify(&self) -> Result<(), DatabaseError> {
        let Index { packages, advisories, identifiers, enrichment, .. } = &self.index;
        [packages, advisories, identifiers, enrichment]
            .iter()
            .try_for_each(|it| it.verify(&self.source))
    }

    /// Which database it is: sixteen hexadecimal digits, equal only for equal content.
    pub fn build(&self) -> &str {
        &self.build
    }

    /// What it was made of.
    pub fn meta(&self) -> &Meta {
        &self.index.meta
    }

    /// The namespaces that a feed means to cover, and how many entries there are for each.
    pub fn namespaces(&self) -> &[(Namespace, u64)] {
        &self.index.namespaces
    }

    /// How many advisories it holds.
    pub fn advisories(&self) -> u64 {
        self.index.advisories.len()
    }

    /// Whether a feed means to cover a namespace. That our own table names a few vulnerabilities in it does not count.
    pub fn covers(&self, namespace: &Namespace) -> bool {
        self.index.namespaces.binary_search_by(|it| it.0.cmp(namespace)).is_ok()
    }

    /// The packages of a namespace that any advisory speaks of.
    pub fn packages(&self, namespace: &Namespace) -> Result<Vec<String>, DatabaseError> {
        let mut packages: Vec<String> = Vec::new();
        let prefix = format!("{namespace}\0");
        let cursor = Cursor::default();
        self.index.packages.scan(&self.source, &cursor, prefix.as_bytes(), |key, _| {
            let package = key.get(prefix.len()..).and_then(|it| it.split(|it| *it == 0).next());
            let package = String::from_utf8_lossy(package.unwrap_or_default());
            if packages.last().is_none_or(|it| *it != package) {
                packages.push(package.into_owned());
            }
            Ok(true)
        })?;
        Ok(packages)
    }

    /// What is known of a vulnerability wherever it occurs.
    pub fn enrichment(&self, cve: &str) -> Result<Enrichment, DatabaseError> {
        self.reader().enrichment(cve)
    }

    /// Whether it holds nothing but what ships with the program.
    pub fn is_starter(&self) -> bool {
        self.index.meta.feeds.iter().all(|it| it.starter)
    }

    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader {
            database: self,
            packages: Cursor::default(),
            advisories: Cursor::default(),
            identifiers: Cursor::default(),
            enrichment: Cursor::default(),
        }
    }
}

/// The index of a database, verified, and its hash.
fn index(source: &Source) -> Result<(Vec<u8>, [u8; 32]), DatabaseError> {
    let at = source.len().checked_sub(FOOTER).ok_or_else(|| damaged("ends early"))?;
    let mut footer = Vec::new();
    source.read(at, FOOTER, &mut footer)?;
    let cut = || damaged("ends early");
    let (offset, rest) = footer.split_first_chunk().ok_or_else(cut)?;
    let (len, rest) = rest.split_first_chunk().ok_or_else(cut)?;
    let (hash, magic) = rest.split_first_chunk::<32>().ok_or_else(cut)?;
    let (offset, len) = (u64::from_le_bytes(*offset), u64::from_le_bytes(*len));
    if magic != MAGIC || offset.checked_add(len) != Some(at) {
        return Err(cut());
    }
    let mut bytes = Vec::new();
    source.read(offset, len, &mut bytes)?;
    let found: [u8; 32] = Sha256::digest(&bytes).into();
    if found != *hash {
        return Err(damaged("index"));
    }
    Ok((bytes, found))
}

impl Reader<'_> {
    /// What every advisory says of a package.
    pub(crate) fn entries(
        &self,
        namespace: &Namespace,
        package: &str,
    ) -> Result<Vec<Entry>, DatabaseError> {
        let key = names::key(namespace, package);
        let mut found = Vec::new();
        let Database { source, index, .. } = self.database;
        index.packages.scan(source, &self.packages, key.as_bytes(), |at, value| {
            let (feed, advisory) = pair(at.get(key.len()..).unwrap_or_default())?;
            let mut affected: Vec<Affected> = decode(value)?;
            for it in &mut affected {
                it.namespace = namespace.clone();
                if it.package.is_empty() {
                    it.package = key.split('\0').nth(1).unwrap_or_default().to_owned();
                }
            }
            found.push(Entry { feed, advisory, affected });
            Ok(true)
        })?;
        Ok(found)
    }

    /// An advisory.
    pub(crate) fn record(&self, feed: &str, id: &str) -> Result<Option<Record>, DatabaseError> {
        let mut found = None;
        let Database { source, index, .. } = self.database;
        let key = format!("{feed}\0{id}\0");
        index.advisories.scan(source, &self.advisories, key.as_bytes(), |_, value| {
            found = Some(decode(value)?);
            Ok(false)
        })?;
        Ok(found)
    }

    /// The advisories that have to do with an identifier: feed and advisory.
    pub(crate) fn named(&self, id: &str) -> Result<Vec<(String, String)>, DatabaseError> {
        let mut found = Vec::new();
        let Database { source, index, .. } = self.database;
        let key = format!("{id}\0");
        index.identifiers.scan(source, &self.identifiers, key.as_bytes(), |at, _| {
            found.push(pair(at.get(key.len()..).unwrap_or_default())?);
            Ok(true)
        })?;
        Ok(found)
    }

    /// What is known of a vulnerability wherever it occurs.
    pub(crate) fn enrichment(&self, cve: &str) -> Result<Enrichment, DatabaseError> {
        let mut found = Enrichment { cve: cve.to_owned(), ..Enrichment::default() };
        let Database { source, index, .. } = self.database;
        let key = format!("{cve}\0");
        index.enrichment.scan(source, &self.enrichment, key.as_bytes(), |_, value| {
            let it: Enrichment = decode(value)?;
            found.epss = it.epss.or(found.epss);
            found.exploited = it.exploited.or_else(|| found.exploited.take());
            let new = |url: &String| !found.exploits.contains(url);
            let more: Vec<String> = it.exploits.into_iter().filter(new).collect();
            found.exploits.extend(more);
            Ok(true)
        })?;
        Ok(found)
    }
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DatabaseError> {
    postcard::from_bytes(bytes).map_err(|it| damaged(&it.to_string()))
}

/// `feed\0advisory\0`.
fn pair(key: &[u8]) -> Result<(String, String), DatabaseError> {
    let text = str::from_utf8(key).map_err(|it| damaged(&it.to_string()))?;
    let (feed, advisory) = text.split_once('\0').ok_or_else(|| damaged("key"))?;
    Ok((feed.to_owned(), advisory.trim_end_matches('\0').to_owned()))
}

fn damaged(what: &str) -> DatabaseError {
    DatabaseError::Damaged(what.to_owned())
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseError::Io(it) => write!(f, "the advisory database can't be read: {it}"),
            DatabaseError::Foreign => f.write_str("this is not an advisory database"),
            DatabaseError::TooNew(found, known) => write!(
                f,
                "the advisory database has schema {found}, and this program reads {known}: \
                 install a newer version of the program, or run `db update` with this one"
            ),
            DatabaseError::Damaged(what) => {
                write!(f, "the advisory database is damaged ({what}): run `db update`")
            }
        }
    }
}

impl std::error::Error for DatabaseError {}

#[cfg(test)]
mod tests;
