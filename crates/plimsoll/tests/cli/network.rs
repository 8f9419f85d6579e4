//! Registries that fail, each in its way: what passes is waited for, what stays is an error that says so.
use crate::{
    bench::{Bench, Run, finish, run, texts},
    images::{OLD, debian, harmless, of, status},
};
use serde_json::json;
use std::{fs, io::Write, net::TcpListener, process::Stdio, time::Instant};
use testkit::{
    http::{Reply, Wire},
    image::BuiltImage,
    registry::{Auth, Registry, What, basic, error},
    tar::file,
};

/// A registry with an image of two layers, the second with so much in it that it takes a while.
fn registry(auth: Auth) -> (Registry, BuiltImage, String) {
    // Nothing that compresses.
    let mut state = 1_u64;
    let noise = (0..300_000).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    });
    let noise: Vec<u8> = noise.collect();
    let image = of(&[debian(OLD), vec![file("srv/noise", noise), status(&harmless("last"))]]);
    let registry = Registry::start(auth);
    registry.put("team/app", "1", &image);
    let name = format!("{}/team/app:1", registry.host());
    (registry, image, name)
}

fn is_whole(bench: &Bench, name: &str) {
    let report = bench.scan(name);
    assert_eq!(texts(&report, "components", "name"), ["last"]);
    assert_eq!(report["gaps"], json!([]));
    assert_eq!(bench.kept().len(), 2);
}

#[test]
fn what_passes_is_waited_for() {
    let check = |what: &str, on: &dyn Fn(&BuiltImage) -> String, times, fault: What| {
        let (registry, image, name) = registry(Auth::Open);
        registry.fail(&on(&image), times, fault);
        is_whole(&Bench::new(), &name);
        assert!(registry.count(&on(&image)) > times, "{what}");
    };
    let layer = |image: &BuiltImage| image.layers()[1].digest.to_string();
    check("the line drops", &layer, 1, What::Wire(Wire::Cut(100_000)));
    check("it drops at once", &layer, 1, What::Wire(Wire::Cut(0)));
    check("it drops twice", &layer, 2, What::Wire(Wire::Cut(70_000)));
    check("server error", &layer, 1, What::Reply(Reply::new(500, "")));
    let slow_down =
        Reply::new(429, error("TOOMANYREQUESTS", "slow down")).header("retry-after", "1");
    check("too many requests", &layer, 1, What::Reply(slow_down));
    check("manifest", &|_| "/manifests/1".to_owned(), 1, What::Reply(Reply::new(503, "")));
}

#[test]
fn a_dropped_blob_goes_on_where_it_was() {
    let (registry, image, name) = registry(Auth::Open);
    let digest = image.layers()[1].digest.hex().to_owned();
    registry.fail(&digest, 1, What::Wire(Wire::Cut(100_000)));
    is_whole(&Bench::new(), &name);
    let seen = registry.seen();
    let ranges: Vec<_> =
        seen.iter().filter(|it| it.target.contains(&digest)).map(|it| it.header("range")).collect();
    assert_eq!(ranges, [None, Some("bytes=100000-")]);
}

/// Fails, says this, and keeps nothing of the bad layer.
fn stays_bad(on: &dyn Fn(&BuiltImage) -> String, fault: What, words: &str) {
    let (registry, image, name) = registry(Auth::Open);
    let bench = Bench::new();
    registry.fail(&on(&image), usize::MAX, fault);
    bench.run(&["scan", "--parallel", "1", &name]).fails(words);
    assert!(bench.kept().len() <= 1, "the bad layer was kept");
}

fn layer(image: &BuiltImage) -> String {
    image.layers()[1].digest.to_string()
}

#[test]
fn what_stays_is_an_error_that_says_so() {
    let start = Instant::now();
    let manifest = |_: &BuiltImage| "/manifests/".to_owned();
    let missing = || What::Reply(Reply::new(404, error("BLOB_UNKNOWN", "gone")));
    stays_bad(&layer, missing(), "not found");
    stays_bad(&manifest, missing(), "not found");
    let page = || What::Reply(Reply::new(200, "<html>Welcome to the hotel</html>"));
    stays_bad(&manifest, page(), "");
    stays_bad(&layer, page(), "but the manifest says");
    stays_bad(&layer, What::Body(vec![7; 300]), "but the manifest says");
    let later = Reply::new(429, "").header("retry-after", "3600");
    stays_bad(&manifest, What::Reply(later), "3600 s");
    let scanned = error("DENIED", "the image has not been signed");
    stays_bad(&manifest, What::Reply(Reply::new(412, scanned)), "the image has not been signed");
    stays_bad(&manifest, What::Reply(Reply::new(501, "")), "");
    assert!(start.elapsed().as_secs() < 20, "none of this is worth waiting for");
}

