//! The whole program for shells and for `man`.
use crate::{args::Arguments, center, scan::print};
use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};
use std::{fs, path::Path};

/// Prints what lets a shell complete command lines.
pub(crate) fn completions(shell: Shell) -> Result<(), String> {
    let mut text = Vec::new();
    generate(shell, &mut all(), "plimsoll", &mut text);
    print(&String::from_utf8_lossy(&text))
}

/// Writes a manual page for each subcommand to this directory.
pub(crate) fn manual(directory: &Path) -> Result<(), String> {
    let failed = |err| format!("{}: {err}", directory.display());
    fs::create_dir_all(directory).map_err(failed)?;
    clap_mangen::generate_to(all(), directory).map_err(failed)
}

fn all() -> Command {
    Arguments::command().mut_subcommand("center", |_| center::described())
}
