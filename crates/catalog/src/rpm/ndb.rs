//! `Packages.db`: RPM's own database, "ndb", as written by lib/backend/ndb/rpmpkg.c of rpm. Pages of
//! slots at the start of the file, then the blobs, each in as many blocks of 16 bytes as it needs.
//! All numbers are little-endian.
use super::{bytes, harvest::Harvest};
use inspect::{Fault, File, Malformed};
use std::borrow::Cow;

const PAGE_BYTES: u64 = 4096;
const BLOCK_BYTES: u64 = 16;
const BLOB_HEAD_BYTES: u64 = 16;
const BLOB_TAIL_BYTES: u64 = 12;

/// Brings in every header.
pub(super) fn read(file: &File<'_>, harvest: &mut Harvest<'_>) -> Result<(), Fault> {
    let header = file.slice(0, 32)?;
    if !header.starts_with(b"RpmP") {
        return Err(Malformed::new("not a database of rpm's own kind").into());
    }
    let version = number(&header, 4)?;
    if version != 0 {
        return Err(Fault::Unsupported(format!("version {version} of rpm's own database")));
    }
    for page in 0..u64::from(number(&header, 12)?) {
        // Past the end of the file there is nothing to gain, however many pages are claimed.
        let slots = file.slice(page.saturating_mul(PAGE_BYTES), PAGE_BYTES)?;
        let header_slots = if page == 0 { 2 } else { 0 };
        for slot in slots.as_chunks::<16>().0.iter().skip(header_slots) {
            read_slot(file, slot, harvest)?;
        }
    }
    Ok(())
}

/// A slot: magic, number of the package, first block, count of blocks.
fn read_slot(file: &File<'_>, slot: &[u8; 16], harvest: &mut Harvest<'_>) -> Result<(), Fault> {
    if !slot.starts_with(b"Slot") {
        return harvest.trouble(Malformed::new("a slot without its magic").into());
    }
    if number(slot, 8)? == 0 {
        return Ok(());
    }
    let blob = blob(file, slot, harvest);
    harvest.record(blob)
}

/// A blob: magic, number of the package, generation, length; the content and some padding; a
/// checksum, the length again, magic.
fn blob<'a>(
    file: &File<'a>,
    slot: &[u8; 16],
    harvest: &Harvest<'_>,
) -> Result<Cow<'a, [u8]>, Fault> {
    let package = number(slot, 4)?;
    let start = u64::from(number(slot, 8)?).saturating_mul(BLOCK_BYTES);
    let len = u64::from(number(slot, 12)?).saturating_mul(BLOCK_BYTES);
    let wrong =
        || Malformed(format!("the blob of package {package} is not what its slot says").into());
    let head = file.slice(start, BLOB_HEAD_BYTES)?;
    let content_len = u64::from(number(&head, 12)?);
    let needed = content_len.saturating_add(BLOB_HEAD_BYTES).saturating_add(BLOB_TAIL_BYTES);
    if !head.starts_with(b"BlbS") || number(&head, 4)? != package || needed > len {
        return Err(wrong().into());
    }
    let tail = start.saturating_add(len).saturating_sub(BLOB_TAIL_BYTES);
    let tail = file.slice(tail, BLOB_TAIL_BYTES)?;
    if !tail.ends_with(b"BlbE") || u64::from(number(&tail, 4)?) != content_len {
        return Err(wrong().into());
    }
    harvest.permit(content_len)?;
    file.slice(start.saturating_add(BLOB_HEAD_BYTES), content_len)
}

fn number(from: &[u8], at: usize) -> Result<u32, Malformed> {
    Ok(u32::from_le_bytes(bytes(from, at)?))
}
