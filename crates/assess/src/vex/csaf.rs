//! Reads CSAF documents (OASIS Common Security Advisory Framework 2.0, sections 3.2.1 to 3.2.3; of 2.1 what it
//! calls otherwise: `purls`). What a product is called means nothing to us, only package URLs and hashes do.
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

/// How deep branches may lie in branches.
const DEPTH: u8 = 64;

#[derive(Deserialize)]
struct Document {
    document: Head,
    #[serde(default)]
    product_tree: Tree,
    vulnerabilities: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct Head {
    publisher: Option<Publisher>,
    tracking: Option<Tracking>,
}

#[derive(Deserialize)]
struct Publisher {
    name: Option<String>,
    namespace: Option<String>,
}

#[derive(Deserialize)]
struct Tracking {
    id: Option<String>,
    version: Option<Value>,
    current_release_date: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tree {
    branches: Vec<Branch>,
    full_product_names: Vec<Named>,
    relationships: Vec<Relationship>,
    product_groups: Vec<Group>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Branch {
    branches: Vec<Branch>,
    product: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    product_id: String,
    product_identification_helper: Option<Helper>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Helper {
    purl: Option<String>,
    purls: Vec<String>,
    hashes: Vec<Hashes>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Hashes {
    file_hashes: Vec<Hash>,
}

#[derive(Deserialize)]
struct Hash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
struct Relationship {
    product_reference: String,
    relates_to_product_reference: String,
    full_product_name: Named,
}

#[derive(Deserialize)]
struct Group {
    group_id: String,
    product_ids: Vec<String>,
}

#[derive(Deserialize)]
struct Vulnerability {
    cve: Option<String>,
    #[serde(default)]
    ids: Vec<Id>,
    #[serde(default)]
    product_status: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    flags: Vec<Note>,
    #[serde(default)]
    threats: Vec<Note>,
    #[serde(default)]
    remediations: Vec<Note>,
}

#[derive(Deserialize)]
struct Id {
    text: String,
}

/// A flag, a threat or a remediation.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Note {
    label: String,
    category: String,
    details: String,
    product_ids: Vec<String>,
    group_ids: Vec<String>,
}

/// The products by their names, and the groups of them.
#[derive(Default)]
struct Products {
    of: BTreeMap<String, Vec<Product>>,
    groups: BTreeMap<String, Vec<String>>,
}

/// Reads a document.
pub(super) fn read(bytes: &[u8]) -> Result<Vex, Malformed> {
    let raw: Document = serde_json::from_slice(bytes)?;
    let tracking = raw.document.tracking;
    let (id, tracked, at) = match tracking {
        Some(it) => (it.id, version(it.version), time(it.current_release_date.as_deref())),
        None => (None, String::new(), None),
    };
    let (name, namespace) =
        raw.document.publisher.map_or((None, None), |it| (it.name, it.namespace));
    // An id is one of its publisher's.
    let id = id.map(|id| match namespace {
        Some(it) => format!("{}/{id}", it.trim_end_matches('/')),
        None => id,
    });
    let mut vex = Vex {
        id: id.unwrap_or_default(),
        version: tracked,
        dated: at,
        author: name.unwrap_or_default(),
        ..Vex::default()
    };
    let products = Products::of(raw.product_tree);
    for (i, it) in raw.vulnerabilities.into_iter().flatten().enumerate() {
        match Vulnerability::deserialize(it) {
            Ok(it) => vex.take(it.statements(&products, at), "product"),
            Err(err) => vex.problems.push(format!("vulnerability {}: {err}", i.saturating_add(1))),
        }
    }
    Ok(vex)
}

impl Products {
    fn of(tree: Tree) -> Products {
        let mut products = Products::default();
        tree.full_product_names.into_iter().for_each(|it| products.add(it));
        tree.branches.into_iter().for_each(|it| products.branch(it, DEPTH));
        for it in tree.relationships {
            let parts = products.get(&it.product_reference).to_vec();
            let wholes = products.get(&it.relates_to_product_reference).to_vec();
            let put = |mut whole: Product| {
                whole.subcomponents.clone_from(&parts);
                whole
            };
            let all = wholes.into_iter().map(put).collect();
            products.of.insert(it.full_product_name.product_id, all);
        }
        let groups = tree.product_groups.into_iter().map(|it| (it.group_id, it.product_ids));
        products.groups = groups.collect();
        products
    }

    fn branch(&mut self, branch: Branch, depth: u8) {
        branch.product.into_iter().for_each(|it| self.add(it));
        if let Some(depth) = depth.checked_sub(1) {
            branch.branches.into_iter().for_each(|it| self.branch(it, depth));
        }
    }

    fn add(&mut self, it: Named) {
        let helper = it.product_identification_helper.unwrap_or_default();
        let hashes = helper.hashes.into_iter().flat_map(|it| it.file_hashes);
        let hashes = hashes.filter(|it| it.algorithm.eq_ignore_ascii_case("sha256"));
        let hashes: Vec<String> = hashes.map(|it| it.value.to_lowercase()).collect();
        let id = &it.product_id;
        let purls: Vec<String> = helper.purl.into_iter().chain(helper.purls).collect();
        let mut all: Vec<Product> = purls
            .iter()
            .map(|purl| Product::new(id, Some(purl), hashes.clone(), Vec::new()))
            .collect();
        if all.is_empty() {
            all.push(Product::new(id, None, hashes, Vec::new()));
        }
        self.of.insert(it.product_id, all);
    }

    fn get(&self, id: &str) -> &[Product] {
        self.of.get(id).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Vulnerability {
    fn statements<'a>(
        &'a self,
        products: &'a Products,
        at: Option<Timestamp>,
    ) -> impl Iterator<Item = Result<Said, String>> + 'a {
        let statuses = self.product_status.iter().filter_map(|(status, ids)| {
            // `recommended` says nothing of what is affected.
            let verdict = match status.as_str() {
                "known_not_affected" => Verdict::NotAffected,
                "fixed" | "first_fixed" => Verdict::Fixed,
                "under_investigation" | "unknown" => Verdict::UnderInvestigation,
                "known_affected" | "first_affected" | "last_affected" => Verdict::Affected,
                _ => return None,
            };
            Some(ids.iter().map(move |id| (verdict, id)))
        });
        statuses.flatten().map(move |(verdict, id)| self.said(verdict, id, products, at))
    }

    fn said(
        &self,
        verdict: Verdict,
        id: &str,
        products: &Products,
        at: Option<Timestamp>,
    ) -> Result<Said, String> {
        let names: Vec<String> =
            self.cve.iter().cloned().chain(self.ids.iter().map(|it| it.text.clone())).collect();
        if names.is_empty() {
            return Err("no vulnerability is named".to_owned());
        }
        let product = products.get(id);
        if product.is_empty() {
            return Err(format!("{id} is not in the product tree"));
        }
        let about = |it: &&Note| {
            let group = |it: &String| {
                products.groups.get(it).is_some_and(|it| it.iter().any(|it| it == id))
            };
            it.product_ids.iter().any(|it| it == id) || it.group_ids.iter().any(group)
        };
        let flag = self.flags.iter().find(about);
        let impact = self.threats.iter().filter(|it| it.category == "impact").find(about);
        let action = self.remediations.iter().find(about);
        let details = |it: Option<&Note>| it.map_or_else(String::new, |it| it.details.clone());
        Ok(Said {
            names,
            products: product.to_vec(),
            verdict,
            justification: flag.map_or_else(String::new, |it| it.label.clone()),
            impact: details(impact),
            action: details(action),
            at,
        })
    }
}
