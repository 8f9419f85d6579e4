//! Alibaba Cloud accounts, whose instances are registries that come and go by themselves.
use crate::{Result, Tx, Value, registries};

/// An account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Account {
    /// Its key.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// Everything else that is not secret, as whoever keeps it here writes it.
    pub document: String,
    /// `new`, `connected`, `failing`.
    pub state: String,
    /// Why, in words.
    pub reason: String,
    /// When it was asked last.
    pub checked_at: Option<i64>,
    /// When it was added.
    pub created_at: i64,
}

/// An instance that an account has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Instance {
    /// What the cloud calls it; it never changes.
    pub instance: String,
    /// What people call it.
    pub name: String,
    /// Where it answers.
    pub address: String,
    /// Everything else.
    pub document: String,
}

/// Adds an account. [`Error::Conflict`](crate::Error::Conflict) when the name is taken.
pub fn add(tx: &mut Tx<'_>, name: &str, document: &str, secret: &[u8], at: i64) -> Result<i64> {
    let sql = "INSERT INTO account (name, document, secret, state, created_at) \
               VALUES ($1, $2, $3, 'new', $4) RETURNING id";
    tx.number(sql, &[name.into(), document.into(), secret.into(), at.into()])
        .map_err(|it| it.taken("an account", name))
}

/// All accounts, by name.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<Account>> {
    let sql = "SELECT id, name, document, state, reason, checked_at, created_at FROM account ORDER BY name";
    tx.rows(sql, &[], |it| {
        Ok(Account {
            id: it.int(0)?,
            name: it.text(1)?,
            document: it.text(2)?,
            state: it.text(3)?,
            reason: it.text(4)?,
            checked_at: it.maybe_int(5)?,
            created_at: it.int(6)?,
        })
    })
}

/// The secret of an account, as it was given.
pub fn secret(tx: &mut Tx<'_>, id: i64) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT secret FROM account WHERE id = $1 AND secret IS NOT NULL";
    tx.row(sql, &[id.into()], |it| it.bytes(0))
}

/// Changes name and document, and the secret when there is a new one. Says whether there is such an account.
pub fn change(
    tx: &mut Tx<'_>,
    id: i64,
    name: &str,
    document: &str,
    secret: Option<&[u8]>,
) -> Result<bool> {
    let sql =
        "UPDATE account SET name = $2, document = $3, secret = COALESCE($4, secret) WHERE id = $1";
    let values = [id.into(), name.into(), document.into(), secret.into()];
    let changed = tx.execute(sql, &values).map_err(|it| it.taken("an account", name))?;
    Ok(changed > 0)
}

/// Notes how it went to ask the cloud.
pub fn checked(tx: &mut Tx<'_>, id: i64, state: &str, reason: &str, at: i64) -> Result<()> {
    let sql = "UPDATE account SET state = $2, reason = $3, checked_at = $4 WHERE id = $1";
    tx.execute(sql, &[id.into(), state.into(), reason.into(), at.into()]).map(drop)
}

/// What one account has now: new instances become registries, and those that are not there any more
/// are removed. Gives the registries that came and those that went.
pub fn see(
    tx: &mut Tx<'_>,
    id: i64,
    instances: &[Instance],
    at: i64,
) -> Result<(Vec<i64>, Vec<i64>)> {
    let known = "SELECT id, instance FROM registry WHERE account = $1 AND removed_at IS NULL";
    let known = tx.rows(known, &[id.into()], |it| Ok((it.int(0)?, it.text(1)?)))?;
    let mut came = Vec::new();
    for it in instances {
        if let Some((registry, _)) = known.iter().find(|(_, name)| *name == it.instance) {
            let sql = "UPDATE registry SET name = $2, address = $3, document = $4 WHERE id = $1 \
                       AND (name <> $2 OR address <> $3 OR document <> $4)";
            let values = [(*registry).into(), (&it.name).into(), (&it.address).into()];
            let values: Vec<Value> = values.into_iter().chain([(&it.document).into()]).collect();
            tx.execute(sql, &values)?;
        } else {
            came.push(registries::add(
                tx,
                &registries::New {
                    kind: "acr",
                    name: &it.name,
                    address: &it.address,
                    account: Some((id, &it.instance)),
                    document: &it.document,
                    secret: None,
                    hook: None,
                    created_at: at,
                },
            )?);
        }
    }
    let is_there = |name: &String| instances.iter().any(|it| it.instance == *name);
    let went: Vec<i64> =
        known.into_iter().filter(|(_, name)| !is_there(name)).map(|it| it.0).collect();
    for it in &went {
        registries::remove(tx, *it, at)?;
    }
    Ok((came, went))
}

/// Removes an account and, as [`registries::remove`] does, its instances. Says whether there was one.
pub fn remove(tx: &mut Tx<'_>, id: i64, at: i64) -> Result<bool> {
    see(tx, id, &[], at)?;
    tx.execute("UPDATE registry SET account = NULL WHERE account = $1", &[id.into()])?;
    Ok(tx.execute("DELETE FROM account WHERE id = $1", &[id.into()])? > 0)
}
