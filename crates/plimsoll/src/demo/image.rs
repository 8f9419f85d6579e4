//! Makes images: layers, configuration, manifest (OCI image specification 1.1, layer.md, config.md, manifest.md). The same
//! description gives the same bytes, so that a demo that is started again knows its images.
use super::packages::{Package, Release};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::io;
use tar::{Builder, EntryType, Header};

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// What executable files of packages consist of, over and over.
const FILLER: &[u8] = b"Made up by Plimsoll for its demo; nothing in here can be executed.\n";

/// An image, step by step.
#[derive(Clone, Debug)]
pub(super) struct Image {
    created: &'static str,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    created_by: String,
    files: Vec<File>,
    /// Whether its registry has lost it.
    lost: bool,
}

#[derive(Clone, Debug)]
struct File {
    path: String,
    mode: u32,
    bytes: Vec<u8>,
}

/// Bytes with their digest.
pub(super) struct Blob {
    pub(super) digest: String,
    pub(super) bytes: Vec<u8>,
}

/// What a registry has of an image.
pub(super) struct Built {
    pub(super) blobs: Vec<Blob>,
    pub(super) manifest: Blob,
}

/// Builds on, as a build file does.
impl Image {
    /// Nothing yet.
    pub(super) fn scratch(created: &'static str) -> Image {
        Image { created, steps: Vec::new() }
    }

    /// The root file system of a release, with these packages.
    pub(super) fn from(created: &'static str, release: &Release, packages: &[Package]) -> Image {
        let mut it = Image::scratch(created)
            .step(&format!("/bin/sh -c #(nop) ADD file:{} in / ", release.name));
        it = it.file("etc/os-release", 0o644, release.file);
        it.packages(release, &[], packages)
    }

    /// A step that changes files: those that follow.
    pub(super) fn step(mut self, created_by: &str) -> Image {
        self.steps.push(Step { created_by: created_by.to_owned(), files: Vec::new(), lost: false });
        self
    }

    /// A file that the last step brings.
    pub(super) fn file(mut self, path: &str, mode: u32, bytes: impl AsRef<[u8]>) -> Image {
        let file = File { path: path.to_owned(), mode, bytes: bytes.as_ref().to_vec() };
        if let Some(it) = self.steps.last_mut() {
            it.files.push(file);
        }
        self
    }

    /// A program of so many KiB that the last step brings. The zero in front tells it from text.
    pub(super) fn program(self, path: &str, kib: usize) -> Image {
        let filler = [0].into_iter().chain(FILLER.iter().copied().cycle());
        let bytes: Vec<u8> = filler.take(kib.saturating_mul(1024)).collect();
        self.file(path, 0o755, bytes)
    }

    /// Packages that the last step installs, where others are already.
    pub(super) fn packages(
        mut self,
        release: &Release,
        there: &[Package],
        new: &[Package],
    ) -> Image {
        let all: Vec<Package> = there.iter().chain(new).copied().collect();
        self = self.file(release.database, 0o644, (release.write)(&all));
        for it in new {
            let path = it.program();
            if let Some(list) = release.list {
                self = self.file(&list.replace("{}", it.name), 0o644, format!("/.\n/{path}\n"));
            }
            self = self.program(&path, it.kib);
        }
        self
    }

    /// Lets the registry lose what the last step brought.
    pub(super) fn lost(mut self) -> Image {
        self.steps.iter_mut().next_back().into_iter().for_each(|it| it.lost = true);
        self
    }

    /// # Errors
    /// When a path is none for an archive.
    pub(super) fn build(&self) -> io::Result<Built> {
        let layers: Vec<Blob> = self.steps.iter().map(layer).collect::<io::Result<_>>()?;
        let diff_ids: Vec<&String> = layers.iter().map(|it| &it.digest).collect();
        let step = |it: &Step| json!({"created": self.created, "created_by": it.created_by});
        let config = blob(json!({
            "created": self.created, "os": "linux", "architecture": "amd64",
            "config": {"Labels": {"org.opencontainers.image.description": "made up by Plimsoll for its demo"}},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": self.steps.iter().map(step).collect::<Vec<_>>(),
        }).to_string());
        let listed = |kind: &str, it: &Blob| json!({"mediaType": kind, "digest": it.digest, "size": it.bytes.len()});
        let manifest = blob(
            json!({
                "schemaVersion": 2, "mediaType": MANIFEST, "config": listed(CONFIG, &config),
                "layers": layers.iter().map(|it| listed(LAYER, it)).collect::<Vec<_>>(),
            })
            .to_string(),
        );
        let there = layers.into_iter().zip(&self.steps).filter(|it| !it.1.lost).map(|it| it.0);
        Ok(Built { blobs: there.chain([config]).collect(), manifest })
    }
}

fn layer(step: &Step) -> io::Result<Blob> {
    let mut tar = Builder::new(Vec::new());
    for File { path, mode, bytes } in &step.files {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(*mode);
        header.set_size(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        tar.append_data(&mut header, path, bytes.as_slice())?;
    }
    tar.into_inner().map(blob)
}

fn blob(bytes: impl Into<Vec<u8>>) -> Blob {
    let bytes = bytes.into();
    let digest = model::Digest::sha256(&Sha256::digest(&bytes).into()).to_string();
    Blob { digest, bytes }
}
