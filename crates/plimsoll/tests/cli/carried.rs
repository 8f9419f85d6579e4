//! The advisory database in a registry: pushed by one machine, pulled by another.
use crate::{
    db::{current, osv},
    place::Place,
};
use serde_json::json;
use std::{fs, process::Stdio, thread, time::Duration};
use testkit::{
    http::Wire,
    image::{image, sha256},
    real::{Running, certificates, installed, passwords},
    registry::{Auth, Registry, What, basic},
    tar::{file, tar},
};

/// A machine with a database of its own.
fn machine(id: &str) -> Place {
    let place = Place::new();
    place.write("osv/one.json", osv(id, "openssl", "9:1"));
    // The starter set takes seconds to compile.
    let ran = place.run(["db", "import", "osv", "--without", "debian-changelogs"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    place
}

/// Lets the machine know `user` with the password `hush`, as `docker login` does.
fn log_in(place: &Place, host: &str) {
    let auth = basic("user", "hush").replace("Basic ", "");
    place.write("home/.docker/config.json", json!({"auths": {host: {"auth": auth}}}).to_string());
}

#[test]
fn a_database_goes_by_a_registry_from_one_machine_to_others() {
    let registry = Registry::start(Auth::Token { user: "user", password: "hush", uses: 99 });
    let name = format!("{}/security/advisories:today", registry.host());
    let (ours, theirs) = (machine("DEBIAN-CVE-2099-0001"), Place::new());
    let ran = ours.run(["db", "push", &name]);
    assert!(ran.code == 2 && ran.err.contains("may push to"), "{}", ran.err);
    [&ours, &theirs].iter().for_each(|it| log_in(it, &registry.host()));
    let ran = ours.run(["db", "push", &name]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let digest = ran.out.trim_end_matches(".\n").split('@').nth(1).unwrap().to_owned();
    for it in [name.clone(), format!("{}/security/advisories@{digest}", registry.host())] {
        let ran = theirs.run(["db", "pull", &it]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!(current(&theirs), current(&ours));
    }
    // What is in use already is not fetched again.
    let file = fs::read(ours.path("data/db").join(current(&ours))).unwrap();
    let seen = registry.seen().into_iter().filter(|it| it.method == "GET");
    assert_eq!(seen.filter(|it| it.target.contains(sha256(&file).as_str())).count(), 1);
    let manifest = registry.seen().into_iter().rfind(|it| it.method == "PUT").unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.body).unwrap();
    assert_eq!(manifest["artifactType"], "application/vnd.plimsoll.advisories.v1");
    let build = current(&ours).replace(".plimsoll", "");
    assert_eq!(manifest["annotations"]["io.plimsoll.advisories.build"], build.as_str());
    let created = &manifest["annotations"]["org.opencontainers.image.created"];
    assert_eq!(*created, "2026-01-01T00:00:00Z", "of when the newest feed is");
}

#[test]
fn what_is_not_whole_never_takes_the_place_of_what_is() {
    let registry = Registry::start(Auth::Open);
    let name = format!("{}/advisories:1", registry.host());
    let (ours, theirs) = (machine("DEBIAN-CVE-2099-0001"), machine("DEBIAN-CVE-2099-0002"));
    assert_eq!(ours.run(["db", "push", &name]).code, 0);
    let before = current(&theirs);
    let bytes = fs::read(ours.path("data/db").join(current(&ours))).unwrap();
    let digest = sha256(&bytes);
    let refused = |words: &str| {
        let ran = theirs.run(["db", "pull", &name, "--tries", "1"]);
        assert_eq!(ran.code, 2, "{}", ran.out);
        assert!(ran.err.contains(words) && ran.err.contains("in use stays"), "{}", ran.err);
        assert_eq!(current(&theirs), before);
        let files = fs::read_dir(theirs.path("data/db")).unwrap();
        let hidden = |it: fs::DirEntry| it.file_name().to_str().unwrap().starts_with('.');
        assert!(!files.flatten().any(hidden), "something was left");
    };
    let mut other = bytes.clone();
    other[bytes.len() / 2] ^= 1;
    registry.put_blob(digest.as_str(), &other);
    refused("hashes to");
    registry.put_blob(digest.as_str(), &bytes[..bytes.len() / 2]);
    refused("but the manifest says");
    registry.put_blob(digest.as_str(), &bytes);
    registry.fail(digest.as_str(), 99, What::Wire(Wire::Cut(0)));
    refused("advisories:1");
    registry.fail("/manifests/", 1, What::Body(b"{}".to_vec()));
    refused("hash");
    // A manifest that is true to a file that is none.
    let nonsense = b"PLIMSOLL and then nothing";
    let manifest = json!({"schemaVersion": 2,
        "artifactType": "application/vnd.plimsoll.advisories.v1",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2, "digest": sha256(b"{}")},
        "layers": [{"mediaType": "application/vnd.plimsoll.advisories.database.v1",
            "size": nonsense.len(), "digest": sha256(nonsense)}]});
    let kind = testkit::image::MANIFEST;
    registry.put_blob(sha256(nonsense).as_str(), nonsense);
    registry.put_manifest("advisories", "1", kind, manifest.to_string().as_bytes());
    refused("schema");
    registry.put("advisories", "1", &image("linux/amd64", &[tar(&[file("a", "b")])]));
    refused("no advisory database but");
    let ran = theirs.run(["db", "pull", &format!("{}/nothing:1", registry.host())]);
    assert!(ran.err.contains("not found"), "{}", ran.err);
}

#[test]
fn a_killed_pull_leaves_the_old_one_in_use() {
    let registry = Registry::start(Auth::Open);
    let name = format!("{}/advisories:1", registry.host());
    let (ours, theirs) = (machine("DEBIAN-CVE-2099-0001"), machine("DEBIAN-CVE-2099-0002"));
    assert_eq!(ours.run(["db", "push", &name]).code, 0);
    let before = current(&theirs);
    let digest = sha256(&fs::read(ours.path("data/db").join(current(&ours))).unwrap());
    registry.fail(&format!("blobs/{digest}"), 1, What::Wire(Wire::Hang(500)));
    let mut pull = theirs.command(["db", "pull", &name]).stderr(Stdio::null()).spawn().unwrap();
    // One request was the push's.
    while registry.count(digest.as_str()) < 2 {
        assert!(pull.try_wait().unwrap().is_none(), "it ended by itself");
        thread::sleep(Duration::from_millis(10));
    }
    pull.kill().unwrap();
    pull.wait().unwrap();
    assert_eq!(current(&theirs), before);
    assert_eq!(theirs.run(["db", "pull", &name]).code, 0);
    assert_eq!(current(&theirs), current(&ours));
    // One that is damaged is pulled again, and not pushed: neither its end nor its middle.
    for cut in [false, true] {
        let file = theirs.path("data/db").join(current(&theirs));
        let mut bytes = fs::read(&file).unwrap();
        bytes[30] ^= 1;
        bytes.truncate(if cut { 100 } else { bytes.len() });
        fs::write(&file, bytes).unwrap();
        let ran = theirs.run(["db", "push", &name]);
        assert!(ran.code == 2 && ran.err.contains("damaged"), "{}", ran.err);
        assert_eq!(theirs.run(["db", "pull", &name]).code, 0);
        assert_eq!(theirs.run(["db", "verify"]).code, 0);
    }
}

#[test]
fn a_real_registry_keeps_it() {
    if !installed(&["docker-registry", "openssl"]) {
        return;
    }
    let (ours, theirs) = (machine("DEBIAN-CVE-2099-0001"), Place::new());
    let folder = ours.path("registry");
    fs::create_dir(&folder).unwrap();
    let running = Running::start(&folder, &certificates(&folder), &passwords(&folder));
    let (name, ca) = (format!("{}/team/advisories", running.host()), folder.join("ca.pem"));
    let ca = ca.to_str().unwrap();
    let ran = ours.run(["db", "push", &name, "--ca", ca]);
    assert!(ran.code == 2 && ran.err.contains("may push to"), "{}", ran.err);
    log_in(&ours, running.host());
    let ran = ours.run(["db", "push", &name, "--ca", ca]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let arguments = ["db", "pull", &name, "--ca", ca, "--username", "user"];
    let pulled = theirs.command(arguments).env("PLIMSOLL_PASSWORD", "hush").output().unwrap();
    assert!(pulled.status.success(), "{}", String::from_utf8_lossy(&pulled.stderr));
    assert_eq!(current(&theirs), current(&ours));
    let ran = ours.run(["scan", &name, "--ca", ca]);
    assert!(ran.code == 2 && ran.err.contains("is no container image"), "{}", ran.err);
}
