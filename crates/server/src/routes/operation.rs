//! What those ask who keep the server running.
use crate::{
    Problem, call::Call, gauges, metrics::Text as Figures, openapi, receive::Json, reply::Text,
};
use serde_json::Value;

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
    gauges::figures(&call.app.center.figures(), &mut text);
    gauges::store(call, &mut text)?;
    Ok(Text("text/plain; version=0.0.4; charset=utf-8", text.finish()))
}

pub(super) fn document(_: &Call, (): ()) -> Result<Json<Value>, Problem> {
    Ok(Json(openapi::document()))
}
