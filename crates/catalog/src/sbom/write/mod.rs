//! Writes bills of materials. Components are written one by one: there may be hundreds of thousands.
mod cyclonedx;
mod spdx;
#[cfg(test)]
mod tests;
mod vulnerabilities;

pub use cyclonedx::cyclonedx;
pub use spdx::spdx;

use model::{Component, Inventory, Located, Purl, report::ImageReport};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What a bill is made from.
#[derive(Clone, Copy, Debug)]
pub struct Bill<'a> {
    /// The image, and what is in it.
    pub image: &'a ImageReport,
    /// The version of the program that found it.
    pub version: &'a str,
    /// When this is said: RFC 3339, in UTC, to the second.
    pub created: &'a str,
}

impl<'a> Bill<'a> {
    fn inventory(&self) -> &'a Inventory {
        self.image.components.inventory()
    }

    /// Identifies what the bill is about: the same image has the same. A UUID of version 8 (RFC 9562, section 5.8).
    fn serial(&self) -> String {
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update(text);
            hash.update([0]);
        };
        match &self.image.digest {
            Some(digest) => add(digest),
            // Archives and directories have no digest: what is in them tells them apart.
            None => {
                self.image.layers.iter().flat_map(|it| &it.diff_id).for_each(|it| add(it));
                self.image.components.rows().for_each(|it| add(&it.purl));
            }
        }
        let mut number = [0; 16];
        number.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        let number = u128::from_be_bytes(number);
        let number = (number & !(0xf << 76) | 8 << 76) & !(0b11 << 62) | 0b10 << 62;
        let hex = format!("{number:032x}");
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
        parts.join("-")
    }

    /// The package URL of the image, where it is in a registry (purl-spec, types/oci-definition).
    fn purl(&self) -> Option<String> {
        let digest = self.image.digest.as_ref()?;
        let name = self.image.name.strip_prefix("registry:").unwrap_or(&self.image.name);
        let name = name.split('@').next()?;
        let (host, rest) = name.split_once('/').filter(|it| is_host(it.0))?;
        let (path, tag) = rest.rsplit_once(':').map_or((rest, None), |it| (it.0, Some(it.1)));
        let mut qualifiers = BTreeMap::new();
        qualifiers.insert("repository_url".to_owned(), format!("{host}/{path}"));
        qualifiers.extend(tag.map(|it| ("tag".to_owned(), it.to_owned())));
        let arch = self.image.platform.as_ref().and_then(|it| it.split('/').nth(1));
        qualifiers.extend(arch.map(|it| ("arch".to_owned(), it.to_owned())));
        let name = path.rsplit('/').next()?.to_owned();
        let version = Some(digest.clone());
        Some(
            Purl { kind: "oci".to_owned(), name, version, qualifiers, ..Purl::default() }
                .to_string(),
        )
    }

    /// The digest of the uncompressed layer that brought something in.
    fn diff_id(&self, it: &Located<Component>) -> Option<&'a str> {
        self.image.layers.get(it.layer)?.diff_id.as_deref()
    }
}

/// Whether it is the name of a server, and not of a directory or a kind of source.
fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').map_or((text, None), |it| (it.0, Some(it.1)));
    let port = port.is_none_or(|it| it.parse::<u16>().is_ok());
    port && !name.starts_with('.')
        && (name.contains('.') || text.contains(':') || name == "localhost")
}

/// A list whose items are made as they are written.
struct Each<F>(F);

impl<T: Serialize, I: Iterator<Item = T>, F: Fn() -> I> Serialize for Each<F> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq((self.0)())
    }
}
