//! Content addresses.
use serde::{Deserialize, Serialize};
use std::fmt;

/// The content address of a blob, `sha256:<64 hex digits>` or `sha512:<128 hex digits>`
/// (OCI image specification, descriptor.md, "Digests").
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(Box<str>);

/// How a digest is computed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Digest {
    /// Parses `algorithm:hex`. `None` for unknown algorithms, wrong lengths and upper case.
    pub fn parse(text: &str) -> Option<Digest> {
        let (algorithm, hex) = text.split_once(':')?;
        let len = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return None,
        };
        let lower = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
        (hex.len() == len && hex.bytes().all(lower)).then(|| Digest(text.into()))
    }

    /// The digest of content that hashed to `hash`, a SHA-256.
    pub fn sha256(hash: &[u8; 32]) -> Digest {
        let mut text = String::from("sha256:");
        text.extend(hash.iter().flat_map(|it| [it >> 4, it & 15]).filter_map(hex_digit));
        Digest(text.into())
    }

    /// How it was computed.
    pub fn algorithm(&self) -> Algorithm {
        if self.0.starts_with("sha512") { Algorithm::Sha512 } else { Algorithm::Sha256 }
    }

    /// The digits alone.
    pub fn hex(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, hex)| hex)
    }

    /// The whole text, `algorithm:hex`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, as people are used to see them.
    pub fn short(&self) -> &str {
        self.hex().get(..12).unwrap_or_default()
    }
}

fn hex_digit(value: u8) -> Option<char> {
    char::from_digit(u32::from(value), 16)
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Digest, String> {
        Digest::parse(&text).ok_or_else(|| format!("`{text}` is not a digest"))
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_parse_only_in_canonical_form() {
        let zeros = "0".repeat(64);
        assert!(Digest::parse(&format!("sha256:{zeros}")).is_some());
        assert!(Digest::parse(&format!("sha512:{zeros}{zeros}")).is_some());
        for bad in ["", "sha256:", "sha256:00", &zeros, &format!("md5:{zeros}")] {
            assert_eq!(Digest::parse(bad), None, "{bad}");
        }
        assert_eq!(Digest::parse(&format!("sha256:{}", "A".repeat(64))), None);
        assert_eq!(Digest::sha256(&[0; 32]).hex(), zeros);
        assert_eq!(Digest::sha256(&[0xab; 32]).short(), "abababababab");
    }
}
