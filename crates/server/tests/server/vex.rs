//! VEX documents as exceptions.
use crate::{
    kit::{As, Running, on_each},
    world::{digest, finding, inventory, located, registry, round, scan, seen},
};
use model::Level;
use serde_json::{Value, json};

/// An image in two repositories, `app` and `base`, with a risk in a package of Debian and one in a package of npm.
fn fill(it: &Running) -> As {
    let store = &it.store;
    let home = registry(store, "home");
    round(
        store,
        home,
        &[("team/app", vec![seen("a", &["1"])]), ("base", vec![seen("b", &["1"])])],
        10,
    );
    let all = inventory(vec![located("libssl3", "3.0.11-1", 0), located("npm:pad", "1.0.0", 1)]);
    let bad = [finding(0, "CVE-2024-1", Level::High), finding(1, "CVE-2024-2", Level::Low)];
    scan(store, "a", &all, &bad, 1000);
    scan(store, "b", &all, &bad, 2000);
    it.log_in("admin")
}

/// A document of these statements.
fn openvex(version: u32, day: &str, statements: &Value) -> Value {
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://team.example/vex/1", "author": "The team",
        "timestamp": format!("{day}T00:00:00Z"), "version": version, "statements": statements,
    })
}

fn says(vulnerability: &str, product: &Value, status: &str) -> Value {
    let mut it =
        json!({"vulnerability": {"name": vulnerability}, "products": [product], "status": status});
    if status == "not_affected" {
        it["justification"] = "vulnerable_code_not_present".into();
    }
    it
}

/// What each statement has made, and why not.
fn outcomes(it: &Value) -> Vec<String> {
    let all = it["statements"].as_array().unwrap().iter();
    let show = |it: &Value| {
        let text =
            format!("{} {}", it["outcome"].as_str().unwrap(), it["reason"].as_str().unwrap());
        text.trim().to_owned()
    };
    all.map(show).collect()
}

