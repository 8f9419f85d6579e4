//! What ACR's triggers say ("Manage triggers", "Notification payload"). Which instance it is about
//! stands nowhere in it: that is told by the address that was called.
use crate::flavor::{Change, Event, Malformed};
use model::Digest;
use serde::Deserialize;

#[derive(Deserialize)]
struct Message {
    push_data: Push,
    repository: Repository,
}

#[derive(Deserialize)]
struct Push {
    digest: Option<String>,
    tag: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    repo_full_name: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
}

pub(crate) fn events(body: &[u8]) -> Result<Vec<Event>, Malformed> {
    let Message { push_data: Push { digest, tag }, repository: it } = serde_json::from_slice(body)?;
    let parts = || it.namespace.zip(it.name).map(|(namespace, name)| format!("{namespace}/{name}"));
    let missing = || Malformed("a push without repository".to_owned());
    let repository = it.repo_full_name.or_else(parts).ok_or_else(missing)?;
    let digest = digest.as_deref().and_then(Digest::parse);
    let tag = tag.filter(|it| !it.is_empty());
    Ok(vec![Event { repository, tag, digest, change: Change::Pushed }])
}
