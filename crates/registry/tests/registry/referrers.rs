//! Documents that are attached to images.
use crate::{one, platform, small, source, with};
use base64::{Engine, prelude::BASE64_STANDARD};
use registry::{ATTACHED, ATTACHED_BYTES, Attached, Keychain, Kind, PlatformChoice, Source};
use serde_json::{Value, json};
use testkit::{
    http::{Reply, Wire},
    image::{Blob, BuiltImage, INDEX, MANIFEST, artifact, index, statement},
    registry::{Auth, Registry, What},
};

const SPDX: &str = "application/spdx+json";
const CYCLONEDX: &str = "application/vnd.cyclonedx+json";
const OPENVEX: &str = "application/vnd.openvex+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";
const DSSE: &str = "application/vnd.dsse.envelope.v1+json";

/// A registry with `app:1`, and what is its manifest.
fn start() -> (Registry, BuiltImage) {
    let registry = Registry::start(Auth::Open);
    let image = small("linux/amd64", "x");
    registry.put("app", "1", &image);
    (registry, image)
}

fn attached(registry: &Registry) -> Attached {
    let source = source(registry, "app:1");
    source.attached(&one(&source).unwrap())
}

/// What was found, a document a line, then the gaps.
fn show(attached: &Attached) -> String {
    let document = |it: &registry::Attachment| {
        let kind = if it.kind == Kind::Sbom { "sbom" } else { "vex" };
        format!("{kind} {}", String::from_utf8_lossy(&it.bytes))
    };
    let documents = attached.documents.iter().map(document);
    let gaps = attached.gaps.iter().map(|it| format!("gap {}", it.reason));
    documents.chain(gaps).collect::<Vec<_>>().join("; ")
}

/// An artifact of one document.
fn document(kind: &str, media_type: &str, bytes: &str, subject: &Blob) -> BuiltImage {
    artifact(kind, subject, vec![Blob::new(media_type, bytes)])
}

fn dsse(statement: &str) -> String {
    let payload = BASE64_STANDARD.encode(statement);
    json!({"payloadType": IN_TOTO, "payload": payload, "signatures": []}).to_string()
}

#[test]
fn the_registry_lists_what_is_attached() {
    let check = |kind: &str, media_type: &str, expected: &str| {
        let (registry, image) = start();
        registry.attach("app", &document(kind, media_type, "{}", &image.manifest));
        assert_eq!(show(&attached(&registry)), expected, "{kind} {media_type}");
    };
    check(SPDX, SPDX, "sbom {}");
    check(CYCLONEDX, "application/vnd.cyclonedx+json; version=1.5", "sbom {}");
    check("", "text/spdx+json", "sbom {}");
    check("application/vnd.goharbor.harbor.sbom.v1", "application/octet-stream", "sbom {}");
    check(OPENVEX, OPENVEX, "vex {}");
    check("application/vnd.dev.cosign.artifact.sig.v1+json", SPDX, "");
    check("application/vnd.oci.empty.v1+json", "text/plain", "");
    let (registry, _) = start();
    assert_eq!(attached(&registry), Attached::default());
}

#[test]
fn attestations_are_opened() {
    let check = |predicate: &str, expected: &str| {
        for enveloped in [false, true] {
            let (registry, image) = start();
            let statement = statement(predicate, &image.manifest.digest, &json!({"a": 1}));
            let (kind, bytes) =
                if enveloped { (DSSE, dsse(&statement)) } else { (IN_TOTO, statement) };
            registry.attach("app", &document(kind, kind, &bytes, &image.manifest));
            assert_eq!(show(&attached(&registry)), expected, "{predicate}");
        }
    };
    check("https://spdx.dev/Document", "sbom {\"a\":1}");
    check("https://cyclonedx.org/bom", "sbom {\"a\":1}");
    check("https://openvex.dev/ns/v0.2.0", "vex {\"a\":1}");
    check("https://slsa.dev/provenance/v0.2", "");
}

/// A list as clients keep it where the registry keeps none.
fn list(of: &[&BuiltImage]) -> String {
    let entries: Vec<_> = of.iter().map(|it| it.manifest.descriptor()).collect();
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).to_string()
}

fn tag(image: &BuiltImage) -> String {
    image.manifest.digest.as_str().replace(':', "-")
}

