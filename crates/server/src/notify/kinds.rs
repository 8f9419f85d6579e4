//! The kinds of channels: what each wants to be sent, and how it says that it took it.
use super::Message;
use base64::{Engine, prelude::BASE64_STANDARD};
use net::{Method, Request, Secret, Url};
use ring::hmac::{HMAC_SHA256, Key, sign};
use serde_json::{Value, json};

/// A kind of channel.
pub(crate) struct Kind {
    /// As it is stored.
    pub(crate) name: &'static str,
    /// Whether a second secret signs what is sent, or lets us in: needed, possible or not.
    pub(crate) signs: Signs,
    /// How it is told.
    pub(crate) how: How,
}

/// How a channel is told.
pub(crate) enum How {
    /// By a request over HTTP.
    Web {
        /// What is sent.
        request: fn(&Target<'_>) -> Result<Request, String>,
        /// Whether an answer of status 200 to 299 means that it was taken.
        took: fn(&[u8]) -> Result<(), String>,
    },
    /// By a letter.
    Mail,
}

/// Whether what is sent is signed.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Signs {
    Always,
    Perhaps,
    Never,
}

/// What is sent where.
pub(crate) struct Target<'a> {
    pub(crate) url: Url,
    pub(crate) secret: Option<&'a Secret>,
    pub(crate) message: &'a Message,
    /// The delivery: the same one when it is tried again.
    pub(crate) id: i64,
    /// Milliseconds since 1970.
    pub(crate) now: i64,
}

/// All kinds.
pub(crate) const KINDS: &[Kind] = &[
    Kind { name: "dingtalk", signs: Signs::Perhaps, how: web(dingtalk, errcode) },
    Kind { name: "email", signs: Signs::Perhaps, how: How::Mail },
    Kind { name: "feishu", signs: Signs::Perhaps, how: web(feishu, code) },
    Kind { name: "slack", signs: Signs::Never, how: web(slack, |_| Ok(())) },
    Kind { name: "webhook", signs: Signs::Always, how: web(webhook, |_| Ok(())) },
    Kind { name: "wecom", signs: Signs::Never, how: web(wecom, errcode) },
];

