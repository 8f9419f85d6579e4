//! Keys and signatures that are made here, and those of GnuPG.
use super::{Keys, Verdict};
use proptest::prelude::*;
use std::{fs, path::Path, process::Command};
use testkit::{openpgp::Signer, real::installed};

const MESSAGE: &[u8] = b"a header";

fn keys(parts: &[Vec<u8>]) -> Keys {
    Keys::parse(&parts.concat()).unwrap()
}

#[test]
fn a_signature_is_one_of_a_key_or_not() {
    let (ours, other) = (Signer::new(1), Signer::new(2));
    let signature = ours.sign(0, MESSAGE);
    let check = |keys: &Keys, signature: &[u8], expected: Verdict| {
        assert_eq!(keys.verify(signature, MESSAGE), expected);
    };
    let known = keys(&[other.public(), ours.public()]);
    check(&known, &signature, Verdict::Good);
    check(&known, &ours.sign(0, b"another"), Verdict::Bad);
    check(&keys(&[other.public()]), &signature, Verdict::Unknown);
    let unsupported = |it: &[u8]| matches!(known.verify(it, MESSAGE), Verdict::Unsupported(_));
    assert!(
        unsupported(&ours.sign(0x10, MESSAGE)) && unsupported(b"") && unsupported(&ours.public())
    );
    assert_eq!(known.verify(&signature, b"a headed"), Verdict::Bad);
}

#[test]
fn subkeys_count_when_their_key_has_signed_them_and_until_they_are_revoked() {
    let (main, sub) = (Signer::new(1), Signer::new(2));
    let both = [main.hashed(), sub.hashed()].concat();
    let check = |parts: &[Vec<u8>], expected: [Verdict; 2]| {
        let keys = keys(parts);
        let verdicts = [&main, &sub].map(|it| keys.verify(&it.sign(0, MESSAGE), MESSAGE));
        assert_eq!(verdicts, expected, "{parts:?}");
    };
    let revoked = || Verdict::Unsupported("a key that was revoked");
    let whole = [main.public(), sub.public_subkey(), main.sign(0x18, &both)];
    check(&whole, [Verdict::Good, Verdict::Good]);
    check(&whole[..2], [Verdict::Good, Verdict::Unknown]);
    let stolen = [main.public(), sub.public_subkey(), sub.sign(0x18, &both)];
    check(&stolen, [Verdict::Good, Verdict::Unknown]);
    let gone = [&whole[..], &[main.sign(0x28, &both)]].concat();
    check(&gone, [Verdict::Good, revoked()]);
    // With the key its subkeys are.
    let end = main.sign(0x20, &main.hashed());
    let gone = [&[main.public(), end][..], &whole[1..]].concat();
    check(&gone, [revoked(), revoked()]);
    // A revocation by somebody else is none.
    let foreign = [&[main.public(), sub.sign(0x20, &main.hashed())][..], &whole[1..]].concat();
    check(&foreign, [Verdict::Good, Verdict::Good]);
}

#[test]
fn what_holds_no_keys_is_refused() {
    let check = |bytes: &[u8], what: &str| {
        assert_eq!(Keys::parse(bytes).unwrap_err().0, what);
    };
    check(b"", "there is no public key of OpenPGP in it");
    check(b"hello", "there is no public key of OpenPGP in it");
    check(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!\n", "a damaged block of OpenPGP");
    check(&[0xff], "no packets of OpenPGP");
    let mut old = Signer::new(1).public();
    old[3] = 3;
    check(&old, "a public key of another version than 4, which is not read");
}

/// Runs GnuPG with a home of its own, which it must not leave anything running for.
fn gpg(home: &Path, args: &[&str]) {
    let fixed =
        ["--batch", "--quiet", "--no-tty", "--passphrase", "", "--pinentry-mode", "loopback"];
    let output =
        Command::new("gpg").env("GNUPGHOME", home).args(fixed).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_gnupg_signs() {
    if !installed(&["gpg", "gpgconf"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let place = |name: &str| home.path().join(name).to_string_lossy().into_owned();
    fs::write(place("message"), MESSAGE).unwrap();
    for (algorithm, hash) in [("rsa2048", "sha256"), ("rsa3072", "sha512"), ("ed25519", "sha384")] {
        let user = format!("{algorithm}@packages.invalid");
        gpg(home.path(), &["--quick-generate-key", &user, algorithm, "sign", "1d"]);
        gpg(home.path(), &["--armor", "--output", &place("key"), "--export", &user]);
        gpg(home.path(), &["--output", &place("binary"), "--export", &user]);
        let out = place("signature");
        gpg(
            home.path(),
            &["--yes", "--digest-algo", hash, "-u", &user, "-o", &out, "-b", &place("message")],
        );
        let signature = fs::read(&out).unwrap();
        let armoured = fs::read(place("key")).unwrap();
        // A text may hold several blocks, and words between them.
        let twice = [b"keys of ours\n", &armoured[..], &armoured].concat();
        for (bytes, count) in
            [(&fs::read(place("binary")).unwrap(), 1), (&armoured, 1), (&twice, 2)]
        {
            let keys = Keys::parse(bytes).unwrap();
            assert_eq!(keys.len(), count);
            assert_eq!(keys.verify(&signature, MESSAGE), Verdict::Good, "{algorithm}");
            assert_eq!(keys.verify(&signature, b"another"), Verdict::Bad, "{algorithm}");
        }
        let keys = Keys::parse(&armoured).unwrap();
        // The beginning of what is signed, and the end of the numbers.
        for at in (3..20).chain(signature.len() - 40..signature.len()) {
            let mut flipped = signature.clone();
            flipped[at] ^= 0x10;
            assert_ne!(keys.verify(&flipped, MESSAGE), Verdict::Good, "{algorithm} {at}");
        }
        for name in ["key", "binary"] {
            fs::remove_file(place(name)).unwrap();
        }
    }
    drop(Command::new("gpgconf").env("GNUPGHOME", home.path()).args(["--kill", "all"]).output());
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes: Vec<u8>, start in 0..6_usize) {
        let signer = Signer::new(1);
        let whole = [signer.public(), signer.sign(0, MESSAGE)];
        let head = ["", "\u{99}", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n"];
        let head = head.get(start).map_or(whole[start % 2].as_slice(), |it| it.as_bytes());
        let bytes = [head, &bytes].concat();
        drop(Keys::parse(&bytes));
        let keys = Keys::parse(&whole[0]).unwrap();
        prop_assert_ne!(keys.verify(&bytes, b"another"), Verdict::Good);
        for end in 0..whole[1].len() {
            prop_assert_ne!(keys.verify(&whole[1][..end], MESSAGE), Verdict::Good);
        }
    }
}
