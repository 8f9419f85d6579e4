//! Any three lines as versions of the scheme that the first byte chooses: an order has no circles.
#![no_main]
use libfuzzer_sys::fuzz_target;
use model::version::Scheme;

fuzz_target!(|bytes: &[u8]| {
    let Some((row, bytes)) = bytes.split_first() else { return };
    let Ok(text) = str::from_utf8(bytes) else { return };
    let (name, scheme) = Scheme::ALL[usize::from(*row) % Scheme::ALL.len()];
    let mut lines = text.split('\n');
    let (Some(a), Some(b), Some(c)) = (lines.next(), lines.next(), lines.next()) else { return };
    scheme.normalize(a);
    let forth = scheme.compare(a, b);
    let back = scheme.compare(b, a).map(std::cmp::Ordering::reverse);
    assert_eq!(forth, back, "{name}: {a:?} and {b:?}");
    if let (Some(ab), Some(bc), Some(ac)) = (forth, scheme.compare(b, c), scheme.compare(a, c)) {
        assert!(ab != bc || ab == ac, "{name}: {a:?} {ab:?} {b:?} {bc:?} {c:?}, but {ac:?}");
    }
});
