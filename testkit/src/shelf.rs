//! What a simulated registry holds: repositories with their manifests, and a registry behind it for
//! the blobs. Long rows of tags are made up when they are asked for and stored nowhere.
use crate::{
    http::{Reply, Seen, ask},
    image::{Blob, BuiltImage},
    real::push,
    registry::{Auth, Fault, Registry, What, error},
};
use jiff::Timestamp;
use model::{Digest, Platform};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a simulated registry holds.
pub struct Shelf {
    repositories: BTreeMap<String, Content>,
    behind: Behind,
    pub(crate) faults: Vec<Fault>,
}

/// Where the blobs are.
pub enum Behind {
    /// In a registry in this process.
    Own(Registry),
    /// In the registry at this host, which answers to everybody.
    Host(String),
}

/// What is in a repository.
#[derive(Clone, Default)]
pub(crate) struct Content {
    pub(crate) items: Vec<Item>,
    series: Option<Series>,
    /// When it changed last.
    pub(crate) touched: Timestamp,
}

/// A manifest with its tags.
#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) blob: Blob,
    pub(crate) config_type: String,
    pub(crate) size: usize,
    pub(crate) platform: Option<Platform>,
    pub(crate) tags: Vec<(String, Timestamp)>,
    pub(crate) pushed: Timestamp,
    /// What an index leads to.
    pub(crate) children: Vec<(Digest, Option<Platform>)>,
    /// Whether an index leads to it, and nothing else does.
    pub(crate) child: bool,
    /// What it is attached to, and in which function.
    pub(crate) subject: Option<(Digest, String)>,
}

/// Images that differ in a note only.
#[derive(Clone)]
struct Series {
    base: BuiltImage,
    count: usize,
    /// How often the tags that moved have moved.
    moved: BTreeMap<usize, u32>,
}

impl Default for Behind {
    fn default() -> Behind {
        Behind::Own(Registry::start(Auth::Open))
    }
}

impl Behind {
    fn host(&self) -> String {
        match self {
            Behind::Own(it) => it.host(),
            Behind::Host(it) => it.clone(),
        }
    }

    fn take(&self, repository: &str, image: &BuiltImage) {
        match self {
            Behind::Own(it) => it.put(repository, image.manifest.digest.as_str(), image),
            Behind::Host(it) => push(it, repository, image.manifest.digest.as_str(), image, ""),
        }
    }
}

impl Shelf {
    pub(crate) fn new(behind: Behind) -> Shelf {
        Shelf { repositories: BTreeMap::new(), behind, faults: Vec::new() }
    }

    /// Puts `image` in with all that belongs to it; `tag` may move from another.
    pub(crate) fn put(&mut self, repository: &str, tag: Option<&str>, image: &BuiltImage) {
        self.behind.take(repository, image);
        let now = Timestamp::now();
        let content = self.repositories.entry(repository.to_owned()).or_default();
        content.touched = now;
        for child in &image.children {
            content.ensure(Item { child: true, ..Item::new(child, now) });
        }
        content.ensure(Item::new(image, now));
        if let Some(tag) = tag {
            content.tag(tag, &image.manifest.digest, now);
        }
    }

    /// Attaches what is in the repository to another manifest of it.
    pub(crate) fn attach(&mut self, repository: &str, digest: &Digest, to: &Digest, kind: &str) {
        let content = self.repositories.get_mut(repository).unwrap();
        let item = content.items.iter_mut().find(|it| it.blob.digest == *digest).unwrap();
        item.subject = Some((to.clone(), kind.to_owned()));
    }

    /// Lets a repository have `count` tags, `t000000` and on, of images like `base`.
    pub(crate) fn series(&mut self, repository: &str, count: usize, base: &BuiltImage) {
        self.behind.take(repository, base);
        let content = self.repositories.entry(repository.to_owned()).or_default();
        content.touched = Timestamp::now();
        let moved = BTreeMap::new();
        content.series = Some(Series { base: base.clone(), count, moved });
    }

    /// Lets a tag of the series point to another image.
    pub(crate) fn advance(&mut self, repository: &str, number: usize) {
        let content = self.repositories.get_mut(repository).unwrap();
        content.touched = Timestamp::now();
        *content.series.as_mut().unwrap().moved.entry(number).or_default() += 1;
    }

    /// Lets `tag` point to what is in the repository already.
    pub(crate) fn retag(&mut self, repository: &str, tag: &str, digest: &Digest) {
        let content = self.repositories.get_mut(repository).unwrap();
        content.touched = Timestamp::now();
        content.tag(tag, digest, Timestamp::now());
    }

