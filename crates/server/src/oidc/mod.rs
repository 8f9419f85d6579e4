//! Logging in by an OpenID provider: the authorization code flow with PKCE (OpenID Connect Core 1.0, 3.1; RFC 7636).
pub(crate) mod jwt;

use crate::{Code, Keys, Problem, Role, seal::random};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jwt::{Expected, KeySet, Refusal};
use net::{Client, Method, Request, Secret, Url, encode};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::sync::{Mutex, PoisonError};

/// How long what a provider says about itself is believed, and how soon it is asked again for a key that is not known.
const FRESH_MS: i64 = 3_600_000;
const RENEW_MS: i64 = 10_000;

/// How long a login may take.
const LOGIN_MS: i64 = 600_000;

/// The most that a provider may answer.
const MOST: u64 = 1 << 20;

/// A provider, as the operator describes it.
#[derive(Clone, Debug)]
pub struct Oidc {
    /// What it calls itself, exactly: below it lies `/.well-known/openid-configuration`.
    pub issuer: String,
    /// What it calls us.
    pub client: String,
    /// What it knows us by; none for a public client.
    pub secret: Option<Secret>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim that names persons.
    pub name_claim: String,
    /// The claim that lists what decides on the role; a dot goes into an object.
    pub role_claim: String,
    /// Values of that claim and the role that they give. The highest counts.
    pub roles: Vec<(String, Role)>,
    /// The role of those who have none of these values; none: they may not come in.
    pub otherwise: Option<Role>,
}

/// Whom the provider let in.
#[derive(Debug, PartialEq)]
pub(crate) struct Identity {
    /// Issuer and subject: together they never mean somebody else.
    pub(crate) subject: String,
    pub(crate) name: String,
    pub(crate) role: Role,
}

/// A provider, and what it last said about itself.
pub(crate) struct Provider {
    settings: Oidc,
    net: Client,
    redirect: String,
    about: Mutex<Option<(i64, About)>>,
    keys: Mutex<Option<(i64, KeySet)>>,
}

/// OpenID Connect Discovery 1.0, 3.
#[derive(Clone, Debug, Deserialize)]
struct About {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// What has to come back with the browser; it carries this itself, sealed.
#[derive(Deserialize, Serialize)]
struct Login {
    state: String,
    nonce: String,
    verifier: String,
    target: String,
    until: i64,
}

/// What the provider sends back by the browser (RFC 6749, 4.1.2; RFC 9207).
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(crate) struct Answer {
    /// What was sent to the provider.
    state: Option<String>,
    /// What buys the tokens.
    code: Option<String>,
    /// Why there is no code.
    error: Option<String>,
    /// Who answers.
    iss: Option<String>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: Option<String>,
    token_type: Option<String>,
}

/// The place that sealed logins are bound to.
const PLACE: &str = "oidc-login";

impl Provider {
    /// `public` is what browsers call us.
    pub(crate) fn new(settings: Oidc, net: Client, public: &Url) -> Provider {
        let redirect = format!("{}/api/v1/oidc/callback", public.origin());
        Provider { settings, net, redirect, about: Mutex::default(), keys: Mutex::default() }
    }

