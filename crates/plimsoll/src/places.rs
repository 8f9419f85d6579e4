//! Where Plimsoll keeps things on this machine (XDG Base Directory Specification).
use std::{env, path::PathBuf};

/// What can be made again: reports of layers.
pub(crate) fn cache() -> PathBuf {
    place("PLIMSOLL_CACHE_DIR", "XDG_CACHE_HOME", ".cache")
}

/// What should be kept: advisory databases and the documents they are made of.
pub(crate) fn data() -> PathBuf {
    place("PLIMSOLL_DATA_DIR", "XDG_DATA_HOME", ".local/share")
}

/// What is chosen: at which centers we are logged in.
pub(crate) fn config() -> PathBuf {
    place("PLIMSOLL_CONFIG_DIR", "XDG_CONFIG_HOME", ".config")
}

fn place(own: &str, xdg: &str, home: &str) -> PathBuf {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
    if let Some(own) = env::var_os(own).filter(|it| !it.is_empty()) {
        return own.into();
    }
    let base = absolute(xdg).or_else(|| Some(absolute("HOME")?.join(home)));
    // Without a home nothing is kept: in a directory that everybody may write to, somebody else's files
    // would be taken for ours. This one is nowhere, on Debian by policy.
    base.unwrap_or_else(|| PathBuf::from("/nonexistent")).join("plimsoll")
}
