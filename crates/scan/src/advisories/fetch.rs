//! Fetching the documents of a feed: only what has changed, and whole or not at all.
use super::{StoreError, failed};
use assess::Feed;
use net::{Client, Request, Url};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Read},
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
}

/// Fetches all documents of a feed into its folder. `places` name other addresses for feeds: a mirror.
pub(super) fn feed(
    directory: &Path,
    client: &Client,
    feed: &'static Feed,
    places: &[(String, String)],
) -> Result<Vec<Fetched>, StoreError> {
    let folder = directory.join("feeds").join(feed.name);
    fs::create_dir_all(&folder).map_err(failed(&folder))?;
    let own: Vec<&String> = places.iter().filter(|it| it.0 == feed.name).map(|it| &it.1).collect();
    let urls: Vec<String> = if own.is_empty() {
        feed.places.iter().flat_map(assess::feeds::Place::urls).collect()
    } else {
        own.into_iter().cloned().collect()
    };
    let fetch = |url: String| {
        let outcome = document(client, &folder, &url);
        Fetched { feed: feed.name, url, outcome }
    };
    Ok(urls.into_iter().map(fetch).collect())
}

fn document(client: &Client, folder: &Path, url: &str) -> Result<Option<u64>, String> {
    let path = folder.join(file_name(url));
    let note = note(&path, url);
    let mut request = Request::get(Url::parse(url).map_err(|err| err.to_string())?);
    if let Some(etag) = &note.etag {
        request = request.header("if-none-match", etag);
    }
    if let Some(day) = &note.last_modified {
        request = request.header("if-modified-since", day);
    }
    let response = client.send(&request).map_err(|err| err.to_string())?;
    match response.status {
        200 => {}
        304 => return Ok(None),
        status => return Err(format!("the server answered {status}")),
    }
    let header = |name| response.header(name).map(str::to_owned);
    let (etag, last_modified) = (header("etag"), header("last-modified"));
    let note = Note { url: url.to_owned(), etag, last_modified };
    let count = save(response.body, folder, &path, age(&note)).map_err(|err| err.to_string())?;
    let text = serde_json::to_string(&note).map_err(|err| err.to_string())?;
    fs::write(note_path(&path), text).map_err(|err| err.to_string())?;
    Ok(Some(count))
}

/// Of when a document is: what the server says, else now.
fn age(note: &Note) -> SystemTime {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    let day = note.last_modified.as_ref().and_then(|it| parser.parse_timestamp(it).ok());
    day.map_or_else(SystemTime::now, SystemTime::from)
}

/// The former document stays until the new one is there to its last byte.
fn save(body: impl Read, folder: &Path, path: &Path, of: SystemTime) -> io::Result<u64> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let count = io::copy(&mut body.take(MOST_BYTES), &mut file)?;
    if count >= MOST_BYTES {
        return Err(io::Error::other(format!("more than {MOST_BYTES} bytes")));
    }
    file.as_file().set_modified(of)?;
    file.persist(path).map_err(|err| err.error)?;
    Ok(count)
}

fn note(path: &Path, url: &str) -> Note {
    let text = fs::read_to_string(note_path(path)).unwrap_or_default();
    let note: Note = serde_json::from_str(&text).unwrap_or_default();
    // Of another address, or of a file that is gone, it says nothing.
    if note.url == url && path.exists() { note } else { Note::default() }
}

fn note_path(path: &Path) -> PathBuf {
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
