//! The advisory database that a scan is held against.
use crate::{args::Target, places};
use assess::Database;
use jiff::Timestamp;
use model::report::{AsOf, DatabaseFacts, FeedFacts};
use scan::advisories::Store;
use std::fs;

/// The database to use.
pub(crate) fn open(target: &Target) -> Result<Database, String> {
    if let Some(path) = &target.db {
        let name = path.display();
        let file = fs::File::open(path).map_err(|err| format!("{name}: {err}"))?;
        return Database::open(file).map_err(|err| format!("{name}: {err}"));
    }
    let opened = Store::new(&places::data()).open().map_err(|err| err.to_string())?;
    for it in opened.warnings {
        eprintln!("plimsoll: {it}");
    }
    Ok(opened.database)
}

/// What a report says of it.
pub(crate) fn facts(database: &Database) -> DatabaseFacts {
    let feeds = database.meta().feeds.iter().map(|it| FeedFacts {
        name: it.name.clone(),
        title: assess::feeds::feed(&it.name).map_or(&*it.name, |it| it.title).to_owned(),
        snapshot: it.snapshot.map(|it| it.to_string()),
        records: it.records,
        licence: it.licence.clone(),
        starter: it.starter,
        behind: it.behind.as_ref().map(|it| it.since.to_string()),
    });
    DatabaseFacts {
        id: database.build().to_owned(),
        starter: database.is_starter(),
        feeds: feeds.collect(),
    }
}

/// In what a report on that moment may differ from one of that moment.
pub(crate) fn as_of(moment: Timestamp, database: &Database) -> AsOf {
    let today = [
        "affected versions, fixes, states, severities, VEX and accepted risks are as they are given today",
        "what was withdrawn since is missing",
        "findings without a date of publication may be younger, though none is named for a later year",
        "what only changelogs tell of counts from the upload of its fix, and may have been known before",
    ];
    let feeds = database.meta().feeds.iter();
    let older = feeds.filter_map(|it| {
        let snapshot = it.snapshot.filter(|it| *it < moment)?;
        let day = snapshot.strftime("%Y-%m-%d");
        Some(format!("{} is of {day} and says nothing of the time after", it.name))
    });
    let limits = today.into_iter().map(str::to_owned).chain(older).collect();
    AsOf { moment: moment.to_string(), limits }
}
