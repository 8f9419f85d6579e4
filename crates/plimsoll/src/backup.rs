//! `plimsoll backup` and `plimsoll restore`: a center's database as one file.
use crate::{
    args::{BackupArguments, CenterArguments, RestoreArguments},
    config::{Config, Typed},
    scan::print,
};
use std::{
    env,
    path::{Path, PathBuf},
};
use store::{Existing, Settings, Store};

/// Copies the database, also while a center runs on it.
pub(crate) fn backup(arguments: &BackupArguments) -> Result<(), String> {
    let (path, keys) = places(&arguments.center)?;
    // Opening it would make one.
    if !path.exists() {
        let path = path.display();
        return Err(format!("there is no database at {path}; --data-dir says where a center's is"));
    }
    let store = Store::open(Settings::Embedded(path)).map_err(|err| err.to_string())?;
    let bytes = store.backup(&arguments.file).map_err(|err| err.to_string())?;
    print(&format!("{} has the database, {bytes} bytes\n{}", arguments.file.display(), note(&keys)))
}

/// Makes a center's database of a backup.
pub(crate) fn restore(arguments: &RestoreArguments) -> Result<(), String> {
    let (path, keys) = places(&arguments.center)?;
    let existing = if arguments.replace { Existing::Replace } else { Existing::Keep };
    if existing == Existing::Keep && path.exists() {
        let path = path.display();
        return Err(format!(
            "there is a database at {path} already; --replace puts this in its place"
        ));
    }
    if let Some(it) = path.parent() {
        crate::serve::make(it)?;
    }
    Store::restore(&arguments.file, &path, existing).map_err(|err| err.to_string())?;
    print(&format!(
        "{} is the database of {}\n{}",
        path.display(),
        arguments.file.display(),
        note(&keys)
    ))
}

/// Where the database is, and the file with the keys of its secrets, if that is where they are.
fn places(arguments: &CenterArguments) -> Result<(PathBuf, Option<PathBuf>), String> {
    let typed = Typed {
        config: arguments.config.as_deref(),
        listen: None,
        data_dir: arguments.data_dir.as_deref(),
        database_url: arguments.database_url.as_deref(),
    };
    let config = Config::read(&typed, &|name| env::var(name).ok())?;
    match config.store()? {
        Settings::Embedded(path) => Ok((path, config.keys_file())),
        Settings::Server { .. } => {
            Err("the database is a PostgreSQL: pg_dump and pg_restore are for that".to_owned())
        }
    }
}

/// Who loses the keys has to type every password anew.
fn note(keys: &Option<PathBuf>) -> String {
    let place = keys.as_deref().map(Path::display);
    let place = place.map_or("the configuration's `keys`".to_owned(), |it| it.to_string());
    format!("the keys of the secrets in it are not: keep {place} too, in another place\n")
}
