//! A message as a letter (RFC 5322): plain text in UTF-8, in a form that any server passes on as it is.
use super::Message;
use crate::views::Mail;
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::{Timestamp, fmt::rfc2822, tz::TimeZone};
use net::{Client, Letter, Relay, Secret};

/// The longest subject, in letters.
const SUBJECT: usize = 200;

/// The most bytes in an encoded word: it has 75 letters at most, twelve of which are not content (RFC 2047, 2).
const WORD: usize = 45;

/// Hands a message to the server at `url`, and says who is not to get it.
pub(super) fn send(
    way: &Client,
    url: &str,
    mail: &Mail,
    password: Option<&Secret>,
    message: &Message,
    id: i64,
) -> Result<String, String> {
    let relay = Relay::parse(url).map_err(|err| err.to_string())?;
    let login = mail.user.as_deref().zip(password);
    let content = content(mail, message, id)?;
    let letter = Letter { from: &mail.from, to: &mail.to, content: &content };
    let refused = way.mail(&relay, login, &letter).map_err(|err| err.to_string())?;
    Ok(match refused.is_empty() {
        true => String::new(),
        false => format!("not everybody gets it: {}", refused.join("; ")),
    })
}

/// The same letter each time that a delivery is tried, so that a repeated one can be recognised by its id.
fn content(mail: &Mail, message: &Message, id: i64) -> Result<String, String> {
    let at = Timestamp::from_millisecond(message.at).map_err(|err| err.to_string())?;
    let date = rfc2822::to_string(&at.to_zoned(TimeZone::UTC)).map_err(|err| err.to_string())?;
    let domain = mail.from.rsplit_once('@').map_or("", |it| it.1);
    let head = [
        ("From", format!("Plimsoll <{}>", mail.from)),
        ("To", mail.to.join(",\r\n ")),
        ("Subject", subject(&message.title)),
        ("Date", date),
        ("Message-ID", format!("<plimsoll.{id}.{}@{domain}>", message.at)),
        ("MIME-Version", "1.0".to_owned()),
        ("Content-Type", "text/plain; charset=utf-8".to_owned()),
        ("Content-Transfer-Encoding", "base64".to_owned()),
        // Nobody's holiday is to answer (RFC 3834, 5).
        ("Auto-Submitted", "auto-generated".to_owned()),
    ];
    let mut letter: String = head.iter().map(|(name, it)| format!("{name}: {it}\r\n")).collect();
    letter += "\r\n";
    let text = format!("{}\n", message.text.trim_end()).replace('\n', "\r\n");
    // 57 bytes make a line of 76 letters (RFC 2045, 6.8).
    for line in text.as_bytes().chunks(57) {
        letter += &BASE64_STANDARD.encode(line);
        letter += "\r\n";
    }
    Ok(letter)
}

/// A title as the value of a header: on one line, and in encoded words where it has to be (RFC 2047).
fn subject(title: &str) -> String {
    let clean = |it: char| if it.is_control() { ' ' } else { it };
    let title: String = title.chars().take(SUBJECT).map(clean).collect();
    if title.is_ascii() && !title.contains("=?") {
        return title;
    }
    let mut words = Vec::new();
    let mut rest = title.as_str();
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(WORD));
        words.push(format!("=?utf-8?B?{}?=", BASE64_STANDARD.encode(word)));
        rest = after;
    }
    words.join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_subject_is_one_header_whatever_stands_in_it() {
        let check =
            |title: &str, subject: &str| assert_eq!(super::subject(title), subject, "{title}");
        check("CVE-2026-1 affects 2 images", "CVE-2026-1 affects 2 images");
        check("x\r\nBcc: evil@there.example", "x  Bcc: evil@there.example");
        check("=?utf-8?B?eA==?=", "=?utf-8?B?PT91dGYtOD9CP2VBPT0/PQ==?=");
        check("新漏洞", "=?utf-8?B?5paw5ryP5rSe?=");
        let long = super::subject(&"漏".repeat(300));
        assert!(long.split("\r\n ").all(|it| it.len() <= 75), "{long}");
        let decoded: Vec<u8> = long
            .split("\r\n ")
            .flat_map(|it| {
                BASE64_STANDARD
                    .decode(it.strip_prefix("=?utf-8?B?").unwrap().strip_suffix("?=").unwrap())
                    .unwrap()
            })
            .collect();
        assert_eq!(String::from_utf8(decoded).unwrap(), "漏".repeat(SUBJECT));
    }

    #[test]
    fn a_delivery_is_the_same_letter_each_time() {
        let to = vec!["jane@there.example".to_owned(), "joe@there.example".to_owned()];
        let mail = Mail { from: "plimsoll@here.example".to_owned(), to, user: None };
        let message = Message {
            event: "test".to_owned(),
            at: 1_700_000_000_000,
            title: "x".to_owned(),
            text: "first\n.\n漏".to_owned(),
            data: json!({}),
        };
        let letter = content(&mail, &message, 7).unwrap();
        assert_eq!(
            letter,
            "From: Plimsoll <plimsoll@here.example>\r\nTo: jane@there.example,\r\n joe@there.example\r\n\
             Subject: x\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n\
             Message-ID: <plimsoll.7.1700000000000@here.example>\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\
             Auto-Submitted: auto-generated\r\n\r\nZmlyc3QNCi4NCua8jw0K\r\n"
        );
    }
}
