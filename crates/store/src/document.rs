//! Documents: what no query looks into, as compressed JSON.
use crate::{Error, Result, Value};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::io::{Read, Write};

/// Packs a document.
pub(crate) fn pack(document: &impl Serialize) -> Result<Value> {
    compress(&json(document)?).map(Value::from)
}

/// Compresses bytes.
pub(crate) fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).map_err(|it| wrong(&it))
}

/// Reads what [`pack`] wrote.
pub(crate) fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(&decompress(bytes)?).map_err(|it| wrong(&it))
}

/// Reads what [`compress`] wrote.
pub(crate) fn decompress(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    ZlibDecoder::new(bytes).read_to_end(&mut out).map_err(|it| wrong(&it))?;
    Ok(out)
}

/// The document as JSON.
pub(crate) fn json(document: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(document).map_err(|it| wrong(&it))
}

/// The document as text.
pub(crate) fn text(document: &impl Serialize) -> Result<String> {
    serde_json::to_string(document).map_err(|it| wrong(&it))
}

/// Reads what [`text`] wrote.
pub(crate) fn from_text<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|it| wrong(&it))
}

/// A word of `model`, as JSON writes it, without the quotes.
pub(crate) fn word(it: &impl Serialize) -> Result<String> {
    text(it).map(|it| it.trim_matches('"').to_owned())
}

/// Reads what [`word`] wrote.
pub(crate) fn from_word<T: DeserializeOwned>(word: &str) -> Result<T> {
    from_text(&format!("\"{word}\""))
}

/// The SHA-256 of a document.
pub(crate) fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The start of it in hexadecimal, of so many bytes that nobody finds two of the same.
pub(crate) fn name(bytes: &[u8]) -> String {
    let hash = hash(bytes);
    hash.iter().take(24).map(|it| format!("{it:02x}")).collect()
}

fn wrong(err: &dyn std::fmt::Display) -> Error {
    Error::Unexpected(format!("a document: {err}"))
}
