//! Where notifications go, and what became of them.
use crate::{
    Page, Problem,
    call::{Call, Failure, NOTHING},
    notify::{
        self, Hidden, Language, Message, Shape,
        kinds::{How, KINDS, Kind, Signs, WEBHOOK_SECRET},
    },
    page::{Place, place, shown},
    receive::{Json, Query},
    reply::Created,
    views::{Channel, Delivery, Mail, Named},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use net::{Relay, Url, is_mailbox};
use ring::rand::{SecureRandom, SystemRandom};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Tx, channels, deliveries};

/// What a channel may be told of.
const EVENTS: &[&str] =
    &["newly-affected", "malicious-sample", "scan-failed", "quota-nearly-used", "test"];

/// A channel to be added, or instead of one that is there.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewChannel {
    /// What people call it.
    name: String,
    /// `webhook`, `email`, `slack`, `dingtalk`, `feishu`, `wecom`.
    kind: String,
    /// Where it is. It is never shown again but for its host; when a channel is changed, none: as it is. Of `email` the
    /// server that takes mail: `smtps://host[:465]`, `smtp://host[:587]` (STARTTLS), or within one's own network
    /// `smtp+plain://host[:25]`, which is not encrypted.
    #[schemars(extend("writeOnly" = true))]
    url: Option<String>,
    /// What signs: of a webhook `whsec_` and base64, made when none is given; of DingTalk and Feishu the robot's. Of `email`
    /// the password of `mail.user`.
    #[schemars(extend("writeOnly" = true))]
    secret: Option<String>,
    /// Of `email`, and of nothing else: from whom letters are, and to whom.
    mail: Option<Mail>,
    /// Of what it is told: `newly-affected`, `malicious-sample`, `scan-failed`, `quota-nearly-used`; none: of all.
    #[serde(default)]
    events: Vec<String>,
    /// In whose words it is told.
    #[serde(default)]
    language: Language,
    /// Whether it may be within one's own network. Then whoever may change channels can send requests there.
    #[serde(default)]
    inside: bool,
    /// Whether it is told anything.
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

/// A channel, and the secret that was made for it, shown this once.
#[derive(JsonSchema, Serialize)]
pub(crate) struct MadeChannel {
    #[serde(flatten)]
    channel: Channel,
    /// What signs.
    secret: Option<String>,
}

/// Which deliveries.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichDeliveries {
    /// To the channel of this id.
    pub(crate) channel: Option<i64>,
    pub(crate) state: Option<Named<deliveries::State>>,
    /// Where the part begins: the `next` of the one before.
    cursor: Option<String>,
    /// How many rows, at most 500.
    limit: Option<u32>,
}

/// How a test went.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Tested {
    arrived: bool,
    /// Why not, or who does not get it.
    reason: String,
}

pub(crate) fn list(call: &Call, (): ()) -> Result<Json<Vec<Channel>>, Problem> {
    let all = call.read(|tx| Ok(channels::all(tx)?))?;
    Ok(Json(all.into_iter().map(Channel::from).collect()))
}

pub(crate) fn show(call: &Call, (): ()) -> Result<Json<Channel>, Problem> {
    let id = call.id("channel")?;
    call.read(|tx| Ok(Json(one(tx, id)?.into())))
}

fn one(tx: &mut Tx<'_>, id: i64) -> Result<channels::Channel, Failure> {
    Ok(channels::one(tx, id)?.ok_or_else(|| Problem::not_found("channel"))?)
}

pub(crate) fn add(
    call: &Call,
    Json(mut asked): Json<NewChannel>,
) -> Result<Created<MadeChannel>, Problem> {
    let url = asked.url.take().ok_or_else(|| Problem::invalid("a channel needs an url"))?;
    let made = complete(&mut asked)?;
    let (shape, secret) = (checked(&asked, &url, asked.secret.as_deref())?, asked.secret.clone());
    call.change(|tx| {
        // The secret is bound to the row, which has to be there first.
        let id = channels::add(tx, new(&asked, &shape, None), call.now)?;
        let hidden = Hidden { url: url.clone(), secret: secret.clone() };
        let sealed = notify::seal(&call.app, id, &hidden)?;
        channels::change(tx, id, new(&asked, &shape, Some(&sealed)))?;
        let channel: Channel = one(tx, id)?.into();
        call.audit(tx, &format!("channel/{id}"), NOTHING, Some(&channel))?;
        Ok(Created(format!("/api/v1/channels/{id}"), MadeChannel { channel, secret: made.clone() }))
    })
}

