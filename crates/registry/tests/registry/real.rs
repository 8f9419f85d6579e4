//! Against Debian's `docker-registry`, which is CNCF distribution: what it serves, we read.
//!
//! Where it is not installed, these tests say so and pass; with `PLIMSOLL_TEST_ALL=1` they fail.
use crate::{first_layer, one, platform, small};
use model::Image;
use net::{Client, Host, Identity, Secret, Settings};
use registry::{
    Credential, Keychain, PlatformChoice, Reference, RegistrySource, Source, SourceError,
};
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};
use tempfile::TempDir;
use testkit::{
    distribution::{Distribution, installed},
    image::{BuiltImage, index},
    registry::basic,
};

/// `user` with the password `hush`, as `htpasswd -nbB -C 4` writes it.
const HTPASSWD: &str = "user:$2y$04$8d6hrE7NRK1r9XbP8dOdzuFQYSL31YJ1znZYA9IeKQ/9l2V1lUPmS";

/// `name` in a real registry, read with these settings and keys.
fn reader(
    running: &Distribution,
    name: &str,
    choice: PlatformChoice,
    host: Host,
    keys: Keychain,
) -> RegistrySource {
    let hosts = BTreeMap::from([(running.host(), host)]);
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
    let running = Distribution::start(folder.path(), "", "");
    let images = [small("linux/amd64", "a"), small("linux/arm64", "b")];
    running.push("team/app", "v1", &index(&images), "");
    let read = |choice| reader(&running, "team/app:v1", choice, Host::default(), Keychain::new());
    let source = read(PlatformChoice::One(platform("linux/arm64")));
    check(&source, &one(&source).unwrap(), &images[1]);
    let source = read(PlatformChoice::All);
    for (image, built) in source.images().unwrap().iter().zip(&images) {
        check(&source, image, built);
    }
    let missing =
        reader(&running, "team/other", PlatformChoice::Host, Host::default(), Keychain::new());
    assert!(matches!(one(&missing), Err(SourceError::NotFound(_))));
}

#[test]
fn with_passwords() {
    if !installed(&["docker-registry"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("htpasswd");
    fs::write(&file, HTPASSWD).unwrap();
    let auth = format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", file.display());
    let running = Distribution::start(folder.path(), "", &auth);
    let built = small("linux/amd64", "a");
    running.push("app", "latest", &built, &basic("user", "hush"));
    let read = |password: &str| {
        let password = Secret::new(password);
        let keys = Credential::Basic { user: "user".to_owned(), password };
        let keys = Keychain::new().with(&running.host(), keys);
        reader(&running, "app", PlatformChoice::Host, Host::default(), keys)
    };
    let source = read("hush");
    check(&source, &one(&source).unwrap(), &built);
    assert!(matches!(one(&read("wrong")), Err(SourceError::Unauthorized(_))));
}

/// Runs `openssl` in `folder`.
fn openssl(folder: &Path, arguments: &str) {
    let mut command = Command::new("openssl");
    command.args(arguments.split(' ')).current_dir(folder);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "openssl {arguments}");
}

/// Makes an authority of our own, and certificates of it for the server and for us.
pub(crate) fn authority(folder: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    openssl(folder, &format!("req -x509 {key} -subj /CN=authority -keyout ca.key -out ca.pem"));
    fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1").unwrap();
    for name in ["server", "me"] {
        openssl(folder, &format!("req {key} -subj /CN={name} -keyout {name}.key -out {name}.csr"));
        let by = "-CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -days 2";
        openssl(folder, &format!("x509 -req {by} -in {name}.csr -out {name}.pem"));
    }
}

#[test]
fn encrypted() {
    if !installed(&["docker-registry", "openssl"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    authority(path);
    let built = small("linux/amd64", "a");
    Distribution::start(path, "", "").push("app", "latest", &built, "");
    let tls = |more: &str| {
        let path = path.display();
        format!("  tls:\n    certificate: {path}/server.pem\n    key: {path}/server.key\n{more}")
    };
    let read = |running: &Distribution, host: Host| {
        reader(running, "app", PlatformChoice::Host, host, Keychain::new())
    };
    let trusting = Host { authorities: fs::read(path.join("ca.pem")).unwrap(), ..Host::default() };
    let running = Distribution::start(path, &tls(""), "");
    let source = read(&running, trusting.clone());
    check(&source, &one(&source).unwrap(), &built);
    let careless = read(&running, Host { insecure: true, ..Host::default() });
    assert!(one(&careless).is_ok());
    let error = one(&read(&running, Host { plain: Some(false), ..Host::default() })).unwrap_err();
    assert!(matches!(&error, SourceError::Tls(it) if it.contains("authority")), "{error}");
    let error = one(&read(&running, Host { plain: Some(true), ..Host::default() })).unwrap_err();
    assert!(error.to_string().contains("HTTPS"), "{error}");

    let asking = Distribution::start(
        path,
        &tls(&format!("    clientcas: [{}/ca.pem]\n", path.display())),
        "",
    );
    let key = Secret::new(fs::read_to_string(path.join("me.key")).unwrap());
    let identity = Identity { certificates: fs::read(path.join("me.pem")).unwrap(), key };
    let known = read(&asking, Host { identity: Some(identity.clone()), ..trusting.clone() });
    check(&known, &one(&known).unwrap(), &built);
    let error = one(&read(&asking, trusting.clone())).unwrap_err();
    assert!(matches!(&error, SourceError::Tls(it) if it.contains("client certificate")), "{error}");

    // A key that is not the certificate's is found before anything is sent.
    let key = Secret::new(fs::read_to_string(path.join("server.key")).unwrap());
    let identity = Some(Identity { key, ..identity });
    let hosts = BTreeMap::from([(asking.host(), Host { identity, ..trusting })]);
    let error = Client::new(Settings { hosts, ..Settings::default() }).unwrap_err();
    assert!(error.to_string().contains("client key"), "{error}");
}
