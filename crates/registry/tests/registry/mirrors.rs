//! Mirrors come first, and the registry itself has the last word.
use crate::{client, first_layer, one, small};
use registry::{Keychain, PlatformChoice, Reference, RegistrySource};
use std::sync::Arc;
use testkit::{
    http::{Reply, Wire},
    image::BuiltImage,
    registry::{Auth, Registry, What},
};

fn source(origin: &Registry, mirrors: &[String]) -> RegistrySource {
    let reference = Reference::parse(&format!("{}/team/app", origin.host())).unwrap();
    let keys = Arc::new(Keychain::new());
    RegistrySource::mirrored(reference, PlatformChoice::Host, mirrors, keys, client()).unwrap()
}

fn stocked(repository: &str) -> (Registry, BuiltImage) {
    let registry = Registry::start(Auth::Open);
    let built = small("linux/amd64", "x");
    registry.put(repository, "latest", &built);
    (registry, built)
}

#[test]
fn a_mirror_that_has_it_serves_it() {
    let check = |repository: &str, path: &str| {
        let (origin, _) = stocked("team/app");
        let (mirror, built) = stocked(repository);
        let source = source(&origin, &[format!("{}{path}", mirror.host())]);
        let image = one(&source).unwrap();
        assert_eq!(first_layer(&source, &image).unwrap(), built.layers()[0].bytes);
        assert!(origin.seen().is_empty(), "{path}");
        // The image keeps the name that was asked for.
        assert!(image.name.starts_with(&origin.host()), "{}", image.name);
    };
    check("team/app", "");
    check("hub/team/app", "/hub");
}

#[test]
fn whatever_is_wrong_with_mirrors_the_registry_serves() {
    let check = |auth: Auth, what: Option<What>| {
        let (origin, built) = stocked("team/app");
        let mirror = Registry::start(auth);
        mirror.put("team/app", "latest", &small("linux/amd64", "stale"));
        if let Some(what) = what.clone() {
            mirror.fail("/v2/", 999, what);
        }
        let source = source(&origin, &["127.0.0.1:1".to_owned(), mirror.host()]);
        let image = one(&source).unwrap();
        assert_eq!(first_layer(&source, &image).unwrap(), built.layers()[0].bytes, "{what:?}");
        assert!(!mirror.seen().is_empty());
    };
    check(Auth::Open, Some(What::Reply(Reply::new(404, ""))));
    check(Auth::Open, Some(What::Reply(Reply::new(503, ""))));
    check(Auth::Open, Some(What::Reply(Reply::new(403, ""))));
    check(Auth::Open, Some(What::Reply(Reply::new(200, "<html>welcome</html>"))));
    check(Auth::Open, Some(What::Body(b"{}".to_vec())));
    check(Auth::Basic("a", "b"), None);
}

#[test]
fn a_mirror_with_wrong_bytes_is_not_asked_again() {
    let (origin, built) = stocked("team/app");
    let (mirror, _) = stocked("team/app");
    let layer = &built.layers()[0];
    let wrong: Vec<u8> = layer.bytes.iter().map(|it| !it).collect();
    mirror.put_blob(layer.digest.as_str(), &wrong);
    let source = source(&origin, &[mirror.host()]);
    let image = one(&source).unwrap();
    assert!(first_layer(&source, &image).is_err());
    assert_eq!(first_layer(&source, &image).unwrap(), layer.bytes);
}

#[test]
fn mirrors_out_of_reach_are_tried_once() {
    let (origin, _) = stocked("team/app");
    let mirror = Registry::start(Auth::Open);
    mirror.fail("/v2/", 999, What::Wire(Wire::Raw(Vec::new())));
    let source = source(&origin, &[mirror.host()]);
    let image = one(&source).unwrap();
    first_layer(&source, &image).unwrap();
    assert_eq!(mirror.seen().len(), 1);
}
