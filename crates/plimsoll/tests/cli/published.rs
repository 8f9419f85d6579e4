//! What distributions publish: images whose package databases say something else are found with it, and not without.
use crate::place::Place;
use serde_json::Value;
use std::fmt::Write as _;
use testkit::{
    image::image,
    openpgp::Signer,
    package, rpm,
    tar::{Entry, file, program, symlink, tar},
};

const STATUS: &str = "Package: tool\nStatus: install ok installed\nVersion: 1.0-1\nArchitecture: amd64\nMaintainer: \
                      somebody\nDescription: one\n\n";
const RELEASE: &str = "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n";
const TRUE: &str = "\x7fELF as it was built\n";
const FALSE: &str = "\x7fELF as somebody changed it\n";

/// MD5 of `TRUE` and of `FALSE`.
const SUMS: [&str; 2] = ["b181bb692e5991d1f1c5f697b571ac61", "8d7de478cd9ff312fd6c81026fd9a07d"];

fn md5sums(sum: &str) -> String {
    format!("{sum}  usr/bin/tool\n")
}

fn deb() -> Vec<u8> {
    let control = [file("./control", STATUS), file("./md5sums", md5sums(SUMS[0]))];
    package::deb(&control, &[program("./usr/bin/tool", TRUE)])
}

fn apk() -> Vec<u8> {
    let info = "# made\npkgname = tool\npkgver = 1.0-r0\narch = x86_64\n";
    let files = [
        ("11".repeat(20), program("usr/bin/tool", TRUE)),
        ("22".repeat(20), symlink("usr/bin/other", "tool")),
    ];
    package::apk(info, &files)
}

