//! What lets programs in. Only hashes of the secrets come in here.
use crate::{
    Cursor, Page, Result, Tx, Value,
    nouns::{below, one_more},
    people::{self, PERSON, Person, Role, SEEN_MS},
};

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Counted up.
    pub id: i64,
    /// Whose.
    pub person: i64,
    /// What he calls it.
    pub name: String,
    /// The most that it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: i64,
    /// When it is over; none: never.
    pub until: Option<i64>,
    /// When it was last used, to the minute.
    pub used_at: Option<i64>,
}

/// A token to be made.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    /// Whose.
    pub person: i64,
    /// What he calls it.
    pub name: &'a str,
    /// The hash of its secret.
    pub hash: &'a str,
    /// The most that it may do.
    pub role: Role,
    /// When it is over; none: never.
    pub until: Option<i64>,
}

/// Makes a token.
pub fn add(tx: &mut Tx<'_>, new: New<'_>, now: i64) -> Result<i64> {
    let New { person, name, hash, role, until } = new;
    tx.number(
        "INSERT INTO token (hash, person, name, role, created_at, until) \
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        &[hash.into(), person.into(), name.into(), role.into(), now.into(), until.into()],
    )
}

/// Whose token this is, with the lesser of the person's role and the token's, if it is not over and the person is
/// not kept out; and whether it is time to note with [`used`] that it is in use.
pub fn person(tx: &mut Tx<'_>, hash: &str, now: i64) -> Result<Option<(Person, bool)>> {
    let sql = format!(
        "SELECT {PERSON}, t.role, t.used_at FROM token t JOIN person p ON p.id = t.person \
         WHERE t.hash = $1 AND (t.until IS NULL OR t.until > $2) AND p.disabled = 0"
    );
    tx.row(&sql, &[hash.into(), now.into()], |it| {
        let mut person = people::person(it)?;
        person.role = person.role.min(it.word(7)?);
        let stale = it.maybe_int(8)?.is_none_or(|it| now.saturating_sub(it) >= SEEN_MS);
        Ok((person, stale))
    })
}

/// Notes that a token is in use.
pub fn used(tx: &mut Tx<'_>, hash: &str, now: i64) -> Result<()> {
    let sql = "UPDATE token SET used_at = $2 WHERE hash = $1";
    tx.execute(sql, &[hash.into(), now.into()]).map(drop)
}

/// Tokens of one person, or of all, the newest first.
pub fn page(
    tx: &mut Tx<'_>,
    person: Option<i64>,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Token>> {
    let mut values: Vec<Value> = vec![below(cursor)?, one_more(limit)];
    let whose = if person.is_some() { "AND person = $3" } else { "" };
    values.extend(person.map(Value::from));
    let sql = format!(
        "SELECT id, person, name, role, created_at, until, used_at FROM token \
         WHERE id < $1 {whose} ORDER BY id DESC LIMIT $2"
    );
    let tokens = tx.rows(&sql, &values, |it| {
        let (id, person, name, role) = (it.int(0)?, it.int(1)?, it.text(2)?, it.word(3)?);
        let (created_at, until, used_at) = (it.int(4)?, it.maybe_int(5)?, it.maybe_int(6)?);
        Ok(Token { id, person, name, role, created_at, until, used_at })
    })?;
    Ok(Page::of(tokens, limit, |it| Cursor::number(0, it.id)))
}

/// Ends a token of one person, or of anybody, and says whether there was such a one.
pub fn remove(tx: &mut Tx<'_>, id: i64, person: Option<i64>) -> Result<bool> {
    let mut values = vec![Value::from(id)];
    values.extend(person.map(Value::from));
    let whose = if person.is_some() { "AND person = $2" } else { "" };
    Ok(tx.execute(&format!("DELETE FROM token WHERE id = $1 {whose}"), &values)? > 0)
}
