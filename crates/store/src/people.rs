//! People, and what lets them in. Only hashes come in here, never a password, a token or a cookie.
use crate::{
    Cursor, Error, Page, Result, Row, Tx, Value, Word,
    nouns::{below, one_more},
};

/// After how long it is noted again that a session or token is in use, in milliseconds.
const SEEN_MS: i64 = 60_000;

/// What somebody may do. Ordered: each may do what those before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look.
    Viewer,
    /// Scan, and handle findings.
    Operator,
    /// Everything.
    Admin,
}

impl Word for Role {
    const WORDS: &'static [(Role, &'static str)] =
        &[(Role::Viewer, "viewer"), (Role::Operator, "operator"), (Role::Admin, "admin")];
}

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Counted up.
    pub id: i64,
    /// The name to log in with.
    pub name: String,
    /// What he may do.
    pub role: Role,
    /// The hash of his password; none: he comes by OIDC.
    pub password: Option<String>,
    /// Issuer and subject, if he comes by OIDC.
    pub subject: Option<String>,
    /// Whether he is kept out.
    pub disabled: bool,
    /// When he was added.
    pub created_at: i64,
}

/// Somebody to be added.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    /// The name to log in with.
    pub name: &'a str,
    /// What he may do.
    pub role: Role,
    /// The hash of his password.
    pub password: Option<&'a str>,
    /// Issuer and subject.
    pub subject: Option<&'a str>,
}

/// What is to be different; none: as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change<'a> {
    /// What he may do.
    pub role: Option<Role>,
    /// The hash of his password. His sessions end.
    pub password: Option<&'a str>,
    /// Whether he is kept out. If so, his sessions end.
    pub disabled: Option<bool>,
}

/// Adds somebody.
///
/// # Errors
/// [`Error::Conflict`] when the name or the subject is taken.
pub fn add(tx: &mut Tx<'_>, new: New<'_>, now: i64) -> Result<i64> {
    let New { name, role, password, subject } = new;
    let id = tx.row(
        "INSERT INTO person (name, role, password, subject, created_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id",
        &[name.into(), role.into(), password.into(), subject.into(), now.into()],
        |it| it.int(0),
    )?;
    id.ok_or_else(|| Error::Conflict(format!("there is somebody of the name {name} already")))
}

/// Adds the first administrator, unless there is anybody, and says whether there was nobody.
pub fn first(tx: &mut Tx<'_>, name: &str, password: &str, now: i64) -> Result<bool> {
    tx.alone(FIRST)?;
    if tx.row("SELECT 1 FROM person LIMIT 1", &[], |_| Ok(()))?.is_some() {
        return Ok(false);
    }
    add(tx, New { name, role: Role::Admin, password: Some(password), subject: None }, now)?;
    Ok(true)
}

/// The number that all who change administrators agree on.
const FIRST: i64 = 0x706c_696d_6669_7273;

/// Changes somebody, and says whether there is such a person.
///
/// # Errors
/// [`Error::Conflict`] when no administrator would be left who can log in.
pub fn change(tx: &mut Tx<'_>, id: i64, change: Change<'_>) -> Result<bool> {
    tx.alone(FIRST)?;
    let Change { role, password, disabled } = change;
    let changed = tx.execute(
        "UPDATE person SET role = COALESCE($2, role), password = COALESCE($3, password), \
         disabled = COALESCE($4, disabled) WHERE id = $1",
        &[id.into(), role.into(), password.into(), disabled.into()],
    )?;
    if password.is_some() || role.is_some() || disabled == Some(true) {
        end_sessions(tx, id)?;
    }
    still_administered(tx)?;
    Ok(changed > 0)
}

/// Removes somebody with his sessions and tokens, and says whether there was such a person.
///
/// # Errors
/// [`Error::Conflict`] when no administrator would be left who can log in.
pub fn remove(tx: &mut Tx<'_>, id: i64) -> Result<bool> {
    tx.alone(FIRST)?;
    for table in ["session", "token"] {
        tx.execute(&format!("DELETE FROM {table} WHERE person = $1"), &[id.into()])?;
    }
    let changed = tx.execute("DELETE FROM person WHERE id = $1", &[id.into()])?;
    still_administered(tx)?;
    Ok(changed > 0)
}

/// Somebody.
pub fn one(tx: &mut Tx<'_>, id: i64) -> Result<Option<Person>> {
    tx.row(&format!("SELECT {PERSON} FROM person p WHERE p.id = $1"), &[id.into()], person)
}

/// Who logs in with a name.
pub fn named(tx: &mut Tx<'_>, name: &str) -> Result<Option<Person>> {
    tx.row(&format!("SELECT {PERSON} FROM person p WHERE p.name = $1"), &[name.into()], person)
}

/// Who comes by OIDC with this issuer and subject.
pub fn coming_by(tx: &mut Tx<'_>, subject: &str) -> Result<Option<Person>> {
    let sql = format!("SELECT {PERSON} FROM person p WHERE p.subject = $1");
    tx.row(&sql, &[subject.into()], person)
}

