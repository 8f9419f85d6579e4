//! Archives of every kind, in each other, made by hand, by other people's crates and by real tools.
#![expect(clippy::arithmetic_side_effects, reason = "numbers of our own")]
use super::*;
use rawzip::{CompressionMethod, ZipArchiveWriter};
use std::io::Write;

mod hostile;
mod speed;
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
    names_within(bytes, 100)
}

fn names_within(bytes: &[u8], members: u64) -> Vec<String> {
    let mut seen = Vec::new();
    let missed = visit("f", bytes, &mut Budget { members, ..budget() }, &mut |member| {
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
        let outcome = open(&File::spooled(&path, &spool, 0, size), &mut budget(), &mut |member| {
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
    // What has to be held, but is larger than may be held, does not end the archive around it.
    let mut little = Budget { memory_bytes: 64 << 10, ..budget() };
    let seen = all(&gzip(&tar(&[("x.zip", &random), ("b", b"two")])), &mut little);
    assert_eq!(seen[1], "b: two", "{seen:?}");
    assert!(
        seen[3..].iter().any(|it| it.starts_with("!: too large: x.zip: an archive")),
        "{seen:?}"
    );
    // An archive is gone through to its end, though it is shown in part.
    let inner = tar(&[("x", &random), ("y", b"one")]);
    let seen = all(&tar(&[("t.tar", &inner)]), &mut budget());
    assert_eq!(seen[2], "t.tar!/y: one");
    let _ = big;
}
