//! What Harbor's webhooks say: its own format, of 2.x and of 1.10, and CloudEvents
//! (goharbor.io, "Configure Webhook Notifications"; CloudEvents 1.0, JSON format).
use crate::flavor::{Change, Event, Malformed};
use model::Digest;
use serde::Deserialize;

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    event_data: Option<Content>,
    /// Where CloudEvents have the same.
    data: Option<Content>,
}

#[derive(Deserialize)]
struct Content {
    resources: Option<Vec<Resource>>,
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct Resource {
    digest: Option<String>,
    tag: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    repo_full_name: Option<String>,
}

pub(crate) fn events(body: &[u8]) -> Result<Vec<Event>, Malformed> {
    let message: Message = serde_json::from_slice(body)?;
    let change = match message.kind.as_str() {
        "PUSH_ARTIFACT" | "pushImage" | "harbor.artifact.pushed" => Change::Pushed,
        "DELETE_ARTIFACT" | "deleteImage" | "harbor.artifact.deleted" => Change::Deleted,
        _ => return Ok(Vec::new()),
    };
    let missing = |what: &str| Malformed(format!("`{}` without {what}", message.kind));
    let content = message.event_data.or(message.data).ok_or_else(|| missing("data"))?;
    let repository = content.repository.and_then(|it| it.repo_full_name);
    let repository = repository.ok_or_else(|| missing("repository"))?;
    let resources = content.resources.unwrap_or_default();
    Ok(resources.into_iter().map(|it| event(&repository, it, change)).collect())
}

/// A manifest without a tag has its digest in the place of the tag.
fn event(repository: &str, it: Resource, change: Change) -> Event {
    let tag = it.tag.filter(|it| !it.is_empty() && !it.contains(':'));
    let digest = it.digest.as_deref().and_then(Digest::parse);
    Event { repository: repository.to_owned(), tag, digest, change }
}