/// Everybody, the newest first.
pub fn page(tx: &mut Tx<'_>, cursor: Option<&Cursor>, limit: usize) -> Result<Page<Person>> {
    let sql = format!("SELECT {PERSON} FROM person p WHERE p.id < $1 ORDER BY p.id DESC LIMIT $2");
    let people = tx.rows(&sql, &[below(cursor)?, one_more(limit)], person)?;
    Ok(Page::of(people, limit, |it| Cursor::number(0, it.id)))
}

const PERSON: &str = "p.id, p.name, p.role, p.password, p.subject, p.disabled, p.created_at";

fn person(row: &Row) -> Result<Person> {
    Ok(Person {
        id: row.int(0)?,
        name: row.text(1)?,
        role: row.word(2)?,
        password: row.maybe_text(3)?,
        subject: row.maybe_text(4)?,
        disabled: row.truth(5)?,
        created_at: row.int(6)?,
    })
}

fn still_administered(tx: &mut Tx<'_>) -> Result<()> {
    let sql = "SELECT COUNT(*) FROM person WHERE role = 'admin' AND disabled = 0";
    match tx.number(sql, &[])? {
        0 => Err(Error::Conflict("nobody would be left who is an admin".to_owned())),
        _ => Ok(()),
    }
}

/// Lets somebody in until `until`, with a secret of this hash.
pub fn begin_session(tx: &mut Tx<'_>, person: i64, hash: &str, now: i64, until: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO session (hash, person, created_at, seen_at, until) \
         VALUES ($1, $2, $3, $3, $4)",
        &[hash.into(), person.into(), now.into(), until.into()],
    )?;
    Ok(())
}

/// Whose session this is, if it is not over, was in use in the last `idle_ms`, and the person is not kept out; and whether
/// it is time to note with [`used_session`] that it is in use.
pub fn by_session(
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
    tx.row(&sql, &values, |it| Ok((person(it)?, now.saturating_sub(it.int(7)?) >= SEEN_MS)))
}

/// Notes that a session is in use.
pub fn used_session(tx: &mut Tx<'_>, hash: &str, now: i64) -> Result<()> {
    let sql = "UPDATE session SET seen_at = $2 WHERE hash = $1 AND seen_at < $2";
    tx.execute(sql, &[hash.into(), now.into()]).map(drop)
}

/// Ends a session.
pub fn end_session(tx: &mut Tx<'_>, hash: &str) -> Result<()> {
    tx.execute("DELETE FROM session WHERE hash = $1", &[hash.into()]).map(drop)
}

/// Ends all sessions of somebody.
pub fn end_sessions(tx: &mut Tx<'_>, person: i64) -> Result<()> {
    tx.execute("DELETE FROM session WHERE person = $1", &[person.into()]).map(drop)
}

/// Forgets sessions that are over, and says how many.
pub fn purge_sessions(tx: &mut Tx<'_>, now: i64, idle_ms: i64) -> Result<u64> {
    let values = [now.into(), now.saturating_sub(idle_ms).into()];
    tx.execute("DELETE FROM session WHERE until <= $1 OR seen_at <= $2", &values)
}

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
pub struct NewToken<'a> {
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
pub fn add_token(tx: &mut Tx<'_>, new: NewToken<'_>, now: i64) -> Result<i64> {
    let NewToken { person, name, hash, role, until } = new;
    tx.number(
        "INSERT INTO token (hash, person, name, role, created_at, until) \
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        &[hash.into(), person.into(), name.into(), role.into(), now.into(), until.into()],
    )
}

/// Whose token this is, with the lesser of the person's role and the token's, if it is not over and the person is
/// not kept out; and whether it is time to note with [`used_token`] that it is in use.
pub fn by_token(tx: &mut Tx<'_>, hash: &str, now: i64) -> Result<Option<(Person, bool)>> {
    let sql = format!(
        "SELECT {PERSON}, t.role, t.used_at FROM token t JOIN person p ON p.id = t.person \
         WHERE t.hash = $1 AND (t.until IS NULL OR t.until > $2) AND p.disabled = 0"
    );
    tx.row(&sql, &[hash.into(), now.into()], |it| {
        let mut person = person(it)?;
        person.role = person.role.min(it.word(7)?);
        let stale = it.maybe_int(8)?.is_none_or(|it| now.saturating_sub(it) >= SEEN_MS);
        Ok((person, stale))
    })
}

/// Notes that a token is in use.
pub fn used_token(tx: &mut Tx<'_>, hash: &str, now: i64) -> Result<()> {
    let sql = "UPDATE token SET used_at = $2 WHERE hash = $1";
    tx.execute(sql, &[hash.into(), now.into()]).map(drop)
}

/// Tokens of one person, or of all, the newest first.
pub fn tokens(
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
pub fn remove_token(tx: &mut Tx<'_>, id: i64, person: Option<i64>) -> Result<bool> {
    let mut values = vec![Value::from(id)];
    values.extend(person.map(Value::from));
    let whose = if person.is_some() { "AND person = $2" } else { "" };
    Ok(tx.execute(&format!("DELETE FROM token WHERE id = $1 {whose}"), &values)? > 0)
}
