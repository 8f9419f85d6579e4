//! Bills of materials, as different tools write them.
use super::*;
use proptest::prelude::*;

fn show(inventory: &Inventory) -> Vec<String> {
    let mut lines = Vec::new();
    for it in &inventory.systems {
        let release = it.release.as_ref().map(|it| format!("{} {}", it.id, it.version_id));
        lines.push(format!("system {}", release.as_deref().unwrap_or("-")));
    }
    for it in &inventory.components {
        let component = &it.what;
        let source = component.source.as_ref();
        let source = source.map_or(String::new(), |it| format!(" < {} {}", it.name, it.version));
        let path = it.path.as_ref().map_or(String::new(), |it| format!(" in {it}"));
        let (kind, name, version) =
            (component.ecosystem.purl(), &component.name, &component.version);
        lines.push(format!("{kind} {name} {version}{source}{path}"));
    }
    lines.extend(inventory.gaps.iter().map(|it| it.what.to_string()));
    lines
}

fn check(bom: &str, expected: &[&str]) {
    let got = parse(bom.as_bytes()).map(|it| show(&it));
    assert_eq!(got.unwrap(), expected, "{bom}");
}

fn cyclonedx(rest: &str) -> String {
    format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.5",{rest}}}"#)
}

fn spdx(rest: &str) -> String {
    format!(r#"{{"spdxVersion":"SPDX-2.3",{rest}}}"#)
}

#[test]
fn cyclonedx_as_syft_writes_it() {
    let bom = cyclonedx(
        r#""metadata":{"component":{"type":"container","name":"debian:12"}},
        "components":[
          {"type":"library","name":"libc6","version":"2.36-9",
           "purl":"pkg:deb/debian/libc6@2.36-9?arch=amd64&upstream=glibc&distro=debian-12",
           "properties":[{"name":"syft:location:0:path","value":"/var/lib/dpkg/status"}]},
          {"type":"library","name":"bash","version":"5.2-2+b1",
           "purl":"pkg:deb/debian/bash@5.2-2%2Bb1?upstream=bash%405.2-2&distro=debian-12"},
          {"type":"operating-system","name":"debian","version":"12"},
          {"type":"file","name":"/etc/x"}]"#,
    );
    let expected = [
        "system debian 12",
        "deb bash 5.2-2+b1 < bash 5.2-2",
        "deb libc6 2.36-9 < glibc 2.36-9 in var/lib/dpkg/status",
    ];
    check(&bom, &expected);
}

#[test]
fn cyclonedx_as_trivy_writes_it() {
    let bom = cyclonedx(
        r#""metadata":{"component":{"type":"container","name":"x",
            "purl":"pkg:oci/x@sha256:00","properties":null}},
        "components":[
          {"type":"operating-system","name":"redhat","version":"9.2","components":[
            {"type":"library","name":"bash","version":"5.1.8-6.el9",
             "purl":"pkg:rpm/redhat/bash@5.1.8-6.el9?arch=x86_64&distro=redhat-9.2&epoch=1",
             "properties":[{"name":"aquasecurity:trivy:SrcName","value":"bash"},
               {"name":"aquasecurity:trivy:SrcVersion","value":"5.1.8"},
               {"name":"aquasecurity:trivy:SrcEpoch","value":"1"},
               {"name":"aquasecurity:trivy:SrcRelease","value":"6.el9"}]}]},
          {"type":"library","name":"a","purl":"pkg:maven/org.x/a@1.0",
           "properties":[{"name":"aquasecurity:trivy:FilePath","value":"app/a.jar"}]}]"#,
    );
    let expected = [
        "system rhel 9.2",
        "rpm bash 1:5.1.8-6.el9 < bash 1:5.1.8-6.el9",
        "maven org.x:a 1.0 in app/a.jar",
    ];
    check(&bom, &expected);
}

