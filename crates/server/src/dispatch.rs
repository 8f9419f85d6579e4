//! From a request to its answer: what happens around every handler.
use crate::{
    App, Code, Problem,
    app::panicked,
    call::{Call, Filed, header},
    console,
    reply::Reply,
    route::{Access, Route},
    routes::ROUTES,
    who::{Who, hash, hash_bytes, hex, identify, same_site},
};
use axum::{
    Extension, Router,
    body::{Body, Bytes},
    extract::{RawPathParams, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header as names, request::Parts},
    routing::{MethodFilter, on},
};
use hyper::body::{Body as _, Incoming};
use ring::{
    digest::{Context, SHA256},
    rand::{SecureRandom, SystemRandom},
};
use serde_json::json;
use std::{
    cell::Cell,
    convert::Infallible,
    future::poll_fn,
    io::{Seek, Write},
    net::IpAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    time::Instant,
};
use store::idempotency::{self, Begun};
use tokio::{sync::mpsc, task::spawn_blocking, time::timeout};
use tower_service::Service;

/// How many times as much as allowed is read and thrown away: who is still talking does not hear the answer.
const LISTEN: usize = 4;

/// After how long whoever carries a request out is taken for gone.
const LOST_MS: i64 = 10 * 60_000;

/// What is known of a request before anybody looks at it.
#[derive(Clone)]
struct Arrived {
    id: String,
    address: IpAddr,
}

/// The address of a page, as it is come back to.
fn shown_at(request: &Request) -> String {
    request.uri().path_and_query().map_or("/", |it| it.as_str()).to_owned()
}

/// What the log and the metrics say of an answer.
#[derive(Clone)]
struct Answered {
    route: &'static Route,
    asker: Option<String>,
}

/// All routes, and what answers where there is none.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    for route in ROUTES.iter() {
        let app = Arc::clone(app);
        let filter = MethodFilter::try_from(route.method.clone()).unwrap_or(MethodFilter::TRACE);
        let handler = move |Extension(arrived): Extension<Arrived>, params, request: Request| {
            let app = Arc::clone(&app);
            async move {
                let id = arrived.id.clone();
                let asker = Asker::new(&request, route.page);
                let outcome = routed(&app, route, arrived, params, request).await;
                outcome.unwrap_or_else(|err| {
                    let mut response = refuse(&app, &id, &err, &asker);
                    response.extensions_mut().insert(Answered { route, asker: None });
                    response
                })
            }
        };
        router = router.route(route.path, on(filter, handler));
    }
    let otherwise = |code, detail: &'static str| {
        let app = Arc::clone(app);
        move |Extension(arrived): Extension<Arrived>, request: Request| {
            // Whoever typed an address is a person.
            let asker = Asker::new(&request, accepts_pages(request.headers()));
            std::future::ready(refuse(&app, &arrived.id, &Problem::new(code, detail), &asker))
        }
    };
    router
        .fallback(otherwise(Code::NotFound, "there is nothing at this address"))
        .method_not_allowed_fallback(otherwise(
            Code::MethodNotAllowed,
            "this address does not take that method; see Allow",
        ))
}

/// Answers a request, whatever happens.
pub(crate) async fn answer(
    app: Arc<App>,
    mut router: Router,
    peer: IpAddr,
    request: hyper::Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let started = Instant::now();
    let mut request = request.map(Body::new);
    let id = random_id();
    let address = address(&app, peer, request.headers());
    request.extensions_mut().insert(Arrived { id: id.clone(), address });
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = match caught(router.call(request)).await {
        Ok(Ok(it)) => it,
        Err(cause) => refuse(&app, &id, &Problem::internal(cause), &Asker::default()),
    };
    protect(&app, response.headers_mut());
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", id);
    }
    account(&app, (&method, &path), &response, &id, address, started);
    Ok(response)
}

/// The outcome of `future`, or what it said when it panicked.
async fn caught<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let mut future = pin!(future);
    let polled = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(it) => it.map(Ok),
        Err(it) => std::task::Poll::Ready(Err(panicked::<()>(Ok(it)))),
    });
    polled.await
}

