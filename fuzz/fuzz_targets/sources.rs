//! Any bytes, read as an archive from a pipe, a manifest, a configuration, a reference.
#![no_main]
use libfuzzer_sys::fuzz_target;
use registry::{PlatformChoice, Reference, manifest};

fuzz_target!(|bytes: &[u8]| {
    let Some((row, bytes)) = bytes.split_first() else { return };
    match row % 4 {
        0 => {
            let read = &mut |_: &str, layer: &mut dyn std::io::Read| {
                std::io::copy(layer, &mut std::io::sink()).map(drop)
            };
            drop(registry::stream(bytes, &PlatformChoice::All, None, read));
        }
        1 => drop(manifest::document(bytes)),
        2 => drop(manifest::config(bytes)),
        _ => {
            let Ok(text) = str::from_utf8(bytes) else { return };
            if let Ok(it) = Reference::parse(text) {
                Reference::parse(&it.to_string()).expect("what is shown can be typed again");
            }
        }
    }
});