    /// Where to send a browser that wants to log in and then go to `target`; and what it must bring back.
    pub(crate) fn begin(
        &self,
        keys: &Keys,
        target: &str,
        now: i64,
    ) -> Result<(String, String), Problem> {
        let about = self.about(now)?;
        let login = Login {
            state: random()?,
            nonce: random()?,
            verifier: random()?,
            target: local(target).to_owned(),
            until: now.saturating_add(LOGIN_MS),
        };
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, login.verifier.as_bytes()));
        let scopes: Vec<&str> =
            ["openid"].into_iter().chain(self.settings.scopes.iter().map(String::as_str)).collect();
        let url = Url::parse(&about.authorization_endpoint).map_err(|err| strange(&err))?;
        let url = url
            .with_query("response_type", "code")
            .with_query("client_id", &self.settings.client)
            .with_query("redirect_uri", &self.redirect)
            .with_query("scope", &scopes.join(" "))
            .with_query("state", &login.state)
            .with_query("nonce", &login.nonce)
            .with_query("code_challenge", &challenge)
            .with_query("code_challenge_method", "S256");
        let text = serde_json::to_vec(&login).map_err(|err| Problem::internal(err.to_string()))?;
        let sealed = keys.seal(&text, PLACE).map_err(Problem::internal)?;
        Ok((url.full(), BASE64_URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// Whom the provider let in, and where that browser wanted to go. `brought` is what [`Provider::begin`] gave it.
    pub(crate) fn finish(
        &self,
        keys: &Keys,
        brought: &str,
        answer: &Answer,
        now: i64,
    ) -> Result<(Identity, String), Problem> {
        let foreign = || refused("this login was not begun here, or long ago; begin anew");
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(brought).map_err(|_| foreign())?;
        let text = keys.open(&sealed, PLACE).map_err(|_| foreign())?;
        let login: Login = serde_json::from_slice(&text).map_err(|_| foreign())?;
        if answer.state.as_deref() != Some(&login.state) || login.until < now {
            return Err(foreign());
        }
        let about = self.about(now)?;
        // An answer of another provider must not be taken for one of this (RFC 9207).
        let required = about.authorization_response_iss_parameter_supported;
        if answer.iss.as_ref().map_or(required, |it| *it != about.issuer) {
            return Err(refused("the answer is of another provider"));
        }
        if let Some(error) = &answer.error {
            let error: String =
                error.chars().filter(|it| it.is_ascii_graphic()).take(100).collect();
            return Err(refused(format!("the provider refuses: {error}")));
        }
        let code = answer.code.as_deref().ok_or_else(foreign)?;
        let token = self.exchange(&about, code, &login.verifier)?;
        let claims = self.verify(&about, &token, &login.nonce, now)?;
        Ok((self.identity(&claims)?, login.target))
    }

    /// Buys the ID token for `code` (OpenID Connect Core 1.0, 3.1.3.1; RFC 7636, 4.5).
    fn exchange(&self, about: &About, code: &str, verifier: &str) -> Result<String, Problem> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect),
            ("code_verifier", verifier),
        ];
        let methods = about.token_endpoint_auth_methods_supported.as_deref();
        // Without a list it is this one (OpenID Connect Discovery 1.0, 3).
        let basic = methods.is_none_or(|it| it.iter().any(|it| it == "client_secret_basic"));
        let mut authorization = None;
        match &self.settings.secret {
            Some(secret) if basic => {
                // Both parts are encoded as in a form before they are joined (RFC 6749, 2.3.1).
                let pair = format!("{}:{}", encode(&self.settings.client), encode(secret.reveal()));
                authorization =
                    Some(Secret::new(format!("Basic {}", BASE64_STANDARD.encode(pair))));
            }
            Some(secret) => {
                form.push(("client_id", &self.settings.client));
                form.push(("client_secret", secret.reveal()));
            }
            None => form.push(("client_id", &self.settings.client)),
        }
        let form: Vec<String> =
            form.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let url = self.url(&about.token_endpoint)?;
        let request = Request::new(Method::Post, url)
            .header("accept", "application/json")
            .authorization(authorization)
            .hurried(true)
            .body("application/x-www-form-urlencoded", form.join("&"));
        let tokens: Tokens = self.ask(&request)?;
        match (tokens.token_type, tokens.id_token) {
            (Some(kind), Some(it)) if kind.eq_ignore_ascii_case("bearer") => Ok(it),
            _ => Err(strange(&"it gave no ID token")),
        }
    }

    fn verify(
        &self,
        about: &About,
        token: &str,
        nonce: &str,
        now: i64,
    ) -> Result<Map<String, Value>, Problem> {
        let (issuer, client) = (about.issuer.as_str(), self.settings.client.as_str());
        let seconds = now.checked_div(1000).unwrap_or_default();
        let expected = Expected { issuer, client, nonce, now: seconds };
        let outcome = match jwt::verify(token, &self.keys(about, FRESH_MS, now)?, &expected) {
            // It may have changed its keys a moment ago.
            Err(Refusal::UnknownKey) => {
                jwt::verify(token, &self.keys(about, RENEW_MS, now)?, &expected)
            }
            outcome => outcome,
        };
        outcome.map_err(|why| match why {
            Refusal::UnknownKey => {
                refused("the ID token is signed with a key that the provider has not published")
            }
            Refusal::Bad(why) => refused(why),
        })
    }

    fn identity(&self, claims: &Map<String, Value>) -> Result<Identity, Problem> {
        let text = |name: &str| claim(claims, name).and_then(Value::as_str);
        let values = match claim(claims, &self.settings.role_claim) {
            Some(Value::Array(it)) => it.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(it)) => vec![it.as_str()],
            _ => Vec::new(),
        };
        let named = self.settings.roles.iter().filter(|it| values.contains(&it.0.as_str()));
        let role = named.map(|it| it.1).max().or(self.settings.otherwise).ok_or_else(|| {
            Problem::new(
                Code::Forbidden,
                "the provider knows you, but you have no role here; ask an administrator",
            )
        })?;
        let subject = text("sub").unwrap_or_default();
        let name = text(&self.settings.name_claim).filter(|it| !it.is_empty()).unwrap_or(subject);
        let subject = format!("{} {subject}", self.settings.issuer);
        Ok(Identity { subject, name: name.to_owned(), role })
    }

    fn about(&self, now: i64) -> Result<About, Problem> {
        let mut known = self.about.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, it)) = &*known
            && now.saturating_sub(*at) < FRESH_MS
        {
            return Ok(it.clone());
        }
        let issuer = self.settings.issuer.trim_end_matches('/');
        let url = self.url(&format!("{issuer}/.well-known/openid-configuration"))?;
        let about: About = self.ask(&Request::get(url).hurried(true))?;
        // Else one provider could speak for another (OpenID Connect Discovery 1.0, 4.3).
        if about.issuer != self.settings.issuer {
            return Err(strange(&format!("it calls itself {:?}", about.issuer)));
        }
        *known = Some((now, about.clone()));
        Ok(about)
    }

    fn keys(&self, about: &About, fresh: i64, now: i64) -> Result<KeySet, Problem> {
        let mut known = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, it)) = &*known
            && now.saturating_sub(*at) < fresh
        {
            return Ok(it.clone());
        }
        let keys: KeySet = self.ask(&Request::get(self.url(&about.jwks_uri)?).hurried(true))?;
        *known = Some((now, keys.clone()));
        Ok(keys)
    }

    /// An address of the provider: encrypted, unless the operator named one that isn't.
    fn url(&self, text: &str) -> Result<Url, Problem> {
        let url = Url::parse(text).map_err(|err| strange(&err))?;
        match url.secure() || self.settings.issuer.starts_with("http://") {
            true => Ok(url),
            false => Err(strange(&format!("{url} is not encrypted"))),
        }
    }

    /// Asks once: whoever waits for it can try again sooner than we would.
    fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Problem> {
        let response = self.net.send(request).map_err(|err| strange(&err))?;
        let (status, url) = (response.status, response.url.clone());
        let body = response.bounded(MOST).map_err(|err| strange(&err))?;
        if status != 200 {
            #[derive(Deserialize)]
            struct Failure {
                error: String,
            }
            let failure = serde_json::from_slice::<Failure>(&body).map(|it| it.error);
            let word = failure.unwrap_or_default();
            return Err(strange(&format!("{url} answered {status} {word:?}")));
        }
        serde_json::from_slice(&body).map_err(|err| strange(&format!("{url}: {err}")))
    }
}

