//! Matching, from the records of feeds to findings and answers.
use crate::{
    Builder, Database, Scope, When, assess, assess_in, database::Meta, feeds::feed, starter,
    why_not_in,
};
use jiff::civil::date;
use model::{
    Assessment, Component, Ecosystem, Finding, Grade, Inventory, Located, Namespace, Release,
    SourcePackage, System, Uncovered,
};
use proptest::prelude::*;
use serde_json::{Value, json};

mod products;

/// A database of what feeds say: a feed's name and a document each.
fn database(documents: &[(&str, Value)]) -> Database {
    let mut builder = Builder::new(Meta::default());
    add(&mut builder, documents);
    let mut bytes = Vec::new();
    builder.finish(&mut bytes).unwrap();
    Database::from_bytes(bytes).unwrap()
}

fn add(builder: &mut Builder, documents: &[(&str, Value)]) {
    for (name, document) in documents {
        let text = document.to_string();
        let mut add = |it| builder.add(&it).unwrap();
        (feed(name).unwrap().parse)(text.as_bytes(), "document", &mut add).unwrap();
    }
}

/// An OSV record with one affected package.
fn record(id: &str, ecosystem: &str, package: &str, events: Value) -> Value {
    json!({"id": id, "affected": [{"package": {"ecosystem": ecosystem, "name": package},
           "ranges": [{"type": "ECOSYSTEM", "events": events}]}]})
}

fn fixed(version: &str) -> Value {
    json!([{"introduced": "0"}, {"fixed": version}])
}

fn with(mut record: Value, field: &str, value: Value) -> Value {
    record[field] = value;
    record
}

fn component(ecosystem: Ecosystem, name: &str, version: &str) -> Component {
    Component::new(ecosystem, name, version)
}

fn built_from(mut it: Component, name: &str, version: &str) -> Component {
    it.source = Some(SourcePackage { name: name.to_owned(), version: version.to_owned() });
    it
}

fn inventory(components: Vec<Component>) -> Inventory {
    let located = |what: Component| Located {
        system: what.ecosystem.is_system().then_some(0),
        what,
        path: None,
        layer: 0,
        by: "test".to_owned(),
    };
    Inventory {
        systems: vec![System::default()],
        components: components.into_iter().map(located).collect(),
        ..Inventory::default()
    }
}

fn scope(namespace: &str) -> Vec<Scope> {
    vec![Scope { namespaces: vec![Namespace::new(namespace)], ..Scope::default() }]
}

fn assessed(database: &Database, namespace: &str, components: Vec<Component>) -> Assessment {
    let today = date(2026, 1, 1);
    assess_in(&inventory(components), database, today, &scope(namespace)).unwrap()
}

fn show(it: &Finding) -> String {
    let doubt = if it.certain { "" } else { " uncertain" };
    let fixed = it.fixed.as_deref().unwrap_or("-");
    format!("{} {:?} {fixed} {}{doubt}", it.id, it.status, it.severity.level)
}

/// Whether a component has these findings by these documents.
fn check(documents: &[(&str, Value)], namespace: &str, of: Component, expected: &[&str]) {
    let assessment = assessed(&database(documents), namespace, vec![of.clone()]);
    let shown: Vec<String> = assessment.findings.iter().map(show).collect();
    assert_eq!(shown, expected, "{of:?}\n{documents:#?}");
}

/// What is answered when asked about CVE-2024-0001.
fn check_answer(documents: &[(&str, Value)], namespace: &str, of: Component, expected: &[&str]) {
    let inventory = inventory(vec![of]);
    let today = date(2026, 1, 1);
    let database = database(documents);
    let answers =
        why_not_in(&inventory, &database, "cve-2024-0001", today, &scope(namespace)).unwrap();
    let shown: Vec<String> = answers.iter().map(|it| it.verdict.to_string()).collect();
    assert_eq!(shown, expected, "{documents:#?}");
}

fn debian(id: &str, package: &str, version: &str) -> Value {
    let cve = &id[id.find("CVE").unwrap_or(0)..];
    with(record(id, "Debian:12", package, fixed(version)), "upstream", json!([cve]))
}

fn tracker(state: Value) -> Value {
    json!({"widget": {"CVE-2024-0001": {"description": "Bad.", "releases": {"bookworm": state}}}})
}

#[test]
fn debian_compares_the_source_version() {
    let record = debian("DEBIAN-CVE-2024-0001", "widget", "1.5-1");
    let libwidget = |source: &str| {
        built_from(component(Ecosystem::Deb, "libwidget1", "9.0-1"), "widget", source)
    };
    let of = |source| libwidget(source);
    let hit = ["CVE-2024-0001 Fixed 1.5-1 unknown"];
    check(&[("osv", record.clone())], "Debian:12", of("1.4-1"), &hit);
    check(&[("osv", record.clone())], "Debian:12", of("1.5-1"), &[]);
    check(&[("osv", record.clone())], "Debian:11", of("1.4-1"), &[]);
    let plain = component(Ecosystem::Deb, "widget", "1.4-1");
    check(&[("osv", record.clone())], "Debian:12", plain, &hit);
    let assessment = assessed(&database(&[("osv", record)]), "Debian:12", vec![of("1.4-1")]);
    let why = &assessment.findings[0].why;
    assert_eq!(why.comparison, "1.4-1 < 1.5-1 (dpkg)");
    assert_eq!((why.package.as_str(), why.by_source), ("widget", true));
    assert_eq!((why.advisory.as_str(), why.range.as_str()), ("DEBIAN-CVE-2024-0001", "< 1.5-1"));
}

