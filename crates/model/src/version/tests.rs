//! Orders, case by case, and what must hold for any version at all.
use super::Scheme;
use proptest::prelude::*;
use std::cmp::Ordering;

/// Versions from the oldest, one `<` or `=` between two; each pair in it must hold both ways.
fn check(scheme: Scheme, chain: &str) {
    let words: Vec<&str> = chain.split_whitespace().collect();
    let versions: Vec<&str> = words.iter().step_by(2).copied().collect();
    let signs: Vec<&str> = words.iter().skip(1).step_by(2).copied().collect();
    for (from, a) in versions.iter().enumerate() {
        for (to, b) in versions.iter().enumerate().skip(from) {
            let differ = signs[from..to].contains(&"<");
            let wanted = if differ { Ordering::Less } else { Ordering::Equal };
            assert_eq!(scheme.compare(a, b), Some(wanted), "{scheme:?}: {a} and {b}");
            assert_eq!(scheme.compare(b, a), Some(wanted.reverse()), "{scheme:?}: {b} and {a}");
        }
    }
}

/// What each scheme is about, as a sentence and a chain.
#[rustfmt::skip]
const CHAINS: &[(Scheme, &str, &str)] = &[
    (Scheme::Alpm, "letters at the end are older", "1.0a < 1.0b < 1.0beta < 1.0pre < 1.0rc < 1.0 < 1.0.a < 1.0.1"),
    (Scheme::Alpm, "an epoch comes first", "9-1 < 1:1-1 < 1:1-2 < 2:0-1"),
    (Scheme::Alpm, "a release counts only where both have one", "1.0 = 1.0-3"),
    (Scheme::Apk, "suffixes come before or after", "1_alpha < 1_alpha1 < 1_beta < 1_pre < 1_rc < 1 < 1_cvs < 1_svn < 1_git < 1_hg < 1_p < 1a < 1.0"),
    (Scheme::Apk, "the release of the package comes last", "1.2 < 1.2-r0 < 1.2-r2 < 1.2-r10 < 1.2a-r0 < 1.2.1-r0"),
    (Scheme::Apk, "a leading zero makes a fraction", "1.001 < 1.01 < 1.010 < 1.1 < 1.9 < 1.10"),
    (Scheme::Apk, "a suffix may follow a suffix", "2.5_beta_rc3 < 2.5_beta < 2.5"),
    (Scheme::Apk, "numbers after a letter count", "4.2p1-r1 < 4.2p1-r3 < 4.2p2-r0"),
    (Scheme::Apk, "commits are told apart", "1.3~ab12-r4 < 1.3~cd34-r0 < 1.3~cd34-r1"),
    (Scheme::Bitnami, "a revision is newer", "1.2.2 < 1.2.3 = 1.2.3+x < 1.2.3-1 = 1.2.3-r1 < 1.2.3-2 < 1.2.3-10 < 1.2.3.1 < 1.2.4"),
    (Scheme::Composer, "words by what they begin with", "1.0-dev < 1.0-alpha < 1.0-beta2 = 1.0-b2 < 1.0RC1 = 1.0-rc1 < v1.0 < 1.0.1 < 1.0pl1 = 1.0-p1"),
    (Scheme::Composer, "a branch is before any number", "dev-main < 0.1"),
    (Scheme::Cran, "dots and hyphens are one", "1.0-1 = 1.0.1 < 1.0-1.0 < 1.0-2 < 1.0-10"),
    (Scheme::Dpkg, "a tilde is before the end", "1.0~~ < 1.0~~a < 1.0~ < 1.0 = 1.0-0 < 1.0-1 < 1.0a < 1.0+ < 1.0.1"),
    (Scheme::Dpkg, "an epoch comes first", "0:9 = 9 < 1:1 < 2:0"),
    (Scheme::Dpkg, "the revision is after the last hyphen", "1.0-1-1 < 1.0-1-2 < 1.0-2-1"),
    (Scheme::Gem, "words make a prerelease", "1.a < 1.0.a1 = 1.0.a.1 < 1.b1 < 1.b.2 < 1 = 1.0 = 1.0.0 < 1.0.1"),
    (Scheme::Gem, "a hyphen reads as pre", "1.0-1 = 1.0.pre.1 < 1.0"),
    (Scheme::Generic, "letters are newer, words for what comes before are older", "1.1.1-alpha < 1.1.1-beta2 < 1.1.1-rc1 < v1.1.1 = 1.1.1.0 < 1.1.1a < 1.1.1w < 1.1.1.1 < 1.1.10"),
    (Scheme::Go, "pseudo-versions are prereleases", "v0.0.0-20190101000000-abcdefabcdef < v0.0.0-20200101000000-000000000000 < v0.0.0 < v1.0.0 = v1.0.0+incompatible"),
    (Scheme::Go, "the toolchain's way of writing reads the same", "go1.20 = 1.20.0 < 1.21.0-rc.2 = go1.21rc2 < go1.21rc10 < go1.21.0 = 1.21.0 < go1.21.3-vendor < go1.22"),
    (Scheme::Hackage, "the longer list is newer", "1.2 < 1.2.0 < 1.2.0.0 < 1.2.1 < 1.10"),
    (Scheme::Maven, "qualifiers have their order", "1-alpha-1 = 1a1 < 1-beta < 1-milestone = 1-milestone < 1-rc = 1-cr < 1-SNAPSHOT < 1 = 1.0 = 1-ga = 1.Final < 1-sp < 1-abc < 1-xyz < 1-1 < 1.1"),
    (Scheme::Maven, "hyphens weigh less than dots", "3.7.RC4 < 3.7-RC2 < 3.7 < 3.7-1 < 3.8"),
    (Scheme::Maven, "zeros say nothing at the end of a list", "0 = 0.0.0-0.0.0 < 1.0.0-1 = 1-1"),
    (Scheme::Nuget, "four parts and any case", "1.0.0-alpha < 1.0.0-BETA = 1.0.0-beta < 1.0.0-beta2 < 1.0 = 1.0.0.0 = 1.0.00+x < 1.0.0.1 < 1.0.1"),
    (Scheme::Pep440, "every kind of release", "1.dev0 < 1.0a1.dev1 < 1.0a1 < 1.0.a2 < 1.0b1 = 1.0-BETA.1 < 1.0c1 = 1.0rc1 = 1.0pre1 < 1.0 = v1 < 1.0+abc < 1.0+5 < 1.0+5.a < 1.0.post0.dev1 < 1.0.post1 = 1.0-1 = 1.0-r1 < 1.1 < 1!0"),
    (Scheme::Pep440, "older versions than the rule are before all", "0.9-apple < 0.9-pear < 1.0-final.x < 0.0.dev0"),
    (Scheme::Pub, "build metadata counts", "1.2.3-a < 1.2.3-a+b < 1.2.3 < 1.2.3+2 < 1.2.3+10 < 1.2.3+a < 1.2.3+a.1 < v1.2.4"),
    (Scheme::Rpm, "a tilde is before the end and a caret after it", "1.0~~ < 1.0~rc1 < 1.0~rc2 < 1.0 < 1.0^ < 1.0^git1 < 1.0a < 1.0.1 < 1.0.10"),
    (Scheme::Rpm, "separators only separate", "1_0 = 1.0 = 1..0+ < 1.0-1 < 1.0-1.el9 < 1.0-1.1"),
    (Scheme::Rpm, "an epoch is digits only", "a:1 < 0:1 = 1 < 1:0"),
    (Scheme::Semver, "precedence of the specification", "1.0.0-alpha < 1.0.0-alpha.1 < 1.0.0-alpha.beta < 1.0.0-beta < 1.0.0-beta.2 < 1.0.0-beta.11 < 1.0.0-rc.1 < 1.0.0 = v1.0.0 = =1.0.0+build = 1 < 1.0.0.1 < 1.0.1"),
    (Scheme::Semver, "numbers have no largest", "18446744073709551615.0.0 < 18446744073709551616.0.0 < 99999999999999999999999.0.0"),
];

