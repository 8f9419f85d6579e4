//! A registry in this process, which can be told to fail in every way that registries do
//! (OCI distribution specification; for tokens the "Docker Registry v2 authentication" pages).
use crate::{
    http::{Reply, Seen, Server, Wire},
    image::{BuiltImage, INDEX, sha256},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{Arc, Mutex},
};

/// A registry on a free port of this machine. It knows all requests that it has seen.
pub struct Registry {
    server: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    host: String,
    auth: Auth,
    blobs: BTreeMap<String, Vec<u8>>,
    /// Media type and bytes by `repository:tag` and `repository@digest`.
    manifests: BTreeMap<String, (String, Vec<u8>)>,
    faults: Vec<Fault>,
    /// Uses left of each token given out, and whether it is for pushing too.
    tokens: Vec<(usize, bool)>,
}

/// Who may read.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// Everybody.
    #[default]
    Open,
    /// Who sends this user and password with each request.
    Basic(&'static str, &'static str),
    /// Who fetches a token: with this user and password, or with nothing when both are empty.
    Token {
        /// The user.
        user: &'static str,
        /// The password.
        password: &'static str,
        /// How many requests a token is good for.
        uses: usize,
    },
    /// Who fetches a token with this identity token, as a form encodes it.
    Identity(&'static str),
    /// This challenge for everybody, whatever is sent.
    Challenge(String),
}

/// Something that goes wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    /// For requests with this in their path.
    pub on: String,
    /// For so many of them.
    pub times: usize,
    /// What happens.
    pub what: What,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum What {
    /// The right answer goes over the line like this.
    Wire(Wire),
    /// This answer instead.
    Reply(Reply),
    /// The right answer with this body.
    Body(Vec<u8>),
    /// `Range` is ignored.
    NoRange,
    /// `Range` is answered as if it began so many bytes earlier.
    WrongRange(u64),
    /// The reader is sent to the same path of this origin.
    Redirect(String),
}

impl Registry {
    /// An empty registry.
    pub fn start(auth: Auth) -> Registry {
        let state = Arc::new(Mutex::new(State { auth, ..State::default() }));
        let server = {
            let state = Arc::clone(&state);
            Server::start(move |request| state.lock().unwrap().answer(request))
        };
        state.lock().unwrap().host = server.host();
        Registry { server, state }
    }

    /// Puts `image`, its blobs and its children in, under `repository` and `tag`.
    pub fn put(&self, repository: &str, tag: &str, image: &BuiltImage) {
        let manifest = &image.manifest;
        self.put_manifest(repository, tag, &manifest.media_type, &manifest.bytes);
        for blob in &image.blobs {
            self.put_blob(blob.digest.as_str(), &blob.bytes);
        }
        for child in &image.children {
            self.put(repository, child.manifest.digest.as_str(), child);
        }
    }

    /// Puts bytes in as a manifest, under `tag` and under their digest.
    pub fn put_manifest(&self, repository: &str, tag: &str, media_type: &str, bytes: &[u8]) {
        self.state.lock().unwrap().keep(repository, tag, media_type, bytes);
    }

    /// Puts `artifact` in, and makes the registry list it among what is attached to its subject
    /// (OCI distribution specification, "Listing Referrers"). Without any, that list is not there.
    pub fn attach(&self, repository: &str, artifact: &BuiltImage) {
        self.put(repository, artifact.manifest.digest.as_str(), artifact);
        let manifest: Value = serde_json::from_slice(&artifact.manifest.bytes).unwrap();
        let mut entry = artifact.manifest.descriptor();
        entry["artifactType"] = manifest["artifactType"].clone();
        let subject = manifest["subject"]["digest"].as_str().unwrap();
        let key = format!("{repository}/referrers/{subject}");
        let mut state = self.state.lock().unwrap();
        let (media_type, bytes) = state.manifests.entry(key).or_insert_with(|| {
            (INDEX.to_owned(), json!({"schemaVersion": 2, "manifests": []}).to_string().into())
        });
        let mut index: Value = serde_json::from_slice(bytes).unwrap();
        index["manifests"].as_array_mut().unwrap().push(entry);
        (*media_type, *bytes) = (INDEX.to_owned(), index.to_string().into());
    }

    /// Puts bytes in under a digest, which need not be theirs.
    pub fn put_blob(&self, digest: &str, bytes: &[u8]) {
        self.state.lock().unwrap().blobs.insert(digest.to_owned(), bytes.to_vec());
    }

    /// Lets the next `times` requests with `on` in their path go wrong.
    pub fn fail(&self, on: &str, times: usize, what: What) {
        self.state.lock().unwrap().faults.push(Fault { on: on.to_owned(), times, what });
    }
}

impl Deref for Registry {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl State {
    fn keep(&mut self, repository: &str, tag: &str, media_type: &str, bytes: &[u8]) {
        for reference in [tag, sha256(bytes).as_str()] {
            let key = format!("{repository}/manifests/{reference}");
            self.manifests.insert(key, (media_type.to_owned(), bytes.to_vec()));
        }
    }

