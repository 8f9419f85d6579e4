//! Statements and the findings that they do or do not take away.
mod formats;

use super::*;
use model::{Component, Ecosystem, Located, Release, SourcePackage, System};
use proptest::prelude::*;

const CVE: &str = "CVE-2024-0001";
const ALIAS: &str = "GHSA-aaaa-bbbb-cccc";

fn digest() -> Digest {
    Digest::sha256(&[7; 32])
}

fn located(what: Component, system: Option<usize>) -> Located<Component> {
    Located { what, path: None, layer: 0, by: "test".to_owned(), system }
}

/// What is in the image: a Debian package built from another, npm packages, an RPM with an epoch.
fn inventory() -> Inventory {
    let mut libssl = Component::new(Ecosystem::Deb, "libssl3", "3.0.11-1");
    libssl.arch = Some("amd64".to_owned());
    libssl.source =
        Some(SourcePackage { name: "openssl".to_owned(), version: "3.0.11-1".to_owned() });
    let release = Release { id: "debian".into(), version_id: "12.5".into(), ..Release::default() };
    Inventory {
        systems: vec![System { release: Some(release), ..System::default() }],
        components: vec![
            located(libssl, Some(0)),
            located(Component::new(Ecosystem::Npm, "@team/app", "2.0.0"), None),
            located(Component::new(Ecosystem::Npm, "lodash", "4.17.20"), None),
            located(Component::new(Ecosystem::Golang, "github.com/a/b", "1.2.3"), None),
        ],
        ..Inventory::default()
    }
}

fn finding(component: usize) -> Finding {
    Finding {
        component,
        id: CVE.to_owned(),
        aliases: vec![ALIAS.to_owned()],
        errata: vec!["DSA-1-1".to_owned()],
        kind: model::Kind::Vulnerability,
        status: Status::Fixed,
        certain: true,
        fixed: None,
        subscription: None,
        severity: model::Rating::default(),
        ratings: Vec::new(),
        title: String::new(),
        cwes: Vec::new(),
        references: Vec::new(),
        published: None,
        exploited: None,
        exploits: Vec::new(),
        restart: None,
        epss: None,
        priority: model::Priority::default(),
        why: model::Why {
            namespace: model::Namespace::new("x"),
            package: String::new(),
            by_source: false,
            version: String::new(),
            scheme: String::new(),
            feed: String::new(),
            advisory: String::new(),
            range: String::new(),
            comparison: String::new(),
        },
        sample: None,
        sources: Vec::new(),
    }
}

fn document(statements: &str) -> Vex {
    let text = format!(
        r#"{{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://x/1","author":"The team",
        "timestamp":"2024-05-01T00:00:00Z","version":1,"statements":[{statements}]}}"#
    );
    let vex = parse(text.as_bytes()).unwrap();
    assert_eq!(vex.problems, [""; 0], "{text}");
    vex
}