pub(crate) fn change(call: &Call, Json(asked): Json<NewChannel>) -> Result<Json<Channel>, Problem> {
    let id = call.id("channel")?;
    call.change(|tx| {
        let before = one(tx, id)?;
        let sealed = before.secret.as_deref().unwrap_or_default();
        let known = notify::open(&call.app, id, sealed);
        let url = match (&asked.url, &known) {
            (Some(it), _) => it.clone(),
            (None, Ok(it)) => it.url.clone(),
            (None, Err(why)) => return Err(Problem::invalid(why.clone()).into()),
        };
        // What was given for one place must not be sent to another.
        let kept = known.ok().filter(|it| it.url == url && before.kind == asked.kind);
        let kept = kept.and_then(|it| it.secret).filter(|_| wants_secret(&asked));
        let secret = asked.secret.clone().or(kept);
        if secret.is_none() && kind(&asked.kind)?.signs == Signs::Always {
            return Err(Problem::invalid("with another address, give a secret too").into());
        }
        let shape = checked(&asked, &url, secret.as_deref())?;
        let sealed = notify::seal(&call.app, id, &Hidden { url, secret })?;
        channels::change(tx, id, new(&asked, &shape, Some(&sealed)))?;
        let (before, after): (Channel, Channel) = (before.into(), one(tx, id)?.into());
        call.audit(tx, &format!("channel/{id}"), Some(&before), Some(&after))?;
        Ok(Json(after))
    })
}

pub(crate) fn remove(call: &Call, (): ()) -> Result<(), Problem> {
    let id = call.id("channel")?;
    call.change(|tx| {
        let before: Channel = one(tx, id)?.into();
        channels::remove(tx, id)?;
        call.audit(tx, &format!("channel/{id}"), Some(&before), NOTHING)
    })
}

pub(crate) fn test(call: &Call, (): ()) -> Result<Json<Tested>, Problem> {
    let id = call.id("channel")?;
    let channel = call.write(|tx| {
        call.audit(tx, &format!("channel/{id}"), NOTHING, NOTHING)?;
        one(tx, id)
    })?;
    let shape = Channel::from(channel.clone());
    let message = Message {
        event: "test".to_owned(),
        at: call.now,
        title: "Plimsoll".to_owned(),
        text: shape.language.say("This is a test: notifications arrive here."),
        data: json!({}),
    };
    let outcome = notify::send(&call.app, &channel, &message, 0);
    let (Ok(reason) | Err(reason)) = outcome.clone();
    Ok(Json(Tested { arrived: outcome.is_ok(), reason: call.say(&reason) }))
}

pub(crate) fn deliveries(
    call: &Call,
    Query(asked): Query<WhichDeliveries>,
) -> Result<Json<Page<Delivery>>, Problem> {
    let Place { cursor, limit } = place(asked.cursor.as_deref(), asked.limit)?;
    let filter = deliveries::Filter { channel: asked.channel, state: asked.state.map(|it| it.0) };
    let page = call.read(|tx| Ok(deliveries::page(tx, &filter, cursor.as_ref(), limit)?))?;
    Ok(Json(shown(page)))
}

pub(crate) fn again(call: &Call, (): ()) -> Result<(), Problem> {
    let id = call.id("delivery")?;
    call.change(|tx| {
        if !deliveries::again(tx, id, call.now)? {
            return Err(Problem::not_found("delivery that was given up").into());
        }
        call.audit(tx, &format!("delivery/{id}"), NOTHING, NOTHING)
    })
}

fn new<'a>(asked: &'a NewChannel, shape: &'a str, secret: Option<&'a [u8]>) -> channels::New<'a> {
    let NewChannel { name, kind, enabled, .. } = asked;
    channels::New { name: name.trim(), kind, document: shape, secret, enabled: *enabled }
}

