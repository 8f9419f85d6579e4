//! Archives that real tools make, and the collection of ClamAV: `clam.exe`, which is harmless, packed in every way.
use super::{Budget, Go, Member, Visit, budget, visit};
use crate::Fault;
use std::{
    collections::BTreeSet,
    env, fs,
    path::Path,
    process::{Command, Stdio},
};

/// Runs `script` in a folder with the files of the test, and gives what it leaves in `out`.
fn packed(programs: &[&str], script: &str) -> Option<Vec<u8>> {
    for program in programs {
        let mut command = Command::new(program);
        let found = command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null());
        if found.stderr(Stdio::null()).status().is_err() {
            missing(program);
            return None;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("in/d")).unwrap();
    fs::write(folder.path().join("in/a"), "one").unwrap();
    fs::write(folder.path().join("in/d/b"), text()).unwrap();
    let mut command = Command::new("sh");
    let output = command.args(["-euc", script]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    Some(fs::read(folder.path().join("out")).unwrap())
}

fn missing(what: &str) {
    assert!(env::var_os("PLIMSOLL_TEST_ALL").is_none(), "{what} is not installed");
    eprintln!("skipped: {what} is not installed");
}

/// Long enough for every tool to pack it.
fn text() -> String {
    (0..20_000).map(|it| format!("{it}\n")).collect()
}

fn last_of(path: &str) -> &str {
    path.rsplit("!/").next().unwrap_or_default().trim_start_matches("./")
}

fn check(name: &str, programs: &[&str], script: &str) {
    let Some(bytes) = packed(programs, script) else { return };
    let mut seen = BTreeSet::new();
    let missed = visit("f", &bytes, &mut budget(), &mut |member| {
        let path = member.path().to_owned();
        let content = member.content()?;
        assert!(content.complete, "{name}: {path}");
        match last_of(&path) {
            "a" => assert_eq!(content.bytes, b"one", "{name}"),
            "d/b" => assert!(content.bytes == text().as_bytes(), "{name}"),
            _ => return Ok(Go::Inside),
        }
        seen.insert(last_of(&path).to_owned());
        Ok(Go::Inside)
    });
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["a", "d/b"], "{name}: {missed:?}");
    assert_eq!(missed, [""; 0], "{name}");
}

