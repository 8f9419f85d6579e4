//! What may be scanned next: the first in the line of each registry, and how many scans that takes at once.
use crate::{
    Result, Tx,
    quota::{self, Quota},
};

/// What may be started next, and what stands against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The first of each registry that costs something of the quota, and the first that does not.
    pub heads: Vec<Head>,
    /// The registries.
    pub lanes: Vec<Lane>,
    /// As it is now.
    pub quota: Quota,
}

/// A scan that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which.
    pub work: i64,
    /// Where it pulls from.
    pub registry: i64,
    /// As [`crate::tasks::Kind::priority`]: the smaller the sooner.
    pub priority: i64,
    /// Whether success will cost one of the quota.
    pub costs: bool,
}

/// How the scans of one registry may be started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    /// Which.
    pub registry: i64,
    /// How many at once; none: any number.
    pub at_once: Option<u64>,
    /// How many are running.
    pub running: u64,
    /// None is started before this time.
    pub next_at: i64,
    /// When the last was started.
    pub served_at: i64,
}

/// Sets how many scans of a registry run at once and how many are started in an hour; none: any number.
pub fn limit(
    tx: &mut Tx<'_>,
    registry: i64,
    at_once: Option<u32>,
    per_hour: Option<u32>,
) -> Result<()> {
    tx.execute(
        "INSERT INTO lane (registry, at_once, per_hour) VALUES ($1, $2, $3) \
         ON CONFLICT (registry) DO UPDATE SET at_once = excluded.at_once, \
           per_hour = excluded.per_hour, next_at = 0",
        &[registry.into(), at_once.map(i64::from).into(), per_hour.map(i64::from).into()],
    )?;
    Ok(())
}

/// Starts no scan of a registry before `until`, at most [`LONGEST_MS`] from now, because it does not answer or
/// asks for quiet.
pub fn pause(tx: &mut Tx<'_>, registry: i64, until: i64) -> Result<()> {
    let sql = "UPDATE lane SET next_at = $2 WHERE registry = $1";
    tx.execute(sql, &[registry.into(), until.into()]).map(drop)
}

/// What may be started. Until the transaction ends, nobody else starts anything.
pub(crate) fn line(tx: &mut Tx<'_>) -> Result<Line> {
    let quota = quota::lock(tx)?;
    // Columns by themselves and no join: PostgreSQL would read all that waits, not knowing how much it is.
    let first = |costs: u8, column: &str| {
        format!(
            "(SELECT w.{column} FROM work w WHERE w.state = 'ready' AND w.costs = {costs} \
              AND w.registry = l.registry ORDER BY w.priority, w.id LIMIT 1)"
        )
    };
    let (free, free_priority) = (first(0, "id"), first(0, "priority"));
    let (paid, paid_priority) = (first(1, "id"), first(1, "priority"));
    let sql = format!(
        "SELECT l.registry, l.at_once, l.next_at, l.served_at, (SELECT COUNT(*) FROM work w \
           WHERE w.state = 'running' AND w.costs IN (0, 1) AND w.registry = l.registry), \
           {free}, {free_priority}, {paid}, {paid_priority} FROM lane l"
    );
    let rows = tx.rows(&sql, &[], |it| {
        let at_once = it.maybe_int(1)?.and_then(|it| u64::try_from(it).ok());
        let (registry, next_at, served_at) = (it.int(0)?, it.int(2)?, it.int(3)?);
        let lane = Lane { registry, at_once, running: it.size(4)?, next_at, served_at };
        let head = |at: usize, priority: usize, costs| {
            let found = it.maybe_int(at)?.zip(it.maybe_int(priority)?);
            Ok(found.map(|(work, priority)| Head { work, registry, priority, costs }))
        };
        Ok((lane, [head(5, 6, false)?, head(7, 8, true)?]))
    })?;
    let heads = rows.iter().flat_map(|it| it.1).flatten().collect();
    Ok(Line { heads, lanes: rows.into_iter().map(|it| it.0).collect(), quota })
}