/// What Alpine's database says of this package, `Z:` in base64.
fn installed(tool: u8) -> String {
    let sum = |byte: u8| {
        let bits = [byte; 20];
        base64(&bits)
    };
    let mut text = "C:Q1AAAA\nP:tool\nV:1.0-r0\nA:x86_64\nF:usr\nF:usr/bin\n".to_owned();
    writeln!(text, "R:other\na:0:0:777\nZ:Q1{}\nR:tool\na:0:0:755\nZ:Q1{}\n", sum(0x22), sum(tool))
        .unwrap();
    text
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = bytes.iter().map(|it| format!("{it:08b}")).collect();
    let mut text: String = bits
        .as_bytes()
        .chunks(6)
        .map(|six| {
            let six = std::str::from_utf8(six).unwrap();
            char::from(DIGITS[usize::from_str_radix(&format!("{six:0<6}"), 2).unwrap()])
        })
        .collect();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

fn debian(tool: &str, sum: &str) -> Vec<Entry> {
    vec![
        file("etc/os-release", RELEASE),
        file("var/lib/dpkg/status", STATUS),
        file("var/lib/dpkg/info/tool.md5sums", md5sums(sum)),
        program("usr/bin/tool", tool),
    ]
}

fn alpine(tool: u8) -> Vec<Entry> {
    vec![
        file("etc/os-release", "ID=alpine\nVERSION_ID=3.20.0\n"),
        file("lib/apk/db/installed", installed(tool)),
    ]
}

/// The rules that find something in an image of these files, with what its owner is said to be.
fn found(place: &Place, name: &str, files: &[Entry]) -> Vec<(String, Value)> {
    let built = image("linux/amd64", &[tar(files)]);
    let at = place.layout(name, &built);
    let report = place.report(&[at.as_str()]);
    let all = report["malicious"].as_array().cloned().unwrap_or_default();
    let shown = all
        .iter()
        .map(|it| (it["evidence"][0]["rule"].as_str().unwrap().to_owned(), it["trust"].clone()));
    shown.collect()
}

fn run(place: &Place, words: &str) -> String {
    let ran = place.run(words.split(' '));
    assert_eq!(ran.code, 0, "{words}: {}", ran.err);
    ran.out
}

#[test]
fn forged_package_databases_are_found_with_what_is_published() {
    let place = Place::new();
    place.write("osv/one.json", crate::db::osv("DEBIAN-CVE-2099-0001", "openssl", "9:1"));
    run(&place, "db import osv --without debian-changelogs");
    place.write("deb/pool/tool_1.0-1_amd64.deb", deb());
    place.write("deb/pool/broken.deb", b"!<arch>\nnothing");
    place.write("apk/tool-1.0-r0.apk", apk());

    let told = |name: &str, files: &[Entry]| -> Vec<String> {
        found(&place, name, files).into_iter().map(|it| it.0).collect()
    };
    let (plain, [right, wrong]) = (debian(TRUE, SUMS[0]), SUMS);
    assert_eq!(told("a", &plain), [""; 0]);
    assert_eq!(told("b", &debian(FALSE, right)), ["altered-package-file"]);
    assert_eq!(told("c", &debian(FALSE, wrong)), [""; 0]);

    run(&place, "db malware keygen ours");
    let made = place.run(
        "db malware published --from debian=deb --from alpine=apk --files --sign ours --out p.bundle --epoch 1".split(' '),
    );
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(made.err.contains("broken.deb: "), "{}", made.err);
    assert!(
        run(&place, "db malware import p.bundle --key ours.pub")
            .contains("published of 2 packages")
    );
    assert!(run(&place, "db malware status").contains("only the rules that are built in"));

    assert_eq!(told("a", &plain), [""; 0]);
    assert_eq!(told("b", &debian(FALSE, right)), ["altered-package-file"]);
    let forged = found(&place, "c", &debian(FALSE, wrong));
    assert_eq!(
        forged,
        [("forged-package-manifest".to_owned(), serde_json::json!({"forged": "tool"}))]
    );
    assert_eq!(told("d", &alpine(0x11)), [""; 0]);
    assert_eq!(told("e", &alpine(0x33)), ["forged-package-manifest"]);
    // What another distribution publishes under the same names is no business of this one.
    let mut other = debian(FALSE, wrong);
    other[0] = file("etc/os-release", "ID=ubuntu\n");
    assert_eq!(told("f", &other), [""; 0]);
}

#[test]
fn rules_and_what_is_published_are_two_bundles() {
    let place = Place::new();
    place.write("deb/tool.deb", deb());
    place.write("in/packages/bad/list", "pkg:npm/left 1.0 steals tokens\n");
    run(&place, "db malware keygen ours");
    run(&place, "db malware published --from debian=deb --sign ours --out 1.bundle --epoch 1");
    run(&place, "db malware published --from debian=deb --sign ours --out 2.bundle --epoch 2");
    run(&place, "db malware build --from in --sign ours --out r.bundle --epoch 9");
    for name in ["r", "1", "2"] {
        run(&place, &format!("db malware import {name}.bundle --key ours.pub"));
    }
    let status =
        || -> Value { serde_json::from_str(&run(&place, "db malware status -f json")).unwrap() };
    let it = status();
    assert_eq!((&it["bundle"]["epoch"], &it["bundle"]["bad_packages"]), (&9.into(), &1.into()));
    assert_eq!(
        (&it["packages"]["epoch"], &it["packages_kept"]),
        (&2.into(), &serde_json::json!([2, 1]))
    );
    assert!(run(&place, "db malware rollback --packages").contains("epoch 1 is in use again"));
    assert_eq!(
        (&status()["bundle"]["epoch"], &status()["packages"]["epoch"]),
        (&9.into(), &1.into())
    );
    let ran = place.run("db malware published --from deb --sign ours --out x".split(' '));
    assert!(ran.code != 0 && ran.err.contains("ID=DIR"), "{}", ran.err);
}

/// A database of RPM with one package, which has one file with this digest; signed by `signer` as if it had `signed`.
fn rpm(signer: &Signer, signed: &str, digest: &str) -> Vec<Entry> {
    let header = |digest: &str| {
        let digests = format!("{digest}\0");
        rpm::region(&[
            (1000, rpm::STRING, 1, b"tool\0"),
            (1001, rpm::STRING, 1, b"1\0"),
            (1002, rpm::STRING, 1, b"1\0"),
            (1116, rpm::INT32, 1, &[0; 4]),
            (1117, rpm::STRINGS, 1, b"tool\0"),
            (1118, rpm::STRINGS, 1, b"/usr/bin/\0"),
            (1035, rpm::STRINGS, 1, digests.as_bytes()),
        ])
    };
    let signature = signer.sign(0, &rpm::signed(&header(signed)));
    let count = u32::try_from(signature.len()).unwrap();
    let header = rpm::with(&header(digest), &[(268, rpm::BINARY, count, &signature)]);
    vec![
        file("etc/os-release", "ID=fedora\nVERSION_ID=40\n"),
        file("usr/lib/sysimage/rpm/Packages.db", rpm::ndb(&[header])),
        program("usr/bin/tool", FALSE),
    ]
}

#[test]
fn packages_that_are_signed_are_believed_and_forged_ones_are_found() {
    let place = Place::new();
    place.write("osv/one.json", crate::db::osv("DEBIAN-CVE-2099-0001", "openssl", "9:1"));
    run(&place, "db import osv --without debian-changelogs");
    let (ours, other) = (Signer::new(1), Signer::new(2));
    place.write("ours.gpg", ours.public());
    let [right, wrong] = SUMS;
    let check = |name: &str, files: &[Entry], with: &[&str], rules: &[&str], counts: Value| {
        let at = place.layout(name, &image("linux/amd64", &[tar(files)]));
        let report = place.report(&[&[at.as_str()], with].concat());
        let all = report["malicious"].as_array().unwrap();
        let told: Vec<_> =
            all.iter().map(|it| it["evidence"][0]["rule"].as_str().unwrap()).collect();
        assert_eq!((told.as_slice(), &report["signatures"]), (rules, &counts), "{name}");
    };
    let counts = |verified: u8, forged: u8, unknown: u8| serde_json::json!({"verified": verified, "forged": forged, "unknown": unknown, "unsigned": 0});
    let forged = rpm(&ours, right, wrong);
    let (with, without) = (&["--keys", "ours.gpg"][..], &[][..]);
    check("a", &forged, without, &[], Value::Null);
    check("b", &forged, with, &["forged-package-manifest"], counts(0, 1, 0));
    check("c", &rpm(&ours, wrong, wrong), with, &[], counts(1, 0, 0));
    check("d", &rpm(&ours, right, right), with, &["altered-package-file"], counts(1, 0, 0));
    check("e", &rpm(&other, right, wrong), with, &[], counts(0, 0, 1));
    // The same by a bundle.
    place.write("in/keys/ours.gpg", ours.public());
    run(&place, "db malware keygen site");
    run(&place, "db malware build --from in --sign site --out keys.bundle --epoch 1");
    let told = run(&place, "db malware import keys.bundle --key site.pub");
    assert!(told.contains("1 keys of those who sign packages"), "{told}");
    check("b", &forged, without, &["forged-package-manifest"], counts(0, 1, 0));
    let ran = place.run(["scan", "--keys", "in/keys", "x"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    place.write("no.asc", "hello");
    let ran = place.run(["scan", "--keys", "no.asc", "x"]);
    assert!(ran.err.contains("no.asc: there is no public key of OpenPGP in it"), "{}", ran.err);
}
