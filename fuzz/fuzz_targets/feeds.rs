//! Any document, read as one of the feed that the first byte chooses.
#![no_main]
use assess::FEEDS;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((row, bytes)) = bytes.split_first() else { return };
    let feed = &FEEDS[usize::from(*row) % FEEDS.len()];
    drop((feed.parse)(bytes, "case.json", &mut |_| {}));
});
