//! The scans that are to be or running: one for each digest, however many tasks ask for it. Whoever runs one
//! has a [`Ticket`] for it, which is worth nothing once the lease is lost and somebody else was given another.
use crate::{
    Error, Result, Row, Tx, Value, Word,
    items::{self, End, Ended},
    quota::{self, Quota},
};

/// No lease and no pause lasts longer, in milliseconds: what ends later was written by a clock that has been
/// set back since, and is over.
pub const LONGEST_MS: i64 = 3_600_000;

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

/// The right to end a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// Which scan.
    pub work: i64,
    /// Each who is given it gets a higher one.
    pub fence: i64,
}

/// A scan that was given to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The right to end it.
    pub ticket: Ticket,
    /// What to scan.
    pub digest: String,
    /// Where from.
    pub registry: i64,
    /// Its repository there.
    pub repository: String,
    /// The how manieth attempt this is, from one.
    pub attempts: u64,
}

/// What a running scan is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Layers come in.
    Pulling,
    /// They are inspected.
    Analysing,
    /// Advisories are looked up.
    Matching,
}

impl Word for Stage {
    const WORDS: &'static [(Stage, &'static str)] = &[
        (Stage::Pulling, "pulling"),
        (Stage::Analysing, "analysing"),
        (Stage::Matching, "matching"),
    ];
}

/// How far a scan is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "they say it themselves")]
pub struct Progress {
    pub bytes: u64,
    pub bytes_total: u64,
    pub layers: u64,
    pub layers_total: u64,
}

/// Whether to go on with a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// Go on.
    On,
    /// Stop, and give it back: nobody wants it any more.
    Unwanted,
    /// Stop: it is somebody else's by now, or nobody's.
    Lost,
}

/// What became of scans whose lease was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    /// They wait for another attempt.
    pub again: u64,
    /// There were too many, and their items failed.
    pub failed: u64,
}

/// Gives somebody the first scan that may be started of those that `plan` names, in its order, until `until`.
/// If it costs one of the quota, that is reserved by its running.
pub fn claim(
    tx: &mut Tx<'_>,
    owner: &str,
    now: i64,
    until: i64,
    plan: impl Fn(&Line) -> Vec<i64>,
) -> Result<Option<Claim>> {
    let line = line(tx)?;
    for work in plan(&line) {
        let head = line.heads.iter().find(|it| it.work == work);
        if head.is_none_or(|it| it.costs && !line.quota.has_room()) {
            continue;
        }
        if let Some(claim) = take(tx, work, owner, now, until)? {
            return Ok(Some(claim));
        }
    }
    Ok(None)
}

/// Keeps a scan that somebody runs until `until`, and says whether to go on.
pub fn beat(
    tx: &mut Tx<'_>,
    ticket: Ticket,
    stage: Stage,
    progress: Progress,
    until: i64,
) -> Result<Beat> {
    let number = |it: u64| i64::try_from(it).unwrap_or(i64::MAX).into();
    let Progress { bytes, bytes_total, layers, layers_total } = progress;
    let changed = tx.execute(
        "UPDATE work SET due = $3, stage = $4, bytes = $5, bytes_total = $6, layers = $7, \
           layers_total = $8 WHERE id = $1 AND fence = $2 AND state = 'running'",
        &[
            ticket.work.into(),
            ticket.fence.into(),
            until.into(),
            stage.into(),
            number(bytes),
            number(bytes_total),
            number(layers),
            number(layers_total),
        ],
    )?;
    if changed == 0 {
        return Ok(Beat::Lost);
    }
    Ok(if wanted(tx, ticket.work)?.is_some() { Beat::On } else { Beat::Unwanted })
}

/// Ends a scan that succeeded, charges the quota if it is the first of its digest, and returns the quota if so.
/// To be called in the transaction that stores what was found, last, as it keeps others from starting work.
///
/// # Errors
/// [`Error::Lost`] when the scan is no longer the caller's, or nobody wants it any more; then what was found
/// must not be stored either.
pub fn done(tx: &mut Tx<'_>, ticket: Ticket, now: i64) -> Result<Option<Quota>> {
    let held = held(tx, ticket)?;
    let Some(task) = held.task else {
        return Err(Error::Lost("nobody wants this scan any more".to_owned()));
    };
    let charged = held.costs && quota::charge(tx, &held.digest, task, now)?;
    let end = End { state: Ended::Done, code: "", reason: "", at: now };
    items::end(tx, &[ticket.work], end)?;
    if charged { quota::read(tx).map(Some) } else { Ok(None) }
}

/// Ends a scan that failed, or lets it wait until `again` for another attempt.
///
/// # Errors
/// [`Error::Lost`] when it is no longer the caller's.
pub fn failed(
    tx: &mut Tx<'_>,
    ticket: Ticket,
    code: &str,
    reason: &str,
    again: Option<i64>,
    now: i64,
) -> Result<()> {
    let held = held(tx, ticket)?;
    fail(tx, ticket.work, &held, code, reason, again, now)
}

