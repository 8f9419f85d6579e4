//! All that decides how the server behaves. Read by the binary and passed in.
use crate::Oidc;
use std::{net::IpAddr, path::PathBuf, time::Duration};

/// How to serve.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What browsers call this server, where that is not what they ask for: `https://images.example.com`.
    pub public_url: Option<net::Url>,
    /// Proxies in front of this server, whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpAddr>,
    /// A certificate of our own.
    pub tls: Option<Tls>,
    /// How much of everything.
    pub limits: Limits,
    /// How long people stay logged in.
    pub sessions: Sessions,
    /// Who logs people in besides us. It takes `public_url` too.
    pub oidc: Option<Oidc>,
}

/// How long people stay logged in.
#[derive(Clone, Copy, Debug)]
pub struct Sessions {
    /// When they do nothing.
    pub idle: Duration,
    /// Whatever they do.
    pub longest: Duration,
}

impl Default for Sessions {
    fn default() -> Sessions {
        let hour = Duration::from_secs(3600);
        Sessions { idle: hour.saturating_mul(8), longest: hour.saturating_mul(7 * 24) }
    }
}

impl Sessions {
    pub(crate) fn idle_ms(&self) -> i64 {
        i64::try_from(self.idle.as_millis()).unwrap_or(i64::MAX)
    }

    pub(crate) fn longest_ms(&self) -> i64 {
        i64::try_from(self.longest.as_millis()).unwrap_or(i64::MAX)
    }
}

/// Files of a certificate; read again when they have changed.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate and those between it and its authority, PEM.
    pub certificates: PathBuf,
    /// Its private key, PEM (PKCS#8, PKCS#1 or SEC1).
    pub key: PathBuf,
}

/// How much of everything: what keeps one client from taking what others need.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Requests at once that are being worked on, the others wait.
    pub threads: usize,
    /// Bytes of the head of a request.
    pub head_bytes: usize,
    /// Bytes of the content of a request, where its route does not say otherwise.
    pub body_bytes: usize,
    /// For the head to arrive; also how long an idle connection is kept.
    pub head: Duration,
    /// For the content to arrive.
    pub body: Duration,
    /// For the answer to begin.
    pub answer: Duration,
    /// For the other side to take anything of what is sent.
    pub write: Duration,
    /// For requests under way to end when the server stops.
    pub stop: Duration,
    /// Between two looks for notifications that are due.
    pub look: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 1024,
            threads: 64,
            head_bytes: 32 << 10,
            body_bytes: 1 << 20,
            head: Duration::from_secs(30),
            body: Duration::from_secs(30),
            answer: Duration::from_secs(60),
            write: Duration::from_secs(30),
            stop: Duration::from_secs(10),
            look: Duration::from_secs(2),
        }
    }
}

impl Settings {
    /// Whether browsers come by HTTPS.
    pub(crate) fn encrypted(&self) -> bool {
        self.tls.is_some() || self.public_url.as_ref().is_some_and(net::Url::secure)
    }
}
