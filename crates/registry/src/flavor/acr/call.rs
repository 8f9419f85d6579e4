//! One call of the API: signed anew for each try, paced, and its refusals understood.
use super::{
    role,
    sign::{Call, v1, v3},
};
use crate::{
    Access, AccessKey, Credential, Login, SourceError,
    flavor::{
        access::Cloud,
        check::{Problem, Trouble, date, skewed},
    },
    token::Lease,
};
use jiff::Timestamp;
use net::{Client, Limits, Method, Request, Response, Url};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

/// One less than what Harbor's client of it does not go beyond: the calls of a second do not arrive as
/// evenly as they are sent.
const CALLS_PER_SECOND: u32 = 14;

/// Most bytes of one answer.
const ANSWER_BYTES: u64 = 16 << 20;

const VERSION: &str = "2018-12-01";

/// The API of one account, with what it has learnt.
pub(crate) struct Api {
    pub(crate) client: Client,
    pub(crate) cloud: Cloud,
    login: Login,
    /// Whether the gateway only knows signatures of the first version.
    old: AtomicBool,
    /// Where the instance is that an address leads to, once it has been asked.
    pub(crate) place: OnceLock<Place>,
    pub(crate) role: Mutex<Option<Lease<AccessKey>>>,
    pub(crate) password: Mutex<Option<Lease<Credential>>>,
}

/// An instance, and where it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    pub(crate) region: String,
    pub(crate) instance: String,
}

/// What every answer has.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Common {
    is_success: Option<bool>,
    code: Option<String>,
    message: Option<String>,
}

/// What came of one try.
enum Try {
    Answer(Vec<u8>, Option<Timestamp>),
    Again(Problem),
    /// It did not even look for a signature of the third version.
    Old,
}

/// The limits, held to what the API bears.
pub(crate) fn polite(limits: Limits) -> Limits {
    let told = if limits.per_second == 0 { CALLS_PER_SECOND } else { limits.per_second };
    Limits { per_second: told.min(CALLS_PER_SECOND), ..limits }
}

impl Api {
    /// The API of an account; `None` where the login is not that of one.
    pub(crate) fn new(access: &Access, client: &Client) -> Result<Option<Api>, SourceError> {
        if !access.flavor.by_account {
            return Ok(None);
        }
        if matches!(access.login, Login::Anonymous | Login::Registry(_)) {
            let text = "this kind of registry wants the access key of an account, or a role";
            return Err(SourceError::Settings(text.to_owned()));
        }
        let cloud = access.cloud.clone();
        let place = OnceLock::new();
        if let (Some(instance), [region]) = (&cloud.instance, cloud.regions.as_slice()) {
            let (region, instance) = (region.clone(), instance.clone());
            place.get_or_init(|| Place { region, instance });
        }
        Ok(Some(Api {
            client: client.clone(),
            cloud,
            login: access.login.clone(),
            old: AtomicBool::new(false),
            place,
            role: Mutex::default(),
            password: Mutex::default(),
        }))
    }

