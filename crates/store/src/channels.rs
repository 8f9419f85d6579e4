//! Where notifications go.
use crate::{Error, Result, Row, Tx};

/// Where notifications go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Counted up.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// webhook, email, slack, dingtalk, feishu, wecom
    pub kind: String,
    /// How to reach it, and of what to tell it: JSON, without secrets.
    pub document: String,
    /// What it takes to get in, encrypted.
    pub secret: Option<Vec<u8>>,
    /// Whether it is told anything.
    pub enabled: bool,
    /// When it was added.
    pub created_at: i64,
}

/// What is to be added, or instead of what is there.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    /// What people call it.
    pub name: &'a str,
    /// Which kind.
    pub kind: &'a str,
    /// JSON, without secrets.
    pub document: &'a str,
    /// Encrypted; none: none, or the one that is there.
    pub secret: Option<&'a [u8]>,
    /// Whether it is told anything.
    pub enabled: bool,
}

/// Adds a channel.
///
/// # Errors
/// [`Error::Conflict`] when the name is taken.
pub fn add(tx: &mut Tx<'_>, new: New<'_>, now: i64) -> Result<i64> {
    let New { name, kind, document, secret, enabled } = new;
    let id = tx.row(
        "INSERT INTO channel (name, kind, document, secret, enabled, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING RETURNING id",
        &[name.into(), kind.into(), document.into(), secret.into(), enabled.into(), now.into()],
        |it| it.int(0),
    )?;
    id.ok_or_else(|| Error::Conflict(format!("there is a channel of the name {name} already")))
}

/// Changes a channel, and says whether there is such a one.
///
/// # Errors
/// [`Error::Conflict`] when the name is taken.
pub fn change(tx: &mut Tx<'_>, id: i64, new: New<'_>) -> Result<bool> {
    let New { name, kind, document, secret, enabled } = new;
    let changed = tx.execute(
        "UPDATE channel SET name = $2, kind = $3, document = $4, secret = COALESCE($5, secret), \
         enabled = $6 WHERE id = $1",
        &[id.into(), name.into(), kind.into(), document.into(), secret.into(), enabled.into()],
    )?;
    Ok(changed > 0)
}

/// Removes a channel with its deliveries, and says whether there was such a one.
pub fn remove(tx: &mut Tx<'_>, id: i64) -> Result<bool> {
    tx.execute("DELETE FROM delivery WHERE channel = $1", &[id.into()])?;
    Ok(tx.execute("DELETE FROM channel WHERE id = $1", &[id.into()])? > 0)
}

/// A channel.
pub fn one(tx: &mut Tx<'_>, id: i64) -> Result<Option<Channel>> {
    tx.row(&format!("{CHANNEL} WHERE id = $1"), &[id.into()], channel)
}

/// All channels, by name.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<Channel>> {
    tx.rows(&format!("{CHANNEL} ORDER BY name"), &[], channel)
}

const CHANNEL: &str = "SELECT id, name, kind, document, secret, enabled, created_at FROM channel";

fn channel(row: &Row) -> Result<Channel> {
    let (id, name, kind, document) = (row.int(0)?, row.text(1)?, row.text(2)?, row.text(3)?);
    let (secret, enabled) = (row.maybe_bytes(4)?, row.truth(5)?);
    Ok(Channel { id, name, kind, document, secret, enabled, created_at: row.int(6)? })
}
