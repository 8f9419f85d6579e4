//! Documents that are attached to an image or named beside it: bills of materials and VEX.
use crate::{
    bench::{Bench, a_gap, texts},
    images::{KNOWN, OLD, debian, of, os_release},
    schema,
};
use serde_json::{Value, json};
use testkit::{
    http::Reply,
    image::{Blob, BuiltImage, artifact, statement},
    registry::{Auth, Registry, What},
};

const CYCLONEDX: &str = "application/vnd.cyclonedx+json";
const OPENVEX: &str = "application/vnd.openvex+json";

/// An image in a registry, with documents attached to it.
struct Harbour {
    bench: Bench,
    registry: Registry,
    image: BuiltImage,
    name: String,
}

impl Harbour {
    fn new(image: BuiltImage) -> Harbour {
        let (bench, registry) = (Bench::new(), Registry::start(Auth::Open));
        registry.put("team/app", "1", &image);
        let name = format!("{}/team/app:1", registry.host());
        Harbour { bench, registry, image, name }
    }

    fn attach(&self, kind: &str, document: &Value) -> String {
        let blob = Blob::new(kind, document.to_string());
        let digest = blob.digest.to_string();
        self.registry.attach("team/app", &artifact(kind, &self.image.manifest, vec![blob]));
        digest
    }

    fn scan(&self, more: &[&str]) -> Value {
        let run = self.bench.run(&[&["scan", "--format", "json", &self.name], more].concat());
        schema::holds(&run.report());
        run.image()
    }
}

fn bill(purls: &[&str]) -> Value {
    let component = |it: &&str| json!({"type": "library", "name": "x", "purl": it});
    let components: Vec<Value> = purls.iter().map(component).collect();
    json!({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": components})
}

fn vex(product: &Value, status: &Value) -> Value {
    let mut statement = json!({"vulnerability": {"name": KNOWN[0].0}, "products": [product]});
    let fields = status.as_object().unwrap().clone();
    statement.as_object_mut().unwrap().extend(fields);
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.org/vex/1",
        "author": "The team", "timestamp": "2024-01-01T00:00:00Z", "version": 1,
        "statements": [statement],
    })
}

fn harmless() -> Value {
    json!({"status": "not_affected", "justification": "component_not_present"})
}

/// Packages in which the first known vulnerability is open, and those in which it is handled.
fn verdicts(image: &Value) -> (Vec<String>, Vec<String>) {
    let mut open: Vec<String> = Vec::new();
    for it in image["findings"].as_array().unwrap().iter().filter(|it| it["id"] == KNOWN[0].0) {
        open.push(it["package"].as_str().unwrap().to_owned());
    }
    let handled = image["handled"].as_array().unwrap().iter();
    let show =
        |it: &Value| format!("{} {}", it["finding"]["package"], it["reason"]).replace('"', "");
    let mut handled: Vec<String> = handled.map(show).collect();
    open.sort();
    handled.sort();
    (open, handled)
}

