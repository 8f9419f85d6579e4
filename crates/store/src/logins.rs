//! How often somebody may try to log in. What is counted, a name or an address, is for the caller to say.
use crate::{Result, Tx};

/// After how long without a failure all is forgotten, in milliseconds.
const FORGET_MS: i64 = 24 * 3_600_000;

/// Counts an attempt as one that fails, until [`succeeded`] says otherwise, so that many at once are not let through
/// before the first has failed. `pause_ms` says for how long nothing more is tried after so many. Gives the time until
/// which the caller has to wait, if this is not to be tried at all.
pub fn attempt(
    tx: &mut Tx<'_>,
    who: &str,
    now: i64,
    pause_ms: impl Fn(u64) -> i64,
) -> Result<Option<i64>> {
    let blank = "INSERT INTO attempt (who, failures, at, until) VALUES ($1, 0, $2, 0) \
                 ON CONFLICT (who) DO NOTHING";
    tx.execute(blank, &[who.into(), now.into()])?;
    let lock = tx.for_update();
    let sql = format!("SELECT failures, at, until FROM attempt WHERE who = $1 {lock}");
    let read = |it: &crate::Row| Ok((it.size(0)?, it.int(1)?, it.int(2)?));
    let (failures, at, until) = tx.row(&sql, &[who.into()], read)?.unwrap_or_default();
    // One that was written later than now is of a clock that has been set back since.
    if until > now && at <= now {
        return Ok(Some(until));
    }
    let failures = if now.saturating_sub(at) > FORGET_MS { 1 } else { failures.saturating_add(1) };
    let until = now.saturating_add(pause_ms(failures));
    let count = i64::try_from(failures).unwrap_or(i64::MAX);
    let sql = "UPDATE attempt SET failures = $2, at = $3, until = $4 WHERE who = $1";
    tx.execute(sql, &[who.into(), count.into(), now.into(), until.into()])?;
    Ok(None)
}

/// The time until which somebody has to wait, if so; nothing is counted.
pub fn waiting(tx: &mut Tx<'_>, who: &str, now: i64) -> Result<Option<i64>> {
    let sql = "SELECT until FROM attempt WHERE who = $1 AND until > $2 AND at <= $2";
    tx.row(sql, &[who.into(), now.into()], |it| it.int(0))
}

/// Forgets the failures of somebody who has logged in.
pub fn succeeded(tx: &mut Tx<'_>, who: &str) -> Result<()> {
    tx.execute("DELETE FROM attempt WHERE who = $1", &[who.into()]).map(drop)
}

/// Forgets what is long ago, and says how many.
pub fn purge(tx: &mut Tx<'_>, now: i64) -> Result<u64> {
    let sql = "DELETE FROM attempt WHERE at < $1";
    tx.execute(sql, &[now.saturating_sub(FORGET_MS).into()])
}
