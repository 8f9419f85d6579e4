//! Any bytes, read as two layers with every cataloger, then folded. The first byte says where they part.
#![no_main]
use catalog::Catalog;
use inspect::{Head, Inspector, LayerReport, Limits, inspect_layer, squash};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::default);

fuzz_target!(|bytes: &[u8]| {
    let Some((at, bytes)) = bytes.split_first() else { return };
    let wanting = |head: &Head<'_>| -> Vec<&'static dyn Inspector> {
        CATALOG.wanting(head.path).into_iter().map(|it| -> &dyn Inspector { it }).collect()
    };
    let mut limits = Limits { layer_bytes: 64 << 20, entries: 10_000, ..Limits::default() };
    limits.memory_bytes = 1 << 20;
    let read = |layer: &[u8]| -> LayerReport {
        inspect_layer(layer, &wanting, &limits, None).expect("a slice can be read")
    };
    let (lower, upper) = bytes.split_at(bytes.len() * usize::from(*at) / 255);
    squash(&[read(lower), read(upper)]);
});