    fn answer(&mut self, request: &Seen) -> Reply {
        let fault =
            self.faults.iter_mut().find(|it| it.times > 0 && request.target.contains(&it.on));
        let fault = fault.map(|it| {
            it.times -= 1;
            it.what.clone()
        });
        if let Some(What::Reply(reply)) = fault {
            return reply;
        }
        if request.target.starts_with("/token") {
            return self.token(request);
        }
        if let Some(refusal) = self.refuse(request) {
            return refusal;
        }
        match fault {
            Some(What::Wire(wire)) => self.content(request).wire(wire),
            Some(What::Body(body)) => Reply { body, ..self.content(request) },
            Some(What::NoRange) => {
                let mut request = request.clone();
                request.headers.retain(|(name, _)| name != "range");
                self.content(&request)
            }
            Some(What::WrongRange(earlier)) => {
                let mut request = request.clone();
                let from = range(&request).unwrap_or_default().saturating_sub(earlier);
                request.headers.retain(|(name, _)| name != "range");
                request.headers.push(("range".to_owned(), format!("bytes={from}-")));
                self.content(&request)
            }
            Some(What::Redirect(origin)) => {
                Reply::new(307, "").header("location", format!("{origin}{}", request.target))
            }
            _ => self.content(request),
        }
    }

    fn content(&mut self, request: &Seen) -> Reply {
        let path = request.target.strip_prefix("/v2/").unwrap_or_default();
        if path.is_empty() {
            return Reply::new(200, "{}");
        }
        if is_push(request) {
            return self.take(request, path).unwrap_or_else(|| Reply::new(405, ""));
        }
        if let Some((media_type, bytes)) = self.manifests.get(path) {
            let digest = sha256(bytes).to_string();
            let reply = Reply::new(200, bytes.clone()).header("content-type", media_type);
            return reply.header("docker-content-digest", digest);
        }
        let digest = path.rsplit_once("/blobs/").map_or("", |(_, digest)| digest);
        let Some(bytes) = self.blobs.get(digest) else {
            let code = if path.contains("/blobs/") { "BLOB_UNKNOWN" } else { "MANIFEST_UNKNOWN" };
            return Reply::new(404, error(code, "not here"));
        };
        let len = bytes.len() as u64;
        match range(request) {
            Some(from) if from >= len => Reply::new(416, ""),
            Some(from) => {
                let text = format!("bytes {from}-{}/{len}", len - 1);
                Reply::new(206, &bytes[from as usize..]).header("content-range", text)
            }
            None => Reply::new(200, bytes.clone()),
        }
    }

    /// Takes an upload ("Pushing"): `POST` and `PUT` of a blob, or `PUT` of a manifest.
    fn take(&mut self, request: &Seen, path: &str) -> Option<Reply> {
        let body = &request.body;
        let digest = sha256(body).to_string();
        let done = Reply::new(201, "").header("docker-content-digest", &digest);
        if request.method == "POST" {
            let place = format!("/v2/{path}of-our-own?state=a%2Bb");
            return path
                .ends_with("/blobs/uploads/")
                .then(|| Reply::new(202, "").header("location", place));
        }
        if let Some((repository, tag)) = path.split_once("/manifests/") {
            self.keep(repository, tag, request.header("content-type")?, body);
            return Some(done);
        }
        let claimed = path.split_once("of-our-own?state=a%2Bb&digest=")?.1.replace("%3A", ":");
        if claimed != digest {
            return Some(Reply::new(400, error("DIGEST_INVALID", "another digest")));
        }
        self.blobs.insert(digest, body.clone());
        Some(done)
    }

    fn refuse(&mut self, request: &Seen) -> Option<Reply> {
        let sent = request.header("authorization").unwrap_or_default();
        let challenge = match &self.auth {
            Auth::Open => return None,
            Auth::Basic(user, password) if sent == basic(user, password) => return None,
            Auth::Basic(..) => "Basic realm=\"all, of it\"".to_owned(),
            Auth::Challenge(text) => text.clone(),
            Auth::Token { .. } | Auth::Identity(_) => {
                let number = sent.strip_prefix("Bearer token-").and_then(|it| it.parse().ok());
                let left = number.and_then(|it: usize| self.tokens.get_mut(it));
                if let Some((left, _)) = left.filter(|it| it.0 > 0 && (it.1 || !is_push(request))) {
                    *left -= 1;
                    return None;
                }
                let realm = format!("http://{}/token", self.host);
                format!("Bearer realm=\"{realm}\",service=\"test, service\"")
            }
        };
        let reply = Reply::new(401, error("UNAUTHORIZED", "authentication required"));
        Some(reply.header("www-authenticate", challenge))
    }

    fn token(&mut self, request: &Seen) -> Reply {
        let sent = request.header("authorization").unwrap_or_default();
        let (ok, uses) = match &self.auth {
            Auth::Token { user: "", uses, .. } => (sent.is_empty(), *uses),
            Auth::Token { user, password, uses } => (sent == basic(user, password), *uses),
            Auth::Identity(token) => {
                let body = String::from_utf8_lossy(&request.body).into_owned();
                let wanted = format!("refresh_token={token}");
                (request.method == "POST" && body.contains(&wanted), usize::MAX)
            }
            _ => (false, 0),
        };
        if !ok {
            return Reply::new(401, error("UNAUTHORIZED", "incorrect user or password"));
        }
        let asked = request.target.clone() + &String::from_utf8_lossy(&request.body);
        self.tokens.push((uses, asked.contains("pull%2Cpush")));
        let token = format!("token-{}", self.tokens.len() - 1);
        Reply::new(200, json!({"token": token, "expires_in": 300}).to_string())
    }
}

/// The body with which registries explain themselves.
pub fn error(code: &str, message: &str) -> String {
    json!({"errors": [{"code": code, "message": message}]}).to_string()
}

/// The `Authorization` value for a user and password.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// Whether a request changes what the registry holds.
fn is_push(request: &Seen) -> bool {
    !matches!(request.method.as_str(), "GET" | "HEAD")
}

fn range(request: &Seen) -> Option<u64> {
    request.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}
