//! Requests to scan. A task holds one item for each digest; an item joins the one scan of its digest that
//! is to be or running, which is in [`crate::work`].
use crate::{
    Cursor, Error, Page, Result, Row, Tx, Value, Word,
    items::{self, Ended},
    nouns::{below, one_more},
    work::{Progress, Stage},
};
use std::collections::BTreeMap;

/// Why a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A tag points to another digest.
    Change,
    /// Somebody asked.
    Manual,
    /// It was time.
    Cycle,
}

impl Word for Kind {
    const WORDS: &'static [(Kind, &'static str)] =
        &[(Kind::Change, "change"), (Kind::Manual, "manual"), (Kind::Cycle, "cycle")];
}

impl Kind {
    /// The smaller the sooner.
    pub fn priority(self) -> i64 {
        match self {
            Kind::Change => 0,
            Kind::Manual => 1,
            Kind::Cycle => 2,
        }
    }
}

/// An image to scan, and where it can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Of its manifest.
    pub digest: String,
    /// Which registry.
    pub registry: i64,
    /// Its repository.
    pub repository: String,
    /// A tag that points to it, or nothing.
    pub tag: String,
}

/// One request to scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Counted up.
    pub id: i64,
    /// Why it is.
    pub kind: Kind,
    /// Who asked.
    pub person: String,
    /// What was asked for, JSON.
    pub document: String,
    /// When it was started.
    pub created_at: i64,
    /// Whether all its items are there.
    pub sealed: bool,
    /// When it was cancelled.
    pub cancelled_at: Option<i64>,
    /// When its last item ended.
    pub ended_at: Option<i64>,
    /// How many items it has in which state.
    pub counts: Counts,
    /// What its running items have done so far.
    pub progress: Progress,
}

/// Items by state. Together they are `total`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the states of the product, section 3")]
pub struct Counts {
    pub total: u64,
    pub queued: u64,
    pub pulling: u64,
    pub analysing: u64,
    pub matching: u64,
    pub done: u64,
    pub failed: u64,
    pub cancelled: u64,
    pub exhausted: u64,
}

/// Which tasks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Of this kind.
    pub kind: Option<Kind>,
    /// That have ended, or that have not.
    pub ended: Option<bool>,
}

/// Starts a task without items and gives its identifier. Items are added until it is sealed.
pub fn start(tx: &mut Tx<'_>, kind: Kind, person: &str, document: &str, now: i64) -> Result<i64> {
    tx.number(
        "INSERT INTO task (kind, person, document, created_at, touched_at) \
         VALUES ($1, $2, $3, $4, $4) RETURNING id",
        &[kind.into(), person.into(), document.into(), now.into()],
    )
}

/// Lets a task without items be one whose images are looked at anew even if they are known already.
pub fn look_again(tx: &mut Tx<'_>, task: i64) -> Result<()> {
    tx.execute("UPDATE task SET again = 1 WHERE id = $1", &[task.into()]).map(drop)
}

/// Adds images, some hundreds in one transaction, and says how many the task did not have yet.
///
/// # Errors
/// [`Error::Lost`] when the task was cancelled or sealed in the meantime.
pub fn add(tx: &mut Tx<'_>, task: i64, targets: &[Target], now: i64) -> Result<u64> {
    let row = |it: &Target| {
        let Target { digest, registry, repository, tag } = it;
        vec![
            task.into(),
            digest.into(),
            (*registry).into(),
            repository.into(),
            tag.into(),
            "new".into(),
        ]
    };
    let rows: Vec<Vec<Value>> = targets.iter().map(row).collect();
    let count = tx.insert(
        "INSERT INTO item (task, digest, registry, repository, tag, state)",
        &rows,
        "ON CONFLICT (task, digest) DO NOTHING",
    )?;
    join(tx, task, now)?;
    let changed = tx.execute(
        "UPDATE task SET total = total + $2, touched_at = $3 \
         WHERE id = $1 AND sealed = 0 AND cancelled_at IS NULL",
        &[task.into(), i64::try_from(count).unwrap_or(i64::MAX).into(), now.into()],
    )?;
    if changed == 0 {
        return Err(Error::Lost(format!("task {task} was cancelled or is complete")));
    }
    Ok(count)
}

