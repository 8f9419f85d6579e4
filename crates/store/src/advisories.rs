//! Compiled advisory databases, in pieces, for machines that have no copy: all match with the same one.
use crate::{Result, Row, Tx};

/// A database that is there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Build {
    /// What identifies its content.
    pub build: String,
    /// When it was compiled.
    pub built_at: i64,
    /// In how many pieces it is there; 0: every machine has a copy of its own.
    pub pieces: i64,
    /// When it was put to use.
    pub at: i64,
}

/// Those that are whole, the one in use first.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<Build>> {
    let sql = "SELECT build, built_at, pieces, at FROM advisories WHERE at IS NOT NULL \
               ORDER BY at DESC, id DESC";
    tx.rows(sql, &[], |it: &Row| {
        let (build, built_at) = (it.text(0)?, it.int(1)?);
        Ok(Build { build, built_at, pieces: it.int(2)?, at: it.int(3)? })
    })
}

/// Puts a piece of a database there that is not in use yet.
pub fn put(tx: &mut Tx<'_>, build: &str, number: i64, bytes: &[u8]) -> Result<()> {
    let sql = "INSERT INTO advisories_piece (build, number, bytes) VALUES ($1, $2, $3) \
               ON CONFLICT (build, number) DO UPDATE SET bytes = excluded.bytes";
    tx.execute(sql, &[build.into(), number.into(), bytes.into()]).map(drop)
}

/// Puts a database to use whose pieces are all there.
pub fn finish(tx: &mut Tx<'_>, build: &Build) -> Result<()> {
    tx.execute("DELETE FROM advisories WHERE build = $1", &[(&build.build).into()])?;
    let sql = "INSERT INTO advisories (build, built_at, pieces, at) VALUES ($1, $2, $3, $4)";
    let values =
        [(&build.build).into(), build.built_at.into(), build.pieces.into(), build.at.into()];
    tx.execute(sql, &values).map(drop)
}

/// A piece.
pub fn piece(tx: &mut Tx<'_>, build: &str, number: i64) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT bytes FROM advisories_piece WHERE build = $1 AND number = $2";
    tx.row(sql, &[build.into(), number.into()], |it| it.bytes(0))
}

/// Forgets all but these.
pub fn keep(tx: &mut Tx<'_>, builds: &[&str]) -> Result<()> {
    let [a, b] = [builds.first(), builds.get(1)].map(|it| it.copied().unwrap_or_default());
    for table in ["advisories", "advisories_piece"] {
        let sql = format!("DELETE FROM {table} WHERE build NOT IN ($1, $2)");
        tx.execute(&sql, &[a.into(), b.into()])?;
    }
    Ok(())
}
