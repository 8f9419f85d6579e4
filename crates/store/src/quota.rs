//! How many distinct images may be scanned. A digest costs one the first time that it is scanned
//! successfully, and is in the ledger from then on. A scan that will cost one has it reserved while it
//! runs: the reservation is the running itself, so that whatever ends a scan gives it back, once.
use crate::{
    Cursor, Error, Page, Result, Tx,
    nouns::{below, one_more},
};

/// The quota at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Authorised; none: unlimited.
    pub total: Option<u64>,
    /// The rows of the ledger.
    pub used: u64,
    /// Scans that are running and will cost one when they succeed.
    pub reserved: u64,
}

/// A digest that has cost one of the quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counted up.
    pub id: i64,
    /// Which.
    pub digest: String,
    /// The task that paid.
    pub task: i64,
    /// When.
    pub at: i64,
}

impl Quota {
    /// Whether another scan that costs one may be started.
    pub fn has_room(&self) -> bool {
        self.total.is_none_or(|it| self.used.saturating_add(self.reserved) < it)
    }

    /// What has not been used; none: unlimited.
    pub fn left(&self) -> Option<u64> {
        self.total.map(|it| it.saturating_sub(self.used))
    }

    /// Whether so many hundredths of the total are used.
    pub fn fills(&self, hundredths: u64) -> bool {
        let used = u128::from(self.used).saturating_mul(100);
        let share = |it: u64| u128::from(it).saturating_mul(hundredths.into());
        self.total.is_some_and(|it| used >= share(it))
    }

    /// Whether the last that was used is the one with which so many hundredths of the total are.
    pub fn reaches(&self, hundredths: u64) -> bool {
        let before = self.used.checked_sub(1).map(|used| Quota { used, ..*self });
        before.is_some_and(|before| self.fills(hundredths) && !before.fills(hundredths))
    }
}

/// The quota as it is now.
pub fn read(tx: &mut Tx<'_>) -> Result<Quota> {
    quota(tx, "")
}

/// Sets what is authorised; none: unlimited. Less than is used takes nothing away, but no more is given.
pub fn authorise(tx: &mut Tx<'_>, total: Option<u32>) -> Result<()> {
    let sql = "UPDATE quota SET total = $1 WHERE id = 1";
    tx.execute(sql, &[total.map(i64::from).into()]).map(drop)
}

/// What was used, the newest first.
pub fn ledger(tx: &mut Tx<'_>, cursor: Option<&Cursor>, limit: usize) -> Result<Page<Entry>> {
    let entries = tx.rows(
        "SELECT id, digest, task, at FROM ledger WHERE id < $1 ORDER BY id DESC LIMIT $2",
        &[below(cursor)?, one_more(limit)],
        |it| Ok(Entry { id: it.int(0)?, digest: it.text(1)?, task: it.int(2)?, at: it.int(3)? }),
    )?;
    Ok(Page::of(entries, limit, |it| Cursor::number(0, it.id)))
}

/// The quota as it is until the transaction ends.
pub(crate) fn lock(tx: &mut Tx<'_>) -> Result<Quota> {
    quota(tx, tx.for_update())
}

/// Charges for a digest, unless it was charged for before; says whether it was charged.
pub(crate) fn charge(tx: &mut Tx<'_>, digest: &str, task: i64, now: i64) -> Result<bool> {
    // First, as it makes others wait: they are to count what is running when this has ended.
    lock(tx)?;
    let new = tx.execute(
        "INSERT INTO ledger (digest, task, at) VALUES ($1, $2, $3) ON CONFLICT (digest) DO NOTHING",
        &[digest.into(), task.into(), now.into()],
    )?;
    if new > 0 {
        tx.execute("UPDATE quota SET used = used + 1 WHERE id = 1", &[])?;
    }
    Ok(new > 0)
}

fn quota(tx: &mut Tx<'_>, lock: &str) -> Result<Quota> {
    let none = || Error::Unexpected("the quota is gone".to_owned());
    let sql = format!("SELECT total, used FROM quota WHERE id = 1 {lock}");
    let (total, used) =
        tx.row(&sql, &[], |it| Ok((it.maybe_int(0)?, it.size(1)?)))?.ok_or_else(none)?;
    // Only now: what somebody ended while this waited for the lock must not be counted any more.
    let reserved = "SELECT COUNT(*) FROM work WHERE state = 'running' AND costs = 1";
    let reserved = u64::try_from(tx.number(reserved, &[])?).unwrap_or(0);
    Ok(Quota { total: total.and_then(|it| u64::try_from(it).ok()), used, reserved })
}
