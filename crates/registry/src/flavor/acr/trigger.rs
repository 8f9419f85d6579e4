//! Triggers: what ACR calls when an image is pushed. They belong to a repository.
use super::{call::Place, list::id, token::here};
use crate::{
    Connection, SourceError,
    flavor::{Hook, Repository},
};
use net::Url;
use serde::Deserialize;

/// Ports that ACR calls without encryption, besides those from 1025 on ("Manage triggers").
const PORTS: &[u16] = &[80, 21, 443, 70, 210, 280, 488, 591, 777];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Triggers {
    #[serde(default)]
    triggers: Vec<Trigger>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Trigger {
    trigger_id: String,
    trigger_name: String,
    trigger_url: Option<String>,
}

/// What an action gives that we do not need.
#[derive(Deserialize)]
struct Done {}

pub(crate) fn watch(
    connection: &Connection,
    repository: &Repository,
    hook: &Hook,
) -> Result<(), SourceError> {
    callable(hook.url.reveal())?;
    let id = id(connection, repository)?;
    let mut there = false;
    for it in named(connection, &id, &hook.name)? {
        match it.trigger_url.as_deref() == Some(hook.url.reveal()) && !there {
            true => there = true,
            false => remove(connection, &id, &it)?,
        }
    }
    if there {
        return Ok(());
    }
    let (api, Place { region, instance }) = here(connection)?;
    let of = [
        ("InstanceId", instance.as_str()),
        ("RepoId", &id),
        ("TriggerName", &hook.name),
        ("TriggerUrl", hook.url.reveal()),
        ("TriggerType", "ALL"),
        ("TriggerTag", "*"),
    ];
    api.call::<Done>(region, "CreateRepoTrigger", &of)?;
    Ok(())
}

pub(crate) fn unwatch(
    connection: &Connection,
    repository: &Repository,
    name: &str,
) -> Result<(), SourceError> {
    let id = id(connection, repository)?;
    named(connection, &id, name)?.iter().try_for_each(|it| remove(connection, &id, it))
}

fn named(connection: &Connection, id: &str, name: &str) -> Result<Vec<Trigger>, SourceError> {
    let (api, Place { region, instance }) = here(connection)?;
    let of = [("InstanceId", instance.as_str()), ("RepoId", id)];
    let (mut said, _): (Triggers, _) = api.call(region, "ListRepoTrigger", &of)?;
    said.triggers.retain(|it| it.trigger_name == name);
    Ok(said.triggers)
}

fn remove(connection: &Connection, id: &str, it: &Trigger) -> Result<(), SourceError> {
    let (api, Place { region, instance }) = here(connection)?;
    let of = [("InstanceId", instance.as_str()), ("RepoId", id), ("TriggerId", &it.trigger_id)];
    api.call::<Done>(region, "DeleteRepoTrigger", &of)?;
    Ok(())
}

/// Whether ACR calls such an address at all.
fn callable(url: &str) -> Result<(), SourceError> {
    let url = Url::parse(url)?;
    let port = url.port();
    if url.secure() && port != 443 {
        let text = format!("ACR calls https only at port 443, not at {port}");
        return Err(SourceError::Settings(text));
    }
    if !url.secure() && port <= 1024 && !PORTS.contains(&port) {
        let text = format!("ACR does not call port {port}; take 80, 443, or one from 1025 on");
        return Err(SourceError::Settings(text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_called() {
        let check = |url: &str, ok: bool| assert_eq!(callable(url).is_ok(), ok, "{url}");
        check("https://a.example/hook", true);
        check("https://a.example:8443/hook", false);
        check("http://a.example/hook", true);
        check("http://a.example:8080/hook", true);
        check("http://a.example:22/hook", false);
        check("http://a.example:591/hook", true);
        check("hook", false);
    }
}
