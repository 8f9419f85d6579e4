//! Lists, a page at a time.
use crate::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many rows a page has where nobody says, and how many it may have.
const USUAL: u32 = 50;
const MOST: u32 = 500;

/// A part of a list.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The `cursor` of the part that follows; none: there are no more.
    pub next: Option<String>,
}

/// Which part of a list.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// Where the part begins: the `next` of the one before.
    pub(crate) cursor: Option<String>,
    /// How many rows, at most 500.
    pub(crate) limit: Option<u32>,
}

impl Part {
    pub(crate) fn limit(&self) -> Result<u32, Problem> {
        limit(self.limit)
    }
}

/// How many rows are asked for.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    match asked.unwrap_or(USUAL) {
        it @ 1..=MOST => Ok(it),
        _ => Err(Problem::invalid(format!("limit has to be from 1 to {MOST}"))),
    }
}

/// The page as it is shown.
pub(crate) fn shown<T, V: From<T>>(page: store::Page<T>) -> Page<V> {
    Page { items: page.items.into_iter().map(V::from).collect(), next: page.next }
}
