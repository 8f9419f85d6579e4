//! Tells the refusals of a registry apart, and passes on what it has to say
//! (OCI distribution specification, "Error codes").
use crate::SourceError;
use net::{Response, Url};
use serde::Deserialize;

/// Most bytes of an explanation.
const WORDS_BYTES: u64 = 64 << 10;

#[derive(Deserialize)]
struct Words {
    errors: Vec<Word>,
}

#[derive(Deserialize)]
struct Word {
    code: Option<String>,
    message: Option<String>,
}

/// The answer, if it is a success; else why `name`, at `origin`, does not let us do this `deed`.
pub(crate) fn checked(
    response: Response,
    name: &str,
    origin: &Url,
    deed: &str,
) -> Result<Response, SourceError> {
    let (status, url) = (response.status, response.url.clone());
    if (200..300).contains(&status) {
        return Ok(response);
    }
    let after = response.retry_after();
    let own = url.same_origin(origin);
    let place = if own { name.to_owned() } else { url.origin() };
    let words = words(response, own);
    Err(match status {
        401 => SourceError::Unauthorized(format!(
            "{place} does not know us as one who may {deed}; log in, or check user, \
             password and name{words}"
        )),
        403 => SourceError::Unauthorized(format!(
            "{place} does not let us {deed}; ask for the right to do so{words}"
        )),
        404 => SourceError::NotFound(format!("{url}{words}")),
        412 => SourceError::Refused(format!("{place}, to {deed}{words}")),
        429 => SourceError::RateLimited { host: place, after },
        500.. => SourceError::Unreachable(format!("{url}: it answers {status}{words}")),
        _ => SourceError::Malformed(format!("{url}: it answers {status}{words}")),
    })
}

/// What the registry has to say, ready to be appended: its messages, or a short plain text. Of
/// other servers only what is written for us: the registry chooses them, and could make us show
/// what an inner server of our own says.
pub(crate) fn words(response: Response, own: bool) -> String {
    let Ok(bytes) = response.bounded(WORDS_BYTES) else { return String::new() };
    let said = match serde_json::from_slice::<Words>(&bytes) {
        Ok(it) => it.errors.into_iter().filter_map(|it| it.message.or(it.code)).collect(),
        Err(_) => {
            let text = String::from_utf8(bytes).unwrap_or_default();
            let plain = own && !text.trim_start().starts_with(['<', '{', '[']);
            if plain { vec![text] } else { Vec::new() }
        }
    };
    let said = said.join("; ");
    let clean: String = said.trim().chars().filter(|it| !it.is_control()).take(300).collect();
    if clean.is_empty() { clean } else { format!(" ({clean})") }
}