/// A claim by its name, or by the way to it through objects: `realm_access.roles`.
fn claim<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    claims.get(path).or_else(|| {
        let (first, rest) = path.split_once('.')?;
        claim(claims.get(first)?.as_object()?, rest)
    })
}

/// `target` if it is a path of this server, else the start page: a login must not end at a stranger's (RFC 9700, 4.11).
pub(crate) fn local(target: &str) -> &str {
    // `//host` and `/\host` are other hosts to browsers, which also skip control characters.
    let path = target.strip_prefix('/').filter(|it| !it.starts_with(['/', '\\']));
    let plain = target.bytes().all(|it| it.is_ascii_graphic() && it != b'\\');
    if path.is_some() && plain && target.len() <= 2000 { target } else { "/" }
}

/// The provider did not do its part: the operator has to see why, whoever logs in need not.
fn strange(why: &dyn std::fmt::Display) -> Problem {
    let detail = "the identity provider does not answer as it should; the log has more";
    let cause = Some(format!("identity provider: {why}"));
    Problem { retry_after: None, ..Problem::unavailable(detail, cause) }
}

fn refused(why: impl Into<String>) -> Problem {
    Problem::new(Code::Unauthenticated, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_ends_on_this_server() {
        for good in ["/", "/images/17?tab=layers#x", "/a//b", "/%2f%2fevil"] {
            assert_eq!(local(good), good);
        }
        let long = format!("/{}", "x".repeat(3000));
        for bad in [
            "",
            "images",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil",
            "/\t/evil.example",
            "/\r\nset-cookie: a=b",
            "javascript:alert(1)",
            " /x",
            "/é",
            &long,
            "/a\\b",
        ] {
            assert_eq!(local(bad), "/", "{bad:?}");
        }
    }
}
