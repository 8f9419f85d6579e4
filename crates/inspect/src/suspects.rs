//! Suspects in every layer: whether they can still be seen, whose they are, and files that are not what their package
//! brought.
use crate::{
    Depth, Fault, File, Found, Head, Inspector, Judged, Limits, inspect_layer,
    tests::{Tar, limits, squash},
};
use model::{
    Diversion, FileDigest, ImagePath, Inventory, Owned, OwnedFile, Signed, Unread,
    malware::{Digests, Sample, Start, Trust, Visibility},
};

/// Takes every file for one that runs, whose digest is its first bytes, and those that say `evil` for suspects. A file
/// called `owned`, `signed` or `forged` says what a package owns: path and digest in each line; one called `diverted` what stands elsewhere.
/// What begins with `slow` it puts off if it may.
struct Eyes;

fn digests(bytes: &[u8]) -> Digests {
    let mut md5 = [b'.'; 16];
    md5.iter_mut().zip(bytes).for_each(|it| *it.0 = *it.1);
    Digests { sha256: [7; 32], sha1: None, md5: Some(md5) }
}

fn path(text: &str) -> ImagePath {
    ImagePath::parse(text.as_bytes()).unwrap()
}

impl Inspector for Eyes {
    fn name(&self) -> &'static str {
        "eyes"
    }

    fn wants(&self, head: &Head<'_>) -> bool {
        head.size > 0
    }

    fn inspect(&self, file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
        let text = file.text()?;
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        match file.path.name() {
            "owned" | "signed" | "forged" => {
                let files = text.lines().map(words).map(|it| OwnedFile {
                    path: path(&it[0]),
                    digest: digests(it[1].as_bytes()).md5.map(FileDigest::Md5),
                    config: it.len() > 2,
                });
                let signed = match file.path.name() {
                    "owned" => Signed::Unchecked,
                    "signed" => Signed::Verified,
                    _ => Signed::Forged,
                };
                let (package, files) = ("p".to_owned(), files.collect());
                found.owned.push(Owned { package, files, signed });
            }
            "diverted" => found.diversions.extend(text.lines().map(words).map(|it| Diversion {
                from: path(&it[0]),
                to: path(&it[1]),
                by: it[2].clone(),
            })),
            _ => {
                let digests = digests(text.as_bytes());
                let sample = |evil: bool| Sample {
                    size: file.size(),
                    mode: file.mode,
                    form: "shell".to_owned(),
                    digests: digests.clone(),
                    evidence: Vec::new(),
                    starts: evil
                        .then(|| Start { what: "it".to_owned(), by: "eyes".to_owned() })
                        .into_iter()
                        .collect(),
                };
                found.put_off = text.starts_with("slow") && file.may_wait();
                let evil = text.contains("evil") && !found.put_off;
                found.sample = (evil || found.put_off).then(|| sample(evil));
                found.judged =
                    Some(Judged { depth: Depth::Whole, digests: Some(digests), runs: true });
            }
        }
        Ok(())
    }

    fn inspect_again(&self, file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
        assert!(found.judged.is_some() && !file.may_wait());
        self.inspect(file, found)
    }
}

fn image(layers: &[Tar]) -> Inventory {
    let wanting = |head: &Head<'_>| -> Vec<&'static dyn Inspector> {
        if Eyes.wants(head) { vec![&Eyes] } else { Vec::new() }
    };
    let report = |it: &Tar| {
        let mut spool = tempfile::tempfile().unwrap();
        inspect_layer(&it.clone().end()[..], &wanting, &limits(), Some(&mut spool)).unwrap()
    };
    squash(layers.iter().map(report).collect())
}

fn suspects(layers: &[Tar]) -> Vec<(String, usize, Visibility, Trust)> {
    let all = image(layers).suspects.into_iter();
    all.map(|it| (it.path.to_string(), it.layer, it.visibility, it.trust)).collect()
}

fn tar() -> Tar {
    Tar::default()
}

#[test]
fn what_a_later_layer_hides_is_still_suspect() {
    let check = |above: Tar, expected: Visibility| {
        let found = suspects(&[tar().file("opt/x", "evil"), above]);
        assert_eq!(found, [("opt/x".to_owned(), 0, expected, Trust::Unknown)]);
    };
    check(tar().file("opt/y", "good"), Visibility::Effective);
    check(tar().file("opt/x", "good"), Visibility::Shadowed(1));
    check(tar().file("opt/.wh.x", ""), Visibility::Deleted(1));
    check(tar().file(".wh.opt", ""), Visibility::Deleted(1));
    check(tar().file("opt/.wh..wh..opq", ""), Visibility::Deleted(1));
    check(tar().file("opt", "good"), Visibility::Deleted(1));
}