#[test]
fn registries_without_the_list_may_have_tags() {
    let (registry, image) = start();
    let sbom = document(SPDX, SPDX, "{}", &image.manifest);
    registry.put("app", "sbom", &sbom);
    registry.put_manifest("app", &tag(&image), INDEX, list(&[&sbom]).as_bytes());
    assert_eq!(show(&attached(&registry)), "sbom {}");
    // Where there is a list, the tag is not asked for.
    registry.attach("app", &document(OPENVEX, OPENVEX, "{}", &image.manifest));
    assert_eq!(show(&attached(&registry)), "vex {}");
}

#[test]
fn cosign_keeps_documents_in_tags() {
    let (registry, image) = start();
    let plain = document("", SPDX, "{\"b\":2}", &image.manifest);
    registry.put("app", &format!("{}.sbom", tag(&image)), &plain);
    let statement = statement("https://openvex.dev/ns", &image.manifest.digest, &json!({"c": 3}));
    let attested = document("", DSSE, &dsse(&statement), &image.manifest);
    registry.put("app", &format!("{}.att", tag(&image)), &attested);
    assert_eq!(show(&attached(&registry)), "sbom {\"b\":2}; vex {\"c\":3}");
}

/// An index of images, each with what BuildKit attests of it.
fn attested(images: &[BuiltImage]) -> BuiltImage {
    let mut built = index(images);
    let mut document: Value = serde_json::from_slice(&built.manifest.bytes).unwrap();
    for (n, image) in images.iter().enumerate() {
        let digest = &image.manifest.digest;
        let text = statement("https://spdx.dev/Document", digest, &json!({"n": n}));
        let attestation = artifact("", &image.manifest, vec![Blob::new(IN_TOTO, text)]);
        let mut entry = attestation.manifest.descriptor();
        entry["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        entry["annotations"] = json!({
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": digest.as_str(),
        });
        document["manifests"].as_array_mut().unwrap().push(entry);
        built.children.push(attestation);
    }
    built.manifest = Blob::new(INDEX, document.to_string());
    built
}

#[test]
fn buildkit_puts_attestations_beside_the_image() {
    let registry = Registry::start(Auth::Open);
    let images = [small("linux/s390x", "a"), small("linux/vax", "b")];
    let index = attested(&images);
    registry.put("app", "1", &index);
    let vex = document(OPENVEX, OPENVEX, "{}", &index.manifest);
    registry.attach("app", &vex);
    // Of which of the images it speaks is not known.
    registry.attach("app", &document(SPDX, SPDX, "{}", &index.manifest));
    for (name, expected) in [("s390x", "sbom {\"n\":0}; vex {}"), ("vax", "sbom {\"n\":1}; vex {}")]
    {
        let choice = PlatformChoice::One(platform(&format!("linux/{name}")));
        let source = with(&registry, "app:1", choice, Keychain::new());
        let image = one(&source).unwrap();
        let attached = source.attached(&image);
        assert_eq!(show(&attached), expected);
        assert_eq!(attached.known_as.first(), Some(&index.manifest.digest));
    }
    // An index of one image is as good as the image.
    let single = attested(&images[..1]);
    registry.put("app", "2", &single);
    registry.attach("app", &document(SPDX, SPDX, "[]", &single.manifest));
    let source = with(&registry, "app:2", PlatformChoice::All, Keychain::new());
    let image = one(&source).unwrap();
    assert_eq!(show(&source.attached(&image)), "sbom {\"n\":0}; sbom []");
}

#[test]
fn what_cannot_be_read_is_a_gap() {
    let check = |on: fn(&BuiltImage, &BuiltImage) -> String, what: What, expected: &str| {
        let (registry, image) = start();
        let sbom = document(SPDX, SPDX, "{}", &image.manifest);
        registry.attach("app", &sbom);
        registry.attach("app", &document(OPENVEX, OPENVEX, "[1]", &image.manifest));
        registry.fail(&on(&image, &sbom), 99, what);
        let got = show(&attached(&registry));
        assert!(got.contains(expected), "{got}");
    };
    let list: fn(&BuiltImage, &BuiltImage) -> String = |_, _| "/referrers/".to_owned();
    let manifest: fn(&BuiltImage, &BuiltImage) -> String = |_, it| it.manifest.digest.to_string();
    let blob: fn(&BuiltImage, &BuiltImage) -> String = |_, it| it.layers()[0].digest.to_string();
    let reply = |status: u16, body: &str| What::Reply(Reply::new(status, body));
    check(list, reply(500, ""), "gap unknown: attached documents: could not be read: cannot reach");
    check(list, reply(403, ""), "gap unknown: attached documents: could not be read: not allowed");
    check(list, reply(200, "<html>"), "gap malformed: attached documents: list of what is");
    check(list, reply(200, "{}"), "gap malformed: attached documents: a list of what is");
    check(list, What::Wire(Wire::Cut(5)), "gap unknown: attached documents: could not be read");
    check(manifest, reply(404, ""), "vex [1]; gap unknown: attached artifact sha256:");
    check(manifest, What::Body(b"{}".to_vec()), "hashes to");
    check(blob, What::Body(b"[]".to_vec()), "vex [1]; gap unknown: attached document sha256:");
    check(blob, reply(500, ""), "vex [1]; gap unknown: attached document sha256:");
}

