//! Builds a database. What is added is encoded at once; whole advisories are sorted first, then
//! the entries made of them, so that the result depends only on what was added and not on when.
use super::{
    FOOTER, FeedState, Index, MAGIC, Meta, Record, SCHEMA, Scratch,
    sorter::{Shared, Sorted, Sorter},
    table::{Output, Table, Writer},
};
use crate::{Item, feeds, names};
use model::{Advisory, Affected, Enrichment, Namespace};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

/// Takes what feeds say and makes a database of it.
pub struct Builder {
    meta: Meta,
    advisories: Sorter,
    enrichment: Sorter,
    spill: Option<(Shared, usize)>,
    records: BTreeMap<String, u64>,
    skipped: BTreeMap<String, u64>,
    /// The vulnerabilities of feeds that are selections.
    selected: BTreeSet<String>,
}

/// What was built.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// Advisories.
    pub advisories: u64,
    /// What they say of packages: entries of a package in a namespace.
    pub entries: u64,
    /// Vulnerabilities with enrichment, each kind counted.
    pub enrichment: u64,
    /// What could not be used, and how often.
    pub skipped: BTreeMap<String, u64>,
    /// Bytes of the file.
    pub bytes: u64,
}

impl Builder {
    /// A builder that keeps everything in memory, about 100 bytes for each entry of a package.
    pub fn new(meta: Meta) -> Builder {
        Builder::with(meta, None)
    }

    /// A builder that keeps no more than about twice `bytes` in memory, and the rest in `scratch`.
    pub fn with_scratch(meta: Meta, scratch: Box<dyn Scratch>, bytes: usize) -> Builder {
        Builder::with(meta, Some((Shared::new(scratch), bytes)))
    }

    fn with(meta: Meta, spill: Option<(Shared, usize)>) -> Builder {
        Builder {
            meta,
            advisories: Sorter::new(spill.clone()),
            enrichment: Sorter::new(spill.clone()),
            spill,
            records: BTreeMap::new(),
            skipped: BTreeMap::new(),
            selected: BTreeSet::new(),
        }
    }

    /// Adds what a feed says. The newest of several versions of an advisory counts; versions of
    /// the same time are parts of one, as the feeds that have a file for each release give them.
    pub fn add(&mut self, item: &Item) -> io::Result<()> {
        match item {
            Item::Advisory(it) => {
                count(&mut self.records, &it.feed);
                if feeds::is_selection(&it.feed) {
                    self.selected.insert(it.id.clone());
                }
                let key = format!("{}\0{}\0", it.feed, it.id);
                self.advisories.push(key.as_bytes(), &encode(it)?)
            }
            Item::Enrichment(it) => {
                let kind = if it.epss.is_some() { "epss" } else { "kev" };
                count(&mut self.records, kind);
                let key = format!("{}\0{kind}\0", it.cve);
                self.enrichment.push(key.as_bytes(), &encode(it)?)
            }
            Item::Skipped(what) => {
                count(&mut self.skipped, what);
                Ok(())
            }
        }
    }

    /// Says what it was made of, where only reading it tells.
    pub fn describe(&mut self, meta: Meta) {
        self.meta = meta;
    }

