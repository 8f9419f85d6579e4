//! People, and what they did.
use super::Time;
use crate::Role;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Somebody who may come in.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Person {
    /// Never another's.
    pub id: i64,
    /// The name to log in with.
    pub name: String,
    /// What this person may do.
    pub role: Role,
    /// Whether there is a password to log in with.
    pub password: bool,
    /// Issuer and subject, for who comes by OpenID Connect.
    pub subject: Option<String>,
    /// Whether this person is kept out.
    pub disabled: bool,
    /// When this person was added.
    pub created_at: Time,
}

/// A token, without its secret.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Token {
    /// Never another's.
    pub id: i64,
    /// The id of the person whose it is.
    pub person: i64,
    /// What it is for.
    pub name: String,
    /// The most that it may do; never more than the person.
    pub role: Role,
    /// When it was made.
    pub created_at: Time,
    /// Until when it holds; none: for ever.
    pub until: Option<Time>,
    /// When it was last used, to the minute.
    pub used_at: Option<Time>,
}

/// Who is logged in.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Session {
    /// The person's id.
    pub person: i64,
    /// The person's name.
    pub name: String,
    /// What may be done with this session or token.
    pub role: Role,
}

/// A change that somebody made.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct AuditEntry {
    /// Counted up.
    pub id: i64,
    /// When.
    pub at: Time,
    /// Who.
    pub person: String,
    /// What was done: the name of the operation.
    pub action: String,
    /// To what.
    pub object: String,
    /// How it was.
    pub before: Option<serde_json::Value>,
    /// How it is since.
    pub after: Option<serde_json::Value>,
}

impl From<store::people::Person> for Person {
    fn from(it: store::people::Person) -> Person {
        Person {
            id: it.id,
            name: it.name,
            role: it.role.into(),
            password: it.password.is_some(),
            subject: it.subject,
            disabled: it.disabled,
            created_at: Time(it.created_at),
        }
    }
}

impl From<store::tokens::Token> for Token {
    fn from(it: store::tokens::Token) -> Token {
        Token {
            id: it.id,
            person: it.person,
            name: it.name,
            role: it.role.into(),
            created_at: Time(it.created_at),
            until: it.until.map(Time),
            used_at: it.used_at.map(Time),
        }
    }
}

impl From<store::audit::Entry> for AuditEntry {
    fn from(it: store::audit::Entry) -> AuditEntry {
        // We wrote it; what cannot be read is shown as it is.
        let document = |it: String| serde_json::from_str(&it).unwrap_or(it.into());
        AuditEntry {
            id: it.id,
            at: Time(it.at),
            person: it.person,
            action: it.action,
            object: it.object,
            before: it.before.map(document),
            after: it.after.map(document),
        }
    }
}
