//! Signatures of requests to Alibaba Cloud: ACS3-HMAC-SHA256 ("V3 request syntax and signature
//! method") and, for gateways that are older, HMAC-SHA1 ("Request syntax and signature method V2
//! for RPC APIs", `SignatureVersion=1.0`).
use crate::AccessKey;
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use net::{Secret, encode};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What is asked, when, and by whom.
pub(crate) struct Call<'a> {
    pub(crate) host: &'a str,
    pub(crate) action: &'a str,
    pub(crate) version: &'a str,
    pub(crate) parameters: &'a [(&'a str, &'a str)],
    /// `yyyy-MM-ddTHH:mm:ssZ`.
    pub(crate) date: &'a str,
    /// Never the same again.
    pub(crate) nonce: &'a str,
    pub(crate) key: &'a AccessKey,
}

/// A request that is signed: its query, and the headers that are to be sent with it.
pub(crate) struct Signed {
    pub(crate) query: String,
    pub(crate) headers: Vec<(&'static str, Secret)>,
}

/// By ACS3-HMAC-SHA256: `POST`, path `/`, no body, no `Content-Type`.
pub(crate) fn v3(call: &Call<'_>) -> Signed {
    let query = canonical(call.parameters.iter().copied());
    let empty = hex(&Sha256::digest([]));
    let plain = |it: &str| Secret::new(it);
    let mut headers = vec![
        ("host", plain(call.host)),
        ("x-acs-action", plain(call.action)),
        ("x-acs-content-sha256", plain(&empty)),
        ("x-acs-date", plain(call.date)),
    ];
    headers.extend(call.key.token.clone().map(|it| ("x-acs-security-token", it)));
    headers.push(("x-acs-signature-nonce", plain(call.nonce)));
    headers.push(("x-acs-version", plain(call.version)));
    headers.sort_by_key(|it| it.0);
    let lines = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.reveal().trim()));
    let names: Vec<_> = headers.iter().map(|it| it.0).collect();
    let names = names.join(";");
    let request = format!("POST\n/\n{query}\n{}\n{names}\n{empty}", lines.collect::<String>());
    let text = format!("ACS3-HMAC-SHA256\n{}", hex(&Sha256::digest(request)));
    let signature = hex(&mac::<Hmac<Sha256>>(call.key.secret.reveal(), &text));
    let id = &call.key.id;
    let authorization =
        format!("ACS3-HMAC-SHA256 Credential={id},SignedHeaders={names},Signature={signature}");
    headers.retain(|it| it.0 != "host");
    headers.push(("authorization", Secret::new(authorization)));
    Signed { query, headers }
}

/// By HMAC-SHA1: everything is in the query.
pub(crate) fn v1(call: &Call<'_>, method: &str, format: &str) -> Signed {
    let mut all = vec![
        ("AccessKeyId", call.key.id.as_str()),
        ("Action", call.action),
        ("Format", format),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureNonce", call.nonce),
        ("SignatureVersion", "1.0"),
        ("Timestamp", call.date),
        ("Version", call.version),
    ];
    all.extend(call.key.token.as_ref().map(|it| ("SecurityToken", it.reveal())));
    all.extend(call.parameters.iter().copied());
    let query = canonical(all.into_iter());
    let text = format!("{method}&%2F&{}", encode(&query));
    let key = format!("{}&", call.key.secret.reveal());
    let signature = BASE64_STANDARD.encode(mac::<Hmac<Sha1>>(&key, &text));
    Signed { query: format!("{query}&Signature={}", encode(&signature)), headers: Vec::new() }
}

fn canonical<'a>(parameters: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut pairs: Vec<_> = parameters.map(|(k, v)| (encode(k), encode(v))).collect();
    pairs.sort();
    let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn mac<M: Mac + KeyInit>(key: &str, text: &str) -> Vec<u8> {
    // Keys of any length are good; the error is for other codes than this.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key.as_bytes()) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, secret: &str) -> AccessKey {
        AccessKey { id: id.to_owned(), secret: Secret::new(secret), token: None }
    }

    #[test]
    fn the_published_example_of_v3() {
        let image = "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd";
        let call = Call {
            host: "ecs.cn-shanghai.aliyuncs.com",
            action: "RunInstances",
            version: "2014-05-26",
            parameters: &[("RegionId", "cn-shanghai"), ("ImageId", image)],
            date: "2023-10-26T10:22:32Z",
            nonce: "3156853299f313e23d1673dc12e1703d",
            key: &key("YourAccessKeyId", "YourAccessKeySecret"),
        };
        let signed = v3(&call);
        assert_eq!(signed.query, format!("ImageId={image}&RegionId=cn-shanghai"));
        let authorization = signed.headers.last().unwrap().1.reveal();
        let signature = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0";
        assert!(authorization.ends_with(&format!(",Signature={signature}")), "{authorization}");
    }

    #[test]
    fn the_published_example_of_v1() {
        let call = Call {
            host: "ecs.aliyuncs.com",
            action: "DescribeRegions",
            version: "2014-05-26",
            parameters: &[],
            date: "2016-02-23T12:46:24Z",
            nonce: "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
            key: &key("testid", "testsecret"),
        };
        let query = v1(&call, "GET", "XML").query;
        assert!(query.ends_with("&Signature=OLeaidS1JvxuMvnyHOwuJ%2BuX5qY%3D"), "{query}");
    }

    #[test]
    fn tokens_are_signed_along() {
        let key = AccessKey { token: Some(Secret::new("sts")), ..key("id", "secret") };
        let call = Call {
            host: "h",
            action: "A",
            version: "V",
            parameters: &[("Space", "a b*~")],
            date: "D",
            nonce: "N",
            key: &key,
        };
        let signed = v3(&call);
        assert_eq!(signed.query, "Space=a%20b%2A~");
        let names = "x-acs-date;x-acs-security-token;x-acs-signature-nonce";
        assert!(signed.headers.last().unwrap().1.reveal().contains(names));
        assert!(v1(&call, "POST", "JSON").query.contains("&SecurityToken=sts&"));
    }
}
