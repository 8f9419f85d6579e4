//! Images, what is in them, and what that means.
use super::{Category, Coverage, ImageState, Level, Time};
use model::{
    Kind, Rating, Restart, Statement, Status, Why,
    report::{AttachedRow, GapRow, SampleRow, SystemRow},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Open findings of one category.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Tally {
    /// High and critical.
    pub high: i64,
    /// Medium.
    pub medium: i64,
    /// Low, negligible and not rated.
    pub low: i64,
}

/// Open findings.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Counts {
    /// Of the distribution's packages.
    pub system: Tally,
    /// Of other components.
    pub application: Tally,
    /// Malicious files and packages.
    pub malware: Tally,
}

/// A repository that has an image.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Place {
    /// The registry's id.
    pub registry: i64,
    /// The registry's name.
    pub registry_name: String,
    /// When the registry was removed.
    pub removed_at: Option<Time>,
    /// The repository's id.
    pub repository: i64,
    /// The repository's name.
    pub repository_name: String,
    /// The tags there that point to the image, or to an index that it is part of.
    pub tags: Vec<String>,
}

/// An image.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Image {
    /// Its id here.
    pub id: i64,
    /// What it is known by.
    pub digest: String,
    /// What it runs on; empty when nobody says.
    pub platform: String,
    /// Bytes; none when nobody says.
    pub size: Option<i64>,
    /// When it was pushed.
    pub pushed_at: Option<Time>,
    /// When it was seen first.
    pub first_seen: Time,
    /// How its last scan ended.
    pub state: ImageState,
    /// Why it failed.
    pub code: String,
    /// Why, in words.
    pub reason: String,
    /// When it was scanned first without failing.
    pub first_scanned: Option<Time>,
    /// When it was scanned last without failing.
    pub scanned_at: Option<Time>,
    /// The release at its root.
    pub system: String,
    /// How much of it was seen.
    pub coverage: Coverage,
    /// Components in it.
    pub components: i64,
    /// The highest level of what is open.
    pub level: Level,
    /// What is open.
    pub counts: Counts,
    /// Where it is.
    pub places: Vec<Place>,
}

/// All that is known of one image, but for what is in it.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct ImageDetail {
    /// As in the list.
    pub image: Image,
    /// How much of it was seen.
    pub coverage: CoverageDetail,
    /// The revision of the analysers that saw it.
    pub revision: String,
    /// Its layers, the oldest first.
    pub layers: Vec<Layer>,
    /// The operating systems in it, the one at the root first.
    pub systems: Vec<SystemRow>,
    /// What went unseen.
    pub gaps: Vec<GapRow>,
    /// Documents that are attached to it in its repository.
    pub attached: Vec<AttachedRow>,
    /// Walls around the inspecting processes that could not be put up.
    pub missing_walls: Vec<String>,
    /// The images that it is an index of.
    pub parts: Vec<ImagePart>,
}

/// Whether no findings means anything.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct CoverageDetail {
    /// All in one word.
    pub grade: Coverage,
    /// What lowers it, in words.
    pub reasons: Vec<String>,
    /// Whether the distribution at its root gets fixes today; none when nobody knows.
    pub supported: Option<bool>,
    /// Until when it does.
    pub supported_until: Option<String>,
    /// How many things went unseen.
    pub gaps: usize,
    /// Files that may be executed.
    pub executable_files: u64,
    /// Their bytes.
    pub executable_bytes: u64,
    /// The share of these bytes that a known package accounts for, 0 to 1; none when there are none.
    pub attributed: Option<f64>,
    /// When the advisories in use were compiled.
    pub advisories_built_at: Option<Time>,
    /// How much was looked at for malicious files; none when they were not looked for.
    pub examined: Option<model::malware::Examined>,
    /// How many packages are signed; none when nobody's signatures are believed, or nothing was installed by RPM.
    pub signatures: Option<model::malware::Signatures>,
}

