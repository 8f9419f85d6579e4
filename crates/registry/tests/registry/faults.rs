//! Everything that goes wrong between us and a registry.
use crate::{first_layer, large, one, small, source};
use model::Image;
use net::{Client, Settings, Timeouts};
use registry::{PlatformChoice, Reference, RegistrySource, Source, SourceError};
use std::{
    io::{self, ErrorKind},
    sync::Arc,
    time::Duration,
};
use testkit::{
    http::{Reply, Server, Wire},
    image::BuiltImage,
    registry::{Auth, Registry, What, error},
};

/// An image of one layer of about 200 kB, found before anything goes wrong.
fn found() -> (Registry, BuiltImage, RegistrySource, Image) {
    let registry = Registry::start(Auth::Open);
    let built = large(200_000);
    registry.put("app", "latest", &built);
    let source = source(&registry, "app");
    let image = one(&source).unwrap();
    (registry, built, source, image)
}

#[test]
fn layers_survive() {
    let check = |times: usize, what: What| {
        let (registry, built, source, image) = found();
        let digest = built.layers()[0].digest.as_str();
        registry.fail(digest, times, what.clone());
        let bytes = first_layer(&source, &image);
        assert!(bytes.is_ok_and(|it| it == built.layers()[0].bytes), "{times} {what:?}");
    };
    check(1, What::Wire(Wire::Whole));
    check(1, What::Wire(Wire::Cut(100_000)));
    check(1, What::Wire(Wire::Cut(0)));
    // Each drop comes after progress, however many there are.
    check(2, What::Wire(Wire::Cut(70_000)));
    check(3, What::Wire(Wire::Cut(10)));
    check(1, What::Wire(Wire::Chunked));
    check(1, What::Wire(Wire::Unframed));
    check(1, What::Wire(Wire::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9".to_vec())));
    check(3, What::Reply(Reply::new(500, "")));
    check(3, What::Reply(Reply::new(503, "").header("retry-after", "1")));
    check(2, What::Reply(Reply::new(429, "").header("retry-after", "5")));
}

#[test]
fn layers_survive_silence() {
    let registry = Registry::start(Auth::Open);
    let built = large(200_000);
    registry.put("app", "latest", &built);
    let timeouts = Timeouts { idle: Duration::from_millis(100), ..Timeouts::default() };
    let settings = Settings { timeouts, sleep: |_| {}, ..Settings::default() };
    let (client, keys) = (Client::new(settings).unwrap(), Arc::default());
    let reference = Reference::parse(&format!("{}/app", registry.host())).unwrap();
    let source = RegistrySource::new(reference, PlatformChoice::Host, keys, client).unwrap();
    let image = one(&source).unwrap();
    registry.fail(built.layers()[0].digest.as_str(), 1, What::Wire(Wire::Hang(100_000)));
    assert_eq!(first_layer(&source, &image).unwrap(), built.layers()[0].bytes);
}

#[test]
fn dropped_lines_are_resumed_where_they_dropped() {
    let check = |second: What| {
        let (registry, built, source, image) = found();
        let layer = &built.layers()[0];
        registry.fail(layer.digest.as_str(), 1, What::Wire(Wire::Cut(100_000)));
        registry.fail(layer.digest.as_str(), 1, second.clone());
        assert_eq!(first_layer(&source, &image).unwrap(), layer.bytes, "{second:?}");
        let seen = registry.seen();
        assert_eq!(seen.last().unwrap().header("range"), Some("bytes=100000-"), "{second:?}");
    };
    check(What::Wire(Wire::Whole));
    check(What::NoRange);
    check(What::WrongRange(5000));
}

#[test]
fn resuming_is_not_trusted_blindly() {
    let check = |second: Reply| {
        let (registry, built, source, image) = found();
        let digest = built.layers()[0].digest.as_str();
        registry.fail(digest, 1, What::Wire(Wire::Cut(100_000)));
        registry.fail(digest, 9, What::Reply(second));
        first_layer(&source, &image).unwrap_err().to_string()
    };
    let part = |range: &str| Reply::new(206, "x").header("content-range", range);
    assert!(check(part("bytes 150000-200000/200001")).contains("was asked for"));
    assert!(check(part("chapters 1-2")).contains("does not say which"));
    assert!(check(Reply::new(206, "x")).contains("does not say which"));
    assert!(check(Reply::new(416, "")).contains("416"));
    assert!(check(Reply::new(404, error("BLOB_UNKNOWN", "gone"))).contains("gone"));
}

#[test]
fn hope_ends_without_progress() {
    let (registry, built, source, image) = found();
    let digest = built.layers()[0].digest.as_str();
    registry.fail(digest, 99, What::Wire(Wire::Cut(0)));
    let before = registry.seen().len();
    let error = first_layer(&source, &image).unwrap_err();
    assert_ne!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(registry.seen().len() - before, 4);
}

/// Whether the content was found to be wrong: by its announced length, or at its end.
fn is_wrong(error: &io::Error) -> bool {
    let ours = error.get_ref().and_then(|it| it.downcast_ref::<SourceError>());
    error.kind() == ErrorKind::InvalidData || matches!(ours, Some(SourceError::Malformed(_)))
}

#[test]
fn wrong_bytes_never_pass() {
    let check = |bytes: &dyn Fn(&[u8]) -> Vec<u8>, wire: Wire| {
        let (registry, built, source, image) = found();
        let layer = &built.layers()[0];
        registry.put_blob(layer.digest.as_str(), &bytes(&layer.bytes));
        registry.fail(layer.digest.as_str(), 1, What::Wire(wire));
        for _ in 0..2 {
            let error = first_layer(&source, &image).unwrap_err();
            assert!(is_wrong(&error), "{error}");
        }
    };
    let flip = |it: &[u8]| [&it[..it.len() - 1], &[!it[it.len() - 1]]].concat();
    check(&flip, Wire::Whole);
    check(&flip, Wire::Chunked);
    check(&|it| it[..it.len() - 1].to_vec(), Wire::Whole);
    check(&|it| it[..it.len() - 1].to_vec(), Wire::Chunked);
    check(&|it| [it, &[0]].concat(), Wire::Whole);
    check(&|it| [it, &[0; 100_000]].concat(), Wire::Unframed);
    check(&|_| Vec::new(), Wire::Whole);
}

#[test]
fn sizes_in_manifests_are_not_believed() {
    let (registry, built, source, mut image) = found();
    let layer = &built.layers()[0];
    let size = layer.bytes.len() as u64;
    let mut check = |claimed: u64, wire: Wire, word: Option<&str>| {
        image.layers[0].blob.size = claimed;
        registry.fail(layer.digest.as_str(), 1, What::Wire(wire));
        let error = first_layer(&source, &image).err();
        assert_eq!(error.is_some(), word.is_some(), "{claimed}");
        if let (Some(error), Some(word)) = (error, word) {
            assert!(is_wrong(&error) && error.to_string().contains(word), "{error}");
        }
    };
    check(size, Wire::Whole, None);
    check(size - 1, Wire::Whole, Some("has 2"));
    check(size + 1, Wire::Whole, Some("has 2"));
    check(size - 1, Wire::Chunked, Some("goes on"));
    check(size + 1, Wire::Chunked, Some("ends"));
    check(u64::MAX, Wire::Chunked, Some("ends"));
    check(1, Wire::Chunked, Some("goes on"));
    check(1, Wire::Unframed, Some("goes on"));
    check(size + 1, Wire::Unframed, Some("416"));
    check(0, Wire::Whole, None);
    check(0, Wire::Chunked, None);
}

#[test]
fn redirected_layers_take_no_credentials_along() {
    let registry = Registry::start(Auth::Token { user: "", password: "", uses: 99 });
    let built = large(100_000);
    registry.put("app", "latest", &built);
    let layer = built.layers()[0].bytes.clone();
    let storage = Server::start(move |request| {
        let start = request
            .header("range")
            .map_or(0, |it| it.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap());
        let len = layer.len();
        let range = format!("bytes {start}-{}/{len}", len - 1);
        match start {
            0 => Reply::new(200, layer.clone()).wire(Wire::Cut(50_000)),
            _ => Reply::new(206, &layer[start..]).header("content-range", range),
        }
    });
    let source = source(&registry, "app");
    let image = one(&source).unwrap();
    let elsewhere = format!("http://{}", storage.host());
    registry.fail(built.layers()[0].digest.as_str(), 9, What::Redirect(elsewhere));
    assert_eq!(first_layer(&source, &image).unwrap(), built.layers()[0].bytes);
    let seen = storage.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|it| it.header("authorization").is_none()));
    assert!(registry.seen().last().unwrap().header("authorization").is_some());
}