#[test]
fn a_bill_adds_what_the_scan_did_not_find() {
    let harbour = Harbour::new(of(&[debian(OLD), vec![]]));
    let before = harbour.scan(&[]);
    assert_eq!(before["attached"], json!([]));
    let digest = harbour.attach(
        CYCLONEDX,
        &bill(&[
            "pkg:npm/left-pad@1.3.0",
            &format!("pkg:deb/debian/openssl@{OLD}?arch=amd64&distro=debian-12"),
            "pkg:deb/debian/libssl3@1.0-1?arch=amd64&distro=debian-12",
            "pkg:deb/debian/absent@1.0-1?arch=amd64&distro=debian-12",
        ]),
    );
    let image = harbour.scan(&[]);
    let by = format!("attached-sbom:{}", &digest["sha256:".len()..][..12]);
    let rows = image["components"].as_array().unwrap();
    let claimed: Vec<_> = rows.iter().filter(|it| it["cataloger"] == *by).collect();
    let names: Vec<_> = claimed.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["absent", "left-pad"]);
    assert!(claimed.iter().all(|it| it["layer"] == 1 && it["path"].is_null()));
    assert_eq!(claimed[0]["system"], 0);
    assert_eq!(rows.len(), before["components"].as_array().unwrap().len() + 2);
    let row = &image["attached"][0];
    assert_eq!((&row["kind"], &row["digest"]), (&json!("sbom"), &json!(digest)));
    let summary = row["summary"].as_str().unwrap();
    assert!(summary.starts_with("2 of 4 components were not found"), "{summary}");
    assert!(summary.contains("1 left out"), "{summary}");
    let table = harbour.bench.run(&["scan", &harbour.name]).stdout;
    assert!(table.contains("Attached, not verified: SBOM sha256:"), "{table}");
    let without = harbour.scan(&["--no-attached"]);
    assert_eq!((&without["components"], &without["attached"]), (&before["components"], &json!([])));
}

#[test]
fn a_bill_is_no_package_database() {
    let harbour = Harbour::new(of(&[vec![os_release("debian", "12")]]));
    let purl =
        |distro: &str| bill(&[&format!("pkg:deb/debian/openssl@{OLD}?arch=amd64&distro={distro}")]);
    harbour.attach(CYCLONEDX, &purl("debian-12"));
    let image = harbour.scan(&[]);
    assert_eq!(verdicts(&image).0, ["openssl"]);
    let cataloger = image["findings"][0]["why"]["cataloger"].as_str().unwrap();
    assert!(cataloger.starts_with("attached-sbom:"), "{cataloger}");
    assert_eq!(image["coverage"]["grade"], "unknown");
    assert!(image["coverage"]["reasons"].to_string().contains("no package database found"));
    // Of another distribution, it is shown and held against nothing.
    let harbour = Harbour::new(of(&[vec![os_release("debian", "12")]]));
    harbour.attach(CYCLONEDX, &purl("debian-11"));
    let image = harbour.scan(&[]);
    assert_eq!(texts(&image, "components", "name"), ["openssl"]);
    assert_eq!(image["findings"], json!([]));
}

#[test]
fn broken_attachments_do_not_fail_a_scan() {
    let check = |kind: &str, document: Value, words: &[&str]| {
        let harbour = Harbour::new(of(&[debian(OLD)]));
        harbour.attach(kind, &document);
        let image = harbour.scan(&[]);
        a_gap(&image, words);
        assert_eq!(verdicts(&image).0.len(), 2);
    };
    check(CYCLONEDX, json!({"bomFormat": "CycloneDX", "specVersion": "9"}), &["attached document"]);
    check(CYCLONEDX, json!({}), &["attached document sha256:", "neither CycloneDX nor SPDX"]);
    check(OPENVEX, json!({}), &["attached document sha256:", "neither OpenVEX nor CSAF"]);
    let harbour = Harbour::new(of(&[debian(OLD)]));
    harbour.registry.fail("/referrers/", 99, What::Reply(Reply::new(403, "")));
    let image = harbour.scan(&[]);
    a_gap(&image, &["attached documents", "could not be read"]);
}