    /// Calls `action`; the answer, with the time of the server.
    pub(crate) fn call<T: DeserializeOwned>(
        &self,
        region: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<(T, Option<Timestamp>), Problem> {
        let parameters = [&[("RegionId", region)], parameters].concat();
        let (bytes, time) = self.persist(region, action, &parameters)?;
        let strange = |it| Problem::new(Trouble::Strange, format!("the answer to {action}: {it}"));
        Ok((serde_json::from_slice(&bytes).map_err(strange)?, time))
    }

    /// Each try is signed anew: the gateway takes no signature twice.
    fn persist(
        &self,
        region: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<(Vec<u8>, Option<Timestamp>), Problem> {
        let mut failed: u32 = 0;
        loop {
            match self.once(region, action, parameters)? {
                Try::Answer(bytes, time) => return Ok((bytes, time)),
                Try::Old => self.old.store(true, Relaxed),
                Try::Again(problem) => {
                    failed = failed.saturating_add(1);
                    if failed >= self.client.tries() {
                        return Err(problem);
                    }
                    self.client.rest(failed);
                }
            }
        }
    }

    fn once(
        &self,
        region: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Try, Problem> {
        let origin = self.client.origin(&self.cloud.api.replace("{region}", region))?;
        let key = self.key()?;
        let (host, now, nonce) = (origin.authority(), Timestamp::now(), nonce());
        let when = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let call = Call {
            host: &host,
            action,
            version: VERSION,
            parameters,
            date: &when,
            nonce: &nonce,
            key: &key,
        };
        let old = self.old.load(Relaxed);
        let signed = if old { v1(&call, "POST", "JSON") } else { v3(&call) };
        let url = Url::parse(&format!("{}/?{}", origin.origin(), signed.query))?;
        let request = Request::new(Method::Post, url).hurried(true);
        let mut request = request.header("accept", "application/json");
        for (name, value) in signed.headers {
            request = request.secret(name, value);
        }
        match self.client.send(&request) {
            Ok(it) => understood(it, &call, old, now),
            Err(error) if error.retryable() => Ok(Try::Again(error.into())),
            Err(error) => Err(error.into()),
        }
    }

    fn key(&self) -> Result<AccessKey, Problem> {
        match &self.login {
            Login::Key(it) => Ok(it.clone()),
            Login::Role(it) => leased(&self.role, || role::key(&self.client, it)),
            Login::Anonymous | Login::Registry(_) => {
                Err(Problem::new(Trouble::Settings, "an access key is missing"))
            }
        }
    }
}

/// What is kept for a time, had anew when that is over.
pub(crate) fn leased<T: Clone, E>(
    kept: &Mutex<Option<Lease<T>>>,
    fetch: impl Fn() -> Result<Lease<T>, E>,
) -> Result<T, E> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(it) = kept.as_ref().filter(|it| it.is_good()) {
        return Ok(it.value.clone());
    }
    let lease = fetch()?;
    let value = lease.value.clone();
    *kept = Some(lease);
    Ok(value)
}

fn understood(
    response: Response,
    call: &Call<'_>,
    old: bool,
    ours: Timestamp,
) -> Result<Try, Problem> {
    let (status, time) = (response.status, date(&response));
    let bytes = response.bounded(ANSWER_BYTES)?;
    let common: Option<Common> = serde_json::from_slice(&bytes).ok();
    let failed = common.as_ref().is_some_and(|it| it.is_success == Some(false));
    if status == 200 && !failed && common.is_some() {
        return Ok(Try::Answer(bytes, time));
    }
    let Some(Common { code, message, .. }) = common else {
        return unspoken(status, call.host);
    };
    let code = code.unwrap_or_default();
    if code.starts_with("Missing") && !old {
        return Ok(Try::Old);
    }
    let said = format!("{code}: {}", message.unwrap_or_default());
    let problem = refusal(&code, &said, call, time, ours);
    let passing = status == 429 || status >= 500;
    let again = passing || matches!(problem.trouble, Trouble::Busy | Trouble::Unreachable);
    if again { Ok(Try::Again(problem)) } else { Err(problem) }
}

/// Nothing of what an API says.
fn unspoken(status: u16, host: &str) -> Result<Try, Problem> {
    let words = format!("{host} answers {status}, and not as the API of Container Registry does");
    match status {
        429 => Ok(Try::Again(Problem::new(Trouble::Busy, words))),
        500.. => Ok(Try::Again(Problem::new(Trouble::Unreachable, words))),
        _ => Err(Problem::new(Trouble::OtherKind, words)),
    }
}

/// The codes of all of Alibaba Cloud's APIs ("Public error codes").
fn refusal(
    code: &str,
    said: &str,
    call: &Call<'_>,
    theirs: Option<Timestamp>,
    ours: Timestamp,
) -> Problem {
    let (host, action, id) = (call.host, call.action, &call.key.id);
    let starts = |words: &[&str]| words.iter().any(|it| code.starts_with(it));
    let said: String = said.chars().filter(|it| !it.is_control()).take(300).collect();
    if starts(&["InvalidTimeStamp", "IllegalTimestamp"]) {
        let unsaid =
            || Problem::new(Trouble::Clock, format!("{host} calls our clock wrong ({said})"));
        return theirs.map_or_else(unsaid, |it| skewed(host, it, ours));
    }
    if starts(&["InvalidAccessKey", "InvalidSecurityToken", "SignatureDoesNotMatch"])
        || starts(&["IncompleteSignature", "InvalidSignature"])
    {
        let words = format!(
            "{host} does not take the access key `{id}`; check it, its secret and its token ({said})"
        );
        return Problem::new(Trouble::Credentials, words);
    }
    if starts(&["Forbidden", "NoPermission", "Unauthorized", "REPO_NO_PERMISSION"]) {
        let right = right(action);
        let words = format!(
            "the right `{right}` is missing: {host} does not let us call {action} ({said})"
        );
        return Problem::new(Trouble::Rights, words);
    }
    let trouble = match code {
        it if it.starts_with("Throttling") => Trouble::Busy,
        it if it.starts_with("ServiceUnavailable") => Trouble::Unreachable,
        "InternalError" | "InternalFailure" | "SignatureNonceUsed" => Trouble::Unreachable,
        it if it.contains("NOT_EXIST") || it.contains("NotExist") || it.contains("NotFound") => {
            Trouble::Gone
        }
        _ => Trouble::Strange,
    };
    Problem::new(trouble, format!("{host}, {action}: {said}"))
}

/// The name of the right that an action needs, where it is another ("RAM authorization").
fn right(action: &str) -> String {
    let name = match action {
        "ListRepoTag" | "GetRepoTag" => "ListRepositoryTag",
        "CreateRepoTrigger" => "CreateWebHook",
        "DeleteRepoTrigger" => "DeleteWebHook",
        "ListRepoTrigger" => "GetWebHookLog",
        it => it,
    };
    format!("cr:{name}")
}

/// Never twice: by chance, which each of our processes has of its own.
fn nonce() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

/// A number, which some answers write as a string.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Count(pub(crate) u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Count, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(u64),
            Text(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Number(it) => Ok(Count(it)),
            Form::Text(it) => it.trim().parse().map(Count).map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_numbers_or_strings() {
        let check = |text: &str, count: Option<u64>| {
            let parsed: Result<Count, _> = serde_json::from_str(text);
            assert_eq!(parsed.ok().map(|it| it.0), count, "{text}");
        };
        check("30", Some(30));
        check("\"30\"", Some(30));
        check("\"\"", None);
        check("-1", None);
        check("null", None);
    }

    #[test]
    fn the_api_is_not_pressed() {
        let check = |told: u32, limit: u32| {
            let limits = Limits { per_second: told, at_once: 4 };
            assert_eq!(polite(limits).per_second, limit, "{told}");
        };
        check(0, 14);
        check(100, 14);
        check(3, 3);
    }

    #[test]
    fn nonces_differ() {
        let all: std::collections::BTreeSet<String> = (0..1000).map(|_| nonce()).collect();
        assert_eq!(all.len(), 1000);
    }
}
