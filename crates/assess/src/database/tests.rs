//! Building, opening, looking up, damage and differences.
use super::*;
use crate::Item;
use model::{End, Names, Range, Status};
use proptest::prelude::*;

fn advisory(id: &str, packages: &[(&str, &str, &str)]) -> Advisory {
    let affected = packages.iter().map(|(namespace, package, fixed)| {
        let mut it = Affected::every_version(Namespace::new(namespace), package, Names::Package);
        it.status = Status::Fixed;
        it.ranges = vec![Range { introduced: None, end: End::Fixed((*fixed).to_owned()) }];
        it
    });
    Advisory {
        id: id.to_owned(),
        feed: "osv".to_owned(),
        title: format!("title of {id}"),
        affected: affected.collect(),
        ..Advisory::default()
    }
}

fn bytes(advisories: &[Advisory]) -> Vec<u8> {
    let mut builder = Builder::new(Meta::default());
    for it in advisories {
        builder.add(&Item::Advisory(Box::new(it.clone()))).unwrap();
    }
    builder.add(&Item::Enrichment(kev())).unwrap();
    let mut bytes = Vec::new();
    let summary = builder.finish(&mut bytes).unwrap();
    assert_eq!(usize::try_from(summary.bytes), Ok(bytes.len()));
    bytes
}

fn kev() -> Enrichment {
    let exploited = model::Exploited { added: None, due: None, ransomware: true };
    Enrichment { cve: "CVE-1".to_owned(), exploited: Some(exploited), ..Enrichment::default() }
}

fn some() -> Vec<Advisory> {
    let mut all: Vec<Advisory> = (0..40)
        .map(|i| {
            let (package, fixed) = (format!("package-{}", i % 7), format!("1.{i}"));
            advisory(&format!("CVE-{i}"), &[("npm", &package, &fixed), ("Debian:12", "x", &fixed)])
        })
        .collect();
    all[3].aliases = vec!["GHSA-3".to_owned()];
    all
}

fn said(database: &Database, namespace: &str, package: &str) -> Vec<String> {
    let entries = database.reader().entries(&Namespace::new(namespace), package).unwrap();
    entries.iter().map(|it| format!("{} {}", it.advisory, it.affected[0].ranges[0])).collect()
}

#[test]
fn what_was_added_is_found() {
    let database = Database::from_bytes(bytes(&some())).unwrap();
    assert_eq!(said(&database, "npm", "package-5").len(), 5);
    assert_eq!(said(&database, "npm", "package-5")[0], "CVE-12 < 1.12");
    assert_eq!(said(&database, "Debian:12", "x").len(), 40);
    assert_eq!(said(&database, "Debian:1", "x").len(), 0);
    assert_eq!(said(&database, "npm", "package").len(), 0);
    let reader = database.reader();
    assert_eq!(reader.named("GHSA-3").unwrap(), [("osv".to_owned(), "CVE-3".to_owned())]);
    let record = reader.record("osv", "CVE-3").unwrap().unwrap();
    assert_eq!(record.advisory.title, "title of CVE-3");
    assert_eq!(record.packages.len(), 2);
    assert_eq!(reader.record("osv", "CVE-").unwrap(), None);
    assert_eq!(reader.enrichment("CVE-1").unwrap(), kev());
    assert!(database.covers(&Namespace::new("npm")) && !database.covers(&Namespace::new("np")));
    database.verify().unwrap();
}

#[test]
fn the_order_of_adding_does_not_matter() {
    let one = bytes(&some());
    let mut other = some();
    other.reverse();
    other.extend(some().into_iter().take(3));
    let (a, b) = (Database::from_bytes(one).unwrap(), Database::from_bytes(bytes(&other)).unwrap());
    assert_eq!(a.build(), Database::from_bytes(bytes(&some())).unwrap().build());
    assert_eq!(diff(&a, &b).unwrap(), []);
    let mut reversed = some();
    reversed.reverse();
    assert_eq!(bytes(&reversed), bytes(&some()));
}

