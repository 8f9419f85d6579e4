//! A store of bundles: what it takes, what it refuses, and the way back.
use super::{Bundles, Content, Part, SigningKey, Trust, pack, public_key};
use malware::bundle::Kind;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

const RULE: &str =
    "rule harmless_word {\n  strings:\n    $a = \"plimsollharmless\"\n  condition:\n    $a\n}\n";

fn bundle(epoch: u64, key: Option<&SigningKey>) -> Vec<u8> {
    let path = "rules/a/a.yar".to_owned();
    let parts = vec![Part {
        path,
        kind: Kind::Rules,
        forms: Vec::new(),
        monitor: false,
        content: RULE.into(),
    }];
    pack(&Content { epoch, parts, ..Content::default() }, key).unwrap()
}

fn refused(bundles: &Bundles, bytes: &[u8], trust: Trust, expected: &str) {
    let told = bundles.take(bytes, trust).unwrap_err().0;
    assert!(told.contains(expected), "{told}");
}

fn epoch(bundles: &Bundles) -> Option<u64> {
    bundles.current().unwrap().map(|it| it.bundle.manifest.epoch)
}

#[test]
fn only_whoever_is_believed_gives_bundles() {
    let place = tempfile::tempdir().unwrap();
    let bundles = Bundles::new(place.path());
    let (a, b) = (place.path().join("a"), place.path().join("b"));
    let (a, b) = (SigningKey::generate(&a).unwrap(), SigningKey::generate(&b).unwrap());
    assert_eq!(epoch(&bundles), None);
    refused(&bundles, &bundle(1, None), Trust::Known, "it is not signed");
    refused(&bundles, &bundle(1, Some(&a)), Trust::Known, "which is not known here");
    refused(&bundles, &bundle(1, Some(&a)), Trust::Also(b.public()), "which is not known here");
    assert_eq!(epoch(&bundles), None);
    assert!(bundles.take(&bundle(1, Some(&a)), Trust::Also(a.public())).unwrap().is_known);
    assert!(bundles.take(&bundle(2, Some(&a)), Trust::Known).unwrap().is_known);
    refused(&bundles, &bundle(3, Some(&b)), Trust::Known, "which is not known here");
    assert!(!bundles.take(&bundle(3, Some(&b)), Trust::Anybody).unwrap().is_known);
    assert!(!bundles.take(&bundle(4, None), Trust::Anybody).unwrap().is_known);
    assert_eq!(epoch(&bundles), Some(4));
}

#[test]
fn epochs_only_grow_and_three_are_kept_to_go_back_to() {
    let place = tempfile::tempdir().unwrap();
    let bundles = Bundles::new(place.path());
    let take = |epoch| bundles.take(&bundle(epoch, None), Trust::Anybody).unwrap();
    drop([1, 2, 3, 5].map(take));
    assert_eq!(bundles.epochs(), [5, 3, 2]);
    let (older, other) = (bundle(4, None), {
        let content = Content { epoch: 5, publisher: "x".to_owned(), ..Content::default() };
        pack(&content, None).unwrap()
    });
    refused(&bundles, &older, Trust::Anybody, "it is of epoch 4, before the bundle in use");
    refused(&bundles, &other, Trust::Anybody, "a new bundle has a new epoch");
    take(5);
    assert_eq!(bundles.rollback().unwrap().bundle.manifest.epoch, 3);
    assert_eq!(bundles.rollback().unwrap().bundle.manifest.epoch, 2);
    assert!(bundles.rollback().unwrap_err().0.contains("no bundle from before epoch 2"));
    assert_eq!(epoch(&bundles), Some(2));
    take(6);
    assert_eq!(bundles.epochs(), [6, 5, 3]);
}

#[test]
fn a_damaged_bundle_is_an_error_and_not_none() {
    let place = tempfile::tempdir().unwrap();
    let bundles = Bundles::new(place.path());
    bundles.take(&bundle(1, None), Trust::Anybody).unwrap();
    let named = bundles.take(&bundle(2, None), Trust::Anybody).unwrap().named;
    let whole = fs::read(&named.path).unwrap();
    let check = |expected: &str| {
        let told = bundles.current().unwrap_err().0;
        assert!(told.contains(expected) && told.contains("rollback"), "{told}");
    };
    fs::write(&named.path, &whole[..whole.len() / 2]).unwrap();
    check("it has been changed since it was brought in");
    fs::remove_file(&named.path).unwrap();
    check("No such file");
    bundles.take(&whole, Trust::Anybody).unwrap();
    assert_eq!(epoch(&bundles), Some(2));
    fs::remove_file(&named.path).unwrap();
    assert_eq!(bundles.rollback().unwrap().bundle.manifest.epoch, 1);
}

#[test]
fn a_folder_becomes_a_bundle_with_the_forms_it_is_for() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = place.path().join("in").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let folder = place.path().join("in");
    let check = |expected: &str| {
        let told = Content::default().add_folder(&folder).unwrap_err().0;
        assert!(told.contains(expected), "{told}");
    };
    check("there is nothing in it");
    write("rules/elf/a.yar", RULE);
    write("rules/own/b.yara", &RULE.replace("word", "other"));
    write("rules/own/forms", "shell\n\nwide text\n");
    write("rules/any/c.yar", &RULE.replace("harmless_word", "harmless_third"));
    write("hashes/bad/list", "# nothing yet\n");
    let mut content = Content::default();
    content.add_folder(&folder).unwrap();
    let parts = content.parts.iter().map(|it| format!("{} {}", it.path, it.forms.join("+")));
    assert_eq!(
        parts.collect::<Vec<_>>(),
        [
            "rules/any/c.yar ",
            "rules/elf/a.yar elf",
            "rules/own/b.yara shell+wide text",
            "hashes/bad/list "
        ]
    );
    pack(&content, None).unwrap();
    write("rules/own/forms", "shall");
    check("there is no form `shall`");
    write("rules/own/forms", "");
    write("rules/own/b.yara", "rule a {\n  condition:\n    $x\n}\n");
    check("rules/own/b.yara: 3:5: error");
}

#[test]
fn keys_are_read_as_they_are_written() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("key");
    let key = SigningKey::generate(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(SigningKey::read(&file).unwrap().public(), key.public());
    let public = place.path().join("key.pub");
    assert_eq!(public_key(&public).unwrap(), key.public());
    let check = |it: Result<(), super::BundleError>, expected: &str| {
        let told = it.unwrap_err().0;
        assert!(told.contains(expected), "{told}");
    };
    check(SigningKey::read(&public).map(drop), "no private Ed25519 key");
    check(public_key(&file).map(drop), "no public Ed25519 key");
    check(SigningKey::generate(&file).map(drop), "File exists");
    check(public_key(Path::new("/nonexistent")).map(drop), "No such file");
}
