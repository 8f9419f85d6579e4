//! Whether the header of a package is signed by a key that is believed: RPM package file format, "Header Signatures". What
//! is signed is the header as it stood in the package file. Databases keep that as a region at the start of theirs, and put
//! behind it what came with the installation: nobody signed that, and it must not count.
use super::{MAGIC, bytes, header::Header};
use base64::{Engine, prelude::BASE64_STANDARD};
use inspect::openpgp::{Keys, Verdict};
use model::Signed;

/// Tags (rpm's include/rpm/rpmtag.h): signatures of the header alone; since rpm 4.20 any number of them, in Base64.
const SIGNATURES: [u32; 2] = [267, 268];
const OPENPGP: u32 = 278;
/// More of these are not looked at: for each the whole header is hashed.
const MOST: usize = 8;
/// The tag and the type of the entry with which a region begins, and of the one in the store with which it ends.
const REGION: [[u8; 4]; 2] = [63_u32.to_be_bytes(), 7_u32.to_be_bytes()];

/// What comes of a header's signatures, and the part of it that is signed where one of them is right; or why none of them
/// could be verified.
pub(super) fn verify<'a>(
    header: &Header<'a>,
    keys: &Keys,
) -> (Signed, Option<Header<'a>>, Option<&'static str>) {
    let signatures = signatures(header);
    if signatures.is_empty() {
        return (Signed::Unsigned, None, None);
    }
    let Some((message, region)) = region(header) else {
        return (Signed::Unknown, None, Some("a header without the region that is signed"));
    };
    let verdicts = signatures.iter().map(|it| keys.verify(it, &message));
    let verdicts: Vec<Verdict> = verdicts.collect();
    if verdicts.contains(&Verdict::Good) {
        return (Signed::Verified, Some(region), None);
    }
    if verdicts.contains(&Verdict::Bad) {
        return (Signed::Forged, None, None);
    }
    let why = verdicts.iter().find_map(|it| match it {
        Verdict::Unsupported(why) => Some(*why),
        _ => None,
    });
    (Signed::Unknown, None, why)
}

fn signatures(header: &Header<'_>) -> Vec<Vec<u8>> {
    let plain = SIGNATURES.iter().filter_map(|it| header.binary(*it).ok().flatten());
    let texts = header.strings(OPENPGP).unwrap_or_default().into_iter().take(MOST);
    let decoded = texts.filter_map(|it| BASE64_STANDARD.decode(it).ok());
    plain.map(<[u8]>::to_vec).chain(decoded).collect()
}

/// What is signed of a header, as bytes and as a header (`hdrblobVerifyRegion` in rpm's lib/header.cc): the first entry
/// leads to the end of the region in the store, where an entry says how long the index of the region is.
fn region<'a>(header: &Header<'a>) -> Option<(Vec<u8>, Header<'a>)> {
    let first = header.index.first()?;
    let at = usize::try_from(u32::from_be_bytes(bytes(first, 8).ok()?)).ok()?;
    let last: [u8; 16] = bytes(header.store, at).ok()?;
    let is_region =
        |it: &[u8; 16]| it.starts_with(REGION.as_flattened()) && it.ends_with(&[0, 0, 0, 16]);
    let back = i32::from_be_bytes(bytes(&last, 8).ok()?).checked_neg()?;
    let index_bytes = usize::try_from(back).ok().filter(|it| it.is_multiple_of(16))?;
    if !is_region(first) || !is_region(&last) {
        return None;
    }
    let index = header.index.get(..index_bytes.checked_div(16)?)?;
    let store = header.store.get(..at.checked_add(16)?)?;
    let length = |it: usize| u32::try_from(it).map(u32::to_be_bytes).ok();
    let lengths = [length(index.len())?, length(store.len())?].concat();
    let message = [&MAGIC, &lengths[..], index.as_flattened(), store].concat();
    Some((message, Header { index, store }))
}
