//! A simulated Harbor, 2.x or 1.10, by its API's description (api/v2.0/swagger.yaml;
//! api/harbor/swagger.yaml for 1.10) and by what its source does where that says nothing.
//!
//! Blobs come from a registry behind it. It holds to: paging (at most 100 on a page, refused or cut),
//! `X-Total-Count`, `Link` that is not encoded, repositories encoded twice, projects by name or
//! number, users and robots with rights, tokens for pulling, forged requests when a cookie comes
//! along, read-only mode, 412 in projects that hold images back, webhooks in both formats.
mod api;
mod hooks;
mod pull;

use crate::{
    http::{Reply, Seen, Server},
    image::BuiltImage,
    registry::{Fault, What, error},
    shelf::{Behind, Shelf, basic_of, date},
};
use model::Digest;
use serde_json::Value;
use std::{
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

/// A simulated Harbor on a free port of this machine. Ends when dropped.
pub struct Harbor {
    server: Server,
    state: Arc<Mutex<State>>,
}

struct State {
    host: String,
    version: String,
    users: Vec<User>,
    projects: Vec<Project>,
    shelf: Shelf,
    tokens: Vec<Token>,
    token_seconds: u64,
    read_only: bool,
    skew_seconds: i64,
    policies: u64,
    /// Requests taken in a second, and when the last ones came.
    pace: Option<u32>,
    taken: Vec<Instant>,
}

/// Who may do what: `(project, right)`, with `*` for all projects and `/` for the system.
#[derive(Clone)]
struct User {
    name: String,
    secret: String,
    admin: bool,
    rights: Vec<(String, String)>,
}

struct Project {
    id: usize,
    name: String,
    public: bool,
    protected: bool,
    policies: Vec<Value>,
}

struct Token {
    user: String,
    since: Instant,
    seconds: u64,
}

impl Harbor {
    /// An empty Harbor of a version like `v2.13.1-abcdef`, which `admin` with the password `hush`
    /// may do everything with.
    pub fn start(version: &str) -> Harbor {
        Harbor::before(version, Behind::default())
    }

    /// The same, with the blobs in another registry.
    pub fn before(version: &str, behind: Behind) -> Harbor {
        let admin = User {
            name: "admin".to_owned(),
            secret: "hush".to_owned(),
            admin: true,
            rights: Vec::new(),
        };
        let state = Arc::new(Mutex::new(State {
            host: String::new(),
            version: version.to_owned(),
            users: vec![admin],
            projects: Vec::new(),
            shelf: Shelf::new(behind),
            tokens: Vec::new(),
            token_seconds: 1800,
            read_only: false,
            skew_seconds: 0,
            policies: 0,
            pace: None,
            taken: Vec::new(),
        }));
        let server = {
            let state = Arc::clone(&state);
            Server::start(move |request| state.lock().unwrap().answer(request))
        };
        state.lock().unwrap().host = server.host();
        Harbor { server, state }
    }

    /// Makes a private project.
    pub fn project(&self, name: &str) {
        self.state().project(name);
    }

    /// Lets everybody see and pull a project.
    pub fn publish(&self, project: &str) {
        self.state().project(project).public = true;
    }

    /// Lets nothing be pulled from a project, as if all its images were vulnerable.
    pub fn protect(&self, project: &str) {
        self.state().project(project).protected = true;
    }

    /// Takes a project away, with all that is in it.
    pub fn remove_project(&self, name: &str) {
        let mut state = self.state();
        state.projects.retain(|it| it.name != name);
        let start = format!("{name}/");
        let gone: Vec<String> = state.shelf.repositories().map(|it| it.0.clone()).collect();
        gone.iter().filter(|it| it.starts_with(&start)).for_each(|it| state.shelf.remove(it));
    }

    /// Adds a robot (`robot$...`) or a user, with these rights: `("shop", "artifact:list")`,
    /// `("*", "repository:pull")`, `("/", "project:list")`.
    pub fn robot(&self, name: &str, secret: &str, rights: &[(&str, &str)]) {
        let rights = rights.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let (name, secret) = (name.to_owned(), secret.to_owned());
        self.state().users.push(User { name, secret, admin: false, rights });
    }

    /// Puts an image in, silently: `project/repository`, which come into being by it.
    pub fn put(&self, repository: &str, tag: &str, image: &BuiltImage) {
        let mut state = self.state();
        state.project(repository.split('/').next().unwrap());
        state.shelf.put(repository, Some(tag), image);
    }

    /// Puts an image in that no tag points to, silently.
    pub fn put_untagged(&self, repository: &str, image: &BuiltImage) {
        let mut state = self.state();
        state.project(repository.split('/').next().unwrap());
        state.shelf.put(repository, None, image);
    }

    /// Attaches an artifact to an image: `signature.cosign`, `sbom.harbor`...
    pub fn attach(&self, repository: &str, artifact: &BuiltImage, to: &Digest, kind: &str) {
        let mut state = self.state();
        state.shelf.put(repository, None, artifact);
        state.shelf.attach(repository, &artifact.manifest.digest, to, kind);
    }

    /// Lets a repository have `count` tags, `t000000` and on, which take no room.
    pub fn series(&self, repository: &str, count: usize, base: &BuiltImage) {
        let mut state = self.state();
        state.project(repository.split('/').next().unwrap());
        state.shelf.series(repository, count, base);
    }

    /// Lets a tag of such a repository point to another image, silently.
    pub fn advance(&self, repository: &str, number: usize) {
        self.state().shelf.advance(repository, number);
    }

    /// Lets a tag point to what is there already, as the console does: nobody is told.
    pub fn retag(&self, repository: &str, tag: &str, digest: &Digest) {
        self.state().shelf.retag(repository, tag, digest);
    }

    /// Takes a tag or a manifest away, silently.
    pub fn delete(&self, repository: &str, reference: &str) {
        self.state().shelf.delete(repository, reference);
    }

    /// Takes a repository away, silently.
    pub fn remove(&self, repository: &str) {
        self.state().shelf.remove(repository);
    }

    /// Switches read-only mode.
    pub fn read_only(&self, on: bool) {
        self.state().read_only = on;
    }

    /// Sets the clock wrong.
    pub fn set_clock(&self, skew_seconds: i64) {
        self.state().skew_seconds = skew_seconds;
    }

    /// Lets tokens for pulling last so long.
    pub fn token_seconds(&self, seconds: u64) {
        self.state().token_seconds = seconds;
    }

    /// Takes no more than so many requests in a second; the others get 429.
    pub fn throttle(&self, per_second: u32) {
        self.state().pace = Some(per_second);
    }

    /// Lets the next `times` requests with `on` in their path go wrong.
    pub fn fail(&self, on: &str, times: usize, what: What) {
        self.state().shelf.faults.push(Fault { on: on.to_owned(), times, what });
    }

    /// Lets nothing go wrong any more.
    pub fn heal(&self) {
        self.state().shelf.faults.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Deref for Harbor {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl State {
    fn old(&self) -> bool {
        self.version.starts_with("v1.")
    }

    fn project(&mut self, name: &str) -> &mut Project {
        if !self.projects.iter().any(|it| it.name == name) {
            let id = self.projects.last().map_or(1, |it| it.id + 1);
            let (name, policies) = (name.to_owned(), Vec::new());
            let project = Project { id, name, public: false, protected: false, policies };
            self.projects.push(project);
        }
        self.projects.iter_mut().find(|it| it.name == name).unwrap()
    }

    /// Who asks, if Harbor knows them. Others are nobody, and not refused for it.
    fn user(&self, request: &Seen) -> Option<User> {
        if let Some(token) =
            request.header("authorization").and_then(|it| it.strip_prefix("Bearer "))
        {
            let number: usize = token.strip_prefix("harbor-token-")?.parse().ok()?;
            let token = self.tokens.get(number)?;
            let good = token.since.elapsed().as_secs() < token.seconds;
            return self.users.iter().find(|it| good && it.name == token.user).cloned();
        }
        let (name, secret) = basic_of(request)?;
        self.users.iter().find(|it| it.name == name && it.secret == secret).cloned()
    }

    fn answer(&mut self, request: &Seen) -> Reply {
        let fault = self.shelf.fault(request);
        if let Some(What::Reply(reply)) = fault {
            return reply;
        }
        if self.too_fast() {
            return refusal(429, "TOO_MANY_REQUEST", "too many requests");
        }
        let mut reply = match request.target.as_str() {
            it if it.starts_with("/v2/") => self.pull(request),
            it if it.starts_with("/service/token") => self.token(request),
            it if it.starts_with("/api/") => self.api(request),
            _ => Reply::new(404, "404 page not found"),
        };
        reply = reply.header("date", date(self.skew_seconds));
        if let Some(id) = request.header("x-request-id") {
            reply = reply.header("x-request-id", id);
        }
        match fault {
            Some(What::Wire(wire)) => reply.wire(wire),
            Some(What::Body(body)) => Reply { body, ..reply },
            _ => reply,
        }
    }

    fn too_fast(&mut self) -> bool {
        let Some(pace) = self.pace else { return false };
        self.taken.retain(|it| it.elapsed().as_millis() < 1000);
        let full = self.taken.len() >= pace as usize;
        if !full {
            self.taken.push(Instant::now());
        }
        full
    }
}

impl User {
    fn can(&self, project: &str, right: &str) -> bool {
        let fits = |it: &str| it == project || (it == "*" && project != "/");
        self.admin || self.rights.iter().any(|it| fits(&it.0) && it.1 == right)
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::new(status, error(code, message)).header("content-type", "application/json")
}
