//! Rules and lists of digests of one's own against malicious files.
use crate::{Error, Result, Row, Tx, Value, document};
use serde::{Deserialize, Serialize};

/// The number that keeps those apart who change them, for what all come to is made of all.
const LOCK: i64 = 0x706c_696d_7275_6c65;

/// What a text holds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Rules, in the language of YARA.
    Rules,
    /// Digests of files that are malicious.
    BadHashes,
    /// Digests of files that are harmless.
    GoodHashes,
}

/// A text, as it is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct New {
    /// What it is called; no two are called the same.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// The rules or digests.
    pub text: String,
    /// How many there are.
    pub entries: i64,
    /// Whether it is used.
    pub enabled: bool,
    /// Whether rules are only monitored then: what they find is recorded as a reminder, and nobody is told.
    pub monitor: bool,
}

/// A text that is there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Custom {
    /// Its key.
    pub id: i64,
    /// What it says.
    pub new: New,
    /// Who made it.
    pub person: String,
    /// When.
    pub created_at: i64,
    /// Who changed it last.
    pub changed_by: String,
    /// When.
    pub changed_at: i64,
    /// Counts the changes.
    pub version: i64,
}

/// Keeps everybody else from changing any until the transaction ends.
pub fn lock(tx: &mut Tx<'_>) -> Result<()> {
    tx.alone(LOCK)
}

const CUSTOM: &str = "SELECT id, name, kind, text, entries, enabled, person, created_at, changed_by, changed_at, version, monitor \
                      FROM custom";

fn custom(it: &Row) -> Result<Custom> {
    Ok(Custom {
        id: it.int(0)?,
        new: New {
            name: it.text(1)?,
            kind: document::from_word(&it.text(2)?)?,
            text: it.text(3)?,
            entries: it.int(4)?,
            enabled: it.truth(5)?,
            monitor: it.truth(11)?,
        },
        person: it.text(6)?,
        created_at: it.int(7)?,
        changed_by: it.text(8)?,
        changed_at: it.int(9)?,
        version: it.int(10)?,
    })
}

/// All of them, by name.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<Custom>> {
    tx.rows(&format!("{CUSTOM} ORDER BY name"), &[], custom)
}

/// One.
pub fn one(tx: &mut Tx<'_>, id: i64) -> Result<Option<Custom>> {
    tx.row(&format!("{CUSTOM} WHERE id = $1"), &[id.into()], custom)
}

/// Adds one.
///
/// # Errors
/// There is one of that name already: [`Error::Conflict`].
pub fn add(tx: &mut Tx<'_>, new: &New, person: &str, at: i64) -> Result<i64> {
    unique(tx, &new.name, 0)?;
    let sql = "INSERT INTO custom (name, kind, text, entries, enabled, monitor, person, created_at, changed_by, changed_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $7, $8) RETURNING id";
    tx.number(sql, &values(new, person, at)?)
}

/// Writes one anew.
///
/// # Errors
/// There is another of that name already: [`Error::Conflict`].
pub fn change(tx: &mut Tx<'_>, id: i64, new: &New, person: &str, at: i64) -> Result<()> {
    unique(tx, &new.name, id)?;
    let sql = "UPDATE custom SET name = $1, kind = $2, text = $3, entries = $4, enabled = $5, monitor = $6, changed_by = $7, \
               changed_at = $8, version = version + 1 WHERE id = $9";
    let mut values = values(new, person, at)?;
    values.push(id.into());
    tx.execute(sql, &values).map(drop)
}

/// Removes one.
pub fn remove(tx: &mut Tx<'_>, id: i64) -> Result<()> {
    tx.execute("DELETE FROM custom WHERE id = $1", &[id.into()]).map(drop)
}

fn unique(tx: &mut Tx<'_>, name: &str, but: i64) -> Result<()> {
    let sql = "SELECT COUNT(*) FROM custom WHERE name = $1 AND id <> $2";
    match tx.number(sql, &[name.into(), but.into()])? {
        0 => Ok(()),
        _ => Err(Error::Conflict(format!("there is a text of the name {name} already"))),
    }
}

fn values(new: &New, person: &str, at: i64) -> Result<Vec<Value>> {
    Ok(vec![
        (&new.name).into(),
        document::word(&new.kind)?.into(),
        (&new.text).into(),
        new.entries.into(),
        new.enabled.into(),
        new.monitor.into(),
        person.into(),
        at.into(),
    ])
}
