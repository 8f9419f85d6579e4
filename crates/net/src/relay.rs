//! Addresses of servers that take mail, and of people.
use crate::{Error, url::split_authority};
use std::fmt;

/// A server that takes mail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Relay {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
}

/// How the way there is encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Security {
    Tls,
    StartTls,
    Plain,
}

/// The schemes of addresses of servers that take mail, with the port that is meant when none is named.
const SCHEMES: [(&str, Security, u16); 3] = [
    ("smtps", Security::Tls, 465),
    ("smtp", Security::StartTls, 587),
    ("smtp+plain", Security::Plain, 25),
];

impl Relay {
    /// Parses `smtps://host[:465]` (encrypted from the start), `smtp://host[:587]` (by STARTTLS, or not at all) or
    /// `smtp+plain://host[:25]` (not encrypted).
    pub fn parse(text: &str) -> Result<Relay, Error> {
        let bad = || {
            let text = "a mail server is smtps://host[:port], smtp://host[:port] (STARTTLS) or smtp+plain://host[:port]";
            Error::Url(text.to_owned())
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
        let known = SCHEMES.iter().find(|it| it.0 == scheme.to_ascii_lowercase());
        let (_, security, port) = known.ok_or_else(bad)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = split_authority(rest, *port).ok_or_else(bad)?;
        Ok(Relay { host, port, security: *security })
    }

    /// Whether nothing is sent that is not encrypted.
    pub fn secure(&self) -> bool {
        self.security != Security::Plain
    }

    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = SCHEMES.iter().find(|it| it.1 == self.security).map_or("", |it| it.0);
        write!(f, "{scheme}://{}", self.authority())
    }
}

/// Whether this is an address that mail can be sent to: `local@domain`, in ASCII, nothing quoted (RFC 5321, 4.1.2).
pub fn is_mailbox(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let part = |it: &str, more: &[u8]| {
        !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || more.contains(&it))
    };
    local.len() <= 64
        && domain.len() <= 255
        && local.split('.').all(|it| part(it, b"!#$%&'*+-/=?^_`{|}~"))
        && domain.split('.').all(|it| part(it, b"-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_mail_servers_say_how_the_way_is_encrypted() {
        let check = |text: &str, shown: Option<&str>, secure: bool| {
            let it = Relay::parse(text).ok();
            assert_eq!(it.as_ref().map(ToString::to_string).as_deref(), shown, "{text}");
            assert_eq!(it.is_some_and(|it| it.secure()), secure, "{text}");
        };
        check("smtps://Mail.example", Some("smtps://mail.example:465"), true);
        check("smtp://mail.example/", Some("smtp://mail.example:587"), true);
        check("smtp+plain://[::1]:2525", Some("smtp+plain://[::1]:2525"), false);
        check("https://mail.example", None, false);
        check("mail.example:25", None, false);
        check("smtp://user:password@mail.example", None, false);
        check("smtp://mail.example/path", None, false);
        check("smtp://mail.example\r\nQUIT", None, false);
    }

    #[test]
    fn addresses_of_people_hold_nothing_but_an_address() {
        let check = |text: &str, is: bool| assert_eq!(is_mailbox(text), is, "{text}");
        for it in ["a@b", "jane.doe+images@mail.example.com", "o'hara@x-y.example"] {
            check(it, true);
        }
        let long = format!("{}@b", "x".repeat(65));
        #[rustfmt::skip]
        let bad = [
            "", "a", "@b", "a@", "a b@c", "a@b@c", "a@b>", "<a@b>", "a@b\r\nDATA", "a..b@c", ".a@c", "a@b..c", "\"a b\"@c", "用户@例子", &long,
        ];
        bad.iter().for_each(|it| check(it, false));
    }
}
