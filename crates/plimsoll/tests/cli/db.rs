//! The advisory database: starter set, import, update, and whoever is killed in between.
use crate::place::{OLD, Place, debian_image, ids};
use std::{
    fs,
    os::unix::fs::MetadataExt,
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant, SystemTime},
};
use testkit::{
    http::{Reply, Server, Wire},
    image::{gzip, sha256},
    tar::{file, tar},
};

/// A record of OSV that says that a package of Debian 12 is affected below a version.
pub(crate) fn osv(id: &str, package: &str, fixed: &str) -> String {
    format!(
        r#"{{"schema_version":"1.7.0","id":"{id}","modified":"2026-01-01T00:00:00Z","affected":[{{
        "package":{{"ecosystem":"Debian:12","name":"{package}"}},
        "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]}}]}}]}}"#
    )
}

pub(crate) fn current(place: &Place) -> String {
    let link = fs::read_link(place.path("data/db/current")).unwrap();
    link.to_str().unwrap().to_owned()
}

#[test]
fn the_starter_set_is_there_from_the_first_run() {
    let place = Place::new();
    let status = place.run(["db", "status"]);
    assert_eq!(status.code, 0, "{}", status.err);
    assert!(status.out.contains("18459 records"), "{}", status.out);
    assert!(status.out.contains("only the starter set"), "{}", status.out);
    let first = current(&place);
    let inode = fs::metadata(place.path("data/db").join(&first)).unwrap().ino();
    assert_eq!(place.run(["db", "verify"]).code, 0);
    assert_eq!(current(&place), first);
    let again = fs::metadata(place.path("data/db").join(&first)).unwrap().ino();
    assert_eq!(again, inode, "it was built twice");
    // Where nothing can be kept, it is made anew each time.
    place.write("file", "");
    let mut command = place.command(["db", "status"]);
    let output = command.env("PLIMSOLL_DATA_DIR", place.path("file/data")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("in memory"), "{text}");
}

