//! Images that are not what they should be, and registries that do not do what they should: in one task, among images
//! that are good.
use crate::world::{Machine, admin, debian, home, layers, on_each, quick};
use flate2::{Compression, write::GzEncoder};
use model::{Gap, Grade, Located};
use scan::center::{Detail, Limits, Role, Selection, World};
use serde_json::{Value, json};
use std::{io::Write, sync::atomic::Ordering, thread, time::Duration};
use store::{images::State, items, quota};
use testkit::{
    harbor::Harbor,
    http::{Reply, Wire},
    image::{Blob, BuiltImage, LAYER, LAYER_GZIP, assemble, gzip, sha256},
    registry::What,
    tar::{Entry, dir, file, symlink, tar},
};

/// For so many requests: all.
const ALWAYS: usize = usize::MAX;

/// Something bad.
struct Case {
    what: &'static str,
    image: BuiltImage,
    /// In the paths of the requests with which something goes wrong, how many of them, and what it is.
    fault: Option<(String, usize, What)>,
    /// With what its scan fails; empty: it does not.
    code: &'static str,
    /// In the reason why it fails, or in what is said to have gone unseen; none: nothing has.
    words: &'static [&'static str],
}

/// An image with this on top of a good layer, which says that it unpacks to `unpacked`.
fn above(media_type: &str, blob: &[u8], unpacked: &[u8]) -> BuiltImage {
    let good = layers(&["alpha 1"], "").swap_remove(0);
    let layers = vec![Blob::new(LAYER_GZIP, gzip(&good)), Blob::new(media_type, blob)];
    assemble("linux/amd64", layers, &[sha256(&good).to_string(), sha256(unpacked).to_string()])
}

fn of(entries: &[Entry]) -> BuiltImage {
    let bytes = tar(entries);
    above(LAYER, &bytes, &bytes)
}

/// A good image whose manifest is another one.
fn manifest(salt: &str, change: impl FnOnce(&mut Value)) -> BuiltImage {
    let image = debian(&["alpha 1"], salt);
    let mut value: Value = serde_json::from_slice(&image.manifest.bytes).unwrap();
    change(&mut value);
    with_manifest(&image, value.to_string().as_bytes())
}

fn cut_off(salt: &str) -> BuiltImage {
    with_manifest(&debian(&["alpha 1"], salt), b"{\"schemaVersion\":2,\"config\":{")
}

fn with_manifest(image: &BuiltImage, bytes: &[u8]) -> BuiltImage {
    BuiltImage { manifest: Blob::new(&image.manifest.media_type, bytes), ..image.clone() }
}

/// A good image with these bytes for a configuration.
fn config(salt: &str, bytes: &[u8]) -> BuiltImage {
    let image = debian(&["alpha 1"], salt);
    let config = Blob::new(&image.blobs[0].media_type, bytes);
    let mut value: Value = serde_json::from_slice(&image.manifest.bytes).unwrap();
    value["config"] = config.descriptor();
    let mut image = with_manifest(&image, value.to_string().as_bytes());
    image.blobs[0] = config;
    image
}

/// So many mebibytes of nothing in a few bytes.
fn bomb(mebibytes: usize) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    (0..mebibytes).for_each(|_| packer.write_all(&[0; 1 << 20]).unwrap());
    packer.finish().unwrap()
}

