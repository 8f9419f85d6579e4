//! `plimsoll db`: the advisory database and the documents that it is made of.
use crate::{
    FAILED, advisories,
    args::{
        ArtifactArguments, DbCommand, DeriveArguments, Format, ImportArguments, UpdateArguments,
    },
    bundles, network, places,
    progress::Progress,
    scan::print,
};
use assess::{Database, FEEDS, Feed};
use jiff::Timestamp;
use net::Client;
use scan::advisories::{Archive, Compiled, Mirror, Policy, Store, Work, mirrored};
use std::{
    fmt::Write as _,
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// How many broken documents are listed.
const LISTED: usize = 10;

pub(crate) fn run(command: &DbCommand) -> Result<ExitCode, String> {
    let store = Store::new(&places::data());
    match command {
        DbCommand::Status { format } => status(&store, *format),
        DbCommand::Update(it) => update(&store, it),
        DbCommand::Import(it) => import(&store, it),
        DbCommand::Export { file } => export(&store, file),
        DbCommand::Push(it) => push(&store, it),
        DbCommand::Pull(it) => pull(&store, it),
        DbCommand::Derive(it) => derive(it),
        DbCommand::Verify => verify(&store),
        DbCommand::Malware(it) => bundles::run(it),
    }
}

fn status(store: &Store, format: Format) -> Result<ExitCode, String> {
    let opened = store.open().map_err(|err| err.to_string())?;
    if let Format::Json = format {
        let facts = serde_json::to_string_pretty(&advisories::facts(&opened.database));
        print(&(facts.map_err(|err| err.to_string())? + "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    for it in &opened.warnings {
        let _ = writeln!(text, "warning: {it}");
    }
    let place = opened.path.map_or("in memory".to_owned(), |it| it.display().to_string());
    let _ = writeln!(text, "Database {} ({place})", opened.database.build());
    let _ = writeln!(text, "{} advisories on", opened.database.advisories());
    for (namespace, packages) in summary(&opened.database) {
        let _ = writeln!(text, "  {namespace}: {packages} entries");
    }
    text += "Feeds\n";
    for feed in FEEDS {
        let _ = writeln!(text, "  {}", feed_line(feed, &opened.database));
    }
    if let Some(previous) = store.previous() {
        let _ = writeln!(text, "Before that: {}", previous.build());
    }
    if opened.database.is_starter() {
        text += "This is only the starter set that ships with Plimsoll: `plimsoll db update`, or `db import`.\n";
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Entries by distribution or language; there are many releases.
fn summary(database: &Database) -> Vec<(String, u64)> {
    let mut rows: Vec<(String, u64)> = Vec::new();
    for (namespace, packages) in database.namespaces() {
        let name = namespace.as_str().split(':').next().unwrap_or_default();
        match rows.last_mut().filter(|it| it.0 == name) {
            Some(row) => row.1 = row.1.saturating_add(*packages),
            None => rows.push((name.to_owned(), *packages)),
        }
    }
    rows
}

fn feed_line(feed: &Feed, database: &Database) -> String {
    let state = database.meta().feeds.iter().find(|it| it.name == feed.name);
    let name = feed.name;
    let Some(state) = state else {
        let on = if feed.default { "not in it" } else { "off" };
        return format!("{name:<18} {}: {on}", feed.title);
    };
    let day =
        state.snapshot.map_or("unknown age".to_owned(), |it| it.strftime("%Y-%m-%d").to_string());
    let starter = if state.starter { ", the starter set" } else { "" };
    let behind = state.behind.as_ref().map_or(String::new(), |it| {
        format!(
            ", but {} could not be fetched since {}",
            it.document,
            it.since.strftime("%Y-%m-%d")
        )
    });
    let credit = if state.attribution.is_empty() { "" } else { "; " };
    format!(
        "{name:<18} {}: {} records of {day}{starter}{behind} ({}{credit}{})",
        feed.title, state.records, state.licence, state.attribution
    )
}

fn update(store: &Store, arguments: &UpdateArguments) -> Result<ExitCode, String> {
    let (only, without) = (feeds(&arguments.feed)?, feeds(&arguments.without)?);
    let is_in = |feeds: &[&Feed], it: &Feed| feeds.iter().any(|feed| feed.name == it.name);
    let chosen = |it: &&Feed| {
        (if only.is_empty() { it.default } else { is_in(&only, it) }) && !is_in(&without, it)
    };
    let chosen: Vec<&'static Feed> = FEEDS.iter().filter(chosen).collect();
    let mut places = Vec::new();
    for it in &arguments.place {
        let (name, url) = it.split_once('=').ok_or(format!("`{it}` is not NAME=URL"))?;
        places.push((feed(name)?.name.to_owned(), url.to_owned()));
    }
    if let Some(mirror) = &arguments.from {
        places.extend(mirrored(mirror, &chosen, &places));
    }
    let settings = network::settings(&arguments.patience);
    let client = Client::new(settings).map_err(|err| err.to_string())?;
    let mut broken = false;
    let progress = Progress::new("", arguments.quiet);
    let mut told = |work: Work<'_>| {
        progress.work(&work);
        let Work::Fetched(it) = work else { return };
        let (feed, url) = (it.feed, &it.url);
        progress.say(&match &it.outcome {
            Ok(Some(bytes)) => format!("{feed}: {bytes} bytes from {url}"),
            Ok(None) => format!("{feed}: unchanged {url}"),
            Err(why) => format!("{feed}: {url}: {why}"),
        });
        broken |= it.outcome.is_err();
    };
    let policy = Policy { force: arguments.force, without: &without };
    let compiled = store.update(&client, &chosen, &places, policy, &mut told);
    progress.end();
    let compiled = compiled.map_err(|err| err.to_string())?;
    tell(&compiled, &without)?;
    Ok(ExitCode::from(u8::from(broken)))
}

fn import(store: &Store, arguments: &ImportArguments) -> Result<ExitCode, String> {
    let feed = arguments.feed.as_deref().map(feed).transpose()?;
    let without = feeds(&arguments.without)?;
    let policy = Policy { force: arguments.force, without: &without };
    let progress = Progress::new("", arguments.quiet);
    let compiled = store.import(feed, &arguments.path, policy, &mut |it| progress.work(&it));
    progress.end();
    tell(&compiled.map_err(|err| err.to_string())?, &without)?;
    Ok(ExitCode::SUCCESS)
}

fn export(store: &Store, to: &Path) -> Result<ExitCode, String> {
    let opened = store.open().map_err(|err| err.to_string())?;
    let from = opened.path.ok_or("the starter set is in memory only; there is no file of it")?;
    std::fs::copy(&from, to).map_err(|err| format!("{}: {err}", to.display()))?;
    print(&format!("Database {} is in {}.\n", opened.database.build(), to.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn push(store: &Store, arguments: &ArtifactArguments) -> Result<ExitCode, String> {
    let (to, keys, client) = network::reach(&arguments.reference, &[], &arguments.network)?;
    let progress = Progress::new(&to.to_string(), arguments.quiet);
    let pushed = store.push(&to, &keys, &client);
    progress.end();
    let (build, digest) = pushed.map_err(|err| err.to_string())?;
    print(&format!("Database {build} is in {to}@{digest}.\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn pull(store: &Store, arguments: &ArtifactArguments) -> Result<ExitCode, String> {
    let (from, keys, client) = network::reach(&arguments.reference, &[], &arguments.network)?;
    let progress = Progress::new(&from.to_string(), arguments.quiet);
    let compiled = store.pull(&from, &keys, &client, &mut |it| progress.work(&it));
    progress.end();
    tell(&compiled.map_err(|err| err.to_string())?, &[])?;
    Ok(ExitCode::SUCCESS)
}

fn derive(arguments: &DeriveArguments) -> Result<ExitCode, String> {
    let client =
        Client::new(network::settings(&arguments.patience)).map_err(|err| err.to_string())?;
    let mirror = |text: &str| match text.contains("://") {
        true => Mirror::Server(client.clone(), text.to_owned()),
        false => Mirror::Directory(PathBuf::from(text)),
    };
    let beside = || format!("{}-security", arguments.mirror.trim_end_matches('/'));
    let security = arguments.security_mirror.clone().unwrap_or_else(beside);
    let archive = Archive {
        main: mirror(&arguments.mirror),
        security: mirror(&security),
        cache: places::cache().join("changelogs"),
    };
    let failed = |err: std::io::Error| format!("{}: {err}", arguments.output.display());
    let mut output = BufWriter::new(File::create(&arguments.output).map_err(failed)?);
    let (suites, now) = (&arguments.suite, Timestamp::now());
    let told = |it: &str| eprintln!("{it}");
    let derived = scan::advisories::derive(&archive, suites, now, &mut output, &told);
    let derived = derived.map_err(|err| err.to_string())?;
    output.flush().map_err(failed)?;
    let mut text = String::new();
    for it in &derived.problems {
        let _ = writeln!(text, "not read: {it}");
    }
    let (cves, changelogs) = (derived.cves, derived.changelogs);
    let _ = writeln!(text, "{cves} vulnerabilities from {changelogs} changelogs");
    print(&text)?;
    Ok(ExitCode::from(u8::from(!derived.problems.is_empty())))
}

fn verify(store: &Store) -> Result<ExitCode, String> {
    let opened = store.open().map_err(|err| err.to_string())?;
    for it in &opened.warnings {
        eprintln!("plimsoll: {it}");
    }
    opened.database.verify().map_err(|err| err.to_string())?;
    print(&format!("Database {} is whole.\n", opened.database.build()))?;
    Ok(ExitCode::from(if opened.warnings.is_empty() { 0 } else { FAILED }))
}

fn feeds(names: &[String]) -> Result<Vec<&'static Feed>, String> {
    names.iter().map(|it| feed(it)).collect()
}

fn feed(name: &str) -> Result<&'static Feed, String> {
    assess::feeds::feed(name).ok_or_else(|| {
        let names: Vec<&str> = FEEDS.iter().map(|it| it.name).collect();
        format!("there is no feed `{name}`; there are {}", names.join(", "))
    })
}

fn tell(compiled: &Compiled, without: &[&Feed]) -> Result<(), String> {
    let mut text = String::new();
    for it in without {
        let _ = writeln!(text, "{}: left out; what was fetched of it stays", it.name);
    }
    for (feed, name, why) in compiled.faults.iter().take(LISTED) {
        let _ = writeln!(text, "{feed}: {name}: {why}");
    }
    if compiled.faults.len() > LISTED {
        let _ = writeln!(text, "... {} documents could not be read in all", compiled.faults.len());
    }
    let _ = writeln!(
        text,
        "Database {} is in use: {} advisories; it says something new of {} packages, and of {} \
         vulnerabilities in general.",
        compiled.database.build(),
        compiled.database.advisories(),
        compiled.changed_packages,
        compiled.changed_enrichment
    );
    print(&text)
}
