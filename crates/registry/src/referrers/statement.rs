//! Takes documents out of the statements that attest them: in-toto attestations
//! (in-toto attestation framework, spec/v1/statement.md and v0.1), bare, in a DSSE envelope
//! (secure-systems-lab/dsse, envelope.md) or in a sigstore bundle. Signatures are not verified.
use super::Kind;
use crate::{SourceError, manifest};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE},
};
use model::Digest;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outer<'a> {
    #[serde(borrow)]
    dsse_envelope: Option<&'a RawValue>,
    payload: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement<'a> {
    predicate_type: String,
    subject: Option<Vec<Subject>>,
    #[serde(borrow)]
    predicate: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Subject {
    digest: Option<BTreeMap<String, String>>,
}

/// Older versions of cosign put what they attest into this.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Wrapped<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(rename = "Timestamp")]
    _timestamp: Option<String>,
}

/// What a statement of this type holds, if we have a use for it.
pub(crate) fn kind(predicate: &str) -> Option<Kind> {
    let is = |it: &str| {
        let rest = predicate.strip_prefix(it);
        rest.is_some_and(|it| it.is_empty() || it.starts_with('/'))
    };
    if is("https://spdx.dev/Document") || is("https://cyclonedx.org/bom") {
        return Some(Kind::Sbom);
    }
    is("https://openvex.dev/ns").then_some(Kind::Vex)
}

/// The document in a statement, its kind and type. `None` when it is of a kind that we have no use
/// for; an error when it is not about one of `subjects`.
pub(crate) fn read(
    bytes: &[u8],
    subjects: &[&Digest],
) -> Result<Option<(Kind, String, Vec<u8>)>, SourceError> {
    let payload = payload(bytes, true)?;
    let bytes = payload.as_deref().unwrap_or(bytes);
    let statement: Statement<'_> = manifest::json("attestation", bytes)?;
    let Some(kind) = kind(&statement.predicate_type) else { return Ok(None) };
    if !statement.is_about(subjects) {
        return Err(SourceError::Malformed("an attestation of something else".to_owned()));
    }
    let missing = || SourceError::Malformed("an attestation of nothing".to_owned());
    let document = statement.predicate.ok_or_else(missing)?.get();
    let document = match serde_json::from_str::<Wrapped<'_>>(document) {
        Ok(it) => it.data.get(),
        Err(_) => document,
    };
    // A document in a string is one all the same.
    let document = if document.starts_with('"') {
        manifest::json::<String>("attested document", document.as_bytes())?
    } else {
        document.to_owned()
    };
    Ok(Some((kind, statement.predicate_type, document.into_bytes())))
}

impl Statement<'_> {
    fn is_about(&self, subjects: &[&Digest]) -> bool {
        let named = self.subject.iter().flatten().flat_map(|it| it.digest.iter().flatten());
        let mut named = named.filter_map(|it| Digest::parse(&format!("{}:{}", it.0, it.1)));
        named.any(|it| subjects.contains(&&it))
    }
}

/// What an envelope holds; `None` when the bytes are no envelope.
fn payload(bytes: &[u8], outermost: bool) -> Result<Option<Vec<u8>>, SourceError> {
    let outer: Outer<'_> = manifest::json("attestation", bytes)?;
    match (outer.dsse_envelope, outer.payload) {
        (Some(envelope), None) if outermost => payload(envelope.get().as_bytes(), false),
        (None, Some(text)) => {
            let text = text.as_bytes();
            let bytes = BASE64_STANDARD.decode(text).or_else(|_| BASE64_URL_SAFE.decode(text));
            let bad =
                |_| SourceError::Malformed("an envelope whose payload is not base64".to_owned());
            bytes.map(Some).map_err(bad)
        }
        (None, None) if outermost => Ok(None),
        _ => Err(SourceError::Malformed("an envelope of envelopes, or of nothing".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest() -> Digest {
        Digest::sha256(&[1; 32])
    }

    fn statement(predicate: &str, content: &str) -> String {
        let hex = digest().hex().to_owned();
        format!(
            r#"{{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"{predicate}",
            "subject":[{{"name":"x","digest":{{"sha256":"{hex}"}}}}],"predicate":{content}}}"#
        )
    }

    fn show(bytes: &str) -> String {
        match read(bytes.as_bytes(), &[&digest()]) {
            Ok(Some((kind, _, bytes))) => format!("{kind:?} {}", String::from_utf8(bytes).unwrap()),
            Ok(None) => "-".to_owned(),
            Err(err) => err.to_string(),
        }
    }

    #[test]
    fn documents_are_taken_out() {
        let check = |bytes: &str, expected: &str| {
            let got = show(bytes);
            assert!(got.starts_with(expected), "{bytes}: {got}");
        };
        let spdx = statement("https://spdx.dev/Document/v2.3", r#"{"a": 1}"#);
        check(&spdx, "Sbom {\"a\": 1}");
        check(&statement("https://cyclonedx.org/bom", "{}"), "Sbom {}");
        check(&statement("https://openvex.dev/ns/v0.2.0", "{}"), "Vex {}");
        check(
            &statement("https://spdx.dev/Document", r#"{"Data":"{}","Timestamp":"x"}"#),
            "Sbom {}",
        );
        check(&statement("https://spdx.dev/Document", r#"{"Data":{"b":2}}"#), "Sbom {\"b\":2}");
        check(&statement("https://slsa.dev/provenance/v1", "{}"), "-");
        check(&statement("https://cyclonedx.org/bombast", "{}"), "-");
        let dsse = |text: &str| {
            let payload = BASE64_STANDARD.encode(text);
            format!(r#"{{"payloadType":"application/vnd.in-toto+json","payload":"{payload}"}}"#)
        };
        check(&dsse(&spdx), "Sbom {\"a\": 1}");
        check(&format!(r#"{{"mediaType":"x","dsseEnvelope":{}}}"#, dsse(&spdx)), "Sbom");
        check(&dsse(&dsse(&spdx)), "malformed: attestation: missing field `predicateType`");
        check(r#"{"payload":"*"}"#, "malformed: an envelope whose payload");
        check(r#"{"dsseEnvelope":{}}"#, "malformed: an envelope of envelopes");
        check("{}", "malformed: attestation: missing field");
        check("[", "malformed");
        let other = spdx.replace(digest().hex(), &"0".repeat(64));
        check(&other, "malformed: an attestation of something else");
        let nothing = spdx.replace("\"predicate\":", "\"nothing\":");
        check(&nothing, "malformed: an attestation of nothing");
    }
}
