//! An OpenID provider (OpenID Connect Core 1.0 and Discovery 1.0, RFC 6749, RFC 7636, RFC 9207) that checks all that it is
//! to check, and lies on request. Whoever asks for a login gets it: the person has clicked already.
use crate::http::{Reply, Seen, Server};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, PublicKeyComponents},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

/// A provider on a free port of this machine. Its one client is `plimsoll`.
pub struct Provider {
    server: Server,
    state: Arc<Mutex<State>>,
}

/// A key that signs.
pub enum Key {
    /// ES256.
    Ecdsa(Box<EcdsaKeyPair>),
    /// RS256.
    Rsa(Box<RsaKeyPair>),
}

/// How the provider goes about it, and what it says.
pub struct Behaviour {
    /// What the token says of the person, besides what the provider itself has to say.
    pub claims: Value,
    /// Takes the place of what the provider would say: a lie. `null` takes a claim away.
    pub lies: Value,
    /// Replaces the token altogether, from the one that would have been given.
    pub forge: Option<fn(&str, &Key) -> String>,
    /// Says no, with this error.
    pub refuse: Option<&'static str>,
    /// Takes the secret as `client_secret_basic`, else as `client_secret_post`.
    pub basic: bool,
    /// Puts its name into its answers (RFC 9207); another one for a lie.
    pub answers_as: Option<String>,
}

/// The secret of the client. It has characters that a form encodes.
pub const SECRET: &str = "p/a+s:s w%rd";

struct State {
    issuer: String,
    redirect: String,
    /// Seconds since 1970.
    now: i64,
    behaviour: Behaviour,
    /// The one that signs and its name, and those that are published.
    key: (String, Key),
    published: Vec<Value>,
    /// What was asked for, by the code that was given for it.
    codes: BTreeMap<String, BTreeMap<String, String>>,
    count: usize,
}

impl Key {
    /// A fresh key for ES256.
    pub fn ecdsa() -> Key {
        let random = SystemRandom::new();
        let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Key::Ecdsa(Box::new(EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random).unwrap()))
    }

    /// A fresh key for RS256. `None`, said aloud, where `openssl`, which makes it, is not installed; with
    /// `PLIMSOLL_TEST_ALL=1` that is a failure.
    pub fn rsa() -> Option<Key> {
        let mut command = Command::new("openssl");
        command.args([
            "genpkey",
            "-quiet",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
        ]);
        let made = command.args(["-outform", "DER"]).stderr(Stdio::null()).output();
        let Some(made) = made.ok().filter(|it| it.status.success()) else {
            assert!(std::env::var_os("PLIMSOLL_TEST_ALL").is_none(), "openssl is not installed");
            eprintln!("skipped: openssl is not installed");
            return None;
        };
        // As DER, older versions write PKCS#8 and newer ones PKCS#1.
        let key = RsaKeyPair::from_pkcs8(&made.stdout);
        let key = key.or_else(|_| RsaKeyPair::from_der(&made.stdout)).unwrap();
        Some(Key::Rsa(Box::new(key)))
    }

    /// What it is called in the header of a token.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Key::Ecdsa(_) => "ES256",
            Key::Rsa(_) => "RS256",
        }
    }

    /// A token with this header and these claims.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match self {
            Key::Ecdsa(it) => it.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
            Key::Rsa(it) => {
                let mut signature = vec![0; it.public().modulus_len()];
                it.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{signed}.{}", encode(signature))
    }

    /// Its public half, under this name (RFC 7517; RFC 7518, 6).
    fn publish(&self, name: &str) -> Value {
        match self {
            Key::Ecdsa(it) => {
                let (x, y) = it.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "kid": name, "x": encode(x), "y": encode(y)})
            }
            Key::Rsa(it) => {
                let public: PublicKeyComponents<Vec<u8>> = it.public().into();
                json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": name, "n": encode(public.n), "e": encode(public.e)})
            }
        }
    }
}

impl Default for Behaviour {
    fn default() -> Behaviour {
        Behaviour {
            claims: json!({"sub": "248289761001", "preferred_username": "jane"}),
            lies: json!({}),
            forge: None,
            refuse: None,
            basic: true,
            answers_as: None,
        }
    }
}

impl Provider {
    /// One that signs with `key`, at `now` in seconds since 1970.
    pub fn start(key: Key, now: i64) -> Provider {
        let state = State {
            issuer: String::new(),
            redirect: String::new(),
            now,
            behaviour: Behaviour::default(),
            published: vec![key.publish("first")],
            key: ("first".to_owned(), key),
            codes: BTreeMap::new(),
            count: 0,
        };
        let state = Arc::new(Mutex::new(state));
        let server = {
            let state = Arc::clone(&state);
            Server::start(move |request| state.lock().unwrap().answer(request))
        };
        state.lock().unwrap().issuer = format!("http://{}/realm", server.host());
        Provider { server, state }
    }

    /// What it calls itself.
    pub fn issuer(&self) -> String {
        self.state.lock().unwrap().issuer.clone()
    }

    /// The one address that logins may return to.
    pub fn register(&self, redirect: &str) {
        self.state.lock().unwrap().redirect = redirect.to_owned();
    }

    /// Goes about it like this from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.state.lock().unwrap().behaviour = behaviour;
    }

    /// Signs with another key, which is published if `published`; the old one no longer is.
    pub fn rotate(&self, name: &str, key: Key, published: bool) {
        let mut state = self.state.lock().unwrap();
        state.published = if published { vec![key.publish(name)] } else { Vec::new() };
        state.key = (name.to_owned(), key);
    }

    /// The server below, for what it has seen.
    pub fn server(&self) -> &Server {
        &self.server
    }
}

