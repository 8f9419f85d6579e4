//! One test for every feed there is or will be.
use super::{FEEDS, Feed, Item};
use model::{Advisory, Affected};
use std::{env, fmt::Write, fs, path::Path, path::PathBuf};

/// `fixtures/<feed>/<case>.in` must yield `<case>.out`; set `UPDATE=1` to write it anew.
#[test]
fn fixtures_yield_what_stands_beside_them() {
    for feed in FEEDS {
        let cases = cases(feed);
        assert!(!cases.is_empty(), "{} has no fixture", feed.name);
        for input in cases {
            let got = show(feed, &input, &fs::read(&input).unwrap());
            let output = input.with_extension("out");
            if env::var_os("UPDATE").is_some() {
                fs::write(&output, &got).unwrap();
            }
            let expected = fs::read_to_string(&output).unwrap_or_default();
            assert_eq!(got, expected, "{}", input.display());
        }
    }
}

/// No byte flipped in any fixture, and no cut, makes any feed panic.
#[test]
fn damaged_fixtures_do_not_panic() {
    for feed in FEEDS {
        for input in cases(feed) {
            let bytes = fs::read(&input).unwrap();
            for i in (0..bytes.len()).step_by(bytes.len() / 2000 + 1) {
                let mut flipped = bytes.clone();
                flipped[i] ^= 0x55;
                for bytes in [&flipped[..], &bytes[..i]] {
                    drop((feed.parse)(bytes, "case", &mut |_| {}));
                }
            }
        }
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

fn cases(feed: &Feed) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let files = fs::read_dir(root.join(feed.name)).into_iter().flatten();
    let mut cases: Vec<PathBuf> = files.map(|it| it.unwrap().path()).collect();
    cases.retain(|it| it.extension().is_some_and(|it| it == "in"));
    cases.sort();
    cases
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
    for it in &it.references {
        writeln!(text, "  see {it}").unwrap();
    }
    it.affected.iter().for_each(|it| show_affected(text, it));
}

fn show_affected(text: &mut String, it: &Affected) {
    let names = (it.names, it.status);
    write!(text, "  {} {} {names:?}", it.namespace, it.package).unwrap();
    let lists = [("only", &it.versions), ("module", &it.modules), ("arch", &it.arches)];
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
    text.push('\n');
}
