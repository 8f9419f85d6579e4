//! Packages of programming languages: found, held against advisories, and told from what a distribution's package brought.
use crate::place::{NEW, Place, debian};
use serde_json::{Value, json};
use testkit::{
    image::image,
    tar::{file, tar},
};

const METADATA: &str = "Metadata-Version: 2.1\nName: Fleet\nVersion: 1.0\n";
const METADATA_MD5: &str = "65774daabff93bebe8eaa7741b8a32c4";
const PACKAGED: &str = "usr/lib/python3/dist-packages/fleet-1.0.dist-info/METADATA";

fn advisory(id: &str, ecosystem: &str, package: &str, fixed: &str) -> String {
    json!({"id": id, "modified": "2026-01-01T00:00:00Z", "affected": [{
        "package": {"ecosystem": ecosystem, "name": package},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]})
    .to_string()
}

/// What is found: advisory, file, and what the component says of its presence.
fn found(report: &Value) -> Vec<String> {
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let of = |key: &str| report[key].as_array().unwrap();
    let (findings, components) = (of("findings"), of("components"));
    let show = |it: &Value| {
        let is_it = |of: &&Value| of["purl"] == it["purl"] && of["path"] == it["path"];
        let component = components.iter().find(is_it).unwrap();
        format!("{} {} {}", text(&it["id"]), text(&it["path"]), text(&component["presence"]))
    };
    let mut all: Vec<String> = findings.iter().map(show).collect();
    all.sort();
    all
}

#[test]
fn packages_of_languages_are_held_against_their_advisories() {
    let place = Place::new();
    place.write("in/osv/fleet.json", advisory("GHSA-aaaa-aaaa-aaaa", "PyPI", "fleet", "1.5"));
    place.write(
        "in/osv/harbor.json",
        advisory("GHSA-bbbb-bbbb-bbbb", "npm", "@port/harbor", "2.0.0"),
    );
    let ran = place.run(["db", "import", "in"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let mut entries = debian(NEW);
    let lock = json!({"lockfileVersion": 3, "packages": {
        "node_modules/@port/harbor": {"version": "1.9.0", "dev": true}}});
    let package = json!({"name": "@port/harbor", "version": "1.10.0"});
    entries.extend([
        file("usr/local/lib/python3/dist-packages/Fleet-1.0.dist-info/METADATA", METADATA),
        file("app/node_modules/@port/harbor/package.json", package.to_string()),
        file("app/package-lock.json", lock.to_string()),
        file(PACKAGED, METADATA),
        file("var/lib/dpkg/info/python3-fleet.list", format!("/.\n/{PACKAGED}\n")),
        file("var/lib/dpkg/info/python3-fleet.md5sums", format!("{METADATA_MD5}  {PACKAGED}\n")),
    ]);
    let base = tar(&entries);
    let own = [
        "GHSA-aaaa-aaaa-aaaa usr/local/lib/python3/dist-packages/Fleet-1.0.dist-info/METADATA installed",
        "GHSA-bbbb-bbbb-bbbb app/node_modules/@port/harbor/package.json installed",
        "GHSA-bbbb-bbbb-bbbb app/package-lock.json for development",
    ];
    let layout = place.layout("own", &image("linux/amd64", std::slice::from_ref(&base)));
    let report = place.report(&[&layout]);
    assert_eq!(found(&report), own);
    let components = report["components"].as_array().unwrap();
    assert!(components.iter().any(|it| it["presence"] == "owned by python3-fleet"));
    let asked = place.run(["why-not", "GHSA-aaaa-aaaa-aaaa", &layout]);
    assert!(asked.out.contains("owned by python3-fleet"), "{}", asked.out);
    // Whoever puts another version in its place has it from elsewhere.
    let other = METADATA.replace("1.0", "1.2");
    let layers = [base, tar(&[file(PACKAGED, other)])];
    let report = place.report(&[&place.layout("other", &image("linux/amd64", &layers))]);
    let replaced = format!("GHSA-aaaa-aaaa-aaaa {PACKAGED} installed");
    assert!(found(&report).contains(&replaced), "{:?}", found(&report));
}
