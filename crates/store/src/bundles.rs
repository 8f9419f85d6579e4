//! Bundles of rules against malicious files, which all who share a store use: the one that was brought in, those
//! before it, whose they may be; and the one that is made of texts of one's own.
use crate::{Result, Row, Tx, Value};

/// How many that were brought in are kept.
const KEPT: usize = 3;

/// A bundle that was brought in, without what is in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bundle {
    /// SHA-256 of it, in hexadecimal digits.
    pub sha256: String,
    /// Greater in each that is made.
    pub epoch: i64,
    /// What it says of itself, as JSON.
    pub document: String,
    /// Who brought it in; empty: it lay on the machine of a server.
    pub person: String,
    /// When.
    pub at: i64,
    /// Whether it is in use; of all one is at most.
    pub in_use: bool,
}

/// A public key of somebody whose bundles are taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Key {
    /// What it is called.
    pub name: String,
    /// Its bytes.
    pub key: Vec<u8>,
    /// Who said so.
    pub person: String,
    /// When.
    pub at: i64,
}

/// Those that were brought in, the newest first.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<Bundle>> {
    let sql = "SELECT sha256, epoch, document, person, at, in_use FROM bundle WHERE epoch > 0 ORDER BY epoch DESC";
    tx.rows(sql, &[], |it: &Row| {
        let (sha256, epoch, document) = (it.text(0)?, it.int(1)?, it.text(2)?);
        let (person, at, in_use) = (it.text(3)?, it.int(4)?, it.truth(5)?);
        Ok(Bundle { sha256, epoch, document, person, at, in_use })
    })
}

/// The SHA-256 of all that are in use, that of one's own texts first.
pub fn in_use(tx: &mut Tx<'_>) -> Result<Vec<String>> {
    let sql = "SELECT sha256 FROM bundle WHERE in_use = 1 ORDER BY epoch";
    tx.rows(sql, &[], |it| it.text(0))
}

/// What is in one.
pub fn bytes(tx: &mut Tx<'_>, sha256: &str) -> Result<Option<Vec<u8>>> {
    tx.row("SELECT bytes FROM bundle WHERE sha256 = $1", &[sha256.into()], |it| it.bytes(0))
}

/// Puts one to use that is brought in. The last ones are kept.
pub fn put(tx: &mut Tx<'_>, new: &Bundle, bytes: &[u8]) -> Result<()> {
    turn(tx, None)?;
    insert(tx, new, bytes)?;
    let kept = all(tx)?;
    for it in kept.iter().skip(KEPT).filter(|it| !it.in_use) {
        tx.execute("DELETE FROM bundle WHERE sha256 = $1", &[(&it.sha256).into()])?;
    }
    Ok(())
}

/// Puts another of those to use that were brought in, or none of them.
pub fn turn(tx: &mut Tx<'_>, to: Option<&str>) -> Result<()> {
    let sql = "UPDATE bundle SET in_use = CASE WHEN sha256 = $1 THEN 1 ELSE 0 END WHERE epoch > 0";
    tx.execute(sql, &[to.unwrap_or_default().into()]).map(drop)
}

/// Puts the bundle of one's own texts to use, in the place of the one before; without one, none.
pub fn put_own(tx: &mut Tx<'_>, own: Option<(&str, &[u8])>, at: i64) -> Result<()> {
    tx.execute("DELETE FROM bundle WHERE epoch = 0", &[])?;
    let Some((sha256, bytes)) = own else { return Ok(()) };
    let (document, person) = ("{}".to_owned(), String::new());
    let new = Bundle { sha256: sha256.to_owned(), epoch: 0, document, person, at, in_use: true };
    insert(tx, &new, bytes)
}

fn insert(tx: &mut Tx<'_>, new: &Bundle, bytes: &[u8]) -> Result<()> {
    let sql = "INSERT INTO bundle (sha256, epoch, document, bytes, person, at, in_use) VALUES ($1, $2, $3, $4, $5, $6, $7) \
               ON CONFLICT (sha256) DO UPDATE SET person = excluded.person, at = excluded.at, in_use = excluded.in_use";
    let values: [Value; 7] = [
        (&new.sha256).into(),
        new.epoch.into(),
        (&new.document).into(),
        bytes.into(),
        (&new.person).into(),
        new.at.into(),
        new.in_use.into(),
    ];
    tx.execute(sql, &values).map(drop)
}

/// The keys, by name.
pub fn keys(tx: &mut Tx<'_>) -> Result<Vec<Key>> {
    tx.rows("SELECT name, key, person, at FROM bundle_key ORDER BY name", &[], |it: &Row| {
        Ok(Key { name: it.text(0)?, key: it.bytes(1)?, person: it.text(2)?, at: it.int(3)? })
    })
}

/// Believes a key. Says whether it was not believed before.
pub fn add_key(tx: &mut Tx<'_>, new: &Key) -> Result<bool> {
    let sql = "INSERT INTO bundle_key (name, key, person, at) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING";
    let values = [(&new.name).into(), new.key.as_slice().into(), (&new.person).into()];
    let values: Vec<Value> = values.into_iter().chain([new.at.into()]).collect();
    Ok(tx.execute(sql, &values)? > 0)
}

/// Believes a key no longer. Says whether it was believed.
pub fn remove_key(tx: &mut Tx<'_>, name: &str) -> Result<bool> {
    Ok(tx.execute("DELETE FROM bundle_key WHERE name = $1", &[name.into()])? > 0)
}