#[test]
fn broken_documents_are_gaps() {
    let check = |artifact: BuiltImage, expected: &str| {
        let (registry, image) = start();
        registry.put("app", "x", &artifact);
        // The list says that it is attached, whatever it says itself.
        let list = list(&[&artifact]);
        registry.put_manifest("app", &tag(&image), INDEX, list.as_bytes());
        let got = show(&attached(&registry));
        assert!(got.contains(expected), "{got}");
    };
    let (_, image) = start();
    let other = small("linux/amd64", "other");
    check(document(SPDX, SPDX, "{}", &other.manifest), "it is about something else");
    check(document(IN_TOTO, IN_TOTO, "{", &image.manifest), "gap malformed: attached document");
    let statement = statement("https://openvex.dev/ns", &other.manifest.digest, &json!({}));
    check(document(IN_TOTO, IN_TOTO, &statement, &image.manifest), "an attestation of something");
    let mut broken = document(SPDX, SPDX, "{}", &image.manifest);
    broken.manifest = Blob::new(MANIFEST, "{\"layers\":7}");
    check(broken, "gap malformed: attached artifact");
}

#[test]
fn limits_are_gaps() {
    let (registry, image) = start();
    let many = (0..=ATTACHED).map(|it| Blob::new(SPDX, format!("[{it}]"))).collect();
    registry.attach("app", &artifact(SPDX, &image.manifest, many));
    let got = attached(&registry);
    assert_eq!((got.documents.len(), got.gaps.len()), (ATTACHED, 1));
    assert!(show(&got).ends_with("more than 16 documents are attached; the rest was not read"));

    let (registry, image) = start();
    for it in 0..70 {
        let empty = artifact("", &image.manifest, vec![Blob::new("text/plain", it.to_string())]);
        registry.attach("app", &empty);
    }
    assert!(show(&attached(&registry)).contains("more than 64 artifacts are attached"));

    let (registry, image) = start();
    let size = usize::try_from(ATTACHED_BYTES).unwrap() + 1;
    let large = Blob::new(SPDX, vec![b' '; size]);
    registry.attach("app", &artifact(SPDX, &image.manifest, vec![large.clone()]));
    assert!(show(&attached(&registry)).starts_with("gap too large: attached document"));
    assert_eq!(registry.count(large.digest.as_str()), 0, "it need not be fetched");
    // A size that is not true does not help it.
    let text = large.descriptor();
    let mut artifact = artifact(SPDX, &image.manifest, vec![large]);
    let manifest = String::from_utf8(artifact.manifest.bytes).unwrap();
    let manifest = manifest.replace(&format!("\"size\":{}", text["size"]), "\"size\":1");
    artifact.manifest = Blob::new(MANIFEST, manifest);
    let (registry, _) = start();
    registry.attach("app", &artifact);
    assert!(show(&attached(&registry)).contains("too large"), "{}", show(&attached(&registry)));
}

#[test]
fn long_lists_come_in_pages() {
    let (registry, image) = start();
    let sbom = document(SPDX, SPDX, "{}", &image.manifest);
    let vex = document(OPENVEX, OPENVEX, "[1]", &image.manifest);
    for it in [&sbom, &vex] {
        registry.put("app", "x", it);
    }
    let digest = &image.manifest.digest;
    let page = |of: &BuiltImage, next: &str| {
        let reply = Reply::new(200, list(&[of])).header("content-type", INDEX);
        let link = format!("<http://elsewhere.example/v2/app/referrers/{next}>; rel=\"next\"");
        if next.is_empty() { reply } else { reply.header("link", link) }
    };
    registry.fail("?last=1", 9, What::Reply(page(&vex, "")));
    registry.fail("/referrers/", 1, What::Reply(page(&sbom, &format!("{digest}?last=1"))));
    assert_eq!(show(&attached(&registry)), "sbom {}; vex [1]");
    // One that never ends is not followed for ever.
    registry.fail("/referrers/", 99, What::Reply(page(&sbom, &format!("{digest}?x"))));
    assert!(show(&attached(&registry)).contains("a list of over 8 pages"));
}
