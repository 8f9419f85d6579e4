//! How the center is configured: by one TOML file, then by the environment, which goes before it, then by what was
//! typed. A key `a.b` is `PLIMSOLL_A_B` in the environment; a secret can also be in a file that `a.b_file` names.
use crate::{args::Patience, bundles, network, places, scan::program};
use ::scan::{Inspection, center};
use net::{Secret, Url};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use toml::{Table, Value};

/// What a key takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Takes {
    Text,
    /// Never shown.
    Secret,
    Number,
    /// Texts; in the environment with commas between them.
    List,
    /// Names, each with a text; in the environment `name=text` with commas between them.
    Map,
}

/// A key: its name, what it takes, an example, and what it is.
type Key = (&'static str, Takes, &'static str, &'static str);

/// All keys there are.
#[rustfmt::skip]
const KEYS: &[Key] = &[
    ("listen", Takes::Text, "127.0.0.1:8480", "where the center answers: address and port"),
    ("public_url", Takes::Text, "https://images.example.com", "what browsers call it, where that is not what they ask for"),
    ("proxies", Takes::List, "10.0.0.1", "addresses of proxies in front of it, whose X-Forwarded-For is believed"),
    ("data_dir", Takes::Text, "/var/lib/plimsoll", "where it keeps its database, its keys and its advisories"),
    ("database.url", Takes::Secret, "postgres://plimsoll:secret@db/plimsoll", "PostgreSQL, for several machines; none: SQLite in data_dir"),
    ("database.ca", Takes::Text, "/etc/plimsoll/db-ca.pem", "authorities to trust for it instead of the system's, PEM"),
    ("database.connections", Takes::Number, "16", "how many connections to it, at most"),
    ("keys", Takes::Secret, "64 hexadecimal digits, one key a line", "what seals secrets, the same on all machines; the first seals, all open; none: the file `keys` in data_dir, which is made at the first start"),
    ("admin_password", Takes::Secret, "a long one", "the password of the first administrator, `admin`; none: a token in the log makes the first one"),
    ("log", Takes::Text, "json", "json or text; none: text on a terminal, else json"),
    ("tls.certificates", Takes::Text, "/etc/plimsoll/tls.crt", "a certificate of its own and those above it, PEM; read again when it changes"),
    ("tls.key", Takes::Text, "/etc/plimsoll/tls.key", "its private key, PEM"),
    ("oidc.issuer", Takes::Text, "https://login.example.com", "an OpenID Connect provider; takes public_url too"),
    ("oidc.client", Takes::Text, "plimsoll", "what it calls us"),
    ("oidc.secret", Takes::Secret, "a secret", "what it knows us by; none: a public client"),
    ("oidc.scopes", Takes::List, "profile", "what is asked for besides `openid`"),
    ("oidc.name_claim", Takes::Text, "preferred_username", "the claim that names persons"),
    ("oidc.role_claim", Takes::Text, "groups", "the claim whose values decide on the role; a dot goes into an object"),
    ("oidc.roles", Takes::Map, "security=admin", "values of that claim and the role that they give: viewer, operator, admin"),
    ("oidc.otherwise", Takes::Text, "viewer", "the role of those who have none of these values; none: they may not come in"),
    ("workers", Takes::Number, "2", "images scanned at once by this process; 0: it leaves that to workers; none: as many as processors"),
    ("lease_seconds", Takes::Number, "60", "how long a process that is not heard of keeps what it has begun; the same on all machines"),
    ("parallel", Takes::Number, "2", "layers of one image read at once"),
    ("spool_dir", Takes::Text, "/var/tmp", "where large files of layers and reports wait; none: the system's directory for temporary files"),
    ("synchronise_minutes", Takes::Number, "15", "how often registries are synchronised"),
    ("advisories.update_hours", Takes::Number, "6", "how often newer advisories are fetched; 0: only when somebody asks"),
    ("advisories.mirror", Takes::Text, "https://mirror.example.com/feeds", "a mirror that has URL/HOST/PATH for each address"),
    ("advisories.places", Takes::Map, "kev=https://mirror.example.com/kev.json", "other addresses for single feeds"),
    ("advisories.without", Takes::List, "epss", "feeds that are not used"),
    ("network.timeout_seconds", Takes::Number, "30", "give up on a request when nothing moves for so long"),
    ("network.tries", Takes::Number, "4", "how often a request is sent before the server is given up"),
    ("retention.tasks_days", Takes::Number, "90", "how long tasks are kept that have ended"),
    ("retention.notices_days", Takes::Number, "90", "how long notices are kept, and what was sent of them"),
    ("retention.images_days", Takes::Number, "90", "how long images are kept that are in no list, and registries that were removed"),
    ("retention.gone_days", Takes::Number, "365", "how long findings are kept that have gone"),
    ("retention.audit_days", Takes::Number, "1095", "how long the audit log is kept"),
    ("retention.figures_days", Takes::Number, "400", "how long the figures of a day are kept"),
    ("retention.reports_days", Takes::Number, "30", "how long reports of layers are kept that nobody used"),
    ("retention.reports_gib", Takes::Number, "20", "how much room reports of layers may take"),
];

/// What keeps the keys in the data directory.
const KEYS_FILE: &str = "keys";

/// What was chosen.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    listen: Option<String>,
    public_url: Option<String>,
    proxies: Vec<IpAddr>,
    data_dir: Option<PathBuf>,
    database: Database,
    keys: Option<Hidden>,
    admin_password: Option<Hidden>,
    log: Option<LogFormat>,
    tls: TlsFiles,
    oidc: Oidc,
    workers: Option<usize>,
    parallel: Option<usize>,
    lease_seconds: Option<u32>,
    spool_dir: Option<PathBuf>,
    synchronise_minutes: Option<u32>,
    advisories: Advisories,
    network: Network,
    retention: Retention,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Database {
    url: Option<Hidden>,
    ca: Option<PathBuf>,
    connections: Option<usize>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum LogFormat {
    Json,
    Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TlsFiles {
    certificates: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Oidc {
    issuer: Option<String>,
    client: Option<String>,
    secret: Option<Hidden>,
    scopes: Option<Vec<String>>,
    name_claim: Option<String>,
    role_claim: Option<String>,
    roles: BTreeMap<String, Role>,
    otherwise: Option<Role>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Viewer,
    Operator,
    Admin,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Advisories {
    update_hours: Option<u32>,
    mirror: Option<String>,
    places: BTreeMap<String, String>,
    without: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Network {
    timeout_seconds: Option<u32>,
    tries: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Retention {
    tasks_days: Option<u32>,
    notices_days: Option<u32>,
    images_days: Option<u32>,
    gone_days: Option<u32>,
    audit_days: Option<u32>,
    figures_days: Option<u32>,
    reports_days: Option<u32>,
    reports_gib: Option<u32>,
}

/// A text that nobody gets to see.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "String")]
struct Hidden(Secret);

impl From<String> for Hidden {
    fn from(it: String) -> Hidden {
        Hidden(Secret::new(it))
    }
}

/// What was typed.
pub(crate) struct Typed<'a> {
    pub(crate) config: Option<&'a Path>,
    pub(crate) listen: Option<&'a str>,
    pub(crate) data_dir: Option<&'a Path>,
    pub(crate) database_url: Option<&'a str>,
}

impl Config {
    /// What was chosen, `variable` being the environment.
    pub(crate) fn read(
        typed: &Typed<'_>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Config, String> {
        let path = typed.config.map(Path::to_owned);
        let path = path.or_else(|| variable("PLIMSOLL_CONFIG").map(PathBuf::from));
        let (mut table, name) = match &path {
            Some(path) => (of_file(path)?, path.display().to_string()),
            None => (Table::new(), "the environment".to_owned()),
        };
        for (key, takes, ..) in KEYS {
            overlay(&mut table, key, *takes, variable)?;
        }
        let dir = typed.data_dir.map(|it| it.display().to_string());
        let url = typed.database_url.map(str::to_owned);
        let typed = [("listen", typed.listen.map(str::to_owned)), ("data_dir", dir)];
        for (key, text) in typed.into_iter().chain([("database.url", url)]) {
            if let Some(text) = text {
                put(&mut table, key, Value::String(text))?;
            }
        }
        // What is wrong with a secret must not be quoted.
        let read: Result<Config, _> = table.try_into();
        let config = read.map_err(|err| format!("{name}: {}", err.message()))?;
        config.check().map(|()| config)
    }

    fn check(&self) -> Result<(), String> {
        if self.tls.certificates.is_some() != self.tls.key.is_some() {
            return Err("tls.certificates and tls.key go together".to_owned());
        }
        if self.oidc.issuer.is_some() && self.oidc.client.is_none() {
            return Err("oidc.issuer needs oidc.client".to_owned());
        }
        if self.parallel == Some(0) {
            return Err("parallel is 1 or more".to_owned());
        }
        if self.lease_seconds.is_some_and(|it| !(3..=3600).contains(&it)) {
            return Err("lease_seconds is 3 to 3600".to_owned());
        }
        self.updates().map(drop)
    }

    pub(crate) fn listen(&self) -> &str {
        self.listen.as_deref().unwrap_or("127.0.0.1:8480")
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(places::data)
    }

    /// Where the store is; and whether others may share it.
    pub(crate) fn store(&self) -> Result<store::Settings, String> {
        let Some(url) = &self.database.url else {
            return Ok(store::Settings::Embedded(self.data_dir().join("center.db")));
        };
        let read = |it: &PathBuf| fs::read(it).map_err(|err| format!("{}: {err}", it.display()));
        Ok(store::Settings::Server {
            url: url.0.reveal().to_owned(),
            authorities: self.database.ca.as_ref().map(read).transpose()?,
            connections: self.database.connections.unwrap_or(16),
        })
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.database.url.is_some()
    }

    pub(crate) fn keys(&self) -> Result<server::Keys, String> {
        match &self.keys {
            Some(it) => server::Keys::parse(&it.0).map_err(|err| format!("keys: {err}")),
            None => {
                let file = self.data_dir().join(KEYS_FILE);
                server::Keys::of_file(&file).map_err(|err| err.to_string())
            }
        }
    }

    /// The file that has the keys, where it is one.
    pub(crate) fn keys_file(&self) -> Option<PathBuf> {
        self.keys.is_none().then(|| self.data_dir().join(KEYS_FILE))
    }

    pub(crate) fn admin_password(&self) -> Option<&Secret> {
        self.admin_password.as_ref().map(|it| &it.0)
    }

    pub(crate) fn log(&self, terminal: bool) -> server::Format {
        match self.log {
            Some(LogFormat::Text) => server::Format::Text,
            None if terminal => server::Format::Text,
            _ => server::Format::Json,
        }
    }

    pub(crate) fn server(&self) -> Result<server::Settings, String> {
        let url = |it: &String| Url::parse(it).map_err(|err| format!("public_url: {err}"));
        let files = (&self.tls.certificates, &self.tls.key);
        Ok(server::Settings {
            public_url: self.public_url.as_ref().map(url).transpose()?,
            proxies: self.proxies.clone(),
            tls: match files {
                (Some(certificates), Some(key)) => {
                    Some(server::Tls { certificates: certificates.clone(), key: key.clone() })
                }
                _ => None,
            },
            oidc: self.oidc(),
            ..server::Settings::default()
        })
    }

    fn oidc(&self) -> Option<server::Oidc> {
        let it = &self.oidc;
        let or =
            |text: &Option<String>, other: &str| text.clone().unwrap_or_else(|| other.to_owned());
        Some(server::Oidc {
            issuer: it.issuer.clone()?,
            client: it.client.clone()?,
            secret: it.secret.clone().map(|it| it.0),
            scopes: it.scopes.clone().unwrap_or_else(|| vec!["profile".to_owned()]),
            name_claim: or(&it.name_claim, "preferred_username"),
            role_claim: or(&it.role_claim, "groups"),
            roles: it.roles.iter().map(|(value, role)| (value.clone(), (*role).into())).collect(),
            otherwise: it.otherwise.map(server::Role::from),
        })
    }

    pub(crate) fn updates(&self) -> Result<center::Updates, String> {
        let it = &self.advisories;
        let hours = u64::from(it.update_hours.unwrap_or(6));
        let named = |name: &String| {
            let feed = assess::feeds::feed(name);
            feed.ok_or_else(|| format!("advisories: there is no feed `{name}`"))
        };
        it.places.keys().try_for_each(|it| named(it).map(drop))?;
        Ok(center::Updates {
            every: (hours > 0).then(|| Duration::from_secs(hours.saturating_mul(3600))),
            mirror: it.mirror.clone(),
            places: it.places.iter().map(|(name, url)| (name.clone(), url.clone())).collect(),
            without: it.without.iter().map(named).collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn network(&self) -> net::Settings {
        let Network { timeout_seconds, tries } = self.network;
        network::settings(&Patience {
            timeout: timeout_seconds.unwrap_or(30).into(),
            tries: tries.unwrap_or(4).max(1),
        })
    }

    /// Scans use what is known of packages now; of bundles of rules the store has those that are used.
    pub(crate) fn inspection(&self, data: &Path) -> Result<Inspection, String> {
        let (_, packages) = bundles::in_use(data)?;
        Ok(Inspection {
            program: program(),
            limits: inspect::Limits::default(),
            malware: true,
            bundles: Vec::new(),
            packages,
            spool: self.spool_dir.clone().unwrap_or_else(env::temp_dir),
            stall: Duration::from_secs(120),
            stop: Arc::default(),
        })
    }

    pub(crate) fn limits(&self) -> center::Limits {
        let usual = center::Limits::default();
        let lease = self.lease_seconds.map_or(usual.lease, |it| Duration::from_secs(it.into()));
        let minutes = |it: u32| Duration::from_secs(u64::from(it.max(1)).saturating_mul(60));
        center::Limits {
            workers: self.workers.unwrap_or(usual.workers),
            lease,
            // Heard of several times before it is taken for gone.
            beat: usual.beat.min(lease.checked_div(6).unwrap_or(usual.beat)),
            layers: self.parallel.unwrap_or(usual.layers),
            synchronise: self.synchronise_minutes.map_or(usual.synchronise, minutes),
            retention: self.retention(),
            ..usual
        }
    }

    fn retention(&self) -> center::Retention {
        let (it, usual) = (&self.retention, center::Retention::default());
        center::Retention {
            tasks: it.tasks_days.unwrap_or(usual.tasks),
            notices: it.notices_days.unwrap_or(usual.notices),
            reports: it.reports_days.unwrap_or(usual.reports),
            report_bytes: it.reports_gib.map_or(usual.report_bytes, |it| i64::from(it) << 30),
            registries: it.images_days.unwrap_or(usual.registries),
            images: it.images_days.unwrap_or(usual.images),
            gone: it.gone_days.unwrap_or(usual.gone),
            audit: it.audit_days.unwrap_or(usual.audit),
            figures: it.figures_days.unwrap_or(usual.figures),
        }
    }
}

impl From<Role> for server::Role {
    fn from(it: Role) -> server::Role {
        match it {
            Role::Viewer => server::Role::Viewer,
            Role::Operator => server::Role::Operator,
            Role::Admin => server::Role::Admin,
        }
    }
}

/// A file to begin with: every key there is, none of them set.
pub(crate) fn example() -> String {
    let mut text = "# How `plimsoll serve` and `plimsoll worker` are configured. Everything has a default.\n\
                    # A key a.b is PLIMSOLL_A_B in the environment, which goes before this file; instead of a\n\
                    # secret, a.b_file can name a file that has it.\n"
        .to_owned();
    for (key, takes, example, what) in KEYS {
        let example = match takes {
            Takes::Number => (*example).to_owned(),
            Takes::List => format!("[{example:?}]"),
            Takes::Map => {
                let (name, text) = example.split_once('=').unwrap_or_default();
                format!("{{ {name} = {text:?} }}")
            }
            Takes::Text | Takes::Secret => format!("{example:?}"),
        };
        let _ = writeln!(text, "\n# {what}\n# {key} = {example}");
    }
    text
}

fn of_file(path: &Path) -> Result<Table, String> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|err| format!("{name}: {err}"))?;
    // The whole message would show the line, which may have a secret.
    text.parse().map_err(|err: toml::de::Error| {
        let before = err.span().and_then(|it| text.get(..it.start)).unwrap_or_default();
        let line = before.lines().count().max(1);
        format!("{name}, line {line}: {}", err.message())
    })
}

/// Puts in what the environment or a file that is named has of a key.
fn overlay(
    table: &mut Table,
    key: &str,
    takes: Takes,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(), String> {
    if takes == Takes::Secret {
        let named = variable(&format!("{}_FILE", name(key)));
        let written = take(table, &format!("{key}_file"));
        let path = named.or(written.and_then(|it| it.as_str().map(str::to_owned)));
        if let Some(path) = path {
            let text = fs::read_to_string(&path).map_err(|err| format!("{key}: {path}: {err}"))?;
            put(table, key, Value::String(text.trim_end().to_owned()))?;
        }
    }
    let Some(text) = variable(&name(key)).filter(|it| !it.is_empty()) else { return Ok(()) };
    let parts = || text.split(',').map(str::trim).filter(|it| !it.is_empty());
    let value = match takes {
        Takes::Text | Takes::Secret => Value::String(text),
        Takes::Number => {
            let number = text.trim().parse();
            Value::Integer(number.map_err(|_| format!("{}: not a number", name(key)))?)
        }
        Takes::List => parts().map(|it| Value::String(it.to_owned())).collect::<Vec<_>>().into(),
        Takes::Map => {
            let pair = |it: &str| {
                let (key, text) = it.split_once('=')?;
                Some((key.trim().to_owned(), Value::String(text.trim().to_owned())))
            };
            let map: Option<Table> = parts().map(pair).collect();
            map.ok_or_else(|| format!("{}: it is name=text, with commas between", name(key)))?
                .into()
        }
    };
    put(table, key, value)
}

/// A key as the environment has it.
fn name(key: &str) -> String {
    format!("PLIMSOLL_{}", key.replace('.', "_").to_uppercase())
}

fn put(table: &mut Table, key: &str, value: Value) -> Result<(), String> {
    let Some((section, key)) = key.split_once('.') else {
        table.insert(key.to_owned(), value);
        return Ok(());
    };
    let section_of = table.entry(section).or_insert_with(|| Table::new().into());
    let inner = section_of.as_table_mut().ok_or_else(|| format!("{section} is a section"))?;
    inner.insert(key.to_owned(), value);
    Ok(())
}

fn take(table: &mut Table, key: &str) -> Option<Value> {
    match key.split_once('.') {
        None => table.remove(key),
        Some((section, key)) => table.get_mut(section)?.as_table_mut()?.remove(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plimsoll.toml");
        fs::write(&path, file).unwrap();
        let variable = |name: &str| {
            let found = environment.iter().find(|it| it.0 == name);
            found.map(|it| it.1.replace('~', folder.path().to_str().unwrap()))
        };
        fs::write(folder.path().join("secret"), "hush\n").unwrap();
        let typed = Typed { config: Some(&path), listen: None, data_dir: None, database_url: None };
        Config::read(&typed, &variable)
    }

    #[test]
    fn every_key_can_stand_in_the_file_and_in_the_environment() {
        let text = example();
        let set: String = text
            .lines()
            .filter_map(|it| it.strip_prefix("# ").filter(|it| it.contains(" = ")))
            .map(|it| format!("{it}\n"))
            .collect();
        assert_eq!(set.lines().count(), KEYS.len());
        read(&set, &[]).unwrap();
        read(&text, &[]).unwrap();
        let names: Vec<String> = KEYS.iter().map(|it| name(it.0)).collect();
        let all: Vec<(&str, &str)> =
            names.iter().map(String::as_str).zip(KEYS.iter().map(|it| it.2)).collect();
        let config = read("", &all).unwrap();
        assert_eq!(config.listen(), "127.0.0.1:8480");
        assert_eq!(config.oidc().unwrap().roles.len(), 1);
        assert_eq!(config.updates().unwrap().places.len(), 1);
    }

    #[test]
    fn the_environment_goes_before_the_file() {
        let config = read("listen = \"a:1\"\nworkers = 3\n", &[("PLIMSOLL_LISTEN", "b:2")]);
        let config = config.unwrap();
        assert_eq!((config.listen(), config.limits().workers), ("b:2", 3));
    }

    #[test]
    fn secrets_can_be_in_files_and_are_never_shown() {
        for (file, variables) in [
            ("", &[("PLIMSOLL_ADMIN_PASSWORD_FILE", "~/secret")][..]),
            ("", &[("PLIMSOLL_ADMIN_PASSWORD", "hush")]),
            ("admin_password = 'hush'", &[]),
        ] {
            let config = read(file, variables).unwrap();
            assert_eq!(config.admin_password().unwrap().reveal(), "hush");
            assert!(!format!("{config:?}").contains("hush"));
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_secrets() {
        let check = |file: &str, variables: &[(&str, &str)], expected: &str| {
            let err = read(file, variables).unwrap_err();
            assert!(err.contains(expected) && !err.contains("hush"), "{file}: {err}");
        };
        check("lisen = 'a'", &[], "lisen");
        check("a = 1\nadmin_password = 'hush", &[], "line 2");
        check("admin_password = ['hush']", &[], "plimsoll.toml");
        check("tls.key = 'a'", &[], "go together");
        check("oidc.issuer = 'a'", &[], "oidc.client");
        check("parallel = 0", &[], "1 or more");
        check("lease_seconds = 1", &[], "3 to 3600");
        check("advisories.without = ['nvdd']", &[], "nvdd");
        check("", &[("PLIMSOLL_WORKERS", "many")], "PLIMSOLL_WORKERS: not a number");
        check("", &[("PLIMSOLL_OIDC_ROLES", "security")], "PLIMSOLL_OIDC_ROLES");
        check("", &[("PLIMSOLL_DATABASE_URL_FILE", "~/none")], "database.url");
        check("log = 'xml'", &[], "xml");
        check("database = 'hush'", &[("PLIMSOLL_DATABASE_URL", "x")], "database is a section");
    }
}
