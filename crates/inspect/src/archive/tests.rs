//! Archives of every kind, in each other, made by hand, by other people's crates and by real tools.
#![expect(clippy::arithmetic_side_effects, reason = "numbers of our own")]
use super::*;
use proptest::prelude::*;
use rawzip::{CompressionMethod, ZipArchiveWriter};
use std::io::Write;

mod tools;

fn budget() -> Budget {
    Budget { members: 100, bytes: 64 << 20, member_bytes: 1 << 20, ..Budget::default() }
}

/// What a visitor that reads everything sees, a line a member, then what was missed.
fn all(bytes: &[u8], budget: &mut Budget) -> Vec<String> {
    let mut seen = Vec::new();
    let missed = visit("f", bytes, budget, &mut |member| {
        let content = member.content()?;
        let text = String::from_utf8_lossy(content.bytes);
        let text =
            if text.len() > 60 { format!("{} bytes", content.bytes.len()) } else { text.into() };
        let complete = if content.complete { "" } else { " ..." };
        seen.push(format!("{}: {text}{complete}", member.path()));
        Ok(Go::Inside)
    });
    seen.extend(missed);
    seen
}

/// What a visitor that reads nothing is shown.
fn names(bytes: &[u8]) -> Vec<String> {
    let mut seen = Vec::new();
    let missed = visit("f", bytes, &mut budget(), &mut |member| {
        seen.push(member.path().to_owned());
        Ok(Go::Inside)
    });
    seen.extend(missed);
    seen
}

fn visit(name: &str, bytes: &[u8], budget: &mut Budget, visitor: &mut Visit<'_>) -> Vec<String> {
    let path = model::ImagePath::parse(name.as_bytes()).unwrap();
    let missed = open(&File::new(&path, bytes), budget, visitor).unwrap();
    missed.into_iter().map(|it| it.gap("!").to_string()).collect()
}

fn check(bytes: &[u8], expected: &[&str]) {
    assert_eq!(all(bytes, &mut budget()), expected);
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    zip_by(CompressionMethod::DEFLATE, members)
}