/// Says that all items have been added.
pub fn seal(tx: &mut Tx<'_>, task: i64, now: i64) -> Result<()> {
    tx.execute("UPDATE task SET sealed = 1 WHERE id = $1", &[task.into()])?;
    settle(tx, task, now)
}

/// A task to which nothing was added since `quiet_since` and which is not sealed: whoever was adding is gone.
/// The caller is to add what is missing (what is there stays as it is) and to seal it.
pub fn adopt(tx: &mut Tx<'_>, quiet_since: i64, now: i64) -> Result<Option<Task>> {
    let lock = tx.skip_locked();
    let sql = format!(
        "SELECT id FROM task WHERE ended_at IS NULL AND sealed = 0 AND touched_at <= $1 \
         ORDER BY id LIMIT 1 {lock}"
    );
    let Some(id) = tx.row(&sql, &[quiet_since.into()], |it| it.int(0))? else {
        return Ok(None);
    };
    tx.execute("UPDATE task SET touched_at = $2 WHERE id = $1", &[id.into(), now.into()])?;
    one(tx, id)
}

/// Cancels a task: nothing of it is started any more, and who runs some of it will be told to stop. Says
/// whether it was there and had not ended. Its items follow with [`cancel_items`].
pub fn cancel(tx: &mut Tx<'_>, task: i64, now: i64) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE task SET cancelled_at = COALESCE(cancelled_at, $2), sealed = 1 \
         WHERE id = $1 AND ended_at IS NULL",
        &[task.into(), now.into()],
    )?;
    settle(tx, task, now)?;
    Ok(changed > 0)
}

/// Ends up to `limit` items of a cancelled task, and says whether there are more.
pub fn cancel_items(tx: &mut Tx<'_>, task: i64, now: i64, limit: u32) -> Result<bool> {
    let lock = tx.for_update();
    let sql = format!(
        "SELECT id FROM work WHERE id IN (SELECT work FROM item \
           WHERE task = $1 AND state = 'waiting' ORDER BY digest LIMIT $2) ORDER BY digest {lock}"
    );
    let work = tx.rows(&sql, &[task.into(), i64::from(limit).into()], |it| it.int(0))?;
    items::cancel(tx, task, &work, now)?;
    let left = "SELECT 1 FROM item WHERE task = $1 AND state = 'waiting' LIMIT 1";
    Ok(tx.row(left, &[task.into()], |_| Ok(()))?.is_some())
}

/// Tasks that were cancelled and have items that have not ended: for [`cancel_items`].
pub fn ending(tx: &mut Tx<'_>) -> Result<Vec<i64>> {
    tx.rows(
        "SELECT id FROM task WHERE ended_at IS NULL AND cancelled_at IS NOT NULL ORDER BY id",
        &[],
        |it| it.int(0),
    )
}

/// Tasks that have items for which there was no quota: for [`again`], when there is more.
pub fn exhausted(tx: &mut Tx<'_>) -> Result<Vec<i64>> {
    tx.rows(
        "SELECT id FROM task WHERE exhausted > 0 AND cancelled_at IS NULL ORDER BY id",
        &[],
        |it| it.int(0),
    )
}

/// Lets up to `limit` items wait once more that failed or had no quota, and says how many.
///
/// # Errors
/// [`Error::Lost`] when the task was cancelled.
pub fn again(tx: &mut Tx<'_>, task: i64, which: Ended, now: i64, limit: u32) -> Result<u64> {
    // The state is asked for twice, as somebody else may have changed it while this waited for him.
    let count = tx.execute(
        "UPDATE item SET state = 'new', code = '', reason = '', ended_at = NULL \
         WHERE task = $1 AND state = $2 AND digest IN (SELECT digest FROM item \
           WHERE task = $1 AND state = $2 ORDER BY digest LIMIT $3)",
        &[task.into(), which.into(), i64::from(limit).into()],
    )?;
    if count == 0 {
        return Ok(0);
    }
    join(tx, task, now)?;
    let column = which.column();
    let changed = tx.execute(
        &format!(
            "UPDATE task SET {column} = {column} - $2, ended_at = NULL \
             WHERE id = $1 AND cancelled_at IS NULL"
        ),
        &[task.into(), i64::try_from(count).unwrap_or(i64::MAX).into()],
    )?;
    if changed == 0 {
        return Err(Error::Lost(format!("task {task} was cancelled; start another")));
    }
    Ok(count)
}

