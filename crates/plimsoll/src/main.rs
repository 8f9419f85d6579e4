//! The command line: arguments, configuration, wiring.
mod advisories;
mod args;
mod backup;
mod bundles;
mod center;
mod config;
mod db;
mod demo;
mod describe;
mod explain;
mod fixes;
mod formats;
mod ignore;
mod malicious;
mod network;
mod places;
mod progress;
mod scan;
mod serve;
mod table;
mod target;
mod vex;

use args::{Arguments, Command};
use clap::Parser;
use std::{env, process::ExitCode};

/// The scan, or whatever was asked for, could not be done.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        Command::InspectLayer => {
            let task = env::var(::scan::worker::TASK).ok();
            return ::scan::worker::main(task.as_deref());
        }
        Command::Scan(it) => scan::run(it),
        Command::Why(it) => explain::why(it),
        Command::WhyNot(it) => explain::why_not(it),
        Command::Db(it) => db::run(it),
        Command::Serve(it) => serve::serve(it),
        Command::Worker(it) => serve::worker(it),
        Command::Backup(it) => backup::backup(it).map(|()| ExitCode::SUCCESS),
        Command::Restore(it) => backup::restore(it).map(|()| ExitCode::SUCCESS),
        Command::Center { typed } => center::run(typed),
        Command::Completions { shell } => describe::completions(*shell).map(|()| ExitCode::SUCCESS),
        Command::Man { directory } => describe::manual(directory).map(|()| ExitCode::SUCCESS),
        Command::Config => scan::print(&config::example()).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|err| {
        eprintln!("plimsoll: {err}");
        ExitCode::from(FAILED)
    })
}
