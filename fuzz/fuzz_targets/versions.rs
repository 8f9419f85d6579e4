//! Any two lines as versions of the scheme that the first byte chooses: who is newer is not a matter of
//! who is asked first.
#![no_main]
use libfuzzer_sys::fuzz_target;
use model::version::Scheme;

fuzz_target!(|bytes: &[u8]| {
    let Some((row, bytes)) = bytes.split_first() else { return };
    let Ok(text) = str::from_utf8(bytes) else { return };
    let (name, scheme) = Scheme::ALL[usize::from(*row) % Scheme::ALL.len()];
    let Some((a, b)) = text.split_once('\n') else { return };
    scheme.normalize(a);
    // No more can be asked of every scheme: pacman's own order has circles (1.0 < ~rc1 < ]: < 1.0).
    let back = scheme.compare(b, a).map(std::cmp::Ordering::reverse);
    assert_eq!(scheme.compare(a, b), back, "{name}: {a:?} and {b:?}");
});
