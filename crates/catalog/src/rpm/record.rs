//! Rows of a SQLite database: "Database File Format", sections 1.6 (variable-length integers) and 2.1
//! (record format).
use inspect::Malformed;

/// The serial type and the bytes of one column of a record.
pub(super) fn column(record: &[u8], number: usize) -> Result<(u64, &[u8]), Malformed> {
    let broken = Malformed::new("a row is not as long as it says");
    let (header_len, after) = varint(record).ok_or(broken.clone())?;
    let own_len = record.len().saturating_sub(after.len());
    let rest = usize::try_from(header_len).ok().and_then(|it| it.checked_sub(own_len));
    let split = rest.and_then(|it| after.split_at_checked(it));
    let (mut kinds, mut body) = split.ok_or(broken.clone())?;
    for place in 0..=number {
        let (kind, more_kinds) = varint(kinds).ok_or(broken.clone())?;
        let len = usize::try_from(content_len(kind)).ok();
        let split = len.and_then(|it| body.split_at_checked(it));
        let (content, more_body) = split.ok_or(broken.clone())?;
        if place == number {
            return Ok((kind, content));
        }
        (kinds, body) = (more_kinds, more_body);
    }
    Err(broken)
}

/// How many bytes a value takes (2.1, "Serial Type Codes Of The Record Format").
fn content_len(kind: u64) -> u64 {
    match kind {
        0 | 8 | 9 => 0,
        1..=4 => kind,
        5 => 6,
        6 | 7 => 8,
        10 | 11 => u64::MAX,
        _ => kind.saturating_sub(12) / 2,
    }
}

/// A number of up to nine bytes, seven bits in each, but eight in the ninth; and what follows it.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    let mut rest = bytes;
    for _ in 0..8 {
        let (byte, after) = rest.split_first()?;
        rest = after;
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, rest));
        }
    }
    let (byte, rest) = rest.split_first()?;
    Some((value << 8 | u64::from(*byte), rest))
}
