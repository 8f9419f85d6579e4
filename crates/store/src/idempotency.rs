//! Answers to requests that must not be carried out twice, by the keys that come with them.
use crate::{Error, Result, Tx};

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Carry it out, and then [`finish`] it or [`give_up`].
    New,
    /// It is being carried out.
    Running,
    /// It was carried out. Give the same answer.
    Answered {
        /// Of HTTP.
        status: i64,
        /// What was answered.
        body: Vec<u8>,
    },
    /// The key came with another request before.
    Other,
}

/// Begins a request. `key` is a hash of who asks where with which key, `request` one of what is asked for.
/// Whoever has been carrying it out since before `lost_before` is taken for gone.
pub fn begin(
    tx: &mut Tx<'_>,
    key: &str,
    request: &str,
    now: i64,
    lost_before: i64,
) -> Result<Begun> {
    let taken = tx.execute(
        "INSERT INTO idempotency (hash, request, at) VALUES ($1, $2, $3) \
         ON CONFLICT (hash) DO UPDATE SET at = excluded.at \
         WHERE idempotency.request = excluded.request AND idempotency.status IS NULL \
           AND idempotency.at < $4",
        &[key.into(), request.into(), now.into(), lost_before.into()],
    )?;
    if taken > 0 {
        return Ok(Begun::New);
    }
    let sql = "SELECT request, status, body FROM idempotency WHERE hash = $1";
    let found = tx.row(sql, &[key.into()], |it| {
        let status = it.maybe_int(1)?;
        let body = status.map(|_| it.bytes(2)).transpose()?;
        Ok((it.text(0)?, status.zip(body)))
    })?;
    Ok(match found {
        // Forgotten, just now.
        None => Begun::Running,
        Some((it, _)) if it != request => Begun::Other,
        Some((_, None)) => Begun::Running,
        Some((_, Some((status, body)))) => Begun::Answered { status, body },
    })
}

/// Keeps the answer, best in the transaction that carries the request out: then it is carried out once whatever
/// happens.
///
/// # Errors
/// [`Error::Lost`] when another was taken to carry it out instead, at another time than `begun_at`.
pub fn finish(tx: &mut Tx<'_>, key: &str, begun_at: i64, status: i64, body: &[u8]) -> Result<()> {
    let changed = tx.execute(
        "UPDATE idempotency SET status = $3, body = $4 \
         WHERE hash = $1 AND at = $2 AND status IS NULL",
        &[key.into(), begun_at.into(), status.into(), body.into()],
    )?;
    let lost = || Error::Lost("the request was carried out by another meanwhile".to_owned());
    (changed > 0).then_some(()).ok_or_else(lost)
}

/// Lets a request that was not carried out be tried again.
pub fn give_up(tx: &mut Tx<'_>, key: &str, begun_at: i64) -> Result<()> {
    let sql = "DELETE FROM idempotency WHERE hash = $1 AND at = $2 AND status IS NULL";
    tx.execute(sql, &[key.into(), begun_at.into()]).map(drop)
}

/// Forgets what came before a time, and says how many.
pub fn purge(tx: &mut Tx<'_>, before: i64) -> Result<u64> {
    tx.execute("DELETE FROM idempotency WHERE at < $1", &[before.into()])
}
