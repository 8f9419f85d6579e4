//! Lists, a page at a time.
use crate::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::Cursor;

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
    pub(crate) fn place(&self) -> Result<Place, Problem> {
        place(self.cursor.as_deref(), self.limit)
    }
}

/// Where a part begins, and how long it is.
pub(crate) struct Place {
    pub(crate) cursor: Option<Cursor>,
    pub(crate) limit: usize,
}

/// Reads what was asked for.
pub(crate) fn place(cursor: Option<&str>, limit: Option<u32>) -> Result<Place, Problem> {
    let strange = || Problem::invalid("the cursor is not one that a list gave");
    let cursor = cursor.map(|it| Cursor::parse(it).ok_or_else(strange)).transpose()?;
    match limit.unwrap_or(USUAL) {
        it @ 1..=MOST => Ok(Place { cursor, limit: usize::try_from(it).unwrap_or_default() }),
        _ => Err(Problem::invalid(format!("limit has to be from 1 to {MOST}"))),
    }
}

/// The page as it is shown.
pub(crate) fn shown<T, V: From<T>>(page: store::Page<T>) -> Page<V> {
    let items = page.items.into_iter().map(V::from).collect();
    Page { items, next: page.next.map(|it| it.to_string()) }
}
