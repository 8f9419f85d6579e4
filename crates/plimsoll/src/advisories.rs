//! The advisory database that a scan is held against.
use crate::{args::Target, places};
use assess::Database;
use model::report::{DatabaseFacts, FeedFacts};
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
    });
    DatabaseFacts {
        id: database.build().to_owned(),
        starter: database.is_starter(),
        feeds: feeds.collect(),
    }
}
