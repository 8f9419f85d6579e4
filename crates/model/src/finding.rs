//! What an assessment says: findings, why each was made, and why others were not.
use crate::{
    Coverage, Enrichment, Epss, Exploited, Gap, Kind, Located, Namespace, Rating, Restart, Status,
    malware::Malicious,
};
use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an inventory means in the light of one database.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Assessment {
    /// The risks, in the order of the components they concern.
    pub findings: Vec<Finding>,
    /// What could not be compared.
    pub gaps: Vec<Located<Gap>>,
    /// How much of the image the advisories could speak about at all.
    pub coverage: Coverage,
    /// The database that it was made with.
    pub database: String,
}

/// One vulnerability of one component.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Finding {
    /// Index into the inventory's components.
    pub component: usize,
    /// The CVE where there is one, else the identifier of the advisory.
    pub id: String,
    /// Other names of the same vulnerability.
    pub aliases: Vec<String>,
    /// Errata that fix it: `DSA-5649-1`, `ALSA-2024:1234`.
    pub errata: Vec<String>,
    /// What it is about.
    pub kind: Kind,
    /// What has been done about it.
    pub status: Status,
    /// Whether the versions could really be compared.
    pub certain: bool,
    /// The smallest version that is no longer affected, on the installed one's branch.
    pub fixed: Option<String>,
    /// The subscription that one needs for it: `Ubuntu Pro`.
    pub subscription: Option<String>,
    /// How bad: the first known of `ratings`.
    pub severity: Rating,
    /// Everybody's word on it, the closest to the package first.
    pub ratings: Vec<Rating>,
    /// A line for people.
    pub title: String,
    /// Weaknesses, `CWE-79`.
    pub cwes: Vec<String>,
    /// Web pages.
    pub references: Vec<String>,
    /// When it was first published.
    pub published: Option<Timestamp>,
    /// Whether it is known to be exploited.
    pub exploited: Option<Exploited>,
    /// How likely it is to be exploited.
    pub epss: Option<Epss>,
    /// Web pages that show how it is exploited.
    #[serde(default)]
    pub exploits: Vec<String>,
    /// What must be started anew once a fix is in; `None` when nothing is known to.
    #[serde(default)]
    pub restart: Option<Restart>,
    /// How urgent.
    pub priority: Priority,
    /// Why it was reported.
    pub why: Why,
    /// The malicious file that this is about; `None` for what advisories tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<Box<Malicious>>,
    /// What every source said, the one of `why` first.
    pub sources: Vec<Statement>,
}

impl Finding {
    /// What is known of the vulnerability wherever it occurs.
    pub fn known(&self) -> Enrichment {
        Enrichment {
            cve: self.id.clone(),
            epss: self.epss,
            exploited: self.exploited.clone(),
            exploits: self.exploits.clone(),
        }
    }

    /// Takes over what is known of the vulnerability wherever it occurs.
    pub fn enrich(&mut self, known: Enrichment) {
        (self.epss, self.exploited, self.exploits) = (known.epss, known.exploited, known.exploits);
    }

    /// The rating whose vector says from where it can be attacked: that of the closest to the package who gives one.
    pub fn vector(&self) -> Option<&Rating> {
        self.ratings.iter().find(|it| it.attack_vector().is_some())
    }

    /// Whether it is known to be attacked over the network. What nobody gave a vector for may be so all the same.
    pub fn is_remote(&self) -> bool {
        self.vector().and_then(Rating::attack_vector) == Some("N")
    }
}

/// What a finding that does not count is held to be.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Handling {
    /// It is there, and somebody accepts it.
    Accepted,
    /// It is not there, or does no harm.
    NotAffected,
    /// It is mended, whatever the version says.
    Fixed,
    /// Nobody has decided yet, and it is passed over meanwhile.
    PutOff,
}

/// How urgent a finding is, with the reckoning in words.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Priority {
    /// 0 to 100.
    pub value: u8,
    /// `high severity 60, exploited in the wild: at least 90, fix available +5`.
    pub rule: String,
}

