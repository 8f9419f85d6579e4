//! For tests only: an in-process registry, an image builder, damaged bytes, a PostgreSQL.
pub mod archive;
pub mod http;
pub mod image;
pub mod oidc;
pub mod postgres;
pub mod registry;
pub mod tar;
