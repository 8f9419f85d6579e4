//! Sends requests: patiently, politely, and without giving credentials away.
use crate::{
    Error, Host, Limits, Request, Response, Retries, Settings, Timeouts, Url,
    error::explain,
    outside::{Outside, is_outside},
    pace::Pace,
    proxy::{choose, is_local},
    request::Content,
    retry::{passing, pause},
    tls,
    url::split_authority,
};
use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::Seek,
    net::IpAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use ureq::{
    Agent, Proxy, ProxyProtocol, http, tls::Certificate, unversioned::transport::DefaultConnector,
};

/// Redirects followed for one request.
const REDIRECTS: usize = 5;

/// The way to all servers. Cloning gives another handle to the same connections and limits.
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) pace: Arc<Pace>,
    roots: OnceLock<Vec<Certificate<'static>>>,
    agents: Mutex<BTreeMap<Kind, Agent>>,
}

/// Connections are kept apart by the name of the settings in force, by whether they are encrypted,
/// and by whether they go by the proxy.
type Kind = (String, bool, bool);

impl Client {
    /// A client with these settings, which are checked here as far as they can be.
    pub fn new(settings: Settings) -> Result<Client, Error> {
        let pace = Arc::new(Pace::default());
        let (roots, agents) = (OnceLock::new(), Mutex::new(BTreeMap::new()));
        let client = Client { shared: Arc::new(Shared { settings, pace, roots, agents }) };
        for (name, host) in &client.shared.settings.hosts {
            // One that never matches would leave its settings unused without a word.
            if split_authority(name, 443).is_none() || *name != name.to_ascii_lowercase() {
                let text = format!("`{name}` is not `host` or `host:port` in lower case");
                return Err(Error::Settings(text));
            }
            if host.plain != Some(true) {
                let named = |it| Error::Settings(format!("host `{name}`: {it}"));
                tls::config(host, client.roots()).map_err(named)?;
            }
        }
        let proxies = &client.shared.settings.proxies;
        for proxy in proxies.http.iter().chain(&proxies.https) {
            let usable = Proxy::new(proxy.reveal()).is_ok_and(|it| {
                matches!(it.protocol(), ProxyProtocol::Http | ProxyProtocol::Https)
            });
            if !usable {
                let text = "a proxy is `http://` or `https://` and a host";
                return Err(Error::Settings(text.to_owned()));
            }
        }
        Ok(client)
    }

    /// The address of the server at `host[:port]`: `https`, unless the settings say otherwise or it
    /// is this very machine.
    pub fn origin(&self, host: &str) -> Result<Url, Error> {
        let secure = Url::parse(&format!("https://{host}"))?;
        let (_, settings) = self.host(&secure);
        let bare = |it: &Host| it.authorities.is_empty() && it.identity.is_none() && !it.insecure;
        let local = is_local(secure.host()) && settings.is_none_or(bare);
        match settings.and_then(|it| it.plain).unwrap_or(local) {
            true => Url::parse(&format!("http://{host}")),
            false => Ok(secure),
        }
    }

    /// Sends `request` until it is answered or hope is lost, and follows redirects. The answer may
    /// have any status; of those that may pass, one only after the last try.
    pub fn send(&self, request: &Request) -> Result<Response, Error> {
        let mut request = request.clone();
        for _ in 0..=REDIRECTS {
            let response = self.persist(&request)?;
            let Some(next) = redirect(&request, &response)? else { return Ok(response) };
            if !request.url.same_origin(&next) {
                request.secrets.clear();
            }
            response.finish();
            request.url = next;
        }
        Err(Error::Redirect(format!("{}: more than {REDIRECTS} in a row", request.url)))
    }

    /// The same way, but out of our own network: see [`Settings::outside`].
    pub fn outside(&self) -> Result<Client, Error> {
        Client::new(Settings { outside: true, ..self.shared.settings.clone() })
    }

    /// Waits as between two tries with the host of `url`, after `failed` of them. For callers that resume.
    pub fn rest(&self, url: &Url, failed: u32) {
        (self.shared.settings.sleep)(pause(self.retries(url), failed));
    }

    /// How often the settings say that anything is tried with the host of `url`.
    pub fn tries(&self, url: &Url) -> u32 {
        self.retries(url).tries
    }

    fn retries(&self, url: &Url) -> &Retries {
        let own = self.host(url).1.and_then(|it| it.retries.as_ref());
        own.unwrap_or(&self.shared.settings.retries)
    }

    pub(crate) fn timeouts<'a>(&'a self, host: Option<&'a Host>) -> &'a Timeouts {
        let own = host.and_then(|it| it.timeouts.as_ref());
        own.unwrap_or(&self.shared.settings.timeouts)
    }

    fn persist(&self, request: &Request) -> Result<Response, Error> {
        let retries = self.retries(&request.url);
        let mut failed: u32 = 0;
        loop {
            let outcome = self.once(request);
            failed = failed.saturating_add(1);
            let wait = match &outcome {
                Ok(it) if passing(it.status) => it.retry_after().max(Some(pause(retries, failed))),
                Err(error) if error.retryable() => Some(pause(retries, failed)),
                _ => None,
            };
            let tries = if request.hurried { 1 } else { retries.tries };
            match wait.filter(|it| failed < tries && *it <= retries.longest) {
                Some(wait) => {
                    drop(outcome);
                    (self.shared.settings.sleep)(wait);
                }
                None => return outcome,
            }
        }
    }

