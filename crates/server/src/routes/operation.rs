//! What those ask who keep the server running.
use crate::{
    Problem,
    call::Call,
    metrics::{Text as Figures, float},
    openapi,
    receive::Json,
    reply::Text,
    views::{ImageCount, Level},
};
use serde::Serialize;
use serde_json::Value;
use store::{figures, quota, risks};

pub(super) fn alive(_: &Call, (): ()) -> Result<Text, Problem> {
    Ok(Text("text/plain", "ok\n".to_owned()))
}

pub(super) fn ready(call: &Call, (): ()) -> Result<Text, Problem> {
    if call.app.stopping() {
        return Err(Problem::unavailable("the server is stopping", None));
    }
    call.app.store.read(|_| Ok(()))?;
    Ok(Text("text/plain", "ready\n".to_owned()))
}

pub(super) fn metrics(call: &Call, (): ()) -> Result<Text, Problem> {
    let mut text = Figures::default();
    call.app.metrics.write(&mut text);
    let readers = i64::try_from(call.app.events.readers()).unwrap_or(i64::MAX);
    text.one("plimsoll_event_readers", "gauge", "Who listens to events.", readers);
    center(call, &mut text)?;
    Ok(Text("text/plain; version=0.0.4; charset=utf-8", text.finish()))
}

/// What the center is about.
fn center(call: &Call, text: &mut Figures) -> Result<(), Problem> {
    let (images, risks, quota) =
        call.read(|tx| Ok((figures::images(tx)?, risks::open(tx)?, quota::read(tx)?)))?;
    text.family("plimsoll_images", "gauge", "Images by state, level and coverage.");
    for it in images {
        let it = ImageCount::from(it);
        let words = [word(&it.state)?, word(&it.level)?, word(&it.coverage)?];
        let labels =
            ["state", "level", "coverage"].into_iter().zip(words.iter().map(String::as_str));
        text.sample("plimsoll_images", &labels.collect::<Vec<_>>(), count(it.images));
    }
    text.family("plimsoll_open_risks", "gauge", "Open risks by category and level.");
    for (category, level, risks) in risks {
        let words = [category.as_str().to_owned(), word(&Level::from(level))?];
        let labels = ["category", "level"].into_iter().zip(words.iter().map(String::as_str));
        text.sample("plimsoll_open_risks", &labels.collect::<Vec<_>>(), count(risks));
    }
    let number = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
    text.one("plimsoll_quota_used", "gauge", "Images that have cost quota.", number(quota.used));
    if let Some(it) = quota.total {
        text.one("plimsoll_quota_total", "gauge", "Images that are authorised.", number(it));
    }
    Ok(())
}

/// As it is written in JSON.
fn word(it: &impl Serialize) -> Result<String, Problem> {
    let value = serde_json::to_value(it).map_err(|err| Problem::internal(err.to_string()))?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

fn count(it: i64) -> f64 {
    float(u64::try_from(it).unwrap_or_default())
}

pub(super) fn document(_: &Call, (): ()) -> Result<Json<Value>, Problem> {
    Ok(Json(openapi::document()))
}
