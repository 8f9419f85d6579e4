//! The databases of packages that dpkg and opkg have installed (dpkg(1), "FILES"; deb-control(5);
//! the Debian policy, "Control files and their fields").
use crate::{
    Cataloger,
    digest::hex,
    dpkg_stanza::{Stanza, stanzas},
    takings::Takings,
};
use inspect::{Fault, File, Found};
use model::{Component, Ecosystem, FileDigest, ImagePath, OwnedFile, SourcePackage};

/// One stanza a package.
pub(crate) const DPKG: Cataloger =
    Cataloger { name: "dpkg-status", revision: 1, paths: &["dpkg/status"], parse: dpkg };

/// One file a package, as images without a package manager have them ("distroless").
pub(crate) const DISTROLESS: Cataloger = Cataloger {
    name: "dpkg-status-d",
    revision: 1,
    paths: &["dpkg/status.d/*"],
    parse: distroless,
};

/// opkg's, which has the same form.
pub(crate) const OPKG: Cataloger =
    Cataloger { name: "opkg-status", revision: 1, paths: &["opkg/status"], parse: opkg };

fn dpkg(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    read(file, found, Ecosystem::Deb, DPKG.name)
}

/// The digests beside the stanzas are read by `dpkg-md5sums`.
fn distroless(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    if file.path.name().ends_with(".md5sums") {
        return Ok(());
    }
    read(file, found, Ecosystem::Deb, DISTROLESS.name)
}

fn opkg(file: &File<'_>, found: &mut Found) -> Result<(), Fault> {
    read(file, found, Ecosystem::Opkg, OPKG.name)
}

fn read(
    file: &File<'_>,
    found: &mut Found,
    ecosystem: Ecosystem,
    by: &'static str,
) -> Result<(), Fault> {
    let text = file.text()?;
    Takings::of(by, found, |takings| {
        let installed = stanzas(&text).zip(1_usize..).filter(|it| is_unpacked(&it.0));
        for (stanza, number) in installed {
            let strange = match component(&stanza, ecosystem) {
                Ok(it) => {
                    let strange = conffiles(&stanza, &it, takings)?;
                    takings.component(it)?;
                    strange
                }
                Err(missing) => {
                    let name = stanza.get("Package").unwrap_or("unnamed");
                    takings.trouble(format!("stanza {number} ({name}) has no {missing}"));
                    0
                }
            };
            if let count @ 1.. = stanza.strange.saturating_add(strange) {
                takings.trouble(format!("stanza {number} has {count} lines of no known form"));
            }
        }
        Ok(())
    })
}

/// Whether the files of the package lie in the image. That is so from `half-installed` on: packages
/// that are half configured or wait for triggers have run, or can be run. Those removed down to
/// their configuration files have nothing that could be vulnerable. Images that were put together
/// without dpkg give no status at all.
fn is_unpacked(stanza: &Stanza<'_>) -> bool {
    let status = stanza.get("Status").and_then(|it| it.split_ascii_whitespace().nth(2));
    !matches!(status, Some("not-installed" | "config-files"))
}

pub(crate) fn component(
    stanza: &Stanza<'_>,
    ecosystem: Ecosystem,
) -> Result<Component, &'static str> {
    let name = stanza.get("Package").ok_or("Package")?;
    let version = stanza.get("Version").ok_or("Version")?;
    let owned = |name| stanza.get(name).map(str::to_owned);
    Ok(Component {
        arch: owned("Architecture"),
        source: stanza.get("Source").map(|it| source(it, version)),
        vendor: owned("Maintainer"),
        ..Component::new(ecosystem, name, version)
    })
}

/// `glibc`, or `glibc (2.36-9)` where the version differs from the package's.
fn source(field: &str, version: &str) -> SourcePackage {
    let (name, rest) = field.split_once('(').unwrap_or((field, version));
    let own = Some(rest.trim_end_matches([')', ' '])).filter(|it| !it.is_empty());
    SourcePackage { name: name.trim().to_owned(), version: own.unwrap_or(version).to_owned() }
}

/// Takes in the configuration files; answers how many lines are not like that. The owner is called
/// as in `info`: by name and architecture where it can be installed for several.
fn conffiles(
    stanza: &Stanza<'_>,
    component: &Component,
    takings: &mut Takings<'_>,
) -> Result<usize, Fault> {
    let mut strange: usize = 0;
    let mut files = Vec::new();
    for line in stanza.lines("Conffiles") {
        match conffile(line) {
            Some(it) => takings.file(it, &mut files)?,
            None => strange = strange.saturating_add(1),
        }
    }
    let many = stanza.get("Multi-Arch") == Some("same");
    let arch = component.arch.as_ref().filter(|_| many);
    let package = arch.map(|it| format!("{}:{it}", component.name));
    takings.owned(package.unwrap_or_else(|| component.name.clone()), files);
    Ok(strange)
}

/// `/etc/x <digest> [obsolete]`: MD5 for dpkg and SHA-256 for opkg, as the package shipped it, or
/// `newconffile` as long as it is not configured.
fn conffile(line: &str) -> Option<OwnedFile> {
    let line = line.trim_end_matches(" remove-on-upgrade").trim_end_matches(" obsolete");
    let (path, digest) = line.rsplit_once(' ')?;
    let digest = digest.as_bytes();
    let digest = hex(digest).map(FileDigest::Md5).or_else(|| hex(digest).map(FileDigest::Sha256));
    Some(OwnedFile { path: ImagePath::parse(path.as_bytes()).ok()?, digest, config: true })
}
