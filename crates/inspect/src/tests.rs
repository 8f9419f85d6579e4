//! Layers of every odd kind, through the whole pass.
#![expect(clippy::arithmetic_side_effects, reason = "numbers of our own")]
use crate::{
    Cover, Fault, File, Found, Head, Inspector, LayerReport, Limits, Squash, inspect_layer,
};
use model::{Component, Ecosystem, Gap, Inventory, Owned, OwnedFile, Reason, Release, Signed};
use proptest::prelude::*;
use std::io::{self, Cursor, Read};

/// Takes every file called `list` for one that declares a component a line, every `os-release` for
/// the release, every `owns` for one that lists files; and panics at `panic`.
struct Lines;

impl Inspector for Lines {
    fn name(&self) -> &'static str {
        "lines"
    }

    fn wants(&self, head: &Head<'_>) -> bool {
        ["list", "npm", "os-release", "owns", "panic"].contains(&head.path.name())
    }

    fn inspect(&self, file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
        let text = file.text()?;
        match file.path.name() {
            "panic" => panic!("as told"),
            "os-release" => {
                found.release = Some(Release { id: text.trim().into(), ..Release::default() });
            }
            "owns" => found.owned.push(Owned {
                package: "p".into(),
                files: text
                    .lines()
                    .map(|it| OwnedFile {
                        path: model::ImagePath::parse(it.trim_end_matches('!').as_bytes()).unwrap(),
                        // Of what no file holds.
                        digest: it.ends_with('!').then_some(model::FileDigest::Md5([1; 16])),
                        config: false,
                    })
                    .collect(),
                signed: Signed::Unchecked,
            }),
            "npm" => {
                found
                    .components
                    .extend(text.lines().map(|it| Component::new(Ecosystem::Npm, it, "1")));
            }
            _ => found.components.extend(
                text.trim_matches('\0').lines().map(|it| Component::new(Ecosystem::Deb, it, "1")),
            ),
        }
        Ok(())
    }
}

/// A tar archive in the making.
#[derive(Clone, Default)]
pub(crate) struct Tar(Vec<u8>);

