//! The metadata service of an ECS instance ("Instance metadata", "Instance RAM roles").
use super::State;
use crate::http::{Reply, Seen};
use serde_json::json;

const TOKEN: &str = "metadata-token";
const ROLE: &str = "RoleOfTheMachine";

impl State {
    pub(super) fn metadata(&self, request: &Seen) -> Reply {
        if request.target == "/latest/api/token" {
            let life = request.header("x-aliyun-ecs-metadata-token-ttl-seconds");
            let good =
                life.and_then(|it| it.parse().ok()).is_some_and(|it| (1..=21600).contains(&it));
            return match request.method.as_str() {
                "PUT" if good => Reply::new(200, TOKEN),
                "PUT" => Reply::new(400, "bad token ttl"),
                _ => Reply::new(405, ""),
            };
        }
        if self.hardened && request.header("x-aliyun-ecs-metadata-token") != Some(TOKEN) {
            return Reply::new(403, "forbidden");
        }
        let folder = "/latest/meta-data/ram/security-credentials/";
        let key = self.keys.iter().find(|it| self.role.as_ref() == Some(&it.id));
        let Some(key) = key.filter(|_| request.method == "GET") else {
            return Reply::new(404, "not found");
        };
        match request.target.strip_prefix(folder) {
            Some("") => Reply::new(200, ROLE),
            Some(ROLE) => {
                let until = self.now() + jiff::SignedDuration::from_secs(6 * 3600);
                let body = json!({
                    "AccessKeyId": key.id, "AccessKeySecret": key.secret,
                    "SecurityToken": key.token, "Code": "Success",
                    "Expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                    "LastUpdated": self.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                });
                Reply::new(200, body.to_string())
            }
            _ => Reply::new(404, "not found"),
        }
    }
}
