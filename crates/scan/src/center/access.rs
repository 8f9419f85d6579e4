//! Registries and accounts as the store keeps them, made into connections. One connection for each, so that all
//! who use it share its pace and its tokens.
use super::{Center, failure::Failure};
use net::{Host, Limits, Secret, Settings};
use registry::{
    Access, AccessKey, Check, Cloud, Connection, Credential, Login, Role, SourceError, flavor,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The kind of registry that comes by accounts.
const ACCOUNTS: &str = "acr";

/// What the secret of a registry is sealed for, so that it opens nowhere else.
pub fn registry_place(id: i64) -> String {
    format!("registry/{id}")
}

/// What the secret of an account is sealed for.
pub fn account_place(id: i64) -> String {
    format!("account/{id}")
}

/// What people tell of a registry that is no secret: the document that the store keeps of it.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistryDocument {
    /// How the other side is known to be itself.
    pub tls: Tls,
    /// Requests in a second at most; none: as many as may be.
    pub requests_per_second: Option<u32>,
    /// Requests under way at once; none: the default.
    pub requests_at_once: Option<u32>,
    /// Images scanned in an hour at most; none: as many as may be.
    pub images_per_hour: Option<u32>,
    /// Images scanned at once; none: as many as there are workers.
    pub images_at_once: Option<u32>,
    /// The repositories, for a registry that does not list them.
    pub repositories: Vec<String>,
}

/// How the other side is known to be itself.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Tls {
    /// By an authority that the system trusts.
    #[default]
    System,
    /// By one of these besides.
    Authorities {
        /// Their certificates, PEM.
        pem: String,
    },
    /// Not at all.
    Unverified,
}

/// What people tell of an account that is no secret.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountDocument {
    /// The regions to look in.
    pub regions: Vec<String>,
    /// The host of the API, with `{region}` in the place of the region, where it is not the usual one.
    pub api: Option<String>,
    /// Whether its instances are reached in their network, and not in the internet.
    pub vpc: bool,
    /// As for its instances.
    pub registry: RegistryDocument,
}

/// What the store keeps of an instance that an account has.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct InstanceDocument {
    pub(super) region: String,
}

/// Who we are there; once opened, the secret that the store keeps.
#[derive(Clone, Default, Deserialize, JsonSchema, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LoginDocument {
    /// Nobody.
    #[default]
    Anonymous,
    /// A user or a robot.
    Password {
        /// Its name.
        user: String,
        /// Its secret.
        #[schemars(extend("writeOnly" = true))]
        password: String,
    },
    /// Who has this token.
    Token {
        /// It itself.
        #[schemars(extend("writeOnly" = true))]
        token: String,
    },
    /// Who has this key of a cloud.
    Key {
        /// Its name.
        id: String,
        /// Its secret.
        #[schemars(extend("writeOnly" = true))]
        secret: String,
        /// The token of the Security Token Service, for keys that last for a time only.
        #[schemars(extend("writeOnly" = true))]
        token: Option<String>,
    },
    /// The role of the machine that we run on.
    Role {
        /// Its name, where the machine has several.
        name: Option<String>,
    },
}

impl fmt::Debug for LoginDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Connections that are open, by what they were made from.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: Mutex<BTreeMap<Key, Opened>>,
}

/// A connection, and what it was made from.
#[derive(Debug)]
struct Opened {
    from: Vec<u8>,
    connection: Arc<Connection>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Key {
    Registry(i64),
    Account(i64),
}

/// What is stored of a registry or an account.
pub(super) struct Stored {
    kind: String,
    address: String,
    pub(super) document: RegistryDocument,
    cloud: Cloud,
    secret: Option<Vec<u8>>,
    /// Where the secret was sealed for.
    place: String,
}

impl Center {
    /// A registry that is stored.
    pub(super) fn registry(&self, id: i64) -> Result<Arc<Connection>, Failure> {
        self.connect(Key::Registry(id), self.stored(id)?)
    }

    /// Whether a registry that is stored can be watched, and if not, why.
    ///
    /// # Errors
    /// When what is stored of it cannot be used.
    pub fn check_registry(&self, id: i64) -> Result<Check, Failure> {
        Ok(self.registry(id)?.check())
    }

    /// Whether an account that is stored can be asked, and if not, why.
    ///
    /// # Errors
    /// When what is stored of it cannot be used.
    pub fn check_account(&self, id: i64) -> Result<Check, Failure> {
        Ok(self.account(id)?.check())
    }

    /// A registry that somebody tells of. Nothing has been asked of it yet.
    ///
    /// # Errors
    /// When what is told cannot be used.
    pub fn registry_of(
        &self,
        kind: &str,
        address: &str,
        document: &RegistryDocument,
        login: LoginDocument,
    ) -> Result<Connection, Failure> {
        let access = access(kind, address, document, Cloud::default(), login)?;
        Ok(connect(access, &self.world.network)?)
    }

    /// An account that somebody tells of. Nothing has been asked of it yet.
    ///
    /// # Errors
    /// When what is told cannot be used.
    pub fn account_of(
        &self,
        document: &AccountDocument,
        login: LoginDocument,
    ) -> Result<Connection, Failure> {
        let access = access(ACCOUNTS, "", &document.registry, cloud(document), login)?;
        Ok(connect(access, &self.world.network)?)
    }

