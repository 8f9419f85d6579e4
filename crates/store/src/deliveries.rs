//! Notifications on their way, each to one channel, at least once; and the log of those that have arrived or been
//! given up.
use crate::{
    Cursor, Page, Result, Row, Tx, Value, Word,
    nouns::{below, one_more},
};

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is to be tried, or being tried.
    Waiting,
    /// It has arrived.
    Delivered,
    /// It was tried too often.
    GivenUp,
}

impl Word for State {
    const WORDS: &'static [(State, &'static str)] = &[
        (State::Waiting, "waiting"),
        (State::Delivered, "delivered"),
        (State::GivenUp, "given-up"),
    ];
}

/// A notification on its way to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Counted up.
    pub id: i64,
    /// Where to.
    pub channel: i64,
    /// What kind of thing has happened.
    pub event: String,
    /// What has happened: JSON.
    pub document: String,
    /// What became of it.
    pub state: State,
    /// How often it was tried.
    pub attempts: u64,
    /// While it waits: when it is tried.
    pub next_at: i64,
    /// Why it did not arrive the last time.
    pub reason: String,
    /// When it happened.
    pub created_at: i64,
    /// When it arrived or was given up.
    pub done_at: Option<i64>,
}

/// Which deliveries. Nothing: all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// To this channel.
    pub channel: Option<i64>,
    /// In this state.
    pub state: Option<State>,
}

/// Sends a notification on its way to each of some channels, in the transaction that makes what it tells.
pub fn add(tx: &mut Tx<'_>, channels: &[i64], event: &str, document: &str, now: i64) -> Result<()> {
    let row = |it: &i64| {
        let (waiting, now) = (State::Waiting.into(), Value::from(now));
        vec![(*it).into(), event.into(), document.into(), waiting, now.clone(), now]
    };
    let rows: Vec<Vec<Value>> = channels.iter().map(row).collect();
    let head = "INSERT INTO delivery (channel, event, document, state, next_at, created_at)";
    tx.insert(head, &rows, "").map(drop)
}

/// The channels for which there is something whose time has come.
pub fn due(tx: &mut Tx<'_>, now: i64) -> Result<Vec<i64>> {
    let sql = "SELECT DISTINCT channel FROM delivery WHERE state = 'waiting' AND next_at <= $1";
    tx.rows(sql, &[now.into()], |it| it.int(0))
}

/// The next delivery to a channel whose time has come, for the caller to try. Nobody else gets it before `until`; if
/// nothing was heard of it by then, it is tried again.
pub fn claim(tx: &mut Tx<'_>, channel: i64, now: i64, until: i64) -> Result<Option<Delivery>> {
    let lock = tx.skip_locked();
    let sql = format!(
        "SELECT {DELIVERY} FROM delivery WHERE state = 'waiting' AND channel = $1 AND next_at <= $2 \
         ORDER BY next_at, id LIMIT 1 {lock}"
    );
    let Some(it) = tx.row(&sql, &[channel.into(), now.into()], delivery)? else { return Ok(None) };
    let sql = "UPDATE delivery SET attempts = attempts + 1, next_at = $2 WHERE id = $1";
    tx.execute(sql, &[it.id.into(), until.into()])?;
    Ok(Some(Delivery { attempts: it.attempts.saturating_add(1), next_at: until, ..it }))
}

/// Notes that one has arrived; and what is to be said of it, if not everybody got it.
pub fn delivered(tx: &mut Tx<'_>, id: i64, reason: &str, now: i64) -> Result<()> {
    let sql = "UPDATE delivery SET state = 'delivered', reason = $2, done_at = $3 WHERE id = $1";
    tx.execute(sql, &[id.into(), reason.into(), now.into()]).map(drop)
}

/// Notes that one has not, and when to try again; none: never.
pub fn failed(tx: &mut Tx<'_>, id: i64, reason: &str, again: Option<i64>, now: i64) -> Result<()> {
    // It may have arrived through somebody else meanwhile.
    let sql = "UPDATE delivery SET state = $2, reason = $3, next_at = $4, done_at = $5 \
               WHERE id = $1 AND state = 'waiting'";
    let state = if again.is_some() { State::Waiting } else { State::GivenUp };
    let done_at = if again.is_some() { None } else { Some(now) };
    let next_at = again.unwrap_or(now);
    let values = [id.into(), state.into(), reason.into(), next_at.into(), done_at.into()];
    tx.execute(sql, &values).map(drop)
}

/// Sends one on its way again that was given up, and says whether there was such a one.
pub fn again(tx: &mut Tx<'_>, id: i64, now: i64) -> Result<bool> {
    let sql = "UPDATE delivery SET state = 'waiting', attempts = 0, next_at = $2, done_at = NULL \
               WHERE id = $1 AND state = 'given-up'";
    Ok(tx.execute(sql, &[id.into(), now.into()])? > 0)
}

/// Deliveries, the newest first.
pub fn page(
    tx: &mut Tx<'_>,
    filter: &Filter,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Delivery>> {
    let mut values = vec![below(cursor)?, one_more(limit)];
    let mut wanted = String::new();
    let state = filter.state.map(Value::from);
    for (column, value) in [("channel", filter.channel.map(Value::from)), ("state", state)] {
        if let Some(it) = value {
            values.push(it);
            wanted += &format!(" AND {column} = ${}", values.len());
        }
    }
    let sql =
        format!("SELECT {DELIVERY} FROM delivery WHERE id < $1{wanted} ORDER BY id DESC LIMIT $2");
    Ok(Page::of(tx.rows(&sql, &values, delivery)?, limit, |it| Cursor::number(0, it.id)))
}

/// Forgets up to `limit` that arrived or were given up before a time, and says how many.
pub fn purge(tx: &mut Tx<'_>, before: i64, limit: u32) -> Result<u64> {
    let sql = "DELETE FROM delivery WHERE id IN \
               (SELECT id FROM delivery WHERE done_at < $1 ORDER BY done_at LIMIT $2)";
    tx.execute(sql, &[before.into(), i64::from(limit).into()])
}

/// How many there are in each state.
pub fn counts(tx: &mut Tx<'_>) -> Result<Vec<(State, i64)>> {
    let sql = "SELECT state, COUNT(*) FROM delivery GROUP BY state";
    tx.rows(sql, &[], |it| Ok((it.word(0)?, it.int(1)?)))
}

const DELIVERY: &str = "id, channel, event, document, state, attempts, next_at, reason, \
                        created_at, done_at";

fn delivery(row: &Row) -> Result<Delivery> {
    Ok(Delivery {
        id: row.int(0)?,
        channel: row.int(1)?,
        event: row.text(2)?,
        document: row.text(3)?,
        state: row.word(4)?,
        attempts: row.size(5)?,
        next_at: row.int(6)?,
        reason: row.text(7)?,
        created_at: row.int(8)?,
        done_at: row.maybe_int(9)?,
    })
}
