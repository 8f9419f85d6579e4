//! The schema, and how an older one becomes the present one.
use crate::{Error, Result, Tx};

/// One script for each version, never changed once it has been released.
const VERSIONS: &[&str] = &[include_str!("schema/1.sql")];

/// The number that all who migrate agree on.
const LOCK: i64 = 0x706c_696d_736f_6c6c;

/// Brings the schema up to date.
pub(crate) fn migrate(tx: &mut Tx<'_>) -> Result<()> {
    tx.alone(LOCK)?;
    tx.batch("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")?;
    let found = tx.number("SELECT COALESCE(MAX(version), 0) FROM schema_version", &[])?;
    let known = i64::try_from(VERSIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(Error::Newer(found, known));
    }
    for (script, version) in VERSIONS.iter().zip(1i64..).skip_while(|(_, it)| *it <= found) {
        tx.batch(script)?;
        tx.execute("INSERT INTO schema_version (version) VALUES ($1)", &[version.into()])?;
    }
    Ok(())
}
