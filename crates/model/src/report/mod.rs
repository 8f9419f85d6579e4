//! The report on one or more images, as `--format json` writes it.
//!
//! The shape is published in docs/report.schema.json, which a test derives from these types. Within a schema
//! version fields are only added.
mod build;
pub use build::{Components, Findings};

use crate::{
    Grade, Handling, Kind, Level, Rating, Restart, Statement, Status, Why,
    fix::FixPlan,
    malware::{self, Evidence, Examined, Signatures, Threat, Trust, Visibility},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the shape.
pub const SCHEMA: u32 = 1;

/// What one run says.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Report {
    /// Version of this shape: 1.
    pub schema: u32,
    /// What made it: `plimsoll 0.1.0`.
    pub tool: String,
    /// When, RFC 3339.
    pub created: String,
    /// The moment of which this says what was known; null for now.
    pub as_of: Option<AsOf>,
    /// The advisory database that was used.
    pub database: DatabaseFacts,
    /// One row for each image, or platform of it.
    pub images: Vec<ImageReport>,
}

/// A moment in the past: findings are those whose vulnerability had been published by then, with known exploitation,
/// scores and ends of life of that day.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct AsOf {
    /// RFC 3339.
    pub moment: String,
    /// How this may differ from what a scan on that day would have said, in words.
    pub limits: Vec<String>,
}

/// What an advisory database is made of.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
pub struct DatabaseFacts {
    /// Identifies the content: the same feeds give the same.
    pub id: String,
    /// Whether it holds nothing but the starter set that ships with the program.
    pub starter: bool,
    /// The feeds in it.
    pub feeds: Vec<FeedFacts>,
}

/// One feed in a database.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
pub struct FeedFacts {
    /// Its name, a name of `plimsoll db status`.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// The state of the world that it describes, RFC 3339; null when unknown.
    pub snapshot: Option<String>,
    /// How many advisories it gave.
    pub records: u64,
    /// Its licence.
    pub licence: String,
    /// Whether it is only what ships with the program, the starter set.
    pub starter: bool,
    /// When the part of it that is furthest behind the others was last known to be current, RFC 3339; null where none
    /// is days behind.
    pub behind: Option<String>,
}

/// What is known of one image.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct ImageReport {
    /// What was asked for.
    pub name: String,
    /// Digest of the manifest; null where there is none.
    pub digest: Option<String>,
    /// `linux/amd64`; null when unknown.
    pub platform: Option<String>,
    /// When it was built, RFC 3339; null when unknown.
    pub created: Option<String>,
    /// The operating systems in it, the one at the root first.
    pub systems: Vec<SystemRow>,
    /// Its layers, oldest first.
    pub layers: Vec<LayerRow>,
    /// Whether the absence of findings means anything.
    pub coverage: CoverageRow,
    /// How many findings there are, by severity; handled ones are not counted.
    pub counts: BTreeMap<Level, usize>,
    /// The findings, worst first.
    pub findings: Vec<FindingRow>,
    /// What to do about them.
    pub fix_plan: FixPlan,
    /// Malicious files, and what looks like them, worst first; those that are accepted are not among them.
    pub malicious: Vec<SampleRow>,
    /// Malicious files that are known about and do not count, with the reason.
    pub handled_malicious: Vec<HandledSampleRow>,
    /// How much was looked at for malicious files; null when they were not looked for.
    pub examined: Option<Examined>,
    /// How many packages are signed; null when nobody's signatures are believed, or nothing was installed by RPM.
    pub signatures: Option<Signatures>,
    /// Findings that are known about and do not count, with the reason.
    pub handled: Vec<HandledRow>,
    /// The components found.
    #[schemars(with = "Vec<ComponentRow>")]
    pub components: Components,
    /// What went unseen.
    pub gaps: Vec<GapRow>,
    /// Documents that are attached to the image in its repository. Whoever may push there may
    /// attach what he likes, and no signature is verified.
    pub attached: Vec<AttachedRow>,
    /// Walls around the processes that read the image which could not be put up on this machine.
    pub missing_walls: Vec<String>,
}

/// An operating system in an image.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct SystemRow {
    /// The directory that is its root; empty for the image itself.
    pub root: String,
    /// `Debian GNU/Linux 12 (bookworm)`; null when nothing says.
    pub name: Option<String>,
    /// `ID` of os-release; null when nothing says.
    pub id: Option<String>,
    /// `VERSION_ID` of os-release; null when nothing says.
    pub version: Option<String>,
    /// Where its advisories are looked up, the first first.
    pub namespaces: Vec<String>,
    /// The last day with fixes for everybody; null when none is known.
    pub end_of_life: Option<String>,
}

