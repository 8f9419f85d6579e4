//! Who we are at each registry: what Docker keeps in `config.json`, and what was given to us
//! (Docker's `docker login` pages; docker/docker-credential-helpers, "Development").
use crate::{Reference, SourceError};
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use net::Secret;
use serde::Deserialize;
use std::{collections::BTreeMap, fmt};

/// How to make oneself known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Credential {
    /// User and password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token with which other tokens are fetched.
    Identity(Secret),
    /// A token to be shown as it is.
    Bearer(Secret),
}

/// Asks `docker-credential-<name>` for what it keeps for a server, and returns its output.
/// `Ok(None)`: it keeps nothing for that server.
pub type Helper = Box<dyn Fn(&str, &str) -> Result<Option<Vec<u8>>, String> + Send + Sync>;

/// Gives the key that is good at the moment, and fetches another when it ends.
pub type Renewal = Box<dyn Fn() -> Result<Credential, SourceError> + Send + Sync>;

/// All credentials that we have.
#[derive(Default)]
pub struct Keychain {
    given: BTreeMap<String, Credential>,
    renewed: BTreeMap<String, Renewal>,
    config: Config,
    helper: Option<Helper>,
}

/// What we need of Docker's `config.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: BTreeMap<String, Auth>,
    creds_store: String,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Shy,
    username: String,
    password: Shy,
    identitytoken: Shy,
    registrytoken: Shy,
}

/// Text of a file that must not be shown.
#[derive(Default, Deserialize)]
#[serde(transparent)]
struct Shy(String);

/// What a helper program writes.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Kept {
    username: String,
    secret: Shy,
}

/// How Docker calls its own registry in its files.
const DOCKER_KEY: &str = "https://index.docker.io/v1/";

/// The user name that marks the password as an identity token.
const TOKEN_USER: &str = "<token>";

impl Keychain {
    /// A keychain without keys.
    pub fn new() -> Keychain {
        Keychain::default()
    }

    /// With the content of Docker's `config.json`. Programs that it names are only run when there
    /// is a `helper` to run them: in the command line tool, never in the server.
    pub fn with_config(
        mut self,
        json_file: &[u8],
        helper: Option<Helper>,
    ) -> Result<Self, SourceError> {
        // The error may quote the file, which holds passwords: only the place is told.
        self.config = serde_json::from_slice(json_file).map_err(|it| {
            let place = format!("line {}, column {}", it.line(), it.column());
            SourceError::Settings(format!("docker's config.json is malformed at {place}"))
        })?;
        self.helper = helper;
        Ok(self)
    }

    /// With one more key, which comes before all others of that registry.
    #[must_use]
    pub fn with(mut self, registry: &str, credential: Credential) -> Keychain {
        self.given.insert(registry.to_owned(), credential);
        self
    }

    /// With a key for a registry that lasts for a time only.
    #[must_use]
    pub fn with_renewal(mut self, registry: &str, renewal: Renewal) -> Keychain {
        self.renewed.insert(registry.to_owned(), renewal);
        self
    }

    /// Whether the key for a registry has to be asked for each time.
    pub(crate) fn renews(&self, registry: &str) -> bool {
        self.renewed.contains_key(registry)
    }

    /// The key for a repository (`a/b`) of a registry (`host[:port]`, `docker.io`).
    pub fn find(
        &self,
        registry: &str,
        repository: &str,
    ) -> Result<Option<Credential>, SourceError> {
        if let Some(it) = self.given.get(registry) {
            return Ok(Some(it.clone()));
        }
        if let Some(renewal) = self.renewed.get(registry) {
            return renewal().map(Some);
        }
        let docker =
            Reference::parse(&format!("{registry}/x")).is_ok_and(|it| it.registry() == "docker.io");
        let server = if docker { DOCKER_KEY } else { registry };
        if let Some(it) = self.kept(registry, server)? {
            return Ok(Some(it));
        }
        self.stored(server, repository)
    }

    /// What a helper program keeps.
    fn kept(&self, registry: &str, server: &str) -> Result<Option<Credential>, SourceError> {
        let Config { auths, creds_store, cred_helpers } = &self.config;
        let own = cred_helpers.get(registry).or_else(|| cred_helpers.get(server));
        let Some(name) = own.or(Some(creds_store)).filter(|it| !it.is_empty()) else {
            return Ok(None);
        };
        let Some(helper) = &self.helper else {
            let told = own.is_some() || auths.get(server).is_some_and(Auth::is_empty);
            let text = format!(
                "the password for {registry} is kept by `docker-credential-{name}`, which is not run here; give user and password"
            );
            return if told { Err(SourceError::Settings(text)) } else { Ok(None) };
        };
        let failed = |why| SourceError::Settings(format!("docker-credential-{name}: {why}"));
        let Some(output) = helper(name, server).map_err(failed)? else { return Ok(None) };
        let kept = serde_json::from_slice::<Kept>(&output);
        let Kept { username, secret } = kept.map_err(|_| failed("strange output".to_owned()))?;
        Ok(credential(username, secret.0))
    }

    /// What stands in the file itself, for the longest part of the name that it has.
    fn stored(&self, server: &str, repository: &str) -> Result<Option<Credential>, SourceError> {
        let server = plain(server);
        let mut place = format!("{server}/{repository}");
        loop {
            let found = self.config.auths.iter().find(|(key, _)| plain(key) == place);
            if let Some((_, auth)) = found.filter(|it| !it.1.is_empty()) {
                return auth.credential().map_err(|why| {
                    SourceError::Settings(format!("docker's config.json, `{place}`: {why}"))
                });
            }
            match place.rfind('/') {
                Some(end) => place.truncate(end),
                None => return Ok(None),
            }
        }
    }
}

impl Auth {
    fn is_empty(&self) -> bool {
        let Auth { auth, username, password: _, identitytoken, registrytoken } = self;
        [&auth.0, username, &identitytoken.0, &registrytoken.0].iter().all(|it| it.is_empty())
    }

    fn credential(&self) -> Result<Option<Credential>, &'static str> {
        if !self.registrytoken.0.is_empty() {
            return Ok(Some(Credential::Bearer(Secret::new(&self.registrytoken.0))));
        }
        if !self.identitytoken.0.is_empty() {
            return Ok(Some(Credential::Identity(Secret::new(&self.identitytoken.0))));
        }
        if self.auth.0.is_empty() {
            return Ok(credential(self.username.clone(), self.password.0.clone()));
        }
        let padding = DecodePaddingMode::Indifferent;
        let config = GeneralPurposeConfig::new().with_decode_padding_mode(padding);
        let bytes = GeneralPurpose::new(&STANDARD, config).decode(self.auth.0.trim());
        let text = bytes.ok().and_then(|it| String::from_utf8(it).ok()).ok_or("not base64")?;
        let (user, password) = text.split_once(':').ok_or("no colon after the user")?;
        Ok(credential(user.to_owned(), password.trim_end_matches('\0').to_owned()))
    }
}

fn credential(user: String, password: String) -> Option<Credential> {
    let password = Secret::new(password);
    match user.as_str() {
        TOKEN_USER => Some(Credential::Identity(password)),
        "" if password.reveal().is_empty() => None,
        _ => Some(Credential::Basic { user, password }),
    }
}

/// Keys of the file as `host[:port][/path]`: without scheme and without the version of the API.
fn plain(key: &str) -> &str {
    let key = key.split_once("://").map_or(key, |(_, rest)| rest).trim_end_matches('/');
    key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key)
}

impl fmt::Debug for Shy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Keychain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keychain").field("given", &self.given).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
