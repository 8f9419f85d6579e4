//! What a scan found: assessed with the advisories that hold for all, and written in the transaction that ends it.
use super::{Center, failure::Failure, notices};
use crate::Scanned;
use assess::Database;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use model::{
    Assessment, Coverage, Ecosystem, Executables, Finding, Gap, Image, ImageConfig, Inventory,
    Located, System,
    malware::{Examined, Signatures},
    report::LayerFacts,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};
use store::{
    Error, Tx, findings,
    quota::Quota,
    rematch,
    scans::{self, Outcome, Scan},
    work::{self, Claim},
};

/// All that is kept of an image besides its components, as JSON.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Detail {
    /// The image as its registry describes it, with its layers.
    pub image: Image,
    /// What was seen of each layer, the oldest first.
    pub layers: Vec<Facts>,
    /// The operating systems in it, the one at the root first.
    pub systems: Vec<System>,
    /// What went unseen.
    pub gaps: Vec<Located<Gap>>,
    /// What is executable, and how much of it is accounted for.
    pub executables: Executables,
    /// The kinds of components in it that were found, and not only claimed.
    pub found: BTreeSet<Ecosystem>,
    /// The kinds of components that attached documents claim.
    pub claimed: BTreeSet<Ecosystem>,
    /// Documents that are attached to it, in words.
    pub attached: Vec<Document>,
    /// Walls around the inspecting processes that could not be put up.
    pub missing_walls: Vec<String>,
    /// How much was looked at for malicious files.
    pub examined: Option<Examined>,
    /// How many packages are signed.
    pub signatures: Option<Signatures>,
}

/// What was seen of a layer.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Facts {
    /// Digest of its uncompressed content.
    pub diff_id: Option<String>,
    /// Bytes, uncompressed.
    pub bytes: u64,
    /// Entries.
    pub entries: u64,
}

/// A document that is attached to an image.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Document {
    /// `sbom` or `vex`.
    pub kind: String,
    /// Its address in the repository.
    pub digest: String,
    /// Its media type, or the type of what it attests.
    pub media_type: String,
    /// What it holds.
    pub summary: String,
    /// What of it could not be understood.
    pub problems: Vec<String>,
}

/// What a scan found.
#[derive(Debug)]
pub(super) enum Found {
    /// This.
    Image(Box<Seen>),
    /// Nothing new: the same analysers have seen it before, and what they saw is kept.
    Known(i64),
}

#[derive(Debug)]
pub(super) struct Seen {
    /// With the malicious files behind the components.
    inventory: Inventory,
    /// Those files.
    malicious: Vec<Finding>,
    keys: Vec<Vec<(String, String)>>,
    assessment: Assessment,
    revision: String,
    system: String,
    platform: String,
    size: i64,
    detail: Vec<u8>,
}

impl Center {
    /// What has been seen of an image already, if the same analysers did.
    pub(super) fn known(&self, claim: &Claim, revision: &str) -> Result<Option<Found>, Failure> {
        let known = self.world.store.read(|tx| scans::known(tx, &claim.digest))?;
        let same = known.filter(|it| it.scanned_at > 0 && it.revision == self.seen_by(revision));
        Ok(same.map(|it| Found::Known(it.id)))
    }

