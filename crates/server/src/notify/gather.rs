//! Makes deliveries of notices: one for each channel that wants it. Notices that come one after the other are told
//! together, for nobody reads ten thousand messages. However many servers share a store, each notice is told by one:
//! what was told is written down with the deliveries, by who is first.
use super::{Language, Message, Shape, words};
use crate::{App, Problem};
use serde_json::json;
use std::collections::BTreeMap;
use store::{
    Tx, channels, deliveries,
    notices::{self, Notice},
    settings,
};

/// What was told, as the store keeps it: the number of the last notice of each kind.
const TOLD: &str = "told";

/// So many notices are told in one message at most, and read at once.
const MOST: usize = 20_000;
const SOME: u32 = 1000;

/// How notices of a kind are told.
struct Tale {
    /// As the store calls it.
    notice: &'static str,
    /// As channels call it.
    event: &'static str,
    /// They are told when no other has come for so long, or when the first has waited for so long.
    quiet_ms: i64,
    longest_ms: i64,
    /// What is said of some, if anything.
    tell: Tell,
}

/// What is said of some notices in a language, if anything.
type Tell = fn(&App, &[Notice], Language) -> Result<Option<Message>, Problem>;

const MINUTE_MS: i64 = 60_000;

#[rustfmt::skip]
const TALES: &[Tale] = &[
    Tale { notice: "affected", event: "newly-affected", quiet_ms: MINUTE_MS, longest_ms: 15 * MINUTE_MS, tell: words::affected },
    Tale { notice: "malicious", event: "malicious-sample", quiet_ms: MINUTE_MS, longest_ms: 5 * MINUTE_MS, tell: words::malicious },
    Tale { notice: "failed", event: "scan-failed", quiet_ms: MINUTE_MS, longest_ms: 10 * MINUTE_MS, tell: words::failed },
    Tale { notice: "quota", event: "quota-nearly-used", quiet_ms: 0, longest_ms: 0, tell: words::quota },
];

/// Makes deliveries of what nobody was told of yet.
pub(super) fn gather(app: &App) -> Result<(), Problem> {
    let now = app.now();
    let stored = app.store.read(|tx| settings::one(tx, TOLD))?;
    let version = stored.as_ref().map_or(0, |it| it.version);
    let told = stored.map(|it| serde_json::from_str(&it.document)).transpose();
    let mut told: BTreeMap<String, i64> = told
        .map_err(|err| Problem::internal(format!("the setting {TOLD}: {err}")))?
        .unwrap_or_default();
    let (mut news, mut messages) = (false, Vec::new());
    for it in TALES {
        let after = told.get(it.notice).copied().unwrap_or_default();
        let some = ripe(app, it, after, now)?;
        let Some(last) = some.last() else { continue };
        told.insert(it.notice.to_owned(), last.id);
        news = true;
        for to in [Language::English, Language::Chinese] {
            let said = (it.tell)(app, &some, to)?;
            messages.extend(said.map(|said| (it.event, to, json!(said).to_string())));
        }
    }
    if !news {
        return Ok(());
    }
    let told = json!(told).to_string();
    Ok(app.store.write(|tx| {
        // If it is not at this version any more, another server was first.
        if settings::put(tx, TOLD, &told, version, now)? {
            for (event, to, message) in &messages {
                let channels = wanting(tx, event, *to)?;
                deliveries::add(tx, &channels, event, message, now)?;
            }
        }
        Ok(())
    })?)
}

/// The notices of a kind after one, if it is time to tell them.
fn ripe(app: &App, tale: &Tale, after: i64, now: i64) -> Result<Vec<Notice>, Problem> {
    // Also where a clock has jumped nothing waits for ever.
    let waited = |it: &Notice| now.saturating_sub(it.at).saturating_abs();
    let all = app.store.read(|tx| {
        let mut all = notices::of(tx, tale.notice, after, 1)?;
        let last = notices::last_of(tx, tale.notice)?;
        let (Some(first), Some(last)) = (all.first(), last) else { return Ok(Vec::new()) };
        if waited(&last) < tale.quiet_ms && waited(first) < tale.longest_ms {
            return Ok(Vec::new());
        }
        while let Some(it) = all.last().filter(|_| all.len() < MOST) {
            let some = notices::of(tx, tale.notice, it.id, SOME)?;
            if some.is_empty() {
                break;
            }
            all.extend(some);
        }
        Ok(all)
    });
    Ok(all?)
}

/// The channels that are told of an event in a language.
fn wanting(tx: &mut Tx<'_>, event: &str, to: Language) -> store::Result<Vec<i64>> {
    let wants = |it: &channels::Channel| {
        // One that cannot be understood shows what is wrong where it is told.
        let shape: Option<Shape> = serde_json::from_str(&it.document).ok();
        let language = shape.as_ref().map(|it| it.language).unwrap_or_default();
        let all = |it: Shape| it.events.is_empty() || it.events.iter().any(|it| it == event);
        it.enabled && language == to && shape.is_none_or(all)
    };
    Ok(channels::all(tx)?.into_iter().filter(wants).map(|it| it.id).collect())
}
