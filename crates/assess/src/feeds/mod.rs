//! Where advisories come from: one module a feed, one line per module below.
mod alpine_secdb;
mod cpe;
mod debian_archive;
mod debian_changelog;
mod debian_changelogs;
mod debian_tracker;
mod epss;
mod exploits;
mod friendsofphp;
mod ghsa;
mod interval;
mod json;
mod kev;
mod notorious;
mod nvd;
mod osv;
mod retire_js;
mod rubysec;
mod yaml;

pub use debian_archive::{
    ArchiveFile, ArchiveSource, add as add_source, changelog_of_diff, release, sources,
};
pub use debian_changelogs::{Upload, first_fixed, is_stable_update};

use crate::ranges;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use model::{Advisory, Enrichment};
use std::{borrow::Cow, fmt};

/// Every feed. Adding one is a module, a line here, and a folder of fixtures.
pub const FEEDS: &[Feed] = &[
    alpine_secdb::FEED,
    debian_changelogs::FEED,
    debian_tracker::FEED,
    epss::FEED,
    friendsofphp::FEED,
    ghsa::FEED,
    kev::FEED,
    notorious::FEED,
    nvd::FEED,
    osv::FEED,
    retire_js::FEED,
    rubysec::FEED,
];

/// Who gave a severity that is only the urgency of an upload.
pub(crate) const UPLOAD_URGENCY: &str = "upload urgency";

/// Who gave a severity that our own table repeats.
pub(crate) const PUBLISHED: &str = "as published";

/// Whether a feed is a selection, so that nothing follows from what it does not speak of.
pub(crate) fn is_selection(feed: &str) -> bool {
    feed == notorious::FEED.name
}

/// Somebody who publishes advisories.
#[derive(Debug)]
pub struct Feed {
    /// A stable name, for settings, the database and fixtures.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Where it is.
    pub places: &'static [Place],
    /// Under which licence, as an SPDX identifier where there is one.
    pub licence: &'static str,
    /// Who must be named with it; empty when nobody asks.
    pub attribution: &'static str,
    /// Whether it is read unless switched off.
    pub default: bool,
    /// Whether whoever is closer overrules it: it is our own reading of somebody's files, or names products and not
    /// packages.
    pub derived: bool,
    /// Reads one document: a record, a file of records a line, one member of an archive. Its name
    /// tells the release where the content does not. What was emitted before an error is good.
    pub parse: fn(document: &[u8], name: &str, emit: Emit<'_>) -> Result<(), Malformed>,
}

/// Takes what a feed says.
pub type Emit<'a> = &'a mut dyn FnMut(Item);

/// What a feed says.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Something about packages.
    Advisory(Box<Advisory>),
    /// Something about a vulnerability, wherever it occurs.
    Enrichment(Enrichment),
    /// Something that we can't use: what. Counted, not lost in silence.
    Skipped(String),
}

/// A place to read documents from.
#[derive(Debug)]
pub struct Place {
    /// The address; `{...}` stands for one of `values`.
    pub url: &'static str,
    /// What to put in there: ecosystems, releases.
    pub values: &'static [&'static str],
}

/// The document is not what it should be: how.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Malformed(pub Cow<'static, str>);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

impl From<serde_json::Error> for Malformed {
    fn from(it: serde_json::Error) -> Malformed {
        Malformed(it.to_string().into())
    }
}

/// The feed of that name.
pub fn feed(name: &str) -> Option<&'static Feed> {
    FEEDS.iter().find(|it| it.name == name)
}

/// Whether a document is a record: alone, or in one of those folders of an archive and with that ending; what else is in an
/// archive is about the records.
fn is_member(name: &str, folders: &[&str], ending: &str) -> bool {
    !name.contains('/') || name.ends_with(ending) && folders.iter().any(|it| name.contains(it))
}

/// The beginning of a day that is written `2024-02-29`.
fn midnight(day: &str) -> Option<Timestamp> {
    let day: Date = day.parse().ok()?;
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

impl Place {
    /// A place that is one address.
    const fn one(url: &'static str) -> Place {
        Place { url, values: &[] }
    }

    /// Every address that it stands for; blanks are encoded.
    pub fn urls(&self) -> Vec<String> {
        let Some((before, (_, after))) =
            self.url.split_once('{').and_then(|(it, rest)| Some((it, rest.split_once('}')?)))
        else {
            return vec![self.url.to_owned()];
        };
        let url = |it: &&str| format!("{before}{}{after}", it.replace(' ', "%20"));
        self.values.iter().map(url).collect()
    }
}

#[cfg(test)]
mod tests;
