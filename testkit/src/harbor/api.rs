//! The API: `/api/v2.0`, or `/api` of 1.10.
use super::{Project, State, User, refusal};
use crate::{
    http::{Reply, Seen},
    shelf::{Content, Item, decode, query},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The largest page.
const PAGE: usize = 100;

/// A request, taken apart. The parts of the path are decoded once, as Harbor's router does.
pub(super) struct Asked<'a> {
    pub(super) request: &'a Seen,
    pub(super) user: Option<User>,
    path: Vec<String>,
    query: BTreeMap<String, String>,
}

impl State {
    pub(super) fn api(&mut self, request: &Seen) -> Reply {
        if let Some(reply) = forged(request) {
            return reply;
        }
        let changes = !matches!(request.method.as_str(), "GET" | "HEAD");
        if self.read_only && changes {
            let text = "The system is in read only mode. Any modification is prohibited.";
            return refusal(403, "DENIED", text);
        }
        let path = request.target.split('?').next().unwrap_or_default();
        let base = if self.old() { "/api/" } else { "/api/v2.0/" };
        if path == "/api/version" && !self.old() {
            return Reply::new(200, json!({"version": "v2.0"}).to_string());
        }
        let Some(path) = path.strip_prefix(base) else {
            return refusal(404, "NOT_FOUND", "no such page");
        };
        let asked = Asked {
            request,
            user: self.user(request),
            path: path.split('/').map(decode).collect(),
            query: query(&request.target),
        };
        // A session for everybody who does not watch out.
        self.route(&asked).header("set-cookie", "sid=1c5f; Path=/; HttpOnly")
    }

