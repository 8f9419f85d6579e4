//! Reads long lists page by page, so that whoever stops can go on from there.
use crate::SourceError;
use std::num::TryFromIntError;

/// Repositories after which a page of them is long enough.
const ENOUGH: usize = 100;

/// A part of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page begins, to be kept and handed back; `None` on the last.
    pub next: Option<String>,
    /// How many items there are in all, where the registry says.
    pub total: Option<u64>,
    /// Whether the list stood still since the page before. If not, what did not come may be there
    /// all the same.
    pub steady: bool,
    /// What is listed and cannot be had: which, and why.
    pub skipped: Vec<String>,
}

/// One page of a list whose pages have numbers, from 1.
pub(crate) struct Numbered<T> {
    pub(crate) items: Vec<T>,
    pub(crate) total: u64,
    /// What the server takes for a full page.
    pub(crate) size: u64,
}

impl<T> Page<T> {
    /// All there is.
    pub(crate) fn whole(items: Vec<T>) -> Page<T> {
        let total = count(items.len()).ok();
        Page { items, next: None, total, steady: true, skipped: Vec::new() }
    }
}

impl<T> Numbered<T> {
    /// Whether another page follows page `page`.
    pub(crate) fn more(&self, page: u64) -> bool {
        !self.items.is_empty() && page.saturating_mul(self.size) < self.total
    }

    pub(crate) fn map<U>(self, f: impl FnMut(T) -> U) -> Numbered<U> {
        Numbered {
            items: self.items.into_iter().map(f).collect(),
            total: self.total,
            size: self.size,
        }
    }
}

/// The page of a numbered list that a cursor tells.
pub(crate) fn numbered<T>(
    cursor: Option<&str>,
    read: impl Fn(u64) -> Result<Numbered<T>, SourceError>,
) -> Result<Page<T>, SourceError> {
    let [page, total] = numbers(cursor)?.unwrap_or([1, 0]);
    let listed = read(page)?;
    let steady = cursor.is_none() || listed.total == total;
    let after = page.saturating_add(1);
    let next = listed.more(page).then(|| format!("{after}/{}", listed.total));
    let (items, total) = (listed.items, Some(listed.total));
    Ok(Page { items, next, total, steady, skipped: Vec::new() })
}

/// A page of what lies in groups that are listed in pages too. A group that is gone by then has
/// nothing in it; one that is closed to us is told.
pub(crate) fn grouped<G, T>(
    cursor: Option<&str>,
    groups: impl Fn(u64) -> Result<Numbered<G>, SourceError>,
    name: impl Fn(&G) -> String,
    members: impl Fn(&G, u64) -> Result<Numbered<T>, SourceError>,
) -> Result<Page<T>, SourceError> {
    let [outer, all, mut at, mut page, mut total] = numbers(cursor)?.unwrap_or([1, 0, 0, 1, 0]);
    let listed = groups(outer)?;
    let mut steady = cursor.is_none() || listed.total == all;
    let (mut items, mut skipped) = (Vec::new(), Vec::new());
    while let Some(group) = usize::try_from(at).ok().and_then(|it| listed.items.get(it)) {
        let more = match members(group, page) {
            Ok(it) => {
                steady &= page == 1 || it.total == total;
                total = it.total;
                let more = it.more(page);
                items.extend(it.items);
                more
            }
            Err(SourceError::NotFound(_)) => false,
            Err(SourceError::Unauthorized(why)) => {
                skipped.push(format!("{}: {why}", name(group)));
                false
            }
            Err(error) => return Err(error),
        };
        (at, page) = if more { (at, page.saturating_add(1)) } else { (at.saturating_add(1), 1) };
        if items.len() >= ENOUGH {
            break;
        }
    }
    let groups = listed.total;
    let next = match usize::try_from(at).is_ok_and(|it| it < listed.items.len()) {
        true => Some(format!("{outer}/{groups}/{at}/{page}/{total}")),
        false if listed.more(outer) => Some(format!("{}/{groups}/0/1/0", outer.saturating_add(1))),
        false => None,
    };
    Ok(Page { items, next, total: None, steady, skipped })
}

