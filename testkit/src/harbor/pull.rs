//! The registry's side: tokens, manifests, blobs (src/server/middleware/v2auth, src/core/service/token).
use super::{State, Token, User, refusal};
use crate::{
    http::{Reply, Seen},
    shelf::{query, split_v2},
};
use serde_json::json;
use std::time::Instant;

impl State {
    /// A token for whoever asks; what it is good for shows when it is used. Without any scope it is
    /// a login, and nobody cannot log in.
    pub(super) fn token(&mut self, request: &Seen) -> Reply {
        let user = self.user(request);
        if user.is_none() && !query(&request.target).contains_key("scope") {
            return refusal(401, "UNAUTHORIZED", "unauthorized");
        }
        let user = user.map_or(String::new(), |it| it.name);
        self.tokens.push(Token { user, since: Instant::now(), seconds: self.token_seconds });
        let token = format!("harbor-token-{}", self.tokens.len() - 1);
        let seconds = self.token_seconds;
        let body = json!({"token": token, "access_token": token, "expires_in": seconds});
        Reply::new(200, body.to_string())
    }

    pub(super) fn pull(&mut self, request: &Seen) -> Reply {
        let user = self.user(request);
        if request.target == "/v2/" {
            return match user {
                Some(_) => Reply::new(200, "{}"),
                None => self.challenge(request, ""),
            };
        }
        if request.target.starts_with("/v2/_catalog") {
            if !user.is_some_and(|it| it.admin) {
                let reply = refusal(401, "UNAUTHORIZED", "unauthorized to list catalog");
                return reply.header("www-authenticate", "Basic realm=\"harbor\"");
            }
            let names: Vec<&String> = self.shelf.repositories().map(|it| it.0).collect();
            return Reply::new(200, json!({"repositories": names}).to_string());
        }
        let Some((repository, rest)) = split_v2(&request.target) else {
            return refusal(404, "NOT_FOUND", "no such page");
        };
        let project = repository.split('/').next().unwrap_or_default();
        if !self.may_pull(user.as_ref(), project) || request.header("authorization").is_none() {
            return self.challenge(request, repository);
        }
        let held = self.projects.iter().any(|it| it.name == project && it.protected);
        if held && rest.starts_with("manifests/") {
            let text =
                "current image with 3 vulnerabilities cannot be pulled due to configured policy";
            return refusal(412, "PROJECTPOLICYVIOLATION", text);
        }
        self.shelf.serve(request, repository, rest)
    }

    fn may_pull(&self, user: Option<&User>, project: &str) -> bool {
        let public = self.projects.iter().any(|it| it.name == project && it.public);
        public || user.is_some_and(|it| it.can(project, "repository:pull"))
    }

    /// Where to get a token, for those who have sent nothing; those who have are told to log in.
    fn challenge(&self, request: &Seen, repository: &str) -> Reply {
        let challenge = match (request.header("authorization"), repository) {
            (Some(_), _) => "Basic realm=\"harbor\"".to_owned(),
            (None, it) => {
                let scope = format!(",scope=\"repository:{it}:pull\"");
                let scope = if it.is_empty() { String::new() } else { scope };
                let realm = format!("http://{}/service/token", self.host);
                format!("Bearer realm=\"{realm}\",service=\"harbor-registry\"{scope}")
            }
        };
        let reply = refusal(401, "UNAUTHORIZED", "unauthorized to access repository");
        reply
            .header("www-authenticate", challenge)
            .header("docker-distribution-api-version", "registry/2.0")
    }
}
