//! `rpmdb.sqlite`: SQLite's "Database File Format", sections 1.3 (header), 1.6 (b-tree pages) and 1.7
//! (overflow pages). Only two tables are walked: the schema, for the place of the
//! table `Packages`, and that one. Indexes, free pages and pointer maps are never looked at.
use super::{
    Visits, bytes,
    harvest::Harvest,
    record::{column, varint},
};
use inspect::{Fault, File, Malformed};
use std::borrow::Cow;

/// Brings in every header.
pub(super) fn read(file: &File<'_>, harvest: &mut Harvest<'_>) -> Result<(), Fault> {
    let mut database = Database::open(file)?;
    let mut roots = Vec::new();
    database.rows(1, harvest, &mut |_, row| {
        roots.extend(packages_root(&row?)?);
        Ok(())
    })?;
    let [root] = roots[..] else {
        return Err(Malformed::new("not one table named Packages").into());
    };
    database.rows(root, harvest, &mut |harvest, row| {
        let row = row?;
        harvest.record(Ok(Cow::Borrowed(header_blob(&row)?)))
    })
}

/// The root page of `Packages`, if this row of the schema is about it: type, name, table, root page,
/// SQL.
fn packages_root(row: &[u8]) -> Result<Option<u64>, Malformed> {
    let (kind, name) = (column(row, 0)?.1, column(row, 1)?.1);
    if kind != b"table" || !name.eq_ignore_ascii_case(b"Packages") {
        return Ok(None);
    }
    let root = column(row, 3)?.1;
    if root.len() > 4 {
        return Err(Malformed::new("the table Packages is nowhere"));
    }
    Ok(Some(root.iter().fold(0, |sum, it| sum << 8 | u64::from(*it))))
}

/// The header in a row of `Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)`.
fn header_blob(row: &[u8]) -> Result<&[u8], Malformed> {
    let (kind, blob) = column(row, 1)?;
    if kind < 12 {
        return Err(Malformed::new("a row of Packages without a blob"));
    }
    Ok(blob)
}

struct Database<'a> {
    file: &'a File<'a>,
    page_size: u64,
    /// Bytes of a page that SQLite uses; extensions may keep some at the end.
    usable: usize,
    visits: Visits,
}

type Row<'r> =
    &'r mut dyn FnMut(&mut Harvest<'_>, Result<Cow<'_, [u8]>, Fault>) -> Result<(), Fault>;

