//! What CNCF distribution notifies of ("Work with notifications", "Envelope").
use crate::flavor::{Change, Event, Malformed};
use model::Digest;
use serde::Deserialize;

#[derive(Deserialize)]
struct Envelope {
    events: Vec<Notification>,
}

#[derive(Deserialize)]
struct Notification {
    action: String,
    target: Option<Target>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    media_type: Option<String>,
    digest: Option<String>,
    repository: Option<String>,
    tag: Option<String>,
}

pub(crate) fn events(body: &[u8]) -> Result<Vec<Event>, Malformed> {
    let envelope: Envelope = serde_json::from_slice(body)?;
    let mut events = Vec::new();
    for it in envelope.events {
        let change = match it.action.as_str() {
            "push" => Change::Pushed,
            "delete" => Change::Deleted,
            // Pulls and mounts change nothing that we look at.
            _ => continue,
        };
        let missing = || Malformed(format!("`{}` without a target", it.action));
        events.extend(event(it.target.ok_or_else(missing)?, change)?);
    }
    Ok(events)
}

/// Blobs are pushed too, and are not what we look for.
fn event(target: Target, change: Change) -> Result<Option<Event>, Malformed> {
    let blob = target.media_type.as_deref() == Some("application/octet-stream");
    if blob && target.tag.is_none() {
        return Ok(None);
    }
    let missing = || Malformed("a target without repository".to_owned());
    let repository = target.repository.ok_or_else(missing)?;
    let digest = target.digest.as_deref().and_then(Digest::parse);
    let tag = target.tag.filter(|it| !it.is_empty());
    Ok(Some(Event { repository, tag, digest, change }))
}
