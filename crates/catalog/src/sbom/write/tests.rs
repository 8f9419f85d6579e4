//! What is written is what is read, whatever is in it.
use super::*;
use model::{
    Assessment, Component, Descriptor, Digest as Address, Ecosystem, Finding, Handling, Image,
    ImagePath, Layer, Level, Rating, Release, SourcePackage, Statement, Status, System, Why,
    report::{Findings, Handled, LayerFacts},
};
use proptest::prelude::*;
use serde_json::Value;

fn release() -> Release {
    Release { id: "debian".into(), version_id: "12".into(), ..Release::default() }
}

fn report(components: Vec<Located<Component>>, findings: Vec<Finding>) -> ImageReport {
    let layer = |at: u8| Layer {
        blob: Descriptor::default(),
        diff_id: Some(Address::sha256(&[at; 32])),
        created_by: String::new(),
    };
    let image = Image {
        name: "registry.example:5000/team/app:1.0".into(),
        digest: Some(Address::sha256(&[7; 32])),
        platform: model::Platform::parse("linux/arm64"),
        created: None,
        config: model::ImageConfig::default(),
        layers: vec![layer(1), layer(2)],
    };
    let facts = |it: &Layer| LayerFacts { diff_id: it.diff_id.clone(), ..LayerFacts::default() };
    let facts: Vec<_> = image.layers.iter().map(facts).collect();
    let systems = vec![System { release: Some(release()), ..System::default() }];
    let inventory = Inventory { systems, components, ..Inventory::default() };
    let what = Findings {
        malicious: &[],
        image: &image,
        layers: &facts,
        inventory,
        assessment: &Assessment { findings, ..Assessment::default() },
        missing_walls: &[],
        attached: &[],
    };
    let handled = |finding: &model::Finding, component: &model::Component| {
        let state = match component.name.as_str() {
            "accepted" => Handling::Accepted,
            "harmless" => Handling::NotAffected,
            "mended" => Handling::Fixed,
            "later" => Handling::PutOff,
            _ => return None,
        };
        Some(Handled {
            state,
            reason: format!("why not {}", finding.id),
            until: Some("2027-01-31".into()),
        })
    };
    ImageReport::new(what, handled, |_| None)
}

