//! Tells channels what has happened: from the table of deliveries, at least once, with growing pauses.
pub(crate) mod kinds;

use crate::{App, Problem};
use jiff::Timestamp;
use kinds::{KINDS, Kind, Target};
use net::{Client, Secret, Url};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use store::{channels, deliveries};
use tokio::time::sleep;

/// How long one who sends may take before another does; longer than any try.
const LEASE_MS: i64 = 10 * 60_000;

/// How many are taken at once.
const SOME: u32 = 20;

/// How often one is tried: the last time about a day after the first.
const TRIES: u64 = 12;

/// The most that a channel may answer.
const MOST: u64 = 64 << 10;

/// What is told: the document of a delivery.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Message {
    /// What kind of thing has happened; set when it is sent.
    #[serde(skip)]
    pub(crate) event: String,
    /// When; set when it is sent.
    #[serde(skip)]
    pub(crate) at: i64,
    /// A line for people.
    pub title: String,
    /// The rest for people.
    pub text: String,
    /// The same for programs.
    pub data: Value,
}

/// What a channel is, without its secrets: the document of a channel.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Shape {
    /// Of what it is told; empty: of everything.
    pub(crate) events: Vec<String>,
    /// Whether it may be within the operator's own network.
    pub(crate) inside: bool,
    /// Where it is, without what must not be seen of the address.
    pub(crate) origin: String,
}

/// What must not be seen: the addresses of most kinds let in whoever knows them.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Hidden {
    pub(crate) url: String,
    pub(crate) secret: Option<String>,
}

impl Message {
    pub(crate) fn time(&self) -> String {
        Timestamp::from_millisecond(self.at).map(|it| it.to_string()).unwrap_or_default()
    }
}

/// The kind of this name.
pub(crate) fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|it| it.name == name)
}

/// The ways to channels.
#[derive(Debug)]
pub(crate) struct Ways {
    pub(crate) inside: Client,
    pub(crate) outside: Client,
}

/// Goes on until the runtime ends.
pub(crate) async fn keep(app: Arc<App>) {
    loop {
        let sending = Arc::clone(&app);
        let sent = app.wait_for(move || send_due(&sending)).await;
        if let Err(err) = &sent {
            let reason = err.cause.as_ref().unwrap_or(&err.detail);
            app.note("warn", "notifications cannot be sent", &[("reason", json!(reason))]);
        }
        if sent.unwrap_or_default() == 0 {
            sleep(app.settings.limits.look).await;
        }
    }
}

/// Sends what is due, and says how many were tried.
fn send_due(app: &App) -> Result<usize, Problem> {
    let until = app.now().saturating_add(LEASE_MS);
    let due = app.store.write(|tx| deliveries::claim(tx, app.now(), until, SOME))?;
    for it in &due {
        let outcome = attempt(app, it);
        let now = app.now();
        app.store.write(|tx| match &outcome {
            Ok(()) => deliveries::delivered(tx, it.id, now),
            Err(why) => deliveries::failed(tx, it.id, why, again(it.attempts, now), now),
        })?;
        if let Err(why) = &outcome {
            let fields = [("delivery", json!(it.id)), ("reason", json!(why))];
            app.note("warn", "a notification did not arrive", &fields);
        }
    }
    Ok(due.len())
}

/// When to try again: after ten seconds, and twice as long each time, up to six hours.
fn again(attempts: u64, now: i64) -> Option<i64> {
    let steps = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(20);
    let pause =
        10_000i64.saturating_mul(1i64.checked_shl(steps).unwrap_or(i64::MAX)).min(6 * 3_600_000);
    (attempts < TRIES).then(|| now.saturating_add(pause))
}

fn attempt(app: &App, it: &deliveries::Delivery) -> Result<(), String> {
    let channel =
        app.store.read(|tx| channels::one(tx, it.channel)).map_err(|err| err.to_string())?;
    let channel = channel.ok_or("the channel is gone")?;
    let message: Message =
        serde_json::from_str(&it.document).map_err(|err| format!("the message: {err}"))?;
    let message = Message { event: it.event.clone(), at: it.created_at, ..message };
    send(app, &channel, &message, it.id)
}

/// Sends a message to a channel, once.
pub(crate) fn send(
    app: &App,
    channel: &channels::Channel,
    message: &Message,
    id: i64,
) -> Result<(), String> {
    let kind = kind(&channel.kind).ok_or_else(|| format!("there is no kind {:?}", channel.kind))?;
    let shape: Shape = serde_json::from_str(&channel.document).map_err(|err| err.to_string())?;
    let sealed = channel.secret.as_deref().ok_or("the channel has no address")?;
    let hidden = open(app, channel.id, sealed)?;
    let secret = hidden.secret.map(Secret::new);
    let url = Url::parse(&hidden.url).map_err(|err| err.to_string())?;
    let target = Target { url, secret: secret.as_ref(), message, id, now: app.now() };
    let request = (kind.request)(&target)?.hurried(true);
    let way = if shape.inside { &app.ways.inside } else { &app.ways.outside };
    // Errors name the path of an address, which may be what lets in.
    let hide = |err: net::Error| err.to_string().replace(&path(&target.url), "/…");
    let response = way.send(&request).map_err(hide)?;
    let status = response.status;
    if !(200..300).contains(&status) {
        return Err(format!("it answered {status}"));
    }
    let body = response.bounded(MOST).map_err(hide)?;
    (kind.took)(&body)
}

fn path(url: &Url) -> String {
    url.to_string().strip_prefix(&url.origin()).unwrap_or_default().to_owned()
}

/// Where the secret of a channel is bound to.
fn place(id: i64) -> String {
    format!("channel/{id}")
}

pub(crate) fn seal(app: &App, id: i64, hidden: &Hidden) -> Result<Vec<u8>, Problem> {
    let text = serde_json::to_vec(hidden).map_err(|err| Problem::internal(err.to_string()))?;
    app.keys.seal(&text, &place(id)).map_err(Problem::internal)
}

pub(crate) fn open(app: &App, id: i64, sealed: &[u8]) -> Result<Hidden, String> {
    let text = app.keys.open(sealed, &place(id))?;
    serde_json::from_slice(&text).map_err(|err| err.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_tried_for_about_a_day() {
        let pauses: Vec<i64> = (1..).map_while(|it| again(it, 0)).collect();
        assert_eq!(pauses.len(), 11);
        assert_eq!(pauses[..3], [10_000, 20_000, 40_000]);
        let hours = pauses.iter().sum::<i64>() / 3_600_000;
        assert!((5..30).contains(&hours), "{hours}");
        assert_eq!(again(u64::MAX, 0), None);
    }
}
