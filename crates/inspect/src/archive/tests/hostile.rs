//! Archives made to hide something, to cost much, or broken on the way.
use super::*;
use proptest::prelude::*;

#[test]
fn bombs_cost_no_more_than_the_budget() {
    let zeros = vec![0; 4 << 20];
    let ratio = "unpacks to more than 100 times its size";
    let large = || Budget { member_bytes: 64 << 20, ..budget() };
    let seen = all(&gzip(&zeros), &mut large());
    assert_eq!(seen[1], format!("!: too large: f: {ratio}"));
    let seen = all(&zip(&[("a", &zeros), ("b", b"one")]), &mut large());
    assert_eq!(seen[1..], [format!("!: too large: a: {ratio}"), format!("!: too large: {ratio}")]);
    let mut nested = zeros.clone();
    for _ in 0..12 {
        nested = gzip(&nested);
    }
    let seen = all(&nested, &mut large());
    assert!(seen.last().unwrap().ends_with("archives more than 4 deep in each other"), "{seen:?}");
    // Each within its ratio, together too much.
    let random: Vec<u8> = (0..250_000_u64).flat_map(|i| (i * i * 77).to_le_bytes()).collect();
    let mut small = Budget { bytes: 5 << 20, ..large() };
    let many: Vec<_> = ["a", "b", "c", "d"].map(|it| (it, &random[..])).to_vec();
    let seen = all(&zip(&many), &mut small);
    let spent = "more is packed here than may be unpacked";
    assert!(seen.len() < 6 && seen.last().unwrap().ends_with(spent), "{seen:?}");
    assert!(all(&zip(&[("a", &random)]), &mut small).last().unwrap().ends_with(spent));
    let seen = all(&tar(&[("a", &b"one"[..]); 101]), &mut budget());
    assert_eq!(seen.len(), 101);
    assert_eq!(seen[100], "!: too large: more members than may be looked at");
    let seen = all(&zip(&[("d/", &b""[..]); 101]), &mut Budget { members: 100, ..budget() });
    assert_eq!(seen.last().unwrap(), "!: too large: more members than may be looked at");
}

#[test]
fn archives_that_fan_out_are_left_in_time() {
    let names: Vec<String> = (0..40).map(|it| format!("{it}.zip")).collect();
    let mut bytes = b"end".to_vec();
    for _ in 0..4 {
        let members: Vec<_> = names.iter().map(|it| (&**it, &bytes[..])).collect();
        bytes = zip(&members);
    }
    let seen = names_within(&bytes, 1000);
    assert_eq!(seen.len(), 1001);
    assert!(seen[1000].ends_with("more members than may be looked at"), "{}", seen[1000]);
}

#[test]
fn holes_of_sparse_files_are_paid_for() {
    let mut header = ::tar::Header::new_gnu();
    header.set_path("hole").unwrap();
    header.set_entry_type(::tar::EntryType::GNUSparse);
    header.set_size(0);
    header.as_gnu_mut().unwrap().realsize.copy_from_slice(b"77777777777\0");
    header.set_cksum();
    let hole = header.as_bytes().to_vec();
    let mut bytes = hole.repeat(99);
    bytes.extend([0; 1024]);
    let seen = all(&bytes, &mut Budget { bytes: 5 << 20, ..budget() });
    assert!(seen.last().unwrap().ends_with("more is packed here than may be unpacked"));
    assert!(seen.len() < 16, "{seen:?}");
}

/// Where `needle` is in `bytes`, the `n`th time.
fn find(bytes: &[u8], needle: &[u8], n: usize) -> usize {
    let at = |(_, it): &(usize, &[u8])| *it == needle;
    bytes.windows(needle.len()).enumerate().filter(at).nth(n).unwrap().0
}

