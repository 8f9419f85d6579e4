//! What the fixtures can't show: headers of old, limits, loops, and bytes at random.
#![expect(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    reason = "tests build small files"
)]
use super::{BDB, NDB, SQLITE};
use crate::Cataloger;
use inspect::{File, Found, Inspector};
use model::ImagePath;
use proptest::prelude::*;
use std::fmt::Write;
use testkit::rpm::{Entry, INT16, INT32, STRING, STRINGS, header, ndb};

const SQLITE_FIXTURE: &[u8] = include_bytes!("../../fixtures/rpm-sqlite/pages-of-512.in");
const NDB_FIXTURE: &[u8] = include_bytes!("../../fixtures/rpm-ndb/packages.in");
const BDB_FIXTURE: &[u8] = include_bytes!("../../fixtures/rpm-bdb/little-endian.in");
const FIXTURES: [(&Cataloger, &[u8]); 3] =
    [(&SQLITE, SQLITE_FIXTURE), (&NDB, NDB_FIXTURE), (&BDB, BDB_FIXTURE)];

pub(super) const NAMED: [Entry<'_>; 3] =
    [(1000, STRING, 1, b"a\0"), (1001, STRING, 1, b"1\0"), (1002, STRING, 1, b"2\0")];

fn inspect(cataloger: &Cataloger, bytes: &[u8]) -> (Found, String) {
    let path = ImagePath::parse(cataloger.paths[0].as_bytes()).unwrap();
    let mut found = Found::default();
    let outcome = cataloger.inspect(&File::new(&path, bytes), &mut found);
    (found, outcome.map_or_else(|it| it.to_string(), |()| "ok".to_owned()))
}

/// A SQLite database with one blob: the schema, one leaf, and the pages that the leaf needs.
fn sqlite(page_size: usize, blob: &[u8]) -> Vec<u8> {
    let mut first = vec![0; page_size];
    first[..16].copy_from_slice(b"SQLite format 3\0");
    first[16..18].copy_from_slice(&[(page_size >> 8) as u8, (page_size >> 16) as u8]);
    first[18..20].copy_from_slice(&[1, 1]);
    let schema = b"\x06\x17\x1d\x1d\x01\x0dtablePackagesPackages\x02";
    let schema = [&[schema.len() as u8, 1], &schema[..]].concat();
    leaf(&mut first[..], 100, &schema);
    // Header of the record: its length, NULL for the row's own number, the blob's length.
    let kind = varint(blob.len() * 2 + 12);
    let record = [&[(2 + kind.len()) as u8, 0], &kind[..], blob].concat();
    let (most, least) = (page_size - 35, (page_size - 12) * 32 / 255 - 23);
    let fit = least + record.len().saturating_sub(least) % (page_size - 4);
    let local = [record.len(), fit, least].into_iter().find(|it| *it <= most).unwrap();
    let mut cell = [&varint(record.len()), &[1][..], &record[..local]].concat();
    let rest: Vec<&[u8]> = record[local..].chunks(page_size - 4).collect();
    if !rest.is_empty() {
        cell.extend([0, 0, 0, 3]);
    }
    let mut second = vec![0; page_size];
    leaf(&mut second, 0, &cell);
    let mut file = [first, second].concat();
    for (i, part) in rest.iter().enumerate() {
        let next = if i + 1 < rest.len() { i + 4 } else { 0 };
        let mut page = [&u32::try_from(next).unwrap().to_be_bytes()[..], part].concat();
        page.resize(page_size, 0);
        file.extend(page);
    }
    file
}

fn leaf(page: &mut [u8], at: usize, cell: &[u8]) {
    let start = page.len() - cell.len();
    page[at] = 13;
    page[at + 4] = 1;
    page[at + 8..at + 10].copy_from_slice(&(start as u16).to_be_bytes());
    page[start..].copy_from_slice(cell);
}

fn varint(value: usize) -> Vec<u8> {
    let groups = (0..4).rev().map(|it| value >> (7 * it)).skip_while(|it| *it == 0);
    let mut bytes: Vec<u8> = groups.map(|it| it as u8 | 0x80).collect();
    *bytes.last_mut().unwrap() &= 0x7f;
    bytes
}

/// A header with `entries` and the least that a package needs must yield `expected`.
fn check(what: &str, entries: &[Entry<'_>], expected: &str) {
    let (found, outcome) = inspect(&NDB, &ndb(&[header(&[&NAMED[..], entries].concat())]));
    let mut got = String::new();
    for it in &found.components {
        let source = it.source.as_ref().map_or("", |it| &it.version);
        write!(got, "{} {} {source}", it.name, it.version).unwrap();
    }
    for file in found.owned.iter().flat_map(|it| &it.files) {
        write!(got, ", {}", file.path).unwrap();
    }
    for it in &found.gaps {
        write!(got, ", {}", it.reason).unwrap();
    }
    assert_eq!((got.as_str(), outcome.as_str()), (expected, "ok"), "{what}");
}

#[test]
fn headers_name_packages() {
    let source = (1044, STRING, 1, &b"s-5-6.src.rpm\0"[..]);
    let epoch = (1003, INT32, 1, &[0, 0, 0, 7][..]);
    check("the least", &[], "a 1-2 ");
    check("source", &[source], "a 1-2 5-6");
    check("epoch in both", &[source, epoch], "a 7:1-2 7:5-6");
    check("rpm's word for none", &[(1044, STRING, 1, b"(none)\0")], "a 1-2 ");
    let strange = (1044, STRING, 1, &b"s.rpm\0"[..]);
    check(
        "strange source",
        &[strange],
        "a 1-2 , malformed: a-1-2: s.rpm is not the name of a source package",
    );
    check("later entries count", &[(1001, STRING, 1, b"3\0")], "a 3-2 ");
    check("no version", &[(1001, STRING, 1, b"\0")], ", malformed: package a has no version");
    check(
        "a number for a name",
        &[(1000, INT32, 1, b"abcd")],
        ", malformed: tag 1000 of a header is not of its type",
    );
    check(
        "a string without an end",
        &[(1000, STRING, 1, b"abcd")],
        ", malformed: tag 1000 of a header has no end",
    );
    check("key", &[(1000, STRING, 1, b"gpg-pubkey\0")], "");
}

#[test]
fn headers_list_files() {
    let old = (1027, STRINGS, 2, &b"/etc\0/etc/x\0"[..]);
    let modes = (1030, INT16, 2, &[0x41, 0xed, 0x81, 0xa4][..]);
    check("whole paths", &[old, modes], "a 1-2 , etc/x");
    check(
        "one mode for two files",
        &[old, (1030, INT16, 1, &[0x41, 0xed])],
        "a 1-2 , malformed: a-1-2: the lists differ in length",
    );
    let dirs = (1118, STRINGS, 2, &b"/usr/\0/../\0"[..]);
    let names = (1117, STRINGS, 3, &b"x\0y\0z\0"[..]);
    let indexes = (1116, INT32, 3, &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0][..]);
    check(
        "climbs out",
        &[dirs, names, indexes],
        "a 1-2 , usr/x, usr/z, malformed: a-1-2: a path climbs out of the root",
    );
    let indexes = (1116, INT32, 3, &[0, 0, 0, 2, 0, 0, 0, 0, 255, 255, 255, 255][..]);
    check(
        "no such directory",
        &[dirs, names, indexes],
        "a 1-2 , usr/y, malformed: a-1-2: a directory is missing",
    );
    let digest = (1035, STRINGS, 2, &b"\x000af3\0"[..]);
    check(
        "digest cut off",
        &[old, digest],
        "a 1-2 , etc, etc/x, malformed: a-1-2: a digest is not of its algorithm",
    );
    check(
        "digest of tomorrow",
        &[old, digest, (5011, INT32, 1, &[0, 0, 0, 99])],
        "a 1-2 , etc, etc/x, not supported: a-1-2: digests of algorithm 99",
    );
}

#[test]
fn one_broken_header_hides_no_other() {
    let named = |name: &[u8]| {
        header(&[NAMED[0], NAMED[1], NAMED[2], (1000, STRING, 1, &[name, b"\0"].concat())])
    };
    let (found, outcome) = inspect(&NDB, &ndb(&[named(b"a"), vec![1; 40], named(b"b")]));
    let names: Vec<_> = found.components.iter().map(|it| it.name.as_str()).collect();
    assert_eq!((names, found.gaps.len(), outcome.as_str()), (vec!["a", "b"], 1, "ok"));
}

#[test]
fn sqlite_pages_of_any_size() {
    for page_size in [512, 1024, 4096, 32768, 65536] {
        for len in [0, 100, page_size - 140, page_size, page_size * 3, page_size * 7 - 50] {
            let blob = header(&[&NAMED[..], &[(9999, STRING, 1, &vec![b'x'; len])]].concat());
            let (found, outcome) = inspect(&SQLITE, &sqlite(page_size, &blob));
            let got = (found.components.len(), found.gaps, outcome.as_str());
            assert_eq!(got, (1, vec![], "ok"), "{len} in pages of {page_size}");
        }
    }
}

#[test]
fn loops_and_claims_end() {
    let check = |cataloger: &Cataloger, bytes: &[u8], packages: usize, gap: &str| {
        let (found, outcome) = inspect(cataloger, bytes);
        let gaps: Vec<_> = found.gaps.iter().map(|it| it.reason.to_string()).collect();
        let said = gaps.iter().chain([&outcome]).any(|it| it.contains(gap));
        assert!(said && found.components.len() == packages, "{gap}: {gaps:?} {outcome}");
    };
    let blob = header(&NAMED);
    let long = header(&[&NAMED[..], &[(9999, STRING, 1, &[b'x'; 3000])]].concat());
    let mut overflow_loop = sqlite(512, &long);
    overflow_loop[1024..1028].copy_from_slice(&[0, 0, 0, 3]);
    check(&SQLITE, &overflow_loop, 0, "page 3 is used twice");
    let mut tree_loop = sqlite(512, &blob);
    tree_loop[512] = 5;
    tree_loop[516] = 0;
    tree_loop[520..524].copy_from_slice(&[0, 0, 0, 2]);
    check(&SQLITE, &tree_loop, 0, "page 2 is used twice");
    let mut same_row = sqlite(512, &blob);
    same_row[516] = 100;
    let pointer = [same_row[520], same_row[521]].repeat(100);
    same_row[520..720].copy_from_slice(&pointer);
    check(&SQLITE, &same_row, 512 / (blob.len() + 5), "rows overlap");

    let mut same_blob = ndb(std::slice::from_ref(&blob));
    let slot = same_blob[32..48].to_vec();
    same_blob[48..4096].copy_from_slice(&slot.repeat(253));
    check(&NDB, &same_blob, same_blob.len() / blob.len(), "larger than the file");
    let mut huge = ndb(&[blob]);
    huge[12..16].copy_from_slice(&[0xff; 4]);
    check(&NDB, &huge, 1, "ends early");

    let place = BDB_FIXTURE.chunks(512).position(|it| it[25] == 7).unwrap();
    let mut chain_loop = BDB_FIXTURE.to_vec();
    let number = u32::try_from(place).unwrap().to_le_bytes();
    chain_loop[place * 512 + 16..place * 512 + 20].copy_from_slice(&number);
    check(&BDB, &chain_loop, 3, &format!("page {place} is used twice"));
    let mut buckets = BDB_FIXTURE.to_vec();
    buckets[72..76].copy_from_slice(&[0xff; 4]);
    check(&BDB, &buckets, 0, "more buckets than pages");
}

proptest! {
    #[test]
    fn any_bytes_behind_any_magic(bytes: Vec<u8>, magic in 0usize..4) {
        for (cataloger, fixture) in FIXTURES {
            inspect(cataloger, &bytes);
            inspect(cataloger, &[&fixture[..[16, 32, 100, 512][magic]], &bytes].concat());
        }
        inspect(&NDB, &ndb(&[bytes]));
    }

    #[test]
    fn fixtures_with_many_bytes_changed(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
    ) {
        for (cataloger, fixture) in FIXTURES {
            let mut bytes = fixture.to_vec();
            for (place, value) in &changes {
                *place.get_mut(&mut bytes[..]) = *value;
            }
            inspect(cataloger, &bytes);
        }
    }
}
