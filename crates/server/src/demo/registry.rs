//! A registry in this process that gives what it was made with, to whoever asks on this machine, and takes nothing (OCI
//! Distribution Specification 1.1, "Pull" and "Content Discovery"; the catalog as Docker's registry has it).
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header},
};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    fmt, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::TcpListener as Listener,
    runtime::{Builder, Runtime},
    time::sleep,
};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// How long a client may take for what it wants to ask.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a registry holds.
#[derive(Debug, Default)]
pub struct Content {
    repositories: BTreeMap<String, Repository>,
    blobs: BTreeMap<String, Bytes>,
}

#[derive(Debug, Default)]
struct Repository {
    tags: BTreeSet<String>,
    /// Media type and bytes, by tag and by digest.
    manifests: BTreeMap<String, (String, Bytes)>,
}

impl Content {
    /// Adds a blob of this digest.
    pub fn blob(&mut self, digest: &str, bytes: impl Into<Bytes>) {
        self.blobs.insert(digest.to_owned(), bytes.into());
    }

    /// Adds a manifest of this digest to a repository, under a tag.
    pub fn manifest(&mut self, at: (&str, &str), digest: &str, kind: &str, bytes: Vec<u8>) {
        let (repository, tag) = at;
        let it = self.repositories.entry(repository.to_owned()).or_default();
        let manifest = (kind.to_owned(), Bytes::from(bytes));
        it.manifests.insert(digest.to_owned(), manifest.clone());
        it.manifests.insert(tag.to_owned(), manifest);
        it.tags.insert(tag.to_owned());
    }
}

/// A registry that is running, on a free port of this machine. It ends when dropped.
pub struct Registry {
    address: SocketAddr,
    _runtime: Runtime,
}

impl Registry {
    /// Gives whoever connects what is in `content`.
    ///
    /// # Errors
    /// When this machine has no port or thread for it.
    pub fn start(content: Content) -> io::Result<Registry> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("registry").enable_io().enable_time();
        let runtime = builder.build()?;
        let listener = {
            let _inside = runtime.enter();
            Listener::from_std(listener)?
        };
        runtime.spawn(take(listener, Arc::new(content)));
        Ok(Registry { address, _runtime: runtime })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("address", &self.address).finish_non_exhaustive()
    }
}

async fn take(listener: Listener, content: Arc<Content>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No more files may be open: time mends that.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let content = Arc::clone(&content);
        tokio::spawn(async move {
            let answering = service_fn(|request: Request<hyper::body::Incoming>| {
                let reply = content.answer(
                    request.method(),
                    request.uri().path(),
                    request.uri().query().unwrap_or_default(),
                    request.headers(),
                );
                async { Ok::<_, Infallible>(reply) }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
            // A line that breaks is the other side's business.
            drop(http.serve_connection(TokioIo::new(stream), answering).await);
        });
    }
}

type Reply = Response<Body>;

impl Content {
    fn answer(&self, method: &Method, path: &str, query: &str, headers: &HeaderMap) -> Reply {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return refuse(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", "it takes nothing");
        }
        let mut reply = self.content(path, query, headers);
        if method == Method::HEAD {
            *reply.body_mut() = Body::empty();
        }
        reply
    }

    fn content(&self, path: &str, query: &str, headers: &HeaderMap) -> Reply {
        match path.strip_prefix("/v2/") {
            Some("") => return of_json(&json!({})),
            Some("_catalog") => {
                let page = Page::new(self.repositories.keys(), query);
                return page.reply(path, |names| json!({ "repositories": names }));
            }
            _ => {}
        }
        let Some((name, what, wanted)) = split(path) else {
            return refuse(StatusCode::NOT_FOUND, "NAME_INVALID", "there is no such address");
        };
        let Some(it) = self.repositories.get(name) else {
            return refuse(StatusCode::NOT_FOUND, "NAME_UNKNOWN", "there is no such repository");
        };
        match what {
            "tags" => {
                let page = Page::new(it.tags.iter(), query);
                page.reply(path, |tags| json!({ "name": name, "tags": tags }))
            }
            "manifests" => match it.manifests.get(wanted) {
                Some((kind, bytes)) => whole(kind, digest(it, wanted, bytes), bytes.clone()),
                None => {
                    refuse(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "there is no such manifest")
                }
            },
            // Nothing is attached to anything here.
            "referrers" => {
                let none = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
                let mut reply = of_json(&none);
                put(&mut reply, header::CONTENT_TYPE, INDEX);
                reply
            }
            _ => match self.blobs.get(wanted) {
                Some(bytes) => part("application/octet-stream", wanted, bytes, headers),
                None => refuse(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "there is no such blob"),
            },
        }
    }
}

/// A repository, whose name may have slashes, what is asked of it, and which.
fn split(path: &str) -> Option<(&str, &str, &str)> {
    let (rest, wanted) = path.strip_prefix("/v2/")?.rsplit_once('/')?;
    let (name, what) = rest.rsplit_once('/')?;
    let known =
        matches!(what, "manifests" | "blobs" | "referrers") || (what, wanted) == ("tags", "list");
    known.then_some((name, what, wanted))
}

/// The digest under which a manifest is known that is asked for by its tag.
fn digest<'a>(it: &'a Repository, wanted: &'a str, bytes: &Bytes) -> &'a str {
    let same = |(name, (_, own)): &(&String, &(String, Bytes))| name.contains(':') && own == bytes;
    it.manifests.iter().find(same).map_or(wanted, |(name, _)| name)
}

/// A part of a list: what follows `last`, at most `n`.
struct Page<'a> {
    names: Vec<&'a String>,
    more: bool,
}

