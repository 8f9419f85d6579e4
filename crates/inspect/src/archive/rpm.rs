//! Members of an RPM package file.
//!
//! Format: rpm.org reference manual, "RPM v4 file format": a lead, a signature, a header, a compressed cpio archive.
use super::{
    cpio::skip,
    walk::{End, Walk},
};
use crate::Malformed;
use std::io::{self, Read};

const LEAD_BYTES: u64 = 96;

/// Shows all regular files of the payload.
pub(super) fn walk(walk: &mut Walk<'_>, reader: &mut dyn Read) -> Result<(), End> {
    let state = std::rc::Rc::clone(&walk.state);
    let end = |err: io::Error| state.end("rpm", &err);
    skip(reader, LEAD_BYTES).map_err(end)?;
    let signature = header(reader).map_err(end)??;
    let padding = signature.checked_next_multiple_of(8).unwrap_or(signature);
    skip(reader, padding.saturating_sub(signature)).map_err(end)?;
    header(reader).map_err(end)??;
    walk.behind(reader)
}

/// Reads over a header, and says how long it was.
fn header(reader: &mut dyn Read) -> io::Result<Result<u64, Malformed>> {
    let mut intro = [0; 16];
    reader.read_exact(&mut intro)?;
    let [0x8e, 0xad, 0xe8, 1, _, _, _, _, a, b, c, d, e, f, g, h] = intro else {
        return Ok(Err(Malformed::new("rpm: a header that is none")));
    };
    let entries = u64::from(u32::from_be_bytes([a, b, c, d]));
    let bytes = u64::from(u32::from_be_bytes([e, f, g, h]));
    let len = entries.saturating_mul(16).saturating_add(bytes);
    skip(reader, len)?;
    Ok(Ok(len))
}
