//! Package URLs as purl-spec's rules have them, and components there and back.
use super::*;
use crate::{Component, Ecosystem, SourcePackage};
use proptest::prelude::*;

#[test]
fn package_urls_are_written_in_one_way() {
    let check = |text: &str, expected: &str| {
        let got = Purl::parse(text).map(|it| it.to_string());
        assert_eq!(got.as_deref(), Ok(expected), "{text}");
        assert_eq!(Purl::parse(expected).map(|it| it.to_string()), got, "{expected}");
    };
    check("pkg:cargo/serde@1.0.0", "pkg:cargo/serde@1.0.0");
    // Scheme and type.
    check("PKG:NPM/left-pad@1.3.0", "pkg:npm/left-pad@1.3.0");
    check("pkg://gem/rails@7", "pkg:gem/rails@7");
    check("pkg:///gem//rails@7", "pkg:gem/rails@7");
    // Scopes, encoded or not, with and without a version.
    check("pkg:npm/%40scope/name@1.0", "pkg:npm/%40scope/name@1.0");
    check("pkg:npm/@scope/name@1.0", "pkg:npm/%40scope/name@1.0");
    check("pkg:npm/@scope/name", "pkg:npm/%40scope/name");
    // Case matters to some.
    check("pkg:pypi/Some_Thing@1", "pkg:pypi/some-thing@1");
    check("pkg:maven/Org.X/Thing@1", "pkg:maven/Org.X/Thing@1");
    check("pkg:composer/Me/Thing@1", "pkg:composer/me/thing@1");
    check("pkg:golang/github.com/BurntSushi/toml@v1", "pkg:golang/github.com/BurntSushi/toml@v1");
    check("pkg:rpm/Fedora/ModemManager@1", "pkg:rpm/fedora/ModemManager@1");
    // Qualifiers: sorted, without empty ones.
    check("pkg:rpm/f/c@1?Distro=f-2&ARCH=i386&x=", "pkg:rpm/f/c@1?arch=i386&distro=f-2");
    check(
        "pkg:deb/d/c?vcs_url=git+https://a.b/c%20d",
        "pkg:deb/d/c?vcs_url=git%2Bhttps:%2F%2Fa.b%2Fc%20d",
    );
    // Subpaths.
    check("pkg:golang/g.org/x@v1#/api/./../b%20c/", "pkg:golang/g.org/x@v1#api/b%20c");
    // What has to be encoded, and what not.
    check("pkg:generic/100%25/a%2Bb@1%2b2%7E3", "pkg:generic/100%25/a%2Bb@1%2B2~3");
    check("pkg:docker/x@sha256:00?a=b:c", "pkg:docker/x@sha256:00?a=b:c");
    check("pkg:docker/x@sha256%3A00", "pkg:docker/x@sha256:00");
    check("pkg:deb/debian/x@1:2.3-4", "pkg:deb/debian/x@1:2.3-4");
    check("pkg:generic/h%C3%BC@1", "pkg:generic/h%C3%BC@1");
    check("pkg:nuget/X@", "pkg:nuget/X");
}

#[test]
fn what_is_no_package_url() {
    let check = |text: &str| assert!(Purl::parse(text).is_err(), "{text}");
    check("");
    check("cargo/serde@1");
    check("http:cargo/serde@1");
    check("pkg:serde");
    check("pkg:cargo/");
    check("pkg:cargo/@1.0");
    check("pkg:ca&rgo/serde");
    check("pkg:1cargo/serde");
    check("pkg:cargo/serde%");
    check("pkg:cargo/serde%2");
    check("pkg:cargo/serde%+1");
    check("pkg:cargo/serde%zz");
    check("pkg:cargo/%ff");
    check("pkg:npm/x@1?in production=true");
    check("pkg:npm/x@1?in%20production=true");
    check("pkg:npm/x@1?a");
    check("pkg:npm/x@1?a=1&A=2");
}

#[test]
fn components_are_read_from_package_urls() {
    let check = |text: &str, expected: &str| {
        let purl = Purl::parse(text).unwrap();
        let shown = purl.component().map_or("-".to_owned(), |it| {
            let source =
                it.source.map_or(String::new(), |it| format!(" < {} {}", it.name, it.version));
            let arch = it.arch.map_or(String::new(), |it| format!(" [{it}]"));
            format!("{:?} {} {}{arch}{source}", it.ecosystem, it.name, it.version)
        });
        assert_eq!(shown, expected, "{text}");
    };
    check("pkg:maven/org.a/b@1", "Maven org.a:b 1");
    check("pkg:npm/%40a/b@1", "Npm @a/b 1");
    check("pkg:golang/a.b/c/d@v1.2.3", "Golang a.b/c/d 1.2.3");
    check("pkg:golang/stdlib@1.22.0", "Golang stdlib 1.22.0");
    check("pkg:golang/a/b@vendor", "Golang a/b vendor");
    check("pkg:deb/debian/a@1:2?arch=arm64&upstream=b", "Deb a 1:2 [arm64] < b 1:2");
    check("pkg:deb/debian/a@2?epoch=1&upstream=b%401:3", "Deb a 1:2 < b 1:3");
    check(
        "pkg:rpm/redhat/a@2-3?epoch=1&upstream=a-b-2-3.el9.src.rpm",
        "Rpm a 1:2-3 < a-b 1:2-3.el9",
    );
    check("pkg:rpm/redhat/a@2-3?epoch=0", "Rpm a 2-3");
    check("pkg:swift/github.com/a/b@1", "Swift github.com/a/b 1");
    check("pkg:npm/a", "-");
    check("pkg:docker/a@1", "-");
}