#[test]
fn imported_advisories_are_found_and_the_one_before_is_kept() {
    let place = Place::new();
    let layout = place.layout("x", &debian_image(OLD));
    let before = ids(&place.report(&[&layout]));
    place.write("in/osv/one.json", osv("DEBIAN-CVE-2099-0001", "openssl", "9:1"));
    place.write("in/osv/more.jsonl", osv("DEBIAN-CVE-2099-0002", "other", "9").replace('\n', ""));
    let ran = place.run(["db", "import", "in"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("of 2 packages"), "{}", ran.out);
    let after = ids(&place.report(&[&layout]));
    assert!(after.contains(&"CVE-2099-0001".to_owned()) && after.len() == before.len() + 1);
    let status = place.run(["db", "status"]).out;
    assert!(status.contains("Before that"), "{status}");
    // Copies are of now; what they say is of then.
    assert!(status.contains("2 records of 2026-01-01"), "{status}");
    // The same again changes nothing.
    let first = current(&place);
    assert!(place.run(["db", "import", "in"]).out.contains("of 0 packages"));
    assert_eq!(current(&place), first);
    // A compiled database can be carried elsewhere.
    let elsewhere = Place::new();
    assert_eq!(place.run(["db", "export", "out.plimsoll"]).code, 0);
    let file = place.path("out.plimsoll");
    assert_eq!(elsewhere.run(["db".as_ref(), "import".as_ref(), file.as_os_str()]).code, 0);
    assert_eq!(current(&elsewhere), first);
    // Where no feed can be reached, that is not undone.
    let ran = elsewhere.run(["db", "update", "--from", "http://127.0.0.1:1", "--tries", "1"]);
    assert!(ran.code == 2 && ran.err.contains("no feed could be fetched"), "{}", ran.err);
    assert_eq!(current(&elsewhere), first);
    // An older one takes its place only where that is meant.
    let late = osv("DEBIAN-CVE-2099-0003", "other", "9").replace("2026-01", "2025-01");
    fs::remove_dir_all(place.path("data/feeds/osv")).unwrap();
    place.write("late/osv/one.json", late);
    assert_eq!(place.run(["db", "import", "late", "--force"]).code, 0);
    assert_eq!(place.run(["db", "export", "older.plimsoll"]).code, 0);
    let older = place.path("older.plimsoll");
    let import = ["db".as_ref(), "import".as_ref(), older.as_os_str()];
    let ran = elsewhere.run(import);
    assert!(ran.code == 2 && ran.err.contains("before the database in use"), "{}", ran.err);
    assert_eq!(current(&elsewhere), first);
    assert_eq!(elsewhere.run([&import[..], &["--force".as_ref()]].concat()).code, 0);
    assert_eq!(current(&elsewhere), current(&place));
}

#[test]
fn archives_of_every_kind_are_read() {
    let place = Place::new();
    let record = osv("DEBIAN-CVE-2099-0001", "openssl", "9:1");
    place.write("work/a.json", &record);
    let pack = |command: &str| {
        let status =
            Command::new("sh").args(["-c", command]).current_dir(place.path("work")).status();
        status.unwrap().success()
    };
    assert!(pack("tar -cf t.tar a.json && gzip -k t.tar && gzip -k a.json"));
    let names = ["a.json", "a.json.gz", "t.tar", "t.tar.gz"];
    for name in names {
        let fresh = Place::new();
        let file = place.path("work").join(name);
        let args =
            ["db".as_ref(), "import".as_ref(), "--feed".as_ref(), "osv".as_ref(), file.as_os_str()];
        let ran = fresh.run(args);
        assert_eq!(ran.code, 0, "{name}: {}", ran.err);
        assert!(fresh.run(["db", "status"]).out.contains("1 records"), "{name}");
    }
}

#[test]
fn what_is_damaged_is_refused_or_gone_round() {
    let place = Place::new();
    place.write("osv/one.json", osv("DEBIAN-CVE-2099-0001", "openssl", "9:1"));
    assert_eq!(place.run(["db", "import", "osv"]).code, 0);
    let good = current(&place);
    place.write("osv/two.json", "{ this is no JSON");
    let ran = place.run(["db", "import", "osv"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("two.json") && ran.err.contains("--force"), "{}", ran.err);
    assert_eq!(current(&place), good, "the database in use must stay");
    // What was refused is not in the way of what comes next.
    place.write("more/osv/three.json", osv("DEBIAN-CVE-2099-0003", "zlib", "9:1"));
    let ran = place.run(["db", "import", "more"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let forced = place.run(["db", "import", "osv", "--force"]);
    assert_eq!(forced.code, 0, "{}", forced.err);
    assert!(forced.out.contains("two.json"), "{}", forced.out);
    // Every kind of damage to the file in use: what was there before serves instead.
    let file = place.path("data/db").join(current(&place));
    let bytes = fs::read(&file).unwrap();
    for damaged in [&bytes[..bytes.len() / 2], b"", b"PLIMSOLL and then nothing"] {
        fs::write(&file, damaged).unwrap();
        let ran = place.run(["db", "status"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.out.contains("warning"), "{}", ran.out);
    }
    let bad = place.write("bad.plimsoll", &bytes[..bytes.len() - 1]);
    let ran = place.run(["db".as_ref(), "import".as_ref(), bad.as_os_str()]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    let ran = place.run(["db", "import", "--feed", "nonsense", "osv"]);
    assert!(ran.err.contains("debian-tracker"), "{}", ran.err);
    place.write("odd/x.json", "{}");
    let ran = place.run(["db", "import", "odd"]);
    assert!(ran.err.contains("--feed"), "{}", ran.err);
}

#[test]
fn a_feed_that_shrinks_is_not_believed() {
    let place = Place::new();
    place.write("osv/all.jsonl", ten());
    assert_eq!(place.run(["db", "import", "osv"]).code, 0);
    place.write("osv/all.jsonl", osv("DEBIAN-CVE-2099-0001", "openssl", "9:1").replace('\n', ""));
    let ran = place.run(["db", "import", "osv"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("10 records before"), "{}", ran.err);
    assert_eq!(place.run(["db", "import", "osv", "--force"]).code, 0);
}

#[test]
fn an_update_fetches_what_has_changed_and_bears_failures() {
    let place = Place::new();
    let server = Server::start(|request| match request.target.as_str() {
        "/osv.json" if request.header("if-none-match") == Some("\"1\"") => Reply::new(304, ""),
        "/osv.json" => Reply::new(200, osv("DEBIAN-CVE-2099-0001", "openssl", "9:1"))
            .header("etag", "\"1\"")
            .header("last-modified", "Fri, 02 Jan 2026 03:04:05 GMT"),
        _ => Reply::new(404, ""),
    });
    let host = server.host();
    let (osv, kev) =
        (format!("osv=http://{host}/osv.json"), format!("kev=http://{host}/gone.json"));
    let ran = place.run(["db", "update", "--feed", "osv", "--place", &osv]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(place.run(["db", "status"]).out.contains("1 records of 2026-01-02"));
    let ran = place
        .run(["db", "update", "--feed", "osv", "--feed", "kev", "--place", &osv, "--place", &kev]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("unchanged") && ran.err.contains("404"), "{}", ran.err);
    let before = current(&place);
    drop(server);
    let ran =
        place.run(["db", "update", "--feed", "osv", "--place", "osv=http://127.0.0.1:1/x.json"]);
    assert_eq!(ran.code, 2);
    assert_eq!(current(&place), before);
}

/// Ten records, a line each.
fn ten() -> String {
    let one = |it| osv(&format!("DEBIAN-CVE-2099-{it:04}"), "openssl", "9:1").replace('\n', "");
    (0..10).map(|it| one(it) + "\n").collect()
}

#[test]
fn a_document_that_is_no_good_spoils_neither_its_former_self_nor_other_feeds() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let one = osv("DEBIAN-CVE-2099-0001", "openssl", "9:1").replace('\n', "");
    let kev = r#"{"vulnerabilities":[{"cveID":"CVE-2099-0001"}]}"#;
    let bodies: Vec<(u16, Vec<u8>)> = vec![
        (200, ten().into_bytes()),
        (200, b"<html>please log in</html>".to_vec()),
        (200, b"".to_vec()),
        (200, gzip(ten().as_bytes())[..60].to_vec()),
        (200, one.clone().into_bytes()),
        (404, Vec::new()),
    ];
    let rounds = bodies.len();
    let server = Server::start(move |request| match request.target.as_str() {
        "/all.jsonl" => {
            let (status, body) = &bodies[ASKED.fetch_add(1, Ordering::SeqCst)];
            Reply::new(*status, body.clone()).header("etag", format!("\"{}\"", body.len()))
        }
        _ => Reply::new(200, kev),
    });
    let place = Place::new();
    let at = |feed: &str, path: &str| format!("{feed}=http://{}/{path}", server.host());
    let (osv, kev) = (at("osv", "all.jsonl"), at("kev", "kev.json"));
    let update = |force: &str| {
        let args =
            ["db", "update", "--feed", "osv", "--feed", "kev", "--place", &osv, "--place", &kev];
        place.run(args.into_iter().chain(Some(force).filter(|it| !it.is_empty())))
    };
    assert_eq!(update("").code, 0);
    for round in 1..rounds {
        let ran = update("");
        assert_eq!(ran.code, 1, "{round}: {}", ran.err);
        assert!(ran.err.contains("osv") && !ran.err.contains("kev: http"), "{}", ran.err);
        let status = place.run(["db", "status"]).out;
        assert!(status.contains("10 records") && status.contains("1 records"), "{round}: {status}");
    }
}

#[test]
fn a_line_that_drops_is_tried_again() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let server = Server::start(|_| {
        let reply = Reply::new(200, ten());
        match ASKED.fetch_add(1, Ordering::SeqCst) {
            0 => reply.wire(Wire::Cut(700)),
            1 => Reply::new(503, ""),
            _ => reply,
        }
    });
    let place = Place::new();
    let source = format!("osv=http://{}/all.jsonl", server.host());
    let ran = place.run(["db", "update", "--feed", "osv", "--place", &source]);
    assert_eq!((ran.code, ASKED.load(Ordering::SeqCst)), (0, 3), "{}", ran.err);
    assert!(place.run(["db", "status"]).out.contains("10 records"));
}

#[test]
fn a_mirror_of_all_feeds_takes_the_place_of_what_came_from_elsewhere() {
    let server = Server::start(|request| match request.target.as_str() {
        "/feeds/www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
        | "/old.json" => Reply::new(200, r#"{"vulnerabilities":[{"cveID":"CVE-2099-0001"}]}"#),
        _ => Reply::new(404, ""),
    });
    let place = Place::new();
    let old = format!("kev=http://{}/old.json", server.host());
    assert_eq!(place.run(["db", "update", "--feed", "kev", "--place", &old]).code, 0);
    let mirror = format!("http://{}/feeds/", server.host());
    let ran = place.run(["db", "update", "--feed", "kev", "--from", &mirror]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(fs::read_dir(place.path("data/feeds/kev")).unwrap().count(), 2, "old ones stay");
}

#[test]
fn a_feed_can_be_left_out() {
    let place = Place::new();
    place.write("in/osv/one.json", osv("DEBIAN-CVE-2099-0001", "openssl", "9:1"));
    place.write("in/kev/kev.json", r#"{"vulnerabilities":[{"cveID":"CVE-2099-0001"}]}"#);
    let import = |without: &[&str], path: &str| {
        let without = without.iter().flat_map(|it| ["--without", it]);
        place.run(["db", "import", path].into_iter().chain(without))
    };
    let feeds = || {
        let status = place.run(["db", "status", "--format", "json"]).out;
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        let feeds = status["feeds"].as_array().unwrap().iter();
        feeds.map(|it| it["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(import(&[], "in").code, 0);
    assert_eq!(feeds(), ["debian-changelogs", "kev", "notorious", "osv"]);
    let ran = import(&["kev", "debian-changelogs", "notorious"], "in/osv");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("kev: left out; what was fetched of it stays"), "{}", ran.out);
    assert_eq!(feeds(), ["osv"], "the starter set is of a feed too");
    // The documents have stayed.
    assert_eq!(import(&["debian-changelogs", "notorious"], "in/osv").code, 0);
    assert_eq!(feeds(), ["kev", "osv"]);
    let ran = import(&["osv"], "in/osv");
    assert!(ran.code == 2 && ran.err.contains("brought in and left out"), "{}", ran.err);
}

#[test]
fn all_that_is_named_is_brought_in_or_nothing() {
    let place = Place::new();
    place.write("a/osv/one.json", osv("DEBIAN-CVE-2099-0001", "openssl", "9:1"));
    place.write("b/osv/two.json", "{ this is no JSON");
    let ran = place.run(["db", "import", "a", "b"]);
    assert!(ran.code == 2 && ran.err.contains("b/osv"), "{}", ran.err);
    assert_eq!(fs::read_dir(place.path("data/feeds/osv")).unwrap().count(), 0);
    fs::create_dir_all(place.path("c/osv")).unwrap();
    let ran = place.run(["db", "import", "a", "c"]);
    assert!(ran.code == 2 && ran.err.contains("nothing in it"), "{}", ran.err);
    // Of two with the same name, the last counts.
    place.write("b/osv/one.json", osv("DEBIAN-CVE-2099-0002", "openssl", "9:1"));
    fs::remove_file(place.path("b/osv/two.json")).unwrap();
    assert_eq!(
        place.run(["db", "import", "a/osv", "b/osv", "--without", "debian-changelogs"]).code,
        0
    );
    let kept = fs::read_to_string(place.path("data/feeds/osv/one.json")).unwrap();
    assert!(kept.contains("0002") && place.run(["db", "status"]).out.contains("1 records"));
}

#[test]
fn a_part_that_fails_for_days_is_told() {
    let server = Server::start(|request| match request.target.as_str() {
        "/a.json" => Reply::new(200, osv("DEBIAN-CVE-2099-0001", "openssl", "9:1")),
        "/b.json" if request.header("if-none-match").is_some() => Reply::new(304, ""),
        "/b.json" => {
            Reply::new(200, osv("DEBIAN-CVE-2099-0002", "zlib", "9:1")).header("etag", "1")
        }
        _ => Reply::new(404, ""),
    });
    let place = Place::new();
    let at = |path: &str| format!("osv=http://{}/{path}.json", server.host());
    let update = |second: &str| {
        let places = ["--place", &at("a"), "--place", &at(second)].map(str::to_owned);
        let args = ["db", "update", "--feed", "osv", "--without", "debian-changelogs"];
        place.run(args.map(str::to_owned).into_iter().chain(places)).code
    };
    let status = || place.run(["db", "status"]).out;
    assert_eq!(update("b"), 0);
    assert!(!status().contains("could not be fetched"), "{}", status());
    let folder = fs::read_dir(place.path("data/feeds/osv")).unwrap().flatten();
    let note =
        folder.map(|it| it.path()).find(|it| it.to_str().unwrap().ends_with("b.json.fetched"));
    let note = fs::File::options().append(true).open(note.unwrap()).unwrap();
    let days = Duration::from_hours(24 * 10);
    note.set_modified(SystemTime::now() - days).unwrap();
    assert_eq!(update("gone"), 1);
    assert!(status().contains("b.json could not be fetched since"), "{}", status());
    let layout = place.layout("x", &debian_image(OLD));
    let table = place.run(["scan", &layout]).out;
    assert!(table.contains("(part of it of 2"), "{table}");
    // What the server says has not changed is not old.
    assert_eq!(update("b"), 0);
    assert!(!status().contains("could not be fetched"), "{}", status());
}

#[test]
fn a_killed_update_leaves_the_old_one_in_use() {
    let place = Place::new();
    place.write("osv/one.json", osv("DEBIAN-CVE-2099-0001", "openssl", "9:1"));
    assert_eq!(place.run(["db", "import", "osv"]).code, 0);
    let before = current(&place);
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let server = Server::start(|_| {
        ASKED.fetch_add(1, Ordering::SeqCst);
        Reply::new(200, vec![b'x'; 100_000]).wire(Wire::Hang(50_000))
    });
    let source = format!("osv=http://{}/x.json", server.host());
    let mut update = place
        .command(["db", "update", "--feed", "osv", "--place", &source])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while ASKED.load(Ordering::SeqCst) == 0 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    // While it runs, nobody else changes anything, and everybody reads.
    let second = place.run(["db", "import", "osv"]);
    assert_eq!(second.code, 2);
    assert!(second.err.contains(&format!("process {}", update.id())), "{}", second.err);
    assert_eq!(place.run(["db", "status"]).code, 0);
    update.kill().unwrap();
    update.wait().unwrap();
    assert_eq!(current(&place), before);
    assert_eq!(place.run(["db", "verify"]).code, 0);
    assert_eq!(place.run(["db", "import", "osv"]).code, 0, "the lock outlived its holder");
    for entry in fs::read_dir(place.path("data/feeds/osv")).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(!name.to_str().unwrap().starts_with('.'), "{name:?} was left");
    }
}

#[test]
fn a_full_disk_is_told_and_leaves_the_old_one() {
    let place = Place::new();
    let full = place.path("small");
    fs::create_dir_all(&full).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=512k", "none"])
        .arg(&full)
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|it| it.success()) {
        eprintln!("skipped: a full disk needs the right to mount a small one");
        return;
    }
    let big: String = (0..20_000)
        .map(|it| {
            osv(&format!("DEBIAN-CVE-2099-{it:05}"), "openssl", "9:1").replace('\n', "") + "\n"
        })
        .collect();
    place.write("osv/all.jsonl", big);
    let output =
        place.command(["db", "import", "osv"]).env("PLIMSOLL_DATA_DIR", &full).output().unwrap();
    let left: Vec<_> =
        fs::read_dir(full.join("feeds/osv")).into_iter().flatten().flatten().collect();
    assert!(Command::new("umount").arg(&full).status().unwrap().success());
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("No space left"), "{text}");
    assert!(left.is_empty(), "{left:?}");
}

/// A mirror of one suite: a quilt package with a security update, a native one without any.
fn mirror(place: &Place) {
    let entry = |version: &str, text: &str| {
        let trailer = " -- A B <a@b.example>  Mon, 01 Jan 2024 00:00:00 +0000";
        format!("p ({version}) x; urgency=high\n\n  * {text}\n\n{trailer}\n\n")
    };
    let changelog = entry("1-2+deb12u1", "CVE-2099-0007") + &entry("1-2", "first");
    let packaging = gzip(&tar(&[file("debian/control", "x"), file("debian/changelog", changelog)]));
    place.write("m-security/pool/p_1-2+deb12u1.debian.tar.gz", &packaging);
    let former = gzip(&tar(&[file("debian/changelog", entry("1-2", "CVE-2099-0006"))]));
    place.write("m/pool/p_1-2.debian.tar.gz", &former);
    let source = |version: &str, file: &str, bytes: &[u8]| {
        let (hash, size) = (sha256(bytes), bytes.len());
        let hash = hash.hex();
        format!(
            "Package: p\nVersion: {version}\nDirectory: pool\nChecksums-Sha256:\n {hash} {size} {file}\n\n"
        )
    };
    for (root, suite, sources) in [
        ("m", "bookworm", source("1-2", "p_1-2.debian.tar.gz", &former)),
        (
            "m-security",
            "bookworm-security",
            source("1-2+deb12u1", "p_1-2+deb12u1.debian.tar.gz", &packaging),
        ),
    ] {
        let index = gzip(sources.as_bytes());
        place.write(&format!("{root}/dists/{suite}/main/source/Sources.gz"), &index);
        let (hash, size) = (sha256(&index), index.len());
        let release =
            format!("Version: 12.5\nSHA256:\n {} {size} main/source/Sources.gz\n", hash.hex());
        place.write(&format!("{root}/dists/{suite}/InRelease"), release);
    }
}

#[test]
fn a_mirror_is_enough_to_derive_advisories() {
    let place = Place::new();
    mirror(&place);
    let args = ["db", "derive", "--mirror", "m", "--suite", "bookworm", "-o", "out.jsonl"];
    let ran = place.run(args);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("1 vulnerabilities from 1 changelogs"), "{}", ran.out);
    let ran = place.run(["db", "import", "--feed", "debian-changelogs", "out.jsonl"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let bill = |version: &str| {
        let purl = format!("pkg:deb/debian/p@{version}?arch=amd64&distro=debian-12");
        format!(
            r#"{{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{{"type":"library",
            "name":"p","version":"{version}","purl":"{purl}"}}]}}"#
        )
    };
    place.write("old.json", bill("1-2"));
    place.write("new.json", bill("1-2%2Bdeb12u1"));
    assert_eq!(ids(&place.report(&["old.json"])), ["CVE-2099-0007"]);
    assert!(ids(&place.report(&["new.json"])).is_empty());
    // A file that is not the one in the index is not believed.
    fs::remove_dir_all(place.path("cache")).unwrap();
    place.write("m-security/pool/p_1-2+deb12u1.debian.tar.gz", "something else");
    let ran = place.run(args);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("SHA-256"), "{}", ran.out);
    // What the release came with is better than nothing.
    assert!(ran.out.contains("read 1-2 instead"), "{}", ran.out);
    let derived = fs::read_to_string(place.path("out.jsonl")).unwrap();
    assert!(derived.contains("CVE-2099-0006") && !derived.contains("CVE-2099-0007"), "{derived}");
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

#[test]
fn limits_can_be_changed_and_are_told_when_hit() {
    let place = Place::new();
    let layout = place.layout("x", &debian_image(OLD));
    for (limit, words) in [
        ("entries=1", "more than 1 entries"),
        ("file-bytes=10", "the limit is 10"),
        ("layer-bytes=600", "more than 600 bytes"),
    ] {
        let report = place.report(&[&layout, "--limit", limit]);
        let gaps = report["gaps"].to_string();
        assert!(gaps.contains(words), "{limit}: {gaps}");
    }
    let ran = place.run(["scan", &layout, "--limit", "patience=3"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("layer-bytes"), "{}", ran.err);
}