#[rustfmt::skip]
fn bad_images() -> Vec<Case> {
    let other = tar(&[file("etc/motd", "hello".repeat(5000))]);
    let (packed, text, nested) = (gzip(&other), b"no archive ".repeat(99), bomb(80));
    let status = |text: &str| of(&[dir("var/lib/dpkg"), file("var/lib/dpkg/status", text)]);
    let package = |name: &str| format!("Package: {name}\nStatus: install ok installed\nVersion: 1\n\n");
    let two = package("alpha") + &package("beta");
    let encrypted = "application/vnd.oci.image.layer.v1.tar+gzip+encrypted";
    let circle = [dir("etc"), symlink("etc/os-release", "release"), symlink("etc/release", "os-release")];
    let twice = |it: &mut Value| {
        let layer = it["layers"][0].clone();
        it["layers"].as_array_mut().unwrap().push(layer);
    };
    let size = |size: i64| move |it: &mut Value| it["layers"][1]["size"] = json!(size);
    let digest = |digest: String| move |it: &mut Value| it["layers"][1]["digest"] = json!(digest);
    let no_layers = |it: &mut Value| it["layers"] = json!(null);
    let (absent, numbers) = (sha256(b"absent").to_string(), &["but its configuration speaks of"][..]);
    let mut all = Vec::new();
    let mut row = |what, image, code, words| all.push(Case { what, image, fault: None, code, words });
    row("a manifest cut off", cut_off("m1"), "malformed", &["manifest: EOF"][..]);
    row("a manifest without layers", manifest("m2", no_layers), "malformed", numbers);
    row("a layer too many", manifest("m3", twice), "malformed", numbers);
    row("a digest that is none", manifest("m4", digest("sha256:../..".to_owned())), "malformed", &["is not a digest"]);
    row("a layer that is not there", manifest("m5", digest(absent)), "gone", &["not found", "/blobs/"]);
    row("a size too small", manifest("m6", size(10)), "malformed", &["but the manifest says 10"]);
    row("a size too large", manifest("m7", size(1 << 40)), "malformed", &["but the manifest says"]);
    row("a size that is none", manifest("m8", size(-1)), "", &[]);
    row("a configuration that is none", config("c1", b"\x7fELF"), "malformed", &["configuration"]);
    row("a configuration cut off", config("c2", b"{\"rootfs\":{"), "malformed", &["configuration: EOF"]);
    row("gzip cut off", above(LAYER_GZIP, &packed[..packed.len() / 2], &other), "", &["ends early"]);
    row("no archive", above(LAYER, &text, &text), "", &["tar: malformed"]);
    row("another layer", above(LAYER_GZIP, &packed, b"x"), "", &["the image says that this layer is"]);
    row("encrypted", above(encrypted, b"noise", b""), "", &["encrypted"]);
    row("a bomb", above(LAYER_GZIP, &bomb(81), b""), "", &["too large: more than"]);
    row("a bomb in a bomb", above(LAYER_GZIP, &gzip(&nested), &nested), "", &["malformed"]);
    row("a path that climbs out", of(&[file("../../etc/shadow", "x")]), "", &["climbs out"]);
    row("links in a circle", of(&circle), "", &["UnknownDistribution"]);
    row("half a package database", status(&two[..two.len() - 30]), "", &["var/lib/dpkg/status"]);
    row("a package database of noise", status(&"\u{1}".repeat(4000)), "", &["var/lib/dpkg/status"]);
    all
}

/// Good images whose layer, manifest or configuration comes over the line in a bad way.
#[rustfmt::skip]
fn bad_lines() -> Vec<Case> {
    let crawl = Wire::Slow(Duration::from_millis(100));
    let reply = |status| What::Reply(Reply::new(status, "out of order"));
    let body = || What::Body(Vec::new());
    let mut all = Vec::new();
    let mut row = |what: &'static str, of, times, wrong, code, words| {
        let image = debian(&["alpha 1"], what);
        let on = match of {
            "manifest" => format!("manifests/{}", image.manifest.digest),
            "config" => format!("blobs/{}", image.blobs[0].digest),
            _ => format!("blobs/{}", image.layers()[1].digest),
        };
        // Another one of the same size.
        let flipped = || image.layers()[1].bytes.iter().map(|it| !it).collect();
        let wrong = if matches!(wrong, What::Body(_)) { What::Body(flipped()) } else { wrong };
        all.push(Case { what, image, fault: Some((on, times, wrong)), code, words });
    };
    let mut wire = |what, of, times, wire, code, words| row(what, of, times, What::Wire(wire), code, words);
    wire("a manifest that never comes", "manifest", ALWAYS, Wire::Silent, "unreachable", &["timed out"][..]);
    wire("a manifest that stops", "manifest", ALWAYS, Wire::Hang(9), "unreachable", &["nothing came"]);
    wire("a layer that never comes", "layer", ALWAYS, Wire::Silent, "unreachable", &["timed out"]);
    wire("a layer that stops", "layer", ALWAYS, Wire::Hang(20), "unreachable", &["breaks off after", "nothing came"]);
    wire("a layer that crawls", "layer", ALWAYS, crawl, "unreachable", &["breaks off after", "fewer than"]);
    wire("a line that always drops", "layer", ALWAYS, Wire::Cut(20), "unreachable", &["breaks off after"]);
    wire("a line that drops once", "layer", 1, Wire::Cut(20), "", &[]);
    wire("a line that hangs once", "layer", 1, Wire::Hang(20), "", &[]);
    wire("an answer in chunks", "layer", ALWAYS, Wire::Chunked, "", &[]);
    wire("a huge length", "layer", ALWAYS, Wire::Claim(1 << 50), "malformed", &["but the manifest says"]);
    wire("no registry", "layer", ALWAYS, Wire::Raw(b"SSH-2.0\r\n".to_vec()), "malformed", &["not understood"]);
    row("a registry out of order", "layer", ALWAYS, reply(500), "unreachable", &["it answers 500"]);
    row("a registry that forbids", "layer", ALWAYS, reply(403), "not-allowed", &["ask for the right"]);
    row("another manifest", "manifest", ALWAYS, body(), "wrong-digest", &["the content of sha256:"]);
    row("another configuration", "config", ALWAYS, body(), "wrong-digest", &["the content of sha256:"]);
    row("another layer over the line", "layer", ALWAYS, body(), "wrong-digest", &["the content of sha256:"]);
    all
}

/// One who loses patience soon, and tries twice.
fn hasty(world: &mut World) {
    let first = Duration::from_millis(5);
    world.network.timeouts = net::Timeouts::of(Duration::from_millis(200));
    world.network.retries = net::Retries { tries: 2, first, ..net::Retries::default() };
    world.inspection.limits.layer_bytes = 64 << 20;
}