/// The open findings of an image.
fn open(it: &Running, who: &As, name: &str) -> Vec<String> {
    let all = it.done(who, "GET", &format!("/api/v1/images/{}/findings", digest(name)), None);
    let all = all.as_array().unwrap().iter().filter(|it| it["handled_by"].is_null());
    all.map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

const PLACE: &str = "/api/v1/exceptions/vex";

#[test]
fn a_document_is_exceptions_and_says_what_became_of_it() {
    on_each(|it| {
        let admin = fill(it);
        let operator = it.somebody(&admin, "operator");
        let statements = json!([
            says("cve-2024-1", &json!({"@id": "pkg:deb/debian/libssl3"}), "not_affected"),
            says(
                "CVE-2024-2",
                &json!({"@id": format!("pkg:oci/app@{}", digest("a")),
                "subcomponents": [{"@id": "pkg:npm/pad@1.0.0"}]}),
                "fixed"
            ),
            says(
                "CVE-2024-2",
                &json!({"@id": "pkg:oci/app?repository_url=registry.example/team/app&tag=2"}),
                "not_affected"
            ),
            says(
                "CVE-2024-2",
                &json!({"@id": "pkg:oci/app?repository_url=elsewhere.example/app"}),
                "not_affected"
            ),
            says("CVE-2024-3", &json!({"@id": "pkg:npm/pad"}), "under_investigation"),
            says("CVE-2024-4", &json!({"@id": "the app"}), "not_affected"),
            says("CVE-2024-5", &json!({"@id": "pkg:npm/pad"}), "harmless"),
        ]);
        let document = openvex(1, "2024-05-01", &statements);
        let done = it.done(&operator, "POST", PLACE, Some(&document));
        assert_eq!(
            outcomes(&done),
            [
                "made",
                "made",
                "made",
                "nothing no registry here has the repository elsewhere.example/app",
                "nothing it takes no finding away",
                "nothing neither an image nor a package URL of a kind that we know",
            ]
        );
        assert_eq!(done["problems"], json!(["statement 7: unknown status `harmless`"]));
        assert_eq!(
            (open(it, &admin, "a"), open(it, &admin, "b")),
            (vec![], vec!["CVE-2024-2".to_owned()])
        );
        let list = it.done(&admin, "GET", "/api/v1/exceptions", None);
        let first =
            list["items"].as_array().unwrap().iter().find(|it| it["risk"] == "CVE-2024-1").unwrap();
        assert_eq!(
            (&first["kind"], &first["reason"], &first["document"], &first["person"]),
            (
                &json!("false-positive"),
                &json!("VEX by The team: vulnerable_code_not_present"),
                &json!("https://team.example/vex/1"),
                &json!("operator")
            )
        );
        let kinds: Vec<&Value> =
            list["items"].as_array().unwrap().iter().map(|it| &it["kind"]).collect();
        assert!(kinds.contains(&&json!("fixed")), "{list}");
        // The same again makes nothing new.
        let again = it.done(&operator, "POST", PLACE, Some(&document));
        assert_eq!(outcomes(&again)[0], "kept it was imported before");
        assert_eq!(
            it.done(&admin, "GET", "/api/v1/exceptions", None)["items"].as_array().unwrap().len(),
            3
        );
        let audit = it.done(&admin, "GET", "/api/v1/audit?action=importVex", None);
        assert_eq!(audit["items"].as_array().unwrap().len(), 2);
        assert_eq!(audit["items"][1]["object"], "vex/https://team.example/vex/1");
        assert_eq!(audit["items"][1]["after"]["made"].as_array().unwrap().len(), 3);
    });
}

#[test]
fn a_newer_document_replaces_an_older_one() {
    on_each(|it| {
        let admin = fill(it);
        let product = json!({"@id": "pkg:npm/pad"});
        let import = |version, day, statement: Value| openvex(version, day, &json!([statement]));
        let old = import(1, "2024-05-01", says("CVE-2024-2", &product, "not_affected"));
        it.done(&admin, "POST", PLACE, Some(&old));
        assert_eq!(open(it, &admin, "b"), ["CVE-2024-1"]);
        let new = import(2, "2024-06-01", says("CVE-2024-2", &product, "affected"));
        let done = it.done(&admin, "POST", PLACE, Some(&new));
        assert_eq!(done["superseded"].as_array().unwrap().len(), 1);
        assert_eq!(open(it, &admin, "b"), ["CVE-2024-1", "CVE-2024-2"]);
        assert_eq!(it.refused(&admin, "POST", PLACE, Some(&old)), (409, "conflict".to_owned()));
        assert_eq!(
            it.refused(&admin, "POST", PLACE, Some(&json!({"a": 1}))),
            (422, "invalid".to_owned())
        );
        let viewer = it.somebody(&admin, "viewer");
        assert_eq!(it.refused(&viewer, "POST", PLACE, Some(&new)).0, 403);
    });
}

#[test]
fn other_formats_are_exceptions_too() {
    on_each(|it| {
        let admin = fill(it);
        let csaf = json!({
            "document": {"category": "csaf_vex", "publisher": {"name": "The vendor", "namespace": "https://vendor.example"},
                "tracking": {"id": "V-1", "version": "1", "current_release_date": "2024-05-01T00:00:00Z"}},
            "product_tree": {"full_product_names": [{"product_id": "P", "name": "openssl",
                "product_identification_helper": {"purl": "pkg:deb/debian/libssl3@3.0.11-1"}}]},
            "vulnerabilities": [{"cve": "CVE-2024-1", "product_status": {"fixed": ["P"]}}],
        });
        assert_eq!(outcomes(&it.done(&admin, "POST", PLACE, Some(&csaf))), ["made"]);
        assert_eq!(open(it, &admin, "a"), ["CVE-2024-2"]);
        // What was decided here comes back from a bill that was written here.
        let sbom = format!("/api/v1/images/{}/sbom", digest("a"));
        let bom = crate::images::whole(it.ask(&admin, "GET", &sbom, None));
        let mut bom: Value = serde_json::from_slice(&bom.body).unwrap();
        for it in bom["vulnerabilities"].as_array_mut().unwrap() {
            if it["id"] == "CVE-2024-2" {
                it["analysis"] =
                    json!({"state": "not_affected", "justification": "code_not_reachable"});
            }
        }
        let done = it.done(&admin, "POST", PLACE, Some(&bom));
        assert_eq!(outcomes(&done), ["made", "made"]);
        assert_eq!(
            (open(it, &admin, "a"), open(it, &admin, "b")),
            (vec![], vec!["CVE-2024-2".to_owned()])
        );
    });
}
