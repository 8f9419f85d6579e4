//! Addresses of resources, `http` and `https` only (RFC 3986, as far as HTTP servers need it).
use crate::Error;
use std::fmt;

/// An absolute address. Shown without its query, which may carry a signature or a token.
#[derive(Clone, Eq, PartialEq)]
pub struct Url {
    secure: bool,
    host: String,
    port: u16,
    target: String,
}

impl Url {
    /// Parses `http[s]://host[:port][/path][?query]`. Addresses with a user name are refused: a
    /// server could slip credentials of its choice into a redirect.
    pub fn parse(text: &str) -> Result<Url, Error> {
        let bad = |why: &str| Err(Error::Url(format!("{why} in `{}`", shown(text))));
        if !text.bytes().all(|it| it.is_ascii_graphic()) {
            return bad("a space, control or foreign character");
        }
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return bad("no http:// or https://"),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end).unwrap_or_default();
        let target = target.split('#').next().unwrap_or_default();
        let slash = if target.starts_with('/') { "" } else { "/" };
        match split_authority(authority, if secure { 443 } else { 80 }) {
            Some((host, port)) => {
                Ok(Url { secure, host, port, target: format!("{slash}{target}") })
            }
            None => bad("a malformed host"),
        }
    }

    /// The address that `location`, absolute or relative, means when found here (RFC 9110, 10.2.2).
    pub fn join(&self, location: &str) -> Result<Url, Error> {
        let path = self.target.split('?').next().unwrap_or_default();
        let origin = self.origin();
        if location.contains("://") && !location.starts_with('/') {
            Url::parse(location)
        } else if location.starts_with("//") {
            Url::parse(&format!("{}:{location}", self.scheme()))
        } else if location.starts_with('/') {
            Url::parse(&format!("{origin}{location}"))
        } else if location.starts_with('?') {
            Url::parse(&format!("{origin}{path}{location}"))
        } else {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            Url::parse(&format!("{origin}{folder}/{location}"))
        }
    }

    /// The same with `name=value` added to the query, encoded.
    #[must_use]
    pub fn with_query(mut self, name: &str, value: &str) -> Url {
        self.target.push(if self.target.contains('?') { '&' } else { '?' });
        self.target.push_str(&encode(name));
        self.target.push('=');
        self.target.push_str(&encode(value));
        self
    }

    /// Whether the way there is encrypted.
    pub fn secure(&self) -> bool {
        self.secure
    }

    /// Scheme, host and port, the port only where it is not the scheme's own.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme(), self.authority())
    }

    /// `host[:port]`, the port only where it is not the scheme's own.
    pub fn authority(&self) -> String {
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }

    /// The host alone, in lower case; IPv6 addresses in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The whole address, query and all: to be sent, not to be shown.
    pub fn full(&self) -> String {
        format!("{}{}", self.origin(), self.target)
    }

    /// Whether credentials for one may be sent to the other.
    pub fn same_origin(&self, other: &Url) -> bool {
        (self.secure, &self.host, self.port) == (other.secure, &other.host, other.port)
    }

    fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

/// Splits `host[:port]`, `[v6][:port]`. `None` when it is neither.
pub(crate) fn split_authority(text: &str, default_port: u16) -> Option<(String, u16)> {
    let after_host = match text.strip_prefix('[') {
        Some(rest) => rest.find(']')?.checked_add(2)?,
        None => text.find(':').unwrap_or(text.len()),
    };
    let (host, port) = text.split_at_checked(after_host)?;
    let inner = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let ok = match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|it| it.is_ascii_alphanumeric() || b"-._".contains(&it))
        }
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => default_port,
        None => return None,
        Some(digits) if digits.bytes().all(|it| it.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) => return None,
    };
    (ok && port != 0).then(|| (host.to_ascii_lowercase(), port))
}

/// Percent-encodes everything but the unreserved characters (RFC 3986, 2.3): for one value of a
/// query or of a form.
pub fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// What may be shown of an address that could not be parsed: no query, no user, no control codes.
fn shown(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    let text = match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://***@{rest}"),
        (None, Some((_, rest))) => format!("***@{rest}"),
        _ => text.to_owned(),
    };
    text.chars().take(200).map(|it| if it.is_ascii_graphic() { it } else { '?' }).collect()
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.target.split('?').next().unwrap_or_default();
        write!(f, "{}{path}", self.origin())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_parse_once_and_strictly() {
        let check = |text: &str, full: Option<&str>| {
            assert_eq!(Url::parse(text).ok().map(|it| it.full()).as_deref(), full, "{text}");
        };
        check("https://Example.com", Some("https://example.com/"));
        check("https://example.com:443/a?b#c", Some("https://example.com/a?b"));
        check("http://example.com:8080?x", Some("http://example.com:8080/?x"));
        check("http://[::1]:5000/v2/", Some("http://[::1]:5000/v2/"));
        check("ftp://example.com/", None);
        check("example.com/", None);
        check("https://user:pass@example.com/", None);
        check("https://example.com:0/", None);
        check("https://example.com:x/", None);
        check("https://[::1/", None);
        check("https:///path", None);
        check("https://example.com/a b", None);
        check("https://example.com/\r\nX: y", None);
    }

    #[test]
    fn locations_are_joined() {
        let base = Url::parse("https://a.example/v2/x/blobs/y?z").unwrap();
        let check = |location: &str, full: &str| {
            assert_eq!(base.join(location).unwrap().full(), full, "{location}");
        };
        check("https://b.example/k?sig=1", "https://b.example/k?sig=1");
        check("//b.example/k", "https://b.example/k");
        check("/k", "https://a.example/k");
        check("/k?to=https://c.example", "https://a.example/k?to=https://c.example");
        check("?n=1", "https://a.example/v2/x/blobs/y?n=1");
        check("other", "https://a.example/v2/x/blobs/other");
    }

    #[test]
    fn queries_are_encoded_and_never_shown() {
        let url = Url::parse("https://a.example/token").unwrap();
        let url = url.with_query("service", "a b").with_query("scope", "repository:x/y:pull");
        let query = "service=a%20b&scope=repository%3Ax%2Fy%3Apull";
        assert_eq!(url.full(), format!("https://a.example/token?{query}"));
        assert_eq!(format!("{url} {url:?}"), "https://a.example/token https://a.example/token");
        let refused = Url::parse("https://u:hush@a.example/?t=hush").unwrap_err().to_string();
        assert!(!refused.contains("hush"), "{refused}");
    }
}
