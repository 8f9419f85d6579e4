//! People. Only hashes of their passwords come in here.
use crate::{
    Cursor, Error, Page, Result, Row, Tx, Word,
    nouns::{below, one_more},
};

/// After how long it is noted again that a session or token is in use, in milliseconds.
pub(crate) const SEEN_MS: i64 = 60_000;

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
        crate::sessions::end_all(tx, id)?;
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

pub(crate) const PERSON: &str =
    "p.id, p.name, p.role, p.password, p.subject, p.disabled, p.created_at";

pub(crate) fn person(row: &Row) -> Result<Person> {
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
