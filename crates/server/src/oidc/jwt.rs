//! ID tokens: signed statements of a provider (RFC 7515, RFC 7519; OpenID Connect Core 1.0, 3.1.3.7).
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// How far clocks may be apart, in seconds.
const SKEW: i64 = 60;

/// The longest token that is looked at.
const MOST: usize = 64 << 10;

/// The public keys of a provider (RFC 7517, 5).
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
}

/// A public key, as far as we can use it; others stay empty.
#[derive(Clone, Debug, Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// Why a token is not believed.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// No key of the set has its name: the provider may have newer ones.
    UnknownKey,
    /// Anything else.
    Bad(String),
}

/// What a token has to say.
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client: &'a str,
    pub(crate) nonce: &'a str,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// The claims of `token`, if one of `keys` signed it and they are what is expected.
pub(crate) fn verify(
    token: &str,
    keys: &KeySet,
    expected: &Expected<'_>,
) -> Result<Map<String, Value>, Refusal> {
    let bad = |why: &str| Refusal::Bad(format!("the ID token {why}"));
    if token.len() > MOST {
        return Err(bad("is too long"));
    }
    let (signed, signature) = token.rsplit_once('.').ok_or_else(|| bad("is no JWS"))?;
    let (header, claims) = signed.split_once('.').ok_or_else(|| bad("is no JWS"))?;
    let decode = |it: &str| BASE64_URL_SAFE_NO_PAD.decode(it).map_err(|_| bad("is not base64url"));
    let header: Header =
        serde_json::from_slice(&decode(header)?).map_err(|_| bad("has no readable header"))?;
    if header.crit.is_some() {
        return Err(bad("has extensions that must be understood and are not"));
    }
    // The key decides what is tried: a token cannot choose `none`, nor to be checked with a public key for a secret.
    let algorithm = match header.alg.as_str() {
        "RS256" => Algorithm::Rs256,
        "ES256" => Algorithm::Es256,
        other => return Err(bad(&format!("is signed by {other:?}; RS256 and ES256 are taken"))),
    };
    check_signature(keys, &header, algorithm, signed.as_bytes(), &decode(signature)?)?;
    let claims = serde_json::from_slice(&decode(claims)?).map_err(|_| bad("has no claims"))?;
    check_claims(&claims, expected).map_err(|why| bad(&why))?;
    Ok(claims)
}

#[derive(Clone, Copy, PartialEq)]
enum Algorithm {
    Rs256,
    Es256,
}

fn check_signature(
    keys: &KeySet,
    header: &Header,
    algorithm: Algorithm,
    signed: &[u8],
    signature: &[u8],
) -> Result<(), Refusal> {
    let named = |it: &&Key| header.kid.is_none() || it.kid == header.kid;
    let fitting = keys.keys.iter().filter(named).filter(|it| it.fits(algorithm, &header.alg));
    let mut some = false;
    for key in fitting {
        some = true;
        if key.verifies(algorithm, signed, signature) {
            return Ok(());
        }
    }
    match some {
        true => Err(Refusal::Bad("the signature of the ID token is wrong".to_owned())),
        false => Err(Refusal::UnknownKey),
    }
}

impl Key {
    fn fits(&self, algorithm: Algorithm, name: &str) -> bool {
        let kind = match algorithm {
            Algorithm::Rs256 => self.kty == "RSA",
            Algorithm::Es256 => self.kty == "EC" && self.crv.as_deref() == Some("P-256"),
        };
        kind && self.purpose.as_deref().is_none_or(|it| it == "sig")
            && self.alg.as_deref().is_none_or(|it| it == name)
    }

    fn verifies(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        let part = |it: &Option<String>| BASE64_URL_SAFE_NO_PAD.decode(it.as_deref()?).ok();
        match algorithm {
            Algorithm::Rs256 => {
                let (Some(n), Some(e)) = (part(&self.n), part(&self.e)) else { return false };
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature).is_ok()
            }
            Algorithm::Es256 => {
                let (Some(x), Some(y)) = (part(&self.x), part(&self.y)) else { return false };
                // Uncompressed, each number 32 bytes long (RFC 7518, 6.2.1.2; SEC 1, 2.3.3).
                let point = [&[4][..], &x, &y].concat();
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                x.len() == 32 && key.verify(signed, signature).is_ok()
            }
        }
    }
}

fn check_claims(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), String> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err("is of another issuer".to_owned());
    }
    let audience = match claims.get("aud") {
        Some(Value::String(it)) => vec![it.as_str()],
        Some(Value::Array(it)) => it.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    // With others in the audience, it has to say that it was made for us (OpenID Connect Core 1.0, 3.1.3.7, 3 to 5).
    let party = text("azp").or(audience.first().copied().filter(|_| audience.len() == 1));
    if !audience.contains(&expected.client) || party != Some(expected.client) {
        return Err("is meant for somebody else".to_owned());
    }
    let time = |name: &str| claims.get(name).and_then(|it| it.as_i64().or(it.as_f64().map(whole)));
    let expires = time("exp").ok_or("does not say until when it holds")?;
    if expires.saturating_add(SKEW) <= expected.now {
        return Err("is too old; is this machine's clock right?".to_owned());
    }
    let issued = time("iat").ok_or("does not say when it was made")?;
    if issued > expected.now.saturating_add(SKEW)
        || time("nbf").is_some_and(|it| it > expected.now.saturating_add(SKEW))
    {
        return Err("is from the future; is this machine's clock right?".to_owned());
    }
    if text("nonce") != Some(expected.nonce) {
        return Err("answers another login".to_owned());
    }
    match text("sub") {
        Some(it) if !it.is_empty() && it.len() <= 255 => Ok(()),
        _ => Err("says not who it is about".to_owned()),
    }
}

/// Seconds with a fraction, which RFC 7519 (2, NumericDate) allows, to whole ones; nothing beyond what clocks show.
fn whole(seconds: f64) -> i64 {
    let text = format!("{:.0}", seconds.clamp(0.0, 1e15).floor());
    text.parse().unwrap_or(0)
}
