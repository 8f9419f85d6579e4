//! Sources, layers, gates, explanations.
use crate::{BOOKWORM, NEW, OLD, Place, debian, debian_image, dpkg, ids};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    process::{Command, Stdio},
};
use testkit::{
    image::{gzip, image, index},
    registry::{Auth, Registry},
    tar::{dir, file, opaque, symlink, tar, whiteout},
};

/// What must be the same wherever an image comes from.
fn essence(report: &Value) -> (Value, Vec<String>, Value) {
    let components: Vec<&Value> = report["components"].as_array().unwrap().iter().collect();
    let purls = components.iter().map(|it| it["purl"].clone()).collect();
    (Value::Array(purls), ids(report), report["gaps"].clone())
}

/// `image` as `docker save` writes it.
fn saved(place: &Place, layer: &[u8]) -> Vec<u8> {
    let digest = testkit::image::sha256(layer);
    let config = format!(
        r#"{{"os":"linux","architecture":"amd64","rootfs":{{"type":"layers","diff_ids":["{digest}"]}}}}"#
    );
    let manifest = r#"[{"Config":"c.json","RepoTags":["app:1"],"Layers":["l/layer.tar"]}]"#;
    let archive =
        tar(&[file("l/layer.tar", layer), file("c.json", config), file("manifest.json", manifest)]);
    fs::write(place.path("app.tar"), &archive).unwrap();
    archive
}

