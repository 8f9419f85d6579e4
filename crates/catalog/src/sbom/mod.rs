//! Bills of materials: what others found in an image, to be matched with advisories; and what we found, for others.
//!
//! A component without a package URL can't be compared with anything. It is counted in a gap, as is
//! every one that names a kind of package that we do not know.
mod collect;
mod cyclonedx;
mod spdx;
mod write;

pub use write::{Bill, cyclonedx as write_cyclonedx, spdx as write_spdx};

use collect::Collected;
use inspect::{Fault, Malformed};
use model::Inventory;
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::Value;

/// What tells the formats apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Probe {
    #[serde(default, deserialize_with = "text")]
    bom_format: Option<String>,
    #[serde(default, deserialize_with = "text")]
    spec_version: Option<String>,
    #[serde(default, deserialize_with = "text")]
    spdx_version: Option<String>,
    #[serde(rename = "@context")]
    context: Option<IgnoredAny>,
}

/// Reads a bill of materials: CycloneDX 1.2 to 1.7 or SPDX 2.2 and 2.3, in JSON.
pub fn parse(bytes: &[u8]) -> Result<Inventory, Fault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Fault::Unsupported(
            "a bill of materials that is not JSON; export it as CycloneDX or SPDX JSON".to_owned(),
        ));
    }
    let probe: Probe = json(bytes)?;
    let mut collected = Collected::default();
    match (probe.bom_format.as_deref(), probe.spdx_version.as_deref()) {
        (Some("CycloneDX"), None) => {
            let version = probe.spec_version.unwrap_or_default();
            if !matches!(version.as_str(), "1.2" | "1.3" | "1.4" | "1.5" | "1.6" | "1.7") {
                return Err(Fault::Unsupported(format!("CycloneDX `{version}`")));
            }
            cyclonedx::read(&json(bytes)?, &mut collected);
            Ok(collected.inventory("cyclonedx"))
        }
        (None, Some("SPDX-2.2" | "SPDX-2.3")) => {
            spdx::read(&json(bytes)?, &mut collected);
            Ok(collected.inventory("spdx"))
        }
        (None, Some(version)) => Err(Fault::Unsupported(format!("`{version}`"))),
        (None, None) if probe.context.is_some() => {
            Err(Fault::Unsupported("SPDX 3 and other JSON-LD; export SPDX 2.3".to_owned()))
        }
        _ => Err(Malformed::new("neither CycloneDX nor SPDX").into()),
    }
}

fn json<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|err| Malformed(err.to_string().into()).into())
}

/// Text where there should be some. Writers put `null` and numbers there too, and one such field
/// must not cost the whole bill.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(it) if !it.is_empty() => Some(it),
        Value::Number(it) => Some(it.to_string()),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
