//! Sealed secrets, wherever they are kept: for whoever seals them anew with another key.
use crate::{Result, Tx};

/// The tables that have them.
const TABLES: [&str; 3] = ["account", "channel", "registry"];

/// A secret, as it was given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sealed {
    /// What has it: `account`, `channel`, `registry`.
    pub kind: &'static str,
    /// Whose it is.
    pub id: i64,
    /// It itself.
    pub bytes: Vec<u8>,
}

/// All of them.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<Sealed>> {
    let mut all = Vec::new();
    for kind in TABLES {
        let sql = format!("SELECT id, secret FROM {kind} WHERE secret IS NOT NULL ORDER BY id");
        let row = |it: &crate::Row| Ok(Sealed { kind, id: it.int(0)?, bytes: it.bytes(1)? });
        all.extend(tx.rows(&sql, &[], row)?);
    }
    Ok(all)
}

/// Puts another one in the place of this one, unless somebody has changed it since.
pub fn replace(tx: &mut Tx<'_>, old: &Sealed, new: &[u8]) -> Result<()> {
    let sql = format!("UPDATE {} SET secret = $2 WHERE id = $1 AND secret = $3", old.kind);
    tx.execute(&sql, &[old.id.into(), new.into(), old.bytes.as_slice().into()]).map(drop)
}