#[test]
fn what_real_tools_pack() {
    for (name, programs, script) in [
        ("zip", &["zip"][..], "cd in; zip -qr ../out.zip .; mv ../out.zip ../out"),
        ("zip, stored", &["zip"], "cd in; zip -q0r ../out.zip .; mv ../out.zip ../out"),
        ("zip, from a pipe", &["zip"], "cd in; zip -qr - . | cat > ../out"),
        ("zip, large form", &["zip"], "cd in; zip -qr -fz ../out.zip .; mv ../out.zip ../out"),
        ("zip, bzip2", &["zip"], "cd in; zip -qr -Z bzip2 ../out.zip .; mv ../out.zip ../out"),
        (
            "zip in zip",
            &["zip"],
            "cd in; zip -qr ../x.zip .; cd ..; zip -q o.zip x.zip; mv o.zip out",
        ),
        ("zip, lzma", &["7zz"], "cd in; 7zz a -tzip -mm=LZMA ../o.zip .; mv ../o.zip ../out"),
        ("zip, xz", &["7zz"], "cd in; 7zz a -tzip -mm=XZ ../o.zip .; mv ../o.zip ../out"),
        ("jar", &["python3"], "cd in; python3 -m zipfile -c ../out a d"),
        ("tar", &["tar"], "tar -C in -cf out ."),
        ("tar, posix", &["tar"], "tar -C in --format=posix -cf out ."),
        ("tar, before posix", &["tar"], "tar -C in --format=v7 -cf out ."),
        ("tar.gz", &["tar"], "tar -C in -czf out ."),
        ("tar.bz2", &["tar", "bzip2"], "tar -C in -cjf out ."),
        ("tar.xz", &["tar", "xz"], "tar -C in -cJf out ."),
        (
            "tar.xz, crc32, two streams",
            &["tar", "xz"],
            "tar -C in -cf t .; head -c 9999 t | xz -C crc32 > out; tail -c +10000 t | xz >> out",
        ),
        ("tar.xz, x86", &["tar", "xz"], "tar -C in -c . | xz --x86 --lzma2 > out"),
        ("tar.zst", &["tar", "zstd"], "tar -C in -c . | zstd -q > out"),
        ("tar.zst, best", &["tar", "zstd"], "tar -C in -c . | zstd -q -19 > out"),
        ("tar.lzma", &["tar", "xz"], "tar -C in -c . | lzma > out"),
        ("cpio, newc", &["cpio"], "cd in; find . | cpio --quiet -o -H newc > ../out"),
        ("cpio, crc", &["cpio"], "cd in; find . | cpio --quiet -o -H crc > ../out"),
        ("cpio, odc", &["cpio"], "cd in; find . | cpio --quiet -o -H odc > ../out"),
        ("cpio, bin", &["cpio"], "cd in; find . | cpio --quiet -o -H bin > ../out"),
        ("7z", &["7zz"], "cd in; 7zz a -mx=9 ../out.7z .; mv ../out.7z ../out"),
        (
            "7z, lzma, not solid",
            &["7zz"],
            "cd in; 7zz a -m0=LZMA -ms=off -mhc=off ../o.7z .; mv ../o.7z ../out",
        ),
        ("7z, bzip2", &["7zz"], "cd in; 7zz a -m0=BZip2 ../o.7z .; mv ../o.7z ../out"),
        ("7z, deflate", &["7zz"], "cd in; 7zz a -m0=Deflate ../o.7z .; mv ../o.7z ../out"),
        ("7z, copied", &["7zz"], "cd in; 7zz a -m0=Copy ../o.7z .; mv ../o.7z ../out"),
        (
            "7z, x86, four streams",
            &["7zz"],
            "cd in; 7zz a -mf=BCJ2 -m0=LZMA ../o.7z .; mv ../o.7z ../out",
        ),
        (
            "7z, arm64 and delta",
            &["7zz"],
            "cd in; 7zz a -m0=ARM64 -m1=Delta:4 -m2=LZMA2 ../o.7z .; mv ../o.7z ../out",
        ),
        ("7z in tar.gz", &["7zz"], "cd in; 7zz a ../o.7z .; cd ..; tar -czf out o.7z"),
        ("ar", &["ar"], "cd in; ar rcP ../out a d/b"),
        ("deb, xz", &["dpkg-deb"], &deb("xz")),
        ("deb, gzip", &["dpkg-deb"], &deb("gzip")),
        ("deb, zstd", &["dpkg-deb"], &deb("zstd")),
        ("rpm, xz", &["rpmbuild"], &rpm("w2.xzdio")),
        ("rpm, zstd", &["rpmbuild"], &rpm("w3.zstdio")),
    ] {
        check(name, programs, script);
    }
}

#[test]
fn what_is_encrypted_or_packed_in_a_rare_way_is_told() {
    for (program, script, expected) in [
        ("zip", "cd in; zip -q -P secret ../o.zip a; mv ../o.zip ../out", "!: encrypted"),
        ("7zz", "cd in; 7zz a -psecret ../o.7z a; mv ../o.7z ../out", "!: encrypted"),
        ("7zz", "cd in; 7zz a -psecret -mhe ../o.7z a; mv ../o.7z ../out", "!: encrypted"),
        (
            "7zz",
            "cd in; 7zz a -psecret -mem=AES256 -tzip ../o.zip a; mv ../o.zip ../out",
            "!: encrypted",
        ),
        (
            "7zz",
            "cd in; 7zz a -m0=PPMd ../o.7z a; mv ../o.7z ../out",
            "!: not supported: a: 7z: packed by ppmd",
        ),
    ] {
        let Some(bytes) = packed(&[program], script) else { continue };
        assert_eq!(
            visit("f", &bytes, &mut budget(), &mut |_| Ok(Go::Inside)),
            [expected],
            "{script}"
        );
    }
}

