//! `Packages`: a hash database of Berkeley DB. The layout is that of its src/dbinc/db_page.h (versions
//! 3 to 6, hash versions 8 to 10), in the byte order of the machine that made the file. Walked is
//! what a reader of the database would find: the pages of every bucket in use, not the free ones.
use super::{Visits, bytes, harvest::Harvest};
use inspect::{Fault, File, Malformed};
use std::borrow::Cow;

const HASH_MAGIC: u32 = 0x0006_1561;
const BTREE_MAGIC: u32 = 0x0005_3162;
/// Types of pages: never used, a hash page of old and of new, overflow.
const UNUSED: u8 = 0;
const HASH_UNSORTED: u8 = 2;
const HASH: u8 = 13;
const OVERFLOW: u8 = 7;
/// Types of items: in place, and on overflow pages.
const KEYDATA: u8 = 1;
const OFFPAGE: u8 = 3;

/// Brings in every header.
pub(super) fn read(file: &File<'_>, harvest: &mut Harvest<'_>) -> Result<(), Fault> {
    let mut database = Database::open(file)?;
    for bucket in 0..=database.max_bucket {
        let outcome = database.bucket(bucket, harvest);
        outcome.or_else(|fault| harvest.trouble(fault))?;
    }
    Ok(())
}

struct Database<'a> {
    file: &'a File<'a>,
    big_endian: bool,
    page_size: u64,
    /// Where a page's own content begins.
    overhead: usize,
    max_bucket: u32,
    /// What to add to the number of a bucket for the number of its page, by the bucket's bit length.
    spares: Vec<u32>,
    visits: Visits,
}