#[test]
fn every_source_gives_the_same_report() {
    let place = Place::new();
    let layer = tar(&debian(OLD));
    let image = image("linux/amd64", std::slice::from_ref(&layer));
    let layout = place.layout("layout", &image);
    let expected = essence(&place.report(&[&layout]));
    assert!(expected.1.iter().any(|it| it.starts_with("CVE-")), "{expected:?}");

    let archive = saved(&place, &layer);
    assert_eq!(essence(&place.report(&["app.tar"])), expected, "docker save");
    place.write("app.tar.gz", gzip(&archive));
    assert_eq!(essence(&place.report(&["app.tar.gz"])), expected, "docker save, gzipped");
    let mut child = place
        .command(["scan", "--format", "json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&archive).unwrap();
    let output = child.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(essence(&report["images"][0]), expected, "standard input");

    let mut pack = Command::new("tar");
    pack.args(["-C", &layout, "-cf"]).arg(place.path("oci.tar")).arg(".");
    assert!(pack.status().unwrap().success());
    assert_eq!(essence(&place.report(&["oci.tar"])), expected, "OCI layout, packed");

    let registry = Registry::start(Auth::Open);
    registry.put("team/app", "1", &image);
    let name = format!("{}/team/app:1", registry.host());
    assert_eq!(essence(&place.report(&[&name])), expected, "registry");

    place.write("root/etc/os-release", BOOKWORM);
    let status = dpkg("libssl3", "openssl", OLD) + &dpkg("zlib1g", "zlib", NEW);
    place.write("root/var/lib/dpkg/status", status);
    assert_eq!(essence(&place.report(&["dir:root"])), expected, "directory");
}

#[test]
fn each_platform_of_an_index_is_an_image() {
    let place = Place::new();
    let arm = image("linux/arm64", &[tar(&debian(NEW))]);
    let layout = place.layout("x", &index(&[debian_image(OLD), arm]));
    let found = |platform: &str| !ids(&place.report(&[&layout, "--platform", platform])).is_empty();
    assert!(found("linux/amd64") && !found("linux/arm64"));
    let all = place.run(["scan", "--format", "json", "--platform", "all", &layout]);
    let all: Value = serde_json::from_str(&all.out).unwrap();
    assert_eq!(all["images"].as_array().unwrap().len(), 2);
    let none = place.run(["scan", "--platform", "linux/s390x", &layout]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("linux/arm64"), "{}", none.err);
}

#[test]
fn the_uppermost_database_counts_and_names_its_layer() {
    let place = Place::new();
    let upgrade = dpkg("libssl3", "openssl", NEW) + &dpkg("zlib1g", "zlib", NEW);
    let fixed = tar(&[file("var/lib/dpkg/status", upgrade)]);
    let layout = place.layout("fixed", &image("linux/amd64", &[tar(&debian(OLD)), fixed]));
    let report = place.report(&[&layout]);
    assert!(ids(&report).is_empty());
    let layers: Vec<_> = report["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["name"].as_str().unwrap(), it["layer"].as_u64().unwrap()))
        .collect();
    assert_eq!(layers, [("libssl3", 1), ("zlib1g", 0)]);
    for gone in [whiteout("var/lib/dpkg"), opaque("var/lib/dpkg")] {
        let layers = [tar(&debian(OLD)), tar(&[gone])];
        let report = place.report(&[&place.layout("gone", &image("linux/amd64", &layers))]);
        assert!(ids(&report).is_empty());
        assert_eq!(report["coverage"]["grade"], "unknown", "nothing to go by is not clean");
    }
}

#[test]
fn links_and_distroless_images_are_seen_through() {
    let place = Place::new();
    let status = dpkg("libssl3", "openssl", OLD);
    let entries = [
        file("etc/os-release", BOOKWORM),
        dir("usr/lib/real"),
        symlink("var/lib/dpkg", "../../usr/lib/real"),
        file("usr/lib/real/status", &status),
    ];
    // The database is found under its real directory only if that is called `dpkg`.
    let entries =
        [&entries[..1], &[symlink("var", "data"), file("data/lib/dpkg/status", &status)]].concat();
    let layout = place.layout("linked", &image("linux/amd64", &[tar(&entries)]));
    assert!(!ids(&place.report(&[&layout])).is_empty());
    let distroless = [
        file("etc/os-release", BOOKWORM),
        file("var/lib/dpkg/status.d/libssl3", status.replace("Status: install ok installed\n", "")),
    ];
    let layout = place.layout("distroless", &image("linux/amd64", &[tar(&distroless)]));
    assert!(!ids(&place.report(&[&layout])).is_empty());
}

#[test]
fn what_no_feed_covers_is_unknown_and_never_clean() {
    let place = Place::new();
    let entries = [
        file("etc/os-release", "ID=alpine\nVERSION_ID=3.20.3\n"),
        file("lib/apk/db/installed", "P:musl\nV:1.2.5-r0\nA:x86_64\no:musl\n\n"),
    ];
    let layout = place.layout("alpine", &image("linux/amd64", &[tar(&entries)]));
    let report = place.report(&[&layout]);
    assert_eq!(report["components"].as_array().unwrap().len(), 1);
    assert_eq!(report["coverage"]["grade"], "unknown");
    assert_eq!(place.run(["scan", "--fail-on-coverage", "unknown", &layout]).code, 1);
    assert_eq!(place.run(["scan", &layout]).code, 0);
}

#[test]
fn gates_and_accepted_risks() {
    let place = Place::new();
    let layout = place.layout("x", &debian_image(OLD));
    let code = |args: &[&str]| place.run([&["scan", &layout], args].concat()).code;
    assert_eq!(code(&[]), 0);
    assert_eq!(code(&["--fail-on", "unknown"]), 1);
    assert_eq!(code(&["--fail-on", "critical"]), 0);
    assert_eq!(code(&["--fail-on-coverage", "partial"]), 1);
    assert_eq!(code(&["--fail-on-coverage", "unknown"]), 0);
    let all: BTreeSet<String> = ids(&place.report(&[&layout])).into_iter().collect();
    let rule = |id: &str, until: &str| {
        format!(
            "[[ignore]]\nid = \"{id}\"\npackage = \"openssl\"\nreason = \"r\"\nuntil = \"{until}\"\n"
        )
    };
    let accepted: String = all.iter().map(|it| rule(it, "2999-12-31")).collect();
    place.write("plimsoll-ignore.toml", accepted);
    assert_eq!(code(&["--fail-on", "unknown"]), 0);
    let report = place.report(&[&layout]);
    assert!(ids(&report).is_empty());
    assert_eq!(report["handled"][0]["reason"], "r");
    let ended: String = all.iter().map(|it| rule(it, "2001-01-01")).collect();
    place.write("ended.toml", ended);
    let ran = place.run(["scan", &layout, "--fail-on", "unknown", "--ignore-file", "ended.toml"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("has ended"), "{}", ran.err);
    place.write("bad.toml", "[[ignore]]\nid = \"CVE-1\"\n");
    let ran = place.run(["scan", &layout, "--ignore-file", "bad.toml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("reason"), "{}", ran.err);
}

#[test]
fn verdicts_explain_themselves() {
    let place = Place::new();
    let layout = place.layout("x", &debian_image(OLD));
    let id = ids(&place.report(&[&layout])).remove(0);
    let why = place.run(["why", &id, &layout]);
    assert_eq!(why.code, 0);
    for part in ["libssl3 3.0.9-1", "var/lib/dpkg/status, by dpkg-status", "layer 0", "(dpkg)"] {
        assert!(why.out.contains(part), "{part}: {}", why.out);
    }
    let fixed = place.layout("fixed", &debian_image(NEW));
    let why = place.run(["why", &id, &fixed]);
    assert_eq!(why.code, 1);
    assert!(why.out.contains("why-not"), "{}", why.out);
    let why_not = place.run(["why-not", &id, &fixed]);
    assert_eq!(why_not.code, 0);
    assert!(why_not.out.contains("not among the affected versions: 99:1 >= "), "{}", why_not.out);
    let unheard = place.run(["why-not", "CVE-1999-99999", &fixed]);
    assert!(
        unheard.out.contains("CVE-1999-99999: no advisory of the database names it"),
        "{}",
        unheard.out
    );
}

#[test]
fn a_second_scan_reads_no_layer() {
    let place = Place::new();
    let registry = Registry::start(Auth::Open);
    let built = debian_image(OLD);
    registry.put("a", "1", &built);
    let name = format!("{}/a:1", registry.host());
    let layer = built.layers()[0].digest.to_string();
    assert_eq!(place.report(&[&name])["layers"][0]["cached"], false);
    assert_eq!(registry.count(&layer), 1);
    let again = place.report(&[&name]);
    assert_eq!(again["layers"][0]["cached"], true);
    assert!(!ids(&again).is_empty());
    assert_eq!(registry.count(&layer), 1, "the layer was read again");
    // A report that is not whole is as good as none.
    for entry in fs::read_dir(place.path("cache/layers")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    }
    assert_eq!(place.report(&[&name])["layers"][0]["cached"], false);
    place.report(&[&name, "--no-cache"]);
    assert_eq!(registry.count(&layer), 3);
}

#[test]
fn output_goes_where_it_should_or_says_why_not() {
    let place = Place::new();
    let layout = place.layout("x", &debian_image(OLD));
    assert_eq!(place.run(["scan", &layout, "-f", "json", "-o", "r.json"]).out, "");
    let report: Value = serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap();
    assert_eq!(report["schema"], 1);
    for bad in ["/dev/full", "no/such/folder/r.json"] {
        let ran = place.run(["scan", &layout, "-o", bad]);
        assert_eq!(ran.code, 2, "{bad}");
        assert!(ran.err.contains(bad), "{}", ran.err);
    }
    // Whoever reads may go away at once.
    let mut child = place.command(["scan", &layout]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn json_is_as_the_published_schema_says() {
    let place = Place::new();
    let report = place.run(["scan", "-f", "json", &place.layout("x", &debian_image(OLD))]);
    let report: Value = serde_json::from_str(&report.out).unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/report.schema.json");
    let schema: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    conforms(&report, &schema, &schema, "report");
}

/// Enough of JSON Schema for ours: `$ref`, `type`, `properties`, `required`, `items`, `anyOf`.
fn conforms(value: &Value, schema: &Value, root: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.trim_start_matches("#/$defs/");
        return conforms(value, &root["$defs"][name], root, at);
    }
    if !schema["type"].is_null() {
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(it) if it.is_u64() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let allowed = |it: &Value| it == kind || (it == "number" && kind == "integer");
        let types = schema["type"].as_array().cloned().unwrap_or(vec![schema["type"].clone()]);
        assert!(types.iter().any(allowed), "{at}: {kind} is none of {types:?}");
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{at}: no {name}");
    }
    if let (Value::Object(fields), Value::Object(known)) = (value, &schema["properties"]) {
        for (name, field) in fields {
            let known =
                known.get(name).unwrap_or_else(|| panic!("{at}: {name} is not in the schema"));
            conforms(field, known, root, &format!("{at}.{name}"));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        conforms(item, &schema["items"], root, &format!("{at}[]"));
    }
}

#[test]
fn a_bill_of_materials_is_matched_without_layers() {
    let place = Place::new();
    let bill = r#"{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{"type":"library",
        "name":"libssl3","version":"3.0.9-1",
        "purl":"pkg:deb/debian/libssl3@3.0.9-1?arch=amd64&distro=debian-12&upstream=openssl"}]}"#;
    place.write("bill.json", bill);
    assert!(!ids(&place.report(&["bill.json"])).is_empty());
    place.write("no-bill.json", "{\"a\":1}");
    let ran = place.run(["scan", "no-bill.json"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
}