#[test]
fn versions_have_the_order_of_their_ecosystem() {
    for (scheme, sentence, chain) in CHAINS {
        println!("{scheme:?}: {sentence}");
        check(*scheme, chain);
    }
}

#[test]
fn every_scheme_has_a_chain() {
    for (name, scheme) in Scheme::ALL {
        assert!(CHAINS.iter().any(|it| it.0 == *scheme), "{name}");
    }
}

#[test]
fn what_does_not_parse_has_no_order() {
    let strange = [
        (Scheme::Apk, "latest"),
        (Scheme::Bitnami, "latest"),
        (Scheme::Composer, "latest"),
        (Scheme::Cran, "1.a"),
        (Scheme::Dpkg, "a:1"),
        (Scheme::Gem, "1..2"),
        (Scheme::Generic, "latest"),
        (Scheme::Go, "devel +abcdef"),
        (Scheme::Hackage, "1.0-tag"),
        (Scheme::Nuget, "*"),
        (Scheme::Pub, "any"),
        (Scheme::Semver, "latest"),
        (Scheme::Semver, "1.2.x"),
    ];
    for (scheme, version) in strange {
        assert!(!scheme.parses(version), "{scheme:?}: {version}");
        assert_eq!(scheme.compare(version, "1"), None, "{scheme:?}: {version}");
    }
    for (name, scheme) in Scheme::ALL {
        assert!(!scheme.parses(""), "{name}");
        assert!(scheme.parses("1.2.3"), "{name}");
    }
}