#[test]
fn states_of_the_tracker_are_kept() {
    let widget = || component(Ecosystem::Deb, "widget", "1.4-1");
    let of = |state: Value, expected: &[&str]| {
        check(&[("debian-tracker", tracker(state))], "Debian:12", widget(), expected);
    };
    of(json!({"status": "resolved", "fixed_version": "0"}), &[]);
    of(
        json!({"status": "resolved", "fixed_version": "1.5-1", "urgency": "low"}),
        &["CVE-2024-0001 Fixed 1.5-1 low"],
    );
    of(json!({"status": "open"}), &["CVE-2024-0001 Affected - unknown"]);
    of(json!({"status": "open", "nodsa": "minor"}), &["CVE-2024-0001 Deferred - unknown"]);
    of(
        json!({"status": "open", "nodsa": "minor", "nodsa_reason": "ignored"}),
        &["CVE-2024-0001 WillNotFix - unknown"],
    );
    of(
        json!({"status": "open", "urgency": "unimportant"}),
        &["CVE-2024-0001 Affected - negligible"],
    );
    of(
        json!({"status": "undetermined", "urgency": "not yet assigned"}),
        &["CVE-2024-0001 UnderInvestigation - unknown"],
    );
    of(json!({"status": "open", "urgency": "end-of-life"}), &["CVE-2024-0001 EndOfLife - unknown"]);
}

#[test]
fn the_distributions_own_word_wins_over_what_was_derived() {
    let widget = || component(Ecosystem::Deb, "widget", "1.4-1");
    let derived = || ("debian-changelogs", debian("XDEB-CVE-2024-0001", "widget", "1.6-1"));
    check(&[derived()], "Debian:12", widget(), &["CVE-2024-0001 Fixed 1.6-1 unknown"]);
    let not = ("debian-tracker", tracker(json!({"status": "resolved", "fixed_version": "0"})));
    check(&[derived(), not.clone()], "Debian:12", widget(), &[]);
    check_answer(
        &[derived(), not],
        "Debian:12",
        widget(),
        &[
            "the vendor says that it is not affected",
            "a closer source decides: Debian security tracker: not affected",
        ],
    );
    // What is said of another release denies nothing.
    let trixie = record("DEBIAN-CVE-2024-0001", "Debian:13", "widget", fixed("1.3-1"));
    let trixie = ("osv", with(trixie, "upstream", json!(["CVE-2024-0001"])));
    let both = ["reported: 1.4-1 < 1.6-1 (dpkg)", "for another release than Debian:12"];
    check_answer(&[derived(), trixie], "Debian:12", widget(), &both);
    let earlier =
        ("debian-tracker", tracker(json!({"status": "resolved", "fixed_version": "1.3-1"})));
    check(&[derived(), earlier], "Debian:12", widget(), &[]);
    let open = ("debian-tracker", tracker(json!({"status": "open"})));
    let assessment = assessed(&database(&[derived(), open]), "Debian:12", vec![widget()]);
    let finding = &assessment.findings[0];
    assert_eq!(finding.why.feed, "debian-tracker");
    assert_eq!(show(finding), "CVE-2024-0001 Affected - unknown");
    let titles: Vec<&str> = finding.sources.iter().map(|it| it.title.as_str()).collect();
    assert_eq!(titles, ["Debian security tracker", "Debian changelogs (derived)"]);
    assert!(!format!("{finding:?}").contains("XDEB"));
}

#[test]
fn errata_are_named_and_each_cve_is_a_finding() {
    let erratum = with(
        record("ALSA-2024:1", "AlmaLinux:8", "curl", fixed("7.5-2.el8")),
        "related",
        json!(["CVE-2024-0001", "CVE-2024-0002"]),
    );
    let erratum = with(erratum, "summary", json!("Important: curl security update"));
    let curl = component(Ecosystem::Rpm, "curl", "7.5-1.el8");
    let assessment = assessed(&database(&[("osv", erratum)]), "AlmaLinux:8", vec![curl]);
    let shown: Vec<String> = assessment.findings.iter().map(show).collect();
    let expected = ["CVE-2024-0001 Fixed 7.5-2.el8 high", "CVE-2024-0002 Fixed 7.5-2.el8 high"];
    assert_eq!(shown, expected);
    assert_eq!(assessment.findings[0].errata, ["ALSA-2024:1"]);
    assert_eq!(assessment.findings[0].severity.by, "AlmaLinux");
}

#[test]
fn the_vendors_denial_is_heard_on_errata_too() {
    let dsa = with(
        record("DSA-1-1", "Debian:12", "widget", fixed("1.5-1")),
        "upstream",
        json!(["CVE-2024-0001", "CVE-2024-0002"]),
    );
    let not = ("debian-tracker", tracker(json!({"status": "resolved", "fixed_version": "0"})));
    let widget = component(Ecosystem::Deb, "widget", "1.4-1");
    let hit = ["CVE-2024-0002 Fixed 1.5-1 unknown"];
    check(&[("osv", dsa), not], "Debian:12", widget, &hit);
}

