//! Talks to one registry: answers its challenges and keeps its tokens
//! (OCI distribution specification; the "Docker Registry v2 authentication" pages).
//!
//! Where credentials go: to the registry itself, and to the token server that this registry names,
//! which it could impersonate anyway. The token server must be reached by `https`, or by `http`
//! where the registry itself is. Nothing ever goes to a server that a redirect led to.
use crate::{
    Credential, Keychain, SourceError,
    challenge::Challenge,
    refusal::checked,
    token::{self, Lease, basic},
};
use net::{Client, Method, Request, Response, Secret, Url};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Most bytes of a token server's answer.
const TOKEN_BYTES: u64 = 4 << 20;

/// A registry and what it has learnt of us. Shared by all threads that read from it.
pub(crate) struct Session {
    name: String,
    origin: Url,
    client: Client,
    keys: Arc<Keychain>,
    hurried: bool,
    right: Right,
    state: Mutex<State>,
}

/// What we want to do with a repository.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Right {
    Pull,
    Push,
}

#[derive(Default)]
struct State {
    challenge: Option<Challenge>,
    /// What the registry calls the right to a repository, where it said so.
    scopes: BTreeMap<String, String>,
    /// Who we are, by repository. A helper program may have been run to find out.
    credentials: BTreeMap<String, Option<Credential>>,
    /// By repository.
    tokens: BTreeMap<String, Lease<Secret>>,
}

impl Session {
    /// A session with the registry called `name`, which is reached at `host[:port]`.
    pub(crate) fn new(
        name: &str,
        host: &str,
        keys: Arc<Keychain>,
        client: Client,
    ) -> Result<Session, SourceError> {
        let origin = client.origin(host)?;
        let (name, state) = (name.to_owned(), Mutex::default());
        Ok(Session { name, origin, client, keys, hurried: false, right: Right::Pull, state })
    }

    /// The same, for changing repositories.
    pub(crate) fn pushing(self) -> Session {
        Session { right: Right::Push, ..self }
    }

    /// The same, with one try for each request: for those who have another way.
    pub(crate) fn hurried(self) -> Session {
        Session { hurried: true, ..self }
    }

