//! Registries, the accounts they come by, and what is in them.
use super::Time;
use crate::call::Call;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An account of a cloud, whose instances are registries.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Account {
    /// Its id.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// Everything else that is not secret.
    pub settings: serde_json::Value,
    /// `new`, `connected`, `failing`.
    pub state: String,
    /// Why, in words.
    pub reason: String,
    /// When it was asked last.
    pub checked_at: Option<Time>,
    /// When it was added.
    pub created_at: Time,
}

/// Whether a registry or an account can be watched.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Check {
    /// Whether it can: whatever else is wrong is only worth knowing.
    pub works: bool,
    /// What answers there.
    pub product: Option<String>,
    /// In which version, where it says.
    pub version: Option<String>,
    /// Whether it lists its repositories.
    pub lists: bool,
    /// What is wrong, the first cause first.
    pub problems: Vec<Trouble>,
}

/// Something that is wrong.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Trouble {
    /// What, as one word: `unknown-host`, `closed`, `unreachable`, `certificate`, `credentials`, `rights`, `clock`,
    /// `other-kind`, `read-only`, `busy`, `gone`, `strange`, `settings`.
    pub code: String,
    /// The same for people: what it is about and what to do, in Chinese for those who read that.
    pub words: String,
}

/// A registry.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Registry {
    /// Its id.
    pub id: i64,
    /// `acr`, `harbor`, `oci`.
    pub kind: String,
    /// What people call it.
    pub name: String,
    /// Where it answers.
    pub address: String,
    /// The id of the cloud account that it came by.
    pub account: Option<i64>,
    /// What the cloud calls it.
    pub instance: Option<String>,
    /// Everything else that is not secret.
    pub settings: serde_json::Value,
    /// Whether something to log in with is kept. It is never shown.
    pub has_secret: bool,
    /// Whether there is a secret by which it may tell us of changes. It is never shown again.
    pub has_hook: bool,
    /// `new`, `connected`, `failing`.
    pub state: String,
    /// Why, in words.
    pub reason: String,
    /// When it is to be synchronised next.
    pub sync_at: Option<Time>,
    /// When it was synchronised last.
    pub synced_at: Option<Time>,
    /// When it was added.
    pub created_at: Time,
    /// When it was removed; its history is still there.
    pub removed_at: Option<Time>,
    /// Repositories in it.
    pub repositories: i64,
    /// Images in them; one that two repositories have counts twice.
    pub images: i64,
}

/// A namespace of a registry.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Namespace {
    /// Its name; empty for repositories without one.
    pub name: String,
    /// Repositories in it.
    pub repositories: i64,
    /// Images in them.
    pub images: i64,
}

/// A repository.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Repository {
    /// Its id.
    pub id: i64,
    /// Its registry's id.
    pub registry: i64,
    /// Its name.
    pub name: String,
    /// Images in it.
    pub images: i64,
}

impl From<store::registries::Registry> for Registry {
    fn from(it: store::registries::Registry) -> Registry {
        Registry {
            id: it.id,
            kind: it.kind,
            name: it.name,
            address: it.address,
            account: it.account,
            instance: it.instance,
            settings: serde_json::from_str(&it.document).unwrap_or_default(),
            has_secret: it.has_secret,
            has_hook: it.has_hook,
            state: it.state,
            reason: it.reason,
            sync_at: it.sync_at.map(Time),
            synced_at: it.synced_at.map(Time),
            created_at: Time(it.created_at),
            removed_at: it.removed_at.map(Time),
            repositories: it.repositories,
            images: it.images,
        }
    }
}

impl From<store::repositories::Namespace> for Namespace {
    fn from(it: store::repositories::Namespace) -> Namespace {
        Namespace { name: it.name, repositories: it.repositories, images: it.images }
    }
}

impl From<store::repositories::Repository> for Repository {
    fn from(it: store::repositories::Repository) -> Repository {
        Repository { id: it.id, registry: it.registry, name: it.name, images: it.images }
    }
}

impl From<store::accounts::Account> for Account {
    fn from(it: store::accounts::Account) -> Account {
        Account {
            id: it.id,
            name: it.name,
            settings: serde_json::from_str(&it.document).unwrap_or_default(),
            state: it.state,
            reason: it.reason,
            checked_at: it.checked_at.map(Time),
            created_at: Time(it.created_at),
        }
    }
}

impl Check {
    /// For whoever asks.
    pub(crate) fn new(it: registry::Check, call: &Call) -> Check {
        let works = it.works();
        let trouble = |it: registry::Problem| {
            let (code, words) = (it.trouble.name().to_owned(), call.say(&it.words));
            Trouble { code, words }
        };
        let problems = it.problems.into_iter().map(trouble).collect();
        Check { works, product: it.product, version: it.version, lists: it.lists, problems }
    }
}
