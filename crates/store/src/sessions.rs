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

/// Whose session this is, if it is not over, was in use in the last `idle_ms`, and he is not kept out. Notes
/// that it is in use, so that it is to be asked in a transaction that may write.
pub fn person(tx: &mut Tx<'_>, hash: &str, now: i64, idle_ms: i64) -> Result<Option<Person>> {
    let sql = format!(
        "SELECT {PERSON}, s.seen_at FROM session s JOIN person p ON p.id = s.person \
         WHERE s.hash = $1 AND s.until > $2 AND s.seen_at > $3 AND p.disabled = 0"
    );
    let values = [hash.into(), now.into(), now.saturating_sub(idle_ms).into()];
    let Some((person, seen_at)) =
        tx.row(&sql, &values, |it| Ok((people::person(it)?, it.int(7)?)))?
    else {
        return Ok(None);
    };
    if now.saturating_sub(seen_at) >= SEEN_MS {
        let sql = "UPDATE session SET seen_at = $2 WHERE hash = $1";
        tx.execute(sql, &[hash.into(), now.into()])?;
    }
    Ok(Some(person))
}

/// Ends a session.
pub fn end(tx: &mut Tx<'_>, hash: &str) -> Result<()> {
    tx.execute("DELETE FROM session WHERE hash = $1", &[hash.into()]).map(drop)
}

/// Forgets sessions that are over, and says how many.
pub fn purge(tx: &mut Tx<'_>, now: i64, idle_ms: i64) -> Result<u64> {
    let values = [now.into(), now.saturating_sub(idle_ms).into()];
    tx.execute("DELETE FROM session WHERE until <= $1 OR seen_at <= $2", &values)
}
