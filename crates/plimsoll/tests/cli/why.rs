//! `why` and `why-not`: every verdict can be asked for its reasons.
use crate::{
    bench::Bench,
    images::{FIXED_BEFORE, OLD, debian, of},
};

#[test]
fn each_verdict_has_its_reasons() {
    let bench = Bench::new();
    let image = bench.layout(&of(&[vec![], debian(OLD)]));
    let check = |verb: &str, id: &str, code: i32, words: &[&str]| {
        let run = bench.run(&[verb, id, &image]);
        assert_eq!(run.code, code, "{verb} {id}: {run:?}");
        for it in words {
            assert!(run.stdout.contains(it), "{verb} {id}: no `{it}` in {}", run.stdout);
        }
    };
    let reported = [
        "CVE-2023-5363",
        "libssl3 3.0.11-1~deb12u1",
        "var/lib/dpkg/status, by dpkg-status",
        "1 layer 1",
        "openssl 3.0.11-1~deb12u1 (source package) in Debian:12",
        "< 3.0.11-1~deb12u2",
        "3.0.11-1~deb12u1 < 3.0.11-1~deb12u2 (dpkg)",
        "debian-changelogs",
    ];
    check("why", "CVE-2023-5363", 0, &reported);
    check("why", "cve-2023-5363", 0, &["CVE-2023-5363"]);
    // Two packages of one source share their reasons.
    let run = bench.run(&["why", "CVE-2023-5363", &image]);
    assert_eq!(run.stdout.matches("  component ").count(), 2, "{run:?}");
    assert_eq!(run.stdout.matches("  so ").count(), 1, "{run:?}");
    check("why", FIXED_BEFORE, 1, &["is not reported", "why-not"]);
    check("why-not", FIXED_BEFORE, 0, &["libssl3", "Debian:12", "3.0.10-1~deb12u1"]);
    check("why-not", "CVE-2023-5363", 0, &["libssl3", "reported"]);
    check("why-not", "CVE-1999-0001", 0, &["CVE-1999-0001: no advisory"]);
    bench.run(&["why", "CVE-2023-5363", "./nowhere.tar"]).fails("no such file");
    bench.run(&["why-not", "CVE-2023-5363", "./nowhere.tar"]).fails("no such file");
}
