//! Who is logged in. Only hashes of what the cookies hold come in here.
use crate::{
    Result, Tx,
    people::{self, PERSON, Person, SEEN_MS},
};

/// Lets somebody in until `until`, with a secret of this hash.
pub fn begin(tx: &mut Tx<'_>, person: i64, hash: &str, now: i64, until: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO session (hash, person, created_at, seen_at, until) \
         VALUES ($1, $2, $3, $3, $4)",
        &[hash.into(), person.into(), now.into(), until.into()],
    )?;
    Ok(())
}

/// Whose session this is, if it is not over, was in use in the last `idle_ms`, and the person is not kept out; and
/// whether it is time to note with [`used`] that it is in use.
pub fn person(
    tx: &mut Tx<'_>,
    hash: &str,
    now: i64,
    idle_ms: i64,
) -> Result<Option<(Person, bool)>> {
    let sql = format!(
        "SELECT {PERSON}, s.seen_at FROM session s JOIN person p ON p.id = s.person \
         WHERE s.hash = $1 AND s.until > $2 AND s.seen_at > $3 AND p.disabled = 0"
    );
    let values = [hash.into(), now.into(), now.saturating_sub(idle_ms).into()];
    let stale = |seen_at: i64| now.saturating_sub(seen_at) >= SEEN_MS;
    tx.row(&sql, &values, |it| Ok((people::person(it)?, stale(it.int(7)?))))
}

/// Notes that a session is in use.
pub fn used(tx: &mut Tx<'_>, hash: &str, now: i64) -> Result<()> {
    let sql = "UPDATE session SET seen_at = $2 WHERE hash = $1 AND seen_at < $2";
    tx.execute(sql, &[hash.into(), now.into()]).map(drop)
}

/// Ends a session.
pub fn end(tx: &mut Tx<'_>, hash: &str) -> Result<()> {
    tx.execute("DELETE FROM session WHERE hash = $1", &[hash.into()]).map(drop)
}

/// Ends all sessions of somebody.
pub fn end_all(tx: &mut Tx<'_>, person: i64) -> Result<()> {
    tx.execute("DELETE FROM session WHERE person = $1", &[person.into()]).map(drop)
}

/// Forgets sessions that are over, and says how many.
pub fn purge(tx: &mut Tx<'_>, now: i64, idle_ms: i64) -> Result<u64> {
    let values = [now.into(), now.saturating_sub(idle_ms).into()];
    tx.execute("DELETE FROM session WHERE until <= $1 OR seen_at <= $2", &values)
}