impl<'a> Page<'a> {
    fn new(all: impl Iterator<Item = &'a String>, query: &str) -> Page<'a> {
        let asked = |name: &str| {
            let pairs = query.split('&').filter_map(|it| it.split_once('='));
            pairs.filter(|it| it.0 == name).map(|it| it.1.to_owned()).next_back()
        };
        let last = asked("last").map(|it| it.replace("%2F", "/").replace("%2f", "/"));
        let most = asked("n").and_then(|it| it.parse().ok()).unwrap_or(usize::MAX);
        let after = |it: &&String| last.as_ref().is_none_or(|last| *it > last);
        let mut names: Vec<&String> = all.filter(after).collect();
        let more = names.len() > most;
        names.truncate(most);
        Page { names, more }
    }

    fn reply(&self, path: &str, list: impl Fn(&[&String]) -> Value) -> Reply {
        let mut reply = of_json(&list(&self.names));
        if let Some(last) = self.names.last().filter(|_| self.more) {
            let next = format!("<{path}?last={last}&n={}>; rel=\"next\"", self.names.len());
            put(&mut reply, header::LINK, &next);
        }
        reply
    }
}

/// A blob, or what of it follows a byte (RFC 9110, section 14).
fn part(kind: &str, digest: &str, bytes: &Bytes, headers: &HeaderMap) -> Reply {
    let range = headers.get(header::RANGE).and_then(|it| it.to_str().ok());
    let bounds = range.and_then(|it| it.strip_prefix("bytes=")?.split_once('-'));
    let Some((Ok(from), to)) = bounds.map(|(from, to)| (from.parse::<usize>(), to)) else {
        return whole(kind, digest, bytes.clone());
    };
    let end = to.parse().map_or(bytes.len(), |it: usize| it.saturating_add(1).min(bytes.len()));
    if from >= end {
        let mut reply = refuse(StatusCode::RANGE_NOT_SATISFIABLE, "SIZE_INVALID", "beyond its end");
        put(&mut reply, header::CONTENT_RANGE, &format!("bytes */{}", bytes.len()));
        return reply;
    }
    let mut reply = whole(kind, digest, bytes.slice(from..end));
    *reply.status_mut() = StatusCode::PARTIAL_CONTENT;
    let range = format!("bytes {from}-{}/{}", end.saturating_sub(1), bytes.len());
    put(&mut reply, header::CONTENT_RANGE, &range);
    reply
}

fn whole(kind: &str, digest: &str, bytes: Bytes) -> Reply {
    let length = bytes.len().to_string();
    let mut reply = Response::new(Body::from(bytes));
    put(&mut reply, header::CONTENT_TYPE, kind);
    put(&mut reply, header::CONTENT_LENGTH, &length);
    put(&mut reply, header::ACCEPT_RANGES, "bytes");
    put(&mut reply, header::HeaderName::from_static("docker-content-digest"), digest);
    reply
}

fn of_json(content: &Value) -> Reply {
    let mut reply = Response::new(Body::from(content.to_string()));
    put(&mut reply, header::CONTENT_TYPE, "application/json");
    reply
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Reply {
    let mut reply = of_json(&json!({"errors": [{"code": code, "message": message}]}));
    *reply.status_mut() = status;
    reply
}

fn put(reply: &mut Reply, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::http::ask;

    fn served() -> (Registry, String) {
        let mut content = Content::default();
        content.blob("sha256:b10b", "0123456789");
        for (repository, tag) in
            [("team/app", "1"), ("team/app", "2"), ("team/app", "3"), ("web", "1")]
        {
            let bytes = format!("{repository} {tag}").into_bytes();
            let digest = format!("sha256:{repository}{tag}").replace('/', "");
            content.manifest((repository, tag), &digest, "application/of-a-kind", bytes);
        }
        let registry = Registry::start(content).unwrap();
        let host = registry.address().to_string();
        (registry, host)
    }

    #[test]
    fn it_gives_what_the_specification_says() {
        let (_registry, host) = served();
        let check = |method: &str, target: &str, range: &str, status: u16, shown: &str| {
            let headers = [("range", range)];
            let headers = if range.is_empty() { &headers[..0] } else { &headers[..] };
            let reply = ask(&host, method, target, headers, b"").unwrap();
            let body = String::from_utf8(reply.body).unwrap();
            let header =
                |name: &str| reply.headers.iter().find(|it| it.0 == name).map(|it| it.1.as_str());
            let more =
                header("link").or(header("content-range")).or(header("docker-content-digest"));
            let seen = format!("{} {}", more.unwrap_or("-"), body);
            assert_eq!((reply.status, seen.as_str()), (status, shown), "{method} {target} {range}");
        };
        let get = |target: &str, status: u16, shown: &str| check("GET", target, "", status, shown);
        get("/v2/", 200, "- {}");
        get("/v2/_catalog", 200, r#"- {"repositories":["team/app","web"]}"#);
        get(
            "/v2/_catalog?n=1",
            200,
            "</v2/_catalog?last=team/app&n=1>; rel=\"next\" {\"repositories\":[\"team/app\"]}",
        );
        get("/v2/_catalog?n=1&last=team%2Fapp", 200, r#"- {"repositories":["web"]}"#);
        get("/v2/team/app/tags/list", 200, r#"- {"name":"team/app","tags":["1","2","3"]}"#);
        get("/v2/team/app/tags/list?n=2&last=1", 200, r#"- {"name":"team/app","tags":["2","3"]}"#);
        get("/v2/team/app/manifests/2", 200, "sha256:teamapp2 team/app 2");
        get("/v2/team/app/manifests/sha256:teamapp3", 200, "sha256:teamapp3 team/app 3");
        check("HEAD", "/v2/web/manifests/1", "", 200, "sha256:web1 ");
        get("/v2/web/blobs/sha256:b10b", 200, "sha256:b10b 0123456789");
        check("GET", "/v2/web/blobs/sha256:b10b", "bytes=7-", 206, "bytes 7-9/10 789");
        check("GET", "/v2/web/blobs/sha256:b10b", "bytes=2-3", 206, "bytes 2-3/10 23");
        check("GET", "/v2/web/blobs/sha256:b10b", "bytes=-3", 200, "sha256:b10b 0123456789");
        let none = r#"- {"manifests":[],"mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2}"#;
        get("/v2/web/referrers/sha256:web1", 200, none);
    }

    #[test]
    fn what_is_not_there_has_a_code() {
        let (_registry, host) = served();
        let check = |method: &str, target: &str, range: &str, status: u16, code: &str| {
            let reply = ask(&host, method, target, &[("range", range)], b"").unwrap();
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            let seen = body.pointer("/errors/0/code").and_then(Value::as_str);
            assert_eq!((reply.status, seen), (status, Some(code)), "{method} {target}");
        };
        check("GET", "/", "", 404, "NAME_INVALID");
        check("GET", "/v2/web/tags/all", "", 404, "NAME_INVALID");
        check("GET", "/v2/other/tags/list", "", 404, "NAME_UNKNOWN");
        check("GET", "/v2/web/manifests/9", "", 404, "MANIFEST_UNKNOWN");
        check("GET", "/v2/web/blobs/sha256:other", "", 404, "BLOB_UNKNOWN");
        check("GET", "/v2/web/blobs/sha256:b10b", "bytes=10-", 416, "SIZE_INVALID");
        check("PUT", "/v2/web/manifests/9", "", 405, "UNSUPPORTED");
        check("DELETE", "/v2/web/manifests/1", "", 405, "UNSUPPORTED");
    }
}
