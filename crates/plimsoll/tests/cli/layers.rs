//! What layers on top of each other come to, and what is said of images that little is known of.
use crate::{
    bench::{Bench, gaps, one_gap, texts},
    images::{FIXED_BEFORE, KNOWN, NEW, OLD, debian, harmless, of, openssl, os_release, status},
    schema,
};
use serde_json::{Value, json};
use testkit::{
    image::BuiltImage,
    tar::{Entry, dir, file, hard_link, opaque, symlink, whiteout},
};

/// The report on an image of these layers.
fn report(layers: &[Vec<Entry>]) -> Value {
    of_image(&of(layers))
}

fn of_image(image: &BuiltImage) -> Value {
    let bench = Bench::new();
    let report = bench.run(&["scan", "--format", "json", &bench.layout(image)]);
    schema::holds(&report.report());
    report.image()
}

fn names(image: &Value) -> Vec<String> {
    texts(image, "components", "name")
}

/// What holds an image's silence to be worth, and why.
fn coverage(image: &Value) -> (&str, String) {
    let coverage = &image["coverage"];
    (coverage["grade"].as_str().unwrap(), coverage["reasons"].to_string())
}

#[test]
fn an_old_package_has_its_vulnerabilities_with_the_versions_that_fix_them() {
    let image = report(&[debian(OLD)]);
    let findings = image["findings"].as_array().unwrap();
    for (id, fixed) in KNOWN {
        for (package, by_source) in [("libssl3", true), ("openssl", false)] {
            let found = findings.iter().find(|it| it["id"] == *id && it["package"] == package);
            let found = found.unwrap_or_else(|| panic!("no {id} in {package}"));
            assert_eq!(found["fixed"], *fixed, "{id}");
            assert_eq!(found["version"], OLD);
            assert_eq!(found["path"], "var/lib/dpkg/status");
            assert_eq!(found["why"]["package"], "openssl");
            assert!(by_source || found["why"]["by_source"] == json!(true), "{found}");
            assert_eq!(found["why"]["created_by"], "layer 0");
        }
    }
    assert!(findings.iter().all(|it| it["id"] != FIXED_BEFORE && it["package"] != "zed-alpha"));
    assert_eq!(names(&image), ["zed-alpha", "libssl3", "openssl"]);
    assert_eq!(image["systems"][0]["namespaces"][0], "Debian:12");
    assert_eq!(coverage(&image).0, "partial");
    assert!(coverage(&image).1.contains("only the starter set"));
}

#[test]
fn a_later_layer_that_upgrades_takes_the_findings_away() {
    let upgrade = vec![status(&(harmless("zed-alpha") + &openssl(NEW)))];
    let image = report(&[debian(OLD), upgrade]);
    assert_eq!(image["findings"], json!([]));
    let layers: Vec<_> =
        image["components"].as_array().unwrap().iter().map(|it| &it["layer"]).collect();
    assert_eq!(layers, [&json!(0), &json!(1), &json!(1)]);
}

#[test]
fn what_a_layer_did_not_change_was_brought_in_by_an_older_one() {
    let touched = vec![status(&(harmless("zed-alpha") + &openssl(OLD) + &harmless("late")))];
    let image = report(&[vec![os_release("debian", "12")], debian(OLD), touched]);
    let layer = |name: &str| {
        let components = image["components"].as_array().unwrap().iter();
        components.clone().find(|it| it["name"] == name).unwrap()["layer"].as_u64().unwrap()
    };
    assert_eq!((layer("openssl"), layer("zed-alpha"), layer("late")), (1, 1, 2));
    assert_eq!(image["findings"][0]["layer"], 1);
    assert_eq!(image["findings"][0]["why"]["created_by"], "layer 1");
}

#[test]
fn without_its_package_database_an_image_is_not_clean() {
    let check = |what: &str, removal: Vec<Entry>| {
        let image = report(&[debian(OLD), removal]);
        assert_eq!(image["components"], json!([]), "{what}");
        assert_eq!(coverage(&image).0, "unknown", "{what}");
        assert!(coverage(&image).1.contains("no package database"), "{what}");
    };
    check("whiteout", vec![whiteout("var/lib/dpkg/status")]);
    check("whiteout of a folder above", vec![whiteout("var/lib")]);
    check("opaque", vec![dir("var/lib"), opaque("var/lib")]);
    check("opaque, marker first", vec![opaque("var/lib/dpkg"), file("var/lib/dpkg/x", "")]);
    check("replaced by an empty one", vec![status("")]);
    check("replaced by a link that leads nowhere", vec![symlink("var/lib/dpkg", "/nowhere")]);
    check("replaced by a file", vec![file("var/lib/dpkg", "x")]);
}

#[test]
fn an_opaque_folder_keeps_what_its_own_layer_has() {
    let anew = vec![opaque("var/lib/dpkg"), status(&harmless("anew"))];
    assert_eq!(names(&report(&[debian(OLD), anew])), ["anew"]);
    let anew = vec![status(&harmless("anew")), opaque("var/lib/dpkg")];
    assert_eq!(names(&report(&[debian(OLD), anew])), ["anew"]);
}