#[test]
fn vex_of_the_users_is_applied() {
    let bench = Bench::new();
    let image = bench.layout(&of(&[debian(OLD)]));
    let both: Vec<String> = ["libssl3", "openssl"].map(str::to_owned).into();
    let check = |documents: &[Value], open: &[&str], handled: &[&str]| {
        let mut line: Vec<String> = ["scan", "--format", "json", &image].map(str::to_owned).into();
        for (n, it) in documents.iter().enumerate() {
            line.extend(["--vex".to_owned(), bench.file(&format!("{n}.json"), it.to_string())]);
        }
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        let got = verdicts(&bench.run(&line).image());
        assert_eq!(got.0, open, "{documents:?}");
        assert_eq!(got.1, handled, "{documents:?}");
    };
    let openssl = json!({"@id": format!("pkg:deb/debian/openssl@{OLD}?distro=debian-12")});
    let reason = "openssl VEX by The team: component_not_present";
    let both: Vec<&str> = both.iter().map(String::as_str).collect();
    check(&[], &both, &[]);
    check(&[vex(&openssl, &harmless())], &["libssl3"], &[reason]);
    let affected = vex(&openssl, &json!({"status": "affected", "action_statement": "wait"}));
    check(&[affected], &both, &[]);
    let source = json!({"@id": "pkg:deb/debian/openssl?arch=source"});
    let library = reason.replace("openssl", "libssl3");
    check(&[vex(&source, &harmless())], &[], &[&library, reason]);
    let library_alone = json!({"@id": "pkg:deb/debian/libssl3"});
    check(
        &[vex(&openssl, &harmless()), vex(&library_alone, &harmless())],
        &[],
        &[&library, reason],
    );

    let run =
        |document: &str| bench.run(&["scan", "--vex", &bench.file("x.json", document), &image]);
    run("{}").fails("neither OpenVEX nor CSAF");
    bench.run(&["scan", "--vex", "nowhere.json", &image]).fails("nowhere.json");
    let warned = run(&vex(&openssl, &json!({"status": "harmless"})).to_string());
    assert_eq!(warned.code, 0);
    assert!(warned.stderr.contains("unknown status `harmless`; it is not applied"));
}

#[test]
fn attached_vex_counts_only_when_it_is_wanted() {
    let harbour = Harbour::new(of(&[debian(OLD)]));
    let digest = &harbour.image.manifest.digest;
    let product = json!({"@id": format!("pkg:oci/app@{digest}")});
    let text = statement("https://openvex.dev/ns/v0.2.0", digest, &vex(&product, &harmless()));
    let text: Value = serde_json::from_str(&text).unwrap();
    harbour.attach("application/vnd.in-toto+json", &text);
    let image = harbour.scan(&[]);
    assert_eq!(verdicts(&image), (vec!["libssl3".to_owned(), "openssl".to_owned()], vec![]));
    assert_eq!(image["attached"][0]["used"], false);
    assert_eq!(image["attached"][0]["summary"], "1 statement by The team");
    let table = harbour.bench.run(&["scan", &harbour.name]).stdout;
    assert!(table.contains("not applied; --attached-vex does"), "{table}");

    let image = harbour.scan(&["--attached-vex"]);
    assert_eq!(verdicts(&image).0, [""; 0]);
    assert_eq!(verdicts(&image).1.len(), 2);
    assert_eq!(image["attached"][0]["used"], true);
    // The user's own word is closer than an attached one.
    let own = vex(&json!({"@id": "pkg:deb/debian/openssl"}), &json!({"status": "affected"}));
    let own = harbour.bench.file("own.json", own.to_string());
    let image = harbour.scan(&["--attached-vex", "--vex", &own]);
    assert_eq!(verdicts(&image).0, ["openssl"]);
}

#[test]
fn vex_is_applied_to_bills_of_materials() {
    let bench = Bench::new();
    let purl = format!("pkg:deb/debian/openssl@{OLD}?arch=amd64&distro=debian-12");
    let bill = bench.file("app.cdx.json", bill(&[&purl]).to_string());
    assert_eq!(verdicts(&bench.scan(&bill)).0, ["openssl"]);
    let document = vex(&json!({"@id": purl}), &harmless());
    let document = bench.file("vex.json", document.to_string());
    for name in [bill.clone(), format!("sbom:{bill}")] {
        let run = bench.run(&["scan", "--format", "json", "--vex", &document, &name]);
        let (open, handled) = verdicts(&run.image());
        assert_eq!((open.len(), handled.len()), (0, 1));
    }
}