impl State {
    fn answer(&mut self, request: &Seen) -> Reply {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        match (request.method.as_str(), path) {
            ("GET", "/realm/.well-known/openid-configuration") => reply(200, &self.about()),
            ("GET", "/realm/keys") => reply(200, &json!({"keys": self.published})),
            ("GET", "/realm/authorize") => self.authorize(&pairs(query)),
            ("POST", "/realm/token") => self.token(request),
            _ => Reply::new(404, ""),
        }
    }

    fn about(&self) -> Value {
        let issuer = &self.issuer;
        let method =
            if self.behaviour.basic { "client_secret_basic" } else { "client_secret_post" };
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.key.1.algorithm()],
            "token_endpoint_auth_methods_supported": [method],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": self.behaviour.answers_as.is_some(),
        })
    }

    /// OpenID Connect Core 1.0, 3.1.2. Who is not our client, or wants the answer sent elsewhere, is not sent on.
    fn authorize(&mut self, asked: &BTreeMap<String, String>) -> Reply {
        let is = |name: &str, value: &str| asked.get(name).is_some_and(|it| it == value);
        if !is("client_id", "plimsoll") || !is("redirect_uri", &self.redirect) {
            return Reply::new(400, "unknown client or redirect_uri");
        }
        let state = asked.get("state").map_or(String::new(), |it| format!("&state={}", escape(it)));
        let issuer = self.behaviour.answers_as.as_ref();
        let state = state + &issuer.map_or(String::new(), |it| format!("&iss={}", escape(it)));
        let back = |what: String| {
            Reply::new(302, "").header("location", format!("{}?{what}{state}", self.redirect))
        };
        let openid = asked.get("scope").is_some_and(|it| it.split(' ').any(|it| it == "openid"));
        let challenge = asked.get("code_challenge").is_some_and(|it| it.len() == 43);
        if !is("response_type", "code") {
            return back("error=unsupported_response_type".to_owned());
        }
        if !openid || !is("code_challenge_method", "S256") || !challenge {
            return back("error=invalid_request".to_owned());
        }
        if let Some(error) = self.behaviour.refuse {
            return back(format!("error={error}"));
        }
        let code = format!("code-{}", self.count);
        let reply = back(format!("code={code}"));
        self.count += 1;
        self.codes.insert(code, asked.clone());
        reply
    }

    /// OpenID Connect Core 1.0, 3.1.3; errors as in RFC 6749, 5.2.
    fn token(&mut self, request: &Seen) -> Reply {
        let failure = |status, error| reply(status, &json!({"error": error}));
        let form = pairs(std::str::from_utf8(&request.body).unwrap_or_default());
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if request.header("content-type") != Some("application/x-www-form-urlencoded") {
            return failure(400, "invalid_request");
        }
        if !self.knows(request, &form) {
            return failure(401, "invalid_client").header("www-authenticate", "Basic");
        }
        if field("grant_type") != "authorization_code" {
            return failure(400, "unsupported_grant_type");
        }
        // A code is good for once, whatever becomes of it (RFC 6749, 4.1.2).
        let Some(asked) = self.codes.remove(field("code")) else {
            return failure(400, "invalid_grant");
        };
        let challenge = encode(Sha256::digest(field("code_verifier")));
        let verifier = (43..=128).contains(&field("code_verifier").len());
        if field("redirect_uri") != self.redirect
            || asked["code_challenge"] != challenge
            || !verifier
        {
            return failure(400, "invalid_grant");
        }
        reply(
            200,
            &json!({
                "access_token": "of no use here", "token_type": "Bearer", "expires_in": 300,
                "id_token": self.id_token(&asked),
            }),
        )
        .header("cache-control", "no-store")
    }

    /// Whether it is our client, who proves it in the one way that was announced (RFC 6749, 2.3.1).
    fn knows(&self, request: &Seen, form: &BTreeMap<String, String>) -> bool {
        if !self.behaviour.basic {
            let is = |name: &str, value: &str| form.get(name).is_some_and(|it| it == value);
            return is("client_id", "plimsoll") && is("client_secret", SECRET);
        }
        let pair = request.header("authorization").and_then(|it| it.strip_prefix("Basic "));
        let pair = pair.and_then(|it| BASE64_STANDARD.decode(it).ok()).unwrap_or_default();
        let pair = String::from_utf8(pair).unwrap_or_default();
        let parts = pair.split_once(':').map(|(name, secret)| (unescape(name), unescape(secret)));
        parts == Some(("plimsoll".to_owned(), SECRET.to_owned()))
    }

    fn id_token(&self, asked: &BTreeMap<String, String>) -> String {
        let mut claims = json!({
            "iss": self.issuer, "aud": "plimsoll", "iat": self.now, "exp": self.now + 300,
            "nonce": asked.get("nonce"),
        });
        let theirs = [&self.behaviour.claims, &self.behaviour.lies];
        for (name, value) in theirs.iter().flat_map(|it| it.as_object().unwrap()) {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, it| !it.is_null());
        let header = json!({"alg": self.key.1.algorithm(), "kid": self.key.0, "typ": "JWT"});
        let token = self.key.1.sign(&header, &claims);
        self.behaviour.forge.map_or(token.clone(), |it| it(&token, &self.key.1))
    }
}

fn reply(status: u16, body: &Value) -> Reply {
    Reply::new(status, body.to_string()).header("content-type", "application/json")
}

/// Base64url without padding, as in all of JOSE.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The pairs of a query or a form.
fn pairs(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|it| it.split_once('='));
    pairs.map(|(name, value)| (unescape(name), unescape(value))).collect()
}

fn escape(text: &str) -> String {
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~".contains(&it);
    text.bytes()
        .map(|it| if plain(it) { char::from(it).to_string() } else { format!("%{it:02X}") })
        .collect()
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap_or("00"), 16).unwrap_or(0)
            }
            byte => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
