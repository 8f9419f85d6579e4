//! CycloneDX in JSON (ECMA-424, "CycloneDX Bill of Materials Specification", `components`), with
//! the properties in which Trivy and Syft keep what the format has no place for.
use super::{
    collect::{Collected, Item},
    text,
};
use model::SourcePackage;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Bom {
    metadata: Option<Metadata>,
    components: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Metadata {
    component: Option<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type", default, deserialize_with = "text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    version: Option<String>,
    #[serde(default, deserialize_with = "text")]
    purl: Option<String>,
    properties: Option<Vec<Property>>,
    evidence: Option<Evidence>,
    supplier: Option<Supplier>,
    components: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Property {
    #[serde(default, deserialize_with = "text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    value: Option<String>,
}

#[derive(Deserialize)]
struct Supplier {
    #[serde(default, deserialize_with = "text")]
    name: Option<String>,
}

#[derive(Deserialize)]
struct Evidence {
    occurrences: Option<Vec<Occurrence>>,
}

#[derive(Deserialize)]
struct Occurrence {
    #[serde(default, deserialize_with = "text")]
    location: Option<String>,
}

/// Adds everything that the bill lists.
pub(super) fn read(bom: &Bom, collected: &mut Collected) {
    if let Some(subject) = bom.metadata.as_ref().and_then(|it| it.component.as_ref()) {
        // What the bill is about: an image or a file needs no package URL, a program may have one.
        let image = subject.kind.as_deref() == Some("container") || subject.purl.is_none();
        if subject.kind.as_deref() == Some("operating-system") || !image {
            subject.add(collected);
        }
        subject.nested(collected);
    }
    bom.components.iter().flatten().for_each(|it| it.read(collected));
}

impl Entry {
    /// Adds it and all that is nested in it, no deeper than the JSON parser goes.
    fn read(&self, collected: &mut Collected) {
        self.add(collected);
        self.nested(collected);
    }

    fn nested(&self, collected: &mut Collected) {
        self.components.iter().flatten().for_each(|it| it.read(collected));
    }

    fn add(&self, collected: &mut Collected) {
        let name = self.name.as_deref().unwrap_or_default();
        let version = self.version.as_deref();
        match (self.kind.as_deref(), &self.purl) {
            (Some("operating-system"), _) => return collected.system(name, version),
            // Of these nobody expects a package URL.
            (Some("file" | "container" | "data" | "cryptographic-asset" | "device"), None) => {
                return;
            }
            _ => {}
        }
        let place = self.evidence.iter().flat_map(|it| it.occurrences.iter().flatten());
        let path = place.filter_map(|it| it.location.as_deref()).next();
        let path = path.or_else(|| self.property("aquasecurity:trivy:FilePath"));
        let path = path.or_else(|| self.property("syft:location:0:path"));
        let purl = self.purl.as_deref();
        let vendor = self.supplier.as_ref().and_then(|it| it.name.as_deref());
        collected.item(Item { name, version, purl, source: self.source(), vendor, path });
    }

    fn source(&self) -> Option<SourcePackage> {
        self.trivy().or_else(|| self.syft())
    }

    fn trivy(&self) -> Option<SourcePackage> {
        let of = |key: &str| self.property(&format!("aquasecurity:trivy:Src{key}"));
        let mut version = of("Version")?.to_owned();
        if let Some(release) = of("Release") {
            version = format!("{version}-{release}");
        }
        if let Some(epoch) = of("Epoch").filter(|it| *it != "0") {
            version = format!("{epoch}:{version}");
        }
        Some(SourcePackage { name: of("Name")?.to_owned(), version })
    }

    fn syft(&self) -> Option<SourcePackage> {
        if let Some(file) = self.property("syft:metadata:sourceRpm") {
            return SourcePackage::of_rpm_file(file);
        }
        let name = self.property("syft:metadata:source");
        let name = name.or_else(|| self.property("syft:metadata:originPackage"))?;
        let version = self.property("syft:metadata:sourceVersion").or(self.version.as_deref())?;
        Some(SourcePackage { name: name.to_owned(), version: version.to_owned() })
    }

    fn property(&self, name: &str) -> Option<&str> {
        let mut properties = self.properties.iter().flatten();
        properties.find(|it| it.name.as_deref() == Some(name))?.value.as_deref()
    }
}
