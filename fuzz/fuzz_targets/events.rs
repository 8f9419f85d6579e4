//! Any message, read as one of the kind of registry that the first byte chooses.
#![no_main]
use libfuzzer_sys::fuzz_target;
use registry::FLAVORS;

fuzz_target!(|bytes: &[u8]| {
    let Some((row, bytes)) = bytes.split_first() else { return };
    let flavor = &FLAVORS[usize::from(*row) % FLAVORS.len()];
    drop((flavor.events)(bytes));
});
