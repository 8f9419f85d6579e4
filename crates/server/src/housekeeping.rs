//! Forgets, now and then, what nobody can use any more.
use crate::App;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use store::{idempotency, logins, sessions};
use tokio::time::sleep;

const PAUSE: Duration = Duration::from_secs(3600);

/// For how long answers are kept for those who ask again.
const ANSWERS_MS: i64 = 24 * 3_600_000;

/// Goes on until the runtime ends.
pub(crate) async fn keep(app: Arc<App>) {
    loop {
        let asked = Arc::clone(&app);
        if let Err(err) = app.wait_for(move || Ok(forget(&asked)?)).await {
            let reason = err.cause.unwrap_or(err.detail);
            app.note(
                "warn",
                "old sessions and answers are still there",
                &[("reason", json!(reason))],
            );
        }
        sleep(PAUSE).await;
    }
}

fn forget(app: &App) -> store::Result<()> {
    let (now, idle) = (app.now(), app.settings.sessions.idle_ms());
    app.store.write(|tx| {
        sessions::purge(tx, now, idle)?;
        logins::purge(tx, now)?;
        idempotency::purge(tx, now.saturating_sub(ANSWERS_MS)).map(drop)
    })
}
