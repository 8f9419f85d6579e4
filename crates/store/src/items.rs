//! The items of tasks: one for each digest, from `new` until it has ended.
use crate::{
    Cursor, Page, Result, Row, Tx, Value, Word,
    nouns::one_more,
    sets::{ESCAPE, anywhere, beginning},
    tasks,
    work::{Progress, Stage},
};
use std::collections::BTreeMap;

/// How an item can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// It was scanned.
    Done,
    /// It could not be.
    Failed,
    /// Somebody no longer wanted it.
    Cancelled,
    /// The quota was used up.
    Exhausted,
}

impl Word for Ended {
    const WORDS: &'static [(Ended, &'static str)] = &[
        (Ended::Done, "done"),
        (Ended::Failed, "failed"),
        (Ended::Cancelled, "cancelled"),
        (Ended::Exhausted, "quota-exhausted"),
    ];
}

impl Ended {
    /// Where a task counts them.
    pub(crate) fn column(self) -> &'static str {
        match self {
            Ended::Done => "done",
            Ended::Failed => "failed",
            Ended::Cancelled => "cancelled",
            Ended::Exhausted => "exhausted",
        }
    }
}

/// What an item is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for its turn.
    Queued,
    /// It is being scanned.
    Running(Stage),
    /// It is over.
    Ended(Ended),
}

impl Word for State {
    const WORDS: &'static [(State, &'static str)] = &[
        (State::Queued, "queued"),
        (State::Running(Stage::Pulling), "pulling"),
        (State::Running(Stage::Analysing), "analysing"),
        (State::Running(Stage::Matching), "matching"),
        (State::Ended(Ended::Done), "done"),
        (State::Ended(Ended::Failed), "failed"),
        (State::Ended(Ended::Cancelled), "cancelled"),
        (State::Ended(Ended::Exhausted), "quota-exhausted"),
    ];
}

/// One image of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Of which task.
    pub task: i64,
    /// The image, and where it was when the task was started.
    pub target: tasks::Target,
    /// What it is doing.
    pub state: State,
    /// Why it failed; while it waits again, why the attempt before did. Empty: nothing did.
    pub code: String,
    /// The same for people.
    pub reason: String,
    /// How often it has been tried, while it waits or runs.
    pub attempts: u64,
    /// While it waits again after a failure: not before this time.
    pub not_before: Option<i64>,
    /// How far it is, while it runs.
    pub progress: Progress,
    /// When it ended.
    pub ended_at: Option<i64>,
}

