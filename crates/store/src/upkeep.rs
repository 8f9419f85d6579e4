//! What has to be done about scans now and then, by anybody: take them from whoever is lost, wake those that were to be
//! tried again, end those that are not to be.
use crate::{
    Result, Row, Tx, Value,
    items::{self, End, Ended},
    places, quota,
    work::{self, Claim, LONGEST_MS, Ticket},
};

/// What a scan failed with whose lease was lost: a code that stays, and the same for people.
pub const LOST: (&str, &str) = ("lost", "whoever ran the scan was not heard of any more");

/// What became of scans whose lease was lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    /// So many wait for another attempt.
    pub again: u64,
    /// Of these there were too many, and their items failed; their images are to be marked so in the same transaction.
    pub failed: Vec<Claim>,
}

/// Takes up to `limit` scans away from those whose lease is over. `again` says until when one waits that
/// has been attempted so often; none: its items fail.
pub fn reap(
    tx: &mut Tx<'_>,
    now: i64,
    limit: u32,
    again: impl Fn(u64) -> Option<i64>,
) -> Result<Reaped> {
    let mut reaped = Reaped::default();
    let lost = format!(
        "FROM work WHERE state = 'running' AND (due < $1 OR due > $1 + {LONGEST_MS}) ORDER BY due LIMIT $2"
    );
    let some = |count: u32| [now.into(), i64::from(count).into()];
    if tx.row(&format!("SELECT id {lost}"), &some(1), |_| Ok(()))?.is_none() {
        return Ok(reaped);
    }
    // As whoever ends a scan does: before the scan, what its image has.
    places::lock(tx)?;
    let lock = tx.skip_locked();
    let sql =
        format!("SELECT id, fence, digest, registry, repository, attempts, again {lost} {lock}");
    let claim = |it: &Row| {
        let ticket = Ticket { work: it.int(0)?, fence: it.int(1)? };
        let (digest, registry, repository) = (it.text(2)?, it.int(3)?, it.text(4)?);
        let (attempts, again) = (it.size(5)?, it.truth(6)?);
        Ok(Claim { ticket, digest, registry, repository, attempts, again })
    };
    for lost in tx.rows(&sql, &some(limit), claim)? {
        let held = work::held(tx, lost.ticket)?;
        let (again, (code, reason)) = (again(lost.attempts), LOST);
        work::fail(tx, lost.ticket.work, &held, code, reason, again, now)?;
        match again {
            _ if !held.is_wanted() => {}
            Some(_) => reaped.again = reaped.again.saturating_add(1),
            None => reaped.failed.push(lost),
        }
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
