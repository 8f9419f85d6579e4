//! What became of a VEX document.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of a VEX document.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct VexImport {
    /// What the document is called in all its versions.
    pub document: String,
    /// Its version.
    pub version: String,
    /// Who says it. Nobody has verified that.
    pub author: String,
    /// What became of each thing that it says.
    pub statements: Vec<VexStatement>,
    /// The ids of the exceptions of older versions that have ended.
    pub superseded: Vec<i64>,
    /// What of it could not be understood, and so has made nothing.
    pub problems: Vec<String>,
}

/// What became of what a document says of one vulnerability in one product.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct VexStatement {
    /// The vulnerability, under one of its names.
    pub vulnerability: String,
    /// The product, as the document calls it.
    pub product: String,
    /// `not_affected`, `fixed`, `under_investigation` or `affected`.
    pub status: String,
    /// What it has made.
    pub outcome: VexOutcome,
    /// Why it has made nothing new.
    pub reason: String,
    /// The ids of its exceptions.
    pub exceptions: Vec<i64>,
}

/// What a statement has made.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VexOutcome {
    /// An exception.
    Made,
    /// Nothing new: its exception was there.
    Kept,
    /// Nothing: somebody has ended its exception.
    Ended,
    /// Nothing.
    Nothing,
}
