//! What only one process at a time may do, such as scheduling. Whoever does it writes within transactions that
//! begin with [`hold`], so that one who was paused, and whose lease somebody else has by now, changes nothing.
use crate::{Error, Result, Tx, work::LONGEST_MS};

/// The right to do something alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What.
    pub name: String,
    /// Each who gets it gets a higher one.
    pub fence: i64,
}

/// Gets what nobody holds, until `until`, at most [`LONGEST_MS`] from now. Owners have names of their own, a new
/// one whenever they start.
pub fn take(
    tx: &mut Tx<'_>,
    name: &str,
    owner: &str,
    now: i64,
    until: i64,
) -> Result<Option<Lease>> {
    tx.row(
        // One that lasts too long was written by a clock that has been set back since.
        &format!(
            "INSERT INTO lease (name, owner, fence, until) VALUES ($1, $2, 1, $4) \
             ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, fence = lease.fence + 1, \
               until = excluded.until \
             WHERE lease.until <= $3 OR lease.until > $3 + {LONGEST_MS} RETURNING fence"
        ),
        &[name.into(), owner.into(), now.into(), until.into()],
        |it| Ok(Lease { name: name.to_owned(), fence: it.int(0)? }),
    )
}

/// Keeps a lease until `until`, and says whether it was still the caller's.
pub fn renew(tx: &mut Tx<'_>, lease: &Lease, now: i64, until: i64) -> Result<bool> {
    let sql = "UPDATE lease SET until = $4 WHERE name = $1 AND fence = $2 AND until > $3";
    let changed =
        tx.execute(sql, &[(&lease.name).into(), lease.fence.into(), now.into(), until.into()])?;
    Ok(changed > 0)
}

/// Keeps everybody else from getting a lease until the transaction ends.
///
/// # Errors
/// [`Error::Lost`] when it is no longer the caller's.
pub fn hold(tx: &mut Tx<'_>, lease: &Lease, now: i64) -> Result<()> {
    let lock = tx.for_update();
    let sql =
        format!("SELECT fence FROM lease WHERE name = $1 AND fence = $2 AND until > $3 {lock}");
    let values = [(&lease.name).into(), lease.fence.into(), now.into()];
    let lost = || Error::Lost(format!("the lease of {} is over", lease.name));
    tx.row(&sql, &values, |_| Ok(()))?.ok_or_else(lost)
}

/// Ends a lease, if it is still the caller's.
pub fn release(tx: &mut Tx<'_>, lease: &Lease) -> Result<()> {
    let sql = "UPDATE lease SET until = 0 WHERE name = $1 AND fence = $2";
    tx.execute(sql, &[(&lease.name).into(), lease.fence.into()]).map(drop)
}

/// Ends a lease and forgets that there was one, where it only keeps two from doing the same.
pub fn forget(tx: &mut Tx<'_>, lease: &Lease) -> Result<()> {
    let sql = "DELETE FROM lease WHERE name = $1 AND fence = $2";
    tx.execute(sql, &[(&lease.name).into(), lease.fence.into()]).map(drop)
}

/// Who holds what, and until when.
pub fn all(tx: &mut Tx<'_>, now: i64) -> Result<Vec<(String, String, i64)>> {
    let sql = "SELECT name, owner, until FROM lease WHERE until > $1 ORDER BY name";
    tx.rows(sql, &[now.into()], |it| Ok((it.text(0)?, it.text(1)?, it.int(2)?)))
}
