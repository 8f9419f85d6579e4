//! Sends what is due, at least once, with growing pauses: the deliveries of a channel one after the other, so that one that
//! does not answer holds up nobody else.
use super::{Message, gather::gather, send};
use crate::{App, Problem};
use serde_json::json;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};
use store::{channels, deliveries};
use tokio::{sync::Semaphore, time::sleep};

/// How long one who sends may take before another does; longer than any try.
const LEASE_MS: i64 = 10 * 60_000;

/// So many channels are told something at once.
const AT_ONCE: usize = 8;

/// How often one is tried: the last time about a day after the first.
const TRIES: u64 = 12;

/// The channels that are being told something, and places for those that are.
struct Lanes {
    busy: Mutex<BTreeSet<i64>>,
    places: Semaphore,
}

/// Goes on until the runtime ends.
pub(crate) async fn keep(app: Arc<App>) {
    let lanes = Arc::new(Lanes { busy: Mutex::default(), places: Semaphore::new(AT_ONCE) });
    loop {
        let looking = Arc::clone(&app);
        let due = app.wait_for(move || {
            gather(&looking)?;
            Ok(looking.store.read(|tx| deliveries::due(tx, looking.now()))?)
        });
        match due.await {
            Ok(due) => {
                for it in due.into_iter().filter(|it| lanes.busy().insert(*it)) {
                    tokio::spawn(lane(Arc::clone(&app), Arc::clone(&lanes), it));
                }
            }
            Err(err) => trouble(&app, &err),
        }
        sleep(app.settings.limits.look).await;
    }
}

impl Lanes {
    fn busy(&self) -> std::sync::MutexGuard<'_, BTreeSet<i64>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn trouble(app: &App, err: &Problem) {
    let reason = err.cause.as_ref().unwrap_or(&err.detail);
    app.note("warn", "notifications cannot be sent", &[("reason", json!(reason))]);
}

/// Tells a channel all that is due.
async fn lane(app: Arc<App>, lanes: Arc<Lanes>, channel: i64) {
    // The semaphore is never closed.
    let place = lanes.places.acquire().await;
    while place.is_ok() && !app.stopping() {
        let sending = Arc::clone(&app);
        match app.wait_for(move || send_next(&sending, channel)).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(err) => {
                trouble(&app, &err);
                break;
            }
        }
    }
    lanes.busy().remove(&channel);
}

/// Sends the next that is due to a channel, and says whether there was one.
fn send_next(app: &App, channel: i64) -> Result<bool, Problem> {
    let now = app.now();
    let until = now.saturating_add(LEASE_MS);
    let Some(it) = app.store.write(|tx| deliveries::claim(tx, channel, now, until))? else {
        return Ok(false);
    };
    let outcome = attempt(app, &it);
    let now = app.now();
    app.store.write(|tx| match &outcome {
        Ok(but) => deliveries::delivered(tx, it.id, but, now),
        Err(why) => deliveries::failed(tx, it.id, why, again(it.attempts, now), now),
    })?;
    if let Err(why) | Ok(why) = &outcome
        && !why.is_empty()
    {
        let event = "a notification did not arrive, or not everywhere";
        let fields =
            [("channel", json!(channel)), ("delivery", json!(it.id)), ("reason", json!(why))];
        app.note("warn", event, &fields);
    }
    Ok(true)
}

/// When to try again: after ten seconds, and twice as long each time, up to six hours.
fn again(attempts: u64, now: i64) -> Option<i64> {
    let steps = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(20);
    let pause =
        10_000i64.saturating_mul(1i64.checked_shl(steps).unwrap_or(i64::MAX)).min(6 * 3_600_000);
    (attempts < TRIES).then(|| now.saturating_add(pause))
}

fn attempt(app: &App, it: &deliveries::Delivery) -> Result<String, String> {
    let channel =
        app.store.read(|tx| channels::one(tx, it.channel)).map_err(|err| err.to_string())?;
    let channel = channel.ok_or("the channel is gone")?;
    if !channel.enabled {
        return Err("the channel is switched off".to_owned());
    }
    let message: Message =
        serde_json::from_str(&it.document).map_err(|err| format!("the message: {err}"))?;
    let message = Message { event: it.event.clone(), at: it.created_at, ..message };
    send(app, &channel, &message, it.id)
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
