//! SPDX 2.2 and 2.3 in JSON (SPDX specification, clause 7, "Package information"; 7.21, "External
//! reference field").
use super::{
    collect::{Collected, Item},
    text,
};
use model::SourcePackage;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    packages: Option<Vec<Package>>,
    document_describes: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID", default, deserialize_with = "text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    version_info: Option<String>,
    #[serde(default, deserialize_with = "text")]
    primary_package_purpose: Option<String>,
    #[serde(default, deserialize_with = "text")]
    source_info: Option<String>,
    #[serde(default, deserialize_with = "text")]
    supplier: Option<String>,
    external_refs: Option<Vec<Reference>>,
    annotations: Option<Vec<Annotation>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    #[serde(default, deserialize_with = "text")]
    reference_type: Option<String>,
    #[serde(default, deserialize_with = "text")]
    reference_locator: Option<String>,
}

#[derive(Deserialize)]
struct Annotation {
    #[serde(default, deserialize_with = "text")]
    comment: Option<String>,
}

/// Adds every package that the document lists.
pub(super) fn read(document: &Document, collected: &mut Collected) {
    for package in document.packages.iter().flatten() {
        let described = document.document_describes.iter().flatten();
        let subject = described.into_iter().any(|it| package.id.as_ref() == Some(it));
        package.read(subject, collected);
    }
}

impl Package {
    /// Adds it. The `subject` of the document, an image or a file, needs no package URL.
    fn read(&self, subject: bool, collected: &mut Collected) {
        let name = self.name.as_deref().unwrap_or_default();
        let version = self.version_info.as_deref().filter(|it| *it != "NOASSERTION");
        let purpose = self.primary_package_purpose.as_deref().unwrap_or_default();
        if matches!(purpose, "OPERATING-SYSTEM" | "OPERATING_SYSTEM") {
            return collected.system(name, version);
        }
        let references = self.external_refs.iter().flatten();
        let purls = references.filter(|it| it.reference_type.as_deref() == Some("purl"));
        let mut purls = purls.filter_map(|it| it.reference_locator.as_deref()).peekable();
        let needless = subject || matches!(purpose, "CONTAINER" | "FILE" | "DEVICE");
        if purpose == "CONTAINER" || (needless && purls.peek().is_none()) {
            return;
        }
        let mut add = |purl| {
            let source = self.source();
            let (vendor, path) = (self.vendor(), self.path());
            collected.item(Item { name, version, purl, source, vendor: vendor.as_deref(), path });
        };
        if purls.peek().is_none() {
            add(None);
        }
        purls.for_each(|it| add(Some(it)));
    }

    /// `Organization: The GCC maintainers (gcc@example.org)`, with the address as packages have it (7.5).
    fn vendor(&self) -> Option<String> {
        let text = self.supplier.as_deref()?;
        let who = text.strip_prefix("Organization: ").or_else(|| text.strip_prefix("Person: "))?;
        Some(match who.strip_suffix(')').and_then(|it| it.rsplit_once(" (")) {
            Some((name, address)) if address.contains('@') => format!("{name} <{address}>"),
            _ => who.to_owned(),
        })
    }

    /// Where it was found, as we write it.
    fn path(&self) -> Option<&str> {
        let mut comments = self.annotations.iter().flatten().filter_map(|it| it.comment.as_deref());
        comments.find_map(|it| Some(it.split_once("\npath: ")?.1))
    }

    /// Trivy's `built package from: glibc 2.36-9`.
    fn source(&self) -> Option<SourcePackage> {
        let text = self.source_info.as_deref()?.strip_prefix("built package from: ")?;
        let (name, version) = text.split_once(' ')?;
        Some(SourcePackage { name: name.to_owned(), version: version.to_owned() })
    }
}