/// The comparison that made a finding.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Why {
    /// Where the advisory speaks.
    pub namespace: Namespace,
    /// The package name that was compared.
    pub package: String,
    /// Whether that is the component's source package.
    pub by_source: bool,
    /// The version that was compared.
    pub version: String,
    /// The rule for ordering versions: `dpkg`, `semver`.
    pub scheme: String,
    /// The feed, by its name in `plimsoll db status`.
    pub feed: String,
    /// The advisory.
    pub advisory: String,
    /// The affected versions as the advisory gives them.
    pub range: String,
    /// What was compared: `7.88.1-10 < 7.88.1-10+deb12u5 (dpkg)`.
    pub comparison: String,
}

/// What one source said about a finding.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Statement {
    /// The feed, by its name in `plimsoll db status`.
    pub feed: String,
    /// The feed, for people: `Debian changelogs (derived)`.
    pub title: String,
    /// The advisory.
    pub advisory: String,
    /// What it says has been done.
    pub status: Status,
    /// Whether it counts the installed version among the affected ones.
    pub affects: bool,
    /// The comparison made, or the reason that there was none.
    pub comparison: String,
}

/// What became of a vulnerability that was asked about.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Answer {
    /// Index into the inventory's components; `None` when none has the package.
    pub component: Option<usize>,
    /// Where the advisory speaks; `None` when there is no advisory.
    pub namespace: Option<Namespace>,
    /// The package it speaks of.
    pub package: String,
    /// The feed and the advisory.
    pub advisory: Option<(String, String)>,
    /// What became of it.
    pub verdict: Verdict,
}

/// Why a vulnerability was reported, or was not.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It was: the comparison made.
    Reported(String),
    /// It was, as uncertain: the versions can't be compared.
    Uncertain(String),
    /// The installed version is outside of the affected ones: the comparison made.
    OutOfRange(String),
    /// The distribution says that the package is not affected.
    NotAffected,
    /// A closer source decides, and it does not count the installed version: which, and how.
    Overruled(String),
    /// The advisory is for another release: the one of the image.
    OtherRelease(String),
    /// The advisory is for another module stream: which.
    OtherModule(String),
    /// The advisory is for other architectures: which.
    OtherArchitecture(String),
    /// The advisory was withdrawn: when.
    Withdrawn(String),
    /// It has the package, but nothing tells of which release, so that no advisory applies.
    UnknownRelease(String),
    /// The release gets no more fixes since that day, and its advisories are no longer kept up.
    EndOfLife(Date),
    /// The package is not in the image.
    NoSuchPackage,
    /// No advisory of the database names it.
    NotInDatabase,
    /// It was not published by the moment that was asked about: not before when.
    Younger(String),
}

impl Verdict {
    /// Whether it was reported.
    pub fn is_reported(&self) -> bool {
        matches!(self, Verdict::Reported(_) | Verdict::Uncertain(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Reported(it) => write!(f, "reported: {it}"),
            Verdict::Uncertain(it) => write!(f, "reported as uncertain: {it}"),
            Verdict::OutOfRange(it) => write!(f, "not among the affected versions: {it}"),
            Verdict::NotAffected => f.write_str("the vendor says that it is not affected"),
            Verdict::Overruled(it) => write!(f, "a closer source decides: {it}"),
            Verdict::OtherRelease(it) => write!(f, "for another release than {it}"),
            Verdict::OtherModule(it) => write!(f, "for another module stream: {it}"),
            Verdict::OtherArchitecture(it) => write!(f, "for other architectures: {it}"),
            Verdict::Withdrawn(it) => write!(f, "the advisory was withdrawn ({it})"),
            Verdict::UnknownRelease(it) if it.is_empty() => f.write_str("the release is unknown"),
            Verdict::UnknownRelease(it) => write!(f, "no advisories are known for {it}"),
            Verdict::EndOfLife(it) => write!(f, "the release gets no more fixes since {it}"),
            Verdict::NoSuchPackage => f.write_str("the package is not in the image"),
            Verdict::NotInDatabase => f.write_str("no advisory of the database names it"),
            Verdict::Younger(it) => write!(f, "not published before {it}"),
        }
    }
}