#[test]
fn a_file_of_several_names_is_suspect_under_each() {
    let layer = tar().file("a", "evil").entry(b'1', "b", "a", 0o755, b"").file("c", "good");
    let layer = layer.entry(b'1', "d", "c", 0o755, b"");
    let found: Vec<_> = suspects(&[layer]).into_iter().map(|it| it.0).collect();
    assert_eq!(found, ["a", "b"]);
    assert!(image(&[tar().file("c", "good").entry(b'1', "d", "c", 0o755, b"")]).gaps.is_empty());
}

#[test]
fn suspects_are_held_against_their_packages() {
    let check = |owned: &str, expected: Trust| {
        let found = suspects(&[tar().file("bin/x", "evil").file("owned", owned)]);
        assert_eq!(found[0].3, expected, "{owned}");
    };
    check("bin/y evil", Trust::Unknown);
    check("bin/x evil", Trust::Claimed("p".to_owned()));
    check("bin/x good", Trust::Mismatch("p".to_owned()));
    check("bin/x good\nbin/x evil", Trust::Claimed("p".to_owned()));
    check("bin/x good config", Trust::Unknown);
}

#[test]
fn signed_packages_are_believed_and_forged_ones_are_told() {
    let check = |lists: &[(&str, &str)], trust: Trust, altered: usize| {
        let layer = tar().file("bin/x", "evil");
        let image = image(&[lists.iter().fold(layer, |layer, it| layer.file(it.0, it.1))]);
        assert_eq!(image.suspects[0].trust, trust, "{lists:?}");
        assert_eq!(image.altered.len(), altered, "{lists:?}");
        let count = |name: &str| lists.iter().filter(|it| it.0 == name).count();
        assert_eq!(image.forged.len(), count("forged"), "{lists:?}");
        let counts = image.signatures.unwrap_or_default();
        let expected = (count("signed"), count("forged"));
        assert_eq!(
            (usize::try_from(counts.verified), usize::try_from(counts.forged)),
            (Ok(expected.0), Ok(expected.1))
        );
        assert_eq!(image.signatures.is_some(), expected != (0, 0), "{lists:?}");
    };
    let p = || "p".to_owned();
    check(&[("owned", "bin/x evil")], Trust::Claimed(p()), 0);
    check(&[("signed", "bin/x evil")], Trust::Signed(p()), 0);
    check(&[("signed", "bin/x good")], Trust::Mismatch(p()), 1);
    check(&[("forged", "bin/x evil")], Trust::Forged(p()), 0);
    // Nobody is heard besides who has signed.
    check(&[("signed", "bin/x good"), ("owned", "bin/x evil")], Trust::Mismatch(p()), 1);
    check(&[("signed", "bin/x evil"), ("owned", "bin/x good")], Trust::Signed(p()), 0);
    check(&[("signed", "bin/y good"), ("owned", "bin/x evil")], Trust::Claimed(p()), 0);
}

#[test]
fn files_that_are_not_what_their_package_brought_are_told() {
    let altered = |layers: &[Tar]| -> Vec<(String, usize)> {
        image(layers).altered.into_iter().map(|it| (it.path.to_string(), it.layer)).collect()
    };
    let base = || tar().file("bin/x", "good").file("owned", "bin/x good");
    assert_eq!(altered(&[base()]), []);
    assert_eq!(altered(&[base(), tar().file("bin/x", "other")]), [("bin/x".to_owned(), 1)]);
    let upgraded = tar().file("bin/x", "better").file("owned", "bin/x better");
    assert_eq!(altered(&[base(), upgraded]), []);
    // What nobody says anything about, and what the administrator may edit.
    assert_eq!(altered(&[base(), tar().file("bin/y", "other")]), []);
    let config = tar().file("etc/x", "mine").file("owned", "etc/x good config");
    assert_eq!(altered(&[config]), []);
}

#[test]
fn a_file_that_is_written_through_a_link_is_held_against_its_package() {
    let altered = |layers: &[Tar]| -> Vec<(String, usize)> {
        image(layers).altered.into_iter().map(|it| (it.path.to_string(), it.layer)).collect()
    };
    let link = |it: Tar, name, target| it.entry(b'2', name, target, 0o777, b"");
    let base = || {
        let tar = tar().entry(b'5', "usr/bin", "", 0o755, b"").file("usr/bin/x", "good");
        link(tar.file("owned", "bin/x good"), "bin", "usr/bin")
    };
    let other = |name| tar().file(name, "other");
    let told = |layer| vec![("usr/bin/x".to_owned(), layer)];
    let check = |above: &[Tar], expected: Vec<(String, usize)>| {
        assert_eq!(altered(&[&[base()][..], above].concat()), expected);
    };
    check(&[tar().file("bin/x", "good")], Vec::new());
    check(&[other("bin/x")], told(1));
    check(&[other("bin/y")], Vec::new());
    // Through links of links, and through one of the layer itself.
    check(&[link(tar(), "a", "bin"), link(tar(), "usr/bin/b", "."), other("a/b/b/x")], told(3));
    check(&[link(tar(), "a", "bin").file("a/x", "other")], told(1));
    // Whoever wrote last counts, by whatever name; of two names in one layer the wrong one.
    check(&[other("bin/x"), tar().file("usr/bin/x", "good")], Vec::new());
    check(&[tar().file("usr/bin/x", "good"), other("bin/x")], told(2));
    check(&[other("bin/x").file("usr/bin/x", "good")], told(1));
    // The link has become a directory before: `bin/x` is something else, and the package has it there.
    let directory = || tar().entry(b'5', "bin", "", 0o755, b"");
    check(&[directory(), other("bin/x")], vec![("bin/x".to_owned(), 2)]);
    check(&[directory().file("bin/x", "other")], vec![("bin/x".to_owned(), 1)]);
}

