//! Tells channels what has happened. Notices become deliveries ([`gather`]), and those are tried until they have
//! arrived ([`lanes`]); here is how one is sent.
mod gather;
pub(crate) mod kinds;
mod lanes;
mod mail;
mod words;

pub(crate) use lanes::keep;
pub use words::Language;

use crate::{App, Problem, views::Mail};
use jiff::Timestamp;
use kinds::{How, KINDS, Kind, Target};
use net::{Client, Secret, Url};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::channels;

/// The most that a channel may answer.
const MOST: u64 = 64 << 10;

/// What is told: the document of a delivery.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Message {
    /// What kind of thing has happened; set when it is sent.
    #[serde(skip)]
    pub(crate) event: String,
    /// When; set when it is sent.
    #[serde(skip)]
    pub(crate) at: i64,
    /// A line for people.
    pub title: String,
    /// The rest for people.
    pub text: String,
    /// The same for programs.
    pub data: Value,
}

/// What a channel is, without its secrets: the document of a channel.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Shape {
    /// Of what it is told; empty: of everything.
    pub(crate) events: Vec<String>,
    /// In whose words it is told.
    #[serde(default)]
    pub(crate) language: Language,
    /// Whether it may be within the operator's own network.
    pub(crate) inside: bool,
    /// Where it is, without what must not be seen of the address.
    pub(crate) origin: String,
    /// From whom letters are, and to whom.
    #[serde(default)]
    pub(crate) mail: Option<Mail>,
}

/// What must not be seen: the addresses of most kinds let in whoever knows them.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Hidden {
    pub(crate) url: String,
    pub(crate) secret: Option<String>,
}

impl Message {
    pub(crate) fn time(&self) -> String {
        Timestamp::from_millisecond(self.at).map(|it| it.to_string()).unwrap_or_default()
    }
}

/// The kind of this name.
pub(crate) fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|it| it.name == name)
}

/// The ways to channels.
#[derive(Debug)]
pub(crate) struct Ways {
    pub(crate) inside: Client,
    pub(crate) outside: Client,
}

/// Sends a message to a channel, once, and says who did not get it, if somebody did.
pub(crate) fn send(
    app: &App,
    channel: &channels::Channel,
    message: &Message,
    id: i64,
) -> Result<String, String> {
    let kind = kind(&channel.kind).ok_or_else(|| format!("there is no kind {:?}", channel.kind))?;
    let shape: Shape = serde_json::from_str(&channel.document).map_err(|err| err.to_string())?;
    let sealed = channel.secret.as_deref().ok_or("the channel has no address")?;
    let Hidden { url, secret } = open(app, channel.id, sealed)?;
    let secret = secret.map(Secret::new);
    let way = if shape.inside { &app.ways.inside } else { &app.ways.outside };
    let How::Web { request, took } = kind.how else {
        let mail = shape.mail.ok_or("the channel has no recipients")?;
        return mail::send(way, &url, &mail, secret.as_ref(), message, id);
    };
    let url = Url::parse(&url).map_err(|err| err.to_string())?;
    let target = Target { url, secret: secret.as_ref(), message, id, now: app.now() };
    let request = request(&target)?.hurried(true);
    // Errors name the path of an address, which may be what lets in.
    let hide = |err: net::Error| err.to_string().replace(&path(&target.url), "/…");
    let response = way.send(&request).map_err(hide)?;
    let status = response.status;
    if !(200..300).contains(&status) {
        return Err(format!("it answered {status}"));
    }
    took(&response.bounded(MOST).map_err(hide)?).map(|()| String::new())
}

fn path(url: &Url) -> String {
    url.to_string().strip_prefix(&url.origin()).unwrap_or_default().to_owned()
}

/// Where the secret of a channel is bound to.
fn place(id: i64) -> String {
    format!("channel/{id}")
}

pub(crate) fn seal(app: &App, id: i64, hidden: &Hidden) -> Result<Vec<u8>, Problem> {
    let text = serde_json::to_vec(hidden).map_err(|err| Problem::internal(err.to_string()))?;
    app.keys.seal(&text, &place(id)).map_err(Problem::internal)
}

pub(crate) fn open(app: &App, id: i64, sealed: &[u8]) -> Result<Hidden, String> {
    let text = app.keys.open(sealed, &place(id))?;
    serde_json::from_slice(&text).map_err(|err| err.to_string())
}
