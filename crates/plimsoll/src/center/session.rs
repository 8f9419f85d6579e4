//! Who we are at which center: what `log-in` was answered, kept for us alone.
use crate::places;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
};

/// What is kept.
#[derive(Default, Deserialize, Serialize)]
pub(super) struct Sessions {
    /// The center that was logged in to last.
    pub(super) server: Option<String>,
    /// The cookie of each session, by the center's address.
    #[serde(default)]
    pub(super) cookies: BTreeMap<String, String>,
}

impl Sessions {
    pub(super) fn read() -> Result<Sessions, String> {
        let path = path();
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| {
                format!("{}: it cannot be read; remove it and log in again", path.display())
            }),
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(Sessions::default()),
            Err(err) => Err(format!("{}: {err}", path.display())),
        }
    }

    /// Keeps the cookie of a session; an empty one has ended.
    pub(super) fn keep(&mut self, server: &str, cookie: &str) -> Result<(), String> {
        let ended = cookie.split_once('=').is_none_or(|it| it.1.is_empty());
        if ended {
            self.cookies.remove(server);
            self.server.take_if(|it| it == server);
        } else {
            self.cookies.insert(server.to_owned(), cookie.to_owned());
            self.server = Some(server.to_owned());
        }
        let path = path();
        self.write(&path).map_err(|err| format!("{}: {err}", path.display()))
    }

    /// Whoever reads it meanwhile sees the one before or this one, and nobody else sees either.
    fn write(&self, path: &PathBuf) -> std::io::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        let mut folder = fs::DirBuilder::new();
        folder.recursive(true).mode(0o700);
        path.parent().map(|it| folder.create(it)).transpose()?;
        let new = path.with_extension(format!("new.{}", std::process::id()));
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&new, path)
    }
}

fn path() -> PathBuf {
    places::config().join("sessions.json")
}
