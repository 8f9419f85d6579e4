//! The actions of the API.
use super::{Lease, State};
use crate::{
    http::{Reply, Seen},
    shelf::{Item, query},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

/// The largest page, and the usual one.
const PAGE: usize = 100;
const USUAL: usize = 30;

type Parameters = BTreeMap<String, String>;

impl State {
    pub(super) fn api(&mut self, request: &Seen) -> Reply {
        let (key, action) = match self.signer(request) {
            Ok(it) => it,
            Err(reply) => return reply,
        };
        self.taken.retain(|it| it.elapsed().as_millis() < 1000);
        if self.taken.len() >= self.calls_per_second {
            return fault(400, "Throttling.User", "Request was denied due to user flow control.");
        }
        self.taken.push(Instant::now());
        if key.denied.contains(&action) {
            let text = "User not authorized to operate on the specified resource, or this API doesn't support RAM.";
            return fault(403, "Forbidden.RAM", text);
        }
        let parameters = query(&request.target);
        self.act(&action, &parameters).unwrap_or_else(|it| it)
    }

    fn act(&mut self, action: &str, parameters: &Parameters) -> Result<Reply, Reply> {
        if action == "ListInstance" {
            return self.list_instances(parameters);
        }
        let id = need(parameters, "InstanceId")?;
        if !self.instances.contains_key(id) {
            return Err(failure("INSTANCE_NOT_EXIST", "instance is not exist"));
        }
        match action {
            "ListInstanceEndpoint" => self.endpoints(id),
            "ListNamespace" => self.list_namespaces(id, parameters),
            "ListRepository" => self.list_repositories(id, parameters),
            "ListRepoTag" => self.list_tags(id, parameters),
            "GetAuthorizationToken" => self.password(id),
            "ListRepoTrigger" | "CreateRepoTrigger" | "DeleteRepoTrigger" => {
                self.trigger(action, id, parameters)
            }
            _ => Err(fault(404, "InvalidAction.NotFound", "Specified api is not found.")),
        }
    }

    fn list_instances(&self, parameters: &Parameters) -> Result<Reply, Reply> {
        let region = need(parameters, "RegionId")?;
        let here = self.instances.iter().filter(|it| it.1.region == *region);
        let all: Vec<Value> = here
            .map(|(id, it)| {
                json!({
                    "InstanceId": id, "InstanceName": it.name, "InstanceStatus": "RUNNING",
                    "InstanceSpecification": "Enterprise_Basic", "RegionId": it.region,
                })
            })
            .collect();
        self.paged("Instances", parameters, &all)
    }

    fn endpoints(&self, id: &str) -> Result<Reply, Reply> {
        let it = &self.instances[id];
        let domain = |host: &str| json!([{"Type": "SYSTEM", "Domain": host}]);
        Ok(success(json!({"Endpoints": [
            {"EndpointType": "internet", "Enable": true, "Status": "RUNNING", "AclEnable": false,
             "Domains": domain(&it.host)},
            {"EndpointType": "vpc", "Enable": false, "Status": "RUNNING", "Domains": []},
        ]})))
    }

    fn list_namespaces(&self, id: &str, parameters: &Parameters) -> Result<Reply, Reply> {
        let names = self.instances[id].shelf.repositories();
        let names: BTreeSet<&str> = names.map(|it| it.0.split('/').next().unwrap()).collect();
        let all: Vec<Value> = names
            .iter()
            .map(|it| json!({"NamespaceName": it, "NamespaceId": format!("crn-{it}"), "NamespaceStatus": "NORMAL"}))
            .collect();
        self.paged("Namespaces", parameters, &all)
    }

    fn list_repositories(&self, id: &str, parameters: &Parameters) -> Result<Reply, Reply> {
        let part = |name: &str| parameters.get(name).cloned().unwrap_or_default();
        let (namespace, wanted) = (part("RepoNamespaceName"), part("RepoName"));
        let all: Vec<Value> = self.instances[id]
            .shelf
            .repositories()
            .map(|(name, content)| (name, name.split_once('/').unwrap(), content))
            .filter(|it| (namespace.is_empty() || it.1.0 == namespace) && it.1.1.contains(&wanted))
            .map(|(name, (namespace, short), content)| {
                json!({
                    "RepoId": repository_id(name), "RepoName": short, "RepoNamespaceName": namespace,
                    "RepoStatus": "NORMAL", "RepoType": "PRIVATE", "InstanceId": id,
                    "CreateTime": 1_564_153_576_000_u64,
                    "ModifiedTime": content.touched.as_millisecond(),
                })
            })
            .collect();
        self.paged("Repositories", parameters, &all)
    }

    fn list_tags(&self, id: &str, parameters: &Parameters) -> Result<Reply, Reply> {
        let name = self.repository(id, parameters)?;
        let content = self.instances[id].shelf.content(&name).unwrap();
        let (page, size) = page(parameters)?;
        // A series has one tag an image; what was put in may have several, and is short.
        let stored: Vec<Value> = content.items.iter().flat_map(tags).collect();
        let from = (page - 1) * size;
        let own = stored.iter().skip(from).take(size).cloned();
        let left = size - own.len();
        let rest = content.series_slice(from.saturating_sub(stored.len()), left);
        let items: Vec<Value> = own.chain(rest.flat_map(|it| tags(&it))).collect();
        Ok(self.page_of("Images", (page, size), stored.len() + content.series_len(), items))
    }

    fn password(&mut self, id: &str) -> Result<Reply, Reply> {
        let seconds = self.password_seconds;
        self.passwords.push(Lease { instance: id.to_owned(), since: Instant::now(), seconds });
        let until = self.now().as_millisecond() + (seconds * 1000.0) as i64;
        let password = format!("password-{}", self.passwords.len() - 1);
        Ok(success(json!({
            "TempUsername": "cr_temp_user", "AuthorizationToken": password, "ExpireTime": until,
        })))
    }

    fn trigger(&mut self, action: &str, id: &str, parameters: &Parameters) -> Result<Reply, Reply> {
        let repository = repository_id(&self.repository(id, parameters)?);
        self.triggers += 1;
        let number = self.triggers;
        let all = &mut self.instances.get_mut(id).unwrap().triggers;
        let all = all.entry(repository).or_default();
        if action == "ListRepoTrigger" {
            return Ok(success(json!({"Triggers": all})));
        }
        if action == "DeleteRepoTrigger" {
            let trigger = need(parameters, "TriggerId")?;
            all.retain(|it| it["TriggerId"] != *trigger);
            return Ok(success(json!({})));
        }
        let kind = need(parameters, "TriggerType")?;
        if !["ALL", "TAG_LIST", "TAG_LISTTAG", "TAG_REG_EXP"].contains(&kind.as_str()) {
            return Err(failure("TRIGGER_TYPE_INVALID", "trigger type is invalid"));
        }
        let trigger = format!("crw-{number}");
        all.push(json!({
            "TriggerId": trigger, "TriggerName": need(parameters, "TriggerName")?,
            "TriggerUrl": need(parameters, "TriggerUrl")?, "TriggerType": kind,
            "TriggerTag": need(parameters, "TriggerTag")?, "RepoEvent": "BUILD_SUCCESS",
        }));
        Ok(success(json!({"TriggerId": trigger})))
    }

    fn repository(&self, id: &str, parameters: &Parameters) -> Result<String, Reply> {
        let wanted = need(parameters, "RepoId")?;
        let mut names = self.instances[id].shelf.repositories().map(|it| it.0);
        let found = names.find(|it| repository_id(it) == *wanted).cloned();
        found.ok_or_else(|| failure("REPO_NOT_EXIST", "repo is not exist"))
    }

    fn paged(&self, what: &str, parameters: &Parameters, all: &[Value]) -> Result<Reply, Reply> {
        let (page, size) = page(parameters)?;
        let items = all.iter().skip((page - 1) * size).take(size).cloned().collect();
        Ok(self.page_of(what, (page, size), all.len(), items))
    }

    fn page_of(
        &self,
        what: &str,
        (page, size): (usize, usize),
        total: usize,
        items: Vec<Value>,
    ) -> Reply {
        let total = if self.numbers { json!(total) } else { json!(total.to_string()) };
        success(json!({what: items, "TotalCount": total, "PageNo": page, "PageSize": size}))
    }
}

/// `crr-` and something that is made of the name.
pub(super) fn repository_id(name: &str) -> String {
    format!("crr-{}", &crate::image::sha256(name.as_bytes()).hex()[..16])
}

fn tags(it: &Item) -> Vec<Value> {
    let (digest, size) = (it.blob.digest.hex().to_owned(), it.size);
    let tag = |(name, pushed): &(String, jiff::Timestamp)| {
        let pushed = pushed.as_millisecond();
        json!({
            "Tag": name, "Digest": digest, "ImageId": digest, "ImageSize": size, "Status": "NORMAL",
            "ImageCreate": pushed, "ImageUpdate": pushed,
        })
    };
    it.tags.iter().map(tag).collect()
}

fn need<'a>(parameters: &'a Parameters, name: &str) -> Result<&'a String, Reply> {
    let missing =
        || fault(400, &format!("Missing{name}"), &format!("{name} is mandatory for this action."));
    parameters.get(name).filter(|it| !it.is_empty()).ok_or_else(missing)
}

