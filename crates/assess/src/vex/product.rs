//! What a VEX statement is about, held against an image and one component of it.
use super::Subject;
use model::{Component, Digest, Fit, Inventory, Located, Purl};
use std::collections::{BTreeMap, BTreeSet};

/// A product or a part of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Product {
    /// Whatever it is called.
    pub(super) id: String,
    /// Its package URL.
    pub(super) purl: Option<Purl>,
    /// SHA-256 digests of it, in hex.
    pub(super) hashes: Vec<String>,
    /// The parts of it that are meant; none means all of it.
    pub(super) subcomponents: Vec<Product>,
}

/// A component in its image, as products are held against it.
pub(super) struct Seen<'a> {
    subject: Subject<'a>,
    /// Digests of the image.
    digests: Vec<&'a Digest>,
    /// The package URLs of the component: its own, and that of its source package.
    purls: &'a [Purl],
    /// Those of all components.
    all: &'a Purls,
}

/// The package URLs of all components of an inventory.
pub(super) struct Purls {
    of: Vec<Vec<Purl>>,
    /// Which components have one of this type and name.
    named: BTreeMap<(String, String), BTreeSet<usize>>,
}

impl Purls {
    pub(super) fn new(inventory: &Inventory) -> Purls {
        let of: Vec<_> = inventory.components.iter().map(|it| purls(it, inventory)).collect();
        let mut named: BTreeMap<_, BTreeSet<usize>> = BTreeMap::new();
        for (i, purl) in of.iter().enumerate().flat_map(|(i, it)| it.iter().map(move |it| (i, it)))
        {
            named.entry((purl.kind.clone(), purl.name.clone())).or_default().insert(i);
        }
        Purls { of, named }
    }

    fn of(&self, component: usize) -> &[Purl] {
        self.of.get(component).map(Vec::as_slice).unwrap_or_default()
    }
}

impl<'a> Seen<'a> {
    pub(super) fn new(subject: Subject<'a>, component: usize, all: &'a Purls) -> Seen<'a> {
        let digests = subject.image.digest.iter().chain(subject.known_as).collect();
        Seen { subject, digests, purls: all.of(component), all }
    }
}

impl Product {
    pub(super) fn new(
        id: &str,
        purl: Option<&str>,
        hashes: Vec<String>,
        subcomponents: Vec<Product>,
    ) -> Product {
        let purl = purl.into_iter().chain([id]).find_map(|it| Purl::parse(it).ok());
        Product { id: id.to_owned(), purl, hashes, subcomponents }
    }

    /// Whether it can be told from others.
    pub(super) fn is_identified(&self) -> bool {
        self.purl.is_some() || !self.hashes.is_empty() || Digest::parse(&self.id).is_some()
    }

    /// How a statement on this product is about the component; `None` when it is not.
    pub(super) fn fit(&self, seen: &Seen<'_>) -> Option<Fit> {
        if self.subcomponents.is_empty() {
            return self.image(seen).max(self.component(seen.purls));
        }
        let part = self.subcomponents.iter().filter_map(|it| it.component(seen.purls)).max()?;
        // What is said of one version of the part holds in whatever version of the whole, and the
        // other way round.
        Some(part.max(self.whole(seen)?))
    }

    /// Whether it is the image, or something in it that has parts.
    fn whole(&self, seen: &Seen<'_>) -> Option<Fit> {
        self.image(seen).or_else(|| {
            let purl = self.purl.as_ref()?;
            let named = seen.all.named.get(&(purl.kind.clone(), purl.name.clone()))?;
            named.iter().filter_map(|it| self.component(seen.all.of(*it))).max()
        })
    }

    fn image(&self, seen: &Seen<'_>) -> Option<Fit> {
        let is_digest = |text: &str| seen.digests.iter().any(|it| it.as_str() == text);
        let hashed = self.hashes.iter().any(|it| is_digest(&format!("sha256:{it}")));
        let named = self.id.rsplit_once('@').is_some_and(|it| is_digest(it.1));
        if hashed || named || is_digest(&self.id) {
            return Some(Fit::Exactly);
        }
        let purl = self.purl.as_ref().filter(|it| it.kind == "oci")?;
        match &purl.version {
            Some(version) => is_digest(version).then_some(Fit::Exactly),
            None => is_called(purl, &seen.subject.image.name).then_some(Fit::AnyVersion),
        }
    }

    fn component(&self, purls: &[Purl]) -> Option<Fit> {
        let wanted = self.purl.as_ref()?;
        purls.iter().filter_map(|it| wanted.fits(it)).max()
    }
}

/// Whether an image of this name may be the one that `purl` means: without a digest, the place of
/// the repository and the tag must be said and agree (purl-spec, types/oci-definition).
fn is_called(purl: &Purl, name: &str) -> bool {
    let name = name.strip_prefix("registry:").unwrap_or(name);
    let name = name.split('@').next().unwrap_or_default();
    let colon = name.rsplit_once(':').filter(|it| !it.1.contains('/'));
    let (repository, tag) = colon.unwrap_or((name, "latest"));
    let same = |it: &str| {
        it.trim_start_matches("docker.io/") == repository.trim_start_matches("docker.io/")
    };
    let place = purl.qualifier("repository_url").is_some_and(|it| {
        let last = it.rsplit('/').next() == Some(&purl.name);
        // Some leave the name out of it.
        same(it) && last || same(&format!("{it}/{}", purl.name))
    });
    place && purl.qualifier("tag").is_none_or(|it| it == tag)
}

fn purls(it: &Located<Component>, inventory: &Inventory) -> Vec<Purl> {
    let system = it.system.and_then(|it| inventory.systems.get(it));
    let release = system.and_then(|it| it.release.as_ref());
    let distro = release.map(|it| (it.id.as_str(), it.version_id.as_str()));
    it.what.purls(distro)
}