    /// Takes a tag, or a manifest with its tags, away.
    pub(crate) fn delete(&mut self, repository: &str, reference: &str) {
        let content = self.repositories.get_mut(repository).unwrap();
        content.touched = Timestamp::now();
        content.items.retain(|it| it.blob.digest.as_str() != reference);
        for it in &mut content.items {
            it.tags.retain(|it| it.0 != reference);
        }
    }

    /// Takes a repository away.
    pub(crate) fn remove(&mut self, repository: &str) {
        self.repositories.remove(repository);
    }

    /// The repositories, in order.
    pub(crate) fn repositories(&self) -> impl Iterator<Item = (&String, &Content)> {
        self.repositories.iter()
    }

    pub(crate) fn content(&self, repository: &str) -> Option<&Content> {
        self.repositories.get(repository)
    }

    /// What goes wrong with a request, if it is its turn.
    pub(crate) fn fault(&mut self, request: &Seen) -> Option<What> {
        let on = |it: &&mut Fault| it.times > 0 && request.target.contains(&it.on);
        let fault = self.faults.iter_mut().find(on)?;
        fault.times -= 1;
        Some(fault.what.clone())
    }

    /// Answers a request for a manifest, a blob, a list of tags, for those who may.
    pub(crate) fn serve(&self, request: &Seen, repository: &str, rest: &str) -> Reply {
        let Some(content) = self.content(repository) else {
            return Reply::new(404, error("NAME_UNKNOWN", "repository name not known"));
        };
        if let Some(reference) = rest.strip_prefix("manifests/") {
            return match content.find(reference) {
                Some(it) => Reply::new(200, it.blob.bytes)
                    .header("content-type", it.blob.media_type)
                    .header("docker-content-digest", it.blob.digest.to_string()),
                None => Reply::new(404, error("MANIFEST_UNKNOWN", "manifest unknown")),
            };
        }
        if rest.starts_with("blobs/") {
            return self.pass_on(request);
        }
        let tags: Vec<String> =
            content.slice(0, usize::MAX).flat_map(|it| it.tag_names()).collect();
        match rest.split('?').next() {
            Some("tags/list") => {
                Reply::new(200, json!({"name": repository, "tags": tags}).to_string())
            }
            _ => Reply::new(404, error("NOT_FOUND", "no such page")),
        }
    }

    fn pass_on(&self, request: &Seen) -> Reply {
        let range = request.header("range").map(|it| ("range", it));
        let headers: Vec<_> = range.into_iter().collect();
        let answer = ask(&self.behind.host(), "GET", &request.target, &headers, &[]).unwrap();
        let kept = ["content-range", "content-type", "docker-content-digest"];
        let mut reply = Reply::new(answer.status, answer.body);
        reply.headers.extend(answer.headers.into_iter().filter(|it| kept.contains(&it.0.as_str())));
        reply
    }
}

impl Content {
    /// How many artifacts a listing has: none that belong to others.
    pub(crate) fn count(&self) -> usize {
        self.top().count() + self.series_len()
    }

    /// The part of the listing that begins with number `from`.
    pub(crate) fn slice(&self, from: usize, count: usize) -> impl Iterator<Item = Item> {
        let rest = self.series_slice(from.saturating_sub(self.top().count()), usize::MAX);
        self.top().skip(from).cloned().chain(rest).take(count)
    }

    /// How long the series is.
    pub(crate) fn series_len(&self) -> usize {
        self.series.as_ref().map_or(0, |it| it.count)
    }

    /// A part of the series.
    pub(crate) fn series_slice(&self, from: usize, count: usize) -> impl Iterator<Item = Item> {
        self.series.iter().flat_map(move |series| {
            (from.min(series.count)..series.count).map(|it| series.item(it)).take(count)
        })
    }

    /// What a tag or a digest means.
    pub(crate) fn find(&self, reference: &str) -> Option<Item> {
        let named = |it: &Item| {
            it.blob.digest.as_str() == reference || it.tags.iter().any(|it| it.0 == reference)
        };
        let stored = self.items.iter().find(|it| named(it)).cloned();
        stored.or_else(|| self.series.as_ref()?.find(reference))
    }

    /// What is attached to a manifest, and in which function.
    pub(crate) fn attached(&self, to: &Digest) -> impl Iterator<Item = (&Item, &str)> {
        self.items.iter().filter_map(move |it| {
            let (subject, kind) = it.subject.as_ref()?;
            (subject == to).then_some((it, kind.as_str()))
        })
    }

