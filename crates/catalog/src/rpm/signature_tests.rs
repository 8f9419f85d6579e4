//! Packages that are signed, altered afterwards, or neither; and those that rpm itself signs and installs.
use super::{Verifier, tests::NAMED};
use inspect::{File, Found, Inspector, openpgp::Keys};
use model::{ImagePath, Signed};
use std::{fs, path::Path, process::Command};
use testkit::{
    openpgp::Signer,
    real::installed,
    rpm::{BINARY, Entry, INT32, STRING, STRINGS, header, ndb, region, signed, with},
};

/// A package with one file, of this digest.
const fn package(digest: &[u8]) -> [Entry<'_>; 8] {
    let [name, version, release] = NAMED;
    let file: Entry<'_> = (1117, STRINGS, 1, b"tool\0");
    let dirs: Entry<'_> = (1118, STRINGS, 1, b"/bin/\0");
    let places: Entry<'_> = (1116, INT32, 1, &[0; 4]);
    let [digests, flags] = [(1035, STRINGS, 1, digest), (1037, INT32, 1, &[0; 4])];
    [name, version, release, file, dirs, places, digests, flags]
}
const GOOD: &[u8] = b"00000000000000000000000000000001\0";
const OTHER: &[u8] = b"00000000000000000000000000000002\0";

fn signature(by: &Signer, region: &[u8]) -> Vec<u8> {
    by.sign(0, &signed(region))
}

fn look(keys: &[u8], database: &[u8], name: &str) -> Found {
    let all = Verifier::all(Keys::parse(keys).unwrap());
    let path = ImagePath::parse(format!("var/lib/rpm/{name}").as_bytes()).unwrap();
    let mut found = Found::default();
    let file = File::new(&path, database);
    let head = inspect::Head { path: &path, size: 1, mode: 0o644, start: &[] };
    all.iter().find(|it| it.wants(&head)).unwrap().inspect(&file, &mut found).unwrap();
    found
}

#[test]
fn the_signature_of_a_header_is_verified() {
    let (ours, other) = (Signer::new(1), Signer::new(2));
    let check = |what: &str, blob: Vec<u8>, expected: Signed, digest: &[u8]| {
        let found = look(&ours.public(), &ndb(&[blob]), "Packages.db");
        let [owned] = &found.owned[..] else { panic!("{what}: {found:?}") };
        assert_eq!((owned.signed, owned.package.as_str()), (expected, "a-1-2"), "{what}");
        let got = owned.files[0].digest.clone();
        let last = if digest == GOOD { 1 } else { 2 };
        let expected = Some(model::FileDigest::Md5(
            [[0; 15].as_slice(), &[last]].concat().try_into().unwrap(),
        ));
        assert_eq!(got, expected, "{what}");
        assert!(found.gaps.is_empty(), "{what}: {:?}", found.gaps);
    };
    let good = region(&package(GOOD));
    let by = |it: &Signer| signature(it, &good);
    let entry = |it: &[u8]| (268, BINARY, u32::try_from(it.len()).unwrap());
    let one = |region: &[u8], it: &[u8], more: &[Entry<'_>]| {
        let (tag, kind, count) = entry(it);
        with(region, &[&[(tag, kind, count, it)], more].concat())
    };
    check("signed", one(&good, &by(&ours), &[]), Signed::Verified, GOOD);
    check("by somebody else", one(&good, &by(&other), &[]), Signed::Unknown, GOOD);
    check("not signed", with(&good, &[(1008, INT32, 1, &[0; 4])]), Signed::Unsigned, GOOD);
    let forged = region(&package(OTHER));
    check("with other digests", one(&forged, &by(&ours), &[]), Signed::Forged, OTHER);
    // What was added later comes before what was signed, wherever nobody verifies; it must not count.
    let added = [(1035, STRINGS, 1, OTHER), (1000, STRING, 1, &b"b\0"[..])];
    check("with digests added", one(&good, &by(&ours), &added), Signed::Verified, GOOD);
    let text = [base64(&by(&other)), base64(&by(&ours))].concat();
    check("as rpm 6 has it", with(&good, &[(278, STRINGS, 2, &text)]), Signed::Verified, GOOD);
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    (BASE64_STANDARD.encode(bytes) + "\0").into_bytes()
}

