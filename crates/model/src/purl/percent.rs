//! Percent-encoding, as package URLs use it (purl-spec, "Character encoding"; RFC 3986, 2.1).
use super::BadPurl;
use std::fmt;

/// Shows text encoded. A colon stays as it is.
pub(super) fn encode(text: &str) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                    write!(f, "{}", char::from(byte))?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    })
}

pub(super) fn decode(text: &str) -> Result<String, BadPurl> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        let bad = BadPurl("a percent sign has no two digits after it");
        let (digits, rest) = part.split_at_checked(2).ok_or(bad)?;
        // `from_str_radix` would take a sign.
        if !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
            return Err(bad);
        }
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| bad)?);
        bytes.extend(rest.bytes());
    }
    String::from_utf8(bytes).map_err(|_| BadPurl("it is not UTF-8"))
}