    fn top(&self) -> impl Iterator<Item = &Item> {
        let hidden = |it: &Item| it.subject.is_some() || (it.child && it.tags.is_empty());
        self.items.iter().filter(move |it| !hidden(it))
    }

    fn ensure(&mut self, item: Item) {
        match self.items.iter_mut().find(|it| it.blob.digest == item.blob.digest) {
            Some(it) => it.child &= item.child,
            None => self.items.push(item),
        }
    }

    fn tag(&mut self, tag: &str, digest: &Digest, now: Timestamp) {
        for it in &mut self.items {
            it.tags.retain(|it| it.0 != tag);
        }
        let item = self.items.iter_mut().find(|it| it.blob.digest == *digest).unwrap();
        item.tags.push((tag.to_owned(), now));
    }
}

impl Item {
    fn new(image: &BuiltImage, now: Timestamp) -> Item {
        let own = image.manifest.bytes.len();
        let children = image.children.iter();
        Item {
            blob: image.manifest.clone(),
            config_type: image.blobs.first().map_or(String::new(), |it| it.media_type.clone()),
            size: own + image.blobs.iter().map(|it| it.bytes.len()).sum::<usize>(),
            platform: image.platform.clone(),
            tags: Vec::new(),
            pushed: now,
            children: children
                .map(|it| (it.manifest.digest.clone(), it.platform.clone()))
                .collect(),
            child: false,
            subject: None,
        }
    }

    pub(crate) fn tag_names(&self) -> Vec<String> {
        self.tags.iter().map(|it| it.0.clone()).collect()
    }
}

impl Series {
    fn item(&self, number: usize) -> Item {
        let moved = self.moved.get(&number).copied().unwrap_or_default();
        let mut manifest: Value = serde_json::from_slice(&self.base.manifest.bytes).unwrap();
        manifest["annotations"] = json!({"number": format!("{number}.{moved}")});
        let blob = Blob::new(&self.base.manifest.media_type, manifest.to_string());
        // A second a tag, and a day a move, from a fixed day on.
        let second = 1_700_000_000 + number as i64 + i64::from(moved) * 86_400;
        let pushed = Timestamp::from_second(second).unwrap();
        let tags = vec![(format!("t{number:06}"), pushed)];
        Item { blob, tags, ..Item::new(&self.base, pushed) }
    }

    fn find(&self, reference: &str) -> Option<Item> {
        let number = reference.strip_prefix('t').and_then(|it| it.parse().ok());
        if let Some(number) = number.filter(|it| *it < self.count) {
            return Some(self.item(number));
        }
        // A digest tells no number. This looks for it, which is for pulling a few, not for all.
        let digest = reference.starts_with("sha256:").then_some(reference)?;
        (0..self.count).map(|it| self.item(it)).find(|it| it.blob.digest.as_str() == digest)
    }
}

/// A repository of the path of a request to `/v2/`, and what is wanted of it.
pub(crate) fn split_v2(target: &str) -> Option<(&str, &str)> {
    let path = target.strip_prefix("/v2/")?;
    let at =
        ["/manifests/", "/blobs/", "/tags/list"].iter().filter_map(|it| path.rfind(it)).max()?;
    Some((&path[..at], &path[at + 1..]))
}

/// The date of an answer, with the server's clock wrong by some seconds.
pub(crate) fn date(skew_seconds: i64) -> String {
    let format = jiff::fmt::rfc2822::DateTimePrinter::new();
    let now = Timestamp::from_second(Timestamp::now().as_second() + skew_seconds).unwrap();
    format.timestamp_to_rfc9110_string(&now).unwrap()
}

/// Decodes `%XX`.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let code = text.get(at + 1..at + 3).and_then(|it| u8::from_str_radix(it, 16).ok());
        match (bytes[at], code) {
            (b'%', Some(code)) => {
                out.push(code);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The pairs of a query, decoded.
pub(crate) fn query(target: &str) -> BTreeMap<String, String> {
    let query = target.split_once('?').map_or("", |it| it.1);
    let pairs = query.split('&').filter(|it| !it.is_empty());
    pairs
        .map(|it| it.split_once('=').unwrap_or((it, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// User and password of an `Authorization: Basic`.
pub(crate) fn basic_of(request: &Seen) -> Option<(String, String)> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let sent = request.header("authorization")?.strip_prefix("Basic ")?;
    let text = String::from_utf8(BASE64_STANDARD.decode(sent).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