/// A layer of an image.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Layer {
    /// Digest of the layer as it is stored.
    pub digest: Option<String>,
    /// Digest of its uncompressed content.
    pub diff_id: Option<String>,
    /// The build instruction that made it; empty when unknown.
    pub created_by: String,
    /// Bytes, uncompressed.
    pub bytes: u64,
    /// Entries.
    pub entries: u64,
}

/// An image that an index leads to.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct ImagePart {
    /// Its digest.
    pub digest: String,
    /// What it runs on.
    pub platform: String,
}

/// All that is known of a finding, wherever it occurs.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct FindingDetail {
    /// The CVE where there is one, else the identifier of the advisory.
    pub name: String,
    /// Other names of the same vulnerability.
    pub aliases: Vec<String>,
    /// Errata that fix it.
    pub errata: Vec<String>,
    /// What it is about.
    pub kind: Kind,
    /// A line for people.
    pub title: String,
    /// What has been done about it.
    pub status: Status,
    /// Whether the versions could be compared.
    pub certain: bool,
    /// The smallest version that is no longer affected, on the installed one's branch.
    pub fixed: Option<String>,
    /// The subscription that one needs for it.
    pub subscription: Option<String>,
    /// How bad, and who says so.
    pub severity: Rating,
    /// Everybody's word on that, the closest to the package first.
    pub ratings: Vec<Rating>,
    /// How urgent, 0 to 100.
    pub priority: u8,
    /// How that was reckoned.
    pub priority_rule: String,
    /// Weaknesses.
    pub cwes: Vec<String>,
    /// Web pages.
    pub references: Vec<String>,
    /// When it was first published.
    pub published: Option<Time>,
    /// That it is exploited.
    pub exploited: Option<Exploitation>,
    /// How likely it is to be exploited.
    pub epss: Option<Likelihood>,
    /// Published pages that show how it is exploited.
    pub exploits: Vec<String>,
    /// Whether it is attacked over the network, by `vector`.
    pub remote: bool,
    /// The rating whose CVSS vector says from where it is attacked: the first that has one. None: nobody says, and it may be
    /// remote all the same.
    pub vector: Option<Rating>,
    /// What must be started anew once it is fixed; none when nothing is known to.
    pub restart: Option<Restart>,
    /// Why it was reported.
    pub why: Why,
    /// What every source said, the one of `why` first.
    pub sources: Vec<Statement>,
    /// The malicious file that it is about; none for what advisories tell.
    pub sample: Option<SampleRow>,
}

/// What CISA's catalogue of known exploited vulnerabilities says.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Exploitation {
    /// The day on which it was added.
    pub added: Option<String>,
    /// The day by which agencies of the United States must have fixed it.
    pub due: Option<String>,
    /// Whether ransomware uses it.
    pub ransomware: bool,
}

/// A score of the Exploit Prediction Scoring System.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Likelihood {
    /// The day of the score.
    pub day: Option<String>,
    /// The probability of exploitation in the next thirty days, 0 to 1.
    pub score: f32,
    /// The share of vulnerabilities with a lower score, 0 to 1.
    pub percentile: f32,
}

/// A component where it is in an image.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Component {
    /// Its id.
    pub id: i64,
    /// Whose naming and ordering apply: the type of its package URL.
    pub ecosystem: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Architecture, as the package database spells it.
    pub arch: Option<String>,
    /// The release that it belongs to; empty for what belongs to none.
    pub scope: String,
    /// Index of the layer that brought it in.
    pub layer: i64,
    /// The file that says so.
    pub path: Option<String>,
    /// Who found it.
    pub by: String,
}

/// A name that components have.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct ComponentName {
    /// The name.
    pub name: String,
    /// In whose spelling: the type of its package URL.
    pub ecosystem: String,
    /// How many components have it: versions, architectures, releases.
    pub components: i64,
}

