//! The way to a center: where it is, who we are there, and what it says when it can't do what was asked.
use super::{operation::FILE, sent::Content, session::Sessions};
use crate::{args::Patience, network};
use clap::Args;
use net::{Client, Host, Method, Request, Response, Secret, Timeouts, Url};
use serde::Deserialize;
use std::{
    cell::RefCell,
    env, fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Where one answers if nobody says otherwise.
const USUAL: &str = "http://127.0.0.1:8480";

/// The most that an answer may have which is not read piece by piece.
const MOST_BYTES: u64 = 1 << 30;

/// How a center is reached. Who we are says PLIMSOLL_TOKEN or the file PLIMSOLL_TOKEN_FILE, else the last `log-in`.
#[derive(Args, Debug)]
#[command(next_help_heading = "Center")]
pub(super) struct Reach {
    /// The center [default: PLIMSOLL_SERVER, else where `log-in` was last, else http://127.0.0.1:8480]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Trust the certificate authorities in this PEM file too
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Take any certificate: whoever stands in between can be who you are
    #[arg(long)]
    insecure: bool,
    #[command(flatten)]
    patience: Patience,
}

/// A center that can be asked.
pub(super) struct Link {
    client: Client,
    /// What stands before every path.
    server: String,
    token: Option<Secret>,
    sessions: RefCell<Sessions>,
}

/// What a center says when it can't do what was asked (RFC 9457).
#[derive(Deserialize)]
struct Problem {
    detail: String,
    code: String,
}

impl Link {
    pub(super) fn new(reach: &Reach, patient: bool) -> Result<Link, String> {
        let sessions = Sessions::read()?;
        let variable = |name: &str| env::var(name).ok().filter(|it| !it.is_empty());
        let server = reach.server.clone().or_else(|| variable("PLIMSOLL_SERVER"));
        let server = server.or_else(|| sessions.server.clone()).unwrap_or_else(|| USUAL.to_owned());
        let mut settings = network::settings(&reach.patience);
        if !server.contains("://") {
            return Err(format!(
                "the center's address begins with http:// or https://, and `{server}` does not"
            ));
        }
        let url = Url::parse(&server).map_err(|err| err.to_string())?;
        let ca = reach
            .ca
            .as_ref()
            .map(|it| fs::read(it).map_err(|err| format!("{}: {err}", it.display())));
        let idle = Timeouts::of(Duration::from_secs(reach.patience.timeout));
        let host = Host {
            authorities: ca.transpose()?.unwrap_or_default(),
            insecure: reach.insecure,
            // What happens comes as slowly as it happens.
            timeouts: patient.then_some(Timeouts { crawl: Duration::MAX, ..idle }),
            ..Host::default()
        };
        settings.hosts.insert(format!("{}:{}", url.host(), url.port()), host);
        let client = Client::new(settings).map_err(|err| err.to_string())?;
        let file = variable("PLIMSOLL_TOKEN_FILE").filter(|_| variable("PLIMSOLL_TOKEN").is_none());
        let file = file.map(|it| fs::read_to_string(&it).map_err(|err| format!("{it}: {err}")));
        let token = variable("PLIMSOLL_TOKEN").or(file.transpose()?);
        let token = token.map(|it| Secret::new(format!("Bearer {}", it.trim())));
        let server = server.trim_end_matches('/').to_owned();
        Ok(Link { client, server, token, sessions: RefCell::new(sessions) })
    }

    /// Asks. What is answered with a session is kept.
    pub(super) fn ask(
        &self,
        method: Method,
        target: &str,
        body: Option<Content>,
        more: &[(&'static str, String)],
    ) -> Result<Response, String> {
        let url = Url::parse(&format!("{}{target}", self.server)).map_err(|err| err.to_string())?;
        let mut request = Request::new(method, url);
        request = match (&self.token, self.sessions.borrow().cookies.get(&self.server)) {
            (Some(token), _) => request.authorization(Some(token.clone())),
            (None, Some(cookie)) => request
                .secret("cookie", Secret::new(cookie.clone()))
                .header("x-requested-with", "plimsoll"),
            (None, None) => request,
        };
        request = more.iter().fold(request, |request, it| request.header(it.0, it.1.clone()));
        if method == Method::Post {
            request = request.header("idempotency-key", key());
        }
        request = match body {
            Some(Content::Json(it)) => request.body("application/json", it),
            Some(Content::File(it)) => request.file(FILE, it),
            None => request,
        };
        let response = self.persist(&request)?;
        let cookie = response.headers("set-cookie").find_map(session).map(str::to_owned);
        let response = self.refused(response)?;
        if let Some(it) = cookie {
            self.sessions.borrow_mut().keep(&self.server, &it)?;
        }
        Ok(response)
    }

    /// Asks for something that is whole in memory.
    pub(super) fn read(&self, target: &str) -> Result<(Vec<u8>, Option<String>), String> {
        let response = self.ask(Method::Get, target, None, &[])?;
        let tag = response.header("etag").map(str::to_owned);
        Ok((all(response)?, tag))
    }

    /// A request that broke off may still be under way; then its answer is worth waiting for.
    fn persist(&self, request: &Request) -> Result<Response, String> {
        for _ in 0..60 {
            let response = self.client.send(request).map_err(|err| err.to_string())?;
            match response.retry_after() {
                Some(wait) if response.status == 409 => {
                    thread::sleep(wait.clamp(Duration::from_millis(100), Duration::from_secs(5)));
                }
                _ => return Ok(response),
            }
        }
        Err(format!("{}: the same request is still being carried out", self.server))
    }

    fn refused(&self, response: Response) -> Result<Response, String> {
        if (200..300).contains(&response.status) {
            return Ok(response);
        }
        let (status, place) = (response.status, response.url.clone());
        let content = response.bounded(1 << 20).unwrap_or_default();
        let Ok(Problem { detail, code }) = serde_json::from_slice(&content) else {
            return Err(format!("{place}: status {status}, and no center answers so"));
        };
        let hint = match code.as_str() {
            "unauthenticated" => ": `plimsoll center log-in`, or PLIMSOLL_TOKEN in the environment",
            _ => "",
        };
        Err(format!("{} ({code}){hint}", crate::table::clean(&detail)))
    }
}

/// All of an answer.
pub(super) fn all(response: Response) -> Result<Vec<u8>, String> {
    response.bounded(MOST_BYTES).map_err(|err| err.to_string())
}

/// The session that a `Set-Cookie` begins or ends, as it has to be sent.
fn session(text: &str) -> Option<&str> {
    let pair = text.split(';').next()?.trim();
    let (name, _) = pair.split_once('=')?;
    ["plimsoll", "__Host-plimsoll"].contains(&name).then_some(pair)
}

/// Differs from all others that the same person sends.
fn key() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{}-{}-{count}", std::process::id(), now.as_nanos())
}
