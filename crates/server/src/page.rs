//! Lists, a page at a time.
use schemars::JsonSchema;
use serde::Serialize;

/// A part of a list.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The `cursor` of the part that follows; none: there are no more.
    pub next: Option<String>,
}
