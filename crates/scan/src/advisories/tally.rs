//! What documents come to, and whether that is good enough to take the place of what was there before.
use super::{
    StoreError,
    containers::{self, Fault},
};
use assess::{Feed, Item};
use jiff::Timestamp;
use std::{io, path::Path};

/// Broken documents of which we say what is broken; all are counted.
const NAMED: usize = 100;

/// What reading documents came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Documents, each line of a file of lines being one.
    pub(super) documents: u64,
    /// Those that can't be read, or not wholly.
    pub(super) broken: u64,
    /// What they say.
    pub(super) records: u64,
    /// The first of the broken ones: name and why.
    pub(super) faults: Vec<(String, String)>,
    /// When what they say last changed.
    pub(super) newest: Option<Timestamp>,
    /// Why nobody knows what else there was.
    damage: Option<String>,
}

impl Tally {
    /// Reads the documents of `feed` in the file at `path`, which is called as the end of `name` says; `take` gets what
    /// they say.
    pub(super) fn of(
        feed: &Feed,
        path: &Path,
        name: &Path,
        take: &mut dyn FnMut(&Item) -> io::Result<()>,
    ) -> Result<Tally, StoreError> {
        let mut tally = Tally::default();
        let name = name.file_name().unwrap_or_default().to_string_lossy();
        containers::each(path, &name, &mut |name, content| {
            tally.documents = tally.documents.saturating_add(1);
            let mut taken = Ok(());
            let parsed = content.and_then(|content| {
                let mut emit = |item: Item| {
                    let counts = !matches!(item, Item::Skipped(_));
                    tally.records = tally.records.saturating_add(u64::from(counts));
                    if let Item::Advisory(it) = &item {
                        tally.newest = tally.newest.max(it.modified);
                    }
                    if taken.is_ok() {
                        taken = take(&item);
                    }
                };
                let parsed = (feed.parse)(content, name, &mut emit);
                parsed.map_err(|err| Fault::Document(err.to_string()))
            });
            if let Err(fault) = parsed {
                tally.blame(name, fault);
            }
            taken
        })?;
        Ok(tally)
    }

    fn blame(&mut self, name: &str, fault: Fault) {
        // Foreign text, shown on terminals.
        let name = name.escape_debug().to_string();
        self.broken = self.broken.saturating_add(1);
        if let Fault::Container(_) = fault {
            self.damage = self.damage.take().or_else(|| Some(format!("{name}: {fault}")));
        }
        if self.faults.len() < NAMED {
            self.faults.push((name, fault.to_string()));
        }
    }

    /// The first fault, to stand behind a sentence.
    pub(super) fn first(&self) -> String {
        self.faults.first().map_or(String::new(), |(name, why)| format!(" ({name}: {why})"))
    }

    /// Adds what another reading came to.
    pub(super) fn add(&mut self, other: Tally) {
        self.documents = self.documents.saturating_add(other.documents);
        self.broken = self.broken.saturating_add(other.broken);
        self.records = self.records.saturating_add(other.records);
        let room = NAMED.saturating_sub(self.faults.len());
        self.faults.extend(other.faults.into_iter().take(room));
        self.newest = self.newest.max(other.newest);
        self.damage = self.damage.take().or(other.damage);
    }

    /// Why this can't be put to use where `former` records were before; some broken documents can be borne.
    pub(super) fn judge(&self, former: u64) -> Result<(), String> {
        let Tally { documents, broken, records, .. } = self;
        if let Some(damage) = &self.damage {
            return Err(damage.clone());
        }
        if broken.saturating_mul(100) > *documents {
            let first = self.first();
            return Err(format!("{broken} of {documents} documents can't be read{first}"));
        }
        if records.saturating_mul(2) < former {
            return Err(format!("{former} records before and {records} now"));
        }
        Ok(())
    }
}