/// A finding of an image.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Finding {
    /// Index of the layer that brought the component in.
    pub layer: i64,
    /// The component's id.
    pub component: i64,
    /// The component's name.
    pub package: String,
    /// The component's version.
    pub version: String,
    /// The risk's id.
    pub risk: i64,
    /// What it concerns.
    pub category: Category,
    /// The CVE, or the advisory.
    pub name: String,
    /// A line for people.
    pub title: String,
    /// How bad for this component.
    pub level: Level,
    /// How urgent the risk is at worst, 0 to 100.
    pub priority: i64,
    /// Whether it is known to be exploited.
    pub exploited: bool,
    /// Whether an exploit of it is public.
    pub exploit_public: bool,
    /// Whether this component is attacked over the network, by the attack vector of its CVSS vector. False too where nobody gives
    /// a vector.
    pub remote: bool,
    /// Whether running processes have this component loaded, so that containers must be replaced once it is fixed.
    pub restart: bool,
    /// What has been done about it.
    pub status: String,
    /// The version that is no longer affected.
    pub fixed: Option<String>,
    /// Whether the versions could be compared.
    pub certain: bool,
    /// When it was first known of this image.
    pub first_seen: Time,
    /// When advisories ceased to name it.
    pub gone_at: Option<Time>,
    /// The id of the exception that handles it.
    pub handled_by: Option<i64>,
}

/// A risk: a vulnerability in one category.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Risk {
    /// Its id.
    pub id: i64,
    /// What it concerns.
    pub category: Category,
    /// The CVE, or the advisory.
    pub name: String,
    /// A line for people.
    pub title: String,
    /// How bad at worst.
    pub level: Level,
    /// How urgent at worst, 0 to 100.
    pub priority: i64,
    /// Whether some component has a fix.
    pub fixable: bool,
    /// Whether it is known to be exploited.
    pub exploited: bool,
    /// Whether an exploit is public: it is exploited, or published pages show how.
    pub exploit_public: bool,
    /// Whether some component is attacked over the network, by the attack vector of its CVSS vector. False too where nobody
    /// gives a vector.
    pub remote: bool,
    /// Whether running processes have some component loaded, so that containers must be replaced once it is fixed.
    pub restart: bool,
    /// The probability of exploitation in the next thirty days (EPSS).
    pub epss: Option<f64>,
    /// When it was published.
    pub published: Option<Time>,
    /// Components that have it.
    pub components: i64,
    /// Images in which it is open.
    pub images: i64,
    /// When it was seen first.
    pub first_seen: Time,
    /// Since when no image has it open.
    pub gone_at: Option<Time>,
}

/// A component that has a risk.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Affected {
    /// The component's id.
    pub component: i64,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What happened to an image.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct TimelineEvent {
    /// When.
    pub at: Time,
    /// What.
    pub what: Happened,
    /// Why, in words.
    pub why: String,
    /// How many findings that concerned.
    pub findings: i64,
    /// The worst of them.
    pub level: Level,
    /// Some of their risks, the worst first.
    pub risks: Vec<String>,
    /// The id of the task whose scan it was.
    pub task: Option<i64>,
    /// The id of the exception that it was.
    pub exception: Option<i64>,
}

/// What happens to images.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Happened {
    /// It was scanned.
    Scanned,
    /// A scan of it failed.
    Failed,
    /// Findings came, without a scan.
    Appeared,
    /// Findings went, without a scan.
    Gone,
    /// An exception handles findings.
    Handled,
}

/// Two images side by side: what only one of them has.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Comparison {
    /// Components of the first alone: name and version.
    pub components_removed: Vec<(String, String)>,
    /// Components of the second alone.
    pub components_added: Vec<(String, String)>,
    /// Findings of the first alone.
    pub findings_removed: Vec<Finding>,
    /// Findings of the second alone.
    pub findings_added: Vec<Finding>,
}

/// How many images there are of a kind.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct ImageCount {
    /// How their last scan ended.
    pub state: ImageState,
    /// The highest level of what is open.
    pub level: Level,
    /// How much of them was seen.
    pub coverage: Coverage,
    /// How many.
    pub images: i64,
}

