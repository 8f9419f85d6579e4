//! Reads OpenVEX documents (OpenVEX specification 0.2.0; what 0.0.x wrote differently is understood
//! too: vulnerabilities and products as plain text).
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
struct Document {
    #[serde(rename = "@id")]
    id: Option<String>,
    author: Option<String>,
    version: Option<Value>,
    timestamp: Option<String>,
    last_updated: Option<String>,
    statements: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct RawStatement {
    vulnerability: Vulnerability,
    products: Option<Vec<RawProduct>>,
    /// Where 0.0.x had what 0.2 has in each product.
    subcomponents: Option<Vec<RawProduct>>,
    status: String,
    justification: Option<String>,
    impact_statement: Option<String>,
    action_statement: Option<String>,
    timestamp: Option<String>,
    last_updated: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Vulnerability {
    Name(String),
    Whole { name: Option<String>, aliases: Option<Vec<String>> },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawProduct {
    Id(String),
    Whole {
        #[serde(rename = "@id")]
        id: Option<String>,
        identifiers: Option<BTreeMap<String, String>>,
        hashes: Option<BTreeMap<String, String>>,
        subcomponents: Option<Vec<RawProduct>>,
    },
}

/// Reads a document.
pub(super) fn read(bytes: &[u8]) -> Result<Vex, Malformed> {
    let raw: Document = serde_json::from_slice(bytes)?;
    let at = time(raw.last_updated.as_deref()).max(time(raw.timestamp.as_deref()));
    let mut vex = Vex {
        id: raw.id.unwrap_or_default(),
        version: version(raw.version),
        dated: at,
        author: raw.author.unwrap_or_default(),
        ..Vex::default()
    };
    vex.take(raw.statements.into_iter().flatten().map(|it| statement(it, at)), "statement");
    Ok(vex)
}

fn statement(raw: Value, at: Option<Timestamp>) -> Result<Said, String> {
    let raw = RawStatement::deserialize(raw).map_err(|err| err.to_string())?;
    let verdict = match raw.status.as_str() {
        "not_affected" => Verdict::NotAffected,
        "fixed" => Verdict::Fixed,
        "under_investigation" => Verdict::UnderInvestigation,
        "affected" => Verdict::Affected,
        other => return Err(format!("unknown status `{other}`")),
    };
    let names: Vec<String> = match raw.vulnerability {
        Vulnerability::Name(it) => vec![it],
        Vulnerability::Whole { name, aliases } => {
            name.into_iter().chain(aliases.into_iter().flatten()).collect()
        }
    };
    let names: Vec<String> = names.into_iter().filter(|it| !it.trim().is_empty()).collect();
    if names.is_empty() {
        return Err("no vulnerability is named".to_owned());
    }
    let shared: Vec<Product> =
        raw.subcomponents.into_iter().flatten().map(|it| product(it, 0)).collect();
    let products = raw.products.into_iter().flatten().map(|it| product(it, 0));
    let products: Vec<Product> = products
        .map(|mut it| {
            if it.subcomponents.is_empty() {
                it.subcomponents.clone_from(&shared);
            }
            it
        })
        .collect();
    if products.is_empty() {
        return Err("no product is named".to_owned());
    }
    let own = time(raw.last_updated.as_deref()).max(time(raw.timestamp.as_deref()));
    Ok(Said {
        names,
        products,
        verdict,
        justification: raw.justification.unwrap_or_default(),
        impact: raw.impact_statement.unwrap_or_default(),
        action: raw.action_statement.unwrap_or_default(),
        at: own.or(at),
    })
}

/// Components in components of components are not part of the format.
fn product(raw: RawProduct, depth: u8) -> Product {
    match raw {
        RawProduct::Id(id) => Product::new(&id, None, Vec::new(), Vec::new()),
        RawProduct::Whole { id, identifiers, hashes, subcomponents } => {
            let purl = identifiers.as_ref().and_then(|it| it.get("purl")).map(String::as_str);
            let hashes = hashes.into_iter().flatten();
            let hashes = hashes.filter(|it| it.0 == "sha-256").map(|it| it.1.to_lowercase());
            let below = subcomponents.into_iter().flatten().filter(|_| depth == 0);
            let below: Vec<_> = below.map(|it| product(it, 1)).collect();
            Product::new(&id.unwrap_or_default(), purl, hashes.collect(), below)
        }
    }
}
