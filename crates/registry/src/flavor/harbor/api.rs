//! One request to Harbor's API, and which API it has.
use crate::{
    Connection, Credential, SourceError,
    flavor::{
        check::{Problem, Trouble},
        paging::Numbered,
    },
    refusal::{checked, words},
    token::basic,
};
use net::{Method, Request, Response, Secret};
use serde::{Deserialize, de::DeserializeOwned};

/// The largest page that Harbor gives; from 2.0 on it refuses to be asked for a larger one.
pub(crate) const PAGE: u64 = 100;

/// Most bytes of one answer. An artifact may have thousands of tags.
const ANSWER_BYTES: u64 = 32 << 20;

/// Which Harbor it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Version {
    /// Whether it is a 1.x, whose API has no version.
    pub(crate) old: bool,
    /// As it says itself, which it does to those it knows.
    pub(crate) text: Option<String>,
}

#[derive(Deserialize)]
struct ApiVersion {
    version: String,
}

/// What Harbor says of itself.
#[derive(Default, Deserialize)]
pub(crate) struct SystemInfo {
    pub(crate) harbor_version: Option<String>,
    pub(crate) auth_mode: Option<String>,
    pub(crate) read_only: Option<bool>,
}

/// What to do, for those who may not.
pub(crate) struct Deed<'a> {
    pub(crate) words: String,
    pub(crate) right: &'a str,
}

impl Version {
    /// Whether it is at least this one. One that does not say is taken for a recent one.
    pub(crate) fn since(&self, wanted: [u64; 3]) -> Option<bool> {
        let text = self.text.as_deref()?.trim_start_matches('v');
        let numbers = text.split('-').next()?.split('.').map(|it| it.parse().ok());
        let numbers: Option<Vec<u64>> = numbers.collect();
        Some(numbers? >= wanted.to_vec())
    }
}

/// Which Harbor it is, asked once a connection.
pub(crate) fn version(connection: &Connection) -> Result<&Version, SourceError> {
    if let Some(it) = connection.harbor.get() {
        return Ok(it);
    }
    let old = is_old(connection)?;
    let deed = deed("read what it says of itself", "");
    let path = format!("{}/systeminfo", base(old));
    let info: SystemInfo = parsed(send(connection, Method::Get, &path, None, &deed)?)?;
    Ok(connection.harbor.get_or_init(|| Version { old, text: info.harbor_version }))
}

/// Harbor 2 tells the version of its API; 1.x does not know that question.
pub(crate) fn is_old(connection: &Connection) -> Result<bool, Problem> {
    let response = connection.probe("/api/version")?;
    if response.status == 200 {
        let version: Result<ApiVersion, _> = parsed(response);
        return match version {
            Ok(it) if it.version == "v2.0" => Ok(false),
            Ok(it) => Err(other(connection, &format!("an API of version {}", it.version))),
            Err(_) => Err(other(connection, "something else")),
        };
    }
    if response.status != 404 {
        checked(response, connection.name(), connection.origin(), "see its version")?;
        return Err(other(connection, "something else"));
    }
    let info: Result<SystemInfo, _> = parsed(connection.probe("/api/systeminfo")?);
    match info {
        Ok(it) if it.auth_mode.is_some() || it.harbor_version.is_some() => Ok(true),
        _ => Err(other(connection, "something else")),
    }
}

fn other(connection: &Connection, what: &str) -> Problem {
    let name = connection.name();
    let words = format!(
        "{name} is no Harbor: {what} answers; is it of another kind, or behind a login page?"
    );
    Problem::new(Trouble::OtherKind, words)
}

pub(crate) fn deed(words: impl Into<String>, right: &str) -> Deed<'_> {
    Deed { words: words.into(), right }
}

pub(crate) fn base(old: bool) -> &'static str {
    if old { "/api" } else { "/api/v2.0" }
}

/// A page of a list. `path` ends where the page's number follows.
pub(crate) fn list<T: DeserializeOwned>(
    connection: &Connection,
    path: &str,
    page: u64,
    deed: &Deed<'_>,
) -> Result<Numbered<T>, SourceError> {
    let mark = if path.contains('?') { '&' } else { '?' };
    let path = format!("{path}{mark}page={page}&page_size={PAGE}");
    let response = send(connection, Method::Get, &path, None, deed)?;
    // Not by `Link`, whose addresses Harbor does not encode.
    let total = response.header("x-total-count").and_then(|it| it.parse().ok());
    let items: Option<Vec<T>> = parsed(response)?;
    let items = items.unwrap_or_default();
    let known = u64::try_from(items.len()).unwrap_or(u64::MAX);
    Ok(Numbered { items, total: total.unwrap_or(known), size: PAGE })
}

/// Asks Harbor. Any answer but success is an error. What changes something is tried once only.
pub(crate) fn send(
    connection: &Connection,
    method: Method,
    path: &str,
    body: Option<String>,
    deed: &Deed<'_>,
) -> Result<Response, SourceError> {
    let request = Request::new(method, connection.url(path)?)
        .hurried(method != Method::Get)
        .header("accept", "application/json")
        .header("x-is-resource-name", "true")
        .authorization(authorization(connection)?);
    let request = match body {
        Some(it) => request.body("application/json", it),
        None => request,
    };
    let response = connection.client.send(&request)?;
    if response.status != 403 {
        return checked(response, connection.name(), connection.origin(), &deed.words);
    }
    let name = connection.name();
    let said = words(response, true);
    if said.contains("read only") {
        return Err(SourceError::Refused(format!("{name}, to {}{said}", deed.words)));
    }
    let right = deed.right;
    let text = format!("{name} does not let us {}; ask for the right `{right}`{said}", deed.words);
    Err(SourceError::Unauthorized(text))
}

/// Sent unasked: to those it does not know, Harbor shows what is public instead of asking.
fn authorization(connection: &Connection) -> Result<Option<Secret>, SourceError> {
    match connection.access.login.credential()? {
        Some(Credential::Basic { user, password }) => Ok(Some(basic(&user, &password))),
        Some(Credential::Bearer(token)) => {
            Ok(Some(Secret::new(format!("Bearer {}", token.reveal()))))
        }
        Some(Credential::Identity(_)) => {
            let text = "Harbor's API wants user and password, not an identity token";
            Err(SourceError::Settings(text.to_owned()))
        }
        None => Ok(None),
    }
}

/// The content of an answer.
pub(crate) fn parsed<T: DeserializeOwned>(response: Response) -> Result<T, SourceError> {
    let place = response.url.to_string();
    crate::manifest::json(&place, &response.bounded(ANSWER_BYTES)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared() {
        let check = |text: &str, wanted: [u64; 3], since: Option<bool>| {
            let version = Version { old: false, text: Some(text.to_owned()) };
            assert_eq!(version.since(wanted), since, "{text} {wanted:?}");
        };
        check("v2.15.2-abcdef", [2, 15, 2], Some(true));
        check("v2.15.1-abcdef", [2, 15, 2], Some(false));
        check("v2.9.5-abcdef", [2, 15, 2], Some(false));
        check("v2.16.0", [2, 15, 2], Some(true));
        check("v1.10.18-xyz", [2, 0, 0], Some(false));
        check("v2.16.0-rc1-abc", [2, 15, 2], Some(true));
        check("dev", [2, 15, 2], None);
        check("", [2, 15, 2], None);
    }
}
