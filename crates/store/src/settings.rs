//! Documents that say how the center works, by name. What stands in them is the business of who writes them.
use crate::{Result, Tx};

/// A document as it was last written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// JSON.
    pub document: String,
    /// Counts the changes; none: `0`.
    pub version: i64,
    /// When it was written.
    pub changed_at: i64,
}

/// A document.
pub fn one(tx: &mut Tx<'_>, name: &str) -> Result<Option<Setting>> {
    let sql = "SELECT document, version, changed_at FROM setting WHERE name = $1";
    tx.row(sql, &[name.into()], |it| {
        let (document, version) = (it.text(0)?, it.int(1)?);
        Ok(Setting { document, version, changed_at: it.int(2)? })
    })
}

/// Writes a document, if it is still at the version that its writer had read (`0`: there was none), and
/// says whether it was.
pub fn put(tx: &mut Tx<'_>, name: &str, document: &str, version: i64, now: i64) -> Result<bool> {
    let values = [name.into(), document.into(), version.into(), now.into()];
    let sql = if version == 0 {
        "INSERT INTO setting (name, document, version, changed_at) VALUES ($1, $2, $3 + 1, $4) \
         ON CONFLICT (name) DO NOTHING"
    } else {
        "UPDATE setting SET document = $2, version = version + 1, changed_at = $4 \
         WHERE name = $1 AND version = $3"
    };
    Ok(tx.execute(sql, &values)? > 0)
}
