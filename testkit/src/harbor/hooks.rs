//! Webhook policies, and the calls that they lead to (src/server/v2.0/handler/webhook.go,
//! src/jobservice/job/impl/notification).
use super::{Harbor, State, api::Asked, refusal};
use crate::{
    http::{Reply, ask},
    image::BuiltImage,
};
use jiff::Timestamp;
use model::Digest;
use serde_json::{Value, json};

/// What 2.x offers to webhooks.
const EVENTS: &[&str] = &[
    "PUSH_ARTIFACT",
    "PULL_ARTIFACT",
    "DELETE_ARTIFACT",
    "QUOTA_EXCEED",
    "QUOTA_WARNING",
    "SCANNING_FAILED",
    "SCANNING_STOPPED",
    "SCANNING_COMPLETED",
    "REPLICATION",
    "TAG_RETENTION",
];

/// What 1.10 offers.
const OLD_EVENTS: &[&str] = &["pushImage", "pullImage", "deleteImage", "scanningFailed"];

impl Harbor {
    /// Pushes an image as a client does: webhooks are called, for the image and for each of its
    /// children. The statuses that they answer with.
    pub fn push(&self, repository: &str, tag: &str, image: &BuiltImage) -> Vec<u16> {
        self.put(repository, tag, image);
        let children = image.children.iter().map(|it| &it.manifest.digest);
        let mut pushed: Vec<(String, &Digest)> = children.map(|it| (it.to_string(), it)).collect();
        pushed.push((tag.to_owned(), &image.manifest.digest));
        let old = self.state().old();
        let event = if old { "pushImage" } else { "PUSH_ARTIFACT" };
        pushed.iter().flat_map(|(tag, digest)| self.tell(event, repository, tag, digest)).collect()
    }

    /// Deletes a tag and its manifest as a user does: webhooks are called.
    pub fn drop_tag(&self, repository: &str, tag: &str) -> Vec<u16> {
        let found = self.state().shelf.content(repository).and_then(|it| it.find(tag));
        let digest = found.unwrap().blob.digest;
        self.delete(repository, digest.as_str());
        let event = if self.state().old() { "deleteImage" } else { "DELETE_ARTIFACT" };
        self.tell(event, repository, tag, &digest)
    }

    fn tell(&self, event: &str, repository: &str, tag: &str, digest: &Digest) -> Vec<u16> {
        let project = repository.split('/').next().unwrap();
        let policies = self.state().project(project).policies.clone();
        let has = |it: &&Value| {
            let events = it["event_types"].as_array().unwrap();
            it["enabled"] == true && events.iter().any(|it| it == event)
        };
        let targets = policies.iter().filter(has).flat_map(|it| it["targets"].as_array().unwrap());
        targets.map(|target| call(target, event, repository, tag, digest)).collect()
    }
}

fn call(target: &Value, event: &str, repository: &str, tag: &str, digest: &Digest) -> u16 {
    let address = target["address"].as_str().unwrap().strip_prefix("http://").unwrap();
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    let (namespace, name) = repository.split_once('/').unwrap();
    let data = json!({
        "resources": [{
            "digest": digest.as_str(), "tag": tag,
            "resource_url": format!("registry.example/{repository}:{tag}"),
        }],
        "repository": {
            "date_created": 1_700_000_000, "name": name, "namespace": namespace,
            "repo_full_name": repository, "repo_type": "private",
        },
    });
    let clouds = target["payload_format"] == "CloudEvents";
    let kind = if event == "PUSH_ARTIFACT" { "pushed" } else { "deleted" };
    let (media_type, body) = match clouds {
        true => (
            "application/cloudevents+json",
            json!({
                "specversion": "1.0", "id": digest.hex(), "source": "/projects/1/webhook/policies/1",
                "type": format!("harbor.artifact.{kind}"), "datacontenttype": "application/json",
                "time": Timestamp::now().to_string(), "operator": "admin", "data": data,
            }),
        ),
        false => (
            "application/json",
            json!({
                "type": event, "occur_at": Timestamp::now().as_second(), "operator": "admin",
                "event_data": data,
            }),
        ),
    };
    let mut headers = vec![("content-type", media_type)];
    headers.extend(
        target["auth_header"].as_str().filter(|it| !it.is_empty()).map(|it| ("authorization", it)),
    );
    ask(host, "POST", &format!("/{path}"), &headers, body.to_string().as_bytes())
        .map_or(0, |it| it.status)
}

impl State {
    pub(super) fn policies(&mut self, asked: &Asked<'_>, project: &str, rest: &[&str]) -> Reply {
        let method = asked.request.method.as_str();
        let action = match method {
            "GET" => "list",
            "POST" => "create",
            "PUT" => "update",
            _ => "delete",
        };
        let Some(name) = self.meant(asked, project) else {
            return refusal(404, "NOT_FOUND", &format!("project {project} not found"));
        };
        if let Some(reply) = self.refuse(asked, &name, &format!("notification-policy:{action}")) {
            return reply;
        }
        let id: Option<u64> = rest.first().and_then(|it| it.parse().ok());
        match (method, id) {
            ("GET", None) => {
                let all = self.project(&name).policies.clone();
                self.paged(asked, all.len(), |from, count| {
                    all.iter().skip(from).take(count).cloned().collect()
                })
            }
            ("DELETE", Some(id)) => {
                self.project(&name).policies.retain(|it| it["id"] != id);
                Reply::new(200, "")
            }
            ("POST" | "PUT", id) => self.keep(asked, &name, id),
            _ => refusal(404, "NOT_FOUND", "no such page"),
        }
    }

    /// Digits are a number, unless it is said that they are a name. Names are for 2.3 and later.
    fn meant(&self, asked: &Asked<'_>, text: &str) -> Option<String> {
        let named = asked.request.header("x-is-resource-name") == Some("true");
        let early =
            ["v1.", "v2.0.", "v2.1.", "v2.2."].iter().any(|it| self.version.starts_with(it));
        match text.parse::<usize>() {
            Ok(id) if early || !named => self.projects.iter().find(|it| it.id == id),
            Err(_) if early => None,
            _ => self.projects.iter().find(|it| it.name == text),
        }
        .map(|it| it.name.clone())
    }

    fn keep(&mut self, asked: &Asked<'_>, project: &str, id: Option<u64>) -> Reply {
        let Ok(mut policy) = serde_json::from_slice::<Value>(&asked.request.body) else {
            return refusal(400, "BAD_REQUEST", "invalid JSON");
        };
        let known = if self.old() { OLD_EVENTS } else { EVENTS };
        let events = policy["event_types"].as_array().cloned().unwrap_or_default();
        if events.is_empty()
            || !events.iter().all(|it| known.contains(&it.as_str().unwrap_or_default()))
        {
            return refusal(400, "BAD_REQUEST", "empty or unsupported event types");
        }
        let targets = policy["targets"].as_array().cloned().unwrap_or_default();
        let http = |it: &Value| it["address"].as_str().is_some_and(|it| it.starts_with("http"));
        if targets.is_empty() || !targets.iter().all(http) {
            return refusal(400, "BAD_REQUEST", "empty or invalid notification target");
        }
        self.policies += u64::from(id.is_none());
        let id = id.unwrap_or(self.policies);
        policy["id"] = json!(id);
        let policies = &mut self.project(project).policies;
        policies.retain(|it| it["id"] != id);
        policies.push(policy);
        let status = if asked.request.method == "POST" { 201 } else { 200 };
        Reply::new(status, "")
            .header("location", format!("/api/v2.0/projects/{project}/webhook/policies/{id}"))
    }
}