#[test]
fn signatures_that_are_not_verified_are_told_of_once() {
    let ours = Signer::new(1);
    let whole = header(&package(GOOD));
    let signature = signature(&ours, &whole);
    let count = u32::try_from(signature.len()).unwrap();
    let bare = header(&[&package(GOOD)[..], &[(268, BINARY, count, &signature)]].concat());
    let found = look(&ours.public(), &ndb(&[bare.clone(), bare]), "Packages.db");
    let told: Vec<String> = found.gaps.iter().map(ToString::to_string).collect();
    let [told] = &told[..] else { panic!("{told:?}") };
    assert!(
        told.contains("signatures of 2 packages, which are not verified: a header without"),
        "{told}"
    );
}

#[test]
fn no_damage_makes_a_signature_true() {
    let ours = Signer::new(1);
    let region = region(&package(GOOD));
    let signature = signature(&ours, &region);
    let count = u32::try_from(signature.len()).unwrap();
    let whole = with(&region, &[(268, BINARY, count, &signature)]);
    for at in 0..whole.len() {
        let mut blob = whole.clone();
        blob[at] ^= 1;
        let found = look(&ours.public(), &ndb(&[blob]), "Packages.db");
        // What is believed is what was signed, whatever happened to the rest.
        for owned in found.owned.iter().filter(|it| it.signed == Signed::Verified) {
            assert_eq!((owned.package.as_str(), owned.files.len()), ("a-1-2", 1), "{at}");
            assert!(format!("{:?}", owned.files[0].digest).ends_with("0, 1]))"), "{at}");
        }
    }
}

fn run(home: &Path, program: &str, args: &[&str]) {
    let output =
        Command::new(program).env("HOME", home).env("GNUPGHOME", home).args(args).output().unwrap();
    assert!(
        output.status.success(),
        "{program} {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn what_rpm_signs_and_installs() {
    if !installed(&["rpm", "rpmbuild", "rpmsign", "gpg", "gpgconf"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let place = |name: &str| home.path().join(name).to_string_lossy().into_owned();
    let spec = "Name: tool\nVersion: 1\nRelease: 2\nSummary: x\nLicense: MIT\nBuildArch: noarch\n%description\nx\n\
                %install\nmkdir -p %{buildroot}/opt\necho tool > %{buildroot}/opt/tool\n%files\n/opt/tool\n";
    fs::write(place("tool.spec"), spec).unwrap();
    let top = format!("_topdir {}", place("top"));
    run(home.path(), "rpmbuild", &["--quiet", "--define", &top, "-bb", &place("tool.spec")]);
    let rpm = place("top/RPMS/noarch/tool-1-2.noarch.rpm");
    let quiet = ["--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback"];
    let file = "rpmdb.sqlite";
    for algorithm in ["rsa2048", "ed25519"] {
        let user = format!("{algorithm}@packages.invalid");
        run(
            home.path(),
            "gpg",
            &[&quiet[..], &["--quick-generate-key", &user, algorithm, "sign", "1d"]].concat(),
        );
        let key = place(&format!("{algorithm}.asc"));
        run(home.path(), "gpg", &["--batch", "--armor", "--output", &key, "--export", &user]);
        let name = format!("_gpg_name {user}");
        let gpg = "__gpg /usr/bin/gpg";
        let sign = ["--define", &name, "--define", gpg, "--resign", &rpm];
        run(home.path(), "rpmsign", &sign);
        let root = place(algorithm);
        let path = "_dbpath /var/lib/rpm";
        let install = ["-i", "--root", &root, "--define", path, "--nodeps", "--nosignature", &rpm];
        run(home.path(), "rpm", &install);
        let database = fs::read(format!("{root}/var/lib/rpm/{file}")).unwrap();
        let found = look(&fs::read(&key).unwrap(), &database, file);
        let signed: Vec<_> =
            found.owned.iter().map(|it| (it.package.as_str(), it.signed)).collect();
        assert_eq!(
            signed,
            [("tool-1-2.noarch", Signed::Verified)],
            "{algorithm}: {:?}",
            found.gaps
        );
        let other = look(&Signer::new(1).public(), &database, file);
        assert_eq!(other.owned[0].signed, Signed::Unknown);
        // The same length, and somebody else's digest.
        let digest = found.owned[0].files[0].digest.clone();
        let Some(model::FileDigest::Sha256(digest)) = digest else { panic!("{digest:?}") };
        let hex: String = digest.iter().map(|it| format!("{it:02x}")).collect();
        let at = database.windows(64).position(|it| it == hex.as_bytes()).unwrap();
        let mut forged = database.clone();
        forged[at] ^= 1;
        assert_eq!(
            look(&fs::read(&key).unwrap(), &forged, file).owned[0].signed,
            Signed::Forged,
            "{algorithm}"
        );
    }
    drop(Command::new("gpgconf").env("GNUPGHOME", home.path()).args(["--kill", "all"]).output());
}
