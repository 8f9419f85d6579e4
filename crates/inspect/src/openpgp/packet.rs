//! Packets (RFC 9580, 4), the numbers in them (3.2), and the armour around them (6).
use crate::Malformed;
use base64::{Engine, prelude::BASE64_STANDARD};

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";

/// The next `count` bytes.
pub(super) fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}

/// The next `count` bytes, at most four, as a number.
pub(super) fn number(rest: &mut &[u8], count: usize) -> Option<usize> {
    let bytes = take(rest, count)?;
    let number = bytes.iter().fold(0_u32, |number, it| number << 8 | u32::from(*it));
    usize::try_from(number).ok()
}

/// The next number of any size, most significant byte first: a count of bits stands before it.
pub(super) fn integer<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let bits = number(rest, 2)?;
    take(rest, bits.div_ceil(8))
}

/// All packets: the type of each, and its content.
pub(super) fn packets(mut rest: &[u8]) -> Result<Vec<(u8, &[u8])>, Malformed> {
    let mut all = Vec::new();
    while !rest.is_empty() {
        all.push(packet(&mut rest).ok_or(Malformed::new("no packets of OpenPGP"))?);
    }
    Ok(all)
}

/// The first packet. What comes in parts (4.2.1.4) is never a key or a signature.
pub(super) fn packet<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let head = take(rest, 1)?.first().copied().filter(|it| it & 0x80 != 0)?;
    if head & 0x40 != 0 {
        let length = match number(rest, 1)? {
            it @ 0..192 => it,
            it @ 192..224 => (it.checked_sub(192)? << 8 | number(rest, 1)?).checked_add(192)?,
            255 => number(rest, 4)?,
            _ => return None,
        };
        return Some((head & 0x3f, take(rest, length)?));
    }
    let length = match head & 3 {
        0 => number(rest, 1)?,
        1 => number(rest, 2)?,
        2 => number(rest, 4)?,
        _ => rest.len(),
    };
    Some((head >> 2 & 0xf, take(rest, length)?))
}

/// The content of each block of armour; of what has no armour, all of it.
pub(super) fn unarmoured(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    if bytes.first().is_some_and(|it| it & 0x80 != 0) {
        return Ok(vec![bytes.to_vec()]);
    }
    let text = String::from_utf8_lossy(bytes);
    let blocks = text.split(BEGIN).skip(1).map(|it| it.split(END).next().unwrap_or_default());
    blocks.map(block).collect()
}

fn block(text: &str) -> Result<Vec<u8>, Malformed> {
    // Headers, an empty line, the content, and perhaps a sum that nobody has to verify (6.1).
    let lines = text.lines().map(str::trim).skip(1).skip_while(|it| it.contains(": "));
    let content: String = lines.take_while(|it| !it.starts_with('=')).collect();
    BASE64_STANDARD.decode(content).map_err(|_| Malformed::new("a damaged block of OpenPGP"))
}