impl<'a> Database<'a> {
    fn open(file: &'a File<'a>) -> Result<Database<'a>, Fault> {
        let header = file.slice(0, 100)?;
        if !header.starts_with(b"SQLite format 3\0") {
            return Err(Malformed::new("not a SQLite database").into());
        }
        let page_size = match u16::from_be_bytes(bytes(&header, 16)?) {
            1 => 65536,
            size if size >= 512 && size.is_power_of_two() => u32::from(size),
            size => return Err(Malformed(format!("pages of {size} bytes").into()).into()),
        };
        let [read_version, reserved] = bytes(&header, 19)?;
        if read_version > 2 {
            return Err(Fault::Unsupported(format!("SQLite file format {read_version}")));
        }
        let encoding = u32::from_be_bytes(bytes(&header, 56)?);
        if encoding > 1 {
            return Err(Fault::Unsupported("a SQLite database in UTF-16".to_owned()));
        }
        let usable = page_size.saturating_sub(u32::from(reserved));
        if usable < 480 {
            return Err(Malformed(format!("pages of {usable} usable bytes").into()).into());
        }
        let page_size = u64::from(page_size);
        let pages = file.size().checked_div(page_size).unwrap_or_default();
        let usable = usize::try_from(usable).unwrap_or_default();
        Ok(Database { file, page_size, usable, visits: Visits::new(pages.saturating_add(1)) })
    }

    /// Hands every row of the table with this root to `each`, in order.
    fn rows(&mut self, root: u64, harvest: &mut Harvest<'_>, each: Row<'_>) -> Result<(), Fault> {
        self.visits.first(root)?;
        let mut waiting = vec![root];
        while let Some(number) = waiting.pop() {
            let node = self.page(number).and_then(|page| Ok((Node::of(number, &page)?, page)));
            let outcome = match node {
                Err(fault) => Err(fault),
                Ok((Node::Leaf(cells), page)) => self.leaf(&page, &cells, harvest, each),
                Ok((Node::Interior(children), _)) => {
                    self.plan(children, &mut waiting).map_err(Fault::from)
                }
            };
            outcome.or_else(|fault| harvest.trouble(fault))?;
        }
        Ok(())
    }

    /// Puts `children` on the heap of pages to come, each page once, the first on top.
    fn plan(&mut self, children: Vec<u64>, waiting: &mut Vec<u64>) -> Result<(), Malformed> {
        let from = waiting.len();
        let mut outcome = Ok(());
        for child in children {
            match self.visits.first(child) {
                Ok(()) => waiting.push(child),
                Err(it) => outcome = Err(it),
            }
        }
        waiting.get_mut(from..).unwrap_or_default().reverse();
        outcome
    }

    fn leaf(
        &mut self,
        page: &[u8],
        cells: &[u16],
        harvest: &mut Harvest<'_>,
        each: Row<'_>,
    ) -> Result<(), Fault> {
        let mut unused = self.usable;
        for cell in cells {
            let cell = page.get(usize::from(*cell)..self.usable).unwrap_or_default();
            let row = self.payload(cell, &mut unused, harvest);
            each(harvest, row).or_else(|fault| harvest.trouble(fault))?;
        }
        Ok(())
    }

    /// The record of a leaf cell: its length, the row's number, as much as fits, the page that has
    /// more (1.6, "B-tree Cell Format").
    fn payload<'p>(
        &mut self,
        cell: &'p [u8],
        unused: &mut usize,
        harvest: &Harvest<'_>,
    ) -> Result<Cow<'p, [u8]>, Fault> {
        let short = Malformed::new("a row leaves its page");
        let (len, rest) = varint(cell).ok_or(short.clone())?;
        let (_, rest) = varint(rest).ok_or(short.clone())?;
        harvest.permit(len)?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let local = self.local_len(len);
        // Cells that overlap would yield more rows than a page has room for.
        let shared = Malformed::new("rows overlap");
        *unused = unused.checked_sub(local.saturating_add(2)).ok_or(shared)?;
        let (start, rest) = rest.split_at_checked(local).ok_or(short)?;
        if local == len {
            return Ok(Cow::Borrowed(start));
        }
        let mut payload = start.to_vec();
        let mut next = u32::from_be_bytes(bytes(rest, 0)?);
        while payload.len() < len {
            self.visits.first(next.into())?;
            let page = self.page(next.into())?;
            let missing = len.saturating_sub(payload.len());
            let content = page.get(4..self.usable).unwrap_or_default();
            payload.extend_from_slice(content.get(..missing).unwrap_or(content));
            next = u32::from_be_bytes(bytes(&page, 0)?);
        }
        Ok(Cow::Owned(payload))
    }

    /// How much of a record of `len` bytes stands in the leaf itself.
    fn local_len(&self, len: usize) -> usize {
        let most = self.usable.saturating_sub(35);
        if len <= most {
            return len;
        }
        let least = self.usable.saturating_sub(12).saturating_mul(32) / 255;
        let least = least.saturating_sub(23);
        let a_page = self.usable.saturating_sub(4);
        let last = len.saturating_sub(least).checked_rem(a_page).unwrap_or_default();
        let fit = least.saturating_add(last);
        if fit <= most { fit } else { least }
    }

    fn page(&self, number: u64) -> Result<Cow<'a, [u8]>, Fault> {
        let before = number.checked_sub(1).ok_or(Malformed::new("there is no page 0"))?;
        self.file.slice(before.saturating_mul(self.page_size), self.page_size)
    }
}

/// A page of a table's b-tree.
enum Node {
    /// The pages below it.
    Interior(Vec<u64>),
    /// Where its rows begin.
    Leaf(Vec<u16>),
}

impl Node {
    fn of(number: u64, page: &[u8]) -> Result<Node, Malformed> {
        // The first page begins with the header of the file.
        let page_header = if number == 1 { 100 } else { 0 };
        let tree = page.get(page_header..).unwrap_or_default();
        let [kind] = bytes(tree, 0)?;
        let count = usize::from(u16::from_be_bytes(bytes(tree, 3)?));
        let pointers = match kind {
            5 => tree.get(12..),
            13 => tree.get(8..),
            _ => return Err(Malformed(format!("page {number} is not of a table").into())),
        };
        let pointers = pointers.unwrap_or_default().as_chunks().0;
        let pointers = pointers.get(..count).ok_or(Malformed::new("more rows than a page has"))?;
        let cells = pointers.iter().map(|it| u16::from_be_bytes(*it));
        if kind == 13 {
            return Ok(Node::Leaf(cells.collect()));
        }
        let child = |at| bytes(page, at).map(|it| u64::from(u32::from_be_bytes(it)));
        let rightmost = child(page_header.saturating_add(8));
        let children = cells.map(|it| child(usize::from(it))).chain([rightmost]);
        Ok(Node::Interior(children.collect::<Result<_, _>>()?))
    }
}