#[test]
fn a_registry_that_stays_down_is_given_up() {
    stays_bad(&|_| "/manifests/".to_owned(), What::Reply(Reply::new(500, "")), "cannot reach");
}

#[test]
fn a_line_that_always_drops_is_given_up() {
    stays_bad(&layer, What::Wire(Wire::Cut(0)), "breaks off after 0 bytes");
}

#[test]
fn nobody_there_is_told() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    Bench::new()
        .run(&["scan", &format!("{closed}/app:1")])
        .fails(&format!("cannot reach http://{closed}"));
}

/// The right length, but other bytes.
#[test]
fn spoiled_bytes_are_an_error() {
    let (registry, image, name) = registry(Auth::Open);
    let (bench, layer) = (Bench::new(), &image.layers()[1]);
    let mut bytes = layer.bytes.clone();
    bytes[9000] ^= 4;
    registry.put_blob(layer.digest.as_str(), &bytes);
    for _ in 0..2 {
        bench.run(&["scan", &name]).fails(layer.digest.as_str());
    }
    assert!(bench.kept().len() <= 1);
    registry.put_blob(layer.digest.as_str(), &layer.bytes);
    is_whole(&bench, &name);
}

#[test]
fn credentials_come_from_where_they_should_and_are_never_shown() {
    const PASSWORD: &str = "open sesame 7351";
    let (registry, _, name) = registry(Auth::Basic("ada", PASSWORD));
    let quiet = |run: &Run| assert!(!format!("{run:?}").contains("7351"), "{run:?}");
    let arguments = ["scan", "--format", "json", "--username", "ada", &name];

    let without = Bench::new().run(&["scan", &name]);
    without.fails("not allowed");

    let bench = Bench::new();
    let asked = run(bench.command(arguments).env("PLIMSOLL_PASSWORD", PASSWORD));
    asked.report();
    quiet(&asked);
    let wrong = run(Bench::new().command(arguments).env("PLIMSOLL_PASSWORD", "7351 wrong"));
    wrong.fails("not allowed");
    quiet(&wrong);
    bench.run(&arguments).fails("needs a password");

    let bench = Bench::new();
    let mut child =
        bench.command(arguments).arg("--password-stdin").stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    finish(child).report();

    let bench = Bench::new();
    let auth = basic("ada", PASSWORD).replace("Basic ", "");
    let config = json!({"auths": {registry.host(): {"auth": auth}}});
    bench.file("home/.docker/config.json", config.to_string());
    is_whole(&bench, &name);
    bench.file("home/.docker/config.json", "{");
    bench.run(&["scan", &name]).fails("config.json");
    fs::remove_dir_all(bench.path("home")).unwrap();
    is_whole_from(&bench, &name, &auth, &registry.host());
}

/// With another place for Docker's configuration.
fn is_whole_from(bench: &Bench, name: &str, auth: &str, host: &str) {
    let config = json!({"auths": {host: {"auth": auth}}});
    bench.file("docker/config.json", config.to_string());
    let mut command = bench.command(["scan", "--no-cache", name]);
    assert_eq!(run(command.env("DOCKER_CONFIG", bench.path("docker"))).code, 0);
}

#[test]
fn a_registry_that_hangs_is_given_up_when_it_was_told() {
    let check = |on: &dyn Fn(&BuiltImage) -> String, wire: Wire, asked: usize| {
        let (registry, image, name) = registry(Auth::Token { user: "", password: "", uses: 99 });
        registry.fail(&on(&image), usize::MAX, What::Wire(wire));
        let start = Instant::now();
        let patience = ["--timeout", "1", "--tries", "2", "--parallel", "1"];
        let arguments = [&["scan", &name], &patience[..]].concat();
        Bench::new().run(&arguments).fails("");
        let seconds = start.elapsed().as_secs();
        assert!((1..15).contains(&seconds), "{seconds} s");
        assert_eq!(registry.count(&on(&image)), asked);
    };
    // The first was answered: show a token.
    check(&|_| "/manifests/".to_owned(), Wire::Silent, 3);
    check(&layer, Wire::Silent, 2);
    check(&layer, Wire::Hang(100), 2);
    let run = Bench::new().run(&["scan", "x.y/z", "--tries", "0"]);
    assert!(run.code == 2 && run.stderr.contains("1..=100"), "{run:?}");
}
