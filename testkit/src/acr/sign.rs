//! Whether a request is signed, by whom, and when: "V3 request syntax and signature method", and
//! "Request syntax and signature method V2 for RPC APIs" for `SignatureVersion=1.0`.
use super::{Key, State, api::fault};
use crate::{
    http::{Reply, Seen},
    shelf::query,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// How far the clocks may be apart.
const SKEW_SECONDS: i64 = 15 * 60;

/// What a request claims, whatever its form.
struct Claim {
    id: String,
    action: String,
    version: String,
    date: String,
    nonce: String,
    token: Option<String>,
    signature: String,
}

impl State {
    /// The key that signed a request, and the action that it asks for.
    pub(super) fn signer(&mut self, request: &Seen) -> Result<(Key, String), Reply> {
        let v3 = request.header("authorization").is_some_and(|it| it.starts_with("ACS3-"));
        let claim = match v3 && !self.old {
            true => claim_v3(request)?,
            false => claim_v1(request)?,
        };
        let unknown =
            || fault(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.");
        let key = self.keys.iter().find(|it| it.id == claim.id).cloned().ok_or_else(unknown)?;
        let date = claim.date.parse::<Timestamp>();
        let date = date.map_err(|_| {
            fault(400, "InvalidTimeStamp.Format", "Specified time stamp is malformed.")
        })?;
        if (date.as_second() - self.now().as_second()).abs() > SKEW_SECONDS {
            return Err(fault(
                400,
                "InvalidTimeStamp.Expired",
                "Specified time stamp or date value is expired.",
            ));
        }
        let (expected, text) = match v3 && !self.old {
            true => expected_v3(request, &key.secret)?,
            false => expected_v1(request, &key.secret),
        };
        if expected != claim.signature {
            let text = format!(
                "Specified signature is not matched with our calculation. server string to sign is:{text}"
            );
            return Err(fault(400, "SignatureDoesNotMatch", &text));
        }
        if key.token != claim.token {
            return Err(fault(
                403,
                "InvalidSecurityToken.MismatchWithAccessKey",
                "Specified SecurityToken mismatch with the AccessKey.",
            ));
        }
        if !self.nonces.insert(claim.nonce) {
            return Err(fault(
                400,
                "SignatureNonceUsed",
                "Specified signature nonce was used already.",
            ));
        }
        if claim.version != "2018-12-01" {
            return Err(fault(404, "InvalidVersion", "Specified parameter Version is not valid."));
        }
        Ok((key, claim.action))
    }
}

fn missing(name: &str) -> Reply {
    fault(400, &format!("Missing{name}"), &format!("{name} is mandatory for this action."))
}

fn claim_v3(request: &Seen) -> Result<Claim, Reply> {
    let header = |name: &str| request.header(name).map(str::to_owned);
    let need = |name: &str| header(name).ok_or_else(|| missing(name));
    let authorization = need("authorization")?;
    Ok(Claim {
        id: part(&authorization, "Credential=").ok_or_else(|| missing("AccessKeyId"))?,
        signature: part(&authorization, "Signature=").ok_or_else(|| missing("Signature"))?,
        action: need("x-acs-action")?,
        version: need("x-acs-version")?,
        date: need("x-acs-date")?,
        nonce: need("x-acs-signature-nonce")?,
        token: header("x-acs-security-token"),
    })
}

/// One of the parts of `ACS3-HMAC-SHA256 Credential=...,SignedHeaders=...,Signature=...`.
fn part(authorization: &str, name: &str) -> Option<String> {
    let rest = authorization.split_once(name)?.1;
    rest.split(',').next().map(str::to_owned)
}

fn claim_v1(request: &Seen) -> Result<Claim, Reply> {
    let query = query(&request.target);
    let need = |name: &str| query.get(name).cloned().ok_or_else(|| missing(name));
    let method = need("SignatureMethod")?;
    if method != "HMAC-SHA1" || need("SignatureVersion")? != "1.0" || need("Format")? != "JSON" {
        return Err(fault(400, "InvalidParameter", "Signature method, version or format."));
    }
    Ok(Claim {
        id: need("AccessKeyId")?,
        signature: need("Signature")?,
        action: need("Action")?,
        version: need("Version")?,
        date: need("Timestamp")?,
        nonce: need("SignatureNonce")?,
        token: query.get("SecurityToken").cloned(),
    })
}

/// The right signature, and the text that it is of. All `x-acs-` headers and the host must be signed.
fn expected_v3(request: &Seen, secret: &str) -> Result<(String, String), Reply> {
    let authorization = request.header("authorization").unwrap_or_default();
    let names = part(authorization, "SignedHeaders=").unwrap_or_default();
    let signed: Vec<&str> = names.split(';').collect();
    let must = |name: &str| name == "host" || name == "content-type" || name.starts_with("x-acs-");
    let all = request.headers.iter().filter(|it| must(&it.0));
    if !all.clone().all(|it| signed.contains(&it.0.as_str())) || !signed.is_sorted() {
        return Err(fault(
            400,
            "SignatureDoesNotMatch",
            "a header is not signed, or they are not sorted",
        ));
    }
    let hash = hex(&Sha256::digest(&request.body));
    if request.header("x-acs-content-sha256") != Some(&hash) {
        return Err(fault(
            400,
            "SignatureDoesNotMatch",
            "x-acs-content-sha256 is not that of the body",
        ));
    }
    let lines =
        signed.iter().map(|it| format!("{it}:{}\n", request.header(it).unwrap_or_default().trim()));
    let lines: String = lines.collect();
    let pairs = query(&request.target);
    let pairs: Vec<_> = pairs.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect();
    let path = request.target.split('?').next().unwrap_or_default();
    let (method, query) = (&request.method, pairs.join("&"));
    let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{hash}");
    let text = format!("ACS3-HMAC-SHA256\n{}", hex(&Sha256::digest(canonical)));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    Ok((hex(&mac.finalize().into_bytes()), text))
}

fn expected_v1(request: &Seen, secret: &str) -> (String, String) {
    let mut pairs = query(&request.target);
    pairs.remove("Signature");
    let pairs: Vec<_> = pairs.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect();
    let text = format!("{}&{}&{}", request.method, encode("/"), encode(&pairs.join("&")));
    let mut mac = Hmac::<Sha1>::new_from_slice(format!("{secret}&").as_bytes()).unwrap();
    mac.update(text.as_bytes());
    (BASE64_STANDARD.encode(mac.finalize().into_bytes()), text)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

/// RFC 3986, unreserved characters only.
fn encode(text: &str) -> String {
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~".contains(&it);
    text.bytes()
        .map(|it| if plain(it) { char::from(it).to_string() } else { format!("%{it:02X}") })
        .collect()
}