    /// Stands for all that an image is judged by: `revision` for its layers, and what is known of packages.
    fn seen_by(&self, revision: &str) -> String {
        let all = [revision, &self.world.inspection.packages.revision];
        all.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// What an image contains, and what that means.
    pub(super) fn found(&self, mut scanned: Scanned, revision: String) -> Result<Found, Failure> {
        let database = self.in_use()?;
        let today = today(self.now());
        let mut assessment = assessed(&scanned.inventory, &database, today)?;
        let mut keys = assess::keys(&scanned.inventory);
        let detail = Detail::of(&scanned);
        let json = serde_json::to_vec(&detail);
        let json = json.map_err(|err| Failure::Other("internal", err.to_string()))?;
        let malicious = malicious(&mut scanned);
        keys.resize(scanned.inventory.components.len(), Vec::new());
        assessment.findings.extend(malicious.iter().cloned());
        let sizes = scanned.image.layers.iter().map(|it| it.blob.size);
        Ok(Found::Image(Box::new(Seen {
            system: detail.system(),
            platform: scanned.image.platform.as_ref().map(ToString::to_string).unwrap_or_default(),
            size: i64::try_from(sizes.fold(0, u64::saturating_add)).unwrap_or(i64::MAX),
            revision: self.seen_by(&revision),
            inventory: scanned.inventory,
            malicious,
            keys,
            assessment,
            detail: json,
        })))
    }

    /// Stores what was found and ends the scan. Gives the build to assess it with when other advisories hold by now.
    pub(super) fn done(&self, claim: &Claim, found: &mut Found) -> store::Result<()> {
        loop {
            let now = self.now();
            let stale = self.world.store.write(|tx| {
                let stale = match found {
                    Found::Known(image) => scans::again(tx, *image, now).map(|()| None)?,
                    Found::Image(seen) => self.keep(tx, claim, seen, now)?,
                };
                if stale.is_none() {
                    // Last, but for what is said of it, as it keeps others from starting.
                    let end =
                        if matches!(found, Found::Known(_)) { work::known } else { work::done };
                    let charged = end(tx, claim.ticket, now)?;
                    tell_quota(tx, charged, now)?;
                }
                Ok(stale)
            })?;
            let (Found::Image(seen), Some(build)) = (&mut *found, stale) else { return Ok(()) };
            let unusable = |why: Failure| match why {
                Failure::Store(it) => it,
                other => Error::Unavailable(other.to_string()),
            };
            let database = self.database(&build).map_err(unusable)?;
            let again = assessed(&seen.inventory, &database, today(now));
            seen.assessment = again.map_err(unusable)?;
            seen.assessment.findings.extend(seen.malicious.iter().cloned());
        }
    }

    fn keep(
        &self,
        tx: &mut Tx<'_>,
        claim: &Claim,
        seen: &Seen,
        now: i64,
    ) -> store::Result<Option<String>> {
        let gone = || Error::Lost("the image is in no list any more".to_owned());
        let image = scans::known(tx, &claim.digest)?.ok_or_else(gone)?.id;
        let before = findings::malicious(tx, image)?;
        let scan = Scan {
            image,
            at: now,
            build: &seen.assessment.database,
            revision: &seen.revision,
            system: &seen.system,
            platform: &seen.platform,
            size: seen.size,
            inventory: &seen.inventory,
            keys: &seen.keys,
            findings: &seen.assessment.findings,
            coverage: &seen.assessment.coverage,
            verify: claim.again,
            detail: &seen.detail,
        };
        Ok(match scans::succeed(tx, &scan, &assess::priority)? {
            Outcome::Stored => {
                notices::malicious(tx, (image, &claim.digest), &before, now)?;
                None
            }
            Outcome::Stale(build) => Some(build),
        })
    }

    /// Whether there are advisories that hold: whoever starts first decides which.
    pub(super) fn can_match(&self) -> Result<bool, Failure> {
        if !self.databases.is_empty() {
            return Ok(true);
        }
        let build = self.world.store.read(rematch::build)?;
        if build.is_empty() {
            return Ok(false);
        }
        self.database(&build).map(|_| true)
    }

    /// The advisories that hold.
    pub(super) fn in_use(&self) -> Result<Arc<Database>, Failure> {
        let build = self.world.store.read(rematch::build)?;
        self.database(&build)
    }
}

/// Says that the quota is nearly used up, when it is by what was charged.
fn tell_quota(tx: &mut Tx<'_>, charged: Option<Quota>, now: i64) -> store::Result<()> {
    let nearly = |it: &Quota| it.reaches(notices::NEARLY) || it.reaches(100);
    charged.filter(nearly).map_or(Ok(()), |it| notices::quota(tx, it, now))
}

/// Puts the malicious files behind the components, and gives what is found in them.
fn malicious(scanned: &mut Scanned) -> Vec<Finding> {
    let Scanned { image, inventory, packages, .. } = scanned;
    let verdicts = malware::verdicts(inventory, &image.config, packages);
    let rows = verdicts.iter().zip(inventory.components.len()..);
    let (files, findings): (Vec<_>, Vec<_>) =
        rows.map(|(it, component)| malware::finding(it, component)).unzip();
    inventory.components.extend(files);
    findings
}

/// What an inventory means.
pub(super) fn assessed(
    inventory: &Inventory,
    database: &Database,
    today: Date,
) -> Result<Assessment, Failure> {
    let damaged = |err| Failure::Other("advisories", format!("the advisory database: {err}"));
    assess::assess(inventory, database, today).map_err(damaged)
}

pub(super) fn today(now: i64) -> Date {
    Timestamp::from_millisecond(now).unwrap_or_default().to_zoned(TimeZone::UTC).date()
}

impl Detail {
    fn of(scanned: &Scanned) -> Detail {
        let inventory = &scanned.inventory;
        let kinds = |claimed: bool| {
            let some = inventory.components.iter().filter(move |it| it.is_claimed() == claimed);
            some.map(|it| it.what.ecosystem).collect()
        };
        let facts = |it: &LayerFacts| Facts {
            diff_id: it.diff_id.as_ref().map(ToString::to_string),
            bytes: it.bytes,
            entries: it.entries,
        };
        let document = |it: &model::report::AttachedRow| Document {
            kind: it.kind.clone(),
            digest: it.digest.clone(),
            media_type: it.media_type.clone(),
            summary: it.summary.clone(),
            problems: it.problems.clone(),
        };
        Detail {
            // What it is set up to do may hold secrets, and has been judged.
            image: Image { config: ImageConfig::default(), ..scanned.image.clone() },
            layers: scanned.layers.iter().map(facts).collect(),
            systems: inventory.systems.clone(),
            gaps: inventory.gaps.clone(),
            executables: inventory.executables,
            found: kinds(false),
            claimed: kinds(true),
            attached: scanned.attached.rows.iter().map(document).collect(),
            missing_walls: scanned.missing_walls.clone(),
            examined: inventory.examined,
            signatures: inventory.signatures,
        }
    }

    /// The release at its root, for people.
    fn system(&self) -> String {
        let release = self.systems.first().and_then(|it| it.release.as_ref());
        release.map_or_else(String::new, |it| {
            if it.pretty.is_empty() { it.id.clone() } else { it.pretty.clone() }
        })
    }

    /// How much of the image these advisories can speak about on this day. One component of each kind
    /// stands for all.
    pub(super) fn coverage(&self, database: &Database, today: Date) -> Result<Coverage, Failure> {
        let of = |by: &str, kinds: &BTreeSet<Ecosystem>| -> Vec<Located<model::Component>> {
            let located = |it: &Ecosystem| Located {
                what: model::Component::new(*it, "", ""),
                path: None,
                layer: 0,
                by: by.to_owned(),
                system: None,
            };
            kinds.iter().map(located).collect()
        };
        let claimed = Located::<model::Component>::claimed_by("");
        let inventory = Inventory {
            systems: self.systems.clone(),
            components: [of("", &self.found), of(&claimed, &self.claimed)].concat(),
            gaps: self.gaps.clone(),
            executables: self.executables,
            ..Inventory::default()
        };
        assessed(&inventory, database, today).map(|it| it.coverage)
    }
}
