//! The console over a store with many images: finds its pages by following their links, as a person would, and says how
//! long each kind takes to answer and how long it is.
use crate::bench_center::{Place, made, now};
use server::{App, Base, Format, Keys, Log, Server, Settings};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    error::Error,
    io,
    net::TcpListener,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use store::{
    Store,
    people::{self, Role},
};
use testkit::http::{Reply, ask};

/// So many pages of a kind are asked for.
const EXAMPLES: usize = 6;
/// So often is each kind asked for.
const TIMES: usize = 100;
const PASSWORD: &str = "a long enough password";
/// What is kept of it.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$ov/KqzfY9wyvqbtu0zlolQ$M5l7jpWFIh30L9miVfvu40PaAEhe4Vn90OwknLx7ZBA";
/// What people look for that no link leads to.
const SEARCHES: &[&str] = &[
    "/images?text=library-17",
    "/images?text=team",
    "/images?text=nothing-is-called-that",
    "/images?level=high&state=scanned",
    "/?text=nothing-is-called-that",
    "/?text=CVE-2",
    "/?level=low",
    "/?exploited=true&fixable=true",
];

/// `bench pages --at FILE | --postgres URL [--only WORD]`: of a store that `bench store` has filled. An administrator
/// is added to it, so take a copy.
pub(crate) fn pages(args: &[String]) -> Result<(), Box<dyn Error>> {
    let value = |name: &str| args.iter().position(|it| it == name).and_then(|it| args.get(it + 1));
    let settings = match (value("--postgres"), value("--at")) {
        (Some(url), _) => Place::Postgres(url.clone()).settings(),
        (_, Some(file)) => Place::File(file.into()).settings(),
        _ => return Err("--at FILE or --postgres URL".into()),
    };
    let folder = tempfile::tempdir()?;
    let (server, cookie) = start(&settings, folder.path())?;
    let host = server.address().to_string();
    let get = |target: &str| ask(&host, "GET", target, &[("cookie", cookie.as_str())], b"");
    let kinds = find(&get, value("--only").map_or("", String::as_str))?;
    println!("{:58} {:>9} {:>9} {:>9}", "page", "median", "p99", "KB");
    let mut slowest = (Duration::ZERO, String::new());
    for (kind, examples) in kinds {
        let (mut times, mut bytes) = (Vec::new(), 0);
        for target in examples.iter().cycle().take(TIMES) {
            let start = Instant::now();
            let reply = get(target)?;
            times.push(start.elapsed());
            bytes = bytes.max(reply.body.len());
        }
        times.sort_unstable();
        let at = |share: usize| times.get((times.len() * share).div_ceil(100).saturating_sub(1));
        let (middle, late) =
            (at(50).copied().unwrap_or_default(), at(99).copied().unwrap_or_default());
        println!("{kind:58} {middle:>9.1?} {late:>9.1?} {:>9.1}", bytes as f64 / 1000.0);
        slowest = slowest.max((late, kind));
    }
    println!("{:58} {:>19.1?}", format!("slowest (limit 150 ms): {}", slowest.1), slowest.0);
    server.stop();
    Ok(())
}

/// A server over the store that scans nothing, and the cookie of its administrator.
fn start(settings: &store::Settings, folder: &Path) -> Result<(Server, String), Box<dyn Error>> {
    let store = Arc::new(Store::open(settings.clone())?);
    let password = Some(HASH);
    let admin = people::New { name: "measured", role: Role::Admin, password, subject: None };
    match store.write(|tx| people::add(tx, admin, 0)) {
        // It was measured before.
        Ok(_) | Err(store::Error::Conflict(_)) => {}
        Err(why) => return Err(why.into()),
    }
    let clock: server::Clock = Arc::new(now);
    let keys = Arc::new(Keys::of_file(&folder.join("keys"))?);
    let center = made(&store, folder, 1)?;
    let net = net::Client::new(net::Settings::default())?;
    let log = Log::new(Format::Text, io::sink());
    let app = App::new(Base { store, center, keys, net, log, clock }, Settings::default())?;
    let server = Server::start(app, TcpListener::bind("127.0.0.1:0")?)?;
    let cookie = log_in(&server.address().to_string())?;
    Ok((server, cookie))
}

fn log_in(host: &str) -> Result<String, Box<dyn Error>> {
    let body = serde_json::json!({"name": "measured", "password": PASSWORD}).to_string();
    let json = [("content-type", "application/json")];
    let reply = ask(host, "POST", "/api/v1/session", &json, body.as_bytes())?;
    let cookie = reply.headers.iter().find(|it| it.0.eq_ignore_ascii_case("set-cookie"));
    let cookie = cookie.and_then(|it| it.1.split(';').next());
    let why = || format!("logging in: {}", String::from_utf8_lossy(&reply.body));
    Ok(cookie.ok_or_else(why)?.to_owned())
}

/// The pages there are, by kind.
fn find(
    get: &impl Fn(&str) -> io::Result<Reply>,
    only: &str,
) -> Result<BTreeMap<String, Vec<String>>, Box<dyn Error>> {
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut waiting: VecDeque<String> =
        ["/"].iter().chain(SEARCHES).map(ToString::to_string).collect();
    let mut seen: BTreeSet<String> = waiting.iter().cloned().collect();
    while let Some(target) = waiting.pop_front() {
        let examples = kinds.entry(kind(&target)).or_default();
        if examples.len() == EXAMPLES {
            continue;
        }
        examples.push(target.clone());
        let reply = get(&target)?;
        if reply.status != 200 {
            return Err(format!("{target}: {}", String::from_utf8_lossy(&reply.body)).into());
        }
        let page = String::from_utf8(reply.body)?;
        for link in links(&page, &target) {
            if seen.insert(link.clone()) {
                waiting.push_back(link);
            }
        }
    }
    kinds.retain(|it, _| it.contains(only));
    Ok(kinds)
}

/// Where a page leads to within the console.
fn links(page: &str, at: &str) -> Vec<String> {
    let path = at.split('?').next().unwrap_or_default();
    let others = ["/api", "/language", "/theme", "/login", "/favicon", "/console."];
    let absolute = |it: &str| match it.as_bytes() {
        [b'/', ..] => Some(it.to_owned()),
        [b'?', ..] => Some(format!("{path}{it}")),
        _ => None,
    };
    page.split("href=\"")
        .skip(1)
        .filter_map(|it| it.split('"').next())
        .map(|it| it.replace("&amp;", "&").replace("&#38;", "&").replace("&#61;", "="))
        .filter_map(|it| absolute(&it))
        .filter(|it| !others.iter().any(|other| it.starts_with(other)))
        .map(|it| it.split('#').next().unwrap_or_default().to_owned())
        .collect()
}

/// What pages have in common that differ in what they are about.
fn kind(target: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let part = |it: &str| {
        let one = it.starts_with("sha256:") || it.starts_with("CVE-") || it.parse::<u64>().is_ok();
        if one { "…".to_owned() } else { it.to_owned() }
    };
    let path: Vec<String> = path.split('/').map(part).collect();
    let query = query.split('&').filter_map(|it| it.split('=').next()).filter(|it| !it.is_empty());
    let query: BTreeSet<&str> = query.collect();
    let query: Vec<&str> = query.into_iter().collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{}{mark}{}", path.join("/"), query.join("&"))
}