#[test]
fn the_distribution_is_found_in_package_urls() {
    let purls = |purls: &[&str]| {
        let entry = |it: &&str| format!(r#"{{"type":"library","name":"x","purl":"{it}"}}"#);
        let entries: Vec<_> = purls.iter().map(entry).collect();
        cyclonedx(&format!(r#""components":[{}]"#, entries.join(",")))
    };
    let check = |list: &[&str], expected: &str| {
        let lines = show(&parse(purls(list).as_bytes()).unwrap());
        let lines: Vec<_> =
            lines.iter().filter(|it| it.contains(' ')).map(String::as_str).collect();
        let kept = lines.into_iter().filter(|it| !it.starts_with("apk") && !it.starts_with("npm"));
        assert_eq!(kept.collect::<Vec<_>>().join("; "), expected, "{list:?}");
    };
    check(&["pkg:apk/alpine/a@1?distro=3.18.4"], "system alpine 3.18.4");
    check(&["pkg:apk/alpine/a@1?distro=alpine-3.18.4"], "system alpine 3.18.4");
    check(&["pkg:apk/alpine/a@1"], "system alpine ");
    check(&["pkg:apk/alpine/a@1", "pkg:apk/alpine/b@1?distro=alpine-3.2"], "system alpine 3.2");
    check(&["pkg:apk/a@1"], "system -");
    check(&["pkg:npm/a@1"], "");
    check(
        &[
            "pkg:apk/alpine/a@1?distro=alpine-3.1",
            "pkg:apk/alpine/b@1?distro=alpine-3.2",
            "pkg:apk/alpine/c@1?distro=alpine-3.2",
        ],
        "system alpine 3.2; cyclonedx: ambiguous: packages of alpine 3.1, alpine 3.2",
    );
}

#[test]
fn what_cannot_be_matched_is_counted() {
    let bom = cyclonedx(
        r#""metadata":{"component":{"type":"application","name":"me","version":"1",
            "purl":"pkg:npm/me@1"}},
        "components":[
          {"type":"library","name":"a"},{"name":"b","version":1,"purl":null},
          {"type":"library","name":"c","purl":"pkg:npm/c"},
          {"type":"library","name":"d","version":"4","purl":"pkg:npm/d"},
          {"type":"library","name":"e","purl":"pkg:docker/e@1"},
          {"type":"library","name":"f","purl":"npm/f@1"}]"#,
    );
    let expected = [
        "npm d 4",
        "npm me 1",
        "cyclonedx: unknown: 2 without a package URL: `a`, `b`",
        "cyclonedx: unknown: 1 without a version: `c`",
        "cyclonedx: not supported: 1 of a kind of package that is not known: `docker`",
        "cyclonedx: malformed: 1 whose package URL is none: `npm/f@1`",
    ];
    check(&bom, &expected);
}

#[test]
fn spdx_documents() {
    let bom = spdx(
        r#""documentDescribes":["SPDXRef-Root"],"packages":[
          {"SPDXID":"SPDXRef-Root","name":"root"},
          {"SPDXID":"a","name":"img","primaryPackagePurpose":"CONTAINER","externalRefs":[
            {"referenceType":"purl","referenceLocator":"pkg:oci/img@1"}]},
          {"SPDXID":"b","name":"debian","versionInfo":"12.5",
           "primaryPackagePurpose":"OPERATING-SYSTEM"},
          {"SPDXID":"c","name":"libc6","versionInfo":"2.36-9",
           "sourceInfo":"built package from: glibc 2.36-9","externalRefs":[
            {"referenceCategory":"SECURITY","referenceType":"cpe23Type","referenceLocator":"x"},
            {"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl",
             "referenceLocator":"pkg:deb/debian/libc6?distro=debian-12.5"}]},
          {"SPDXID":"d","name":"two","externalRefs":[
            {"referenceType":"purl","referenceLocator":"pkg:pypi/Two@2"},
            {"referenceType":"purl","referenceLocator":"pkg:npm/two@2"}]},
          {"SPDXID":"e","name":"lost","versionInfo":"NOASSERTION"}]"#,
    );
    let expected = [
        "system debian 12.5",
        "deb libc6 2.36-9 < glibc 2.36-9",
        "npm two 2",
        "pypi two 2",
        "spdx: unknown: 1 without a package URL: `lost`",
    ];
    check(&bom, &expected);
    check(&spdx(r#""packages":null"#), &[]);
}

#[test]
fn other_documents_are_refused() {
    let check = |bom: &str, expected: &str| {
        let got = parse(bom.as_bytes()).unwrap_err().to_string();
        assert!(got.starts_with(expected), "{bom}: {got}");
    };
    check("", "not supported");
    check("<bom/>", "not supported");
    check("SPDXVersion: SPDX-2.3", "not supported");
    check("{", "malformed");
    check("{}", "malformed");
    check(r#"{"@context":"https://spdx.org/rdf/3.0.1"}"#, "not supported: SPDX 3");
    check(r#"{"bomFormat":"CycloneDX","specVersion":"9"}"#, "not supported: CycloneDX `9`");
    check(r#"{"spdxVersion":"SPDX-1.0"}"#, "not supported");
    // Whole, so that only its depth can be held against it.
    let deep = r#"{"components":["#.repeat(5000) + &"]}".repeat(5000);
    let outcome = parse(cyclonedx(&format!(r#""components":[{deep}]"#)).as_bytes());
    assert!(outcome.is_err_and(|it| it.to_string().contains("recursion limit")));
    assert!(parse(format!("\u{feff}{}", cyclonedx(r#""components":[]"#)).as_bytes()).is_ok());
}

proptest! {
    #[test]
    fn damage_never_panics(at in 0_usize..300, with: u8, len in 0_usize..300) {
        let purl = "pkg:rpm/redhat/a@1?arch=x&distro=redhat-9.2&epoch=1&upstream=a-b-1-2.src.rpm";
        let entry = format!(r#"{{"type":"library","name":"x","purl":"{purl}"}}"#);
        let mut bom = cyclonedx(&format!(r#""components":[{entry}]"#)).into_bytes();
        if let Some(byte) = bom.get_mut(at) {
            *byte ^= with;
        }
        drop(parse(&bom));
        bom.truncate(len);
        drop(parse(&bom));
    }
}
