//! How a registry is reached, and by whom.
use super::{Artifact, Check, Flavor, Hook, Instance, Listing, Problem, Repository, acr, harbor};
use crate::{
    Credential, Keychain, PlatformChoice, Reference, RegistrySource, SourceError, session::Session,
};
use net::{Client, Host, Request, Response, Secret, Settings, Url};
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

/// What people tell of a registry.
#[derive(Clone, Debug)]
pub struct Access {
    /// Which kind it is.
    pub flavor: &'static Flavor,
    /// `host[:port]`, or `http://` or `https://` before it. Empty for an account, of which only the
    /// instances can be asked.
    pub address: String,
    /// Who we are there.
    pub login: Login,
    /// Its certificates, and how hard to press it.
    pub host: Host,
    /// The repositories, for a registry that does not list them.
    pub repositories: Vec<String>,
    /// What an account of a cloud needs besides.
    pub cloud: Cloud,
}

/// Who we are.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Login {
    /// Nobody.
    #[default]
    Anonymous,
    /// A user, a robot, or who has this token.
    Registry(Credential),
    /// Who has this key of a cloud.
    Key(AccessKey),
    /// The role of the machine that we run on.
    Role(Role),
}

/// The key of an account of Alibaba Cloud.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessKey {
    /// Its name.
    pub id: String,
    /// What nobody else knows.
    pub secret: Secret,
    /// The token of the Security Token Service, for keys that last for a time only.
    pub token: Option<Secret>,
}

/// A RAM role of an ECS instance.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Role {
    /// Its name; `None` for the one that the machine has.
    pub name: Option<String>,
    /// The metadata service.
    pub metadata: String,
}

/// Where in a cloud.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cloud {
    /// The regions to look in.
    pub regions: Vec<String>,
    /// The instance, where it is known; else the registry itself is asked.
    pub instance: Option<String>,
    /// The host of the API, with `{region}` in the place of the region: from inside a VPC
    /// `cr-vpc.{region}.aliyuncs.com`.
    pub api: String,
}

/// A registry that can be asked. Opening one asks nothing yet.
pub struct Connection {
    pub(crate) access: Access,
    pub(crate) client: Client,
    pub(crate) session: Session,
    pub(crate) harbor: OnceLock<harbor::Version>,
    pub(crate) acr: Option<Arc<acr::Api>>,
    name: String,
    origin: Url,
    keys: Arc<Keychain>,
}

impl Default for Role {
    fn default() -> Role {
        Role { name: None, metadata: "http://100.100.100.200".to_owned() }
    }
}

impl Default for Cloud {
    fn default() -> Cloud {
        let api = "cr.{region}.aliyuncs.com".to_owned();
        Cloud { regions: Vec::new(), instance: None, api }
    }
}

impl Access {
    /// Access to the registry at `address`, by nobody.
    pub fn new(flavor: &'static Flavor, address: &str) -> Access {
        Access {
            flavor,
            address: address.to_owned(),
            login: Login::Anonymous,
            host: Host::default(),
            repositories: Vec::new(),
            cloud: Cloud::default(),
        }
    }

    /// The same by a user, a robot, or who has a key.
    #[must_use]
    pub fn with_login(self, login: Login) -> Access {
        Access { login, ..self }
    }

    /// A client for it, otherwise with the settings of all. The instances of one account share the
    /// client of the account, and with it the pace.
    pub fn client(&self, base: &Settings) -> Result<Client, SourceError> {
        let mut settings = base.clone();
        let mut host = self.host.clone();
        let limits = host.limits.unwrap_or(base.limits);
        let (plain, authority) = self.authority();
        host.plain = plain.or(host.plain);
        if !authority.is_empty() {
            settings.hosts.insert(authority.to_ascii_lowercase(), host.clone());
        }
        if self.flavor.by_account {
            settings.limits = acr::polite(limits);
            if let Login::Role(role) = &self.login {
                // Behind a proxy there is another machine's role, or nobody.
                settings.proxies.except.push(Url::parse(&role.metadata)?.host().to_owned());
            }
            let limits = Some(settings.limits);
            for region in &self.cloud.regions {
                let api = self.cloud.api.replace("{region}", region).to_ascii_lowercase();
                settings.hosts.insert(api, Host { limits, ..host.clone() });
            }
        }
        Ok(Client::new(settings)?)
    }

    /// Whether the address says that it is not encrypted, and the address without that.
    fn authority(&self) -> (Option<bool>, &str) {
        let text = self.address.trim().trim_end_matches('/');
        match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.eq_ignore_ascii_case("http")), rest),
            None => (None, text),
        }
    }
}