#[test]
fn a_scratch_makes_no_difference() {
    let scratch = Box::new(io::Cursor::new(Vec::new()));
    let mut builder = Builder::with_scratch(Meta::default(), scratch, 300);
    for it in some() {
        builder.add(&Item::Advisory(Box::new(it))).unwrap();
    }
    builder.add(&Item::Enrichment(kev())).unwrap();
    let mut spilled = Vec::new();
    builder.finish(&mut spilled).unwrap();
    assert_eq!(spilled, bytes(&some()));
}

#[test]
fn the_newest_of_an_advisory_counts_and_parts_are_united() {
    let at = |mut it: Advisory, time: &str| {
        it.modified = Some(time.parse().unwrap());
        it
    };
    let old = at(advisory("A", &[("npm", "old", "1")]), "2024-01-01T00:00:00Z");
    let new = at(advisory("A", &[("npm", "new", "2")]), "2025-01-01T00:00:00Z");
    let database = Database::from_bytes(bytes(&[new, old])).unwrap();
    assert_eq!(said(&database, "npm", "old"), Vec::<String>::new());
    assert_eq!(said(&database, "npm", "new"), ["A < 2"]);
    let parts = [advisory("B", &[("npm", "one", "1")]), advisory("B", &[("npm", "two", "2")])];
    let database = Database::from_bytes(bytes(&parts)).unwrap();
    assert_eq!(said(&database, "npm", "one"), ["B < 1"]);
    assert_eq!(said(&database, "npm", "two"), ["B < 2"]);
}

#[test]
fn what_was_withdrawn_is_remembered_and_says_nothing() {
    let mut it = advisory("A", &[("npm", "x", "1")]);
    it.withdrawn = Some(Timestamp::UNIX_EPOCH);
    let database = Database::from_bytes(bytes(&[it])).unwrap();
    assert_eq!(said(&database, "npm", "x"), Vec::<String>::new());
    assert!(database.reader().record("osv", "A").unwrap().is_some());
}

/// Damage is found when opening or reading, or the answers are the same as before.
#[test]
fn no_flipped_byte_changes_an_answer() {
    let good = bytes(&some());
    let answer = |bytes: &[u8]| -> Result<String, DatabaseError> {
        let database = Database::from_bytes(bytes.to_vec())?;
        let reader = database.reader();
        let entries = reader.entries(&Namespace::new("npm"), "package-2")?;
        let record = reader.record("osv", "CVE-3")?;
        let rest = (reader.named("GHSA-3")?, reader.enrichment("CVE-1")?);
        Ok(format!("{entries:?} {record:?} {rest:?} {:?}", database.index))
    };
    let expected = answer(&good).unwrap();
    for i in 0..good.len() {
        let mut flipped = good.clone();
        flipped[i] ^= 0x20;
        for bytes in [&flipped[..], &good[..i]] {
            if let Ok(it) = answer(bytes) {
                assert_eq!(it, expected, "byte {i}");
                let damaged = Database::from_bytes(bytes.to_vec()).unwrap();
                assert!(damaged.verify().is_err(), "byte {i} is not noticed");
            }
        }
    }
}

#[test]
fn a_newer_schema_is_refused_in_words() {
    let mut newer = bytes(&some());
    newer[8] = 9;
    let refused = Database::from_bytes(newer).unwrap_err().to_string();
    assert!(refused.contains("schema 9") && refused.contains("newer version"), "{refused}");
    let foreign = Database::from_bytes(b"SQLite format 3\0".to_vec()).unwrap_err();
    assert_eq!(foreign.to_string(), "this is not an advisory database");
}

#[test]
fn a_file_is_read_in_places() {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &bytes(&some())).unwrap();
    let database = Database::open(file).unwrap();
    assert_eq!(said(&database, "npm", "package-5").len(), 5);
}

