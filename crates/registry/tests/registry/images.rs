//! What is found under a reference.
use crate::{first_layer, one, platform, small, source, with};
use registry::{Keychain, PlatformChoice, Source, SourceError};
use serde_json::json;
use testkit::{
    http::Reply,
    image::{self, Blob, BuiltImage, assemble, index, plain_image, sha256, sha512},
    registry::{Auth, Registry, What},
    tar::{file, tar},
};

#[test]
fn an_image_is_described_as_its_documents_say() {
    let registry = Registry::start(Auth::Open);
    let tars = [tar(&[file("a", "1")]), tar(&[file("b", "2")])];
    let built = image::image("linux/arm/v7", &tars);
    registry.put("team/app", "v1", &built);
    let source = source(&registry, "team/app:v1");
    let image = one(&source).unwrap();
    assert_eq!(image.name, format!("{}/team/app:v1", registry.host()));
    assert_eq!(image.digest.as_ref(), Some(&built.manifest.digest));
    assert_eq!(image.platform, Some(platform("linux/arm/v7")));
    assert_eq!(image.created.as_deref(), Some("2024-05-06T07:08:09Z"));
    let made: Vec<_> = image.layers.iter().map(|it| it.created_by.as_str()).collect();
    assert_eq!(made, ["layer 0", "layer 1"]);
    for ((layer, stored), tar) in image.layers.iter().zip(built.layers()).zip(&tars) {
        assert_eq!(layer.blob.digest.as_ref(), Some(&stored.digest));
        assert_eq!(layer.blob.size, stored.bytes.len() as u64);
        assert_eq!(layer.diff_id, Some(sha256(tar)));
    }
    assert_eq!(first_layer(&source, &image).unwrap(), built.layers()[0].bytes);
}

#[test]
fn layers_need_not_be_compressed() {
    let registry = Registry::start(Auth::Open);
    let built = plain_image("linux/amd64", &[tar(&[file("a", "1")])]);
    registry.put("app", "latest", &built);
    let source = source(&registry, "app");
    let image = one(&source).unwrap();
    assert_eq!(first_layer(&source, &image).unwrap(), built.layers()[0].bytes);
}

#[test]
fn digests_name_images_too() {
    let registry = Registry::start(Auth::Open);
    let built = small("linux/amd64", "x");
    registry.put("app", "latest", &built);
    let digest = &built.manifest.digest;
    let image = one(&source(&registry, &format!("app@{digest}"))).unwrap();
    assert_eq!(image.digest.as_ref(), Some(digest));
    // Where tag and digest disagree, the digest is meant.
    assert!(one(&source(&registry, &format!("app:other@{digest}"))).is_ok());
    let long = sha512(&built.manifest.bytes);
    registry.put_manifest("app", long.as_str(), image::MANIFEST, &built.manifest.bytes);
    let image = one(&source(&registry, &format!("app@{long}"))).err();
    // The registry itself calls it by its SHA-256, which is another name of the same bytes.
    assert!(image.is_none(), "{image:?}");
}

#[test]
fn content_must_be_what_its_digest_says() {
    let registry = Registry::start(Auth::Open);
    let built = small("linux/amd64", "x");
    registry.put("app", "latest", &built);
    let other = small("linux/amd64", "y").manifest;
    let digest = &built.manifest.digest;
    registry.fail("/manifests/", 2, What::Body(other.bytes.clone()));
    let by_digest = source(&registry, &format!("app@{digest}"));
    assert!(matches!(one(&by_digest), Err(SourceError::DigestMismatch { .. })));
    // By tag, the registry's own header gives it away.
    let error = one(&source(&registry, "app")).unwrap_err();
    assert!(matches!(&error, SourceError::DigestMismatch { .. }) && error.retryable(), "{error}");
    let config = built.blobs[0].digest.as_str();
    registry.put_blob(config, b"{}");
    assert!(matches!(one(&by_digest), Err(SourceError::DigestMismatch { .. })));
}

fn several() -> BuiltImage {
    let amd = small("linux/amd64", "amd64");
    let arm6 = small("linux/arm/v6", "v6");
    let arm7 = small("linux/arm/v7", "v7");
    let mut attestation = small("unknown/unknown", "about");
    attestation.platform = Some(platform("unknown/unknown"));
    index(&[attestation, arm6, arm7, amd])
}

#[test]
fn one_of_several_platforms_is_chosen() {
    let registry = Registry::start(Auth::Open);
    registry.put("app", "latest", &several());
    let choose = |choice: PlatformChoice| {
        let found = with(&registry, "app", choice, Keychain::new()).images();
        found.map(|it| it.iter().map(|it| it.platform.clone().unwrap().to_string()).collect())
    };
    let check = |choice: PlatformChoice, expected: &[&str]| {
        let found: Vec<String> = choose(choice).unwrap();
        assert_eq!(found, expected);
    };
    check(PlatformChoice::One(platform("linux/amd64")), &["linux/amd64"]);
    check(PlatformChoice::One(platform("linux/arm/v7")), &["linux/arm/v7"]);
    check(PlatformChoice::One(platform("linux/arm/v6")), &["linux/arm/v6"]);
    check(PlatformChoice::All, &["linux/arm/v6", "linux/arm/v7", "linux/amd64"]);
    let missing: Result<Vec<String>, _> = choose(PlatformChoice::One(platform("linux/s390x")));
    match missing.unwrap_err() {
        SourceError::NoPlatform { available, .. } => assert_eq!(available.len(), 3),
        error => panic!("{error}"),
    }
}

