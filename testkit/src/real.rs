//! Debian's `docker-registry`, which is CNCF distribution, and certificates by `openssl`, where they are installed.
use crate::{http::ask, image::BuiltImage};
use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// `user` with the password `hush`, as `htpasswd -nbB -C 4` writes it.
const HTPASSWD: &str = "user:$2y$04$8d6hrE7NRK1r9XbP8dOdzuFQYSL31YJ1znZYA9IeKQ/9l2V1lUPmS";

/// A real registry, which ends with this.
pub struct Running {
    process: Child,
    host: String,
}

impl Running {
    /// Serves the content of `folder`, with more lines of configuration: of `http`, and after it.
    pub fn start(folder: &Path, http: &str, more: &str) -> Running {
        let store = folder.join("store");
        let storage = format!("  filesystem:\n    rootdirectory: {}\n", store.display());
        Running::serve(folder, &storage, http, more)
    }

    /// Serves what is pushed to it until it ends, which is quicker. Its configuration is in `folder`.
    pub fn in_memory(folder: &Path, more: &str) -> Running {
        Running::serve(folder, "  inmemory:\n", "", more)
    }

    fn serve(folder: &Path, storage: &str, http: &str, more: &str) -> Running {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = format!("127.0.0.1:{port}");
        let config = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  delete:\n    enabled: true\n{storage}\
             http:\n  addr: {host}\n{http}{more}"
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

    /// `127.0.0.1:port`.
    pub fn host(&self) -> &str {
        &self.host
    }

    fn wait(&self) {
        let start = Instant::now();
        while TcpStream::connect(&self.host).is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "docker-registry does not start");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Pushes an image and its children to the registry at `host`, by its own API.
pub fn push(host: &str, repository: &str, tag: &str, image: &BuiltImage, login: &str) {
    for blob in &image.blobs {
        let there = format!("/v2/{repository}/blobs/{}", blob.digest);
        if ask(host, "HEAD", &there, &[("authorization", login)], &[]).unwrap().status == 200 {
            continue;
        }
        let start = format!("/v2/{repository}/blobs/uploads/");
        let begun = ask(host, "POST", &start, &[("authorization", login)], &[]).unwrap();
        let location = begun.headers.iter().find(|it| it.0 == "location").unwrap();
        let place = location.1.split(host).last().unwrap();
        let place = format!("{place}&digest={}", blob.digest);
        let headers = [("authorization", login), ("content-type", "application/octet-stream")];
        let done = ask(host, "PUT", &place, &headers, &blob.bytes).unwrap();
        assert_eq!(done.status, 201);
    }
    for child in &image.children {
        push(host, repository, child.manifest.digest.as_str(), child, login);
    }
    let place = format!("/v2/{repository}/manifests/{tag}");
    let kind = image.manifest.media_type.as_str();
    let headers = [("authorization", login), ("content-type", kind)];
    let done = ask(host, "PUT", &place, &headers, &image.manifest.bytes).unwrap();
    assert_eq!(done.status, 201, "{}", String::from_utf8_lossy(&done.body));
}

/// Whether all `programs` are there. If not, says so; with `PLIMSOLL_TEST_ALL=1`, fails.
pub fn installed(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|it| {
        let mut command = Command::new(it);
        command.arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err()
    });
    let Some(missing) = missing else { return true };
    assert!(std::env::var_os("PLIMSOLL_TEST_ALL").is_none(), "{missing} is not installed");
    eprintln!("skipped: {missing} is not installed");
    false
}

/// Configuration that lets in `user` with the password `hush`; for after `http`.
pub fn passwords(folder: &Path) -> String {
    let file = folder.join("htpasswd");
    fs::write(&file, HTPASSWD).unwrap();
    format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", file.display())
}

/// Makes an authority of our own, `ca.pem`, and certificates of it for the server and for us, `me.pem`. The answer is
/// the server's configuration, for `http`.
pub fn certificates(folder: &Path) -> String {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    openssl(folder, &format!("req -x509 {key} -subj /CN=authority -keyout ca.key -out ca.pem"));
    fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1").unwrap();
    for name in ["server", "me"] {
        openssl(folder, &format!("req {key} -subj /CN={name} -keyout {name}.key -out {name}.csr"));
        let by = "-CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -days 2";
        openssl(folder, &format!("x509 -req {by} -in {name}.csr -out {name}.pem"));
    }
    let path = folder.display();
    format!("  tls:\n    certificate: {path}/server.pem\n    key: {path}/server.key\n")
}

/// Runs `openssl` in `folder`.
fn openssl(folder: &Path, arguments: &str) {
    let mut command = Command::new("openssl");
    command.args(arguments.split(' ')).current_dir(folder);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "openssl {arguments}");
}
