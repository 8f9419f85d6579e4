//! The scans that are to be or running: one for each digest, however many tasks ask for it. Whoever runs one
//! has a [`Ticket`] for it, which is worth nothing once the lease is lost and somebody else was given another.
use crate::{
    Error, Result, Row, Tx, Word,
    items::{self, End, Ended},
    lanes::{self, Line},
    quota::{self, Quota},
};

/// No lease and no pause lasts longer, in milliseconds: what ends later was written by a clock that has been
/// set back since, and is over.
pub const LONGEST_MS: i64 = 3_600_000;

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
    /// Whether the image is to be looked at anew even if it is known already.
    pub again: bool,
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

/// Gives somebody the first scan that may be started of those that `plan` names, in its order, until `until`.
/// If it costs one of the quota, that is reserved by its running.
pub fn claim(
    tx: &mut Tx<'_>,
    owner: &str,
    now: i64,
    until: i64,
    plan: impl Fn(&Line) -> Vec<i64>,
) -> Result<Option<Claim>> {
    let line = lanes::line(tx)?;
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

/// Ends a scan for which nothing was to be done, as [`done`]; unless somebody has joined it meanwhile who wants the
/// image to be looked at anew: then it is given back.
///
/// # Errors
/// As [`done`].
pub fn known(tx: &mut Tx<'_>, ticket: Ticket, now: i64) -> Result<Option<Quota>> {
    held(tx, ticket)?;
    let sql = "SELECT again FROM work WHERE id = $1";
    if tx.number(sql, &[ticket.work.into()])? == 0 {
        return done(tx, ticket, now);
    }
    give_back(tx, ticket, now)?;
    Ok(None)
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
           layers_total = 0 WHERE id = $1 RETURNING fence, digest, registry, repository, attempts, again",
        &[id.into(), owner.into(), until.into()],
        |it| {
            let ticket = Ticket { work: id, fence: it.int(0)? };
            let (digest, registry, repository) = (it.text(1)?, it.int(2)?, it.text(3)?);
            let (attempts, again) = (it.size(4)?, it.truth(5)?);
            Ok(Claim { ticket, digest, registry, repository, attempts, again })
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
pub(crate) struct Held {
    digest: String,
    costs: bool,
    /// The first task that wants it.
    task: Option<i64>,
}

impl Held {
    pub(crate) fn is_wanted(&self) -> bool {
        self.task.is_some()
    }
}

/// Locks a scan that somebody runs.
pub(crate) fn held(tx: &mut Tx<'_>, ticket: Ticket) -> Result<Held> {
    let lock = tx.for_update();
    let sql = format!(
        "SELECT digest, costs FROM work \
         WHERE id = $1 AND fence = $2 AND state = 'running' {lock}"
    );
    let values = [ticket.work.into(), ticket.fence.into()];
    let held = tx.row(&sql, &values, |it| {
        Ok(Held { digest: it.text(0)?, costs: it.truth(1)?, task: None })
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

pub(crate) fn fail(
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
