//! Where the tests of the advisory database work, and what they scan.
use serde_json::Value;
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use testkit::{
    image::{BuiltImage, image},
    tar::{Entry, file, tar},
};

/// A place of its own for one test: data, cache and work.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// The binary with these arguments, seeing nothing of this machine's settings.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        command
            .args(args)
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PLIMSOLL_DATA_DIR", self.path("data"))
            .env("PLIMSOLL_CACHE_DIR", self.path("cache"));
        command
    }

    pub(crate) fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }

    /// The report on one image as JSON.
    pub(crate) fn report(&self, args: &[&str]) -> Value {
        let ran = self.run([&["scan", "--format", "json"], args].concat());
        assert_ne!(ran.code, 2, "{}", ran.err);
        serde_json::from_str::<Value>(&ran.out).unwrap()["images"][0].clone()
    }

    /// `image` as an OCI layout, and the path of it.
    pub(crate) fn layout(&self, name: &str, image: &BuiltImage) -> String {
        let root = self.path(name);
        let blobs = root.join("blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        put(&blobs, image);
        fs::write(root.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        let index =
            serde_json::json!({"schemaVersion": 2, "manifests": [image.manifest.descriptor()]});
        fs::write(root.join("index.json"), index.to_string()).unwrap();
        root.to_str().unwrap().to_owned()
    }
}

fn put(blobs: &Path, image: &BuiltImage) {
    for blob in image.blobs.iter().chain([&image.manifest]) {
        fs::write(blobs.join(blob.digest.hex()), &blob.bytes).unwrap();
    }
    image.children.iter().for_each(|it| put(blobs, it));
}

/// What a run came to.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(it: Output) -> Ran {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran { code: it.status.code().unwrap_or(-1), out: text(&it.stdout), err: text(&it.stderr) }
    }
}

pub(crate) const BOOKWORM: &str = "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n\
                                   PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";

/// A stanza of dpkg's status.
pub(crate) fn dpkg(name: &str, source: &str, version: &str) -> String {
    format!(
        "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nSource: {source}\n\
         Version: {version}\nMaintainer: somebody <some@body>\n\n"
    )
}

/// OpenSSL as Debian 12 first shipped it, and later.
pub(crate) const OLD: &str = "3.0.9-1";
pub(crate) const NEW: &str = "99:1";

/// A layer with Debian's release and these versions of libssl3 and zlib1g.
pub(crate) fn debian(libssl: &str) -> Vec<Entry> {
    let status = dpkg("libssl3", "openssl", libssl) + &dpkg("zlib1g", "zlib", NEW);
    vec![file("etc/os-release", BOOKWORM), file("var/lib/dpkg/status", status)]
}

pub(crate) fn debian_image(libssl: &str) -> BuiltImage {
    image("linux/amd64", &[tar(&debian(libssl))])
}

/// The identifiers of all findings of a report.
pub(crate) fn ids(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
}