#[test]
fn a_database_behind_links_is_found() {
    let elsewhere = file("usr/lib/state/dpkg/status", openssl(OLD));
    let release = os_release("debian", "12");
    let check = |what: &str, layers: &[Vec<Entry>], expected: &[&str]| {
        let image = report(layers);
        assert_eq!(names(&image), expected, "{what}: {:?}", gaps(&image));
    };
    let both = ["libssl3", "openssl"];
    let link = || symlink("var/lib", "../usr/lib/state");
    check("link first", &[vec![release.clone(), link(), elsewhere.clone()]], &both);
    check("link last", &[vec![release.clone(), elsewhere.clone(), link()]], &both);
    let apart =
        [vec![elsewhere.clone()], vec![release.clone(), symlink("var/lib", "/usr/lib/state")]];
    check("absolute link in a layer above", &apart, &both);
    let through = vec![status(&harmless("new"))];
    check(
        "written through the link",
        &[vec![release.clone(), elsewhere, link()], through],
        &["new"],
    );
    let hard = hard_link("var/lib/dpkg/status", "srv/dpkg/status");
    let copy = vec![release.clone(), file("srv/dpkg/status", openssl(OLD)), hard];
    check("hard link to a copy, which counts too", &[copy], &["libssl3", "openssl"].repeat(2));
    let merged = vec![
        symlink("lib", "usr/lib"),
        file("lib/apk/db/installed", "P:musl\nV:1.2.4-r2\nA:x86_64\no:musl\n\n"),
        os_release("alpine", "3.19.1"),
    ];
    check("usr merge", &[merged], &["musl"]);
}

/// The content has gone by when the name turns up that would have made it worth reading.
#[test]
fn a_database_that_is_a_second_name_of_something_else_is_missed_aloud() {
    let hard = hard_link("var/lib/dpkg/status", "srv/state");
    let image = report(&[vec![os_release("debian", "12"), file("srv/state", openssl(OLD)), hard]]);
    one_gap(&image, &["var/lib/dpkg/status", "hard link"]);
    assert_eq!(coverage(&image).0, "unknown");
}

#[test]
fn circles_of_links_lead_nowhere_and_do_no_harm() {
    let circle = vec![
        symlink("a", "b"),
        symlink("b", "a"),
        symlink("var/self", "self"),
        symlink("deep", "deep/deep/deep"),
        symlink("up", "../../../../up"),
    ];
    let image = report(&[[debian(OLD), circle].concat()]);
    assert_eq!(names(&image).len(), 3);
    let lost =
        vec![os_release("debian", "12"), symlink("var/lib", "lib2"), symlink("var/lib2", "lib")];
    let image = report(&[lost]);
    assert_eq!(coverage(&image).0, "unknown");
}

#[test]
fn distroless_images_keep_a_file_for_each_package() {
    let stanza = |name: &str| {
        format!("Package: {name}\nArchitecture: amd64\nSource: openssl\nVersion: {OLD}\n")
    };
    let image = report(&[
        vec![os_release("debian", "12"), file("var/lib/dpkg/status.d/base", harmless("base"))],
        vec![file("var/lib/dpkg/status.d/libssl3", stanza("libssl3"))],
    ]);
    assert_eq!(names(&image), ["base", "libssl3"]);
    let ids = texts(&image, "findings", "id");
    assert!(KNOWN.iter().all(|it| ids.iter().any(|id| id == it.0)), "{ids:?}");
    assert!(image["findings"].as_array().unwrap().iter().all(|it| it["layer"] == 1));
}

#[test]
fn what_no_feed_speaks_of_is_never_clean() {
    let apk =
        "P:musl\nV:1.2.4-r2\nA:x86_64\no:musl\n\nP:busybox\nV:1.36.1-r15\nA:x86_64\no:busybox\n\n";
    let check = |what: &str, layer: Vec<Entry>, words: &str| {
        let image = report(&[layer]);
        let (grade, reasons) = coverage(&image);
        assert_eq!(image["findings"], json!([]), "{what}");
        assert_eq!(grade, "unknown", "{what}");
        assert!(reasons.contains(words), "{what}: {reasons}");
    };
    let alpine = vec![os_release("alpine", "3.19.1"), file("lib/apk/db/installed", apk)];
    check("alpine", alpine, "no feed in the database covers Alpine:v3.19");
    let strange = vec![os_release("haiku", "1"), status(&openssl(OLD))];
    check("unheard of", strange, "unknown distribution The haiku 1");
    check("says nothing", vec![status(&openssl(OLD))], "nothing says which distribution");
    check("nothing at all", vec![], "no package database");
    let old = vec![os_release("debian", "8"), status(&openssl(OLD))];
    check("past its end", old, "past its end of life");
}

#[test]
fn an_image_without_layers_is_not_clean() {
    let image = of_image(&of(&[]));
    assert_eq!(coverage(&image).0, "unknown");
}
