//! Reading images from registries: good ones, bad ones, and a real one.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "helpers of tests may fail as tests do"
)]
mod access;
mod acr;
mod faults;
mod harbor;
mod images;
mod mirrors;
mod oci;
mod real;
mod referrers;

use model::{Image, Platform};
use net::{Client, Settings};
use registry::{
    Access, Connection, Keychain, Listing, PlatformChoice, Reference, RegistrySource, Source,
    SourceError,
};
use std::{
    io::{self, Read},
    sync::Arc,
};
use testkit::{
    image::{BuiltImage, image},
    registry::Registry,
    tar::{file, tar},
};

/// Settings of those who do not rest between tries.
fn quick() -> Settings {
    Settings { sleep: |_| {}, ..Settings::default() }
}

fn client() -> Client {
    Client::new(quick()).unwrap()
}

fn connect(access: Access) -> Connection {
    let client = access.client(&quick()).unwrap();
    Connection::open(access, client).unwrap()
}

/// All pages of a list that nobody changes.
fn everything<T>(read: impl Fn(Option<&str>) -> Listing<T>) -> Vec<T> {
    let (mut items, mut cursor) = (Vec::new(), None);
    loop {
        let page = read(cursor.as_deref()).unwrap();
        assert!(page.steady && page.skipped.is_empty(), "{:?}", page.skipped);
        items.extend(page.items);
        match page.next {
            Some(it) => cursor = Some(it),
            None => return items,
        }
    }
}

/// `name` (`repository:tag`) in `registry`.
fn source(registry: &Registry, name: &str) -> RegistrySource {
    with(registry, name, PlatformChoice::Host, Keychain::new())
}

fn with(
    registry: &Registry,
    name: &str,
    platform: PlatformChoice,
    keys: Keychain,
) -> RegistrySource {
    let reference = Reference::parse(&format!("{}/{name}", registry.host())).unwrap();
    RegistrySource::new(reference, platform, Arc::new(keys), client()).unwrap()
}

fn one(source: &RegistrySource) -> Result<Image, SourceError> {
    source.images().map(|it| it.into_iter().next().unwrap())
}

/// All bytes of the first layer.
fn first_layer(source: &RegistrySource, image: &Image) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut reader = source.blob(&image.layers[0]).map_err(io::Error::other)?;
    reader.read_to_end(&mut bytes).map(|_| bytes)
}

fn platform(text: &str) -> Platform {
    Platform::parse(text).unwrap()
}

/// An image of one layer with a file of `content`.
fn small(platform: &str, content: &str) -> BuiltImage {
    image(platform, &[tar(&[file("etc/name", content)])])
}

/// An image whose one layer has about `bytes` bytes that do not compress.
fn large(bytes: usize) -> BuiltImage {
    let mut state: u32 = 7;
    let noise: Vec<u8> = (0..bytes)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect();
    image("linux/amd64", &[tar(&[file("noise", noise)])])
}