/// The first of a list that is wanted.
pub(crate) fn find<T>(
    read: impl Fn(u64) -> Result<Numbered<T>, SourceError>,
    wanted: impl Fn(&T) -> bool,
) -> Result<Option<T>, SourceError> {
    for page in 1.. {
        let listed = read(page)?;
        let more = listed.more(page);
        if let Some(it) = listed.items.into_iter().find(&wanted) {
            return Ok(Some(it));
        }
        if !more {
            break;
        }
    }
    Ok(None)
}

/// The numbers of a cursor of ours.
pub(crate) fn numbers<const N: usize>(
    cursor: Option<&str>,
) -> Result<Option<[u64; N]>, SourceError> {
    let Some(text) = cursor else { return Ok(None) };
    let parts: Option<Vec<u64>> = text.split('/').map(|it| it.parse().ok()).collect();
    let numbers = parts.and_then(|it| it.try_into().ok());
    numbers.map(Some).ok_or_else(|| foreign(text))
}

/// The error for a place that is none of ours.
pub(crate) fn foreign(cursor: &str) -> SourceError {
    let shown: String = cursor.chars().take(40).collect();
    SourceError::Settings(format!("`{shown}` is no place in this list; begin anew"))
}

pub(crate) fn count(len: usize) -> Result<u64, TryFromIntError> {
    u64::try_from(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slice(all: &[u64], page: u64, size: u64) -> Numbered<u64> {
        let page: usize = page.try_into().unwrap();
        let parts: Vec<_> = all.chunks(size.try_into().unwrap()).collect();
        let items = parts.get(page.saturating_sub(1)).map_or(Vec::new(), |it| it.to_vec());
        Numbered { items, total: all.len().try_into().unwrap(), size }
    }

    fn all<T>(read: impl Fn(Option<&str>) -> Result<Page<T>, SourceError>) -> Vec<T> {
        let (mut out, mut cursor) = (Vec::new(), None);
        loop {
            let page = read(cursor.as_deref()).unwrap();
            assert!(page.steady && page.skipped.is_empty());
            out.extend(page.items);
            match page.next {
                Some(it) => cursor = Some(it),
                None => return out,
            }
        }
    }

    proptest! {
        #[test]
        fn everything_comes_once_in_order(
            content in prop::collection::vec(prop::collection::vec(any::<u64>(), 0..250), 0..30)
        ) {
            let one = content.concat();
            let read = |cursor: Option<&str>| numbered(cursor, |page| Ok(slice(&one, page, 100)));
            prop_assert_eq!(&all(read), &one);

            let groups: Vec<u64> = (0..).take(content.len()).collect();
            let read = |cursor: Option<&str>| {
                let members = |it: &u64, page| {
                    Ok(slice(&content[usize::try_from(*it).unwrap()], page, 100))
                };
                grouped(cursor, |page| Ok(slice(&groups, page, 7)), u64::to_string, members)
            };
            prop_assert_eq!(all(read), one);
        }
    }

    #[test]
    fn lists_that_change_meanwhile_are_told() {
        let read = |cursor: Option<&str>, total: u64| {
            let items: Vec<u64> = (0..total).collect();
            numbered(cursor, |page| Ok(slice(&items, page, 10))).unwrap()
        };
        let first = read(None, 25);
        assert!(read(first.next.as_deref(), 25).steady);
        assert!(!read(first.next.as_deref(), 24).steady);
    }

    #[test]
    fn groups_that_are_gone_or_closed() {
        let groups = |page| Ok(slice(&[1, 2, 3], page, 10));
        let members = |it: &u64, page| match it {
            1 => Err(SourceError::NotFound(String::new())),
            2 => Err(SourceError::Unauthorized("no right".to_owned())),
            _ => Ok(slice(&[7], page, 10)),
        };
        let page = grouped(None, groups, u64::to_string, members).unwrap();
        assert_eq!((page.items, page.next), (vec![7], None));
        assert_eq!(page.skipped, ["2: no right"]);
    }

    #[test]
    fn places_that_are_not_ours() {
        for bad in ["", "1", "1/2/3", "a/b", "-1/2", "99999999999999999999/1"] {
            assert!(numbers::<2>(Some(bad)).is_err(), "{bad}");
        }
    }
}
