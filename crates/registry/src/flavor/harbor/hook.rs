//! Webhook policies. They belong to a project: a new project needs a new one.
use super::{
    api::{base, deed, list, send, version},
    list::{Project, projects},
};
use crate::{
    Connection, SourceError,
    flavor::{Hook, Repository, paging::find},
};
use net::Method;
use serde::Deserialize;
use serde_json::json;

/// From here on a project may be named in the path of its policies; before, it has to be numbered.
const NAMED: [u64; 3] = [2, 3, 0];

#[derive(Deserialize)]
struct Policy {
    id: u64,
    name: String,
}

pub(crate) fn watch(
    connection: &Connection,
    repository: &Repository,
    hook: &Hook,
) -> Result<(), SourceError> {
    let path = policies(connection, &repository.name)?;
    let deed = deed("make a webhook", "notification-policy: create");
    let body = Some(policy(version(connection)?.old, hook));
    match named(connection, &path, &hook.name)? {
        Some(id) => send(connection, Method::Put, &format!("{path}/{id}"), body, &deed)?,
        None => send(connection, Method::Post, &path, body, &deed)?,
    };
    Ok(())
}

pub(crate) fn unwatch(
    connection: &Connection,
    repository: &Repository,
    name: &str,
) -> Result<(), SourceError> {
    let path = policies(connection, &repository.name)?;
    let deed = deed("remove a webhook", "notification-policy: delete");
    if let Some(id) = named(connection, &path, name)? {
        send(connection, Method::Delete, &format!("{path}/{id}"), None, &deed)?;
    }
    Ok(())
}

fn policy(old: bool, hook: &Hook) -> String {
    let events = match old {
        true => ["pushImage", "deleteImage"],
        false => ["PUSH_ARTIFACT", "DELETE_ARTIFACT"],
    };
    let authorization = hook.authorization.as_ref().map_or("", |it| it.reveal());
    json!({
        "name": hook.name, "enabled": true, "event_types": events,
        "description": "tells Plimsoll of images that change",
        "targets": [{
            "type": "http", "address": hook.url.reveal(), "auth_header": authorization,
            "skip_cert_verify": false,
        }],
    })
    .to_string()
}

fn named(connection: &Connection, path: &str, name: &str) -> Result<Option<u64>, SourceError> {
    let deed = deed("list webhooks", "notification-policy: list");
    let found = find(|page| list::<Policy>(connection, path, page, &deed), |it| it.name == name)?;
    Ok(found.map(|it| it.id))
}

fn policies(connection: &Connection, repository: &str) -> Result<String, SourceError> {
    let name = repository.split('/').next().unwrap_or_default();
    let version = version(connection)?;
    let base = base(version.old);
    if !version.old && version.since(NAMED) != Some(false) {
        return Ok(format!("{base}/projects/{}/webhook/policies", net::encode(name)));
    }
    let project = find(|page| projects(connection, page), |it: &Project| it.name == name)?;
    let none = || SourceError::NotFound(format!("a project `{name}` at {}", connection.name()));
    Ok(format!("{base}/projects/{}/webhook/policies", project.ok_or_else(none)?.project_id))
}