#[test]
fn zip_archives_that_two_readers_see_differently_are_told_of() {
    let two: &[(&str, &[u8])] = &[("aa", b"one"), ("bb", b"two")];
    let plain = zip_by(CompressionMethod::STORE, two);
    let shown = ["aa: one", "bb: two"];
    let damage = |what: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = plain.clone();
        what(&mut bytes);
        all(&bytes, &mut budget())
    };
    let with = |gap: &str| [&shown[..], &[&format!("!: ambiguous: {gap}")]].concat().join("; ");
    let name = find(&plain, b"aa", 0);
    for (what, seen, gap) in [
        (
            "name",
            damage(&|it| it[name] = b'x'),
            "aa: its name is another in the directory than before its data",
        ),
        (
            "method",
            damage(&|it| it[8] = 8),
            "aa: its method is another in the directory than before its data",
        ),
        (
            "checksum",
            damage(&|it| it[14] = 8),
            "aa: its size or checksum is another in the directory than before its data",
        ),
        (
            "prefix",
            damage(&|it| drop(it.splice(0..0, b"#!/bin/sh\n".to_vec()))),
            "zip: data before the archive",
        ),
        ("suffix", damage(&|it| it.extend(b"more")), "zip: data behind the archive"),
        (
            "count",
            damage(&|it| {
                let at = it.len() - 12;
                it[at] = 3;
            }),
            "zip: it has another number of members than it says",
        ),
    ] {
        assert_eq!(seen.join("; "), with(gap), "{what}");
    }
    let twice = zip(&[("aa", b"one"), ("aa", b"two")]);
    check(&twice, &["aa: one", "aa: two", "!: ambiguous: aa: two members of one name"]);
}

#[test]
fn zip_archives_that_hide_members_are_told_of() {
    let plain = zip_by(CompressionMethod::STORE, &[("aa", b"one"), ("bb", b"two")]);
    // The directory has the second member only.
    let mut hidden = plain.clone();
    let start = find(&plain, b"PK\x01\x02", 0);
    let second = find(&plain, b"PK\x01\x02", 1);
    hidden.drain(start..second);
    let end = find(&hidden, b"PK\x05\x06", 0);
    (hidden[end + 8], hidden[end + 10], hidden[end + 12]) =
        (1, 1, u8::try_from(second - start).unwrap());
    check(&hidden, &["bb: two", "!: ambiguous: zip: data before the archive"]);
    let three = zip_by(CompressionMethod::STORE, &[("aa", b"one"), ("bb", b"two"), ("cc", b"six")]);
    let (from, to) = (find(&three, b"PK\x01\x02", 1), find(&three, b"PK\x01\x02", 2));
    let mut between = three;
    between.drain(from..to);
    let end = find(&between, b"PK\x05\x06", 0);
    (between[end + 8], between[end + 10]) = (2, 2);
    between[end + 12] -= u8::try_from(to - from).unwrap();
    let gap = "!: ambiguous: zip: members that are not in its directory";
    check(&between, &["aa: one", "cc: six", gap]);
    // Both members are the first.
    let mut overlap = plain.clone();
    let place = second + 42;
    overlap[place..place + 4].fill(0);
    let seen = all(&overlap, &mut budget());
    assert_eq!(seen.last().unwrap(), "!: ambiguous: zip: members that lie in each other");
    assert!(seen.iter().any(|it| it.contains("bb: its name is another")), "{seen:?}");
    let mut encrypted = plain.clone();
    encrypted[start + 8] |= 1;
    let flag = "!: ambiguous: aa: its encryption is another in the directory than before its data";
    check(&encrypted, &["aa: one", "bb: two", flag]);
    encrypted[6] |= 1;
    check(&encrypted, &["bb: two", "!: encrypted"]);
    let mut other = plain.clone();
    (other[8], other[start + 10]) = (6, 6);
    check(&other, &["bb: two", "!: not supported: aa: zip: packed by imploded"]);
    let mut wrong = plain.clone();
    wrong[find(&plain, b"one", 0)] = b'O';
    check(&wrong, &["aa: One ...", "bb: two", "!: malformed: aa: zip: wrong checksum"]);
}

#[test]
fn what_is_known_but_not_read_is_told() {
    check(b"MSCF\0\0\0\0\0", &["!: not supported: cabinet"]);
    check(
        &zip(&[("x.rar", b"Rar!\x1a\x07\x01\0")])[..],
        &["x.rar: Rar!\u{1a}\u{7}\u{1}\0", "!: not supported: x.rar: rar"],
    );
}

