//! What `docker save` calls `manifest.json`: a list of images, each with its configuration and its
//! layers by the names of members (Docker image specification v1.2, "Combined Image JSON").
use super::members::Members;
use crate::{
    PlatformChoice, SourceError, index,
    manifest::{self, Config},
    verify::verify,
};
use model::{Descriptor, Digest, Image};
use serde::Deserialize;
use std::collections::BTreeSet;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

/// The image that is meant. Such an archive has one platform an image.
pub(super) fn images(
    manifest: &[u8],
    members: &Members,
    choice: Option<&str>,
    platform: &PlatformChoice,
) -> Result<Vec<Image>, SourceError> {
    let saved = read(manifest)?;
    let holds = held(&saved);
    let chosen: Vec<_> = saved.into_iter().filter(|it| is_called(it, choice)).collect();
    let configs: BTreeSet<_> = chosen.iter().map(|it| it.config.as_str()).collect();
    if configs.len() > 1 {
        return Err(index::several(&holds));
    }
    let Some(saved) = chosen.into_iter().next() else {
        let asked = choice.map_or("an image".to_owned(), |it| format!("image `{it}`"));
        return Err(SourceError::NotFound(format!("{asked}; there are: {holds}")));
    };
    let config = config(&saved, members)?;
    platform.pick(vec![(config.platform.clone(), ())])?;
    let blob = |place| Descriptor { place, ..Descriptor::default() };
    let layers = saved.layers.unwrap_or_default().into_iter().map(blob).collect();
    let name = saved.repo_tags.unwrap_or_default().into_iter().next().unwrap_or_default();
    Ok(vec![manifest::image(&name, None, layers, config)?])
}

/// Makes sure that the images that `manifest` has for a choice are among those of the index.
pub(super) fn agrees(
    manifest: &[u8],
    members: &Members,
    index: &[u8],
    choice: Option<&str>,
) -> Result<(), SourceError> {
    let read_blob = |blob: &Descriptor| members.blob(blob);
    let configs = index::configs(index, choice, &read_blob)?;
    for saved in read(manifest)?.iter().filter(|it| is_called(it, choice)) {
        if !named(&saved.config).is_some_and(|it| configs.contains(&it)) {
            return Err(SourceError::Malformed(format!(
                "manifest.json and index.json mean different images: {} is only in the first",
                saved.config
            )));
        }
    }
    Ok(())
}

fn read(manifest: &[u8]) -> Result<Vec<Saved>, SourceError> {
    manifest::json("manifest.json", manifest)
}

fn config(saved: &Saved, members: &Members) -> Result<Config, SourceError> {
    let bytes = members.document(&saved.config)?;
    let bytes =
        bytes.ok_or_else(|| SourceError::NotFound(format!("{} in the archive", saved.config)))?;
    if let Some(digest) = named(&saved.config) {
        verify(&bytes, &digest)?;
    }
    manifest::config(&bytes)
}

/// The digest that a configuration is named by: `<hex>.json`, `sha256:<hex>`,
/// `blobs/sha256/<hex>`. Some tools take other names, which say nothing.
fn named(config: &str) -> Option<Digest> {
    let stem = config.strip_suffix(".json").unwrap_or(config);
    crate::layout::digest_at(stem)
        .or_else(|| Digest::parse(stem))
        .or_else(|| Digest::parse(&format!("sha256:{stem}")))
}

fn is_called(saved: &Saved, choice: Option<&str>) -> bool {
    let Some(choice) = choice else { return true };
    let tags = saved.repo_tags.as_deref().unwrap_or_default();
    tags.iter().any(|it| index::same_name(it, choice))
        || Digest::parse(choice).is_some_and(|it| named(&saved.config) == Some(it))
}

/// What people may choose from.
fn held(saved: &[Saved]) -> String {
    let label = |it: &Saved| match it.repo_tags.as_deref() {
        None | Some([]) => named(&it.config).map_or_else(|| it.config.clone(), |it| it.to_string()),
        Some(tags) => tags.join(", "),
    };
    saved.iter().map(label).collect::<Vec<_>>().join(", ")
}
