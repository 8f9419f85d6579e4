//! What other programs are given.
use crate::{
    bench::{Bench, texts},
    images::{OLD, debian, of},
};
use std::fs;

#[test]
fn a_bill_that_was_written_is_scanned_as_the_image_was() {
    let bench = Bench::new();
    let image = bench.layout(&of(&[debian(OLD)]));
    let expected = texts(&bench.scan(&image), "findings", "id");
    assert!(!expected.is_empty());
    for format in ["cyclonedx", "spdx"] {
        let file = format!("{format}.json");
        let run = bench.run(&["scan", "--format", format, "--output", &file, &image]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        assert_eq!(texts(&bench.scan(&file), "findings", "id"), expected, "{format}");
        let first = fs::read_to_string(bench.path(&file)).unwrap();
        let serial = |text: &str| {
            let line =
                text.lines().find(|it| it.contains("serialNumber") || it.contains("Namespace"));
            line.unwrap().to_owned()
        };
        bench.run(&["scan", "--format", format, "--output", &file, &image]);
        assert_eq!(serial(&first), serial(&fs::read_to_string(bench.path(&file)).unwrap()));
    }
}

#[test]
fn a_plan_says_what_to_type() {
    let bench = Bench::new();
    let image = bench.layout(&of(&[debian(OLD)]));
    let run = bench.run(&["scan", &image]);
    let line = "apt-get update && apt-get install -y --only-upgrade libssl3=3.";
    assert!(run.stdout.contains(line), "{}", run.stdout);
    let plan = bench.scan(&image)["fix_plan"].clone();
    assert_eq!(plan["actions"][0]["what"], "openssl");
    assert_eq!(plan["actions"][0]["same_major"], true);
    let count = |it: &serde_json::Value| {
        it.as_object().unwrap().values().map(|it| it.as_u64().unwrap()).sum::<u64>()
    };
    let all = bench.scan(&image)["findings"].as_array().unwrap().len() as u64;
    assert_eq!(count(&plan["actions"][0]["removes"]) + count(&plan["stays"]), all);
}
