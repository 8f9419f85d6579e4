//! Who is told what happens: channels, and what became of what they were told.
use crate::{
    Page as List, Problem,
    call::Call,
    console::{Frame, Html, home::following, html, show, words::Words},
    notify::{
        Language,
        kinds::{How, KINDS, Signs},
    },
    receive::{Input, Query},
    routes::channels::{self, WhichDeliveries},
    views::{Channel, Delivery, Mail, Time},
};
use askama::Template;
use store::Word;

#[derive(Template)]
#[template(path = "settings/notifications.html")]
struct Page {
    frame: Frame,
    tab: &'static str,
    channels: Vec<Channel>,
    /// A form for a new channel, and one for each that is there.
    forms: Vec<Form>,
    events: [(&'static str, &'static str); 4],
    /// With the name of each one's channel.
    deliveries: List<(Delivery, String)>,
    asked: WhichDeliveries,
    more: String,
}

impl Page {
    fn is_asked(&self, it: &Channel) -> bool {
        self.asked.channel == Some(it.id)
    }
}

/// A form for a channel.
struct Form {
    /// The channel's id; none of a new one.
    id: Option<i64>,
    channel: Channel,
}

impl Form {
    fn new(w: &'static Words) -> Form {
        let channel = Channel {
            id: 0,
            name: String::new(),
            kind: "webhook".to_owned(),
            origin: String::new(),
            mail: Some(Mail::default()),
            events: Vec::new(),
            language: language(w),
            inside: false,
            enabled: true,
            created_at: Time(0),
        };
        Form { id: None, channel }
    }

    fn tells(&self, event: &str) -> bool {
        self.channel.events.iter().any(|it| it == event)
    }

    fn mail(&self) -> Mail {
        self.channel.mail.clone().unwrap_or_default()
    }
}

pub(in crate::console) fn page(call: &Call, (): ()) -> Result<Html, Problem> {
    let (frame, tab) = (Frame::new(call, "/settings"), "/settings/notifications");
    let channels = channels::list(call, ())?.0;
    let there = channels.iter().map(|it| Form { id: Some(it.id), channel: it.clone() });
    let forms = [Form::new(frame.w)].into_iter().chain(there).collect();
    let List { items, next } = channels::deliveries(call, Query::take(call)?)?.0;
    let more = following(call, next.as_deref());
    let name = |it: Delivery| {
        let channel = channels.iter().find(|channel| channel.id == it.channel);
        let name = channel.map_or_else(|| frame.w.removed.to_owned(), |it| it.name.clone());
        (it, name)
    };
    let deliveries = List { items: items.into_iter().map(name).collect(), next };
    let events = events(frame.w);
    html(&Page {
        frame,
        tab,
        channels,
        forms,
        events,
        deliveries,
        asked: Query::take(call)?.0,
        more,
    })
}

/// What channels can be told of.
fn events(w: &'static Words) -> [(&'static str, &'static str); 4] {
    [
        ("newly-affected", w.on_affected),
        ("malicious-sample", w.on_malicious),
        ("scan-failed", w.on_failed),
        ("quota-nearly-used", w.on_quota),
    ]
}

/// The language of a new channel: that of whoever adds it.
fn language(w: &'static Words) -> Language {
    if w.language == "en" { Language::English } else { Language::Chinese }
}

/// What an event is called.
fn event(name: &str, w: &'static Words) -> &'static str {
    let found = events(w).into_iter().find(|it| it.0 == name);
    found.map_or(w.test, |it| it.1)
}

/// What a kind of channel is called.
fn kind(name: &str, w: &'static Words) -> &'static str {
    match name {
        "dingtalk" => w.dingtalk,
        "email" => w.email,
        "feishu" => w.feishu,
        "slack" => "Slack",
        "wecom" => w.wecom,
        _ => "Webhook",
    }
}

/// The kinds whose messages are signed, as a form asks for them.
fn signed() -> String {
    let web = KINDS.iter().filter(|it| matches!(it.how, How::Web { .. }));
    let names: Vec<&str> = web.filter(|it| it.signs != Signs::Never).map(|it| it.name).collect();
    names.join("|")
}

/// What becomes of deliveries.
fn states(w: &'static Words) -> [(&'static str, &'static str); 3] {
    [("waiting", w.waiting), ("delivered", w.delivered), ("given-up", w.given_up)]
}

/// What became of one.
fn state(it: &Delivery, w: &'static Words) -> &'static str {
    let found = states(w).into_iter().find(|state| state.0 == it.state.0.word());
    found.map_or("", |it| it.1)
}

/// What it says in its first line.
fn title(it: &Delivery) -> &str {
    it.message.get("title").and_then(|it| it.as_str()).unwrap_or_default()
}
