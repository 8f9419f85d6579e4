//! Registries, and the rounds in which they are synchronised.
use crate::{Error, Result, Row, Tx, Value, places};

/// A registry that is added.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    /// `acr`, `harbor`, `oci`.
    pub kind: &'a str,
    /// What people call it.
    pub name: &'a str,
    /// Where it answers.
    pub address: &'a str,
    /// The account that it came by, and what the cloud calls it.
    pub account: Option<(i64, &'a str)>,
    /// Everything else that is not secret.
    pub document: &'a str,
    /// What to log in with, encrypted by the caller.
    pub secret: Option<&'a [u8]>,
    /// SHA-256 of what a webhook must know.
    pub hook: Option<&'a str>,
    /// Now.
    pub created_at: i64,
}

/// A registry. Its secret stays behind: see [`secret`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Registry {
    /// Its key.
    pub id: i64,
    /// `acr`, `harbor`, `oci`.
    pub kind: String,
    /// What people call it.
    pub name: String,
    /// Where it answers.
    pub address: String,
    /// The account that it came by.
    pub account: Option<i64>,
    /// What the cloud calls it.
    pub instance: Option<String>,
    /// Everything else.
    pub document: String,
    /// Whether there is a secret.
    pub has_secret: bool,
    /// Whether a webhook may tell of it.
    pub has_hook: bool,
    /// `new`, `connected`, `failing`.
    pub state: String,
    /// Why, in words.
    pub reason: String,
    /// When it is to be synchronised next.
    pub sync_at: Option<i64>,
    /// When it was synchronised last.
    pub synced_at: Option<i64>,
    /// When it was added.
    pub created_at: i64,
    /// When it was removed; its history is still there.
    pub removed_at: Option<i64>,
    /// Repositories in it.
    pub repositories: i64,
    /// Images in them. One that two repositories have counts twice.
    pub images: i64,
}

/// A round of synchronising.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Round {
    /// Its number.
    pub round: i64,
    /// Where it goes on, as [`progress`] was told; `None`: it begins.
    pub cursor: Option<String>,
}

/// Adds a registry. [`Error::Conflict`] when the name is taken.
pub fn add(tx: &mut Tx<'_>, new: &New<'_>) -> Result<i64> {
    let sql = "INSERT INTO registry (kind, name, address, account, instance, document, secret, hook, \
               state, sync_at, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'new', $9, $9) RETURNING id";
    let values: [Value; 9] = [
        new.kind.into(),
        new.name.into(),
        new.address.into(),
        new.account.map(|it| it.0).into(),
        new.account.map(|it| it.1).into(),
        new.document.into(),
        new.secret.into(),
        new.hook.into(),
        new.created_at.into(),
    ];
    tx.number(sql, &values).map_err(|it| it.taken("a registry", new.name))
}

const REGISTRY: &str = "SELECT r.id, r.kind, r.name, r.address, r.account, r.instance, r.document, \
    CASE WHEN r.secret IS NULL THEN 0 ELSE 1 END, CASE WHEN r.hook IS NULL THEN 0 ELSE 1 END, r.state, r.reason, r.sync_at, r.synced_at, r.created_at, r.removed_at, \
    COUNT(p.id), CAST(COALESCE(SUM(p.images), 0) AS BIGINT) \
    FROM registry r LEFT JOIN repository p ON p.registry = r.id AND p.removed_at IS NULL";

fn registry(it: &Row) -> Result<Registry> {
    Ok(Registry {
        id: it.int(0)?,
        kind: it.text(1)?,
        name: it.text(2)?,
        address: it.text(3)?,
        account: it.maybe_int(4)?,
        instance: it.maybe_text(5)?,
        document: it.text(6)?,
        has_secret: it.truth(7)?,
        has_hook: it.truth(8)?,
        state: it.text(9)?,
        reason: it.text(10)?,
        sync_at: it.maybe_int(11)?,
        synced_at: it.maybe_int(12)?,
        created_at: it.int(13)?,
        removed_at: it.maybe_int(14)?,
        repositories: it.int(15)?,
        images: it.int(16)?,
    })
}

