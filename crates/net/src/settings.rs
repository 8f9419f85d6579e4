//! Everything that decides how the client behaves. Read by the binary and passed in.
use crate::Secret;
use std::{collections::BTreeMap, time::Duration};

/// How to reach the world.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What we call ourselves.
    pub user_agent: String,
    /// What differs for single hosts, by `host` or `host:port`.
    pub hosts: BTreeMap<String, Host>,
    /// Which proxies to use.
    pub proxies: Proxies,
    /// How long to wait for each host that has no times of its own.
    pub timeouts: Timeouts,
    /// How often to try with each host that has no number of its own.
    pub retries: Retries,
    /// How hard to press each host that has no limits of its own.
    pub limits: Limits,
    /// Whether to go to addresses out in the world only: for places that strangers name. What goes by a proxy
    /// is for the proxy to decide, unless the place is an address itself.
    pub outside: bool,
    /// How to wait between tries.
    pub sleep: fn(Duration),
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            user_agent: concat!("plimsoll/", env!("CARGO_PKG_VERSION")).to_owned(),
            hosts: BTreeMap::new(),
            proxies: Proxies::default(),
            timeouts: Timeouts::default(),
            retries: Retries::default(),
            limits: Limits::default(),
            outside: false,
            sleep: std::thread::sleep,
        }
    }
}

/// What differs for one host.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// Whether it speaks plain HTTP. `None`: only when it is this very machine and nothing below
    /// speaks of TLS.
    pub plain: Option<bool>,
    /// Certificates, PEM, of authorities to trust besides the system's.
    pub authorities: Vec<u8>,
    /// Who we are, for servers that ask for a client certificate.
    pub identity: Option<Identity>,
    /// Takes any certificate. Whoever stands in between can then read and change everything.
    pub insecure: bool,
    /// How hard to press it.
    pub limits: Option<Limits>,
    /// How long to wait for it.
    pub timeouts: Option<Timeouts>,
    /// How often to try.
    pub retries: Option<Retries>,
}

/// A client certificate with its key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate and those between it and its authority, PEM.
    pub certificates: Vec<u8>,
    /// Its private key, PEM (PKCS#8, PKCS#1 or SEC1).
    pub key: Secret,
}

/// Proxies, by the scheme of the address asked for. All requests go by `CONNECT`.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// For `http`: `http://[user:password@]host[:port]`.
    pub http: Option<Secret>,
    /// For `https`, likewise.
    pub https: Option<Secret>,
    /// Hosts reached directly: names (and what lies under them), addresses, networks, `*`; each
    /// may end in `:port`. This very machine is always reached directly.
    pub except: Vec<String>,
}

/// Waiting ends when nothing moves, not when much has to be moved.
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// For name, connection and TLS together.
    pub connect: Duration,
    /// From the request to the last header of its answer.
    pub answer: Duration,
    /// Between two reads, the first answer included, and between two writes.
    pub idle: Duration,
    /// Waiting for `least_bytes` of a body may take no longer than this.
    pub crawl: Duration,
    /// See `crawl`.
    pub least_bytes: u64,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts::of(Duration::from_secs(30))
    }
}

impl Timeouts {
    /// All in proportion to how long nothing may move.
    pub fn of(idle: Duration) -> Timeouts {
        Timeouts {
            connect: idle.min(Duration::from_secs(15)),
            answer: idle.saturating_mul(3),
            idle,
            crawl: idle.saturating_mul(2),
            least_bytes: 16 << 10,
        }
    }
}

/// Tries again after a broken connection, 429, and 5xx.
#[derive(Clone, Debug)]
pub struct Retries {
    /// Tries in all, the first included.
    pub tries: u32,
    /// The pause before the second; each following one is twice as long, plus or minus a quarter.
    pub first: Duration,
    /// The longest pause, also when the server asks for a longer one: then its answer is returned.
    pub longest: Duration,
}

impl Default for Retries {
    fn default() -> Retries {
        let first = Duration::from_millis(500);
        Retries { tries: 4, first, longest: Duration::from_secs(60) }
    }
}

/// How hard to press a host.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests begun in a second; 0 for as many as may be.
    pub per_second: u32,
    /// Requests under way at once, their bodies included; 0 for as many as may be.
    pub at_once: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { per_second: 0, at_once: 16 }
    }
}
