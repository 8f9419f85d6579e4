//! Reports of layers, shared by all who inspect: a layer is inspected once.
use crate::{Result, Tx};

/// How long it may be unknown that a report was of use, in milliseconds: so that reading seldom writes.
const UNKNOWN_MS: i64 = 86_400_000;

/// The report of a layer that this revision of the analysers made, as it was kept.
pub fn load(tx: &mut Tx<'_>, diff_id: &str, revision: &str) -> Result<Option<(Vec<u8>, i64)>> {
    let sql = "SELECT document, used_at FROM layer_report WHERE diff_id = $1 AND revision = $2";
    tx.row(sql, &[diff_id.into(), revision.into()], |it| Ok((it.bytes(0)?, it.int(1)?)))
}

/// Whether to call [`used`] for a report of which that was last told then.
pub fn is_stale(used_at: i64, now: i64) -> bool {
    now.saturating_sub(used_at).saturating_abs() > UNKNOWN_MS
}

/// Notes that a report was of use.
pub fn used(tx: &mut Tx<'_>, diff_id: &str, revision: &str, now: i64) -> Result<()> {
    let sql = "UPDATE layer_report SET used_at = $3 WHERE diff_id = $1 AND revision = $2";
    tx.execute(sql, &[diff_id.into(), revision.into(), now.into()]).map(drop)
}

/// Keeps a report.
pub fn keep(
    tx: &mut Tx<'_>,
    diff_id: &str,
    revision: &str,
    document: &[u8],
    now: i64,
) -> Result<()> {
    let sql = "INSERT INTO layer_report (diff_id, revision, document, used_at) \
               VALUES ($1, $2, $3, $4) ON CONFLICT (diff_id, revision) DO NOTHING";
    tx.execute(sql, &[diff_id.into(), revision.into(), document.into(), now.into()]).map(drop)
}

/// Forgets up to `limit` reports that have been of no use since then, and says how many.
pub fn purge(tx: &mut Tx<'_>, unused_since: i64, limit: u32) -> Result<u64> {
    tx.execute(
        "DELETE FROM layer_report WHERE (diff_id, revision) IN (SELECT diff_id, revision \
         FROM layer_report WHERE used_at < $1 ORDER BY used_at LIMIT $2)",
        &[unused_since.into(), i64::from(limit).into()],
    )
}