async fn routed<E>(
    app: &Arc<App>,
    route: &'static Route,
    arrived: Arrived,
    params: Result<RawPathParams, E>,
    request: Request,
) -> Result<Response<Body>, Problem> {
    let bad = |_| Problem::new(Code::Malformed, "the address is not UTF-8");
    let params = params.map_err(bad)?.iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
    let (Parts { uri, headers, .. }, body) = request.into_parts();
    let now = app.now();
    let who = admit(app, route, &headers, now).await?;
    let (body, file) = match route.to_file {
        false => (receive(app, route, &headers, body).await?, None),
        true => (Bytes::new(), Some(receive_file(app, route, &headers, body).await?)),
    };
    let asker = who.as_ref().map(|it| it.name.clone());
    let (address, kept, app) = (arrived.address, Cell::new(false), Arc::clone(app));
    let once = once(route, who.as_ref(), &headers)?;
    let call = Call { app, route, now, address, who, uri, headers, params, body, file, once, kept };
    let app = Arc::clone(&call.app);
    let working = app.wait_for(move || carry_out(&call));
    let Ok(outcome) = timeout(app.settings.limits.answer, working).await else {
        let detail = "it takes too long; what was asked for may still happen";
        return Err(Problem::unavailable(detail, None));
    };
    let mut response = outcome?.send(&app)?;
    response.extensions_mut().insert(Answered { route, asker });
    Ok(response)
}

/// Who asks, if they may.
async fn admit(
    app: &Arc<App>,
    route: &'static Route,
    headers: &HeaderMap,
    now: i64,
) -> Result<Option<Who>, Problem> {
    let Access::Role(needed) = route.access else {
        if !route.method.is_safe() {
            same_site(app, headers, false)?;
        }
        return Ok(None);
    };
    let (asked, headers) = (Arc::clone(app), headers.clone());
    app.clone()
        .wait_for(move || {
            let who = identify(&asked, &headers, now)?;
            let nobody = || Problem::new(Code::Unauthenticated, "log in, or send a token");
            let who = who.ok_or_else(nobody)?;
            if !route.method.is_safe() && who.session.is_some() {
                same_site(&asked, &headers, true)?;
            }
            if who.role < needed {
                let detail = format!("this takes the role {}", needed.name());
                return Err(Problem::new(Code::Forbidden, detail));
            }
            Ok(Some(who))
        })
        .await
}

/// The key under which the answer is kept: nobody gets another's.
fn once(route: &Route, who: Option<&Who>, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let (Some(who), Some(key)) = (who, headers.get("idempotency-key")) else { return Ok(None) };
    if route.method != Method::POST {
        return Ok(None);
    }
    match key.to_str() {
        Ok(key) if (1..=200).contains(&key.len()) => {
            Ok(Some(hash(&format!("{} {} {key}", who.id, route.name))))
        }
        _ => Err(Problem::invalid("Idempotency-Key has from 1 to 200 characters")),
    }
}

/// Runs the handler, once for each key (draft-ietf-httpapi-idempotency-key-header).
fn carry_out(call: &Call) -> Result<Reply, Problem> {
    let Some(key) = &call.once else { return (call.route.handle)(call) };
    let (store, lost) = (&call.app.store, call.now.saturating_sub(LOST_MS));
    let content = call.file.as_ref().map_or_else(|| hash_bytes(&call.body), |it| it.hash.clone());
    let request = hash(&format!("{} {content}", call.uri));
    match store.write(|tx| idempotency::begin(tx, key, &request, call.now, lost))? {
        Begun::New => {}
        Begun::Running => {
            let problem = Problem::new(Code::Conflict, "the same request is being carried out");
            return Err(Problem { retry_after: Some(1), ..problem });
        }
        Begun::Answered { status, body } => return Reply::kept(&call.app.keys, key, status, &body),
        Begun::Other => {
            return Err(Problem::invalid("this Idempotency-Key came with another request before"));
        }
    }
    let outcome = (call.route.handle)(call);
    match &outcome {
        Ok(_) if call.kept.get() => {}
        Ok(reply) => {
            let (status, sealed) = reply.seal(&call.app.keys, key)?;
            store.write(|tx| idempotency::finish(tx, key, call.now, status, &sealed))?;
        }
        // Nothing happened, so that it may be tried again.
        Err(_) => store.write(|tx| idempotency::give_up(tx, key, call.now))?,
    }
    outcome
}

/// The content of a request, which may be neither too long nor too slow.
async fn receive(
    app: &App,
    route: &Route,
    headers: &HeaderMap,
    body: Body,
) -> Result<Bytes, Problem> {
    let limit = route.body_bytes.unwrap_or(app.settings.limits.body_bytes);
    let most = limit.saturating_mul(LISTEN);
    expected(headers, limit, most)?;
    let reading = async {
        let (mut bytes, mut count) = (Vec::new(), 0usize);
        let mut body = pin!(body);
        while let Some(data) = next(body.as_mut()).await? {
            count = count.saturating_add(data.len());
            match count {
                it if it <= limit => bytes.extend_from_slice(&data),
                it if it <= most => bytes = Vec::new(),
                _ => break,
            }
        }
        if count > limit { Err(too_large(limit)) } else { Ok(Bytes::from(bytes)) }
    };
    timeout(app.settings.limits.body, reading).await.map_err(|_| late())?
}

