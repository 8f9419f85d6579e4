//! What notices say: to people what has happened, where, and what to do; to programs the same as data.
use super::Message;
use crate::{App, Problem, console};
use net::encode;
use scan::center::{Affected, Failed, Malicious, MaliciousFile, Nearly};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};
use store::{Tx, images, notices::Notice, registries};

/// So many risks or scans are named to people, and told to programs; and so many images of a risk.
const NAMED: usize = 10;
const TOLD: usize = 50;
const IMAGES: usize = 3;

/// The longest reason and the longest title, in letters.
const REASON: usize = 300;

/// In whose words something is told.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    Chinese,
}

impl Language {
    /// A sentence of ours in it. Those of strangers stay as they are, and are put in afterwards.
    pub(crate) fn say(self, text: &str) -> String {
        console::sentence(text, self == Language::Chinese).into_owned()
    }
}

pub(super) fn affected(
    app: &App,
    notices: &[Notice],
    to: Language,
) -> Result<Option<Message>, Problem> {
    let mut all: Vec<Affected> = read(app, notices);
    if all.is_empty() {
        return Ok(None);
    }
    let level = |it: &Affected| match it.level.as_str() {
        "high" => 3,
        "medium" => 2,
        "low" => 1,
        _ => 0,
    };
    all.sort_by_key(|it| (Reverse(level(it)), Reverse(it.images.len()), it.risk.clone()));
    let title = match all.as_slice() {
        [it] => format!("{} ({}) newly affects {}", it.risk, it.level, images(&it.images)),
        all => {
            let high = all.iter().filter(|it| level(it) == 3).count();
            let digests: BTreeSet<&String> = all.iter().flat_map(|it| &it.images).collect();
            let full = all.iter().any(|it| it.images.len() >= scan::center::NAMED);
            let count = count(digests.len(), full);
            format!("{} risks ({high} high) newly affect {count}", all.len())
        }
    };
    let mut lines = Vec::new();
    app.store.read(|tx| {
        lines.clear();
        for it in all.iter().take(NAMED) {
            let named = name_images(tx, &it.images, to)?;
            let what =
                if it.title.is_empty() { String::new() } else { format!("{}; ", short(&it.title)) };
            let (level, images) = (to.say(&it.level), to.say(&images(&it.images)));
            lines.push(format!("{} ({level}): {what}{images}: {named}", it.risk));
        }
        Ok(())
    })?;
    more(&mut lines, all.len(), to);
    lines.push(to.say("What to do: update what is named in the images' findings and build them again, or add an exception with its reason."));
    let told = all.iter().take(TOLD).map(|it| {
        let images: Vec<&String> = it.images.iter().take(NAMED).collect();
        json!({"risk": it.risk, "category": it.category, "title": it.title, "level": it.level,
            "images": images, "newly": it.images.len(), "open": it.open})
    });
    let data = json!({"count": all.len(), "risks": told.collect::<Vec<_>>()});
    let page = match all.as_slice() {
        [it] => match it.images.as_slice() {
            [image] => {
                let (category, risk) = (encode(&it.category), encode(&it.risk));
                format!("/images/{image}?category={category}&text={risk}")
            }
            _ => format!("/images?risk={}", encode(&it.risk)),
        },
        _ => "/".to_owned(),
    };
    Ok(Some(message(app, to.say(&title), lines, &page, data)))
}

pub(super) fn malicious(
    app: &App,
    notices: &[Notice],
    to: Language,
) -> Result<Option<Message>, Problem> {
    let all: Vec<Malicious> = read(app, notices);
    let sum = all.iter().fold(0usize, |sum, it| sum.saturating_add(it.count));
    let mut files: Vec<(&str, &MaliciousFile)> =
        all.iter().flat_map(|it| it.files.iter().map(|file| (&*it.image, file))).collect();
    files
        .sort_by_key(|it| Reverse(["low", "medium", "high"].iter().position(|n| *n == it.1.level)));
    let Some((image, first)) = files.first() else { return Ok(None) };
    let images: BTreeSet<&str> = all.iter().map(|it| &*it.image).collect();
    let chinese = to == Language::Chinese;
    let threat = |it: &MaliciousFile| console::threat(&it.title, chinese).into_owned();
    let title = match sum {
        1 => format!("a malicious file in {}: {}", count(1, false), threat(first)),
        _ => format!("{sum} malicious files in {}", count(images.len(), false)),
    };
    let mut lines = Vec::new();
    app.store.read(|tx| {
        lines.clear();
        for (image, it) in files.iter().take(NAMED) {
            let named = name_images(tx, &[(*image).to_owned()], to)?;
            let (threat, level) = (threat(it), to.say(&it.level));
            lines.push(format!("{threat} ({level}): {}: {named}", short(&it.path)));
        }
        Ok(())
    })?;
    more(&mut lines, sum, to);
    lines.push(to.say("What to do: run no container from these images until somebody has looked at the files, or add an exception with its reason."));
    let told = files.iter().take(TOLD).map(|(image, it)| {
        json!({"risk": it.risk, "path": it.path, "title": it.title, "level": it.level, "image": image})
    });
    let data = json!({"count": sum, "files": told.collect::<Vec<_>>()});
    let page = match images.len() {
        1 => format!("/images/{image}?category=malware"),
        _ => "/malware".to_owned(),
    };
    Ok(Some(message(app, to.say(&title), lines, &page, data)))
}

