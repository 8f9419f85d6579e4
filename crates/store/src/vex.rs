//! VEX documents that were imported, and the rules that they are. A newer version of a document replaces its rules.
use crate::{
    Error, Result, Row, Tx, document,
    exceptions::{self, EXCEPTION, Exception, New},
    places,
};
use model::version::Scheme;
use std::{cmp::Ordering, collections::HashMap};

/// A version of a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Document {
    /// What it is called in all its versions.
    pub id: String,
    /// The version, as the document counts them.
    pub version: String,
    /// When it says that it last changed.
    pub dated: Option<i64>,
    /// Who imports it.
    pub person: String,
}

/// What an import came to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Import {
    /// What became of each rule, in their order.
    pub rules: Vec<Became>,
    /// Rules of older versions that have ended.
    pub superseded: Vec<i64>,
}

/// What became of a rule, with its key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Became {
    /// It was made.
    Made(i64),
    /// It was there.
    Kept(i64),
    /// It was made of this very version before, and somebody has ended it.
    Ended(i64),
}

/// Makes the rules of a document; those of its older versions end, if they are not among them.
///
/// # Errors
/// There is a newer version already: [`Error::Conflict`].
pub fn import(tx: &mut Tx<'_>, new: &Document, rules: &[New], at: i64) -> Result<Import> {
    places::lock(tx)?;
    let before = one(tx, &new.id)?;
    if let Some(it) = before.as_ref().filter(|it| new.is_older(it)) {
        let text = format!("a newer version of the document was imported: {}", it.version);
        return Err(Error::Conflict(text));
    }
    let again = before.is_some_and(|it| it.version == new.version && it.dated == new.dated);
    let mut known = HashMap::new();
    for it in of(tx, &new.id)?.into_iter().filter(|it| again || it.ended_at.is_none()) {
        let became = match it.ended_at {
            None => Became::Kept(it.id),
            Some(_) => Became::Ended(it.id),
        };
        let key = key(&it.rule)?;
        // What holds counts more than what has ended.
        let holds = matches!(known.get(&key), Some(Became::Kept(_)));
        if !holds {
            known.insert(key, became);
        }
    }
    let (mut import, mut made, mut wanted) = (Import::default(), Vec::new(), HashMap::new());
    for rule in rules {
        let key = key(rule)?;
        let became = match wanted.get(&key).or_else(|| known.get(&key)) {
            Some(it) => *it,
            None => {
                let id = exceptions::insert(tx, rule, at)?;
                made.push((id, rule));
                Became::Made(id)
            }
        };
        wanted.insert(key, became);
        import.rules.push(became);
    }
    let gone = known.iter().filter(|it| !wanted.contains_key(it.0));
    let gone: Vec<i64> = gone
        .filter_map(|it| match it.1 {
            Became::Kept(id) => Some(*id),
            _ => None,
        })
        .collect();
    import.superseded = exceptions::end_some(tx, &gone, at)?;
    import.superseded.sort_unstable();
    exceptions::apply(tx, &made, at)?;
    put(tx, new, at)?;
    Ok(import)
}

/// The version of a document that was imported last.
pub fn one(tx: &mut Tx<'_>, id: &str) -> Result<Option<Document>> {
    let sql = "SELECT id, version, dated, person FROM vex WHERE id = $1";
    tx.row(sql, &[id.into()], |it: &Row| {
        let (id, version) = (it.text(0)?, it.text(1)?);
        Ok(Document { id, version, dated: it.maybe_int(2)?, person: it.text(3)? })
    })
}

impl Document {
    fn is_older(&self, other: &Document) -> bool {
        match self.dated.zip(other.dated).map(|(own, other)| own.cmp(&other)) {
            Some(Ordering::Equal) | None => {
                Scheme::Generic.order(&self.version, &other.version) == Some(Ordering::Less)
            }
            Some(order) => order == Ordering::Less,
        }
    }
}

fn put(tx: &mut Tx<'_>, new: &Document, at: i64) -> Result<()> {
    let sql = "INSERT INTO vex (id, version, dated, person, imported_at) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (id) DO UPDATE SET version = excluded.version, dated = excluded.dated, person = excluded.person, \
        imported_at = excluded.imported_at";
    let Document { id, version, dated, person } = new;
    let values = [id.into(), version.into(), (*dated).into(), person.into(), at.into()];
    tx.execute(sql, &values).map(drop)
}

/// The rules of a document, ended or not.
fn of(tx: &mut Tx<'_>, document: &str) -> Result<Vec<Exception>> {
    let sql = format!("{EXCEPTION} WHERE document = $1 AND document <> '' ORDER BY id");
    tx.rows(&sql, &[document.into()], exceptions::exception)
}

/// What makes two rules the same, whoever made them.
fn key(rule: &New) -> Result<String> {
    let New { risk, package, path, place, kind, reason, .. } = rule;
    document::text(&(risk, package, path, place, kind, reason))
}
