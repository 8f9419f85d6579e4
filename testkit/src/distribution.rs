//! Debian's `docker-registry`, which is CNCF distribution, as a process of our own.
use crate::{http::ask, image::BuiltImage};
use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A real registry on a free port of this machine. Ends when dropped.
pub struct Distribution {
    process: Child,
    host: String,
}

impl Distribution {
    /// Serves what is in `folder`, with more lines of configuration: below `http:`, and below all.
    pub fn start(folder: &Path, http: &str, more: &str) -> Distribution {
        let store = folder.join("store");
        let storage = format!("  filesystem:\n    rootdirectory: {}\n", store.display());
        Distribution::serve(folder, &storage, http, more)
    }

    /// Serves what is pushed to it until it ends, which is quicker. Its configuration is in `folder`.
    pub fn in_memory(folder: &Path, more: &str) -> Distribution {
        Distribution::serve(folder, "  inmemory:\n", "", more)
    }

    fn serve(folder: &Path, storage: &str, http: &str, more: &str) -> Distribution {
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
        let running = Distribution { process, host };
        running.wait();
        running
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> String {
        self.host.clone()
    }

    /// Pushes an image and its children, as one who sends this `Authorization`.
    pub fn push(&self, repository: &str, tag: &str, image: &BuiltImage, login: &str) {
        push(&self.host, repository, tag, image, login);
    }

    fn wait(&self) {
        let start = Instant::now();
        while TcpStream::connect(&self.host).is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "docker-registry does not start");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Distribution {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Pushes an image and its children to the registry at `host`, by its own API.
pub fn push(host: &str, repository: &str, tag: &str, image: &BuiltImage, login: &str) {
    for blob in &image.blobs {
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

/// Whether all `programs` are there. If not, says so, and fails where `PLIMSOLL_TEST_ALL` is set.
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
