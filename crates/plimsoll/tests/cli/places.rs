//! Places on this machine that are not there, or can't be written.
use crate::{
    bench::{Bench, run},
    images::{OLD, debian, harmless, of, os_release, status},
};
use serde_json::json;
use std::fs;

#[test]
fn without_a_place_to_write_everything_is_still_found() {
    let bench = Bench::new();
    let image = bench.layout(&of(&[debian(OLD)]));
    let expected = bench.scan(&image);
    let check = |what: &str, variables: &[&str], value: Option<&str>| {
        let mut command = bench.command(["scan", "--format", "json", "--no-cache", &image]);
        for it in variables {
            match value {
                Some(value) => command.env(it, value),
                None => command.env_remove(it),
            };
        }
        let run = run(&mut command);
        assert_eq!(run.stderr, "", "{what}");
        assert_eq!(run.image(), expected, "{what}");
    };
    check("no spool", &["TMPDIR"], Some("/nowhere/at/all"));
    check("a spool that can't be written", &["TMPDIR"], Some("/proc"));
    check("no home", &["HOME"], None);
    check("an empty home", &["HOME"], Some(""));
    check("a home that is not there", &["HOME"], Some("/nowhere/at/all"));
    let all = ["HOME", "TMPDIR", "PLIMSOLL_CACHE_DIR", "PLIMSOLL_DATA_DIR", "DOCKER_CONFIG"];
    check("nothing can be written", &all, Some("/proc/nowhere"));
}

#[test]
fn the_program_writes_only_where_it_should() {
    let bench = Bench::new();
    let image = bench.layout(&of(&[debian(OLD)]));
    for (name, value) in [("XDG_CACHE_HOME", "xdg-cache"), ("XDG_DATA_HOME", "xdg-data")] {
        fs::create_dir(bench.path(value)).unwrap();
        let mut command = bench.command(["scan", &image]);
        command.env_remove("PLIMSOLL_CACHE_DIR").env_remove("PLIMSOLL_DATA_DIR");
        assert_eq!(run(command.env(name, bench.path(value))).code, 0);
        assert!(bench.path(value).join("plimsoll").is_dir(), "{name}");
    }
    assert!(bench.path("home/.cache/plimsoll/layers").is_dir());
    assert!(bench.path("home/.local/share/plimsoll/db").is_dir());
    assert_eq!(fs::read_dir(bench.path("spool")).unwrap().count(), 0);
    assert_eq!(bench.kept().len(), 0);
}

/// A database over the size that is kept in memory.
#[test]
fn a_big_database_needs_the_spool() {
    let bench = Bench::new();
    let filling = format!("Description: {}\n\n", "x".repeat(1 << 20));
    let big = (0..34)
        .map(|it| harmless(&format!("package-{it}")).trim_end().to_owned() + "\n" + &filling);
    // The field is there twice; what matters is how much there is.
    let big = big.collect::<String>().replace("Description: x\n", "");
    let image = bench.layout(&of(&[vec![os_release("debian", "12"), status(&big)]]));
    let with = bench.scan(&image);
    assert_eq!(with["components"].as_array().unwrap().len(), 34);
    assert_eq!(with["gaps"], json!([]));
    let mut command = bench.command(["scan", "--format", "json", "--no-cache", &image]);
    // No gap, which would stay in the layer's report when there is a place again.
    let without = run(command.env("TMPDIR", "/nowhere/at/all"));
    for words in ["var/lib/dpkg/status has", "temporary file in /nowhere/at/all", "TMPDIR"] {
        without.fails(words);
    }
    assert_eq!(fs::read_dir(bench.path("spool")).unwrap().count(), 0);
}
