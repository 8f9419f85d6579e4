//! Which format a VEX document is in, and what all formats have in common.
use super::{Said, Vex, csaf, cyclonedx, openvex};
use crate::Malformed;
use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

/// How many bad statements are told apart.
const TOLD: usize = 5;

/// What tells the formats apart.
#[derive(Deserialize)]
struct Probe {
    #[serde(rename = "@context")]
    context: Option<Value>,
    #[serde(rename = "bomFormat")]
    bom: Option<IgnoredAny>,
    document: Option<IgnoredAny>,
}

/// Reads a document: OpenVEX, CSAF or CycloneDX, in JSON. A statement that makes no sense does not spoil the others.
pub fn parse(bytes: &[u8]) -> Result<Vex, Malformed> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let probe: Probe = serde_json::from_slice(bytes)?;
    let context = probe.context.as_ref().and_then(Value::as_str).unwrap_or_default();
    if context.starts_with("https://openvex.dev/ns") {
        return openvex::read(bytes);
    }
    if probe.bom.is_some() {
        return cyclonedx::read(bytes);
    }
    if probe.document.is_some() {
        return csaf::read(bytes);
    }
    Err(Malformed("neither OpenVEX nor CSAF nor CycloneDX".into()))
}

impl Vex {
    /// Takes statements in, and what is wrong with the others.
    pub(super) fn take(&mut self, all: impl Iterator<Item = Result<Said, String>>, what: &str) {
        let mut bad = 0_usize;
        for (i, it) in all.enumerate() {
            match it {
                Ok(it) => self.statements.push(it),
                Err(why) => {
                    bad = bad.saturating_add(1);
                    if bad <= TOLD {
                        self.problems.push(format!("{what} {}: {why}", i.saturating_add(1)));
                    }
                }
            }
        }
        if bad > TOLD {
            self.problems.push(format!("{bad} {what}s in all could not be understood"));
        }
    }
}

pub(super) fn time(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}

/// A number or a text, as text.
pub(super) fn version(it: Option<Value>) -> String {
    match it {
        Some(Value::String(it)) => it,
        Some(Value::Number(it)) => it.to_string(),
        _ => String::new(),
    }
}
