//! What a feed says about a vulnerability.
use crate::{Distribution, Ecosystem};
use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A universe of package names in which an advisory speaks, as OSV writes it: `npm`, `Debian:12`,
/// `Alpine:v3.20`, `openEuler:22.03-LTS-SP4` (OSV schema, `affected[].package.ecosystem`).
#[derive(
    Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct Namespace(Box<str>);

impl Namespace {
    /// Where names are those of products, `vendor:product`, as in the CPE names of the NVD.
    pub const NVD: &str = "NVD";

    /// The namespace of a language ecosystem; `None` for those of distributions.
    pub fn language(ecosystem: Ecosystem) -> Option<Namespace> {
        Some(Namespace(ecosystem.osv()?.into()))
    }

    /// One of a distribution's namespaces.
    pub fn new(text: &str) -> Namespace {
        Namespace(text.into())
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a distribution's, and not a language's or one of products.
    pub fn is_distribution(&self) -> bool {
        let name = self.0.split(':').next().unwrap_or_default();
        name != Namespace::NVD && Ecosystem::from_osv(name).is_none()
    }

    /// Whose naming and ordering rules hold in it; `None` when we know nothing of it.
    pub fn ecosystem(&self) -> Option<Ecosystem> {
        let name = self.0.split(':').next().unwrap_or_default();
        let product = (name == Namespace::NVD).then_some(Ecosystem::Generic);
        let language = product.or_else(|| Ecosystem::from_osv(name));
        language.or_else(|| Some(Distribution::from_osv(name)?.ecosystem))
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One published statement about vulnerabilities and the packages that have them.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Advisory {
    /// Native identifier: `CVE-2024-3094`, `DSA-5649-1`, `GHSA-...`.
    pub id: String,
    /// The feed it came from, a name of `assess::FEEDS`.
    pub feed: String,
    /// What it is about.
    pub kind: Kind,
    /// Other names of the very same vulnerability.
    pub aliases: Vec<String>,
    /// The vulnerabilities that this advisory is a statement on, where it is not one itself: the
    /// CVEs of an erratum, or the one of a distribution's record. One finding each.
    pub covers: Vec<String>,
    /// A line for people.
    pub title: String,
    /// When it was first published; `None` when the feed does not know.
    pub published: Option<Timestamp>,
    /// When it last changed.
    pub modified: Option<Timestamp>,
    /// Since when it no longer holds.
    pub withdrawn: Option<Timestamp>,
    /// Every severity that it gives.
    pub severities: Vec<Severity>,
    /// Weaknesses, `CWE-79`.
    pub cwes: Vec<String>,
    /// Web pages.
    pub references: Vec<String>,
    /// Those among them that show how it is exploited.
    pub exploits: Vec<String>,
    /// The packages it speaks of.
    pub affected: Vec<Affected>,
}

/// What an advisory is about.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Deserialize,
    Eq,
    Hash,
    JsonSchema,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A vulnerability.
    #[default]
    Vulnerability,
    /// The package is malware.
    Malware,
    /// Nobody looks after the package any more.
    Unmaintained,
    /// The package can break its language's promises; no known attack.
    Unsound,
    /// Something worth knowing.
    Notice,
}

/// A severity, in the words or numbers of the one who gave it.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Severity {
    /// Who gave it: `ghsa`, `nvd`, `cna`, or the distribution or database by name, `Debian`.
    pub by: String,
    /// A CVSS vector (`CVSS:3.1/AV:N/...`, `AV:N/...` for version 2), or a word (`important`).
    pub value: String,
}

/// What an advisory says of one package in one namespace.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Affected {
    /// Where the name is meant.
    pub namespace: Namespace,
    /// The name, in the namespace's spelling.
    pub package: String,
    /// Whether that is a source package or what was built from it.
    pub names: Names,
    /// What the feed says has been done about it.
    pub status: Status,
    /// Affected are the versions in any of these...
    pub ranges: Vec<Range>,
    /// ...and these. Where the ecosystem's lists are complete, they decide alone.
    pub versions: Vec<String>,
    /// Not affected are these, though they are in a range.
    pub except: Vec<String>,
    /// Only these module streams, `name:stream`; none means that no module is meant.
    pub modules: Vec<String>,
    /// Only these architectures; none means all.
    pub arches: Vec<String>,
    /// Severities that hold for this package alone, closer than those of the advisory.
    pub severities: Vec<Severity>,
    /// What of it is vulnerable, where the feed says so; who uses nothing of that is not affected.
    pub imports: Vec<Import>,
}

