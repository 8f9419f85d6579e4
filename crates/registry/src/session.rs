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
    token::{self, Token, basic},
};
use net::{Client, Request, Response, Secret, Url};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Most bytes of a token server's answer.
const TOKEN_BYTES: u64 = 4 << 20;

/// A registry and what it has learnt of us. Shared by all threads that read from it.
pub struct Session {
    name: String,
    origin: Url,
    client: Client,
    keys: Arc<Keychain>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    challenge: Option<Challenge>,
    /// What the registry calls the right to pull from a repository, where it said so.
    scopes: BTreeMap<String, String>,
    /// By repository.
    tokens: BTreeMap<String, Token>,
}

impl Session {
    /// A session with the registry called `name`, which is reached at `host[:port]`.
    pub fn new(
        name: &str,
        host: &str,
        keys: Arc<Keychain>,
        client: Client,
    ) -> Result<Session, SourceError> {
        let origin = client.origin(host)?;
        Ok(Session { name: name.to_owned(), origin, client, keys, state: Mutex::default() })
    }

    /// Reads `path` (`/v2/...`), for which the right to pull from `repository` is needed. Any
    /// answer but success is an error.
    pub fn get(
        &self,
        path: &str,
        repository: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Response, SourceError> {
        let mut request = Request::get(self.origin.join(path)?);
        for (name, value) in headers {
            request = request.header(name, value);
        }
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
        self.checked(self.client.send(&request.authorization(second))?, repository)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
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
        state.tokens.retain(|_, token| Some(&token.header) != sent);
        match &challenge {
            Some(Challenge::Other(scheme)) => {
                let text = format!("{} wants `{scheme}` authentication", self.name);
                return Err(SourceError::Unsupported(text));
            }
            Some(Challenge::Bearer { scope: Some(scope), .. }) => {
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
        let (realm, service) = match &state.challenge {
            None | Some(Challenge::Other(_)) => return Ok(None),
            Some(Challenge::Basic) => return self.basic(repository),
            Some(Challenge::Bearer { realm, service, .. }) => (realm, service.as_deref()),
        };
        if let Some(token) = state.tokens.get(repository).filter(|it| it.is_good()) {
            return Ok(Some(token.header.clone()));
        }
        let usual = format!("repository:{repository}:pull");
        let scope = state.scopes.get(repository).unwrap_or(&usual);
        let token = self.fetch(realm, service, scope, repository)?;
        let header = token.header.clone();
        state.tokens.insert(repository.to_owned(), token);
        Ok(Some(header))
    }

    fn basic(&self, repository: &str) -> Result<Option<Secret>, SourceError> {
        match self.keys.find(&self.name, repository)? {
            Some(Credential::Basic { user, password }) => Ok(Some(basic(&user, &password))),
            Some(_) => {
                let text = "wants user and password, but all we have is a token";
                Err(SourceError::Unauthorized(format!("{} {text}", self.name)))
            }
            None => Ok(None),
        }
    }

    fn fetch(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: &str,
        repository: &str,
    ) -> Result<Token, SourceError> {
        let credential = self.keys.find(&self.name, repository)?;
        if let Some(Credential::Bearer(token)) = credential {
            return Ok(Token::lasting(&token));
        }
        let realm = token::realm(realm, &self.origin)?;
        let request = token::request(realm, service, scope, credential.as_ref());
        let response = self.checked(self.client.send(&request)?, repository)?;
        // Nothing of a strange answer is quoted: the token may be in it.
        let strange = || SourceError::Malformed(format!("the token that {} gave out", self.name));
        Token::parse(&response.bounded(TOKEN_BYTES)?).ok_or_else(strange)
    }

    fn checked(&self, response: Response, repository: &str) -> Result<Response, SourceError> {
        checked(response, &self.name, &self.origin, repository)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("name", &self.name).finish_non_exhaustive()
    }
}
