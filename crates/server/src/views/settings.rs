//! What people choose.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is scanned by itself, and when: the form of [`scan::settings::Settings`], which checks it.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ScanSettings {
    /// How often everything in scope is scanned again.
    pub cycle: Cycle,
    /// What is protected.
    pub scope: Scope,
    /// Whether an image in scope is scanned when it changes.
    pub on_change: bool,
}

/// How often everything in scope is scanned again.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Cycle {
    /// Never.
    Stop,
    /// Every three days.
    ThreeDays,
    /// Every week.
    Week,
    /// Every two weeks.
    TwoWeeks,
    /// Every so many hours.
    Custom {
        /// One hour to a year.
        hours: u32,
        /// The time of day at which scans may start.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<Window>,
    },
}

/// A time of day, which may go past midnight.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// When it begins: minutes since midnight.
    pub from_minute: u16,
    /// When it is over.
    pub to_minute: u16,
    /// How far the clock by which that is meant is ahead of UTC, in minutes.
    pub offset_minutes: i16,
}

/// What is protected.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Which repositories are, the general before the particular: the last rule that is about one decides, and
    /// without any it is not.
    pub rules: Vec<Rule>,
    /// Whether repositories that are added later can be.
    pub later: bool,
    /// The id of the last repository that was there when this was chosen; set by the server.
    #[serde(default)]
    pub known: i64,
    /// Which tags of them: `*` stands for any characters, `?` for one.
    pub tags: String,
    /// How many tags of each, the newest first; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<u32>,
    /// Only images that were pushed in so many last days, or of which nobody knows when they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// Whether some repositories are in scope.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Whether they are.
    pub include: bool,
    /// In the registry of this id; none: in any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<i64>,
    /// Whose name is this: `*` stands for any characters, also for slashes, `?` for one.
    pub repository: String,
}
