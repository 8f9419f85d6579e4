//! For tests only: an in-process registry, an image builder, damaged bytes.
