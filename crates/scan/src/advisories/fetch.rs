//! Fetching the documents of a feed: only what has changed, and whole or not at all.
use super::{Counting, Policy, StoreError, Told, Work, bring, changed, failed, tally::Tally};
use assess::Feed;
use jiff::Timestamp;
use net::{Client, Request, Url};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Ends the names of the notes beside documents.
pub(super) const NOTE: &str = ".fetched";

/// The most of one document as it comes.
const MOST_BYTES: u64 = 8 << 30;

/// What became of one document.
#[derive(Debug)]
pub struct Fetched {
    /// A name of `assess::FEEDS`.
    pub feed: &'static str,
    /// Where it is.
    pub url: String,
    /// How many bytes came; `None` when it had not changed; or why it could not be had.
    pub outcome: Result<Option<u64>, String>,
}

/// What the server said of a document, to ask whether it has changed since (RFC 9110, section 13.1).
#[derive(Debug, Default, Deserialize, Serialize)]
struct Note {
    url: String,
    etag: Option<String>,
    last_modified: Option<String>,
    /// How much it said: one that suddenly says half as much has been cut.
    #[serde(default)]
    records: u64,
}

/// Fetches all documents of a feed into its folder, and says whether any could be had. `places` name other addresses for
/// feeds: a mirror.
pub(super) fn feed(
    directory: &Path,
    client: &Client,
    feed: &'static Feed,
    places: &[(String, String)],
    policy: Policy<'_>,
    told: Told<'_>,
) -> Result<bool, StoreError> {
    let folder = directory.join("feeds").join(feed.name);
    fs::create_dir_all(&folder).map_err(failed(&folder))?;
    let own: Vec<&String> = places.iter().filter(|it| it.0 == feed.name).map(|it| &it.1).collect();
    let urls: Vec<String> = if own.is_empty() {
        feed.places.iter().flat_map(assess::feeds::Place::urls).collect()
    } else {
        own.into_iter().cloned().collect()
    };
    let (mut all, mut some) = (true, false);
    for url in &urls {
        told(Work::Begin(url, None));
        let outcome = document(client, &folder, feed, url, policy, told);
        all &= outcome.is_ok();
        some |= outcome.is_ok();
        told(Work::Fetched(&Fetched { feed: feed.name, url: url.clone(), outcome }));
    }
    if all {
        remove_others(&folder, &urls);
    }
    Ok(some)
}

/// Where a mirror has the feeds for which no other place is known.
pub fn mirrored(
    mirror: &str,
    feeds: &[&Feed],
    places: &[(String, String)],
) -> Vec<(String, String)> {
    let mirror = mirror.trim_end_matches('/');
    let others = feeds.iter().filter(|it| !places.iter().any(|place| place.0 == it.name));
    let urls = others.flat_map(|it| {
        let urls = it.places.iter().flat_map(assess::feeds::Place::urls);
        urls.map(|url| (it.name.to_owned(), url.replacen("https:/", mirror, 1)))
    });
    urls.collect()
}

/// Removes what was fetched from addresses that are none of the feed's any more: it would be read beside what took its
/// place.
fn remove_others(folder: &Path, urls: &[String]) {
    let names: Vec<String> = urls.iter().map(|it| file_name(it)).collect();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(document) = name.strip_suffix(NOTE) else { continue };
        if !names.iter().any(|it| it == document) {
            drop(fs::remove_file(folder.join(document)));
            drop(fs::remove_file(entry.path()));
        }
    }
}

fn document(
    client: &Client,
    folder: &Path,
    feed: &Feed,
    url: &str,
    policy: Policy<'_>,
    told: Told<'_>,
) -> Result<Option<u64>, String> {
    let path = folder.join(file_name(url));
    let before = note(&path, url);
    let mut request = Request::get(Url::parse(url).map_err(|err| err.to_string())?);
    if let Some(etag) = &before.etag {
        request = request.header("if-none-match", etag);
    }
    if let Some(day) = &before.last_modified {
        request = request.header("if-modified-since", day);
    }
    let Some((mut note, count, file)) = download(client, &request, url, folder, told)? else {
        confirm(&path);
        return Ok(None);
    };
    let said = |err: StoreError| err.to_string();
    let tally = Tally::of(feed, file.path(), &path, &mut |_| Ok(())).map_err(said)?;
    if !policy.force {
        let judged = match tally.records {
            0 => Err(format!("nothing in it is of this feed{}", tally.first())),
            _ => tally.judge(before.records),
        };
        judged.map_err(|why| format!("{why}; the former one stays. --force takes it"))?;
    }
    note.records = tally.records;
    file.as_file().set_modified(age(&note)).map_err(|err| err.to_string())?;
    // A note must never stand beside a document that it is not about.
    drop(fs::remove_file(note_path(&path)));
    bring::keep(file, &path).map_err(said)?;
    let text = serde_json::to_string(&note).map_err(|err| err.to_string())?;
    fs::write(note_path(&path), text).map_err(|err| err.to_string())?;
    Ok(Some(count))
}