#[test]
fn a_file_that_was_moved_aside_is_looked_for_where_it_is() {
    let layer = |moved: &str| {
        let layer = tar().file("bin/x", "mine").file("bin/x.real", moved);
        layer.file("owned", "bin/x good").file("diverted", "bin/x bin/x.real other")
    };
    assert_eq!(image(&[layer("good")]).altered, []);
    let altered = image(&[layer("bad")]).altered;
    assert_eq!(altered.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), ["bin/x.real"]);
}

#[test]
fn what_was_examined_is_counted() {
    let image = image(&[tar().file("a", "123").file("empty", ""), tar().file("b", "12345")]);
    let examined = image.examined.unwrap();
    assert_eq!((examined.all.files, examined.all.bytes), (2, 8));
    assert_eq!((examined.whole, examined.skipped.files), (examined.all, 0));
}

#[test]
fn what_a_package_vouches_for_is_looked_at_once() {
    let check = |layers: &[Tar], seen: &[&str], claimed: u64, unread: usize| {
        let image = image(layers);
        let suspects: Vec<_> = image.suspects.iter().map(|it| it.path.as_str()).collect();
        let examined = image.examined.unwrap();
        // The lists that say what packages own.
        assert!(examined.skipped.files <= 1);
        assert_eq!((suspects, examined.claimed.files), (seen.to_vec(), claimed));
        assert_eq!(image.unread.files, unread);
        assert_eq!(image.unread.packages.len(), usize::from(claimed > 0 && unread == 0));
    };
    let slow = || tar().file("usr/a", "slow-evil");
    let vouched = || slow().file("owned", "usr/a slow-evil");
    check(&[slow()], &["usr/a"], 0, 0);
    check(&[vouched()], &[], 1, 0);
    check(&[slow().file("owned", "usr/a slow-good")], &["usr/a"], 0, 0);
    check(&[slow().file("owned", "usr/a slow-evil config")], &["usr/a"], 0, 0);
    // Of the layer alone: what comes later does not matter to it, and what came before was not known.
    check(&[slow(), tar().file("owned", "usr/a slow-evil")], &["usr/a"], 0, 0);
    check(&[tar().file("owned", "usr/a slow-evil"), slow()], &["usr/a"], 0, 0);
    // The package is gone, its file is not; or both are.
    check(&[vouched(), tar().file(".wh.owned", "")], &[], 1, 1);
    let gone = image(&[vouched(), tar().file(".wh.owned", "").file(".wh.usr", "")]);
    assert_eq!(gone.unread, Unread::default());
    // Other names, and names that are used again.
    let linked = |to: Tar| to.entry(b'1', "usr/b", "usr/a", 0o755, b"");
    check(&[linked(slow())], &["usr/a", "usr/b"], 0, 0);
    check(&[linked(slow()).file("usr/b", "good")], &["usr/a"], 0, 0);
    check(&[slow().file("usr/a", "slow-good")], &[], 0, 0);
    check(&[tar().file("usr/a", "good").file("usr/a", "slow-evil")], &["usr/a"], 0, 0);
}

#[test]
fn what_has_no_room_to_wait_is_looked_at_at_once() {
    let layer = tar()
        .file("a", "slow-evil")
        .file("b", "slow-evil")
        .file("owned", "a slow-evil\nb slow-evil");
    let layer = layer.end();
    let wanting = |head: &Head<'_>| -> Vec<&'static dyn Inspector> {
        if Eyes.wants(head) { vec![&Eyes] } else { Vec::new() }
    };
    let claimed = |waiting_bytes, spool: Option<&mut std::fs::File>| {
        let limits = Limits { waiting_bytes, ..limits() };
        inspect_layer(&layer[..], &wanting, &limits, spool).unwrap().examined.claimed.files
    };
    let mut spool = tempfile::tempfile().unwrap();
    assert_eq!(claimed(0, Some(&mut spool)), 0);
    assert_eq!(claimed(12, Some(&mut spool)), 1);
    assert_eq!(claimed(1000, Some(&mut spool)), 2);
    assert_eq!(claimed(1000, None), 0);
}