impl<'a> Database<'a> {
    fn open(file: &'a File<'a>) -> Result<Database<'a>, Fault> {
        let meta = file.slice(0, 512)?;
        let magic = bytes(&meta, 12)?;
        let big_endian = match (u32::from_le_bytes(magic), u32::from_be_bytes(magic)) {
            (HASH_MAGIC, _) => false,
            (_, HASH_MAGIC) => true,
            (BTREE_MAGIC, _) | (_, BTREE_MAGIC) => {
                return Err(Fault::Unsupported("a btree of Berkeley DB".to_owned()));
            }
            _ => return Err(Malformed::new("not a hash of Berkeley DB").into()),
        };
        let word = |at| bytes(&meta, at).map(|it| order(big_endian, it));
        let [encryption, _, flags] = bytes(&meta, 24)?;
        let (version, page_size, parts) = (word(16)?, word(20)?, word(36)?);
        if encryption != 0 {
            return Err(Fault::Encrypted);
        }
        if !(8..=10).contains(&version) || parts != 0 {
            return Err(Fault::Unsupported(format!(
                "a hash of version {version} in {parts} parts"
            )));
        }
        if !(512..=65536).contains(&page_size) || !page_size.is_power_of_two() {
            return Err(Malformed(format!("pages of {page_size} bytes").into()).into());
        }
        let (page_size, max_bucket) = (u64::from(page_size), word(72)?);
        let pages = file.size().checked_div(page_size).unwrap_or_default();
        if u64::from(max_bucket) >= pages {
            return Err(Malformed::new("more buckets than pages").into());
        }
        let spares = (96..224).step_by(4).map(word).collect::<Result<_, _>>()?;
        // With checksums, which rpm does not ask for, each page has one behind its header.
        let overhead = if flags & 1 == 0 { 26 } else { 32 };
        let visits = Visits::new(pages);
        Ok(Database { file, big_endian, page_size, overhead, max_bucket, spares, visits })
    }

    /// Reads the page of one bucket and those chained to it.
    fn bucket(&mut self, bucket: u32, harvest: &mut Harvest<'_>) -> Result<(), Fault> {
        let bits = u32::BITS.saturating_sub(bucket.leading_zeros());
        let spare = usize::try_from(bits).ok().and_then(|it| self.spares.get(it));
        let page = spare.and_then(|it| it.checked_add(bucket));
        let mut next = page.ok_or(Malformed::new("a bucket without a page"))?;
        while next != 0 {
            let page = self.page(next)?;
            match bytes(&page, 25)? {
                [HASH | HASH_UNSORTED] => {
                    self.hash_page(&page, harvest).or_else(|fault| harvest.trouble(fault))?;
                }
                // A bucket that has never had anything in it is a hole in the file.
                [UNUSED] if page.iter().all(|it| *it == 0) => {}
                _ => return Err(Malformed(format!("page {next} is not of a hash").into()).into()),
            }
            next = self.word(&page, 16)?;
        }
        Ok(())
    }

    /// The items of a page are pairs of key and value, and fill it from its end.
    fn hash_page(&mut self, page: &[u8], harvest: &mut Harvest<'_>) -> Result<(), Fault> {
        let count = usize::from(self.short(page, 20)?);
        let broken = Malformed::new("an item leaves its page");
        let offsets = page.get(self.overhead..).unwrap_or_default().as_chunks::<2>().0;
        let offsets = offsets.get(..count).ok_or(broken.clone())?;
        let mut end = page.len();
        let mut item = |offset: &[u8; 2]| {
            let start = usize::from(order16(self.big_endian, *offset));
            // Only ever downwards, so that no two items overlap.
            let item = page.get(start..end).filter(|it| !it.is_empty()).ok_or(broken.clone());
            end = start;
            item
        };
        let (pairs, odd) = offsets.as_chunks::<2>();
        let items = pairs.iter().map(|[key, value]| Ok((item(key)?, item(value)?)));
        let items: Vec<Result<_, Malformed>> = items.collect();
        for pair in items {
            let (key, value) = pair?;
            // Under the key 0 stands the last number given out.
            if key != [KEYDATA, 0, 0, 0, 0] {
                let value = self.value(value, harvest);
                harvest.record(value)?;
            }
        }
        if odd.is_empty() { Ok(()) } else { Err(Malformed::new("a key without a value").into()) }
    }

    fn value<'p>(&mut self, item: &'p [u8], harvest: &Harvest<'_>) -> Result<Cow<'p, [u8]>, Fault> {
        match item.split_first() {
            Some((&KEYDATA, content)) => {
                harvest.permit(u64::try_from(content.len()).unwrap_or(u64::MAX))?;
                Ok(Cow::Borrowed(content))
            }
            Some((&OFFPAGE, _)) => {
                let (first, len) = (self.word(item, 4)?, self.word(item, 8)?);
                harvest.permit(len.into())?;
                Ok(Cow::Owned(self.overflow(first, len)?))
            }
            _ => Err(Fault::Unsupported("duplicate keys".to_owned())),
        }
    }

    /// Puts together what lies on the chain of overflow pages that begins with `next`.
    fn overflow(&mut self, mut next: u32, len: u32) -> Result<Vec<u8>, Fault> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let mut content = Vec::new();
        while next != 0 && content.len() < len {
            let page = self.page(next)?;
            if bytes(&page, 25)? != [OVERFLOW] {
                return Err(Malformed(format!("page {next} is not of a long value").into()).into());
            }
            let on_page = usize::from(self.short(&page, 22)?);
            let part = page.get(self.overhead..).and_then(|it| it.get(..on_page));
            content.extend_from_slice(part.ok_or(Malformed::new("a value leaves its page"))?);
            next = self.word(&page, 16)?;
        }
        if content.len() != len || next != 0 {
            return Err(Malformed::new("a long value is not as long as it says").into());
        }
        Ok(content)
    }

    fn page(&mut self, number: u32) -> Result<Cow<'a, [u8]>, Fault> {
        self.visits.first(number.into())?;
        self.file.slice(u64::from(number).saturating_mul(self.page_size), self.page_size)
    }

    fn word(&self, page: &[u8], at: usize) -> Result<u32, Malformed> {
        Ok(order(self.big_endian, bytes(page, at)?))
    }

    fn short(&self, page: &[u8], at: usize) -> Result<u16, Malformed> {
        Ok(order16(self.big_endian, bytes(page, at)?))
    }
}

fn order(big_endian: bool, it: [u8; 4]) -> u32 {
    if big_endian { u32::from_be_bytes(it) } else { u32::from_le_bytes(it) }
}

fn order16(big_endian: bool, it: [u8; 2]) -> u16 {
    if big_endian { u16::from_be_bytes(it) } else { u16::from_le_bytes(it) }
}