#[test]
fn no_damage_to_what_tools_pack_makes_it_panic() {
    for (program, script) in [
        ("7zz", "cd in; 7zz a -mx=1 ../o.7z a; mv ../o.7z ../out"),
        ("7zz", "cd in; 7zz a -mx=1 -mhc=off -mf=BCJ2 ../o.7z a; mv ../o.7z ../out"),
        ("7zz", "cd in; 7zz a -mx=1 -m0=LZMA -ms=off ../o.7z a; mv ../o.7z ../out"),
        ("7zz", "cd in; 7zz a -tzip -mx=1 -mm=LZMA ../o.zip a; mv ../o.zip ../out"),
        ("7zz", "cd in; 7zz a -tzip -mx=1 -mm=XZ ../o.zip a; mv ../o.zip ../out"),
        ("zip", "cd in; zip -q -fz ../o.zip a; mv ../o.zip ../out"),
        ("xz", "xz -0c in/a > out"),
        ("xz", "xz -0 --format=lzma -c in/a > out"),
        ("zstd", "zstd -qc in/a > out"),
        ("cpio", "cd in; echo a | cpio --quiet -o -H bin > ../out"),
    ] {
        let Some(bytes) = packed(&[program], script) else { continue };
        for at in 0..bytes.len() {
            for flip in [0x55, 0x80] {
                let mut flipped = bytes.clone();
                flipped[at] ^= flip;
                visit("f", &flipped, &mut budget(), &mut |it| it.content().map(|_| Go::Inside));
            }
            let cut = &bytes[..at];
            visit("f", cut, &mut budget(), &mut |it| it.content().map(|_| Go::Inside));
        }
    }
}

fn deb(compression: &str) -> String {
    let control = "Package: p\\nVersion: 1\\nArchitecture: all\\nMaintainer: m\\nDescription: d\\n";
    format!(
        "mkdir in/DEBIAN; printf '{control}' > in/DEBIAN/control; dpkg-deb -Z{compression} -b in out"
    )
}

fn rpm(payload: &str) -> String {
    format!(
        "cat > p.spec <<'END'\nName: p\nVersion: 1\nRelease: 1\nSummary: s\nLicense: l\nBuildArch: noarch\n\
         %description\nd\n%install\nmkdir -p %{{buildroot}}/d\ncp $SOURCES_AT/a %{{buildroot}}\n\
         cp $SOURCES_AT/d/b %{{buildroot}}/d\n%files\n/a\n/d/b\nEND\n\
         export SOURCES_AT=$PWD/in HOME=$PWD\n\
         rpmbuild --quiet -bb --define \"_topdir $PWD/r\" --define '_binary_payload {payload}' p.spec\n\
         mv r/RPMS/noarch/p-1-1.noarch.rpm out"
    )
}

fn deep(bytes: &[u8], name: &str, visitor: &mut Visit<'_>) -> Vec<String> {
    visit(name, bytes, &mut Budget { depth: 16, ..Budget::default() }, visitor)
}

#[test]
fn the_collection_of_clamav() {
    let folder = Path::new("/usr/share/clamav-testfiles");
    if !folder.is_dir() {
        return missing("clamav-testfiles");
    }
    let plain = fs::read(folder.join("clam.exe")).unwrap();
    for name in [
        "clam.zip",
        "clam.7z",
        "clam.bz2.zip",
        "clam.tar.gz",
        "clam.exe.bz2",
        "clam.bin-be.cpio",
        "clam.bin-le.cpio",
        "clam.newc.cpio",
        "clam.odc.cpio",
        "clam_cache_emax.tgz",
    ] {
        let mut seen = 0;
        let mut visitor = |member: &mut Member<'_>| -> Result<Go, Fault> {
            seen += usize::from(member.content()?.bytes == plain);
            Ok(Go::Inside)
        };
        let missed = deep(&fs::read(folder.join(name)).unwrap(), name, &mut visitor);
        assert!(seen > 0, "{name}: {missed:?}");
        assert_eq!(missed, [""; 0], "{name}");
    }
    for (name, gap) in [
        ("clam.arj", "!: not supported: arj"),
        ("clam.cab", "!: not supported: cabinet"),
        ("clam.d64.zip", "!: not supported: clam.exe: zip: packed by deflate64"),
        ("clam.impl.zip", "!: not supported: CLAM.EXE: zip: packed by imploded"),
    ] {
        let bytes = fs::read(folder.join(name)).unwrap();
        assert_eq!(deep(&bytes, name, &mut |_| Ok(Go::Inside)), [gap], "{name}");
    }
}
