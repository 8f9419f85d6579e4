//! Formats, where the result goes, and the exit codes that pipelines go by.
use crate::{
    bench::{Bench, finish, run},
    images::{KNOWN, NEW, OLD, debian, of, os_release},
    schema,
};
use std::{fs, io::Read, process::Stdio};
use testkit::tar::file;

/// A bench with an image of that openssl, and how it is typed.
fn with(version: &str) -> (Bench, String) {
    let bench = Bench::new();
    let image = bench.layout(&of(&[debian(version)]));
    (bench, image)
}

#[test]
fn gates_decide_the_exit_code() {
    let ((old, old_image), (new, new_image)) = (with(OLD), with(NEW));
    let check = |arguments: &[&str], for_old: i32, for_new: i32| {
        let all = |image: &str| [&["scan", image], arguments].concat().join("\n");
        let code = |bench: &Bench, line: String| bench.run(&line.lines().collect::<Vec<_>>()).code;
        assert_eq!(code(&old, all(&old_image)), for_old, "{arguments:?}");
        assert_eq!(code(&new, all(&new_image)), for_new, "{arguments:?}");
    };
    check(&[], 0, 0);
    // The changelogs from which the starter set is derived say nothing of severity.
    check(&["--fail-on", "unknown"], 1, 0);
    check(&["--fail-on", "critical"], 0, 0);
    check(&["--fail-on-coverage", "partial"], 1, 1);
    check(&["--fail-on-coverage", "unknown"], 0, 0);
    check(&["--fail-on", "critical", "--fail-on-coverage", "partial"], 1, 1);
    check(&["--fail-on", "unknown", "--ignore-unfixed"], 1, 0);
    check(&["--fail-on", "unknown", "--format", "json"], 1, 0);
    check(&["--fail-on", "urgent"], 2, 2);
    check(&["--ignore-file", "nowhere.toml"], 2, 2);
    check(&["--db", "nowhere.plimsoll"], 2, 2);
    check(&["--platform", "a/b/c/d"], 2, 2);
}

#[test]
fn a_gate_on_coverage_holds_what_can_not_be_seen() {
    let bench = Bench::new();
    let apk = file("lib/apk/db/installed", "P:musl\nV:1.2.4-r2\nA:x86_64\n\n");
    let image = bench.layout(&of(&[vec![os_release("alpine", "3.19.1"), apk]]));
    assert_eq!(bench.run(&["scan", &image]).code, 0);
    assert_eq!(bench.run(&["scan", "--fail-on", "unknown", &image]).code, 0);
    assert_eq!(bench.run(&["scan", "--fail-on-coverage", "unknown", &image]).code, 1);
}

#[test]
fn accepted_findings_are_kept_apart_until_their_rule_ends() {
    let (bench, image) = with(OLD);
    let accept = |more: &str, ids: &[&str]| {
        let rule =
            |id| format!("[[ignore]]\nid = \"{id}\"\nreason = \"not reachable here\"\n{more}\n");
        bench.file("rules.toml", ids.iter().map(rule).collect::<String>());
        bench.run(&["scan", "--format", "json", "--ignore-file", "rules.toml", &image])
    };
    let count = |image: &serde_json::Value, id: &str| {
        let of = |list: &str, at: &str| {
            let rows = image[list].as_array().unwrap().iter();
            rows.filter(|it| it.pointer(at).unwrap() == id).count()
        };
        (of("findings", "/id"), of("handled", "/finding/id"))
    };
    let [(one, _), (two, _), ..] = KNOWN else { panic!("two are needed") };

    let run = accept("until = \"2999-12-31\"", &[one]);
    schema::holds(&run.report());
    assert_eq!(count(&run.image(), one), (0, 2));
    assert_eq!(count(&run.image(), two), (2, 0));
    assert_eq!(run.image()["handled"][0]["reason"], "not reachable here");
    assert_eq!(run.image()["handled"][0]["until"], "2999-12-31");
    assert_eq!(run.stderr, "");

    let run = accept("until = \"2020-01-31\"", &[one]);
    assert_eq!(count(&run.image(), one), (2, 0));
    assert!(run.stderr.contains(one) && run.stderr.contains("until 2020-01-31"), "{}", run.stderr);

    let run = accept("package = \"libssl3\"", &[&one.to_lowercase()]);
    assert_eq!(count(&run.image(), one), (1, 1));
    let run = accept("package = \"openssl\"", &[one]);
    assert_eq!(count(&run.image(), one), (0, 2));
    let run = accept("version = \"1.0\"", &[one]);
    assert_eq!(count(&run.image(), one), (2, 0));

    bench.file("rules.toml", "[[ignore]]\nid = \"CVE-1\"\n");
    bench.run(&["scan", "--ignore-file", "rules.toml", &image]).fails("rules.toml");
}

