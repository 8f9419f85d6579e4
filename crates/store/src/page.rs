//! Lists, a page at a time.
use crate::{Error, Result, Value};

/// A part of a list, and where the next part begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What to ask with for those that follow; none: there are no more.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit` rows, made of one row more than that if there are more.
    pub(crate) fn new(mut items: Vec<T>, limit: u32, key: impl Fn(&T) -> String) -> Page<T> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(key);
        Page { items, next }
    }
}

/// How many rows to ask for, so as to know whether there are more.
pub(crate) fn and_one(limit: u32) -> Value {
    i64::from(limit).saturating_add(1).into()
}

/// The identifier below which a list that begins with the newest goes on.
pub(crate) fn before(cursor: Option<&str>) -> Result<Value> {
    let id = cursor.map_or(Ok(i64::MAX), |it| it.parse());
    Ok(id.map_err(|_| Error::Cursor)?.into())
}
