//! The same image gives the same report, wherever it comes from.
use crate::{
    bench::{Bench, run, texts},
    images::{KNOWN, NEW, OLD, debian, of, openssl, status, tars},
};
use serde_json::{Value, json};
use std::{fs, process::Stdio};
use testkit::{
    archive,
    image::{gzip, image, index},
    registry::{Auth, Registry},
    tar::{Entry, file, program, symlink, tar, whiteout},
};

/// What a report says that does not depend on where the image comes from, line by line.
fn essence(image: &Value) -> Vec<String> {
    let mut image = image.clone();
    for name in ["name", "digest", "created", "platform", "layers"] {
        image.as_object_mut().unwrap().remove(name);
    }
    serde_json::to_string_pretty(&image).unwrap().lines().map(str::to_owned).collect()
}

/// Expects both to say the same, and shows where they begin not to.
fn same(what: &str, left: &[String], right: &[String]) {
    let apart = left.iter().zip(right).position(|(left, right)| left != right);
    assert_eq!(apart.map(|it| (&left[it], &right[it])), None, "{what}");
    assert_eq!(left.len(), right.len(), "{what}");
}

fn layers() -> Vec<Vec<Entry>> {
    let tool = program("usr/bin/tool", "#!/bin/sh\n");
    vec![
        [debian(OLD), vec![tool, symlink("bin", "usr/bin"), file("etc/gone", "x")]].concat(),
        vec![whiteout("etc/gone"), file("etc/motd", "hello")],
    ]
}

#[test]
fn layouts_archives_pipes_and_registries_agree() {
    let (bench, tars) = (Bench::new(), tars(&layers()));
    let image = image("linux/amd64", &tars);
    let expected = bench.scan(&bench.layout(&image));
    assert!(!expected["findings"].as_array().unwrap().is_empty());
    assert_eq!(expected["gaps"], json!([]));
    let check = |what: &str, other: &Value, facts: &[&str]| {
        same(what, &essence(other), &essence(&expected));
        for name in facts {
            assert_eq!(other[name], expected[name], "{what}: {name}");
        }
        let sizes = |it: &Value| texts(it, "layers", "diff_id");
        assert_eq!(sizes(other), sizes(&expected), "{what}");
    };
    let layout = archive::pack(&archive::layout(&image, "latest"));
    let saved = archive::pack(&archive::saved(&image, &tars, "example/app:1"));
    let all = ["digest", "created", "platform"];
    check("layout in a tar", &bench.scan(&bench.file("layout.tar", &layout)), &all);
    check("layout in a tar, gzipped", &bench.scan(&bench.file("x.tar.gz", gzip(&layout))), &all);
    let some = ["created", "platform"];
    check("docker save", &bench.scan(&bench.file("saved.tar", &saved)), &some);
    check("docker save, gzipped", &bench.scan(&bench.file("saved.tgz", gzip(&saved))), &some);
    for (name, bytes) in [("plain", saved.clone()), ("gzipped", gzip(&saved))] {
        let input = fs::File::open(bench.file("input", bytes)).unwrap();
        let mut command = bench.command(["scan", "--format", "json", "-"]);
        let image = run(command.stdin(Stdio::from(input))).image();
        check(&format!("standard input, {name}"), &image, &some);
        assert_eq!(image["name"], "-");
    }
    let registry = Registry::start(Auth::Open);
    registry.put("team/app", "1", &image);
    let name = format!("{}/team/app:1", registry.host());
    let image = bench.scan(&name);
    check("registry", &image, &all);
    assert_eq!(image["name"], *name);
}

#[test]
fn an_unpacked_tree_is_like_an_image_of_one_layer() {
    let bench = Bench::new();
    let expected = bench.scan(&bench.layout(&of(&layers()[..1])));
    let packed = bench.file("layer.tar", tar(&layers()[0]));
    let tree = bench.path("tree");
    fs::create_dir(&tree).unwrap();
    let status =
        std::process::Command::new("tar").arg("-xf").arg(packed).arg("-C").arg(&tree).status();
    assert!(status.unwrap().success());
    let image = bench.scan(&format!("dir:{}", tree.display()));
    let untold = |it: &Value| {
        let mut lines = essence(it);
        lines.retain(|it| !it.contains("created_by"));
        lines
    };
    same("tree", &untold(&image), &untold(&expected));
    assert_eq!(image["layers"].as_array().unwrap().len(), 1);
    bench.run(&["scan", tree.to_str().unwrap()]).fails("write dir:");
}

