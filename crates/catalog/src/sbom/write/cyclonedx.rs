//! CycloneDX 1.6 in JSON (ECMA-424; bom-1.6.schema.json), with what is known to be wrong with the components.
use super::{Bill, Each, vulnerabilities};
use model::{Component, Ecosystem, Grade, Located, System};
use serde::Serialize;
use serde_json::{Value, json};
use std::{io, io::Write};

/// The `bom-ref` of the image.
const IMAGE: &str = "image";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom<M, C, V> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    metadata: M,
    components: C,
    compositions: Value,
    vulnerabilities: V,
}

/// Writes the bill.
///
/// # Errors
/// Those of `out`.
pub fn cyclonedx(bill: &Bill<'_>, out: &mut dyn Write) -> io::Result<()> {
    let inventory = bill.inventory();
    let systems = || inventory.systems.iter().enumerate().filter_map(|(i, it)| system(i, it));
    let components =
        || inventory.components.iter().enumerate().map(|(i, it)| component(bill, i, it));
    let bom = Bom {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: format!("urn:uuid:{}", bill.serial()),
        version: 1,
        metadata: metadata(bill),
        components: Each(|| systems().chain(components())),
        compositions: compositions(bill),
        vulnerabilities: Each(|| vulnerabilities::of(bill.image).into_iter()),
    };
    serde_json::to_writer_pretty(&mut *out, &bom)?;
    out.write_all(b"\n")
}

/// The `bom-ref` of a component.
pub(super) fn reference(component: usize) -> String {
    format!("component-{component}")
}

fn metadata(bill: &Bill<'_>) -> Value {
    let image = bill.image;
    let mut subject = json!({"type": "container", "bom-ref": IMAGE, "name": image.name});
    set(&mut subject, "version", image.digest.as_deref());
    set(&mut subject, "purl", bill.purl().as_deref());
    let hash = image.digest.as_deref().and_then(|it| it.strip_prefix("sha256:"));
    if let (Some(hash), Some(it)) = (hash, subject.as_object_mut()) {
        it.insert("hashes".to_owned(), json!([{"alg": "SHA-256", "content": hash}]));
    }
    let layers = image.layers.iter().filter_map(|it| it.diff_id.as_deref());
    let mut properties: Vec<Value> = layers.map(|it| property("layer:diff-id", it)).collect();
    properties.extend(image.platform.as_deref().map(|it| property("platform", it)));
    properties.extend(image.created.as_deref().map(|it| property("created", it)));
    properties.push(property("coverage", &image.coverage.grade.to_string()));
    properties.extend(image.coverage.reasons.iter().map(|it| property("coverage:reason", it)));
    if let Some(it) = subject.as_object_mut() {
        it.insert("properties".to_owned(), properties.into());
    }
    json!({
        "timestamp": bill.created,
        "tools": {"components": [{"type": "application", "name": "plimsoll", "version": bill.version}]},
        "component": subject,
    })
}

fn system(i: usize, it: &System) -> Option<Value> {
    let release = it.release.as_ref().filter(|it| !it.id.is_empty())?;
    let mut system =
        json!({"type": "operating-system", "bom-ref": format!("system-{i}"), "name": release.id});
    set(&mut system, "version", Some(&release.version_id));
    set(&mut system, "description", Some(&release.pretty));
    if !it.root.as_str().is_empty() {
        let properties = json!([property("root", it.root.as_str())]);
        system.as_object_mut()?.insert("properties".to_owned(), properties);
    }
    Some(system)
}

fn component(bill: &Bill<'_>, i: usize, it: &Located<Component>) -> Value {
    let what = &it.what;
    let kind = match what.ecosystem {
        Ecosystem::Bitnami | Ecosystem::Generic | Ecosystem::Github => "application",
        _ => "library",
    };
    let mut component = json!({"type": kind, "bom-ref": reference(i)});
    let (group, name) = match what.ecosystem {
        Ecosystem::Maven => what.name.split_once(':').unwrap_or(("", &what.name)),
        Ecosystem::Npm if what.name.starts_with('@') => {
            what.name.split_once('/').unwrap_or(("", &what.name))
        }
        _ => ("", what.name.as_str()),
    };
    set(&mut component, "group", Some(group));
    set(&mut component, "name", Some(name));
    set(&mut component, "version", Some(&what.version));
    set(&mut component, "purl", Some(&bill.image.components.purl(it)));
    let properties = [
        it.path.is_none().then(|| property("located", "unknown")),
        Some(property("layer", &it.layer.to_string())),
        bill.diff_id(it).map(|it| property("layer:diff-id", it)),
        Some(property("cataloger", &it.by)),
        what.source.as_ref().map(|it| property("source", &format!("{} {}", it.name, it.version))),
    ];
    let properties: Vec<Value> = properties.into_iter().flatten().collect();
    if let Some(to) = component.as_object_mut() {
        if let Some(vendor) = &what.vendor {
            to.insert("supplier".to_owned(), json!({"name": vendor}));
        }
        if let Some(path) = &it.path {
            let place = json!({"occurrences": [{"location": path.as_str()}]});
            to.insert("evidence".to_owned(), place);
        }
        to.insert("properties".to_owned(), properties.into());
    }
    component
}

/// What the lists leave out: nobody has looked for dependencies, and of the components some may be missing.
fn compositions(bill: &Bill<'_>) -> Value {
    let whole = bill.image.coverage.grade == Grade::Known && bill.image.gaps.is_empty();
    let components = if whole { "not_specified" } else { "incomplete" };
    json!([
        {"aggregate": components, "assemblies": [IMAGE]},
        {"aggregate": "unknown", "dependencies": [IMAGE]},
    ])
}

/// A property in our name.
pub(super) fn property(name: &str, value: &str) -> Value {
    json!({"name": format!("plimsoll:{name}"), "value": value})
}

/// Sets a text, unless there is none.
pub(super) fn set(object: &mut Value, name: &str, value: Option<&str>) {
    let value = value.filter(|it| !it.is_empty());
    if let (Some(value), Some(object)) = (value, object.as_object_mut()) {
        object.insert(name.to_owned(), value.into());
    }
}