#[test]
fn all_findings_accepted_let_the_gate_open() {
    let (bench, image) = with(OLD);
    let report = bench.scan(&image);
    let mut ids = crate::bench::texts(&report, "findings", "id");
    ids.dedup();
    let rule = |id: &String| format!("[[ignore]]\nid = \"{id}\"\nreason = \"x\"\n");
    // The file of this name counts without being named.
    bench.file("plimsoll-ignore.toml", ids.iter().map(rule).collect::<String>());
    let run = bench.run(&["scan", "--fail-on", "unknown", &image]);
    assert_eq!(run.code, 0);
    assert!(run.stdout.contains("No findings."), "{}", run.stdout);
    assert!(run.stdout.contains("accepted"), "{}", run.stdout);
    assert_eq!(bench.scan(&image)["counts"], serde_json::json!({}));
}

#[test]
fn reports_hold_to_the_schema() {
    let (bench, image) = with(OLD);
    let run = bench.run(&["scan", "--format", "json", &image]);
    schema::holds(&run.report());
    let sum: u64 =
        run.image()["counts"].as_object().unwrap().values().map(|it| it.as_u64().unwrap()).sum();
    assert_eq!(sum as usize, run.image()["findings"].as_array().unwrap().len());
}

#[test]
fn the_table_says_what_was_found_and_what_that_is_worth() {
    let (bench, image) = with(OLD);
    let run = bench.run(&["scan", &image]);
    assert_eq!(run.stderr, "");
    for words in [
        "The debian 12",
        "3 components in 1 layers",
        "CVE-2023-5363",
        "libssl3 +1",
        "3.0.11-1~deb12u2",
        "Coverage: partial",
        "only the starter set",
    ] {
        assert!(run.stdout.contains(words), "{words}: {}", run.stdout);
    }
    assert!(!run.stdout.contains('\u{1b}'), "colours in a pipe");
}

#[test]
fn text_of_an_image_can_not_command_the_terminal() {
    let bench = Bench::new();
    let release =
        file("etc/os-release", "ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"\u{1b}[2JDebian\u{7}\"\n");
    let image = bench.layout(&of(&[[debian(OLD), vec![release]].concat()]));
    let run = bench.run(&["scan", &image]);
    assert!(
        run.stdout.contains("Debian") && !run.stdout.contains(['\u{1b}', '\u{7}']),
        "{}",
        run.stdout
    );
}

#[test]
fn the_result_goes_where_it_is_wanted() {
    let (bench, image) = with(OLD);
    let run = bench.run(&["scan", "--format", "json", "--output", "out.json", &image]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    let report = serde_json::from_slice(&fs::read(bench.path("out.json")).unwrap()).unwrap();
    schema::holds(&report);
    let run = bench.run(&["scan", "--fail-on", "unknown", "-o", "out.txt", &image]);
    assert_eq!(run.code, 1, "the gate holds with --output too");
    bench.run(&["scan", "--output", "nowhere/out", &image]).fails("nowhere/out");
    bench.run(&["scan", "--output", "/dev/full", &image]).fails("/dev/full");
    bench.run(&["scan", "--output", ".", &image]).fails(".: ");
}

#[test]
fn a_full_disk_behind_standard_output_is_a_failure() {
    let (bench, image) = with(OLD);
    for arguments in
        [&["scan", &image][..], &["why", KNOWN[0].0, &image], &["why-not", "x", &image]]
    {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let run = run(bench.command(arguments).stdout(Stdio::from(full)));
        run.fails("output: ");
    }
}

/// As with `plimsoll scan ... | head -1`.
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (bench, image) = with(OLD);
    for format in ["table", "json"] {
        let arguments = ["scan", "--fail-on", "unknown", "--format", format, &image];
        let mut child = bench.command(arguments).spawn().unwrap();
        let mut pipe = child.stdout.take().unwrap();
        pipe.read_exact(&mut [0]).unwrap();
        drop(pipe);
        let run = finish(child);
        assert_eq!((run.code, run.stderr.as_str()), (1, ""), "the gate holds all the same");
    }
    let mut child = bench.command(["scan", &image]).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(finish(child).code, 0);
}

#[test]
fn what_can_not_be_understood_is_a_failure_with_help() {
    let bench = Bench::new();
    let check = |arguments: &[&str], words: &str| {
        let run = bench.run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(run.stderr.contains(words), "{}", run.stderr);
    };
    check(&[], "Usage");
    check(&["scan"], "<IMAGE>");
    check(&["scan", "--frobnicate", "x"], "--frobnicate");
    check(&["inspect-layer"], "own use");
    check(&["scan", "--password-stdin", "x"], "--username");
    assert_eq!(bench.run(&["--help"]).code, 0);
    assert!(bench.run(&["--version"]).stdout.starts_with("plimsoll "));
}
