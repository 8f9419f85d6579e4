//! A simulated Alibaba Cloud: the OpenAPI of Container Registry (product `cr`, 2018-12-01), the
//! registries of its Enterprise instances, and the metadata service of a machine with a role.
//!
//! It holds to the documents: signatures of both versions are computed anew and compared, nonces
//! are good once, clocks may be 15 minutes apart, more than 15 calls in a second are throttled,
//! totals are strings, digests have no prefix, failures come with HTTP 200 and `IsSuccess: false`
//! where they are the product's, passwords and tokens end, lists have pages.
mod api;
mod metadata;
mod pull;
mod sign;

use crate::{
    http::{Reply, Seen, Server, ask},
    image::BuiltImage,
    registry::{Fault, What},
    shelf::{Behind, Shelf, date},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

/// A simulated Alibaba Cloud on a free port of this machine: of its API and of its metadata service.
/// Each instance has a port of its own. All end when dropped.
pub struct Acr {
    server: Server,
    /// Dropped before the state is: they ask it.
    registries: Mutex<BTreeMap<String, Server>>,
    state: Arc<Mutex<State>>,
}

struct State {
    host: String,
    keys: Vec<Key>,
    instances: BTreeMap<String, Instance>,
    nonces: BTreeSet<String>,
    taken: Vec<Instant>,
    calls_per_second: usize,
    old: bool,
    numbers: bool,
    hardened: bool,
    role: Option<String>,
    skew_seconds: i64,
    password_seconds: f64,
    token_seconds: u64,
    passwords: Vec<Lease>,
    tokens: Vec<Lease>,
    triggers: u64,
    faults: Vec<Fault>,
}

#[derive(Clone)]
struct Key {
    id: String,
    secret: String,
    token: Option<String>,
    /// Actions that it has no right to.
    denied: BTreeSet<String>,
}

struct Instance {
    name: String,
    region: String,
    host: String,
    shelf: Shelf,
    triggers: BTreeMap<String, Vec<Value>>,
}

/// Something that was given out for a time, by its number, for an instance.
struct Lease {
    instance: String,
    since: Instant,
    seconds: f64,
}

impl Acr {
    /// An empty cloud, in which the key `testid` with the secret `testsecret` may do everything.
    pub fn start() -> Acr {
        let key = Key {
            id: "testid".to_owned(),
            secret: "testsecret".to_owned(),
            token: None,
            denied: BTreeSet::new(),
        };
        let state = Arc::new(Mutex::new(State {
            host: String::new(),
            keys: vec![key],
            instances: BTreeMap::new(),
            nonces: BTreeSet::new(),
            taken: Vec::new(),
            calls_per_second: 15,
            old: false,
            numbers: false,
            hardened: false,
            role: None,
            skew_seconds: 0,
            password_seconds: 3600.0,
            token_seconds: 600,
            passwords: Vec::new(),
            tokens: Vec::new(),
            triggers: 0,
            faults: Vec::new(),
        }));
        let server = {
            let state = Arc::clone(&state);
            Server::start(move |request| state.lock().unwrap().answer(request))
        };
        state.lock().unwrap().host = server.host();
        Acr { server, registries: Mutex::default(), state }
    }

    /// Adds an Enterprise instance (`cri-...`); the host of its registry.
    pub fn instance(&self, id: &str, region: &str) -> String {
        self.instance_before(id, region, Behind::default())
    }

    /// The same, with the blobs in another registry.
    pub fn instance_before(&self, id: &str, region: &str, behind: Behind) -> String {
        let server = {
            let (state, id) = (Arc::clone(&self.state), id.to_owned());
            Server::start(move |request| state.lock().unwrap().registry(&id, request))
        };
        let host = server.host();
        let instance = Instance {
            name: format!("name-of-{id}"),
            region: region.to_owned(),
            host: host.clone(),
            shelf: Shelf::new(behind),
            triggers: BTreeMap::new(),
        };
        self.state().instances.insert(id.to_owned(), instance);
        self.registries.lock().unwrap().insert(id.to_owned(), server);
        host
    }

    /// Takes an instance away.
    pub fn release(&self, id: &str) {
        self.state().instances.remove(id);
        drop(self.registries.lock().unwrap().remove(id));
    }

    /// Adds a key, with the token that has to come along where there is one.
    pub fn key(&self, id: &str, secret: &str, token: Option<&str>) {
        let (id, secret, token) = (id.to_owned(), secret.to_owned(), token.map(str::to_owned));
        self.state().keys.push(Key { id, secret, token, denied: BTreeSet::new() });
    }

    /// Takes the right to an action from a key.
    pub fn deny(&self, id: &str, action: &str) {
        let mut state = self.state();
        let key = state.keys.iter_mut().find(|it| it.id == id).unwrap();
        key.denied.insert(action.to_owned());
    }

    /// Gives the machine a role, whose key is that of this name.
    pub fn role(&self, key: &str) {
        self.state().role = Some(key.to_owned());
    }

    /// Lets the metadata service answer only to those who have fetched a token.
    pub fn harden(&self) {
        self.state().hardened = true;
    }

    /// Lets the gateway know signatures of the first version only.
    pub fn age(&self) {
        self.state().old = true;
    }

    /// Throttles beyond so many calls in a second, instead of 15.
    pub fn calls_per_second(&self, calls: usize) {
        self.state().calls_per_second = calls;
    }

    /// Writes totals as numbers instead of strings.
    pub fn numbers(&self) {
        self.state().numbers = true;
    }

    /// Sets the clock wrong.
    pub fn set_clock(&self, skew_seconds: i64) {
        self.state().skew_seconds = skew_seconds;
    }

    /// Lets passwords and tokens for pulling last so long.
    pub fn lifetimes(&self, password_seconds: f64, token_seconds: u64) {
        let mut state = self.state();
        (state.password_seconds, state.token_seconds) = (password_seconds, token_seconds);
    }

    /// Puts an image in, silently: `namespace/repository`.
    pub fn put(&self, instance: &str, repository: &str, tag: &str, image: &BuiltImage) {
        self.shelf(instance, |it| it.put(repository, Some(tag), image));
    }

    /// Lets a repository have `count` tags, `t000000` and on, which take no room.
    pub fn series(&self, instance: &str, repository: &str, count: usize, base: &BuiltImage) {
        self.shelf(instance, |it| it.series(repository, count, base));
    }

    /// Lets a tag of such a repository point to another image, silently.
    pub fn advance(&self, instance: &str, repository: &str, number: usize) {
        self.shelf(instance, |it| it.advance(repository, number));
    }

    /// Takes a tag or a manifest away.
    pub fn delete(&self, instance: &str, repository: &str, reference: &str) {
        self.shelf(instance, |it| it.delete(repository, reference));
    }

    /// Takes a repository away.
    pub fn remove(&self, instance: &str, repository: &str) {
        self.shelf(instance, |it| it.remove(repository));
    }

    /// Pushes an image as a client does: triggers are called. The statuses that they answer with.
    pub fn push(
        &self,
        instance: &str,
        repository: &str,
        tag: &str,
        image: &BuiltImage,
    ) -> Vec<u16> {
        self.put(instance, repository, tag, image);
        let state = self.state();
        let here = &state.instances[instance];
        let triggers = here.triggers.get(&api::repository_id(repository)).cloned();
        let region = here.region.clone();
        drop(state);
        let (namespace, name) = repository.split_once('/').unwrap();
        let now = Timestamp::now().strftime("%Y-%m-%d %H:%M:%S").to_string();
        let body = json!({
            "push_data": {"digest": image.manifest.digest.as_str(), "pushed_at": now, "tag": tag},
            "repository": {
                "date_created": now, "name": name, "namespace": namespace, "region": region,
                "repo_authentication_type": "NO_CERTIFIED", "repo_full_name": repository,
                "repo_origin_type": "NO_CERTIFIED", "repo_type": "PRIVATE",
            },
        });
        let triggers = triggers.unwrap_or_default().into_iter();
        triggers.map(|it| call(it["TriggerUrl"].as_str().unwrap(), &body)).collect()
    }

    /// How many requests the registry of an instance has had with `text` in their path.
    pub fn pulls(&self, instance: &str, text: &str) -> usize {
        self.registries.lock().unwrap()[instance].count(text)
    }

    /// Lets the next `times` requests with `on` in their path go wrong, anywhere in the cloud.
    pub fn fail(&self, on: &str, times: usize, what: What) {
        self.state().faults.push(Fault { on: on.to_owned(), times, what });
    }

    fn shelf(&self, instance: &str, change: impl FnOnce(&mut Shelf)) {
        change(&mut self.state().instances.get_mut(instance).unwrap().shelf);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Deref for Acr {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

fn call(address: &str, body: &Value) -> u16 {
    let address = address.strip_prefix("http://").unwrap();
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    let headers = [("content-type", "application/json")];
    let answer = ask(host, "POST", &format!("/{path}"), &headers, body.to_string().as_bytes());
    answer.map_or(0, |it| it.status)
}

impl State {
    fn answer(&mut self, request: &Seen) -> Reply {
        match self.fault(request) {
            Some(What::Reply(reply)) => return reply,
            Some(What::Wire(wire)) => return Reply::new(200, "").wire(wire),
            _ => {}
        }
        let reply = match request.target.starts_with("/latest/") {
            true => self.metadata(request),
            false => self.api(request),
        };
        reply.header("date", date(self.skew_seconds))
    }

    fn fault(&mut self, request: &Seen) -> Option<What> {
        let on = |it: &&mut Fault| it.times > 0 && request.target.contains(&it.on);
        let fault = self.faults.iter_mut().find(on)?;
        fault.times -= 1;
        Some(fault.what.clone())
    }

    fn now(&self) -> Timestamp {
        let ms = Timestamp::now().as_millisecond() + self.skew_seconds * 1000;
        Timestamp::from_millisecond(ms).unwrap()
    }
}

impl Lease {
    fn is_good(&self, instance: &str) -> bool {
        self.instance == instance && self.since.elapsed().as_secs_f64() < self.seconds
    }
}