/// The figures of the first page.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Figures {
    /// Images by state, level and coverage.
    pub images: Vec<ImageCount>,
    /// Open risks by category and level.
    pub risks: Vec<(Category, Level, i64)>,
    /// What may be scanned.
    pub quota: super::Quota,
    /// When everything in scope was last scanned again by itself.
    pub cycle_last: Option<Time>,
    /// When it will be next, if nothing is changed; none: never.
    pub cycle_next: Option<Time>,
    /// Open risks by level and by how long they have been known.
    pub ages: Vec<Age>,
}

/// How many open risks of a level are so old.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Age {
    /// The level.
    pub level: Level,
    /// Known for less than so many days, and not less than the next smaller number: 7, 30, 90; none: for longer.
    pub days: Option<u32>,
    /// How many risks.
    pub risks: i64,
}

/// The figures of a day: as it ended, or, for the last one, as it is now.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Day {
    /// Which day, UTC: `2026-11-24`.
    pub day: String,
    /// Images by the highest level of what was open in them.
    pub images: Tally,
    /// Open risks.
    pub risks: Counts,
}

impl From<store::Tally> for Tally {
    fn from(it: store::Tally) -> Tally {
        Tally { high: it.high, medium: it.medium, low: it.low }
    }
}

impl From<store::Counts> for Counts {
    fn from(it: store::Counts) -> Counts {
        Counts {
            system: it.system.into(),
            application: it.application.into(),
            malware: it.malware.into(),
        }
    }
}

impl From<store::images::Image> for Image {
    fn from(it: store::images::Image) -> Image {
        Image {
            id: it.id,
            digest: it.digest,
            platform: it.platform,
            size: (it.size != 0).then_some(it.size),
            pushed_at: Time::known(it.pushed_at),
            first_seen: Time(it.first_seen),
            state: it.state.into(),
            code: it.code,
            reason: it.reason,
            first_scanned: Time::known(it.first_scanned),
            scanned_at: Time::known(it.scanned_at),
            system: it.system,
            coverage: it.coverage.into(),
            components: it.components,
            level: it.level.into(),
            counts: it.counts.into(),
            places: it.places.into_iter().map(Place::from).collect(),
        }
    }
}

impl From<store::images::Place> for Place {
    fn from(it: store::images::Place) -> Place {
        Place {
            registry: it.registry,
            registry_name: it.registry_name,
            removed_at: it.removed_at.map(Time),
            repository: it.repository,
            repository_name: it.repository_name,
            tags: it.tags,
        }
    }
}

impl From<store::components::Located> for Component {
    fn from(it: store::components::Located) -> Component {
        Component {
            id: it.id,
            ecosystem: it.component.ecosystem.purl().to_owned(),
            name: it.component.name,
            version: it.component.version,
            arch: it.component.arch,
            scope: it.scope,
            layer: it.layer,
            path: it.path,
            by: it.by,
        }
    }
}

impl From<store::components::Name> for ComponentName {
    fn from(it: store::components::Name) -> ComponentName {
        let ecosystem = it.ecosystem.purl().to_owned();
        ComponentName { name: it.name, ecosystem, components: it.components }
    }
}

impl From<store::findings::Finding> for Finding {
    fn from(it: store::findings::Finding) -> Finding {
        let status = serde_json::to_value(it.status).unwrap_or_default();
        Finding {
            layer: it.layer,
            component: it.component,
            package: it.package,
            version: it.version,
            risk: it.risk,
            category: it.category.into(),
            name: it.name,
            title: it.title,
            level: it.level.into(),
            priority: it.priority,
            exploited: it.exploited,
            exploit_public: it.exploit_public,
            remote: it.remote,
            restart: it.restart,
            status: status.as_str().unwrap_or_default().to_owned(),
            fixed: it.fixed,
            certain: it.certain,
            first_seen: Time(it.first_seen),
            gone_at: it.gone_at.map(Time),
            handled_by: it.handled_by,
        }
    }
}

