//! Packages of programming languages: found, held against advisories, and told from what a distribution's package brought.
use crate::place::{NEW, Place, debian};
use serde_json::{Value, json};
use testkit::{
    image::image,
    spelling::zip,
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

#[test]
fn notorious_vulnerabilities_are_known_from_the_first_run() {
    let place = Place::new();
    let pom = "groupId=org.apache.logging.log4j\nartifactId=log4j-core\nversion=2.14.1\n";
    let path = "META-INF/maven/org.apache.logging.log4j/log4j-core/pom.properties";
    let package = json!({"name": "next", "version": "15.0.4"}).to_string();
    let metadata = "Metadata-Version: 2.1\nName: salt\nVersion: 3000.1\n";
    let mut entries = debian(NEW);
    entries.extend([
        file("app/log4j-core-2.14.1.jar", zip(path, pom.as_bytes())),
        file("app/node_modules/next/package.json", package),
        file("usr/local/lib/python3/dist-packages/salt-3000.1.dist-info/METADATA", metadata),
    ]);
    let layout = place.layout("x", &image("linux/amd64", &[tar(&entries)]));
    let exploited = |report: &Value| -> Vec<String> {
        let findings = report["findings"].as_array().unwrap().iter();
        let exploited = findings.filter(|it| !it["exploited"].is_null());
        exploited.map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    let report = place.report(&[&layout]);
    let expected = ["CVE-2020-11651", "CVE-2021-44228", "CVE-2021-45046", "CVE-2025-55182"];
    let found = exploited(&report);
    assert!(expected.iter().all(|it| found.iter().any(|found| found == it)), "{found:?}");
    let named = ["Debian changelogs (derived)", "Plimsoll's table of notorious vulnerabilities"];
    let shown = place.run(["scan", &layout]).out;
    let starter = |it: &str| shown.contains(&format!("{it} of 2026-11-2"));
    assert!(named.iter().all(|it| starter(it)), "{shown}");
    assert!(shown.contains("This is only the starter set"), "{shown}");
    // A feed that is not about these takes nothing away, and the rest is still called what it is.
    place.write("in/osv/fleet.json", advisory("GHSA-aaaa-aaaa-aaaa", "PyPI", "fleet", "1.5"));
    assert_eq!(place.run(["db", "import", "in"]).code, 0);
    assert_eq!(exploited(&place.report(&[&layout])), found);
    let shown = place.run(["scan", &layout]).out;
    assert!(!shown.contains("This is only the starter set"), "{shown}");
    let starter =
        |it: &str| shown.lines().any(|line| line.contains(it) && line.contains("(starter set)"));
    assert!(named.iter().all(|it| starter(it)), "{shown}");
    let status = place.run(["db", "status"]).out;
    assert_eq!(status.matches(", the starter set").count(), 3, "{status}");
    // One that knows them better takes their place.
    let better =
        advisory("CVE-2021-44228", "Maven", "org.apache.logging.log4j:log4j-core", "2.14.1");
    place.write("in/osv/log4j.json", better);
    assert_eq!(place.run(["db", "import", "in"]).code, 0);
    let left = exploited(&place.report(&[&layout]));
    assert!(!left.contains(&"CVE-2021-44228".to_owned()), "{left:?}");
    assert!(left.contains(&"CVE-2021-45046".to_owned()), "{left:?}");
}