#[test]
fn damage_is_told_and_what_came_before_it_is_kept() {
    let random: Vec<u8> = (0..250_000_u64).flat_map(|i| (i * i * 77).to_le_bytes()).collect();
    let tar = tar(&[("a", b"one"), ("b", &random[..800_000])]);
    for (name, bytes) in [("gzip", gzip(&tar)), ("bzip2", bzip2(&tar)), ("zstd", zstd(&tar))] {
        let seen = all(&bytes[..bytes.len() * 9 / 10], &mut budget());
        assert_eq!(seen[0], "a: one", "{name}");
        assert!(seen[1].ends_with(" ..."), "{name}: {}", seen[1]);
        assert!(seen[2].starts_with(&format!("!: malformed: b: {name}")), "{name}: {}", seen[2]);
    }
    let zip = zip(&[("a", b"one")]);
    let seen = all(&zip[..zip.len() - 1], &mut budget());
    assert!(seen[0].starts_with("!: malformed: zip: "), "{seen:?}");
    check(
        &[gzip(b"one"), b"more".to_vec()].concat(),
        &["f: one ...", "!: ambiguous: f: data behind the end of the stream"],
    );
}

/// An archive that holds each kind of others.
fn everything() -> Vec<u8> {
    let two: &[(&str, &[u8])] = &[("a", b"one"), ("b", b"two two two two")];
    zip(&[
        ("x.zip", &zip_by(CompressionMethod::STORE, two)),
        ("x.tar.gz", &gzip(&tar(two))),
        ("x.rpm", &rpm(&zstd(&cpio(two)))),
        ("x.deb", &ar(&[("data.tar.bz2", &bzip2(&tar(two)))])),
    ])
}

proptest! {
    #[test]
    fn no_damage_makes_it_panic(kind in 0_usize..9, at: usize, byte: u8, cut: usize) {
        let two: &[(&str, &[u8])] = &[("a", b"one"), ("b", b"two two two two")];
        let mut bytes = match kind {
            0 => zip(two),
            1 => tar(two),
            2 => gzip(&tar(two)),
            3 => bzip2(b"some text"),
            4 => zstd(b"some text"),
            5 => cpio(two),
            6 => ar(two),
            7 => rpm(&gzip(&cpio(two))),
            _ => everything(),
        };
        let at = at % bytes.len();
        bytes[at] ^= byte;
        all(&bytes, &mut budget());
        bytes.truncate(cut % bytes.len());
        all(&bytes, &mut budget());
    }

    #[test]
    fn no_bytes_make_it_panic(kind in 0_usize..12, bytes: Vec<u8>) {
        let heads: [&[u8]; 12] = [
            b"PK\x03\x04", b"\x1f\x8b\x08\0\0\0\0\0\0\0", b"BZh91AY&SY", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"070701",
            b"070707", b"\xc7\x71", b"!<arch>\n", b"\xed\xab\xee\xdb", b"\x5d\0\0\x80\0", b"",
        ];
        all(&[heads[kind], &bytes].concat(), &mut budget());
    }

    #[test]
    fn no_header_of_7z_makes_it_panic(head in 0_usize..5, bytes: Vec<u8>) {
        let heads: [&[u8]; 5] = [
            b"\x01", b"\x01\x05\x02", b"\x01\x04\x06\0\x01\x09\x04\0\x07\x0b\x01\0", b"\x17\x06\0\x01\x09\x04\0\x07\x0b\x01\0\x01",
            b"\x01\x04\x06\0\x01\x09\x04\0\x07\x0b\x01\0\x01\x01\0\x0c\x04\0",
        ];
        let header = [heads[head], &bytes].concat();
        let len = u64::try_from(header.len()).unwrap().to_le_bytes();
        let start = [b"7z\xbc\xaf\x27\x1c\0\x04\0\0\0\0".to_vec(), vec![0; 8], len.to_vec(), vec![0; 4]];
        all(&[start.concat(), header].concat(), &mut budget());
    }

    #[test]
    fn what_was_packed_comes_out(contents in prop::collection::vec(any::<Vec<u8>>(), 1..9)) {
        let members: Vec<(String, Vec<u8>)> = contents.into_iter().enumerate()
            .map(|(i, it)| (format!("{i}"), it)).collect();
        let given: Vec<(&str, &[u8])> = members.iter().map(|it| (&*it.0, &it.1[..])).collect();
        for bytes in [zip(&given), tar(&given), zstd(&tar(&given)), cpio(&given), ar(&given)] {
            let mut seen = Vec::new();
            visit("f", &bytes, &mut budget(), &mut |member| {
                let path = member.path().to_owned();
                seen.push((path, member.content()?.bytes.to_vec()));
                Ok(Go::Past)
            });
            prop_assert_eq!(&seen, &members);
        }
    }
}