impl Connection {
    /// The registry of `access`, reached by `client`, which is best made by `Access::client`.
    pub fn open(access: Access, client: Client) -> Result<Connection, SourceError> {
        let (plain, authority) = access.authority();
        let authority = match (authority, access.flavor.by_account) {
            ("", false) => return Err(SourceError::Settings("an address is missing".to_owned())),
            ("", true) => "account.invalid",
            (it, _) => it,
        };
        let bad = |_| {
            let address = &access.address;
            SourceError::Settings(format!("`{address}` is not a host with an optional port"))
        };
        let host = dotted(authority, plain.or(access.host.plain) == Some(true));
        let reference = Reference::parse(&format!("{host}/x/y")).map_err(bad)?;
        if reference.repository() != "x/y" {
            let text = format!("`{}`: a registry has no path", access.address);
            return Err(SourceError::Settings(text));
        }
        let (name, host) = (reference.registry().to_owned(), reference.host().to_owned());
        let api = acr::Api::new(&access, &client)?.map(Arc::new);
        let keys = match (&api, access.login.credential()) {
            (Some(api), _) => acr::keys(&access, &name, api)?,
            (None, Ok(Some(it))) => Keychain::new().with(&name, it),
            (None, Ok(None)) => Keychain::new(),
            (None, Err(error)) => return Err(error),
        };
        let keys = Arc::new(keys);
        let session = Session::new(&name, &host, Arc::clone(&keys), client.clone())?;
        let origin = client.origin(&host)?;
        let harbor = OnceLock::new();
        Ok(Connection { access, client, session, harbor, acr: api, name, origin, keys })
    }

    /// What people told of it.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The registry as references name it: `host[:port]`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Finds out what answers there and what we may do.
    pub fn check(&self) -> Check {
        (self.access.flavor.check)(self)
    }

    /// A page of the repositories, from the beginning or from where the page before ended.
    pub fn repositories(&self, cursor: Option<&str>) -> Listing<Repository> {
        (self.access.flavor.repositories)(self, cursor)
    }

    /// A page of what is in a repository.
    pub fn artifacts(&self, repository: &Repository, cursor: Option<&str>) -> Listing<Artifact> {
        (self.access.flavor.artifacts)(self, repository, cursor)
    }

    /// What a tag or digest of a repository is at the moment.
    pub fn artifact(&self, repository: &str, reference: &str) -> Result<Artifact, SourceError> {
        (self.access.flavor.artifact)(self, repository, reference)
    }

    /// A page of the instances of an account; none for kinds that have no accounts.
    pub fn instances(&self, cursor: Option<&str>) -> Listing<Instance> {
        (self.access.flavor.instances)(self, cursor)
    }

    /// Makes the registry call `hook` on changes near a repository, as it is now; what was made
    /// under the hook's name before is replaced.
    pub fn watch(&self, repository: &Repository, hook: &Hook) -> Result<(), SourceError> {
        (self.access.flavor.watch)(self, repository, hook)
    }

    /// Ends that, for the hook of this name.
    pub fn unwatch(&self, repository: &Repository, name: &str) -> Result<(), SourceError> {
        (self.access.flavor.unwatch)(self, repository, name)
    }

    /// An image of the registry, to be read: `reference` is a tag or a digest.
    pub fn source(
        &self,
        repository: &str,
        reference: &str,
        platform: PlatformChoice,
    ) -> Result<RegistrySource, SourceError> {
        let mark = if reference.contains(':') { '@' } else { ':' };
        let text = format!("{}/{repository}{mark}{reference}", self.name);
        let reference =
            Reference::parse(&text).map_err(|it| SourceError::Malformed(it.to_string()))?;
        RegistrySource::new(reference, platform, Arc::clone(&self.keys), self.client.clone())
    }

    /// The keys for pulling, which renew themselves.
    pub fn keys(&self) -> &Arc<Keychain> {
        &self.keys
    }

    pub(crate) fn url(&self, path: &str) -> Result<Url, SourceError> {
        Ok(self.origin.join(path)?)
    }

    pub(crate) fn origin(&self) -> &Url {
        &self.origin
    }

    /// Asks once, as nobody: to see who answers.
    pub(crate) fn probe(&self, path: &str) -> Result<Response, Problem> {
        let request = Request::get(self.url(path)?).hurried(true);
        Ok(self.client.send(&request)?)
    }
}

impl Login {
    /// As a registry wants it; the keys of a cloud are none.
    pub(crate) fn credential(&self) -> Result<Option<Credential>, SourceError> {
        match self {
            Login::Anonymous => Ok(None),
            Login::Registry(it) => Ok(Some(it.clone())),
            Login::Key(_) | Login::Role(_) => {
                let text = "this kind of registry wants user and password, not the key of a cloud";
                Err(SourceError::Settings(text.to_owned()))
            }
        }
    }
}

/// A host without dot or port would be taken for a repository of Docker's.
fn dotted(authority: &str, plain: bool) -> String {
    match authority.contains(['.', ':', '[']) || authority == "localhost" {
        true => authority.to_owned(),
        false if plain => format!("{authority}:80"),
        false => format!("{authority}:443"),
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("access", &self.access).finish_non_exhaustive()
    }
}
