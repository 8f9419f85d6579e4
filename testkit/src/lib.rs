//! For tests only: an in-process registry, an image builder, damaged bytes.
pub mod archive;
pub mod fixtures;
pub mod http;
pub mod image;
pub mod real;
pub mod registry;
pub mod tar;
