//! Against Debian's `docker-registry`, which is CNCF distribution: what it serves, we read.
//!
//! Where it is not installed, these tests say so and pass; with `PLIMSOLL_TEST_ALL=1` they fail.
use crate::{first_layer, one, platform, small};
use model::Image;
use net::{Client, Host, Identity, Secret, Settings};
use registry::{
    Credential, Keychain, PlatformChoice, Reference, RegistrySource, Source, SourceError,
};
use std::{collections::BTreeMap, fs, sync::Arc};
use tempfile::TempDir;
use testkit::{
    image::{BuiltImage, index},
    real::{Running, certificates, installed, passwords, push},
    registry::basic,
};

fn within(
    running: &Running,
    name: &str,
    choice: PlatformChoice,
    host: Host,
    keys: Keychain,
) -> RegistrySource {
    let hosts = BTreeMap::from([(running.host().to_owned(), host)]);
    let client = Client::new(Settings { hosts, ..Settings::default() }).unwrap();
    let reference = Reference::parse(&format!("{}/{name}", running.host())).unwrap();
    RegistrySource::new(reference, choice, Arc::new(keys), client).unwrap()
}

fn check(source: &RegistrySource, image: &Image, built: &BuiltImage) {
    assert_eq!(image.digest.as_ref(), Some(&built.manifest.digest));
    assert_eq!(first_layer(source, image).unwrap(), built.layers()[0].bytes);
}

#[test]
fn plain() {
    if !installed(&["docker-registry"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let running = Running::start(folder.path(), "", "");
    let images = [small("linux/amd64", "a"), small("linux/arm64", "b")];
    push(running.host(), "team/app", "v1", &index(&images), "");
    let read = |choice| within(&running, "team/app:v1", choice, Host::default(), Keychain::new());
    let source = read(PlatformChoice::One(platform("linux/arm64")));
    check(&source, &one(&source).unwrap(), &images[1]);
    let source = read(PlatformChoice::All);
    for (image, built) in source.images().unwrap().iter().zip(&images) {
        check(&source, image, built);
    }
    let missing =
        within(&running, "team/other", PlatformChoice::Host, Host::default(), Keychain::new());
    assert!(matches!(one(&missing), Err(SourceError::NotFound(_))));
}

#[test]
fn with_passwords() {
    if !installed(&["docker-registry"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let running = Running::start(folder.path(), "", &passwords(folder.path()));
    let built = small("linux/amd64", "a");
    push(running.host(), "app", "latest", &built, &basic("user", "hush"));
    let read = |password: &str| {
        let password = Secret::new(password);
        let keys = Credential::Basic { user: "user".to_owned(), password };
        let keys = Keychain::new().with(running.host(), keys);
        within(&running, "app", PlatformChoice::Host, Host::default(), keys)
    };
    let source = read("hush");
    check(&source, &one(&source).unwrap(), &built);
    assert!(matches!(one(&read("wrong")), Err(SourceError::Unauthorized(_))));
}

#[test]
fn encrypted() {
    if !installed(&["docker-registry", "openssl"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let tls = certificates(path);
    let built = small("linux/amd64", "a");
    push(Running::start(path, "", "").host(), "app", "latest", &built, "");
    let read = |running: &Running, host: Host| {
        within(running, "app", PlatformChoice::Host, host, Keychain::new())
    };
    let trusting = Host { authorities: fs::read(path.join("ca.pem")).unwrap(), ..Host::default() };
    let running = Running::start(path, &tls, "");
    let source = read(&running, trusting.clone());
    check(&source, &one(&source).unwrap(), &built);
    let careless = read(&running, Host { insecure: true, ..Host::default() });
    assert!(one(&careless).is_ok());
    let error = one(&read(&running, Host { plain: Some(false), ..Host::default() })).unwrap_err();
    assert!(matches!(&error, SourceError::Tls(it) if it.contains("authority")), "{error}");
    let error = one(&read(&running, Host { plain: Some(true), ..Host::default() })).unwrap_err();
    assert!(error.to_string().contains("HTTPS"), "{error}");

    let asking =
        Running::start(path, &format!("{tls}    clientcas: [{}/ca.pem]\n", path.display()), "");
    let key = Secret::new(fs::read_to_string(path.join("me.key")).unwrap());
    let identity = Identity { certificates: fs::read(path.join("me.pem")).unwrap(), key };
    let known = read(&asking, Host { identity: Some(identity.clone()), ..trusting.clone() });
    check(&known, &one(&known).unwrap(), &built);
    let error = one(&read(&asking, trusting.clone())).unwrap_err();
    assert!(matches!(&error, SourceError::Tls(it) if it.contains("client certificate")), "{error}");

    // A key that is not the certificate's is found before anything is sent.
    let key = Secret::new(fs::read_to_string(path.join("server.key")).unwrap());
    let identity = Some(Identity { key, ..identity });
    let hosts = BTreeMap::from([(asking.host().to_owned(), Host { identity, ..trusting })]);
    let error = Client::new(Settings { hosts, ..Settings::default() }).unwrap_err();
    assert!(error.to_string().contains("client key"), "{error}");
}
