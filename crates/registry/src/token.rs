//! Tokens: how they are asked for, and how long they last (the "Docker Registry v2 authentication"
//! pages, "Token" and "OAuth2").
use crate::{Credential, SourceError};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use net::{Method, Request, Secret, Url};
use serde::Deserialize;
use std::time::{Duration, Instant};

/// How long a token is good for when nothing is said.
const LIFE: Duration = Duration::from_secs(60);

/// Something that is good for a time.
pub(crate) struct Lease<T> {
    pub(crate) value: T,
    good_until: Option<Instant>,
}

/// What a token server gives.
#[derive(Deserialize)]
struct Given {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<i64>,
}

impl<T> Lease<T> {
    /// Good for `life`, and given up a little early: the request that uses it takes time to arrive.
    fn lasting(value: T, life: Duration) -> Lease<T> {
        let early = life.mul_f32(0.9).max(life.saturating_sub(Duration::from_secs(30)));
        Lease { value, good_until: Instant::now().checked_add(early) }
    }

    /// The same, with its end by the clock that says that it is `now`, whatever ours says. Clocks
    /// tell whole seconds: it may be almost one later.
    pub(crate) fn until(value: T, end: Timestamp, now: Timestamp) -> Lease<T> {
        let life = Duration::try_from(end.duration_since(now)).unwrap_or_default();
        Lease::lasting(value, life.saturating_sub(Duration::from_secs(1)))
    }

    /// Whether it may still be used.
    pub(crate) fn is_good(&self) -> bool {
        self.good_until.is_none_or(|until| Instant::now() < until)
    }
}

/// The whole `Authorization` of a token that somebody else keeps fresh.
pub(crate) fn given(token: &Secret) -> Lease<Secret> {
    Lease { value: bearer(token.reveal()), good_until: None }
}

/// The whole `Authorization` of the token in the answer of a token server; `None` when there is none.
pub(crate) fn parse(bytes: &[u8]) -> Option<Lease<Secret>> {
    let given: Given = serde_json::from_slice(bytes).ok()?;
    let filled = |it: &String| !it.is_empty();
    let token = given.token.filter(filled).or(given.access_token.filter(filled))?;
    let said = given.expires_in.and_then(|it| u64::try_from(it).ok()).filter(|it| *it > 0);
    Some(Lease::lasting(bearer(&token), said.map_or(LIFE, Duration::from_secs)))
}

/// The address of the token server that `registry` names. One without encryption gets nothing from
/// us where the registry itself has it.
pub(crate) fn realm(text: &str, registry: &Url) -> Result<Url, SourceError> {
    let realm = Url::parse(text)?;
    if registry.secure() && !realm.secure() {
        let text = format!("{registry} names a token server without encryption, {realm}");
        return Err(SourceError::Malformed(text));
    }
    Ok(realm)
}

/// The request for a token for `scope`. Identity tokens are exchanged by OAuth 2.
pub(crate) fn request(
    realm: Url,
    service: Option<&str>,
    scope: &str,
    credential: Option<&Credential>,
) -> Request {
    if let Some(Credential::Identity(token)) = credential {
        let fields = [
            ("grant_type", "refresh_token"),
            ("service", service.unwrap_or_default()),
            ("client_id", "plimsoll"),
            ("scope", scope),
            ("refresh_token", token.reveal()),
        ];
        let pairs: Vec<_> = fields.iter().map(|(k, v)| format!("{k}={}", net::encode(v))).collect();
        let form = "application/x-www-form-urlencoded";
        return Request::new(Method::Post, realm).body(form, pairs.join("&"));
    }
    let realm = service.map_or(realm.clone(), |it| realm.with_query("service", it));
    let authorization = match credential {
        Some(Credential::Basic { user, password }) => Some(basic(user, password)),
        _ => None,
    };
    Request::get(realm.with_query("scope", scope)).authorization(authorization)
}

/// The `Authorization` of a user and password (RFC 7617, 2).
pub(crate) fn basic(user: &str, password: &Secret) -> Secret {
    let pair = format!("{user}:{}", password.reveal());
    Secret::new(format!("Basic {}", BASE64_STANDARD.encode(pair)))
}

fn bearer(token: &str) -> Secret {
    Secret::new(format!("Bearer {token}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_servers_are_as_safe_as_their_registry() {
        let check = |text: &str, registry: &str, ok: bool| {
            let registry = Url::parse(registry).unwrap();
            assert_eq!(realm(text, &registry).is_ok(), ok, "{text} {registry}");
        };
        check("https://auth.example/token", "https://a.example", true);
        check("http://auth.example/token", "https://a.example", false);
        check("http://auth.example/token", "http://a.example", true);
        check("https://auth.example/token", "http://a.example", true);
        check("/token", "https://a.example", false);
        check("file:///etc/passwd", "http://a.example", false);
    }

    #[test]
    fn leases_end_by_the_clock_of_who_gave_them() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        assert!(Lease::until((), at(3600), at(0)).is_good());
        assert!(!Lease::until((), at(0), at(0)).is_good());
        assert!(!Lease::until((), at(0), at(3600)).is_good());
        assert!(Lease::until((), Timestamp::MAX, Timestamp::MIN).is_good());
    }

    #[test]
    fn tokens_are_understood() {
        let check = |text: &str, header: Option<&str>| {
            let token = parse(text.as_bytes()).filter(Lease::is_good);
            assert_eq!(token.as_ref().map(|it| it.value.reveal()), header, "{text}");
        };
        check(r#"{"token":"a"}"#, Some("Bearer a"));
        check(r#"{"access_token":"a","expires_in":300}"#, Some("Bearer a"));
        check(r#"{"token":"","access_token":"a","expires_in":-1}"#, Some("Bearer a"));
        check(r#"{"token":"a","expires_in":9223372036854775807}"#, Some("Bearer a"));
        check(r#"{"token":null}"#, None);
        check("{}", None);
        check("<html>", None);
    }
}