fn zip_by(method: CompressionMethod, members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipArchiveWriter::new(Vec::new());
    for (name, bytes) in members {
        let (mut entry, config) =
            archive.new_file(*name).compression_method(method).start().unwrap();
        let packed: Box<dyn Write> = match method {
            CompressionMethod::STORE => Box::new(&mut entry),
            _ => Box::new(flate2::write::DeflateEncoder::new(
                &mut entry,
                flate2::Compression::new(6),
            )),
        };
        let mut writer = config.wrap(packed);
        writer.write_all(bytes).unwrap();
        let (packed, descriptor) = writer.finish().unwrap();
        drop(packed);
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap()
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(u64::try_from(bytes.len()).unwrap());
        header.set_mode(0o755);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn cpio(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in members.iter().chain([&("TRAILER!!!", &b""[..])]) {
        let (size, name_size) = (content.len(), name.len() + 1);
        let zero = "00000000";
        let header = format!("070701{zero}000081ed{zero}{zero}{zero}{zero}{size:08x}");
        let header = header + &format!("{zero}{zero}{zero}{zero}{name_size:08x}{zero}{name}\0");
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(*content);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in members {
        let size = content.len();
        bytes.extend(
            format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 100_644).bytes(),
        );
        bytes.extend(*content);
        bytes.resize(bytes.len().next_multiple_of(2), b'\n');
    }
    bytes
}

fn rpm(payload: &[u8]) -> Vec<u8> {
    let mut bytes = b"\xed\xab\xee\xdb\x03\0".to_vec();
    bytes.resize(96, 0);
    let header = |tag: u8, store: &[u8]| {
        let mut it = b"\x8e\xad\xe8\x01\0\0\0\0\0\0\0\x01\0\0\0".to_vec();
        it.push(u8::try_from(store.len()).unwrap());
        it.extend([0, 0, 0, tag, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 3]);
        it.extend(store);
        it
    };
    bytes.extend(header(62, b"abc"));
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes.extend(header(63, b"abcde"));
    bytes.extend(payload);
    bytes
}

#[test]
fn each_kind_of_archive_shows_its_members() {
    let two: &[(&str, &[u8])] = &[("a", b"one"), ("d/b", b"two")];
    let shown = ["a: one", "d/b: two"];
    for (name, bytes) in [
        ("zip", zip(two)),
        ("zip, stored", zip_by(CompressionMethod::STORE, two)),
        ("tar", tar(two)),
        ("tar.gz", gzip(&tar(two))),
        ("tar.bz2", bzip2(&tar(two))),
        ("tar.zst", zstd(&tar(two))),
        ("cpio", cpio(two)),
        ("cpio.gz", gzip(&cpio(two))),
        ("two cpios and zeros", [cpio(&two[..1]), vec![0; 700], gzip(&cpio(&two[1..]))].concat()),
        ("ar", ar(two)),
        ("ar, names with a slash", ar(&[("a/", b"one"), ("d/b/", b"two")])),
        ("ar, long names of GNU", ar(&[("//", b"a/\nd/b/\n"), ("/0", b"one"), ("/3", b"two")])),
        ("ar, long names of BSD", ar(&[("#1/4", b"a\0\0\0one"), ("#1/3", b"d/btwo")])),
        ("rpm", rpm(&gzip(&cpio(two)))),
        ("rpm, plain", rpm(&cpio(two))),
    ] {
        assert_eq!(all(&bytes, &mut budget()), shown, "{name}");
        assert_eq!(names(&bytes), ["a", "d/b"], "{name}");
    }
    for bytes in
        [gzip(b"one"), [gzip(b"o"), gzip(b"ne"), vec![0; 9]].concat(), bzip2(b"one"), zstd(b"one")]
    {
        check(&bytes, &["f: one"]);
    }
    check(&[bzip2(b"o"), bzip2(b"ne")].concat(), &["f: one"]);
    check(&[zstd(b"o"), zstd(b"ne")].concat(), &["f: one"]);
    for none in [&b""[..], b"text", b"PK", b"\x7fELF", &[0; 1024]] {
        check(none, &[]);
    }
}

#[test]
fn what_is_compressed_goes_by_the_name_of_its_file() {
    for (file, member) in [
        ("d/changelog.gz", "changelog"),
        ("x.tgz", "x.tar"),
        ("initrd", "initrd"),
        ("a.txt.bz2", "a.txt"),
    ] {
        let mut seen = Vec::new();
        visit(file, &gzip(b"text"), &mut budget(), &mut |member| {
            seen.push(member.path().to_owned());
            Ok(Go::Inside)
        });
        assert_eq!(seen, [member]);
    }
    let inner = zip(&[("d/text.gz", &gzip(b"text")), ("x.tar.gz", &gzip(&tar(&[("a", b"one")])))]);
    let names = names(&inner);
    assert_eq!(names, ["d/text.gz", "d/text.gz!/text", "x.tar.gz", "x.tar.gz!/a"]);
}

#[test]
fn archives_in_archives_are_opened_whether_they_are_read_or_not() {
    let jar = zip(&[("META-INF/MANIFEST.MF", b"Main")]);
    let stored = zip_by(CompressionMethod::STORE, &[("lib/a.jar", &jar), ("b", b"two")]);
    let names_below = ["lib/a.jar", "lib/a.jar!/META-INF/MANIFEST.MF", "b"];
    for (outer, bytes) in [
        ("zip", zip(&[("lib/a.jar", &jar), ("b", b"two")])),
        ("stored", stored),
        ("tar", tar(&[("lib/a.jar", &jar), ("b", b"two")])),
        ("tar.gz", gzip(&tar(&[("lib/a.jar", &jar), ("b", b"two")]))),
        ("cpio", cpio(&[("lib/a.jar", &jar), ("b", b"two")])),
        ("ar", ar(&[("lib/a.jar", &jar), ("b", b"two")])),
    ] {
        assert_eq!(names(&bytes), names_below, "{outer}");
        let read = all(&bytes, &mut budget());
        assert_eq!(read.len(), 3, "{outer}: {read:?}");
        assert_eq!(read[1], "lib/a.jar!/META-INF/MANIFEST.MF: Main", "{outer}");
    }
    // Four containers: ar, tar, jar, jar. What is compressed does not count.
    let war = zip(&[("WEB-INF/lib/a.jar", &jar)]);
    let package = |war: &[u8]| ar(&[("data.tar.gz", &gzip(&tar(&[("srv/x.war", war)])))]);
    assert_eq!(
        names(&package(&war)).last().unwrap(),
        "data.tar.gz!/srv/x.war!/WEB-INF/lib/a.jar!/META-INF/MANIFEST.MF"
    );
    let deep = names(&package(&zip(&[("b.ear", &war)])));
    let last = "!: too large: data.tar.gz!/srv/x.war!/b.ear!/WEB-INF/lib/a.jar: archives more than 4 deep in each other";
    assert_eq!(deep.last().unwrap(), last);
}

#[test]
fn a_visitor_goes_where_it_wants_and_pays_for_that_only() {
    let jar = zip(&[("x", b"one")]);
    let bytes = zip(&[("a.jar", &jar), ("b.jar", &jar), ("c", &[7; 100_000]), ("d", b"last")]);
    let mut seen = Vec::new();
    let mut budget = budget();
    let before = budget.bytes;
    let missed = visit("f", &bytes, &mut budget, &mut |member| {
        seen.push(format!("{} {:?}", member.path(), member.size()));
        Ok(match member.path() {
            "a.jar" => Go::Past,
            "c" => Go::Stop,
            "b.jar!/x" => return Err(crate::Malformed::new("not what I am used to").into()),
            _ => Go::Inside,
        })
    });
    assert_eq!(seen[0], format!("a.jar Some({})", jar.len()));
    assert_eq!(seen[2..], ["b.jar!/x Some(3)", "c Some(100000)"]);
    assert_eq!(missed, ["!: malformed: b.jar!/x: not what I am used to"]);
    assert!(before - budget.bytes < 1000, "{}", before - budget.bytes);
    let path = model::ImagePath::parse(b"f").unwrap();
    let fault = open(&File::new(&path, &bytes), &mut budget, &mut |_| {
        Err(Fault::Io(std::io::Error::other("disk full")))
    });
    assert!(matches!(fault, Err(Fault::Io(_))));
}

#[test]
fn the_spool_is_read_in_pieces_and_its_failure_is_ours() {
    let big = vec![5; 300_000];
    let jar = zip_by(CompressionMethod::STORE, &[("x", &big), ("y", b"one")]);
    let bytes =
        zip_by(CompressionMethod::STORE, &[("a.jar", &jar), ("b.tar", &tar(&[("t", &big)]))]);
    let mut spool = tempfile::tempfile().unwrap();
    spool.write_all(&bytes).unwrap();
    let path = model::ImagePath::parse(b"f").unwrap();
    let size = u64::try_from(bytes.len()).unwrap();
    let read = |size: u64| {
        let mut seen = Vec::new();
        let outcome = open(&File::spooled(&path, &spool, size), &mut budget(), &mut |member| {
            let complete = member.content()?.complete;
            seen.push(format!("{} {complete}", member.path()));
            Ok(Go::Inside)
        });
        outcome.map(|missed| (seen, missed))
    };
    let (seen, missed) = read(size).unwrap();
    assert_eq!(
        seen,
        ["a.jar true", "a.jar!/x true", "a.jar!/y true", "b.tar true", "b.tar!/t true"]
    );
    assert_eq!(missed, []);
    spool.set_len(size / 2).unwrap();
    assert!(matches!(read(size), Err(Fault::Io(_))));
}

#[test]
fn large_members_are_shown_in_part() {
    let big = [&b"x".repeat(2 << 20)[..], b"end"].concat();
    let mut random: Vec<u8> = (0..big.len() / 4).flat_map(|i| (i * i * 77).to_le_bytes()).collect();
    random.truncate(big.len());
    for bytes in
        [zip(&[("a", &random), ("b", b"two")]), gzip(&tar(&[("a", &random), ("b", b"two")]))]
    {
        let seen = all(&bytes, &mut budget());
        assert!(seen[0].ends_with(" bytes ..."), "{}", seen[0]);
        let why = "!: too large: a: only its first 1048576 bytes were looked at";
        assert_eq!(seen[1..], ["b: two", why]);
    }
    // An archive is gone through to its end, though it is shown in part.
    let inner = tar(&[("x", &random), ("y", b"one")]);
    let seen = all(&tar(&[("t.tar", &inner)]), &mut budget());
    assert_eq!(seen[2], "t.tar!/y: one");
    let _ = big;
}

#[test]
fn bombs_cost_no_more_than_the_budget() {
    let zeros = vec![0; 20 << 20];
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
    // The directory has the second member only.
    let mut hidden = plain.clone();
    let start = find(&plain, b"PK\x01\x02", 0);
    let second = find(&plain, b"PK\x01\x02", 1);
    hidden.drain(start..second);
    let end = find(&hidden, b"PK\x05\x06", 0);
    (hidden[end + 8], hidden[end + 10], hidden[end + 12]) =
        (1, 1, u8::try_from(second - start).unwrap());
    check(&hidden, &["bb: two", "!: ambiguous: zip: data before the archive"]);
    // Both members are the first.
    let mut overlap = plain.clone();
    let place = second + 42;
    overlap[place..place + 4].fill(0);
    let seen = all(&overlap, &mut budget());
    assert_eq!(seen.last().unwrap(), "!: ambiguous: zip: members that lie in each other");
    assert!(seen.iter().any(|it| it.contains("bb: its name is another")), "{seen:?}");
    let mut encrypted = plain.clone();
    encrypted[start + 8] |= 1;
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