/// A layer of an image.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct LayerRow {
    /// Digest of the layer as it is stored; null where there is none.
    pub digest: Option<String>,
    /// Digest of its uncompressed content; null when it could not be read to its end.
    pub diff_id: Option<String>,
    /// The build instruction that made it; empty when unknown.
    pub created_by: String,
    /// Bytes, uncompressed.
    pub bytes: u64,
    /// Entries.
    pub entries: u64,
    /// Whether it was known already, and so not read.
    pub cached: bool,
}

/// How much of an image could be seen.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct CoverageRow {
    /// `known`, `partial` or `unknown`.
    pub grade: Grade,
    /// What lowers it, in words.
    pub reasons: Vec<String>,
    /// Files that may be executed, in all layers.
    pub executable_files: u64,
    /// Their bytes.
    pub executable_bytes: u64,
    /// Those that a package says are its own.
    pub owned_files: u64,
    /// Their bytes.
    pub owned_bytes: u64,
}

/// One vulnerability of one component.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct FindingRow {
    /// Index of the component, for whoever has the report in hand.
    #[serde(skip)]
    pub component: usize,
    /// The CVE where there is one.
    pub id: String,
    /// Other names.
    pub aliases: Vec<String>,
    /// Errata that fix it.
    pub errata: Vec<String>,
    /// `vulnerability`, `malware`, `unmaintained`, `unsound` or `notice`.
    pub kind: Kind,
    /// A line for people.
    pub title: String,
    /// `critical`, `high`, `medium`, `low`, `negligible` or `unknown`.
    pub severity: Level,
    /// Who says so; empty when nobody does.
    pub severity_by: String,
    /// Everybody's word on the severity.
    pub ratings: Vec<Rating>,
    /// 0 to 100.
    pub priority: u8,
    /// How the priority was reckoned.
    pub priority_rule: String,
    /// `fixed`, `affected`, `deferred`, `will-not-fix`, `under-investigation` or `end-of-life`.
    pub status: Status,
    /// False when the versions could not be compared.
    pub certain: bool,
    /// The smallest version that is no longer affected; null when there is none.
    pub fixed: Option<String>,
    /// The command that brings it in; null where there is no single one.
    pub fix_command: Option<String>,
    /// The component: package URL.
    pub purl: String,
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The file that declares it.
    pub path: Option<String>,
    /// The layer that brought it in, the oldest being 0.
    pub layer: usize,
    /// When the vulnerability was first published, RFC 3339, as far as the advisories on this component know; for one
    /// that only changelogs tell of, the first upload that names it. Null when none has a date.
    pub published: Option<String>,
    /// Since when it is known to be exploited.
    pub exploited: Option<String>,
    /// How likely it is to be exploited within 30 days, 0 to 1 (EPSS).
    pub epss: Option<f32>,
    /// Whether an exploit is public: pages show one, or it is known to be exploited.
    pub exploit_public: bool,
    /// Web pages that show how it is exploited.
    pub exploits: Vec<String>,
    /// Whether it is attacked over the network, by the attack vector of the first of `ratings` that has one. False too
    /// where none has: then nobody says.
    pub remote: bool,
    /// `containers` when processes have it loaded: every running container must be replaced, a new image alone changes nothing;
    /// `machines` for a kernel, which only what boots from the image runs; null for the rest.
    pub restart: Option<Restart>,
    /// Weaknesses.
    pub cwes: Vec<String>,
    /// Web pages.
    pub references: Vec<String>,
    /// Why it is here.
    pub why: WhyRow,
    /// What every source said.
    pub sources: Vec<Statement>,
}

impl FindingRow {
    /// What makes it more pressing than others, in a word or two each. What is exploited has a public exploit, which need not
    /// be said as well.
    pub fn marks(&self) -> Vec<&'static str> {
        let exploit = match (&self.exploited, self.exploit_public) {
            (Some(_), _) => Some("exploited"),
            (None, true) => Some("exploit public"),
            (None, false) => None,
        };
        let remote = self.remote.then_some("remote");
        let restart = self.restart.map(|_| "restart needed");
        exploit.into_iter().chain(remote).chain(restart).collect()
    }
}

/// The comparison that made a finding, and where what was compared came from.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct WhyRow {
    /// What found the component.
    pub cataloger: String,
    /// The build instruction of the layer that brought it in.
    pub created_by: String,
    /// The comparison.
    #[serde(flatten)]
    pub compared: Why,
}