/// The same where it may be longer than memory: it is written down as it comes, and has all the time that it needs as long
/// as it comes.
async fn receive_file(
    app: &Arc<App>,
    route: &Route,
    headers: &HeaderMap,
    body: Body,
) -> Result<Filed, Problem> {
    let limit = route.body_bytes.unwrap_or(app.settings.limits.body_bytes);
    expected(headers, limit, limit)?;
    let (sender, mut pieces) = mpsc::channel::<Bytes>(4);
    let writing = {
        let app = Arc::clone(app);
        spawn_blocking(move || {
            let (mut file, mut hash) = (app.center.room()?, Context::new(&SHA256));
            while let Some(piece) = pieces.blocking_recv() {
                hash.update(&piece);
                file.write_all(&piece).map_err(Problem::unwritten)?;
            }
            file.rewind().map_err(Problem::unwritten)?;
            Ok(Filed { file, hash: hex(hash.finish()) })
        })
    };
    let (mut body, mut count) = (pin!(body), 0usize);
    while let Some(data) =
        timeout(app.settings.limits.body, next(body.as_mut())).await.map_err(|_| late())??
    {
        count = count.saturating_add(data.len());
        if count > limit {
            return Err(too_large(limit));
        }
        // Whoever writes has failed, and says why below.
        if sender.send(data).await.is_err() {
            break;
        }
    }
    drop(sender);
    writing.await.map_err(|err| Problem::internal(panicked(err.try_into_panic())))?
}

/// Refuses what is said to be too long, and what cannot be read.
fn expected(headers: &HeaderMap, limit: usize, most: usize) -> Result<(), Problem> {
    let length = header(headers, "content-length").and_then(|it| it.parse::<u64>().ok());
    if length.is_some_and(|it| usize::try_from(it).map_or(true, |it| it > most)) {
        return Err(too_large(limit));
    }
    if header(headers, "content-encoding").unwrap_or("identity") != "identity" {
        let detail = "the content must not be compressed";
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    Ok(())
}

/// The next piece of a content.
async fn next(mut body: Pin<&mut Body>) -> Result<Option<Bytes>, Problem> {
    let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await else { return Ok(None) };
    let broken = |_| Problem::new(Code::Malformed, "the content broke off");
    Ok(Some(frame.map_err(broken)?.into_data().unwrap_or_default()))
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::TooLarge, format!("the content has more than {limit} bytes"))
}

fn late() -> Problem {
    Problem::new(Code::RequestTimeout, "the content did not arrive in time")
}

/// What an answer to a failure has to know of whoever asked.
#[derive(Default)]
struct Asker {
    chinese: bool,
    /// What a page needs, if it is to be one: the request's headers and where it is shown.
    page: Option<(HeaderMap, String)>,
}

impl Asker {
    fn new(request: &Request, page: bool) -> Asker {
        let headers = request.headers();
        let page = page.then(|| (headers.clone(), shown_at(request)));
        Asker { chinese: console::chinese(headers), page }
    }
}

fn accepts_pages(headers: &HeaderMap) -> bool {
    header(headers, "accept").is_some_and(|it| it.contains("text/html"))
}

