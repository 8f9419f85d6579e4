//! What the address of a page asks for, and the addresses of its neighbours.
use crate::call::Call;

/// How many rows a page has of a list that is there as a whole.
const ROWS: usize = 50;

/// A part of such a list.
pub(crate) struct Slice<T> {
    pub(crate) items: Vec<T>,
    /// Which rows these are, counted from one, and of how many.
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) all: usize,
    /// The addresses of the parts before and after it; empty: there is none.
    pub(crate) before: String,
    pub(crate) after: String,
}

/// The query with some members instead of those of the same name, or without them where a value is empty. It begins with
/// the first page.
pub(crate) fn altered(call: &Call, changes: &[(&str, &str)]) -> String {
    let stays = |it: &&str| {
        let name = it.split('=').next().unwrap_or_default();
        !["", "cursor", "page"].contains(&name) && !changes.iter().any(|it| it.0 == name)
    };
    let mut all: Vec<String> = query(call).filter(stays).map(str::to_owned).collect();
    let new = changes.iter().filter(|it| !it.1.is_empty());
    all.extend(new.map(|(name, value)| format!("{name}={}", net::encode(value))));
    format!("?{}", all.join("&"))
}

fn query(call: &Call) -> impl Iterator<Item = &str> {
    call.uri.query().unwrap_or_default().split('&')
}

impl<T> Slice<T> {
    /// The rows of this page, counted from one.
    pub(crate) fn of(call: &Call, all: Vec<T>, page: Option<usize>) -> Slice<T> {
        let (count, page) = (all.len(), page.unwrap_or(1).max(1));
        let skipped = page.saturating_sub(1).saturating_mul(ROWS).min(count);
        let items: Vec<T> = all.into_iter().skip(skipped).take(ROWS).collect();
        let last = skipped.saturating_add(items.len());
        let to = |there: bool, page: usize| match there {
            true => altered(call, &[("page", &page.to_string())]),
            false => String::new(),
        };
        Slice {
            first: skipped.saturating_add(1).min(count),
            last,
            all: count,
            before: to(page > 1, page.saturating_sub(1)),
            after: to(last < count, page.saturating_add(1)),
            items,
        }
    }
}