/// A package of a module of a language, of which not every part is vulnerable.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Import {
    /// The package, by the path it is imported by: `golang.org/x/net/http2`.
    pub path: String,
    /// The vulnerable functions and methods, `Server.ServeConn`; none means all.
    pub symbols: Vec<String>,
}

/// What a package name in an advisory stands for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Names {
    /// A source package: all that was built from it is meant.
    Source,
    /// Exactly this package.
    Package,
}

/// What has been done about a vulnerability in a package.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Fixed in a newer version.
    Fixed,
    /// Affected, and no fix is out.
    Affected,
    /// Affected; the distribution has put the fix off.
    Deferred,
    /// Affected, and the distribution will not fix it.
    WillNotFix,
    /// Nobody knows yet.
    UnderInvestigation,
    /// Affected, and the release gets no more fixes.
    EndOfLife,
    /// Not affected.
    NotAffected,
}

/// An interval of versions.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Range {
    /// The first affected version; `None` for the very first there was.
    pub introduced: Option<String>,
    /// Where it ends.
    pub end: End,
}

/// Where an interval of versions ends.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// This version is the first that is not affected any more: the fix.
    Fixed(String),
    /// This version is the last that is affected.
    LastAffected(String),
    /// This version is out of the range, without being a fix.
    Limit(String),
    /// It does not end.
    Open,
}

impl Affected {
    /// A package of which nothing but the name is known, and so every version is affected.
    pub fn every_version(namespace: Namespace, package: &str, names: Names) -> Affected {
        Affected {
            namespace,
            package: package.to_owned(),
            names,
            status: Status::Affected,
            ranges: vec![Range { introduced: None, end: End::Open }],
            versions: Vec::new(),
            except: Vec::new(),
            modules: Vec::new(),
            arches: Vec::new(),
            severities: Vec::new(),
            imports: Vec::new(),
        }
    }
}

impl fmt::Display for Range {
    /// `>= 1.2, < 1.4`, as people write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.introduced.as_ref().map(|it| format!(">= {it}"));
        let end = match &self.end {
            End::Fixed(it) | End::Limit(it) => Some(format!("< {it}")),
            End::LastAffected(it) => Some(format!("<= {it}")),
            End::Open => None,
        };
        match (start, end) {
            (None, None) => f.write_str("every version"),
            (Some(it), None) | (None, Some(it)) => f.write_str(&it),
            (Some(start), Some(end)) => write!(f, "{start}, {end}"),
        }
    }
}

/// What is known of a vulnerability wherever it occurs.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Enrichment {
    /// The vulnerability, `CVE-2024-3094`.
    pub cve: String,
    /// How likely it is to be exploited soon.
    pub epss: Option<Epss>,
    /// That it is exploited already.
    pub exploited: Option<Exploited>,
    /// Web pages that show how.
    #[serde(default)]
    pub exploits: Vec<String>,
}

impl Enrichment {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.epss.is_none() && !self.exploit_is_public()
    }

    /// Whether everybody can have an exploit, or somebody uses one.
    pub fn exploit_is_public(&self) -> bool {
        self.exploited.is_some() || !self.exploits.is_empty()
    }
}

/// A score of the Exploit Prediction Scoring System (FIRST.org).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, PartialOrd, Serialize)]
pub struct Epss {
    /// The day of the score; `None` when the file does not say.
    pub day: Option<Date>,
    /// The probability of exploitation in the next thirty days, 0 to 1.
    pub score: f32,
    /// The share of vulnerabilities with a lower score, 0 to 1.
    pub percentile: f32,
}

/// An entry of CISA's catalogue of known exploited vulnerabilities.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Exploited {
    /// When it was added.
    pub added: Option<Date>,
    /// By when agencies of the United States must have fixed it.
    pub due: Option<Date>,
    /// Whether ransomware uses it.
    pub ransomware: bool,
}
