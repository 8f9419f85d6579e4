//! What people want to be told of, in order: written in the transaction that made it happen, and read by whoever
//! shows or sends it, each of whom remembers how far he is.
use crate::{Result, Row, Tx};

/// Something that happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notice {
    /// Counted up: whoever has seen one has seen all before it.
    pub id: i64,
    /// When.
    pub at: i64,
    /// What: `affected`, `failed`, `quota`.
    pub kind: String,
    /// More of it, JSON.
    pub document: String,
}

/// Makes numbers become visible in their order.
const LOCK: i64 = 0x006e_6f74_6963_6573;

/// Adds one. To be called late in its transaction: others who add wait until that ends.
pub fn add(tx: &mut Tx<'_>, kind: &str, document: &str, at: i64) -> Result<i64> {
    tx.alone(LOCK)?;
    let sql = "INSERT INTO notice (kind, document, at) VALUES ($1, $2, $3) RETURNING id";
    tx.number(sql, &[kind.into(), document.into(), at.into()])
}

/// Those after one, the oldest first.
pub fn after(tx: &mut Tx<'_>, id: i64, limit: u32) -> Result<Vec<Notice>> {
    let sql = "SELECT id, at, kind, document FROM notice WHERE id > $1 ORDER BY id LIMIT $2";
    tx.rows(sql, &[id.into(), i64::from(limit).into()], notice)
}

/// The same of one kind.
pub fn of(tx: &mut Tx<'_>, kind: &str, id: i64, limit: u32) -> Result<Vec<Notice>> {
    let sql = "SELECT id, at, kind, document FROM notice WHERE kind = $1 AND id > $2 ORDER BY id LIMIT $3";
    tx.rows(sql, &[kind.into(), id.into(), i64::from(limit).into()], notice)
}

/// The last of one kind.
pub fn last_of(tx: &mut Tx<'_>, kind: &str) -> Result<Option<Notice>> {
    let sql = "SELECT id, at, kind, document FROM notice WHERE kind = $1 ORDER BY id DESC LIMIT 1";
    tx.row(sql, &[kind.into()], notice)
}

/// The last one; 0: there was none.
pub fn last(tx: &mut Tx<'_>) -> Result<i64> {
    tx.number("SELECT COALESCE(MAX(id), 0) FROM notice", &[])
}

/// Forgets up to `limit` of those from before a time. The last one stays, so that numbers go on.
pub fn purge(tx: &mut Tx<'_>, before: i64, limit: u32) -> Result<u64> {
    tx.execute(
        "DELETE FROM notice WHERE id IN (SELECT id FROM notice WHERE at < $1 \
         AND id < (SELECT MAX(id) FROM notice) ORDER BY id LIMIT $2)",
        &[before.into(), i64::from(limit).into()],
    )
}

fn notice(row: &Row) -> Result<Notice> {
    Ok(Notice { id: row.int(0)?, at: row.int(1)?, kind: row.text(2)?, document: row.text(3)? })
}