#[test]
fn whatever_is_bad_harms_nothing_but_itself() {
    let cases: Vec<Case> = bad_images().into_iter().chain(bad_lines()).collect();
    let good = ["a", "b", "c"].map(|it| debian(&["alpha 1"], it));
    on_each(|settings| {
        let harbor = Harbor::start("v2.13.1");
        harbor.project("team");
        let images = cases.iter().map(|it| &it.image).chain(&good);
        images.enumerate().for_each(|(n, it)| harbor.put(&format!("team/app{n}"), "v1", it));
        // The clock is moved on below: by less than a lease.
        let limits = Limits { workers: 8, lease: Duration::from_secs(600), ..quick() };
        let machine = Machine::made(settings, limits, home(), hasty);
        machine.center.run(Role::All).unwrap();
        machine.add("harbor", &harbor.host(), &admin());
        machine.center.authorise(Some(100)).unwrap();
        for (on, times, what) in cases.iter().filter_map(|it| it.fault.clone()) {
            harbor.fail(&on, times, what);
        }
        let task = machine.center.scan_now(&Selection::default(), "anna").unwrap();
        patiently(&machine, task);
        cases.iter().for_each(|it| judge(&machine, it, it.code));
        let scanned = |it: &&Case| it.code.is_empty();
        paid(&machine, task, cases.iter().filter(scanned).map(|it| &it.image).chain(&good));
        // What is bad in itself stays so; what came over a bad line is scanned when the line is good.
        harbor.heal();
        let failed = cases.iter().filter(|it| !scanned(it)).count();
        assert_eq!(machine.center.retry(task).unwrap(), failed as u64);
        patiently(&machine, task);
        let now = |it: &Case| if it.fault.is_some() { "" } else { it.code };
        cases.iter().for_each(|it| judge(&machine, it, now(it)));
        let scanned = cases.iter().filter(|it| now(it).is_empty());
        paid(&machine, task, scanned.map(|it| &it.image).chain(&good));
        let trouble = machine.trouble.lock().unwrap().join("\n");
        assert_eq!(trouble, "", "nobody has to be told of any of this");
        machine.center.stop();
    });
}

/// What was to become of it has become of it, and it says why.
fn judge(machine: &Machine, case: &Case, code: &str) {
    let (what, digest) = (case.what, case.image.manifest.digest.as_str());
    let item = machine.store.read(|tx| items::of_digest(tx, digest, 1)).unwrap().pop().unwrap();
    let image = machine.image(digest);
    assert_eq!(item.code, code, "{what}: {}", item.reason);
    assert_eq!(image.image.code, code, "{what}");
    let told = if code.is_empty() {
        assert_eq!(image.image.state, State::Scanned, "{what}");
        let detail: Detail = serde_json::from_slice(&image.document.unwrap()).unwrap();
        let expected = case.code.is_empty() && !case.words.is_empty();
        assert_eq!(image.image.coverage != Grade::Known, expected, "{what}: {:?}", image.uncovered);
        let gap = |it: &Located<Gap>| format!("{:?} {}", it.path, it.what);
        let gaps: Vec<String> = detail.gaps.iter().map(gap).collect();
        format!("{gaps:?} {:?}", image.uncovered)
    } else {
        assert_eq!(image.image.state, State::Failed, "{what}");
        item.reason
    };
    let expected = if code == case.code { case.words } else { &[] };
    expected.iter().for_each(|it| assert!(told.contains(it), "{what}: {told}"));
}

/// The quota was charged for these images, and nothing of it is kept back.
fn paid<'a>(machine: &Machine, task: i64, images: impl Iterator<Item = &'a BuiltImage>) {
    let mut expected: Vec<&str> = images.map(|it| it.manifest.digest.as_str()).collect();
    expected.sort_unstable();
    let ledger = machine.store.read(|tx| quota::ledger(tx, None, 100)).unwrap().items;
    let mut paid: Vec<&str> = ledger.iter().map(|it| it.digest.as_str()).collect();
    paid.sort_unstable();
    assert_eq!(paid, expected);
    let quota = machine.store.read(quota::read).unwrap();
    assert_eq!((quota.used, quota.reserved), (paid.len() as u64, 0));
    let counts = machine.task(task).counts;
    assert_eq!(counts.done, quota.used);
    assert_eq!(counts.done + counts.failed, counts.total);
}

/// Waits until a task has ended, and moves the clock on whenever there is nothing to do but to wait.
pub(crate) fn patiently(machine: &Machine, task: i64) {
    machine.until("ended", || {
        let task = machine.task(task);
        let counts = task.counts;
        let waits = counts.total == counts.done + counts.failed + counts.queued;
        if task.ended_at.is_none() && task.sealed && waits {
            machine.ahead.fetch_add(301_000, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(150));
        }
        task.ended_at.is_some()
    });
}
