//! A layer is inspected once.
use crate::{
    bench::{Bench, finish},
    images::{OLD, debian, harmless, of, status},
};
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt};
use testkit::{
    archive,
    image::{gzip, image},
    registry::{Auth, Registry},
    tar::tar,
};

fn cached(image: &Value) -> Vec<bool> {
    image["layers"].as_array().unwrap().iter().map(|it| it["cached"].as_bool().unwrap()).collect()
}

fn without_layers(image: &Value) -> Value {
    let mut image = image.clone();
    image.as_object_mut().unwrap().remove("layers");
    image
}

#[test]
fn a_second_scan_reads_no_layer() {
    let (bench, registry) = (Bench::new(), Registry::start(Auth::Open));
    let base = debian(OLD);
    let image = of(&[base.clone(), vec![status(&harmless("one"))]]);
    registry.put("app", "1", &image);
    let name = format!("{}/app:1", registry.host());
    let fetched = |image: &testkit::image::BuiltImage| -> Vec<usize> {
        image.layers().iter().map(|it| registry.count(it.digest.hex())).collect()
    };
    let first = bench.scan(&name);
    assert_eq!(cached(&first), [false, false]);
    assert_eq!(fetched(&image), [1, 1]);
    let second = bench.scan(&name);
    assert_eq!(cached(&second), [true, true]);
    assert_eq!(fetched(&image), [1, 1], "bytes of layers were read again");
    assert_eq!(without_layers(&first), without_layers(&second));

    // Another image on the same base, from another place.
    let other = of(&[base, vec![status(&harmless("two"))]]);
    assert_eq!(cached(&bench.scan(&bench.layout(&other))), [true, false]);

    let run = bench.run(&["scan", "--format", "json", "--no-cache", &name]);
    assert_eq!(cached(&run.image()), [false, false]);
    assert_eq!(fetched(&image), [2, 2]);
}

/// Such an archive has to be read to its end every time, but others gain by it.
#[test]
fn what_was_read_of_a_stream_is_kept_too() {
    let (bench, tars) = (Bench::new(), [tar(&debian(OLD))]);
    let image = image("linux/amd64", &tars);
    let saved = archive::pack(&archive::saved(&image, &tars, "app:1"));
    let first = bench.scan(&bench.file("saved.tgz", gzip(&saved)));
    assert_eq!(cached(&first), [false]);
    assert_eq!(cached(&bench.scan(&bench.layout(&image))), [true]);
}

#[test]
fn a_layer_that_stands_twice_in_an_image_is_read_as_it_should() {
    let bench = Bench::new();
    let image = bench.layout(&of(&[debian(OLD), vec![], debian(OLD)]));
    let report = bench.scan(&image);
    assert_eq!(report["components"].as_array().unwrap().len(), 3);
    assert_eq!(cached(&bench.scan(&image)), [true, true, true]);
}

#[test]
fn damaged_reports_are_made_anew() {
    let bench = Bench::new();
    let image = bench.layout(&of(&[debian(OLD)]));
    let expected = without_layers(&bench.scan(&image));
    let [path] = &bench.kept()[..] else { panic!("one report is kept") };
    let good = fs::read(path).unwrap();
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for bad in [&flipped[..], &good[..good.len() - 1], &good[..7], b""] {
        fs::write(path, bad).unwrap();
        let again = bench.scan(&image);
        assert_eq!(cached(&again), [false]);
        assert_eq!(without_layers(&again), expected);
        assert_eq!(fs::read(path).unwrap(), good, "it was not made anew");
    }
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
    assert_eq!(without_layers(&bench.scan(&image)), expected);
}

#[test]
fn a_cache_that_can_not_be_written_is_no_failure() {
    let bench = Bench::new();
    let image = bench.layout(&of(&[debian(OLD)]));
    let scan = |cache: &str| {
        let mut command = bench.command(["scan", "--format", "json", &image]);
        crate::bench::run(command.env("PLIMSOLL_CACHE_DIR", cache))
    };
    fs::write(bench.path("file"), "").unwrap();
    let read_only = bench.path("read-only");
    fs::create_dir(&read_only).unwrap();
    fs::set_permissions(&read_only, fs::Permissions::from_mode(0o500)).unwrap();
    for cache in ["/proc/nowhere", "/dev/null/x", "file/x", read_only.to_str().unwrap()] {
        let run = scan(cache);
        assert_eq!(cached(&run.image()), [false], "{cache}");
        assert_eq!(run.stderr, "", "{cache}");
    }
}

#[test]
fn processes_do_not_get_in_each_others_way() {
    let bench = Bench::new();
    let image = bench.layout(&of(&[debian(OLD), vec![status(&harmless("one"))]]));
    let start = |_| {
        let mut command = bench.command(["scan", "--format", "json", &image]);
        // The very first runs, all of which want to build the database.
        command.env("PLIMSOLL_DATA_DIR", bench.path("data")).spawn().unwrap()
    };
    let started: Vec<_> = (0..4).map(start).collect();
    let images: Vec<Value> = started.into_iter().map(|it| finish(it).image()).collect();
    for image in &images {
        assert_eq!(without_layers(image), without_layers(&images[0]));
    }
    assert_eq!(bench.kept().len(), 2);
}
