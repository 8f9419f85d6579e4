//! Any bytes, read as two layers with every cataloger, then folded. The first byte says where they part.
#![no_main]
use catalog::Catalog;
use inspect::{Head, Inspector, LayerReport, Limits, Squash, inspect_layer};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::default);

fuzz_target!(|bytes: &[u8]| {
    let Some((at, bytes)) = bytes.split_first() else { return };
    let wanting = |head: &Head<'_>| -> Vec<&'static dyn Inspector> {
        CATALOG.wanting(head).into_iter().map(|it| -> &dyn Inspector { it }).collect()
    };
    let mut limits = Limits { layer_bytes: 64 << 20, entries: 10_000, ..Limits::default() };
    limits.memory_bytes = 1 << 20;
    let read = |layer: &[u8]| -> LayerReport {
        inspect_layer(layer, &wanting, &limits, None).expect("a slice can be read")
    };
    let mut bytes = bytes.to_vec();
    bytes.chunks_exact_mut(512).for_each(mend);
    let (lower, upper) = bytes.split_at(bytes.len() * usize::from(*at) / 255 / 512 * 512);
    let (mut squash, mut covers) = (Squash::default(), Vec::new());
    for report in [read(lower), read(upper)] {
        let mut cover = Vec::new();
        report.cover.write(&mut cover).expect("memory takes all");
        covers.push(cover);
        squash.add(report);
    }
    squash
        .finish(|| covers.iter().map(Vec::as_slice).collect())
        .expect("it is read as it was written");
});

/// Sets right the sum of what looks like a header of tar: guessing it would take for ever.
fn mend(block: &mut [u8]) {
    if &block[257..262] == b"ustar" {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|it| u32::from(*it)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}
