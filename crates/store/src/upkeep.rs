//! What has to be done about scans now and then, by anybody: take them from whoever is lost, wake those that were to be
//! tried again, end those that are not to be.
use crate::{
    Result, Row, Tx, Value,
    items::{self, End, Ended},
    quota,
    work::{self, LONGEST_MS, Ticket},
};

/// What became of scans whose lease was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    /// They wait for another attempt.
    pub again: u64,
    /// There were too many, and their items failed.
    pub failed: u64,
}

/// Takes up to `limit` scans away from those whose lease is over. `again` says until when one waits that
/// has been attempted so often; none: its items fail.
pub fn reap(
    tx: &mut Tx<'_>,
    now: i64,
    limit: u32,
    again: impl Fn(u64) -> Option<i64>,
) -> Result<Reaped> {
    let lock = tx.skip_locked();
    let sql = format!(
        "SELECT id, fence FROM work WHERE state = 'running' AND (due < $1 OR due > $1 + {LONGEST_MS}) \
         ORDER BY due LIMIT $2 {lock}"
    );
    let ticket = |it: &Row| Ok(Ticket { work: it.int(0)?, fence: it.int(1)? });
    let mut reaped = Reaped::default();
    for lost in tx.rows(&sql, &[now.into(), i64::from(limit).into()], ticket)? {
        let held = work::held(tx, lost)?;
        let again = again(held.attempts);
        let count = if again.is_some() { &mut reaped.again } else { &mut reaped.failed };
        *count = count.saturating_add(1);
        let reason = "whoever ran the scan was not heard of any more";
        work::fail(tx, lost.work, &held, "lost", reason, again, now)?;
    }
    Ok(reaped)
}

/// Makes up to `limit` ready that have waited long enough for another attempt, and says how many.
pub fn wake(tx: &mut Tx<'_>, now: i64, limit: u32) -> Result<u64> {
    let lock = tx.skip_locked();
    // Each by itself, as one index serves either.
    let [past, far] = ["due <= $1", "due > $1"].map(|which| {
        format!(
            "UPDATE work SET state = 'ready', due = 0 WHERE id IN (SELECT id FROM work \
             WHERE state = 'later' AND {which} ORDER BY due LIMIT $2 {lock})"
        )
    });
    let woken = tx.execute(&past, &[now.into(), i64::from(limit).into()])?;
    let longest = now.saturating_add(LONGEST_MS);
    Ok(woken.saturating_add(tx.execute(&far, &[longest.into(), i64::from(limit).into()])?))
}

/// If the quota is used up: ends up to `limit` items' scans that wait and would cost something of it. Says
/// how many items that ended.
pub fn exhaust(tx: &mut Tx<'_>, now: i64, limit: u32) -> Result<u64> {
    // Locked, so that none is ended that was not there when the total was raised.
    if quota::lock(tx)?.left() != Some(0) {
        return Ok(0);
    }
    let reason = "the quota is used up; raise it and resume the task";
    let end = End { state: Ended::Exhausted, code: "quota-exhausted", reason, at: now };
    end_waiting(tx, "costs = 1", &[], end, limit)
}

/// Cancels up to `limit` scans of a registry that wait, because it is gone. Says how many items that ended.
pub fn withdraw(tx: &mut Tx<'_>, registry: i64, now: i64, limit: u32) -> Result<u64> {
    let reason = "the registry was removed";
    let end = End { state: Ended::Cancelled, code: "registry-removed", reason, at: now };
    end_waiting(tx, "costs IN (0, 1) AND registry = $1", &[registry.into()], end, limit)
}

/// Ends scans that wait, those `which` say so.
fn end_waiting(
    tx: &mut Tx<'_>,
    which: &str,
    values: &[Value],
    end: End<'_>,
    limit: u32,
) -> Result<u64> {
    let lock = tx.skip_locked();
    let sql = format!(
        "SELECT id FROM work WHERE state IN ('ready', 'later') AND {which} LIMIT {limit} {lock}"
    );
    let work = tx.rows(&sql, values, |it| it.int(0))?;
    items::end(tx, &work, end)
}
