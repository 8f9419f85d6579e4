//! Products: whom they are looked up by, whose rules compare their versions, and who has the last word.
use super::*;

/// A record of Bitnami's on Tomcat, by its number in 2024.
fn bitnami(number: &str, version: &str) -> Value {
    let it = record(&format!("BIT-tomcat-2024-{number}"), "Bitnami", "tomcat", fixed(version));
    with(it, "aliases", json!([format!("CVE-2024-{number}")]))
}

/// A page of the NVD's, on one vulnerability.
fn nvd(id: &str, product: &str, before: &str) -> Value {
    let criteria = format!("cpe:2.3:a:{product}:*:*:*:*:*:*:*:*");
    json!({"vulnerabilities": [{"cve": {"id": id, "configurations": [{"nodes": [{"cpeMatch": [
        {"vulnerable": true, "criteria": criteria, "versionEndExcluding": before}]}]}]}}]})
}

fn tomcat(version: &str) -> Component {
    component(Ecosystem::Generic, "tomcat", version)
}

#[test]
fn a_product_is_looked_up_by_all_its_names_and_found_once() {
    let ghsa = with(
        record("GHSA-1", "Maven", "org.apache.tomcat:tomcat", fixed("9.0.45")),
        "aliases",
        json!(["CVE-2024-0001"]),
    );
    let all = [
        ("osv", bitnami("0001", "9.0.44")),
        ("nvd", nvd("CVE-2024-0001", "apache:tomcat", "9.0.44")),
        ("osv", ghsa),
        ("nvd", nvd("CVE-2024-0002", "apache:tomcat", "9.0.50")),
    ];
    let database = database(&all);
    let findings = assessed(&database, "", vec![tomcat("9.0.43")]).findings;
    let shown: Vec<String> = findings.iter().map(show).collect();
    let both = ["CVE-2024-0001 Fixed 9.0.44 unknown", "CVE-2024-0002 Fixed 9.0.50 unknown"];
    assert_eq!(shown, both);
    assert_eq!(findings[0].aliases, ["BIT-tomcat-2024-0001", "GHSA-1"]);
    let titles: Vec<&str> = findings[0].sources.iter().map(|it| it.title.as_str()).collect();
    assert_eq!(titles, ["OSV", "OSV", "NVD (by CPE, less sure)"]);
    assert_eq!(findings[0].why.comparison, "9.0.43 < 9.0.44 (bitnami)");
    assert_eq!(findings[1].why.comparison, "9.0.43 < 9.0.50 (generic)");
}

#[test]
fn versions_are_compared_by_the_rules_of_who_speaks() {
    let of = |document: (&str, Value), component: Component, expected: &[&str]| {
        check(&[document], "", component, expected);
    };
    // Maven has letters before a release, where semantic versions have none, and Bitnami revisions after it.
    let maven = || ("osv", record("GHSA-1", "Maven", "org.apache.tomcat:tomcat", fixed("9.0.1")));
    of(maven(), tomcat("9.0.1.M1"), &["GHSA-1 Fixed 9.0.1 unknown"]);
    of(maven(), tomcat("9.0.1"), &[]);
    of(("osv", bitnami("0001", "9.0.1")), tomcat("9.0.1-3"), &[]);
    let four = ["CVE-2024-0001 Fixed 9.0.1.10 unknown"];
    of(("osv", bitnami("0001", "9.0.1.10")), tomcat("9.0.1.9"), &four);
    of(("osv", bitnami("0001", "9.0.1.10")), tomcat("9.0.1.10"), &[]);
    let cpe = || ("nvd", nvd("CVE-2024-0001", "apache:http_server", "2.4.10"));
    let httpd = |version: &str| component(Ecosystem::Generic, "httpd", version);
    of(cpe(), httpd("2.4.9"), &["CVE-2024-0001 Fixed 2.4.10 unknown"]);
    of(cpe(), httpd("2.4.10"), &[]);
    of(cpe(), httpd("2.4.10-dev"), &["CVE-2024-0001 Fixed 2.4.10 unknown"]);
}

#[test]
fn who_names_packages_overrules_who_names_products() {
    let unsure = || ("nvd", nvd("CVE-2024-0001", "apache:tomcat", "9.0.50"));
    let closer = || ("osv", bitnami("0001", "9.0.44"));
    check(&[unsure()], "", tomcat("9.0.45"), &["CVE-2024-0001 Fixed 9.0.50 unknown"]);
    check(&[unsure(), closer()], "", tomcat("9.0.45"), &[]);
    check(&[unsure(), closer()], "", tomcat("9.0.43"), &["CVE-2024-0001 Fixed 9.0.44 unknown"]);
    let denied = "not among the affected versions: 9.0.45 >= 9.0.44 (bitnami)";
    check_answer(&[unsure()], "", tomcat("9.0.45"), &["reported: 9.0.45 < 9.0.50 (generic)"]);
    let overruled = format!("a closer source decides: OSV: {denied}");
    check_answer(&[unsure(), closer()], "", tomcat("9.0.45"), &[denied, overruled.as_str()]);
    let both = ["reported: 9.0.43 < 9.0.44 (bitnami)", "reported: 9.0.43 < 9.0.50 (generic)"];
    check_answer(&[unsure(), closer()], "", tomcat("9.0.43"), &both);
    let gone = with(bitnami("0001", "9.0.44"), "withdrawn", json!("2024-05-01T00:00:00Z"));
    let hit = ["CVE-2024-0001 Fixed 9.0.50 unknown"];
    check(&[unsure(), ("osv", gone)], "", tomcat("9.0.45"), &hit);
}

#[test]
fn the_nvd_never_speaks_of_packages() {
    let cpe = || ("nvd", nvd("CVE-2024-0001", "apache:tomcat", "9.0.50"));
    check(&[cpe()], "Debian:12", component(Ecosystem::Deb, "tomcat", "9.0.43-1"), &[]);
    check(&[cpe()], "", component(Ecosystem::Maven, "org.apache.tomcat:tomcat", "9.0.43"), &[]);
    check(&[cpe()], "", component(Ecosystem::Bitnami, "tomcat", "9.0.43"), &[]);
    let hit = ["CVE-2024-0001 Fixed 9.0.44 unknown"];
    let stack = component(Ecosystem::Bitnami, "tomcat", "9.0.43-1");
    check(&[("osv", bitnami("0001", "9.0.44"))], "", stack, &hit);
    let mut owned = tomcat("9.0.43");
    owned.presence = model::Presence::Packaged("tomcat9".to_owned());
    check(&[cpe()], "", owned.clone(), &[]);
    check_answer(&[cpe()], "", owned, &["a closer source decides: owned by tomcat9"]);
}

#[test]
fn a_product_is_covered_by_whoever_speaks_of_it() {
    let of = |feed: &str, document: Value, expected: &[&str]| {
        let system = ("osv", debian("DEBIAN-CVE-2024-0001", "widget", "1.5-1"));
        let components = vec![component(Ecosystem::Deb, "widget", "2-1"), tomcat("9.0.60")];
        let it = assessed(&database(&[system, (feed, document)]), "Debian:12", components);
        let reasons = it.coverage.reasons.iter().map(ToString::to_string);
        assert_eq!(reasons.collect::<Vec<_>>(), expected);
    };
    of("osv", bitnami("0001", "9.0.44"), &[]);
    of("nvd", nvd("CVE-2024-0001", "apache:tomcat", "9.0.50"), &[]);
    let other = nvd("CVE-2024-0001", "example:widget", "9.0.50");
    of("nvd", other, &["no feed in the database covers Bitnami"]);
}