#[test]
fn composer_normalizes_as_it_loads() {
    let cases = [
        ("v4.4", "4.4.0.0"),
        ("1.0.0+build", "1.0.0.0"),
        ("2.0b1", "2.0.0.0-beta1"),
        ("1.0.0-rc.1-dev", "1.0.0.0-RC1-dev"),
        ("1.2.3_p5", "1.2.3.0-patch5"),
        ("1.0.0-stable", "1.0.0.0"),
        ("20100102-203040-p1", "20100102.203040-patch1"),
        ("2010-01-02", "2010.01.02"),
        ("2.1.x-dev", "2.1.9999999.9999999-dev"),
        ("1.0@beta", "1.0.0.0"),
        ("dev-main as 1.0", "dev-main"),
        ("master", "dev-master"),
        ("4.3-2", "4.3-2"),
    ];
    for (written, normal) in cases {
        assert_eq!(Scheme::Composer.normalize(written), normal, "{written}");
    }
    assert_eq!(Scheme::Gem.normalize("v4.4"), "v4.4");
    assert_eq!(Scheme::Composer.compare("dev-main", "dev-other"), None, "branches");
}

#[test]
fn a_very_long_version_takes_no_more_than_its_length() {
    for unit in
        ["1", "0", "1.", "0.", "1-", "-", "a", "a1", "~", "1~a", "_p1", "1.x-", "\u{e9}", "#"]
    {
        let mut long = format!("1.{}", unit.repeat((1 << 17) / unit.len()));
        let first = long.clone();
        long.push('1');
        for (_, scheme) in Scheme::ALL {
            let _ = scheme.compare(&first, &long);
            let _ = scheme.compare(&scheme.normalize(&long), "1");
        }
    }
}

/// What versions are made of, tidy and not.
fn untidy() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[0-9]{1,3}",
        "[a-zA-Z]{1,2}",
        "[-._+~^:!#]",
        prop::sample::select(vec![
            "0", "00", "v", "rc", "RC", "alpha", "beta", "dev", "post", "pre", "final", "ga", "sp",
            "SNAPSHOT", "_p", "-r", "1:", "dev-", "go", "\u{e9}", " ",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|it| it.concat())
}

