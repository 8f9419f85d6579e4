//! The advisories in use.
use super::Time;
use assess::feeds;
use scan::center;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The advisory database in use.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Advisories {
    /// Which one it is.
    pub build: String,
    /// When it was compiled; none: it is the starter set that comes with the program.
    pub built_at: Option<Time>,
    /// Whether it is the starter set that comes with the program, and no more.
    pub starter: bool,
    /// How many advisories it has.
    pub advisories: u64,
    /// What it was made of.
    pub feeds: Vec<Feed>,
    /// How fetching went last.
    pub update: Update,
}

/// An advisory database that was brought in, and is in use.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Imported {
    /// It.
    #[serde(flatten)]
    pub database: Database,
    /// Packages of which it says something else than the one before.
    pub changed_packages: u64,
}

/// An advisory database.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Database {
    /// Which one it is.
    pub build: String,
    /// When it was compiled; none: it is the starter set that comes with the program.
    pub built_at: Option<Time>,
    /// How many advisories it has.
    pub advisories: u64,
}

/// How fetching advisories went.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct Update {
    /// When somebody asked for the next one, which has not begun yet.
    pub wanted_at: Option<Time>,
    /// When the last one began.
    pub began_at: Option<Time>,
    /// When it ended; none: it has not yet.
    pub ended_at: Option<Time>,
    /// Why nothing came of it; empty: something did.
    pub failed: String,
    /// What could not be fetched, some of it.
    pub missing: Vec<String>,
    /// Packages of which the advisories said something else than before.
    pub changed_packages: u64,
}

/// What a feed said.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Feed {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// How new what it said is.
    pub snapshot: Option<Time>,
    /// How many records it has.
    pub records: u64,
    /// Under which licence.
    pub licence: String,
    /// Whether it is only what comes with the program, the starter set.
    pub starter: bool,
    /// Since when a part of it could not be fetched.
    pub behind: Option<Time>,
}

impl Database {
    pub(crate) fn of(database: &assess::Database) -> Database {
        Database {
            build: database.build().to_owned(),
            built_at: database.meta().built.map(|it| Time(it.as_millisecond())),
            advisories: database.advisories(),
        }
    }
}

impl Advisories {
    pub(crate) fn new(database: &assess::Database, update: center::Update) -> Advisories {
        let time = |it: jiff::Timestamp| Time(it.as_millisecond());
        let feed = |it: &assess::database::FeedState| Feed {
            name: it.name.clone(),
            title: feeds::feed(&it.name).map_or(&*it.name, |it| it.title).to_owned(),
            snapshot: it.snapshot.map(time),
            records: it.records,
            licence: it.licence.clone(),
            starter: it.starter,
            behind: it.behind.as_ref().map(|it| time(it.since)),
        };
        Advisories {
            build: database.build().to_owned(),
            built_at: database.meta().built.map(time),
            starter: database.is_starter(),
            advisories: database.advisories(),
            feeds: database.meta().feeds.iter().map(feed).collect(),
            update: update.into(),
        }
    }
}

impl From<center::Update> for Update {
    fn from(it: center::Update) -> Update {
        Update {
            wanted_at: it.wanted_at.map(Time),
            began_at: it.began_at.map(Time),
            ended_at: it.ended_at.map(Time),
            failed: it.failed,
            missing: it.missing,
            changed_packages: it.changed_packages,
        }
    }
}