/// The answer that says what went wrong; why it did goes to the log, if that is ours to mend.
fn refuse(app: &Arc<App>, id: &str, problem: &Problem, asker: &Asker) -> Response<Body> {
    if let Some(cause) = &problem.cause {
        let level = if problem.code == Code::Internal { "error" } else { "warn" };
        app.note(level, "a request failed", &[("request", json!(id)), ("reason", json!(cause))]);
    }
    let page = asker.page.as_ref().map(|(headers, at)| {
        console::refuse(console::Frame::bare(headers, app.demo), at, problem, id)
    });
    if let Some(page) = page.and_then(|it| it.send(app).ok()) {
        return page;
    }
    let content = problem.document(id, asker.chinese).to_string();
    let mut response = Response::new(Body::from(content));
    *response.status_mut() = problem.code.status().try_into().unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(names::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    let language = if asker.chinese { "zh-CN" } else { "en" };
    headers.insert(names::CONTENT_LANGUAGE, HeaderValue::from_static(language));
    if problem.code == Code::Unauthenticated {
        headers.insert(names::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = problem.retry_after {
        headers.insert(names::RETRY_AFTER, seconds.into());
    }
    response
}

/// What browsers must not do with an answer, where it does not say otherwise.
fn protect(app: &App, headers: &mut HeaderMap) {
    let always = [
        (names::CACHE_CONTROL, "no-store"),
        (names::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (names::REFERRER_POLICY, "no-referrer"),
        (names::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (names::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let encrypted =
        app.settings.encrypted().then_some((names::STRICT_TRANSPORT_SECURITY, "max-age=31536000"));
    for (name, value) in always.into_iter().chain(encrypted) {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// A line in the log and a count. No query: it may hold what is not for everybody's eyes.
fn account(
    app: &App,
    (method, path): (&Method, &str),
    response: &Response<Body>,
    id: &str,
    address: IpAddr,
    started: Instant,
) {
    let took = started.elapsed();
    let status = response.status().as_u16();
    let answered = response.extensions().get::<Answered>();
    let template = answered.map_or("", |it| it.route.path);
    let path = shown(path);
    app.metrics.answered(method.as_str(), template, status, took);
    let mut fields = vec![
        ("request", json!(id)),
        ("method", json!(method.as_str())),
        ("path", json!(path)),
        ("status", json!(status)),
        ("ms", json!(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))),
        ("address", json!(address.to_string())),
    ];
    if let Some(it) = answered.and_then(|it| it.asker.as_deref()) {
        fields.push(("person", json!(it)));
    }
    app.note("info", "request", &fields);
}

/// A path as the log may have it: what stands in an address may be what lets in, also where nothing answers there.
fn shown(path: &str) -> &str {
    let secret = ROUTES.iter().filter_map(|it| Some((it.path, it.path.split_once("{secret}")?.0)));
    let found = secret.into_iter().find(|(_, before)| path.starts_with(before));
    found.map_or(path, |it| it.0)
}

/// Whose request it is: the last of `X-Forwarded-For` that is not a proxy of ours, where one of them sent it.
fn address(app: &App, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let proxies = &app.settings.proxies;
    let mut address = peer.to_canonical();
    let named = headers.get_all("x-forwarded-for").iter().filter_map(|it| it.to_str().ok());
    let named: Vec<&str> = named.flat_map(|it| it.split(',')).map(str::trim).collect();
    for it in named.iter().rev() {
        match it.parse::<IpAddr>() {
            Ok(it) if proxies.contains(&address) => address = it.to_canonical(),
            _ => break,
        }
    }
    address
}

fn random_id() -> String {
    let mut bytes = [0; 16];
    // It need only differ from others, not be hard to guess: without randomness it is all zeros.
    SystemRandom::new().fill(&mut bytes).ok();
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Base, Format, Keys, Log, Settings};
    use net::{Client, Secret};
    use scan::{
        Inspection,
        center::{self, Center, World},
    };
    use std::{
        future::Future,
        io::sink,
        task::{Context, Poll, Waker},
        time::Duration,
    };
    use store::Store;

    /// What comes of a future that does not wait.
    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(it) => it,
            Poll::Pending => panic!("it waits"),
        }
    }

    #[test]
    fn a_panic_is_our_failure_and_tells_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let database = store::Settings::Embedded(folder.path().join("db"));
        let store = Arc::new(Store::open(database).unwrap());
        let center = Center::new(World {
            store: Arc::clone(&store),
            advisories: scan::advisories::Store::new(folder.path()),
            updates: center::Updates::default(),
            network: net::Settings::default(),
            inspection: Inspection {
                program: None,
                limits: inspect::Limits::default(),
                malware: true,
                bundles: Vec::new(),
                packages: Arc::default(),
                spool: folder.path().to_owned(),
                stall: Duration::ZERO,
                stop: Arc::default(),
            },
            clock: Arc::new(|| 0),
            open: Arc::new(|_, _| Err(String::new())),
            trouble: Arc::new(|_, _| {}),
            name: String::new(),
            limits: center::Limits::default(),
        });
        let base = Base {
            store,
            center,
            keys: Arc::new(Keys::parse(&Secret::new("0f".repeat(32))).unwrap()),
            net: Client::new(net::Settings::default()).unwrap(),
            log: Log::new(Format::Text, sink()),
            clock: Arc::new(|| 0),
        };
        let app = Arc::new(App::new(base, Settings::default()).unwrap());
        let cause = now(caught(async { panic!("hush {}", 7) })).unwrap_err();
        assert_eq!(cause, "panicked: hush 7");
        let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
        let outcome: Result<(), Problem> = runtime.block_on(app.wait_for(|| panic!("hush")));
        let problem = outcome.unwrap_err();
        assert_eq!(
            (problem.code, problem.cause.as_deref()),
            (Code::Internal, Some("panicked: hush"))
        );
        assert!(!problem.document("id", false).to_string().contains("hush"), "{problem:?}");
        assert_eq!(refuse(&app, "id", &problem, &Asker::default()).status(), 500);
    }
}