/// A malicious file.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct SampleRow {
    /// What it is.
    pub threat: Threat,
    /// The same for people: `Mining trojan`.
    pub title: String,
    /// `xmrig`; empty when of no family in particular.
    pub family: String,
    /// `serious`, `suspicious` or `remind`.
    pub level: malware::Level,
    /// The same on the scale of vulnerabilities: `high`, `medium` or `low`.
    pub severity: Level,
    /// How sure, in percent.
    pub confidence: u8,
    /// How that was reckoned.
    pub confidence_rule: String,
    /// Under what others file it: `WebShell`, `Malicious Software`, `Malicious Script`.
    pub class: String,
    /// Techniques of MITRE ATT&CK.
    pub techniques: Vec<String>,
    /// Where it is.
    pub path: String,
    /// The layer that has it, the oldest being 0.
    pub layer: usize,
    /// The build instruction of that layer; empty when unknown.
    pub created_by: String,
    /// Whether it can still be seen in the image; what a later layer hides is shipped all the same.
    pub visibility: Visibility,
    /// The build instruction of the layer that hides it; empty when it can be seen, or unknown.
    pub hidden_by: String,
    /// Whose it is, and whether it is what its package brought.
    pub trust: Trust,
    /// Bytes.
    pub size: u64,
    /// Permission bits: `0755`.
    pub mode: String,
    /// What kind of file: `elf`, `shell`, `php`.
    pub form: String,
    /// SHA-256, and SHA-1 and MD5 where they were computed, in hexadecimal digits.
    pub hashes: Vec<String>,
    /// What was seen, the surest first.
    pub evidence: Vec<Evidence>,
    /// What starts it: `cron: etc/cron.d/x`.
    pub started_by: Vec<String>,
    /// What to do.
    pub advice: String,
}

/// A malicious file that does not count.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct HandledSampleRow {
    /// What it is held to be.
    pub state: Handling,
    /// Why: the words of whoever accepted it.
    pub reason: String,
    /// Until when; null for ever.
    pub until: Option<String>,
    /// What it is.
    pub sample: SampleRow,
}

/// A finding that does not count.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct HandledRow {
    /// What it is held to be.
    pub state: Handling,
    /// Why: the words of whoever accepted it.
    pub reason: String,
    /// Until when; null for ever.
    pub until: Option<String>,
    /// What it is.
    pub finding: FindingRow,
}

/// A component.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct ComponentRow {
    /// Package URL.
    pub purl: String,
    /// What it is: `Debian package`, `npm package`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture.
    pub arch: Option<String>,
    /// The source package it was built from, and that one's version.
    pub source: Option<[String; 2]>,
    /// Its module stream.
    pub module: Option<String>,
    /// `installed`; `declared` for what only a lock file or an archive to install from has, `for development` if it is
    /// needed only to build or to test; `owned by PACKAGE` for what is part of the distribution's package, whose
    /// advisories decide.
    pub presence: String,
    /// The file that declares it.
    pub path: Option<String>,
    /// The layer that brought it in.
    pub layer: usize,
    /// What found it.
    pub cataloger: String,
    /// Index of the system that it belongs to; null for none.
    pub system: Option<usize>,
}

/// Something that went unseen.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct GapRow {
    /// Where; null for the layer or image as a whole.
    pub path: Option<String>,
    /// In which layer.
    pub layer: usize,
    /// Who gave up.
    pub by: String,
    /// Why, in words.
    pub reason: String,
}

/// A document that is attached to an image.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct AttachedRow {
    /// `sbom` or `vex`.
    pub kind: String,
    /// Its address in the repository. Components that only it claims have `attached-sbom:` and the
    /// first twelve digits as their cataloger.
    pub digest: String,
    /// Its media type, or the type of what it attests.
    pub media_type: String,
    /// Whether it had a say in this report.
    pub used: bool,
    /// What it holds, in words.
    pub summary: String,
    /// What of it could not be understood.
    pub problems: Vec<String>,
}

/// Whether a finding does not count, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Handled {
    /// What it is held to be.
    pub state: Handling,
    /// The words of whoever accepted it.
    pub reason: String,
    /// Until when, `2027-01-31`.
    pub until: Option<String>,
}

/// How a layer was read.
#[derive(Clone, Debug, Default)]
pub struct LayerFacts {
    /// Digest of the uncompressed layer, as the content has it.
    pub diff_id: Option<crate::Digest>,
    /// Bytes, uncompressed.
    pub bytes: u64,
    /// Entries.
    pub entries: u64,
    /// Whether it was known, and so not read.
    pub cached: bool,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "the test keeps a file up to date")]
    use super::Report;
    use std::{env, fs};

    /// The published schema is that of these types; set `UPDATE=1` to write it anew.
    #[test]
    fn the_published_schema_is_the_real_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/report.schema.json");
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(Report)).unwrap() + "\n";
        if env::var_os("UPDATE").is_some() {
            fs::write(path, &schema).unwrap();
        }
        assert!(fs::read_to_string(path).unwrap_or_default() == schema, "run with UPDATE=1");
    }
}
