//! The registry of an instance, with its token service. It has no catalog.
use super::{Lease, State};
use crate::{
    http::{Reply, Seen},
    registry::{What, error},
    shelf::{basic_of, date, split_v2},
};
use serde_json::json;
use std::time::Instant;

impl State {
    pub(super) fn registry(&mut self, id: &str, request: &Seen) -> Reply {
        let fault = self.fault(request);
        if let Some(What::Reply(reply)) = fault {
            return reply;
        }
        let reply = match request.target.starts_with("/auth") {
            true => self.token(id, request),
            false => self.content(id, request),
        };
        let reply = reply.header("date", date(self.skew_seconds));
        match fault {
            Some(What::Wire(wire)) => reply.wire(wire),
            _ => reply,
        }
    }

    /// A token for whoever has a password of the API that has not ended.
    fn token(&mut self, id: &str, request: &Seen) -> Reply {
        let sent = basic_of(request).filter(|it| it.0 == "cr_temp_user");
        let number = sent.and_then(|it| it.1.strip_prefix("password-")?.parse::<usize>().ok());
        let lease = number.and_then(|it| self.passwords.get(it));
        if !lease.is_some_and(|it| it.is_good(id)) {
            return Reply::new(401, error("UNAUTHORIZED", "authentication required"));
        }
        let seconds = self.token_seconds;
        let (instance, since) = (id.to_owned(), Instant::now());
        self.tokens.push(Lease { instance, since, seconds: seconds as f64 });
        let token = format!("acr-token-{}", self.tokens.len() - 1);
        Reply::new(
            200,
            json!({"token": token, "access_token": token, "expires_in": seconds}).to_string(),
        )
    }

    fn content(&mut self, id: &str, request: &Seen) -> Reply {
        let Some(instance) = self.instances.get(id) else { return Reply::new(404, "") };
        let sent =
            request.header("authorization").and_then(|it| it.strip_prefix("Bearer acr-token-"));
        let lease = sent.and_then(|it| self.tokens.get(it.parse::<usize>().ok()?));
        if !lease.is_some_and(|it| it.is_good(id)) {
            let service = format!("registry.aliyuncs.com:{}:china:{id}", instance.region);
            let realm = format!("http://{}/auth", instance.host);
            let challenge = format!("Bearer realm=\"{realm}\",service=\"{service}\"");
            let reply = Reply::new(401, error("UNAUTHORIZED", "authentication required"));
            return reply.header("www-authenticate", challenge);
        }
        match split_v2(&request.target) {
            Some((repository, rest)) => instance.shelf.serve(request, repository, rest),
            None if request.target == "/v2/" => Reply::new(200, "{}"),
            None => Reply::new(404, error("UNSUPPORTED", "the operation is unsupported")),
        }
    }
}