/// Versions among which the tool itself keeps an order; elsewhere some run in circles: Maven has
/// `1-alpha < 1 < 1.sp < 1-alpha`, and pacman `1-1 = 1 = 1-2`.
fn tidy(scheme: Scheme) -> BoxedStrategy<String> {
    let pattern = match scheme {
        Scheme::Alpm => "[0-2]{1,2}(\\.[0-2]{1,2}){0,2}(a|rc|beta)?-[12]",
        Scheme::Composer => "[0-2](\\.[0-2]){0,2}(-(alpha|beta|RC|p|dev)[0-2])?",
        Scheme::Dpkg => "([01]:)?[0-2]([.~+a][0-2]?){0,3}(-[0-2])?",
        Scheme::Maven => "[0-2](\\.[0-2]){0,2}(-(alpha|RC|sp|x|ga|SNAPSHOT)(-?[0-2])?)?",
        Scheme::Rpm => "([01]:)?[0-2]([.~^a][0-2]?){0,3}(-[0-2])?",
        Scheme::Apk => "[0-2](\\.[0-2]{1,2}){0,2}[ab]?(_(alpha|rc|p)[0-2]?){0,2}(-r[0-2])?",
        Scheme::Pep440 => {
            "([01]!)?[0-2](\\.[0-2]){0,2}((a|b|rc)[0-2])?(\\.post[0-2])?(\\.dev[0-2])?"
        }
        Scheme::Cran | Scheme::Hackage => "[0-2]{1,2}(\\.[0-2]{1,2}){0,3}",
        Scheme::Gem => "[0-2](\\.[0-2]){0,2}(\\.(a|b|rc)[0-2]?){0,2}",
        _ => "v?[0-2]\\.[0-2](\\.[0-2])?(-(a|b|1|2|rc|r1)(\\.[a0-2])?)?(\\+[a0-2])?",
    };
    pattern.prop_map(|it| it).boxed()
}

proptest! {
    #[test]
    fn an_order_reads_the_same_from_both_sides(a in untidy(), b in untidy()) {
        for (name, scheme) in Scheme::ALL {
            let there = scheme.compare(&a, &b);
            let back = scheme.compare(&b, &a).map(Ordering::reverse);
            prop_assert_eq!(there, back, "{}: {:?} and {:?}", name, a, b);
        }
    }

    #[test]
    fn a_version_is_equal_to_itself(a in untidy()) {
        for (name, scheme) in Scheme::ALL {
            let order = scheme.compare(&a, &a);
            prop_assert!(matches!(order, None | Some(Ordering::Equal)), "{}: {:?}", name, a);
        }
    }

    #[test]
    fn any_text_is_survived(a in any::<String>(), b in any::<Vec<u8>>()) {
        let b = String::from_utf8_lossy(&b);
        for (_, scheme) in Scheme::ALL {
            let _ = scheme.compare(&a, &b);
            let _ = scheme.compare(&scheme.normalize(&a), &scheme.normalize(&b));
        }
    }

    #[test]
    fn an_order_has_no_circles(seeds in Scheme::ALL.iter().map(|it| {
        prop::collection::vec(tidy(it.1), 3)
    }).collect::<Vec<_>>()) {
        for ((name, scheme), three) in Scheme::ALL.iter().zip(seeds) {
            let mut sorted = three.clone();
            sorted.sort_by(|a, b| scheme.compare(a, b).unwrap());
            let [a, b, c] = &sorted[..] else { unreachable!() };
            let (ab, bc) = (scheme.compare(a, b).unwrap(), scheme.compare(b, c).unwrap());
            prop_assert!(ab.is_le() && bc.is_le(), "{}: {:?}", name, sorted);
            prop_assert_eq!(scheme.compare(a, c), Some(ab.then(bc)), "{}: {:?}", name, sorted);
        }
    }
}
