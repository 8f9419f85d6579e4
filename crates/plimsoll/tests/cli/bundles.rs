//! Rules from elsewhere: bundles that are signed, imported and gone back from, and rules for one scan.
use crate::place::Place;
use serde_json::Value;
use std::fs;
use testkit::{
    http::{Reply, Server},
    image::image,
    tar::{file, tar},
};

const WORD: &str = "a file that is harmless: plimsollharmless\n";

fn rule(word: &str) -> String {
    format!(
        "rule harmless_{word} {{\n  meta:\n    threat = \"miner\"\n    family = \"{word}\"\n    confidence = 95\n    \
         what = \"holds the word\"\n  strings:\n    $a = \"plimsoll{word}\"\n  condition:\n    $a\n}}\n"
    )
}

/// A place with an image in which only rules from elsewhere find something, and a database.
fn place() -> (Place, String) {
    let place = Place::new();
    place.write("osv/one.json", crate::db::osv("DEBIAN-CVE-2099-0001", "openssl", "9:1"));
    let ran = place.run(["db", "import", "osv", "--without", "debian-changelogs"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let built = image("linux/amd64", &[tar(&[file("opt/word", WORD), file("opt/x", "x\n")])]);
    let image = place.layout("image", &built);
    (place, image)
}

/// What a scan says of malicious files.
fn found(place: &Place, args: &[&str]) -> Vec<String> {
    let report = place.report(args);
    let all = report["malicious"].as_array().cloned().unwrap_or_default();
    all.iter().map(|it| it["evidence"][0]["rule"].as_str().unwrap().to_owned()).collect()
}

fn run(place: &Place, words: &str) -> String {
    let ran = place.run(words.split(' '));
    assert_eq!(ran.code, 0, "{words}: {}", ran.err);
    ran.out
}

fn refused(place: &Place, words: &str, expected: &str) {
    let ran = place.run(words.split(' '));
    assert!(ran.code == 2 && ran.err.contains(expected), "{words}: {} {}", ran.out, ran.err);
}

/// Makes bundles of epochs 1, 2 and 3; the second has the rule that finds something.
fn bundles(place: &Place) {
    run(place, "db malware keygen ours");
    run(place, "db malware keygen theirs");
    place.write("in/rules/text/a.yar", rule("other"));
    run(place, "db malware build --from in --sign ours --out 1.bundle --epoch 1");
    place.write("in/rules/text/a.yar", rule("harmless"));
    place.write("in/hashes/bad/list", format!("{} miner/y\n", "ab".repeat(32)));
    let made = "db malware build --from in --sign ours --out 2.bundle --epoch 2 --publisher us";
    assert!(run(place, made).contains("The bundle of epoch 2, "));
    run(place, "db malware build --from in --sign theirs --out 3.bundle --epoch 3");
}

#[test]
fn a_bundle_finds_what_only_its_rule_knows_until_it_is_rolled_back() {
    let (place, image) = place();
    bundles(&place);
    assert!(run(&place, "db malware status").contains("only the rules that are built in"));
    assert_eq!(found(&place, &[&image]), [""; 0]);
    refused(&place, "db malware import 1.bundle", "is not known here");
    run(&place, "db malware import 1.bundle --key ours.pub");
    assert_eq!(found(&place, &[&image]), [""; 0]);
    run(&place, "db malware import 2.bundle");
    // The report of the layer that was kept does not hold any more.
    assert_eq!(found(&place, &[&image]), ["harmless-harmless"]);
    assert_eq!(found(&place, &[&image, "--no-malware"]), [""; 0]);
    refused(&place, "db malware import 1.bundle", "before the bundle in use");
    refused(&place, "db malware import 3.bundle", "is not known here");
    let status = run(&place, "db malware status");
    for it in ["epoch 2 by us", "0 days ago", "1 rules, 1 digests", "Kept besides: 1"] {
        assert!(status.contains(it), "{it}: {status}");
    }
    let status: Value =
        serde_json::from_str(&run(&place, "db malware status --format json")).unwrap();
    assert_eq!(status["bundle"]["epoch"], 2);
    assert_eq!((&status["bundle"]["verified"], &status["kept"][1]), (&true.into(), &1.into()));
    run(&place, "db malware rollback");
    assert_eq!(found(&place, &[&image]), [""; 0]);
    refused(&place, "db malware rollback", "no bundle from before epoch 1 is kept");
    run(&place, "db malware import 3.bundle --unverified");
    assert_eq!(found(&place, &[&image]), ["harmless-harmless"]);
}

#[test]
fn a_bundle_that_cannot_be_read_stops_the_scan() {
    let (place, image) = place();
    bundles(&place);
    run(&place, "db malware import 2.bundle --key ours.pub");
    let current = fs::read_link(place.path("data/malware/current")).unwrap();
    let path = place.path("data/malware").join(current);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    refused(&place, &format!("scan {image}"), "it has been changed since it was brought in");
    refused(&place, "db malware status", "import` brings in another");
    run(&place, &format!("scan {image} --no-malware"));
    run(&place, "db malware import 2.bundle");
    assert_eq!(found(&place, &[&image]), ["harmless-harmless"]);
    refused(&place, "db malware import in/rules/text/a.yar", "it is no bundle");
}

#[test]
fn a_bundle_is_fetched() {
    let (place, image) = place();
    bundles(&place);
    let bytes = fs::read(place.path("2.bundle")).unwrap();
    let server = Server::start(move |request| match request.target.as_str() {
        "/rules.bundle" if request.header("if-none-match") == Some("\"2\"") => Reply::new(304, ""),
        "/rules.bundle" => Reply::new(200, bytes.clone()).header("etag", "\"2\""),
        _ => Reply::new(404, ""),
    });
    let url = format!("http://{}", server.host());
    refused(&place, &format!("db malware update {url}/rules.bundle"), "rules.bundle: it is signed");
    refused(&place, &format!("db malware update {url}/other"), "HTTP status 404");
    let update = format!("db malware update {url}/rules.bundle --key ours.pub");
    run(&place, "db malware import 1.bundle --key ours.pub");
    assert!(run(&place, &update).contains("The bundle of epoch 2 by us is in use"));
    assert_eq!(found(&place, &[&image]), ["harmless-harmless"]);
    assert!(run(&place, &update).contains("still the one that is there"));
    // What was gone back from is fetched again.
    run(&place, "db malware rollback");
    assert!(run(&place, &update).contains("The bundle of epoch 2 by us is in use"));
}

#[test]
fn one_scan_uses_rules_and_lists_of_its_own() {
    let (place, image) = place();
    place.write("a.yar", rule("harmless"));
    place.write("more/b.yar", rule("other"));
    let digest = testkit::image::sha256(WORD.as_bytes());
    place.write("list", format!("{} miner/word\n", digest.hex()));
    assert_eq!(found(&place, &[&image, "--rules", "a.yar"]), ["harmless-harmless"]);
    assert_eq!(found(&place, &[&image, "--rules", "more"]), [""; 0]);
    assert_eq!(found(&place, &[&image, "--hashes", "list"]), ["known-digest"]);
    assert_eq!(found(&place, &[&image]), [""; 0]);
    place.write(
        "bare.yar",
        "rule bare {\n  strings:\n    $a = \"plimsollharmless\"\n  condition:\n    $a\n}\n",
    );
    let ran = place.run(["scan", &image, "--rules", "bare.yar"]);
    assert!(ran.code == 0 && ran.err.contains("bare.yar: rule bare: meta has no"), "{}", ran.err);
    place.write("bad.yar", "rule a {\n  condition:\n    $x\n}\n");
    place.write("empty/x", "");
    place.write("slow.yar", rule("harmless").replace("plimsollharmless", "abc"));
    let check = |words: &str, expected: &str| {
        refused(&place, &format!("scan {image} {words}"), expected);
    };
    check("--rules bad.yar", "bad.yar: 3:5: error: unknown variable $x");
    check("--rules a.yar --rules a.yar", "there is a rule of this name already");
    check("--rules slow.yar", "slow.yar: rule harmless_harmless: $a has no 4 fixed bytes");
    check("--rules empty", "empty: there are no rules in it");
    check("--rules missing", "missing: No such file");
    check("--hashes a.yar", "a.yar: line 1: ");
    check("--rules a.yar --no-malware", "cannot be used with");
}
