//! The command line: arguments, configuration, wiring.

fn main() {}
