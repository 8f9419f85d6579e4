//! SPDX 2.3 in JSON (SPDX specification 2.3, clauses 6, 7, 11 and 12; spdx-schema.json).
use super::{Bill, Each};
use model::{Component, Ecosystem, Located, System};
use serde::Serialize;
use serde_json::{Value, json};
use std::{io, io::Write};

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const IMAGE: &str = "SPDXRef-Image";
const NOTHING: &str = "NOASSERTION";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<P, R> {
    #[serde(rename = "SPDXID")]
    id: &'static str,
    spdx_version: &'static str,
    data_license: &'static str,
    name: String,
    document_namespace: String,
    creation_info: Value,
    document_describes: [&'static str; 1],
    packages: P,
    relationships: R,
}

/// Writes the bill.
///
/// # Errors
/// Those of `out`.
pub fn spdx(bill: &Bill<'_>, out: &mut dyn Write) -> io::Result<()> {
    let inventory = bill.inventory();
    let systems = || inventory.systems.iter().enumerate().filter_map(|(i, it)| system(i, it));
    let components =
        || inventory.components.iter().enumerate().map(|(i, it)| component(bill, i, it));
    let described = || std::iter::once(relation(DOCUMENT, "DESCRIBES", IMAGE));
    let contained =
        || (0..inventory.components.len()).map(|it| relation(IMAGE, "CONTAINS", &id(it)));
    let inside = || {
        let systems =
            inventory.systems.iter().enumerate().filter(|it| system(it.0, it.1).is_some());
        systems.map(|it| relation(IMAGE, "CONTAINS", &system_id(it.0)))
    };
    let document = Document {
        id: DOCUMENT,
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        name: bill.image.name.clone(),
        document_namespace: format!("https://spdx.org/spdxdocs/plimsoll-{}", bill.serial()),
        creation_info: json!({"created": bill.created, "creators": [tool(bill)]}),
        document_describes: [IMAGE],
        packages: Each(|| std::iter::once(image(bill)).chain(systems()).chain(components())),
        relationships: Each(|| described().chain(inside()).chain(contained())),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")
}

fn tool(bill: &Bill<'_>) -> String {
    format!("Tool: plimsoll-{}", bill.version)
}

fn id(component: usize) -> String {
    format!("SPDXRef-Package-{component}")
}

fn system_id(system: usize) -> String {
    format!("SPDXRef-System-{system}")
}

fn relation(of: &str, kind: &str, to: &str) -> Value {
    json!({"spdxElementId": of, "relationshipType": kind, "relatedSpdxElement": to})
}

fn package(id: &str, name: &str, version: Option<&str>, purpose: &str) -> Value {
    let mut package = json!({
        "SPDXID": id,
        "name": name,
        "downloadLocation": NOTHING,
        "filesAnalyzed": false,
        "licenseConcluded": NOTHING,
        "licenseDeclared": NOTHING,
        "copyrightText": NOTHING,
        "primaryPackagePurpose": purpose,
    });
    let version = version.filter(|it| !it.is_empty());
    add(&mut package, "versionInfo", version.map(Value::from));
    package
}

fn image(bill: &Bill<'_>) -> Value {
    let digest = bill.image.digest.as_deref();
    let mut package = package(IMAGE, &bill.image.name, digest, "CONTAINER");
    let hash = digest.and_then(|it| it.strip_prefix("sha256:"));
    let hash = hash.map(|it| json!([{"algorithm": "SHA256", "checksumValue": it}]));
    add(&mut package, "checksums", hash);
    add(&mut package, "externalRefs", bill.purl().map(|it| purl(&it)));
    package
}

fn system(i: usize, it: &System) -> Option<Value> {
    let release = it.release.as_ref().filter(|it| !it.id.is_empty())?;
    let version = Some(release.version_id.as_str());
    let mut package = package(&system_id(i), &release.id, version, "OPERATING_SYSTEM");
    let pretty = Some(release.pretty.as_str()).filter(|it| !it.is_empty());
    add(&mut package, "summary", pretty.map(Value::from));
    Some(package)
}

fn component(bill: &Bill<'_>, i: usize, it: &Located<Component>) -> Value {
    let what = &it.what;
    let purpose = match what.ecosystem {
        Ecosystem::Bitnami | Ecosystem::Generic | Ecosystem::Github => "APPLICATION",
        _ => "LIBRARY",
    };
    let mut package = package(&id(i), &what.name, Some(&what.version), purpose);
    let supplier = what.vendor.as_deref().filter(|it| !it.trim().is_empty()).map(supplier);
    add(&mut package, "supplier", supplier.map(Value::from));
    let source = what.source.as_ref();
    let source = source.map(|it| format!("built package from: {} {}", it.name, it.version));
    add(&mut package, "sourceInfo", source.map(Value::from));
    add(&mut package, "externalRefs", Some(purl(&bill.image.components.purl(it))));
    add(&mut package, "annotations", Some(json!([note(bill, it)])));
    package
}

/// Where it was found, for which the format has no place of its own.
fn note(bill: &Bill<'_>, it: &Located<Component>) -> Value {
    // Last, since there may be anything in it.
    let path = it.path.as_ref().map(|it| format!("\npath: {it}")).unwrap_or_default();
    let layer = bill.diff_id(it).map(|it| format!(" {it}")).unwrap_or_default();
    let comment = format!("layer: {}{layer}\nfound by: {}{path}", it.layer, it.by);
    json!({
        "annotator": tool(bill),
        "annotationDate": bill.created,
        "annotationType": "OTHER",
        "comment": comment,
    })
}

fn purl(text: &str) -> Value {
    json!([{
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": text,
    }])
}

/// `The GCC maintainers <gcc@example.org>` as SPDX has it, with the address in parentheses (7.5).
fn supplier(vendor: &str) -> String {
    let who = match vendor.rsplit_once('<') {
        Some((name, address)) if address.ends_with('>') => {
            format!("{} ({})", name.trim(), address.trim_end_matches('>'))
        }
        _ => vendor.to_owned(),
    };
    format!("Organization: {who}")
}

fn add(package: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(value), Some(package)) = (value, package.as_object_mut()) {
        package.insert(name.to_owned(), value);
    }
}
