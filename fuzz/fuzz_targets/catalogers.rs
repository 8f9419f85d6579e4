//! Any file, shown to the cataloger that the first byte chooses, at the place that the second does.
#![no_main]
use catalog::CATALOGERS;
use inspect::{File, Found, Inspector};
use libfuzzer_sys::fuzz_target;
use model::ImagePath;

fuzz_target!(|bytes: &[u8]| {
    let [row, path, bytes @ ..] = bytes else { return };
    let cataloger = &CATALOGERS[usize::from(*row) % CATALOGERS.len()];
    let path = cataloger.paths[usize::from(*path) % cataloger.paths.len()].replace('*', "case");
    let path = ImagePath::parse(path.as_bytes()).expect("a row has plain paths");
    let mut found = Found::default();
    drop(cataloger.inspect(&File::new(&path, bytes), &mut found));
});
