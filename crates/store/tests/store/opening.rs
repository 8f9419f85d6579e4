//! Opening a database, and what stands in the way.
use crate::{each_settings, embedded, server};
use std::{fs, thread};
use store::{Error, Settings, Store};

#[test]
fn many_bring_the_schema_up_to_date_at_once() {
    each_settings(|settings| {
        thread::scope(|scope| {
            let open = || Store::open(settings.clone()).map(drop);
            let all: Vec<_> = (0..6).map(|_| scope.spawn(open)).collect();
            for it in all {
                it.join().unwrap().unwrap();
            }
        });
        Store::open(settings.clone()).unwrap();
    });
}

#[test]
fn a_database_that_is_not_there_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let unavailable = |settings: Settings, why: &str| {
        let outcome = Store::open(settings);
        let Err(Error::Unavailable(said)) = outcome else { panic!("{why}: {outcome:?}") };
        assert!(said.contains(why), "{said}");
    };
    unavailable(embedded(&folder.path().join("missing")), "unable to open");
    unavailable(server("postgres://plimsoll@127.0.0.1:1/store".to_owned()), "refused");
    unavailable(server("nonsense".to_owned()), "the address");
    let Some(url) = testkit::postgres::database() else { return };
    unavailable(server(url + "_not"), "does not exist");
}

#[test]
fn a_damaged_file_is_said_to_be_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let settings = embedded(folder.path());
    let Settings::Embedded(path) = &settings else { unreachable!() };
    fs::write(path, "no database, but a letter".repeat(100)).unwrap();
    let outcome = Store::open(settings.clone());
    assert!(matches!(outcome, Err(Error::Damaged(_))), "{outcome:?}");
    fs::remove_file(path).unwrap();
    drop(Store::open(settings.clone()).unwrap());
    // The first page stays: the file is still a database, and its schema is gone.
    let mut bytes = fs::read(path).unwrap();
    bytes[4096..].fill(0xa5);
    fs::write(path, bytes).unwrap();
    let outcome = Store::open(settings.clone());
    assert!(matches!(outcome, Err(Error::Damaged(_))), "{outcome:?}");
}

#[test]
fn no_password_is_shown() {
    let settings = server("postgres://plimsoll:secret@127.0.0.1:1/store".to_owned());
    assert!(!format!("{settings:?}").contains("secret"));
    let said = Store::open(settings).unwrap_err().to_string();
    assert!(!said.contains("secret"), "{said}");
}
