//! The header of one package: RPM package file format, "The Header Structure", as the databases keep
//! it, that is without the eight bytes of magic in front. Versions 3, 4 and 6 differ in their tags
//! only; the tags are those of rpm's include/rpm/rpmtag.h.
use super::bytes;
use inspect::Malformed;
use model::decode;

/// What stands under which number.
pub(super) mod tag {
    pub(in super::super) const NAME: u32 = 1000;
    pub(in super::super) const VERSION: u32 = 1001;
    pub(in super::super) const RELEASE: u32 = 1002;
    pub(in super::super) const EPOCH: u32 = 1003;
    pub(in super::super) const VENDOR: u32 = 1011;
    pub(in super::super) const ARCH: u32 = 1022;
    pub(in super::super) const OLDFILENAMES: u32 = 1027;
    pub(in super::super) const FILEMODES: u32 = 1030;
    pub(in super::super) const FILEDIGESTS: u32 = 1035;
    pub(in super::super) const FILEFLAGS: u32 = 1037;
    pub(in super::super) const SOURCERPM: u32 = 1044;
    pub(in super::super) const DIRINDEXES: u32 = 1116;
    pub(in super::super) const BASENAMES: u32 = 1117;
    pub(in super::super) const DIRNAMES: u32 = 1118;
    pub(in super::super) const FILEDIGESTALGO: u32 = 5011;
    pub(in super::super) const MODULARITYLABEL: u32 = 5096;
}

const INT16: u32 = 3;
const INT32: u32 = 4;
const BINARY: u32 = 7;
/// A string, several, and several in as many languages; rpm takes one for the other too.
const STRINGS: [u32; 3] = [6, 8, 9];
/// The most items of an entry (`HEADER_ARRAY_MAX` in rpm's lib/header.cc).
const ITEMS: u32 = 0x000f_ffff;
/// The longest single string taken: no name comes near it.
const STRING_BYTES: usize = 4096;

/// A header whose index has been told from its store; the entries are checked when asked for.
pub(super) struct Header<'a> {
    pub(super) index: &'a [[u8; 16]],
    pub(super) store: &'a [u8],
}

struct Entry<'a> {
    count: usize,
    /// From the first item to the end of the store.
    bytes: &'a [u8],
}

impl<'a> Header<'a> {
    /// Takes a blob apart. Like rpm, refuses one that is not exactly as long as it says.
    pub(super) fn parse(blob: &'a [u8]) -> Result<Header<'a>, Malformed> {
        let broken = Malformed::new("a header is not as long as it says");
        let (intro, rest) = blob.split_first_chunk::<8>().ok_or(broken.clone())?;
        let entries = usize::try_from(u32::from_be_bytes(bytes(intro, 0)?)).ok();
        let store_len = usize::try_from(u32::from_be_bytes(bytes(intro, 4)?)).ok();
        let index_len = entries.and_then(|it| it.checked_mul(16)).ok_or(broken.clone())?;
        let (index, store) = rest.split_at_checked(index_len).ok_or(broken.clone())?;
        if Some(store.len()) != store_len {
            return Err(broken);
        }
        Ok(Header { index: index.as_chunks().0, store })
    }

    /// The text under `tag`; `None` when there is none, is empty, or is rpm's word for none.
    pub(super) fn string(&self, tag: u32) -> Result<Option<String>, Malformed> {
        let Some(entry) = self.entry(tag, &STRINGS)? else { return Ok(None) };
        let end = entry.bytes.iter().take(STRING_BYTES).position(|it| *it == 0);
        let text = end.and_then(|it| entry.bytes.get(..it));
        let text = decode(text.ok_or_else(|| wrong(tag, "has no end"))?);
        Ok(Some(text).filter(|it| !it.is_empty() && it != "(none)"))
    }

    /// All texts under `tag`.
    pub(super) fn strings(&self, tag: u32) -> Result<Vec<&'a [u8]>, Malformed> {
        let Some(entry) = self.entry(tag, &STRINGS)? else { return Ok(Vec::new()) };
        let mut parts = entry.bytes.split(|it| *it == 0);
        let strings: Vec<_> = parts.by_ref().take(entry.count).collect();
        // What follows the last zero is no string.
        let whole = strings.len() == entry.count && parts.next().is_some();
        whole.then_some(strings).ok_or_else(|| wrong(tag, "has no end"))
    }

    /// All numbers of 32 bits under `tag`, big-endian.
    pub(super) fn numbers(&self, tag: u32) -> Result<&'a [[u8; 4]], Malformed> {
        self.array(tag, INT32)
    }

    /// All numbers of 16 bits under `tag`, big-endian.
    pub(super) fn shorts(&self, tag: u32) -> Result<&'a [[u8; 2]], Malformed> {
        self.array(tag, INT16)
    }

    /// The bytes under `tag`.
    pub(super) fn binary(&self, tag: u32) -> Result<Option<&'a [u8]>, Malformed> {
        let Some(entry) = self.entry(tag, &[BINARY])? else { return Ok(None) };
        let bytes = entry.bytes.get(..entry.count);
        bytes.map(Some).ok_or_else(|| wrong(tag, "leaves the header"))
    }

    fn array<const N: usize>(&self, tag: u32, kind: u32) -> Result<&'a [[u8; N]], Malformed> {
        let Some(entry) = self.entry(tag, &[kind])? else { return Ok(&[]) };
        let len = entry.count.checked_mul(N);
        let items = len.and_then(|it| entry.bytes.get(..it));
        Ok(items.ok_or_else(|| wrong(tag, "leaves the header"))?.as_chunks().0)
    }

    /// The last entry counts: rpm appends what replaces an entry of the package file.
    fn entry(&self, tag: u32, kinds: &[u32]) -> Result<Option<Entry<'a>>, Malformed> {
        let mut entries = self.index.iter().rev();
        let Some(entry) = entries.find(|it| it.starts_with(&tag.to_be_bytes())) else {
            return Ok(None);
        };
        let kind = u32::from_be_bytes(bytes(entry, 4)?);
        let offset = usize::try_from(u32::from_be_bytes(bytes(entry, 8)?)).ok();
        let count = u32::from_be_bytes(bytes(entry, 12)?);
        if !kinds.contains(&kind) || count > ITEMS {
            return Err(wrong(tag, "is not of its type"));
        }
        let bytes = offset.and_then(|it| self.store.get(it..));
        let bytes = bytes.ok_or_else(|| wrong(tag, "leaves the header"))?;
        Ok(Some(Entry { count: usize::try_from(count).unwrap_or_default(), bytes }))
    }
}

fn wrong(tag: u32, how: &str) -> Malformed {
    Malformed(format!("tag {tag} of a header {how}").into())
}
