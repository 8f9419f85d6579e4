//! `why` and `why-not`: every verdict can be asked for its reasons.
use crate::{
    bench::{Bench, texts},
    images::{FIXED_BEFORE, KNOWN, OLD, debian, of},
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

#[test]
fn what_was_known_on_a_day_can_be_asked() {
    let bench = Bench::new();
    let image = bench.layout(&of(&[debian(OLD)]));
    let ids = |day: &str| {
        let report = bench.run(&["scan", "--format", "json", "--as-of", day, &image]).report();
        assert_eq!(report["as_of"]["moment"], format!("{day}T23:59:59.999999999Z"));
        assert!(report["as_of"]["limits"].to_string().contains("withdrawn"));
        let ids = texts(&report["images"][0], "findings", "id");
        (ids.contains(&KNOWN[0].0.to_owned()), ids.contains(&KNOWN[2].0.to_owned()), ids.len())
    };
    let (early, late) = (ids("2023-12-31"), ids("2024-12-31"));
    assert_eq!((early.0, early.1), (true, false));
    assert!(late.0 && late.1 && late.2 > early.2, "{early:?} {late:?}");
    assert_eq!(ids("2023-01-31").2, 0);
    let asked = |verb: &str, day: &str, code: i32, words: &str| {
        let run = bench.run(&[verb, KNOWN[2].0, &image, "--as-of", day]);
        assert_eq!(run.code, code, "{run:?}");
        assert!(run.stdout.contains(words), "{}", run.stdout);
    };
    asked("why", "2024-12-31", 0, "fixed in");
    asked("why", "2024-01-31", 1, "--as-of 2024-01-31T23:59:59");
    asked("why-not", "2024-01-31T12:00:00Z", 0, "not published before 2024-");
    let table = bench.run(&["scan", "--as-of", "2024-01-31", &image]);
    assert!(table.stdout.contains("As of 2024-01-31T23:59:59"), "{}", table.stdout);
    for (day, words) in [("2999-01-01", "yet to come"), ("soon", "a time is written")] {
        let run = bench.run(&["scan", "--as-of", day, &image]);
        assert!(run.code == 2 && run.stderr.contains(words), "{run:?}");
    }
}
