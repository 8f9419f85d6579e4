//! Components, and the sets of them that layers bring into images: stored once, shared by all.
use crate::{Category, Counts, Error, Level, Result, Row, Tx, Value, document};
use model::{Component, Finding, Inventory, Located, Release};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A component where it is in an image, as stored.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Placed {
    pub(crate) component: i64,
    pub(crate) path: Option<String>,
    pub(crate) by: String,
}

/// A component of an inventory that is stored.
pub(crate) struct Stored {
    pub(crate) id: i64,
    pub(crate) category: Category,
    /// Whether it was not there before.
    pub(crate) is_new: bool,
}

/// The components of an inventory, ready to be stored.
pub(crate) struct Prepared<'a> {
    /// By hash.
    components: BTreeMap<String, Described<'a>>,
    scopes: BTreeMap<String, Option<&'a Release>>,
    /// What each layer brings in.
    layers: BTreeMap<i64, BTreeSet<Placement<'a>>>,
    /// The hash of each component of the inventory, in its order.
    hashes: &'a [String],
}

/// A component, the hash of the release that it belongs to, and what an advisory must name to be about it.
type Described<'a> = (&'a Component, String, &'a [(String, String)]);

/// Where a component is: its hash, the path, who found it.
type Placement<'a> = (&'a str, Option<&'a str>, &'a str);

/// The hash of each component of an inventory. Packages of a distribution differ by its release, since
/// that decides which advisories speak of them; files by what is found in
/// them, since that depends on what else is in the image.
pub(crate) fn hashes(inventory: &Inventory, findings: &[Finding]) -> Result<Vec<String>> {
    let mut judged: BTreeMap<usize, Vec<&Finding>> = BTreeMap::new();
    for it in findings.iter().filter(|it| it.sample.is_some()) {
        judged.entry(it.component).or_default().push(it);
    }
    let hash = |(at, it): (usize, &Located<Component>)| {
        let scope = scope(inventory, it);
        let samples = judged.get(&at).into_iter().flatten().map(|it| &it.sample);
        let json = match samples.collect::<Vec<_>>() {
            none if none.is_empty() => document::json(&(&it.what, scope))?,
            samples => document::json(&(&it.what, scope, samples))?,
        };
        Ok(document::name(&json))
    };
    inventory.components.iter().enumerate().map(hash).collect()
}

fn scope<'a>(inventory: &'a Inventory, it: &Located<Component>) -> Option<&'a Release> {
    let system = it.system.filter(|_| it.what.ecosystem.is_system())?;
    inventory.systems.get(system)?.release.as_ref()
}

impl<'a> Prepared<'a> {
    /// `keys`: what an advisory must name to be about each component: namespace and package.
    pub(crate) fn of(
        inventory: &'a Inventory,
        keys: &'a [Vec<(String, String)>],
        hashes: &'a [String],
    ) -> Result<Prepared<'a>> {
        let mut it = Prepared {
            components: BTreeMap::new(),
            scopes: BTreeMap::new(),
            layers: BTreeMap::new(),
            hashes,
        };
        for ((located, hash), keys) in inventory.components.iter().zip(hashes).zip(keys) {
            let release = scope(inventory, located);
            let scope = document::name(&document::json(&release)?);
            it.components.insert(hash.clone(), (&located.what, scope.clone(), keys));
            it.scopes.insert(scope, release);
            let layer = i64::try_from(located.layer).unwrap_or(i64::MAX);
            let path = located.path.as_ref().map(model::ImagePath::as_str);
            it.layers.entry(layer).or_default().insert((hash, path, &located.by));
        }
        Ok(it)
    }

    /// Stores the components. Gives each of the inventory's, in its order.
    pub(crate) fn components(&self, tx: &mut Tx<'_>) -> Result<Vec<Stored>> {
        let hashes: Vec<&String> = self.components.keys().collect();
        let before = known(tx, &hashes)?;
        let mut ids = before.clone();
        let new: Vec<_> = self.components.iter().filter(|it| !ids.contains_key(it.0)).collect();
        if !new.is_empty() {
            let scopes = self.store_scopes(tx)?;
            let mut rows: Vec<Vec<Value>> = Vec::new();
            for (hash, (it, scope, _)) in &new {
                let scope = scopes.get(scope).copied();
                let category = category(it).as_str();
                let key = [(*hash).into(), scope.into(), category.into()];
                let names = [
                    document::word(&it.ecosystem)?.into(),
                    (&it.name).into(),
                    (&it.version).into(),
                ];
                let document = document::text(it)?.into();
                rows.push(key.into_iter().chain(names).chain([document]).collect());
            }
            let head =
                "INSERT INTO component (hash, scope, category, ecosystem, name, version, document)";
            tx.insert(head, &rows, "")?;
            ids.extend(known(tx, &new.iter().map(|it| it.0).collect::<Vec<_>>())?);
            let mut rows: BTreeSet<(&str, &str, i64)> = BTreeSet::new();
            for (hash, (_, _, keys)) in new {
                let Some(id) = ids.get(hash) else { continue };
                rows.extend(
                    keys.iter()
                        .map(|(namespace, package)| (namespace.as_str(), package.as_str(), *id)),
                );
            }
            let rows: Vec<Vec<Value>> =
                rows.into_iter().map(|(a, b, c)| vec![a.into(), b.into(), c.into()]).collect();
            tx.insert("INSERT INTO component_key (namespace, package, component)", &rows, "")?;
        }
        let none = || Error::Unexpected("a component just stored is not there".to_owned());
        let one = |hash: &String| {
            let component = self.components.get(hash).ok_or_else(none)?;
            let id = *ids.get(hash).ok_or_else(none)?;
            Ok(Stored { id, category: category(component.0), is_new: !before.contains_key(hash) })
        };
        self.hashes.iter().map(one).collect()
    }

    fn store_scopes(&self, tx: &mut Tx<'_>) -> Result<BTreeMap<String, i64>> {
        let mut rows: Vec<Vec<Value>> = Vec::new();
        for (hash, release) in &self.scopes {
            let title =
                release.map_or("", |it| if it.pretty.is_empty() { &it.id } else { &it.pretty });
            rows.push(vec![hash.into(), title.into(), document::text(release)?.into()]);
        }
        let head = "INSERT INTO scope (hash, title, document)";
        tx.insert(head, &rows, "ON CONFLICT (hash) DO NOTHING")?;
        let hashes: Vec<&String> = self.scopes.keys().collect();
        let sql = "SELECT hash, id FROM scope WHERE hash IN ({keys})";
        Ok(tx.among(sql, &[], &hashes, |it| Ok((it.text(0)?, it.int(1)?)))?.into_iter().collect())
    }

    /// Stores what the layers bring in. Gives the contents of each layer that brings something.
    pub(crate) fn layers(
        &self,
        tx: &mut Tx<'_>,
        ids: &BTreeMap<&str, i64>,
    ) -> Result<Vec<(i64, i64)>> {
        let mut layers = Vec::new();
        for (layer, placed) in &self.layers {
            let hash = document::name(&document::json(placed)?);
            let known =
                tx.row("SELECT id FROM contents WHERE hash = $1", &[(&hash).into()], |it| {
                    it.int(0)
                })?;
            let contents = match known {
                Some(it) => it,
                None => store(tx, &hash, placed, ids)?,
            };
            layers.push((*layer, contents));
        }
        Ok(layers)
    }
}

