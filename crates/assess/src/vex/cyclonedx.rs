//! Reads what CycloneDX documents say of vulnerabilities (ECMA-424, `vulnerabilities` with their `analysis`), in
//! a bill of materials or without one.
use super::{
    Said, Verdict, Vex,
    product::Product,
    read::{time, version},
};
use crate::Malformed;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Bom {
    #[serde(rename = "serialNumber")]
    serial: Option<String>,
    version: Option<Value>,
    #[serde(default)]
    metadata: Metadata,
    components: Option<Vec<Entry>>,
    vulnerabilities: Option<Vec<Value>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    timestamp: Option<String>,
    authors: Vec<Who>,
    manufacturer: Option<Who>,
    manufacture: Option<Who>,
    supplier: Option<Who>,
    component: Option<Entry>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Who {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "bom-ref")]
    reference: Option<String>,
    purl: Option<String>,
    version: Option<Value>,
    #[serde(default)]
    hashes: Vec<Hash>,
    components: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Hash {
    alg: String,
    content: String,
}

#[derive(Deserialize)]
struct Vulnerability {
    id: Option<String>,
    #[serde(default)]
    references: Vec<Reference>,
    analysis: Option<Analysis>,
    #[serde(default)]
    affects: Vec<Affect>,
}

#[derive(Deserialize)]
struct Reference {
    id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Analysis {
    state: Option<String>,
    justification: Option<String>,
    response: Vec<String>,
    detail: Option<String>,
    first_issued: Option<String>,
    last_updated: Option<String>,
}

#[derive(Deserialize)]
struct Affect {
    #[serde(rename = "ref")]
    reference: String,
}

/// What references lead to.
struct Products {
    subject: Option<(Option<String>, Product)>,
    of: BTreeMap<String, Product>,
}

/// Reads a document.
pub(super) fn read(bytes: &[u8]) -> Result<Vex, Malformed> {
    let raw: Bom = serde_json::from_slice(bytes)?;
    let Metadata { timestamp, authors, manufacturer, manufacture, supplier, component } =
        raw.metadata;
    let who = authors.into_iter().chain(manufacturer).chain(manufacture).chain(supplier);
    let at = time(timestamp.as_deref());
    let mut vex = Vex {
        id: raw.serial.unwrap_or_default(),
        version: version(raw.version),
        dated: at,
        author: who.filter_map(|it| it.name).next().unwrap_or_default(),
        ..Vex::default()
    };
    let products = Products::of(component, raw.components.unwrap_or_default());
    let mut undecided = 0_usize;
    let mut all = Vec::new();
    for it in raw.vulnerabilities.into_iter().flatten() {
        match Vulnerability::deserialize(it) {
            Ok(it) if it.analysis.as_ref().is_none_or(|it| it.state.is_none()) => {
                undecided = undecided.saturating_add(1);
            }
            Ok(it) => all.push(it.said(&products, at)),
            Err(err) => all.push(Err(err.to_string())),
        }
    }
    vex.take(all.into_iter(), "statement");
    if undecided > 0 {
        let what = "vulnerabilities without a state of their analysis";
        vex.problems.push(format!("{undecided} {what}"));
    }
    Ok(vex)
}

impl Products {
    fn of(subject: Option<Entry>, components: Vec<Entry>) -> Products {
        let mut products = Products { subject: None, of: BTreeMap::new() };
        if let Some(mut it) = subject {
            let nested = it.components.take().unwrap_or_default();
            products.subject = Some((it.reference.take(), it.product()));
            nested.into_iter().for_each(|it| products.add(it));
        }
        components.into_iter().for_each(|it| products.add(it));
        products
    }

    /// No deeper than the JSON parser goes.
    fn add(&mut self, mut it: Entry) {
        it.components.take().into_iter().flatten().for_each(|it| self.add(it));
        if let Some(reference) = it.reference.take() {
            self.of.insert(reference, it.product());
        }
    }

    /// A component is meant in what the document is about, if that can be told from others.
    fn get(&self, reference: &str) -> Product {
        // A reference into another document ends with one in that.
        let own = reference.rsplit_once('#').filter(|_| reference.starts_with("urn:cdx:"));
        let own = own.map_or(reference, |it| it.1);
        match &self.subject {
            Some((Some(name), product)) if name == own => return product.clone(),
            _ => {}
        }
        let Some(part) = self.of.get(own) else {
            return Product::new(own, None, Vec::new(), Vec::new());
        };
        match &self.subject {
            Some((_, whole)) if whole.is_identified() => {
                Product { subcomponents: vec![part.clone()], ..whole.clone() }
            }
            _ => part.clone(),
        }
    }
}

impl Entry {
    fn product(self) -> Product {
        let hashes = self.hashes.into_iter().filter(|it| it.alg == "SHA-256");
        let hashes = hashes.map(|it| it.content.to_lowercase()).collect();
        // An image's version is its digest.
        let digest = version(self.version);
        Product::new(&digest, self.purl.as_deref(), hashes, Vec::new())
    }
}

impl Vulnerability {
    fn said(self, products: &Products, at: Option<Timestamp>) -> Result<Said, String> {
        let analysis = self.analysis.unwrap_or_default();
        let state = analysis.state.unwrap_or_default();
        let verdict = match state.as_str() {
            "not_affected" | "false_positive" => Verdict::NotAffected,
            "resolved" | "resolved_with_pedigree" => Verdict::Fixed,
            "in_triage" => Verdict::UnderInvestigation,
            "exploitable" => Verdict::Affected,
            other => return Err(format!("unknown state `{other}`")),
        };
        let others = self.references.into_iter().filter_map(|it| it.id);
        let names: Vec<String> =
            self.id.into_iter().chain(others).filter(|it| !it.trim().is_empty()).collect();
        if names.is_empty() {
            return Err("no vulnerability is named".to_owned());
        }
        if self.affects.is_empty() {
            return Err(format!("{}: no product is named", names.join(", ")));
        }
        let own =
            time(analysis.last_updated.as_deref()).max(time(analysis.first_issued.as_deref()));
        let false_positive = (state == "false_positive").then(|| state.clone());
        Ok(Said {
            names,
            products: self.affects.iter().map(|it| products.get(&it.reference)).collect(),
            verdict,
            justification: analysis.justification.or(false_positive).unwrap_or_default(),
            impact: analysis.detail.unwrap_or_default(),
            action: analysis.response.join(", "),
            at: own.or(at),
        })
    }
}