/// All registries by name, those that were removed left out.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<Registry>> {
    let sql = format!("{REGISTRY} WHERE r.removed_at IS NULL GROUP BY r.id ORDER BY r.name");
    tx.rows(&sql, &[], registry)
}

/// One of them, also when it was removed.
pub fn one(tx: &mut Tx<'_>, id: i64) -> Result<Option<Registry>> {
    tx.row(&format!("{REGISTRY} WHERE r.id = $1 GROUP BY r.id"), &[id.into()], registry)
}

/// The secret of a registry, as it was given.
pub fn secret(tx: &mut Tx<'_>, id: i64) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT secret FROM registry WHERE id = $1 AND secret IS NOT NULL";
    tx.row(sql, &[id.into()], |it| it.bytes(0))
}

/// The registry whose webhook knows what has this SHA-256.
pub fn by_hook(tx: &mut Tx<'_>, hash: &str) -> Result<Option<i64>> {
    let sql = "SELECT id FROM registry WHERE hook = $1 AND removed_at IS NULL";
    tx.row(sql, &[hash.into()], |it| it.int(0))
}

/// Changes what is given anew. Says whether there is such a registry. [`Error::Conflict`] when the name is taken.
pub fn change(
    tx: &mut Tx<'_>,
    id: i64,
    name: &str,
    address: &str,
    document: &str,
    secret: Option<&[u8]>,
) -> Result<bool> {
    let sql = "UPDATE registry SET name = $2, address = $3, document = $4, secret = COALESCE($5, secret) \
               WHERE id = $1 AND removed_at IS NULL";
    let values = [id.into(), name.into(), address.into(), document.into(), secret.into()];
    let changed = tx.execute(sql, &values).map_err(|it| it.taken("a registry", name))?;
    Ok(changed > 0)
}

/// Gives the webhook another secret: its SHA-256, or none.
pub fn set_hook(tx: &mut Tx<'_>, id: i64, hash: Option<&str>) -> Result<()> {
    tx.execute("UPDATE registry SET hook = $2 WHERE id = $1", &[id.into(), hash.into()]).map(drop)
}

/// Notes how it went to ask it.
pub fn checked(tx: &mut Tx<'_>, id: i64, state: &str, reason: &str) -> Result<()> {
    let sql = "UPDATE registry SET state = $2, reason = $3 WHERE id = $1 AND (state <> $2 OR reason <> $3)";
    tx.execute(sql, &[id.into(), state.into(), reason.into()]).map(drop)
}

/// When it is to be synchronised next; the earlier of both times holds when `sooner`.
pub fn sync_at(tx: &mut Tx<'_>, id: i64, at: i64, sooner: bool) -> Result<()> {
    let only = if sooner { "AND (sync_at IS NULL OR sync_at > $2)" } else { "" };
    let sql = format!("UPDATE registry SET sync_at = $2 WHERE id = $1 {only}");
    tx.execute(&sql, &[id.into(), at.into()]).map(drop)
}

/// Those that are to be synchronised, the one that has waited longest first. One that is not before `latest` was
/// planned by a clock that has been set back since.
pub fn due(tx: &mut Tx<'_>, at: i64, latest: i64) -> Result<Vec<i64>> {
    let sql = "SELECT id FROM registry WHERE (sync_at <= $1 OR sync_at > $2) AND removed_at IS NULL \
               ORDER BY sync_at, id";
    tx.rows(sql, &[at.into(), latest.into()], |it| it.int(0))
}