/// Gives a scan back that was not completed for a reason that is not its own. The attempt does not count.
///
/// # Errors
/// [`Error::Lost`] when it is no longer the caller's.
pub fn give_back(tx: &mut Tx<'_>, ticket: Ticket, now: i64) -> Result<()> {
    if held(tx, ticket)?.task.is_none() {
        return unwanted(tx, ticket.work, now);
    }
    tx.execute(
        "UPDATE work SET state = 'ready', due = 0, owner = NULL, attempts = attempts - 1 \
         WHERE id = $1",
        &[ticket.work.into()],
    )?;
    Ok(())
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
        let held = held(tx, lost)?;
        let again = again(held.attempts);
        let count = if again.is_some() { &mut reaped.again } else { &mut reaped.failed };
        *count = count.saturating_add(1);
        let reason = "whoever ran the scan was not heard of any more";
        fail(tx, lost.work, &held, "lost", reason, again, now)?;
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
fn line(tx: &mut Tx<'_>) -> Result<Line> {
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

fn take(tx: &mut Tx<'_>, id: i64, owner: &str, now: i64, until: i64) -> Result<Option<Claim>> {
    let lock = tx.skip_locked();
    let sql = format!("SELECT id FROM work WHERE id = $1 AND state = 'ready' {lock}");
    if tx.row(&sql, &[id.into()], |_| Ok(()))?.is_none() {
        return Ok(None);
    }
    if wanted(tx, id)?.is_none() {
        unwanted(tx, id, now)?;
        return Ok(None);
    }
    let claim = tx.row(
        "UPDATE work SET state = 'running', owner = $2, due = $3, fence = fence + 1, \
           attempts = attempts + 1, stage = 'pulling', bytes = 0, bytes_total = 0, layers = 0, \
           layers_total = 0 WHERE id = $1 RETURNING fence, digest, registry, repository, attempts",
        &[id.into(), owner.into(), until.into()],
        |it| {
            let ticket = Ticket { work: id, fence: it.int(0)? };
            let (digest, registry, repository) = (it.text(1)?, it.int(2)?, it.text(3)?);
            Ok(Claim { ticket, digest, registry, repository, attempts: it.size(4)? })
        },
    )?;
    if let Some(it) = &claim {
        tx.execute(
            "UPDATE lane SET served_at = $2, next_at = CASE WHEN per_hour > 0 \
             THEN $2 + 3600000 / per_hour ELSE next_at END WHERE registry = $1",
            &[it.registry.into(), now.into()],
        )?;
    }
    Ok(claim)
}

/// A scan that somebody runs.
struct Held {
    digest: String,
    costs: bool,
    attempts: u64,
    /// The first task that wants it.
    task: Option<i64>,
}

/// Locks a scan that somebody runs.
fn held(tx: &mut Tx<'_>, ticket: Ticket) -> Result<Held> {
    let lock = tx.for_update();
    let sql = format!(
        "SELECT digest, costs, attempts FROM work \
         WHERE id = $1 AND fence = $2 AND state = 'running' {lock}"
    );
    let values = [ticket.work.into(), ticket.fence.into()];
    let held = tx.row(&sql, &values, |it| {
        Ok(Held { digest: it.text(0)?, costs: it.truth(1)?, attempts: it.size(2)?, task: None })
    })?;
    let lost = || Error::Lost("the scan is somebody else's by now".to_owned());
    Ok(Held { task: wanted(tx, ticket.work)?, ..held.ok_or_else(lost)? })
}

/// The first task that wants a scan.
fn wanted(tx: &mut Tx<'_>, work: i64) -> Result<Option<i64>> {
    // All of them, and no `LIMIT`: PostgreSQL would look for them among the items of tasks.
    let tasks = tx.rows(
        "SELECT i.task, (SELECT t.cancelled_at FROM task t WHERE t.id = i.task) \
         FROM item i WHERE i.work = $1",
        &[work.into()],
        |it| Ok((it.int(0)?, it.maybe_int(1)?)),
    )?;
    Ok(tasks.into_iter().filter(|it| it.1.is_none()).map(|it| it.0).min())
}

/// Ends a scan that nobody wants any more.
fn unwanted(tx: &mut Tx<'_>, work: i64, now: i64) -> Result<()> {
    let end = End { state: Ended::Cancelled, code: "", reason: "", at: now };
    items::end(tx, &[work], end).map(drop)
}

fn fail(
    tx: &mut Tx<'_>,
    work: i64,
    held: &Held,
    code: &str,
    reason: &str,
    again: Option<i64>,
    now: i64,
) -> Result<()> {
    match again {
        _ if held.task.is_none() => unwanted(tx, work, now),
        None => {
            let end = End { state: Ended::Failed, code, reason, at: now };
            items::end(tx, &[work], end).map(drop)
        }
        Some(due) => {
            let values = [work.into(), due.into(), code.into(), reason.into()];
            let sql = "UPDATE work SET state = 'later', due = $2, owner = NULL, code = $3, \
                       reason = $4 WHERE id = $1";
            tx.execute(sql, &values).map(drop)
        }
    }
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

impl Progress {
    pub(crate) fn read(row: &Row, at: usize) -> Result<Progress> {
        let size = |n: usize| row.size(at.saturating_add(n));
        let (bytes, bytes_total) = (size(0)?, size(1)?);
        Ok(Progress { bytes, bytes_total, layers: size(2)?, layers_total: size(3)? })
    }

    pub(crate) fn add(&mut self, other: &Progress) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.bytes_total = self.bytes_total.saturating_add(other.bytes_total);
        self.layers = self.layers.saturating_add(other.layers);
        self.layers_total = self.layers_total.saturating_add(other.layers_total);
    }
}
