//! Digests as text.

/// `N` bytes from twice as many hexadecimal digits.
pub(crate) fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |it: u8| char::from(it).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

/// `N` bytes from base64 (RFC 4648, section 4), with or without padding.
pub(crate) fn base64<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let text = text.trim_ascii_end();
    let digits = text.split(|it| *it == b'=').next().unwrap_or_default();
    let mut bytes = Vec::with_capacity(N);
    for group in digits.chunks(4) {
        let mut bits: u32 = 0;
        for digit in group {
            bits = bits << 6 | base64_digit(*digit)?;
        }
        let missing = 4_u32.saturating_sub(u32::try_from(group.len()).ok()?);
        let [_, three @ ..] = bits.checked_shl(missing.checked_mul(6)?)?.to_be_bytes();
        bytes.extend(three.get(..group.len().checked_sub(1)?)?);
    }
    bytes.try_into().ok()
}

fn base64_digit(digit: u8) -> Option<u32> {
    let from =
        |first: u8, value: u32| Some(u32::from(digit.checked_sub(first)?).saturating_add(value));
    match digit {
        b'A'..=b'Z' => from(b'A', 0),
        b'a'..=b'z' => from(b'a', 26),
        b'0'..=b'9' => from(b'0', 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_become_bytes() {
        assert_eq!(hex(b"00fF10"), Some([0, 255, 16]));
        assert_eq!(hex::<2>(b"00f"), None);
        assert_eq!(hex::<2>(b"00fg"), None);
        assert_eq!(hex::<3>(b"00ff"), None);
        assert_eq!(base64(b"aGVsbG8="), Some(*b"hello"));
        assert_eq!(base64(b"aGVsbG8"), Some(*b"hello"));
        assert_eq!(base64(b"aGVsbG8h"), Some(*b"hello!"));
        assert_eq!(base64(b"//+A"), Some([0xff, 0xff, 0x80]));
        assert_eq!(base64::<5>(b"aGV*bG8="), None);
        assert_eq!(base64::<4>(b"aGVsbG8="), None);
        assert_eq!(base64::<1>(b"a"), None);
    }
}