    /// What is stored of a registry.
    pub(super) fn stored(&self, id: i64) -> Result<Stored, Failure> {
        let gone = || Failure::Other("registry-removed", "the registry was removed".to_owned());
        let found = self.world.store.read(|tx| {
            let registry = store::registries::one(tx, id)?;
            let Some(registry) = registry.filter(|it| it.removed_at.is_none()) else {
                return Ok(None);
            };
            let Some(account) = registry.account else {
                let secret = store::registries::secret(tx, id)?;
                return Ok(Some((registry, None, secret)));
            };
            let document = store::accounts::all(tx)?.into_iter().find(|it| it.id == account);
            let secret = store::accounts::secret(tx, account)?;
            Ok(Some((registry, document.map(|it| it.document), secret)))
        })?;
        let (registry, account, secret) = found.ok_or_else(gone)?;
        let place = registry.account.map_or_else(|| registry_place(id), account_place);
        Ok(match account {
            None => Stored {
                document: read(&registry.document)?,
                kind: registry.kind,
                address: registry.address,
                cloud: Cloud::default(),
                secret,
                place,
            },
            Some(account) => {
                let account: AccountDocument = read(&account)?;
                let instance: InstanceDocument = read(&registry.document)?;
                let mut cloud = cloud(&account);
                (cloud.regions, cloud.instance) = (vec![instance.region], registry.instance);
                let (kind, address) = (registry.kind, registry.address);
                Stored { kind, address, document: account.registry, cloud, secret, place }
            }
        })
    }

    /// An account that is stored.
    pub(super) fn account(&self, id: i64) -> Result<Arc<Connection>, Failure> {
        let gone = || Failure::Other("account-removed", "the account was removed".to_owned());
        let (account, secret) = self.world.store.read(|tx| {
            let account = store::accounts::all(tx)?.into_iter().find(|it| it.id == id);
            Ok((account, store::accounts::secret(tx, id)?))
        })?;
        let document: AccountDocument = read(&account.ok_or_else(gone)?.document)?;
        let (kind, address, cloud) = (ACCOUNTS.to_owned(), String::new(), cloud(&document));
        let place = account_place(id);
        let stored = Stored { kind, address, document: document.registry, cloud, secret, place };
        self.connect(Key::Account(id), stored)
    }

    fn connect(&self, key: Key, stored: Stored) -> Result<Arc<Connection>, Failure> {
        let Stored { kind, address, document, cloud, secret, place } = &stored;
        let from = format!("{kind} {address} {document:?} {cloud:?} {secret:?}").into_bytes();
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(it) = open.get(&key).filter(|it| it.from == from) {
            return Ok(Arc::clone(&it.connection));
        }
        let login = match &stored.secret {
            Some(secret) => self.login(secret, place)?,
            None => LoginDocument::Anonymous,
        };
        let access = access(&stored.kind, &stored.address, &stored.document, stored.cloud, login)?;
        let connection = Arc::new(connect(access, &self.world.network)?);
        open.insert(key, Opened { from, connection: Arc::clone(&connection) });
        Ok(connection)
    }

    fn login(&self, secret: &[u8], place: &str) -> Result<LoginDocument, Failure> {
        let failed = |why| Failure::Other("secret", why);
        let bytes = (self.world.open)(secret, place).map_err(failed)?;
        // The error could quote the secret.
        let strange =
            |_| failed("the stored secret is of another version; enter it again".to_owned());
        serde_json::from_slice(&bytes).map_err(strange)
    }
}

fn access(
    kind: &str,
    address: &str,
    document: &RegistryDocument,
    cloud: Cloud,
    login: LoginDocument,
) -> Result<Access, SourceError> {
    let unknown = || SourceError::Settings(format!("`{kind}` is no kind of registry"));
    let flavor = flavor(kind).ok_or_else(unknown)?;
    let limits = Limits::default();
    let at_once = document.requests_at_once.and_then(|it| usize::try_from(it).ok());
    let per_second = document.requests_per_second.unwrap_or(limits.per_second);
    let limits = Limits { per_second, at_once: at_once.unwrap_or(limits.at_once) };
    let mut host = Host { limits: Some(limits), ..Host::default() };
    match &document.tls {
        Tls::System => {}
        Tls::Authorities { pem } => host.authorities = pem.clone().into_bytes(),
        Tls::Unverified => host.insecure = true,
    }
    let access = Access::new(flavor, address).with_login(login.into());
    Ok(Access { host, repositories: document.repositories.clone(), cloud, ..access })
}

/// Opens it. What fails is tried again by whoever asked, so the network need not insist for long.
pub(super) fn connect(access: Access, network: &Settings) -> Result<Connection, SourceError> {
    let mut network = network.clone();
    network.retries.tries = network.retries.tries.min(3);
    network.retries.longest = network.retries.longest.min(Duration::from_secs(10));
    let client = access.client(&network)?;
    Connection::open(access, client)
}

fn cloud(account: &AccountDocument) -> Cloud {
    let usual = Cloud::default();
    let api = account.api.clone().unwrap_or(usual.api);
    Cloud { regions: account.regions.clone(), api, instance: None }
}

pub(super) fn read<T: for<'a> Deserialize<'a>>(document: &str) -> Result<T, Failure> {
    let strange = |err| Failure::Other("settings", format!("what is stored of it: {err}"));
    serde_json::from_str(document).map_err(strange)
}

impl From<LoginDocument> for Login {
    fn from(it: LoginDocument) -> Login {
        match it {
            LoginDocument::Anonymous => Login::Anonymous,
            LoginDocument::Password { user, password } => {
                Login::Registry(Credential::Basic { user, password: Secret::new(password) })
            }
            LoginDocument::Token { token } => {
                Login::Registry(Credential::Identity(Secret::new(token)))
            }
            LoginDocument::Key { id, secret, token } => Login::Key(AccessKey {
                id,
                secret: Secret::new(secret),
                token: token.map(Secret::new),
            }),
            LoginDocument::Role { name } => Login::Role(Role { name, ..Role::default() }),
        }
    }
}
