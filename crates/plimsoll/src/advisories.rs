//! The advisory database that a scan is held against.
use crate::args::Target;
use assess::{Builder, Database, database::Meta, starter};
use model::report::{DatabaseFacts, FeedFacts};
use std::fs;

/// The database to use.
pub(crate) fn open(target: &Target) -> Result<Database, String> {
    if let Some(path) = &target.db {
        let name = path.display();
        let file = fs::File::open(path).map_err(|err| format!("{name}: {err}"))?;
        return Database::open(file).map_err(|err| format!("{name}: {err}"));
    }
    let mut builder = Builder::new(Meta { built: None, feeds: vec![starter::state()] });
    let failed = |err: &dyn std::fmt::Display| format!("the starter set: {err}");
    for document in starter::documents().map_err(|err| failed(&err))? {
        let Some(feed) = assess::feeds::feed(document.feed) else { continue };
        (feed.parse)(&document.content, document.name, &mut |item| drop(builder.add(&item)))
            .map_err(|err| failed(&err))?;
    }
    let mut bytes = Vec::new();
    builder.finish(&mut bytes).map_err(|err| failed(&err))?;
    Database::from_bytes(bytes).map_err(|err| failed(&err))
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