    /// Reads `path` (`/v2/...`), for which the right to pull from `repository` is needed, or to
    /// read the catalog where that is empty. Any answer but success is an error.
    pub(crate) fn get(
        &self,
        path: &str,
        repository: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Response, SourceError> {
        self.send(&self.request(Method::Get, path, headers)?, repository)
    }

    /// The same, about what is at `path`.
    pub(crate) fn head(
        &self,
        path: &str,
        repository: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Response, SourceError> {
        self.send(&self.request(Method::Head, path, headers)?, repository)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Request, SourceError> {
        let request = Request::new(method, self.origin.join(path)?).hurried(self.hurried);
        Ok(headers.iter().fold(request, |it, (name, value)| it.header(name, value)))
    }

    /// Sends a request to the registry, as [`Session::get`] does.
    pub(crate) fn send(
        &self,
        request: &Request,
        repository: &str,
    ) -> Result<Response, SourceError> {
        let first = self.authorization(repository)?;
        let response = self.client.send(&request.clone().authorization(first.clone()))?;
        if response.status != 401 || !response.url.same_origin(&self.origin) {
            return self.checked(response, repository);
        }
        self.challenged(&response, repository, first.as_ref())?;
        let second = self.authorization(repository)?;
        if second.is_none() || second == first {
            return self.checked(response, repository);
        }
        response.finish();
        self.checked(self.client.send(&request.clone().authorization(second))?, repository)
    }

    /// The address of `path` at the registry itself. What it sends us to elsewhere is refused: our
    /// credentials would not go along, and what is pushed is not for others.
    pub(crate) fn at(&self, path: &str) -> Result<Url, SourceError> {
        let url = self.origin.join(path)?;
        if url.same_origin(&self.origin) {
            return Ok(url);
        }
        let (name, to) = (&self.name, url.origin());
        Err(SourceError::Malformed(format!(
            "{name} takes what is pushed at {to}, not at {}; is a proxy in front of it that it does not know of?",
            self.origin.origin()
        )))
    }

    /// How often anything is tried.
    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn tries(&self) -> u32 {
        self.client.tries(&self.origin)
    }

    /// Waits as between two tries.
    pub(crate) fn rest(&self, failed: u32) {
        self.client.rest(&self.origin, failed);
    }

    /// Learns what the registry wants, and forgets the token that it did not take.
    fn challenged(
        &self,
        response: &Response,
        repository: &str,
        sent: Option<&Secret>,
    ) -> Result<(), SourceError> {
        let challenge = Challenge::choose(response.headers("www-authenticate"));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tokens.retain(|_, token| Some(&token.value) != sent);
        match &challenge {
            Some(Challenge::Other(scheme)) => {
                let text = format!("{} wants `{scheme}` authentication", self.name);
                return Err(SourceError::Unsupported(text));
            }
            // Who was asked for something harmless may name too little.
            Some(Challenge::Bearer { scope: Some(scope), .. })
                if self.right == Right::Pull || scope.contains("push") =>
            {
                state.scopes.insert(repository.to_owned(), scope.clone());
            }
            _ => {}
        }
        state.challenge = challenge.or(state.challenge.take());
        Ok(())
    }

    /// The `Authorization` for `repository`, as far as the registry has asked for any. The lock is
    /// held while a token is fetched, so that many threads do not fetch many.
    fn authorization(&self, repository: &str) -> Result<Option<Secret>, SourceError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(challenge) = state.challenge.clone() else { return Ok(None) };
        if let Some(token) = state.tokens.get(repository).filter(|it| it.is_good()) {
            return Ok(Some(token.value.clone()));
        }
        let known = state.credentials.get(repository).filter(|_| !self.keys.renews(&self.name));
        let credential = match known {
            Some(it) => it.clone(),
            None => self.keys.find(&self.name, repository)?,
        };
        state.credentials.insert(repository.to_owned(), credential.clone());
        let Challenge::Bearer { realm, service, .. } = challenge else {
            return self.basic(credential);
        };
        let actions = if self.right == Right::Push { "pull,push" } else { "pull" };
        let usual = match repository {
            "" => "registry:catalog:*".to_owned(),
            it => format!("repository:{it}:{actions}"),
        };
        let scope = state.scopes.get(repository).unwrap_or(&usual);
        let token = match &credential {
            Some(Credential::Bearer(token)) => token::given(token),
            it => {
                let realm = token::realm(&realm, &self.origin)?;
                let request = token::request(realm, service.as_deref(), scope, it.as_ref());
                self.fetch(&request.hurried(self.hurried), repository)?
            }
        };
        let header = token.value.clone();
        state.tokens.insert(repository.to_owned(), token);
        Ok(Some(header))
    }

    fn basic(&self, credential: Option<Credential>) -> Result<Option<Secret>, SourceError> {
        match credential {
            Some(Credential::Basic { user, password }) => Ok(Some(basic(&user, &password))),
            Some(_) => {
                let text = "wants user and password, but all we have is a token";
                Err(SourceError::Unauthorized(format!("{} {text}", self.name)))
            }
            None => Ok(None),
        }
    }

    fn fetch(&self, request: &Request, repository: &str) -> Result<Lease<Secret>, SourceError> {
        let response = self.checked(self.client.send(request)?, repository)?;
        // Nothing of a strange answer is quoted: the token may be in it.
        let strange = || SourceError::Malformed(format!("the token that {} gave out", self.name));
        token::parse(&response.bounded(TOKEN_BYTES)?).ok_or_else(strange)
    }

    fn checked(&self, response: Response, repository: &str) -> Result<Response, SourceError> {
        let deed = match (repository, self.right) {
            ("", _) => "list repositories".to_owned(),
            (it, Right::Pull) => format!("pull `{it}`"),
            (it, Right::Push) => format!("push to `{it}`"),
        };
        checked(response, &self.name, &self.origin, &deed)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("name", &self.name).finish_non_exhaustive()
    }
}
