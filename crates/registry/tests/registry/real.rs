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
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use testkit::{
    http::ask,
    image::{BuiltImage, index},
    registry::basic,
};

/// `user` with the password `hush`, as `htpasswd -nbB -C 4` writes it.
const HTPASSWD: &str = "user:$2y$04$8d6hrE7NRK1r9XbP8dOdzuFQYSL31YJ1znZYA9IeKQ/9l2V1lUPmS";

struct Running {
    process: Child,
    host: String,
}

impl Running {
    /// Serves the content of `folder`, with more lines of configuration.
    fn start(folder: &Path, http: &str, more: &str) -> Running {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = format!("127.0.0.1:{port}");
        let store = folder.join("store");
        let config = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\n\
             http:\n  addr: {host}\n{http}{more}",
            store.display()
        );
        let file = folder.join(format!("config-{port}.yml"));
        fs::write(&file, config).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(file).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().unwrap();
        let running = Running { process, host };
        running.wait();
        running
    }

    fn wait(&self) {
        let start = Instant::now();
        while TcpStream::connect(&self.host).is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "docker-registry does not start");
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn source(
        &self,
        name: &str,
        choice: PlatformChoice,
        host: Host,
        keys: Keychain,
    ) -> RegistrySource {
        let hosts = BTreeMap::from([(self.host.clone(), host)]);
        let client = Client::new(Settings { hosts, ..Settings::default() }).unwrap();
        let reference = Reference::parse(&format!("{}/{name}", self.host)).unwrap();
        RegistrySource::new(reference, choice, Arc::new(keys), client).unwrap()
    }

    /// Pushes by the registry's own API.
    fn push(&self, repository: &str, tag: &str, image: &BuiltImage, login: &str) {
        for blob in &image.blobs {
            let start = format!("/v2/{repository}/blobs/uploads/");
            let begun = ask(&self.host, "POST", &start, &[("authorization", login)], &[]).unwrap();
            let location = begun.headers.iter().find(|it| it.0 == "location").unwrap();
            let place = location.1.split(&self.host).last().unwrap();
            let place = format!("{place}&digest={}", blob.digest);
            let headers = [("authorization", login), ("content-type", "application/octet-stream")];
            let done = ask(&self.host, "PUT", &place, &headers, &blob.bytes).unwrap();
            assert_eq!(done.status, 201);
        }
        for child in &image.children {
            self.push(repository, child.manifest.digest.as_str(), child, login);
        }
        let place = format!("/v2/{repository}/manifests/{tag}");
        let kind = image.manifest.media_type.as_str();
        let headers = [("authorization", login), ("content-type", kind)];
        let done = ask(&self.host, "PUT", &place, &headers, &image.manifest.bytes).unwrap();
        assert_eq!(done.status, 201, "{}", String::from_utf8_lossy(&done.body));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Whether all `programs` are there. If not, says so.
fn installed(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|it| {
        let mut command = Command::new(it);
        command.arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err()
    });
    let Some(missing) = missing else { return true };
    assert!(std::env::var_os("PLIMSOLL_TEST_ALL").is_none(), "{missing} is not installed");
    eprintln!("skipped: {missing} is not installed");
    false
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
    running.push("team/app", "v1", &index(&images), "");
    let read = |choice| running.source("team/app:v1", choice, Host::default(), Keychain::new());
    let source = read(PlatformChoice::One(platform("linux/arm64")));
    check(&source, &one(&source).unwrap(), &images[1]);
    let source = read(PlatformChoice::All);
    for (image, built) in source.images().unwrap().iter().zip(&images) {
        check(&source, image, built);
    }
    let missing =
        running.source("team/other", PlatformChoice::Host, Host::default(), Keychain::new());
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
    let running = Running::start(folder.path(), "", &auth);
    let built = small("linux/amd64", "a");
    running.push("app", "latest", &built, &basic("user", "hush"));
    let read = |password: &str| {
        let password = Secret::new(password);
        let keys = Credential::Basic { user: "user".to_owned(), password };
        let keys = Keychain::new().with(&running.host, keys);
        running.source("app", PlatformChoice::Host, Host::default(), keys)
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
fn authority(folder: &Path) {
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
    Running::start(path, "", "").push("app", "latest", &built, "");
    let tls = |more: &str| {
        let path = path.display();
        format!("  tls:\n    certificate: {path}/server.pem\n    key: {path}/server.key\n{more}")
    };
    let read = |running: &Running, host: Host| {
        running.source("app", PlatformChoice::Host, host, Keychain::new())
    };
    let trusting = Host { authorities: fs::read(path.join("ca.pem")).unwrap(), ..Host::default() };
    let running = Running::start(path, &tls(""), "");
    let source = read(&running, trusting.clone());
    check(&source, &one(&source).unwrap(), &built);
    let careless = read(&running, Host { insecure: true, ..Host::default() });
    assert!(one(&careless).is_ok());
    let error = one(&read(&running, Host { plain: Some(false), ..Host::default() })).unwrap_err();
    assert!(matches!(&error, SourceError::Tls(it) if it.contains("authority")), "{error}");
    let error = one(&read(&running, Host { plain: Some(true), ..Host::default() })).unwrap_err();
    assert!(error.to_string().contains("HTTPS"), "{error}");

    let asking =
        Running::start(path, &tls(&format!("    clientcas: [{}/ca.pem]\n", path.display())), "");
    let key = Secret::new(fs::read_to_string(path.join("me.key")).unwrap());
    let identity = Identity { certificates: fs::read(path.join("me.pem")).unwrap(), key };
    let known = read(&asking, Host { identity: Some(identity.clone()), ..trusting.clone() });
    check(&known, &one(&known).unwrap(), &built);
    let error = one(&read(&asking, trusting.clone())).unwrap_err();
    assert!(matches!(&error, SourceError::Tls(it) if it.contains("client certificate")), "{error}");

    // A key that is not the certificate's is found before anything is sent.
    let key = Secret::new(fs::read_to_string(path.join("server.key")).unwrap());
    let identity = Some(Identity { key, ..identity });
    let hosts = BTreeMap::from([(asking.host.clone(), Host { identity, ..trusting })]);
    let error = Client::new(Settings { hosts, ..Settings::default() }).unwrap_err();
    assert!(error.to_string().contains("client key"), "{error}");
}