    fn once(&self, request: &Request) -> Result<Response, Error> {
        let url = &request.url;
        let literal = url.host().trim_matches(['[', ']']).parse::<IpAddr>();
        if self.shared.settings.outside && literal.is_ok_and(|it| !is_outside(it)) {
            return Err(Error::Url(format!(
                "{url}: not an address of the world outside, and it must be"
            )));
        }
        let agent = self.agent(url)?;
        let (permit, wait) = self.shared.pace.enter(&url.authority(), self.limits(url));
        if !wait.is_zero() {
            (self.shared.settings.sleep)(wait);
        }
        let answer = match &request.body {
            Some(Content::Bytes(it)) => agent.run(assemble(request, it.as_slice())?),
            Some(Content::File(it)) => {
                let mut file: &File = it;
                file.rewind().map_err(|error| explain(url, error.into()))?;
                agent.run(assemble(request, file)?)
            }
            None => agent.run(assemble(request, ())?),
        };
        let answer = answer.map_err(|error| explain(url, error))?;
        let timeouts = self.timeouts(self.host(url).1);
        Ok(Response::new(url.clone(), answer, timeouts, permit))
    }

    fn limits(&self, url: &Url) -> Limits {
        let own = self.host(url).1.and_then(|it| it.limits);
        own.unwrap_or(self.shared.settings.limits)
    }

    /// The settings of the host of `url`, with their name: those with its port come first.
    fn host(&self, url: &Url) -> (&str, Option<&Host>) {
        self.named(url.host(), url.port())
    }

    pub(crate) fn named(&self, host: &str, port: u16) -> (&str, Option<&Host>) {
        let hosts = &self.shared.settings.hosts;
        let with_port = hosts.get_key_value(&format!("{host}:{port}"));
        let found = with_port.or_else(|| hosts.get_key_value(host));
        found.map_or(("", None), |(name, host)| (name.as_str(), Some(host)))
    }

    pub(crate) fn roots(&self) -> &[Certificate<'static>] {
        self.shared.roots.get_or_init(tls::system_roots)
    }

    fn agent(&self, url: &Url) -> Result<Agent, Error> {
        let (name, host) = self.host(url);
        let proxy = choose(&self.shared.settings.proxies, url);
        let kind = (name.to_owned(), url.secure(), proxy.is_some());
        let mut agents = self.shared.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = agents.get(&kind) {
            return Ok(agent.clone());
        }
        let proxy = proxy.map(|it| Proxy::new(it.reveal())).transpose();
        let proxy = proxy.map_err(|error| explain(url, error))?;
        let encrypted = url.secure() || proxy.as_ref().is_some_and(by_tls);
        let trust = encrypted.then(|| host.cloned().unwrap_or_default());
        let agent = self.build(trust.as_ref(), self.timeouts(host), proxy)?;
        agents.insert(kind, agent.clone());
        Ok(agent)
    }

    fn build(
        &self,
        trust: Option<&Host>,
        timeouts: &Timeouts,
        proxy: Option<Proxy>,
    ) -> Result<Agent, Error> {
        let mut config = Agent::config_builder()
            .user_agent(&self.shared.settings.user_agent)
            .accept_encoding("identity")
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy)
            .timeout_resolve(Some(timeouts.connect))
            .timeout_connect(Some(timeouts.connect))
            .timeout_recv_response(Some(timeouts.answer))
            .timeout_per_read(Some(timeouts.idle))
            .timeout_per_write(Some(timeouts.idle));
        if let Some(host) = trust {
            config = config.tls_config(tls::config(host, self.roots())?);
        }
        let config = config.build();
        Ok(match self.shared.settings.outside && config.proxy().is_none() {
            true => Agent::with_parts(config, DefaultConnector::default(), Outside),
            false => config.new_agent(),
        })
    }
}

fn by_tls(proxy: &Proxy) -> bool {
    proxy.protocol() == ProxyProtocol::Https
}

/// Where an answer sends us, if it does and if we go.
fn redirect(request: &Request, response: &Response) -> Result<Option<Url>, Error> {
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let from = &response.url;
    if !request.method.reads() {
        return Err(Error::Redirect(format!("{from}: a request that is not for reading")));
    }
    let Some(location) = response.header("location") else {
        return Err(Error::Malformed(format!("{from}: a redirect to nowhere")));
    };
    let to = from.join(location)?;
    if from.secure() && !to.secure() {
        return Err(Error::Redirect(format!("from {from} to {to}, which is not encrypted")));
    }
    Ok(Some(to))
}

fn assemble<B>(request: &Request, body: B) -> Result<http::Request<B>, Error> {
    let mut builder =
        http::Request::builder().method(request.method.name()).uri(request.url.full());
    for (name, value) in &request.headers {
        builder = builder.header(*name, value);
    }
    let bad = || Error::Url(format!("{}: a header or the path cannot be sent", request.url));
    for (name, secret) in &request.secrets {
        let value = http::HeaderValue::from_str(secret.reveal());
        let mut value = value.map_err(|_| bad())?;
        value.set_sensitive(true);
        builder = builder.header(*name, value);
    }
    builder.body(body).map_err(|_| bad())
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("settings", &self.shared.settings).finish()
    }
}