    /// Writes the database.
    pub fn finish(mut self, to: &mut impl Write) -> io::Result<Summary> {
        let mut output = Output { to, offset: 0 };
        output.write(MAGIC)?;
        output.write(&SCHEMA.to_le_bytes())?;
        let mut packages = Sorter::new(self.spill.clone());
        let mut identifiers = Sorter::new(self.spill.clone());
        let mut sorted = std::mem::replace(&mut self.advisories, Sorter::new(None)).finish()?;
        let mut writer = Writer::default();
        let mut selection =
            Selection { ids: std::mem::take(&mut self.selected), ..Selection::default() };
        while let Some((key, group)) = group(&mut sorted)? {
            let mut advisory =
                united(group.iter().map(|it| decode(it)).collect::<io::Result<_>>()?);
            for id in identifiers_of(&advisory) {
                identifiers.push(&[id.as_bytes(), b"\0", &key].concat(), &[])?;
            }
            for it in shown(&mut advisory) {
                let key = [it.cve.as_bytes(), b"\0", &key].concat();
                self.enrichment.push(&key, &encode(&it)?)?;
            }
            let record = split(advisory, &key, &mut packages, &mut selection)?;
            writer.push(&key, &encode(&record)?, &mut output)?;
        }
        drop(sorted);
        selection.finish(&mut packages)?;
        let advisories = writer.finish(&mut output)?;
        let mut namespaces = BTreeMap::new();
        let packages = table(packages, &mut output, |key| {
            let mut parts = key.split(|it| *it == 0).map(String::from_utf8_lossy);
            let (namespace, feed) =
                (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
            if !feeds::is_selection(&feed) {
                count(&mut namespaces, &namespace);
            }
        })?;
        let identifiers = table(identifiers, &mut output, |_| ())?;
        let enrichment = table(self.enrichment, &mut output, |_| ())?;
        let mut summary = Summary {
            advisories: advisories.len(),
            entries: packages.len(),
            enrichment: enrichment.len(),
            skipped: self.skipped,
            bytes: 0,
        };
        let namespaces = namespaces.into_iter().map(|(it, n)| (Namespace::new(&it), n)).collect();
        let meta = described(self.meta, &self.records);
        let index = Index { meta, namespaces, packages, advisories, identifiers, enrichment };
        finish(&index, &mut output)?;
        summary.bytes = output.offset;
        Ok(summary)
    }
}

/// Writes the index and the footer.
fn finish<W: Write>(index: &Index, output: &mut Output<'_, W>) -> io::Result<()> {
    let bytes = encode(index)?;
    let offset = output.offset;
    output.write(&bytes)?;
    let len = output.offset.saturating_sub(offset);
    let mut footer = Vec::new();
    footer.extend(offset.to_le_bytes());
    footer.extend(len.to_le_bytes());
    footer.extend(Sha256::digest(&bytes));
    footer.extend(MAGIC);
    debug_assert_eq!(u64::try_from(footer.len()).ok(), Some(FOOTER));
    output.write(&footer)
}

/// The feeds that were given, and those that were only read, by name, with their records.
fn described(mut meta: Meta, records: &BTreeMap<String, u64>) -> Meta {
    for name in records.keys() {
        if !meta.feeds.iter().any(|it| it.name == *name) {
            meta.feeds.push(FeedState { name: name.clone(), ..FeedState::default() });
        }
    }
    for it in &mut meta.feeds {
        it.records = records.get(&it.name).copied().unwrap_or_default();
        if let Some(feed) = feeds::feed(&it.name) {
            it.licence = feed.licence.to_owned();
            it.attribution = feed.attribution.to_owned();
        }
    }
    meta.feeds.sort_by(|a, b| a.name.cmp(&b.name));
    meta
}

/// Writes a whole table; of several values of one key, the last.
fn table<W: Write>(
    sorter: Sorter,
    output: &mut Output<'_, W>,
    mut each: impl FnMut(&[u8]),
) -> io::Result<Table> {
    let mut sorted = sorter.finish()?;
    let mut writer = Writer::default();
    while let Some((key, mut values)) = group(&mut sorted)? {
        each(&key);
        writer.push(&key, &values.pop().unwrap_or_default(), output)?;
    }
    writer.finish(output)
}

type Group = (Vec<u8>, Vec<Vec<u8>>);

/// The next key, with all its values.
fn group(sorted: &mut Sorted) -> io::Result<Option<Group>> {
    let Some((key, value)) = sorted.next()? else { return Ok(None) };
    let mut values = vec![value];
    while sorted.peek_is(&key) {
        values.extend(sorted.next()?.map(|it| it.1));
    }
    Ok(Some((key, values)))
}

/// One advisory of all that was said under its name.
fn united(mut versions: Vec<Advisory>) -> Advisory {
    let newest = versions.iter().filter_map(|it| it.modified).max();
    versions.retain(|it| it.modified == newest);
    let mut versions = versions.into_iter();
    let mut one = versions.next().unwrap_or_default();
    for it in versions {
        one.affected.extend(it.affected);
        for (all, more) in [
            (&mut one.aliases, it.aliases),
            (&mut one.covers, it.covers),
            (&mut one.cwes, it.cwes),
            (&mut one.references, it.references),
            (&mut one.exploits, it.exploits),
        ] {
            let new: Vec<String> = more.into_iter().filter(|it| !all.contains(it)).collect();
            all.extend(new);
        }
        one.severities.extend(it.severities);
        if one.title.is_empty() {
            one.title = it.title;
        }
    }
    one.severities.sort();
    one.severities.dedup();
    one
}

/// Every identifier under which somebody may ask for an advisory.
fn identifiers_of(advisory: &Advisory) -> BTreeSet<&str> {
    let others = advisory.aliases.iter().chain(&advisory.covers);
    others.chain([&advisory.id]).map(String::as_str).collect()
}

/// Takes out the pages that show how the vulnerability is exploited: that holds wherever it occurs, by whichever of its names.
/// Of several vulnerabilities nobody can tell which one is meant.
fn shown(advisory: &mut Advisory) -> Vec<Enrichment> {
    let exploits = std::mem::take(&mut advisory.exploits);
    if exploits.is_empty() || advisory.withdrawn.is_some() || advisory.covers.len() > 1 {
        return Vec::new();
    }
    let named = |it: &str| Enrichment {
        cve: it.to_owned(),
        exploits: exploits.clone(),
        ..Enrichment::default()
    };
    identifiers_of(advisory).into_iter().map(named).collect()
}

/// Takes an advisory apart: what it says of packages goes to `packages`, unless it was withdrawn.
fn split(
    mut advisory: Advisory,
    key: &[u8],
    packages: &mut Sorter,
    selection: &mut Selection,
) -> io::Result<Record> {
    let is_selected = feeds::is_selection(&advisory.feed);
    if !is_selected {
        selection.note(&advisory);
    }
    let mut by_package: BTreeMap<String, Vec<Affected>> = BTreeMap::new();
    let mut named = BTreeSet::new();
    for mut it in std::mem::take(&mut advisory.affected) {
        named.insert((it.namespace.clone(), it.package.clone()));
        let package = names::key(&it.namespace, &it.package);
        if package.split('\0').nth(1) == Some(&it.package) {
            it.package.clear();
        }
        it.namespace = Namespace::new("");
        by_package.entry(package).or_default().push(it);
    }
    for (package, mut affected) in by_package {
        affected.sort();
        affected.dedup();
        if advisory.withdrawn.is_some() {
            continue;
        }
        let (entry, affected) = ([package.as_bytes(), key].concat(), encode(&affected)?);
        match is_selected {
            true => selection.held.push((advisory.id.clone(), entry, affected)),
            false => packages.push(&entry, &affected)?,
        }
    }
    Ok(Record { advisory, packages: named.into_iter().collect() })
}

/// What a selection says counts only where nobody else speaks of the same vulnerability: those who mean to know all
/// of a namespace know its packages better.
#[derive(Default)]
struct Selection {
    ids: BTreeSet<String>,
    /// Vulnerabilities of the selection that others speak of, and in which namespaces.
    spoken: BTreeSet<(String, Vec<u8>)>,
    /// What the selection says: vulnerability, key and value of the entry.
    held: Vec<(String, Vec<u8>, Vec<u8>)>,
}

impl Selection {
    /// Notes what somebody else speaks of.
    fn note(&mut self, advisory: &Advisory) {
        if advisory.withdrawn.is_some() {
            return;
        }
        for id in identifiers_of(advisory).into_iter().filter(|it| self.ids.contains(*it)) {
            let namespaces = advisory.affected.iter().map(|it| it.namespace.as_str());
            self.spoken.extend(namespaces.map(|it| (id.to_owned(), it.into())));
        }
    }

    /// Adds what nobody else speaks of.
    fn finish(self, packages: &mut Sorter) -> io::Result<()> {
        for (id, key, affected) in self.held {
            let namespace = key.split(|it| *it == 0).next().unwrap_or_default().to_owned();
            if !self.spoken.contains(&(id, namespace)) {
                packages.push(&key, &affected)?;
            }
        }
        Ok(())
    }
}

fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(it) => *it = it.saturating_add(1),
        None => drop(counts.insert(name.to_owned(), 1)),
    }
}

fn encode(it: &impl Serialize) -> io::Result<Vec<u8>> {
    postcard::to_allocvec(it).map_err(io::Error::other)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    postcard::from_bytes(bytes).map_err(io::Error::other)
}