/// A task.
pub fn one(tx: &mut Tx<'_>, id: i64) -> Result<Option<Task>> {
    let tasks = tx.rows(&format!("{TASK} WHERE id = $1"), &[id.into()], task)?;
    Ok(with_running(tx, tasks)?.pop())
}

/// Tasks, the newest first.
pub fn page(
    tx: &mut Tx<'_>,
    filter: &Filter,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Task>> {
    let mut sql = format!("{TASK} WHERE id < $1");
    let mut values = vec![below(cursor)?, one_more(limit)];
    match filter.ended {
        Some(true) => sql += " AND ended_at IS NOT NULL",
        Some(false) => sql += " AND ended_at IS NULL",
        None => {}
    }
    if let Some(kind) = filter.kind {
        sql += " AND kind = $3";
        values.push(kind.into());
    }
    let tasks = tx.rows(&(sql + " ORDER BY id DESC LIMIT $2"), &values, task)?;
    let mut page = Page::of(tasks, limit, |it| Cursor::number(0, it.id));
    page.items = with_running(tx, page.items)?;
    Ok(page)
}

/// Tasks that ended at `since` or later, the last ones first.
pub fn ended_since(tx: &mut Tx<'_>, since: i64, limit: u32) -> Result<Vec<Task>> {
    let sql = format!("{TASK} WHERE ended_at >= $1 ORDER BY ended_at DESC, id DESC LIMIT $2");
    tx.rows(&sql, &[since.into(), i64::from(limit).into()], task)
}

/// Forgets up to `limit` items of tasks that ended before a time, and tasks that have none left. Says how many
/// of both.
pub fn purge(tx: &mut Tx<'_>, ended_before: i64, limit: u32) -> Result<u64> {
    let lock = tx.for_update();
    let old =
        format!("SELECT id FROM task WHERE ended_at < $1 ORDER BY ended_at, id LIMIT 1 {lock}");
    let Some(id) = tx.row(&old, &[ended_before.into()], |it| it.int(0))? else {
        return Ok(0);
    };
    let items = tx.execute(
        "DELETE FROM item WHERE task = $1 AND digest IN \
           (SELECT digest FROM item WHERE task = $1 ORDER BY digest LIMIT $2)",
        &[id.into(), i64::from(limit).into()],
    )?;
    if items > 0 {
        return Ok(items);
    }
    tx.execute("DELETE FROM task WHERE id = $1", &[id.into()])
}

/// Counts items that have ended, of each task so many, and ends tasks with their last.
pub(crate) fn count(
    tx: &mut Tx<'_>,
    ended: &BTreeMap<i64, u64>,
    state: Ended,
    now: i64,
) -> Result<()> {
    let column = state.column();
    let sql = format!("UPDATE task SET {column} = {column} + $2 WHERE id = $1");
    for (task, count) in ended {
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        tx.execute(&sql, &[(*task).into(), count.into()])?;
        settle(tx, *task, now)?;
    }
    Ok(())
}

/// Ends a task if all its items have.
fn settle(tx: &mut Tx<'_>, task: i64, now: i64) -> Result<()> {
    tx.execute(
        "UPDATE task SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL AND sealed = 1 \
         AND done + failed + cancelled + exhausted >= total",
        &[task.into(), now.into()],
    )?;
    Ok(())
}

/// Lets new items join the scan of their digest, which is made if there is none and hastened if they
/// are in more of a hurry.
fn join(tx: &mut Tx<'_>, task: i64, now: i64) -> Result<()> {
    let none = || Error::Lost(format!("task {task} is gone"));
    let sql = "SELECT kind, again FROM task WHERE id = $1";
    let row = |it: &Row| Ok((it.word::<Kind>(0)?, it.int(1)?));
    let (kind, again) = tx.row(sql, &[task.into()], row)?.ok_or_else(none)?;
    tx.execute(
        "INSERT INTO lane (registry) SELECT DISTINCT i.registry FROM item i \
         WHERE i.task = $1 AND i.state = 'new' ORDER BY 1 ON CONFLICT (registry) DO NOTHING",
        &[task.into()],
    )?;
    // Whether or not it is hastened, the row is locked now, so that nobody ends it before this.
    tx.execute(
        "INSERT INTO work (digest, registry, repository, priority, created_at, again) \
         SELECT i.digest, i.registry, i.repository, CAST($2 AS BIGINT), CAST($3 AS BIGINT), \
           CAST($4 AS BIGINT) \
         FROM item i WHERE i.task = $1 AND i.state = 'new' ORDER BY i.digest \
         ON CONFLICT (digest) DO UPDATE SET \
           priority = CASE WHEN excluded.priority < work.priority \
             THEN excluded.priority ELSE work.priority END, \
           again = CASE WHEN excluded.again > work.again THEN excluded.again ELSE work.again END \
         WHERE excluded.priority < work.priority OR excluded.again > work.again",
        &[task.into(), kind.priority().into(), now.into(), again.into()],
    )?;
    // By itself and not while inserting: what kept that waiting may have paid for the digest.
    tx.execute(
        "UPDATE work SET costs = 0 WHERE costs = 1 AND digest IN (SELECT i.digest FROM item i \
           JOIN ledger l ON l.digest = i.digest WHERE i.task = $1 AND i.state = 'new')",
        &[task.into()],
    )?;
    tx.execute(
        "UPDATE item SET state = 'waiting', \
           work = (SELECT w.id FROM work w WHERE w.digest = item.digest) \
         WHERE task = $1 AND state = 'new'",
        &[task.into()],
    )?;
    Ok(())
}

const TASK: &str = "SELECT id, kind, person, document, created_at, sealed, cancelled_at, ended_at, \
    total, done, failed, cancelled, exhausted FROM task";

fn task(row: &Row) -> Result<Task> {
    Ok(Task {
        id: row.int(0)?,
        kind: row.word(1)?,
        person: row.text(2)?,
        document: row.text(3)?,
        created_at: row.int(4)?,
        sealed: row.truth(5)?,
        cancelled_at: row.maybe_int(6)?,
        ended_at: row.maybe_int(7)?,
        counts: Counts {
            total: row.size(8)?,
            done: row.size(9)?,
            failed: row.size(10)?,
            cancelled: row.size(11)?,
            exhausted: row.size(12)?,
            ..Counts::default()
        },
        progress: Progress::default(),
    })
}

/// Adds what is running to tasks, which are in the order of their identifiers, up or down.
fn with_running(tx: &mut Tx<'_>, mut tasks: Vec<Task>) -> Result<Vec<Task>> {
    let ids = tasks.iter().map(|it| it.id);
    let (Some(least), Some(most)) = (ids.clone().min(), ids.max()) else {
        return Ok(tasks);
    };
    let running = tx.rows(
        "SELECT i.task, w.stage, COUNT(*), CAST(SUM(w.bytes) AS BIGINT), \
           CAST(SUM(w.bytes_total) AS BIGINT), CAST(SUM(w.layers) AS BIGINT), \
           CAST(SUM(w.layers_total) AS BIGINT) \
         FROM work w CROSS JOIN item i WHERE w.state = 'running' AND i.work = w.id \
           AND i.task >= $1 AND i.task <= $2 GROUP BY i.task, w.stage",
        &[least.into(), most.into()],
        |it| Ok((it.int(0)?, it.word(1)?, it.size(2)?, Progress::read(it, 3)?)),
    )?;
    for it in &mut tasks {
        for (_, stage, count, progress) in running.iter().filter(|(task, ..)| *task == it.id) {
            match stage {
                Stage::Pulling => it.counts.pulling = *count,
                Stage::Analysing => it.counts.analysing = *count,
                Stage::Matching => it.counts.matching = *count,
            }
            it.progress.add(progress);
        }
        it.counts.queued = it.counts.waiting();
    }
    Ok(tasks)
}

impl Counts {
    fn waiting(&self) -> u64 {
        let Counts { total, queued: _, pulling, analysing, matching, .. } = *self;
        let Counts { done, failed, cancelled, exhausted, .. } = *self;
        let others = [pulling, analysing, matching, done, failed, cancelled, exhausted];
        others.iter().fold(total, |left, it| left.saturating_sub(*it))
    }
}