    fn route(&mut self, asked: &Asked<'_>) -> Reply {
        let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["version"] => refusal(404, "NOT_FOUND", "no such page"),
            ["ping"] => Reply::new(200, "Pong"),
            ["systeminfo"] => self.systeminfo(asked),
            ["projects"] => self.list_projects(asked),
            ["projects", project, "webhook", "policies", rest @ ..] => {
                self.policies(asked, project, rest)
            }
            ["repositories"] if self.old() => self.old_repositories(asked),
            ["repositories", name @ .., "tags"] if self.old() => {
                self.old_tags(asked, &name.join("/"))
            }
            ["projects", project, "repositories"] => self.list_repositories(asked, project),
            ["projects", project, "repositories", repository, "artifacts", rest @ ..] => {
                // Encoded once, its slashes would have made other parts of the path.
                let name = format!("{project}/{}", decode(repository));
                match (repository.contains('/'), rest) {
                    (false, []) => self.list_artifacts(asked, project, &name),
                    (false, [reference]) => self.artifact(asked, project, &name, reference),
                    _ => Reply::new(404, "404 page not found"),
                }
            }
            _ => refusal(404, "NOT_FOUND", "no such page"),
        }
    }

    /// What is told to strangers is little, from 2.2 on.
    fn systeminfo(&self, asked: &Asked<'_>) -> Reply {
        let mut info = json!({"auth_mode": "db_auth", "self_registration": false});
        let open = ["v1.", "v2.0.", "v2.1."].iter().any(|it| self.version.starts_with(it));
        if open || asked.user.is_some() {
            let now =
                Timestamp::from_second(Timestamp::now().as_second() + self.skew_seconds).unwrap();
            info["harbor_version"] = json!(self.version);
            info["registry_url"] = json!(self.host);
            info["read_only"] = json!(self.read_only);
            info["current_time"] = json!(now.to_string());
        }
        Reply::new(200, info.to_string())
    }

    /// Nobody is refused: everybody is shown what they may see.
    fn list_projects(&self, asked: &Asked<'_>) -> Reply {
        let sees = |it: &&Project| {
            let user = asked.user.as_ref();
            let member = user.is_some_and(|user| {
                let all = user.rights.iter().any(|it| it.0 == "*") && user.can("/", "project:list");
                user.admin || all || user.rights.iter().any(|right| right.0 == it.name)
            });
            it.public || member
        };
        let wanted = asked.query.get("name");
        let named = |it: &&Project| wanted.is_none_or(|wanted| it.name.contains(wanted));
        let shown: Vec<Value> =
            self.projects.iter().filter(sees).filter(named).map(project).collect();
        self.paged(asked, shown.len(), |from, count| {
            shown.iter().skip(from).take(count).cloned().collect()
        })
    }

    fn list_repositories(&self, asked: &Asked<'_>, project: &str) -> Reply {
        if let Some(reply) = self.refuse(asked, project, "repository:list") {
            return reply;
        }
        let all = self.repositories_of(project, "artifact_count");
        self.paged(asked, all.len(), |from, count| {
            all.iter().skip(from).take(count).cloned().collect()
        })
    }

    fn repositories_of(&self, project: &str, count: &str) -> Vec<Value> {
        let start = format!("{project}/");
        let of = self.shelf.repositories().filter(|it| it.0.starts_with(&start));
        of.map(|(name, content)| {
            json!({
                "name": name, "pull_count": 0, count: content.count(),
                "update_time": self.update_time(content).to_string(),
            })
        })
        .collect()
    }

    /// Moves with every change from 2.15.2 on; before, only when somebody pulls (pull request 23225).
    fn update_time(&self, content: &Content) -> Timestamp {
        let numbers = self.version.trim_start_matches('v').split('-').next().unwrap_or_default();
        let numbers: Vec<u64> = numbers.split('.').filter_map(|it| it.parse().ok()).collect();
        if numbers >= vec![2, 15, 2] { content.touched } else { Timestamp::UNIX_EPOCH }
    }

    fn list_artifacts(&self, asked: &Asked<'_>, project: &str, name: &str) -> Reply {
        if let Some(reply) = self.refuse(asked, project, "artifact:list") {
            return reply;
        }
        let Some(content) = self.shelf.content(name) else {
            let text = format!("repository {name} not found");
            return refusal(404, "NOT_FOUND", &text);
        };
        self.paged(asked, content.count(), |from, count| {
            content.slice(from, count).map(|it| artifact(content, &it, &asked.query)).collect()
        })
    }

    fn artifact(&self, asked: &Asked<'_>, project: &str, name: &str, reference: &str) -> Reply {
        if let Some(reply) = self.refuse(asked, project, "artifact:list") {
            return reply;
        }
        let content = self.shelf.content(name);
        match content.and_then(|it| it.find(reference).map(|item| (it, item))) {
            Some((content, it)) => {
                Reply::new(200, artifact(content, &it, &asked.query).to_string())
            }
            None => refusal(404, "NOT_FOUND", &format!("artifact {name}:{reference} not found")),
        }
    }

    fn old_repositories(&self, asked: &Asked<'_>) -> Reply {
        let id = asked.query.get("project_id").and_then(|it| it.parse().ok());
        let Some(id) = id.filter(|it: &usize| *it > 0) else {
            return refusal(400, "BAD_REQUEST", "invalid project_id");
        };
        let Some(project) = self.projects.iter().find(|it| it.id == id) else {
            return refusal(404, "NOT_FOUND", "project not found");
        };
        if let Some(reply) = self.refuse(asked, &project.name, "repository:list") {
            return reply;
        }
        let all = self.repositories_of(&project.name, "tags_count");
        self.paged(asked, all.len(), |from, count| {
            all.iter().skip(from).take(count).cloned().collect()
        })
    }

    /// All at once, whatever page is asked for.
    fn old_tags(&self, asked: &Asked<'_>, name: &str) -> Reply {
        let project = name.split('/').next().unwrap_or_default();
        if let Some(reply) = self.refuse(asked, project, "repository-tag:list") {
            return reply;
        }
        let content = self.shelf.content(name).into_iter();
        let items = content.flat_map(|it| it.slice(0, usize::MAX));
        let tags: Vec<Value> = items
            .flat_map(|it| it.tag_names())
            .map(|it| json!({"name": it, "digest": ""}))
            .collect();
        Reply::new(200, Value::Array(tags).to_string())
    }

    /// What a project says to those who may not, and to those whom it does not know.
    pub(super) fn refuse(&self, asked: &Asked<'_>, project: &str, right: &str) -> Option<Reply> {
        let found = self.projects.iter().find(|it| it.name == project);
        let public = found.is_some_and(|it| it.public) && right.ends_with(":list");
        let may = asked.user.as_ref().is_some_and(|it| it.can(project, right));
        match (&asked.user, found) {
            (_, Some(_)) if may || public => None,
            (Some(it), None) if it.admin => {
                Some(refusal(404, "NOT_FOUND", &format!("project {project} not found")))
            }
            (Some(_), _) => Some(refusal(403, "FORBIDDEN", "forbidden")),
            (None, _) => Some(refusal(401, "UNAUTHORIZED", "unauthorized")),
        }
    }

    /// A page, refused where 2.x refuses and cut where 1.10 cuts.
    pub(super) fn paged(
        &self,
        asked: &Asked<'_>,
        total: usize,
        read: impl FnOnce(usize, usize) -> Vec<Value>,
    ) -> Reply {
        let number = |name: &str, usual: usize| {
            asked.query.get(name).map_or(Some(usual), |it| it.parse().ok())
        };
        let (Some(page), Some(size)) = (number("page", 1), number("page_size", 10)) else {
            return refusal(422, "UNPROCESSABLE_ENTITY", "page in query must be of type int64");
        };
        if page == 0 || size == 0 {
            return refusal(400, "BAD_REQUEST", "invalid page or page_size");
        }
        if size > PAGE && !self.old() {
            let text =
                "validation failure list:\npage_size in query should be less than or equal to 100";
            return refusal(422, "UNPROCESSABLE_ENTITY", text);
        }
        let size = size.min(PAGE);
        let items = read((page - 1) * size, size);
        let path = decode(asked.request.target.split('?').next().unwrap_or_default());
        let link = |page: usize, rel: &str| {
            format!("<{path}?page={page}&page_size={size}>; rel=\"{rel}\"")
        };
        let mut links = Vec::new();
        if page > 1 {
            links.push(link(page - 1, "prev"));
        }
        if page * size < total {
            links.push(link(page + 1, "next"));
        }
        let reply = Reply::new(200, Value::Array(items).to_string());
        let reply = reply.header("x-total-count", total.to_string());
        if links.is_empty() { reply } else { reply.header("link", links.join(" , ")) }
    }
}