#[test]
fn storage_that_asks_for_a_login_gets_none() {
    let registry = Registry::start(Auth::Open);
    let thief = Server::start(|request| {
        let host = request.header("host").unwrap_or_default();
        let text = format!("Bearer realm=\"http://{host}/token\",service=\"x\"");
        Reply::new(401, "").header("www-authenticate", text)
    });
    let built = small("linux/amd64", "x");
    registry.put("app", "latest", &built);
    let source = source(&registry, "app");
    let image = one(&source).unwrap();
    registry.fail("/blobs/", 9, What::Redirect(format!("http://{}", thief.host())));
    let error = source.blob(&image.layers[0]).err().unwrap();
    assert!(matches!(error, SourceError::Unauthorized(_)), "{error}");
    assert_eq!((thief.seen().len(), thief.count("/token")), (1, 0));
}

#[test]
fn refusals_say_why() {
    let check = |status: u16, code: &str, words: &str| {
        let registry = Registry::start(Auth::Open);
        registry.fail("/manifests/", 99, What::Reply(Reply::new(status, error(code, words))));
        let error = one(&source(&registry, "team/app")).unwrap_err();
        assert!(status == 429 || error.to_string().contains(words), "{error}");
        error
    };
    let policy = "current image with vulnerabilities cannot be pulled due to configured policy";
    assert!(matches!(check(412, "PROJECTPOLICYVIOLATION", policy), SourceError::Refused(_)));
    let denied = check(403, "DENIED", "requested access to the resource is denied");
    assert!(matches!(denied, SourceError::Unauthorized(_)) && !denied.retryable());
    assert!(denied.to_string().contains("pull `team/app`"), "{denied}");
    let broken = check(502, "UNKNOWN", "bad gateway");
    assert!(matches!(broken, SourceError::Unreachable(_)) && broken.retryable());
    let limited = check(429, "TOOMANYREQUESTS", "");
    assert!(matches!(limited, SourceError::RateLimited { .. }) && limited.retryable());
    assert!(matches!(check(418, "TEAPOT", "short and stout"), SourceError::Malformed(_)));
}