/// The keys of the components that are there, by hash.
fn known(tx: &mut Tx<'_>, hashes: &[&String]) -> Result<BTreeMap<String, i64>> {
    let sql = "SELECT hash, id FROM component WHERE hash IN ({keys})";
    Ok(tx.among(sql, &[], hashes, |it| Ok((it.text(0)?, it.int(1)?)))?.into_iter().collect())
}

/// What a component's risks are, but for those that say that it is malicious.
pub(crate) fn category(component: &Component) -> Category {
    match component {
        it if it.is_file() => Category::Malware,
        it if it.ecosystem.is_system() => Category::System,
        _ => Category::Application,
    }
}

fn store(
    tx: &mut Tx<'_>,
    hash: &str,
    placed: &BTreeSet<Placement<'_>>,
    ids: &BTreeMap<&str, i64>,
) -> Result<i64> {
    let one = |(hash, path, by): &Placement<'_>| {
        let component = ids.get(hash).copied()?;
        Some(Placed { component, path: path.map(str::to_owned), by: (*by).to_owned() })
    };
    let placed: Vec<Placed> = placed.iter().filter_map(one).collect();
    let members: BTreeSet<i64> = placed.iter().map(|it| it.component).collect();
    let members: Vec<i64> = members.into_iter().collect();
    let numbers = count(tx, &members)?.numbers();
    let columns = Counts::COLUMNS.join(", ");
    let sql = format!(
        "INSERT INTO contents (hash, document, {columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id"
    );
    let values = [hash.into(), document::pack(&placed)?];
    let values: Vec<Value> =
        values.into_iter().chain(numbers.into_iter().map(Value::from)).collect();
    let id = tx.number(&sql, &values)?;
    let rows: Vec<Vec<Value>> = members.iter().map(|it| vec![(*it).into(), id.into()]).collect();
    tx.insert("INSERT INTO member (component, contents)", &rows, "")?;
    Ok(id)
}

/// What is open in these components, but for narrow rules.
fn count(tx: &mut Tx<'_>, components: &[i64]) -> Result<Counts> {
    let sql = "SELECT r.category, ma.level, COUNT(*) FROM matched ma JOIN risk r ON r.id = ma.risk \
               WHERE ma.component IN ({keys}) AND ma.gone_at IS NULL AND ma.exception IS NULL \
               GROUP BY r.category, ma.level";
    let mut counts = Counts::default();
    let row = |it: &Row| Ok((Category::at(it, 0)?, Level::at(it, 1)?, it.int(2)?));
    for (category, level, count) in tx.among(sql, &[], components, row)? {
        counts.add(category, level, count);
    }
    Ok(counts)
}

/// Everything that an image has, layer by layer.
pub(crate) fn of_image(tx: &mut Tx<'_>, image: i64) -> Result<Vec<Placed>> {
    Ok(layers_of(tx, image)?.into_iter().flat_map(|it| it.1).collect())
}

/// The same, with the layers.
pub(crate) fn layers_of(tx: &mut Tx<'_>, image: i64) -> Result<Vec<(i64, Vec<Placed>)>> {
    let sql = "SELECT ic.layer, c.document FROM image_contents ic JOIN contents c ON c.id = ic.contents \
               WHERE ic.image = $1 ORDER BY ic.layer";
    tx.rows(sql, &[image.into()], |it| Ok((it.int(0)?, document::unpack(&it.bytes(1)?)?)))
}