impl From<store::risks::Risk> for Risk {
    fn from(it: store::risks::Risk) -> Risk {
        Risk {
            id: it.id,
            category: it.category.into(),
            name: it.name,
            title: it.title,
            level: it.level.into(),
            priority: it.priority,
            fixable: it.fixable,
            exploited: it.known.exploited.is_some(),
            exploit_public: it.known.exploit_is_public(),
            remote: it.remote,
            restart: it.restart,
            epss: it.known.epss.map(|it| it.score.into()),
            published: it.published.map(Time),
            components: it.components,
            images: it.images,
            first_seen: Time(it.first_seen),
            gone_at: it.gone_at.map(Time),
        }
    }
}

impl From<model::Finding> for FindingDetail {
    fn from(it: model::Finding) -> FindingDetail {
        let day = |it: Option<jiff::civil::Date>| it.map(|it| it.to_string());
        let (remote, vector) = (it.is_remote(), it.vector().cloned());
        FindingDetail {
            remote,
            vector,
            exploits: it.exploits,
            restart: it.restart,
            name: it.id,
            aliases: it.aliases,
            errata: it.errata,
            kind: it.kind,
            title: it.title,
            status: it.status,
            certain: it.certain,
            fixed: it.fixed,
            subscription: it.subscription,
            severity: it.severity,
            ratings: it.ratings,
            priority: it.priority.value,
            priority_rule: it.priority.rule,
            cwes: it.cwes,
            references: it.references,
            published: it.published.map(|it| Time(it.as_millisecond())),
            exploited: it.exploited.map(|it| Exploitation {
                added: day(it.added),
                due: day(it.due),
                ransomware: it.ransomware,
            }),
            epss: it.epss.map(|it| Likelihood {
                day: day(it.day),
                score: it.score,
                percentile: it.percentile,
            }),
            why: it.why,
            sources: it.sources,
            sample: it.sample.map(|it| SampleRow::new(&it, &model::Image::default())),
        }
    }
}

impl From<store::findings::Comparison> for Comparison {
    fn from(it: store::findings::Comparison) -> Comparison {
        let pairs =
            |all: Vec<model::Component>| all.into_iter().map(|it| (it.name, it.version)).collect();
        Comparison {
            components_removed: pairs(it.components_removed),
            components_added: pairs(it.components_added),
            findings_removed: it.findings_removed.into_iter().map(Finding::from).collect(),
            findings_added: it.findings_added.into_iter().map(Finding::from).collect(),
        }
    }
}

impl Day {
    /// The day of this number since 1970, with the figures as they are.
    pub(crate) fn of(day: i64, it: &Figures) -> Day {
        let (mut images, mut risks) = (Tally::default(), Counts::default());
        it.images.iter().for_each(|it| images.add(it.level, it.images));
        for (category, level, number) in &it.risks {
            risks.of(*category).add(*level, *number);
        }
        Day { day: named(day), images, risks }
    }
}

impl Counts {
    fn of(&mut self, category: Category) -> &mut Tally {
        match category {
            Category::System => &mut self.system,
            Category::Application => &mut self.application,
            Category::Malware => &mut self.malware,
        }
    }
}

impl Tally {
    fn add(&mut self, level: Level, number: i64) {
        let place = match level {
            Level::High => &mut self.high,
            Level::Medium => &mut self.medium,
            Level::Low => &mut self.low,
            Level::None => return,
        };
        *place = place.saturating_add(number);
    }
}

impl From<store::history::Day> for Day {
    fn from(it: store::history::Day) -> Day {
        Day { day: named(it.day), images: it.images.into(), risks: it.risks.into() }
    }
}

/// A day by its number since 1970, as ISO 8601 has it.
fn named(day: i64) -> String {
    let epoch = jiff::civil::date(1970, 1, 1);
    epoch.saturating_add(jiff::Span::new().days(day.clamp(0, 2_000_000))).to_string()
}

impl From<store::figures::Images> for ImageCount {
    fn from(it: store::figures::Images) -> ImageCount {
        ImageCount {
            state: it.state.into(),
            level: it.level.into(),
            coverage: it.coverage.into(),
            images: it.images,
        }
    }
}
