//! What other programs are given.
use crate::{
    bench::{Bench, texts},
    images::{KNOWN, OLD, debian, of},
};
use serde_json::Value;
use std::fs;
use testkit::tar::file;

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

#[test]
fn every_format_has_every_finding() {
    let bench = Bench::new();
    let image = bench.layout(&of(&[debian(OLD)]));
    let [(one, _), ..] = KNOWN else { panic!("one is needed") };
    let rule = format!("[[ignore]]\nid = \"{one}\"\nreason = \"not <reachable>\"\n");
    bench.file("plimsoll-ignore.toml", rule);
    let report = bench.scan(&image);
    let open = report["findings"].as_array().unwrap().len();
    let handled = report["handled"].as_array().unwrap().len();
    assert!(open > 0 && handled > 0);
    let show = |format: &str| {
        let run = bench.run(&["scan", "--format", format, &image]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{format}");
        run.stdout
    };
    let sarif: Value = serde_json::from_str(&show("sarif")).unwrap();
    let run = &sarif["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), open + handled);
    let suppressed = results.iter().filter(|it| it.get("suppressions").is_some()).count();
    assert_eq!(suppressed, handled);
    for it in results {
        let rule = &run["tool"]["driver"]["rules"][it["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], it["ruleId"]);
    }
    let gitlab: Value = serde_json::from_str(&show("gitlab")).unwrap();
    assert_eq!(gitlab["vulnerabilities"].as_array().unwrap().len(), open);
    assert_eq!(gitlab["vulnerabilities"][0]["location"]["operating_system"], "debian 12");
    let junit = show("junit");
    assert_eq!(junit.matches("<failure ").count(), open);
    let skipped = "<skipped message=\"not &lt;reachable&gt;\"/>";
    assert_eq!(junit.matches(skipped).count(), handled);
    assert_eq!(junit.matches("<testcase ").count(), junit.matches("</testcase>").count());
    for format in ["markdown", "html"] {
        let text = show(format);
        for id in texts(&report, "findings", "id").iter().filter(|it| *it != one) {
            assert!(text.contains(id.as_str()), "{format}: {id}");
        }
        assert!(text.contains("apt-get update"), "{format}");
    }
}

#[test]
fn text_of_an_image_is_no_markup() {
    let bench = Bench::new();
    let pretty = "<script>alert(1)</script> [x](https://y) \u{1b}[31m";
    let release = format!("ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"{pretty}\"\n");
    let image = bench.layout(&of(&[vec![file("etc/os-release", release)]]));
    let show = |format: &str| bench.run(&["scan", "--format", format, &image]).stdout;
    let (html, markdown, junit) = (show("html"), show("markdown"), show("junit"));
    assert!(html.contains("&lt;script&gt;alert(1)") && !html.contains("<script"), "{html}");
    assert!(markdown.contains("&lt;script>") && markdown.contains("\\[x\\]("), "{markdown}");
    // Nothing was found: one test that passes.
    assert!(junit.contains("tests=\"1\" failures=\"0\""), "{junit}");
    for text in [html, markdown, junit] {
        assert!(!text.contains('\u{1b}'));
    }
}