fn kind(name: &str) -> Result<&'static Kind, Problem> {
    let kinds: Vec<&str> = KINDS.iter().map(|it| it.name).collect();
    let strange = || Problem::invalid(format!("kind is one of {}", kinds.join(", ")));
    notify::kind(name).ok_or_else(strange)
}

/// Whether a password has somebody whose it is.
fn wants_secret(asked: &NewChannel) -> bool {
    asked.mail.as_ref().is_none_or(|it| it.user.is_some())
}

/// Makes the secret of a webhook that came without one, and gives it.
fn complete(asked: &mut NewChannel) -> Result<Option<String>, Problem> {
    if kind(&asked.kind)?.signs != Signs::Always || asked.secret.is_some() {
        return Ok(None);
    }
    let mut bytes = [0; 32];
    let failed = |_| Problem::internal("no random numbers");
    SystemRandom::new().fill(&mut bytes).map_err(failed)?;
    asked.secret = Some(format!("{WEBHOOK_SECRET}{}", BASE64_STANDARD.encode(bytes)));
    Ok(asked.secret.clone())
}

/// The document of a channel that is in order.
fn checked(asked: &NewChannel, url: &str, secret: Option<&str>) -> Result<String, Problem> {
    super::people::checked_title(&asked.name)?;
    let kind = kind(&asked.kind)?;
    let invalid = |err: net::Error| Problem::invalid(err.to_string());
    let (origin, secure) = match kind.how {
        How::Web { .. } => Url::parse(url).map(|it| (it.origin(), it.secure())),
        How::Mail => Relay::parse(url).map(|it| (it.to_string(), it.secure())),
    }
    .map_err(invalid)?;
    if !secure && !asked.inside {
        return Err(Problem::invalid("out in the world, the url has to be https, smtps or smtp"));
    }
    match (&kind.how, &asked.mail) {
        (How::Mail, Some(mail)) => checked_mail(mail, secure, secret)?,
        (How::Web { .. }, None) => {}
        _ => return Err(Problem::invalid("mail belongs to the kind email, which needs it")),
    }
    let sound = secret.is_none_or(|it| match kind.signs {
        Signs::Always => it
            .strip_prefix(WEBHOOK_SECRET)
            .and_then(|it| BASE64_STANDARD.decode(it).ok())
            .is_some_and(|it| (24..=64).contains(&it.len())),
        Signs::Perhaps => !it.is_empty(),
        Signs::Never => false,
    });
    if !sound {
        return Err(Problem::invalid(
            "the secret: of a webhook whsec_ and base64 of 24 to 64 bytes; slack and wecom have none",
        ));
    }
    if let Some(it) = asked.events.iter().find(|it| !EVENTS.contains(&it.as_str())) {
        return Err(Problem::invalid(format!(
            "there is no event {it:?}; there are {}",
            EVENTS.join(", ")
        )));
    }
    let (events, mail) = (asked.events.clone(), asked.mail.clone());
    let NewChannel { language, inside, .. } = *asked;
    let shape = Shape { events, language, inside, origin, mail };
    serde_json::to_string(&shape).map_err(|err| Problem::internal(err.to_string()))
}

fn checked_mail(mail: &Mail, secure: bool, password: Option<&str>) -> Result<(), Problem> {
    if !(1..=100).contains(&mail.to.len()) {
        return Err(Problem::invalid("mail goes to from 1 to 100 addresses"));
    }
    if let Some(it) = mail.to.iter().chain([&mail.from]).find(|it| !is_mailbox(it)) {
        return Err(Problem::invalid(format!("{it:?} is not an address for mail, in ASCII")));
    }
    let user = mail.user.as_deref();
    if user.is_some() != password.is_some()
        || user.is_some_and(|it| it.is_empty() || it.contains('\0'))
    {
        return Err(Problem::invalid("mail.user and secret, a password, belong together"));
    }
    if user.is_some() && !secure {
        return Err(Problem::invalid("a password is only sent encrypted: by smtps or smtp"));
    }
    Ok(())
}