#[test]
fn an_image_for_one_platform_is_not_taken_for_another() {
    let registry = Registry::start(Auth::Open);
    registry.put("app", "latest", &small("linux/s390x", "x"));
    let choose = |choice| with(&registry, "app", choice, Keychain::new()).images();
    assert!(choose(PlatformChoice::Host).is_ok());
    assert!(choose(PlatformChoice::All).is_ok());
    assert!(choose(PlatformChoice::One(platform("linux/s390x"))).is_ok());
    let other = choose(PlatformChoice::One(platform("linux/amd64")));
    assert!(matches!(other, Err(SourceError::NoPlatform { .. })));
}

#[test]
fn indexes_may_keep_platforms_to_themselves_and_lie_in_each_other() {
    let registry = Registry::start(Auth::Open);
    let mut silent = [small("linux/amd64", "a"), small("linux/arm64", "b")];
    silent.iter_mut().for_each(|it| it.platform = None);
    registry.put("app", "latest", &index(&[index(&silent)]));
    let arm = with(&registry, "app", PlatformChoice::One(platform("arm64")), Keychain::new());
    assert_eq!(one(&arm).unwrap().digest.as_ref(), Some(&silent[1].manifest.digest));
    let mut deep = index(&silent);
    for _ in 0..6 {
        deep = index(&[deep]);
    }
    registry.put("app", "deep", &deep);
    assert!(matches!(one(&source(&registry, "app:deep")), Err(SourceError::TooLarge(_))));
}

#[test]
fn dockers_own_media_types_are_read() {
    let registry = Registry::start(Auth::Open);
    let swap = |it: &Blob, from: &str, to: &str| {
        Blob::new(to, String::from_utf8(it.bytes.clone()).unwrap().replace(from, to))
    };
    let mut image = small("linux/amd64", "a");
    image.manifest = swap(&image.manifest, image::MANIFEST, image::DOCKER_MANIFEST);
    let mut list = index(&[image]);
    list.manifest = swap(&list.manifest, image::INDEX, image::DOCKER_LIST);
    registry.put("app", "latest", &list);
    assert!(one(&source(&registry, "app")).is_ok());
    let accept = registry.seen()[0].header("accept").unwrap().to_owned();
    assert!(accept.contains(image::DOCKER_LIST) && accept.contains(image::MANIFEST), "{accept}");
}

#[test]
fn documents_that_are_no_images_are_refused_in_words() {
    let registry = Registry::start(Auth::Open);
    let config = Blob::new("application/vnd.cncf.helm.config.v1+json", "{}");
    let chart = Blob::new("application/vnd.cncf.helm.chart.content.v1.tar+gzip", "x");
    let signature = Blob::new("application/vnd.dev.cosign.simplesigning.v1+json", "{}");
    let manifest = |config: &Blob, layer: &Blob| {
        json!({"schemaVersion": 2, "config": config.descriptor(), "layers": [layer.descriptor()]})
            .to_string()
    };
    let image_config = Blob::new(image::CONFIG, "{}");
    let cache = json!({"manifests": [chart.descriptor()]}).to_string();
    let old = json!({"schemaVersion": 1, "fsLayers": []}).to_string();
    let both = json!({"config": config.descriptor(), "layers": [], "manifests": []}).to_string();
    let check = |text: &str, word: &str| {
        registry.put_manifest("app", "latest", image::MANIFEST, text.as_bytes());
        let error = one(&source(&registry, "app")).unwrap_err();
        assert!(error.to_string().contains(word) && !error.retryable(), "{text}: {error}");
    };
    check(&manifest(&config, &chart), "vnd.cncf.helm.config.v1+json");
    check(&manifest(&image_config, &signature), "simplesigning");
    check(&cache, "no images");
    check(&old, "schema 1");
    check(&both, "both manifest and index");
    check("<html>login</html>", "malformed");
    check("", "malformed");
    check(&" ".repeat((4 << 20) + 1), "too large");
}

#[test]
fn configurations_must_fit_their_layers() {
    let registry = Registry::start(Auth::Open);
    let layer = || Blob::new(image::LAYER, tar(&[file("a", "1")]));
    let id = sha256(&layer().bytes).to_string();
    let check = |ids: &[String], ok: bool| {
        registry.put("app", "latest", &assemble("linux/amd64", vec![layer()], ids));
        assert_eq!(one(&source(&registry, "app")).is_ok(), ok, "{ids:?}");
    };
    check(std::slice::from_ref(&id), true);
    check(&[], false);
    check(&[id.clone(), id], false);
    check(&["sha256:short".to_owned()], false);
}

#[test]
fn what_is_not_there_is_named() {
    let registry = Registry::start(Auth::Open);
    let error = one(&source(&registry, "team/app:v9")).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, SourceError::NotFound(_)) && text.contains("team/app"), "{text}");
    assert!(text.contains("not here"), "{text}");
    registry.put("app", "latest", &small("linux/amd64", "x"));
    registry.fail("/blobs/", 9, What::Reply(Reply::new(404, "")));
    assert!(matches!(one(&source(&registry, "app")), Err(SourceError::NotFound(_))));
}
