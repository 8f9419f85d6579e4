//! Registries, and what is scanned.
use super::{Named, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{items, tasks};

/// Items of a task by what they are doing. Together they are `total`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[expect(missing_docs, reason = "they say it themselves")]
pub struct Items {
    pub total: u64,
    pub queued: u64,
    pub pulling: u64,
    pub analysing: u64,
    pub matching: u64,
    pub done: u64,
    pub failed: u64,
    pub cancelled: u64,
    pub quota_exhausted: u64,
}

/// How far something is that runs.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[expect(missing_docs, reason = "they say it themselves")]
pub struct Progress {
    pub bytes: u64,
    pub bytes_total: u64,
    pub layers: u64,
    pub layers_total: u64,
}

/// One request to scan.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Task {
    /// Its id.
    pub id: i64,
    /// Why it is.
    pub kind: Named<tasks::Kind>,
    /// Who asked.
    pub person: String,
    /// What was asked for.
    pub request: serde_json::Value,
    /// When it was started.
    pub created_at: Time,
    /// Whether all its items are there.
    pub complete: bool,
    /// When it was cancelled.
    pub cancelled_at: Option<Time>,
    /// When its last item ended.
    pub ended_at: Option<Time>,
    /// How many items are doing what.
    pub items: Items,
    /// What those that run have done so far.
    pub progress: Progress,
}

/// One image of a task.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Item {
    /// The task's id.
    pub task: i64,
    /// The image.
    pub digest: String,
    /// The id of the registry where it was when the task was started.
    pub registry: i64,
    /// Its repository there.
    pub repository: String,
    /// A tag that pointed to it, or nothing.
    pub tag: String,
    /// What it is doing.
    pub state: Named<items::State>,
    /// Why it failed; while it waits again, why the attempt before did.
    pub code: String,
    /// The same in words.
    pub reason: String,
    /// How often it has been tried, while it waits or runs.
    pub attempts: u64,
    /// While it waits again after a failure: not before this time.
    pub not_before: Option<Time>,
    /// How far it is, while it runs.
    pub progress: Progress,
    /// When it ended.
    pub ended_at: Option<Time>,
}

/// How many distinct images may be scanned.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Quota {
    /// Authorised; none: unlimited.
    pub total: Option<u64>,
    /// How many were.
    pub used: u64,
    /// Scans that are running and will cost one when they succeed.
    pub reserved: u64,
}

/// A digest that has cost one of the quota.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct LedgerEntry {
    /// Counted up.
    pub id: i64,
    /// Which.
    pub digest: String,
    /// The id of the task that paid.
    pub task: i64,
    /// When.
    pub at: Time,
}

impl From<tasks::Counts> for Items {
    fn from(it: tasks::Counts) -> Items {
        Items {
            total: it.total,
            queued: it.queued,
            pulling: it.pulling,
            analysing: it.analysing,
            matching: it.matching,
            done: it.done,
            failed: it.failed,
            cancelled: it.cancelled,
            quota_exhausted: it.exhausted,
        }
    }
}

impl From<store::work::Progress> for Progress {
    fn from(it: store::work::Progress) -> Progress {
        Progress {
            bytes: it.bytes,
            bytes_total: it.bytes_total,
            layers: it.layers,
            layers_total: it.layers_total,
        }
    }
}

impl From<tasks::Task> for Task {
    fn from(it: tasks::Task) -> Task {
        Task {
            id: it.id,
            kind: Named(it.kind),
            person: it.person,
            request: serde_json::from_str(&it.document).unwrap_or_default(),
            created_at: Time(it.created_at),
            complete: it.sealed,
            cancelled_at: it.cancelled_at.map(Time),
            ended_at: it.ended_at.map(Time),
            items: it.counts.into(),
            progress: it.progress.into(),
        }
    }
}

impl From<items::Item> for Item {
    fn from(it: items::Item) -> Item {
        Item {
            task: it.task,
            digest: it.target.digest,
            registry: it.target.registry,
            repository: it.target.repository,
            tag: it.target.tag,
            state: Named(it.state),
            code: it.code,
            reason: it.reason,
            attempts: it.attempts,
            not_before: it.not_before.map(Time),
            progress: it.progress.into(),
            ended_at: it.ended_at.map(Time),
        }
    }
}

impl From<store::quota::Quota> for Quota {
    fn from(it: store::quota::Quota) -> Quota {
        Quota { total: it.total, used: it.used, reserved: it.reserved }
    }
}

impl From<store::quota::Entry> for LedgerEntry {
    fn from(it: store::quota::Entry) -> LedgerEntry {
        LedgerEntry { id: it.id, digest: it.digest, task: it.task, at: Time(it.at) }
    }
}