#[test]
fn modules_are_compared_within_their_stream() {
    let stream = |stream: &str, version: &str| {
        let fixed = fixed(&format!("{version}.module_el8.9.0+3+db8ec155"));
        let it = record(&format!("ALSA-{stream}"), "AlmaLinux:8", "nodejs", fixed);
        let it = with(it, "summary", json!(format!("Important: nodejs:{stream} security update")));
        ("osv", with(it, "related", json!(["CVE-2024-0001"])))
    };
    let both = [stream("18", "18.5-1"), stream("20", "20.5-1")];
    let nodejs = |version: &str, module: Option<&str>| {
        let mut it = component(Ecosystem::Rpm, "nodejs", version);
        it.module = module.map(str::to_owned);
        it
    };
    let in_18 = Some("nodejs:18:8090:db8ec155:x86_64");
    let hit = ["CVE-2024-0001 Fixed 18.5-1.module_el8.9.0+3+db8ec155 high"];
    check(&both, "AlmaLinux:8", nodejs("18.4-1.module_el8.7.0+1+a", in_18), &hit);
    check(&both, "AlmaLinux:8", nodejs("18.6-1.module_el8.7.0+1+a", in_18), &[]);
    check(&both, "AlmaLinux:8", nodejs("18.2-1.module_el8.7.0+1+a", None), &hit);
    check(&both, "AlmaLinux:8", nodejs("18.4-1.el8", None), &[]);
    // The same release in an older build of the module.
    check(&both, "AlmaLinux:8", nodejs("18.5-1.module_el8.7.0+1+a", in_18), &[]);
    let in_16 = nodejs("16.1-1.module_el8.7.0+1+a", Some("nodejs:16:1:a:x86_64"));
    check(&both, "AlmaLinux:8", in_16.clone(), &[]);
    let other = ["for another module stream: nodejs:18", "for another module stream: nodejs:20"];
    check_answer(&both, "AlmaLinux:8", in_16, &other);
    let plain = record("ALSA-1", "AlmaLinux:8", "nodejs", fixed("18.5-1.el8"));
    let plain = [("osv", with(plain, "related", json!(["CVE-2024-0001"])))];
    check(&plain, "AlmaLinux:8", nodejs("18.4-1.module_el8.7.0+1+a", in_18), &[]);
}

#[test]
fn alpine_compares_the_origin_and_knows_what_never_was() {
    let secdb = json!({"distroversion": "v3.20", "packages": [{"pkg": {"name": "openssl",
        "secfixes": {"3.3.1-r0": ["CVE-2024-0001 (+ regression fix)"], "0": ["CVE-2024-0002"]}}}]});
    let libcrypto =
        built_from(component(Ecosystem::Apk, "libcrypto3", "3.3.0-r0"), "openssl", "3.3.0-r0");
    let hit = ["CVE-2024-0001 Fixed 3.3.1-r0 unknown"];
    check(&[("alpine-secdb", secdb)], "Alpine:v3.20", libcrypto, &hit);
}

#[test]
fn aliases_are_merged_and_upstream_is_not() {
    let ghsa =
        with(record("GHSA-1", "npm", "x", fixed("1.5.0")), "aliases", json!(["CVE-2024-0001"]));
    let ghsa = with(ghsa, "upstream", json!(["CVE-2024-0009"]));
    let ghsa =
        with(ghsa, "database_specific", json!({"severity": "MODERATE", "cwe_ids": ["CWE-79"]}));
    let other =
        with(record("OTHER-1", "npm", "x", fixed("1.6.0")), "aliases", json!(["CVE-2024-0001"]));
    let far = record("GHSA-9", "npm", "x", fixed("1.7.0"));
    let x = component(Ecosystem::Npm, "x", "1.4.0");
    let all = [("osv", ghsa), ("osv", other), ("osv", far)];
    check(&all, "", x.clone(), &["CVE-2024-0001 Fixed 1.5.0 medium", "GHSA-9 Fixed 1.7.0 unknown"]);
    let assessment = assessed(&database(&all), "", vec![x]);
    let finding = &assessment.findings[0];
    assert_eq!(finding.aliases, ["GHSA-1", "OTHER-1"]);
    assert_eq!(finding.sources.len(), 2);
    assert_eq!(finding.cwes, ["CWE-79"]);
}

#[test]
fn aliases_of_aliases_are_one_vulnerability() {
    let of = |id: &str, aliases: Value| {
        ("osv", with(record(id, "Go", "example.com/x", fixed("1.5.0")), "aliases", aliases))
    };
    let all = [
        of("GO-1", json!(["GHSA-1"])),
        of("GHSA-1", json!(["CVE-2024-0001"])),
        of("PYSEC-1", json!(["CVE-2024-0001", "RUSTSEC-1"])),
        of("GO-2", json!(["CVE-2024-0002"])),
    ];
    let x = component(Ecosystem::Golang, "example.com/x", "v1.4.0");
    let both = ["CVE-2024-0001 Fixed 1.5.0 unknown", "CVE-2024-0002 Fixed 1.5.0 unknown"];
    check(&all, "", x.clone(), &both);
    let finding = &assessed(&database(&all), "", vec![x]).findings[0];
    assert_eq!(finding.aliases, ["GHSA-1", "GO-1", "PYSEC-1", "RUSTSEC-1"]);
}