#[test]
fn long_waits_are_left_to_the_caller() {
    let registry = Registry::start(Auth::Open);
    let reply = Reply::new(429, "").header("retry-after", "21600");
    registry.fail("/manifests/", 99, What::Reply(reply));
    match one(&source(&registry, "app")).unwrap_err() {
        SourceError::RateLimited { after, .. } => assert_eq!(after.unwrap().as_secs(), 21600),
        error => panic!("{error}"),
    }
    assert_eq!(registry.seen().len(), 1);
}

#[test]
fn nobody_there() {
    let registry = Registry::start(Auth::Open);
    let source = source(&registry, "app");
    drop(registry);
    let error = one(&source).unwrap_err();
    assert!(matches!(error, SourceError::Unreachable(_)) && error.retryable(), "{error}");
}

#[test]
fn layers_kept_elsewhere_are_said_to_be() {
    let (registry, _built, source, mut image) = found();
    registry.fail("/blobs/", 99, What::Reply(Reply::new(404, "")));
    let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    image.layers[0].blob.media_type = foreign.to_owned();
    let error = source.blob(&image.layers[0]).err().unwrap();
    assert!(matches!(error, SourceError::Unsupported(_)), "{error}");
}

#[test]
fn words_of_the_registry_are_cleaned() {
    let registry = Registry::start(Auth::Open);
    let nasty = format!("bad\u{1b}[2J{}", "x".repeat(10_000));
    registry.fail("/manifests/", 1, What::Reply(Reply::new(400, nasty)));
    let text = one(&source(&registry, "app")).unwrap_err().to_string();
    assert!(text.len() < 500 && !text.contains('\u{1b}'), "{text}");
    registry.fail("/manifests/", 1, What::Reply(Reply::new(400, "<html>no</html>")));
    let text = one(&source(&registry, "app")).unwrap_err().to_string();
    assert!(!text.contains("html"), "{text}");
}