/// The items of a task in the order of their digests: all, or those in one state; with a text in the name of their
/// repository, in the tag, or at the beginning of the digest.
pub fn page(
    tx: &mut Tx<'_>,
    task: i64,
    state: Option<State>,
    text: &str,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Item>> {
    let (joined, wanted): (&str, Value) = match state {
        None => ("item i LEFT JOIN work w ON w.id = i.work WHERE $4 = ''", "".into()),
        Some(State::Queued) => (
            "item i JOIN work w ON w.id = i.work WHERE i.state = 'waiting' \
             AND w.state <> 'running' AND $4 = ''",
            "".into(),
        ),
        // There is much less that runs than waits.
        Some(State::Running(stage)) => (
            "work w CROSS JOIN item i WHERE w.state = 'running' AND i.work = w.id AND w.stage = $4",
            stage.into(),
        ),
        Some(State::Ended(it)) => {
            ("item i LEFT JOIN work w ON w.id = i.work WHERE i.state = $4", it.into())
        }
    };
    let after = cursor.map_or(Ok("".into()), |it| it.values(true).map(|it| it.0))?;
    let mut values = vec![task.into(), after, one_more(limit), wanted];
    let mut named = String::new();
    if !text.is_empty() {
        values.extend([anywhere(text).into(), beginning(text).into()]);
        named = format!(
            "AND (lower(i.repository) LIKE $5 {ESCAPE} OR lower(i.tag) LIKE $5 {ESCAPE} OR i.digest LIKE $6 {ESCAPE})"
        );
    }
    let sql = format!(
        "SELECT {ITEM} FROM {joined} AND i.task = $1 AND i.digest > $2 {named} ORDER BY i.digest LIMIT $3"
    );
    let rows = tx.rows(&sql, &values, item)?;
    Ok(Page::of(rows, limit, |it| Cursor::of(&it.target.digest, it.task)))
}

/// The items of all tasks for one digest, the newest task first.
pub fn of_digest(tx: &mut Tx<'_>, digest: &str, limit: u32) -> Result<Vec<Item>> {
    let sql = format!(
        "SELECT {ITEM} FROM item i LEFT JOIN work w ON w.id = i.work \
         WHERE i.digest = $1 ORDER BY i.task DESC LIMIT $2"
    );
    tx.rows(&sql, &[digest.into(), i64::from(limit).into()], item)
}

const ITEM: &str = "i.task, i.digest, i.registry, i.repository, i.tag, i.state, i.code, i.reason, \
    i.ended_at, w.state, w.stage, w.code, w.reason, w.attempts, w.due, \
    w.bytes, w.bytes_total, w.layers, w.layers_total";

fn item(row: &Row) -> Result<Item> {
    let state = match row.maybe_text(9)?.as_deref() {
        None => State::Ended(row.word(5)?),
        Some("running") => State::Running(row.word(10)?),
        Some(_) => State::Queued,
    };
    let waiting = state == State::Queued;
    let ended = matches!(state, State::Ended(_));
    let later = row.maybe_text(9)?.as_deref() == Some("later");
    Ok(Item {
        task: row.int(0)?,
        target: tasks::Target {
            digest: row.text(1)?,
            registry: row.int(2)?,
            repository: row.text(3)?,
            tag: row.text(4)?,
        },
        state,
        code: row.text(if waiting { 11 } else { 6 })?,
        reason: row.text(if waiting { 12 } else { 7 })?,
        attempts: if ended { 0 } else { row.size(13)? },
        not_before: row.maybe_int(14)?.filter(|_| later),
        progress: if ended { Progress::default() } else { Progress::read(row, 15)? },
        ended_at: row.maybe_int(8)?,
    })
}

/// Why items end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End<'a> {
    pub(crate) state: Ended,
    pub(crate) code: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) at: i64,
}

/// Ends all items of scans, and these; whoever asks has them locked. Says how many items.
pub(crate) fn end(tx: &mut Tx<'_>, work: &[i64], end: End<'_>) -> Result<u64> {
    let values = [end.state.into(), end.code.into(), end.reason.into(), end.at.into()];
    let left = tx.among(
        "UPDATE item SET state = $1, code = $2, reason = $3, ended_at = $4, work = NULL \
         WHERE work IN ({keys}) RETURNING task",
        &values,
        work,
        |it| it.int(0),
    )?;
    tx.execute_among("DELETE FROM work WHERE id IN ({keys})", &[], work)?;
    let mut tasks: BTreeMap<i64, u64> = BTreeMap::new();
    for task in &left {
        let count = tasks.entry(*task).or_default();
        *count = count.saturating_add(1);
    }
    tasks::count(tx, &tasks, end.state, end.at)?;
    Ok(u64::try_from(left.len()).unwrap_or(u64::MAX))
}

/// Cancels the items that one task has on scans, and those scans that nobody else waits for and nobody runs;
/// whoever asks has them locked.
pub(crate) fn cancel(tx: &mut Tx<'_>, task: i64, work: &[i64], now: i64) -> Result<()> {
    let count = tx.execute_among(
        "UPDATE item SET state = 'cancelled', ended_at = $1, work = NULL \
         WHERE task = $2 AND work IN ({keys})",
        &[now.into(), task.into()],
        work,
    )?;
    tx.execute_among(
        "DELETE FROM work WHERE id IN ({keys}) AND state <> 'running' \
         AND NOT EXISTS (SELECT 1 FROM item i WHERE i.work = work.id)",
        &[],
        work,
    )?;
    tasks::count(tx, &[(task, count)].into(), Ended::Cancelled, now)
}