#[test]
fn distributions_are_read_from_qualifiers() {
    let check = |text: &str, expected: Option<(&str, &str)>| {
        let purl = Purl::parse(&format!("pkg:rpm/vendor/x@1?distro={text}")).unwrap();
        let got = purl.distro();
        assert_eq!(got.as_ref().map(|it| (it.0.as_str(), it.1.as_str())), expected, "{text}");
    };
    check("debian-12.5", Some(("debian", "12.5")));
    check("opensuse-leap-15.5", Some(("opensuse-leap", "15.5")));
    check("openEuler-22.03-LTS-SP4", Some(("openEuler", "22.03-LTS-SP4")));
    check("3.18.4", Some(("vendor", "3.18.4")));
    check("arch", Some(("arch", "")));
    check("debian-sid", Some(("debian-sid", "")));
    check("", None);
}

#[test]
fn components_are_written_as_package_urls() {
    let check = |component: Component, distro: Option<(&str, &str)>, expected: &str| {
        assert_eq!(component.purl(distro), expected);
    };
    let new = Component::new;
    check(new(Ecosystem::Maven, "org.a:b", "1"), None, "pkg:maven/org.a/b@1");
    check(new(Ecosystem::Npm, "@a/b", "1"), None, "pkg:npm/%40a/b@1");
    check(new(Ecosystem::Golang, "a.b/c", "1.2"), None, "pkg:golang/a.b/c@v1.2");
    check(new(Ecosystem::Golang, "stdlib", "1.2"), None, "pkg:golang/stdlib@1.2");
    check(new(Ecosystem::Golang, "a.b/c", "(devel)"), None, "pkg:golang/a.b/c@%28devel%29");
    check(new(Ecosystem::Pypi, "A_b", "1"), None, "pkg:pypi/a-b@1");
    check(new(Ecosystem::Generic, "a/b", "1+2"), None, "pkg:generic/a/b@1%2B2");
    check(new(Ecosystem::Github, "a/b", "1"), None, "pkg:github/a/b@1");
    let mut deb = new(Ecosystem::Deb, "libc6", "1:2+b");
    deb.arch = Some("amd64".to_owned());
    deb.source = Some(SourcePackage { name: "glibc".to_owned(), version: "1:2".to_owned() });
    check(
        deb,
        Some(("debian", "12")),
        "pkg:deb/debian/libc6@1:2%2Bb?arch=amd64&distro=debian-12&upstream=glibc%401:2",
    );
    let mut rpm = new(Ecosystem::Rpm, "bash", "1:2-3");
    rpm.module = Some("m:1".to_owned());
    let expected = "pkg:rpm/redhat/bash@2-3?distro=rhel-9.2&epoch=1&rpmmod=m:1";
    check(rpm, Some(("rhel", "9.2")), expected);
    check(new(Ecosystem::Alpm, "a", "1"), Some(("arch", "")), "pkg:alpm/arch/a@1?distro=arch");
}

fn component() -> impl Strategy<Value = Component> {
    let ecosystems: Vec<_> = Ecosystem::all().collect();
    let part = "[a-z0-9][a-z0-9.+@%&#?é -]{0,8}";
    let source = proptest::option::of((part, part));
    let names = (part, part, "[0-9][a-z0-9.+~%-]{0,8}");
    (proptest::sample::select(ecosystems), names, proptest::option::of(part), source).prop_map(
        |(ecosystem, (group, name, version), arch, source)| {
            let name = match ecosystem {
                Ecosystem::Maven => format!("{group}:{name}"),
                Ecosystem::Golang
                | Ecosystem::Composer
                | Ecosystem::Npm
                | Ecosystem::Generic
                | Ecosystem::Github => {
                    format!("{group}/{name}")
                }
                _ => name,
            };
            let mut component = Component::new(ecosystem, &name, &version);
            component.arch = arch;
            component.source = source.map(|(name, version)| SourcePackage {
                name: name.replace('@', ""),
                version: version.replace('@', ""),
            });
            component
        },
    )
}

proptest! {
    #[test]
    fn a_component_survives_its_package_url(component in component()) {
        let text = component.purl(Some(("debian", "12")));
        let purl = Purl::parse(&text).unwrap();
        prop_assert_eq!(purl.to_string(), text);
        prop_assert_eq!(purl.component(), Some(component));
    }

    #[test]
    fn nothing_panics(text in "(pkg:[a-z]{1,3}/)?[a-z%@/?&=#:0-9é.]{0,30}") {
        if let Ok(purl) = Purl::parse(&text) {
            let canonical = purl.to_string();
            prop_assert_eq!(Purl::parse(&canonical), Ok(purl), "{}", canonical);
        }
    }
}