/// What a session in a cookie needs and does not have (src/server/middleware/csrf).
fn forged(request: &Seen) -> Option<Reply> {
    let session = request.header("cookie").is_some_and(|it| it.contains("sid="));
    let safe = matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS");
    let token = request.header("x-harbor-csrf-token").is_some();
    let text = "CSRF token not found in request";
    (session && !safe && !token).then(|| refusal(403, "FORBIDDEN", text))
}

fn project(it: &Project) -> Value {
    json!({
        "project_id": it.id, "name": it.name,
        "metadata": {"public": it.public.to_string(), "prevent_vul": it.protected.to_string()},
    })
}

fn artifact(content: &Content, it: &Item, query: &BTreeMap<String, String>) -> Value {
    let kind = match it.config_type.as_str() {
        "application/vnd.cncf.helm.config.v1+json" => "CHART",
        _ => "IMAGE",
    };
    let mut out = json!({
        "digest": it.blob.digest.as_str(), "type": kind, "size": it.size,
        "media_type": it.config_type, "manifest_media_type": it.blob.media_type,
        "push_time": it.pushed.to_string(), "extra_attrs": null, "tags": null,
    });
    if let Some(platform) = &it.platform {
        out["extra_attrs"] = json!({
            "architecture": platform.architecture, "os": platform.os, "config": {"Cmd": ["/bin/sh"]},
        });
    }
    if query.get("with_tag").is_none_or(|it| it == "true") && !it.tags.is_empty() {
        let tag = |(name, pushed): &(String, Timestamp)| json!({"name": name, "push_time": pushed.to_string(), "immutable": false});
        out["tags"] = it.tags.iter().map(tag).collect();
    }
    if !it.children.is_empty() {
        let reference = |(digest, platform): &(model::Digest, Option<model::Platform>)| {
            let (os, architecture) = platform
                .as_ref()
                .map_or(("unknown", "unknown"), |it| (it.os.as_str(), it.architecture.as_str()));
            let platform = json!({"os": os, "architecture": architecture});
            json!({"child_digest": digest.as_str(), "platform": platform})
        };
        out["references"] = it.children.iter().map(reference).collect();
    }
    if query.get("with_accessory").is_some_and(|it| it == "true") {
        let attached = content.attached(&it.blob.digest);
        out["accessories"] = attached
            .map(|(it, kind)| json!({"digest": it.blob.digest.as_str(), "type": kind, "size": it.size}))
            .collect();
    }
    out
}
