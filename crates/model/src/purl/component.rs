//! Components as package URLs, and back (purl-spec, PURL-TYPES.rst; `upstream` and `rpmmod` are
//! what Syft writes for source packages and modules).
use super::Purl;
use crate::{Component, Ecosystem, SourcePackage};
use std::collections::BTreeMap;

impl Component {
    /// The package URL. `distro` is the `ID` and `VERSION_ID` of the system that a distribution's
    /// package is part of.
    pub fn purl(&self, distro: Option<(&str, &str)>) -> String {
        let (namespace, name) = self.parts(distro);
        let mut qualifiers = BTreeMap::new();
        let mut add = |key: &str, value: Option<String>| {
            qualifiers.extend(value.filter(|it| !it.is_empty()).map(|it| (key.to_owned(), it)));
        };
        let (epoch, version) = self.epoch();
        add("arch", self.arch.clone());
        add("epoch", epoch.map(str::to_owned));
        add("rpmmod", self.module.clone());
        if self.ecosystem.is_system() {
            add("distro", distro.map(|it| it.0.to_owned() + hyphen(it.1) + it.1));
        }
        add("upstream", self.source.as_ref().map(|it| upstream(it, &self.version)));
        let go = self.ecosystem == Ecosystem::Golang && name != "stdlib";
        let v = if go && version.starts_with(|it: char| it.is_ascii_digit()) { "v" } else { "" };
        let version = Some(format!("{v}{version}")).filter(|it| !it.is_empty());
        let kind = self.ecosystem.purl().to_owned();
        let mut purl = Purl { kind, namespace, name, version, qualifiers, subpath: Vec::new() };
        purl.normalise();
        purl.to_string()
    }

    fn parts(&self, distro: Option<(&str, &str)>) -> (Vec<String>, String) {
        let path = match self.ecosystem {
            it if it.is_system() => {
                let vendor = distro.map(|it| vendor(it.0).to_owned()).filter(|it| !it.is_empty());
                return (vendor.into_iter().collect(), self.name.clone());
            }
            Ecosystem::Maven => self.name.split(':').collect::<Vec<_>>(),
            // The name of a file is one, whatever it has in it.
            Ecosystem::Generic if self.is_file() => vec![self.name.as_str()],
            Ecosystem::Golang
            | Ecosystem::Npm
            | Ecosystem::Composer
            | Ecosystem::Swift
            | Ecosystem::Generic
            | Ecosystem::Github => self.name.split('/').collect(),
            _ => vec![self.name.as_str()],
        };
        let mut path: Vec<_> = path.into_iter().map(str::to_owned).collect();
        let name = path.pop().unwrap_or_default();
        (path, name)
    }

    /// RPM's epoch is a qualifier; dpkg's is part of the version.
    fn epoch(&self) -> (Option<&str>, &str) {
        match self.version.split_once(':') {
            Some((epoch, version)) if self.ecosystem == Ecosystem::Rpm => (Some(epoch), version),
            _ => (None, &self.version),
        }
    }
}

impl Purl {
    /// The component that it names. `None` for types that are no ecosystem of ours, or without a
    /// version, which nothing could be compared with.
    pub fn component(&self) -> Option<Component> {
        let ecosystem = Ecosystem::from_purl(&self.kind)?;
        let version = self.whole_version(ecosystem)?;
        let mut component = Component::new(ecosystem, &self.whole_name(ecosystem), &version);
        let qualifier = |key| self.qualifier(key).map(str::to_owned);
        component.arch = qualifier("arch");
        component.module = qualifier("rpmmod");
        component.source = self.qualifier("upstream").map(|it| source(it, &version));
        Some(component)
    }

    /// The system that a distribution's package is part of, as its `ID` and `VERSION_ID`.
    pub fn distro(&self) -> Option<(String, String)> {
        let text = self.qualifier("distro")?;
        let digit = |it: &str| it.starts_with(|it: char| it.is_ascii_digit());
        if digit(text) {
            // Trivy leaves the name out for Alpine.
            return Some((self.namespace.first()?.clone(), text.to_owned()));
        }
        let hyphen = text.match_indices('-').map(|it| it.0).find_map(|at| {
            let (id, version) = text.split_at_checked(at)?;
            Some((id, version.strip_prefix('-').filter(|it| digit(it))?))
        });
        let (id, version) = hyphen.unwrap_or((text, ""));
        Some((id.to_owned(), version.to_owned()))
    }

    fn whole_name(&self, ecosystem: Ecosystem) -> String {
        let separator = match ecosystem {
            Ecosystem::Maven => ":",
            Ecosystem::Golang
            | Ecosystem::Npm
            | Ecosystem::Composer
            | Ecosystem::Swift
            | Ecosystem::Generic
            | Ecosystem::Github => "/",
            _ => return self.name.clone(),
        };
        let mut name = self.namespace.join(if separator == ":" { "." } else { "/" });
        if !name.is_empty() {
            name.push_str(separator);
        }
        name + &self.name
    }

    fn whole_version(&self, ecosystem: Ecosystem) -> Option<String> {
        let version = self.version.as_deref()?;
        let epoch = self.qualifier("epoch").filter(|it| *it != "0" && !version.contains(':'));
        match (ecosystem, epoch) {
            (Ecosystem::Rpm | Ecosystem::Deb, Some(epoch)) => Some(format!("{epoch}:{version}")),
            (Ecosystem::Golang, _) => {
                let number = version.strip_prefix('v');
                let number = number.filter(|it| it.starts_with(|it: char| it.is_ascii_digit()));
                Some(number.unwrap_or(version).to_owned())
            }
            _ => Some(version.to_owned()),
        }
    }
}

impl SourcePackage {
    /// The source package behind the name of its RPM file, `bash-5.2.26-3.fc40.src.rpm`.
    pub fn of_rpm_file(file: &str) -> Option<SourcePackage> {
        let stem = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm"))?;
        let (rest, release) = stem.rsplit_once('-')?;
        let (name, version) = rest.rsplit_once('-')?;
        Some(SourcePackage { name: name.to_owned(), version: format!("{version}-{release}") })
    }
}

fn upstream(source: &SourcePackage, version: &str) -> String {
    if source.version == version {
        return source.name.clone();
    }
    format!("{}@{}", source.name, source.version)
}

fn source(upstream: &str, version: &str) -> SourcePackage {
    if let Some(mut it) = SourcePackage::of_rpm_file(upstream) {
        // The file's name lacks the epoch, which is that of the packages built from it.
        if let Some((epoch, _)) = version.split_once(':') {
            it.version = format!("{epoch}:{}", it.version);
        }
        return it;
    }
    let (name, version) = upstream.rsplit_once('@').unwrap_or((upstream, version));
    SourcePackage { name: name.to_owned(), version: version.to_owned() }
}

fn hyphen(version: &str) -> &'static str {
    if version.is_empty() { "" } else { "-" }
}

/// Who packs for a distribution, where its packages are not named after its `ID`.
fn vendor(id: &str) -> &str {
    match id {
        "rhel" => "redhat",
        it if it.starts_with("opensuse") => "opensuse",
        "sles" | "sled" | "sles_sap" => "suse",
        it => it,
    }
}