#[test]
fn each_platform_has_its_own_report() {
    let bench = Bench::new();
    let on = |platform: &str, version: &str| image(platform, &tars(&[debian(version)]));
    let both = index(&[on("linux/amd64", NEW), on("linux/arm64/v8", OLD)]);
    let registry = Registry::start(Auth::Open);
    registry.put("app", "1", &both);
    let names = [bench.layout(&both), format!("{}/app:1", registry.host())];
    for name in &names {
        let one = |platform| {
            let run = bench.run(&["scan", "--format", "json", "--platform", platform, name]);
            let image = run.image();
            (image["platform"].clone(), image["findings"].as_array().unwrap().len())
        };
        assert_eq!(one("linux/amd64"), (json!("linux/amd64"), 0));
        let (platform, findings) = one("linux/arm64");
        assert_eq!(platform, "linux/arm64/v8");
        assert!(findings >= KNOWN.len());
        let all = bench.run(&["scan", "--format", "json", "--platform", "all", name]).report();
        crate::schema::holds(&all);
        assert_eq!(texts(&all, "images", "platform"), ["linux/amd64", "linux/arm64/v8"]);
        let none = bench.run(&["scan", "--platform", "linux/s390x", name]);
        none.fails("no image for linux/s390x; there is one for linux/amd64, linux/arm64/v8");
    }
}

#[test]
fn a_second_image_of_an_archive_is_chosen_by_its_name() {
    let bench = Bench::new();
    let (old, new) = (tars(&[debian(OLD)]), tars(&[debian(NEW)]));
    let one = |tars: &[Vec<u8>], tag: &str| {
        let mut files = archive::saved(&image("linux/amd64", tars), tars, tag);
        let manifest: Value =
            serde_json::from_slice(&files.remove("manifest.json").unwrap()).unwrap();
        (files, manifest)
    };
    let (mut files, mut manifest) = one(&old, "app:old");
    let (more, other) = one(&new, "app:new");
    // Both have a layer of the same name: let the second have another.
    for (name, bytes) in more {
        files.insert(name.replace("000/layer", "001/layer"), bytes);
    }
    let text = other[0].to_string().replace("000/layer", "001/layer");
    manifest.as_array_mut().unwrap().push(serde_json::from_str(&text).unwrap());
    files.insert("manifest.json".to_owned(), manifest.to_string().into_bytes());
    let path = bench.file("two.tar", archive::pack(&files));
    let count = |name: &str| bench.scan(name)["findings"].as_array().unwrap().len();
    assert_eq!(count(&format!("{path}:app:new")), 0);
    assert!(count(&format!("{path}:app:old")) >= KNOWN.len());
}

#[test]
fn a_bill_of_materials_is_matched_like_what_it_speaks_of() {
    let bench = Bench::new();
    let expected = bench.scan(&bench.layout(&of(&[debian(OLD)])));
    let purls = texts(&expected, "components", "purl");
    let components: Vec<Value> = purls
        .iter()
        .zip(expected["components"].as_array().unwrap())
        .map(|(purl, it)| json!({"type": "library", "name": it["name"], "version": it["version"], "purl": purl}))
        .collect();
    let bill = json!({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": components});
    let bill = bench.file("bill.json", bill.to_string());
    let ids = |it: &Value| texts(it, "findings", "id");
    assert_eq!(ids(&bench.scan(&bill)), ids(&expected));
    assert_eq!(ids(&bench.scan(&format!("sbom:{bill}"))), ids(&expected));
}

/// Something that is of none of the forms.
#[test]
fn what_is_no_image_is_told_as_such() {
    let bench = Bench::new();
    let check = |name: &str, bytes: &[u8], words: &str| {
        let path = bench.file(name, bytes);
        bench.run(&["scan", &path]).fails(words);
    };
    check("empty.tar", b"", "");
    check("text.tar", b"this is no archive at all, but it is there", "");
    check("tree.tar", &tar(&[status(&openssl(OLD))]), "");
    check("object.json", b"{}", "");
    check("half.tar", &tar(&[file("manifest.json", "[]")])[..700], "");
    bench.run(&["scan", "./nowhere.tar"]).fails("./nowhere.tar: no such file or directory");
    bench.run(&["scan", "dir:/nowhere/at/all"]).fails("not found: directory /nowhere/at/all");
    bench.run(&["scan", "Not A Reference"]).fails("Not A Reference");
}