fn page(parameters: &Parameters) -> Result<(usize, usize), Reply> {
    let number =
        |name: &str, usual: usize| parameters.get(name).map_or(Some(usual), |it| it.parse().ok());
    match (number("PageNo", 1), number("PageSize", USUAL)) {
        (Some(page), Some(size)) if page > 0 && (1..=PAGE).contains(&size) => Ok((page, size)),
        _ => Err(fault(400, "InvalidParameter", "PageNo or PageSize is not valid.")),
    }
}

fn success(mut body: Value) -> Reply {
    body["IsSuccess"] = json!(true);
    body["Code"] = json!("success");
    body["RequestId"] = json!("B79F5E0E-0000-4000-8000-000000000000");
    Reply::new(200, body.to_string())
}

/// What the product says no to: with HTTP 200.
fn failure(code: &str, message: &str) -> Reply {
    let id = "B79F5E0E-0000-4000-8000-000000000000";
    let body = json!({"IsSuccess": false, "Code": code, "Message": message, "RequestId": id});
    Reply::new(200, body.to_string())
}

/// What the gateway says no to.
pub(super) fn fault(status: u16, code: &str, message: &str) -> Reply {
    let id = "B79F5E0E-0000-4000-8000-000000000000";
    let host = "cr.aliyuncs.com";
    let body = json!({"RequestId": id, "HostId": host, "Code": code, "Message": message});
    Reply::new(status, body.to_string())
}