#[test]
fn a_difference_names_the_packages_concerned_and_no_other() {
    let check = |change: fn(&mut Vec<Advisory>), expected: &[(&str, &str)]| {
        let mut changed = some();
        change(&mut changed);
        let old = Database::from_bytes(bytes(&some())).unwrap();
        let new = Database::from_bytes(bytes(&changed)).unwrap();
        let key = |it: &(&str, &str)| (Namespace::new(it.0), it.1.to_owned());
        let expected: Vec<_> = expected.iter().map(key).collect();
        assert_eq!(diff(&old, &new).unwrap(), expected);
        assert_eq!(diff(&new, &old).unwrap(), expected);
    };
    check(|_| (), &[]);
    check(|it| it.push(advisory("NEW", &[("npm", "y", "1")])), &[("npm", "y")]);
    check(|it| drop(it.remove(0)), &[("Debian:12", "x"), ("npm", "package-0")]);
    check(|it| it[1].title.push('!'), &[("Debian:12", "x"), ("npm", "package-1")]);
    check(
        |it| it[2].affected[0].ranges[0].end = End::Fixed("9".to_owned()),
        &[("npm", "package-2")],
    );
}

#[test]
fn components_have_the_keys_that_a_difference_names() {
    let component = |ecosystem, name: &str| model::Located {
        what: model::Component::new(ecosystem, name, "1"),
        path: None,
        layer: 0,
        by: String::new(),
        system: Some(0),
    };
    let release = model::Release {
        id: "debian".to_owned(),
        version_id: "12".to_owned(),
        ..model::Release::default()
    };
    let system = model::System { release: Some(release), ..model::System::default() };
    let components =
        vec![component(model::Ecosystem::Deb, "x"), component(model::Ecosystem::Pypi, "Foo__Bar")];
    let inventory =
        model::Inventory { systems: vec![system], components, ..model::Inventory::default() };
    let news = [advisory("NEW", &[("Debian:12", "x", "2"), ("PyPI", "foo.bar", "2")])];
    let old = Database::from_bytes(bytes(&[])).unwrap();
    let new = Database::from_bytes(bytes(&news)).unwrap();
    let changed = diff(&old, &new).unwrap();
    let changed = changed.into_iter().map(|it| (it.0.as_str().to_owned(), it.1));
    let keys: Vec<_> = crate::keys(&inventory).concat();
    assert_eq!(keys, changed.collect::<Vec<_>>());
}

proptest! {
    /// Looking up is the same as going through everything.
    #[test]
    fn lookup_equals_a_linear_scan(all in proptest::collection::vec(
        ("[A-C]{1,2}", proptest::collection::vec(("[ab](:[0-9])?", "[a-c]{1,2}", "[0-9]"), 0..4)),
        0..30,
    ), asked in ("[ab](:[0-9])?", "[a-c]{1,2}")) {
        let mut advisories: Vec<Advisory> = all.iter().map(|(id, packages)| {
            let packages: Vec<(&str, &str, &str)> =
                packages.iter().map(|it| (it.0.as_str(), it.1.as_str(), it.2.as_str())).collect();
            advisory(id, &packages)
        }).collect();
        let mut expected: Vec<(String, Affected)> = advisories.iter().flat_map(|advisory| {
            let of = |it: &&Affected| it.namespace.as_str() == asked.0 && it.package == asked.1;
            advisory.affected.iter().filter(of).map(|it| (advisory.id.clone(), it.clone()))
        }).collect();
        expected.sort();
        expected.dedup();
        advisories.reverse();
        let database = Database::from_bytes(bytes(&advisories)).unwrap();
        let entries = database.reader().entries(&Namespace::new(&asked.0), &asked.1).unwrap();
        let found: Vec<(String, Affected)> = entries.into_iter().flat_map(|entry| {
            let Entry { advisory, affected, .. } = entry;
            affected.into_iter().map(move |it| (advisory.clone(), it))
        }).collect();
        prop_assert_eq!(found, expected);
    }
}
