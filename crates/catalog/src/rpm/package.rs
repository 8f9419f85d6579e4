//! A package, as its header names it.
use super::header::{Header, tag};
use inspect::Malformed;
use model::{Component, Ecosystem, SourcePackage};

/// A package that is installed.
pub(super) struct Package {
    /// What it is.
    pub(super) component: Component,
    /// `name-version-release.arch`, as rpm prints it.
    pub(super) label: String,
    /// What of the rest could not be understood.
    pub(super) doubt: Option<Malformed>,
}

/// Reads a header; `None` for the keys that rpm keeps as if they were packages.
pub(super) fn read(header: &Header<'_>) -> Result<Option<Package>, Malformed> {
    let name = header.string(tag::NAME)?.ok_or(Malformed::new("a header without a name"))?;
    if name == "gpg-pubkey" {
        return Ok(None);
    }
    let missing = |what| Malformed(format!("package {name} has no {what}").into());
    let version = header.string(tag::VERSION)?.ok_or_else(|| missing("version"))?;
    let release = header.string(tag::RELEASE)?.ok_or_else(|| missing("release"))?;
    let arch = header.string(tag::ARCH)?;
    let epoch = header.numbers(tag::EPOCH)?.first().map_or(0, |it| u32::from_be_bytes(*it));
    let label = match &arch {
        Some(arch) => format!("{name}-{version}-{release}.{arch}"),
        None => format!("{name}-{version}-{release}"),
    };
    let version = with_epoch(epoch, &format!("{version}-{release}"));
    let source_rpm = header.string(tag::SOURCERPM)?;
    let source = source_rpm.as_deref().map(|it| source(it, epoch)).transpose();
    let doubt = source.as_ref().err().cloned();
    let component = Component {
        arch,
        source: source.unwrap_or_default(),
        module: header.string(tag::MODULARITYLABEL)?,
        vendor: header.string(tag::VENDOR)?,
        ..Component::new(Ecosystem::Rpm, &name, &version)
    };
    Ok(Some(Package { component, label, doubt }))
}

/// `version` as advisories write it: an epoch of 0 is left out.
pub(crate) fn with_epoch(epoch: u32, version: &str) -> String {
    if epoch == 0 { version.to_owned() } else { format!("{epoch}:{version}") }
}

/// The source package, from the name of its file: `name-version-release.src.rpm`. The file's name
/// lacks the epoch, which is that of the packages built from it.
pub(crate) fn source(file: &str, epoch: u32) -> Result<SourcePackage, Malformed> {
    let wrong = || Malformed(format!("{file} is not the name of a source package").into());
    let stem = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm"));
    let (rest, release) = stem.and_then(|it| it.rsplit_once('-')).ok_or_else(wrong)?;
    let (name, version) = rest.rsplit_once('-').ok_or_else(wrong)?;
    let version = with_epoch(epoch, &format!("{version}-{release}"));
    Ok(SourcePackage { name: name.to_owned(), version })
}

impl Package {
    /// How much memory it takes, roughly.
    pub(super) fn weight(&self) -> u64 {
        let it = &self.component;
        let source =
            it.source.as_ref().map_or(0, |it| it.name.len().saturating_add(it.version.len()));
        let optional = [&it.arch, &it.module, &it.vendor];
        let optional = optional.into_iter().flatten().map(String::len);
        let lengths = optional.chain([it.name.len(), it.version.len(), source]);
        let sum = lengths.fold(size_of::<Component>(), usize::saturating_add);
        u64::try_from(sum).unwrap_or(u64::MAX)
    }
}
