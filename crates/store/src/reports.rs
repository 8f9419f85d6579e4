//! Reports of layers, shared by all who inspect: by diff ID and by the revision of what inspected.
use crate::{Result, Row, Tx, Value};

/// How many reports are thrown away in one transaction at most.
const MOST: i64 = 1_000;

/// A report, as it was put.
pub fn get(tx: &mut Tx<'_>, diff_id: &str, revision: &str) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT document FROM layer_report WHERE diff_id = $1 AND revision = $2";
    tx.row(sql, &[diff_id.into(), revision.into()], |it| it.bytes(0))
}

/// Puts a report, in the place of one that may be there: what inspects the same the same way finds the same, but
/// what is stored may be damaged.
pub fn put(tx: &mut Tx<'_>, diff_id: &str, revision: &str, document: &[u8], at: i64) -> Result<()> {
    let sql = "INSERT INTO layer_report (diff_id, revision, document, size, used_at) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (diff_id, revision) DO UPDATE SET document = excluded.document, size = excluded.size, \
                 used_at = excluded.used_at";
    let size = i64::try_from(document.len()).unwrap_or(i64::MAX);
    let values = [diff_id.into(), revision.into(), document.into(), size.into(), at.into()];
    tx.execute(sql, &values).map(drop)
}

/// Notes that reports are still of use, for those that were not noted for an hour: it need not be exact.
pub fn touch(tx: &mut Tx<'_>, diff_ids: &[&str], revision: &str, at: i64) -> Result<()> {
    const HOUR: i64 = 3_600_000;
    let sql = "UPDATE layer_report SET used_at = $1 WHERE revision = $2 AND used_at < $3 AND diff_id IN ({keys})";
    let values = [at.into(), revision.into(), at.saturating_sub(HOUR).into()];
    tx.execute_among(sql, &values, diff_ids).map(drop)
}

/// How many reports there are, and their bytes.
pub fn figures(tx: &mut Tx<'_>) -> Result<(i64, i64)> {
    let sql = "SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM layer_report";
    Ok(tx.row(sql, &[], |it| Ok((it.int(0)?, it.int(1)?)))?.unwrap_or_default())
}

/// Throws away at most `limit` reports: those that nobody has used since `before`, and of the others those that
/// nobody has used for longest until all have no more than `bytes`. Gives how many, and their bytes; none:
/// it is done.
pub fn sweep(tx: &mut Tx<'_>, before: i64, bytes: i64, limit: i64) -> Result<(i64, i64)> {
    let (_, mut total) = figures(tx)?;
    let sql = "SELECT diff_id, revision, size, used_at FROM layer_report ORDER BY used_at LIMIT $1";
    let row = |it: &Row| Ok((it.text(0)?, it.text(1)?, it.int(2)?, it.int(3)?));
    let oldest = tx.rows(sql, &[limit.min(MOST).into()], row)?;
    let (mut count, mut freed) = (0i64, 0i64);
    for (diff_id, revision, size, used_at) in oldest {
        if used_at >= before && total <= bytes {
            break;
        }
        let values: [Value; 2] = [diff_id.into(), revision.into()];
        tx.execute("DELETE FROM layer_report WHERE diff_id = $1 AND revision = $2", &values)?;
        total = total.saturating_sub(size);
        count = count.saturating_add(1);
        freed = freed.saturating_add(size);
    }
    Ok((count, freed))
}
