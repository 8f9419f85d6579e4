//! Where notifications go, and what became of them.
use super::{Named, Time};
use crate::notify::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{channels, deliveries};

/// A channel, without what lets in.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Channel {
    /// Its id.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// `webhook`, `email`, `slack`, `dingtalk`, `feishu`, `wecom`.
    pub kind: String,
    /// Where it is: scheme and host alone.
    pub origin: String,
    /// Of `email`: from whom letters are, and to whom.
    pub mail: Option<Mail>,
    /// Of what it is told; empty: of everything.
    pub events: Vec<String>,
    /// In whose words it is told.
    pub language: Language,
    /// Whether it may be within one's own network.
    pub inside: bool,
    /// Whether it is told anything.
    pub enabled: bool,
    /// When it was added.
    pub created_at: Time,
}

/// From whom letters are, and to whom.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The sender's address.
    pub from: String,
    /// The recipients' addresses, at most 100.
    pub to: Vec<String>,
    /// Who we are to the mail server, where it wants to know; then the channel's `secret` is the password.
    pub user: Option<String>,
}

/// A notification on its way, or at its end.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Delivery {
    /// Its id.
    pub id: i64,
    /// The channel's id.
    pub channel: i64,
    /// What kind of thing has happened.
    pub event: String,
    /// What has happened.
    pub message: serde_json::Value,
    /// What became of it.
    pub state: Named<deliveries::State>,
    /// How often it was tried.
    pub attempts: u64,
    /// While it waits: when it is tried.
    pub next_at: Time,
    /// Why it did not arrive the last time; of one that has, who did not get it.
    pub reason: String,
    /// When it happened.
    pub created_at: Time,
    /// When it arrived or was given up.
    pub done_at: Option<Time>,
}

impl From<channels::Channel> for Channel {
    fn from(it: channels::Channel) -> Channel {
        let shape: Option<crate::notify::Shape> = serde_json::from_str(&it.document).ok();
        let language = shape.as_ref().map(|it| it.language).unwrap_or_default();
        let (events, inside, origin, mail) =
            shape.map(|it| (it.events, it.inside, it.origin, it.mail)).unwrap_or_default();
        Channel {
            id: it.id,
            name: it.name,
            kind: it.kind,
            origin,
            mail,
            events,
            language,
            inside,
            enabled: it.enabled,
            created_at: Time(it.created_at),
        }
    }
}

impl From<deliveries::Delivery> for Delivery {
    fn from(it: deliveries::Delivery) -> Delivery {
        Delivery {
            id: it.id,
            channel: it.channel,
            event: it.event,
            message: serde_json::from_str(&it.document).unwrap_or_default(),
            state: Named(it.state),
            attempts: it.attempts,
            next_at: Time(it.next_at),
            reason: it.reason,
            created_at: Time(it.created_at),
            done_at: it.done_at.map(Time),
        }
    }
}