impl Tar {
    pub(crate) fn entry(mut self, kind: u8, name: &str, link: &str, mode: u32, data: &[u8]) -> Tar {
        let mut block = [0; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[100..107].copy_from_slice(format!("{mode:07o}").as_bytes());
        block[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
        block[156] = kind;
        block[157..157 + link.len()].copy_from_slice(link.as_bytes());
        block[257..265].copy_from_slice(b"ustar\x0000");
        sum(&mut block);
        self.0.extend(block);
        self.0.extend(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn file(self, name: &str, data: &str) -> Tar {
        self.entry(b'0', name, "", 0o644, data.as_bytes())
    }

    fn program(self, name: &str, data: &str) -> Tar {
        self.entry(b'0', name, "", 0o755, data.as_bytes())
    }

    fn dir(self, name: &str) -> Tar {
        self.entry(b'5', name, "", 0o755, b"")
    }

    fn link(self, name: &str, target: &str) -> Tar {
        self.entry(b'2', name, target, 0o777, b"")
    }

    fn hard(self, name: &str, target: &str) -> Tar {
        self.entry(b'1', name, target, 0o644, b"")
    }

    fn pax(self, records: &[(&str, &str)]) -> Tar {
        let record = |(key, value): &(&str, &str)| {
            let rest = key.len() + value.len() + 3;
            let len = (1..4).map(|it| rest + it).find(|it| it.to_string().len() + rest == *it);
            format!("{} {key}={value}\n", len.unwrap())
        };
        let text: String = records.iter().map(record).collect();
        self.entry(b'x', "pax", "", 0o644, text.as_bytes())
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}

fn sum(block: &mut [u8; 512]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|it| u32::from(*it)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn wanting(head: &Head<'_>) -> Vec<&'static dyn Inspector> {
    if Lines.wants(head) { vec![&Lines] } else { Vec::new() }
}

pub(crate) fn limits() -> Limits {
    Limits { memory_bytes: 4096, file_bytes: 1 << 20, entries: 1000, ..Limits::default() }
}

fn report(bytes: &[u8]) -> LayerReport {
    let mut spool = tempfile::tempfile().unwrap();
    inspect_layer(Cursor::new(bytes), &wanting, &limits(), Some(&mut spool)).unwrap()
}

/// `path: names` for all that was found, then the gaps.
fn show(report: &LayerReport) -> Vec<String> {
    let found = report.found.iter().map(|(path, all)| {
        let components = all.iter().flat_map(|it| &it.1.components);
        let names: Vec<&str> = components.map(|it| it.name.as_str()).collect();
        format!("{path}: {}", names.join(" "))
    });
    let gaps = report.gaps.iter().map(|(path, gap)| match path {
        Some(path) => format!("{path}: {gap}"),
        None => gap.to_string(),
    });
    found.chain(gaps).collect()
}

fn check(tar: Tar, expected: &[&str]) {
    assert_eq!(show(&report(&tar.end())), expected);
}

#[test]
fn names_longer_than_the_header_holds() {
    let long = "d/".repeat(80) + "list";
    check(Tar::default().pax(&[("path", &long)]).file("short", "a"), &[&format!("{long}: a")]);
    let gnu = Tar::default().entry(b'L', "././@LongLink", "", 0, long.as_bytes());
    check(gnu.file("short", "a"), &[&format!("{long}: a")]);
    let mut prefix = Tar::default().file("list", "a");
    prefix.0[345..348].copy_from_slice(b"a/b");
    let mut block: [u8; 512] = prefix.0[..512].try_into().unwrap();
    sum(&mut block);
    prefix.0[..512].copy_from_slice(&block);
    check(prefix, &["a/b/list: a"]);
}

#[test]
fn sparse_files_are_read_with_their_holes() {
    let map = "2\n0\n3\n1000\n2\n";
    let mut data = map.as_bytes().to_vec();
    data.resize(512, 0);
    data.extend(b"ab\ncd");
    let records = [
        ("GNU.sparse.major", "1"),
        ("GNU.sparse.minor", "0"),
        ("GNU.sparse.name", "x/list"),
        ("GNU.sparse.realsize", "1002"),
    ];
    let tar = Tar::default().pax(&records).entry(b'0', "GNUSparse/list", "", 0o644, &data);
    let report = report(&tar.end());
    let names = &report.found.values().next().unwrap()[0].1.components;
    assert_eq!(names[0].name, "ab");
    assert_eq!(names[1].name.trim_start_matches('\0'), "cd");
    let omitted = [&records[..3], &[("GNU.sparse.realsize", "900000")]].concat();
    let mut none = b"0\n".to_vec();
    none.resize(512, 0);
    let tar = Tar::default().pax(&omitted).entry(b'0', "x", "", 0o644, &none).file("list", "a");
    assert_eq!(show(&crate::tests::report(&tar.end())), ["list: a"]);
}

#[test]
fn big_files_go_through_the_spool() {
    let text = "name\n".repeat(10_000);
    let found = report(&Tar::default().file("list", &text).file("b/list", "a").end());
    assert_eq!(found.found.len(), 2);
    assert_eq!(found.found.values().last().unwrap()[0].1.components.len(), 10_000);
    let none = inspect_layer(
        Cursor::new(Tar::default().file("list", &text).end()),
        &wanting,
        &limits(),
        None,
    );
    assert_eq!(none.unwrap_err().to_string(), "list has 50000 bytes, and there is no spool");
}

#[test]
fn what_is_wrong_is_told_and_what_is_right_is_kept() {
    let one = || Tar::default().file("list", "a");
    check(
        one().file("../../list", "b").file("c/list", "c"),
        &["c/list: c", "list: a", "tar: malformed: the path `../../list` climbs out of the image"],
    );
    // Two of them do not stand at the same place.
    let one_path = "tar: malformed: the path `../../x` climbs out of the image";
    let two = one().file("../../x", "b").file("../../x", "c");
    check(two, &["list: a", one_path, one_path]);
    check(
        one().hard("b/list", "../x"),
        &["list: a", "tar: malformed: the path `../x` climbs out of the image"],
    );
    check(
        one().file("panic", "x"),
        &["list: a", "panic: lines: our parser failed: a parser panicked"],
    );
    check(
        one().file("list", "b"),
        &["list: b", "tar: ambiguous: 1 paths stand more than once in the layer"],
    );
    check(
        one().entry(b'5', "dir", "", 0, b"data"),
        &[
            "list: a",
            "tar: ambiguous: an entry that can't have data says that it has",
            "tar: malformed: wrong header checksum",
        ],
    );
    let sizes = one().pax(&[("size", "1")]).file("c/list", "cc");
    check(sizes, &["c/list: c", "list: a", "tar: ambiguous: an entry has two sizes"]);
    let mut behind = one().end();
    behind.extend([1; 512]);
    assert_eq!(
        show(&report(&behind)),
        ["list: a", "tar: ambiguous: data behind the end of the archive",]
    );
    let cut = &one().file("b/list", "b").end()[..1024 + 512];
    assert_eq!(show(&report(cut)), ["list: a", "tar: malformed: ends inside an entry"]);
    let huge = Tar::default().file("a/list", &"x".repeat(2 << 20)).file("list", "a");
    check(huge, &["list: a", "a/list: lines: too large: 2097152 bytes, the limit is 1048576"]);
    let many = (0..1001).fold(Tar::default(), |tar, it| tar.dir(&it.to_string()));
    check(many, &["tar: too large: more than 1000 entries"]);
    check(
        Tar(b"no archive at all".repeat(100)),
        &["tar: malformed: a number in a header is neither octal nor binary"],
    );
    check(Tar::default(), &[]);
}

#[test]
fn the_digest_is_that_of_the_whole_uncompressed_layer() {
    let layer = Tar::default().file("list", "a").end();
    use sha2::Digest as _;
    let expected = model::Digest::sha256(&sha2::Sha256::digest(&layer).into());
    assert_eq!(report(&layer).diff_id, Some(expected));
    let bytes = u64::try_from(layer.len()).unwrap();
    assert_eq!((report(&layer).bytes, report(&layer).entries), (bytes, 1));
}

#[test]
fn an_error_of_the_reader_is_an_error() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("line dropped"))
        }
    }
    let layer = Tar::default().file("list", "a").end();
    for cut in [0, 100, 600, layer.len()] {
        let reader = Cursor::new(layer[..cut].to_vec()).chain(Fails);
        assert!(inspect_layer(reader, &wanting, &limits(), None).is_err(), "{cut}");
    }
}

pub(crate) fn squash(layers: Vec<LayerReport>) -> Inventory {
    let (mut squash, mut covers) = (Squash::default(), Vec::new());
    for report in layers {
        let mut cover = Vec::new();
        report.cover.write(&mut cover).unwrap();
        covers.push(cover);
        squash.add(report);
    }
    squash.finish(|| covers.iter().map(|it| &it[..]).collect()).unwrap()
}

fn fold(layers: &[Tar]) -> Inventory {
    squash(layers.iter().map(|it| report(&it.clone().end())).collect())
}

/// `name@layer` for every component, and `!` for those of no system.
fn components(layers: &[Tar]) -> Vec<String> {
    let inventory = fold(layers);
    let show = |it: &model::Located<Component>| {
        let alien = if it.system.is_none() { "!" } else { "" };
        format!("{}@{}{alien}", it.what.name, it.layer)
    };
    inventory.components.iter().map(show).collect()
}

const DB: &str = "var/lib/dpkg/list";

#[test]
fn the_newest_database_counts_and_each_package_keeps_its_layer() {
    let base = Tar::default().file(DB, "a\nb");
    let more = Tar::default().file(DB, "a\nb\nc");
    let less = Tar::default().file(DB, "b\nc\nd");
    assert_eq!(components(&[base.clone(), more.clone()]), ["a@0", "b@0", "c@1"]);
    assert_eq!(components(&[base.clone(), more.clone(), less.clone()]), ["b@0", "c@1", "d@2"]);
    // Taken out and put back: it came with the layer that put it back.
    assert_eq!(components(&[base.clone(), less, base.clone()]), ["a@2", "b@0"]);
    let none: &[&str] = &[];
    assert_eq!(components(&[base.clone(), Tar::default().file("var/lib/dpkg/.wh.list", "")]), none);
    assert_eq!(components(&[base.clone(), Tar::default().file("var/.wh.lib", "")]), none);
    assert_eq!(components(&[base.clone(), Tar::default().file("var/lib/.wh..wh..opq", "")]), none);
    assert_eq!(components(&[base.clone(), Tar::default().file("var/lib", "x")]), none);
    assert_eq!(components(&[base.clone(), Tar::default().dir(DB)]), none);
    // A layer hides first and adds afterwards.
    let both = more.file("var/lib/dpkg/.wh..wh..opq", "");
    assert_eq!(components(&[base, both]), ["a@0", "b@0", "c@1"]);
}

#[test]
fn what_a_package_brought_is_the_packages() {
    let check = |layers: &[Tar], expected: &str| {
        let inventory = fold(layers);
        let shown: Vec<String> =
            inventory.components.iter().map(|it| it.what.presence.to_string()).collect();
        assert_eq!(shown, [expected]);
    };
    let file = Tar::default().file("usr/lib/npm", "a");
    let owned = file.clone().file("var/lib/dpkg/owns", "usr/lib/npm");
    check(std::slice::from_ref(&file), "installed");
    check(std::slice::from_ref(&owned), "owned by p");
    check(&[file.clone(), Tar::default().file("var/lib/dpkg/owns", "usr/lib/npm")], "owned by p");
    // Somebody put another in its place.
    check(&[file.clone().file("var/lib/dpkg/owns", "usr/lib/npm!")], "installed");
    // Through a link, as it is really called.
    check(
        &[Tar::default().link("lib", "usr/lib").file("var/lib/dpkg/owns", "lib/npm"), file.clone()],
        "owned by p",
    );
    // The package managers of languages are not asked.
    check(&[file.clone().file("usr/lib/owns", "usr/lib/npm")], "installed");
    check(&[owned, Tar::default().file("var/lib/dpkg/.wh.owns", "")], "installed");
}

#[test]
fn links_lead_to_the_same_database() {
    let base = Tar::default().link("var", "data/v").file("data/v/lib/dpkg/list", "a");
    assert_eq!(components(std::slice::from_ref(&base)), ["a@0"]);
    let through = Tar::default().file("var/lib/dpkg/list", "a\nb");
    assert_eq!(components(&[base.clone(), through]), ["a@0", "b@1"]);
    for gone in ["var/lib/dpkg/.wh.list", "var/.wh.lib", "var/.wh..wh..opq"] {
        let gone = Tar::default().file(gone, "");
        assert_eq!(components(&[base.clone(), gone]), Vec::<String>::new());
    }
    // The link itself may come and go: what it leads to stays where it is.
    for other in [Tar::default().link("var", "data/v"), Tar::default().file(".wh.var", "")] {
        assert_eq!(components(&[base.clone(), other]).len(), 1);
    }
    let moved = Tar::default().link("var/lib/dpkg", "../../opt/db").file("opt/db/list", "a");
    assert_eq!(components(&[moved]), ["a@0"]);
    let circle =
        Tar::default().link("var", "lib").link("lib", "var").file("var/lib/dpkg/list", "a");
    assert_eq!(components(&[circle]), ["a@0"]);
}

#[test]
fn a_database_in_an_odd_place_is_listed_but_is_not_the_system() {
    let copy = Tar::default().file("home/u/backup/var/lib/dpkg/list", "a").file(DB, "a");
    assert_eq!(components(&[copy]), ["a@0!", "a@0"]);
    let nested = Tar::default()
        .file("etc/os-release", "debian")
        .file("opt/root/etc/os-release", "alpine")
        .file("opt/root/lib/apk/db/list", "m")
        .file(DB, "a");
    let inventory = fold(&[nested]);
    let systems: Vec<_> = inventory
        .systems
        .iter()
        .map(|it| (it.root.as_str(), it.release.as_ref().unwrap().id.as_str()))
        .collect();
    assert_eq!(systems, [("", "debian"), ("opt/root", "alpine")]);
    let of: Vec<_> = inventory.components.iter().map(|it| (&*it.what.name, it.system)).collect();
    assert_eq!(of, [("m", Some(1)), ("a", Some(0))]);
}

#[test]
fn hard_links_are_another_name_of_what_was_read() {
    let same = Tar::default().file("x/list", "a").hard(DB, "x/list");
    assert_eq!(components(std::slice::from_ref(&same)), ["a@0", "a@0!"]);
    let below = [Tar::default().file("x/list", "a"), Tar::default().hard(DB, "x/list")];
    assert_eq!(components(&below), ["a@1", "a@0!"]);
    // In a layer above, one component stays and one comes; other names begin anew.
    let more = Tar::default().file("x/list", "a\nb").hard("y/list", "x/list").hard(DB, "x/list");
    assert_eq!(
        components(&[same.hard("y/list", "x/list"), more]),
        ["a@1", "b@1", "a@0!", "b@1!", "a@1!", "b@1!"]
    );
    let inventory = fold(&[Tar::default().file("x/data", "a").hard(DB, "x/data")]);
    let gap = &inventory.gaps[0];
    assert_eq!(gap.path.as_ref().unwrap().as_str(), DB);
    assert!(matches!(gap.what, Gap { reason: Reason::Unsupported(_), .. }));
}

#[test]
fn executables_are_attributed_to_packages_by_their_path() {
    let tar = Tar::default()
        .link("bin", "usr/bin")
        .program("usr/bin/sh", "12345")
        // Of the characters that stand for bytes which are not UTF-8.
        .program("usr/lib/\u{ef80}", "1")
        .program("usr/bin/\u{ef80}", "12")
        .program("opt/own", "123")
        .file("usr/share/doc", "1")
        .file(
            "var/lib/dpkg/owns",
            "bin/sh\nbin/\u{ef80}\nusr/lib/\u{ef80}\nusr/share/doc\nnot/there",
        );
    let counts = fold(&[tar]).executables;
    assert_eq!((counts.files, counts.bytes), (4, 11));
    assert_eq!((counts.owned_files, counts.owned_bytes), (3, 8));
}

#[test]
fn reports_survive_storage() {
    let tar = Tar::default().file(DB, "a\nb").link("bin", "usr/bin").program("usr/bin/sh", "12");
    let report = report(&tar.file("etc/.wh.x", "").file("panic", "").end());
    let bytes = postcard::to_stdvec(&report).unwrap();
    let mut again: LayerReport = postcard::from_bytes(&bytes).unwrap();
    let mut cover = Vec::new();
    report.cover.write(&mut cover).unwrap();
    again.cover = Cover::read(&mut &cover[..]).unwrap();
    assert_eq!(again, report);
}

proptest! {
    #[test]
    fn no_damage_makes_it_panic(at in 0_usize..4096, byte: u8, cut in 0_usize..4096) {
        let tar = Tar::default()
            .pax(&[("path", "a/list"), ("size", "1")])
            .file("list", "a")
            .entry(b'S', "s/list", "", 0o644, b"abc")
            .link("bin", "usr/bin")
            .file("list", "b");
        let mut bytes = tar.end();
        let at = at.min(bytes.len() - 1);
        bytes[at] ^= byte;
        drop(report(&bytes));
        bytes.truncate(cut.max(1));
        drop(squash(vec![report(&bytes)]));
    }
}