type Download = (Note, u64, tempfile::NamedTempFile);

/// The document in a file without a place yet; `None` when it has not changed. A line that drops is tried again.
fn download(
    client: &Client,
    request: &Request,
    url: &str,
    folder: &Path,
    told: Told<'_>,
) -> Result<Option<Download>, String> {
    let address = Url::parse(url).map_err(|err| err.to_string())?;
    let mut dropped: u32 = 0;
    loop {
        let response = client.send(request).map_err(|err| err.to_string())?;
        match response.status {
            200 => {}
            304 => return Ok(None),
            status => return Err(refusal(status)),
        }
        let header = |name| response.header(name).map(str::to_owned);
        let (etag, last_modified) = (header("etag"), header("last-modified"));
        let note = Note { url: url.to_owned(), etag, last_modified, records: 0 };
        let mut file = bring::unfinished(folder).map_err(|err| err.to_string())?;
        told(Work::Begin(url, header("content-length").and_then(|it| it.parse().ok())));
        match save(Counting { file: response.body, told }, &mut file) {
            Ok(count) => return Ok(Some((note, count, file))),
            // The server can do nothing about a full disk.
            Err(Saving::Ours(err)) => return Err(format!("{}: {err}", folder.display())),
            Err(Saving::Theirs(err)) => {
                dropped = dropped.saturating_add(1);
                if dropped >= client.tries(&address) {
                    return Err(format!("the line dropped {dropped} times: {err}"));
                }
                client.rest(&address, dropped);
            }
        }
    }
}

fn refusal(status: u16) -> String {
    let advice = match status {
        401 | 403 => ": does a proxy stand in between?",
        404 | 410 => ": the feed may have moved; --place names another address",
        429 => ": too many have asked; try later, or a mirror (--from)",
        500.. => ": it is in trouble; try later",
        _ => "",
    };
    format!("the server answered {status}{advice}")
}

/// Of when a document is: what the server says, else now.
fn age(note: &Note) -> SystemTime {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    let day = note.last_modified.as_ref().and_then(|it| parser.parse_timestamp(it).ok());
    day.map_or_else(SystemTime::now, SystemTime::from)
}

/// Whose fault it is that a document could not be saved.
pub(super) enum Saving {
    Ours(io::Error),
    Theirs(io::Error),
}

pub(super) fn save(mut body: impl Read, file: &mut impl Write) -> Result<u64, Saving> {
    let mut buffer = vec![0; 128 << 10];
    let mut total: u64 = 0;
    loop {
        let count = body.read(&mut buffer).map_err(Saving::Theirs)?;
        let chunk = buffer.get(..count).unwrap_or_default();
        if chunk.is_empty() {
            return Ok(total);
        }
        file.write_all(chunk).map_err(Saving::Ours)?;
        total = total.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if total > MOST_BYTES {
            return Err(Saving::Ours(io::Error::other(format!("more than {MOST_BYTES} bytes"))));
        }
    }
}

fn note(path: &Path, url: &str) -> Note {
    let text = fs::read_to_string(note_path(path)).unwrap_or_default();
    let note: Note = serde_json::from_str(&text).unwrap_or_default();
    // Of another address, or of a file that is gone, it says nothing.
    if note.url == url && path.exists() { note } else { Note::default() }
}

/// Notes that a document is still what the server has.
fn confirm(path: &Path) {
    // Where this fails, it looks older than it is.
    let note = fs::File::options().append(true).open(note_path(path));
    drop(note.and_then(|it| it.set_modified(SystemTime::now())));
}

/// When a document was last what the server has; `None` for one that was brought in.
pub(super) fn confirmed(path: &Path) -> Option<Timestamp> {
    changed(&note_path(path))
}

pub(super) fn note_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(NOTE);
    path.with_file_name(name)
}

/// The path of an address as a file name: the same for the same address, and nothing but a name.
fn file_name(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |it| it.1);
    let safe = |it: char| if it.is_ascii_alphanumeric() || "._-".contains(it) { it } else { '_' };
    rest.chars().map(safe).collect::<String>().trim_start_matches('.').to_owned()
}
