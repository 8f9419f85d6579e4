//! `plimsoll serve --demo`: a center with a registry of its own, in this process, and a few images that are made on the
//! spot. It touches nothing of this machine besides, and no network.
mod image;
mod images;
mod packages;

use ::scan::{
    center::{Center, RegistryDocument},
    settings::{self, Cycle, Settings},
};
use image::Built;
use server::demo::{Content, PERSON, Registry};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};
use store::{Store, Tx, figures, images::State, registries, settings as documents};
use tempfile::TempDir;

/// What the registry is called.
const NAME: &str = "demo";

/// How often to look whether everything has been scanned.
const LOOK: Duration = Duration::from_millis(200);

/// The registry, and where the center is. What is temporary goes with it.
pub(crate) struct Demo {
    registry: Registry,
    directory: PathBuf,
    temporary: Option<TempDir>,
}

impl Demo {
    /// One that keeps what it finds in this directory; none: in one that goes with it.
    pub(crate) fn new(directory: Option<&Path>) -> Result<Demo, String> {
        let failed = |err: std::io::Error| format!("the demo's registry: {err}");
        let registry = Registry::start(content()?).map_err(failed)?;
        if let Some(directory) = directory {
            return Ok(Demo { registry, directory: directory.to_owned(), temporary: None });
        }
        let made = tempfile::Builder::new().prefix("plimsoll-demo-").tempdir();
        let made = made.map_err(|err| format!("a temporary directory: {err}"))?;
        Ok(Demo { registry, directory: made.path().to_owned(), temporary: Some(made) })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Adds the registry, or says where it is now.
    pub(crate) fn connect(&self, store: &Store, now: i64) -> Result<(), String> {
        let address = format!("http://{}", self.registry.address());
        let document = serde_json::to_string(&RegistryDocument::default());
        let document = document.map_err(|err| err.to_string())?;
        let connect = |tx: &mut Tx<'_>| {
            if let Some(it) = registries::all(tx)?.into_iter().find(|it| it.name == NAME) {
                registries::change(tx, it.id, NAME, &address, &document, None)?;
                return registries::sync_at(tx, it.id, now, true).map(drop);
            }
            let new = registries::New {
                kind: "oci",
                name: NAME,
                address: &address,
                account: None,
                document: &document,
                secret: None,
                hook: None,
                created_at: now,
            };
            registries::add(tx, &new).map(drop)
        };
        store.write(connect).map_err(|err| err.to_string())
    }

    /// What whoever started it has to know.
    pub(crate) fn greeting(&self, address: &str, password: &str) -> String {
        let directory = self.directory.display();
        let fate = if self.temporary.is_some() { ", which goes when this ends" } else { "" };
        format!(
            "Plimsoll demo: {address}\n  user      {PERSON}\n  password  {password}\n\
             All images are made up, in the registry {}; the advisories are the starter set.\n\
             What is found is kept in {directory}{fate}. Ctrl-C ends it.\n",
            self.registry.address(),
        )
    }
}

/// Lets everything be scanned as soon as the registry has been read, then every week and on change, as people would choose
/// it. When all of it has been, `ready` is told how many images that are.
pub(crate) fn scan(
    store: Arc<Store>,
    center: &Center,
    now: fn() -> i64,
    ready: impl FnOnce(i64) + Send + 'static,
) -> Result<(), String> {
    let wanted = Settings { cycle: Cycle::Week, on_change: true, ..Settings::default() };
    let wanted = serde_json::to_string(&wanted).map_err(|err| err.to_string())?;
    let mut events = center.events();
    let follow = move || {
        // Trouble with the store is told by all who use it; here it means to look again.
        while !store.read(is_read).unwrap_or(false) {
            drop(events.next(LOOK));
        }
        // What somebody has chosen before stays.
        let choose = |tx: &mut Tx<'_>| documents::put(tx, settings::NAME, &wanted, 0, now());
        drop(store.write(choose));
        let mut images = None;
        while images.is_none() {
            drop(events.next(LOOK));
            images = store.read(scanned).unwrap_or_default();
        }
        ready(images.unwrap_or_default());
    };
    let thread = thread::Builder::new().name("demo".to_owned()).spawn(follow);
    thread.map(drop).map_err(|err| err.to_string())
}

fn is_read(tx: &mut Tx<'_>) -> store::Result<bool> {
    Ok(registries::all(tx)?.iter().any(|it| it.synced_at.is_some()))
}

/// How many images there are, if none of them waits for its first scan.
fn scanned(tx: &mut Tx<'_>) -> store::Result<Option<i64>> {
    let all = figures::images(tx)?;
    let sum = all.iter().fold(0i64, |sum, it| sum.saturating_add(it.images));
    Ok(all.iter().all(|it| it.state != State::New).then_some(sum).filter(|it| *it > 0))
}

fn content() -> Result<Content, String> {
    let failed = |err: std::io::Error| format!("the demo's images: {err}");
    let mut content = Content::default();
    for (repository, tags, image) in images::all() {
        let Built { blobs, manifest } = image.build().map_err(failed)?;
        for tag in tags {
            content.manifest(
                (repository, tag),
                &manifest.digest,
                image::MANIFEST,
                manifest.bytes.clone(),
            );
        }
        blobs.into_iter().for_each(|it| content.blob(&it.digest, it.bytes));
    }
    Ok(content)
}
