//! Containers of every kind, whole and damaged.
use super::{Fault, each};
use rawzip::{CompressionMethod, ZipArchiveWriter};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::Write;
use testkit::{
    image::gzip,
    tar::{file, symlink, tar},
};

/// `hello xz`, by xz 5.4.
const XZ: &[u8] = b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4F\x02\0!\x01\x1c\0\0\0\x10\xcfX\xcc\x01\0\x08\
    hello xz\n\0\0\0\0\xc1I:\xfacR\x14Z\0\x01!\x09l\x18\xc5\xd5\x1f\xb6\xf3}\x01\0\0\0\0\x04YZ";

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// A thousand zeros take a byte.
fn best(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = ZipArchiveWriter::new(&mut bytes);
    for (name, content) in members {
        let (mut entry, config) =
            archive.new_file(name).compression_method(CompressionMethod::DEFLATE).start().unwrap();
        let packer = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::best());
        let mut writer = config.wrap(packer);
        writer.write_all(content).unwrap();
        let (packer, descriptor) = writer.finish().unwrap();
        packer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    bytes
}

type Shown = Vec<(String, Result<String, Fault>)>;

fn read(name: &str, bytes: &[u8]) -> Shown {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let mut shown = Vec::new();
    each(&path, name, &mut |name, content| {
        let content = content.map(|it| String::from_utf8_lossy(it).into_owned());
        shown.push((name.to_owned(), content));
        Ok(())
    })
    .unwrap();
    shown
}

fn check(name: &str, bytes: &[u8], expected: &[(&str, &str)]) {
    let expected: Shown =
        expected.iter().map(|it| (it.0.to_owned(), Ok(it.1.to_owned()))).collect();
    assert_eq!(read(name, bytes), expected, "{name}");
}

fn broken(shown: &Shown) -> bool {
    matches!(shown.last(), Some((_, Err(Fault::Container(_)))))
}

#[test]
fn documents_come_out_of_containers_of_every_kind() {
    let members =
        tar(&[file("a.json", "1"), symlink("link.json", "a.json"), file("b/c.json", "2")]);
    let both: &[(&str, &str)] = &[("a.json", "1"), ("b/c.json", "2")];
    check("x.tar", &members, both);
    check("x.tar.gz", &gzip(&members), both);
    check("x.tar.zst", &zstd(&members), both);
    check("x.zip", &zip(&[("a.json", b"1"), ("b/c.json", b"2")]), both);
    check("x.json", b"{}", &[("x.json", "{}")]);
    check("x.json.gz", &[gzip(b"a"), gzip(b"b")].concat(), &[("x.json", "ab")]);
    check("x.json.zst", &[zstd(b"a"), zstd(b"b")].concat(), &[("x.json", "ab")]);
    check("x.json.xz", XZ, &[("x.json", "hello xz\n")]);
    check("x.jsonl", b"1\n\n 2", &[("x.jsonl:1", "1\n"), ("x.jsonl:3", " 2")]);
    check("x.jsonl.zst", &zstd(b"1\n2\n"), &[("x.jsonl:1", "1\n"), ("x.jsonl:2", "2\n")]);
    check("empty", b"", &[("empty", "")]);
}

#[test]
fn a_member_may_be_compressed_once_and_archives_in_archives_stay_shut() {
    let inner = gzip(b"text");
    check(
        "x.zip",
        &zip(&[("a.json.gz", &inner), ("b", &gzip(&inner))]),
        &[("a.json", "text"), ("b", &String::from_utf8_lossy(&inner))],
    );
}

#[test]
fn names_that_climb_out_are_only_names() {
    for name in ["../../etc/passwd", "/etc/passwd/more", "a\\..\\..\\b\\cdefg"] {
        let plain = "x".repeat(name.len());
        let packed = zip(&[(&plain, b"1")]);
        let mut tricky = Vec::new();
        let mut rest = packed.as_slice();
        while let Some((byte, after)) = rest.split_first() {
            let hit = rest.starts_with(plain.as_bytes());
            tricky.extend_from_slice(if hit {
                name.as_bytes()
            } else {
                std::slice::from_ref(byte)
            });
            rest = if hit { &rest[name.len()..] } else { after };
        }
        check("x.zip", &tricky, &[(name, "1")]);
    }
}

#[test]
fn what_is_cut_is_known_to_be_cut() {
    let content: Vec<u8> =
        (0..40_000_u32).flat_map(|it| (it.wrapping_mul(2_654_435_769)).to_le_bytes()).collect();
    let archive = tar(&[file("a", "1"), file("b", &content)]);
    let kinds =
        [archive.clone(), gzip(&archive), zstd(&archive), zip(&[("a", b"1"), ("b", &content)])];
    for (kind, bytes) in kinds.iter().enumerate() {
        for cut in [bytes.len() / 2, bytes.len() * 3 / 4] {
            assert!(broken(&read("x", &bytes[..cut])), "{kind} cut at {cut}");
        }
    }
}

#[test]
fn bombs_are_not_unpacked() {
    let zeros = vec![0; 100 << 20];
    let packed = best(&zeros);
    assert!(broken(&read("x.json.gz", &packed)));
    let shown = read("x.zip", &zip(&[("a", &zeros), ("b", b"1")]));
    assert!(broken(&shown) && shown.len() == 1, "{}", shown.len());
    let shown = read("x.tar", &tar(&[file("a.gz", packed), file("b", "1")]));
    assert!(matches!(&shown[0].1, Err(Fault::Document(_))) && shown[1].1.is_ok());
}

#[test]
fn damage_never_panics_and_a_spoiled_member_spoils_no_other() {
    let content = b"some text, some text, some other text";
    let packed = zip(&[("a", content), ("b", content)]);
    let kinds = [packed.clone(), gzip(content), zstd(content), XZ.to_vec()];
    for bytes in kinds {
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            drop((read("x", &damaged), read("x", &bytes[..at])));
        }
    }
    let mut spoiled = packed;
    // Behind the local header, and so within the first member's data.
    spoiled[36] ^= 0x55;
    let shown = read("x.zip", &spoiled);
    assert!(matches!(shown[0].1, Err(Fault::Document(_))), "{shown:?}");
    assert!(shown[1].1.is_ok(), "{shown:?}");
}
