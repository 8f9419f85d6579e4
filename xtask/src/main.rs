//! Chores: conformance, benchmarks, checks.

fn main() {}