#[test]
fn several_entries_for_one_package_are_a_union() {
    let entry = |from: &str, to: &str| {
        json!({"package": {"ecosystem": "npm", "name": "x"},
               "ranges": [{"type": "SEMVER", "events": [{"introduced": from}, {"fixed": to}]}]})
    };
    let record =
        json!({"id": "GHSA-1", "affected": [entry("0", "1.5.0"), entry("2.0.0", "2.5.0")]});
    let of = |version: &str, expected: &[&str]| {
        let x = component(Ecosystem::Npm, "x", version);
        check(&[("osv", record.clone())], "", x, expected);
    };
    of("1.4.0", &["GHSA-1 Fixed 1.5.0 unknown"]);
    of("1.6.0", &[]);
    of("2.4.0", &["GHSA-1 Fixed 2.5.0 unknown"]);
    of("2.6.0", &[]);
}

#[test]
fn the_list_decides_where_lists_are_complete() {
    let record = json!({"id": "PYSEC-1", "affected": [{
        "package": {"ecosystem": "PyPI", "name": "Some_Lib"}, "versions": ["1.1", "1.3", "1.5"],
        "ranges": [{"type": "GIT", "repo": "r", "events": [{"introduced": "0"}, {"fixed": "abc"}]},
                   {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.8"}]}]}]});
    let of = |version: &str, expected: &[&str]| {
        let it = component(Ecosystem::Pypi, "some.lib", version);
        check(&[("osv", record.clone())], "", it, expected);
    };
    of("1.3", &["PYSEC-1 Fixed 1.8 unknown"]);
    of("1.2", &[]);
    of("1.6", &["PYSEC-1 Fixed 1.8 unknown"]);
    of("1.9", &[]);
}

#[test]
fn last_affected_and_limits_end_a_range() {
    let of = |event: &str, version: &str, expected: &[&str]| {
        let events = json!([{"introduced": "1.2.0"}, {event: "1.5.0"}]);
        let x = component(Ecosystem::Npm, "x", version);
        check(&[("osv", record("GHSA-1", "npm", "x", events))], "", x, expected);
    };
    of("last_affected", "1.5.0", &["GHSA-1 Affected - unknown"]);
    of("last_affected", "1.6.0", &[]);
    of("limit", "1.4.0", &["GHSA-1 Affected - unknown"]);
    of("limit", "1.5.0", &[]);
    of("fixed", "1.1.0", &[]);
}

#[test]
fn malware_is_always_critical_and_never_fixed() {
    let fix = json!([{"introduced": "0"}, {"fixed": "2.0.0"}]);
    let mended = record("MAL-2024-1", "npm", "x", fix);
    let hit = ["MAL-2024-1 Affected - critical"];
    check(&[("osv", mended.clone())], "", component(Ecosystem::Npm, "x", "1.0.1"), &hit);
    let gone = with(mended, "withdrawn", json!("2024-05-01T00:00:00Z"));
    check(&[("osv", gone)], "", component(Ecosystem::Npm, "x", "1.0.1"), &[]);
    let of = |affected: Value, version: &str, expected: &[&str]| {
        let record = json!({"id": "MAL-2024-1", "affected": [affected]});
        check(&[("osv", record)], "", component(Ecosystem::Npm, "x", version), expected);
    };
    let package = json!({"ecosystem": "npm", "name": "x"});
    let whole = json!([{"type": "SEMVER", "events": [{"introduced": "0"}]}]);
    let hit = ["MAL-2024-1 Affected - critical"];
    of(json!({"package": package, "versions": ["1.0.1"]}), "1.0.1", &hit);
    of(json!({"package": package, "versions": ["1.0.1"]}), "1.0.2", &[]);
    let all = json!({"package": package, "versions": ["1.0.1"], "ranges": whole});
    of(all.clone(), "1.0.2", &hit);
    // What npm publishes in its place harms nobody.
    of(all, "0.0.1-security", &[]);
}

#[test]
fn go_versions_are_written_in_two_ways() {
    let record = record("GO-1", "Go", "stdlib", fixed("1.21.5"));
    for version in ["1.21.4", "go1.21.4", "v1.21.4"] {
        let stdlib = component(Ecosystem::Golang, "stdlib", version);
        check(&[("osv", record.clone())], "", stdlib, &["GO-1 Fixed 1.21.5 unknown"]);
    }
}

#[test]
fn versions_that_cannot_be_compared_are_uncertain_and_a_gap() {
    let database = database(&[("osv", record("GHSA-1", "npm", "x", fixed("1.5.0")))]);
    let strange = component(Ecosystem::Npm, "x", "not a version");
    let assessment = assessed(&database, "", vec![strange]);
    let shown: Vec<String> = assessment.findings.iter().map(show).collect();
    assert_eq!(shown, ["GHSA-1 Fixed 1.5.0 unknown uncertain"]);
    let gap = assessment.gaps[0].what.to_string();
    let expected =
        "match: unknown: x not a version can't be compared with < 1.5.0 (semver), for GHSA-1";
    assert_eq!(gap, expected);
}

#[test]
fn rpm_sources_are_compared_with_the_epoch_of_what_was_built() {
    let record = |fixed_in: &str| {
        let it = record("openSUSE-SU-1", "openSUSE:Leap 15.6", "curl", fixed(fixed_in));
        ("osv", with(it, "upstream", json!(["CVE-2024-0001"])))
    };
    let libcurl = || built_from(component(Ecosystem::Rpm, "libcurl4", "1:8.0-1"), "curl", "8.0-1");
    let of = |fixed_in: &str, expected: &[&str]| {
        check(&[record(fixed_in)], "openSUSE:Leap 15.6", libcurl(), expected);
    };
    of("1:8.1-1", &["CVE-2024-0001 Fixed 1:8.1-1 unknown"]);
    of("8.1-1", &[]);
}

#[test]
fn ubuntu_pro_is_a_namespace_beside() {
    let record = with(
        record("UBUNTU-CVE-2024-0001", "Ubuntu:Pro:16.04:LTS", "x", fixed("1.5+esm1")),
        "upstream",
        json!(["CVE-2024-0001"]),
    );
    let database = database(&[("osv", record)]);
    let names = ["Ubuntu:16.04:LTS", "Ubuntu:Pro:16.04:LTS"].map(Namespace::new);
    let scopes = vec![Scope { namespaces: names.to_vec(), ..Scope::default() }];
    let inventory = inventory(vec![component(Ecosystem::Deb, "x", "1.4")]);
    let found = assess_in(&inventory, &database, date(2026, 1, 1), &scopes).unwrap().findings;
    assert_eq!(found[0].why.namespace.as_str(), "Ubuntu:Pro:16.04:LTS");
    assert_eq!(found[0].subscription.as_deref(), Some("Ubuntu Pro"));
}

/// The release file leads to the namespaces; of a distribution that this one is a rebuild of, only
/// what is unfixed counts.
#[test]
fn the_release_leads_to_the_advisories() {
    let red_hat = |id: &str, events: Value| {
        let it = record(id, "Red Hat:enterprise_linux:9", "widget", events);
        ("osv", with(it, "upstream", json!([id])))
    };
    let database = database(&[
        red_hat("CVE-2024-0001", json!([{"introduced": "0"}])),
        red_hat("CVE-2024-0002", fixed("1.5-1.el9")),
    ]);
    let mut inventory = inventory(vec![component(Ecosystem::Rpm, "widget", "1.4-1.el9")]);
    let mut of = |id: &str, expected: &[&str]| {
        let release =
            Release { id: id.to_owned(), version_id: "9.4".to_owned(), ..Release::default() };
        inventory.systems[0].release = Some(release);
        let found = assess(&inventory, &database, date(2026, 1, 1)).unwrap().findings;
        assert_eq!(found.iter().map(show).collect::<Vec<_>>(), expected, "{id}");
    };
    let unfixed = "CVE-2024-0001 Affected - unknown";
    of("rhel", &[unfixed, "CVE-2024-0002 Fixed 1.5-1.el9 unknown"]);
    of("rocky", &[unfixed]);
    of("debian", &[]);
}

#[test]
fn exploited_and_scored_vulnerabilities_say_so() {
    let kev = json!({"vulnerabilities": [{"cveID": "CVE-2024-0001", "dateAdded": "2024-02-03",
                     "knownRansomwareCampaignUse": "Known"}]});
    let all = [("osv", debian("DEBIAN-CVE-2024-0001", "widget", "1.5-1")), ("kev", kev)];
    let widget = component(Ecosystem::Deb, "widget", "1.4-1");
    let finding = &assessed(&database(&all), "Debian:12", vec![widget]).findings[0];
    assert!(finding.exploited.as_ref().is_some_and(|it| it.ransomware));
    assert_eq!(finding.priority.value, 95, "{}", finding.priority.rule);
}

#[test]
fn marks_say_who_can_attack_with_what_and_what_a_fix_asks_for() {
    let vector = |it: &str| json!([{"type": "CVSS_V3", "score": it}]);
    let network = vector("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H");
    let local = vector("CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H");
    let known = |id: &str| debian(id, "widget", "1.5-1");
    let python = |urls: Value| {
        let it = record("PYSEC-1", "PyPI", "widget", fixed("1.5"));
        with(with(it, "aliases", json!(["CVE-2024-0001"])), "references", urls)
    };
    let evidence = || json!([{"type": "EVIDENCE", "url": "https://example.com/how"}]);
    let check = |documents: Vec<Value>, of: Component, remote: Option<bool>, shown: &[&str]| {
        let documents: Vec<(&str, Value)> = documents.into_iter().map(|it| ("osv", it)).collect();
        let found = assessed(&database(&documents), "Debian:12", vec![of]).findings.remove(0);
        let said = found.vector().map(|_| found.is_remote());
        assert_eq!(
            (said, &found.exploits[..]),
            (remote, &shown.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()[..]),
            "{documents:#?}"
        );
        assert_eq!(found.known().exploit_is_public(), !shown.is_empty());
    };
    let widget = || component(Ecosystem::Deb, "widget", "1.4-1");
    // Nobody gives a vector: that is not the same as local. What is closest to the package counts.
    let cve = || known("DEBIAN-CVE-2024-0001");
    check(vec![cve()], widget(), None, &[]);
    check(vec![with(cve(), "severity", network.clone())], widget(), Some(true), &[]);
    check(vec![with(cve(), "severity", local.clone())], widget(), Some(false), &[]);
    let erratum = with(known("DSA-1-1"), "upstream", json!(["CVE-2024-0001"]));
    let own = with(erratum, "severity", local);
    check(vec![with(cve(), "severity", network), own], widget(), Some(false), &[]);
    // An exploit is one wherever the vulnerability occurs, under each of its names.
    check(vec![cve(), python(evidence())], widget(), None, &["https://example.com/how"]);
    let other = || component(Ecosystem::Pypi, "widget", "1.4");
    check(vec![python(evidence())], other(), None, &["https://example.com/how"]);
    let nameless = with(python(evidence()), "aliases", json!([]));
    check(vec![nameless], other(), None, &["https://example.com/how"]);
    check(
        vec![python(json!([{"type": "WEB", "url": "https://example.com/how"}]))],
        other(),
        None,
        &[],
    );
    let collected = json!([{"type": "WEB", "url": "https://www.exploit-db.com/exploits/1"}]);
    check(
        vec![cve(), python(collected)],
        widget(),
        None,
        &["https://www.exploit-db.com/exploits/1"],
    );
    // Which one of several is shown, nobody can tell; what was withdrawn shows nothing.
    let two = with(known("DSA-2-1"), "upstream", json!(["CVE-2024-0001", "CVE-2024-0002"]));
    check(vec![with(two, "references", evidence())], widget(), None, &[]);
    let withdrawn = with(python(evidence()), "withdrawn", json!("2024-05-01T00:00:00Z"));
    check(vec![cve(), withdrawn], widget(), None, &[]);
    let of = |name: &str| {
        let database = database(&[("osv", debian("DEBIAN-CVE-2024-0001", name, "1.5-1"))]);
        let it = component(Ecosystem::Deb, name, "1.4-1");
        assessed(&database, "Debian:12", vec![it]).findings.remove(0)
    };
    assert_eq!(of("openssl").restart, Some(model::Restart::Containers));
    assert_eq!(of("widget").restart, None);
    // What was stored before there were marks can be read.
    let mut stored = serde_json::to_value(of("widget")).unwrap();
    for it in ["exploits", "restart"] {
        assert!(stored.as_object_mut().unwrap().remove(it).is_some());
    }
    assert_eq!(serde_json::from_value::<Finding>(stored).unwrap(), of("widget"));
}

/// What is reported on a widget 1.4-1 of Debian 12 that was known then, and how that is answered for.
fn check_then(documents: &[(&str, Value)], moment: &str, expected: &[&str], answer: &str) {
    let (database, scopes) = (database(documents), scope("Debian:12"));
    let inventory = inventory(vec![component(Ecosystem::Deb, "widget", "1.4-1")]);
    let when = When::AsOf(moment.parse().unwrap());
    let found = assess_in(&inventory, &database, when, &scopes).unwrap();
    let shown: Vec<String> = found.findings.iter().map(|it| it.id.clone()).collect();
    assert_eq!(shown, expected, "{moment} {documents:#?}");
    assert_eq!(found.gaps.len(), found.findings.iter().filter(|it| !it.certain).count());
    let answers = why_not_in(&inventory, &database, "cve-2024-0001", when, &scopes).unwrap();
    let answered = answers.iter().any(|it| it.verdict.to_string().starts_with(answer));
    assert!(answered, "{moment}: {answers:?}");
}

#[test]
fn what_had_not_been_published_was_not_known() {
    let known = || debian("DEBIAN-CVE-2024-0001", "widget", "1.5-1");
    let at = |it: &str| ("osv", with(known(), "published", json!(it)));
    let one = ["CVE-2024-0001"];
    let of_march = || at("2024-03-02T10:00:00Z");
    check_then(&[of_march()], "2024-03-02T10:00:00Z", &one, "reported");
    check_then(&[of_march()], "2024-03-02T09:59:59Z", &[], "not published before 2024-03-02");
    // Who gives no date need not have known it; but none is named for a year to come.
    check_then(&[("osv", known())], "2024-01-01T00:00:00Z", &one, "reported");
    check_then(&[("osv", known())], "2023-12-31T23:59:59Z", &[], "not published before 2024");
    // One date is enough, and the first counts.
    let tracker = || ("debian-tracker", tracker(json!({"status": "open"})));
    check_then(&[tracker(), of_march()], "2024-03-01T00:00:00Z", &[], "not published");
    let dsa = debian("DSA-1-1", "widget", "1.5-1");
    let dsa = with(
        with(dsa, "upstream", json!(["CVE-2024-0001"])),
        "published",
        json!("2024-05-01T00:00:00Z"),
    );
    check_then(&[("osv", dsa.clone()), of_march()], "2024-04-01T00:00:00Z", &one, "reported");
    check_then(&[("osv", dsa)], "2024-04-01T00:00:00Z", &[], "not published");
    // What was derived dates from the upload, whichever day of the week its changelog believes in.
    let mut derived = debian("XDEB-CVE-2024-0001", "widget", "1.5-1");
    derived["affected"][0]["database_specific"] =
        json!({"upload": "Mon, 03 Apr 2024 10:00:00 +0200"});
    let derived = || ("osv", derived.clone());
    check_then(&[derived()], "2024-04-03T08:00:00Z", &one, "reported");
    check_then(&[derived()], "2024-04-03T07:00:00Z", &[], "not published");
    // What can't be compared is a gap only when it was known.
    let odd = debian("DEBIAN-CVE-2024-0001", "widget", "no:version");
    let odd = || ("osv", with(odd.clone(), "published", json!("2024-03-02T00:00:00Z")));
    check_then(&[odd()], "2024-03-03T00:00:00Z", &one, "reported as uncertain");
    check_then(&[odd()], "2024-03-01T00:00:00Z", &[], "not published");
}

#[test]
fn exploitation_scores_and_ends_are_those_of_the_day() {
    let kev = json!({"vulnerabilities": [{"cveID": "CVE-2024-0001", "dateAdded": "2024-02-03"}]});
    let csv = "#model_version:v1,score_date:2024-06-01T00:00:00+0000\ncve,epss,percentile\n\
               CVE-2024-0001,0.9,0.99\n";
    let mut builder = Builder::new(Meta::default());
    for (name, text) in [
        ("osv", debian("DEBIAN-CVE-2024-0001", "widget", "1.5-1").to_string()),
        ("kev", kev.to_string()),
        ("epss", csv.to_owned()),
    ] {
        let parse = feed(name).unwrap().parse;
        parse(text.as_bytes(), name, &mut |it| builder.add(&it).unwrap()).unwrap();
    }
    let mut bytes = Vec::new();
    builder.finish(&mut bytes).unwrap();
    let database = Database::from_bytes(bytes).unwrap();
    let inventory = inventory(vec![component(Ecosystem::Deb, "widget", "1.4-1")]);
    let scopes = [Scope { end_of_life: Some(date(2024, 3, 1)), ..scope("Debian:12").remove(0) }];
    let check = |when: When, exploited: bool, scored: bool, ended: bool| {
        let it = assess_in(&inventory, &database, when, &scopes).unwrap();
        let finding = &it.findings[0];
        assert_eq!(
            (finding.exploited.is_some(), finding.epss.is_some()),
            (exploited, scored),
            "{when:?}"
        );
        assert_eq!(finding.priority.value >= 90, exploited, "{}", finding.priority.rule);
        assert_eq!(it.coverage.grade == Grade::Unknown, ended, "{when:?}");
    };
    let then = |day: &str| When::AsOf(format!("{day}T12:00:00Z").parse().unwrap());
    check(then("2024-02-02"), false, false, false);
    check(then("2024-02-03"), true, false, false);
    check(then("2024-03-02"), true, false, true);
    check(then("2024-06-01"), true, true, true);
    // Today is the day that it is, whatever a clock says that has just been switched on.
    check(When::Today(date(1970, 1, 1)), true, true, false);
}

#[test]
fn why_not_knows_every_reason() {
    let widget = |version: &str| component(Ecosystem::Deb, "widget", version);
    let known = || ("osv", debian("DEBIAN-CVE-2024-0001", "widget", "1.5-1"));
    check_answer(&[known()], "Debian:12", widget("1.4-1"), &["reported: 1.4-1 < 1.5-1 (dpkg)"]);
    check_answer(
        &[known()],
        "Debian:12",
        widget("1.6-1"),
        &["not among the affected versions: 1.6-1 >= 1.5-1 (dpkg)"],
    );
    check_answer(&[known()], "Debian:13", widget("1"), &["for another release than Debian:13"]);
    let gadget = component(Ecosystem::Deb, "gadget", "1");
    check_answer(&[known()], "Debian:12", gadget, &["the package is not in the image"]);
    check_answer(&[], "Debian:12", widget("1"), &["no advisory of the database names it"]);
    let withdrawn = with(
        debian("DEBIAN-CVE-2024-0001", "widget", "1.5-1"),
        "withdrawn",
        json!("2024-05-01T00:00:00Z"),
    );
    check_answer(
        &[("osv", withdrawn)],
        "Debian:12",
        widget("1.4-1"),
        &["the advisory was withdrawn (2024-05-01T00:00:00Z)"],
    );
    let ghsa =
        with(record("GHSA-1", "npm", "x", fixed("1.5.0")), "aliases", json!(["CVE-2024-0001"]));
    let x = component(Ecosystem::Npm, "x", "1.4.0");
    check_answer(&[("osv", ghsa)], "", x, &["reported: 1.4.0 < 1.5.0 (semver)"]);
}

#[test]
fn coverage_says_what_silence_means() {
    let full = database(&[("osv", debian("DEBIAN-CVE-2024-0001", "widget", "1.5-1"))]);
    let widget = || vec![component(Ecosystem::Deb, "widget", "1.6-1")];
    let of = |scope: Scope, components: Vec<Component>, grade: Grade, reasons: &[&str]| {
        let today = date(2026, 1, 1);
        let it = assess_in(&inventory(components), &full, today, &[scope]).unwrap().coverage;
        let shown: Vec<String> = it.reasons.iter().map(ToString::to_string).collect();
        assert_eq!(
            (it.grade, shown.iter().map(String::as_str).collect::<Vec<_>>()),
            (grade, reasons.to_vec())
        );
    };
    let named = |it: &str| Scope { namespaces: vec![Namespace::new(it)], ..Scope::default() };
    of(named("Debian:12"), widget(), Grade::Known, &[]);
    of(named("Debian:7"), widget(), Grade::Unknown, &["no feed in the database covers Debian:7"]);
    let ended = Scope { end_of_life: Some(date(2025, 12, 31)), ..named("Debian:12") };
    let past = ["Debian:12 is past its end of life (2025-12-31)"];
    of(ended, widget(), Grade::Unknown, &past);
    let unknown = Scope { release: "Strange OS 1".to_owned(), ..Scope::default() };
    of(unknown, widget(), Grade::Unknown, &["unknown distribution Strange OS 1"]);
    of(named("Debian:12"), vec![], Grade::Unknown, &["no package database found"]);
    let mut mixed = widget();
    mixed.push(component(Ecosystem::Maven, "a:b", "1"));
    of(named("Debian:12"), mixed, Grade::Partial, &["no feed in the database covers Maven"]);
}

/// The starter set, and what feeds say besides.
fn starter_with(documents: &[(&str, Value)]) -> Database {
    let mut builder = Builder::new(Meta::default());
    add(&mut builder, documents);
    let feeds = starter::states();
    starter::items(&feeds, &mut |it| builder.add(&it).unwrap()).unwrap();
    builder.describe(Meta { built: None, feeds });
    let mut bytes = Vec::new();
    assert!(builder.finish(&mut bytes).unwrap().skipped.is_empty());
    Database::from_bytes(bytes).unwrap()
}

#[test]
fn the_starter_set_finds_real_things() {
    let database = starter_with(&[]);
    let records = |name: &str| {
        let state = database.meta().feeds.iter().find(|it| it.name == name).unwrap();
        assert!(state.starter && !state.licence.is_empty(), "{name}");
        state.records
    };
    assert_eq!(records("debian-changelogs"), 18459);
    assert!(records("notorious") >= 300 && records("kev") >= 150);
    let perl = component(Ecosystem::Deb, "libxml-parser-perl", "2.46-4");
    let assessment = assessed(&database, "Debian:12", vec![perl]);
    assert_eq!(assessment.findings[0].id, "CVE-2006-10002");
    assert_eq!(assessment.coverage.grade, Grade::Partial);
    assert_eq!(
        assessment.coverage.reasons[0].to_string(),
        "only the starter set of advisories is there"
    );
    let log4j = |version| {
        let log4j = component(Ecosystem::Maven, "org.apache.logging.log4j:log4j-core", version);
        assessed(&database, "Debian:12", vec![log4j])
    };
    let found = log4j("2.14.1");
    let log4shell = found.findings.iter().find(|it| it.id == "CVE-2021-44228").unwrap();
    assert_eq!(log4shell.fixed.as_deref(), Some("2.15.0"));
    assert!(log4shell.exploited.is_some() && log4shell.priority.value >= 95);
    assert_eq!(log4j("2.17.1").findings, []);
    // A few vulnerabilities are not what is known of Java.
    let gap = Uncovered::NoFeed(Namespace::new("Maven"));
    assert!(found.coverage.reasons.contains(&gap), "{:?}", found.coverage.reasons);
}

#[test]
fn the_table_of_notorious_vulnerabilities_gives_way_to_a_whole_feed() {
    let record = |package: &str, fixed: &str| {
        json!({"id": "GHSA-aaaa-bbbb-cccc", "aliases": ["CVE-2021-44228"], "affected": [{
            "package": {"ecosystem": "Maven", "name": package},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]})
    };
    let core = "org.apache.logging.log4j:log4j-core";
    let check = |record: Value, version: &str, expected: Option<&str>| {
        let database = starter_with(&[("osv", record)]);
        let log4j = component(Ecosystem::Maven, core, version);
        let findings = assessed(&database, "Debian:12", vec![log4j]).findings;
        let found = findings.into_iter().find(|it| it.id == "CVE-2021-44228");
        let said =
            |it: model::Finding| it.sources.into_iter().map(|it| it.feed).collect::<Vec<_>>();
        assert_eq!(found.map(said).map(|it| it.join(" ")).as_deref(), expected, "{version}");
    };
    check(record(core, "2.15.0"), "2.14.1", Some("osv"));
    check(record(core, "2.14.0"), "2.14.1", None);
    check(record("a:b", "2.14.0"), "2.14.1", None);
    let mut withdrawn = record(core, "2.15.0");
    withdrawn["withdrawn"] = json!("2024-01-01T00:00:00Z");
    check(withdrawn, "2.14.1", Some("notorious"));
    let mut other = record(core, "2.15.0");
    other["aliases"] = json!(["CVE-2099-0001"]);
    check(other, "2.14.1", Some("notorious"));
}

proptest! {
    /// A fix is always newer than what is installed, and what has it is no longer found.
    #[test]
    fn a_fix_is_newer_and_helps(installed in "[0-9]\\.[0-9]-[0-9](~[a-c]|\\+deb12u[0-9])?",
                                fixes in proptest::collection::vec("[0-9]\\.[0-9]-[0-9]", 1..4)) {
        let records: Vec<(&str, Value)> = fixes
            .iter()
            .enumerate()
            .map(|(i, it)| ("osv", debian(&format!("DEBIAN-CVE-2024-{i}"), "widget", it)))
            .collect();
        let database = database(&records);
        let widget = |version: &str| vec![component(Ecosystem::Deb, "widget", version)];
        for it in assessed(&database, "Debian:12", widget(&installed)).findings {
            let fixed = it.fixed.unwrap();
            let order = Ecosystem::Deb.scheme().compare(&installed, &fixed);
            prop_assert_eq!(order, Some(std::cmp::Ordering::Less));
            let after = assessed(&database, "Debian:12", widget(&fixed)).findings;
            prop_assert!(after.iter().all(|other| other.id != it.id));
        }
    }

    /// Bytes that nobody wrote are refused, and never panic.
    #[test]
    fn foreign_bytes_are_refused(bytes: Vec<u8>, schema in 0_u8..5) {
        let mut head = b"PLIMSOLL".to_vec();
        head.extend([schema, 0, 0, 0]);
        head.extend(&bytes);
        head.extend(b"PLIMSOLL");
        prop_assert!(Database::from_bytes(head).is_err());
        prop_assert!(Database::from_bytes(bytes).is_err());
    }
}
