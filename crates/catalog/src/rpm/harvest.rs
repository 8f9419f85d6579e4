//! What a database has yielded so far, within limits that no content can raise.
use super::{header::Header, owned, package, signature};
use inspect::{Fault, File, Found, Malformed, openpgp::Keys};
use model::{Gap, Owned, Reason, Signed};
use std::{borrow::Cow, collections::BTreeMap};

/// The largest header taken: the largest in Fedora has some 20 MB.
const HEADER_BYTES: u64 = 64 << 20;
/// The most memory that the components of one database may take: some 200 000 of the usual size.
const COMPONENTS_BYTES: u64 = 128 << 20;
/// The most memory that the owned files of one database may take: some two million.
const OWNED_BYTES: u64 = 256 << 20;
/// How many troubles are told apart; more are only counted.
const TROUBLES: u64 = 50;

/// Brings in what a file has.
pub(super) type Read = fn(&File<'_>, &mut Harvest<'_>) -> Result<(), Fault>;

/// Takes in the headers of one database.
pub(super) struct Harvest<'a> {
    by: &'static str,
    found: &'a mut Found,
    /// By which signatures are verified; none: nobody wants to know.
    keys: Option<&'a Keys>,
    /// Why signatures were not verified, and how many.
    unverified: BTreeMap<&'static str, u64>,
    /// How many bytes the records to come can have: all together are no larger than the file.
    unread: u64,
    components_room: u64,
    owned_room: u64,
    troubles: u64,
}

impl Harvest<'_> {
    /// Lets `read` bring in what `file` has.
    pub(super) fn of(
        by: &'static str,
        file: &File<'_>,
        found: &mut Found,
        read: Read,
        keys: Option<&Keys>,
    ) -> Result<(), Fault> {
        let mut harvest = Harvest {
            by,
            found,
            keys,
            unverified: BTreeMap::new(),
            unread: file.size(),
            components_room: COMPONENTS_BYTES,
            owned_room: OWNED_BYTES,
            troubles: 0,
        };
        let outcome = read(file, &mut harvest);
        if harvest.troubles > TROUBLES {
            let more = harvest.troubles.saturating_sub(TROUBLES);
            let reason = Reason::Malformed(format!("{more} more places that can't be read"));
            harvest.found.gaps.push(Gap::new(by, reason));
        }
        for (why, count) in harvest.unverified {
            let what = format!("signatures of {count} packages, which are not verified: {why}");
            harvest.found.gaps.push(Gap::new(by, Reason::Unsupported(what)));
        }
        outcome
    }

    /// Whether a record of `len` bytes may be put together.
    pub(super) fn permit(&self, len: u64) -> Result<(), Fault> {
        if len > HEADER_BYTES {
            return Err(Fault::TooLarge(format!("a record of {len} bytes")));
        }
        if len > self.unread {
            return Err(Malformed::new("the records are larger than the file").into());
        }
        Ok(())
    }

    /// Takes in one record, if it could be read; if not, says so and lets the others come.
    pub(super) fn record(&mut self, record: Result<Cow<'_, [u8]>, Fault>) -> Result<(), Fault> {
        if let Ok(it) = &record {
            self.unread = self.unread.saturating_sub(u64::try_from(it.len()).unwrap_or(u64::MAX));
        }
        match record.and_then(|it| self.header(&it)) {
            Ok(()) => Ok(()),
            Err(fault) => self.trouble(fault),
        }
    }

    /// Notes what went unseen; fails only where the failure is ours.
    pub(super) fn trouble(&mut self, fault: Fault) -> Result<(), Fault> {
        self.trouble_with("", fault)
    }

    fn trouble_with(&mut self, whose: &str, fault: Fault) -> Result<(), Fault> {
        let reason = match fault {
            Fault::Io(_) => return Err(fault),
            Fault::Malformed(it) => Reason::Malformed(format!("{whose}{}", it.0)),
            Fault::TooLarge(it) => Reason::TooLarge(format!("{whose}{it}")),
            Fault::Unsupported(it) => Reason::Unsupported(format!("{whose}{it}")),
            Fault::Encrypted => Reason::Encrypted,
        };
        self.troubles = self.troubles.saturating_add(1);
        if self.troubles <= TROUBLES {
            self.found.gaps.push(Gap::new(self.by, reason));
        }
        Ok(())
    }

    fn header(&mut self, blob: &[u8]) -> Result<(), Fault> {
        let mut header = Header::parse(blob)?;
        let Some(mut package) = package::read(&header)? else { return Ok(()) };
        let mut signed = Signed::Unchecked;
        if let Some(keys) = self.keys {
            let (verdict, region, why) = signature::verify(&header, keys);
            signed = verdict;
            if let Some(why) = why {
                let count = self.unverified.entry(why).or_default();
                *count = count.saturating_add(1);
            }
            // What stands behind it could say anything.
            if let Some(region) = region {
                package = package::read(&region)?.unwrap_or(package);
                header = region;
            }
        }
        let left = self.components_room.checked_sub(package.weight());
        let too_many = || Fault::TooLarge(format!("no room for package {}", package.label));
        self.components_room = left.ok_or_else(too_many)?;
        self.found.components.push(package.component);
        let whose = format!("{}: ", package.label);
        if let Some(doubt) = package.doubt {
            self.trouble_with(&whose, doubt.into())?;
        }
        let (files, trouble) = owned::read(&header, &mut self.owned_room);
        if let Some(trouble) = trouble {
            self.trouble_with(&whose, trouble)?;
        }
        if !files.is_empty() || signed != Signed::Unchecked {
            self.found.owned.push(Owned { package: package.label, files, signed });
        }
        Ok(())
    }
}
