//! One test for every feed there is or will be.
use super::{FEEDS, Feed, Item};
use model::{Advisory, Affected};
use std::{
    fmt::Write,
    path::{Path, PathBuf},
};
use testkit::fixtures;

/// `fixtures/<feed>/<case>.in` must yield `<case>.out`; set `UPDATE=1` to write it anew.
#[test]
fn fixtures_yield_what_stands_beside_them() {
    for feed in FEEDS {
        fixtures::check(&folder(feed), |input, bytes| show(feed, input, bytes));
    }
}

/// No byte flipped in any fixture, and no cut, makes any feed panic.
#[test]
fn damaged_fixtures_do_not_panic() {
    for feed in FEEDS {
        fixtures::damage(&folder(feed), |_, bytes| drop((feed.parse)(bytes, "case", &mut |_| {})));
    }
}

#[test]
fn names_are_unique_and_addresses_are_whole() {
    for feed in FEEDS {
        assert_eq!(FEEDS.iter().filter(|it| it.name == feed.name).count(), 1, "{}", feed.name);
        for url in feed.places.iter().flat_map(super::Place::urls) {
            assert!(url.starts_with("https://") && !url.contains(['{', '}', ' ']), "{url}");
        }
    }
}

fn folder(feed: &Feed) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(feed.name)
}

fn show(feed: &Feed, input: &Path, bytes: &[u8]) -> String {
    let mut text = String::new();
    let name = input.file_stem().unwrap().to_str().unwrap();
    let outcome = (feed.parse)(bytes, name, &mut |item| match item {
        Item::Advisory(it) => show_advisory(&mut text, &it),
        Item::Enrichment(it) => writeln!(text, "{it:?}").unwrap(),
        Item::Skipped(why) => writeln!(text, "skipped {why}").unwrap(),
    });
    match outcome {
        Ok(()) => text + "ok\n",
        Err(it) => format!("{text}{it}\n"),
    }
}

fn show_advisory(text: &mut String, it: &Advisory) {
    writeln!(text, "{} of {}, {:?}: {}", it.id, it.feed, it.kind, it.title).unwrap();
    for (name, list) in [("aliases", &it.aliases), ("covers", &it.covers), ("cwes", &it.cwes)] {
        if !list.is_empty() {
            writeln!(text, "  {name} {}", list.join(" ")).unwrap();
        }
    }
    for (name, time) in
        [("published", it.published), ("modified", it.modified), ("withdrawn", it.withdrawn)]
    {
        if let Some(time) = time {
            writeln!(text, "  {name} {time}").unwrap();
        }
    }
    for it in &it.severities {
        writeln!(text, "  severity {} by {}", it.value, it.by).unwrap();
    }
    for url in &it.references {
        let shows = if it.exploits.contains(url) { ", which shows an exploit" } else { "" };
        writeln!(text, "  see {url}{shows}").unwrap();
    }
    it.affected.iter().for_each(|it| show_affected(text, it));
}

fn show_affected(text: &mut String, it: &Affected) {
    let names = (it.names, it.status);
    write!(text, "  {} {} {names:?}", it.namespace, it.package).unwrap();
    let lists = [
        ("only", &it.versions),
        ("except", &it.except),
        ("module", &it.modules),
        ("arch", &it.arches),
    ];
    for it in &it.ranges {
        write!(text, " [{it}]").unwrap();
    }
    for (name, list) in lists {
        if !list.is_empty() {
            write!(text, " | {name} {}", list.join(" ")).unwrap();
        }
    }
    for it in &it.severities {
        write!(text, " | {} by {}", it.value, it.by).unwrap();
    }
    for it in &it.imports {
        write!(text, " | imports {} {}", it.path, it.symbols.join(" ")).unwrap();
    }
    text.push('\n');
}
