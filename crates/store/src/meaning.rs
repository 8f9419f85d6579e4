//! What rules mean, without asking the database for each: which risks, and which components.
use crate::{
    Error, Result, Row, Tx, document,
    exceptions::{Exception, Place},
};
use model::{Component, Purl, Release};
use std::collections::{BTreeMap, BTreeSet};

/// Rules, by the risk that they are about.
#[derive(Default)]
pub(crate) struct Rules {
    named: BTreeMap<String, Vec<Rule>>,
    /// Those about any risk.
    any: Vec<Rule>,
    /// Those about any malicious file.
    files: Vec<Rule>,
}

/// One rule.
pub(crate) struct Rule {
    pub(crate) id: i64,
    pub(crate) place: Place,
    pub(crate) path: String,
    /// What says that a file is malicious; empty: it need not be one.
    pub(crate) rule: String,
    package: Package,
}

/// The components that a rule is about.
pub(crate) enum Package {
    Any,
    Named(String),
    /// What the package URL leaves out may be anything.
    Like(Purl),
}

/// A component, as rules see it.
#[derive(Default)]
pub(crate) struct Subject {
    name: String,
    /// Only if some rule asks for them.
    purls: Vec<Purl>,
}

impl Rules {
    pub(crate) fn of(all: Vec<Exception>) -> Rules {
        let mut rules = Rules::default();
        for Exception { id, rule, .. } in all {
            let package = Package::of(&rule.package).unwrap_or(Package::Named(rule.package));
            let (files, said) = (!rule.rule.is_empty(), rule.rule);
            let it = Rule { id, place: rule.place, path: rule.path, rule: said, package };
            match rule.risk.is_empty() {
                true if files => rules.files.push(it),
                true => rules.any.push(it),
                false => rules.named.entry(rule.risk).or_default().push(it),
            }
        }
        rules
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.named.is_empty() && self.any.is_empty() && self.files.is_empty()
    }

    /// Whether some are about any malicious file.
    pub(crate) fn are_of_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// The risks that they name; `None` when some are about any.
    pub(crate) fn risks(&self) -> Option<Vec<&str>> {
        self.any.is_empty().then(|| self.named.keys().map(String::as_str).collect())
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Rule> {
        self.named.values().flatten().chain(&self.any).chain(&self.files)
    }

    /// The oldest rule about this risk of this component of which `also` holds.
    pub(crate) fn covering(
        &self,
        risk: &str,
        subject: &Subject,
        also: impl Fn(&Rule) -> bool,
    ) -> Option<i64> {
        let all = self.named.get(risk).into_iter().flatten().chain(&self.any).chain(&self.files);
        all.filter(|it| it.package.covers(subject) && also(it)).map(|it| it.id).min()
    }

    /// The components of these keys, as these rules see them.
    pub(crate) fn subjects(
        &self,
        tx: &mut Tx<'_>,
        components: &[i64],
    ) -> Result<BTreeMap<i64, Subject>> {
        match self.all().any(|it| matches!(it.package, Package::Like(_))) {
            true => subjects(tx, components),
            false => {
                let sql = "SELECT id, name FROM component WHERE id IN ({keys})";
                let row = |it: &Row| {
                    Ok((it.int(0)?, Subject { name: it.text(1)?, ..Subject::default() }))
                };
                Ok(tx.among(sql, &[], components, row)?.into_iter().collect())
            }
        }
    }
}

impl Package {
    /// What is written in a rule: nothing, a name, or a package URL.
    pub(crate) fn of(text: &str) -> Result<Package> {
        if text.is_empty() {
            return Ok(Package::Any);
        }
        if !text.starts_with("pkg:") {
            return Ok(Package::Named(text.to_owned()));
        }
        let purl = Purl::parse(text).map_err(|err| Error::Invalid(format!("{text}: {err}")))?;
        Ok(Package::Like(purl))
    }

    pub(crate) fn covers(&self, it: &Subject) -> bool {
        match self {
            Package::Any => true,
            Package::Named(name) => *name == it.name,
            Package::Like(purl) => it.purls.iter().any(|it| purl.fits(it).is_some()),
        }
    }
}

/// Components with their package URLs.
pub(crate) fn subjects(tx: &mut Tx<'_>, components: &[i64]) -> Result<BTreeMap<i64, Subject>> {
    let sql = "SELECT id, scope, document FROM component WHERE id IN ({keys})";
    let row = |it: &Row| Ok((it.int(0)?, it.int(1)?, document::from_text(&it.text(2)?)?));
    let rows: Vec<(i64, i64, Component)> = tx.among(sql, &[], components, row)?;
    let scopes: BTreeSet<i64> = rows.iter().map(|it| it.1).collect();
    let scopes: Vec<i64> = scopes.into_iter().collect();
    let sql = "SELECT id, document FROM scope WHERE id IN ({keys})";
    let row = |it: &Row| Ok((it.int(0)?, document::from_text(&it.text(1)?)?));
    let releases: BTreeMap<i64, Option<Release>> =
        tx.among(sql, &[], &scopes, row)?.into_iter().collect();
    let one = |(id, scope, component): (i64, i64, Component)| {
        let release = releases.get(&scope).and_then(Option::as_ref);
        let distro = release.map(|it| (it.id.as_str(), it.version_id.as_str()));
        let purls = component.purls(distro);
        (id, Subject { name: component.name, purls })
    };
    Ok(rows.into_iter().map(one).collect())
}