pub(super) fn failed(
    app: &App,
    notices: &[Notice],
    to: Language,
) -> Result<Option<Message>, Problem> {
    let all: Vec<Failed> = read(app, notices);
    if all.is_empty() {
        return Ok(None);
    }
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    for it in &all {
        let count = codes.entry(&it.code).or_default();
        *count = count.saturating_add(1);
    }
    let mut lines = Vec::new();
    for (code, count) in &codes {
        let advice = console::advice(code, to == Language::Chinese).map(|it| format!(": {it}"));
        lines.push(format!("{count} × {code}{}", advice.unwrap_or_default()));
    }
    let mut named = Vec::new();
    app.store.read(|tx| {
        let names: BTreeMap<i64, String> =
            registries::all(tx)?.into_iter().map(|it| (it.id, it.name)).collect();
        let told = |it: &Failed| (place(&names, it, to), short(&to.say(&it.reason)));
        named = all.iter().take(NAMED).map(told).collect();
        Ok(())
    })?;
    lines.extend(named.iter().map(|(place, reason)| format!("{place}: {reason}")));
    more(&mut lines, all.len(), to);
    lines.push(to.say("What failed can be tried again in its task."));
    let title = match (all.as_slice(), named.first()) {
        ([it], Some((place, _))) => format!("The scan of {place} failed: {}", it.code),
        _ => format!("{} scans failed", all.len()),
    };
    let told: Vec<&Failed> = all.iter().take(TOLD).collect();
    let data = json!({"count": all.len(), "codes": codes, "scans": told});
    let page = match all.as_slice() {
        [it] => format!("/images/{}", it.digest),
        _ => "/images?state=failed".to_owned(),
    };
    Ok(Some(message(app, to.say(&title), lines, &page, data)))
}

pub(super) fn quota(
    app: &App,
    notices: &[Notice],
    to: Language,
) -> Result<Option<Message>, Problem> {
    // Of several the last one is what holds.
    let Some(Nearly { used, total }) = read(app, notices).pop() else { return Ok(None) };
    let of = total.map_or_else(|| used.to_string(), |it| format!("{used} of {it}"));
    let (title, text) = match total.is_some_and(|it| used >= it) {
        true => (
            format!("The quota is used up: {of} images"),
            "New images are not scanned until the total is raised; then they are scanned by themselves. Images that were scanned before go on being scanned.",
        ),
        false => (
            format!("The quota is nearly used: {of} images"),
            "When it is used up, new images are not scanned any more. What to do: raise the total, or take repositories out of the scope.",
        ),
    };
    let data = json!({"used": used, "total": total});
    Ok(Some(message(app, to.say(&title), vec![to.say(text)], "/settings", data)))
}

/// The documents. One that cannot be read is told to the operator: it is ours.
fn read<T: for<'a> Deserialize<'a>>(app: &App, notices: &[Notice]) -> Vec<T> {
    let one = |it: &Notice| match serde_json::from_str(&it.document) {
        Ok(it) => Some(it),
        Err(err) => {
            let fields = [("notice", json!(it.id)), ("reason", json!(err.to_string()))];
            app.note("error", "a notice cannot be understood, and nobody is told of it", &fields);
            None
        }
    };
    notices.iter().filter_map(one).collect()
}

/// With the address of the page that shows it, where it is known how people come here.
fn message(
    app: &App,
    title: String,
    mut lines: Vec<String>,
    page: &str,
    data: serde_json::Value,
) -> Message {
    if let Some(url) = &app.settings.public_url {
        lines.push(format!("{}{page}", url.origin()));
    }
    Message { title, text: lines.join("\n"), data, ..Message::default() }
}

/// The first of some images, as people know them.
fn name_images(tx: &mut Tx<'_>, digests: &[String], to: Language) -> store::Result<String> {
    let mut names = Vec::new();
    for digest in digests.iter().take(IMAGES) {
        let place = images::one(tx, digest)?.and_then(|it| it.image.places.into_iter().next());
        names.push(place.map_or_else(
            || brief(digest),
            |it| match it.tags.first() {
                Some(tag) => format!("{}/{}:{tag}", it.registry_name, it.repository_name),
                None => format!("{}/{}@{}", it.registry_name, it.repository_name, brief(digest)),
            },
        ));
    }
    let rest = digests.len().saturating_sub(names.len());
    let more = if rest > 0 { to.say(&format!(" and {rest} more")) } else { String::new() };
    Ok(names.join(", ") + &more)
}

fn place(names: &BTreeMap<i64, String>, it: &Failed, to: Language) -> String {
    let removed = || to.say("a removed registry");
    let registry = names.get(&it.registry).cloned().unwrap_or_else(removed);
    format!("{registry}/{}@{}", it.repository, brief(&it.digest))
}

fn more(lines: &mut Vec<String>, all: usize, to: Language) {
    let rest = all.saturating_sub(NAMED);
    if rest > 0 {
        lines.push(to.say(&format!("and {rest} more")));
    }
}

fn images(digests: &[String]) -> String {
    count(digests.len(), digests.len() >= scan::center::NAMED)
}

fn count(number: usize, or_more: bool) -> String {
    match number {
        _ if or_more => format!("at least {number} images"),
        1 => "1 image".to_owned(),
        _ => format!("{number} images"),
    }
}

/// The beginning of a digest, enough to find it.
fn brief(digest: &str) -> String {
    digest.chars().take(19).collect()
}

fn short(text: &str) -> String {
    let line: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    match line.char_indices().nth(REASON) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