const fn web(
    request: fn(&Target<'_>) -> Result<Request, String>,
    took: fn(&[u8]) -> Result<(), String>,
) -> How {
    How::Web { request, took }
}

/// What secrets of webhooks begin with.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_";

/// The longest text: the least that any of the kinds takes (WeCom: 4096 bytes).
const LONGEST: usize = 4000;

/// Standard Webhooks 1.0: signed are the id, the time and the content, so that nobody can send it again later
/// or change it.
fn webhook(it: &Target<'_>) -> Result<Request, String> {
    let content = json!({
        "type": it.message.event,
        "timestamp": it.message.time(),
        "data": {"title": it.message.title, "text": it.message.text, "details": it.message.data},
    })
    .to_string();
    let (id, time) = (format!("msg_{}", it.id), it.now.checked_div(1000).unwrap_or_default());
    let secret = it.secret.map(Secret::reveal).and_then(|it| it.strip_prefix(WEBHOOK_SECRET));
    let key = secret.and_then(|it| BASE64_STANDARD.decode(it).ok());
    let key = key.ok_or("the secret is not whsec_ and base64")?;
    let signature = hmac(&key, format!("{id}.{time}.{content}").as_bytes());
    Ok(Request::new(Method::Post, it.url.clone())
        .header("webhook-id", id)
        .header("webhook-timestamp", time.to_string())
        .header("webhook-signature", format!("v1,{signature}"))
        .body("application/json", content))
}

/// Slack, "Sending messages using incoming webhooks". Its control characters are escaped, so that nobody is called who
/// is only named.
fn slack(it: &Target<'_>) -> Result<Request, String> {
    let escape = |it: &str| it.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let text = format!("*{}*\n{}", escape(&it.message.title), escape(&it.message.text));
    Ok(post(it.url.clone(), &json!({"text": cut(&text)})))
}

/// DingTalk, "Custom robot access" and its "Security settings": time and signature stand in the address.
fn dingtalk(it: &Target<'_>) -> Result<Request, String> {
    let mut url = it.url.clone();
    if let Some(secret) = it.secret.map(Secret::reveal) {
        let signature = hmac(secret.as_bytes(), format!("{}\n{secret}", it.now).as_bytes());
        url = url.with_query("timestamp", &it.now.to_string()).with_query("sign", &signature);
    }
    let (title, text) = (plain(&it.message.title), plain(&it.message.text));
    let text = cut(&format!("### {title}\n\n{}", text.replace('\n', "\n\n")));
    Ok(post(url, &json!({"msgtype": "markdown", "markdown": {"title": title, "text": text}})))
}

/// Feishu, "Custom bot usage guide": the secret is part of the key, and nothing is what is signed.
fn feishu(it: &Target<'_>) -> Result<Request, String> {
    let text = cut(&plain(&format!("{}\n{}", it.message.title, it.message.text)));
    let mut content = json!({"msg_type": "text", "content": {"text": text}});
    if let (Some(secret), Some(content)) = (it.secret.map(Secret::reveal), content.as_object_mut())
    {
        let time = it.now.checked_div(1000).unwrap_or_default().to_string();
        let signature = hmac(format!("{time}\n{secret}").as_bytes(), b"");
        content.insert("timestamp".to_owned(), time.into());
        content.insert("sign".to_owned(), signature.into());
    }
    Ok(post(it.url.clone(), &content))
}

/// WeCom, "Group robot configuration".
fn wecom(it: &Target<'_>) -> Result<Request, String> {
    let text = cut(&format!("**{}**\n{}", plain(&it.message.title), plain(&it.message.text)));
    Ok(post(it.url.clone(), &json!({"msgtype": "markdown", "markdown": {"content": text}})))
}

/// Without what these take for links, or for calls of people: titles and reasons come from outside. There is no other way
/// to write these letters.
fn plain(text: &str) -> String {
    text.replace('<', "＜").replace('[', "［")
}

fn post(url: Url, content: &Value) -> Request {
    Request::new(Method::Post, url).body("application/json", content.to_string())
}

fn hmac(key: &[u8], text: &[u8]) -> String {
    BASE64_STANDARD.encode(sign(&Key::new(HMAC_SHA256, key), text))
}

/// They answer 200 whatever happens; what happened stands within.
fn errcode(answer: &[u8]) -> Result<(), String> {
    within(answer, "errcode", "errmsg")
}

fn code(answer: &[u8]) -> Result<(), String> {
    within(answer, "code", "msg")
}

fn within(answer: &[u8], code: &str, text: &str) -> Result<(), String> {
    let answer: Value = serde_json::from_slice(answer).map_err(|_| "the answer is not JSON")?;
    match answer.get(code).and_then(Value::as_i64) {
        Some(0) => Ok(()),
        Some(it) => {
            let text = answer.get(text).and_then(Value::as_str).unwrap_or_default();
            let text: String = text.chars().filter(|it| !it.is_control()).take(200).collect();
            Err(format!("refused with {it}: {text}"))
        }
        None => Err(format!("the answer has no {code}")),
    }
}

/// No more bytes than allowed, and a sign of it.
fn cut(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(LONGEST.saturating_sub(10));
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_documents() {
        // The example of Standard Webhooks' own libraries.
        let key = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let text = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        assert_eq!(hmac(&key, text.as_bytes()), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn an_answer_of_200_need_not_be_a_yes() {
        assert_eq!(errcode(br#"{"errcode": 0, "errmsg": "ok"}"#), Ok(()));
        let refused = errcode(br#"{"errcode": 310000, "errmsg": "sign not match"}"#).unwrap_err();
        assert_eq!(refused, "refused with 310000: sign not match");
        assert!(
            errcode(b"ok").is_err()
                && errcode(b"{}").is_err()
                && code(br#"{"code": 19021}"#).is_err()
        );
        assert_eq!(code(br#"{"code": 0}"#), Ok(()));
    }

    #[test]
    fn long_texts_are_cut_between_letters() {
        let text = cut(&"漏".repeat(3000));
        assert!(text.len() <= LONGEST && text.ends_with("漏…"), "{}", text.len());
    }
}
