//! Any file, shown to the cataloger that the first byte chooses, at the place that the second does; behind these come those
//! that verify signatures, and what they read keys and signatures with.
#![no_main]
use catalog::{CATALOGERS, Verifier};
use inspect::{File, Found, Inspector, openpgp::Keys};
use libfuzzer_sys::fuzz_target;
use model::ImagePath;
use std::sync::LazyLock;
use testkit::openpgp::Signer;

static VERIFIERS: LazyLock<Vec<Verifier>> = LazyLock::new(|| {
    Verifier::all(Keys::parse(&Signer::new(1).public()).expect("a key of our own"))
});

fuzz_target!(|bytes: &[u8]| {
    let [row, path, bytes @ ..] = bytes else { return };
    let row = usize::from(*row) % (CATALOGERS.len() + VERIFIERS.len() + 1);
    let (cataloger, inspector): (_, &dyn Inspector) = match CATALOGERS.get(row) {
        Some(it) => (it, it),
        None => match VERIFIERS.get(row - CATALOGERS.len()) {
            Some(it) => (it.cataloger(), it),
            None => return openpgp(bytes),
        },
    };
    let path = cataloger.paths[usize::from(*path) % cataloger.paths.len()].replace('*', "case");
    let path = ImagePath::parse(path.as_bytes()).expect("a row has plain paths");
    let mut found = Found::default();
    drop(inspector.inspect(&File::new(&path, bytes), &mut found));
});

/// Keys, as many bytes as the first says, and a signature.
fn openpgp(bytes: &[u8]) {
    let Some((length, bytes)) = bytes.split_first() else { return };
    let (keys, signature) = bytes.split_at(bytes.len().min(usize::from(*length)));
    if let Ok(keys) = Keys::parse(keys) {
        drop(keys.verify(signature, b"a header"));
    }
}