fn statement(product: &str, more: &str) -> String {
    format!(r#"{{"vulnerability":{{"name":"{CVE}"}},"products":[{product}],{more}}}"#)
}

const HARMLESS: &str = r#""status":"not_affected","justification":"vulnerable_code_not_present""#;

/// Every component's finding: the reason that it is handled for, else what is said of it, else `-`.
fn outcome(groups: &[&[Vex]]) -> Vec<String> {
    let inventory = inventory();
    let name = "registry.example:5000/team/app:1.0".to_owned();
    let image = Image { name, digest: Some(digest()), ..Image::default() };
    let index = [Digest::sha256(&[8; 32])];
    let findings = (0..inventory.components.len()).map(finding).collect();
    let mut assessment = Assessment { findings, ..Assessment::default() };
    let subject = Subject { image: &image, known_as: &index, inventory: &inventory };
    let handled = apply(&mut assessment, subject, groups);
    let show = |it: &Finding| {
        let handled = handled.get(&(it.component, it.id.clone())).map(|it| it.reason.clone());
        assert!(it.sources.len() <= 1);
        assert!(it.sources.iter().all(|it| it.affects != handled.is_some()));
        let said = it.sources.first().map(|it| it.comparison.clone());
        handled.or(said).unwrap_or_else(|| "-".to_owned())
    };
    assessment.findings.iter().map(show).collect()
}

/// Which of the four findings a product takes away.
fn taken(product: &str, status: &str) -> String {
    let vex = [document(&statement(product, status))];
    let outcome = outcome(&[&vex]);
    outcome.iter().map(|it| if it.starts_with("VEX") { 'x' } else { '-' }).collect()
}

#[test]
fn products_are_packages() {
    let check = |product: &str, expected: &str| {
        assert_eq!(taken(&format!(r#"{{"@id":"{product}"}}"#), HARMLESS), expected, "{product}");
        assert_eq!(taken(&format!(r#""{product}""#), HARMLESS), expected, "{product}, as in 0.0");
        let named = format!(r#"{{"@id":"https://x","identifiers":{{"purl":"{product}"}}}}"#);
        assert_eq!(taken(&named, HARMLESS), expected, "{product} as an identifier");
    };
    check("pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&distro=debian-12.5", "x---");
    check("pkg:deb/debian/libssl3@3.0.11-1", "x---");
    check("pkg:deb/debian/libssl3", "x---");
    check("pkg:deb/libssl3", "x---");
    check("pkg:deb/debian/libssl3?distro=debian-12", "x---");
    check("pkg:deb/debian/libssl3?distro=debian-1", "----");
    check("pkg:deb/debian/libssl3?distro=debian-11", "----");
    check("pkg:deb/ubuntu/libssl3", "----");
    check("pkg:deb/debian/libssl3@3.0.11-2", "----");
    check("pkg:deb/debian/libssl3@3.0.11-1?arch=arm64", "----");
    check("pkg:deb/debian/openssl?arch=source", "x---");
    check("pkg:deb/debian/openssl@3.0.11-1?arch=source", "x---");
    check("pkg:deb/debian/openssl", "----");
    check("pkg:deb/debian/libssl3?arch=source", "----");
    check("pkg:npm/%40team/app@2.0.0", "-x--");
    check("pkg:npm/app@2.0.0", "----");
    check("pkg:npm/lodash", "--x-");
    check("pkg:npm/Lodash", "----");
    check("pkg:golang/github.com/a/b@v1.2.3", "---x");
    check("pkg:golang/github.com/a/b@1.2.3", "---x");
    check("pkg:pypi/lodash", "----");
    check("lodash", "----");
    check("", "----");
}

#[test]
fn products_are_images() {
    let check = |product: &str, expected: &str| {
        assert_eq!(taken(product, HARMLESS), expected, "{product}");
    };
    let id = |text: String| format!(r#"{{"@id":"{text}"}}"#);
    let (own, index) = (digest(), Digest::sha256(&[8; 32]));
    check(&id(format!("pkg:oci/app@{}", own.as_str().replace(':', "%3A"))), "xxxx");
    check(&id(format!("pkg:oci/whatever@{own}?repository_url=elsewhere")), "xxxx");
    check(&id(format!("pkg:oci/app@{index}")), "xxxx");
    check(&id(format!("registry.example:5000/team/app@{own}")), "xxxx");
    check(&id(own.to_string()), "xxxx");
    check(&id(format!("pkg:oci/app@sha256:{}", "0".repeat(64))), "----");
    let hashed = |hex: &str| format!(r#"{{"@id":"x","hashes":{{"sha-256":"{hex}"}}}}"#);
    check(&hashed(own.hex()), "xxxx");
    check(&hashed(&own.hex().to_uppercase()), "xxxx");
    check(&hashed(&"0".repeat(64)), "----");
    let place = "repository_url=registry.example:5000/team";
    check(&id(format!("pkg:oci/app?{place}/app")), "xxxx");
    check(&id(format!("pkg:oci/app?{place}")), "xxxx");
    check(&id(format!("pkg:oci/app?{place}&tag=1.0")), "xxxx");
    check(&id(format!("pkg:oci/app?{place}&tag=1.1")), "----");
    check(&id(format!("pkg:oci/other?{place}")), "----");
    check(&id("pkg:oci/app".to_owned()), "----");
    let with = |product: &str, part: &str| {
        format!(r#"{{"@id":"{product}","subcomponents":[{{"@id":"{part}"}},{{"@id":"pkg:x/y"}}]}}"#)
    };
    let image = format!("pkg:oci/app@{own}");
    check(&with(&image, "pkg:npm/lodash"), "--x-");
    check(&with(&image, "pkg:npm/lodash@1"), "----");
    check(&with("pkg:oci/app", "pkg:npm/lodash"), "----");
    // A part of something else that is in the image.
    check(&with("pkg:npm/%40team/app@2.0.0", "pkg:npm/lodash"), "--x-");
    check(&with("pkg:npm/%40team/app@3.0.0", "pkg:npm/lodash"), "----");
    check(&with("", "pkg:npm/lodash"), "----");
}

#[test]
fn only_what_is_said_with_a_reason_takes_a_finding_away() {
    let check = |product: &str, status: &str, expected: &str| {
        let product = format!(r#"{{"@id":"{product}"}}"#);
        let vex = [document(&statement(&product, status))];
        assert_eq!(outcome(&[&vex])[2], expected, "{status}");
    };
    let any = "pkg:npm/lodash";
    let one = "pkg:npm/lodash@4.17.20";
    let harmless = format!(r#"{HARMLESS},"impact_statement":"not built in""#);
    check(any, &harmless, "VEX by The team: vulnerable_code_not_present: not built in");
    check(any, HARMLESS, "VEX by The team: vulnerable_code_not_present");
    let words = r#""status":"not_affected","impact_statement":"not built in""#;
    check(any, words, "VEX by The team: not_affected: not built in");
    let bare = r#""status":"not_affected""#;
    check(any, bare, "not_affected: no reason is given, so it does not count");
    check(one, r#""status":"fixed""#, "VEX by The team: fixed");
    check(any, r#""status":"fixed""#, "fixed: no version is given, so it does not count");
    let image = format!("pkg:oci/app@{}", digest());
    check(&image, r#""status":"fixed""#, "VEX by The team: fixed");
    let affected = r#""status":"affected","action_statement":"upgrade""#;
    check(any, affected, "affected: upgrade");
    check(any, r#""status":"under_investigation""#, "under_investigation");
}

#[test]
fn vulnerabilities_have_many_names() {
    let check = |vulnerability: &str, expected: bool| {
        let text = format!(
            r#"{{"vulnerability":{vulnerability},"products":["pkg:npm/lodash"],{HARMLESS}}}"#
        );
        let vex = [document(&text)];
        assert_eq!(outcome(&[&vex])[2] != "-", expected, "{vulnerability}");
    };
    check(r#"{"name":"CVE-2024-0001"}"#, true);
    check(r#"{"name":"cve-2024-0001"}"#, true);
    check(r#""CVE-2024-0001""#, true);
    check(r#"{"name":"X-1","aliases":["GHSA-aaaa-bbbb-cccc"]}"#, true);
    check(r#"{"name":"CVE-2024-0002"}"#, false);
    // An erratum is about several.
    check(r#"{"name":"DSA-1-1"}"#, false);
}

#[test]
fn the_last_word_counts() {
    let say = |status: &str, at: &str| {
        let at = if at.is_empty() { String::new() } else { format!(r#","timestamp":"{at}""#) };
        statement(r#"{"@id":"pkg:npm/lodash@4.17.20"}"#, &format!(r#""status":"{status}"{at}"#))
    };
    let check = |groups: &[&[String]], expected: &str| {
        let groups: Vec<Vec<Vex>> =
            groups.iter().map(|it| it.iter().map(|it| document(it)).collect()).collect();
        let groups: Vec<&[Vex]> = groups.iter().map(Vec::as_slice).collect();
        let got = outcome(&groups)[2].clone();
        assert!(got.ends_with(expected), "{groups:?}: {got}");
    };
    let (early, late) = ("2024-01-01T00:00:00Z", "2024-09-01T02:00:00+02:00");
    check(&[&[say("fixed", late) + "," + &say("affected", early)]], ": fixed");
    check(&[&[say("fixed", early) + "," + &say("affected", late)]], "affected");
    check(&[&[say("fixed", early), say("affected", late)]], "affected");
    check(&[&[say("fixed", late), say("affected", "")]], ": fixed");
    check(&[&[say("fixed", "") + "," + &say("affected", early)]], ": fixed");
    // At one time the more cautious counts, wherever it stands.
    check(&[&[say("fixed", "") + "," + &say("under_investigation", "")]], "under_investigation");
    check(&[&[say("affected", "") + "," + &say("fixed", "")]], "affected");
    // The first group decides, however old it is.
    check(&[&[say("affected", early)], &[say("fixed", late)]], "affected");
    check(&[&[], &[say("fixed", late)]], ": fixed");
}

#[test]
fn documents_and_their_statements_may_be_strange() {
    let refused = |text: &str, expected: &str| {
        let err = parse(text.as_bytes()).unwrap_err().to_string();
        assert!(err.contains(expected), "{text}: {err}");
    };
    refused("", "EOF");
    refused("[]", "invalid");
    refused("{}", "neither OpenVEX nor CSAF nor CycloneDX");
    refused(r#"{"@context":"https://spdx.org/rdf"}"#, "neither OpenVEX nor CSAF nor CycloneDX");
    refused(r#"{"document":7}"#, "invalid type");
    let check = |statement: &str, expected: &str| {
        let good = self::statement(r#"{"@id":"pkg:npm/lodash"}"#, HARMLESS);
        let text =
            format!(r#"{{"@context":"https://openvex.dev/ns","statements":[{statement},{good}]}}"#);
        let vex = parse(text.as_bytes()).unwrap();
        assert_eq!(vex.len(), 1, "{statement}");
        assert!(vex.problems.concat().contains(expected), "{:?}", vex.problems);
        assert_eq!(vex.author(), "an unnamed author");
    };
    check(&statement("{}", r#""status":"harmless""#), "statement 1: unknown status `harmless`");
    check(&statement("", HARMLESS), "no product is named");
    check(r#"{"vulnerability":{},"status":"fixed"}"#, "no vulnerability is named");
    check(r#"{"status":"fixed"}"#, "missing field `vulnerability`");
    check("7", "statement 1: invalid type");
    let many = ["7"; 9].join(",");
    check(&many, "9 statements in all could not be understood");
}

proptest! {
    #[test]
    fn damage_never_panics(at in 0_usize..500, with: u8, len in 0_usize..500) {
        let product = r#"{"@id":"pkg:oci/a?repository_url=b/a","subcomponents":[{"@id":"pkg:npm/x"}]}"#;
        let statement = statement(product, HARMLESS);
        let text = format!(r#"{{"@context":"https://openvex.dev/ns","statements":[{statement}]}}"#);
        let mut bytes = text.into_bytes();
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= with;
        }
        if let Ok(it) = parse(&bytes) {
            outcome(&[&[it]]);
        }
        bytes.truncate(len);
        drop(parse(&bytes));
    }
}
