//! Images as files: an OCI layout (OCI image specification, image-layout.md), or what `docker save` writes.
use crate::{
    image::{Blob, BuiltImage},
    tar,
};
use serde_json::json;
use std::{collections::BTreeMap, fs, path::Path};

/// Files by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// An OCI layout of `image`, tagged `tag`.
pub fn layout(image: &BuiltImage, tag: &str) -> Files {
    let mut files = Files::new();
    blobs(image, &mut files);
    let mut entry = image.manifest.descriptor();
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
    let index = json!({"schemaVersion": 2, "manifests": [entry]});
    files.insert("index.json".to_owned(), index.to_string().into_bytes());
    files.insert("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
    files
}

fn blobs(image: &BuiltImage, files: &mut Files) {
    for Blob { digest, bytes, .. } in image.blobs.iter().chain([&image.manifest]) {
        files.insert(format!("blobs/sha256/{}", digest.hex()), bytes.clone());
    }
    image.children.iter().for_each(|it| blobs(it, files));
}

/// What `docker save` writes of an image of these layers, which it does not compress.
pub fn saved(image: &BuiltImage, tars: &[Vec<u8>], tag: &str) -> Files {
    let mut files = Files::new();
    let config = format!("{}.json", image.blobs[0].digest.hex());
    files.insert(config.clone(), image.blobs[0].bytes.clone());
    let names: Vec<String> = (0..tars.len()).map(|it| format!("{it:064x}/layer.tar")).collect();
    for (name, bytes) in names.iter().zip(tars) {
        files.insert(name.clone(), bytes.clone());
    }
    let manifest = json!([{"Config": config, "RepoTags": [tag], "Layers": names}]);
    files.insert("manifest.json".to_owned(), manifest.to_string().into_bytes());
    files
}

/// Lays `files` out below `root`.
pub fn write(files: &Files, root: &Path) {
    for (name, bytes) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Packs `files` into a tar archive.
pub fn pack(files: &Files) -> Vec<u8> {
    let entries: Vec<_> = files.iter().map(|(name, bytes)| tar::file(name, bytes)).collect();
    tar::tar(&entries)
}