fn written(
    report: &ImageReport,
    write: fn(&Bill<'_>, &mut dyn std::io::Write) -> std::io::Result<()>,
) -> Vec<u8> {
    let mut out = Vec::new();
    let bill = Bill { image: report, version: "0.1.0", created: "2026-03-01T12:00:00Z" };
    write(&bill, &mut out).unwrap();
    out
}

fn json(report: &ImageReport) -> Value {
    serde_json::from_slice(&written(report, cyclonedx)).unwrap()
}

fn located(what: Component) -> Located<Component> {
    let system = what.ecosystem.is_system().then_some(0);
    Located { what, path: None, layer: 1, by: "test".into(), system }
}

fn finding(component: usize, id: &str) -> Finding {
    Finding {
        component,
        id: id.into(),
        aliases: vec!["GHSA-a".into()],
        errata: Vec::new(),
        kind: model::Kind::Vulnerability,
        status: Status::Fixed,
        certain: true,
        fixed: Some("2".into()),
        subscription: None,
        severity: Rating::default(),
        ratings: vec![
            Rating {
                level: Level::High,
                by: "nvd".into(),
                score: Some(6.2),
                value: "CVSS:3.1/AV:N".into(),
            },
            Rating {
                level: Level::Negligible,
                by: String::new(),
                score: None,
                value: "minor".into(),
            },
        ],
        title: "a title".into(),
        cwes: vec!["CWE-79".into(), "NVD-CWE-Other".into()],
        references: vec!["https://example.org/a".into(), "mailto:x".into()],
        published: None,
        exploited: None,
        exploits: Vec::new(),
        restart: None,
        epss: None,
        priority: model::Priority::default(),
        why: Why {
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
        sources: vec![Statement {
            feed: "osv".into(),
            title: "OSV".into(),
            advisory: id.into(),
            status: Status::Fixed,
            affects: true,
            comparison: String::new(),
        }],
    }
}

/// Components whose parts package URLs keep as they are.
fn components() -> impl Strategy<Value = Vec<Located<Component>>> {
    let names = prop_oneof![
        Just((Ecosystem::Deb, "libc6")),
        Just((Ecosystem::Deb, "g++-12")),
        Just((Ecosystem::Apk, "so:lib.so.1")),
        Just((Ecosystem::Rpm, "Perl-DBI")),
        Just((Ecosystem::Npm, "@a/b c")),
        Just((Ecosystem::Maven, "org.x.y:a-b")),
        Just((Ecosystem::Golang, "github.com/A/b/v2")),
        Just((Ecosystem::Pypi, "a-b")),
        Just((Ecosystem::Generic, "nginx")),
    ];
    let version = "[1-9][0-9]{0,2}[.~+a-z0-9%@ü-]{0,6}[a-z0-9]";
    // No source package has an `@` in its version, which is where `upstream` begins with that.
    let source = proptest::option::of(("[a-z][a-z0-9+-]{0,5}", "[1-9][.~+a-z0-9:-]{0,6}"));
    let parts = (
        names,
        version,
        source,
        proptest::option::of("[A-Z][a-zé ]{0,8}[a-z]( <[a-z]{1,3}@[a-z]{1,3}>)?"),
    );
    let place = proptest::option::of("[a-zA-Z0-9 ü:%\"\n]{1,8}(/[a-z~.+]{1,5}[a-z])?");
    let one = (parts, place, 0..2usize).prop_map(
        |(((ecosystem, name), version, source, vendor), path, layer)| {
            let mut what = Component::new(ecosystem, name, &version);
            let system = ecosystem.is_system();
            what.source =
                source.filter(|_| system).map(|(name, version)| SourcePackage { name, version });
            what.arch = system.then(|| "amd64".to_owned());
            what.vendor = vendor;
            let path = path.map(|it| ImagePath::parse(it.as_bytes()).unwrap());
            Located { path, layer, ..located(what) }
        },
    );
    proptest::collection::vec(one, 0..8)
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same_components(components in components()) {
        let keys = |it: &[Located<Component>]| {
            let mut all: Vec<_> = it.iter().map(|it| (it.what.clone(), it.path.clone())).collect();
            all.sort();
            all.dedup();
            all
        };
        let report = report(components.clone(), Vec::new());
        for write in [cyclonedx, spdx] {
            let out = written(&report, write);
            let read = super::super::parse(&out).unwrap();
            prop_assert_eq!(keys(&read.components), keys(&components));
            prop_assert_eq!(read.gaps.len(), 0);
            let system = read.systems.first().and_then(|it| it.release.clone());
            prop_assert_eq!(system, Some(release()));
        }
    }
}

#[test]
fn a_bill_says_what_it_is_about() {
    let report = report(vec![located(Component::new(Ecosystem::Npm, "a", "1"))], Vec::new());
    let bom = json(&report);
    let subject = &bom["metadata"]["component"];
    let digest = "sha256:0707070707070707070707070707070707070707070707070707070707070707";
    assert_eq!(subject["version"], digest);
    assert_eq!(
        subject["purl"],
        "pkg:oci/app@sha256:0707070707070707070707070707070707070707070707070707070707070707?arch=arm64\
         &repository_url=registry.example:5000%2Fteam%2Fapp&tag=1.0"
    );
    assert_eq!(bom["metadata"]["timestamp"], "2026-03-01T12:00:00Z");
    let spdx: Value = serde_json::from_slice(&written(&report, spdx)).unwrap();
    let serial = bom["serialNumber"].as_str().unwrap().strip_prefix("urn:uuid:").unwrap();
    assert_eq!(spdx["documentNamespace"], format!("https://spdx.org/spdxdocs/plimsoll-{serial}"));
    assert_eq!((serial.len(), &serial[14..15]), (36, "8"));
    assert!(matches!(&serial[19..20], "8" | "9" | "a" | "b"), "{serial}");
    // The same image, the same serial; another image, another.
    assert_eq!(bom["serialNumber"], json(&report)["serialNumber"]);
    let mut other = report.clone();
    other.digest = None;
    assert_ne!(bom["serialNumber"], json(&other)["serialNumber"]);
    assert!(json(&other)["metadata"]["component"].get("purl").is_none());
    for name in ["oci:/images/a", "./a/b", "images/a", "dir:/", "docker/library/a"] {
        let other = ImageReport { name: name.to_owned(), ..report.clone() };
        assert!(json(&other)["metadata"]["component"].get("purl").is_none(), "{name}");
    }
    let packages = spdx["packages"].as_array().unwrap();
    let relations = spdx["relationships"].as_array().unwrap();
    assert_eq!((packages.len(), relations.len()), (3, 3));
    assert_eq!(packages[0]["checksums"][0]["checksumValue"], &digest[7..]);
}

#[test]
fn vulnerabilities_say_what_was_decided() {
    let names = ["open", "also-open", "accepted", "harmless", "mended", "later"];
    let components = names.iter().map(|it| located(Component::new(Ecosystem::Npm, it, "1")));
    let findings =
        (0..names.len()).map(|it| finding(it, "CVE-2024-1")).chain([finding(1, "CVE-2024-2")]);
    let bom = json(&report(components.collect(), findings.collect()));
    let show = |it: &Value| {
        let refs = it["affects"].as_array().unwrap().iter().map(|it| it["ref"].as_str().unwrap());
        let state = it["analysis"]["state"].as_str().unwrap_or("-");
        let status = it["affects"][0]["versions"][0]["status"].as_str().unwrap();
        format!(
            "{} {state} {status}: {}",
            it["id"].as_str().unwrap(),
            refs.collect::<Vec<_>>().join(" ")
        )
    };
    let entries = bom["vulnerabilities"].as_array().unwrap();
    let shown: Vec<String> = entries.iter().map(show).collect();
    assert_eq!(
        shown,
        [
            "CVE-2024-1 - affected: component-0 component-1",
            "CVE-2024-2 - affected: component-1",
            // One entry has one analysis: these were decided for the same reason.
            "CVE-2024-1 exploitable affected: component-2",
            "CVE-2024-1 not_affected unaffected: component-3",
            "CVE-2024-1 resolved unaffected: component-4",
            "CVE-2024-1 in_triage affected: component-5",
        ]
    );
    let first = &entries[0];
    assert_eq!(first["ratings"][0]["method"], "CVSSv31");
    assert_eq!(first["ratings"][0]["score"].to_string(), "6.2");
    assert_eq!(
        (&first["ratings"][1]["severity"], first["ratings"][1].get("vector")),
        (&"info".into(), None)
    );
    assert_eq!(first["cwes"], serde_json::json!([79]));
    assert_eq!(first["advisories"], serde_json::json!([{"url": "https://example.org/a"}]));
    assert_eq!(first["recommendation"], "Upgrade also-open to 2, open to 2");
    assert_eq!(entries[2]["analysis"]["detail"], "why not CVE-2024-1 (until 2027-01-31)");
}
