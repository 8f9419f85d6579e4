//! Images for tests, as files by name: to be laid out in a directory or put in an archive.
use model::Digest;
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, fs, path::Path};

/// Files by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files(pub(crate) BTreeMap<String, Vec<u8>>);

/// The digest of some bytes.
pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest::sha256(&Sha256::digest(bytes).into())
}

/// A layer of one file.
pub(crate) fn layer(name: &str, content: &str) -> Vec<u8> {
    tar(&[(name, content.as_bytes())])
}

/// A tar archive of files.
pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = header(tar::EntryType::Regular, content.len());
        tar.append_data(&mut header, name, *content).unwrap();
    }
    tar.into_inner().unwrap()
}

pub(crate) fn header(kind: tar::EntryType, size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(u64::try_from(size).unwrap());
    header.set_mode(0o644);
    header.set_cksum();
    header
}

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

impl Files {
    /// Adds a blob; its descriptor, with `more` in it.
    pub(crate) fn blob(&mut self, media_type: &str, bytes: &[u8], more: &str) -> String {
        let digest = digest(bytes);
        self.0.insert(format!("blobs/sha256/{}", digest.hex()), bytes.to_vec());
        let size = bytes.len();
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}{more}}}"#)
    }

    /// Adds an image; the descriptor of its manifest, with `more` in it.
    pub(crate) fn image(&mut self, platform: &str, layers: &[&[u8]], more: &str) -> String {
        let config = self.config(platform, layers);
        let config = self.blob("application/vnd.oci.image.config.v1+json", &config, "");
        let layers: Vec<_> = layers.iter().map(|it| self.blob("layer", it, "")).collect();
        let layers = layers.join(",");
        let manifest = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layers}]}}"#);
        self.blob(MANIFEST, manifest.as_bytes(), more)
    }

    /// Adds an index of descriptors; its own descriptor, with `more` in it.
    pub(crate) fn nest(&mut self, manifests: &[&str], more: &str) -> String {
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, manifests.join(","));
        self.blob(INDEX, index.as_bytes(), more)
    }

    pub(crate) fn config(&self, platform: &str, layers: &[&[u8]]) -> Vec<u8> {
        let (os, architecture) = platform.split_once('/').unwrap();
        let diff_ids: Vec<_> = layers.iter().map(|it| format!("\"{}\"", digest(it))).collect();
        let steps = layers.iter().enumerate().map(|it| format!(r#"{{"created_by":"{}"}}"#, it.0));
        format!(
            r#"{{"os":"{os}","architecture":"{architecture}","created":"2024-01-01T00:00:00Z",
            "rootfs":{{"type":"layers","diff_ids":[{}]}},"history":[{}]}}"#,
            diff_ids.join(","),
            steps.collect::<Vec<_>>().join(",")
        )
        .into_bytes()
    }

    /// Makes it a layout of the given descriptors.
    pub(crate) fn layout(mut self, manifests: &[&str]) -> Files {
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, manifests.join(","));
        self.set("index.json", index);
        self.set("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        self
    }

    pub(crate) fn set(&mut self, name: &str, content: impl Into<Vec<u8>>) {
        self.0.insert(name.to_owned(), content.into());
    }

    pub(crate) fn write_to(&self, root: &Path) {
        for (name, content) in &self.0 {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }

    pub(crate) fn tar(&self) -> Vec<u8> {
        tar(&self.0.iter().map(|it| (it.0.as_str(), it.1.as_slice())).collect::<Vec<_>>())
    }
}

/// Adds a name to a descriptor.
pub(crate) fn named(name: &str) -> String {
    format!(r#","annotations":{{"org.opencontainers.image.ref.name":"{name}"}}"#)
}

/// Adds a platform to a descriptor.
pub(crate) fn on(platform: &str) -> String {
    let (os, architecture) = platform.split_once('/').unwrap();
    format!(r#","platform":{{"os":"{os}","architecture":"{architecture}"}}"#)
}