/// Begins a round, or goes on with the one that was interrupted.
pub fn begin_round(tx: &mut Tx<'_>, id: i64) -> Result<Round> {
    let open = "SELECT round, cursor FROM registry WHERE id = $1 AND removed_at IS NULL";
    let row = |it: &Row| Ok(Round { round: it.int(0)?, cursor: it.maybe_text(1)? });
    let none = || Error::Invalid("there is no such registry".to_owned());
    let found = tx.row(open, &[id.into()], row)?.ok_or_else(none)?;
    if let Some(cursor) = found.cursor {
        return Ok(Round { round: found.round, cursor: Some(cursor).filter(|it| !it.is_empty()) });
    }
    let next = "UPDATE registry SET round = round + 1, cursor = '' WHERE id = $1 RETURNING round";
    Ok(Round { round: tx.number(next, &[id.into()])?, cursor: None })
}

/// Notes how far the round is; to be called in the transaction that wrote what was seen until there.
pub fn progress(tx: &mut Tx<'_>, id: i64, round: i64, cursor: &str) -> Result<()> {
    let sql = "UPDATE registry SET cursor = $3 WHERE id = $1 AND round = $2 AND removed_at IS NULL";
    match tx.execute(sql, &[id.into(), round.into(), cursor.into()])? {
        0 => {
            Err(Error::Conflict("another round has begun, or the registry was removed".to_owned()))
        }
        _ => Ok(()),
    }
}

/// Ends a round in which everything was seen: repositories that it did not see are gone. Gives how many.
pub fn end_round(tx: &mut Tx<'_>, id: i64, round: i64, at: i64) -> Result<usize> {
    progress(tx, id, round, "")?;
    let unseen =
        "SELECT id FROM repository WHERE registry = $1 AND round <> $2 AND removed_at IS NULL";
    let gone = tx.rows(unseen, &[id.into(), round.into()], |it| it.int(0))?;
    places::leave(tx, &gone, at)?;
    let sql = "UPDATE registry SET cursor = NULL, synced_at = $2, state = 'connected', reason = '' WHERE id = $1";
    tx.execute(sql, &[id.into(), at.into()])?;
    Ok(gone.len())
}

/// Removes a registry. Its images leave the lists at once; what was known of them stays until it is
/// [purged](purge). Says whether there was one.
pub fn remove(tx: &mut Tx<'_>, id: i64, at: i64) -> Result<bool> {
    places::lock(tx)?;
    let sql = "UPDATE registry SET removed_at = $2, secret = NULL, hook = NULL, cursor = NULL, sync_at = NULL \
               WHERE id = $1 AND removed_at IS NULL";
    if tx.execute(sql, &[id.into(), at.into()])? == 0 {
        return Ok(false);
    }
    let all = "SELECT id FROM repository WHERE registry = $1 AND removed_at IS NULL";
    let all = tx.rows(all, &[id.into()], |it| it.int(0))?;
    places::leave(tx, &all, at)?;
    Ok(true)
}

/// Registries that were removed before then.
pub fn removed(tx: &mut Tx<'_>, before: i64) -> Result<Vec<i64>> {
    let sql = "SELECT id FROM registry WHERE removed_at < $1 ORDER BY id";
    tx.rows(sql, &[before.into()], |it| it.int(0))
}

/// Forgets at most `limit` repositories of a registry that was removed, and in the end the registry.
/// Says whether all is done.
pub fn purge(tx: &mut Tx<'_>, id: i64, limit: i64) -> Result<bool> {
    places::lock(tx)?;
    let some = "SELECT p.id FROM repository p JOIN registry r ON r.id = p.registry \
                WHERE r.id = $1 AND r.removed_at IS NOT NULL ORDER BY p.id LIMIT $2";
    let some = tx.rows(some, &[id.into(), limit.into()], |it| it.int(0))?;
    for table in ["tag", "place"] {
        let sql = format!("DELETE FROM {table} WHERE repository IN ({{keys}})");
        tx.execute_among(&sql, &[], &some)?;
    }
    tx.execute_among("DELETE FROM repository WHERE id IN ({keys})", &[], &some)?;
    if !some.is_empty() {
        return Ok(false);
    }
    let sql = "DELETE FROM registry WHERE id = $1 AND removed_at IS NOT NULL";
    tx.execute(sql, &[id.into()]).map(|_| true)
}
